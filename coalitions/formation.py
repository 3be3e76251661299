"""How a consortium in formation stands, and how its promises fall on months."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from coalitions.shares import by_largest_remainder
from domain.kinds import ConsortiumState, MembershipState

Month = TypeVar("Month", bound=date)

PENDING = frozenset({MembershipState.PROPOSED, MembershipState.INVITED, MembershipState.COUNTERED})
SETTLED = frozenset({MembershipState.ACCEPTED, MembershipState.SIGNED, MembershipState.ACTIVE})

REMINDERS = (0.5, 0.9)
"""The parts of the time given for an answer after which the firm that was asked is reminded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One member's seat as its terms in force say: the units of each package it takes."""

    organisation_id: UUID
    state: MembershipState
    lead: bool
    units: Mapping[UUID, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Units of a package that no live seat covers (positive) or that are promised twice (negative)."""

    package_id: UUID
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the formation is: whom it waits for, what is not covered, whether exactly one leads, how many they are."""

    waiting: tuple[UUID, ...]
    gaps: tuple[Gap, ...]
    led: bool
    members: int

    @property
    def state(self) -> ConsortiumState:
        """`agreed` once nobody is waited for, every unit is covered exactly and one of two or more members leads."""
        whole = not self.waiting and not self.gaps and self.led and self.members > 1
        return ConsortiumState.AGREED if whole else ConsortiumState.FORMING


def standing(quantities: Mapping[UUID, int], seats: Iterable[Seat]) -> Standing:
    """Tell how a formation stands: `quantities` is what each package needs, `seats` who sits where.

    >>> package, firm = UUID(int=1), UUID(int=2)
    >>> seat = Seat(organisation_id=firm, state=MembershipState.ACCEPTED, lead=True, units={package: 3})
    >>> standing({package: 4}, [seat]).gaps
    (Gap(package_id=UUID('00000000-0000-0000-0000-000000000001'), units=1),)
    """
    live = [seat for seat in seats if seat.state in PENDING | SETTLED]
    waiting = tuple(seat.organisation_id for seat in live if seat.state in PENDING)
    gaps = tuple(
        Gap(package_id=package, units=missing)
        for package, needed in quantities.items()
        if (missing := needed - sum(seat.units.get(package, 0) for seat in live))
    )
    return Standing(waiting=waiting, gaps=gaps, led=sum(seat.lead for seat in live) == 1, members=len(live))


def reminders_due(sent: datetime, deadline: datetime, now: datetime) -> int:
    """Return how many reminders have fallen due by `now`: at one half and at nine tenths of the time given.

    >>> sent, deadline = datetime(2027, 1, 4), datetime(2027, 1, 14)
    >>> [reminders_due(sent, deadline, datetime(2027, 1, day)) for day in (8, 9, 13)]
    [0, 1, 2]
    """
    return sum(now >= sent + (deadline - sent) * part for part in REMINDERS)


def spread(units: int, free: Mapping[date, int]) -> dict[date, int] | None:
    """Lay `units` over months in proportion to what each has free; months that get nothing are left out.

    None when the months together have less free than that. A month never gets more than it has, since each quota is at
    most its free amount and so is its round-up.

    >>> spread(5, {date(2027, 1, 1): 4, date(2027, 2, 1): 4, date(2027, 3, 1): 0})
    {datetime.date(2027, 1, 1): 3, datetime.date(2027, 2, 1): 2}
    """
    if units > sum(free.values()):
        return None
    if units == 0:
        return {}
    return {month: part for month, part in by_largest_remainder(free, units).items() if part}
