"""Coming in and going out: attempts are counted before they are judged, secrets are stored only as their hash."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.conditional import require_match
from api.outbox import EVENT_CHANNEL, NOTIFY
from api.queries import actors
from domain.actor import Actor
from domain.errors import NotAllowed, NotFound, TooMany, WrongPassword
from domain.kinds import Duty, Role, Scope
from domain.powers import usual
from domain.records import Organisation, SignIn, SignInThrottle, User

ATTEMPTS = 5
WINDOW = timedelta(minutes=15)
TOKEN_PREFIX = "lzt_"  # noqa: S105 - a mark by which scanners of leaked secrets know ours, not a secret
SECRET_BYTES = 32
HASHED_AT_ONCE = 2
"""A hash takes 64 MiB and a fifth of a second by design; more of them at once would be a way to stop the service."""


class SessionNeeded(NotAllowed):
    """This needs a person who has signed in, not a token."""

    code = "session-needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A new sign-in with its secret, which is known only now."""

    secret: str
    sign_in: SignIn


def digest(secret: str) -> bytes:
    """Return what is stored of a secret; it has 256 random bits, so a plain SHA-256 cannot be searched."""
    return hashlib.sha256(secret.encode()).digest()


async def hashed(password: str) -> str:
    """Hash a password with argon2id (RFC 9106), in a thread."""
    return await to_thread.run_sync(_passwords().hash, password, limiter=_limiter())


async def enrol(
    session: AsyncSession,
    *,
    organisation_id: UUID,
    email: str,
    name: str,
    password: str,
    locale: str = "zh-CN",
    duties: Sequence[Duty] = (),
) -> User:
    """Make an account for a person who acts for an organisation.

    Without `duties` he may do all that is done there, and the first of an organisation administers it.
    """
    organisation = await session.get_one(Organisation, organisation_id)
    roles = [Role(role) for role in organisation.roles]
    first = not await actors.has_people(session, organisation_id)
    user = User(
        organisation_id=organisation_id,
        email=email.strip().lower(),
        name=name,
        password_hash=await hashed(password),
        locale=locale,
        duties=[str(duty) for duty in duties or usual(roles, first=first)],
    )
    session.add(user)
    await session.flush()
    return user


async def count_attempt(session: AsyncSession, email: str) -> User | None:
    """Count an attempt on `email` and return the account it names, if there is one.

    An attempt counts before anyone knows how it ends, so that many at once cannot slip through together; success
    clears the count.

    Raises TooMany, with the seconds to wait, after 5 attempts within 15 minutes.
    """
    now = sa.func.clock_timestamp()
    over = col(SignInThrottle.since) < now - WINDOW
    counted = (
        insert(SignInThrottle)
        .values(email=email, failures=1)
        .on_conflict_do_update(
            index_elements=["email"],
            set_={
                "failures": sa.case((over, 1), else_=SignInThrottle.failures + 1),
                "since": sa.case((over, now), else_=SignInThrottle.since),
            },
        )
        .returning(col(SignInThrottle.failures), sa.extract("epoch", col(SignInThrottle.since) + WINDOW - now))
    )
    failures, seconds = (await session.execute(counted)).one()
    if failures > ATTEMPTS:
        raise TooMany(seconds=max(1, int(seconds)))
    return await actors.account(session, email)


async def prove(user: User | None, password: str) -> str | None:
    """Check `password`, taking as long for an unknown account; return a fresher hash where the old one has aged.

    Raises WrongPassword.
    """
    stored = user.password_hash if user else _nobodys_hash()
    right, fresher = await to_thread.run_sync(_passwords().verify_and_update, password, stored, limiter=_limiter())
    if user is None or not right:
        raise WrongPassword()
    return fresher


async def open_sign_in(
    session: AsyncSession,
    user_id: UUID,
    lasting: timedelta,
    *,
    browser: bool,
    label: str | None = None,
    scopes: Sequence[Scope] = (Scope.READ,),
) -> Opened:
    """Make a session or an API token with a secret of its own, valid for `lasting` by the database's clock.

    A session is for all that its owner may do, a token for its `scopes` of that.
    """
    secret = ("" if browser else TOKEN_PREFIX) + secrets.token_urlsafe(SECRET_BYTES)
    now = (await session.execute(sa.text("select clock_timestamp()"))).scalar_one()
    sign_in = SignIn(
        secret_hash=digest(secret),
        user_id=user_id,
        label=label,
        browser=browser,
        expires_at=now + lasting,
        scopes=None if browser else [str(scope) for scope in scopes],
    )
    session.add(sign_in)
    await session.flush()
    return Opened(secret=secret, sign_in=sign_in)


