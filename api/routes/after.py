"""After signature over HTTP: filings, the bid and its result, milestones, work that begins and ends."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import BodyKwarg, FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import filings as actions
from api.actions import milestones as planning
from api.actions import progress
from api.files import FILE
from api.i18n import Locale, locale_of
from api.papers.schedule import schedule
from api.queries import filings, milestones, visible
from api.routes.consortia import shown
from api.spreadsheets import attachment
from api.wire.consortia import ConsortiumOut
from api.wire.filings import (
    BidIn,
    BidOut,
    DayIn,
    DecisionIn,
    FilingOut,
    LossIn,
    ReturnIn,
    StatementIn,
    SubmissionIn,
)
from api.wire.milestones import MilestoneOut, PlanIn, ReportIn
from domain.actor import Actor
from domain.errors import NotFound
from domain.records import Filing

CSV = "text/csv"
SHEET = ResponseSpec(
    Annotated[str, BodyKwarg(schema_extra={"examples": ["package,name,firm,milestone,planned"]})],  # type: ignore[arg-type]
    description="The milestones as a table",
    media_type=CSV,
)
AnyRequest = Request[Any, Any, Any]


async def one(session: AsyncSession, actor: Actor, row: Filing, locale: Locale) -> FilingOut:
    """Return a filing as it stands after a change."""
    await session.flush()
    (task,) = await filings.tasks_of(session, actor, [row])
    return FilingOut.from_task(task, locale)


@get("/consortia/{identity:uuid}/filings", operation_id="listFilings", tags=["filings"])
async def list_filings(
    request: AnyRequest,
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
) -> tuple[FilingOut, ...]:
    """List the filings the law asks of a signed consortium, the first to fall due first."""
    found = await filings.tasks(snapshot, actor, identity)
    return tuple(FilingOut.from_task(task, locale_of(request)) for task in found)


@post("/consortia/{identity:uuid}/filings", operation_id="refreshFilings", tags=["filings"], status_code=200)
async def refresh_filings(
    request: AnyRequest,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
) -> tuple[FilingOut, ...]:
    """Ask today's law anew what is to be filed; what is new becomes a task, what there is stays."""
    await actions.follow(session, actor, identity)
    found = await filings.tasks(session, actor, identity)
    return tuple(FilingOut.from_task(task, locale_of(request)) for task in found)


@post("/filings/{identity:uuid}/submission", operation_id="submitFiling", tags=["filings"], status_code=200)
async def submit_filing(
    request: AnyRequest,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[SubmissionIn],
) -> FilingOut:
    """Note that a filing was handed in, with the authority's receipt."""
    row = await actions.submit(session, actor, identity, data)
    return await one(session, actor, row, locale_of(request))


@post("/filings/{identity:uuid}/acceptance", operation_id="acceptFiling", tags=["filings"], status_code=200)
async def accept_filing(
    request: AnyRequest,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[DecisionIn],
) -> FilingOut:
    """Note that a filing was granted; with the last one before the bid the consortium is filed."""
    row = await actions.accept(session, actor, identity, data)
    return await one(session, actor, row, locale_of(request))


@post("/filings/{identity:uuid}/return", operation_id="returnFiling", tags=["filings"], status_code=200)
async def return_filing(
    request: AnyRequest,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[ReturnIn],
) -> FilingOut:
    """Note that a filing was sent back, and why."""
    row = await actions.send_back(session, actor, identity, data)
    return await one(session, actor, row, locale_of(request))


@post("/filings/{identity:uuid}/waiver", operation_id="waiveFiling", tags=["filings"], status_code=200)
async def waive_filing(
    request: AnyRequest,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[StatementIn],
) -> FilingOut:
    """State by name, for the consortium, why a filing is not needed."""
    row = await actions.waive(session, actor, identity, data)
    return await one(session, actor, row, locale_of(request))


@post("/consortia/{identity:uuid}/filing", operation_id="confirmFiled", tags=["filings"], status_code=200)
async def confirm_filed(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[StatementIn],
) -> Response[ConsortiumOut]:
    """State by name that nothing has to be filed before the bid any more."""
    await progress.confirm_filed(session, actor, identity, data)
    return await shown(session, actor, identity)


