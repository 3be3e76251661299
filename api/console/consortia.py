"""Consortia: the list, the workspace where one is formed, and the agreement that is signed."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import consortia as actions
from api.actions import envelopes as signing
from api.actions import suggestions
from api.console.checks import checked
from api.console.forms import Reading, period
from api.console.home import feed
from api.console.page import Reader, back, page
from api.console.workspace import LEFT, LIVE, own_seat, picture, rows, standing
from api.esign import name_of
from api.i18n import say
from api.queries import amendments, answers, consortia, desk, envelopes, opportunities, organisations, visible
from api.queries.consortia import View
from api.wire.answers import AnswerLine
from api.wire.consortia import (
    AgreementOut,
    ConsortiumLine,
    ConsortiumOut,
    FillIn,
    InviteIn,
    OfferIn,
    SignIn,
    SuggestionOut,
    diff_of,
)
from api.wire.jobs import JobOut, SuggestIn
from api.wire.negotiation import DiffOut
from coalitions.relations import related
from domain.actor import Actor
from domain.errors import ConfidentialityFirst, NotFound
from domain.kinds import ConsortiumState, MembershipState
from domain.message import Message
from domain.records import Consortium

ROWS = 20


@get("/consortia")
async def list_page(
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """List the consortia one may see."""
    found, following = await consortia.listed(snapshot, reader.actor, cursor=cursor, limit=ROWS)
    items = tuple(map(ConsortiumLine.model_validate, found))
    leads = await organisations.named(snapshot, reader.actor, [row.organisation_id for row in found])
    return page(reader, "consortia", items=items, leads=leads, following=following)


@get("/consortia/{identity:uuid}")
async def workspace_page(
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    check: FromQuery[UUID | None] = None,
) -> Response[Any]:
    """Show a consortium in formation: to its leader with what to do next, to a member with his own part.

    `check` is a check of one of its counters that was asked for.
    """
    actor = reader.actor
    view = await consortia.view(snapshot, actor, identity)
    out = ConsortiumOut.from_view(view, actor)
    leading = view.consortium.organisation_id == actor.organisation_id
    table = rows(view, out)
    words = {each: say(reader.locale, Message(code=each), section="page") for each in ("taken-unseen", "nobody-yet")}
    return page(
        reader,
        "consortium",
        consortium=out,
        project=view.opportunity,
        leading=leading,
        table=table,
        figures=standing(view, out, table, whole=leading or reader.watches),
        chain_picture=picture(table, words["taken-unseen"], words["nobody-yet"]),
        departed=[seat for seat in out.members if seat.state in LEFT or seat.state is MembershipState.REPLACED],
        open_again=[seat for seat in out.members if seat.state in LEFT],
        proposed=[seat for seat in out.members if seat.state is MembershipState.PROPOSED],
        countered=[seat for seat in out.members if seat.state is MembershipState.COUNTERED],
        staying=[seat for seat in out.members if seat.state in LIVE],
        answers=tuple(map(AnswerLine.model_validate, await answers.listed(snapshot, actor, consortium=identity))),
        own=own_seat(out, actor.organisation_id),
        plan=await _plan(snapshot, actor, view.consortium),
        relief=await _relief(snapshot, actor, view.consortium) if leading else {"job": None, "run": None},
        agreement=await _open_agreement(snapshot, actor, view.consortium),
        diffs=await _diffs(snapshot, actor, view) if leading else {},
        check=await checked(snapshot, actor, {seat.membership.id for seat in view.seats}, check),
        related=_related(view) if leading or reader.watches else (),
        packages={str(package.id): package for package in view.packages.values()},
        feed=await feed(snapshot, actor, consortium=identity),
    )


async def _diffs(session: AsyncSession, actor: Actor, view: View) -> dict[UUID, DiffOut]:
    """Return, for each seat with a counter on the table, what differs from the terms in force."""
    found = {}
    for seat in view.seats:
        if seat.counter is not None:
            old, new = await consortia.two_editions(session, actor, seat, None, seat.counter.edition)
            found[seat.membership.id] = diff_of(view, seat, old, new, actor)
    return found


def _related(view: View) -> tuple[str, ...]:
    """Name the members that are under one control, for those who may know it: the leader and who oversees."""
    live = [seat.membership.organisation_id for seat in view.seats if seat.membership.state in LIVE]
    found = related({firm: view.firms[firm].group_name for firm in live})
    return tuple("、".join(view.firms[firm].name for firm in firms) for firms in found)


async def _plan(session: AsyncSession, actor: Actor, row: Consortium) -> dict[str, Any] | None:
    """Return the plan a consortium was made from, with its run, to those who may know it."""
    try:
        run = await visible.suggestion(session, actor, row.suggestion_id) if row.suggestion_id else None
    except NotFound:
        return None
    return {"run": run, "chosen": run.plans[row.plan - 1]} if run is not None and row.plan is not None else None


async def _relief(session: AsyncSession, actor: Actor, row: Consortium) -> dict[str, Any]:
    """Return the run that looks for who could fill this consortium's open seats: under way, or found and not used."""
    under_way = await desk.under_way(session, actor, row.opportunity_id, "repair") or await desk.under_way(
        session, actor, row.opportunity_id, "suggest"
    )
    for run in await opportunities.suggestions_of(session, actor, row.opportunity_id):
        if run.id == row.suggestion_id:
            break
        job = await visible.job(session, actor, run.job_id)
        if job.payload.get("consortium_id") == str(row.id):
            return {"job": None, "run": SuggestionOut.model_validate(run)}
    return {"job": JobOut.model_validate(under_way) if under_way else None, "run": None}


