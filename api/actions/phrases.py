"""Phrases are kept once each, and a job computes their vectors."""

from collections.abc import Iterable

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.outbox import enqueue
from api.queries import jobs
from domain.actor import Actor
from domain.records import Job, PhraseVector


async def remember(session: AsyncSession, actor: Actor, phrases: Iterable[str | None]) -> None:
    """Keep phrases that are not known yet, and see to it that their vectors will be computed."""
    unknown = await jobs.unknown_phrases(session, {phrase for phrase in phrases if phrase})
    if unknown:
        rows = [{"phrase": phrase} for phrase in unknown]
        await session.execute(insert(PhraseVector).on_conflict_do_nothing(), rows)
        await compute(session, actor)


async def compute(session: AsyncSession, actor: Actor) -> None:
    """Queue the vector job, unless one is waiting already: a hundred declarations are one job.

    Two at the same moment may both queue one; the second then finds nothing to do.
    """
    if not await jobs.waits(session, "vectors"):
        await enqueue(session, Job(kind="vectors", organisation_id=actor.organisation_id, user_id=actor.user_id))
