"""Pictures as coordinates: the chain of a project, and the firms around one firm. A template turns them into SVG.

Boxes are links with names, so that keyboards, screen readers, printers and tests can use the picture; the columns
and their order come from `domain.supply.layers`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from unicodedata import east_asian_width

from domain.supply import layers

BOX, HEIGHT = 168, 48
PITCH, ROW = BOX + 44, HEIGHT + 14
EDGE = 8
WIDEST = 25
"""Half-widths of text that fit a box at 12 px."""

Kind = Literal["lead", "member", "waiting", "gap", "self", "firm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One box: where it stands, what it says, what it leads to."""

    x: int
    y: int
    kind: Kind
    head: str
    text: str
    label: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A curve from one box to another."""

    path: str
    tied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Boxes and arrows on a sheet of the given size."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A node before it has coordinates; `key` names it in the edges."""

    key: str
    kind: Kind
    head: str
    text: str
    href: str


def chain(places: Sequence[Place], follows: Iterable[tuple[str, str]]) -> Picture:
    """Draw places from left to right, each after what it follows.

    >>> picture = chain([Place(key=k, kind="member", head=k, text="", href="#") for k in "ab"], [("a", "b")])
    >>> [(box.head, box.x) for box in picture.boxes], picture.arrows[0].path
    ([('a', 8), ('b', 220)], 'M176 32C198 32 198 32 220 32')
    """
    by_key = {place.key: place for place in places}
    edges = [edge for edge in follows if edge[0] in by_key and edge[1] in by_key]
    return _drawn(layers(edges, by_key), by_key, edges)


def around(centre: Place, upstream: Sequence[Place], downstream: Sequence[Place]) -> Picture:
    """Draw a firm between its suppliers, on the left, and its buyers, on the right."""
    columns = [column for column in (upstream, (centre,), downstream) if column]
    by_key = {place.key: place for column in columns for place in column}
    edges = [(place.key, centre.key) for place in upstream] + [(centre.key, place.key) for place in downstream]
    return _drawn([[place.key for place in column] for column in columns], by_key, edges)


def _drawn(columns: Sequence[Sequence[str]], places: dict[str, Place], edges: Iterable[tuple[str, str]]) -> Picture:
    tallest = max((len(column) for column in columns), default=0)
    boxes: dict[str, Box] = {}
    for number, column in enumerate(columns):
        top = EDGE + (tallest - len(column)) * ROW // 2
        for row, key in enumerate(column):
            place = places[key]
            boxes[key] = Box(
                x=EDGE + number * PITCH,
                y=top + row * ROW,
                kind=place.kind,
                head=clipped(place.head),
                text=clipped(place.text),
                label=f"{place.head} {place.text}".strip(),
                href=place.href,
            )
    return Picture(
        width=2 * EDGE + max(0, len(columns) * PITCH - (PITCH - BOX)),
        height=2 * EDGE + max(0, tallest * ROW - (ROW - HEIGHT)),
        boxes=tuple(boxes.values()),
        arrows=tuple(Arrow(path=_curve(boxes[a], boxes[b])) for a, b in edges),
    )


def _curve(a: Box, b: Box) -> str:
    x1, y1, x2, y2 = a.x + BOX, a.y + HEIGHT // 2, b.x, b.y + HEIGHT // 2
    bend = (x2 - x1) // 2
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"


def clipped(text: str, widest: int = WIDEST) -> str:
    """Return `text`, shortened with an ellipsis where it is wider than a box; Han counts as two.

    >>> clipped("变流升压一体机", 9)
    '变流升压…'
    """
    width = 0
    for at, character in enumerate(text):
        width += 2 if east_asian_width(character) in "WF" else 1
        if width > widest:
            return _cut(text[:at], widest) + "…"
    return text


def _cut(text: str, widest: int) -> str:
    while sum(2 if east_asian_width(character) in "WF" else 1 for character in text) > widest - 1:
        text = text[:-1]
    return text
