"""The seal of history: one chain of hashes over every event; none is edited, removed or slipped in unnoticed.

A leaf is the hash of one event; a link hashes its place, the link before it and its leaf. The first byte of what is
hashed tells leaf and link apart, and every field is written with its length, so that no two histories share a hash
(RFC 9162, section 2.1.1, has the same two precautions). Whoever keeps the newest link, the *head*, elsewhere also
notices a chain that was cut short or computed anew from some point on; the chain alone cannot.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

LEAF, LINK = b"\x00", b"\x01"
NOTHING = b"\xff\xff\xff\xff"
"""Stands for the length of a field that has no value; none is that long."""
GENESIS = sha256(b"lianzhou-audit/1").digest()
HEAD = re.compile(r"(0|[1-9][0-9]{0,17}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest link of a chain, short enough to be kept on paper."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Read what ``str`` has written. Raises ValueError.

        >>> Head.parse(str(START)) == START
        True
        """
        found = HEAD.fullmatch(text.strip().lower())
        if found is None:
            raise ValueError(text)
        return cls(seq=int(found[1]), hash=bytes.fromhex(found[2]))


START = Head(seq=0, hash=GENESIS)
"""What the first link follows."""


class Break(StrEnum):
    """What is wrong where a chain breaks."""

    LINK_MISSING = "link_missing"
    LINK_LOOSE = "link_loose"
    EVENT_MISSING = "event_missing"
    CHANGED = "changed"
    SLIPPED_IN = "slipped_in"
    CUT_SHORT = "cut_short"
    COMPUTED_ANEW = "computed_anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link as it is kept, with the fields of its event as the database writes them; None where it is gone."""

    seq: int
    event_id: int
    previous: bytes
    hash: bytes
    fields: tuple[str | None, ...] | None

    @property
    def head(self) -> Head:
        """This link as the newest one."""
        return Head(seq=self.seq, hash=self.hash)


def leaf(fields: Sequence[str | None]) -> bytes:
    """Return the hash of one event's fields; where a field ends, and that it has no value, counts.

    >>> leaf(["ab", "c"]) == leaf(["a", "bc"]), leaf([""]) == leaf([None])
    (False, False)
    """
    hashed = sha256(LEAF)
    for field in fields:
        text = (field or "").encode()
        hashed.update(NOTHING if field is None else len(text).to_bytes(4, "big") + text)
    return hashed.digest()


def digest(table: str, values: Mapping[str, object]) -> bytes:
    """Return the SHA-256 of what one row says, whatever order its columns come in.

    A moment counts as what it is in UTC, a document by its keys in order.

    >>> digest("seat", {"state": "invited", "edition": 1}) == digest("seat", {"edition": 1, "state": "invited"})
    True
    """
    fields = [table]
    for name in sorted(values):
        fields += [name, _written(values[name])]
    return leaf(fields)


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def follow(before: Head, fields: Sequence[str | None]) -> Head:
    """Return the link of the event with these fields, after the link `before`.

    >>> follow(START, ["1", "opportunity.drafted"]).seq
    1
    """
    seq = before.seq + 1
    return Head(seq=seq, hash=sha256(LINK + seq.to_bytes(8, "big") + before.hash + leaf(fields)).digest())


def broken(before: Head, link: Link) -> Break | None:
    """Tell what is wrong with `link`, which ought to be the one after `before`; None when nothing is.

    >>> from dataclasses import replace
    >>> head = follow(START, ["7"])
    >>> kept = Link(seq=1, event_id=7, previous=GENESIS, hash=head.hash, fields=("7",))
    >>> broken(START, kept), broken(head, kept)
    (None, <Break.LINK_MISSING: 'link_missing'>)
    >>> broken(START, replace(kept, previous=head.hash)), broken(START, replace(kept, fields=None))
    (<Break.LINK_LOOSE: 'link_loose'>, <Break.EVENT_MISSING: 'event_missing'>)
    >>> broken(START, replace(kept, fields=("8",)))
    <Break.CHANGED: 'changed'>
    """
    if link.seq != before.seq + 1:
        return Break.LINK_MISSING
    if link.previous != before.hash:
        return Break.LINK_LOOSE
    if link.fields is None:
        return Break.EVENT_MISSING
    return None if follow(before, link.fields) == link.head else Break.CHANGED
