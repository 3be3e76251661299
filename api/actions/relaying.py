"""Handing events on: each becomes a notice for every channel and a delivery for every webhook that asked for it.

Position, notices and deliveries are one commit: an event is handed on once, whatever is killed in between.
"""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import consortia, relay
from api.queries.events import position
from api.wire.endpoints import ThinEvent
from domain.delivery import Habit, due
from domain.records import Channel, Delivery, Endpoint, Event, Notice


async def hand_on(session: AsyncSession, limit: int = relay.AT_ONCE) -> int:
    """Hand on the next events, up to `limit`; return how many there were.

    There are none while another process does the same.
    """
    place = await relay.take_place(session)
    events = await relay.following(session, place, limit) if place is not None else []
    if place is None or not events:
        return 0
    now = await consortia.clock(session)
    notices = [
        {"event_id": event, "channel_id": channel.id, "due_at": due(habit(channel), now)}
        for event, channel in await relay.channels_for(session, events)
    ]
    if notices:
        await session.execute(insert(Notice).on_conflict_do_nothing(), notices)
    happened = {event.id: event for event in events}
    for event, endpoint in await relay.endpoints_for(session, events):
        session.add(delivery(happened[event], endpoint))
    place.xid, place.event_id = events[-1].xid, events[-1].id or 0
    await session.flush()
    return len(events)


def habit(channel: Channel) -> Habit:
    """Return when messages may leave over a channel."""
    quiet = None if channel.quiet_from is None or channel.quiet_to is None else (channel.quiet_from, channel.quiet_to)
    return Habit(zone=channel.zone, rhythm=channel.rhythm, digest_hour=channel.digest_hour, quiet=quiet)


def delivery(event: Event, endpoint: Endpoint) -> Delivery:
    """Return the delivery of an event to a webhook; its body is what is signed at every try."""
    body = ThinEvent.of(event, position(event)).model_dump_json()
    return Delivery(endpoint_id=endpoint.id, event_id=event.id, code=event.code, body=body)


def test_body(endpoint: Endpoint, now: datetime) -> str:
    """Return what a test event carries."""
    data = {"endpoint_id": str(endpoint.id), "organisation_id": str(endpoint.organisation_id)}
    return ThinEvent(type="endpoint.tested", timestamp=now, data=dict(data)).model_dump_json()
