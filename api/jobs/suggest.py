"""The suggestion run: read a World, think apart, keep what was found in the commit that ends the job."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import suggestions
from api.apart import apart
from api.db import snapshot
from api.jobs import Effect, JobContext, NotYet, Outcome
from api.marks import mark, marking_key
from api.queries import answers, consortia
from api.queries.world import load_opening, load_world
from api.tenancy import Office, doing
from api.vectors import of_this_process
from coalitions.formation import PENDING, SETTLED
from coalitions.suggestion import Params, Reader
from coalitions.suggestion import suggest as think
from domain.kinds import MembershipState
from domain.world import Opening, World
from optimizer import Progress

GONE = frozenset({MembershipState.DECLINED, MembershipState.EXPIRED, MembershipState.WITHDRAWN})


async def suggest(context: JobContext) -> Effect:
    """Propose consortia for the job's opportunity; the effect keeps them as a suggestion.

    One run of an organisation goes on at a time, in the order they were asked for, so that whoever asks for much keeps
    nobody waiting. Raises NotYet while another one is under way, NotFound when the opportunity is no longer
    the actor's to see.
    """
    async with snapshot(context.engine, doing(Office.SOLVER, context.actor)) as session:
        if not await answers.next_in_turn(session, context.actor, context.job_id):
            raise NotYet
    await context.report({"stage": "reading"})
    opening, world, wanted, reader = await _read(context)
    await context.report({"stage": "matching", "suppliers": len(world.suppliers), "links": len(world.links)})
    loop = asyncio.get_running_loop()

    async def report(progress: dict[str, Any]) -> None:
        await context.report(progress)

    def tell(progress: Progress) -> None:
        asyncio.run_coroutine_threadsafe(report(_told(progress)), loop)

    found = await apart(
        think, world, opening, wanted, reader=reader, seconds=wanted.seconds, cancelled=context.cancelled, tell=tell
    )
    kept = replace(found, digest=mark(found.digest, marking_key(context.settings.digest_key_place)))

    async def keep(session: AsyncSession) -> Outcome:
        row = await suggestions.keep(session, context.actor, context.job_id, opening.id, opening.edition, kept)
        return {"suggestion_id": str(row.id), "status": row.status, "plans": len(row.plans)}

    return keep


def _told(progress: Progress) -> dict[str, Any]:
    """Progress without values: only how far the best is from the bound, which tells nobody's price."""
    gap = None
    if progress.objective is not None and progress.bound is not None:
        gap = round(abs(progress.bound - progress.objective) / max(1, abs(progress.objective)), 4)
    return {"stage": progress.stage, "plan": progress.plan, "gap": gap, "seconds": round(progress.seconds, 2)}


async def _read(context: JobContext) -> tuple[Opening, World, Params, Reader]:
    payload = context.payload
    identity = context.subject_id
    if identity is None:
        raise ValueError("a suggestion run is about an opportunity")
    async with snapshot(context.engine, doing(Office.SOLVER, context.actor)) as session:
        opening = await load_opening(session, context.actor, identity)
        holding = UUID(payload["consortium_id"]) if payload.get("consortium_id") else None
        if holding is not None:
            opening = await _kept(session, context, opening, holding)
        now: datetime = await consortia.clock(session)
        world = await load_world(session, context.actor, opening, await of_this_process(), now.date(), holding=holding)
        accepted = await answers.accepted_prices(session, context.actor, identity)
    wanted = Params(plans=payload["plans"], seconds=float(payload["seconds"]), seed=payload["seed"])
    return opening, world, wanted, Reader(organisation_id=context.actor.organisation_id, accepted=accepted)


async def _kept(session: AsyncSession, context: JobContext, opening: Opening, consortium: UUID) -> Opening:
    """Return the opening with rules that keep the consortium's live seats and leave out who has gone."""
    codes = {package.id: package.code for package in opening.packages}
    rules: dict[str, Any] = dict(opening.rules)
    locked, excluded = list(rules.get("locked", ())), list(rules.get("excluded", ()))
    for seat in await consortia.seats(session, context.actor, consortium):
        firm = str(seat.membership.organisation_id)
        if seat.membership.state in PENDING | SETTLED:
            locked += [{"package": codes[line.package_id], "firm": firm, "share": line.share} for line in seat.lines]
            if seat.membership.lead:
                rules["lead"] = {"candidates": [firm]}
        elif seat.membership.state in GONE:
            excluded.append(firm)
    return replace(opening, rules=_without_empty(rules | {"locked": locked, "excluded": sorted(set(excluded))}))


def _without_empty(rules: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rules.items() if value not in ([], None)}
