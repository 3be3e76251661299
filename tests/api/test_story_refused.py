"""The story never comes between other data."""

import os
from datetime import date
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api.settings import Settings
from api.story import load
from tests.factories import make_organisation


async def test_a_database_that_holds_anything_else_is_left_alone(
    committed_sessions: async_sessionmaker[AsyncSession], engine: AsyncEngine, tmp_path: Path
) -> None:
    async with committed_sessions.begin() as session:
        await make_organisation(session)
    assert await load(committed_sessions, engine, Settings(home=tmp_path), date(2027, 3, 1)) is None
    async with committed_sessions() as session:
        assert (await session.execute(sa.text("select count(*) from organisation"))).scalar_one() == 1
        assert (await session.execute(sa.text("select count(*) from opportunity"))).scalar_one() == 0
    assert os.listdir(tmp_path) == []
