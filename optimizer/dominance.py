"""Firms that can be left out because enough others outdo them: a plan that has one can have another in its place.

A firm with a single usable offer goes when as many others as there may be members outdo it there: at least one of them
is no member, can carry the same units, earns no less and keeps every rule that the firm keeps. To be outdone is
transitive and equals go by their place, so that those who outdo may go as well.
"""

from collections import Counter

import numpy as np

from optimizer.eligibility import carries
from optimizer.linear import Flags, Floats, Linear, Places
from optimizer.problem import Problem

CHAMPIONS = 300
"""How many offers of a package are tried against the others: those that earn most."""

BLOCK = 512
"""How many offers are compared at once, which bounds the memory."""


def outdone(problem: Problem, linear: Linear, spared: frozenset[str] = frozenset()) -> Flags:
    """Mark the slots of firms that can be left out; `spared` firms neither go nor make others go.

    Nothing goes where the number of members is not limited. Ties are not looked at: they are no part of a base value.
    """
    gone = np.zeros(len(linear.slots), dtype=bool)
    most = problem.rules.max_members
    if most is None:
        return gone
    standing = _standing(problem, linear)
    single = _single(problem, linear)
    named = _named(problem) | spared
    free = np.array([slot.firm.id not in named for slot in linear.slots], dtype=bool)
    shared = _shares_a_pool(linear)
    order = np.lexsort((-standing[:, 0], linear.package_of_slot))
    for mine in np.split(order, np.flatnonzero(np.diff(linear.package_of_slot[order])) + 1):
        best = mine[free[mine] & ~shared[mine]][:CHAMPIONS]
        weak = mine[free[mine] & single[mine]]
        if len(best) >= most:
            for start in range(0, len(weak), BLOCK):
                block = weak[start : start + BLOCK]
                gone[block] = _beaten(standing, best, block) >= most
    return gone


def _beaten(standing: Floats, best: Places, block: Places) -> Places:
    """Count for each slot the champions that are at least as good in everything; of equals the earlier is better."""
    outdoes = np.ones((len(best), len(block)), dtype=bool)
    equal = np.ones((len(best), len(block)), dtype=bool)
    for figure in standing.T:
        champion, other = figure[best][:, None], figure[block][None, :]
        outdoes &= champion >= other
        equal &= champion == other
    outdoes &= ~equal | (best[:, None] < block[None, :])
    return np.asarray(outdoes.sum(axis=0), dtype=np.int64)


def _standing(problem: Problem, linear: Linear) -> Floats:
    """Return what a slot is judged by, a column each, more is better."""
    rules = problem.rules
    pools = {pool.id: pool.capacity for pool in problem.pools}
    leaders = frozenset(rules.lead.candidates or ()) if rules.lead is not None else frozenset()
    settled = linear.settled
    unit = np.where(settled, 0.0, linear.earns[np.where(settled, 0, linear.amounts)])
    use = linear.earns[linear.uses] + linear.earns[linear.members][linear.firm_of_slot]
    rows: list[list[float]] = []
    for slot in linear.slots:
        firm, package, offer = slot.firm, slot.package, slot.offer
        price = package.unit_price if offer.price is None else offer.price
        figures = [firm.figure(row.values) or 0 for row in rules.qualification]
        mixed = [firm.newcomer, not firm.newcomer] if rules.min_newcomers or rules.min_veterans else []
        rows.append([
            -price, -firm.member_cost, firm.sme, firm.grade_in(package.specialty) or 0, firm.id in leaders,
            carries(offer, package, pools), *figures, *mixed,
        ])  # fmt: skip
    told = np.array(rows, dtype=np.float64)
    return np.column_stack([use + unit * linear.most, use, unit, settled, ~settled, linear.most, -linear.least, told])


def _single(problem: Problem, linear: Linear) -> Flags:
    """Mark the slots of firms that have no other; a backup counts offers that cannot be used as well."""
    if problem.rules.backup:
        offers = Counter(offer.firm for offer in problem.offers)
        return np.array([offers[slot.firm.id] == 1 for slot in linear.slots], dtype=bool)
    return np.asarray(np.bincount(linear.firm_of_slot)[linear.firm_of_slot] == 1)


def _named(problem: Problem) -> frozenset[str]:
    rules = problem.rules
    firms = {firm for group in (*rules.conflicts, *rules.related) for firm in group}
    return frozenset(firms | {lock.firm for lock in rules.locked} | set(rules.required))


def _shares_a_pool(linear: Linear) -> Flags:
    """Mark the slots whose pool other firms draw on as well."""
    firms: dict[str, set[str]] = {}
    for slot in linear.slots:
        if slot.offer.pool is not None:
            firms.setdefault(slot.offer.pool, set()).add(slot.firm.id)
    return np.array([s.offer.pool is not None and len(firms[s.offer.pool]) > 1 for s in linear.slots], dtype=bool)
