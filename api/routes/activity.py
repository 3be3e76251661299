"""Jobs, events and their streams over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, QueryParameter
from litestar.response import Stream
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import suggestions
from api.auth import UNATTENDED
from api.db import transaction
from api.files import FILE
from api.i18n import Locale, locale_of
from api.limits import FewStreams
from api.queries import audit, events, visible
from api.routes.streaming import Happenings, Job, streamed, told
from api.spreadsheets import attachment
from api.tenancy import acting
from api.wire.activity import EventOut, HeadOut
from api.wire.base import Page
from api.wire.jobs import JobOut
from domain.actor import Actor
from domain.records import Event

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Rows a page")]
Last = Annotated[str | None, HeaderParameter(name="Last-Event-ID", description="Where the stream was left")]


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


@get(
    "/jobs/{identity:uuid}/events",
    operation_id="followJob",
    tags=["jobs"],
    media_type="text/event-stream",
    opt={UNATTENDED: True},
    middleware=[FewStreams()],
)
async def follow_job(
    state: State, request: Request[Any, Any, Any], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> Stream:
    """Follow a job: `progress` while it runs, one `done` with the outcome at its end."""
    async with transaction(state.sessions, acting(actor)) as session:
        await visible.job(session, actor, identity)
    return streamed(Job(state, request, actor, identity))


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


@get(
    "/events/stream",
    operation_id="followEvents",
    tags=["events"],
    media_type="text/event-stream",
    opt={UNATTENDED: True},
    middleware=[FewStreams()],
)
async def follow_events(
    state: State,
    request: Request[Any, Any, Any],
    actor: NamedDependency[Actor],
    last_event_id: Last = None,
    after: FromQuery[str | None] = None,
) -> Stream:
    """Follow everything one may see; a reader that names `Last-Event-ID` misses nothing and gets nothing twice."""
    return streamed(Happenings(state, request, actor, last_event_id or after))


@get("/opportunities/{identity:uuid}/activity", operation_id="listOpportunityActivity", tags=["events"])
async def opportunity_activity(
    request: Request[Any, Any, Any],
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> Page[EventOut]:
    """List what happened to a project, as far as one may see it, newest first."""
    row = await visible.opportunity(snapshot, actor, identity)
    rows = await events.latest(snapshot, actor, opportunity=row.id, before=cursor, limit=limit + 1)
    return newest(rows, limit, locale_of(request))


@get("/audit/head", operation_id="getAuditHead", opt={FILE: True}, tags=["events"])
async def get_audit_head(snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> Response[HeadOut]:
    """Fetch the newest signed head of the audit chain, to keep elsewhere; for the bureau and the operator."""
    found = HeadOut.from_row(await audit.signed_head(snapshot, actor))
    name = attachment(f"lianzhou-head-{found.seq}.json")
    return Response(found, headers={"Content-Disposition": name, "Cache-Control": "private, no-store"})


@get("/consortia/{identity:uuid}/activity", operation_id="listConsortiumActivity", tags=["events"])
async def consortium_activity(
    request: Request[Any, Any, Any],
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> Page[EventOut]:
    """List what happened in a consortium, as far as one may see it, newest first."""
    row = await visible.consortium(snapshot, actor, identity)
    rows = await events.latest(snapshot, actor, consortium=row.id, before=cursor, limit=limit + 1)
    return newest(rows, limit, locale_of(request))


def newest(rows: list[Event], limit: int, locale: Locale) -> Page[EventOut]:
    """Return up to `limit` of `rows` as a page; one row more than that says that another page follows."""
    following = events.position(rows[limit - 1]) if len(rows) > limit else None
    return Page[EventOut](items=tuple(told(row, locale) for row in rows[:limit]), next=following)


HANDLERS = [
    get_job, cancel_job, follow_job, list_events, follow_events, get_audit_head, opportunity_activity,
    consortium_activity,
]  # fmt: skip
