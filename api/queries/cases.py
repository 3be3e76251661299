"""Cases of the bureau: who reads which firm's declarations, why, until when, and what is read."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql import Select
from sqlmodel import col

from api.queries import disclosure, visible
from api.queries.disclosure import Shown
from api.tenancy import Office, by
from domain.actor import Actor
from domain.errors import Fault, Invalid, NotFound
from domain.kinds import DeclaredField, Disclosure
from domain.records import BureauCase, Capability, Organisation, User

UNREAD = frozenset({DeclaredField.UNIT_PRICE, DeclaredField.CONTACT})
"""What no case opens, whoever may read it: a price is nobody's business here, and people are found at the firm."""
MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """A case with the names it is about."""

    id: UUID
    firm_id: UUID
    firm: str
    bureau: str
    officer: str
    reason: str
    opened_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    open: bool


def seen(actor: Actor) -> Select[BureauCase]:
    """Cases that the actor's own bureau opened, and those about the actor's own firm."""
    return sa.select(BureauCase).where(
        sa.or_(
            col(BureauCase.organisation_id) == actor.organisation_id, col(BureauCase.firm_id) == actor.organisation_id
        )
    )


@by(Office.TELLER)
async def listed(session: AsyncSession, actor: Actor) -> tuple[CaseRow, ...]:
    """Return the cases the actor may know of, newest first."""
    firm, bureau = aliased(Organisation), aliased(Organisation)
    live = sa.and_(col(BureauCase.closed_at).is_(None), col(BureauCase.expires_at) > sa.func.clock_timestamp())
    statement = (
        seen(actor)
        .join(firm, col(firm.id) == col(BureauCase.firm_id))
        .join(bureau, col(bureau.id) == col(BureauCase.organisation_id))
        .join(User, col(User.id) == col(BureauCase.user_id))
        .add_columns(col(firm.name), col(bureau.name), col(User.name), live)
        .order_by(col(BureauCase.created_at).desc(), col(BureauCase.id))
        .limit(MOST)
    )
    return tuple(
        CaseRow(
            id=row.id, firm_id=row.firm_id, firm=firm_name, bureau=bureau_name, officer=officer, reason=row.reason,
            opened_at=row.created_at, expires_at=row.expires_at, closed_at=row.closed_at, open=is_open,
        )
        for row, firm_name, bureau_name, officer, is_open in await session.execute(statement)
    )  # fmt: skip


async def one(session: AsyncSession, actor: Actor, identity: UUID) -> CaseRow:
    """Return one case the actor may know of. Raises NotFound."""
    found = next((row for row in await listed(session, actor) if row.id == identity), None)
    if found is None:
        raise NotFound(noun="case")
    return found


@by(Office.TELLER)
async def declared(session: AsyncSession, firm: UUID) -> tuple[Shown, ...]:
    """Return what a firm declares, as a case opens it: never what the firm has left to the solver alone."""
    row = await session.get_one(Organisation, firm)
    every = [each async for each in disclosure.declared(session, row, await disclosure.tiers(session, firm))]
    return tuple(each for each in every if each.field not in UNREAD and each.tier is not Disclosure.SOLVER)


async def own(session: AsyncSession, actor: Actor, identity: UUID) -> BureauCase:
    """Return one case of the actor's own bureau, locked. Raises NotFound."""
    mine = sa.select(BureauCase).where(col(BureauCase.organisation_id) == actor.organisation_id)
    return await visible.one(session, mine, identity, "case", lock=True)


async def named(session: AsyncSession, actor: Actor, text: str) -> UUID:
    """Return the firm that an officer names by its unified credit code or its whole name. Raises Invalid."""
    wanted = text.strip()
    statement = (
        visible.organisations(actor)
        .where(sa.or_(col(Organisation.credit_code) == wanted, col(Organisation.name) == wanted))
        .limit(2)
    )
    found = list((await session.execute(statement)).scalars())
    if len(found) != 1:
        raise Invalid((Fault(where="$.firm", code="firm-unknown", params={}),))
    return found[0].id


async def owners(session: AsyncSession, capabilities: list[UUID]) -> set[UUID]:
    """Return the firms that declare these capabilities."""
    statement = sa.select(col(Capability.organisation_id)).where(col(Capability.id).in_(capabilities))
    return set((await session.execute(statement)).scalars())
