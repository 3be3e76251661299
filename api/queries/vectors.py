"""Reading and filling phrase vectors; a phrase is nobody's secret, so no actor narrows this."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.records import PhraseVector


async def empty(session: AsyncSession, encoder: str, limit: int) -> list[str]:
    """Return up to `limit` phrases without the vector of one encoder, in alphabetical order."""
    statement = (
        sa.select(col(PhraseVector.phrase))
        .where(_column(encoder).is_(None))
        .order_by(col(PhraseVector.phrase))
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


def _column(encoder: str) -> Any:
    return {"sentence": PhraseVector.sentence, "passage": PhraseVector.passage}[encoder]


async def counts(session: AsyncSession, encoder: str) -> tuple[int, int]:
    """Return how many phrases have the vector of one encoder, and how many phrases there are."""
    filled = sa.func.count().filter(_column(encoder).is_not(None))
    done, every = (await session.execute(sa.select(filled, sa.func.count()).select_from(PhraseVector))).one()
    return done, every


async def fill(session: AsyncSession, phrases: Sequence[str], rows: Mapping[str, NDArray[np.float32]]) -> None:
    """Write the vectors of `phrases`, by the encoder's name."""
    table = PhraseVector.__table__  # type: ignore[attr-defined]
    names = sorted(rows)
    statement = (
        sa.update(table)
        .where(table.c.phrase == sa.bindparam("key"))
        .values({name: sa.bindparam(f"new_{name}") for name in names})
    )
    values = [{"key": phrase} | {f"new_{name}": rows[name][at] for name in names} for at, phrase in enumerate(phrases)]
    await (await session.connection()).execute(statement, values)
