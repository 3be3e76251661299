"""What is limited: how many there may be in this deployment, and how much is under way."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.kinds import RunState
from domain.limits import LIMITS
from domain.records import ImportBatch, Job, Quota

WORK = ("suggest", "repair", "counter-check")
OPEN = (RunState.QUEUED, RunState.RUNNING)


async def stated(session: AsyncSession) -> dict[str, int]:
    """Return how many there may be of each limit, as this deployment states it."""
    other = {name: most for name, most in await session.execute(sa.select(col(Quota.name), col(Quota.most)))}
    return {name: other.get(name, limit.most) for name, limit in LIMITS.items()}


async def under_way(session: AsyncSession, organisation: UUID) -> tuple[int, int]:
    """Return how many pieces of work of an organisation have not ended, and how many there may be.

    Whoever asks the same of it in another transaction waits until this one has ended: together they cannot exceed.
    """
    await _take_turns(session, "jobs", organisation)
    count = sa.select(sa.func.count()).where(
        col(Job.organisation_id) == organisation, col(Job.kind).in_(WORK), col(Job.state).in_(OPEN)
    )
    return await _counted(session, count, "jobs")


async def imported(session: AsyncSession, organisation: UUID) -> tuple[int, int]:
    """Return how many files an organisation has brought in within a day, and how many it may; takes turns likewise."""
    await _take_turns(session, "imports", organisation)
    recent = col(ImportBatch.created_at) > sa.func.clock_timestamp() - sa.text("interval '1 day'")
    count = sa.select(sa.func.count()).where(col(ImportBatch.organisation_id) == organisation, recent)
    return await _counted(session, count, "imports")


async def _take_turns(session: AsyncSession, name: str, organisation: UUID) -> None:
    key = sa.func.hashtextextended(f"{name}:{organisation}", 0)
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


async def _counted(session: AsyncSession, count: "sa.Select[int]", name: str) -> tuple[int, int]:
    return int((await session.execute(count)).scalar_one()), (await stated(session))[name]
