"""The capacity ledger of one's own firm: per capability and month what is declared, promised to whom, and free."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from api.queries.consortia import LIVE_HOLDS, clock
from domain.actor import Actor
from domain.calendar import month_after
from domain.kinds import CapabilityState, HoldState
from domain.records import Capability, CapacityHold, CapacityMonth, Consortium, Membership, Opportunity

AHEAD = 12
"""How many coming months stand in the ledger even where nobody has said anything about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A part of one month that is kept for one seat: softly until a moment, or hard since the signature."""

    consortium_id: UUID
    consortium: str
    opportunity_id: UUID
    opportunity: str
    membership_id: UUID
    quantity: int
    state: HoldState
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One month of one capability, in its unit.

    ``stated`` tells whether the month was declared by itself; else the monthly quantity of the capability counts, as
    it does when a promise is laid over the month. None where the capability states none: its capacity is undeclared.
    """

    month: date
    stated: bool
    declared: int | None
    promises: tuple[Promise, ...] = ()

    @property
    def soft(self) -> int:
        """What is kept for invitations."""
        return sum(each.quantity for each in self.promises if each.state is HoldState.SOFT)

    @property
    def hard(self) -> int:
        """What is kept for signatures."""
        return sum(each.quantity for each in self.promises if each.state is HoldState.HARD)

    @property
    def free(self) -> int | None:
        """What can still be promised."""
        return None if self.declared is None else self.declared - self.soft - self.hard


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """One capability with its months in order."""

    capability: Capability
    entries: tuple[Entry, ...]


async def of_capability(session: AsyncSession, actor: Actor, identity: UUID) -> Ledger:
    """Return the ledger of one of the actor's own capabilities. Raises NotFound."""
    row = await visible.own_capability(session, actor, identity)
    (ledger,) = await _ledgers(session, [row])
    return ledger


async def of_firm(session: AsyncSession, actor: Actor) -> tuple[Ledger, ...]:
    """Return the ledger of every capability of the actor's firm that is declared, or of which something is promised."""
    statement = visible.own_capabilities(actor).order_by(col(Capability.phrase), col(Capability.code))
    found = await _ledgers(session, list((await session.execute(statement)).scalars()))
    return tuple(
        ledger
        for ledger in found
        if ledger.capability.state is CapabilityState.DECLARED or any(entry.promises for entry in ledger.entries)
    )


async def _ledgers(session: AsyncSession, rows: list[Capability]) -> tuple[Ledger, ...]:
    ids = [row.id for row in rows]
    months = await _months(session, ids)
    promises = await _promises(session, ids)
    today = (await clock(session)).date()
    coming = [month_after(today, number) for number in range(AHEAD)]
    return tuple(
        Ledger(capability=row, entries=tuple(_entries(row, months.get(row.id, {}), promises, coming))) for row in rows
    )


def _entries(
    row: Capability,
    months: Mapping[date, CapacityMonth],
    promises: Mapping[int, tuple[Promise, ...]],
    coming: Iterable[date],
) -> Iterable[Entry]:
    """Yield the coming months and those that were declared or promised, in order; what is past and empty is not."""
    first, *_ = shown = sorted({*coming})
    kept = {day for day, month in months.items() if day >= first or promises.get(month.id or 0)}
    for day in sorted({*shown, *kept}):
        month = months.get(day)
        yield Entry(
            month=day,
            stated=month is not None,
            declared=row.monthly_quantity if month is None else month.declared,
            promises=promises.get(month.id or 0, ()) if month else (),
        )


async def _months(session: AsyncSession, capabilities: list[UUID]) -> dict[UUID, dict[date, CapacityMonth]]:
    statement = sa.select(CapacityMonth).where(col(CapacityMonth.capability_id).in_(capabilities))
    found: dict[UUID, dict[date, CapacityMonth]] = {}
    for row in (await session.execute(statement)).scalars():
        found.setdefault(row.capability_id, {})[row.month] = row
    return found


async def _promises(session: AsyncSession, capabilities: list[UUID]) -> dict[int, tuple[Promise, ...]]:
    """Return what is kept of each month, the first that falls free first; a hard promise has no end."""
    statement = (
        sa.select(CapacityHold, Membership, Consortium, Opportunity)
        .join(CapacityMonth, col(CapacityMonth.id) == col(CapacityHold.capacity_month_id))
        .join(Membership, col(Membership.id) == col(CapacityHold.membership_id))
        .join(Consortium, col(Consortium.id) == col(Membership.consortium_id))
        .join(Opportunity, col(Opportunity.id) == col(Membership.opportunity_id))
        .where(col(CapacityMonth.capability_id).in_(capabilities), col(CapacityHold.state).in_(LIVE_HOLDS))
        .order_by(col(CapacityHold.state).desc(), col(CapacityHold.expires_at), col(CapacityHold.id))
    )
    found: dict[int, tuple[Promise, ...]] = {}
    for hold, seat, consortium, opportunity in await session.execute(statement):
        promise = Promise(
            consortium_id=consortium.id,
            consortium=consortium.name,
            opportunity_id=opportunity.id,
            opportunity=opportunity.title,
            membership_id=seat.id,
            quantity=hold.quantity,
            state=hold.state,
            until=hold.expires_at if hold.state is HoldState.SOFT else None,
        )
        found[hold.capacity_month_id] = (*found.get(hold.capacity_month_id, ()), promise)
    return found
