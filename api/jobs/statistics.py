"""Statistics are released when a quarter has begun: counted, made safe outside any transaction, kept in one commit."""

from datetime import date
from typing import Any

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api import logs
from api.actions import statistics
from api.db import snapshot, transaction
from api.queries import statistics as reading
from api.queries.statistics import MEASURES, PRICES, Counted
from api.tenancy import Office, doing
from coalitions.statistics import AT_LEAST, Key, Table, exposed, price_index, tabulated

Made = tuple[str, str, dict[Key, int | None], dict[str, Any]]
"""A table by name and subject, what it shows, and what the next one has to know."""


async def release(engine: AsyncEngine, sessions: async_sessionmaker[AsyncSession]) -> int:
    """Release every table for the quarter it is, unless that was done; return how many.

    Before five independent firms have declared anything there is nothing to release.
    """
    async with snapshot(engine, doing(Office.SOLVER)) as session:
        period = await reading.quarter(session)
        if await reading.is_released(session, period):
            return 0
        counted = [each for each in await reading.counted(session) if each.cells]
        if not any(len({firm for cell in each.cells.values() for firm in cell}) >= AT_LEAST for each in counted):
            return 0
        former = {(each.cube, each.subject): await _former(session, each) for each in counted}
        asked, before = await reading.prices(session), await reading.grounds(session, PRICES, "", limit=2)
    made = await to_thread.run_sync(lambda: [_made(each, former[each.cube, each.subject]) for each in counted])
    tables = [each for each in made if each is not None]
    tables.append((PRICES, "", _moved(before), {"period": str(period), "prices": _plain(asked)}))
    return await _keep(sessions, period, tables)


async def _former(session: AsyncSession, counted: Counted) -> Table | None:
    found = await reading.grounds(session, counted.cube, counted.subject)
    return reading.table_of(found[0][1]) if found else None


def _made(counted: Counted, former: Table | None) -> Made | None:
    """Return a table made safe; None for one that the audit still finds open, which is then not released."""
    table = tabulated(counted.dimensions, counted.cells, MEASURES[counted.cube], former)
    if exposed(table):
        logs.logger().error("statistics.unsafe", cube=counted.cube, subject=counted.subject)
        return None
    return counted.cube, counted.subject, dict(table.shown), reading.ground_of(table)


def _moved(before: list[tuple[date, dict[str, Any]]]) -> dict[Key, int | None]:
    """Return how prices moved over the quarter that has ended: what this quarter's are is told a quarter later."""
    if len(before) < 2:
        return {}
    (_, last), (_, earlier) = before
    then = {tuple(key): amounts for key, amounts in earlier["prices"]}
    return {tuple(key): price_index(then.get(tuple(key), {}), amounts) for key, amounts in last["prices"]}


def _plain(cells: dict[Key, dict[str, int]]) -> list[Any]:
    return [[list(key), amounts] for key, amounts in sorted(cells.items())]


async def _keep(sessions: async_sessionmaker[AsyncSession], period: date, tables: list[Made]) -> int:
    async with transaction(sessions, doing(Office.WORKER)) as session:
        await reading.taken_in_turn(session)
        if await reading.is_released(session, period):
            return 0
        for cube, subject, shown, ground in tables:
            await statistics.release(session, cube, subject, period, shown, ground)
        return len(tables)
