"""What a firm says about itself beyond its capabilities: under whose control it is."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.outbox import record
from api.queries import visible
from domain.actor import Actor
from domain.errors import NotAllowed
from domain.records import Organisation


async def declare_controller(
    session: AsyncSession, actor: Actor, identity: UUID, controller: str | None
) -> Organisation:
    """Say who holds more than 50 % of the actor's own firm, or that nobody does (None).

    Firms that name the same controller are related parties; an import may have named one before.

    Raises NotFound, NotAllowed.
    """
    row = await visible.organisation(session, actor, identity, lock=True)
    if row.id != actor.organisation_id:
        raise NotAllowed(needed="owner")
    row.group_name = controller
    await record(session, actor, "organisation.controller-declared", row.id, name=row.name)
    return row
