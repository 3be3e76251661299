"""Reading for jobs, beyond one's own: whether one of a kind is waiting already, and what there is to do."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.kinds import RunState
from domain.records import Job, PhraseVector

STEP = 5_000
"""How many phrases one question names; PostgreSQL takes 32,767 parameters."""


async def waits(session: AsyncSession, kind: str) -> bool:
    """Tell whether a job of this kind is queued and not begun: it will see what this transaction commits first."""
    statement = sa.select(sa.exists().where(col(Job.kind) == kind, col(Job.state) == RunState.QUEUED))
    found: bool = (await session.execute(statement)).scalar_one()
    return found


async def unknown_phrases(session: AsyncSession, phrases: Iterable[str]) -> list[str]:
    """Return those of `phrases` that have no row yet, in alphabetical order; a phrase is nobody's secret."""
    wanted = sorted(set(phrases))
    known: set[str] = set()
    for start in range(0, len(wanted), STEP):
        some = wanted[start : start + STEP]
        statement = sa.select(col(PhraseVector.phrase)).where(col(PhraseVector.phrase).in_(some))
        known.update((await session.execute(statement)).scalars())
    return [phrase for phrase in wanted if phrase not in known]
