"""Wide problems, in which firms could serve many packages each: assignment and facility location.

There the firms are few and the offers many. Kernels are short lists of offers for each package; further ones free all
packages that a few firms near each other serve, and leave the rest of the plan as it is (large neighbourhood search:
Shaw 1998; for facility location compare Guastaroba & Speranza 2014).
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from optimizer.bound import Bound, best_of_packages
from optimizer.linear import Flags, Floats, Linear, Places

WIDE = 6
"""From how many offers for each firm a problem counts as wide."""

OPENED, START_OPENED = 1.6, 3
"""How many firms a location kernel has: so many times those that the linear program opens, and some more."""

KERNEL_OFFERS = 6
"""How many offers of each package the kernel has."""

FEW_FIRMS = 2_000
"""Up to how many firms their nearness is held as a table of all pairs."""

CLOSE_OFFERS = 5
"""How many offers of each package say which firms are near each other."""

FREED_OFFERS = 8
"""How many offers a freed package may choose among, besides all those of the freed firms."""


def is_wide(linear: Linear) -> bool:
    """Return whether the firms are few and could serve many packages each."""
    return len(linear.firms) <= FEW_FIRMS and len(linear.slots) >= WIDE * len(linear.firms)


def has_openings(linear: Linear) -> bool:
    """Return whether it costs something to be a member."""
    return bool((linear.earns[linear.members] < 0).any())


def shortlist(linear: Linear, proved: Bound, count: int) -> Flags:
    """Mark the offers of each package that cost the limit least, and those that the linear program uses.

    Where it costs something to be a member, mostly those of the firms count that the linear program opens furthest.
    """
    used = proved.point[linear.uses] > 1e-6
    if has_openings(linear):
        return _opened(linear, proved, count) | best_of_packages(linear, proved.estimate.spare, count // 2) | used
    return best_of_packages(linear, proved.estimate.spare, count) | used


def _opened(linear: Linear, proved: Bound, count: int) -> Flags:
    share = proved.point[linear.members]
    most = ceil(OPENED * float(share.sum()) * count / KERNEL_OFFERS) + START_OPENED
    firms = np.zeros(len(linear.firms), dtype=bool)
    firms[np.lexsort((-proved.estimate.gain, -share))[:most]] = True
    spare = np.where(firms[linear.firm_of_slot], proved.estimate.spare, -np.inf)
    return best_of_packages(linear, spare, count) & firms[linear.firm_of_slot]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nearness:
    """How often two firms are both among the best few for a package; what a package loses with an offer."""

    near: NDArray[np.float64]
    spare: Floats
    packages: int


def nearness(linear: Linear, proved: Bound) -> Nearness:
    """Return the nearness of all firms."""
    close = best_of_packages(linear, proved.estimate.spare, CLOSE_OFFERS)
    table = np.zeros((len(linear.firms), int(linear.package_of_slot.max(initial=-1)) + 1))
    table[linear.firm_of_slot[close], linear.package_of_slot[close]] = 1.0
    return Nearness(near=table @ table.T, spare=proved.estimate.spare, packages=table.shape[1])


def freed(
    linear: Linear, known: Nearness, units: tuple[int, ...], alive: Flags, *, pivot: int, count: int, lap: int
) -> Places:
    """Return the slots of a neighbourhood: what the pivot and firms near to it serve may change hands among them.

    Idle firms near to it may take part, twice as many as working ones. Every other package keeps the slots it has. The
    first lap takes the nearest firms, each further one weighs nearness anew, by factors that are the same everywhere.
    """
    used = np.asarray(units) > 0
    firms = np.arange(len(linear.firms))
    weights = 1.0 + ((firms * 2_654_435_761 + pivot * 40_503 + lap * 97_003) % 1009) / 1009 * min(lap, 4)
    near = known.near[pivot] * weights
    working = np.zeros(len(firms), dtype=bool)
    working[linear.firm_of_slot[used]] = True
    order = np.lexsort(((firms - pivot) % len(firms), -near))
    chosen = np.zeros(len(firms), dtype=bool)
    chosen[order[working[order]][:count]] = True
    chosen[order[~working[order]][: 2 * count]] = True
    chosen[pivot] = True
    packages = np.zeros(known.packages, dtype=bool)
    packages[linear.package_of_slot[used & chosen[linear.firm_of_slot]]] = True
    free = packages[linear.package_of_slot] & alive
    others = best_of_packages(linear, known.spare, FREED_OFFERS, free & working[linear.firm_of_slot])
    return np.flatnonzero(used | (free & chosen[linear.firm_of_slot]) | others)
