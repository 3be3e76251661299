"""Measure what a firm waits while another keeps the solver as busy as it is let: the same requests, idle and beside it.

    .venv/bin/python benchmarks/fairness.py [--rounds N] [--write]

A server and one worker (two jobs at a time, its usual setting) run as processes of their own over a fresh embedded
PostgreSQL. The rival has a project of 40 packages for which 600 firms could be asked, and asks for as many suggestions
as he is let have, each with the longest time there is; the firm has a project of six packages. Its pages and its
suggestion are asked for in turns without him and beside him.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from api.actions.auth import open_sign_in  # noqa: E402
from api.db import make_engine, make_sessions, migrate  # noqa: E402
from api.embedded import database  # noqa: E402
from api.settings import Settings  # noqa: E402
from domain.kinds import OpportunityState, Role, Scope, Visibility  # noqa: E402
from tests.factories import (  # noqa: E402
    make_capability,
    make_month,
    make_opportunity,
    make_organisation,
    make_package,
    make_price,
    make_requirement,
    make_user,
)

BEGIN, END = "<!-- fairness:begin -->", "<!-- fairness:end -->"
FIRMS, TRADES = 600, 40
PAGES = ("/api/v1/opportunities", "/api/v1/consortia", "/api/v1/events", "/api/v1/capabilities")
ASKED = 25
PAUSE = 0.1
"""Seconds between two requests, so that the firm stays within what a person may ask for in a minute."""
ENDED = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """Who asks for suggestions, by which token, and for which project."""

    token: str
    project: str

    @property
    def headers(self) -> dict[str, str]:
        """What his requests carry."""
        return {"authorization": f"Bearer {self.token}", "accept": "application/json"}


async def leader(session: AsyncSession, trades: range) -> Leader:
    """Add a chain leader and his published project, one package for each trade."""
    firm = await make_organisation(session, Role.CHAIN_LEADER, verification=2)
    user = await make_user(session, firm, admin=True)
    year = datetime.now(UTC).year + 1
    span: dict[str, Any] = {"starts": date(year, 1, 1), "ends": date(year, 3, 31)}
    project = await make_opportunity(
        session, firm, state=OpportunityState.PUBLISHED, visibility=Visibility.VERIFIED, budget=None,
        deadline=datetime.now(UTC) + timedelta(days=90), rules={"max_members": max(4, len(trades) // 3)}, **span,
    )  # fmt: skip
    for position, trade in enumerate(trades):
        package = await make_package(session, project, name=f"行当{trade}", position=position, min_suppliers=1,
                                     max_suppliers=3, **span)  # fmt: skip
        await make_requirement(session, package)
    opened = await open_sign_in(session, user.id, timedelta(hours=2), browser=False, label="benchmark",
                                scopes=(Scope.READ, Scope.FORMATION))  # fmt: skip
    return Leader(token=opened.secret, project=str(project.id))


async def city(url: str) -> tuple[Leader, Leader]:
    """Make the firms and the two leaders: the firm whose waiting is measured, and its rival."""
    engine, rng = make_engine(url), random.Random(29)  # noqa: S311
    months = [date(datetime.now(UTC).year + 1, month, 1) for month in (1, 2, 3)]
    async with make_sessions(engine).begin() as session:
        for _ in range(FIRMS):
            firm = await make_organisation(session, verification=2, sme=rng.random() < 0.7)
            for trade in rng.sample(range(TRADES), 4):
                able = await make_capability(session, firm, phrase=f"行当{trade}", monthly_quantity=rng.randint(5, 30))
                await make_price(session, able, unit_price=rng.randint(80_000, 120_000))
                for month in months:
                    await make_month(session, able, month=month, declared=able.monthly_quantity)
        both = await leader(session, range(6)), await leader(session, range(TRADES))
    await engine.dispose()
    return both


@asynccontextmanager
async def running(url: str, home: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Run server and worker; both are ended by their process ids."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    about = os.environ | {"DATABASE_URL": url, "LIANZHOU_HOME": str(home), "PYTHONPATH": str(ROOT)}
    commands = ([sys.executable, "-m", "tests.api.served", url, str(port)], [sys.executable, "-m", "api.worker"])
    processes = [
        await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=about, stdout=asyncio.subprocess.DEVNULL,
                                             stderr=asyncio.subprocess.DEVNULL)
        for command in commands
    ]  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            while True:
                try:
                    if (await client.get("/ready")).is_success:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
            yield client
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            await process.wait()


async def suggestion(client: httpx.AsyncClient, who: Leader, seconds: int) -> float:
    """Ask for a suggestion, wait for it, and return the seconds that took."""
    began = time.perf_counter()
    asked = await client.post(f"/api/v1/opportunities/{who.project}/suggestions", headers=who.headers,
                              json={"plans": 1, "seconds": seconds, "seed": 0})  # fmt: skip
    identity = asked.raise_for_status().json()["id"]
    if await end_of(client, who, identity) != "done":
        raise RuntimeError((await client.get(f"/api/v1/jobs/{identity}", headers=who.headers)).text)
    return time.perf_counter() - began


async def end_of(client: httpx.AsyncClient, who: Leader, identity: str) -> str:
    """Wait for the end of a job, as its stream tells it, and return the state it ended in."""
    async with client.stream("GET", f"/api/v1/jobs/{identity}/events", headers=who.headers) as told:
        async for text in told.aiter_lines():
            if text.startswith("data: ") and (state := json.loads(text[6:]).get("state")) in ENDED:
                return str(state)
    raise RuntimeError(f"the stream of {identity} ended before the job did")


async def busy(client: httpx.AsyncClient, who: Leader, jobs: list[str]) -> None:
    """Have as many suggestions under way as one is let have, each as long as may be, until cancelled; tell them."""
    asked = f"/api/v1/opportunities/{who.project}/suggestions"
    seed = 0
    while True:
        seed += 1
        answer = await client.post(asked, headers=who.headers, json={"plans": 5, "seconds": 60, "seed": seed})
        assert answer.status_code in (202, 429), answer.text
        if answer.status_code == 202:
            jobs.append(answer.json()["id"])
        await asyncio.sleep(0.2 if answer.status_code == 202 else 1)


async def waited(client: httpx.AsyncClient, who: Leader) -> tuple[list[float], float]:
    """Return what requests for pages took, in seconds, and what a suggestion took."""
    pages = []
    for _ in range(ASKED):
        for page in PAGES:
            began = time.perf_counter()
            (await client.get(page, headers=who.headers)).raise_for_status()
            pages.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE)
    return pages, await suggestion(client, who, 10)


def p95(values: list[float]) -> float:
    """Return the value that 95 of a hundred do not exceed."""
    return statistics.quantiles(values, n=20)[-1]


async def measure(url: str, home: Path, rounds: int) -> str:
    """Ask in turns, and return the table."""
    firm, rival = await city(url)
    found: dict[str, tuple[list[float], list[float]]] = {"alone": ([], []), "beside": ([], [])}
    async with running(url, home) as client:
        await waited(client, firm)
        for _ in range(rounds):
            for how in ("alone", "beside"):
                asked: list[str] = []
                work = asyncio.create_task(busy(client, rival, asked)) if how == "beside" else None
                await asyncio.sleep(5 if work else 0)
                pages, took = await waited(client, firm)
                found[how][0].extend(pages)
                found[how][1].append(took)
                if work:
                    assert not work.done()
                    work.cancel()
                    await ended(client, rival, asked)
    (pages, jobs), (pages_beside, jobs_beside) = found["alone"], found["beside"]
    lines = [
        "| what the firm waits for | alone | beside the rival | ratio |",
        "|---|---|---|---|",
        line("pages, p95 of " + str(len(pages)), p95(pages), p95(pages_beside), 1_000, "ms"),
        line("pages, median", statistics.median(pages), statistics.median(pages_beside), 1_000, "ms"),
        line(f"its suggestion, median of {rounds}", statistics.median(jobs), statistics.median(jobs_beside), 1, "s"),
        line(f"its suggestion, longest of {rounds}", max(jobs), max(jobs_beside), 1, "s"),
    ]
    return "\n".join(lines)


async def ended(client: httpx.AsyncClient, who: Leader, jobs: list[str]) -> None:
    """Cancel jobs, and wait until each has ended."""
    for identity in jobs:
        await client.post(f"/api/v1/jobs/{identity}/cancellation", headers=who.headers)
    for identity in jobs:
        await end_of(client, who, identity)


def line(what: str, alone: float, beside: float, times: int, unit: str) -> str:
    """Return a row of the table."""
    digits = 0 if times > 1 else 1
    return f"| {what} | {alone * times:.{digits}f} {unit} | {beside * times:.{digits}f} {unit} | {beside / alone:.2f} |"


def main() -> None:
    """Measure, print, and write the table where it is asked for."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        home = Path(folder)
        home.chmod(0o755)
        os.environ["LIANZHOU_SAFE_KEYS"] = str(home / "safe.json")  # one ring of keys for all processes
        with database(Settings(home=home)) as url:
            migrate(url)
            told = asyncio.run(measure(url, home, given.rounds))
    print(told)
    if given.write:
        place = ROOT / "docs" / "benchmarks.md"
        before, _, rest = place.read_text(encoding="utf-8").partition(BEGIN)
        place.write_text(f"{before}{BEGIN}\n{told}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
