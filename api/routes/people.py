"""People of an organisation, one-time links, and firms claimed by their credit code."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import claims as claiming
from api.actions import people as actions
from api.auth import ANYBODY
from api.conditional import ETAG, IF_MATCH, etag
from api.idempotency import TELLS_A_SECRET
from api.queries import people as queries
from api.queries import visible
from api.wire.base import Page
from api.wire.people import (
    ClaimIn,
    ClaimOut,
    ClaimReceivedOut,
    DutiesIn,
    EnteredOut,
    EntryIn,
    EntryLinkIn,
    EntryLinkOut,
    EntryLinkSecretOut,
    OwnClaimOut,
    PersonOut,
    StandingOut,
    VerdictIn,
    VerificationIn,
)
from domain.actor import Actor
from domain.kinds import ClaimState

TAGS = ["people"]
CLAIMS = ["claims"]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Rows a page")]


@get("/people", operation_id="listPeople", tags=TAGS)
async def list_people(snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> Page[PersonOut]:
    """List the people of one's organisation, those suspended too."""
    return Page[PersonOut](items=tuple(map(PersonOut.of, await queries.listed(snapshot, actor))))


@put("/people/{identity:uuid}/duties", operation_id="giveDuties", tags=TAGS)
async def give_duties(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[DutiesIn],
) -> Response[PersonOut]:
    """Say what a person may do from now on; his sessions and tokens end at once."""
    row = await actions.give_duties(session, actor, identity, data.duties, request.headers.get(IF_MATCH))
    return Response(PersonOut.of(row), headers={ETAG: etag(row.version)})


@post("/people/{identity:uuid}/suspension", operation_id="suspendPerson", tags=TAGS, status_code=200)
async def suspend_person(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> PersonOut:
    """Let a person do nothing until he is reinstated; his sessions and tokens end at once."""
    return PersonOut.of(await actions.suspend(session, actor, identity))


@post("/people/{identity:uuid}/reinstatement", operation_id="reinstatePerson", tags=TAGS, status_code=200)
async def reinstate_person(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> PersonOut:
    """Let a suspended person sign in and act again."""
    return PersonOut.of(await actions.reinstate(session, actor, identity))


@post("/people/{identity:uuid}/removal", operation_id="removePerson", tags=TAGS, status_code=204)
async def remove_person(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> None:
    """End what a person does for the organisation, with his sessions and tokens; his name stays with what he did."""
    await actions.remove(session, actor, identity)


@get("/entry-links", operation_id="listEntryLinks", tags=TAGS)
async def list_links(snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> Page[EntryLinkOut]:
    """List the one-time links by which somebody can still enter one's organisation."""
    return Page[EntryLinkOut](items=tuple(map(EntryLinkOut.model_validate, await queries.open_links(snapshot, actor))))


@post("/entry-links", operation_id="invitePerson", tags=TAGS, opt={TELLS_A_SECRET: True})
async def invite_person(
    state: State, session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[EntryLinkIn]
) -> EntryLinkSecretOut:
    """Invite a person by a link that is shown this once and opens once, within seven days."""
    secret, row = await actions.invite(session, actor, data)
    return EntryLinkSecretOut.of(state.settings.site, secret, row)


@post("/entry-links/{identity:uuid}/renewal", operation_id="renewEntryLink", tags=TAGS, opt={TELLS_A_SECRET: True})
async def renew_link(
    state: State, session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> EntryLinkSecretOut:
    """Make a new link in place of one that was not used; the former opens nothing any more."""
    secret, row = await actions.renew(session, actor, identity)
    return EntryLinkSecretOut.of(state.settings.site, secret, row)


@delete("/entry-links/{identity:uuid}", operation_id="revokeEntryLink", tags=TAGS)
async def revoke_link(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> None:
    """Let a one-time link open nothing any more."""
    await actions.revoke_link(session, actor, identity)


@post("/entries", operation_id="enter", security=ANYBODY, tags=TAGS, opt={TELLS_A_SECRET: True})
async def enter(session: NamedDependency[AsyncSession], data: JSONBody[EntryIn]) -> EnteredOut:
    """Make the account that a one-time link is for; then sign in. Used, revoked, run out: all are refused alike."""
    user, house = await actions.enter(session, data)
    return EnteredOut(email=user.email, organisation=house.name)


@post("/claims", operation_id="claimFirm", security=ANYBODY, tags=CLAIMS, status_code=202, opt={TELLS_A_SECRET: True})
async def claim_firm(session: NamedDependency[AsyncSession], data: JSONBody[ClaimIn]) -> ClaimReceivedOut:
    """Say that one acts for a firm; the bureau looks into it. The answer is the same whatever was known before."""
    await claiming.submit(session, data)
    return ClaimReceivedOut()


@get("/claims/own", operation_id="getOwnClaim", tags=CLAIMS)
async def own_claim(snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> OwnClaimOut:
    """Read how one's own claim stands."""
    return OwnClaimOut.model_validate(await queries.claim_of(snapshot, actor))


@get("/claims", operation_id="listClaims", tags=CLAIMS)
async def list_claims(
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    claim_state: FromQuery[ClaimState | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> Page[ClaimOut]:
    """List claims, newest first, each with the firm that has the code already."""
    rows, following = await queries.claims(snapshot, actor, state=claim_state, cursor=cursor, limit=limit)
    return Page[ClaimOut](items=await claiming.shown(snapshot, actor, rows), next=following)


@get("/claims/{identity:uuid}", operation_id="getClaim", tags=CLAIMS)
async def get_claim(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> ClaimOut:
    """Read one claim."""
    (found,) = await claiming.shown(snapshot, actor, [await visible.claim(snapshot, actor, identity)])
    return found


@post("/claims/{identity:uuid}/verification", operation_id="verifyClaim", tags=CLAIMS, status_code=200)
async def verify_claim(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[VerificationIn],
) -> ClaimOut:
    """Let a claim hold: the person acts for the firm from now on."""
    (found,) = await claiming.shown(session, actor, [await claiming.verify(session, actor, identity, data)])
    return found


@post("/claims/{identity:uuid}/refusal", operation_id="refuseClaim", tags=CLAIMS, status_code=200)
async def refuse_claim(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[VerdictIn],
) -> ClaimOut:
    """Let a claim not hold, and say why."""
    (found,) = await claiming.shown(session, actor, [await claiming.refuse(session, actor, identity, data)])
    return found


@post("/firms/{identity:uuid}/suspension", operation_id="suspendFirm", tags=CLAIMS, status_code=200)
async def suspend_firm(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[VerdictIn],
) -> StandingOut:
    """Let a firm's people do nothing until it is reinstated; their sessions and tokens end at once."""
    return StandingOut.model_validate(await claiming.suspend_firm(session, actor, identity, data))


@post("/firms/{identity:uuid}/reinstatement", operation_id="reinstateFirm", tags=CLAIMS, status_code=200)
async def reinstate_firm(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[VerdictIn],
) -> StandingOut:
    """Let a suspended firm's people act again."""
    return StandingOut.model_validate(await claiming.reinstate_firm(session, actor, identity, data))


HANDLERS = (
    list_people, give_duties, suspend_person, reinstate_person, remove_person, list_links, invite_person, renew_link,
    revoke_link, enter, claim_firm, own_claim, list_claims, get_claim, verify_claim, refuse_claim, suspend_firm,
    reinstate_firm,
)  # fmt: skip
