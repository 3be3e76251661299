"""The process that does long work: it takes jobs from the queue, thinks outside transactions, settles in one commit.

Any number of workers on any number of machines may run. A job of a worker that fell silent is taken by another, so a
job can run twice, at the same time even; ``Job.tries`` numbers the runs, and only the newest run may settle the job.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import FailingListenerError, RetryRequested
from pgqueuer.models import Context
from pgqueuer.models import Job as Ticket
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import col

from api import logs
from api.apart import warm
from api.db import SERVER_SETTINGS, dsn_of, make_engine, make_sessions, transaction
from api.embedded import database
from api.heads import BadHead
from api.jobs import JOBS, Effect, JobContext, JobFunction, NotYet, Outcome
from api.jobs.deadlines import expire, remind
from api.jobs.heads import vouch
from api.jobs.recovering import recover
from api.jobs.resealing import reseal
from api.jobs.retention import purge
from api.jobs.sealing import seal
from api.jobs.statistics import release
from api.jobs.telling import deliver, tell
from api.outbox import JOB_CHANNEL, NOTIFY, queue
from api.safe import SafeClosed
from api.settings import Settings
from api.tenancy import Office, doing
from domain.actor import Actor
from domain.errors import DomainError
from domain.kinds import Role, RunState
from domain.records import Job, Organisation
from domain.sealed import NotSealedHere

MOST_TRIES = 3
PROGRESS_SECONDS = 0.2
LOOK_SECONDS = 1.0
DEADLINE_SECONDS = 15.0
SEAL_SECONDS = 2.0
HEAD_SECONDS = 60.0
RESEAL_SECONDS = 600.0
PURGE_SECONDS = 3600.0
RELEASE_SECONDS = 60.0
TELL_SECONDS = 1.0
AGAIN_AFTER = timedelta(seconds=1)
PASSING = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03"})
"""SQLSTATEs that another try may cure: serialization failure, deadlock, lock not available, a server going down."""

DISCONNECTED = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    FailingListenerError,
)
"""What a database that goes away looks like from here."""


@dataclass(slots=True, kw_only=True)
class Run:
    """One try of one job: what is known of it, its latest progress, and whether it is still wanted."""

    job_id: UUID
    kind: str
    tries: int
    payload: Mapping[str, Any]
    subject_id: UUID | None
    actor: Actor
    cancelled: Flag = attribute(default_factory=Flag)
    progress: dict[str, Any] | None = None

    async def report(self, progress: dict[str, Any]) -> None:
        """Keep the newest progress; `Worker` writes it in its own time, so that reporting often costs nothing."""
        self.progress = progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What every job of this process shares."""

    settings: Settings
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    jobs: Mapping[str, JobFunction]

    async def work(self, ticket: Ticket, context: Context) -> None:
        """Do the job that a ticket of the queue stands for; one that is settled already is left as it is."""
        run = await self._begin(UUID(json.loads(ticket.payload or b"{}")["job"]))
        if run is None:
            return
        began = time.monotonic()
        logs.bind(job=str(run.job_id), kind=run.kind, tries=run.tries)
        try:
            state = await self._settle(run, await self._think(run, context))
        except NotYet as waiting:
            await self._uncount(run)
            raise RetryRequested(delay=AGAIN_AFTER, reason="NotYet") from waiting
        except Exception as error:  # whatever a job function raises is the job's end, not the worker's
            if passing(error):
                logs.logger().warning("job.postponed", reason=type(error).__name__)
                raise RetryRequested(delay=AGAIN_AFTER, reason=type(error).__name__) from error
            state = await self._fail(run, error)
        logs.logger().info("job.ended", state=state, ms=round(1000 * (time.monotonic() - began)))
        logs.forget()

    async def _begin(self, job_id: UUID) -> Run | None:
        """Count a try and mark the job as running. None when it is settled, gone, or was tried too often."""
        async with transaction(self.sessions, doing(Office.WORKER)) as session:
            job = await session.get(Job, job_id, with_for_update=True)
            if job is None or job.state not in (RunState.QUEUED, RunState.RUNNING):
                return None
            job.tries += 1
            if job.tries > MOST_TRIES:
                await _end(session, job, RunState.FAILED, {"code": "worker-lost"})
                return None
            job.become(RunState.RUNNING)
            asker = await session.get_one(Organisation, job.organisation_id)
            await session.execute(NOTIFY, {"channel": JOB_CHANNEL, "payload": str(job_id)})
            return Run(
                job_id=job_id,
                kind=job.kind,
                tries=job.tries,
                payload=job.payload,
                subject_id=job.subject_id,
                actor=Actor(
                    user_id=job.user_id,
                    organisation_id=job.organisation_id,
                    roles=frozenset(Role(role) for role in asker.roles),
                ),
            )

    async def _uncount(self, run: Run) -> None:
        """Take back the try of a run that had to wait for another job."""
        async with transaction(self.sessions, doing(Office.WORKER)) as session:
            job = await session.get_one(Job, run.job_id, with_for_update=True)
            if job.state is RunState.RUNNING and job.tries == run.tries:
                job.tries -= 1

    async def _think(self, run: Run, context: Context) -> Effect:
        """Run the job function, with nothing locked, while its progress is written and its cancellation looked for."""
        async with self._pulse(run, context):
            return await self.jobs[run.kind](
                JobContext(
                    job_id=run.job_id,
                    actor=run.actor,
                    payload=run.payload,
                    subject_id=run.subject_id,
                    settings=self.settings,
                    engine=self.engine,
                    sessions=self.sessions,
                    report=run.report,
                    cancelled=run.cancelled,
                )
            )

    async def _settle(self, run: Run, effect: Effect) -> RunState:
        """Apply the effect and mark the job done in one commit, unless the job was cancelled or a newer run has it."""
        async with transaction(self.sessions, doing(Office.WORKER, run.actor)) as session:
            job = await session.get_one(Job, run.job_id, with_for_update=True)
            if job.state is not RunState.RUNNING or job.tries != run.tries:
                return job.state
            await _end(session, job, RunState.DONE, await effect(session))
            return job.state

    async def _fail(self, run: Run, error: Exception) -> RunState:
        """Mark the job failed; a refusal is told as it is, anything else is logged once and told as internal."""
        outcome: Outcome = {"code": "internal", "params": {}}
        if isinstance(error, DomainError):
            outcome = {"code": error.code, "params": error.params}
        else:
            logs.logger().error("job.broken", exc_info=error)

        async with transaction(self.sessions, doing(Office.WORKER)) as session:
            job = await session.get_one(Job, run.job_id, with_for_update=True)
            if job.state is RunState.RUNNING and job.tries == run.tries:
                await _end(session, job, RunState.FAILED, outcome)
            return job.state

    @contextlib.asynccontextmanager
    async def _pulse(self, run: Run, context: Context) -> AsyncIterator[None]:
        """Beat while the block runs; write the last progress at its end."""
        beats = asyncio.create_task(self._beat(run, context))
        try:
            yield
        finally:
            beats.cancel()
            await asyncio.wait({beats})
            with contextlib.suppress(DBAPIError, OSError):
                await self._tell(run)

    async def _beat(self, run: Run, context: Context) -> None:
        """Write progress that is new, at most five times a second, and look once a second whether the job is wanted."""
        looked = time.monotonic()
        while not run.cancelled.is_set():
            await asyncio.sleep(PROGRESS_SECONDS)
            with contextlib.suppress(DBAPIError, OSError):  # a database that is away for a moment stops no thinking
                if run.progress is not None:
                    await self._tell(run)
                if time.monotonic() - looked >= LOOK_SECONDS or context.cancellation.cancel_called:
                    looked = time.monotonic()
                    await self._look(run, context)

    async def _tell(self, run: Run) -> None:
        """Write the newest progress, if there is one, and wake whoever watches."""
        progress, run.progress = run.progress, None
        if progress is None:
            return
        mine = (col(Job.id) == run.job_id) & (col(Job.state) == RunState.RUNNING) & (col(Job.tries) == run.tries)
        async with transaction(self.sessions, doing(Office.WORKER)) as session:
            await session.execute(sa.update(Job).where(mine).values(progress=progress))
            await session.execute(NOTIFY, {"channel": JOB_CHANNEL, "payload": str(run.job_id)})

    async def _look(self, run: Run, context: Context) -> None:
        """Raise the flag when the job was cancelled, by its row or by the queue, or when a newer run has it."""
        async with transaction(self.sessions, doing(Office.WORKER)) as session:
            job = await session.get(Job, run.job_id)
            if context.cancellation.cancel_called and job is not None and job.state is RunState.RUNNING:
                await _end(session, job, RunState.CANCELLED, {})
            if job is None or job.state is not RunState.RUNNING or job.tries != run.tries:
                run.cancelled.set()


