"""The invitation as an SME meets it on a phone: decide in one screen, confirm, change one's mind until the deadline."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import consortia as actions
from api.console.checks import PARTS, checked, typed_again
from api.console.forms import Form, Reading, beside
from api.console.page import Reader, back, page
from api.queries import actors, capabilities, consortia, organisations, visible
from api.wire.consortia import UNSIGNED, AcceptIn, ConsortiumOut, DeclineIn, LineOut, MembershipOut, TermsIn
from api.wire.negotiation import CONFIDENTIALITY
from domain.actor import Actor
from domain.errors import Invalid, NotAllowed
from domain.kinds import Clause, ConsortiumState, DeclineReason, MembershipState

CHANGEABLE = (MembershipState.ACCEPTED, MembershipState.COUNTERED, MembershipState.DECLINED)
"""Answers that may be exchanged for another until the deadline."""


@get("/i/{identity:uuid}")
async def invitation_page(
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    check: FromQuery[UUID | None] = None,
) -> Response[Any]:
    """Show one's own invitation, and what came of a check of one's counter.

    A firm that is to join a signed agreement, and has promised confidentiality, finds what to sign elsewhere.
    """
    shown = await asked(snapshot, reader.actor, identity)
    if joins(shown):
        return back(f"/consortia/{shown['consortium'].id}/amendments")
    job = await checked(snapshot, reader.actor, {identity}, check)
    typed = typed_again(job.payload, shown["seat"].lines) if job else {}
    return page(reader, "invitation", **shown | {"check": job}, faults={}, typed=typed)


def joins(shown: Mapping[str, Any]) -> bool:
    """Tell whether the seat is one in a signed consortium whose firm has promised confidentiality and is to sign."""
    waits = shown["seat"].state is MembershipState.INVITED and shown["consortium"].state not in UNSIGNED
    return bool(waits and shown["seat"].confidentiality)


async def asked(session: AsyncSession, actor: Actor, identity: UUID) -> dict[str, Any]:
    """Return what an invited firm decides on. Raises NotFound, and NotAllowed when the seat is another firm's."""
    member = await visible.membership(session, actor, identity)
    if member.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="member")
    view = await consortia.view(session, actor, member.consortium_id)
    (row,) = [seat for seat in view.seats if seat.membership.id == identity]
    owner = await organisations.named(session, actor, [view.consortium.organisation_id])
    seat = MembershipOut.from_seat(row, view, actor)
    now = await consortia.clock(session)
    free = view.consortium.state in (ConsortiumState.FORMING, ConsortiumState.AGREED)
    in_time = free and seat.invitation is not None and now < seat.invitation.deadline
    people = await actors.colleagues(session, actor)
    mine = seat.delegate_id is None or seat.delegate_id == actor.user_id or await actors.is_admin(session, actor)
    declared = await capabilities.mine(session, actor, limit=200)
    phrases = {each.id: each.phrase for each in declared[0]}
    return {
        "seat": seat,
        "consortium": ConsortiumOut.from_view(view, actor),
        "project": view.opportunity,
        "packages": {package.id: package for package in view.packages.values()},
        "owner": owner[view.consortium.organisation_id].name,
        "basis": {line.package_id: phrases.get(line.capability_id) for line in row.lines if line.capability_id},
        "others": [each for each in view.every if each.membership.id != identity],
        "askable": in_time and mine and seat.state is MembershipState.INVITED,
        "changeable": in_time and mine and seat.state in CHANGEABLE,
        "mine": mine,
        "people": people,
        "person": next((each.name for each in people if each.id == actor.user_id), ""),
        "reasons": DeclineReason,
        "clauses": Clause,
        "confidentiality": CONFIDENTIALITY,
        "check": None,
    }


@post("/i/{identity:uuid}/acceptance")
async def accept(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Accept the edition that was shown, with the prices it left open; accepted already is accepted."""
    shown = await asked(session, reader.actor, identity)
    if shown["seat"].state is MembershipState.ACCEPTED:
        return back(f"/i/{identity}", "accepted-before")
    try:
        given = acceptance(data, shown["seat"].lines)
    except Invalid as refused:
        return page(reader, "invitation", status=422, **shown, faults=beside(reader.locale, refused), typed=data)
    await actions.accept(session, reader.actor, identity, given)
    return back(f"/i/{identity}", "accepted")


def acceptance(data: Form, lines: tuple[LineOut, ...]) -> AcceptIn:
    """Read an acceptance: the edition, and a price where one is open and was stated. Raises Invalid."""
    form = Reading(data)
    stated = [(line.package, form.amount(f"price.{line.package}", line.currency)) for line in lines]
    prices = [{"package": code, "unit_price": price} for code, price in stated if price is not None]
    return form.wire(AcceptIn, {"edition": form.whole("edition"), "prices": prices})


@post("/i/{identity:uuid}/counter")
async def counter(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Answer with other units or prices."""
    shown = await asked(session, reader.actor, identity)
    if shown["seat"].state is MembershipState.COUNTERED:
        return back(f"/i/{identity}", "countered-before")
    try:
        given = counter_terms(data, shown["seat"].lines)
    except Invalid as refused:
        return page(reader, "invitation", status=422, **shown, faults=beside(reader.locale, refused), typed=data)
    await actions.counter(session, reader.actor, identity, given)
    return back(f"/i/{identity}", "countered")


def counter_terms(data: Form, lines: tuple[LineOut, ...]) -> TermsIn:
    """Read a counter: units, price and dates of each of the seat's packages, payment, a clause, a note.

    Raises Invalid.
    """
    form = Reading(data)
    wanted = [
        {
            "package": line.package,
            "units": form.whole(f"units.{line.package}"),
            "unit_price": form.amount(f"price.{line.package}", line.currency),
            "starts": form.text(f"starts.{line.package}"),
            "ends": form.text(f"ends.{line.package}"),
            "lead_days": form.whole(f"lead_days.{line.package}"),
        }
        for line in lines
    ]
    kept = [line for line in wanted if line["units"] != 0]
    aliased = {
        "edition": form.whole("edition"),
        "lines": kept,
        "note": data.get("note", ""),
        "payment": _payment(form),
        "clauses": _clause(form),
    }
    for line in lines:
        if form.text(f"units.{line.package}") is None:
            form.missing(f"units.{line.package}")
    form.settle()
    return form.wire(TermsIn, aliased)


def _payment(form: Reading) -> dict[str, Any] | None:
    """Return how the firm would be paid; None where no part of it was filled in."""
    parts = {part: form.percent(f"pay.{part}") for part in PARTS}
    if all(value is None for value in parts.values()):
        return None
    return {part: value or 0 for part, value in parts.items()} | {"days": form.whole("pay.days") or 30}


def _clause(form: Reading) -> list[dict[str, Any]] | None:
    """Return the clause that is to be worded otherwise; None where none was chosen."""
    name = form.text("clause")
    return None if name is None else [{"clause": name, "wording": form.text("wording") or ""}]


@post("/i/{identity:uuid}/decline")
async def decline(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Decline, with a reason; declined already is declined."""
    shown = await asked(session, reader.actor, identity)
    if shown["seat"].state is MembershipState.DECLINED:
        return back(f"/i/{identity}", "declined-before")
    form = Reading(data)
    answer = {"edition": form.whole("edition"), "reason": data.get("reason", "other"), "note": data.get("note", "")}
    await actions.decline(session, reader.actor, identity, form.wire(DeclineIn, answer))
    return back(f"/i/{identity}", "declined")


HANDLERS = (invitation_page, accept, counter, decline)
