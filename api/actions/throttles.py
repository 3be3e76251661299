"""How often something may be tried: counted before it is judged, so that many at once cannot slip through together."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.tenancy import Office, by
from domain.errors import TooMany
from domain.records import Throttle


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many tries of one kind within so long."""

    kind: str
    most: int
    within: timedelta


QUARTER = timedelta(minutes=15)
BY_ADDRESS = Limit(kind="address", most=60, within=QUARTER)
"""Tries to prove who one is, from one client address: an office behind one address signs in all the same."""
CODES = Limit(kind="code", most=5, within=QUARTER)
PROOFS = Limit(kind="proof", most=5, within=QUARTER)
RECOVERIES = Limit(kind="recovery", most=3, within=timedelta(hours=1))


@by(Office.GATE)
async def count(session: AsyncSession, limit: Limit, subject: str) -> None:
    """Count a try. Raises TooMany, with the seconds to wait, for one beyond the limit."""
    now, since = sa.func.clock_timestamp(), col(Throttle.since)
    over = since < now - limit.within
    counted = (
        insert(Throttle)
        .values(kind=limit.kind, subject=subject, tries=1)
        .on_conflict_do_update(
            index_elements=["kind", "subject"],
            set_={
                "tries": sa.case((over, 1), else_=col(Throttle.tries) + 1),
                "since": sa.case((over, now), else_=since),
            },
        )
        .returning(col(Throttle.tries), sa.extract("epoch", since + limit.within - now))
    )
    tries, seconds = (await session.execute(counted)).one()
    if tries > limit.most:
        raise TooMany(seconds=max(1, int(seconds)))


@by(Office.GATE)
async def give_back(session: AsyncSession, limit: Limit, subject: str) -> None:
    """Take one try back: it was right. Others that were wrong stay counted."""
    mine = (col(Throttle.kind) == limit.kind) & (col(Throttle.subject) == subject)
    await session.execute(sa.update(Throttle).where(mine).values(tries=sa.func.greatest(col(Throttle.tries) - 1, 0)))


@by(Office.GATE)
async def forget(session: AsyncSession, limit: Limit, subject: str) -> None:
    """Begin anew for somebody who was right, and drop old counts that nobody comes back to."""
    mine = (col(Throttle.kind) == limit.kind) & (col(Throttle.subject) == subject)
    await session.execute(sa.delete(Throttle).where(mine))
    await session.execute(_STALE)


_STALE = sa.text(
    "delete from throttle where (kind, subject) in (select kind, subject from throttle "
    "where since < clock_timestamp() - interval '1 hour' limit 100 for update skip locked)"
)
