"""What statistics are counted from, as cells by independent firm, and the tables that were released."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from coalitions.statistics import Hidden, Key, Known, Part, Table
from domain.actor import Actor
from domain.errors import NotAllowed, NotFound
from domain.kinds import CapabilityState, Role
from domain.records import (
    Capability,
    CapabilityPrice,
    Organisation,
    Signature,
    StatisticCell,
    StatisticGround,
    StatisticRelease,
)

FIRMS, DECLARATIONS, REACH, CAPACITY, SIGNED, PRICES = (
    "firms",
    "declarations",
    "reach",
    "capacity",
    "signed",
    "prices",
)
MEASURES = {FIRMS: "count", DECLARATIONS: "count", REACH: "count", CAPACITY: "quantity", SIGNED: "count"}
DIMENSIONS = {
    FIRMS: ("city", "size"),
    DECLARATIONS: ("family", "size"),
    REACH: ("family", "country"),
    CAPACITY: ("family", "size"),
    SIGNED: ("month", "size"),
    PRICES: ("family",),
}
"""What the tables are by. No reader chooses: a table with a filter is another table."""
UNSAID = "-"
CLASS_DIGITS = 2
TURN = 7_145_014


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one table is made from: its name, what it is about (a unit, or nothing), and its cells."""

    cube: str
    subject: str
    cells: Mapping[Key, Mapping[str, int]]

    @property
    def dimensions(self) -> tuple[tuple[str, ...], ...]:
        """The values that occur in each dimension."""
        return tuple(tuple(sorted(values)) for values in zip(*map(list, self.cells), strict=True)) if self.cells else ()


async def quarter(session: AsyncSession) -> date:
    """Return the first day of the quarter it is, by the database's clock: what is released is released once in it."""
    start = sa.cast(sa.func.date_trunc("quarter", sa.func.clock_timestamp()), sa.Date)
    return (await session.execute(sa.select(start))).scalar_one()


async def taken_in_turn(session: AsyncSession) -> None:
    """Let tables be released by one process after the other until the transaction ends."""
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(TURN)))


async def is_released(session: AsyncSession, period: date) -> bool:
    """Tell whether anything was released for a period: then everything was, in one commit."""
    found = sa.select(sa.exists().where(col(StatisticRelease.period) == period))
    return bool((await session.execute(found)).scalar_one())


async def counted(session: AsyncSession) -> tuple[Counted, ...]:
    """Return what every table is counted from, as things stand. Firms under one controller are one."""
    declared = await _declarations(session)
    units = sorted({row.unit for row, _, _ in declared if row.unit and row.monthly_quantity})
    return (
        Counted(cube=FIRMS, subject="", cells=folded(await _firms(session))),
        Counted(cube=DECLARATIONS, subject="", cells=folded(_by_family(declared))),
        Counted(cube=REACH, subject="", cells=folded(_by_country(declared))),
        *(Counted(cube=CAPACITY, subject=unit, cells=folded(_capacity(declared, unit))) for unit in units),
        Counted(cube=SIGNED, subject="", cells=folded(await _signed(session))),
    )


Amount = tuple[Key, str, int]
"""A cell, an independent firm, and what it brings to it."""
Declared = Sequence[tuple[Capability, Organisation, CapabilityPrice | None]]


def folded(amounts: Iterable[Amount]) -> dict[Key, dict[str, int]]:
    """Add up what each independent firm brings to each cell.

    >>> folded([(("a",), "F1", 2), (("a",), "F1", 3)])
    {('a',): {'F1': 5}}
    """
    cells: dict[Key, dict[str, int]] = {}
    for key, firm, amount in amounts:
        cell = cells.setdefault(key, {})
        cell[firm] = cell.get(firm, 0) + amount
    return cells


def controller(firm: Organisation) -> str:
    """Return who a firm is counted as: its controller, or itself."""
    return firm.group_name or str(firm.id)


def size(firm: Organisation) -> str:
    """Return the size class of a firm: ``sme``, ``large`` or ``-`` where it has said nothing."""
    return UNSAID if firm.sme is None else "sme" if firm.sme else "large"


def family(row: Capability, firm: Organisation) -> str:
    """Return the family of a capability: the first two digits of its code, else the industry of its firm."""
    coded = f"{row.code_system} {row.code[:CLASS_DIGITS]}" if row.code_system and row.code else None
    return coded or firm.industry or UNSAID


async def _firms(session: AsyncSession) -> list[Amount]:
    partners = sa.or_(*(sa.any_(col(Organisation.roles)) == str(role) for role in visible.PARTNERS))
    statement = sa.select(Organisation).where(col(Organisation.registered), partners)
    rows = (await session.execute(statement)).scalars()
    return [((firm.city or UNSAID, size(firm)), controller(firm), 1) for firm in rows]


async def _declarations(session: AsyncSession) -> Declared:
    statement = (
        sa.select(Capability, Organisation, CapabilityPrice)
        .join(Organisation, col(Organisation.id) == col(Capability.organisation_id))
        .outerjoin(CapabilityPrice, col(CapabilityPrice.capability_id) == col(Capability.id))
        .where(col(Capability.state) == CapabilityState.DECLARED, col(Organisation.registered))
    )
    return [(row, firm, price) for row, firm, price in await session.execute(statement)]


