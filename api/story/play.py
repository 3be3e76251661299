"""Playing the story: every step by the same actions, as the same people, as on any other day.

Each project is taken up where it stands, so that a story that was interrupted can be played to its end.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event as Flag
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api.actions import consortia, opportunities, suggestions
from api.db import transaction
from api.jobs import JOBS, JobContext
from api.queries import consortia as formation
from api.queries.consortia import SeatRow
from api.queries.opportunities import packages_of, suggestions_of
from api.settings import Settings
from api.story.city import DOMAIN, City
from api.story.projects import Course, Project
from api.wire.consortia import AcceptIn, ConsortiumIn, DeclineIn, InviteIn, LineIn, PriceIn, TermsIn
from api.wire.jobs import SuggestIn
from domain.actor import Actor
from domain.kinds import DeclineReason, OpportunityState, Role, RunState
from domain.records import Consortium, Job, Opportunity, Organisation, Suggestion, User, WorkPackage

SECONDS = 30
DAYS_TO_ANSWER = 21
ASKED_PERCENT = 96
"""What a member asks for at acceptance where its price was open, in per cent of the published value."""
COUNTERED_PERCENT = 104


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Everybody in the city, and the database they act on. No worker may be running yet: its work is done here."""

    city: City
    actors: Mapping[UUID, Actor]
    settings: Settings
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]

    async def project(self, project: Project) -> None:
        """Play one project as far as its course goes."""
        leader = self.actors[self.city.leaders[project.leader].id]
        await self._hand_in(project, leader)
        if project.course is Course.SUBMITTED:
            return
        suggestion = await self._suggested(project, leader)
        if project.course in (Course.REOPENED, Course.SIGNED) and not await self._formed(project, leader):
            await self._form(project, leader, suggestion)

    async def job(self, job: Job, actor: Actor) -> None:
        """Do a queued job here and now: think outside any transaction, keep the effect in the one that settles it."""
        cancelled = Flag()
        context = JobContext(
            job_id=job.id,
            actor=actor,
            payload=job.payload,
            subject_id=job.subject_id,
            settings=self.settings,
            engine=self.engine,
            sessions=self.sessions,
            report=_untold,
            cancelled=cancelled,
        )
        try:
            effect = await JOBS[job.kind](context)
        finally:
            cancelled.set()
        async with transaction(self.sessions) as session:
            row = await session.get_one(Job, job.id, with_for_update=True)
            row.become(RunState.RUNNING)
            row.tries, row.outcome = 1, await effect(session)
            row.become(RunState.DONE)
            row.finished_at = await formation.clock(session)

    # ---- the steps ----

    async def _hand_in(self, project: Project, leader: Actor) -> None:
        """Draft and publish; what an unverified chain leader hands in is published by the bureau."""
        async with transaction(self.sessions) as session:
            if await session.get(Opportunity, project.id) is not None:
                return
            await opportunities.draft(session, leader, project.given, id=project.id, demonstration=True)
            row = await opportunities.publish(session, leader, project.id)
            if row.state is OpportunityState.REVIEW and project.course is not Course.SUBMITTED:
                await opportunities.publish(session, self.actors[self.city.bureau.id], project.id)

    async def _suggested(self, project: Project, leader: Actor) -> Suggestion:
        async with transaction(self.sessions) as session:
            known = await suggestions_of(session, leader, project.id)
            if known:
                return known[-1]
            wanted = SuggestIn(plans=project.plans, seconds=SECONDS)
            job = await suggestions.ask(session, leader, project.id, wanted)
        await self.job(job, leader)
        async with transaction(self.sessions) as session:
            (suggestion,) = await suggestions_of(session, leader, project.id)
        return suggestion

    async def _formed(self, project: Project, leader: Actor) -> bool:
        async with transaction(self.sessions) as session:
            rows, _ = await formation.listed(session, leader, opportunity=project.id, limit=1)
        return bool(rows)

    async def _form(self, project: Project, leader: Actor, suggestion: Suggestion) -> None:
        """Form, invite, and let the members answer as the project's course wants it; all of it in one commit."""
        async with transaction(self.sessions) as session:
            row = await consortia.form(session, leader, ConsortiumIn(suggestion_id=suggestion.id))
            await consortia.invite(session, leader, row.id, InviteIn(hours=24 * DAYS_TO_ANSWER))
            scene = _Scene(session, self, leader, row, await packages_of(session, leader, [project.id]))
            await scene.play(project.course)


