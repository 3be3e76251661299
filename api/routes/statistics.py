"""Released statistics over HTTP: the list, a table, and the table as a file."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import BodyKwarg, FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from api.i18n import Locale, locale_of, say
from api.queries import statistics as queries
from api.spreadsheets import attachment, csv_bytes
from api.wire.statistics import ReleaseOut, TableOut, listed, told, worded
from domain.actor import Actor
from domain.message import Message

Csv = Annotated[bytes, BodyKwarg(schema_extra={"format": "binary", "examples": ["﻿门类,规模,数值"]})]


def lines(table: TableOut, locale: Locale) -> Iterator[Sequence[str | int | None]]:
    """Yield the headings of a table as a file, then one line a number."""
    suppressed = say(locale, Message(code="suppressed"), section="statistic_value")
    heads = [say(locale, Message(code=name), section="dimension") for name in (*table.dimensions, "value")]
    yield heads
    for each in table.numbers:
        keys = [worded(name, value, locale) for name, value in zip(table.dimensions, each.key, strict=True)]
        yield [*keys, suppressed if each.value is None else each.value]


@get("/statistics", operation_id="listStatistics", tags=["statistics"])
async def list_statistics(
    request: Request[Any, Any, Any], snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> tuple[ReleaseOut, ...]:
    """List the tables that were released, the newest quarter first."""
    locale = locale_of(request)
    return tuple(listed(row, locale) for row in await queries.releases(snapshot, actor))


@get("/statistics/{identity:uuid}", operation_id="getStatistic", tags=["statistics"])
async def get_statistic(
    request: Request[Any, Any, Any],
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
) -> TableOut:
    """Read a released table; a number that could point at one firm is suppressed."""
    return told(await queries.released(snapshot, actor, identity), locale_of(request))


@get(
    "/statistics/{identity:uuid}/csv",
    operation_id="getStatisticCsv",
    tags=["statistics"],
    responses={200: ResponseSpec(Csv, description="The table, one row a number", media_type="text/csv")},
)
async def get_statistic_csv(
    request: Request[Any, Any, Any],
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
) -> Response[bytes]:
    """Get a released table as CSV, every cell inert."""
    locale = locale_of(request)
    table = told(await queries.released(snapshot, actor, identity), locale)
    name = f"lianzhou-{table.cube}-{table.period:%Y-%m}.csv"
    headers = {"Content-Disposition": attachment(name), "Cache-Control": "private, no-store"}
    return Response(csv_bytes(list(lines(table, locale))), media_type="text/csv", headers=headers)


HANDLERS = [list_statistics, get_statistic, get_statistic_csv]
