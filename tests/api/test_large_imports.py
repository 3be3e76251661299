"""A large import is bounded in memory and in time, and one that is killed is done once, by whoever comes next (P33)."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import imports
from api.intake import sheet
from api.intake.reading import Subject
from domain.kinds import Role, RunState
from tests.api.test_worker import ended, until
from tests.conftest import PROJECT
from tests.factories import actor_of, make_organisation
from tests.strategies_files import FIRMS, as_csv, firm_row

Sessions = async_sessionmaker[AsyncSession]
FILES, ROWS = 4, 4_000
READER = """
import json, resource, sys, time
from pathlib import Path
from api.intake.reading import Subject, read
from api.intake.sheet import load
from domain.errors import Invalid
def peak():
    with open("/proc/self/status") as told:
        return next(int(line.split()[1]) for line in told if line.startswith("VmHWM:")) // 1024
before, began = peak(), time.monotonic()
try:
    reading = read(Subject.FIRMS, load(Path(sys.argv[1])))
    found = {"rows": reading.rows}
except Invalid as refusal:
    found = {"faults": [[fault.code, dict(fault.params)] for fault in refusal.faults]}
print(json.dumps(found | {"megabytes": peak() - before, "seconds": time.monotonic() - began}))
"""
WORKER = """
import asyncio, sys
from pathlib import Path
from api.jobs import JOBS
from api.settings import Settings
from api.worker import until_told
settings = Settings(home=Path(sys.argv[2]), heartbeat_seconds=1.0, worker_slots=2)
asyncio.run(until_told(settings, sys.argv[1], jobs={"import": JOBS["import"]}))
"""


def firms(start: int, count: int) -> bytes:
    """Return a file of firms of one's own."""
    return as_csv([list(FIRMS), *(firm_row(number) for number in range(start, start + count))])


def read_apart(place: Path) -> dict[str, Any]:
    """Read a file in a process of its own; tell its faults or rows, and how much memory it took beyond its start."""
    command = [sys.executable, "-c", READER, str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600, cwd=PROJECT)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("line", "code"), [("91350100M000100Y43,f000001\n", "too-many-rows"), ("长" * 30 + "\n", "file-too-large")]
)
def test_p33_a_file_of_a_million_firms_is_refused_without_being_held(tmp_path: Path, line: str, code: str) -> None:
    place = tmp_path / "百万.csv"
    with place.open("w", encoding="utf-8") as file:
        file.write("统一社会信用代码,企业名称\n")
        for _ in range(1_000):
            file.write(line * 1_000)

    found = read_apart(place)

    assert [fault for fault, _ in found["faults"]] == [code]
    assert found["megabytes"] <= 256


@pytest.mark.long
def test_p33_as_many_firms_as_a_file_may_hold_are_read_within_a_gigabyte(tmp_path: Path) -> None:
    place = tmp_path / "二十万.csv"
    place.write_bytes(firms(0, sheet.MAX_ROWS - 1))

    found = read_apart(place)

    assert found["rows"] == sheet.MAX_ROWS - 1
    assert found["megabytes"] <= 1_024


def start(url: str, home: Path) -> Any:
    """Start a worker process that knows imports alone."""
    return asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, url, str(home), cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)}, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def received(sessions: Sessions, home: Path) -> list[UUID]:
    """Take files in, each with firms of its own; return their jobs."""
    async with sessions.begin() as session:
        operator = actor_of(await make_organisation(session, Role.OPERATOR))
    jobs = []
    for number in range(FILES):
        upload = sheet.accept("企业.csv", firms(number * ROWS, ROWS))
        async with sessions.begin() as session:
            jobs.append((await imports.receive(session, operator, Subject.FIRMS, upload, home)).id)
    return jobs


async def test_p33_imports_killed_again_and_again_are_done_once(
    database_url: str, committed_sessions: Sessions, tmp_path: Path
) -> None:
    """Each job is given up after three tries, so that many are killed twice, wherever they are."""
    chance = Random(33)
    jobs = await received(committed_sessions, tmp_path)

    async def begun(tries: int) -> None:
        await until(committed_sessions, jobs[0], lambda job: job.tries == tries or ended(job), seconds=60)

    for tries in (1, 2):
        worker = await start(database_url, tmp_path)
        await begun(tries)
        await asyncio.sleep(chance.uniform(0.2, 0.8))
        worker.kill()
        await worker.wait()
    worker = await start(database_url, tmp_path)
    done = [await until(committed_sessions, job, ended, seconds=120) for job in jobs]
    worker.terminate()
    await worker.wait()

    assert [(job.state, job.outcome["code"]) for job in done] == [(RunState.DONE, "import-done")] * FILES
    assert sum(job.tries for job in done) > FILES, "some were killed at work"
    async with committed_sessions() as session:
        firms_in = await session.execute(
            sa.text("select count(*), count(distinct credit_code) from organisation where batch_id is not null")
        )
        batches = await session.execute(sa.text("select state, written from import_batch"))
    assert tuple(firms_in.one()) == (FILES * ROWS, FILES * ROWS)
    assert [tuple(row) for row in batches] == [("done", ROWS)] * FILES
