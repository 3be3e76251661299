"""Measure what row-level security costs on pages people open: requests with the policies and without, in turns.

    .venv/bin/python benchmarks/tenancy.py [--rounds N]

The story is played on a fresh embedded PostgreSQL. Each round asks for every page under policies and right after it
without (``disable row level security``), so that whatever else the machine does weighs on both; the ratio is the median
over the rounds. What binding a transaction costs, one statement, is measured by itself: it is in both.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import httpx
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from api.actions.auth import open_sign_in  # noqa: E402
from api.app import create_app  # noqa: E402
from api.auth import COOKIE  # noqa: E402
from api.db import connect, make_engine, make_sessions, migrate, transaction  # noqa: E402
from api.embedded import database  # noqa: E402
from api.settings import Settings  # noqa: E402
from api.story import load  # noqa: E402
from api.tenancy import NOBODY, Bound  # noqa: E402

PEOPLE = {
    "supplier": "select u.id from user_account u join organisation o on o.id = u.organisation_id"
    " join membership m on m.organisation_id = o.id where m.state <> 'proposed' order by u.id limit 1",
    "leader": "select u.id from user_account u join consortium c on c.organisation_id = u.organisation_id"
    " order by u.id limit 1",
    "bureau": "select u.id from user_account u join organisation o on o.id = u.organisation_id"
    " where 'bureau' = any (o.roles) order by u.id limit 1",
}
PAGES = {
    "supplier": ("/inbox", "/api/v1/opportunities", "/my/capabilities"),
    "leader": ("/consortia", "/consortia/{consortium}", "/firms"),
    "bureau": ("/api/v1/events", "/api/v1/consortia"),
}


CONSORTIUM = """
select c.id from consortium c join user_account u on u.organisation_id = c.organisation_id order by u.id, c.id limit 1
"""
Sessions = async_sessionmaker[AsyncSession]


@dataclass(slots=True, kw_only=True)
class Measured:
    """One page of one reader: milliseconds with policies and without, round by round."""

    name: str
    page: str
    pairs: list[tuple[float, float]] = field(default_factory=list)


async def timed(call: Callable[[], Awaitable[httpx.Response]]) -> float:
    """Return the milliseconds of one request that was answered."""
    began = time.perf_counter()
    answer = await call()
    assert answer.status_code == 200, (answer.url, answer.status_code)
    return 1_000 * (time.perf_counter() - began)


async def people(url: str, sessions: Sessions) -> dict[str, str]:
    """Return a session's secret for each reader."""
    secrets = {}
    async with sessions.begin() as session:
        for name, query in PEOPLE.items():
            user = await session.scalar(sa.text(query))
            secrets[name] = (await open_sign_in(session, user, timedelta(hours=2), browser=True)).secret
    return secrets


async def in_turns(url: str, settings: Settings, secrets: dict[str, str], rounds: int) -> Iterable[Measured]:
    """Ask for every page with and without policies; the first round warms up."""
    admin = await connect(url)
    consortium = await admin.fetchval(CONSORTIUM)
    names = [row[0] for row in await admin.fetch("select oid::regclass::text from pg_class where relrowsecurity")]
    found: list[Measured] = []
    app = create_app(settings, url)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        for name, page in ((name, page) for name, pages in PAGES.items() for page in pages):
            address, measured = page.format(consortium=consortium), Measured(name=name, page=page)
            headers = {"cookie": f"{COOKIE}={secrets[name]}", "accept": "text/html, application/json"}
            ask = partial(client.get, address, headers=headers)
            for number in range(rounds + 1):
                pair = []
                for how in ("enable", "disable"):
                    await admin.execute(";".join(f"alter table {each} {how} row level security" for each in names))
                    await ask()  # plans are made anew after the switch
                    pair.append(statistics.median([await timed(ask) for _ in range(5)]))
                measured.pairs += [(pair[0], pair[1])] if number else []
            found.append(measured)
        await admin.execute(";".join(f"alter table {each} enable row level security" for each in names))
    await admin.close()
    return found


async def binding(sessions: Sessions) -> tuple[float, float]:
    """Return what a transaction with one statement takes, unbound and bound."""
    took: dict[Bound | None, list[float]] = {None: [], NOBODY: []}
    for bound in (None, NOBODY) * 200:
        began = time.perf_counter()
        async with transaction(sessions, bound) as session:
            await session.execute(sa.text("select 1"))
        took[bound].append(1_000 * (time.perf_counter() - began))
    return statistics.median(took[None]), statistics.median(took[NOBODY])


async def measure(url: str, home: Path, rounds: int) -> None:
    """Play the story, ask, print."""
    engine, settings = make_engine(url), Settings(home=home, database_url=url)
    sessions = make_sessions(engine)
    await load(sessions, engine, settings, date(2027, 3, 1))
    found = await in_turns(url, settings, await people(url, sessions), rounds)
    print("| reader | page | with policies, ms | without, ms | ratio (quartiles) |\n|---|---|---|---|---|")
    for each in found:
        low, middle, high = statistics.quantiles((one / other for one, other in each.pairs), n=4)
        ours, theirs = (statistics.median(pair[at] for pair in each.pairs) for at in (0, 1))
        print(f"| {each.name} | `{each.page}` | {ours:.1f} | {theirs:.1f} | {middle:.2f} ({low:.2f}–{high:.2f}) |")
    bare, told = await binding(sessions)
    print(f"\nA transaction of one statement: {bare:.2f} ms, bound {told:.2f} ms. Load {os.getloadavg()[0]:.1f}.")
    await engine.dispose()


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        home = Path(folder)
        home.chmod(0o755)
        with database(Settings(home=home)) as url:
            migrate(url)
            asyncio.run(measure(url, home, given.rounds))


if __name__ == "__main__":
    main()
