"""Tables of statistics are released once a period, and stay as they were."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from coalitions.statistics import Key
from domain.records import StatisticCell, StatisticGround, StatisticRelease


async def release(
    session: AsyncSession,
    cube: str,
    subject: str,
    period: date,
    shown: Mapping[Key, int | None],
    ground: dict[str, Any],
) -> StatisticRelease:
    """Keep one table for a period, with what the next release has to know."""
    dimensions = [sorted(set(values)) for values in zip(*shown, strict=True)] if shown else []
    row = StatisticRelease(cube=cube, subject=subject, period=period, dimensions=dimensions)
    session.add(row)
    await session.flush()
    session.add_all(
        StatisticCell(release_id=row.id, place=place, key=list(key), value=shown[key])
        for place, key in enumerate(sorted(shown))
    )
    session.add(StatisticGround(release_id=row.id, ground=ground))
    await session.flush()
    return row
