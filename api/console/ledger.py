"""The SME's ledger on the phone, who controls the firm, and bidding alone."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import firms, lone_bids
from api.console.forms import Reading
from api.console.page import Reader, back, page
from api.queries import ledger, visible
from api.wire.ledger import ControllerIn, LedgerOut, LoneBidIn
from domain.errors import NotAllowed
from domain.kinds import Role


@get("/my/ledger")
async def ledger_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show each capability by month: declared, kept, bound, free, and promised to whom until when."""
    if not reader.supplies:
        raise NotAllowed(needed=str(Role.SUPPLIER))
    found = tuple(map(LedgerOut.from_ledger, await ledger.of_firm(snapshot, reader.actor)))
    own = await visible.organisation(snapshot, reader.actor, reader.actor.organisation_id)
    return page(reader, "ledger", ledgers=found, controller=own.group_name or "")


@post("/my/controller")
async def declare_controller(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Say who controls one's own firm."""
    given = Reading(data).wire(ControllerIn, {"controller": Reading(data).text("controller")})
    await firms.declare_controller(session, reader.actor, reader.actor.organisation_id, given.controller)
    return back("/my/ledger", "controller-declared")


@post("/opportunities/{identity:uuid}/lone-bids")
async def file(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """File that one's own firm bids alone on this lot."""
    await lone_bids.file(session, reader.actor, identity, LoneBidIn())
    return back(f"/opportunities/{identity}", "lone-filed")


@post("/lone-bids/{identity:uuid}/withdrawal")
async def withdraw(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Take one's own lone bid back."""
    row = await lone_bids.withdraw(session, reader.actor, identity)
    return back(f"/opportunities/{row.opportunity_id}", "lone-withdrawn")


HANDLERS = (ledger_page, declare_controller, file, withdraw)
