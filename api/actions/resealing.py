"""Sealing anew what former keys sealed, or what still waits for its first seal: in batches, each a commit of its own.

Where a batch stands follows from the rows alone, so that a run that was killed is continued by the next. Rows that
somebody else has locked are left; the next round finds them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from api import safe
from domain.sealed import ROW_BYTES, WAITING, NotSealedHere, Sealed, row_of, sealed_columns

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Place:
    """One sealed column."""

    table: sa.Table
    column: str
    type: Sealed

    @property
    def name(self) -> str:
        """The column as people say it."""
        return f"{self.table.name}.{self.column}"

    @property
    def identity(self) -> list[str]:
        """The columns of the primary key."""
        return [column.name for column in self.table.primary_key]


def places() -> Iterator[Place]:
    """Yield every sealed column of the schema."""
    for table in SQLModel.metadata.sorted_tables:
        for column, kind in sealed_columns(table):
            yield Place(table, column, kind)


async def behind(session: AsyncSession, header: bytes) -> dict[str, int]:
    """Return how many values of each column do not begin with `header`."""
    counts = {}
    for place in places():
        column = sa.text(
            f"select count(*) from {place.table.name} where substr({place.column}, 1, :size) <> :header"  # noqa: S608
        )
        counts[place.name] = await session.scalar(column, {"size": len(header), "header": header}) or 0
    return counts


async def sealed_by(session: AsyncSession, header: bytes) -> dict[str, int]:
    """Return how many values of each column begin with `header`; no row of theirs is being written meanwhile."""
    counts = {}
    for place in places():
        await session.execute(sa.text(f"lock table {place.table.name} in share mode"))
        found = sa.text(
            f"select count(*) from {place.table.name} where substr({place.column}, 1, :size) = :header"  # noqa: S608
        )
        if count := await session.scalar(found, {"size": len(header), "header": header}):
            counts[place.name] = count
    return counts


async def reseal(session: AsyncSession, place: Place, *, plain: bool = False) -> int:
    """Seal one batch of a column under the newest key, or with `plain` open it; return how many that was.

    Raises SafeClosed, NotSealedHere: what cannot be opened is never written over.
    """
    header = WAITING if plain else safe.safe().ring.newest.header
    keys = ", ".join(place.identity)
    await session.execute(sa.text("select set_config('lianzhou.sealing', 'on', true)"))
    found = await session.execute(
        sa.text(
            f"select {keys}, {place.column} from {place.table.name}"  # noqa: S608
            f" where substr({place.column}, 1, :size) <> :header limit {AT_ONCE} for update skip locked"
        ),
        {"size": len(header), "header": header},
    )
    changes = []
    for *identity, value in found:
        row = row_of(*identity)
        opened = safe.open_sealed(place.type.purpose, value)
        if value[:1] != WAITING:
            if opened[:ROW_BYTES] != row:
                raise NotSealedHere(place.name)
            opened = opened[ROW_BYTES:]
        fresh = WAITING + opened if plain else safe.seal(place.type.purpose, row + opened)
        changes.append({"fresh": fresh, **{f"key_{n}": part for n, part in enumerate(identity)}})
    if changes:
        same = " and ".join(f"{name} = :key_{n}" for n, name in enumerate(place.identity))
        await session.execute(
            sa.text(f"update {place.table.name} set {place.column} = :fresh where {same}"),  # noqa: S608
            changes,
        )
    return len(changes)
