"""Whatever is killed, and when: what was acknowledged stays, is told once and in order, and is answered alike again."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api.actions import audit
from api.actions.auth import open_sign_in
from api.db import connect, make_engine, make_sessions, migrate, transaction
from api.embedded import Cluster
from api.jobs.sealing import seal
from api.outbox import enqueue
from domain.kinds import Role, Scope
from domain.records import Job
from tests.api import history
from tests.api.crash import GONE, Listener, Traffic, ghosts, lost, misheard, undone
from tests.api.storm import found
from tests.conftest import PROJECT, unhindered
from tests.factories import make_organisation, make_user

Sessions = async_sessionmaker[AsyncSession]
CALLERS = 4
JOBS = "select id, state, tries from job where kind = 'slow'"
EVENTS = "select id, xid, code, subject_id, consortium_id, xid || '-' || id as position from event order by xid, id"
AWAY = (*GONE, sa.exc.DBAPIError, ConnectionError)


@dataclass(slots=True, kw_only=True)
class Town:
    """A server, a worker and a postmaster that may be killed, and who acts on them."""

    cluster: Cluster
    url: str
    port: int
    sessions: Sessions
    engine: AsyncEngine
    secrets: dict[str, str]
    leader: str
    bureau: str
    suggestions: list[str]
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    async def start(self, what: str) -> None:
        """Start a server or a worker."""
        words = ("tests.api.served", self.url, str(self.port))
        if what == "worker":
            words = ("tests.api.slow_worker", self.url, "1.5")
        self.running[what] = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *words, cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def kill(self, what: str) -> None:
        """Kill with SIGKILL, and start again."""
        if what == "postmaster":
            server = self.cluster.postmaster()
            assert server is not None
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.to_thread(self.cluster.start)
            return
        self.running[what].kill()
        await self.running[what].wait()
        await self.start(what)

    async def served(self) -> None:
        """Wait until the server answers from the database."""
        async with httpx.AsyncClient() as client:
            while True:
                with contextlib.suppress(*GONE):
                    answer = await client.get(f"http://127.0.0.1:{self.port}/ready")
                    if answer.status_code == 200:
                        return
                await asyncio.sleep(0.1)

    async def rows(self, sql: str) -> list[Any]:
        async with self.engine.connect() as connection:
            return list((await connection.execute(sa.text(sql))).all())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def town(open_folder: Path) -> AsyncIterator[Town]:
    """The storm's town on a cluster that keeps what was committed, with a journal beside its ledger."""
    cluster = Cluster(open_folder / "postgres")
    await asyncio.to_thread(cluster.start)
    url = cluster.dsn("postgres")
    await asyncio.to_thread(migrate, url)
    await unhindered(url)
    raw = await connect(url)
    await raw.execute(history.JOURNAL)
    await raw.close()
    town = await peopled(cluster, url)
    for what in ("server", "worker"):
        await town.start(what)
    yield town
    for process in town.running.values():
        if process.returncode is None:
            process.kill()
        await process.wait()
    await town.engine.dispose()
    await asyncio.to_thread(cluster.release)


async def peopled(cluster: Cluster, url: str) -> Town:
    """Found the storm's town and a bureau, and give everybody a token."""
    engine = make_engine(url)
    sessions = make_sessions(engine)
    await found(sessions)
    async with sessions.begin() as session:
        bureau = await make_organisation(session, Role.BUREAU)
        await make_user(session, bureau)
        secrets = {}
        for organisation, user in (
            await session.execute(sa.text("select organisation_id, id from user_account"))
        ).all():
            opened = await open_sign_in(
                session, user, timedelta(hours=2), browser=False, label="crash", scopes=tuple(Scope)
            )
            secrets[str(organisation)] = opened.secret
        owner = (await session.execute(sa.text("select distinct organisation_id from opportunity"))).scalar_one()
        runs = list((await session.execute(sa.text("select id from suggestion limit 12"))).scalars())
    return Town(
        cluster=cluster, url=url, port=free_port(), sessions=sessions, engine=engine, secrets=secrets,
        leader=secrets[str(owner)], bureau=secrets[str(bureau.id)], suggestions=[str(each) for each in runs],
    )  # fmt: skip


async def give_work(town: Town, stop: asyncio.Event, given: list[str]) -> None:
    """Commit a short job now and then; whoever cannot be reached is tried again."""
    while not stop.is_set():
        with contextlib.suppress(*AWAY):
            async with transaction(town.sessions) as session:
                firm = (await session.execute(sa.text("select id from organisation limit 1"))).scalar_one()
                job = Job(kind="slow", organisation_id=firm, payload={"seconds": 0.2})
                await enqueue(session, job)
            given.append(str(job.id))
        await asyncio.sleep(0.5)


