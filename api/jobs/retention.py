"""Everything whose term has run out is deleted, a batch a commit."""

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import retention
from api.db import transaction
from api.settings import Settings
from api.tenancy import Office, doing


async def purge(sessions: async_sessionmaker[AsyncSession], settings: Settings) -> dict[str, int]:
    """Delete what has been kept long enough; return how much of what. Workers that do it at once share the work."""
    gone = {"uploads": await to_thread.run_sync(retention.purge_uploads, settings.home)}
    for table, term in retention.tables().items():
        batch, count = retention.AT_ONCE, 0
        while batch == retention.AT_ONCE:
            async with transaction(sessions, doing(Office.KEEPER)) as session:
                batch = await retention.purge(session, table, term)
            count += batch
        gone[table] = count
    return {what: count for what, count in gone.items() if count}
