"""What goes over the wire about milestones."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.queries.milestones import Marker
from api.wire.base import Wire
from coalitions.milestones import Pace
from domain.kinds import Code, MilestoneKind, Note, Percent

EXAMPLE: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000031",
    "consortium_id": "0198c0de-0000-7000-8000-00000000000a",
    "package_id": "0198c0de-0000-7000-8000-000000000003",
    "package": "WP03",
    "organisation_id": "0198c0de-0000-7000-8000-000000000008",
    "firm": "演示变流有限公司",
    "kind": "shipped",
    "planned": "2027-10-01",
    "forecast": "2027-10-08",
    "actual": None,
    "done": 60,
    "note": "",
    "slippage_days": 7,
    "pace": "slipping",
    "version": 3,
}


class PlannedIn(Wire):
    """One milestone of a member's part of a package, and the day it is planned for."""

    package: Code
    organisation_id: UUID
    kind: MilestoneKind
    planned: date


class PlanIn(Wire):
    """Milestones to plan: the usual ones of every part where none stand (`usual`), and those named one by one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"usual": True, "milestones": []}]})

    usual: bool = False
    milestones: Annotated[tuple[PlannedIn, ...], Field(max_length=500)] = ()


class ReportIn(Wire):
    """What the member that does the work reports: how much is done, and when it is expected or was reached."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"done": 60, "forecast": "2027-10-08", "actual": None, "note": ""}]}
    )

    done: Percent
    forecast: date | None = None
    actual: date | None = None
    note: Note = ""

    @model_validator(mode="after")
    def reached_or_expected(self) -> Self:
        """What is wholly done has its day and no forecast; what is not has no day."""
        if (self.done == 100) != (self.actual is not None):
            raise PydanticCustomError("done-without-day", "100 per cent and the day it was reached go together", {})
        if self.actual is not None and self.forecast is not None:
            raise PydanticCustomError("forecast-of-past", "what was reached has no forecast", {})
        return self


class MilestoneOut(Wire):
    """A milestone with its three dates; `slippage_days` counts from the plan, later is positive."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    consortium_id: UUID
    package_id: UUID
    package: str
    organisation_id: UUID
    firm: str | None
    kind: MilestoneKind
    planned: date
    forecast: date | None
    actual: date | None
    done: int
    note: str
    slippage_days: int
    pace: Pace
    version: int

    @classmethod
    def from_marker(cls, marker: Marker) -> Self:
        """Show a milestone as it stands on the day it is looked at."""
        row = marker.row
        named = ("id", "consortium_id", "package_id", "organisation_id", "kind", "planned", "forecast", "actual",
                 "done", "note", "version")  # fmt: skip
        return cls(
            **{name: getattr(row, name) for name in named},
            package=marker.package.code,
            firm=marker.firm.name if marker.firm else None,
            slippage_days=marker.slippage,
            pace=marker.pace,
        )
