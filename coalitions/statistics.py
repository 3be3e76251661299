"""Statistics that reveal no firm: fixed tables with margins, in which what could point at one firm is left out.

A number stands for independent firms: those under one controller count once. It is *sensitive* where fewer than
`AT_LEAST` stand behind it, where the second largest could come within `PERCENT` of the largest by taking away its own
(p % rule), or where two hold more than `TOP_TWO` per cent of it. Sensitive numbers are left out; then others, until a
linear program over everything that was ever told finds for each number left out an interval of ±`PERCENT` per cent.

Reports of two dates are no way in: what firms changed in a cell is taken over only when the change itself, as a sum
over those firms, is not sensitive. Until then the cell says what it said. So every difference between two reports is
made of differences that could be told by themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import exp, log

from optimizer import Sum, intervals

AT_LEAST = 5
PERCENT = 15
TOP_TWO = 85
INDEX_AT_LEAST = 10
COUNT_BASE = 5
DIGITS = 3
ALL = "*"
"""In the place of a dimension: all of its values together."""
MARGIN = 1e-6
"""Linear programs are right to so much; an interval that misses its bound by less still holds."""
LOG_STEPS = 1_000_000

Key = tuple[str, ...]
"""A value, or `ALL`, for each dimension."""
Amounts = Mapping[str, int]
"""What each independent firm brings to a cell."""
Cells = Mapping[Key, Amounts]
"""The inner cells of a table, without margins."""
Part = tuple[Key, int]
"""An inner cell, and how often its amounts have been taken over: what it said then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A sum of parts that was told, and between which bounds it lies."""

    parts: frozenset[Part]
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """A sum that was left out: its parts and true total, and whether it is sensitive or was left out for another."""

    parts: frozenset[Part]
    total: int
    sensitive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as it is released: what it shows, and what has to be remembered for the next one.

    In `shown` a number left out is None. `cells` and `versions` are what it was counted from, `known` everything that
    was told so far, `hidden` the sums that were left out so far: none of these is ever told.
    """

    dimensions: tuple[tuple[str, ...], ...]
    shown: Mapping[Key, int | None]
    cells: Cells
    versions: Mapping[Key, int] = field(default_factory=dict)
    known: frozenset[Known] = frozenset()
    hidden: frozenset[Hidden] = frozenset()


def sensitive(amounts: Iterable[int]) -> bool:
    """Tell whether a sum of these amounts, one for each independent firm, says too much about one of them.

    >>> sensitive([10] * 5), sensitive([10] * 4), sensitive([1, 1, 1, 1, 96])
    (False, True, True)
    """
    ordered = sorted((each for each in amounts if each), reverse=True)
    if len(ordered) < AT_LEAST:
        return True
    total = sum(ordered)
    within_reach = 100 * (total - ordered[0] - ordered[1]) < PERCENT * ordered[0]
    return within_reach or 100 * (ordered[0] + ordered[1]) > TOP_TWO * total


