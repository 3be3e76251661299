"""A real PostgreSQL for every test: a cluster, a migrated template and a database for each process of the run."""

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlmodel import SQLModel

from api.db import connect, dsn_of, make_engine, make_sessions, migrate
from api.embedded import Cluster
from domain.limits import LIMITS
from tests.roles import as_owner, bind_callers

bind_callers()  # before any test names an action or a query
PROJECT = Path(__file__).parents[1]
FAST = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "synchronous_commit": "off",
}
TURNS = 7_145_002
PLENTY = 1_000_000
"""What the tests' deployment allows of everything: storms and stories ask for more in a minute than a city in a day.
``tests/api/test_limits.py`` tries the usual figures."""
Value = TypeVar("Value")


def pytest_configure(config: pytest.Config) -> None:
    """Let Hypothesis say the same on every machine, and not fail because a shared core was slow.

    One ring of keys serves the run and every process that it starts, so that they read what each other has sealed. What
    fails on purpose, hundreds of times, is printed plainly, as in service: a coloured traceback takes a quarter second.
    """
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, plain])
    os.environ.setdefault("LIANZHOU_SAFE_KEYS", str(PROJECT / ".lianzhou" / "tests-keys" / "safe.json"))
    from hypothesis import HealthCheck, settings

    settings.register_profile("lianzhou", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
    settings.load_profile("lianzhou")


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The server's ``postgres`` database: DATABASE_URL where it is set, else a cluster for this process of the run.

    Processes that shared one would wait for each other: no event is told while a transaction runs in any database.
    """
    if given := os.environ.get("DATABASE_URL"):
        yield named(dsn_of(given), "postgres")
        return
    process = os.environ.get("PYTEST_XDIST_WORKER", "main")
    cluster = Cluster(PROJECT / ".lianzhou" / "tests" / process, FAST).start()
    yield cluster.dsn("postgres")
    cluster.release()


@pytest.fixture(scope="session")
def database_url(server_url: str) -> Iterator[str]:
    """A migrated database that this process has for itself."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    apart(prepared(server_url, name))
    yield named(server_url, name)
    apart(statement(server_url, f"drop database if exists {name} with (force)"))


@pytest.fixture(scope="session")
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The engine on this process's database."""
    engine = make_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def sessions(engine: AsyncEngine) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    """Sessions inside one outer transaction that is rolled back: their commits are savepoints nobody else sees."""
    async with engine.connect() as connection:
        outer = await connection.begin()
        yield async_sessionmaker(
            connection,
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
            sync_session_class=as_owner(),
        )
        await outer.rollback()


@pytest.fixture
async def session(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
    """One session of `sessions`."""
    async with sessions() as session:
        yield session


@pytest.fixture
async def committed_sessions(engine: AsyncEngine) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    """Sessions whose commits are real, for races and for other processes; all is emptied afterwards."""
    yield make_sessions(engine)
    await empty(engine)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter; pytest's own may not be entered by the server's user."""
    folder = Path(tempfile.mkdtemp(prefix="lianzhou-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real data sets; without it the test is skipped."""
    folder = Path(os.environ.get("LIANZHOU_DATA", PROJECT / ".." / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip("the real data sets are not here: set LIANZHOU_DATA to their folder")
    return folder


async def empty(engine: AsyncEngine) -> None:
    """Remove every row; the guards that keep rows stand aside for it."""
    ours = (f'"{table.name}"' for table in SQLModel.metadata.sorted_tables if table.name != "quota")
    tables = ", ".join([*ours, "queue.pgqueuer", "queue.pgqueuer_log"])
    async with engine.begin() as connection:
        await connection.execute(sa.text("set local session_replication_role = replica"))
        await connection.execute(sa.text(f"truncate {tables} restart identity cascade"))


async def prepared(server_url: str, name: str) -> None:
    """Make database `name` from the template, and the template first where the migrations have changed."""
    admin = await connect(server_url, lock_timeout="0")
    try:
        await admin.execute(f"select pg_advisory_lock({TURNS})")
        await sweep(admin)
        template = await migrated_template(admin, server_url)
        await admin.execute(f"create database {name} template {template}")
    finally:
        await admin.close()
    await unhindered(named(server_url, name))


async def unhindered(url: str) -> None:
    """State limits in a database that no test meets unless it is about them."""
    stated = ", ".join(f"('{limit}', {PLENTY})" for limit in LIMITS)
    await statement(url, f"insert into quota (name, most) values {stated}")


async def migrated_template(admin: "asyncpg.Connection[Any]", server_url: str) -> str:
    """Return the name of a database migrated by the migrations as they stand; its comment says that it is whole."""
    content = b"".join(path.read_bytes() for path in sorted((PROJECT / "api" / "migrations").rglob("*.py")))
    template = f"template_{hashlib.sha256(content).hexdigest()[:12]}"
    whole = "select shobj_description(oid, 'pg_database') = 'whole' from pg_database where datname = $1"
    if not await admin.fetchval(whole, template):
        await admin.execute(f"drop database if exists {template} with (force)")
        await admin.execute(f"create database {template}")
        await asyncio.to_thread(migrate, named(server_url, template))
        await admin.execute(f"comment on database {template} is 'whole'")
    return template


async def sweep(admin: "asyncpg.Connection[Any]") -> None:
    """Drop what killed runs have left behind."""
    for row in await admin.fetch("select datname from pg_database where datname like 'test\\_%'"):
        if not alive(int(row["datname"].rpartition("_")[2])):
            with suppress(asyncpg.PostgresError):
                await admin.execute(f"drop database {row['datname']}")


def alive(pid: int) -> bool:
    """Tell whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def statement(url: str, sql: str) -> None:
    """Run one statement on a connection of its own."""
    connection = await connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def named(url: str, database: str) -> str:
    """Return `url` with another database in it."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def apart(work: Coroutine[Any, Any, Value]) -> Value:
    """Run a coroutine on a loop of its own, in a thread: the tests' loop stays as it is."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
