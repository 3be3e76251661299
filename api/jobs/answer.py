"""An answer of the optimizer: read the World once, think apart, keep what was found in the job's commit."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from threading import Event as Flag
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import answers as keeping
from api.actions.answers import Found
from api.apart import apart
from api.db import snapshot
from api.jobs import Effect, JobContext, NotYet, Outcome
from api.marks import mark, marking_key
from api.queries import answers, consortia, visible
from api.queries.world import load_opening, load_world
from api.tenancy import Office, doing
from api.vectors import of_this_process
from coalitions import answering, portfolios
from coalitions.answering import Effort, Matter
from coalitions.basis import Known, PlanOutdated, Units
from coalitions.formation import PENDING, SETTLED
from coalitions.guidance import guided
from domain.kinds import AnswerKind, FrontierAxis, MembershipState
from domain.world import Link, Opening, Supplier, World

GONE = frozenset({MembershipState.DECLINED, MembershipState.EXPIRED, MembershipState.WITHDRAWN})
TICK = 1.0
MOST_WAVES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One project as a question reads it: what is asked, who could serve, which prices the asker knows, which plan."""

    opening: Opening
    world: World
    accepted: Known = field(default_factory=dict)
    matched: frozenset[str] = frozenset()
    units: Units = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    history: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    waves: int = 1


async def answer(context: JobContext) -> Effect:
    """Answer the question of a job; the effect keeps the answer.

    One question of an organisation is answered at a time, in the order they were asked, so that whoever asks much keeps
    nobody waiting. Raises NotYet while another one is under way, NotFound when what was asked about is no longer the
    asker's to see, PricesClosed, PlanOutdated.
    """
    async with snapshot(context.engine, doing(Office.SOLVER, context.actor)) as session:
        if not await answers.next_in_turn(session, context.actor, context.job_id):
            raise NotYet
    await context.report({"stage": "reading"})
    projects = [await _read(context, identity) for identity in await _about(context)]
    began = time.monotonic()
    async with _ticking(context):
        found, (digest, priced, closed) = await apart(
            _think, dict(context.payload), context.actor.organisation_id, projects,
            seconds=float(context.payload["seconds"]), cancelled=context.cancelled,
        )  # fmt: skip
    single = projects[0].opening if len(projects) == 1 else None
    kept = Found(
        digest=mark(digest, marking_key(context.settings.digest_key_place)),
        seconds=time.monotonic() - began,
        priced=priced,
        closed=closed,
        currency=single.currency if single else _common(project.opening.currency for project in projects),
        edition=single.edition if single else None,
        names=_names(found, projects),
        body=found,
    )

    async def keep(session: AsyncSession) -> Outcome:
        about = single.id if single else None
        row = await keeping.keep(session, context.actor, context.job_id, context.payload, about, kept)
        return {"answer_id": str(row.id), "kind": str(row.kind)}

    return keep


@contextlib.asynccontextmanager
async def _ticking(context: JobContext) -> AsyncIterator[None]:
    """Tell every second how long the thinking has taken, of how many seconds at most."""

    async def tick() -> None:
        began, most = time.monotonic(), context.payload["seconds"]
        while True:
            spent = round(time.monotonic() - began)
            await context.report({"stage": "answering", "seconds": spent, "of": most})
            await asyncio.sleep(TICK)

    ticks = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticks.cancel()
        await asyncio.wait({ticks})


# ---- reading ----


async def _about(context: JobContext) -> tuple[UUID, ...]:
    """Return the projects that a question is about."""
    payload = context.payload
    if payload["kind"] == AnswerKind.PORTFOLIO:
        return tuple(map(UUID, payload["opportunity_ids"]))
    assert context.subject_id is not None
    if payload["kind"] == AnswerKind.COUNTERFACTUAL:
        return (context.subject_id,)
    async with snapshot(context.engine, doing(Office.SOLVER, context.actor)) as session:
        return ((await visible.suggestion(session, context.actor, context.subject_id)).opportunity_id,)


async def _read(context: JobContext, identity: UUID) -> Project:
    """Read everything a question needs about a project in one snapshot."""
    holding = _named(context, "consortium_id")
    async with snapshot(context.engine, doing(Office.SOLVER, context.actor)) as session:
        opening = await load_opening(session, context.actor, identity)
        now: datetime = await consortia.clock(session)
        meaning = await of_this_process()
        world = await load_world(session, context.actor, opening, meaning, now.date(), holding=holding)
        firms = [supplier.id for supplier in world.suppliers]
        leads = opening.owner_id == context.actor.organisation_id
        deadline = (await visible.opportunity(session, context.actor, identity)).deadline
        units, gone = await _plan(session, context, opening)
        kind = context.payload["kind"]
        return Project(
            opening=opening,
            world=world,
            accepted=await answers.accepted_prices(session, context.actor, identity) if leads else {},
            matched=await _matched(session, context),
            units=units,
            gone=gone,
            links=await answers.upstream_links(session, context.actor, firms) if kind == AnswerKind.HARDEN else (),
            history=await answers.history(session, context.actor, firms) if kind == AnswerKind.WAVES else {},
            waves=_waves(deadline, now, context.payload.get("hours", 1)),
        )


