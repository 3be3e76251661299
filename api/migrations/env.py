"""How a migration runs: one process at a time, a transaction for each revision, never waiting long for a lock."""

import asyncio
import os

import sqlalchemy as sa
from alembic import context
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from api.db import DatabaseUnfit, make_engine
from api.settings import Settings
from domain import records  # noqa: F401 - importing it fills the metadata

TURNS = 7_145_001
"""The advisory lock that migrating processes take turns on."""
LIMITS = ("set lock_timeout = '5s'", "set statement_timeout = '10min'")
"""A migration that must wait for a lock gives up: every later query would queue up behind it."""


def migrate(connection: Connection) -> None:
    """Run the wanted revisions on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        transaction_per_migration=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def in_turn(connection: AsyncConnection) -> None:
    """Wait for the processes that migrate already, then run; the lock goes with the connection."""
    await connection.execute(sa.text("set lock_timeout = 0"))
    await connection.execute(sa.text("select pg_advisory_lock(:turns)"), {"turns": TURNS})
    for limit in LIMITS:
        await connection.execute(sa.text(limit))
    await connection.commit()
    await connection.run_sync(migrate)


async def run() -> None:
    """Migrate the database that the caller named, else the one in DATABASE_URL."""
    url = context.config.attributes.get("url") or Settings.from_env(os.environ).database_url
    if url is None:
        raise DatabaseUnfit("no-database-url")
    engine = make_engine(url, size=1)
    try:
        async with engine.connect() as connection:
            await in_turn(connection)
            await connection.invalidate()  # the session's settings must not return to a pool
    finally:
        await engine.dispose()


asyncio.run(run())
