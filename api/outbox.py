"""What must follow from a change, written in the same commit: events to be told and jobs to be done.

Nothing here sends anything. A rollback takes event and job away with the change; the commit wakes whoever listens.

Events are read in commit order. A transaction may commit after one that began later, so a reader who only remembers the
last ``id`` would miss rows. It remembers ``(xid, id)`` and stops at `HORIZON`, below which no transaction is running:

    select … from event where (xid, id) > (:xid, :id) and <HORIZON> order by xid, id
"""

import json
from collections.abc import Iterable
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from pgqueuer import Queries
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import Channel
from pgqueuer.ports.driver import Driver
from sqlalchemy.ext.asyncio import AsyncSession

from domain.actor import Actor
from domain.message import Parameter
from domain.records import Event, Job

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
    """
    event = Event(
        code=code,
        user_id=actor.user_id,
        organisation_id=actor.organisation_id,
        subject_id=subject_id,
        opportunity_id=opportunity_id,
        consortium_id=consortium_id,
        audience=sorted(set(audience)),
        params=params,
    )
    session.add(event)
    await session.execute(NOTIFY, {"channel": EVENT_CHANNEL, "payload": ""})


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