async def _end(session: AsyncSession, job: Job, state: RunState, outcome: Outcome) -> None:
    """Move the job to its last state with what came of it, and wake whoever waits for it."""
    job.become(state)
    job.outcome = outcome
    job.finished_at = datetime.now(UTC)
    await session.execute(NOTIFY, {"channel": JOB_CHANNEL, "payload": str(job.id)})


def passing(error: BaseException) -> bool:
    """Tell whether another try may succeed: the database was away, or somebody else was first."""
    if isinstance(error, (StaleDataError, ConnectionError, asyncpg.InterfaceError)):
        return True
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or getattr(error.orig, "sqlstate", None) in PASSING
    )


async def run(
    settings: Settings, url: str, *, jobs: Mapping[str, JobFunction] = JOBS, stop: asyncio.Event | None = None
) -> None:
    """Work until `stop` is set; jobs that run then are finished first, those that wait are left to others.

    A database that goes away is waited for.
    """
    stop = stop or asyncio.Event()
    if jobs is JOBS:
        await asyncio.to_thread(warm)
    engine = make_engine(url, size=2 * settings.worker_slots, office=Office.APP)
    worker = Worker(settings=settings, engine=engine, sessions=make_sessions(engine), jobs=jobs)
    watches = [
        asyncio.create_task(watch(worker, stop))
        for watch in (
            _watch_deadlines,
            _watch_events,
            _watch_heads,
            _watch_telling,
            _watch_deliveries,
            _watch_seals,
            _watch_terms,
            _watch_calendar,
            _watch_recoveries,
        )
    ]
    try:
        while not stop.is_set():
            try:
                await _serve(worker, url, stop)
            except DISCONNECTED as error:
                logs.logger().warning("worker.disconnected", reason=type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), AGAIN_AFTER.total_seconds())
    finally:
        stop.set()
        await asyncio.gather(*watches)
        await engine.dispose()


