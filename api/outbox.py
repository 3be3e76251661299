"""What must follow from a change, written in the same commit: events to be told and jobs to be done.

Nothing here sends anything. A rollback takes event and job away with the change; the commit wakes whoever listens.

Events are read in order. A transaction may commit after one that began later, so a reader who only remembers the
last ``id`` would miss rows. It remembers ``(xid, id)`` and stops at `HORIZON`, below which no transaction is running:

    select … from event where (xid, id) > (:xid, :id) and <HORIZON> order by xid, id

The number of a transaction alone would not be enough. Whoever waits for a locked row may get his number before
another takes that row ahead of him (`heap_lock_updated_tuple` of PostgreSQL), and a request with an idempotency key
gets it when it writes the key. So a trigger never places an event before an earlier one of the same subject or
consortium: what is written under a lock is told in the order of the lock. Its place is then later than its
transaction, never earlier, and what `HORIZON` promises still holds.
"""

import json
from collections.abc import Iterable
from contextlib import nullcontext
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pgqueuer import Queries
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import Channel
from pgqueuer.ports.driver import Driver
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from api.tenancy import Office, bound_to, through
from domain.actor import Actor
from domain.audit import digest
from domain.message import Parameter
from domain.records import Event, Identified, Job

HORIZON = "xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
"""Below it every transaction has ended: https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT"""
EVENT_CHANNEL = "lianzhou_event"
JOB_CHANNEL = "lianzhou_job"
NOTIFY = sa.text("select pg_notify(:channel, :payload)")


async def record(
    session: AsyncSession,
    actor: Actor,
    code: str,
    subject_id: UUID,
    *,
    opportunity_id: UUID | None = None,
    consortium_id: UUID | None = None,
    audience: Iterable[UUID] = (),
    **params: Parameter,
) -> None:
    """Add what happened to the running transaction; readers in `audience` see it even where they see nothing else.

    Listeners are only woken, and read the row themselves: a notification is small, and not yet one's right to read.
    Where the subject was made or changed since it was last told of, the event keeps the digests of what it said before
    and says now. They are sealed with it and told to nobody: from the digest of a few figures one can guess them.
    """
    await session.flush()
    before, after = _changed(session.sync_session, subject_id)
    event = Event(
        code=code,
        user_id=actor.user_id,
        organisation_id=actor.organisation_id,
        subject_id=subject_id,
        opportunity_id=opportunity_id,
        consortium_id=consortium_id,
        audience=sorted(set(audience)),
        params=params,
        digest_before=before,
        digest_after=after,
    )
    bound = bound_to(session)
    # what is told in another's name, such as a leader's, is not the asker's to write, nor always his to read
    asks = bound is not None and bound.office in ASKING
    another = asks and bound is not None and bound.organisation != actor.organisation_id
    async with through(session, Office.FORMATION) if another else nullcontext():
        session.add(event)
        await session.flush()
    await session.execute(NOTIFY, {"channel": EVENT_CHANNEL, "payload": ""})


ASKING = (Office.APP, Office.BUREAU)
"""The offices of those who ask; the product's own write in whoever's name they work."""
CHANGED = "lianzhou.changed"
UNSAID = frozenset({"created_at", "version"})
"""Columns the database fills in; they count changes and say nothing about the thing."""


@sa.event.listens_for(Session, "after_flush")
def _note_changes(session: Session, _context: object) -> None:
    """Remember what each row that this flush wrote said before the first change that no event has told of yet."""
    changed = session.info.setdefault(CHANGED, {})
    for row in (*session.new, *session.dirty):
        if isinstance(row, Identified) and row.id not in changed:
            changed[row.id] = (row, None if row in session.new else _digest(row, former=True))


@sa.event.listens_for(Session, "after_soft_rollback")
def _forget_changes(session: Session, _transaction: object) -> None:
    session.info.pop(CHANGED, None)


def _changed(session: Session, subject: UUID) -> tuple[bytes | None, bytes | None]:
    """Return the digests of a row before and after what was written of it since it was last told of."""
    row, before = session.info.get(CHANGED, {}).pop(subject, (None, None))
    return (None, None) if row is None else (before, _digest(row))


def _digest(row: Identified, *, former: bool = False) -> bytes:
    state = sa.inspect(row)
    names = [each.key for each in state.mapper.column_attrs if each.key not in UNSAID]
    values: dict[str, Any] = {name: state.dict.get(name) for name in names}
    if former:
        values |= {name: old[0] for name in names if (old := state.attrs[name].history.deleted)}
    return digest(state.mapper.local_table.name, values)


async def enqueue(session: AsyncSession, job: Job) -> None:
    """Add `job` to the running transaction and to the queue that workers read, by one commit."""
    session.add(job)
    await session.flush()  # also begins the transaction on the connection, so that the next line is part of it
    raw = await (await session.connection()).get_raw_connection()
    connection = raw.driver_connection
    assert connection is not None
    assert connection.is_in_transaction()
    payload = json.dumps({"job": str(job.id)}).encode()
    await queue(AsyncpgDriver(connection)).enqueue(job.kind, payload, dedupe_key=str(job.id))


def queue(driver: Driver) -> Queries:
    """Return pgqueuer's queries on our names, whatever the environment says."""
    names = _names()
    return Queries(
        driver,
        qbe=QueryBuilderEnvironment(names),
        qbq=QueryQueueBuilder(names),
        qbs=QuerySchedulerBuilder(names),
    )


@cache
def _names() -> DBSettings:
    """Return the names in the schema ``queue``; each is given, since pgqueuer would else ask the environment."""
    return DBSettings(
        prefix="",
        db_schema="queue",
        channel=Channel("lianzhou_queue"),
        function="fn_pgqueuer_changed",
        statistics_table="pgqueuer_statistics",
        queue_status_type="pgqueuer_status",
        queue_table="pgqueuer",
        queue_table_log="pgqueuer_log",
        trigger="tg_pgqueuer_changed",
        schedules_table="pgqueuer_schedules",
    )