class _Scene:
    """The members of one consortium at their answers."""

    def __init__(
        self, session: AsyncSession, play: Play, leader: Actor, row: Consortium, packages: Sequence[WorkPackage]
    ) -> None:
        self.session = session
        self.play_of = play
        self.leader = leader
        self.row = row
        self.packages = {package.id: package for package in packages}

    async def play(self, course: Course) -> None:
        seats = await formation.seats(self.session, self.leader, self.row.id)
        if course is Course.SIGNED:
            for seat in seats:
                await self.accept(seat)
            await self.sign(seats)
        else:
            await self.answer_variously(seats)

    async def answer_variously(self, seats: Sequence[SeatRow]) -> None:
        """One declines, one counters, the others accept; one SME and one service firm have not answered yet."""
        firms = {
            seat.membership.id: await self.session.get_one(Organisation, seat.membership.organisation_id)
            for seat in seats
        }
        others = [seat for seat in seats if not seat.membership.lead]
        service = _first(others, lambda seat: str(Role.SERVICE_PROVIDER) in firms[seat.membership.id].roles)
        small = _first(others, lambda seat: firms[seat.membership.id].sme is True and seat is not service)
        for seat, address in ((small, "supplier"), (service, "service")):
            await self.give_address(seat, address)
        answering = [seat for seat in others if seat is not service and seat is not small]
        await self.decline(answering[0])
        await self.counter(answering[1])
        for seat in [seat for seat in seats if seat.membership.lead] + answering[2:]:
            await self.accept(seat)

    async def give_address(self, seat: SeatRow, address: str) -> None:
        """Let the person of a firm sign in by an address that can be printed beforehand."""
        user = await self.session.get_one(User, self.actor(seat).user_id)
        user.email = f"{address}@{DOMAIN}"

    async def accept(self, seat: SeatRow) -> None:
        prices = tuple(
            PriceIn(package=package.code, unit_price=self.asked(package, ASKED_PERCENT))
            for line in seat.lines
            if line.unit_price is None
            for package in [self.packages[line.package_id]]
        )
        given = AcceptIn(edition=seat.membership.edition, prices=prices)
        await consortia.accept(self.session, self.actor(seat), seat.membership.id, given)

    async def counter(self, seat: SeatRow) -> None:
        lines = tuple(
            LineIn(package=package.code, units=line.units, unit_price=self.asked(package, COUNTERED_PERCENT))
            for line in seat.lines
            for package in [self.packages[line.package_id]]
        )
        given = TermsIn(edition=seat.membership.edition, lines=lines, note="铜价上涨,单价须上调;其余条款同意。")
        await consortia.counter(self.session, self.actor(seat), seat.membership.id, given)

    async def decline(self, seat: SeatRow) -> None:
        given = DeclineIn(
            edition=seat.membership.edition, reason=DeclineReason.CAPACITY, note="同期已有订单,产能排满。"
        )
        await consortia.decline(self.session, self.actor(seat), seat.membership.id, given)

    async def sign(self, seats: Sequence[SeatRow]) -> None:
        found = await formation.agreement(self.session, self.leader, self.row.id)
        if found is None:
            raise RuntimeError("everyone has accepted and there is no agreement")
        for seat in seats:
            await consortia.sign(self.session, self.actor(seat), self.row.id, found[0].sha256)

    def asked(self, package: WorkPackage, percent: int) -> int:
        """Return a unit price in per cent of the published value."""
        return package.value * percent // 100 // package.quantity

    def actor(self, seat: SeatRow) -> Actor:
        return self.play_of.actors[seat.membership.organisation_id]


def _first(seats: Sequence[SeatRow], wanted: Callable[[SeatRow], bool]) -> SeatRow:
    return next(seat for seat in seats if wanted(seat))


async def _untold(_progress: dict[str, Any]) -> None:
    """Nobody follows the jobs of a story."""
