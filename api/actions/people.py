"""Who acts for an organisation: one-time links, what each may do, and how that ends at once.

Whoever administers an organisation is decided by one at a time, under its lock: two administrators who remove each
other at the same moment must not both succeed.
"""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import auth
from api.conditional import require_match
from api.outbox import record
from api.queries import people, visible
from api.tenancy import Office, by
from api.wire.people import EntryIn, EntryLinkIn
from domain.actor import Actor
from domain.errors import AlreadyExists, Fault, IllegalTransition, Invalid, NotAllowed, NotFound, RuleBroken
from domain.kinds import Duty
from domain.powers import Power, open_to
from domain.records import EntryLink, Organisation, User

LASTING = timedelta(days=7)
SECRET_BYTES = 32
CLOCK = sa.text("select clock_timestamp()")


class LinkUnusable(NotFound):
    """The link was used, revoked or replaced, has run out, or never was; which of these is not told."""

    code = "link-unusable"


class LastAdmin(RuleBroken):
    """Nobody else administers the organisation."""

    code = "last-admin"


class OwnDuties(NotAllowed):
    """Nobody gives himself more to do."""

    code = "own-duties"


async def invite(session: AsyncSession, actor: Actor, given: EntryLinkIn) -> tuple[str, EntryLink]:
    """Make a link by which one person can enter once, within seven days; an earlier one to him opens nothing any more.

    Raises PersonMayNot, Invalid for a duty that this organisation has not, AlreadyExists for somebody who is in it.
    """
    actor.must(Power.PEOPLE)
    _check(actor, given.duties)
    if any(person.email == given.email for person in await people.listed(session, actor)):
        raise AlreadyExists(noun="user")
    former = await people.open_link_to(session, actor, given.email)
    if former is not None:
        former.revoked_at = await _now(session)
    secret, row = await _linked(session, actor, given.email, [str(duty) for duty in dict.fromkeys(given.duties)])
    await record(session, actor, "person.invited", row.id, email=row.email)
    return secret, row


async def renew(session: AsyncSession, actor: Actor, identity: UUID) -> tuple[str, EntryLink]:
    """Make a new link in place of one that was not used. Raises PersonMayNot, NotFound, IllegalTransition."""
    former = await _ended(session, actor, identity)
    secret, row = await _linked(session, actor, former.email, former.duties)
    await record(session, actor, "person.invited", row.id, email=row.email)
    return secret, row


async def revoke_link(session: AsyncSession, actor: Actor, identity: UUID) -> None:
    """Let a link open nothing any more. Raises PersonMayNot, NotFound, IllegalTransition once it was used."""
    row = await _ended(session, actor, identity)
    await record(session, actor, "person.link-revoked", row.id, email=row.email)


async def _ended(session: AsyncSession, actor: Actor, identity: UUID) -> EntryLink:
    actor.must(Power.PEOPLE)
    row = await visible.own_link(session, actor, identity, lock=True)
    if row.used_at is not None or row.revoked_at is not None:
        raise IllegalTransition(current="used" if row.used_at else "revoked", wanted="revoked", possible="")
    row.revoked_at = await _now(session)
    await session.flush()
    return row


async def _linked(session: AsyncSession, actor: Actor, email: str, duties: list[str]) -> tuple[str, EntryLink]:
    assert actor.user_id is not None  # the platform itself invites nobody
    await session.flush()
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row = EntryLink(
        organisation_id=actor.organisation_id,
        invited_by=actor.user_id,
        email=email,
        duties=list(duties),
        secret_hash=auth.digest(secret),
        expires_at=await _now(session) + LASTING,
    )
    session.add(row)
    await session.flush()
    return secret, row


