"""After signature on pages: filings with the bid and its result, milestones, evaluations between partners."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import evaluations as judging
from api.actions import filings as actions
from api.actions import milestones as planning
from api.actions import progress
from api.console.forms import Form, Reading
from api.console.page import Reader, back, page
from api.queries import evaluations, filings, milestones, visible
from api.queries.milestones import Marker
from api.wire.evaluations import EvaluationIn, PartingOut, ReplyIn
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
from domain.kinds import EvaluationCriterion, LossReason

Filled = URLEncodedBody[dict[str, str]]


# ------------------------------------------------------------------ filings, the bid and its result


@get("/consortia/{identity:uuid}/filings")
async def filings_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Show what is to be filed, by whom, where, with which papers, by when; and the next step of the consortium."""
    row = await visible.consortium(snapshot, reader.actor, identity)
    tasks = await filings.tasks(snapshot, reader.actor, identity)
    bid = await filings.bid(snapshot, reader.actor, identity)
    return page(
        reader,
        "filings",
        consortium=row,
        tasks=[(FilingOut.from_task(task, reader.locale), task) for task in tasks],
        bid=BidOut.from_row(bid) if bid else None,
        acts=await filings.acts(snapshot, reader.actor, identity),
        today=await filings.today(snapshot),
        before_bid=sum(task.undecided and task.holds_up_bid for task in tasks),
        before_work=sum(task.undecided and not task.holds_up_bid for task in tasks),
        reasons=LossReason,
    )


