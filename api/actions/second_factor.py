"""A second factor by an app that makes codes (TOTP, RFC 6238), and ten codes for whoever has lost it."""

import hmac
import re
import secrets
from dataclasses import dataclass
from uuid import UUID

import pyotp
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.actions.auth import digest, end_others, require_fresh
from api.outbox import record
from api.queries import actors, credentials
from api.queries.actors import SignedIn
from api.safe import open_sealed, seal
from domain.actor import Actor
from domain.errors import IllegalTransition, RuleBroken, WrongPassword
from domain.records import RecoveryCode, SecondFactor, SignIn

ISSUER = "LianZhou"
PURPOSE = "second_factor.sealed"
STEP_SECONDS = 30
DRIFT = (0, -1, 1)
"""Steps of time whose code counts: the present one, and one to either side for a phone whose clock is off."""
CODES = 10
GROUPS, SIGNS = 6, 4
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that are taken for one another; 24 of them are 118 random bits, so a plain SHA-256 will do."""


class WrongCode(WrongPassword):
    """The code is not the one of this moment, or was used before."""

    code = "wrong-code"


class AlreadyInForce(RuleBroken):
    """A second factor stands; it has to be removed before another is set up."""

    code = "second-factor-stands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What an app needs to make codes; shown while it is set up, and never again."""

    secret: str
    uri: str


async def offer(session: AsyncSession, signed_in: SignedIn) -> Offered:
    """Make a secret for an app; it comes in force with its first code.

    Raises ProveAgain, AlreadyInForce.
    """
    user_id = require_fresh(signed_in)
    former = await credentials.second_factor(session, user_id, lock=True)
    if former is not None and former.confirmed_at is not None:
        raise AlreadyInForce()
    if former is not None:
        await session.delete(former)
        await session.flush()
    secret = pyotp.random_base32()
    session.add(SecondFactor(user_id=user_id, sealed=seal(f"{PURPOSE}.{user_id}", secret.encode())))
    await session.flush()
    return await offered(session, signed_in)


async def offered(session: AsyncSession, signed_in: SignedIn) -> Offered:
    """Return again what an app needs, while it waits for its first code. Raises ProveAgain, IllegalTransition."""
    factor = await credentials.second_factor(session, require_fresh(signed_in))
    if factor is None or factor.confirmed_at is not None:
        raise IllegalTransition(noun="second_factor")
    secret = open_sealed(f"{PURPOSE}.{factor.user_id}", factor.sealed).decode()
    user, _ = await actors.profile(session, signed_in.actor)
    return Offered(secret=secret, uri=pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER))


async def confirm(session: AsyncSession, signed_in: SignedIn, code: str) -> tuple[str, ...]:
    """Put the second factor in force by its first code; return ten codes for once, and end all other sessions.

    Raises ProveAgain, WrongCode, IllegalTransition where nothing waits to be confirmed.
    """
    user_id = require_fresh(signed_in)
    factor = await credentials.second_factor(session, user_id, lock=True)
    if factor is None or factor.confirmed_at is not None:
        raise IllegalTransition(noun="second_factor")
    if not await _step_taken(session, factor, code):
        raise WrongCode()
    factor.confirmed_at = (await session.execute(sa.text("select clock_timestamp()"))).scalar_one()
    await session.execute(sa.update(SignIn).where(col(SignIn.id) == signed_in.sign_in_id).values(second_factor=True))
    await end_others(session, signed_in, tokens=False)
    await record(session, signed_in.actor, "account.second-factor-set", user_id)
    return await _fresh_codes(session, user_id)


async def renew_codes(session: AsyncSession, signed_in: SignedIn) -> tuple[str, ...]:
    """Make ten new codes for once; the former ones end. Raises ProveAgain, IllegalTransition."""
    user_id = require_fresh(signed_in)
    if not await credentials.in_force(session, user_id):
        raise IllegalTransition(noun="second_factor")
    await record(session, signed_in.actor, "account.codes-made", user_id)
    return await _fresh_codes(session, user_id)


async def remove(session: AsyncSession, signed_in: SignedIn) -> None:
    """Do without a second factor from now on; all other sessions end. Raises ProveAgain, IllegalTransition."""
    user_id = require_fresh(signed_in)
    factor = await credentials.second_factor(session, user_id, lock=True)
    if factor is None:
        raise IllegalTransition(noun="second_factor")
    stood = factor.confirmed_at is not None
    await drop(session, user_id)
    if stood:
        await session.execute(sa.update(SignIn).where(col(SignIn.user_id) == user_id).values(second_factor=False))
        await end_others(session, signed_in, tokens=False)
        await record(session, signed_in.actor, "account.second-factor-removed", user_id)


async def drop(session: AsyncSession, user_id: UUID) -> None:
    """Take a person's second factor and codes away: for himself, and for the operator at a terminal."""
    await session.execute(sa.delete(SecondFactor).where(col(SecondFactor.user_id) == user_id))
    await session.execute(sa.delete(RecoveryCode).where(col(RecoveryCode.user_id) == user_id))


async def take(session: AsyncSession, actor: Actor, code: str) -> None:
    """Accept a code of the app or one for once, which then counts no more. Raises WrongCode."""
    assert actor.user_id is not None  # who signs in is a person
    factor = await credentials.second_factor(session, actor.user_id, lock=True)
    if factor is None or factor.confirmed_at is None:
        raise WrongCode()
    if await _step_taken(session, factor, code):
        return
    used = (
        sa.update(RecoveryCode)
        .where(
            col(RecoveryCode.secret_hash) == digest(_plain(code)),
            col(RecoveryCode.user_id) == actor.user_id,
            col(RecoveryCode.used_at).is_(None),
        )
        .values(used_at=sa.func.clock_timestamp())
        .returning(col(RecoveryCode.user_id))
    )
    if (await session.execute(used)).scalar_one_or_none() is None:
        raise WrongCode()
    await record(session, actor, "account.code-used", actor.user_id)


async def _step_taken(session: AsyncSession, factor: SecondFactor, code: str) -> bool:
    """Tell whether `code` is of a step of time newer than every one taken before, and take that step."""
    digits = _plain(code)
    if not re.fullmatch(r"[0-9]{6}", digits):
        return False
    totp = pyotp.TOTP(open_sealed(f"{PURPOSE}.{factor.user_id}", factor.sealed).decode())
    seconds = (await session.execute(sa.text("select extract(epoch from clock_timestamp())"))).scalar_one()
    now = int(seconds) // STEP_SECONDS
    for step in (now + drift for drift in DRIFT):
        newer = factor.last_step is None or step > factor.last_step
        if newer and hmac.compare_digest(totp.generate_otp(step), digits):
            factor.last_step = step
            await session.flush()
            return True
    return False


async def _fresh_codes(session: AsyncSession, user_id: UUID) -> tuple[str, ...]:
    await session.execute(sa.delete(RecoveryCode).where(col(RecoveryCode.user_id) == user_id))
    codes = tuple(_code() for _ in range(CODES))
    session.add_all(RecoveryCode(user_id=user_id, secret_hash=digest(_plain(code))) for code in codes)
    await session.flush()
    return codes


def _code() -> str:
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(SIGNS)) for _ in range(GROUPS))


def _plain(code: str) -> str:
    """Return a code as it is compared, however it was typed."""
    return re.sub(r"[\s-]", "", code).lower()
