"""What has been kept for its term is deleted; terms stand in `domain/personal.py`."""

import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.personal import UPLOAD_DAYS, UPLOADS, Term, terms

AT_ONCE = 1_000


async def purge(session: AsyncSession, table: str, term: Term) -> int:
    """Delete one batch of rows of a table whose term has run out by the database's clock; return how many."""
    statement = sa.text(
        f"delete from {table} where ctid in (select ctid from {table}"  # noqa: S608 - both are ours
        f" where {term.since} < clock_timestamp() - make_interval(days => :days) and {term.only}"
        f" limit {AT_ONCE} for update skip locked) returning 1"
    )
    return len((await session.execute(statement, {"days": term.days})).all())


def tables() -> dict[str, Term]:
    """Return what is kept for a term, in the order in which it may be deleted."""
    return terms()


def purge_uploads(home: Path, now: float | None = None) -> int:
    """Delete uploaded files that came longer ago than they are kept; return how many."""
    oldest = (time.time() if now is None else now) - UPLOAD_DAYS * 86_400
    gone = 0
    for file in (home / UPLOADS).glob("*"):
        if file.is_file() and file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)
            gone += 1
    return gone
