"""Reading calendars: whose address it is, and whether one has one."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries.actors import READERS, acting
from api.tenancy import Office, by
from domain.actor import Actor
from domain.kinds import Standing
from domain.records import CalendarFeed, Organisation, User


async def feed_of(session: AsyncSession, actor: Actor) -> CalendarFeed | None:
    """Return the actor's own calendar, or None where he has none."""
    statement = sa.select(CalendarFeed).where(col(CalendarFeed.user_id) == actor.user_id)
    return (await session.execute(statement)).scalar_one_or_none()


@by(Office.GATE)
async def owner(session: AsyncSession, secret_hash: bytes) -> tuple[Actor, str] | None:
    """Return whose calendar a secret opens, with his language; None for an unknown secret or an account that ended."""
    statement = (
        sa.select(User, Organisation)
        .join(CalendarFeed, col(CalendarFeed.user_id) == col(User.id))
        .join(Organisation, col(Organisation.id) == col(User.organisation_id))
        .where(
            col(CalendarFeed.secret_hash) == secret_hash,
            col(User.active),
            col(Organisation.standing) == Standing.VERIFIED,
            col(User.duties).op("&&")(READERS),
        )
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        return None
    user, organisation = found
    return acting(user, organisation), user.locale
