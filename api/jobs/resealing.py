"""What still waits for its seal, or has one of a former key, is sealed under the newest: by workers, or at once."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import resealing
from api.db import transaction
from api.tenancy import Office, doing

Told = Callable[[str, int], None]


async def reseal(sessions: async_sessionmaker[AsyncSession], *, plain: bool = False, told: Told | None = None) -> int:
    """Seal everything under the newest key, a batch a commit; return how many values that were.

    With `plain` everything is opened instead, as a step back to a schema without seals needs it. `told` hears of every
    batch: the column and how many values are done. Raises SafeClosed, NotSealedHere.
    """
    done = 0
    for place in resealing.places():
        batch = resealing.AT_ONCE
        while batch:
            # a step back is the operator's own work, on a schema that may have no offices any more
            async with transaction(sessions, None if plain else doing(Office.KEEPER)) as session:
                batch = await resealing.reseal(session, place, plain=plain)
            done += batch
            if batch and told is not None:
                told(place.name, done)
    return done
