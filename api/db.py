"""Engine, sessions and transactions. One request is one transaction, committed before the answer leaves.

Writes get a `transaction`, reads a `snapshot`; each is bound to whom it works for (`api/tenancy.py`).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from api import safe
from api.tenancy import Bound, Office, bind
from domain.message import Message, Parameter

MIGRATIONS = Path(__file__).parent / "migrations"
SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")
SERVER_SETTINGS = {
    "application_name": "lianzhou",
    "idle_in_transaction_session_timeout": "5min",
    "lock_timeout": "15s",
    "jit": "off",
}
"""Nothing may hold a lock for ever; compiling a query costs more than any of ours takes."""
ROLES_AT_HAND = """
select rolsuper or rolcreaterole
  or (select count(*) = cardinality($1::text[]) from pg_roles where rolname = any ($1) and pg_has_role(oid, 'member')),
  current_user::text
from pg_roles where rolname = current_user
"""
"""Whether the roles of `Office` can be made here, or were made and given to whoever connects."""


class DatabaseUnfit(Exception):
    """The database that was named cannot carry LianZhou; ``message`` says why."""

    def __init__(self, code: str, **params: Parameter) -> None:
        super().__init__(code, params)
        self.message = Message(code=code, params=params)


def dsn_of(url: str) -> str:
    """Return `url` as asyncpg reads it: without the name of SQLAlchemy's driver.

    Raises DatabaseUnfit when it is no address of a PostgreSQL.

    >>> dsn_of("postgresql+asyncpg://lian@db.example/zhou?ssl=require")
    'postgresql://lian@db.example/zhou?sslmode=require'
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise DatabaseUnfit("not-a-postgresql-url", scheme=parts.scheme)
    query = [("sslmode" if name == "ssl" else name, value) for name, value in parse_qsl(parts.query)]
    return urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(query, safe="/"), ""))


async def connect(url: str, **settings: str) -> "asyncpg.Connection[Any]":
    """Open one connection outside SQLAlchemy, for LISTEN, COPY and the worker's queue."""
    return await asyncpg.connect(dsn_of(url), server_settings={**SERVER_SETTINGS, **settings})


def make_engine(url: str, *, size: int = 10, office: Office | None = None) -> AsyncEngine:
    """Return an engine on the database at `url`; a connection that died in the pool is replaced, not handed out.

    Its connections begin in the role `office`, so that a transaction that binds nobody sees as little as nobody does;
    without one they are the operator's own, for migrations and the terminal.

    asyncpg itself reads the address, so every option of a libpq address holds, such as ``sslmode`` or ``host=/folder``.
    """
    safe.install()
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=partial(connect, url, **({"role": office.value} if office else {})),
        pool_size=size,
        max_overflow=size,
        pool_pre_ping=True,
        hide_parameters=True,  # what a statement carried is somebody's secret or price, and errors are logged
        json_serializer=partial(json.dumps, ensure_ascii=False, allow_nan=False),
    )


def make_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Return the maker of sessions whose rows stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def transaction(
    sessions: async_sessionmaker[AsyncSession], bound: Bound | None = None
) -> AsyncIterator[AsyncSession]:
    """Open a session, bound to whom it works for; its work is committed at the end of the block, or undone as a whole.

    Without `bound` it may do what its connection may: in the product, what nobody may.
    """
    async with sessions() as session:
        if bound is not None:
            bind(session, bound)
        async with session.begin():
            yield session


@asynccontextmanager
async def snapshot(engine: AsyncEngine, bound: Bound | None = None) -> AsyncIterator[AsyncSession]:
    """Open a session on one unchanging view of the database: REPEATABLE READ, and PostgreSQL refuses writes."""
    async with AsyncSession(snapshots_of(engine), expire_on_commit=False) as session:
        if bound is not None:
            bind(session, bound)
        async with session.begin():
            yield session


def snapshots_of(engine: AsyncEngine) -> AsyncEngine:
    """Return the same engine with read-only REPEATABLE READ transactions."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def migrate(url: str, revision: str = "head") -> None:
    """Bring the schema at `url` up to `revision`; processes that do so together take turns.

    It blocks and runs a loop of its own: from a coroutine call it through ``asyncio.to_thread``.
    Raises DatabaseUnfit when the server has no pgvector, or the roles of the product can be neither made nor played.
    """
    from alembic import command  # half a second of import that no request needs
    from alembic.config import Config

    asyncio.run(_require_server(url))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = url
    command.upgrade(config, revision)


async def _require_server(url: str) -> None:
    connection = await connect(url)
    try:
        if not await connection.fetchval("select exists (select from pg_available_extensions where name = 'vector')"):
            raise DatabaseUnfit("no-vector-extension", server=connection.get_server_version().major)
        may, user = await connection.fetchrow(ROLES_AT_HAND, [office.value for office in Office]) or (False, "")
        if not may:
            raise DatabaseUnfit("no-roles", user=user)
    finally:
        await connection.close()
