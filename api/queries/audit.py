"""Reading events for their seal: each with every field, as the database writes it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from api.queries.events import SETTLED
from domain.actor import Actor
from domain.audit import START, Head, Link
from domain.errors import NotAllowed, NotFound
from domain.records import AuditHead, AuditSeal, Event

TURN = sa.func.pg_try_advisory_xact_lock(7_145_003)
"""One sealer at a time; the lock goes with its transaction."""
AT_ONCE = 1_000
PLAIN = 11
FIELDS = tuple(
    sa.cast(field, sa.Text).label(f"field_{number}")
    for number, field in enumerate(
        (
            col(Event.id),
            col(Event.xid),
            sa.extract("epoch", col(Event.at)),  # to the microsecond, and the same in every time zone
            col(Event.code),
            col(Event.user_id),
            col(Event.organisation_id),
            col(Event.subject_id),
            col(Event.opportunity_id),
            col(Event.consortium_id),
            col(Event.audience),
            col(Event.params),
            sa.func.encode(col(Event.digest_before), "hex"),
            sa.func.encode(col(Event.digest_after), "hex"),
        )
    )
)
"""Every column of an event in the order in which a leaf hashes them; see `_told` for the last two."""
PLACE = sa.tuple_(col(Event.xid), col(Event.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """An event that has no link yet."""

    event_id: int
    fields: tuple[str | None, ...]


def _told(row: Sequence[str | None]) -> tuple[str | None, ...]:
    """Return the fields that a leaf hashes: an event without digests, as all were once, has eleven and not thirteen.

    How many there are is no way round the seal: a digest that is taken out leaves other fields than were hashed.
    """
    fields = tuple(row)
    return fields if any(fields[PLAIN:]) else fields[:PLAIN]


async def take_turn(session: AsyncSession) -> bool:
    """Tell whether this transaction is now the one that seals."""
    return bool((await session.execute(sa.select(TURN))).scalar_one())


async def head(session: AsyncSession) -> Head:
    """Return the newest link; before the first seal, the start that every chain has."""
    newest = sa.select(AuditSeal).order_by(col(AuditSeal.seq).desc()).limit(1)
    found = (await session.execute(newest)).scalar_one_or_none()
    return START if found is None else Head(seq=found.seq, hash=found.hash)


async def signed_head(session: AsyncSession, actor: Actor) -> AuditHead:
    """Return the newest head that was signed, to those who oversee. Raises NotAllowed, NotFound before the first."""
    if not visible.watches(actor):
        raise NotAllowed(needed="bureau")
    newest = sa.select(AuditHead).order_by(col(AuditHead.seq).desc()).limit(1)
    found = (await session.execute(newest)).scalar_one_or_none()
    if found is None:
        raise NotFound(noun="audit_head")
    return found


async def unsealed(session: AsyncSession, limit: int = AT_ONCE) -> list[Unsealed]:
    """Return the next events to be sealed, in commit order; those that an older transaction may precede wait."""
    xid, identity = await _sealed_to(session)
    statement = (
        sa.select(*FIELDS)
        .where(sa.tuple_(sa.literal(xid), sa.literal(identity)) < PLACE, SETTLED)
        .order_by(col(Event.xid), col(Event.id))
        .limit(limit)
    )
    return [Unsealed(event_id=int(row[0]), fields=_told(row)) for row in await session.execute(statement)]


async def waiting(session: AsyncSession) -> int:
    """Return how many events wait for their seal."""
    place = sa.tuple_(*map(sa.literal, await _sealed_to(session)))
    return (await session.execute(sa.select(sa.func.count()).where(place < PLACE))).scalar_one()


async def slipped_in(session: AsyncSession) -> int | None:
    """Return the first event without a link that lies before an event that has one, or None."""
    place = sa.tuple_(*map(sa.literal, await _sealed_to(session)))
    statement = (
        sa.select(col(Event.id))
        .outerjoin(AuditSeal, col(AuditSeal.event_id) == col(Event.id))
        .where(col(AuditSeal.seq).is_(None), place > PLACE)
        .order_by(col(Event.xid), col(Event.id))
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def links(session: AsyncSession) -> AsyncIterator[Link]:
    """Give the chain from its first link on, each with its event, without ever holding all of it."""
    kept = (col(AuditSeal.seq), col(AuditSeal.event_id), col(AuditSeal.previous), col(AuditSeal.hash))
    statement = (
        sa.select(*kept, *FIELDS)
        .outerjoin_from(AuditSeal, Event, col(Event.id) == col(AuditSeal.event_id))
        .order_by(col(AuditSeal.seq))
    )
    result = await session.stream(statement, execution_options={"yield_per": AT_ONCE})
    async for batch in result.partitions():
        for seq, event_id, previous, own, *fields in batch:
            there = None if fields[0] is None else _told(fields)
            yield Link(seq=seq, event_id=event_id, previous=previous, hash=own, fields=there)


async def _sealed_to(session: AsyncSession) -> tuple[int, int]:
    """Return the place of the last event that has a link."""
    statement = (
        sa.select(col(Event.xid), col(Event.id))
        .join(AuditSeal, col(AuditSeal.event_id) == col(Event.id))
        .order_by(col(AuditSeal.seq).desc())
        .limit(1)
    )
    found = (await session.execute(statement)).one_or_none()
    return (0, 0) if found is None else (found[0], found[1])
