"""Capacity kept for a membership: soft from invitation, hard from signature, given back when it ends.

The sum is the database's: a trigger moves ``capacity_month.reserved`` and a CHECK refuses what would exceed it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import consortia
from coalitions.formation import spread
from domain.actor import Actor
from domain.calendar import months
from domain.errors import CapacityExceeded
from domain.kinds import HoldState
from domain.records import Capability, CapacityHold, CapacityMonth, Membership, TermsLine, WorkPackage

Promise = tuple[Membership, TermsLine, WorkPackage]


async def keep(session: AsyncSession, actor: Actor, promises: Sequence[Promise], until: datetime) -> None:
    """Hold, softly and until `until`, what the terms of several members promise.

    A line without a capability, or whose capability states no monthly quantity in the package's unit, holds nothing:
    its capacity is undeclared. Months are filled in proportion to what they have free.

    Raises CapacityExceeded naming package, units and what is free.
    """
    named = [line.capability_id for _, line, _ in promises if line.capability_id is not None]
    known = await consortia.capabilities(session, actor, named)
    declared = [
        (membership, line, package, capability)
        for membership, line, package in promises
        if line.capability_id is not None
        and (capability := known[line.capability_id]).monthly_quantity is not None
        and capability.unit == package.unit
    ]
    for _, _, package, capability in declared:
        await _open_months(session, capability, months(package.starts, package.ends))
    wanted = [
        (capability.id, month)
        for _, _, package, capability in declared
        for month in months(package.starts, package.ends)
    ]
    found = await consortia.buckets(session, actor, wanted)
    needs: dict[tuple[UUID, int], int] = {}
    left = {_id(bucket): bucket.declared - bucket.reserved for by in found.values() for bucket in by.values()}
    for membership, line, package, capability in declared:
        buckets = {m: found[capability.id][m] for m in months(package.starts, package.ends)}
        parts = spread(line.units, {m: left[_id(bucket)] for m, bucket in buckets.items()})
        if parts is None:
            free = sum(left[_id(bucket)] for bucket in buckets.values())
            raise CapacityExceeded(package=package.code, units=line.units, free=free)
        for month, units in parts.items():
            bucket = _id(buckets[month])
            left[bucket] -= units
            needs[membership.id, bucket] = needs.get((membership.id, bucket), 0) + units
    for (member, bucket), units in sorted(needs.items(), key=lambda item: item[0][1]):
        session.add(CapacityHold(membership_id=member, capacity_month_id=bucket, quantity=units, expires_at=until))
    await session.flush()


def _id(bucket: CapacityMonth) -> int:
    if bucket.id is None:
        raise RuntimeError("a capacity month that was read has its id")
    return bucket.id


async def _open_months(session: AsyncSession, capability: Capability, wanted: Sequence[date]) -> None:
    """Make sure each month has its row; one that is not there yet has the capability's monthly quantity."""
    rows = [
        {
            "capability_id": capability.id,
            "organisation_id": capability.organisation_id,
            "month": month,
            "declared": capability.monthly_quantity,
            "reserved": 0,
        }
        for month in wanted
    ]
    await session.execute(insert(CapacityMonth).values(rows).on_conflict_do_nothing())


async def harden(session: AsyncSession, actor: Actor, membership: Membership) -> None:
    """Turn a member's soft holds into hard ones: it has signed."""
    await _move(session, actor, membership, HoldState.HARD)


async def release(session: AsyncSession, actor: Actor, membership: Membership) -> None:
    """Give back everything held for a membership."""
    await _move(session, actor, membership, HoldState.RELEASED)


async def _move(session: AsyncSession, actor: Actor, membership: Membership, wanted: HoldState) -> None:
    for hold in await consortia.live_holds(session, actor, membership.id):
        if hold.state is not wanted:
            hold.become(wanted)
    await session.flush()


async def extend(session: AsyncSession, actor: Actor, membership: Membership, until: datetime) -> None:
    """Keep a member's soft holds until `until`: it has accepted and waits for the others."""
    for hold in await consortia.live_holds(session, actor, membership.id):
        hold.expires_at = until
    await session.flush()
