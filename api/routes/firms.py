"""Firms, their declarations, capacity and certificates over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import capabilities as actions
from api.actions import firms
from api.conditional import etag, require_match
from api.queries import capabilities as queries
from api.queries import organisations, visible
from api.wire.base import Page
from api.wire.firms import (
    CapabilityIn,
    CapabilityOut,
    CapacityIn,
    CertificateIn,
    CertificateOut,
    FirmLine,
    FirmOut,
    MonthOut,
)
from api.wire.ledger import ControllerIn, ControllerOut
from domain.actor import Actor

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Rows a page")]
IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="The ETag the change was made from")]


@get("/firms", operation_id="listFirms", tags=["firms"])
async def list_firms(
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    text: FromQuery[str | None] = None,
    city: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> Page[FirmLine]:
    """Search the firms by name, unified credit code or what they can do."""
    rows, following = await organisations.listed(snapshot, actor, text=text, city=city, cursor=cursor, limit=limit)
    return Page[FirmLine](items=tuple(map(FirmLine.model_validate, rows)), next=following)


@get("/firms/{identity:uuid}", operation_id="getFirm", tags=["firms"])
async def get_firm(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> FirmOut:
    """Read a firm's profile: what it declares it can do, and its disclosed ties with their sources."""
    profile = await organisations.profile(snapshot, actor, identity)
    return FirmOut.from_profile(profile)


@get("/capabilities", operation_id="listCapabilities", tags=["capabilities"])
async def list_capabilities(
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> Page[CapabilityOut]:
    """List one's own firm's declarations, newest first."""
    rows, following = await queries.mine(snapshot, actor, cursor=cursor, limit=limit)
    prices = await queries.prices_of(snapshot, actor, [row.id for row in rows])
    items = tuple(CapabilityOut.from_rows(row, prices.get(row.id)) for row in rows)
    return Page[CapabilityOut](items=items, next=following)


@post("/capabilities", operation_id="declareCapability", tags=["capabilities"])
async def declare_capability(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[CapabilityIn]
) -> Response[CapabilityOut]:
    """Declare what one's firm can do. Price and capacity are the solver's alone unless disclosed."""
    row = await actions.declare(session, actor, data)
    prices = await queries.prices_of(session, actor, [row.id])
    return Response(CapabilityOut.from_rows(row, prices.get(row.id)), headers={"ETag": etag(row.version)})


@put("/capabilities/{identity:uuid}", operation_id="reviseCapability", tags=["capabilities"])
async def revise_capability(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[CapabilityIn],
    if_match: IfMatch = None,
) -> Response[CapabilityOut]:
    """Replace what an own declaration says."""
    row = await visible.own_capability(session, actor, identity, lock=True)
    require_match(if_match, row.version)
    await actions.revise(session, actor, row, data)
    prices = await queries.prices_of(session, actor, [row.id])
    return Response(CapabilityOut.from_rows(row, prices.get(row.id)), headers={"ETag": etag(row.version)})


@post("/capabilities/{identity:uuid}/retirement", operation_id="retireCapability", tags=["capabilities"],
      status_code=200)  # fmt: skip
async def retire_capability(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> CapabilityOut:
    """Take an own declaration out of future suggestions."""
    row = await visible.own_capability(session, actor, identity, lock=True)
    await actions.retire(session, actor, row)
    prices = await queries.prices_of(session, actor, [row.id])
    return CapabilityOut.from_rows(row, prices.get(row.id))


@get("/capabilities/{identity:uuid}/capacity", operation_id="listCapacity", tags=["capabilities"])
async def list_capacity(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> tuple[MonthOut, ...]:
    """Read an own declaration's capacity by month: declared, promised, free."""
    return tuple(map(MonthOut.from_row, await queries.months_of(snapshot, actor, identity)))


@put("/capabilities/{identity:uuid}/capacity", operation_id="setCapacity", tags=["capabilities"])
async def set_capacity(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[CapacityIn],
) -> tuple[MonthOut, ...]:
    """Set the capacity of months; one cannot declare less than is already promised."""
    return tuple(map(MonthOut.from_row, await actions.set_capacity(session, actor, identity, data)))


@get("/certificates", operation_id="listCertificates", tags=["capabilities"])
async def list_certificates(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> tuple[CertificateOut, ...]:
    """List one's own certificates, the first to expire first."""
    return tuple(map(CertificateOut.model_validate, await queries.certificates(snapshot, actor)))


@post("/certificates", operation_id="declareCertificate", tags=["capabilities"])
async def declare_certificate(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[CertificateIn]
) -> CertificateOut:
    """Enter a certificate one's firm holds."""
    return CertificateOut.model_validate(await actions.certify(session, actor, data))


@put("/firms/{identity:uuid}/controller", operation_id="declareController", tags=["firms"])
async def declare_controller(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[ControllerIn],
) -> ControllerOut:
    """Say who holds more than 50 % of one's own firm: firms under one controller are related parties."""
    row = await firms.declare_controller(session, actor, identity, data.controller)
    return ControllerOut(organisation_id=row.id, controller=row.group_name)


HANDLERS = [
    declare_controller,
    list_firms,
    get_firm,
    list_capabilities,
    declare_capability,
    revise_capability,
    retire_capability,
    list_capacity,
    set_capacity,
    list_certificates,
    declare_certificate,
]