async def _open_agreement(session: AsyncSession, actor: Actor, row: Consortium) -> AgreementOut | None:
    """Return the agreement as `_agreement` does, or None where confidentiality has to be promised first."""
    try:
        return await _agreement(session, actor, row)
    except ConfidentialityFirst:
        return None


async def _agreement(session: AsyncSession, actor: Actor, row: Consortium) -> AgreementOut | None:
    found = await consortia.agreement_for(session, actor, row.id)
    if found is None:
        return None
    carried = await amendments.carried(session, actor, found[0].id)
    return AgreementOut.from_rows(*found, valid=row.state is not ConsortiumState.FORMING, carried=carried)


@post("/consortia/{identity:uuid}/invitations")
async def invite(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Ask everyone whose seat is proposed; when nobody is left to ask, say so."""
    form = Reading(data)
    given = form.wire(InviteIn, period(form))
    row = await visible.consortium(session, reader.actor, identity, lock=True)
    states = {each.membership.state for each in await consortia.seats(session, reader.actor, identity)}
    if row.organisation_id == reader.actor.organisation_id and MembershipState.PROPOSED not in states:
        return back(f"/consortia/{identity}", "nobody-to-ask")
    await actions.invite(session, reader.actor, identity, given)
    return back(f"/consortia/{identity}", "invited")


@post("/consortia/{identity:uuid}/suggestions")
async def look_for_relief(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Look for firms that could take the seats that are open again; the members who stay keep theirs."""
    row = await visible.consortium(session, reader.actor, identity, lock=True)
    known = await desk.under_way(session, reader.actor, row.opportunity_id, "suggest")
    if known is None:
        await suggestions.ask(session, reader.actor, row.opportunity_id, SuggestIn(plans=2, consortium_id=identity))
    return back(f"/consortia/{identity}#relief")


@post("/consortia/{identity:uuid}/replacements")
async def fill(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Give the open seats to the firms of a plan; a plan that was used already is not used twice."""
    form = Reading(data)
    given = form.wire(FillIn, {"suggestion_id": form.text("suggestion"), "plan": form.whole("plan")})
    row = await visible.consortium(session, reader.actor, identity, lock=True)
    if (row.suggestion_id, row.plan) != (given.suggestion_id, given.plan):
        await actions.fill(session, reader.actor, identity, given)
    view = await consortia.view(session, reader.actor, identity)
    short = any(gap.units > 0 for gap in ConsortiumOut.from_view(view, reader.actor).gaps)
    return back(f"/consortia/{identity}", "refilled-in-part" if short else "refilled")


@post("/consortia/{identity:uuid}/dissolution")
async def dissolve(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """End a formation that is not signed yet."""
    row = await visible.consortium(session, reader.actor, identity, lock=True)
    if row.state is not ConsortiumState.DISSOLVED:
        await actions.dissolve(session, reader.actor, identity)
    return back(f"/consortia/{identity}", "dissolved")


@post("/memberships/{identity:uuid}/invitation")
async def offer(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Put a member's own counter to it as the next edition, or put the former terms to it once more."""
    form = Reading(data)
    seat = await visible.membership(session, reader.actor, identity)
    lines = await _former(session, reader.actor, seat.consortium_id, identity) if form.text("former") else None
    given = form.wire(OfferIn, {**period(form), "lines": lines})
    row = await actions.ask_again(session, reader.actor, identity, given.lines, given)
    return back(f"/consortia/{row.consortium_id}", "offered")


async def _former(session: AsyncSession, actor: Actor, consortium: UUID, membership: UUID) -> list[dict[str, Any]]:
    """Return the terms in force of one seat, as they would be offered once more."""
    view = await consortia.view(session, actor, consortium)
    (seat,) = [seat for seat in view.seats if seat.membership.id == membership]
    return [
        {"package": view.packages[line.package_id].code, "units": line.units, "unit_price": consortia.price_of(line)}
        for line in seat.lines
    ]


@post("/memberships/{identity:uuid}/withdrawal")
async def withdraw(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Take back a seat, as chain leader."""
    row = await visible.membership(session, reader.actor, identity)
    if row.state is not MembershipState.WITHDRAWN:
        row = await actions.withdraw(session, reader.actor, identity)
    return back(f"/consortia/{row.consortium_id}", "withdrawn")


@get("/consortia/{identity:uuid}/agreement")
async def agreement_page(
    state: State, reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Show the agreement in force and who has signed it. Raises NotFound to those who are no party of it."""
    view = await consortia.view(snapshot, reader.actor, identity)
    out = ConsortiumOut.from_view(view, reader.actor)
    found = await _agreement(snapshot, reader.actor, view.consortium)
    if found is None:
        raise NotFound(noun="agreement")
    bound = [*found.signed_by, *(each.organisation_id for each in found.carried)]
    firms = await organisations.named(snapshot, reader.actor, bound)
    return page(
        reader,
        "agreement",
        agreement=found,
        consortium=out,
        signed={firms[each].name for each in found.signed_by if each in firms},
        carried={firms[each.organisation_id].name: each for each in found.carried if each.organisation_id in firms},
        own=own_seat(out, reader.actor.organisation_id),
        envelopes=await envelopes.of_consortium(snapshot, reader.actor, identity),
        provider=name_of(state.settings),
    )


@post("/consortia/{identity:uuid}/envelopes")
async def ask_for_envelope(
    state: State,
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Ask to sign at the provider of electronic signatures."""
    given = Reading(data).wire(SignIn, {"sha256": data.get("sha256", "")})
    await signing.ask(session, reader.actor, identity, given.sha256, name_of(state.settings))
    return back(f"/consortia/{identity}/agreement", "envelope-asked")


@post("/consortia/{identity:uuid}/signatures")
async def sign(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Sign the agreement with the hash that was shown; what is signed already stays signed."""
    given = Reading(data).wire(SignIn, {"sha256": data.get("sha256", "")})
    row = await visible.consortium(session, reader.actor, identity, lock=True)
    found = await consortia.agreement(session, reader.actor, row.id)
    signed = found is not None and any(each.organisation_id == reader.actor.organisation_id for each in found[1])
    if not signed:
        await actions.sign(session, reader.actor, identity, given.sha256)
    return back(f"/consortia/{identity}/agreement", "signed")


HANDLERS = (
    list_page,
    workspace_page,
    invite,
    look_for_relief,
    fill,
    dissolve,
    offer,
    withdraw,
    agreement_page,
    ask_for_envelope,
    sign,
)
