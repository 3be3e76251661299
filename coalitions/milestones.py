"""Milestones of a member's part of a package: a plan from its delivery window, and how far reality slips from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from domain.kinds import MilestoneKind, PackageKind

M = MilestoneKind
USUAL: Mapping[PackageKind, tuple[tuple[MilestoneKind, int], ...]] = {
    PackageKind.GOODS: ((M.STARTED, 0), (M.HALFWAY, 50), (M.INSPECTED, 80), (M.SHIPPED, 90), (M.DELIVERED, 100)),
    PackageKind.WORKS: ((M.STARTED, 0), (M.HALFWAY, 50), (M.INSPECTED, 90), (M.HANDED_OVER, 100)),
    PackageKind.SERVICES: ((M.STARTED, 0), (M.HALFWAY, 50), (M.HANDED_OVER, 100)),
}
"""The milestones a plan starts from, each at a percentage of the package's window; the leader moves them."""


class Pace(StrEnum):
    """How a milestone stands against its plan."""

    REACHED = "reached"
    ON_TIME = "on_time"
    SLIPPING = "slipping"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The three dates of a milestone; a forecast is the reporting member's, and none means as planned."""

    planned: date
    forecast: date | None = None
    actual: date | None = None

    def expected(self, today: date) -> date:
        """Return the day it was reached, else the day it is expected: never earlier than today."""
        return self.actual or max(self.forecast or self.planned, today)

    def slippage(self, today: date) -> int:
        """Return by how many days it comes later than planned; negative where it comes earlier.

        >>> Progress(planned=date(2027, 3, 1), forecast=date(2027, 3, 8)).slippage(date(2027, 2, 1))
        7
        """
        return (self.expected(today) - self.planned).days

    def pace(self, today: date) -> Pace:
        """Tell how it stands: reached, overdue since its planned day is past, slipping by its forecast, or on time."""
        if self.actual is not None:
            return Pace.REACHED
        if today > self.planned:
            return Pace.OVERDUE
        return Pace.SLIPPING if self.slippage(today) > 0 else Pace.ON_TIME


def usual_plan(kind: PackageKind, starts: date, ends: date) -> tuple[tuple[MilestoneKind, date], ...]:
    """Lay the usual milestones of a kind of work over its window, both ends included.

    >>> [day.isoformat() for _, day in usual_plan(PackageKind.SERVICES, date(2027, 1, 1), date(2027, 1, 31))]
    ['2027-01-01', '2027-01-16', '2027-01-31']
    """
    window = (ends - starts).days
    return tuple((what, starts + timedelta(days=window * percent // 100)) for what, percent in USUAL[kind])
