"""The capacity ledger and lone bids over HTTP."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import BodyKwarg, FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import lone_bids as actions
from api.files import FILE
from api.i18n import Locale, locale_of, say
from api.queries import ledger as queries
from api.queries import lone_bids
from api.queries.ledger import Ledger
from api.spreadsheets import attachment, csv_bytes, xlsx_bytes
from api.wire.ledger import LedgerOut, LoneBidIn, LoneBidOut
from domain.actor import Actor
from domain.message import Message

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = {
    "capability": 24, "unit": 8, "month": 10, "declared": 12, "soft": 12, "hard": 12, "free": 12, "consortium": 30,
    "project": 30, "promised": 12, "promise": 14, "until": 26,
}  # fmt: skip
"""The columns of the ledger as a file, with their widths."""


@get("/ledger", operation_id="getLedger", tags=["capabilities"])
async def get_ledger(snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> tuple[LedgerOut, ...]:
    """Read one's own firm's ledger: each capability by month, and to which consortium what is promised."""
    return tuple(map(LedgerOut.from_ledger, await queries.of_firm(snapshot, actor)))


@get("/capabilities/{identity:uuid}/ledger", operation_id="getCapabilityLedger", tags=["capabilities"])
async def get_capability_ledger(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> LedgerOut:
    """Read the ledger of an own declaration."""
    return LedgerOut.from_ledger(await queries.of_capability(snapshot, actor, identity))


def table(ledgers: Sequence[Ledger], locale: Locale) -> Iterator[Sequence[str | int | None]]:
    """Yield the ledger's headings, then one line a promise, and one for each month without any."""
    yield [say(locale, Message(code=f"ledger-{name}"), section="page") for name in COLUMNS]
    for ledger in ledgers:
        able = ledger.capability
        unit = say(locale, Message(code=able.unit), section="unit") if able.unit else None
        for entry in ledger.entries:
            month = (able.phrase, unit, f"{entry.month:%Y-%m}", entry.declared, entry.soft, entry.hard, entry.free)
            if not entry.promises:
                yield month
            for each in entry.promises:
                kept = say(locale, Message(code=str(each.state)), section="hold_state")
                until = each.until.isoformat(timespec="minutes") if each.until else None
                yield (*month, each.consortium, each.opportunity, each.quantity, kept, until)


def told(media_type: str, begins: str) -> dict[int, ResponseSpec]:
    """Describe a file in the contract."""
    content: Any = Annotated[bytes, BodyKwarg(schema_extra={"format": "binary", "examples": [begins]})]
    return {200: ResponseSpec(content, description="The ledger, one row a promise", media_type=media_type)}


def file(content: bytes, kind: str, media_type: str) -> Response[bytes]:
    """Answer with a file that no cache keeps."""
    headers = {
        "Content-Disposition": attachment(f"lianzhou-ledger.{kind}"),
        "Cache-Control": "private, no-store",
    }
    return Response(content, media_type=media_type, headers=headers)


@get(
    "/ledger.csv",
    operation_id="getLedgerCsv",
    opt={FILE: True},
    tags=["capabilities"],
    responses=told(CSV, "﻿能力,单位"),
)
async def get_ledger_csv(
    request: Request[Any, Any, Any], snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Get one's own firm's ledger as CSV, every cell inert."""
    found = await queries.of_firm(snapshot, actor)
    return file(csv_bytes(table(found, locale_of(request))), "csv", CSV)


@get(
    "/ledger.xlsx",
    operation_id="getLedgerXlsx",
    opt={FILE: True},
    tags=["capabilities"],
    responses=told(XLSX, "PK\u0003\u0004"),
)
async def get_ledger_xlsx(
    request: Request[Any, Any, Any], snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Get one's own firm's ledger as XLSX, every cell a text or a figure."""
    found = await queries.of_firm(snapshot, actor)
    lines = list(table(found, locale_of(request)))
    return file(xlsx_bytes(lines, tuple(COLUMNS.values())), "xlsx", XLSX)


@get("/opportunities/{identity:uuid}/lone-bids", operation_id="listLoneBids", tags=["opportunities"])
async def list_lone_bids(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> tuple[LoneBidOut, ...]:
    """List the lone bids on a lot: one's own firm's; for the bureau and the operator, all."""
    return tuple(map(LoneBidOut.model_validate, await lone_bids.of_lot(snapshot, actor, identity)))


@post("/opportunities/{identity:uuid}/lone-bids", operation_id="fileLoneBid", tags=["opportunities"])
async def file_lone_bid(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[LoneBidIn],
) -> LoneBidOut:
    """File that a firm bids alone on this lot; while that stands it takes no seat in a consortium for it."""
    row = await actions.file(session, actor, identity, data)
    await session.refresh(row)
    return LoneBidOut.model_validate(row)


@post("/lone-bids/{identity:uuid}/withdrawal", operation_id="withdrawLoneBid", tags=["opportunities"],
      status_code=200)  # fmt: skip
async def withdraw_lone_bid(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> LoneBidOut:
    """Take a lone bid back."""
    return LoneBidOut.model_validate(await actions.withdraw(session, actor, identity))


HANDLERS = [
    get_ledger,
    get_capability_ledger,
    get_ledger_csv,
    get_ledger_xlsx,
    list_lone_bids,
    file_lone_bid,
    withdraw_lone_bid,
]
