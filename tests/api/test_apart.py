"""A computation takes nothing down but itself: limits of time and memory, crashes, and a worker that is gone (P29)."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event as Flag
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api import apart as thinking
from api import worker
from api.apart import ThinkingEnded, apart
from api.jobs import Effect, JobContext, only
from api.outbox import enqueue
from api.settings import Settings
from domain.errors import CapacityExceeded
from domain.kinds import Role, RunState
from domain.records import Job
from tests.conftest import PROJECT
from tests.factories import make_organisation

Sessions = async_sessionmaker[AsyncSession]
SCRIPT = """
import asyncio, sys
from threading import Event
from api.apart import apart
from tests.api.test_apart import sleep_on
asyncio.run(apart(sleep_on, sys.argv[1], seconds=600.0, cancelled=Event()))
"""


def counting(figures: MappingProxyType[str, int], *, progress: Any, interrupt: Flag) -> dict[str, Any]:
    for step in range(3):
        progress(step)
    return {"sum": sum(figures.values()), "pid": os.getpid(), "wanted": not interrupt.is_set()}


def refusing(*, interrupt: Flag) -> None:
    raise CapacityExceeded(phrase="电芯", month="2030-06", wanted=7, free=3)


def broken(*, interrupt: Flag) -> None:
    raise ZeroDivisionError("a fault of ours")


def crashing(*, interrupt: Flag) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def devouring(*, interrupt: Flag) -> int:
    held = [bytearray(64 << 20) for _ in range(64)]
    return len(held)


def deaf(*, interrupt: Flag) -> None:
    while True:
        time.sleep(1)


def hearing(*, interrupt: Flag) -> str:
    return "told" if interrupt.wait(30) else "never told"


def sleep_on(place: str, *, interrupt: Flag) -> None:
    Path(place).write_text(str(os.getpid()), encoding="ascii")
    time.sleep(600)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split(") ")[1].startswith("Z")


async def test_p29_what_a_child_finds_tells_and_refuses_comes_back_as_it_was() -> None:
    told: list[int] = []

    found = await apart(counting, MappingProxyType({"一": 1, "二": 2}), seconds=5.0, cancelled=Flag(), tell=told.append)

    assert (found["sum"], found["wanted"], told) == (3, True, [0, 1, 2])
    assert found["pid"] != os.getpid()
    with pytest.raises(CapacityExceeded) as refusal:
        await apart(refusing, seconds=5.0, cancelled=Flag())
    assert refusal.value.params == {"phrase": "电芯", "month": "2030-06", "wanted": 7, "free": 3}
    with pytest.raises(RuntimeError, match=r"in broken\n.*\nZeroDivisionError: a fault of ours"):
        await apart(broken, seconds=5.0, cancelled=Flag())


@pytest.mark.parametrize(("work", "seconds"), [(crashing, 30.0), (deaf, 0.5)], ids=["crashes", "never ends"])
async def test_p29_a_child_that_crashes_or_never_ends_is_ended_in_time(
    work: Any, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thinking, "GRACE", 1.0)
    began = time.monotonic()

    with pytest.raises(ThinkingEnded):
        await apart(work, seconds=seconds, cancelled=Flag())

    assert time.monotonic() - began < 6.5, "its limit, the second of grace, and five to begin and end"


async def test_p29_a_child_that_wants_all_memory_gets_a_bounded_part_and_its_parent_none() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises((ThinkingEnded, RuntimeError), match=r"thinking-ended|MemoryError"):
        await apart(devouring, seconds=30.0, cancelled=Flag(), memory=1 << 30)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10, "kilobytes"
    assert await apart(hearing_nothing, seconds=5.0, cancelled=Flag()) == "done"


def hearing_nothing(*, interrupt: Flag) -> str:
    return "done"


async def test_p29_a_child_hears_that_nobody_wants_the_answer_any_more() -> None:
    cancelled = Flag()
    asyncio.get_running_loop().call_later(0.5, cancelled.set)

    assert await apart(hearing, seconds=60.0, cancelled=cancelled) == "told"


async def test_p29_a_child_ends_with_its_worker(tmp_path: Path) -> None:
    place = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(place)], cwd=PROJECT) as process:  # noqa: ASYNC220
        async with asyncio.timeout(60):
            while not (place.exists() and place.read_text(encoding="ascii")):  # noqa: ASYNC110 - another process writes
                await asyncio.sleep(0.05)
        child = int(place.read_text(encoding="ascii"))
        assert not gone(child)
        process.kill()
    async with asyncio.timeout(10):
        while not gone(child):  # noqa: ASYNC110 - there is nothing to wait on but the process table
            await asyncio.sleep(0.05)


async def think_badly(context: JobContext) -> Effect:
    await apart(crashing, seconds=30.0, cancelled=context.cancelled)
    return only({})


async def think_well(context: JobContext) -> Effect:
    return only({"found": await apart(hearing_nothing, seconds=30.0, cancelled=context.cancelled)})


async def test_p29_a_job_whose_child_was_lost_has_failed_and_the_worker_goes_on(
    committed_sessions: Sessions, database_url: str
) -> None:
    stop = asyncio.Event()
    jobs = {"badly": think_badly, "well": think_well}
    working = asyncio.create_task(worker.run(Settings(), database_url, jobs=jobs, stop=stop))
    async with committed_sessions.begin() as session:
        firm = await make_organisation(session, Role.CHAIN_LEADER)
        asked = [Job(kind=kind, organisation_id=firm.id) for kind in jobs]
        for job in asked:
            await enqueue(session, job)
    found: dict[str, tuple[RunState, Any]] = {}
    async with asyncio.timeout(60):
        while len(found) < len(asked):
            await asyncio.sleep(0.1)
            async with committed_sessions() as session:
                rows = [await session.get_one(Job, job.id) for job in asked]
                found = {row.kind: (row.state, row.outcome) for row in rows if row.finished_at}
    stop.set()
    await working

    assert found == {
        "badly": (RunState.FAILED, {"code": "thinking-ended", "params": {}}),
        "well": (RunState.DONE, {"found": "done"}),
    }