@post("/consortia/{identity:uuid}/filings")
async def refresh(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Ask today's law anew what is to be filed."""
    await actions.follow(session, reader.actor, identity)
    return back(f"/consortia/{identity}/filings", "filing-kept")


@post("/filings/{identity:uuid}/submission")
async def submit(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Note that a filing was handed in."""
    given = Reading(data).wire(SubmissionIn, typed(data, "receipt", "submitted_on", "attachment"))
    row = await actions.submit(session, reader.actor, identity, given)
    return back(f"/consortia/{row.consortium_id}/filings", "filing-kept")


@post("/filings/{identity:uuid}/acceptance")
async def accept(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Note that a filing was granted."""
    given = Reading(data).wire(DecisionIn, typed(data, "decided_on", "note"))
    row = await actions.accept(session, reader.actor, identity, given)
    return back(f"/consortia/{row.consortium_id}/filings", "filing-kept")


@post("/filings/{identity:uuid}/return")
async def send_back(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Note that a filing was sent back."""
    given = Reading(data).wire(ReturnIn, typed(data, "decided_on", "note"))
    row = await actions.send_back(session, reader.actor, identity, given)
    return back(f"/consortia/{row.consortium_id}/filings", "filing-kept")


@post("/filings/{identity:uuid}/waiver")
async def waive(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """State why a filing is not needed."""
    given = Reading(data).wire(StatementIn, typed(data, "note"))
    row = await actions.waive(session, reader.actor, identity, given)
    return back(f"/consortia/{row.consortium_id}/filings", "filing-kept")


@post("/consortia/{identity:uuid}/filing")
async def confirm_filed(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """State by name that nothing is to be filed before the bid."""
    given = Reading(data).wire(StatementIn, typed(data, "note"))
    await progress.confirm_filed(session, reader.actor, identity, given)
    return back(f"/consortia/{identity}/filings", "moved-on")


@post("/consortia/{identity:uuid}/bid")
async def hand_in(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Note that the bid was handed in."""
    given = Reading(data).wire(BidIn, typed(data, "submitted_on", "reference"))
    await progress.hand_in(session, reader.actor, identity, given)
    return back(f"/consortia/{identity}/filings", "moved-on")


@post("/consortia/{identity:uuid}/win")
async def win(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Note that the bid was successful."""
    given = Reading(data).wire(DayIn, typed(data, "on", "note"))
    await progress.win(session, reader.actor, identity, given)
    return back(f"/consortia/{identity}/filings", "moved-on")


@post("/consortia/{identity:uuid}/loss")
async def lose(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Note that the bid was not successful, and why."""
    given = Reading(data).wire(LossIn, typed(data, "on", "reason", "winner", "note"))
    await progress.lose(session, reader.actor, identity, given)
    return back(f"/consortia/{identity}/filings", "moved-on")


@post("/consortia/{identity:uuid}/start")
async def start(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Note that work begins."""
    given = Reading(data).wire(DayIn, typed(data, "on", "note"))
    await progress.start(session, reader.actor, identity, given)
    return back(f"/consortia/{identity}/filings", "moved-on")


@post("/consortia/{identity:uuid}/closure")
async def close(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Note that the project has been performed."""
    given = Reading(data).wire(DayIn, typed(data, "on", "note"))
    await progress.close(session, reader.actor, identity, given)
    return back(f"/consortia/{identity}/filings", "moved-on")


def typed(data: Form, *names: str) -> dict[str, Any]:
    """Return what was typed into the named fields; one that is empty counts as left out."""
    return {name: text for name in names if (text := data.get(name, "").strip())}


# ------------------------------------------------------------------ milestones


@get("/consortia/{identity:uuid}/milestones")
async def milestones_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Show the milestones: planned, forecast, actual, and by how much each slips."""
    row = await visible.consortium(snapshot, reader.actor, identity)
    found = await milestones.markers(snapshot, reader.actor, identity)
    return page(
        reader,
        "milestones",
        consortium=row,
        lines=[MilestoneOut.from_marker(each) for each in _own_first(found, reader.actor)],
        acts=row.state in planning.PLANNABLE and await filings.acts(snapshot, reader.actor, identity),
        reports=row.state in planning.REPORTABLE,
        today=await filings.today(snapshot),
    )


def _own_first(found: tuple[Marker, ...], actor: Actor) -> list[Marker]:
    """Return milestones with those of the reader's own firm first: on a phone he reports what he sees at once."""
    return sorted(found, key=lambda each: each.row.organisation_id != actor.organisation_id)


@post("/consortia/{identity:uuid}/milestones")
async def plan(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Plan the usual milestones, or move one."""
    one = [typed(data, "package", "organisation_id", "kind", "planned")] if data.get("kind") else []
    given = Reading(data).wire(PlanIn, {"usual": not one, "milestones": one})
    await planning.plan(session, reader.actor, identity, given)
    return back(f"/consortia/{identity}/milestones", "planned")


@post("/milestones/{identity:uuid}/report")
async def report(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Report how far one's own work is."""
    form = Reading(data)
    given = form.wire(ReportIn, typed(data, "forecast", "actual", "note") | {"done": form.whole("done") or 0})
    row = await planning.report(session, reader.actor, identity, given)
    return back(f"/consortia/{row.consortium_id}/milestones", "reported")


# ------------------------------------------------------------------ evaluations


@get("/consortia/{identity:uuid}/evaluations")
async def evaluations_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Show with whom one has parted, what each has said, and what may still be said."""
    row = await visible.consortium(snapshot, reader.actor, identity)
    found = await evaluations.partings(snapshot, reader.actor, identity)
    partings = [PartingOut.from_parting(each) for each in found]
    return page(reader, "evaluations", consortium=row, partings=partings, criteria=EvaluationCriterion)


@post("/consortia/{identity:uuid}/evaluations")
async def evaluate(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Say what one thinks of a partner."""
    form = Reading(data)
    marks = {each.value: form.whole(each.value) for each in EvaluationCriterion}
    given = form.wire(EvaluationIn, typed(data, "about_id", "text") | marks)
    await judging.give(session, reader.actor, identity, given)
    return back(f"/consortia/{identity}/evaluations", "evaluated")


@post("/evaluations/{identity:uuid}/reply")
async def reply(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Answer what a partner has said."""
    given = Reading(data).wire(ReplyIn, typed(data, "text"))
    said = await judging.reply(session, reader.actor, identity, given)
    return back(f"/consortia/{said.consortium_id}/evaluations", "replied")


HANDLERS = (
    filings_page,
    refresh,
    submit,
    accept,
    send_back,
    waive,
    confirm_filed,
    hand_in,
    win,
    lose,
    start,
    close,
    milestones_page,
    plan,
    report,
    evaluations_page,
    evaluate,
    reply,
)
