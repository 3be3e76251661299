"""Opportunities over HTTP: draft, publish, amend, end, read."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import opportunities as actions
from api.conditional import etag, require_match
from api.queries import opportunities as queries
from api.queries import visible
from api.wire.base import Page
from api.wire.opportunities import OpportunityIn, OpportunityLine, OpportunityOut, ZoneIn
from domain.actor import Actor
from domain.kinds import OpportunityState

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Rows a page")]
IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="The ETag the change was made from")]


async def shown(session: AsyncSession, actor: Actor, identity: UUID) -> Response[OpportunityOut]:
    """Answer with one opportunity and its ETag."""
    folded = await queries.folded(session, actor, identity)
    own = folded.opportunity.organisation_id == actor.organisation_id or visible.watches(actor)
    return Response(OpportunityOut.from_folded(folded, own=own), headers={"ETag": etag(folded.opportunity.version)})


@get("/opportunities", operation_id="listOpportunities", tags=["opportunities"])
async def list_opportunities(
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    text: FromQuery[str | None] = None,
    country: FromQuery[str | None] = None,
    opportunity_state: Annotated[OpportunityState | None, QueryParameter(name="state")] = None,
    mine: FromQuery[bool] = False,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> Page[OpportunityLine]:
    """List the opportunities one may see, newest first."""
    rows, following = await queries.listed(
        snapshot, actor, text=text, country=country, state=opportunity_state, mine=mine, cursor=cursor, limit=limit
    )
    return Page[OpportunityLine](items=tuple(map(OpportunityLine.model_validate, rows)), next=following)


@post("/opportunities", operation_id="draftOpportunity", tags=["opportunities"])
async def draft_opportunity(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[OpportunityIn]
) -> Response[OpportunityOut]:
    """Write a draft with its work packages and requirements."""
    row = await actions.draft(session, actor, data)
    answer = await shown(session, actor, row.id)
    answer.headers["Location"] = f"/api/v1/opportunities/{row.id}"
    return answer


@get("/opportunities/{identity:uuid}", operation_id="getOpportunity", tags=["opportunities"])
async def get_opportunity(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> Response[OpportunityOut]:
    """Read one opportunity."""
    return await shown(snapshot, actor, identity)


@put("/opportunities/{identity:uuid}", operation_id="amendOpportunity", tags=["opportunities"])
async def amend_opportunity(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[OpportunityIn],
    if_match: IfMatch = None,
) -> Response[OpportunityOut]:
    """Replace an own opportunity's content; a published one becomes a new edition."""
    row = await visible.opportunity(session, actor, identity, lock=True)
    require_match(if_match, row.version)
    await actions.amend(session, actor, row, data)
    return await shown(session, actor, identity)


@post("/opportunities/{identity:uuid}/publication", operation_id="publishOpportunity", tags=["opportunities"],
      status_code=200)  # fmt: skip
async def publish_opportunity(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> Response[OpportunityOut]:
    """Publish a draft, or hand it to review; as bureau, publish what is in review."""
    await actions.publish(session, actor, identity)
    return await shown(session, actor, identity)


@post("/opportunities/{identity:uuid}/zone", operation_id="stateZone", tags=["opportunities"], status_code=200)
async def state_zone(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[ZoneIn],
) -> Response[OpportunityOut]:
    """State the time zone of an own opportunity whose country has several; its deadlines stay the same instants."""
    await actions.state_zone(session, actor, identity, data)
    return await shown(session, actor, identity)


@post("/opportunities/{identity:uuid}/withdrawal", operation_id="withdrawOpportunity", tags=["opportunities"],
      status_code=200)  # fmt: skip
async def withdraw_opportunity(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> Response[OpportunityOut]:
    """Withdraw an own opportunity."""
    await actions.end(session, actor, identity, OpportunityState.WITHDRAWN)
    return await shown(session, actor, identity)


@post("/opportunities/{identity:uuid}/closure", operation_id="closeOpportunity", tags=["opportunities"],
      status_code=200)  # fmt: skip
async def close_opportunity(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> Response[OpportunityOut]:
    """Close an own, published opportunity."""
    await actions.end(session, actor, identity, OpportunityState.CLOSED)
    return await shown(session, actor, identity)


HANDLERS = [
    list_opportunities,
    draft_opportunity,
    get_opportunity,
    amend_opportunity,
    publish_opportunity,
    state_zone,
    withdraw_opportunity,
    close_opportunity,
]
