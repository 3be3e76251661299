"""Server-sent events: PostgreSQL's notifications wake readers, who read the rows themselves.

One listening connection a process; each reader has its own flag, so that a slow reader misses nothing and holds up
nobody. A notification carries no content: what a reader may see is decided where rows are read.
"""

import asyncio
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import asyncpg
import structlog

from api.db import connect
from api.outbox import EVENT_CHANNEL, JOB_CHANNEL
from api.tenancy import Office

HEARTBEAT = 15.0
"""Seconds after which a silent stream sends a comment, so that proxies and readers see that it lives."""
LOOK = 3.0
"""Seconds after which a stream looks whether its session still holds, and ends where it does not."""
RETRY = 1.0

log = structlog.get_logger()


class Bell:
    """Wakes whoever waits, each time something was committed; reconnects when its connection is lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: WeakSet[asyncio.Event] = WeakSet()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Stop listening and wake everyone a last time."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._ring()

    def flag(self) -> asyncio.Event:
        """Return a flag that is set at every ring, and is set now; the reader clears it before he reads.

        It is forgotten with its reader: one who goes away has nothing to give back.
        """
        flag = asyncio.Event()
        flag.set()
        self._waiting.add(flag)
        return flag

    def _ring(self, *_: object) -> None:
        for flag in tuple(self._waiting):
            flag.set()

    async def _listen(self) -> None:
        while True:
            try:
                await self._until_lost()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as lost:
                log.warning("bell.lost", reason=type(lost).__name__)
            self._ring()
            await asyncio.sleep(RETRY)

    async def _until_lost(self) -> None:
        connection: asyncpg.Connection[Any] = await connect(self._url, role=Office.APP.value)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda *_: lost.set())
        try:
            for channel in (EVENT_CHANNEL, JOB_CHANNEL):
                await connection.add_listener(channel, self._ring)
            self._ring()
            await lost.wait()
        finally:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=2)


async def wait(flag: asyncio.Event, seconds: float = LOOK) -> bool:
    """Wait for a ring, at most `seconds`; tell whether there was one, and clear the flag."""
    try:
        await asyncio.wait_for(flag.wait(), seconds)
    except TimeoutError:
        return False
    flag.clear()
    return True
