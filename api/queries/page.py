"""Cursor pages: newest first, stable while rows are added."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Select

from domain.errors import Fault, Invalid

Row = TypeVar("Row", bound=Any)

LARGEST = 200


def cursor_of(row: Any) -> str:
    """Return the opaque cursor that continues after `row`."""
    return urlsafe_b64encode(f"{row.created_at.isoformat()}|{row.id}".encode()).decode()


def _position(cursor: str) -> tuple[datetime, UUID]:
    try:
        moment, identity = urlsafe_b64decode(cursor.encode()).decode().split("|")
        return datetime.fromisoformat(moment), UUID(identity)
    except ValueError as broken:
        raise Invalid((Fault(where="$.cursor", code="cursor"),)) from broken


async def page(
    session: AsyncSession, statement: Select[Row], cursor: str | None, limit: int
) -> tuple[list[Row], str | None]:
    """Return up to `limit` rows of `statement`, newest first, and the cursor of the next page, if there is one.

    Raises Invalid when the cursor is not one of ours.
    """
    entity = statement.column_descriptions[0]["entity"]
    if cursor:
        statement = statement.where(sa.tuple_(entity.created_at, entity.id) < sa.tuple_(*_position(cursor)))
    ordered = statement.order_by(entity.created_at.desc(), entity.id.desc()).limit(limit + 1)
    rows = list((await session.execute(ordered)).scalars())
    return rows[:limit], cursor_of(rows[limit - 1]) if len(rows) > limit else None
