"""Coming in and going out: attempts are counted before they are judged, secrets are stored only as their hash."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api import passwords
from api.conditional import require_match
from api.outbox import EVENT_CHANNEL, NOTIFY, record
from api.queries import actors
from api.queries.actors import SignedIn
from api.tenancy import Office, by
from domain.actor import Actor
from domain.errors import Fault, Invalid, NotAllowed, NotFound, TooMany, WrongPassword
from domain.kinds import Duty, Role, Scope
from domain.powers import usual
from domain.records import Organisation, PendingSignIn, SignIn, SignInThrottle, User

ATTEMPTS = 5
WINDOW = timedelta(minutes=15)
TOKEN_PREFIX = "lzt_"  # noqa: S105 - a mark by which scanners of leaked secrets know ours, not a secret
SECRET_BYTES = 32
PENDING = timedelta(minutes=10)
WATCHERS = frozenset({Role.BUREAU, Role.OPERATOR})
"""Whose accounts 等保 asks more of."""
AGENT_LENGTH = 200
HASHED_AT_ONCE = 2
"""A hash takes 64 MiB and a fifth of a second by design; more of them at once would be a way to stop the service."""


class SessionNeeded(NotAllowed):
    """This needs a person who has signed in, not a token."""

    code = "session-needed"


class ProveAgain(NotAllowed):
    """What changes how one signs in needs a password or code that was given just now."""

    code = "prove-again"


class SecondFactorNeeded(NotAllowed):
    """Who signs or runs the platform sets up a second factor first, and signs in by it."""

    code = "second-factor-needed"


class PasswordAged(NotAllowed):
    """The account's password is older than its rules allow; it has to be changed first."""

    code = "password-aged"


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
    djb: bool = False,
    duties: Sequence[Duty] = (),
) -> User:
    """Make an account for a person who acts for an organisation.

    Without `duties` he may do all that is done there, and the first of an organisation administers it.
    Raises Invalid for a password that is too easy.
    """
    first = not await actors.has_people(session, organisation_id)
    organisation = await session.get_one(Organisation, organisation_id)
    require_hard(password, organisation, email=email, name=name, djb=djb)
    user = User(
        organisation_id=organisation_id,
        email=email.strip().lower(),
        name=name,
        password_hash=await hashed(password),
        locale=locale,
        duties=[str(duty) for duty in duties or usual([Role(role) for role in organisation.roles], first=first)],
    )
    session.add(user)
    await session.flush()
    return user


def require_hard(
    password: str, organisation: Organisation, *, email: str, name: str, djb: bool, where: str = "$.password"
) -> None:
    """Refuse a new password that is short, easily guessed or one's own name; `djb` asks watchers for mixed characters.

    Raises Invalid.
    """
    if not passwords.SHORTEST <= len(password) <= passwords.LONGEST:
        code, bound = ("string_too_short", "min_length") if len(password) < passwords.SHORTEST else (
            "string_too_long", "max_length")  # fmt: skip
        limit = passwords.SHORTEST if bound == "min_length" else passwords.LONGEST
        raise Invalid((Fault(where=where, code=code, params={bound: limit}),))
    own = (email, name, organisation.name, organisation.short_name or "", organisation.name_en or "")
    composed = djb and bool(WATCHERS & {Role(role) for role in organisation.roles})
    if found := passwords.faults(password, own, where=where, composed=composed):
        raise Invalid(found)


async def change_password(session: AsyncSession, signed_in: SignedIn, password: str, *, djb: bool, tokens: bool) -> str:
    """Set a new password for whoever has just proven the present one; all other sessions end, and `tokens` on wish.

    The session goes on under a new secret, which is returned. Raises Invalid, SessionNeeded.
    """
    user_id = require_session(signed_in)
    user, organisation = await actors.profile(session, signed_in.actor)
    where = "$.new"
    require_hard(password, organisation, email=user.email, name=user.name, djb=djb, where=where)
    if await _verifies(user.password_hash, password):
        raise Invalid((Fault(where=where, code="password-same"),))
    await set_password(session, user, password)
    await end_others(session, signed_in, tokens=tokens)
    await record(session, signed_in.actor, "account.password-changed", user_id)
    return await renew(session, signed_in)


async def set_password(session: AsyncSession, user: User, password: str) -> None:
    """Keep the hash of a password that was found hard enough."""
    user.password_hash = await hashed(password)
    user.password_changed_at = (await session.execute(sa.text("select clock_timestamp()"))).scalar_one()
    await session.flush()


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
    agent: str | None = None,
    second_factor: bool = False,
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
        agent=agent[:AGENT_LENGTH] if agent else None,
        second_factor=second_factor,
        scopes=None if browser else [str(scope) for scope in scopes],
    )
    session.add(sign_in)
    await session.flush()
    return Opened(secret=secret, sign_in=sign_in)


async def believe(session: AsyncSession, user: User, fresher: str | None) -> None:
    """Forget the attempts on an account whose password was right, and keep a fresher hash of it."""
    await session.execute(sa.delete(SignInThrottle).where(col(SignInThrottle.email) == user.email))
    await session.execute(_STALE_THROTTLES, {"window": WINDOW})
    if fresher:
        await session.execute(sa.update(User).where(col(User.id) == user.id).values(password_hash=fresher))