async def welcome(
    session: AsyncSession, user: User, lasting: timedelta, *, fresher: str | None, former: str | None
) -> Opened:
    """Open a browser session for a user who has proven himself; the count of attempts and the former session end.

    A secret that the browser brought along never becomes a session: a new one is made each time.
    """
    await session.execute(sa.delete(SignInThrottle).where(col(SignInThrottle.email) == user.email))
    await session.execute(_STALE_THROTTLES, {"window": WINDOW})
    await session.execute(
        sa.delete(SignIn).where(
            col(SignIn.user_id) == user.id,
            sa.or_(
                col(SignIn.expires_at) < sa.func.clock_timestamp(),
                col(SignIn.secret_hash) == digest(former or ""),
            ),
        )
    )
    if fresher:
        await session.execute(sa.update(User).where(col(User.id) == user.id).values(password_hash=fresher))
    return await open_sign_in(session, user.id, lasting, browser=True)


async def open_token(
    session: AsyncSession, signed_in: actors.SignedIn, lasting: timedelta, label: str, scopes: Sequence[Scope]
) -> Opened:
    """Make an API token for whoever asks, good for `scopes`. Raises SessionNeeded when he asks by a token."""
    if not signed_in.browser or signed_in.actor.user_id is None:
        raise SessionNeeded()
    return await open_sign_in(
        session, signed_in.actor.user_id, lasting, browser=False, label=label, scopes=tuple(dict.fromkeys(scopes))
    )


async def note_use(session: AsyncSession, sign_in_id: UUID) -> None:
    """Note that a token was used, to the hour: enough to tell one that nobody uses, and seldom a write."""
    hour = sa.func.date_trunc("hour", sa.func.clock_timestamp())
    stale = sa.or_(col(SignIn.used_at).is_(None), col(SignIn.used_at) < hour)
    await session.execute(sa.update(SignIn).where(col(SignIn.id) == sign_in_id, stale).values(used_at=hour))


async def end_all(session: AsyncSession, user_id: UUID) -> None:
    """End every session and token of a person at once, with his open streams."""
    await session.execute(sa.delete(SignIn).where(col(SignIn.user_id) == user_id))
    await session.execute(NOTIFY, {"channel": EVENT_CHANNEL, "payload": ""})


async def choose_locale(session: AsyncSession, actor: Actor, locale: str, if_match: str | None) -> None:
    """Set the language of the actor's own account, if the change was made from its current version.

    Raises PreconditionRequired, PreconditionFailed, Invalid.
    """
    user = await session.get_one(User, actor.user_id)
    require_match(if_match, user.version)
    user.locale = locale
    await session.flush()


async def revoke(session: AsyncSession, actor: Actor, sign_in_id: UUID) -> None:
    """End one of the actor's own sessions or tokens at once. Raises NotFound."""
    row = await session.get(SignIn, sign_in_id)
    if row is None or row.user_id != actor.user_id:
        raise NotFound(noun="sign_in")
    await session.delete(row)
    await session.flush()
    await session.execute(NOTIFY, {"channel": EVENT_CHANNEL, "payload": ""})  # its open streams look, and end


_STALE_THROTTLES = sa.text(
    "delete from sign_in_throttle where email in ("
    "select email from sign_in_throttle where since < clock_timestamp() - :window limit 100 for update skip locked)"
).bindparams(sa.bindparam("window", type_=sa.Interval()))
"""Old counts of addresses that nobody comes back to; those that another sign-in holds are left to it."""


@cache
def _passwords() -> PasswordHash:
    return PasswordHash((Argon2Hasher(),))


@cache
def _nobodys_hash() -> str:
    return _passwords().hash(secrets.token_urlsafe(SECRET_BYTES))


@cache
def _limiter() -> CapacityLimiter:
    return CapacityLimiter(HASHED_AT_ONCE)
