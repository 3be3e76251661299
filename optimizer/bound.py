"""A limit on what any plan can earn, over all firms, from multipliers of the rows.

For any multipliers of the right sign, weak duality bounds what a plan earns by what the rows cost and what each firm
could gain at those prices (Lagrangian relaxation: Geoffrion 1974). The gains are reckoned here for every firm and
offer, so that nothing rests on the tolerances of the solver that proposed the multipliers, nor on the offers it saw.
The best multipliers come from linear programs over a few offers, to which those are added that could gain at its prices
(column generation), until none could: then the limit is that of the linear program over everything.
"""

from dataclasses import dataclass
from math import floor

import numpy as np

from optimizer.highs import Part, relax, untouched
from optimizer.linear import INFINITY, NOBODY, Flags, Floats, Linear

MARGIN = 1e-9
"""The part of a limit that is added for the rounding of sums in floating point."""

FIRST = 6
"""How many offers of each package are shown to the first linear program, best by each of several measures."""

ADDED = 4
"""How many further offers of each package may enter at once."""

ROUNDS = 40
"""How many linear programs are solved at most."""

CLOSE = 2e-5
"""The part of the limit that may be left between a linear program and the limit over everything."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """What multipliers prove: the limit, and what each firm and slot could gain at their prices.

    `limit` and the gains are in the units of the arrays. A firm whose gain is negative costs the limit as much when it
    is a member; a slot whose `spare` is negative likewise when it is used.
    """

    limit: float
    gain: Floats
    spare: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bound:
    """The best limit that was found, its estimate, and the point of the last linear program."""

    estimate: Estimate
    multipliers: Floats
    point: Floats
    shown: Flags
    met: bool
    missed: bool
    rounds: int
    seconds: float


def whole(linear: Linear, limit: float) -> int:
    """Return a limit in points: with what every plan earns, a margin for floating point added, rounded down.

    >>> from optimizer.eligibility import sift
    >>> from optimizer.linear import tabulate
    >>> from optimizer.problem import Firm, Offer, Package, Problem
    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=1),),
    ...                   offers=(Offer(firm="F1", package="WP1"),))
    >>> linear = tabulate(problem, sift(problem).slots)
    >>> linear.constant, linear.unit, whole(linear, 7.5)
    (5000000, 8.0, 5000060)
    """
    return linear.constant + floor((limit + MARGIN * abs(limit)) * linear.unit + MARGIN)


def priced(linear: Linear, multipliers: Floats) -> Floats:
    """Return multipliers as prices of the rows: those of the wrong sign count as zero."""
    price = np.where(multipliers > 0, np.where(linear.row_high < INFINITY, multipliers, 0.0), multipliers)
    return np.where(price < 0, np.where(linear.row_low > -INFINITY, price, 0.0), price)


def estimate(linear: Linear, multipliers: Floats) -> Estimate:
    """Return what multipliers prove about every plan; those of the wrong sign count as zero."""
    high, low = linear.row_high, linear.row_low
    price = priced(linear, multipliers)
    charged = np.where(price > 0, price * np.where(high < INFINITY, high, 0.0), 0.0)
    charged = np.where(price < 0, price * np.where(low > -INFINITY, low, 0.0), charged)
    alone = linear.earns - linear.matrix.T @ np.where(linear.inner, 0.0, price)
    loose = linear.firm_of_column == NOBODY
    fixed = charged.sum() + np.maximum(alone * linear.low, alone * linear.high)[loose].sum()
    both = [_gains(linear, left) for left in (alone, linear.earns - linear.matrix.T @ price)]
    gain = np.minimum(both[0][0], both[1][0])
    spares = [firm[linear.firm_of_slot] + np.minimum(slot, 0.0) for firm, slot in both]
    return Estimate(limit=fixed + np.maximum(gain, 0.0).sum(), gain=gain, spare=np.minimum(spares[0], spares[1]))


def _gains(linear: Linear, left: Floats) -> tuple[Floats, Floats]:
    """Return what each firm gains as a member, and each slot when used, at prices that leave columns so much."""
    uses, settled = left[linear.uses], linear.settled
    unit = np.where(settled, 0.0, left[np.where(settled, 0, linear.amounts)])
    slot = uses + np.maximum(unit * linear.least, unit * linear.most)
    count = len(linear.firms)
    firm = left[linear.members] + np.bincount(linear.firm_of_slot, np.maximum(slot, 0.0), minlength=count)
    brought = (linear.firm_of_column != NOBODY) & (linear.slot_of_column == NOBODY)
    brought[linear.members] = False
    owner = linear.firm_of_column[brought]
    return firm + np.bincount(owner, np.maximum(left[brought], 0.0), minlength=count), slot


def bound(linear: Linear, seconds: float) -> Bound:
    """Return the limit of the linear program over everything, or the best that the seconds allow."""
    basis, penalty = untouched(linear), _penalty(linear)
    shown = _first(linear)
    best, multipliers = estimate(linear, np.zeros(len(linear.row_low))), np.zeros(len(linear.row_low))
    spent, rounds = 0.0, 0
    while True:
        answer = relax(linear, part_of(linear, shown), basis, penalty, seconds - spent)
        spent, rounds = spent + answer.seconds, rounds + 1
        found = estimate(linear, answer.multipliers)
        if found.limit < best.limit:
            best, multipliers = found, answer.multipliers
        entering = _entering(linear, found, shown)
        done = not entering.any() or found.limit - linear.earns @ answer.point <= CLOSE * abs(found.limit)
        if done or spent >= seconds or rounds >= ROUNDS:
            break
        shown |= entering
    return Bound(
        estimate=best, multipliers=multipliers, point=answer.point, shown=shown, met=bool(done), missed=answer.missed,
        rounds=rounds, seconds=spent,
    )  # fmt: skip


def part_of(linear: Linear, slots: Flags, firms: Flags | None = None) -> Part:
    """Return the part of the arrays that speaks of some slots and their firms."""
    known = np.zeros(len(linear.firms) + 1, dtype=bool)
    known[linear.firm_of_slot[slots]] = True
    known[NOBODY] = True
    shown = np.append(slots, True)
    return Part(
        columns=known[linear.firm_of_column] & shown[linear.slot_of_column],
        rows=known[linear.firm_of_row] & shown[linear.slot_of_row],
    )


def _penalty(linear: Linear) -> Floats:
    """Return what missing a row costs: about what all packages together could earn, for missing it whole."""
    span = np.maximum(np.abs(linear.earns * linear.high), 0.0)
    best = np.zeros(int(linear.package_of_slot.max(initial=-1)) + 1)
    worth = span[linear.uses] + np.where(linear.settled, 0.0, span[np.where(linear.settled, 0, linear.amounts)])
    np.maximum.at(best, linear.package_of_slot, worth)
    total = 1.0 + best.sum() + span[linear.members].max(initial=0.0)
    sides = np.abs(np.where(linear.row_low > -INFINITY, linear.row_low, linear.row_high))
    return np.asarray(2.0 * total / np.maximum(1.0, sides), dtype=np.float64)


def _first(linear: Linear) -> Flags:
    """Return the slots shown first: the best of each package by several measures, with all offers of their firms.

    Where a package could be given to most firms, only the slots themselves are shown.
    """
    unit = np.where(linear.settled, 0.0, linear.earns[np.where(linear.settled, 0, linear.amounts)])
    earned = linear.earns[linear.uses] + unit * linear.most
    joining = linear.earns[linear.members][linear.firm_of_slot]
    crowd = np.bincount(linear.firm_of_slot, minlength=len(linear.firms))[linear.firm_of_slot]
    measures = [earned, earned / np.maximum(linear.most, 1.0), earned + joining / np.maximum(crowd, 1)]
    shown = np.zeros(len(linear.slots), dtype=bool)
    for measure in measures:
        shown |= best_of_packages(linear, measure, FIRST)
    if len(linear.firms) > len(np.unique(linear.package_of_slot)):
        known = np.zeros(len(linear.firms), dtype=bool)
        known[linear.firm_of_slot[shown]] = True
        together = np.bincount(linear.firm_of_slot, np.maximum(earned, 0.0), minlength=len(linear.firms))
        known[np.argsort(-together, kind="stable")[: 3 * FIRST + len(np.unique(linear.package_of_slot))]] = True
        shown = known[linear.firm_of_slot]
    return shown


def best_of_packages(linear: Linear, measure: Floats, count: int, among: Flags | None = None) -> Flags:
    """Mark the best few slots of each package by a measure."""
    slots = np.arange(len(linear.slots)) if among is None else np.flatnonzero(among)
    order = slots[np.lexsort((slots, -measure[slots], linear.package_of_slot[slots]))]
    package = linear.package_of_slot[order]
    starts = np.searchsorted(package, np.arange(int(linear.package_of_slot.max(initial=-1)) + 2))
    rank = np.arange(len(order)) - starts[package]
    marked = np.zeros(len(linear.slots), dtype=bool)
    marked[order[rank < count]] = True
    return marked


def _entering(linear: Linear, found: Estimate, shown: Flags) -> Flags:
    """Mark the hidden slots that could gain at the prices, the best of each package and of all."""
    tolerance = 1e-7 * max(1.0, abs(found.limit))
    gains = found.gain[linear.firm_of_slot] > tolerance
    worth = found.spare
    among = ~shown & gains & (worth > tolerance)
    return best_of_packages(linear, worth, ADDED, among)
