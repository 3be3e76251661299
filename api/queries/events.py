"""Reading what happened, in commit order, and the state of jobs."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.outbox import HORIZON
from api.queries import visible
from domain.actor import Actor
from domain.records import Event

SETTLED = sa.text(f"event.{HORIZON}")
"""Only events whose transaction and all older ones have ended: a later commit can never slip in before them."""


def position(event: Event) -> str:
    """Return where a reader stands after `event`, as ``xid-id``."""
    return f"{event.xid}-{event.id}"


def _after(last: str | None) -> tuple[int, int]:
    try:
        xid, identity = (last or "0-0").split("-")
        return int(xid), int(identity)
    except ValueError:
        return 0, 0


async def after(
    session: AsyncSession,
    actor: Actor,
    last: str | None,
    *,
    subject: UUID | None = None,
    opportunity: UUID | None = None,
    consortium: UUID | None = None,
    limit: int = 200,
) -> list[Event]:
    """Return the events the actor may see that follow position `last`, in commit order."""
    statement = visible.events(actor).where(
        sa.tuple_(col(Event.xid), col(Event.id)) > sa.tuple_(*_after(last)), SETTLED
    )
    if subject:
        statement = statement.where(col(Event.subject_id) == subject)
    if opportunity:
        statement = statement.where(col(Event.opportunity_id) == opportunity)
    if consortium:
        statement = statement.where(col(Event.consortium_id) == consortium)
    ordered = statement.order_by(col(Event.xid), col(Event.id)).limit(limit)
    return list((await session.execute(ordered)).scalars())


async def latest(
    session: AsyncSession,
    actor: Actor,
    *,
    opportunity: UUID | None = None,
    consortium: UUID | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Event]:
    """Return the newest events the actor may see, newest first; `before` names the position to go on from."""
    statement = visible.events(actor)
    if opportunity:
        statement = statement.where(col(Event.opportunity_id) == opportunity)
    if consortium:
        statement = statement.where(col(Event.consortium_id) == consortium)
    if before:
        statement = statement.where(sa.tuple_(col(Event.xid), col(Event.id)) < sa.tuple_(*_after(before)))
    ordered = statement.order_by(col(Event.xid).desc(), col(Event.id).desc()).limit(limit)
    return list((await session.execute(ordered)).scalars())


async def now(session: AsyncSession) -> str:
    """Return the position behind which a reader who comes now will miss nothing; it tells nothing of what happened."""
    newest = sa.text("select xid, id from tenancy.newest_event()")
    found = (await session.execute(newest)).one()
    return f"{found.xid}-{found.id}" if found.id is not None else "0-0"


def told(event: Event) -> dict[str, Any]:
    """Return an event as plain data for the wire and the stream."""
    return {
        "position": position(event),
        "at": event.at.isoformat() if event.at else None,
        "code": event.code,
        "subject_id": str(event.subject_id),
        "organisation_id": str(event.organisation_id),
        "opportunity_id": str(event.opportunity_id) if event.opportunity_id else None,
        "consortium_id": str(event.consortium_id) if event.consortium_id else None,
        "params": event.params,
    }