def _by_family(declared: Declared) -> list[Amount]:
    return [((family(row, firm), size(firm)), controller(firm), 1) for row, firm, _ in declared]


def _by_country(declared: Declared) -> list[Amount]:
    return [
        ((family(row, firm), country), controller(firm), 1) for row, firm, _ in declared for country in row.countries
    ]


def _capacity(declared: Declared, unit: str) -> list[Amount]:
    return [
        ((family(row, firm), size(firm)), controller(firm), row.monthly_quantity)
        for row, firm, _ in declared
        if row.unit == unit and row.monthly_quantity
    ]


async def _signed(session: AsyncSession) -> list[Amount]:
    statement = sa.select(Signature, Organisation).join(
        Organisation, col(Organisation.id) == col(Signature.organisation_id)
    )
    return [
        ((f"{row.created_at:%Y-%m}", size(firm)), controller(firm), 1)
        for row, firm in await session.execute(statement)
        if row.created_at is not None
    ]


async def prices(session: AsyncSession) -> dict[Key, dict[str, int]]:
    """Return what a firm asks for a unit, by family, currency and unit: the mean of its own where it has several."""
    asked: dict[Key, dict[str, list[int]]] = {}
    for row, firm, price in await _declarations(session):
        if price is not None and price.unit_price:
            key = (f"{family(row, firm)} · {price.currency}/{row.unit}",)
            asked.setdefault(key, {}).setdefault(controller(firm), []).append(price.unit_price)
    return {key: {firm: round(sum(each) / len(each)) for firm, each in firms.items()} for key, firms in asked.items()}


# ---- what was released ----


async def grounds(session: AsyncSession, cube: str, subject: str, limit: int = 1) -> list[tuple[date, dict[str, Any]]]:
    """Return what the last releases of a table were counted from, the newest first."""
    statement = (
        sa.select(col(StatisticRelease.period), StatisticGround)
        .join(StatisticGround, col(StatisticGround.release_id) == col(StatisticRelease.id))
        .where(col(StatisticRelease.cube) == cube, col(StatisticRelease.subject) == subject)
        .order_by(col(StatisticRelease.period).desc())
        .limit(limit)
    )
    return [(period, row.ground) for period, row in await session.execute(statement)]


def ground_of(table: Table) -> dict[str, Any]:
    """Return what has to be remembered of a table, ready for JSON."""
    return {
        "dimensions": [list(values) for values in table.dimensions],
        "cells": [[list(key), dict(amounts)] for key, amounts in sorted(table.cells.items())],
        "versions": [[list(key), version] for key, version in sorted(table.versions.items())],
        "known": [[_said(each.parts), each.low, each.high] for each in table.known],
        "hidden": [[_said(each.parts), each.total, each.sensitive] for each in table.hidden],
    }


def _said(parts: Iterable[Part]) -> list[Any]:
    return [[list(key), version] for key, version in sorted(parts)]


def table_of(ground: Mapping[str, Any]) -> Table:
    """Return the table that was remembered; what it showed is not needed for the next."""
    return Table(
        dimensions=tuple(map(tuple, ground["dimensions"])),
        shown={},
        cells={tuple(key): amounts for key, amounts in ground["cells"]},
        versions={tuple(key): version for key, version in ground["versions"]},
        known=frozenset(Known(parts=_parts(parts), low=low, high=high) for parts, low, high in ground["known"]),
        hidden=frozenset(
            Hidden(parts=_parts(parts), total=total, sensitive=sensitive)
            for parts, total, sensitive in ground["hidden"]
        ),
    )


def _parts(said: Iterable[Any]) -> frozenset[Part]:
    return frozenset((tuple(key), version) for key, version in said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A released table with its numbers, none where one was left out."""

    release: StatisticRelease
    cells: tuple[StatisticCell, ...]


def _watching(actor: Actor) -> None:
    if not visible.watches(actor):
        raise NotAllowed(needed=str(Role.BUREAU))


async def releases(session: AsyncSession, actor: Actor, limit: int = 200) -> list[StatisticRelease]:
    """Return the released tables, the newest period first. Raises NotAllowed unless the actor oversees the city."""
    _watching(actor)
    statement = (
        sa.select(StatisticRelease)
        .order_by(col(StatisticRelease.period).desc(), col(StatisticRelease.cube), col(StatisticRelease.subject))
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def released(session: AsyncSession, actor: Actor, identity: UUID) -> Released:
    """Return one released table. Raises NotAllowed, NotFound."""
    _watching(actor)
    row = await session.get(StatisticRelease, identity)
    if row is None:
        raise NotFound(noun="statistic")
    statement = (
        sa.select(StatisticCell).where(col(StatisticCell.release_id) == identity).order_by(col(StatisticCell.place))
    )
    return Released(release=row, cells=tuple((await session.execute(statement)).scalars()))