def counted(value: int) -> tuple[int, int]:
    """Return a count as it is told, to the nearest five, and how far the truth may lie from it.

    >>> counted(12), counted(13)
    ((10, 2), (15, 2))
    """
    return COUNT_BASE * ((value + COUNT_BASE // 2) // COUNT_BASE), COUNT_BASE // 2


def measured(value: int) -> tuple[int, int]:
    """Return a quantity as it is told, to three digits, and how far the truth may lie from it.

    >>> measured(12_345), measured(987)
    ((12300, 50), (987, 0))
    """
    unit = 10 ** max(0, len(str(value)) - DIGITS)
    return unit * ((value + unit // 2) // unit), unit // 2


ROUNDING = {"count": counted, "quantity": measured}
"""How the numbers of a table are told, by what they are."""


def taken_over(former: Cells, now: Cells) -> dict[Key, Amounts]:
    """Return the cells with those changes that may be told: all of a cell, when their sum is not sensitive, or none.

    >>> five, six = {f"F{n}": 10 for n in range(5)}, {f"F{n}": 10 for n in range(6)}
    >>> taken_over({("a",): five}, {("a",): six}) == {("a",): five}
    True
    """
    cells = {}
    for key in former.keys() | now.keys():
        before, after = former.get(key, {}), now.get(key, {})
        changes = [abs(after.get(firm, 0) - before.get(firm, 0)) for firm in before.keys() | after.keys()]
        cells[key] = before if sensitive(changes) else after
    return cells


def tabulated(
    dimensions: tuple[tuple[str, ...], ...], cells: Cells, measure: str, former: Table | None = None
) -> Table:
    """Return the table of `cells` with its margins, in which nothing shown, alone or with what was told before, says
    too much about a firm.

    Values of dimensions are fixed by the caller, so that a cell without a firm is left out like any other.
    """
    wider = tuple(
        tuple(sorted({*mine, *before}))
        for mine, before in zip(dimensions, former.dimensions if former else ((),) * len(dimensions), strict=True)
    )
    taken = taken_over(former.cells, cells) if former else dict(cells)
    versions = {
        key: (former.versions.get(key, 0) + (taken[key] != former.cells.get(key, {}))) if former else 0 for key in taken
    }
    making = _Making(dimensions=wider, cells=taken, versions=versions, measure=measure, former=former)
    return making.made()


def exposed(table: Table) -> tuple[Hidden, ...]:
    """Return the sums left out that everything told so far narrows to less than ±15 %: there must be none."""
    return _narrowed(table.known, table.hidden)


def price_index(before: Mapping[str, int], now: Mapping[str, int]) -> int | None:
    """Return how prices have moved, in per cent of what they were: the geometric mean over ten firms or more, or None.

    Where some have moved, so many must have that nobody's move can be told from the mean.

    >>> firms = [f"F{n}" for n in range(10)]
    >>> price_index(dict.fromkeys(firms, 100), dict.fromkeys(firms, 110))
    110
    """
    firms = sorted(firm for firm in before.keys() & now.keys() if before[firm] and now[firm])
    if len(firms) < INDEX_AT_LEAST:
        return None
    moves = [log(now[firm] / before[firm]) for firm in firms]
    if any(moves) and sensitive(round(LOG_STEPS * abs(move)) for move in moves):
        return None
    return round(100 * exp(sum(moves) / len(moves)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Making:
    """A table under way: the numbers it could show, and which of them it had better not."""

    dimensions: tuple[tuple[str, ...], ...]
    cells: Cells
    versions: Mapping[Key, int]
    measure: str
    former: Table | None

    def made(self) -> Table:
        keys = list(product(*((*values, ALL) for values in self.dimensions)))
        inner = list(product(*self.dimensions))
        parts = {
            key: frozenset((cell, self.versions.get(cell, 0)) for cell in inner if _within(cell, key)) for key in keys
        }
        totals = {key: self._total(parts[key]) for key in keys}
        left_out = {key for key in keys if sensitive(totals[key].values())}
        sums = {key: sum(totals[key].values()) for key in keys}
        pointing = frozenset(parts[key] for key in left_out)
        known, hidden = self._told(sums, parts, left_out, pointing)
        while narrowed := _narrowed(known, hidden):
            urgent = [each for each in narrowed if each.sensitive or not self.former]
            free = [key for key in keys if key not in left_out and parts[key] not in self._before]
            if not urgent or not free:
                hidden -= {each for each in narrowed if not each.sensitive}
                break
            left_out.add(_complement(urgent[0], sums, parts, free))
            known, hidden = self._told(sums, parts, left_out, pointing)
        rounding = ROUNDING[self.measure]
        return Table(
            dimensions=self.dimensions,
            shown={key: None if key in left_out else rounding(sums[key])[0] for key in keys},
            cells=self.cells,
            versions=self.versions,
            known=known,
            hidden=hidden,
        )

    def _total(self, parts: Iterable[Part]) -> dict[str, int]:
        total: dict[str, int] = {}
        for cell, _ in parts:
            for firm, amount in self.cells.get(cell, {}).items():
                total[firm] = total.get(firm, 0) + amount
        return total

    @property
    def _before(self) -> frozenset[frozenset[Part]]:
        """What was told before: to leave it out now would hide nothing."""
        return frozenset(each.parts for each in self.former.known) if self.former else frozenset()

    def _told(
        self,
        sums: Mapping[Key, int],
        parts: Mapping[Key, frozenset[Part]],
        left_out: set[Key],
        pointing: frozenset[frozenset[Part]],
    ) -> tuple[frozenset[Known], frozenset[Hidden]]:
        """Return everything that is told, and everything that is not, with this table and before it."""
        known, hidden = (set(self.former.known), set(self.former.hidden)) if self.former else (set(), set())
        for key, total in sums.items():
            if key not in left_out:
                told, off = ROUNDING[self.measure](total)
                known.add(Known(parts=parts[key], low=max(0, told - off), high=told + off))
            elif total:
                hidden.add(Hidden(parts=parts[key], total=total, sensitive=parts[key] in pointing))
        return frozenset(known), frozenset(hidden)


def _complement(
    target: Hidden, sums: Mapping[Key, int], parts: Mapping[Key, frozenset[Part]], free: Iterable[Key]
) -> Key:
    """Choose what else to leave out so that `target` is known less well: in its own rows first, the smallest first."""
    mine = next((key for key, each in parts.items() if each == target.parts), ())

    def cost(key: Key) -> tuple[bool, int, int, Key]:
        differing = sum(a != b for a, b in zip(key, mine, strict=False))
        return not sums[key], abs(differing - 1), sums[key], key

    return min(free, key=cost)


def _within(cell: Key, key: Key) -> bool:
    return all(mine in (ALL, value) for value, mine in zip(cell, key, strict=True))


def _narrowed(known: frozenset[Known], hidden: frozenset[Hidden]) -> tuple[Hidden, ...]:
    """Return the sums of `hidden` that `known` narrows to less than they must be open, the smallest first."""
    targets = sorted(hidden, key=lambda each: (len(each.parts), sorted(each.parts), each.total))
    told = sorted(known, key=lambda each: (sorted(each.parts), each.low))
    places: dict[Part, int] = {}
    for parts in (*(each.parts for each in told), *(each.parts for each in targets)):
        for part in sorted(parts):
            places.setdefault(part, len(places))
    sums = [Sum(columns=tuple(places[part] for part in sorted(k.parts)), low=k.low, high=k.high) for k in told]
    found = intervals(len(places), sums, [[places[part] for part in sorted(each.parts)] for each in targets])
    return tuple(
        each
        for each, (low, high) in zip(targets, found, strict=True)
        if low > each.total * (1 - PERCENT / 100 + MARGIN) or high < each.total * (1 + PERCENT / 100 - MARGIN)
    )
