"""Reading for the relay: which events come next, and who is to hear of them; nobody's view, so no actor asks."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from api.queries.actors import READERS
from api.queries.events import SETTLED
from domain.delivery import HOUSE_MATTERS, OWN_MATTERS
from domain.kinds import EndpointState
from domain.records import Channel, Endpoint, Event, Organisation, Relay, User

NAME = "told"
AT_ONCE = 500


async def waits(session: AsyncSession) -> bool:
    """Tell whether any event is still to be handed on, without taking a lock."""
    place = sa.select(col(Relay.xid), col(Relay.event_id)).where(col(Relay.name) == NAME)
    xid, last = (await session.execute(place)).one_or_none() or (0, 0)
    statement = sa.select(sa.exists().where(_behind(xid, last), SETTLED))
    found: bool = (await session.execute(statement)).scalar_one()
    return found


async def take_place(session: AsyncSession) -> Relay | None:
    """Lock the relay's position for this transaction; None while another process has it."""
    known = sa.select(sa.exists().where(col(Relay.name) == NAME))
    if not (await session.execute(known)).scalar_one():
        await session.execute(insert(Relay).values(name=NAME, xid=0, event_id=0).on_conflict_do_nothing())
    statement = sa.select(Relay).where(col(Relay.name) == NAME).with_for_update(skip_locked=True)
    return (await session.execute(statement.execution_options(populate_existing=True))).scalar_one_or_none()


async def following(session: AsyncSession, place: Relay, limit: int = AT_ONCE) -> list[Event]:
    """Return the next events in commit order, none of them with a transaction still running before it."""
    statement = (
        sa.select(Event)
        .where(_behind(place.xid, place.event_id), SETTLED)
        .order_by(col(Event.xid), col(Event.id))
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def channels_for(session: AsyncSession, events: Sequence[Event]) -> list[tuple[int, Channel]]:
    """Return the channels each of `events` is to be told over: of people who may see it and did not do it themselves.

    A channel hears of nothing that happened before it was made.
    """
    statement = (
        sa.select(col(Event.id), Channel)
        .join(Channel, col(Channel.created_at) <= col(Event.at))
        .join(User, col(User.id) == col(Channel.user_id))
        .join(Organisation, col(Organisation.id) == col(User.organisation_id))
        .where(
            col(Event.id).in_([event.id for event in events]),
            visible.told_to_rows(),
            col(Channel.active),
            col(User.active),
            col(User.duties).op("&&")(READERS),
            col(Event.user_id).is_distinct_from(col(User.id)),
            visible.FAMILY.not_in(OWN_MATTERS),
            sa.or_(sa.func.cardinality(col(Channel.families)) == 0, sa.any_(col(Channel.families)) == visible.FAMILY),
        )
        .order_by(col(Event.xid), col(Event.id), col(Channel.id))
    )
    return [(event or 0, channel) for event, channel in (await session.execute(statement)).all()]


async def endpoints_for(session: AsyncSession, events: Sequence[Event]) -> list[tuple[int, Endpoint]]:
    """Return the webhooks each of `events` is to be delivered to: active ones of organisations that may see it."""
    statement = (
        wanted_by_endpoints()
        .where(col(Event.id).in_([event.id for event in events]), col(Endpoint.state) == EndpointState.ACTIVE)
        .order_by(col(Event.xid), col(Event.id), col(Endpoint.id))
    )
    return [(event or 0, endpoint) for event, endpoint in (await session.execute(statement)).all()]


def wanted_by_endpoints() -> sa.Select[int | None, Endpoint]:
    """Begin at events and the webhooks that subscribe to them and may see them."""
    return (
        sa.select(col(Event.id), Endpoint)
        .join(Endpoint, col(Endpoint.created_at) <= col(Event.at))
        .join(Organisation, col(Organisation.id) == col(Endpoint.organisation_id))
        .where(
            visible.told_to_rows(),
            visible.FAMILY.not_in(OWN_MATTERS | HOUSE_MATTERS),
            sa.or_(sa.func.cardinality(col(Endpoint.families)) == 0, sa.any_(col(Endpoint.families)) == visible.FAMILY),
        )
    )


def _behind(xid: int, last: int) -> sa.ColumnElement[bool]:
    return sa.tuple_(col(Event.xid), col(Event.id)) > sa.tuple_(sa.literal(xid), sa.literal(last))
