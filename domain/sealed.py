"""Columns that are sealed at rest: what a table holds can be read by nobody who has the table alone.

The shell says who seals (`Sealing.by`); here stands only what is sealed, and that a value belongs to its row. A sealed
value names its row inside and its column outside, so that one that was moved to another row or column is refused when
it is read. SQL sees bytes: nothing may be compared, summed or constrained there but being absent.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_committed_value

ROW_BYTES = 16
Sealer = Callable[[str, bytes], bytes]


class NotSealedHere(Exception):
    """A sealed value stands in another row than the one it was sealed for."""


class Unbound(TypeError):
    """A value was to be sealed for no row; rows are written as records, never by a bare statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """Who seals and opens; the shell sets it once for the process."""

    seal: Sealer
    open_sealed: Sealer
    by: ClassVar["Sealing | None"] = None

    @classmethod
    def told(cls) -> "Sealing":
        """Return who seals. Raises RuntimeError before the shell has said so."""
        if cls.by is None:
            raise RuntimeError("nobody seals yet")
        return cls.by


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A value on its way to or from its column, with the row that it belongs to."""

    value: Any
    row: bytes | None


class Sealed(sa.TypeDecorator[Any]):
    """A column of texts, whole numbers, bytes or documents that the database holds as sealed bytes."""

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(self, purpose: str, kind: type = str) -> None:
        super().__init__()
        self.purpose, self.kind = purpose, kind

    def process_bind_param(self, value: Any, dialect: Any) -> bytes | None:
        """Seal a value for its row. Raises Unbound for one without."""
        if value is None:
            return None
        if not isinstance(value, Kept) or value.row is None:
            raise Unbound(self.purpose)
        return self.sealed(value.value, value.row)

    def sealed(self, value: Any, row: bytes) -> bytes:
        """Return a value as its column holds it in the row known as `row`."""
        return Sealing.told().seal(self.purpose, row + _written(value, self.kind))

    def process_result_value(self, value: bytes | None, dialect: Any) -> Any:
        """Open what the column holds; the row that reads it checks that it is its own."""
        return None if value is None else self.opened(value)

    def opened(self, value: bytes) -> Kept:
        """Open a value and say for which row it was sealed; a value that still waits to be sealed names none."""
        plain = Sealing.told().open_sealed(self.purpose, value)
        if value[:1] == WAITING:
            return Kept(value=_read(plain, self.kind), row=None)
        return Kept(value=_read(plain[ROW_BYTES:], self.kind), row=plain[:ROW_BYTES])

    def compare_values(self, x: Any, y: Any) -> bool:
        """Tell whether two values say the same, wherever they stand."""
        return bool(_bare(x) == _bare(y))


WAITING = b"\x00"
"""How a value begins that was written before there was a key; it is sealed as soon as a worker comes by."""


def waiting(value: Any, kind: type) -> bytes:
    """Return a value as a column holds it that still waits to be sealed; migrations write it so.

    >>> waiting(258, int), waiting("a", str)
    (b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01\\x02', b'\\x00a')
    """
    return WAITING + _written(value, kind)


def row_of(*identity: Any) -> bytes:
    """Return the mark by which a sealed value knows its row, from the row's primary key."""
    return blake2b("\0".join(map(str, identity)).encode(), digest_size=ROW_BYTES).digest()


def sealed_columns(table: sa.Table) -> Iterator[tuple[str, Sealed]]:
    """Yield the sealed columns of a table."""
    for column in table.columns:
        if isinstance(column.type, Sealed):
            yield column.name, column.type


def bind_rows(base: type) -> None:
    """Let every record below `base` bind what it seals to itself, and refuse what was sealed for another row."""
    for moment in ("before_insert", "before_update"):
        event.listen(base, moment, _bind, propagate=True)
    for moment in ("after_insert", "after_update"):
        event.listen(base, moment, _unbind, propagate=True)
    event.listen(base, "load", lambda target, _context: _check(target), propagate=True)
    event.listen(base, "refresh", lambda target, _context, _names: _check(target), propagate=True)


def _names(target: Any) -> list[str]:
    return [name for name, _ in sealed_columns(target.__table__)]


def _identity(target: Any) -> bytes:
    return row_of(*(target.__dict__[column.name] for column in target.__table__.primary_key))


def _bind(_mapper: Mapper[Any], _connection: Any, target: Any) -> None:
    for name in _names(target):
        value = target.__dict__.get(name)
        if value is not None:
            setattr(target, name, Kept(value=_bare(value), row=_identity(target)))


def _unbind(_mapper: Mapper[Any], _connection: Any, target: Any) -> None:
    state = sa.inspect(target)
    for name in _names(target):
        state.dict[name] = _bare(state.dict.get(name))  # what it said before stays known until the flush has ended


def _check(target: Any) -> None:
    for name in _names(target):
        value = target.__dict__.get(name)
        if isinstance(value, Kept):
            if value.row not in (None, _identity(target)):
                raise NotSealedHere(f"{target.__tablename__}.{name}")
            set_committed_value(target, name, value.value)


def _bare(value: Any) -> Any:
    return value.value if isinstance(value, Kept) else value


def _written(value: Any, kind: type) -> bytes:
    if kind is int:
        return int(value).to_bytes(8)  # none of ours is below zero, and one that is has no such form
    if kind is bytes:
        return bytes(value)
    text = value if kind is str else json.dumps(value, ensure_ascii=False, allow_nan=False)
    return str(text).encode()


def _read(plain: bytes, kind: type) -> Any:
    if kind is int:
        return int.from_bytes(plain)
    if kind is bytes:
        return plain
    return plain.decode() if kind is str else json.loads(plain)
