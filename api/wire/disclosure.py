"""What goes over the wire about who may read what: to the firm itself its tiers, to others what those tiers show."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from api.wire.base import Wire
from domain.kinds import DeclaredField, Disclosure, Note

Reason = Annotated[Note, Field(min_length=4, max_length=500)]


class GradeIn(Wire):
    """Who may read a field from now on, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tier": "matched", "reason": "参与本季度的海外项目"}]})

    tier: Disclosure
    reason: Reason


class GradeOut(Wire):
    """One field as its own firm sees it: the tier, what holds where nothing was said, who said it when and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "field": "lead_days",
                    "tier": "public",
                    "usual": "matched",
                    "reason": "参与本季度的海外项目",
                    "changed_at": "2027-01-06T01:00:00Z",
                    "by": "演示用户",
                }
            ]
        }
    )

    field: DeclaredField
    tier: Disclosure
    usual: Disclosure
    reason: str | None
    changed_at: datetime | None
    by: str | None


class ShownOut(Wire):
    """One figure or word of a firm that its reader may read. What he may not read is not in the list at all."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "field": "lead_days",
                    "tier": "matched",
                    "capability": "储能变流器",
                    "number": 120,
                    "unit": None,
                    "words": [],
                }
            ]
        }
    )

    field: DeclaredField
    tier: Disclosure
    capability: str | None
    number: int | None
    unit: str | None
    words: tuple[str, ...]


class CaseIn(Wire):
    """Which firm's declarations an officer has to read, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"firm_id": "0198c0de-0000-7000-8000-000000000002", "reason": "核实产能缺口，台账 2027-014"}]
        }
    )

    firm_id: UUID
    reason: Reason


class CaseOut(Wire):
    """A case: who reads which firm's declarations, why, and until when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000a",
                    "firm_id": "0198c0de-0000-7000-8000-000000000002",
                    "firm": "演示变流有限公司",
                    "bureau": "演示市商务局",
                    "officer": "演示用户",
                    "reason": "核实产能缺口，台账 2027-014",
                    "opened_at": "2027-01-06T01:00:00Z",
                    "expires_at": "2027-01-07T01:00:00Z",
                    "closed_at": None,
                    "open": True,
                }
            ]
        }
    )

    id: UUID
    firm_id: UUID
    firm: str
    bureau: str
    officer: str
    reason: str
    opened_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    open: bool


class ReadInCase(Wire):
    """One figure or word that an officer reads in a case. Prices are never among them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "field": "monthly_quantity",
                    "capability": "储能变流器",
                    "number": 12,
                    "unit": "SET",
                    "words": [],
                }
            ]
        }
    )

    field: DeclaredField
    capability: str | None
    number: int | None
    unit: str | None
    words: tuple[str, ...]
