"""Reading what is under way for the person at the desk."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from domain.actor import Actor
from domain.kinds import RunState
from domain.records import Job


async def under_way(session: AsyncSession, actor: Actor, subject: UUID, kind: str) -> Job | None:
    """Return the newest of the actor's jobs of one kind about one thing that has not ended, or None."""
    statement = (
        visible.jobs(actor)
        .where(
            col(Job.subject_id) == subject,
            col(Job.kind) == kind,
            col(Job.state).in_((RunState.QUEUED, RunState.RUNNING)),
        )
        .order_by(col(Job.created_at).desc())
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()
