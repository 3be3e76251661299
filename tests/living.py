"""An application that lives for a while, its start and end in one task, as its cancel scopes want it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar


@asynccontextmanager
async def living(app: Litestar) -> AsyncIterator[Litestar]:
    """Start `app`, yield it, and end it; a start that fails is raised here."""
    started, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await stop.wait()

    life = asyncio.create_task(live())
    await asyncio.wait({life, asyncio.create_task(started.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        await life
    try:
        yield app
    finally:
        stop.set()
        await life
