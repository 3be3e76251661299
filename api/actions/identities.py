"""Accounts elsewhere that open one here: linked by whoever is signed in, never by an e-mail address."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions.auth import require_fresh
from api.outbox import record
from api.queries import credentials
from api.queries.actors import SignedIn
from api.tenancy import Office, by
from domain.errors import NotSignedIn, RuleBroken
from domain.records import LinkedIdentity, User


class UnknownThere(NotSignedIn):
    """The account elsewhere is proven, and opens none here: sign in by password first, and link it."""

    code = "unknown-there"


class ProviderRefused(NotSignedIn):
    """The provider did not prove who somebody is."""

    code = "provider-refused"


class LinkedElsewhere(RuleBroken):
    """The account elsewhere opens another person's account here."""

    code = "linked-elsewhere"


async def link(
    session: AsyncSession, signed_in: SignedIn, *, provider: str, issuer: str, subject: str
) -> LinkedIdentity:
    """Let an account elsewhere open the account of whoever is signed in. Raises ProveAgain, LinkedElsewhere."""
    user_id = require_fresh(signed_in)
    known = await credentials.known_elsewhere(session, issuer, subject)
    if known is not None and known[1].id != user_id:
        raise LinkedElsewhere()
    if known is not None:
        return known[0]
    row = LinkedIdentity(user_id=user_id, provider=provider, issuer=issuer, subject=subject)
    session.add(row)
    await record(session, signed_in.actor, "account.linked", row.id, provider=provider)
    return row


async def unlink(session: AsyncSession, signed_in: SignedIn, identity: UUID) -> None:
    """Let an account elsewhere open one's own no more. Raises ProveAgain, NotFound."""
    require_fresh(signed_in)
    row = await credentials.own_identity(session, signed_in.actor, identity)
    await record(session, signed_in.actor, "account.unlinked", row.id, provider=row.provider)
    await session.delete(row)
    await session.flush()


@by(Office.GATE)
async def opened_by(session: AsyncSession, *, issuer: str, subject: str) -> User:
    """Return whose account an account elsewhere opens. Raises UnknownThere."""
    known = await credentials.known_elsewhere(session, issuer, subject)
    if known is None:
        raise UnknownThere()
    row, user = known
    row.used_at = (await session.execute(sa.text("select clock_timestamp()"))).scalar_one()
    await session.flush()
    return user
