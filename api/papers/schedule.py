"""A schedule of milestones as a table for spreadsheets."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Protocol

from api.i18n import Locale, say
from api.spreadsheets import BOM, csv_text
from coalitions.milestones import Pace
from domain.kinds import MilestoneKind
from domain.message import Message

COLUMNS = ("package", "title", "firm", "milestone", "planned", "forecast", "actual", "done", "slippage", "pace", "note")


class Line(Protocol):
    """What a line of the schedule is made from."""

    @property
    def row(self) -> Any:
        """The milestone."""

    @property
    def package(self) -> Any:
        """Its package."""

    @property
    def firm(self) -> Any:
        """Who does the work, or None."""

    @property
    def slippage(self) -> int:
        """Days later than planned."""

    @property
    def pace(self) -> Pace:
        """How it stands."""


def schedule(locale: Locale, lines: Iterable[Line]) -> str:
    """Write milestones as CSV (RFC 4180) with a BOM; no cell of it is taken for a formula."""
    heading = [say(locale, Message(code=f"schedule-{name}"), section="page") for name in COLUMNS]
    return BOM + csv_text([heading, *(_cells(locale, line) for line in lines)])


def _cells(locale: Locale, line: Line) -> tuple[Any, ...]:
    row = line.row
    return (
        line.package.code,
        line.package.name,
        line.firm.name if line.firm else "",
        _word(locale, row.kind, "milestone_kind"),
        *(_day(each) for each in (row.planned, row.forecast, row.actual)),
        row.done,
        line.slippage,
        _word(locale, line.pace, "pace"),
        row.note,
    )


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _word(locale: Locale, value: MilestoneKind | Pace, section: str) -> str:
    return say(locale, Message(code=value.value), section=section)
