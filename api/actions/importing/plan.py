"""What an import is going to write: rows by table, changes to rows that are there, phrases seen for the first time.

Nothing is written while a file is judged, so that a dry run is the same work without the last step.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as made
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from api.intake.counterparties import name_key, tidy
from api.intake.report import Account
from api.queries import imports
from domain.actor import Actor
from domain.errors import Stale
from domain.records import Capability, CapabilityPrice, Organisation, SupplyLink
from domain.sealed import Sealed, row_of, sealed_columns

Values = Mapping[str, Any]
Report = Callable[[str, int, int], Awaitable[None]]
Row = Organisation | Capability | CapabilityPrice | SupplyLink

STEP = 5_000
NOUNS: Mapping[str, type[Row]] = {
    "organisation": Organisation,
    "capability": Capability,
    "capability_price": CapabilityPrice,
    "supply_link": SupplyLink,
}
WRITTEN_IN_ORDER = (
    "organisation", "organisation_alias", "capability", "capability_price", "supply_link", "narrower_product",
    "opportunity", "work_package", "requirement",
)  # fmt: skip
"""Every table an import writes; a row stands after the rows it refers to."""
_CREDIT_CODE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
_STOCK_CODE = re.compile(r"\d{6}\.(?:SH|SZ|BJ)")
_JSON_COLUMNS = frozenset({"grades", "rules", "goals"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the person who brings the file decided: whose opportunities they are, and whether changes are wanted."""

    actor: Actor
    update: bool = False
    owner_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """A change to a row that was there before: enough is kept of it to take it back."""

    row: Row
    after: Values
    aliases: tuple[tuple[str, str], ...] = ()

    def document(self) -> dict[str, Any]:
        """Return what the row says now, as JSON, before the change is made."""
        before = {name: _plain(getattr(self.row, name)) for name in self.after}
        return {
            "table": str(self.row.__tablename__),
            "id": str(self.row.capability_id if isinstance(self.row, CapabilityPrice) else self.row.id),
            "before": before,
            "aliases": [list(alias) for alias in self.aliases],
        }


@dataclass(slots=True, kw_only=True)
class Plan:
    """Rows by table."""

    rows: dict[str, list[dict[str, Any]]] = made(default_factory=lambda: {table: [] for table in WRITTEN_IN_ORDER})
    amendments: list[Amendment] = made(default_factory=list)
    phrases: set[str] = made(default_factory=set)

    def add(self, table: str, **values: Any) -> None:
        """Plan one row; all rows of a table name the same columns."""
        self.rows[table].append(values)

    def counts(self) -> dict[str, int]:
        """Return how many rows of what will be written."""
        written = {table: len(rows) for table, rows in self.rows.items() if rows}
        return written | ({"amended": len(self.amendments)} if self.amendments else {})

    async def write(self, session: AsyncSession, report: Report) -> None:
        """Write everything in the session's transaction; the large tables by COPY on its connection. Raises Stale."""
        connection = await raw_connection(session)
        total = sum(len(rows) for rows in self.rows.values())
        done = 0
        for table, rows in self.rows.items():
            for start in range(0, len(rows), STEP):
                await _copy(connection, table, rows[start : start + STEP])
                done += len(rows[start : start + STEP])
                await report("writing", done, total)
        for amendment in self.amendments:
            for name, value in amendment.after.items():
                setattr(amendment.row, name, value)
        await session.flush()


async def raw_connection(session: AsyncSession) -> "asyncpg.Connection[Any]":
    """Return the driver's connection that the session's transaction runs on."""
    await session.flush()
    raw = await (await session.connection()).get_raw_connection()
    connection: asyncpg.Connection[Any] | None = raw.driver_connection
    assert connection is not None
    assert connection.is_in_transaction()
    return connection


async def _copy(connection: "asyncpg.Connection[Any]", table: str, rows: list[dict[str, Any]]) -> None:
    """Write rows by way of a table of this transaction's own, since row-level security lets no COPY into a real one."""
    columns = list(rows[0])
    kinds = dict(sealed_columns(SQLModel.metadata.tables[table]))
    records = [tuple(_stored(name, row[name], kinds.get(name), row) for name in columns) for row in rows]
    staged, named = f"staged_{table}", ", ".join(f'"{name}"' for name in columns)
    await connection.execute(
        f"create temp table if not exists {staged} (like {table} including defaults) on commit drop"
    )
    await connection.copy_records_to_table(staged, records=records, columns=columns)
    try:
        await connection.execute(f"insert into {table} ({named}) select {named} from {staged}")  # noqa: S608 - our own names
    except asyncpg.UniqueViolationError:
        raise Stale(noun=table) from None
    await connection.execute(f"truncate {staged}")


def _stored(name: str, value: Any, kind: Sealed | None, row: Values) -> Any:
    if kind is not None and value is not None:
        return kind.sealed(value, row_of(row.get("id") or row["capability_id"]))
    return json.dumps(value, ensure_ascii=False) if name in _JSON_COLUMNS else value


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An organisation a file names, and by what: ``code``, ``name`` or ``short``."""

    row: Organisation
    way: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Organisations by every code and spelling that a file uses."""

    found: Mapping[str, Known]

    @classmethod
    async def of(cls, session: AsyncSession, references: Iterable[str]) -> "Directory":
        """Look up credit codes, stock codes and names; a full name beats a short one, a registered firm beats both."""
        wanted = set(references)
        codes = {one for one in wanted if _CREDIT_CODE.fullmatch(one)}
        stocks = {one for one in wanted if _STOCK_CODE.fullmatch(one)}
        names = wanted - codes - stocks
        keys = {one: name_key(one) for one in names}
        by_short = await imports.organisations_called(session, "short", keys.values())
        by_key = await imports.organisations_called(session, "name", keys.values())
        by_name = await imports.organisations_by(session, "name", {tidy(one) for one in names} | names)
        found = {one: Known(row=by_short[key], way="short") for one, key in keys.items() if key in by_short}
        for one, key in keys.items():
            row = by_key.get(key) or by_name.get(tidy(one)) or by_name.get(one)
            if row is not None and (row.registered or one not in found):
                found[one] = Known(row=row, way="name")
        coded = await imports.organisations_by(session, "credit_code", codes)
        coded |= await imports.organisations_called(session, "stock", stocks)
        return cls(found=found | {one: Known(row=row, way="code") for one, row in coded.items()})

    def get(self, reference: str) -> Known | None:
        """Return the organisation that `reference` names."""
        return self.found.get(reference)


def is_code(reference: str) -> bool:
    """Tell whether a reference is a credit code or a stock code rather than a name.

    >>> is_code("91350100M000100Y43"), is_code("002039.SZ"), is_code("贵州黔源电力股份有限公司")
    (True, True, False)
    """
    return bool(_CREDIT_CODE.fullmatch(reference) or _STOCK_CODE.fullmatch(reference))


Planner = Callable[[AsyncSession, Account, Options], Awaitable[Plan]]
