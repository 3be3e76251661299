"""Reading what a firm declares: prices, capacity months, certificates; its own only."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from api.queries.page import page
from api.tenancy import Office, by
from domain.actor import Actor
from domain.kinds import CapabilityState
from domain.records import Capability, CapabilityPrice, CapacityMonth, Certificate


async def mine(
    session: AsyncSession, actor: Actor, *, cursor: str | None = None, limit: int = 50
) -> tuple[list[Capability], str | None]:
    """Return a page of the actor's own declarations that are not retired, newest first."""
    statement = visible.own_capabilities(actor).where(col(Capability.state) == CapabilityState.DECLARED)
    return await page(session, statement, cursor, limit)


@by(Office.APP)
async def prices_of(session: AsyncSession, actor: Actor, capabilities: list[UUID]) -> dict[UUID, CapabilityPrice]:
    """Return the prices of those of `capabilities` that are the actor's own, by capability."""
    own = visible.own_capabilities(actor).with_only_columns(col(Capability.id))
    statement = sa.select(CapabilityPrice).where(
        col(CapabilityPrice.capability_id).in_(capabilities), col(CapabilityPrice.capability_id).in_(own)
    )
    return {row.capability_id: row for row in (await session.execute(statement)).scalars()}


async def months_of(session: AsyncSession, actor: Actor, capability: UUID) -> list[CapacityMonth]:
    """Return the capacity months of one of the actor's own capabilities, in order. Raises NotFound."""
    row = await visible.own_capability(session, actor, capability)
    statement = (
        sa.select(CapacityMonth).where(col(CapacityMonth.capability_id) == row.id).order_by(col(CapacityMonth.month))
    )
    return list((await session.execute(statement)).scalars())


async def certificates(session: AsyncSession, actor: Actor) -> list[Certificate]:
    """Return the actor's own certificates, the first to expire first."""
    statement = visible.own_certificates(actor).order_by(col(Certificate.valid_to).nulls_last())
    return list((await session.execute(statement)).scalars())
