"""A schedule of milestones as a table for spreadsheets."""

import csv
import io
from collections.abc import Iterable
from datetime import date
from typing import Any, Protocol

from api.i18n import Locale, say
from coalitions.milestones import Pace
from domain.kinds import MilestoneKind
from domain.message import Message

BOM = "\ufeff"
"""What makes Excel and WPS read UTF-8 as such."""
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
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(say(locale, Message(code=f"schedule-{name}"), section="page") for name in COLUMNS)
    for line in lines:
        row = line.row
        cells = (
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
        writer.writerow(inert(cell) for cell in cells)
    return BOM + sheet.getvalue()


def inert(cell: Any) -> Any:
    """Return a cell that no spreadsheet runs: a text that could be a formula gets an apostrophe (OWASP, CSV Injection).

    >>> inert("=HYPERLINK(1)"), inert(" @SUM(1)"), inert("演示企业"), inert(-7)
    ("'=HYPERLINK(1)", "' @SUM(1)", '演示企业', -7)
    """
    risky = isinstance(cell, str) and cell.lstrip().startswith(("=", "+", "-", "@", "|", "\t", "\r"))
    return f"'{cell}" if risky or (isinstance(cell, str) and cell[:1] in ("\t", "\r", "\n")) else cell


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _word(locale: Locale, value: MilestoneKind | Pace, section: str) -> str:
    return say(locale, Message(code=value.value), section=section)
