"""A new password for whoever has forgotten his: by a link for once, and never past a second factor.

Asking writes the same for every address, so that neither answer nor time tells whether it is somebody's; a worker
looks that up later.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.actions import throttles
from api.actions.auth import SECRET_BYTES, digest, end_all, require_fresh, require_hard, set_password
from api.outbox import record
from api.queries import actors, credentials
from api.queries.actors import SignedIn, acting
from api.tenancy import Office, by
from domain.errors import NotAllowed, NotFound, RuleBroken
from domain.records import Recovery, SignInThrottle, User

LASTING = timedelta(minutes=30)
MOST_TRIES = 5
AGAIN_AFTER = timedelta(minutes=1)
AT_ONCE = 20


class LinkSpent(RuleBroken):
    """The link was used, has run out, or never was one; which of them is not told."""

    code = "link-spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link that goes to its owner, as yet only a secret."""

    id: UUID
    email: str
    locale: str
    secret: str


@by(Office.GATE)
async def ask(session: AsyncSession, email: str) -> None:
    """Note that somebody wants a link for `email`. Raises TooMany, for every address alike."""
    await throttles.count(session, throttles.RECOVERIES, email)
    session.add(Recovery(email=email, due_at=await _clock(session)))
    await session.flush()


async def issue(session: AsyncSession, signed_in: SignedIn, user_id: UUID) -> str:
    """Make a link for a colleague, as an administrator of the organisation; return its secret, for once.

    Raises NotAllowed, NotFound, ProveAgain.
    """
    require_fresh(signed_in)
    user = await credentials.colleague(session, signed_in.actor, user_id)
    if not await actors.is_admin(session, signed_in.actor) or user.id == signed_in.actor.user_id:
        raise NotAllowed()
    secret = await make_link(session, user)
    await record(session, signed_in.actor, "account.link-issued", user.id, name=user.name)
    return secret


async def issue_at_terminal(session: AsyncSession, email: str) -> str:
    """Make a link for whoever has this address, as whoever runs the machine; return its secret. Raises NotFound."""
    user = await actors.account(session, email.strip().lower())
    if user is None:
        raise NotFound(noun="user_account")
    await record(session, await actors.actor_for(session, user), "account.link-issued", user.id, name=user.name)
    return await make_link(session, user)


@by(Office.GATE)
async def make_link(session: AsyncSession, user: User) -> str:
    """Make a link's secret for a person; an earlier link of his ends."""
    await session.execute(sa.delete(Recovery).where(col(Recovery.user_id) == user.id))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row = Recovery(email=user.email)
    session.add(row)
    await _arm(session, row, user, secret)
    return secret


async def take(session: AsyncSession) -> list[Link]:
    """Take wishes that are due: those of nobody's are dropped, the others get a secret and are tried again later."""
    links, now = [], await _clock(session)
    for row, user in await credentials.recoveries_due(session, AT_ONCE):
        if user is None or row.tries >= MOST_TRIES:
            await session.delete(row)
            continue
        secret = secrets.token_urlsafe(SECRET_BYTES)
        row.tries += 1
        row.due_at = now + AGAIN_AFTER
        await _arm(session, row, user, secret)
        links.append(Link(id=row.id, email=user.email, locale=user.locale, secret=secret))
    await session.execute(sa.delete(Recovery).where(col(Recovery.expires_at) < now, col(Recovery.due_at).is_(None)))
    await session.flush()
    return links


async def sent(session: AsyncSession, identity: UUID) -> None:
    """Note that a link is on its way, and is not tried again."""
    await session.execute(sa.update(Recovery).where(col(Recovery.id) == identity).values(due_at=None))


@by(Office.GATE)
async def use(session: AsyncSession, secret: str, password: str, *, djb: bool) -> None:
    """Set a new password by a link, which then holds no more; every session and token of its owner ends.

    The second factor stays: the next sign-in asks for it. Raises LinkSpent, Invalid.
    """
    found = await credentials.recovery_of(session, digest(secret))
    if found is None:
        raise LinkSpent()
    _, user, organisation = found
    require_hard(password, organisation, email=user.email, name=user.name, djb=djb)
    await set_password(session, user, password)
    await session.execute(sa.delete(Recovery).where(col(Recovery.user_id) == user.id))
    await session.execute(sa.delete(SignInThrottle).where(col(SignInThrottle.email) == user.email))
    await end_all(session, user.id)
    await record(session, acting(user, organisation), "account.recovered", user.id)


async def _arm(session: AsyncSession, row: Recovery, user: User, secret: str) -> None:
    row.user_id, row.secret_hash = user.id, digest(secret)
    row.expires_at = await _clock(session) + LASTING
    await session.flush()


async def _clock(session: AsyncSession) -> datetime:
    now: datetime = (await session.execute(sa.text("select clock_timestamp()"))).scalar_one()
    return now
