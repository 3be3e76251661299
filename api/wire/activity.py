"""What goes over the wire about events and the bureau's indicators."""

from typing import Any, Self
from uuid import UUID

from api.wire.base import Wire
from coalitions.indicators import Cell


class EventOut(Wire):
    """Something that happened; `position` is what a reader names to go on from here."""

    position: str
    at: str | None
    code: str
    subject_id: UUID
    organisation_id: UUID
    opportunity_id: UUID | None
    consortium_id: UUID | None
    params: dict[str, Any]
    title: str


class FigureOut(Wire):
    """One number: its name and definition in the reader's language, and where the list behind it stands."""

    code: str
    value: int
    name: str
    definition: str
    list: str


class CellOut(Wire):
    """One capability asked for in one country: packages that ask, packages nobody can serve, firms that can."""

    capability: str
    country: str
    packages: int
    uncovered: int
    firms: int
    package_ids: tuple[UUID, ...]
    firm_ids: tuple[UUID, ...]

    @classmethod
    def from_cell(cls, cell: Cell) -> Self:
        """Show a cell with the rows behind it."""
        return cls.model_validate(cell)


class IndicatorsOut(Wire):
    """The funnel from published to signed, the outcomes, and the gaps of capability by country."""

    funnel: tuple[FigureOut, ...]
    outcomes: tuple[FigureOut, ...]
    gaps: tuple[CellOut, ...]


class RowOut(Wire):
    """One row behind a figure."""

    id: UUID
    kind: str
    name: str
    state: str | None
    country: str | None
    city: str | None
