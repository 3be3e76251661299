"""Thinking about a consortium under way: repairs for its leader, and a check of terms before they are sent."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from threading import Event as Flag
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import negotiation
from api.actions.suggestions import plain
from api.apart import apart
from api.db import snapshot
from api.jobs import Effect, JobContext, Outcome, only
from api.marks import mark, marking_key
from api.queries import answers, consortia, visible
from api.queries.consortia import View
from api.queries.world import load_opening, load_world
from api.tenancy import Office, doing
from api.vectors import of_this_process
from api.wire.consortia import TermsIn
from coalitions.checking import Checked, check
from coalitions.formation import PENDING, SETTLED
from coalitions.mending import mend
from coalitions.sitting import Part
from coalitions.suggestion import Params, Reader
from coalitions.terms import Line
from domain.kinds import MembershipState
from domain.world import Opening, World

GONE = frozenset({MembershipState.DECLINED, MembershipState.EXPIRED, MembershipState.WITHDRAWN})
CHECK_SECONDS = 5.0


async def repairs(context: JobContext) -> Effect:
    """Find how a consortium can be mended; the effect keeps the ways as a suggestion that `fill` can take.

    Raises NotFound when the consortium is no longer the actor's to see.
    """
    await context.report({"stage": "reading"})
    identity = UUID(context.payload["consortium_id"])
    view, opening, world, parts = await _read(context, identity)
    live = {seat.membership.organisation_id for seat in view.every if seat.membership.state in PENDING | SETTLED}
    gone = {seat.membership.organisation_id for seat in view.every if seat.membership.state in GONE} - live
    lead = next(
        (
            seat.membership.organisation_id
            for seat in view.every
            if seat.membership.lead and seat.membership.state in PENDING | SETTLED
        ),
        None,
    )
    wanted = Params(seconds=float(context.payload["seconds"]), seed=context.payload["seed"])
    async with snapshot(context.engine, doing(Office.SOLVER, context.actor)) as session:
        accepted = await answers.accepted_prices(session, context.actor, opening.id)
    reader = Reader(organisation_id=context.actor.organisation_id, accepted=accepted)
    await context.report({"stage": "matching", "suppliers": len(world.suppliers), "links": len(world.links)})
    began = time.monotonic()
    found = await apart(
        mend, world, opening, parts, gone, lead=lead, params=wanted, reader=reader, seconds=wanted.seconds,
        cancelled=context.cancelled,
    )  # fmt: skip
    seconds = time.monotonic() - began
    kept = replace(found, digest=mark(found.digest, marking_key(context.settings.digest_key_place)))

    async def keep(session: AsyncSession) -> Outcome:
        row = await negotiation.keep_repairs(
            session, context.actor, context.job_id, view.consortium, opening, kept, seconds, wanted.seed
        )
        return {"suggestion_id": str(row.id), "status": row.status, "plans": len(row.plans)}

    return keep


async def counter_check(context: JobContext) -> Effect:
    """Check terms before they are sent; the outcome holds nothing but what the asking side may know.

    Raises NotFound when the seat is no longer the actor's to see.
    """
    await context.report({"stage": "reading"})
    if context.subject_id is None:
        raise ValueError("a check is about a seat")
    given = TermsIn.model_validate(dict(context.payload), strict=False)
    async with snapshot(context.engine, doing(Office.SOLVER, context.actor)) as session:
        member = await visible.membership(session, context.actor, context.subject_id)
    view, opening, world, parts = await _read(context, member.consortium_id)
    lines = tuple(Line(**line.model_dump()) for line in given.lines)
    firm = member.organisation_id
    found = await apart(
        _checked, world, opening, parts, firm, lines, seconds=CHECK_SECONDS, cancelled=context.cancelled
    )
    return only(_told(found, view, own=firm == context.actor.organisation_id))


def _checked(*given: Any, interrupt: Flag) -> Checked:
    return check(*given, seconds=CHECK_SECONDS, interrupt=interrupt)


def _told(found: Checked, view: View, *, own: bool) -> Outcome:
    """Return what a side may read of a check: its own room only, a member's capacity never to the leader."""
    effects = [plain(message) for message in found.effects]
    if own:
        return {"verdict": str(found.verdict), "effects": effects, "room": [plain(each) for each in found.room]}
    for effect in effects:
        effect["params"].pop("free", None)
    return {"verdict": str(found.verdict), "effects": effects, "budget": _budget(view)}


def _budget(view: View) -> dict[str, Any]:
    """Return the leader's own room: the published budget less the prices that are open to it, once all of them are."""
    live = [seat for seat in view.every if seat.membership.state in PENDING | SETTLED]
    lines = [(seat, line) for seat in live for line in seat.lines]
    known = [
        line.units * line.unit_price
        for seat, line in lines
        if line.unit_price is not None and (seat.membership.state in SETTLED or line.capability_id in view.disclosed)
    ]
    closed, budget = len(lines) - len(known), view.opportunity.budget
    return {"closed": closed, "left": budget - sum(known) if budget is not None and not closed else None}


async def _read(context: JobContext, identity: UUID) -> tuple[View, Opening, World, tuple[Part, ...]]:
    """Read a consortium with the world around it; what it holds counts as free, since it is about itself."""
    async with snapshot(context.engine, doing(Office.SOLVER, context.actor)) as session:
        view = await consortia.view(session, context.actor, identity)
        parts = _parts(view)
        opening = await load_opening(session, context.actor, view.opportunity.id)
        now: datetime = await consortia.clock(session)
        world = await load_world(
            session, context.actor, _naming(opening, parts), await of_this_process(), now.date(), holding=identity
        )
    return view, opening, world, parts


def _parts(view: View) -> tuple[Part, ...]:
    live = [seat for seat in view.every if seat.membership.state in PENDING | SETTLED]
    return tuple(
        Part(
            firm_id=seat.membership.organisation_id,
            name=str(seat.membership.organisation_id),
            package=view.packages[line.package_id].code,
            units=line.units,
            offering_id=line.capability_id or seat.membership.id,
        )
        for seat in live
        for line in seat.lines
    )


def _naming(opening: Opening, parts: Sequence[Part]) -> Opening:
    """Return the opening with a rule that names the members, so that they are read with the world."""
    named = [{"package": part.package, "firm": str(part.firm_id)} for part in parts]
    return replace(opening, rules={**opening.rules, "locked": [*opening.rules.get("locked", ()), *named]})
