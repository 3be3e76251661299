"""How the reader is told outside these pages: his channels, what went over them, his calendar."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import channels as actions
from api.conditional import etag
from api.console.forms import Form, Reading, beside
from api.console.page import Reader, back, page
from api.idempotency import TELLS_A_SECRET
from api.queries import actors, calendar, letters, visible
from api.wire.channels import CalendarOut, ChannelIn, ChannelOut, LetterOut, families
from api.zones import SEAT_OF_GOVERNMENT
from domain.errors import Invalid
from domain.kinds import ChannelKind, Rhythm
from domain.records import Channel

HOME = "/notifications"
ZONES = tuple(sorted({"Asia/Shanghai", "UTC", "Asia/Riyadh", "Asia/Dubai", *SEAT_OF_GOVERNMENT.values()}))
"""Zones to choose from: where the city's firms and their projects are."""
FRESH = {
    "kind": "email",
    "zone": "Asia/Shanghai",
    "place": "CN",
    "rhythm": "at_once",
    "digest_hour": "8",
    "active": "on",
}


@get(HOME)
async def list_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], cursor: FromQuery[str | None] = None
) -> Response[Any]:
    """Show the reader's channels, what went over them, and his calendar."""
    return await settings_page(reader, snapshot, cursor=cursor)


async def settings_page(
    reader: Reader,
    session: AsyncSession,
    *,
    cursor: str | None = None,
    typed: Form | None = None,
    refused: Invalid | None = None,
    secret: str | None = None,
) -> Response[Any]:
    """Return the page; `secret` is a calendar's address that is shown this once."""
    rows, kept = await letters.channels(session, reader.actor), await letters.postponed(session, reader.actor)
    sent, following = await letters.log(session, reader.actor, cursor=cursor)
    numbers = await letters.counts(session, reader.actor, sent)
    return page(
        reader,
        "notifications",
        status=422 if refused else 200,
        channels=tuple(ChannelOut.of(row, kept.get(row.id)) for row in rows),
        letters=tuple(LetterOut.of(row, numbers.get(row.id, 0)) for row in sent),
        names={row.id: row.label for row in rows},
        following=following,
        calendar=await calendar.feed_of(session, reader.actor),
        secret=secret,
        **await choices(reader, session, typed or FRESH, refused),
    )


async def choices(reader: Reader, session: AsyncSession, typed: Form, refused: Invalid | None) -> dict[str, Any]:
    """Return what the form of a channel is drawn from."""
    user, _ = await actors.profile(session, reader.actor)
    return {
        "typed": typed,
        "faults": beside(reader.locale, refused) if refused else {},
        "email": user.email,
        "kinds": ChannelKind,
        "rhythms": Rhythm,
        "families": families(),
        "zones": ZONES if typed.get("zone") in ZONES else (*ZONES, typed.get("zone", "")),
    }


@post(HOME)
async def add(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Add a channel, or say beside the field what is wrong."""
    try:
        row = await actions.add(session, reader.actor, wanted(data))
    except Invalid as refused:
        return await settings_page(reader, session, typed=data, refused=refused)
    return back(f"{HOME}#channel-{row.id}", "channel-added")


def wanted(data: Form) -> ChannelIn:
    """Read a channel from its form. Raises Invalid."""
    form = Reading(data)
    return form.wire(
        ChannelIn,
        {
            **{name: data.get(name, "") for name in ("kind", "label", "rhythm", "zone")},
            "place": data.get("place", "") or "CN",
            **{name: form.whole(name) for name in ("digest_hour", "quiet_from", "quiet_to")},
            "address": form.text("address"),
            "families": tuple(name for name in families() if data.get(f"family-{name}")),
            "active": bool(data.get("active")),
        },
    )


def typed_of(row: Channel) -> Mapping[str, str]:
    """Return a channel as somebody would have filled in its form; a chat's address is not told again."""
    typed = {
        name: str(getattr(row, name)) for name in ("kind", "label", "rhythm", "zone", "place", "digest_hour", "version")
    }
    typed |= {name: str(value) for name in ("quiet_from", "quiet_to") if (value := getattr(row, name)) is not None}
    typed |= {f"family-{name}": "on" for name in row.families}
    return typed | ({"active": "on"} if row.active else {})


@get(HOME + "/{identity:uuid}")
async def edit_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Show one channel for change."""
    row = await visible.own_channel(snapshot, reader.actor, identity)
    drawn = await choices(reader, snapshot, typed_of(row), None)
    return page(reader, "channel", row=ChannelOut.of(row), **drawn)


@post(HOME + "/{identity:uuid}")
async def revise(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Change a channel, if it is still the version the form was made from."""
    row = await visible.own_channel(session, reader.actor, identity)
    try:
        version = etag(Reading(data).whole("version") or 0)
        await actions.revise(session, reader.actor, identity, wanted(data), version)
    except Invalid as refused:
        drawn = await choices(reader, session, data, refused)
        return page(reader, "channel", status=422, row=ChannelOut.of(row), **drawn)
    return back(f"{HOME}#channel-{identity}", "revised")


@post(HOME + "/{identity:uuid}/removal")
async def remove(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Remove a channel with its log."""
    await actions.remove(session, reader.actor, identity)
    return back(HOME, "channel-removed")


@post(HOME + "/{identity:uuid}/test")
async def test(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Have a test message sent; the log says what comes of it."""
    await actions.test(session, reader.actor, identity)
    return back(f"{HOME}#letters", "test-asked")


@post(HOME + "/calendar", opt={TELLS_A_SECRET: True})
async def open_calendar(
    state: State, reader: NamedDependency[Reader], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Make a new address for the reader's deadlines, and show it this once."""
    secret, row = await actions.open_calendar(session, reader.actor)
    return await settings_page(reader, session, secret=CalendarOut.of(state.settings.site, secret, row).url)


@post(HOME + "/calendar/removal")
async def close_calendar(reader: NamedDependency[Reader], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """End the reader's calendar."""
    await actions.close_calendar(session, reader.actor)
    return back(f"{HOME}#calendar", "calendar-closed")


HANDLERS = (list_page, add, edit_page, revise, remove, test, open_calendar, close_calendar)
