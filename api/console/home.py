"""What waits for the one who comes in: a leader's projects and consortia, a supplier's questions and openings."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import AsyncSession

from api.console.claims import own_page
from api.console.page import Reader, back, page
from api.queries import capabilities, consortia, events, opportunities, organisations
from api.queries.world import load_opening
from api.wire.consortia import ConsortiumOut, MembershipOut
from api.wire.opportunities import OpportunityLine
from coalitions.matching import match
from domain.actor import Actor
from domain.kinds import ConsortiumState, MembershipState, OpportunityState
from domain.world import Offering, Supplier, World

SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One's own seat that waits for an answer or a signature, with what it is about."""

    seat: MembershipOut
    consortium: ConsortiumOut
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommended:
    """A project open now; `packages` are those that one's own declared capabilities answer."""

    line: OpportunityLine
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a consortium of one's own asks of its leader: counters to answer, packages uncovered, firms to invite."""

    id: UUID
    name: str
    countered: int
    gaps: int
    proposed: int


@get("/")
async def home(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show what waits; who oversees the city starts at the city's figures, who claims a firm at his claim."""
    if not reader.verified:
        return await own_page(reader, snapshot)
    if reader.watches:
        return back("/bureau")
    formed = await formations(snapshot, reader.actor)
    return page(
        reader,
        "home",
        waiting=await waiting(snapshot, reader.actor),
        tasks=tasks(reader.actor, formed),
        projects=await projects(snapshot, reader),
        formations=formed,
        recommended=await recommended(snapshot, reader),
        feed=await feed(snapshot, reader.actor),
    )


async def waiting(session: AsyncSession, actor: Actor) -> tuple[Waiting, ...]:
    """Return the actor's seats that wait for him, the first to fall due first."""
    found = []
    for seat in await consortia.inbox(session, actor):
        view = await consortia.view(session, actor, seat.membership.consortium_id)
        (own,) = [each for each in view.seats if each.membership.id == seat.membership.id]
        found.append(
            Waiting(
                seat=MembershipOut.from_seat(own, view, actor),
                consortium=ConsortiumOut.from_view(view, actor),
                country=view.opportunity.country,
            )
        )
    return tuple(found)


async def projects(session: AsyncSession, reader: Reader) -> tuple[OpportunityLine, ...]:
    """Return a chain leader's own newest projects."""
    if not reader.leads:
        return ()
    rows, _ = await opportunities.listed(session, reader.actor, mine=True, limit=SHOWN)
    return tuple(map(OpportunityLine.model_validate, rows))


async def formations(session: AsyncSession, actor: Actor) -> tuple[ConsortiumOut, ...]:
    """Return the newest consortia the actor has a part in, with what each waits for."""
    rows, _ = await consortia.listed(session, actor, limit=SHOWN)
    return tuple([ConsortiumOut.from_view(await consortia.view(session, actor, row.id), actor) for row in rows])


def tasks(actor: Actor, formed: tuple[ConsortiumOut, ...]) -> tuple[Task, ...]:
    """Return what those of `formed` that the actor leads and that are forming ask of him."""
    found = []
    for each in formed:
        if each.organisation_id != actor.organisation_id or each.state is not ConsortiumState.FORMING:
            continue
        states = [seat.state for seat in each.members]
        task = Task(
            id=each.id,
            name=each.name,
            countered=states.count(MembershipState.COUNTERED),
            gaps=sum(gap.units > 0 for gap in each.gaps),
            proposed=states.count(MembershipState.PROPOSED),
        )
        if task.countered or task.gaps or task.proposed:
            found.append(task)
    return tuple(found)


async def recommended(session: AsyncSession, reader: Reader) -> tuple[Recommended, ...]:
    """Return projects open now, those that the reader's firm could serve first.

    The firm's own declarations are matched by code, by words and by name, as a suggestion would; likeness in meaning,
    which needs the vectors of the whole city, is left to the suggestion.
    """
    if not reader.supplies:
        return ()
    me = await _myself(session, reader)
    rows, _ = await opportunities.listed(session, reader.actor, state=OpportunityState.PUBLISHED, limit=3 * SHOWN)
    others = [row for row in rows if row.organisation_id != reader.actor.organisation_id]
    today = (await consortia.clock(session)).date()
    world = World(as_of=today, suppliers=(me,))
    found = []
    for row in others:
        opening = await load_opening(session, reader.actor, row.id)
        names = {package.id: package.name for package in opening.packages}
        able = tuple(names[group.package_id] for group in match(world, opening) if group.eligible)
        found.append(Recommended(line=OpportunityLine.model_validate(row), packages=able))
    return tuple(sorted(found, key=lambda each: not each.packages)[:SHOWN])


async def _myself(session: AsyncSession, reader: Reader) -> Supplier:
    declared, _ = await capabilities.mine(session, reader.actor, limit=200)
    return Supplier(
        id=reader.actor.organisation_id,
        name=reader.firm,
        offerings=tuple(
            Offering(
                id=row.id,
                phrase=row.phrase,
                phrase_en=row.phrase_en,
                code_system=row.code_system,
                code=row.code,
                unit=row.unit,
                monthly=row.monthly_quantity,
                lead_days=row.lead_days,
                countries=frozenset(row.countries),
                verification=row.verification,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
            )
            for row in declared
        ),
    )


async def feed(session: AsyncSession, actor: Actor, *, limit: int = 20, **about: Any) -> tuple[dict[str, Any], ...]:
    """Return what happened lately, newest first, each with the name of the firm that did it."""
    rows = await events.latest(session, actor, limit=limit, **about)
    firms = await organisations.named(session, actor, [row.organisation_id for row in rows])
    return tuple(
        {
            "at": row.at,
            "firm": firms[row.organisation_id].name if row.organisation_id in firms else None,
            "message": {"code": row.code, "params": row.params},
            "consortium_id": row.consortium_id,
            "opportunity_id": row.opportunity_id,
            "position": events.position(row),
        }
        for row in rows
    )


HANDLERS = (home,)
