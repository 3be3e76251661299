"""By what a person proves who he is: second factor, codes, accounts elsewhere, links that set a new password."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries.actors import colleagues
from api.tenancy import Office, by
from domain.actor import Actor
from domain.errors import NotFound
from domain.records import LinkedIdentity, Organisation, PendingSignIn, Recovery, RecoveryCode, SecondFactor, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a person's second factor stands: since when it is in force, and how many codes for once are left."""

    since: datetime | None
    codes: int


async def second_factor(session: AsyncSession, user_id: UUID, *, lock: bool = False) -> SecondFactor | None:
    """Return a person's second factor, in force or waiting for its first code."""
    statement = sa.select(SecondFactor).where(col(SecondFactor.user_id) == user_id)
    statement = statement.with_for_update() if lock else statement
    return (await session.execute(statement.execution_options(populate_existing=lock))).scalar_one_or_none()


async def in_force(session: AsyncSession, user_id: UUID) -> bool:
    """Tell whether a person's sign-in asks for a code."""
    factor = await second_factor(session, user_id)
    return factor is not None and factor.confirmed_at is not None


async def standing(session: AsyncSession, actor: Actor) -> Standing:
    """Return how the actor's own second factor stands."""
    assert actor.user_id is not None  # who signed in is a person
    factor = await second_factor(session, actor.user_id)
    left = sa.select(sa.func.count()).where(
        col(RecoveryCode.user_id) == actor.user_id, col(RecoveryCode.used_at).is_(None)
    )
    codes = (await session.execute(left)).scalar_one()
    return Standing(since=factor.confirmed_at if factor else None, codes=codes)


async def pending(session: AsyncSession, secret_hash: bytes) -> User | None:
    """Return who has proven the first factor with this secret and may still prove the second."""
    statement = (
        sa.select(User)
        .join(PendingSignIn, col(PendingSignIn.user_id) == col(User.id))
        .where(
            col(PendingSignIn.secret_hash) == secret_hash,
            col(PendingSignIn.expires_at) > sa.func.clock_timestamp(),
            col(User.active),
        )
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def identities(session: AsyncSession, actor: Actor) -> list[LinkedIdentity]:
    """Return the accounts elsewhere that open the actor's own, oldest first."""
    statement = (
        sa.select(LinkedIdentity)
        .where(col(LinkedIdentity.user_id) == actor.user_id)
        .order_by(col(LinkedIdentity.created_at), col(LinkedIdentity.id))
    )
    return list((await session.execute(statement)).scalars())


async def own_identity(session: AsyncSession, actor: Actor, identity: UUID) -> LinkedIdentity:
    """Return one of them. Raises NotFound."""
    row = await session.get(LinkedIdentity, identity)
    if row is None or row.user_id != actor.user_id:
        raise NotFound(noun="linked_identity")
    return row


@by(Office.GATE)
async def known_elsewhere(session: AsyncSession, issuer: str, subject: str) -> tuple[LinkedIdentity, User] | None:
    """Return whose account an issuer's subject opens; an e-mail address alone never opens one."""
    statement = (
        sa.select(LinkedIdentity, User)
        .join(User, col(User.id) == col(LinkedIdentity.user_id))
        .where(col(LinkedIdentity.issuer) == issuer, col(LinkedIdentity.subject) == subject, col(User.active))
    )
    found = (await session.execute(statement)).one_or_none()
    return None if found is None else (found[0], found[1])


async def colleague(session: AsyncSession, actor: Actor, user_id: UUID) -> User:
    """Return an active person of the actor's own organisation. Raises NotFound."""
    for user in await colleagues(session, actor):
        if user.id == user_id:
            return user
    raise NotFound(noun="user_account")


async def recovery_of(session: AsyncSession, secret_hash: bytes) -> tuple[Recovery, User, Organisation] | None:
    """Return the link with this secret while it holds, its owner and whom he acts for; locked: it holds once."""
    statement = (
        sa.select(Recovery, User, Organisation)
        .join(User, col(User.id) == col(Recovery.user_id))
        .join(Organisation, col(Organisation.id) == col(User.organisation_id))
        .where(
            col(Recovery.secret_hash) == secret_hash,
            col(Recovery.expires_at) > sa.func.clock_timestamp(),
            col(User.active),
        )
        .with_for_update(of=Recovery)
    )
    found = (await session.execute(statement)).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


async def recoveries_due(session: AsyncSession, most: int) -> list[tuple[Recovery, User | None]]:
    """Return wishes for a link that are due, each with whom its address belongs to; no other worker takes them."""
    statement = (
        sa.select(Recovery, User)
        .join(User, (col(User.email) == col(Recovery.email)) & col(User.active), isouter=True)
        .where(col(Recovery.due_at) <= sa.func.clock_timestamp())
        .order_by(col(Recovery.due_at))
        .limit(most)
        .with_for_update(of=Recovery, skip_locked=True)
    )
    return [(row, user) for row, user in (await session.execute(statement)).all()]
