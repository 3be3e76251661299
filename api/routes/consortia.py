"""Suggestions and formation over HTTP: ask, form, invite, answer, sign."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import consortia as actions
from api.actions import suggestions
from api.conditional import etag
from api.queries import amendments, opportunities, visible
from api.queries import consortia as queries
from api.wire.base import Page
from api.wire.consortia import (
    AcceptIn,
    AgreementOut,
    ConsortiumIn,
    ConsortiumLine,
    ConsortiumOut,
    DeclineIn,
    FillIn,
    InviteIn,
    MembershipOut,
    OfferIn,
    SignIn,
    SuggestionOut,
    TermsIn,
)
from api.wire.jobs import JobOut, SuggestIn
from domain.actor import Actor
from domain.errors import NotFound
from domain.kinds import ConsortiumState

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Rows a page")]


async def shown(session: AsyncSession, actor: Actor, identity: UUID) -> Response[ConsortiumOut]:
    """Answer with one consortium and its ETag."""
    view = await queries.view(session, actor, identity)
    return Response(ConsortiumOut.from_view(view, actor), headers={"ETag": etag(view.consortium.version)})


async def seat_shown(session: AsyncSession, actor: Actor, consortium: UUID, membership: UUID) -> MembershipOut:
    """Return one seat of a consortium as the actor may see it."""
    view = await queries.view(session, actor, consortium)
    (seat,) = [seat for seat in view.seats if seat.membership.id == membership]
    return MembershipOut.from_seat(seat, view, actor)


@post("/opportunities/{identity:uuid}/suggestions", operation_id="askForSuggestions", tags=["suggestions"],
      status_code=202)  # fmt: skip
async def ask_for_suggestions(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[SuggestIn],
) -> Response[JobOut]:
    """Ask for consortia; the answer is a job whose progress and result can be followed."""
    job = await suggestions.ask(session, actor, identity, data)
    await session.refresh(job)
    return Response(JobOut.model_validate(job), headers={"Location": f"/api/v1/jobs/{job.id}"})


@get("/opportunities/{identity:uuid}/suggestions", operation_id="listSuggestions", tags=["suggestions"])
async def list_suggestions(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> tuple[SuggestionOut, ...]:
    """List the finished runs for an opportunity, newest first."""
    row = await visible.opportunity(snapshot, actor, identity)
    return tuple(map(SuggestionOut.model_validate, await opportunities.suggestions_of(snapshot, actor, row.id)))


@get("/suggestions/{identity:uuid}", operation_id="getSuggestion", tags=["suggestions"])
async def get_suggestion(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> SuggestionOut:
    """Read a finished run: its plans with proof and reasons, what is missing, what stands in the way."""
    return SuggestionOut.model_validate(await visible.suggestion(snapshot, actor, identity))


@get("/consortia", operation_id="listConsortia", tags=["consortia"])
async def list_consortia(
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    opportunity: FromQuery[UUID | None] = None,
    consortium_state: Annotated[ConsortiumState | None, QueryParameter(name="state")] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> Page[ConsortiumLine]:
    """List the consortia one may see, newest first."""
    rows, following = await queries.listed(
        snapshot, actor, opportunity=opportunity, state=consortium_state, cursor=cursor, limit=limit
    )
    return Page[ConsortiumLine](items=tuple(map(ConsortiumLine.model_validate, rows)), next=following)


@post("/consortia", operation_id="formConsortium", tags=["consortia"])
async def form_consortium(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[ConsortiumIn]
) -> Response[ConsortiumOut]:
    """Make a consortium from a plan of a suggestion."""
    row = await actions.form(session, actor, data)
    answer = await shown(session, actor, row.id)
    answer.headers["Location"] = f"/api/v1/consortia/{row.id}"
    return answer


@get("/consortia/{identity:uuid}", operation_id="getConsortium", tags=["consortia"])
async def get_consortium(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> Response[ConsortiumOut]:
    """Read a consortium: its seats, what it waits for, which units are not covered."""
    return await shown(snapshot, actor, identity)


@post("/consortia/{identity:uuid}/replacements", operation_id="fillConsortium", tags=["consortia"], status_code=200)
async def fill_consortium(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[FillIn],
) -> Response[ConsortiumOut]:
    """Give the seats that are open again to the firms of a newer plan."""
    await actions.fill(session, actor, identity, data)
    return await shown(session, actor, identity)


@post("/consortia/{identity:uuid}/invitations", operation_id="inviteMembers", tags=["consortia"], status_code=200)
async def invite_members(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[InviteIn],
) -> Response[ConsortiumOut]:
    """Ask members whose seat is proposed; their capacity is held softly until the deadline."""
    await actions.invite(session, actor, identity, data)
    return await shown(session, actor, identity)


@post("/consortia/{identity:uuid}/dissolution", operation_id="dissolveConsortium", tags=["consortia"],
      status_code=200)  # fmt: skip
async def dissolve_consortium(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> Response[ConsortiumOut]:
    """End a formation that is not signed; every hold is given back."""
    await actions.dissolve(session, actor, identity)
    return await shown(session, actor, identity)


@get("/inbox", operation_id="getInbox", tags=["consortia"])
async def get_inbox(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> tuple[MembershipOut, ...]:
    """List one's own seats that wait for an answer or a signature, the first to fall due first."""
    waiting = await queries.inbox(snapshot, actor)
    return tuple([await seat_shown(snapshot, actor, s.membership.consortium_id, s.membership.id) for s in waiting])


