"""What goes over the wire about the capacity ledger and lone bids."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from api.queries.ledger import Ledger
from api.wire.base import Wire
from domain.kinds import HoldState, LoneBidState, Name, Note


class PromiseOut(Wire):
    """A part of one month that is kept for one seat; `until` is when a soft promise falls free, null for a hard one."""

    consortium_id: UUID
    consortium: str
    opportunity_id: UUID
    opportunity: str
    membership_id: UUID
    quantity: int
    state: HoldState
    until: datetime | None


class EntryOut(Wire):
    """One month: declared = soft + hard + free, in the capability's unit; null where capacity is undeclared.

    `stated` is false where nobody has declared the month by itself and the monthly quantity counts.
    """

    month: date
    stated: bool
    declared: int | None
    soft: int
    hard: int
    free: int | None
    promises: tuple[PromiseOut, ...]


class LedgerOut(Wire):
    """The ledger of one capability: the coming months, and every month that was declared or promised."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "capability_id": "0198c0de-0000-7000-8000-000000000006",
                    "phrase": "储能变流器",
                    "unit": "SET",
                    "months": [
                        {
                            "month": "2027-06-01",
                            "stated": True,
                            "declared": 100,
                            "soft": 10,
                            "hard": 40,
                            "free": 50,
                            "promises": [
                                {
                                    "consortium_id": "0198c0de-0000-7000-8000-00000000000a",
                                    "consortium": "中爪哇储能联合体",
                                    "opportunity_id": "0198c0de-0000-7000-8000-000000000001",
                                    "opportunity": "中爪哇储能电站",
                                    "membership_id": "0198c0de-0000-7000-8000-00000000000b",
                                    "quantity": 10,
                                    "state": "soft",
                                    "until": "2027-01-09T02:00:00Z",
                                },
                                {
                                    "consortium_id": "0198c0de-0000-7000-8000-00000000000d",
                                    "consortium": "东爪哇储能联合体",
                                    "opportunity_id": "0198c0de-0000-7000-8000-00000000000e",
                                    "opportunity": "东爪哇储能电站",
                                    "membership_id": "0198c0de-0000-7000-8000-00000000000f",
                                    "quantity": 40,
                                    "state": "hard",
                                    "until": None,
                                },
                            ],
                        }
                    ],
                }
            ]
        }
    )

    capability_id: UUID
    phrase: str
    unit: str | None
    months: tuple[EntryOut, ...]

    @classmethod
    def from_ledger(cls, ledger: Ledger) -> Self:
        """Show a firm its own ledger."""
        return cls(
            capability_id=ledger.capability.id,
            phrase=ledger.capability.phrase,
            unit=ledger.capability.unit,
            months=tuple(map(EntryOut.model_validate, ledger.entries)),
        )


class ControllerIn(Wire):
    """Who holds more than 50 % of a firm, by the name in the register; null where nobody does."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"controller": "演示能源集团有限公司"}]})

    controller: Annotated[Name, Field(max_length=120)] | None


class ControllerOut(Wire):
    """Who holds more than 50 % of one's own firm, as it has said or an import has brought."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"organisation_id": "0198c0de-0000-7000-8000-000000000002", "controller": "演示能源集团有限公司"}
            ]
        }
    )

    organisation_id: UUID
    controller: str | None


class LoneBidIn(Wire):
    """A notice that a firm bids alone on a lot: one's own firm, or, for the bureau, the firm that is named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"organisation_id": None, "note": "本标段单独投标"}]})

    organisation_id: UUID | None = None
    note: Note = ""


class LoneBidOut(Wire):
    """A lone bid: whose, for which lot, who filed it, whether it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000011",
                    "opportunity_id": "0198c0de-0000-7000-8000-000000000001",
                    "organisation_id": "0198c0de-0000-7000-8000-000000000002",
                    "filed_by": "0198c0de-0000-7000-8000-000000000002",
                    "note": "本标段单独投标",
                    "state": "filed",
                    "version": 1,
                    "created_at": "2027-01-06T02:00:00Z",
                }
            ]
        }
    )

    id: UUID
    opportunity_id: UUID
    organisation_id: UUID
    filed_by: UUID
    note: str
    state: LoneBidState
    version: int
    created_at: datetime
