"""One request is one transaction, and no failed commit is ever answered with success."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


async def test_the_database_is_migrated(session: AsyncSession) -> None:
    assert await session.scalar(sa.text("select version_num from alembic_version")) == "0003"
