"""A firm claimed by its credit code, and what the bureau finds: nobody sees anything of others before that.

Every claim is answered alike, and its password hashed, whether its code or its address is known or not.
"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import auth
from api.outbox import record
from api.queries import actors, people, visible
from api.tenancy import Office, by
from api.wire.people import AlikeFirm, ClaimIn, ClaimOut, KnownFirm, VerdictIn, VerificationIn
from domain.actor import Actor
from domain.errors import Fault, IllegalTransition, Invalid, NotAllowed, RuleBroken
from domain.kinds import ClaimState, Duty, Role, Standing
from domain.powers import Power
from domain.records import Claim, Organisation, User

FIRM = frozenset({Role.CHAIN_LEADER, Role.SUPPLIER, Role.SERVICE_PROVIDER})
CLOCK = sa.text("select clock_timestamp()")


class FirmHasPeople(RuleBroken):
    """Somebody acts for the firm already; who else may is for its administrators to say."""

    code = "firm-has-people"


class OwnMatter(NotAllowed):
    """Nobody decides on his own organisation."""

    code = "own-matter"


@by(Office.GATE)
async def submit(session: AsyncSession, given: ClaimIn) -> None:
    """Note a claim with an account that can see nothing yet; nothing is told of what was known before."""
    password_hash = await auth.hashed(given.password)
    if await people.address_taken(session, given.email):
        return
    nobody = Organisation(name=given.name, roles=[], standing=Standing.UNVERIFIED)
    session.add(nobody)
    await session.flush()
    user = User(
        organisation_id=nobody.id,
        email=given.email,
        name=given.person,
        password_hash=password_hash,
        duties=[str(duty) for duty in (Duty.ADMIN, Duty.NEGOTIATOR, Duty.SIGNER)],
    )
    session.add(user)
    await session.flush()
    row = Claim(credit_code=given.credit_code, name=given.name, user_id=user.id, organisation_id=nobody.id)
    session.add(row)
    await session.flush()
    actor = Actor(user_id=user.id, organisation_id=nobody.id, roles=frozenset(), powers=frozenset())
    await record(session, actor, "claim.submitted", row.id, name=row.name)


@by(Office.GATE)
async def verify(session: AsyncSession, actor: Actor, identity: UUID, given: VerificationIn) -> Claim:
    """Let a claim hold: the person acts from now on for the firm that has the code, new or known before.

    Raises PersonMayNot, NotFound, IllegalTransition, OwnMatter, Invalid, FirmHasPeople.
    """
    row = await _pending(session, actor, identity)
    if not given.roles or not FIRM.issuperset(given.roles):
        raise Invalid((Fault(where="$.roles", code="role-appointed"),))
    firm = await people.firm_with_code(session, actor, row.credit_code)
    nobody = await session.get_one(Organisation, row.organisation_id)
    if firm is None:
        nobody.credit_code, nobody.roles = row.credit_code, [str(role) for role in dict.fromkeys(given.roles)]
        nobody.standing = Standing.VERIFIED
    else:
        await _attach(session, row, firm, actor)
        nobody.standing = Standing.MERGED
    await _decide(session, row, actor, ClaimState.VERIFIED, given)
    await record(session, actor, "claim.verified", row.id, audience=[row.organisation_id], name=row.name)
    return row


async def _attach(session: AsyncSession, row: Claim, firm: Organisation, actor: Actor) -> None:
    if people.watching(firm) or firm.id == actor.organisation_id:
        raise OwnMatter()
    if await actors.has_people(session, firm.id):
        raise FirmHasPeople()
    user = await session.get_one(User, row.user_id)
    user.organisation_id, row.organisation_id = firm.id, firm.id
    firm.registered, firm.standing = True, Standing.VERIFIED


@by(Office.GATE)
async def refuse(session: AsyncSession, actor: Actor, identity: UUID, given: VerdictIn) -> Claim:
    """Let a claim not hold, and say why. Raises PersonMayNot, NotFound, IllegalTransition, OwnMatter."""
    row = await _pending(session, actor, identity)
    nobody = await session.get_one(Organisation, row.organisation_id)
    nobody.standing = Standing.REFUSED
    await _decide(session, row, actor, ClaimState.REFUSED, given)
    await record(session, actor, "claim.refused", row.id, name=row.name)
    return row


async def _pending(session: AsyncSession, actor: Actor, identity: UUID) -> Claim:
    actor.must(Power.VERIFY)
    row = await visible.claim(session, actor, identity, lock=True)
    if row.user_id == actor.user_id or row.organisation_id == actor.organisation_id:
        raise OwnMatter()
    if row.state is not ClaimState.PENDING:
        raise IllegalTransition(current=str(row.state), wanted="decision", possible="")
    return row


async def _decide(session: AsyncSession, row: Claim, actor: Actor, state: ClaimState, given: VerdictIn) -> None:
    moment: datetime = (await session.execute(CLOCK)).scalar_one()
    row.state, row.reason, row.evidence = state, given.reason, given.evidence
    row.decided_by, row.decided_at = actor.user_id, moment
    await session.flush()


@by(Office.GATE)
async def suspend_firm(session: AsyncSession, actor: Actor, identity: UUID, given: VerdictIn) -> Organisation:
    """Let a firm's people do nothing until it is reinstated; their sessions, tokens and streams end at once.

    Raises PersonMayNot, NotFound, OwnMatter, IllegalTransition.
    """
    firm = await _firm(session, actor, identity, Standing.VERIFIED)
    firm.standing = Standing.SUSPENDED
    await session.flush()
    for person in await people.people_of(session, actor, firm.id):
        await auth.end_all(session, person)
    await record(
        session, actor, "organisation.suspended", firm.id, name=firm.name, reason=given.reason, evidence=given.evidence
    )
    return firm


@by(Office.GATE)
async def reinstate_firm(session: AsyncSession, actor: Actor, identity: UUID, given: VerdictIn) -> Organisation:
    """Let a suspended firm's people act again. Raises PersonMayNot, NotFound, OwnMatter, IllegalTransition."""
    firm = await _firm(session, actor, identity, Standing.SUSPENDED)
    firm.standing = Standing.VERIFIED
    await session.flush()
    await record(
        session, actor, "organisation.reinstated", firm.id, name=firm.name, reason=given.reason,
        evidence=given.evidence,
    )  # fmt: skip
    return firm


async def _firm(session: AsyncSession, actor: Actor, identity: UUID, current: Standing) -> Organisation:
    actor.must(Power.VERIFY)
    firm = await visible.organisation(session, actor, identity, lock=True)
    if people.watching(firm) or firm.id == actor.organisation_id:
        raise OwnMatter()
    if firm.standing is not current:
        raise IllegalTransition(current=str(firm.standing), wanted="standing", possible=str(current))
    return firm


async def shown(session: AsyncSession, actor: Actor, rows: list[Claim]) -> tuple[ClaimOut, ...]:
    """Return claims as an officer sees them."""
    claimants = await people.claimants(session, actor, rows)
    known = await people.known_firms(session, actor, rows)
    firms = {code: KnownFirm(id=firm.id, name=firm.name, people=count) for code, (firm, count) in known.items()}
    like = await people.firms_alike(session, actor, rows)
    alike = {
        claim: tuple(AlikeFirm(id=firm.id, name=firm.name, credit_code=firm.credit_code) for firm in found)
        for claim, found in like.items()
    }
    return tuple(ClaimOut.of(row, claimants[row.id], firms.get(row.credit_code), alike[row.id]) for row in rows)