async def settled(town: Town, listener: Listener) -> None:
    """Wait until every job has ended and the listener has heard all that was told."""
    for _ in range(600):
        with contextlib.suppress(*AWAY):
            (row,) = await town.rows(
                "select (select count(*) from job where kind = 'slow' and state in ('queued', 'running')) as waiting,"
                " (select count(*) from event) as events"
            )
            if row.waiting == 0 and len(listener.heard) >= row.events:
                return
        await asyncio.sleep(0.1)


async def replayed(town: Town, traffic: Traffic) -> list[str]:
    """Send every acknowledged change once more under its key; tell which is answered otherwise."""
    wrong = []
    async with httpx.AsyncClient(base_url=town.base, timeout=20) as client:
        for each in traffic.answered:
            if each.done:
                headers = {"Authorization": f"Bearer {each.secret}", "Idempotency-Key": each.key}
                answer = await client.post(each.path, json=dict(each.body), headers=headers)
                if (answer.status_code, answer.content) != (each.status, each.content):
                    wrong.append(f"{each.deed} was answered otherwise")
    return wrong


async def survived(town: Town, kills: int) -> tuple[Traffic, Listener, list[str]]:
    """Let clients form consortia while processes are killed in turn; return what they heard and all that is wrong."""
    traffic = Traffic(base=town.base, leader=town.leader, secrets=town.secrets, suggestions=town.suggestions)
    listener, given = Listener(base=town.base, secret=town.bureau), list[str]()
    await town.served()
    listening = asyncio.create_task(listener.listen())
    working = asyncio.create_task(give_work(town, traffic.stop, given))
    living = [asyncio.create_task(traffic.live(seed)) for seed in range(CALLERS)]
    for what in islice(cycle(("server", "worker", "postmaster")), kills):
        await asyncio.sleep(0.5)
        await town.kill(what)
        if what != "worker":
            await town.served()
    await asyncio.sleep(0.5)
    traffic.stop.set()
    await asyncio.gather(working, *living)
    await settled(town, listener)
    wrong = await judged(town, traffic, listener, given)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    return traffic, listener, wrong


async def judged(town: Town, traffic: Traffic, listener: Listener, given: list[str]) -> list[str]:
    """Return everything the judges find."""
    events = await town.rows(EVENTS)
    jobs = await town.rows(JOBS)
    marks = dict(await town.rows("select lei, count(*) from organisation where name = 'the mark' group by lei"))
    wrong = [
        *lost(traffic.answered, events),
        *ghosts(traffic.answered, [row.id for row in await town.rows("select id from consortium")]),
        *misheard(listener.heard, [row.position for row in events]),
        *undone(jobs, marks),
        *(f"job {each} is lost" for each in given if each not in {str(job.id) for job in jobs}),
        *await replayed(town, traffic),
    ]
    async with town.engine.connect() as connection:
        wrong += await history.wrongs(connection)
    for _ in range(100):
        await seal(town.sessions)
        async with town.sessions() as session:
            verdict = await audit.verify(session)
        if not verdict.waiting:
            break
        await asyncio.sleep(0.1)
    again = await town.rows("select count(*) from event")
    wrong += [f"{again[0][0]} events, where there were {len(events)}"] * (again[0][0] != len(events))
    return wrong + [f"the chain breaks: {verdict.broken}"] * (verdict.broken is not None)


async def proved(town: Town, kills: int) -> None:
    traffic, listener, wrong = await survived(town, kills)

    assert wrong == []
    assert listener.cuts >= kills // 3
    assert traffic.again > 0
    done = {each.deed.partition(" ")[0] for each in traffic.answered if each.done}
    assert done == {"form", "invite", "accept", "sign", "dissolve"}

    # each judge notices what it is for
    events = await town.rows(EVENTS)
    acknowledged = next(each for each in traffic.answered if each.done and each.deed == "form")
    fewer = [row for row in events if str(row.subject_id) not in acknowledged.content.decode()]
    twice = [*events, *[row for row in events if row.code == "consortium.formed"]]
    positions = [row.position for row in events]
    jobs = await town.rows(JOBS)
    assert list(lost(traffic.answered, fewer)) != []
    assert list(lost(traffic.answered, twice)) != []
    assert list(ghosts([each for each in traffic.answered if each is not acknowledged],
                       [row.id for row in await town.rows("select id from consortium")])) != []  # fmt: skip
    assert list(misheard(positions[1:], positions)) != []
    assert list(misheard([*positions[:-2], positions[-1], positions[-2]], positions)) != []
    assert len(list(undone(jobs, {}))) == len(jobs) > 0


async def test_nothing_acknowledged_is_lost_whatever_is_killed(town: Town) -> None:
    await proved(town, 6)


@pytest.mark.long
async def test_nothing_acknowledged_is_lost_in_fifty_kills(town: Town) -> None:
    await proved(town, 50)
