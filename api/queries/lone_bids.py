"""Reading lone bids: one's own, and for watchers all."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from domain.actor import Actor
from domain.records import LoneBid


async def of_lot(session: AsyncSession, actor: Actor, opportunity: UUID) -> list[LoneBid]:
    """Return the lone bids on a lot that the actor may see, newest first. Raises NotFound."""
    lot = await visible.opportunity(session, actor, opportunity)
    statement = visible.lone_bids(actor).where(col(LoneBid.opportunity_id) == lot.id)
    return list((await session.execute(statement.order_by(col(LoneBid.created_at).desc()))).scalars())
