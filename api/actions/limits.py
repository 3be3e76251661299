"""Counting what is limited, in the database, so that every process counts the same."""

from collections.abc import Mapping
from math import ceil
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import limits
from domain.errors import Fault, Invalid, TooMany
from domain.limits import DAY, LIMITS
from domain.records import Quota, RequestCount

WAIT_FOR_WORK = 30
"""Seconds after which whoever has too much work under way may look again; how long it takes nobody knows."""


class TooMuchUnderWay(TooMany):
    """The organisation has as much work under way or waiting as it may have."""

    code = "too-much-under-way"


class TooManyStreams(TooMany):
    """The person follows as many streams as he may at one time."""

    code = "too-many-streams"


class TooManyFiles(TooMany):
    """The organisation has brought in as many files within a day as it may."""

    code = "too-many-files"


async def count_request(session: AsyncSession, who: Mapping[str, str]) -> int:
    """Count a request for each limit and whoever it is counted for; return the seconds to wait, 0 when it may pass.

    A count that is lost in a crash harms nobody, so it waits for no disk.
    """
    await session.execute(sa.text("set local synchronous_commit = off"))
    now, wait = sa.func.clock_timestamp(), 0
    for name, identity in sorted(who.items()):
        limit = LIMITS[name]
        span = sa.func.make_interval(0, 0, 0, 0, 0, 0, limit.seconds)
        over = col(RequestCount.since) < now - span
        counted = (
            insert(RequestCount)
            .values(key=f"{name}:{identity}", count=1)
            .on_conflict_do_update(
                index_elements=["key"],
                set_={
                    "count": sa.case((over, 1), else_=RequestCount.count + 1),
                    "since": sa.case((over, now), else_=RequestCount.since),
                },
            )
            .returning(
                col(RequestCount.count),
                sa.extract("epoch", col(RequestCount.since) + span - now),
                sa.func.allowed(name, limit.most),
            )
        )
        count, seconds, most = (await session.execute(counted)).one()
        if count > most:
            wait = max(wait, ceil(seconds), 1)
    return wait


async def room_for_job(session: AsyncSession, organisation: UUID) -> None:
    """Let one more piece of the optimizer's work be queued for an organisation. Raises TooMuchUnderWay."""
    under_way, most = await limits.under_way(session, organisation)
    if under_way >= most:
        raise TooMuchUnderWay(seconds=WAIT_FOR_WORK, most=most)


async def room_for_file(session: AsyncSession, organisation: UUID) -> None:
    """Let an organisation bring in one more file today. Raises TooManyFiles."""
    brought, most = await limits.imported(session, organisation)
    if brought >= most:
        raise TooManyFiles(seconds=DAY // most if most else DAY, most=most)


async def state_limit(session: AsyncSession, name: str, most: int | None) -> None:
    """State how many of `name` there may be in this deployment; None goes back to the usual figure. Raises Invalid."""
    if name not in LIMITS:
        raise Invalid((Fault(where="name", code="limit-unknown", params={"known": ", ".join(LIMITS)}),))
    if most is None:
        await session.execute(sa.delete(Quota).where(col(Quota.name) == name))
        return
    await session.execute(
        insert(Quota).values(name=name, most=most).on_conflict_do_update(index_elements=["name"], set_={"most": most})
    )