async def owe(session: AsyncSession, user_id: UUID) -> str:
    """Note that a person has proven the first factor and owes the second; return the secret by which he is known."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    now = (await session.execute(sa.text("select clock_timestamp()"))).scalar_one()
    await session.execute(sa.delete(PendingSignIn).where(col(PendingSignIn.expires_at) < now))
    session.add(PendingSignIn(secret_hash=digest(secret), user_id=user_id, expires_at=now + PENDING))
    await session.flush()
    return secret


async def settle_owed(session: AsyncSession, secret: str) -> None:
    """Forget what was owed: it was given."""
    await session.execute(sa.delete(PendingSignIn).where(col(PendingSignIn.secret_hash) == digest(secret)))


async def welcome(
    session: AsyncSession,
    user: User,
    lasting: timedelta,
    *,
    former: str | None,
    agent: str | None = None,
    second_factor: bool = False,
) -> Opened:
    """Open a browser session for a user who has proven himself; the session the browser had before ends.

    A secret that the browser brought along never becomes a session: a new one is made each time.
    """
    await session.execute(
        sa.delete(SignIn).where(
            col(SignIn.user_id) == user.id,
            sa.or_(
                col(SignIn.expires_at) < sa.func.clock_timestamp(),
                col(SignIn.secret_hash) == digest(former or ""),
            ),
        )
    )
    return await open_sign_in(session, user.id, lasting, browser=True, agent=agent, second_factor=second_factor)


def require_session(signed_in: SignedIn) -> UUID:
    """Return who asks by a session of his own. Raises SessionNeeded."""
    if not signed_in.browser or signed_in.actor.user_id is None:
        raise SessionNeeded()
    return signed_in.actor.user_id


def require_fresh(signed_in: SignedIn) -> UUID:
    """Return who asks, if he has given a password or code within ten minutes. Raises SessionNeeded, ProveAgain."""
    user_id = require_session(signed_in)
    if not signed_in.fresh:
        raise ProveAgain()
    return user_id


async def renew(session: AsyncSession, signed_in: SignedIn, *, second_factor: bool = False) -> str:
    """Give a session whose owner has just proven himself again a new secret, and return it; the former one ends."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    values: dict[str, Any] = {"secret_hash": digest(secret), "proven_at": sa.func.clock_timestamp()}
    values |= {"second_factor": True} if second_factor else {}
    await session.execute(sa.update(SignIn).where(col(SignIn.id) == signed_in.sign_in_id).values(**values))
    return secret


async def note_use(session: AsyncSession, sign_in_id: UUID) -> None:
    """Note that a sign-in is in use."""
    await session.execute(
        sa.update(SignIn).where(col(SignIn.id) == sign_in_id).values(seen_at=sa.func.clock_timestamp())
    )


async def open_token(
    session: AsyncSession, signed_in: SignedIn, lasting: timedelta, label: str, scopes: Sequence[Scope]
) -> Opened:
    """Make an API token for whoever asks, good for `scopes`.

    Raises SessionNeeded when he asks by a token, ProveAgain.
    """
    user_id = require_fresh(signed_in)
    opened = await open_sign_in(
        session,
        user_id,
        lasting,
        browser=False,
        label=label,
        second_factor=signed_in.second_factor,
        scopes=tuple(dict.fromkeys(scopes)),
    )
    await record(session, signed_in.actor, "account.token-made", opened.sign_in.id, label=label)
    return opened


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
    await _wake(session)


async def end_one(session: AsyncSession, signed_in: SignedIn, sign_in_id: UUID) -> None:
    """End one of one's own sessions or tokens at once; another than the one that asks, only freshly proven.

    Raises NotFound, SessionNeeded, ProveAgain.
    """
    if sign_in_id != signed_in.sign_in_id:
        require_fresh(signed_in)
    await revoke(session, signed_in.actor, sign_in_id)


async def end_others(session: AsyncSession, signed_in: SignedIn, *, tokens: bool) -> None:
    """End all sessions of whoever asks but the one he asks by, and his tokens too where `tokens` says so."""
    others = (col(SignIn.user_id) == signed_in.actor.user_id) & (col(SignIn.id) != signed_in.sign_in_id)
    await session.execute(sa.delete(SignIn).where(others if tokens else others & col(SignIn.browser)))
    await session.execute(sa.delete(PendingSignIn).where(col(PendingSignIn.user_id) == signed_in.actor.user_id))
    await _wake(session)


@by(Office.GATE)
async def end_all(session: AsyncSession, user_id: UUID) -> None:
    """End every session and token of a person."""
    await session.execute(sa.delete(SignIn).where(col(SignIn.user_id) == user_id))
    await session.execute(sa.delete(PendingSignIn).where(col(PendingSignIn.user_id) == user_id))
    await _wake(session)


async def _wake(session: AsyncSession) -> None:
    """Have open streams look whether their sign-in still holds, and end where it does not."""
    await session.execute(NOTIFY, {"channel": EVENT_CHANNEL, "payload": ""})


async def _verifies(stored: str, password: str) -> bool:
    return await to_thread.run_sync(_passwords().verify, password, stored, limiter=_limiter())


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
