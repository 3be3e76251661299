"""Reading jobs beyond one's own: whether one of a kind is waiting already."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.kinds import RunState
from domain.records import Job


async def waits(session: AsyncSession, kind: str) -> bool:
    """Tell whether a job of this kind is queued and not begun: it will see what this transaction commits first."""
    statement = sa.select(sa.exists().where(col(Job.kind) == kind, col(Job.state) == RunState.QUEUED))
    found: bool = (await session.execute(statement)).scalar_one()
    return found