@post("/memberships/{identity:uuid}/acceptance", operation_id="acceptTerms", tags=["memberships"], status_code=200)
async def accept_terms(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[AcceptIn],
) -> MembershipOut:
    """Accept one edition of the terms, stating the prices it left open."""
    row = await actions.accept(session, actor, identity, data)
    return await seat_shown(session, actor, row.consortium_id, row.id)


@post("/memberships/{identity:uuid}/counter", operation_id="counterTerms", tags=["memberships"], status_code=200)
async def counter_terms(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[TermsIn],
) -> MembershipOut:
    """Answer one edition with other terms."""
    row = await actions.counter(session, actor, identity, data)
    return await seat_shown(session, actor, row.consortium_id, row.id)


@post("/memberships/{identity:uuid}/decline", operation_id="declineTerms", tags=["memberships"], status_code=200)
async def decline_terms(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[DeclineIn],
) -> MembershipOut:
    """Refuse one edition, with a reason."""
    row = await actions.decline(session, actor, identity, data)
    return await seat_shown(session, actor, row.consortium_id, row.id)


@post("/memberships/{identity:uuid}/invitation", operation_id="offerTerms", tags=["memberships"], status_code=200)
async def offer_terms(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[OfferIn],
) -> MembershipOut:
    """Put a member's counter, or other terms, to it as the next edition."""
    row = await actions.ask_again(session, actor, identity, data.lines, data)
    return await seat_shown(session, actor, row.consortium_id, row.id)


@post("/memberships/{identity:uuid}/withdrawal", operation_id="withdrawSeat", tags=["memberships"], status_code=200)
async def withdraw_seat(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> MembershipOut:
    """Take back a seat, as chain leader."""
    row = await actions.withdraw(session, actor, identity)
    return await seat_shown(session, actor, row.consortium_id, row.id)


@get("/consortia/{identity:uuid}/agreement", operation_id="getAgreement", tags=["agreements"])
async def get_agreement(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> AgreementOut:
    """Read the newest edition of the agreement, the hash to sign, and who has signed it."""
    row = await visible.consortium(snapshot, actor, identity)
    found = await queries.agreement_for(snapshot, actor, row.id)
    if found is None:
        raise NotFound(noun="agreement")
    carried = await amendments.carried(snapshot, actor, found[0].id)
    return AgreementOut.from_rows(*found, valid=row.state is not ConsortiumState.FORMING, carried=carried)


@post("/consortia/{identity:uuid}/signatures", operation_id="signAgreement", tags=["agreements"], status_code=200)
async def sign_agreement(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[SignIn],
) -> Response[ConsortiumOut]:
    """Sign the agreement with this hash; the last signature makes the consortium signed."""
    await actions.sign(session, actor, identity, data.sha256)
    return await shown(session, actor, identity)


HANDLERS = [
    ask_for_suggestions,
    list_suggestions,
    get_suggestion,
    list_consortia,
    form_consortium,
    get_consortium,
    fill_consortium,
    invite_members,
    dissolve_consortium,
    get_inbox,
    accept_terms,
    counter_terms,
    decline_terms,
    offer_terms,
    withdraw_seat,
    get_agreement,
    sign_agreement,
]