async def _watch_deadlines(worker: Worker, stop: asyncio.Event) -> None:
    """Expire what is overdue, again and again until `stop` is set; a database that goes away is waited for."""
    while not stop.is_set():
        try:
            if expired := await expire(worker.sessions):
                logs.logger().info("deadlines.expired", questions=expired)
            if reminded := await remind(worker.sessions):
                logs.logger().info("deadlines.reminded", questions=reminded)
        except (*DISCONNECTED, DBAPIError, DomainError) as error:
            logs.logger().warning("deadlines.failed", reason=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), DEADLINE_SECONDS)


async def _watch_events(worker: Worker, stop: asyncio.Event) -> None:
    """Seal what happened, again and again until `stop` is set; the log takes the head out of the database."""
    while not stop.is_set():
        try:
            if head := await seal(worker.sessions):
                logs.logger().info("audit.sealed", head=str(head))
        except (*DISCONNECTED, DBAPIError) as error:
            logs.logger().warning("audit.failed", reason=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), SEAL_SECONDS)


async def _watch_heads(worker: Worker, stop: asyncio.Event) -> None:
    """Sign the head of the chain and keep it outside the database, once a minute until `stop` is set."""
    while not stop.is_set():
        try:
            await vouch(worker.sessions, worker.settings)
        except (*DISCONNECTED, DBAPIError, BadHead) as error:
            logs.logger().warning("audit.unsigned", reason=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), HEAD_SECONDS)


async def _watch_seals(worker: Worker, stop: asyncio.Event) -> None:
    """Seal what waits for it and what a former key sealed, at the start and again and again until `stop` is set."""
    while not stop.is_set():
        try:
            if count := await reseal(worker.sessions):
                logs.logger().info("safe.resealed", values=count)
        except (*DISCONNECTED, DBAPIError, SafeClosed, NotSealedHere) as error:
            logs.logger().warning("safe.failed", reason=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), RESEAL_SECONDS)


