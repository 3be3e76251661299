"""What goes over the wire about released statistics: a number, or that it was left out; never why."""

from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import ConfigDict

from api.i18n import Locale, country, say, speaks
from api.queries.statistics import DIMENSIONS, Released
from api.wire.base import Wire
from coalitions.statistics import ALL
from domain.message import Message
from domain.records import StatisticRelease

RELEASE: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-00000000000b",
    "cube": "declarations",
    "subject": "",
    "period": "2027-01-01",
    "created_at": "2027-01-01T00:01:00Z",
    "name": "申报能力：门类 × 规模",
    "definition": "在册企业有效申报的能力项数，四舍五入到 5",
}


class ReleaseOut(Wire):
    """A table that was released for a quarter, by its first day, with what its numbers mean."""

    model_config = ConfigDict(json_schema_extra={"examples": [RELEASE]})

    id: UUID
    cube: str
    subject: str
    period: date
    created_at: datetime
    name: str
    definition: str


class NumberOut(Wire):
    """One number of a table; `*` stands for all values of a dimension. A suppressed number is null."""

    key: tuple[str, ...]
    value: int | None
    suppressed: bool


class TableOut(ReleaseOut):
    """A released table with its numbers."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **RELEASE,
                    "dimensions": ["family", "size"],
                    "numbers": [
                        {"key": ["GBT 38", "sme"], "value": 45, "suppressed": False},
                        {"key": ["GBT 38", "large"], "value": None, "suppressed": True},
                    ],
                }
            ]
        }
    )

    dimensions: tuple[str, ...]
    numbers: tuple[NumberOut, ...]

    @classmethod
    def from_released(cls, found: Released, name: str, definition: str) -> Self:
        """Show a table with its name and definition in the reader's language."""
        row = found.release
        assert row.created_at is not None
        return cls(
            id=row.id, cube=row.cube, subject=row.subject, period=row.period, created_at=row.created_at, name=name,
            definition=definition, dimensions=DIMENSIONS[row.cube],
            numbers=tuple(
                NumberOut(key=tuple(cell.key), value=cell.value, suppressed=cell.value is None) for cell in found.cells
            ),
        )  # fmt: skip


def named(row: StatisticRelease, locale: Locale) -> tuple[str, str]:
    """Return a table's name and the definition of its numbers."""
    name = say(locale, Message(code=row.cube), section="statistic")
    if row.subject:
        name += f" · {say(locale, Message(code=row.subject), section='unit')}"
    return name, say(locale, Message(code=row.cube), section="statistic_definition")


def listed(row: StatisticRelease, locale: Locale) -> ReleaseOut:
    """Return a release with its words."""
    name, definition = named(row, locale)
    assert row.created_at is not None
    return ReleaseOut(
        id=row.id, cube=row.cube, subject=row.subject, period=row.period, created_at=row.created_at, name=name,
        definition=definition,
    )  # fmt: skip


def told(found: Released, locale: Locale) -> TableOut:
    """Return a table with its words."""
    return TableOut.from_released(found, *named(found.release, locale))


def worded(dimension: str, value: str, locale: Locale) -> str:
    """Return one value of a dimension as a person reads it."""
    if value == ALL:
        return say(locale, Message(code="all"), section="statistic_value")
    if dimension == "country" and len(value) == 2:
        return country(locale, value)
    return (
        say(locale, Message(code=value), section="statistic_value")
        if speaks(locale, value, section="statistic_value")
        else value
    )
