"""What falls due by itself: questions whose deadline has passed, by the database's clock."""

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import consortia
from api.actions.imports import the_operator
from api.db import transaction


async def expire(sessions: async_sessionmaker[AsyncSession]) -> int:
    """Expire what is overdue and give back what was held for it; return how many questions there were.

    Any number of workers may do this at once: a row one of them is at, the others skip.
    """
    async with transaction(sessions) as session:
        return await consortia.expire(session, await the_operator(session))
