"""A firm says who may read what it declares; every change is told with person, time and reason."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from api.outbox import record
from api.queries import disclosure
from api.wire.disclosure import GradeIn
from domain.actor import Actor
from domain.errors import NotAllowed
from domain.kinds import DeclaredField, Disclosure, Role
from domain.records import FieldDisclosure

CHANGED = "disclosure.changed"


async def grade(session: AsyncSession, actor: Actor, field: DeclaredField, given: GradeIn) -> None:
    """Set the tier of one field for the actor's own firm; of prices and capacities, for all that is declared so far.

    Raises NotAllowed for who declares nothing.
    """
    if not actor.roles & {Role.SUPPLIER, Role.SERVICE_PROVIDER, Role.CHAIN_LEADER}:
        raise NotAllowed(needed=str(Role.SUPPLIER))
    before = (await disclosure.tiers(session, actor.organisation_id))[field]
    row = await session.get(FieldDisclosure, (actor.organisation_id, field), with_for_update=True)
    if row is None:
        row = FieldDisclosure(organisation_id=actor.organisation_id, field=field, tier=given.tier, reason=given.reason)
        session.add(row)
    row.tier, row.reason = given.tier, given.reason
    row.user_id, row.changed_at = actor.user_id, datetime.now(UTC)
    await session.flush()
    await _of_each(session, actor, field, given.tier)
    await tell(session, actor, field, before, given.tier, given.reason)


async def tell(
    session: AsyncSession,
    actor: Actor,
    field: DeclaredField,
    before: Disclosure,
    after: Disclosure,
    reason: str,
    phrase: str = "",
) -> None:
    """Tell the firm's own people that a tier was raised or lowered, by whom and why."""
    await record(session, actor, CHANGED, actor.organisation_id, field=str(field), before=str(before),
                 after=str(after), reason=reason, phrase=phrase)  # fmt: skip


async def _of_each(session: AsyncSession, actor: Actor, field: DeclaredField, tier: Disclosure) -> None:
    for row, price in await disclosure.own_declarations(session, actor):
        if field is DeclaredField.MONTHLY_QUANTITY:
            row.capacity_disclosure = tier
        if field is DeclaredField.UNIT_PRICE and price is not None:
            price.disclosure = tier
    await session.flush()