def _waves(deadline: datetime, now: datetime, hours: int) -> int:
    """Return how many waves of so many hours fit before the deadline: at least one, at most five."""
    return max(1, min(MOST_WAVES, int((deadline - now).total_seconds() // (3_600 * hours))))


async def _plan(session: AsyncSession, context: JobContext, opening: Opening) -> tuple[Units, tuple[str, ...]]:
    """Return what the plan asked about gives to whom, and the firms that are lost to it."""
    lost = tuple(context.payload.get("lost", ()))
    codes = {package.id: package.code for package in opening.packages}
    consortium = _named(context, "consortium_id")
    if consortium is not None:
        return await _formed(session, context, consortium, codes, lost)
    if "suggestion_id" not in context.payload:
        return {}, ()
    run = await visible.suggestion(session, context.actor, UUID(context.payload["suggestion_id"]))
    number = context.payload["plan"]
    seats = run.plans[number - 1]["seats"] if number <= len(run.plans) else ()
    units = {
        (seat["supplier_id"], codes[UUID(part["package_id"])]): part["units"]
        for seat in seats
        for part in seat["parts"]
    }
    return units, lost


async def _formed(
    session: AsyncSession, context: JobContext, consortium: UUID, codes: Mapping[UUID, str], lost: tuple[str, ...]
) -> tuple[Units, tuple[str, ...]]:
    """Return the plan of a consortium: the live seats; for a repair also those that were lost, which it is to mend."""
    mends = context.payload["kind"] == AnswerKind.REPAIR
    units: dict[tuple[str, str], int] = {}
    gone = set(lost)
    for seat in await consortia.seats(session, context.actor, consortium):
        firm, state = str(seat.membership.organisation_id), seat.membership.state
        if state in PENDING | SETTLED:
            units |= {(firm, codes[line.package_id]): line.units for line in seat.lines}
            gone -= {firm} - set(lost)
        elif mends and state in GONE:
            gone.add(firm)
            for line in seat.lines:
                units.setdefault((firm, codes[line.package_id]), line.units)
    return units, tuple(sorted(gone))


async def _matched(session: AsyncSession, context: JobContext) -> frozenset[str]:
    """Return the firms of the plans that were suggested: they are matched, and may have opened their price to it."""
    if "suggestion_id" not in context.payload:
        return frozenset()
    run = await visible.suggestion(session, context.actor, UUID(context.payload["suggestion_id"]))
    return frozenset(seat["supplier_id"] for plan in run.plans for seat in plan["seats"])


def _named(context: JobContext, name: str) -> UUID | None:
    return UUID(context.payload[name]) if context.payload.get(name) else None


# ---- thinking ----

Rested = tuple[str, bool, int]
"""The digest of the problem, whether every price counted, how many were closed."""


def _think(payload: Mapping[str, Any], reader: UUID, projects: list[Project], *, interrupt: Flag) -> tuple[Any, Rested]:
    """Answer the question; nothing here waits."""
    effort = Effort(seconds=float(payload["seconds"]), seed=payload["seed"], interrupt=interrupt)
    kind = AnswerKind(payload["kind"])
    if kind is AnswerKind.COUNTERFACTUAL:
        return _guided(projects[0], reader, effort)
    matters = [
        answering.matter(project.world, project.opening, reader, project.matched, project.accepted)
        for project in projects
    ]
    if kind is AnswerKind.PORTFOLIO:
        asked = portfolios.demand(matters)
        rested = (asked.digest, asked.priced, asked.closed)
        return portfolios.staffed(asked, payload["sme_floor"], effort), rested
    (about,), (project,) = matters, projects
    rested = (about.digest, about.basis.priced, about.basis.closed)
    return ANSWERS[kind](about, project, payload, effort), rested


def _guided(project: Project, reader: UUID, effort: Effort) -> tuple[Any, Rested]:
    mine = next((firm for firm in project.world.suppliers if firm.id == reader), Supplier(id=reader, name=""))
    found, digest = guided(project.world, project.opening, mine, effort)
    return found, (digest, False, 0)


Answering = Callable[[Matter, Project, Mapping[str, Any], Effort], Any]


def _secured(about: Matter, project: Project, payload: Mapping[str, Any], effort: Effort) -> Any:
    return answering.secured(about, project.units or None, payload["packages"], project.links, effort)


def _haggled(about: Matter, project: Project, payload: Mapping[str, Any], effort: Effort) -> Any:
    if payload["firm_id"] not in {firm for firm, _ in project.units}:
        raise PlanOutdated(rules="required")
    return answering.haggled(about, project.units, payload["firm_id"], effort)


ANSWERS: Mapping[AnswerKind, Answering] = {
    AnswerKind.DIAGNOSE: lambda about, _project, _payload, effort: answering.diagnosed(about, effort),
    AnswerKind.RULES: lambda about, _project, _payload, effort: answering.rule_costs(about, effort),
    AnswerKind.EXPLAIN: lambda about, project, _payload, effort: answering.explained(about, project.units, effort),
    AnswerKind.REPAIR: lambda about, project, payload, effort: answering.repaired(
        about, project.units, project.gone, effort, keep=payload["keep"]
    ),
    AnswerKind.HARDEN: _secured,
    AnswerKind.FRONTIER: lambda about, _project, payload, effort: answering.tradeoffs(
        about, payload["axes"] or tuple(FrontierAxis), payload["points"], effort
    ),
    AnswerKind.ROOM: _haggled,
    AnswerKind.WAVES: lambda about, project, payload, _effort: answering.asking(
        about, project.units, project.history, project.waves, payload["hours"], payload["at_once"]
    ),
    AnswerKind.SHARES: lambda about, project, _payload, effort: answering.divided(about, project.units, effort.seed),
}
"""Which function answers which kind about one project."""


# ---- telling ----


def _names(found: Any, projects: Iterable[Project]) -> dict[str, str]:
    """Return the names of the firms that an answer speaks of."""
    spoken = set(_texts(found))
    return {
        str(firm.id): firm.name
        for project in projects
        for firm in project.world.suppliers
        if str(firm.id) in spoken
    }  # fmt: skip


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _texts(each)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _texts(getattr(value, each.name))


def _common(values: Iterable[str]) -> str | None:
    """Return the one value that all have, if they have one."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None
