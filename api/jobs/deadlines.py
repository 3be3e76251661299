"""What falls due by itself: questions whose deadline has passed, by the database's clock."""

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import consortia
from api.actions.imports import the_operator
from api.db import transaction
from api.queries.consortia import overdue


async def expire(sessions: async_sessionmaker[AsyncSession]) -> int:
    """Expire what is overdue and give back what was held for it; return how many questions there were.

    Each consortium is a commit of its own, begun by locking it as every answer does, so that any number of workers may
    do this at once, and beside the answers.
    """
    async with transaction(sessions) as session:
        operator = await the_operator(session)
        due = await overdue(session, operator)
    expired = 0
    for identity in due:
        async with transaction(sessions) as session:
            expired += await consortia.expire(session, operator, identity)
    return expired
