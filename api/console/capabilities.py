"""What one's own firm declares: list, add, revise, retire, and capacity by month."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import capabilities as actions
from api.conditional import etag, require_match
from api.console.forms import Form, Reading, beside, written
from api.console.page import Reader, back, page
from api.i18n import LOCALES, catalogue
from api.queries import capabilities, consortia, disclosure, visible
from api.wire.firms import CapabilityIn, CapabilityOut, CapacityIn, MonthOut
from domain.calendar import month_after
from domain.errors import Fault, Invalid
from domain.kinds import CapabilityState, DeclaredField, Disclosure

ROWS = 50
MONTHS = 12
UNITS = tuple(catalogue(LOCALES[0])["unit"])
CURRENCIES = ("CNY", "USD", "EUR", "HKD")
FIELD_OF_RULE = {"unit-missing": "unit", "currency-missing": "currency", "code-system": "code", "period": "valid_to"}
"""Beside which field a rule about the whole form is told."""


@get("/my/capabilities")
async def list_page(
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """List one's own declarations with their figures."""
    found, following = await capabilities.mine(snapshot, reader.actor, cursor=cursor, limit=ROWS)
    prices = await capabilities.prices_of(snapshot, reader.actor, [row.id for row in found])
    items = tuple(CapabilityOut.from_rows(row, prices.get(row.id)) for row in found)
    certificates = await capabilities.certificates(snapshot, reader.actor)
    return page(reader, "capabilities", items=items, following=following, certificates=certificates)


@get("/my/capabilities/new")
async def new_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show an empty form, with who may read as the firm has set it."""
    usual = await disclosure.tiers(snapshot, reader.actor.organisation_id)
    shown = {
        "price_disclosure": str(usual[DeclaredField.UNIT_PRICE]),
        "capacity_disclosure": str(usual[DeclaredField.MONTHLY_QUANTITY]),
    }
    return form_page(reader, {"currency": "CNY", "unit": "SET", **shown})


@post("/my/capabilities")
async def declare(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Declare a capability, or say beside each field what is wrong."""
    try:
        given = declared(data)
    except Invalid as refused:
        return form_page(reader, data, refused)
    row = await actions.declare(session, reader.actor, given)
    return back(f"/my/capabilities/{row.id}", "declared")


def declared(data: Form) -> CapabilityIn:
    """Read a declaration from its form. Raises Invalid."""
    form = Reading(data)
    currency = form.text("currency") or "CNY"
    price = form.amount("unit_price", currency)
    texts = {name: form.text(name) for name in ("phrase_en", "unit", "code_system", "code")}
    try:
        return form.wire(
            CapabilityIn,
            {
                **texts,
                "phrase": data.get("phrase", ""),
                "monthly_quantity": form.whole("monthly_quantity"),
                "unit_price": price,
                "currency": currency if price is not None else None,
                "lead_days": form.whole("lead_days"),
                "countries": tuple(data.get("countries", "").replace("，", " ").replace(",", " ").split()),
                "valid_from": form.text("valid_from"),
                "valid_to": form.text("valid_to"),
                "price_disclosure": form.text("price_disclosure"),
                "capacity_disclosure": form.text("capacity_disclosure"),
                "disclosure_reason": data.get("disclosure_reason", ""),
            },
        )
    except Invalid as refused:
        raise Invalid(tuple(_placed(fault) for fault in refused.faults)) from refused


def _placed(fault: Fault) -> Fault:
    field = FIELD_OF_RULE.get(fault.code) if fault.where == "$" else None
    where = f"$.{field}" if field else fault.where.split("[")[0]
    return Fault(where=where, code=fault.code, params=fault.params)


def form_page(
    reader: Reader, typed: Form, refused: Invalid | None = None, row: Any = None, months: tuple[Any, ...] = ()
) -> Response[Any]:
    """Show the form with what was typed and what is wrong with it."""
    return page(
        reader,
        "capability",
        status=422 if refused else 200,
        typed=typed,
        faults=beside(reader.locale, refused) if refused else {},
        row=row,
        months=months,
        units=UNITS,
        currencies=CURRENCIES,
        disclosures=Disclosure,
    )


@get("/my/capabilities/{identity:uuid}")
async def edit_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Show an own declaration for revision, with its capacity by month."""
    row = await visible.own_capability(snapshot, reader.actor, identity)
    prices = await capabilities.prices_of(snapshot, reader.actor, [identity])
    months = await calendar(snapshot, reader, identity)
    return form_page(reader, typed_of(row, prices.get(identity)), None, row, months)


def typed_of(row: Any, price: Any) -> dict[str, str]:
    """Return a declaration as somebody would have typed it."""
    names = ("phrase", "phrase_en", "unit", "code_system", "code", "monthly_quantity", "lead_days")
    typed = {name: "" if getattr(row, name) is None else str(getattr(row, name)) for name in names}
    typed |= {name: getattr(row, name).isoformat() if getattr(row, name) else "" for name in ("valid_from", "valid_to")}
    typed |= {"countries": " ".join(row.countries), "capacity_disclosure": str(row.capacity_disclosure)}
    if price is not None:
        typed |= {
            "unit_price": written(price.unit_price, price.currency),
            "currency": price.currency,
            "price_disclosure": str(price.disclosure),
        }
    return typed


async def calendar(session: AsyncSession, reader: Reader, identity: UUID) -> tuple[MonthOut, ...]:
    """Return the coming twelve months of an own capability; a month nobody has declared stands with its zero."""
    known = {row.month: MonthOut.from_row(row) for row in await capabilities.months_of(session, reader.actor, identity)}
    today = (await consortia.clock(session)).date()
    coming = [month_after(today, number) for number in range(MONTHS)]
    empty = {month: MonthOut(month=month, declared=0, reserved=0, free=0) for month in coming}
    return tuple((empty | known)[month] for month in sorted({*coming, *(m for m in known if m >= coming[0])}))


@post("/my/capabilities/{identity:uuid}")
async def revise(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Replace what an own declaration says, if it is still the version the form was made from."""
    row = await visible.own_capability(session, reader.actor, identity, lock=True)
    months = await calendar(session, reader, identity)
    try:
        given = declared(data)
    except Invalid as refused:
        return form_page(reader, data, refused, row, months)
    require_match(etag(Reading(data).whole("version") or 0), row.version)
    await actions.revise(session, reader.actor, row, given)
    return back(f"/my/capabilities/{identity}", "revised")


@post("/my/capabilities/{identity:uuid}/retirement")
async def retire(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Take an own declaration out of future suggestions."""
    row = await visible.own_capability(session, reader.actor, identity, lock=True)
    if row.state is not CapabilityState.RETIRED:
        await actions.retire(session, reader.actor, row)
    return back("/my/capabilities", "retired")


@post("/my/capabilities/{identity:uuid}/capacity")
async def set_capacity(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Set the capacity of the months whose figure was changed."""
    known = {each.month.isoformat(): each.declared for each in await calendar(session, reader, identity)}
    form = Reading(data)
    typed = {name: form.whole(name) for name in data if name in known}
    months = [{"month": name, "declared": figure} for name, figure in typed.items() if figure != known[name]]
    if months or form.faults:
        await actions.set_capacity(session, reader.actor, identity, form.wire(CapacityIn, {"months": months}))
    return back(f"/my/capabilities/{identity}#capacity", "capacity-set")


HANDLERS = (list_page, new_page, declare, edit_page, revise, retire, set_capacity)
