"""Long work is done once, by whoever lives; it tells how far it is, can be cancelled, and never vanishes."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api import worker
from api.db import connect, make_engine, make_sessions, migrate
from api.embedded import Cluster
from api.jobs import JOBS, Effect, JobContext, JobFunction, NotYet, Outcome, only
from api.outbox import JOB_CHANNEL, enqueue, queue
from api.settings import Settings
from domain.errors import CapacityExceeded
from domain.kinds import Role, RunState
from domain.records import Job
from tests.conftest import PROJECT
from tests.factories import make_organisation, make_user

Sessions = async_sessionmaker[AsyncSession]
SETTINGS = Settings(heartbeat_seconds=1.5)


@contextlib.asynccontextmanager
async def working(url: str, jobs: Mapping[str, JobFunction]) -> AsyncIterator[None]:
    """Run a worker of these kinds of job while the block runs."""
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(SETTINGS, url, jobs=jobs, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def ask(sessions: Sessions, kind: str = "test", **over: Any) -> UUID:
    """Commit a job and its ticket."""
    async with sessions.begin() as session:
        organisation = await make_organisation(session, Role.CHAIN_LEADER)
        job = Job(kind=kind, organisation_id=organisation.id, **over)
        await enqueue(session, job)
        return job.id


async def until(sessions: Sessions, job_id: UUID, met: Callable[[Job], Any], *, seconds: float = 20) -> Job:
    """Return the job as soon as `met` holds for it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        async with sessions() as session:
            job = await session.get_one(Job, job_id)
        if met(job):
            return job
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {job!r}")


def ended(job: Job) -> bool:
    return job.state in (RunState.DONE, RunState.FAILED, RunState.CANCELLED)


async def count(sessions: Sessions, table: str, where: str = "true") -> int:
    async with sessions() as session:
        return int(await session.scalar(sa.text(f"select count(*) from {table} where {where}")) or 0)


async def until_no_ticket(sessions: Sessions) -> None:
    """Wait until the queue is empty."""
    for _ in range(400):
        if await count(sessions, "queue.pgqueuer") == 0:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("a ticket is still there")


async def test_a_job_is_done_for_the_one_who_asked(database_url: str, committed_sessions: Sessions) -> None:
    seen = []

    async def look(context: JobContext) -> Effect:
        seen.append(context)
        return only({"code": "looked"})

    async with committed_sessions.begin() as session:
        user = await make_user(session)
    job_id = await ask(committed_sessions, payload={"seconds": 3}, user_id=user.id, subject_id=user.id)
    async with working(database_url, {"test": look}):
        job = await until(committed_sessions, job_id, ended)

    assert (job.state, job.outcome, job.tries) == (RunState.DONE, {"code": "looked"}, 1)
    assert job.finished_at is not None
    (context,) = seen
    assert (context.job_id, context.payload, context.subject_id) == (job_id, {"seconds": 3}, user.id)
    assert context.actor.user_id == user.id
    assert context.actor.roles == {Role.CHAIN_LEADER}
    assert await count(committed_sessions, "queue.pgqueuer") == 0


async def test_effect_and_completion_are_one_commit(database_url: str, committed_sessions: Sessions) -> None:
    async def half(_context: JobContext) -> Effect:
        async def write(session: AsyncSession) -> Outcome:
            await make_organisation(session, name="half done")
            raise CapacityExceeded(firm="演示")

        return write

    job_id = await ask(committed_sessions)
    async with working(database_url, {"test": half}):
        job = await until(committed_sessions, job_id, ended)

    assert (job.state, job.outcome) == (RunState.FAILED, {"code": "capacity-exceeded", "params": {"firm": "演示"}})
    assert await count(committed_sessions, "organisation", "name = 'half done'") == 0


async def test_a_job_that_breaks_is_told_as_failed_and_its_reason_stays_inside(
    database_url: str, committed_sessions: Sessions
) -> None:
    async def broken(_context: JobContext) -> Effect:
        raise ZeroDivisionError("price 123456")

    job_id = await ask(committed_sessions)
    async with working(database_url, {"test": broken}):
        job = await until(committed_sessions, job_id, ended)

    assert (job.state, job.tries, job.outcome) == (RunState.FAILED, 1, {"code": "internal", "params": {}})


