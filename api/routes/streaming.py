"""Server-sent events: what each kind of stream reads, and when it ends.

A stream is an iterator with its state in plain fields, not a generator: a browser may leave at any await, and what is
left of an iterator needs no closing, while a generator abandoned half-way is closed later, by whoever collects it.
"""

import json
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Any, Self, cast
from uuid import UUID

from litestar import Request
from litestar.datastructures import State
from litestar.response import ServerSentEventMessage, Stream
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import identify
from api.db import transaction
from api.i18n import Locale, locale_of, say
from api.live import HEARTBEAT, wait
from api.queries import events, visible
from api.tenancy import acting
from api.wire.activity import EventOut
from api.wire.jobs import JobOut
from domain.actor import Actor
from domain.kinds import RunState
from domain.message import Message
from domain.records import Event

ENDED = frozenset({RunState.DONE, RunState.FAILED, RunState.CANCELLED})
NO_STORE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
AnyRequest = Request[Any, Any, Any]


def streamed(following: "Following") -> Stream:
    """Answer with a stream that no proxy keeps or holds back."""
    return Stream(following, media_type="text/event-stream", headers=NO_STORE)


def told(event: Event, locale: Locale) -> EventOut:
    """Return an event with its sentence."""
    plain = events.told(event)
    return EventOut(**plain, title=say(locale, Message(code=event.code, params=event.params)))


class Following(ABC):
    """What one reader follows: read anew at every ring, said once, and over when his session is.

    Whether the session still holds is looked up before anything is read for him, and every few seconds besides.
    """

    def __init__(self, state: State, request: AnyRequest, actor: Actor) -> None:
        self.actor = actor
        self._state, self._request = state, request
        self._flag = state.bell.flag()
        self._ready: deque[ServerSentEventMessage] = deque()
        self._spoke = time.monotonic()

    def __aiter__(self) -> Self:
        """Be one's own iterator."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next message, encoded; wait for it where there is none."""
        while not self._ready:
            if self.over:
                raise StopAsyncIteration
            await wait(self._flag)
            if not await self._still():
                raise StopAsyncIteration
            async with transaction(self._state.sessions, acting(self.actor)) as session:
                self._ready.extend(await self.read(session))
            if self._ready:
                self._flag.set()  # there may be more than one reading holds
            elif time.monotonic() - self._spoke >= HEARTBEAT:
                self._ready.append(ServerSentEventMessage(data=None, comment="still there"))
        self._spoke = time.monotonic()
        return self._ready.popleft().encode()

    @property
    def over(self) -> bool:
        """Whether everything has been said."""
        return False

    @abstractmethod
    async def read(self, session: AsyncSession) -> list[ServerSentEventMessage]:
        """Return what is new."""

    async def _still(self) -> bool:
        cast("dict[str, Any]", self._request.scope).pop("auth", None)
        return not self._state.closing and await identify(self._request) is not None


class Job(Following):
    """A job: `progress` while it runs, one `done` with the outcome at its end."""

    def __init__(self, state: State, request: AnyRequest, actor: Actor, identity: UUID) -> None:
        super().__init__(state, request, actor)
        self._identity = identity
        self._shown: JobOut | None = None

    @property
    def over(self) -> bool:
        """Whether the job's end was told."""
        return self._shown is not None and self._shown.state in ENDED

    async def read(self, session: AsyncSession) -> list[ServerSentEventMessage]:
        """Return the job where it has changed."""
        job = JobOut.model_validate(await visible.job(session, self.actor, self._identity))
        if job == self._shown:
            return []
        self._shown = job
        name = "done" if self.over else "progress"
        return [ServerSentEventMessage(event=name, data=job.model_dump_json(), id=str(job.tries))]


class Happenings(Following):
    """Everything the reader may see that follows a position, in commit order."""

    def __init__(self, state: State, request: AnyRequest, actor: Actor, last: str | None) -> None:
        super().__init__(state, request, actor)
        self._last = last
        self._locale = locale_of(request)

    async def read(self, session: AsyncSession) -> list[ServerSentEventMessage]:
        """Return the next events."""
        rows = await events.after(session, self.actor, self._last)
        if rows:
            self._last = events.position(rows[-1])
        return [self._message(row) for row in rows]

    def _message(self, row: Event) -> ServerSentEventMessage:
        data = told(row, self._locale).model_dump(mode="json")
        return ServerSentEventMessage(
            event=row.code, data=json.dumps(data, ensure_ascii=False), id=events.position(row)
        )