@by(Office.GATE)
async def enter(session: AsyncSession, given: EntryIn) -> tuple[User, Organisation]:
    """Make the account that a link is for; the link is used up by the same commit.

    Raises LinkUnusable, also where the address signs in elsewhere already: who has a link learns no more from it.
    """
    link = await people.link_of(session, auth.digest(given.secret), lock=True)
    if link is None or await people.address_taken(session, link.email):
        raise LinkUnusable(noun="entry_link")
    duties = [Duty(duty) for duty in link.duties]
    user = await auth.enrol(
        session, organisation_id=link.organisation_id, email=link.email, name=given.name, password=given.password,
        duties=duties,
    )  # fmt: skip
    link.used_at = await _now(session)
    house = await session.get_one(Organisation, link.organisation_id)
    actor = Actor(user_id=user.id, organisation_id=house.id, roles=frozenset(), powers=frozenset())
    await record(session, actor, "person.entered", user.id, name=user.name)
    return user, house


async def give_duties(
    session: AsyncSession, actor: Actor, identity: UUID, duties: tuple[Duty, ...], if_match: str | None
) -> User:
    """Replace what a person may do; his sessions, tokens and streams end at once.

    Raises PersonMayNot, NotFound, Invalid for a duty that this organisation has not, OwnDuties, LastAdmin.
    """
    row = await _person(session, actor, identity)
    require_match(if_match, row.version)
    _check(actor, duties)
    if row.id == actor.user_id and not set(map(str, duties)) <= set(row.duties):
        raise OwnDuties(needed=str(Duty.ADMIN))
    if Duty.ADMIN not in duties:
        await _not_the_last(session, actor, row)
    row.duties = [str(duty) for duty in dict.fromkeys(duties)]
    await auth.end_all(session, row.id)
    await record(session, actor, "person.duties-given", row.id, name=row.name)
    return row


async def suspend(session: AsyncSession, actor: Actor, identity: UUID) -> User:
    """Let a person do nothing until he is reinstated. Raises PersonMayNot, NotFound, IllegalTransition, LastAdmin."""
    row = await _person(session, actor, identity)
    if not row.active:
        raise IllegalTransition(current="suspended", wanted="suspended", possible="active")
    await _not_the_last(session, actor, row)
    row.active = False
    await auth.end_all(session, row.id)
    await record(session, actor, "person.suspended", row.id, name=row.name)
    return row


async def reinstate(session: AsyncSession, actor: Actor, identity: UUID) -> User:
    """Let a suspended person act again, once he has signed in. Raises PersonMayNot, NotFound, IllegalTransition."""
    row = await _person(session, actor, identity)
    if row.active:
        raise IllegalTransition(current="active", wanted="active", possible="suspended")
    row.active = True
    await session.flush()
    await record(session, actor, "person.reinstated", row.id, name=row.name)
    return row


async def remove(session: AsyncSession, actor: Actor, identity: UUID) -> None:
    """End what a person does for the organisation; his name stays with what he did, his address is free again.

    Raises PersonMayNot, NotFound, LastAdmin.
    """
    row = await _person(session, actor, identity)
    await _not_the_last(session, actor, row)
    row.active, row.removed_at, row.duties = False, await _now(session), []
    row.email, row.password_hash = f"{row.id}@removed.invalid", ""
    await auth.end_all(session, row.id)
    await record(session, actor, "person.removed", row.id, name=row.name)


async def _person(session: AsyncSession, actor: Actor, identity: UUID) -> User:
    actor.must(Power.PEOPLE)
    await people.lock_house(session, actor)
    return await visible.own_person(session, actor, identity, lock=True)


async def _not_the_last(session: AsyncSession, actor: Actor, person: User) -> None:
    if person.admin and person.active and not await people.other_admin(session, actor, person.id):
        raise LastAdmin()


def _check(actor: Actor, duties: tuple[Duty, ...]) -> None:
    strange = [str(duty) for duty in duties if duty not in open_to(actor.roles)]
    if strange:
        raise Invalid(tuple(Fault(where="$.duties", code="duty-elsewhere", params={"duty": duty}) for duty in strange))


async def _now(session: AsyncSession) -> datetime:
    now: datetime = (await session.execute(CLOCK)).scalar_one()
    return now