async def test_a_conflict_with_another_transaction_is_tried_again(
    database_url: str, committed_sessions: Sessions
) -> None:
    async def unlucky(context: JobContext) -> Effect:
        async def write(session: AsyncSession) -> Outcome:
            job = await session.get_one(Job, context.job_id)
            if job.tries == 1:
                await session.execute(sa.text("do $$ begin raise exception sqlstate '40P01'; end $$"))
            return {"code": "written"}

        return write

    job_id = await ask(committed_sessions)
    async with working(database_url, {"test": unlucky}):
        job = await until(committed_sessions, job_id, ended)

    assert (job.state, job.tries) == (RunState.DONE, 2)


async def test_a_job_that_waits_for_another_is_tried_again_and_the_waiting_does_not_count(
    database_url: str, committed_sessions: Sessions
) -> None:
    turns = iter([True, True, True, False])

    async def polite(_context: JobContext) -> Effect:
        if next(turns):
            raise NotYet
        return only({"code": "its turn"})

    job_id = await ask(committed_sessions)
    async with working(database_url, {"test": polite}):
        job = await until(committed_sessions, job_id, ended, seconds=60)

    assert (job.state, job.tries, job.outcome) == (RunState.DONE, 1, {"code": "its turn"})


async def test_a_job_cancelled_while_it_waits_for_another_stays_cancelled(
    database_url: str, committed_sessions: Sessions
) -> None:
    async def polite(context: JobContext) -> Effect:
        async with committed_sessions.begin() as session:
            job = await session.get_one(Job, context.job_id, with_for_update=True)
            job.become(RunState.CANCELLED)
        raise NotYet

    job_id = await ask(committed_sessions)
    async with working(database_url, {"test": polite}):
        await until_no_ticket(committed_sessions)

    job = await until(committed_sessions, job_id, ended)
    assert (job.state, job.tries) == (RunState.CANCELLED, 1)


async def test_a_job_that_never_comes_to_an_end_is_given_up(database_url: str, committed_sessions: Sessions) -> None:
    async def never(_context: JobContext) -> Effect:
        raise ConnectionError

    job_id = await ask(committed_sessions, tries=worker.MOST_TRIES - 1, state=RunState.RUNNING)
    async with working(database_url, {"test": never}):
        job = await until(committed_sessions, job_id, ended)

    assert (job.state, job.outcome) == (RunState.FAILED, {"code": "worker-lost"})


@pytest.mark.parametrize("state", [RunState.DONE, RunState.FAILED, RunState.CANCELLED])
async def test_a_ticket_of_a_settled_job_does_nothing(
    database_url: str, committed_sessions: Sessions, state: RunState
) -> None:
    async def never(_context: JobContext) -> Effect:
        raise AssertionError("a settled job ran")

    job_id = await ask(committed_sessions, state=state, tries=1)
    gone = await ask(committed_sessions)
    async with committed_sessions.begin() as session:
        await session.delete(await session.get_one(Job, gone))
    async with working(database_url, {"test": never}):
        await until_no_ticket(committed_sessions)

    job = await until(committed_sessions, job_id, ended)
    assert (job.state, job.tries, job.outcome) == (state, 1, {})


async def test_progress_is_written_and_told_but_not_at_every_step(
    database_url: str, committed_sessions: Sessions
) -> None:
    async def steps(context: JobContext) -> Effect:
        for step in range(100):
            await context.report({"step": step})
            await asyncio.sleep(0.01)
        return only({})

    told: list[str] = []
    listener = await connect(database_url)
    await listener.add_listener(JOB_CHANNEL, lambda *heard: told.append(heard[-1]))
    job_id = await ask(committed_sessions)
    async with working(database_url, {"test": steps}):
        early = await until(committed_sessions, job_id, lambda job: job.progress)
        job = await until(committed_sessions, job_id, ended)
    await listener.close()

    assert early.progress["step"] < 99
    assert job.progress == {"step": 99}
    assert set(told) == {str(job_id)}
    assert 4 <= len(told) <= 12


async def test_a_cancelled_job_is_told_so_and_its_effect_is_dropped(
    database_url: str, committed_sessions: Sessions
) -> None:
    async def patient(context: JobContext) -> Effect:
        await asyncio.to_thread(context.cancelled.wait, 20)
        return only({"code": "never"})

    job_id = await ask(committed_sessions)
    async with working(database_url, {"test": patient}):
        await until(committed_sessions, job_id, lambda job: job.state is RunState.RUNNING)
        async with committed_sessions.begin() as session:
            job = await session.get_one(Job, job_id, with_for_update=True)
            job.become(RunState.CANCELLED)
        began = time.monotonic()

    assert time.monotonic() - began < 5
    job = await until(committed_sessions, job_id, ended)
    assert (job.state, job.outcome) == (RunState.CANCELLED, {})


