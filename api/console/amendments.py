"""Amendments on pages: the two editions beside each other, who must sign, and the form that proposes one."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import amendments as actions
from api.console.after import typed
from api.console.forms import Form, Reading, written
from api.console.page import Reader, back, page
from api.queries import amendments as queries
from api.queries import consortia, organisations, visible
from api.queries.consortia import SeatRow, View
from api.wire.amendments import AmendIn, AmendmentOut, DropIn, SignAmendmentIn
from domain.actor import Actor
from domain.records import Consortium, TermsLine, WorkPackage

Filled = URLEncodedBody[dict[str, str]]


@get("/consortia/{identity:uuid}/amendments")
async def amendments_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Show a consortium's amendments, newest first, and to its chain leader the form that proposes one."""
    view = await consortia.view(snapshot, reader.actor, identity)
    found = await queries.listed(snapshot, reader.actor, identity)
    return page(
        reader,
        "amendments",
        consortium=view.consortium,
        amendments=[AmendmentOut.from_view(each, reader.locale) for each in found],
        form=_form(view) if _may_propose(reader.actor, view.consortium, found) else None,
        currency=view.opportunity.currency,
    )


def _may_propose(actor: Actor, row: Consortium, found: list[queries.View]) -> bool:
    leads = row.organisation_id == actor.organisation_id and row.state in actions.AMENDABLE
    return leads and not any(each.row.decided_at is None for each in found)


def _bound(view: View) -> list[SeatRow]:
    return [seat for seat in view.seats if seat.membership.state in visible.BOUND]


def _form(view: View) -> dict[str, Any]:
    """Return what the form starts from: each member with each package, and the units and price it has of it."""
    packages = sorted(view.packages.values(), key=lambda each: each.position)
    seats = []
    for seat in _bound(view):
        lines = {line.package_id: line for line in seat.lines}
        seats.append(
            {
                "id": seat.membership.id,
                "firm_id": seat.membership.organisation_id,
                "firm": view.firms[seat.membership.organisation_id].name,
                "lead": seat.membership.lead,
                "lines": [_typed_line(package, lines.get(package.id), view) for package in packages],
            }
        )
    return {"seats": seats, "packages": packages, "project": view.opportunity}


def _typed_line(package: WorkPackage, line: TermsLine | None, view: View) -> dict[str, Any]:
    """Return what a member has of a package, as somebody would type it."""
    price = consortia.price_of(line) if line else None
    return {
        "package": package,
        "units": line.units if line else "",
        "price": "" if price is None else written(price, view.opportunity.currency),
    }


@post("/consortia/{identity:uuid}/amendments")
async def propose(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Propose an amendment."""
    view = await consortia.view(session, reader.actor, identity)
    form = Reading(data)
    joins = await _joins(session, reader.actor, form, view)
    given = form.wire(AmendIn, _given(form, view) | {"joins": joins})
    await actions.propose(session, reader.actor, identity, given)
    return back(f"/consortia/{identity}/amendments", "amended")


def _given(form: Reading, view: View) -> dict[str, Any]:
    """Return what was typed as the API would take it; seats whose figures stayed as they were are left out."""
    data = form.form
    exits = [
        {"membership_id": seat.membership.id, "for_cause": data.get(f"stay-{seat.membership.id}") == "cause"}
        for seat in _bound(view)
        if data.get(f"stay-{seat.membership.id}") in ("exit", "cause")
    ]
    leaving = {each["membership_id"] for each in exits}
    seats = [
        {"membership_id": seat.membership.id, "lines": lines}
        for seat in _bound(view)
        if seat.membership.id not in leaving and (lines := _lines(form, view, seat))
    ]
    return typed(data, "reason", "lead_id", "starts", "ends") | {
        "hours": form.whole("hours") or 168,
        "seats": seats,
        "exits": exits,
    }


def _lines(form: Reading, view: View, seat: SeatRow) -> list[dict[str, Any]]:
    """Return the lines typed for a seat; nothing where they are what it has."""
    had = {line.package_id: (line.units, consortia.price_of(line)) for line in seat.lines}
    now: dict[UUID, tuple[int, int | None]] = {}
    for package in view.packages.values():
        units = form.whole(f"units-{seat.membership.id}-{package.id}")
        price = form.amount(f"price-{seat.membership.id}-{package.id}", view.opportunity.currency)
        if units:
            now[package.id] = (units, price)
    if now == had:
        return []
    return [
        {"package": view.packages[package].code, "units": units, "unit_price": price}
        for package, (units, price) in now.items()
    ]


async def _joins(session: AsyncSession, actor: Actor, form: Reading, view: View) -> list[dict[str, Any]]:
    """Return the firm that is to join, found by its credit code or its whole name; nothing where none was typed."""
    wanted = form.text("join")
    if wanted is None:
        return []
    found, _ = await organisations.listed(session, actor, text=wanted, limit=20)
    firm = next((row for row in found if wanted.upper() == row.credit_code or wanted == row.name), None)
    if firm is None:
        form.missing("join")
        return []
    line = typed(form.form, "join_package").get("join_package", "")
    price = form.amount("join_price", view.opportunity.currency)
    units = form.whole("join_units") or 0
    given = {"organisation_id": firm.id, "lines": [{"package": line, "units": units, "unit_price": price}]}
    return [given | {"replaces_id": replaced}] if (replaced := _replaced(form.form, view)) else [given]


def _replaced(data: Form, view: View) -> UUID | None:
    """Return the only member that leaves, which the firm that joins takes the place of."""
    leaving = [seat for seat in _bound(view) if data.get(f"stay-{seat.membership.id}") in ("exit", "cause")]
    return leaving[0].membership.id if len(leaving) == 1 else None


@post("/amendments/{identity:uuid}/signatures")
async def sign(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Sign the proposed edition; what is signed already stays signed."""
    given = Reading(data).wire(SignAmendmentIn, typed(data, "sha256"))
    view = await queries.view(session, reader.actor, identity)
    if reader.actor.organisation_id not in view.signed:
        await actions.sign(session, reader.actor, identity, given.sha256)
    return back(f"/consortia/{view.row.consortium_id}/amendments", "amendment-signed")


@post("/amendments/{identity:uuid}/refusal")
async def refuse(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Refuse an amendment."""
    given = Reading(data).wire(DropIn, typed(data, "note"))
    row = await actions.refuse(session, reader.actor, identity, given.note)
    return back(f"/consortia/{row.consortium_id}/amendments", "amendment-dropped")


@post("/amendments/{identity:uuid}/withdrawal")
async def withdraw(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: Filled,
) -> Response[Any]:
    """Take an amendment back."""
    given = Reading(data).wire(DropIn, typed(data, "note"))
    row = await actions.withdraw(session, reader.actor, identity, given.note)
    return back(f"/consortia/{row.consortium_id}/amendments", "amendment-dropped")


HANDLERS = (amendments_page, propose, sign, refuse, withdraw)