async def _watch_terms(worker: Worker, stop: asyncio.Event) -> None:
    """Delete what has been kept for its term, at the start and every hour until `stop` is set."""
    while not stop.is_set():
        try:
            if gone := await purge(worker.sessions, worker.settings):
                logs.logger().info("terms.ended", **gone)
        except (*DISCONNECTED, DBAPIError) as error:
            logs.logger().warning("terms.failed", reason=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PURGE_SECONDS)


async def _watch_calendar(worker: Worker, stop: asyncio.Event) -> None:
    """Release the statistics of a quarter once it has begun; look once a minute until `stop` is set."""
    while not stop.is_set():
        try:
            if tables := await release(worker.engine, worker.sessions):
                logs.logger().info("statistics.released", tables=tables)
        except (*DISCONNECTED, DBAPIError) as error:
            logs.logger().warning("statistics.failed", reason=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), RELEASE_SECONDS)


async def _watch_telling(worker: Worker, stop: asyncio.Event) -> None:
    """Hand on what happened and send the letters that are due, again and again until `stop` is set."""
    await _keep_sending(tell, worker, stop)


async def _watch_deliveries(worker: Worker, stop: asyncio.Event) -> None:
    """Make the deliveries that are due, again and again until `stop` is set; a slow webhook holds up no letter."""
    await _keep_sending(deliver, worker, stop)


async def _watch_recoveries(worker: Worker, stop: asyncio.Event) -> None:
    """Send links that set a new password, again and again until `stop` is set."""
    await _keep_sending(recover, worker, stop)


async def _keep_sending(
    send: Callable[[async_sessionmaker[AsyncSession], Settings], Awaitable[int]], worker: Worker, stop: asyncio.Event
) -> None:
    while not stop.is_set():
        try:
            if tried := await send(worker.sessions, worker.settings):
                logs.logger().info("telling.done", what=send.__name__, tried=tried)
        except (*DISCONNECTED, DBAPIError, ExceptionGroup) as error:
            logs.logger().warning("telling.failed", what=send.__name__, reason=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TELL_SECONDS)


async def _serve(worker: Worker, url: str, stop: asyncio.Event) -> None:
    """Take tickets from the queue until `stop` is set or the database goes away."""
    settings = worker.settings
    own = {**SERVER_SETTINGS, "role": Office.WORKER.value}
    async with asyncpg.create_pool(dsn_of(url), min_size=2, max_size=4, server_settings=own) as pool:
        tickets = queue(AsyncpgPoolDriver(pool))
        manager = QueueManager(tickets, tickets.qbq.settings.channel)
        # an event of this turn alone: pgqueuer also sets it when its listener fails, which must not end the process
        manager.shutdown = ending = asyncio.Event()
        for kind in worker.jobs:
            manager.entrypoint(kind, accepts_context=True)(worker.work)
        passing_on = asyncio.create_task(_pass_on(stop, ending))
        try:
            await manager.run(
                batch_size=1,
                max_concurrent_tasks=max(2, settings.worker_slots),
                dequeue_timeout=timedelta(seconds=settings.heartbeat_seconds / 2),
                heartbeat_timeout=timedelta(seconds=settings.heartbeat_seconds),
                shutdown_on_listener_failure=True,
            )
        finally:
            passing_on.cancel()


async def _pass_on(stop: asyncio.Event, ending: asyncio.Event) -> None:
    await stop.wait()
    ending.set()


async def until_told(settings: Settings, url: str, *, jobs: Mapping[str, JobFunction] = JOBS) -> None:
    """Work until the process is told to stop by SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(told, stop.set)
    await run(settings, url, jobs=jobs, stop=stop)


def main() -> None:
    """Run one worker process on the database of the environment."""
    settings = Settings.from_env(os.environ)
    logs.start(as_json=settings.log_json or not sys.stderr.isatty())
    with database(settings) as url:
        asyncio.run(until_told(settings, url))


if __name__ == "__main__":
    main()
