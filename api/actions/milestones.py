"""Milestones: planned by the chain leader from the packages' windows, reported by the members that do the work."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions.filings import itself, not_later_than_today
from api.outbox import record
from api.queries import consortia, opportunities, visible
from api.queries import filings as standing
from api.queries import milestones as reading
from api.queries.consortia import SeatRow
from api.tenancy import Office, by
from api.wire.milestones import PlanIn, ReportIn
from coalitions.milestones import usual_plan
from domain.actor import Actor
from domain.errors import Fault, IllegalTransition, Invalid, NotAllowed
from domain.kinds import ConsortiumState, MilestoneKind
from domain.records import Consortium, Milestone, WorkPackage

PLANNABLE = (ConsortiumState.SIGNED, ConsortiumState.FILED, ConsortiumState.BID, ConsortiumState.WON,
             ConsortiumState.RUNNING)  # fmt: skip
REPORTABLE = (ConsortiumState.WON, ConsortiumState.RUNNING)
Place = tuple[UUID, UUID, MilestoneKind]
"""A milestone's place: package, firm, kind."""


async def plan(session: AsyncSession, actor: Actor, identity: UUID, given: PlanIn) -> Consortium:
    """Plan milestones, as whoever leads: new ones are added, and those that stand get another planned day.

    The usual ones are laid over each package's window for every member that takes a part of it, where none stand yet.
    What was reached is not planned again.

    Raises NotFound, NotAllowed, IllegalTransition, and Invalid for parts that nobody has.
    """
    row = await visible.consortium(session, actor, identity, lock=True)
    if not await standing.acts(session, actor, row.id):
        raise NotAllowed(needed="owner")
    if row.state not in PLANNABLE:
        raise IllegalTransition(current=str(row.state), wanted="plan", possible=", ".join(sorted(PLANNABLE)))
    packages = {each.id: each for each in await opportunities.packages_of(session, actor, [row.opportunity_id])}
    seats = [each for each in await consortia.whole(session, actor, row.id) if each.membership.state in visible.BOUND]
    stands = {_place(each): each for each in await reading.every(session, actor, row.id)}
    wanted = dict(_usual(seats, packages, {place[:2] for place in stands})) if given.usual else {}
    wanted |= _named(given, seats, packages, stands)
    for place in wanted.keys() & stands.keys():
        await _move(session, actor, row, stands[place], wanted[place])
    await _add(session, actor, row, {place: day for place, day in wanted.items() if place not in stands})
    return row


async def report(session: AsyncSession, actor: Actor, identity: UUID, given: ReportIn) -> Milestone:
    """Report a milestone of one's own firm's work. Raises NotFound, NotAllowed, IllegalTransition, Invalid."""
    found = await visible.milestone(session, actor, identity)
    row = await visible.consortium(session, actor, found.consortium_id, lock=True)
    if found.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="member")
    if row.state not in REPORTABLE:
        raise IllegalTransition(current=str(row.state), wanted="report", possible=", ".join(sorted(REPORTABLE)))
    if given.actual is not None:
        await not_later_than_today(session, {"actual": given.actual})
    milestone = await visible.milestone(session, actor, identity, lock=True)
    before = _said(milestone)
    milestone.done, milestone.forecast, milestone.actual = given.done, given.forecast, given.actual
    milestone.note = given.note
    code = "milestone.reached" if given.actual is not None else "milestone.reported"
    await _tell(session, actor, row, milestone, code, before=before)
    return milestone


@by(Office.FORMATION)
async def drop_orphans(session: AsyncSession, actor: Actor, row: Consortium) -> None:
    """Take away what is planned and not reached for parts that their firm no longer has."""
    seats = [each for each in await consortia.whole(session, actor, row.id) if each.membership.state in visible.BOUND]
    parts = {(line.package_id, seat.membership.organisation_id) for seat in seats for line in seat.lines}
    for milestone in await reading.every(session, actor, row.id):
        if milestone.actual is None and _place(milestone)[:2] not in parts:
            await _tell(session, itself(row), row, milestone, "milestone.dropped", before=_said(milestone), after=None)
            await session.delete(milestone)
    await session.flush()


def _usual(
    seats: list[SeatRow], packages: dict[UUID, WorkPackage], planned: set[tuple[UUID, UUID]]
) -> Iterator[tuple[Place, date]]:
    for seat in seats:
        for line in seat.lines:
            part = (line.package_id, seat.membership.organisation_id)
            package = packages[line.package_id]
            if part not in planned:
                yield from (
                    ((*part, kind), day) for kind, day in usual_plan(package.kind, package.starts, package.ends)
                )


def _named(
    given: PlanIn, seats: list[SeatRow], packages: dict[UUID, WorkPackage], stands: dict[Place, Milestone]
) -> dict[Place, date]:
    """Return the milestones named one by one; all that name no part, or what was reached, are faults."""
    codes = {package.code: package.id for package in packages.values()}
    parts = {(line.package_id, seat.membership.organisation_id) for seat in seats for line in seat.lines}
    faults, wanted = [], {}
    for number, each in enumerate(given.milestones):
        package = codes.get(each.package)
        if package is None or (package, each.organisation_id) not in parts:
            faults.append(
                Fault(where=f"$.milestones[{number}].package", code="no-such-part", params={"package": each.package})
            )
            continue
        place = (package, each.organisation_id, each.kind)
        if place in stands and stands[place].actual is not None:
            faults.append(Fault(where=f"$.milestones[{number}].planned", code="reached-already"))
        wanted[place] = each.planned
    if faults:
        raise Invalid(tuple(faults))
    return wanted


@by(Office.FORMATION)
async def _add(session: AsyncSession, actor: Actor, row: Consortium, wanted: dict[Place, date]) -> None:
    """Add milestones, told as one event for all of them."""
    if not wanted:
        return
    for (package, firm, kind), day in wanted.items():
        session.add(Milestone(consortium_id=row.id, package_id=package, organisation_id=firm, kind=kind, planned=day))
    await session.flush()
    await record(session, actor, "milestone.planned", row.id, opportunity_id=row.opportunity_id, consortium_id=row.id,
                 audience=[row.organisation_id, *{firm for _, firm, _ in wanted}], name=row.name, count=len(wanted),
                 first=min(wanted.values()).isoformat(), last=max(wanted.values()).isoformat())  # fmt: skip


@by(Office.FORMATION)
async def _move(session: AsyncSession, actor: Actor, row: Consortium, milestone: Milestone, day: date) -> None:
    if milestone.planned == day:
        return
    before = _said(milestone)
    milestone.planned = day
    await session.flush()
    await _tell(session, actor, row, milestone, "milestone.moved", before=before)


async def _tell(
    session: AsyncSession, actor: Actor, row: Consortium, milestone: Milestone, code: str, **params: str | None
) -> None:
    said: dict[str, str | None] = {
        "after": _said(milestone),
        "kind": str(milestone.kind),
        "planned": milestone.planned.isoformat(),
    }
    await record(session, actor, code, milestone.id, opportunity_id=row.opportunity_id, consortium_id=row.id,
                 audience=[row.organisation_id, milestone.organisation_id], name=row.name, **said | params)  # fmt: skip


def _said(milestone: Milestone) -> str:
    """Write a milestone's figures as one line, for the record of what changed."""
    dates = (milestone.planned, milestone.forecast, milestone.actual)
    return " ".join([*("-" if day is None else day.isoformat() for day in dates), f"{milestone.done}%"])


def _place(milestone: Milestone) -> Place:
    return milestone.package_id, milestone.organisation_id, milestone.kind
