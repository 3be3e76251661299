"""What waits for whoever asks, and how he is told outside these pages: obligations, channels, letters, calendar."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import channels as actions
from api.actions.auth import digest
from api.conditional import ETAG, IF_MATCH, etag
from api.i18n import DEFAULT, locale_of, supported
from api.idempotency import TELLS_A_SECRET
from api.papers.calendar import MEDIA_TYPE, deadlines
from api.queries import calendar, consortia, letters, obligations
from api.tenancy import acting, become
from api.wire.base import Page
from api.wire.channels import CalendarOut, ChannelIn, ChannelOut, LetterOut, ObligationOut, ObligationsOut
from domain.actor import Actor
from domain.errors import NotFound

TAGS = ["inbox"]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Rows a page")]


@get("/obligations", operation_id="listObligations", tags=TAGS)
async def list_obligations(
    request: Request[Any, Any, Any],
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ObligationsOut:
    """List everything that is open for whoever asks, the first to fall due first."""
    whole = await obligations.listed(snapshot, actor)
    shown, following = obligations.page(whole, cursor, limit)
    items = tuple(ObligationOut.of(each, locale_of(request)) for each in shown)
    return ObligationsOut(items=items, total=len(whole), next=following)


@get("/channels", operation_id="listChannels", tags=TAGS)
async def list_channels(snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> Page[ChannelOut]:
    """List one's own ways of being told."""
    rows, kept = await letters.channels(snapshot, actor), await letters.postponed(snapshot, actor)
    return Page[ChannelOut](items=tuple(ChannelOut.of(row, kept.get(row.id)) for row in rows))


@post("/channels", operation_id="addChannel", tags=TAGS)
async def add_channel(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[ChannelIn]
) -> Response[ChannelOut]:
    """Add a way of being told: e-mail to one's own address, or a chat."""
    row = await actions.add(session, actor, data)
    return Response(ChannelOut.of(row), headers={ETAG: etag(row.version)})


@put("/channels/{identity:uuid}", operation_id="reviseChannel", tags=TAGS)
async def revise_channel(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[ChannelIn],
) -> Response[ChannelOut]:
    """Replace what one is told over a channel and when; a chat's address stays where none is given."""
    row = await actions.revise(session, actor, identity, data, request.headers.get(IF_MATCH))
    return Response(ChannelOut.of(row), headers={ETAG: etag(row.version)})


@delete("/channels/{identity:uuid}", operation_id="removeChannel", tags=TAGS)
async def remove_channel(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> None:
    """Remove a channel with its log."""
    await actions.remove(session, actor, identity)


@post("/channels/{identity:uuid}/test", operation_id="testChannel", tags=TAGS, status_code=202)
async def test_channel(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> LetterOut:
    """Have a test message sent; the log says what came of it."""
    return LetterOut.of(await actions.test(session, actor, identity), 0)


@get("/letters", operation_id="listLetters", tags=TAGS)
async def list_letters(
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    channel: FromQuery[UUID | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> Page[LetterOut]:
    """List what was sent, or is being sent, over one's own channels, newest first."""
    rows, following = await letters.log(snapshot, actor, channel=channel, cursor=cursor, limit=limit)
    numbers = await letters.counts(snapshot, actor, rows)
    return Page[LetterOut](items=tuple(LetterOut.of(row, numbers.get(row.id, 0)) for row in rows), next=following)


@post("/calendar", operation_id="openCalendar", tags=TAGS, opt={TELLS_A_SECRET: True})
async def open_calendar(
    state: State, session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> CalendarOut:
    """Give one's deadlines a new secret address, shown this once; a former one opens nothing any more."""
    secret, row = await actions.open_calendar(session, actor)
    return CalendarOut.of(state.settings.site, secret, row)


@delete("/calendar", operation_id="closeCalendar", tags=TAGS)
async def close_calendar(session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> None:
    """End one's calendar: its address opens nothing any more."""
    await actions.close_calendar(session, actor)


@get("/calendar/{secret:str}/deadlines.ics", include_in_schema=False, media_type=MEDIA_TYPE)
async def read_calendar(
    state: State, snapshot: NamedDependency[AsyncSession], secret: FromPath[str]
) -> Response[bytes]:
    """Give the deadlines behind a secret address, to whoever has it. Raises NotFound."""
    found = await calendar.owner(snapshot, digest(secret))
    if found is None:
        raise NotFound(noun="calendar_feed")
    actor, locale = found[0], supported(found[1]) or DEFAULT
    await become(snapshot, acting(actor))
    whole, now = await obligations.listed(snapshot, actor), await consortia.clock(snapshot)
    content = deadlines(whole, now, locale, state.settings.site)
    return Response(content, media_type=MEDIA_TYPE, headers={"Cache-Control": "private, max-age=300"})


HANDLERS = [
    list_obligations, list_channels, add_channel, revise_channel, remove_channel, test_channel, list_letters,
    open_calendar, close_calendar,
]  # fmt: skip
OPEN = [read_calendar]
"""Outside the interface: programs that keep calendars read it, by an address alone."""
