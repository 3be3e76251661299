"""Reading filings with the rules that ask for them, and a consortium's bid."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.i18n import BEIJING
from api.queries import consortia, organisations, visible
from api.queries.compliance import rule_packs
from api.tenancy import Office, through
from coalitions.filing import UNDECIDED, before_bid
from domain.actor import Actor
from domain.law import Rule
from domain.records import Bid, Filing, Membership, Organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A filing with the wording of the rule that asks for it, and the firm whose task it is."""

    row: Filing
    rule: Rule
    firm: Organisation | None

    @property
    def holds_up_bid(self) -> bool:
        """Whether the bid waits for it, rather than the beginning of work."""
        return before_bid(self.rule.before)

    @property
    def undecided(self) -> bool:
        """Whether it still holds its step up."""
        return self.row.state in UNDECIDED


@cache
def _wordings() -> Mapping[tuple[str, date], Rule]:
    return {(rule.id, rule.since): rule for pack in rule_packs() for rule in pack.rules}


def rule_of(row: Filing) -> Rule:
    """Return the wording that asked for a filing; wordings are never taken out of the packs."""
    return _wordings()[row.rule_id, row.rule_since]


async def tasks(session: AsyncSession, actor: Actor, consortium: UUID) -> tuple[Task, ...]:
    """Return the filings of a consortium that the actor may see, the first to fall due first. Raises NotFound."""
    row = await visible.consortium(session, actor, consortium)
    statement = (
        visible.filings(actor)
        .where(col(Filing.consortium_id) == row.id)
        .order_by(col(Filing.due), col(Filing.rule_id), col(Filing.subject), col(Filing.organisation_id))
    )
    rows = list((await session.execute(statement)).scalars())
    return await tasks_of(session, actor, rows)


async def tasks_of(session: AsyncSession, actor: Actor, rows: Iterable[Filing]) -> tuple[Task, ...]:
    """Add rules and firms to filings that the actor was already shown, keeping their order."""
    shown = list(rows)
    firms = await organisations.named(session, actor, [row.organisation_id for row in shown])
    return tuple(Task(row=row, rule=rule_of(row), firm=firms.get(row.organisation_id)) for row in shown)


async def every(session: AsyncSession, actor: Actor, consortium: UUID) -> list[Filing]:
    """Return every filing of a consortium the actor may see: for deciding, not for showing. Raises NotFound."""
    row = await visible.consortium(session, actor, consortium)
    statement = sa.select(Filing).where(col(Filing.consortium_id) == row.id).order_by(col(Filing.id))
    async with through(session, Office.FORMATION):
        return list((await session.execute(statement)).scalars())


async def acts(session: AsyncSession, actor: Actor, consortium: UUID) -> bool:
    """Tell whether the actor acts for a consortium: its chain leader, or the member that leads it."""
    row = await visible.consortium(session, actor, consortium)
    found = await session.execute(sa.select(sa.literal(row.id).in_(visible.leading(actor))))
    return bool(found.scalar_one())


async def members(session: AsyncSession, actor: Actor, consortium: UUID) -> list[UUID]:
    """Return the firms that have signed for a consortium: for telling them, not for showing. Raises NotFound."""
    row = await visible.consortium(session, actor, consortium)
    statement = sa.select(col(Membership.organisation_id)).where(
        col(Membership.consortium_id) == row.id, col(Membership.state).in_(visible.BOUND)
    )
    async with through(session, Office.FORMATION):
        return list((await session.execute(statement)).scalars())


async def bid(session: AsyncSession, actor: Actor, consortium: UUID) -> Bid | None:
    """Return a consortium's bid, or None where the actor may see none. Raises NotFound."""
    row = await visible.consortium(session, actor, consortium)
    statement = visible.bids(actor).where(col(Bid.consortium_id) == row.id)
    return (await session.execute(statement)).scalar_one_or_none()


async def today(session: AsyncSession) -> date:
    """Return the day it is in Beijing by the database's clock."""
    return (await consortia.clock(session)).astimezone(BEIJING).date()
