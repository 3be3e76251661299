"""Capacity kept for a membership: soft from invitation, hard from signature, given back when it ends.

The sum is the database's: a trigger moves ``capacity_month.reserved`` and a CHECK refuses what would exceed it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import consortia
from api.tenancy import Office, by
from coalitions.formation import spread
from domain.actor import Actor
from domain.calendar import months
from domain.errors import CapacityExceeded
from domain.kinds import HoldState
from domain.records import Capability, CapacityHold, CapacityMonth, Membership, TermsLine, WorkPackage

Promise = tuple[Membership, TermsLine, WorkPackage]
Declared = tuple[Membership, TermsLine, WorkPackage, Capability, tuple[date, ...]]


@by(Office.FORMATION)
async def keep(session: AsyncSession, actor: Actor, promises: Sequence[Promise], until: datetime) -> None:
    """Hold, softly and until `until`, what the terms of several members promise, instead of what they hold already.

    A line without a capability, or whose capability states no monthly quantity in the package's unit, holds nothing:
    its capacity is undeclared. Months are filled in proportion to what they have free.

    Raises CapacityExceeded naming package, units, months and what is free in them.
    """
    declared = await _declared(session, actor, promises)
    wanted = sorted({(capability.id, month) for *_, capability, span in declared for month in span})
    await _open_months(session, wanted, {capability.id: capability for *_, capability, _ in declared})
    before = await consortia.live_holds(session, actor, [member.id for member, _, _ in promises])
    found = await consortia.buckets(session, actor, wanted, [hold.capacity_month_id for hold in before])
    left = {_id(bucket): bucket.declared - bucket.reserved for by in found.values() for bucket in by.values()}
    for hold in before:
        left[hold.capacity_month_id] += hold.quantity
        hold.become(HoldState.RELEASED)
    await session.flush()
    needs: dict[tuple[UUID, int], int] = {}
    for member, line, package, capability, span in declared:
        buckets = {month: _id(found[capability.id][month]) for month in span}
        parts = spread(line.units, {month: left[bucket] for month, bucket in buckets.items()})
        if parts is None:
            free = sum(left[bucket] for bucket in buckets.values())
            raise CapacityExceeded(package=package.code, units=line.units, free=free, months=_named(span))
        for month, units in parts.items():
            bucket = buckets[month]
            left[bucket] -= units
            needs[member.id, bucket] = needs.get((member.id, bucket), 0) + units
    for (identity, bucket), units in sorted(needs.items(), key=lambda item: item[0][1]):
        session.add(CapacityHold(membership_id=identity, capacity_month_id=bucket, quantity=units, expires_at=until))
    await session.flush()


async def _declared(session: AsyncSession, actor: Actor, promises: Sequence[Promise]) -> list[Declared]:
    """Return the promises whose capacity is declared, each with its capability and its months."""
    named = [line.capability_id for _, line, _ in promises if line.capability_id is not None]
    known = await consortia.capabilities(session, actor, named, keep=True)
    return [
        (member, line, package, capability, tuple(months(package.starts, package.ends)))
        for member, line, package in promises
        if line.capability_id is not None
        and (capability := known[line.capability_id]).monthly_quantity is not None
        and capability.unit == package.unit
    ]


def _named(span: Sequence[date]) -> str:
    """Name months as a reader would: the one, or the first and the last."""
    return "–".join(f"{month:%Y-%m}" for month in dict.fromkeys((span[0], span[-1])))


def _id(bucket: CapacityMonth) -> int:
    if bucket.id is None:
        raise RuntimeError("a capacity month that was read has its id")
    return bucket.id


async def _open_months(
    session: AsyncSession, wanted: Sequence[tuple[UUID, date]], known: Mapping[UUID, Capability]
) -> None:
    """Make sure each month has its row; one that is not there yet has the capability's monthly quantity."""
    rows = [
        {
            "capability_id": identity,
            "organisation_id": known[identity].organisation_id,
            "month": month,
            "declared": known[identity].monthly_quantity,
            "reserved": 0,
        }
        for identity, month in wanted
    ]
    if rows:
        await session.execute(insert(CapacityMonth).values(rows).on_conflict_do_nothing())


@by(Office.FORMATION)
async def harden(session: AsyncSession, actor: Actor, membership: Membership) -> None:
    """Turn a member's soft holds into hard ones: it has signed."""
    for hold in await consortia.live_holds(session, actor, [membership.id]):
        if hold.state is HoldState.SOFT:
            hold.become(HoldState.HARD)
    await session.flush()


@by(Office.FORMATION)
async def release(session: AsyncSession, actor: Actor, *memberships: Membership) -> None:
    """Give back everything held for memberships."""
    held = await consortia.live_holds(session, actor, [membership.id for membership in memberships])
    await consortia.buckets(session, actor, (), [hold.capacity_month_id for hold in held])
    for hold in held:
        hold.become(HoldState.RELEASED)
    await session.flush()


@by(Office.FORMATION)
async def extend(session: AsyncSession, actor: Actor, membership: Membership, until: datetime) -> None:
    """Keep a member's soft holds until `until`: it has accepted and waits for the others."""
    for hold in await consortia.live_holds(session, actor, [membership.id]):
        hold.expires_at = until
    await session.flush()
