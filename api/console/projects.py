"""Overseas projects: the list, one project with its packages, and the plans that were suggested for it."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from anyio import to_thread
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import consortia as formation
from api.actions import opportunities as actions
from api.actions import suggestions
from api.console.forms import Reading
from api.console.home import feed
from api.console.page import Reader, back, page
from api.queries import answers, consortia, desk, lone_bids, opportunities, organisations, visible
from api.queries.world import load_opening, load_world
from api.vectors import of_this_process
from api.wire.answers import AnswerLine
from api.wire.consortia import ConsortiumIn, ConsortiumLine, SuggestionOut
from api.wire.jobs import JobOut, SuggestIn
from api.wire.opportunities import OpportunityLine, OpportunityOut, ZoneIn
from coalitions.matching import match
from domain.actor import Actor
from domain.errors import NotAllowed
from domain.kinds import ConsortiumState, LoneBidState, OpportunityState, Role, RunState

ROWS = 20
ENDED = frozenset({RunState.DONE, RunState.FAILED, RunState.CANCELLED})
StateQuery = Annotated[str | None, QueryParameter(name="state")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list was narrowed to, as it stands in the address."""

    text: str
    country: str
    state: str
    mine: bool


@get("/opportunities")
async def list_page(
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    text: FromQuery[str] = "",
    country: FromQuery[str] = "",
    wanted_state: StateQuery = None,
    mine: FromQuery[bool] = False,
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """List the projects one may see, narrowed as asked."""
    state = OpportunityState(wanted_state) if wanted_state in set(OpportunityState) else None
    rows, following = await opportunities.listed(
        snapshot,
        reader.actor,
        text=text or None,
        country=country.upper() or None,
        state=state,
        mine=mine,
        cursor=cursor,
        limit=ROWS,
    )
    owners = await organisations.named(snapshot, reader.actor, [row.organisation_id for row in rows])
    wanted = Wanted(text=text, country=country.upper(), state=state or "", mine=mine)
    items = tuple(map(OpportunityLine.model_validate, rows))
    return page(
        reader, "projects", items=items, owners=owners, following=following, wanted=wanted, states=OpportunityState
    )


@get("/opportunities/{identity:uuid}")
async def project_page(
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    job: FromQuery[UUID | None] = None,
    run: FromQuery[UUID | None] = None,
) -> Response[Any]:
    """Show a project; to its owner and to who oversees him, also the plans of a run, the newest unless one is named."""
    actor = reader.actor
    folded = await opportunities.folded(snapshot, actor, identity)
    own = folded.opportunity.organisation_id == actor.organisation_id
    project = OpportunityOut.from_folded(folded, own=own or reader.watches)
    formed, _ = await consortia.listed(snapshot, actor, opportunity=identity)
    return page(
        reader,
        "project",
        project=project,
        own=own,
        consortia=tuple(map(ConsortiumLine.model_validate, formed)),
        answers=tuple(map(AnswerLine.model_validate, await answers.listed(snapshot, actor, opportunity=identity))),
        job=await _job(snapshot, actor, job, identity),
        feed=await feed(snapshot, actor, opportunity=identity),
        **await _lone(snapshot, actor, identity),
        **await _runs(snapshot, actor, project, run),
    )


async def _lone(session: AsyncSession, actor: Actor, identity: UUID) -> dict[str, Any]:
    """Return the reader's own lone bid, and the names of all who bid alone as far as he may know them."""
    filed = [row for row in await lone_bids.of_lot(session, actor, identity) if row.state is LoneBidState.FILED]
    firms = await organisations.named(session, actor, [row.organisation_id for row in filed])
    return {
        "lone": next((row for row in filed if row.organisation_id == actor.organisation_id), None),
        "lone_bidders": sorted(firm.name for firm in firms.values()),
    }


async def _job(session: AsyncSession, actor: Actor, named: UUID | None, about: UUID) -> JobOut | None:
    """Return the job that is to be followed: the one that is named, else one that is under way."""
    found = (
        await visible.job(session, actor, named) if named else await desk.under_way(session, actor, about, "suggest")
    )
    return JobOut.model_validate(found) if found is not None and found.state is not RunState.DONE else None


async def _runs(session: AsyncSession, actor: Actor, project: OpportunityOut, named: UUID | None) -> dict[str, Any]:
    """Return the runs for a project, the one to show, and the names its ids stand for; repairs are a consortium's."""
    found = await opportunities.suggestions_of(session, actor, project.id)
    whole = [run for run in found if not any("repair" in plan for plan in run.plans)]
    runs = tuple(map(SuggestionOut.model_validate, whole))
    shown = next((run for run in runs if run.id == named), runs[0] if runs else None)
    seats = [UUID(seat["supplier_id"]) for plan in shown.plans for seat in plan["seats"]] if shown else []
    lacking = [UUID(figure["supplier_id"]) for figure in shown.missing] if shown else []
    return {
        "runs": runs,
        "run": shown,
        "packages": {str(package.id): package for package in project.packages},
        "coverage": {covered["package_id"]: covered for covered in shown.coverage} if shown else {},
        "firms": await organisations.named(session, actor, [*seats, *lacking]),
    }


@get("/opportunities/{identity:uuid}/coverage")
async def coverage_fragment(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Count, for each package, who is near and who could serve it now. Raises NotAllowed for who may not know."""
    opening = await load_opening(snapshot, reader.actor, identity)
    if opening.owner_id != reader.actor.organisation_id and not reader.watches:
        raise NotAllowed(needed="owner")
    today = (await consortia.clock(snapshot)).date()
    world = await load_world(snapshot, reader.actor, opening, await of_this_process(), today)
    found = await to_thread.run_sync(match, world, opening)
    names = {package.id: f"{package.code} {package.name}" for package in opening.packages}
    return page(reader, "fragments/coverage", groups=found, names=names)


@post("/opportunities/{identity:uuid}/suggestions")
async def ask(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Ask for plans; asking while a run is under way follows that run."""
    form = Reading(data)
    given = form.wire(SuggestIn, {"plans": form.whole("plans") or 3, "seconds": form.whole("seconds") or 10})
    await visible.opportunity(session, reader.actor, identity, lock=True)
    known = await desk.under_way(session, reader.actor, identity, "suggest")
    job = known or await suggestions.ask(session, reader.actor, identity, given)
    return back(f"/opportunities/{identity}?job={job.id}#plans")


@post("/opportunities/{identity:uuid}/cancellation")
async def cancel(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Stop the run that is under way for an own project; none under way is none to stop.

    Raises NotFound, and NotAllowed when it is neither the reader's project nor a run that he may stop.
    """
    row = await visible.opportunity(session, reader.actor, identity)
    known = await desk.under_way(session, reader.actor, identity, "suggest")
    if known is not None:
        await suggestions.cancel(session, reader.actor, known.id)
    elif row.organisation_id != reader.actor.organisation_id:
        raise NotAllowed(needed="owner")
    return back(f"/opportunities/{identity}#plans", "run-cancelled")


@post("/opportunities/{identity:uuid}/publication")
async def publish(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Publish a draft, or hand it to review; as bureau, publish what is in review; published already is published."""
    row = await visible.opportunity(session, reader.actor, identity, lock=True)
    own = row.organisation_id == reader.actor.organisation_id
    if row.state is not OpportunityState.PUBLISHED or not (own or reader.actor.has(Role.BUREAU)):
        row = await actions.publish(session, reader.actor, identity)
    return back(f"/opportunities/{identity}", "published" if row.state is OpportunityState.PUBLISHED else "in-review")


@post("/opportunities/{identity:uuid}/zone")
async def state_zone(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """State the project's time zone."""
    given = Reading(data).wire(ZoneIn, {"zone": data.get("zone", "")})
    await actions.state_zone(session, reader.actor, identity, given)
    return back(f"/opportunities/{identity}", "zone-stated")


@post("/suggestions/{identity:uuid}/adoption")
async def adopt(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Make a consortium from a plan; a plan that was adopted already leads to its consortium."""
    form = Reading(data)
    given = form.wire(ConsortiumIn, {"suggestion_id": identity, "plan": form.whole("plan")})
    suggestion = await visible.suggestion(session, reader.actor, identity)
    await visible.opportunity(session, reader.actor, suggestion.opportunity_id, lock=True)
    formed, _ = await consortia.listed(session, reader.actor, opportunity=suggestion.opportunity_id, limit=200)
    same = [
        row for row in formed
        if (row.suggestion_id, row.plan) == (identity, given.plan) and row.state is not ConsortiumState.DISSOLVED
    ]  # fmt: skip
    row = same[0] if same else await formation.form(session, reader.actor, given)
    return back(f"/consortia/{row.id}", "adopted-before" if same else "adopted")


HANDLERS = (list_page, project_page, coverage_fragment, ask, cancel, publish, state_zone, adopt)
