"""Negotiation in the console: what differs, confidentiality, who answers, more time, checks and repairs."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import negotiation as actions
from api.console.forms import Reading, beside, period
from api.console.invitations import asked, counter_terms
from api.console.page import Reader, back, page
from api.queries import consortia, desk, visible
from api.wire.consortia import diff_of
from api.wire.negotiation import ConfidentialityIn, DelegationIn, ExtensionIn, RepairIn
from domain.errors import Invalid


@get("/memberships/{identity:uuid}/diff")
async def diff_page(
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    before: FromQuery[int | None] = None,
    after: FromQuery[int | None] = None,
) -> Response[Any]:
    """Show what differs between two editions of a seat's terms, to the member and to its chain leader."""
    seat = await consortia.between(snapshot, reader.actor, identity)
    view = await consortia.view(snapshot, reader.actor, seat.membership.consortium_id)
    old, new = await consortia.two_editions(snapshot, reader.actor, seat, before, after)
    own = seat.membership.organisation_id == reader.actor.organisation_id
    return page(
        reader,
        "diff",
        diff=diff_of(view, seat, old, new, reader.actor),
        project=view.opportunity,
        home=f"/i/{identity}" if own else f"/consortia/{view.consortium.id}",
        name=view.consortium.name,
    )


@post("/i/{identity:uuid}/confidentiality")
async def promise(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Promise confidentiality by name; promised already is promised."""
    form = Reading(data)
    given = form.wire(ConfidentialityIn, {"edition": form.whole("edition")})
    await actions.promise(session, reader.actor, identity, given)
    return back(f"/i/{identity}#others", "promised")


@post("/i/{identity:uuid}/delegation")
async def delegate(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Hand the firm's answer to a colleague, or back to everybody."""
    form = Reading(data)
    given = form.wire(DelegationIn, {"user_id": form.text("person")})
    await actions.delegate(session, reader.actor, identity, given)
    return back(f"/i/{identity}", "delegated")


@post("/i/{identity:uuid}/counter-check")
async def check(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Have a counter checked before it is sent; the invitation's page tells what came of it."""
    shown = await asked(session, reader.actor, identity)
    try:
        given = counter_terms(data, shown["seat"].lines)
    except Invalid as refused:
        return page(reader, "invitation", status=422, **shown, faults=beside(reader.locale, refused), typed=data)
    job = await actions.ask_for_check(session, reader.actor, identity, given)
    return back(f"/i/{identity}?check={job.id}#check")


@post("/memberships/{identity:uuid}/counter-check")
async def check_counter(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Have a counter on the table checked before it is agreed to; the consortium's page tells what came of it."""
    seat = await consortia.between(session, reader.actor, identity)
    job = await actions.ask_for_check_of_counter(session, reader.actor, seat)
    return back(f"/consortia/{seat.membership.consortium_id}?check={job.id}#counter-{identity}")


@post("/memberships/{identity:uuid}/extension")
async def extend(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Give a member more time, as chain leader."""
    form = Reading(data)
    given = form.wire(ExtensionIn, period(form))
    row = await actions.extend(session, reader.actor, identity, given)
    return back(f"/consortia/{row.consortium_id}", "extended")


@post("/consortia/{identity:uuid}/repairs")
async def look_for_repairs(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
) -> Response[Any]:
    """Look for ways to mend a consortium; while one look is under way no other begins."""
    row = await visible.consortium(session, reader.actor, identity, lock=True)
    if await desk.under_way(session, reader.actor, row.opportunity_id, "repair") is None:
        await actions.ask_for_repairs(session, reader.actor, identity, RepairIn())
    return back(f"/consortia/{identity}#relief")


HANDLERS = (diff_page, promise, delegate, check, check_counter, extend, look_for_repairs)
