"""Jobs, events and their streams over HTTP."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, cast
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import suggestions
from api.auth import identify
from api.db import transaction
from api.i18n import Locale, locale_of, say
from api.live import Bell, wait
from api.queries import audit, events, visible
from api.wire.activity import EventOut, HeadOut
from api.wire.jobs import JobOut
from domain.actor import Actor
from domain.kinds import RunState
from domain.message import Message
from domain.records import Event

ENDED = frozenset({RunState.DONE, RunState.FAILED, RunState.CANCELLED})
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Rows a page")]
Last = Annotated[str | None, HeaderParameter(name="Last-Event-ID", description="Where the stream was left")]
NO_STORE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def told(event: Event, locale: Locale) -> EventOut:
    """Return an event with its sentence."""
    plain = events.told(event)
    return EventOut(**plain, title=say(locale, Message(code=event.code, params=event.params)))


@get("/jobs/{identity:uuid}", operation_id="getJob", tags=["jobs"])
async def get_job(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> JobOut:
    """Read a job: how far it is, or what came of it."""
    return JobOut.model_validate(await visible.job(snapshot, actor, identity))


@post("/jobs/{identity:uuid}/cancellation", operation_id="cancelJob", tags=["jobs"], status_code=200)
async def cancel_job(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> JobOut:
    """Cancel a job that has not ended."""
    job = await suggestions.cancel(session, actor, identity)
    await session.refresh(job)
    return JobOut.model_validate(job)


@get("/jobs/{identity:uuid}/events", operation_id="followJob", tags=["jobs"], media_type="text/event-stream")
async def follow_job(
    state: State, request: Request[Any, Any, Any], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> ServerSentEvent:
    """Follow a job: `progress` while it runs, one `done` with the outcome at its end."""
    async with transaction(state.sessions) as session:
        await visible.job(session, actor, identity)
    return ServerSentEvent(_job_stream(state, request, actor, identity), headers=NO_STORE)


async def _job_stream(
    state: State, request: Request[Any, Any, Any], actor: Actor, identity: UUID
) -> AsyncIterator[ServerSentEventMessage]:
    shown = None
    bell: Bell = state.bell
    async with bell.heard() as flag:
        while await still(state, request):
            rang = await wait(flag)
            async with transaction(state.sessions) as session:
                job = JobOut.model_validate(await visible.job(session, actor, identity))
            if job != shown:
                shown = job
                ended = job.state in ENDED
                yield ServerSentEventMessage(
                    event="done" if ended else "progress", data=job.model_dump_json(), id=str(job.tries)
                )
                if ended:
                    return
            elif not rang:
                yield ServerSentEventMessage(data=None, comment="still there")


async def still(state: State, request: Request[Any, Any, Any]) -> bool:
    """Tell whether the reader's session still holds: a stream does not outlive it by more than one heartbeat."""
    cast("dict[str, Any]", request.scope).pop("auth", None)
    return not state.closing and await identify(request) is not None


@get("/events", operation_id="listEvents", tags=["events"])
async def list_events(
    request: Request[Any, Any, Any],
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    after: FromQuery[str | None] = None,
    opportunity: FromQuery[UUID | None] = None,
    consortium: FromQuery[UUID | None] = None,
    limit: Limit = 100,
) -> tuple[EventOut, ...]:
    """List what happened after a position, in the order of commits."""
    rows = await events.after(snapshot, actor, after, opportunity=opportunity, consortium=consortium, limit=limit)
    return tuple(told(row, locale_of(request)) for row in rows)


@get("/events/stream", operation_id="followEvents", tags=["events"], media_type="text/event-stream")
async def follow_events(
    state: State,
    request: Request[Any, Any, Any],
    actor: NamedDependency[Actor],
    last_event_id: Last = None,
    after: FromQuery[str | None] = None,
) -> ServerSentEvent:
    """Follow everything one may see; a reader that names `Last-Event-ID` misses nothing and gets nothing twice."""
    return ServerSentEvent(_event_stream(state, request, actor, last_event_id or after), headers=NO_STORE)


async def _event_stream(
    state: State, request: Request[Any, Any, Any], actor: Actor, last: str | None
) -> AsyncIterator[ServerSentEventMessage]:
    locale = locale_of(request)
    bell: Bell = state.bell
    async with bell.heard() as flag:
        while await still(state, request):
            rang = await wait(flag)
            async with transaction(state.sessions) as session:
                rows = await events.after(session, actor, last)
            for row in rows:
                last = events.position(row)
                data = told(row, locale).model_dump(mode="json")
                yield ServerSentEventMessage(event=row.code, data=json.dumps(data, ensure_ascii=False), id=last)
            if rows:
                flag.set()
            elif not rang:
                yield ServerSentEventMessage(data=None, comment="still there")


@get("/audit/head", operation_id="getAuditHead", tags=["events"])
async def get_audit_head(snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> Response[HeadOut]:
    """Fetch the newest signed head of the audit chain, to keep elsewhere; for the bureau and the operator."""
    found = HeadOut.from_row(await audit.signed_head(snapshot, actor))
    name = f'attachment; filename="lianzhou-head-{found.seq}.json"'
    return Response(found, headers={"Content-Disposition": name, "Cache-Control": "private, no-store"})


HANDLERS = [get_job, cancel_job, follow_job, list_events, follow_events, get_audit_head]
