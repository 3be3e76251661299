"""What waits for the reader on one page, and what happened to a project or a consortium."""

from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from api.console.home import feed
from api.console.page import Reader, page
from api.queries import obligations, visible

SHOWN = 50


@get("/inbox")
async def inbox_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], cursor: FromQuery[str | None] = None
) -> Response[Any]:
    """Show everything that is open, the first to fall due first, each a link to where it is done."""
    whole = await obligations.listed(snapshot, reader.actor)
    shown, following = obligations.page(whole, cursor, SHOWN)
    return page(reader, "inbox", items=shown, following=following, total=len(whole))


@get("/opportunities/{identity:uuid}/activity")
async def project_activity(
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show what happened to a project, as far as the reader may see it, newest first."""
    row = await visible.opportunity(snapshot, reader.actor, identity)
    found = await feed(snapshot, reader.actor, opportunity=identity, before=cursor, limit=SHOWN + 1)
    return activity_page(reader, row.title, f"/opportunities/{identity}", found)


@get("/consortia/{identity:uuid}/activity")
async def consortium_activity(
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show what happened in a consortium, as far as the reader may see it, newest first."""
    row = await visible.consortium(snapshot, reader.actor, identity)
    found = await feed(snapshot, reader.actor, consortium=identity, before=cursor, limit=SHOWN + 1)
    return activity_page(reader, row.name, f"/consortia/{identity}", found)


def activity_page(reader: Reader, name: str, parent: str, found: tuple[dict[str, Any], ...]) -> Response[Any]:
    """Show a page of what happened; one more than a page says that another follows."""
    following = found[SHOWN - 1]["position"] if len(found) > SHOWN else None
    return page(reader, "activity", name=name, parent=parent, items=found[:SHOWN], following=following)


HANDLERS = (inbox_page, project_activity, consortium_activity)
