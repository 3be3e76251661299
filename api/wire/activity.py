"""What goes over the wire about events and the bureau's indicators."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from api.heads import SignedHead
from api.wire.base import Wire
from coalitions.indicators import Cell
from coalitions.scenario import Change, Leave, Resize
from domain.audit import Head
from domain.kinds import Quantity
from domain.records import AuditHead
from domain.world import World


class EventOut(Wire):
    """Something that happened; `position` is what a reader names to go on from here."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "position": "812-40",
                    "at": "2027-01-06T02:00:00+00:00",
                    "code": "membership.invited",
                    "subject_id": "0198c0de-0000-7000-8000-00000000000b",
                    "organisation_id": "0198c0de-0000-7000-8000-000000000002",
                    "opportunity_id": "0198c0de-0000-7000-8000-000000000001",
                    "consortium_id": "0198c0de-0000-7000-8000-00000000000a",
                    "params": {"name": "中爪哇储能联合体", "edition": 1},
                    "title": "已发出邀请",
                }
            ]
        }
    )

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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "published",
                    "value": 5,
                    "name": "已发布项目",
                    "definition": "曾经发布的项目数",
                    "list": "/api/v1/indicators/published",
                }
            ]
        }
    )

    code: str
    value: int
    name: str
    definition: str
    list: str


class CellOut(Wire):
    """One capability asked for in one country: packages that ask, packages nobody can serve, firms that can.

    `firms` is to the nearest five, and null for fewer than five.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "capability": "海水淡化膜",
                    "country": "SA",
                    "packages": 1,
                    "uncovered": 1,
                    "firms": 0,
                    "package_ids": ["0198c0de-0000-7000-8000-000000000003"],
                }
            ]
        }
    )

    capability: str
    country: str
    packages: int
    uncovered: int
    firms: int | None
    package_ids: tuple[UUID, ...]

    @classmethod
    def from_cell(cls, cell: Cell) -> Self:
        """Show a cell with the rows behind it."""
        return cls.model_validate(cell)


class ResizeIn(Wire):
    """Another monthly quantity for one capability."""

    capability_id: UUID
    monthly: Quantity


class WhatIfIn(Wire):
    """Changes that are only imagined: firms that leave, capabilities of another size."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"leave": ["0198c0de-0000-7000-8000-000000000002"], "resize": []}]}
    )

    leave: Annotated[tuple[UUID, ...], Field(max_length=200)] = ()
    resize: Annotated[tuple[ResizeIn, ...], Field(max_length=200)] = ()

    def touching(self, world: World) -> list[Change]:
        """Return those of the changes that are about something in `world`."""
        firms = {supplier.id for supplier in world.suppliers}
        able = {offering.id for supplier in world.suppliers for offering in supplier.offerings}
        gone: list[Change] = [Leave(supplier_id=firm) for firm in self.leave if firm in firms]
        sized = [Resize(offering_id=r.capability_id, monthly=r.monthly) for r in self.resize if r.capability_id in able]
        return [*sized, *gone]


class CellChange(Wire):
    """One cell of the gap table before and after the imagined changes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "capability": "海水淡化膜",
                    "country": "SA",
                    "uncovered_before": 0,
                    "uncovered_after": 1,
                    "firms_before": None,
                    "firms_after": 0,
                }
            ]
        }
    )

    capability: str
    country: str
    uncovered_before: int
    uncovered_after: int
    firms_before: int | None
    firms_after: int | None


class IndicatorsOut(Wire):
    """The funnel from published to signed, the outcomes, and the gaps of capability by country."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "funnel": [
                        {
                            "code": "published",
                            "value": 5,
                            "name": "已发布项目",
                            "definition": "曾经发布的项目数",
                            "list": "/api/v1/indicators/published",
                        }
                    ],
                    "outcomes": [
                        {
                            "code": "published",
                            "value": 5,
                            "name": "已发布项目",
                            "definition": "曾经发布的项目数",
                            "list": "/api/v1/indicators/published",
                        }
                    ],
                    "gaps": [
                        {
                            "capability": "海水淡化膜",
                            "country": "SA",
                            "packages": 1,
                            "uncovered": 1,
                            "firms": 0,
                            "package_ids": ["0198c0de-0000-7000-8000-000000000003"],
                        }
                    ],
                }
            ]
        }
    )

    funnel: tuple[FigureOut, ...]
    outcomes: tuple[FigureOut, ...]
    gaps: tuple[CellOut, ...]


class RowOut(Wire):
    """One row behind a figure."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000001",
                    "kind": "opportunity",
                    "name": "中爪哇 200MW/400MWh 储能电站",
                    "state": "published",
                    "country": "ID",
                    "city": None,
                }
            ]
        }
    )

    id: UUID
    kind: str
    name: str
    state: str | None
    country: str | None
    city: str | None


class HeadOut(Wire):
    """The signed head of the audit chain: keep it where nobody who runs the database can change it.

    `signature` is Ed25519 by `key` over the canonical JSON (RFC 8785) of the other five members.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "format": "lianzhou-head/1",
                    "seq": 12,
                    "hash": "0" * 64,
                    "signed_at": "2027-01-06T02:00:00+00:00",
                    "key": "0" * 64,
                    "signature": "0" * 128,
                }
            ]
        }
    )

    format: str
    seq: int
    hash: str
    signed_at: str
    key: str
    signature: str

    @classmethod
    def from_row(cls, row: AuditHead) -> Self:
        """Show a head as its file has it."""
        head = Head(seq=row.seq, hash=row.hash)
        return cls(**SignedHead(head=head, signed_at=row.signed_at, key=row.key, signature=row.signature).data())
