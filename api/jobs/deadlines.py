"""What falls due by itself, by the database's clock: reminders, questions and amendments whose deadline has passed."""

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import amendments, consortia, negotiation
from api.actions.imports import the_operator
from api.db import transaction
from api.queries import amendments as proposed
from api.queries.consortia import overdue, to_remind
from api.tenancy import Office, doing


async def expire(sessions: async_sessionmaker[AsyncSession]) -> int:
    """Expire what is overdue and give back what was held for it; return how many there were.

    Each consortium is a commit of its own, begun by locking it as every answer does, so that any number of workers may
    do this at once, and beside the answers.
    """
    async with transaction(sessions, doing(Office.WORKER)) as session:
        operator = await the_operator(session)
        dropped = await proposed.overdue(session, operator)
        due = await overdue(session, operator)
    expired = 0
    for identity in dropped:
        async with transaction(sessions, doing(Office.WORKER)) as session:
            expired += await amendments.expire(session, operator, identity)
    for identity in due:
        async with transaction(sessions, doing(Office.WORKER)) as session:
            expired += await consortia.expire(session, operator, identity)
    return expired


async def remind(sessions: async_sessionmaker[AsyncSession]) -> int:
    """Remind whoever has not answered at one half and nine tenths of his time; return how many reminders were given.

    As with `expire`, each consortium is a commit of its own that locks it first: any number of workers may do this at
    once, and each reminder is given once.
    """
    async with transaction(sessions, doing(Office.WORKER)) as session:
        operator = await the_operator(session)
        due = await to_remind(session, operator)
    given = 0
    for identity in due:
        async with transaction(sessions, doing(Office.WORKER)) as session:
            given += await negotiation.remind(session, operator, identity)
    return given