@get("/consortia/{identity:uuid}/bid", operation_id="getBid", tags=["bids"])
async def get_bid(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> BidOut:
    """Read a consortium's bid and what came of it."""
    found = await filings.bid(snapshot, actor, identity)
    if found is None:
        raise NotFound(noun="bid")
    return BidOut.from_row(found)


@post("/consortia/{identity:uuid}/bid", operation_id="handInBid", tags=["bids"], status_code=200)
async def hand_in_bid(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[BidIn],
) -> Response[ConsortiumOut]:
    """Note that the bid was handed in."""
    await progress.hand_in(session, actor, identity, data)
    return await shown(session, actor, identity)


@post("/consortia/{identity:uuid}/win", operation_id="winBid", tags=["bids"], status_code=200)
async def win_bid(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[DayIn],
) -> Response[ConsortiumOut]:
    """Note that the bid was successful."""
    await progress.win(session, actor, identity, data)
    return await shown(session, actor, identity)


@post("/consortia/{identity:uuid}/loss", operation_id="loseBid", tags=["bids"], status_code=200)
async def lose_bid(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[LossIn],
) -> Response[ConsortiumOut]:
    """Note that the bid was not successful, and why; every hold is given back."""
    await progress.lose(session, actor, identity, data)
    return await shown(session, actor, identity)


@post("/consortia/{identity:uuid}/start", operation_id="startWork", tags=["bids"], status_code=200)
async def start_work(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[DayIn],
) -> Response[ConsortiumOut]:
    """Note that work begins; whatever the law asks before it has to be decided."""
    await progress.start(session, actor, identity, data)
    return await shown(session, actor, identity)


@post("/consortia/{identity:uuid}/closure", operation_id="closeConsortium", tags=["bids"], status_code=200)
async def close_consortium(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[DayIn],
) -> Response[ConsortiumOut]:
    """Note that the project has been performed; every hold is given back."""
    await progress.close(session, actor, identity, data)
    return await shown(session, actor, identity)


@get("/consortia/{identity:uuid}/milestones", operation_id="listMilestones", tags=["milestones"])
async def list_milestones(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> tuple[MilestoneOut, ...]:
    """List a consortium's milestones: planned, forecast, actual, and by how many days each slips."""
    return tuple(map(MilestoneOut.from_marker, await milestones.markers(snapshot, actor, identity)))


@post("/consortia/{identity:uuid}/milestones", operation_id="planMilestones", tags=["milestones"], status_code=200)
async def plan_milestones(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[PlanIn],
) -> tuple[MilestoneOut, ...]:
    """Plan milestones: the usual ones over each package's window, and any day by day."""
    await planning.plan(session, actor, identity, data)
    return tuple(map(MilestoneOut.from_marker, await milestones.markers(session, actor, identity)))


@get("/consortia/{identity:uuid}/milestones.csv", operation_id="exportMilestones", opt={FILE: True},
     tags=["milestones"],
     media_type=CSV, responses={200: SHEET})  # fmt: skip
async def export_milestones(
    request: AnyRequest,
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
) -> Response[str]:
    """Get the milestones as a table for a spreadsheet, in which no cell is taken for a formula."""
    row = await visible.consortium(snapshot, actor, identity)
    found = await milestones.markers(snapshot, actor, row.id)
    headers = {"Content-Disposition": attachment(f"milestones-{row.id.hex[:8]}.csv")}
    return Response(schedule(locale_of(request), found), media_type=CSV, headers=headers)


@post("/milestones/{identity:uuid}/report", operation_id="reportMilestone", tags=["milestones"], status_code=200)
async def report_milestone(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[ReportIn],
) -> MilestoneOut:
    """Report how far a milestone of one's own work is, and when it is expected or was reached."""
    row = await planning.report(session, actor, identity, data)
    found = await milestones.markers(session, actor, row.consortium_id)
    return next(MilestoneOut.from_marker(each) for each in found if each.row.id == identity)


HANDLERS = [
    list_filings,
    refresh_filings,
    submit_filing,
    accept_filing,
    return_filing,
    waive_filing,
    confirm_filed,
    get_bid,
    hand_in_bid,
    win_bid,
    lose_bid,
    start_work,
    close_consortium,
    list_milestones,
    plan_milestones,
    export_milestones,
    report_milestone,
]
