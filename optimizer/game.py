"""A division game: what every group of members could earn alone, and divisions of what all earn together.

Groups are bit masks over the members. Values are whole minor units, so that every comparison here is exact.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import factorial, sqrt

import numpy as np
from ortools.linear_solver import pywraplp

Values = Callable[[int], int]
"""What a group can earn alone, by its mask."""

Blocker = Callable[[Sequence[int]], tuple[int, int]]
"""Finds the group that gains most by leaving a division: its mask and its gain (negative: the least loss)."""

CONFIDENCE = 1.96
"""How many standard errors a sampled figure may be off in 95 of 100 cases."""

EXACT = 12
"""Up to how many members every group is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A division estimated from random orders of arrival, and how far a figure may be off (95 %)."""

    parts: tuple[Fraction, ...]
    error: int


def shapley(members: int, values: Values) -> tuple[Fraction, ...]:
    """Return the Shapley value exactly: what a member adds, on average over all orders of arrival.

    Source: Shapley, *A value for n-person games*, 1953. Takes two to the power of `members` values.

    >>> [str(part) for part in shapley(2, [0, 10, 20, 60].__getitem__)]
    ['25', '35']
    """
    known = [values(mask) for mask in range(1 << members)]
    weights = [factorial(size) * factorial(members - 1 - size) for size in range(members)]
    sums = [0] * members
    for mask, value in enumerate(known):
        size = mask.bit_count()
        inside = weights[size - 1] * value if size else 0
        outside = weights[size] * value if size < members else 0
        for i in range(members):
            sums[i] += inside if mask >> i & 1 else -outside
    return tuple(Fraction(total, factorial(members)) for total in sums)


def sampled_shapley(members: int, values: Values, *, samples: int, seed: int) -> Sampled:
    """Return the Shapley value estimated from random orders, each taken forwards and backwards.

    Source: Castro, Gómez & Tejada, *Polynomial calculation of the Shapley value based on sampling*, 2009. The error is
    that of the member estimated worst, from the spread between pairs of orders. The parts sum exactly to the whole.

    >>> estimate = sampled_shapley(2, [0, 10, 20, 60].__getitem__, samples=4, seed=0)
    >>> [str(part) for part in estimate.parts], estimate.error
    (['25', '35'], 0)

    Raises `ValueError` for fewer than two pairs of orders.
    """
    pairs = samples // 2
    if pairs < 2:
        raise ValueError("at least four orders are needed to tell an error")
    dice = np.random.default_rng(seed)
    known: dict[int, int] = {0: 0}
    sums, squares = [0] * members, [0] * members
    for _ in range(pairs):
        order = [int(i) for i in dice.permutation(members)]
        twice = [0] * members
        for walk in (order, order[::-1]):
            mask = 0
            for i in walk:
                joined = mask | 1 << i
                for group in (mask, joined):
                    if group not in known:
                        known[group] = values(group)
                twice[i] += known[joined] - known[mask]
                mask = joined
        for i, added in enumerate(twice):
            sums[i] += added
            squares[i] += added * added
    spread = max((squares[i] - Fraction(sums[i] ** 2, pairs)) / (pairs - 1) for i in range(members))
    error = CONFIDENCE * sqrt(spread / pairs) / 2
    return Sampled(parts=tuple(Fraction(total, 2 * pairs) for total in sums), error=round(error))


def least_core(
    members: int, total: int, values: Values, blocker: Blocker, *, weights: Sequence[int] | None = None
) -> tuple[Fraction, ...]:
    """Return a division whose greatest complaint is as small as can be; a complaint is what a group would gain alone.

    Source: Maschler, Peleg & Shapley, *Geometric properties of the kernel, nucleolus, and related solution concepts*,
    1979. Groups are brought in one after the other, each the one that complains most. With `weights`, among all
    such divisions the one is sought in which the most and the least that a member gets per weight lie closest: the
    equal profit method of Frisk, Göthe-Lundgren, Jörnsten & Rönnqvist, *Cost allocation in collaborative forest
    transportation*, 2010.

    >>> game = [0, 10, 20, 60].__getitem__
    >>> division = least_core(2, 60, game, lambda parts: loudest(2, game, parts))
    >>> rounded(division)
    (25, 35)
    """
    if members == 1:
        return (Fraction(total),)
    groups = [1 << i for i in range(members)] + [(1 << members) - 1 - (1 << i) for i in range(members)]
    known = {mask: values(mask) for mask in dict.fromkeys(groups)}
    unit = max(1, abs(total), *(abs(value) for value in known.values()))
    dissent = None
    for goal in [None] if weights is None else [None, weights]:
        mask = 0
        while mask not in known:
            known |= {mask: values(mask)} if mask else {}
            parts, complaint = _relaxed(members, total, known, unit, goal, dissent)
            mask, _ = blocker([round(part) for part in parts])
        dissent = complaint
    return _exact(parts, total)


def loudest(members: int, values: Values, parts: Sequence[int]) -> tuple[int, int]:
    """Return the group that gains most by leaving a division, and its gain, by looking at every group.

    >>> loudest(2, [0, 10, 20, 60].__getitem__, (5, 55))
    (1, 5)
    """
    whole = (1 << members) - 1
    sums = [0] * (whole + 1)
    for mask in range(1, whole + 1):
        low = mask & -mask
        sums[mask] = sums[mask ^ low] + parts[low.bit_length() - 1]
    gain, mask = max((values(mask) - sums[mask], -mask) for mask in range(1, whole))
    return -mask, gain


def alike(members: int, values: Values) -> tuple[tuple[int, ...], ...]:
    """Return the classes of members who can take each other's place in every group.

    >>> alike(3, [0, 1, 1, 5, 2, 6, 6, 9].__getitem__)
    ((0, 1), (2,))
    """
    classes: list[list[int]] = []
    for i in range(members):
        for known in classes:
            if _exchangeable(members, values, known[0], i):
                known.append(i)
                break
        else:
            classes.append([i])
    return tuple(map(tuple, classes))


def evened(parts: Sequence[Fraction], classes: Sequence[Sequence[int]]) -> tuple[Fraction, ...]:
    """Give the members of each class the same.

    >>> [str(part) for part in evened((Fraction(1), Fraction(4), Fraction(7)), ((0, 2), (1,)))]
    ['4', '4', '4']
    """
    even = list(parts)
    for members in classes:
        mean = sum((parts[i] for i in members), Fraction(0)) / len(members)
        for i in members:
            even[i] = mean
    return tuple(even)


def rounded(parts: Sequence[Fraction]) -> tuple[int, ...]:
    """Round parts to whole minor units that sum to the same whole, by largest remainder; the earlier wins a tie.

    >>> rounded((Fraction(5, 3), Fraction(5, 3), Fraction(-4, 3)))
    (2, 2, -2)
    """
    floors = [part.__floor__() for part in parts]
    left = round(sum(parts, Fraction(0))) - sum(floors)
    order = sorted(range(len(parts)), key=lambda i: (floors[i] - parts[i], i))
    return tuple(floor + (i in order[:left]) for i, floor in enumerate(floors))


def _exchangeable(members: int, values: Values, a: int, b: int) -> bool:
    others = [i for i in range(members) if i not in (a, b)]
    return all(values(group | 1 << a) == values(group | 1 << b) for group in map(_mask, _subsets(others)))


def _subsets(members: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for size in range(len(members) + 1):
        yield from combinations(members, size)


def _mask(members: Sequence[int]) -> int:
    return sum(1 << i for i in members)


def _relaxed(
    members: int,
    total: int,
    known: dict[int, int],
    unit: int,
    weights: Sequence[int] | None,
    dissent: float | None,
) -> tuple[list[float], float]:
    """Solve the linear program over the groups known so far, in units in which money is near one."""
    solver = pywraplp.Solver.CreateSolver("GLOP")
    far = solver.infinity()
    parts = [solver.NumVar(-far, far, "") for _ in range(members)]
    complaint = solver.NumVar(-far, far if dissent is None else dissent / unit + 1e-9, "")
    solver.Add(sum(parts) == total / unit)
    for mask, value in known.items():
        solver.Add(sum(parts[i] for i in range(members) if mask >> i & 1) + complaint >= value / unit)
    if weights is None:
        solver.Minimize(complaint)
    else:
        high, low = solver.NumVar(-far, far, ""), solver.NumVar(-far, far, "")
        mean = sum(weights) / members
        for part, weight in zip(parts, weights, strict=True):
            solver.Add(part * (mean / weight) <= high)
            solver.Add(part * (mean / weight) >= low)
        solver.Minimize(high - low)
    solver.Solve()
    return [part.solution_value() * unit for part in parts], complaint.solution_value() * unit


def _exact(parts: Sequence[float], total: int) -> tuple[Fraction, ...]:
    """Return the parts as fractions that sum to the total; what floating point lost is spread evenly."""
    exact = [Fraction(part) for part in parts]
    lost = (total - sum(exact, Fraction(0))) / len(exact)
    return tuple(part + lost for part in exact)
