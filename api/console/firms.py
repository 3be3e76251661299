"""Firms: the directory, and one firm with what it can do and with whom it is known to work."""

from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from api.console.drawing import Picture, Place, around
from api.console.page import Reader, page
from api.queries import evaluations, organisations, visible
from api.wire.evaluations import TrackRecordOut
from api.wire.firms import FirmLine, FirmOut, TieOut

ROWS = 20
A_SIDE = 12
"""Firms drawn on one side of the picture; the table beneath has them all."""


@get("/firms")
async def list_page(
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    text: FromQuery[str] = "",
    city: FromQuery[str] = "",
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Search the firms by name, credit code or what they can do."""
    found, following = await organisations.listed(
        snapshot, reader.actor, text=text.strip() or None, city=city.strip() or None, cursor=cursor, limit=ROWS
    )
    items = tuple(map(FirmLine.model_validate, found))
    return page(reader, "firms", items=items, following=following, text=text, city=city)


@get("/firms/{identity:uuid}")
async def firm_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Show a firm's profile."""
    firm = FirmOut.from_profile(await organisations.profile(snapshot, reader.actor, identity))
    drawn, left_out = ego(firm)
    record = TrackRecordOut.from_record(await evaluations.record_of(snapshot, reader.actor, identity))
    standing = (await visible.organisation(snapshot, reader.actor, identity)).standing
    return page(reader, "firm", firm=firm, picture=drawn, left_out=left_out, record=record, standing=standing)


def ego(firm: FirmOut) -> tuple[Picture, int]:
    """Draw a firm between its suppliers and buyers, each firm once; return also how many were left out."""
    sides = {side: _once(firm, side) for side in ("upstream", "downstream")}
    drawn = around(
        Place(key="self", kind="self", head=firm.short_name or firm.name, text=firm.industry or "", href="#top"),
        [_place(tie, "up") for tie in sides["upstream"][:A_SIDE]],
        [_place(tie, "down") for tie in sides["downstream"][:A_SIDE]],
    )
    return drawn, sum(max(0, len(ties) - A_SIDE) for ties in sides.values())


def _once(firm: FirmOut, side: str) -> list[TieOut]:
    newest: dict[UUID, TieOut] = {}
    for tie in firm.ties:
        if tie.direction == side:
            newest.setdefault(tie.firm_id, tie)
    return list(newest.values())


def _place(tie: TieOut, side: str) -> Place:
    part = tie.share if side == "up" else tie.sales_share
    share = "" if part is None else f" · {part / 100:g}%"
    return Place(
        key=f"{side}-{tie.firm_id}", kind="firm", head=tie.firm, text=f"{tie.year}{share}", href=f"/firms/{tie.firm_id}"
    )


HANDLERS = (list_page, firm_page)