async def test_a_job_cancelled_in_the_queue_is_cancelled(database_url: str, committed_sessions: Sessions) -> None:
    async def patient(context: JobContext) -> Effect:
        await asyncio.to_thread(context.cancelled.wait, 20)
        return only({"code": "never"})

    job_id = await ask(committed_sessions)
    async with working(database_url, {"test": patient}):
        await until(committed_sessions, job_id, lambda job: job.state is RunState.RUNNING)
        connection = await connect(database_url)
        ticket = await connection.fetchval("select id from queue.pgqueuer")
        await queue(AsyncpgDriver(connection)).mark_job_as_cancelled([ticket])
        job = await until(committed_sessions, job_id, ended)
        await connection.close()

    assert (job.state, job.outcome) == (RunState.CANCELLED, {})


async def test_an_older_run_that_comes_back_settles_nothing(database_url: str, committed_sessions: Sessions) -> None:
    async def overtaken(context: JobContext) -> Effect:
        async with committed_sessions.begin() as session:
            job = await session.get_one(Job, context.job_id)
            job.tries += 1
        return only({"code": "late"})

    job_id = await ask(committed_sessions)
    async with working(database_url, {"test": overtaken}):
        await until_no_ticket(committed_sessions)
        job = await until(committed_sessions, job_id, lambda job: job.tries == 2)

    assert (job.state, job.outcome) == (RunState.RUNNING, {})


def start(url: str, heartbeat: float = 1.5) -> Any:
    """Start a worker process."""
    script = str(Path(__file__).with_name("slow_worker.py"))
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return asyncio.create_subprocess_exec(
        sys.executable, script, url, str(heartbeat), env=environment, cwd=PROJECT, stderr=asyncio.subprocess.DEVNULL
    )


async def test_another_worker_finishes_what_a_killed_one_began_and_it_is_done_once(
    database_url: str, committed_sessions: Sessions
) -> None:
    first, second = await start(database_url), await start(database_url)
    try:
        job_id = await ask(committed_sessions, "slow", payload={"seconds": 2.5})
        job = await until(committed_sessions, job_id, lambda job: job.progress)
        victim, heir = (first, second) if first.pid == job.progress["pid"] else (second, first)
        victim.kill()
        job = await until(committed_sessions, job_id, ended)
    finally:
        for process in (first, second):
            if process.returncode is None:
                process.terminate()
            await process.wait()

    assert (job.state, job.tries, job.outcome["pid"]) == (RunState.DONE, 2, heir.pid)
    assert await count(committed_sessions, "organisation", "name = 'the mark'") == 1
    assert heir.returncode == 0


async def test_a_worker_told_to_stop_finishes_its_job_and_leaves_the_rest(
    database_url: str, committed_sessions: Sessions
) -> None:
    jobs = [await ask(committed_sessions, "slow", payload={"seconds": 1.5}) for _ in range(3)]
    process = await start(database_url)
    for job_id in jobs[:2]:
        await until(committed_sessions, job_id, lambda job: job.progress)

    process.send_signal(signal.SIGTERM)

    assert await process.wait() == 0
    states = [(await until(committed_sessions, job_id, bool)).state for job_id in jobs]
    assert states == [RunState.DONE, RunState.DONE, RunState.QUEUED]


@pytest.fixture
async def own_cluster(open_folder: Path) -> AsyncIterator[Cluster]:
    """A cluster that may be killed, and that keeps what was committed."""
    cluster = Cluster(open_folder / "postgres")
    await asyncio.to_thread(cluster.start)
    yield cluster
    await asyncio.to_thread(cluster.release)


async def test_a_worker_outlives_its_database(own_cluster: Cluster) -> None:
    async def slow(context: JobContext) -> Effect:
        await context.report({"begun": True})
        await asyncio.sleep(2)
        return only({"code": "done"})

    url = own_cluster.dsn("postgres")
    await asyncio.to_thread(migrate, url)
    engine = make_engine(url)
    sessions = make_sessions(engine)
    async with working(url, {"test": slow}):
        job_id = await ask(sessions)
        await until(sessions, job_id, lambda job: job.progress)
        server = own_cluster.postmaster()
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        await asyncio.to_thread(own_cluster.start)
        job = await until(sessions, job_id, ended, seconds=40)
    await engine.dispose()

    assert (job.state, job.outcome) == (RunState.DONE, {"code": "done"})


def test_the_kinds_of_job_are_known_before_their_modules_are_loaded() -> None:
    assert set(JOBS) == {"answer", "counter-check", "envelope", "import", "repair", "suggest", "vectors"}
    assert len(JOBS) == 7
