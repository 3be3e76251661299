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
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

import httpx
import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from api.actions.auth import open_sign_in  # noqa: E402
from api.app import create_app  # noqa: E402
from api.auth import COOKIE  # noqa: E402
from api.db import connect, make_engine, make_sessions, migrate, transaction  # noqa: E402
from api.embedded import database  # noqa: E402
from api.settings import Settings  # noqa: E402
from api.story import load  # noqa: E402
from api.tenancy import NOBODY  # noqa: E402

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


async def timed(call: Callable[[], Awaitable[httpx.Response]]) -> float:
    """Return the milliseconds of one request that was answered."""
    began = time.perf_counter()
    answer = await call()
    assert answer.status_code == 200, (answer.url, answer.status_code)
    return 1_000 * (time.perf_counter() - began)


async def measure(url: str, home: Path, rounds: int) -> None:
    """Play the story, then ask."""
    engine, settings = make_engine(url), Settings(home=home, database_url=url)
    sessions = make_sessions(engine)
    await load(sessions, engine, settings, date(2027, 3, 1))
    admin = await connect(url)
    consortium = await admin.fetchval(
        "select c.id from consortium c where organisation_id ="
        f" (select organisation_id from user_account where id = ({PEOPLE['leader']})) limit 1"
    )
    secrets = {}
    async with sessions.begin() as session:
        for name, query in PEOPLE.items():
            user = await session.scalar(sa.text(query))
            secrets[name] = (await open_sign_in(session, user, timedelta(hours=2), browser=True)).secret
    names = [row[0] for row in await admin.fetch("select oid::regclass::text from pg_class where relrowsecurity")]
    await admin.execute("analyze")

    async def switch(how: str) -> None:
        await admin.execute(";".join(f"alter table {name} {how} row level security" for name in names))

    app = create_app(settings, url)
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    async with (
        app.lifespan(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),  # type: ignore[arg-type]
            base_url="http://127.0.0.1:8000",
        ) as client,
    ):
        for number in range(rounds + 1):
            for name, pages in PAGES.items():
                for page in pages:
                    address = page.format(consortium=consortium)
                    headers = {"cookie": f"{COOKIE}={secrets[name]}", "accept": "text/html, application/json"}
                    pair = []
                    for how in ("enable", "disable"):
                        await switch(how)
                        await client.get(address, headers=headers)  # plans are made anew after the switch
                        each = [await timed(lambda a=address, h=headers: client.get(a, headers=h)) for _ in range(5)]
                        pair.append(statistics.median(each))
                    if number:  # the first round warms up
                        found.setdefault((name, page), []).append((pair[0], pair[1]))
    await switch("enable")

    binding = []
    for bound in (None, NOBODY) * 200:
        began = time.perf_counter()
        async with transaction(sessions, bound) as session:
            await session.execute(sa.text("select 1"))
        binding.append(1_000 * (time.perf_counter() - began))
    print("| reader | page | with policies, ms | without, ms | ratio (quartiles) |\n|---|---|---|---|---|")
    for (name, page), pairs in found.items():
        ratios = sorted(one / other for one, other in pairs)
        low, middle, high = statistics.quantiles(ratios, n=4)
        ours, theirs = (statistics.median(pair[at] for pair in pairs) for at in (0, 1))
        print(f"| {name} | `{page}` | {ours:.1f} | {theirs:.1f} | {middle:.2f} ({low:.2f}–{high:.2f}) |")
    bare, told = statistics.median(binding[::2]), statistics.median(binding[1::2])
    print(
        f"\nA transaction with one statement: {bare:.2f} ms, bound {told:.2f} ms. Load average {os.getloadavg()[0]:.1f}."
    )
    await admin.close()
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
