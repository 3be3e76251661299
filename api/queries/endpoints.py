"""Reading webhooks and their deliveries: an organisation's own, and for the worker what is due."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import relay, visible
from api.queries.page import page
from domain.actor import Actor
from domain.kinds import DeliveryState, EndpointState
from domain.records import Attempt, Delivery, Endpoint, Event

AT_ONCE = 20


async def listed(session: AsyncSession, actor: Actor) -> list[Endpoint]:
    """Return the webhooks of the actor's organisation, oldest first."""
    ordered = visible.own_endpoints(actor).order_by(col(Endpoint.created_at), col(Endpoint.id))
    return list((await session.execute(ordered)).scalars())


async def deliveries(
    session: AsyncSession, actor: Actor, endpoint: UUID, *, cursor: str | None = None, limit: int = 50
) -> tuple[list[Delivery], str | None]:
    """Return a page of what went, or goes, to one webhook, newest first. Raises NotFound."""
    row = await visible.own_endpoint(session, actor, endpoint)
    statement = visible.own_deliveries(actor).where(col(Delivery.endpoint_id) == row.id)
    return await page(session, statement, cursor, limit)


async def attempts(session: AsyncSession, actor: Actor, rows: Sequence[Delivery]) -> dict[UUID, tuple[Attempt, ...]]:
    """Return every try of deliveries that the actor was shown, oldest first."""
    statement = (
        sa.select(Attempt)
        .where(col(Attempt.delivery_id).in_([row.id for row in rows]))
        .order_by(col(Attempt.created_at), col(Attempt.id))
    )
    found: dict[UUID, tuple[Attempt, ...]] = {}
    for attempt in (await session.execute(statement)).scalars():
        found[attempt.delivery_id] = (*found.get(attempt.delivery_id, ()), attempt)
    return found


async def due(session: AsyncSession) -> list[tuple[Delivery, Endpoint]]:
    """Return deliveries whose time has come, locked, with their webhooks; those another process has are left to it."""
    statement = (
        sa.select(Delivery, Endpoint)
        .join(Endpoint, col(Endpoint.id) == col(Delivery.endpoint_id))
        .where(
            col(Delivery.state) == DeliveryState.WAITING,
            col(Delivery.next_at) <= sa.func.clock_timestamp(),
            col(Endpoint.state) == EndpointState.ACTIVE,
        )
        .order_by(col(Delivery.next_at), col(Delivery.event_id), col(Delivery.id))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True, of=Delivery)
        .execution_options(populate_existing=True)
    )
    return [(delivery, endpoint) for delivery, endpoint in (await session.execute(statement)).all()]


async def happened(
    session: AsyncSession, actor: Actor, endpoint: Endpoint, since: datetime, until: datetime
) -> list[Event]:
    """Return what happened in a span of time and concerns one webhook of the actor's, in commit order."""
    wanted = relay.wanted_by_endpoints().where(
        col(Endpoint.id) == endpoint.id, col(Event.at) >= since, col(Event.at) < until
    )
    statement = (
        visible.events(actor)
        .where(col(Event.id).in_(wanted.with_only_columns(col(Event.id))))
        .order_by(col(Event.xid), col(Event.id))
    )
    return list((await session.execute(statement)).scalars())


async def delivered_before(session: AsyncSession, endpoint: Endpoint, events: Sequence[Event]) -> dict[int, Delivery]:
    """Return the deliveries that `events` had to one webhook already, by the event's id, locked."""
    statement = (
        sa.select(Delivery)
        .where(col(Delivery.endpoint_id) == endpoint.id, col(Delivery.event_id).in_([event.id for event in events]))
        .with_for_update()
    )
    return {row.event_id: row for row in (await session.execute(statement)).scalars() if row.event_id is not None}
