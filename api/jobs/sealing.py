"""What happened is sealed soon after: the worker adds new events to the chain of hashes."""

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import audit
from api.db import transaction
from api.queries.audit import AT_ONCE
from api.tenancy import Office, doing
from domain.audit import Head


async def seal(sessions: async_sessionmaker[AsyncSession]) -> Head | None:
    """Seal everything that may be sealed, a batch a commit; return the newest link, or None where nothing was new.

    Any number of workers may do this at once: while one of them seals, the others leave it alone.
    """
    newest = None
    sealed = AT_ONCE
    while sealed == AT_ONCE:
        async with transaction(sessions, doing(Office.SEALER)) as session:
            sealed, head = await audit.seal(session)
        newest = head if sealed else newest
    return newest
