"""Reading milestones: each with its package and the member that does the work."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import filings, opportunities, organisations, visible
from api.tenancy import Office, through
from coalitions.milestones import Pace, Progress
from domain.actor import Actor
from domain.records import Milestone, Organisation, WorkPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A milestone with its package, its firm, and the day it is looked at."""

    row: Milestone
    package: WorkPackage
    firm: Organisation | None
    today: date

    @property
    def progress(self) -> Progress:
        """The milestone's three dates."""
        return Progress(planned=self.row.planned, forecast=self.row.forecast, actual=self.row.actual)

    @property
    def slippage(self) -> int:
        """Days by which it comes later than planned."""
        return self.progress.slippage(self.today)

    @property
    def pace(self) -> Pace:
        """How it stands against its plan."""
        return self.progress.pace(self.today)


async def markers(session: AsyncSession, actor: Actor, consortium: UUID) -> tuple[Marker, ...]:
    """Return a consortium's milestones in the order of packages, firms and plan. Raises NotFound."""
    row = await visible.consortium(session, actor, consortium)
    statement = (
        visible.milestones(actor)
        .where(col(Milestone.consortium_id) == row.id)
        .order_by(col(Milestone.planned), col(Milestone.kind))
    )
    found = list((await session.execute(statement)).scalars())
    packages = {each.id: each for each in await opportunities.packages_of(session, actor, [row.opportunity_id])}
    firms = await organisations.named(session, actor, [each.organisation_id for each in found])
    today = await filings.today(session)
    shown = [
        Marker(row=each, package=packages[each.package_id], firm=firms.get(each.organisation_id), today=today)
        for each in found
    ]
    return tuple(sorted(shown, key=lambda each: (each.package.position, each.firm.name if each.firm else "")))


async def every(session: AsyncSession, actor: Actor, consortium: UUID) -> list[Milestone]:
    """Return every milestone of a consortium the actor may see: for deciding, not for showing. Raises NotFound."""
    row = await visible.consortium(session, actor, consortium)
    statement = sa.select(Milestone).where(col(Milestone.consortium_id) == row.id).order_by(col(Milestone.id))
    async with through(session, Office.FORMATION):
        return list((await session.execute(statement)).scalars())
