"""A head start for large problems: the few firms that look best, in which a first plan is found soon.

A kernel decides nothing: the whole problem is searched afterwards from the plan found in it, and every bound is one on
the whole problem. See Guastaroba & Speranza 2012 for kernel search.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace

from optimizer.eligibility import Slot, sift
from optimizer.problem import Firm, Problem

FIRMS = 120
"""How many firms of each kind are kept for what all their offers are worth together."""

BEST_OF_PACKAGE = 3
"""How many offers of each package keep their firms for that package alone."""


def kernel(problem: Problem, firms: int = FIRMS, best: int = BEST_OF_PACKAGE) -> Problem:
    """Return the problem with the offers of the firms that look best, and of those that a rule asks for.

    Where small firms or newcomers are asked for, as many of them are kept as of all firms.

    >>> from optimizer.problem import Offer, Package
    >>> problem = Problem(firms=tuple(Firm(id=f"F{i}") for i in range(9)), packages=(Package(id="WP1", quantity=4),),
    ...                   offers=tuple(Offer(firm=f"F{i}", package="WP1", fit=10 * i) for i in range(9)))
    >>> [offer.firm for offer in kernel(problem, firms=2, best=3).offers]
    ['F6', 'F7', 'F8']
    """
    slots = sift(problem).slots
    kept = {lock.firm for lock in problem.rules.locked} | set(problem.rules.required)
    for wanted in _kinds(problem):
        kept.update(_strongest((slot for slot in slots if wanted(slot.firm)), firms))
    of_package: dict[str, list[Slot]] = defaultdict(list)
    for slot in slots:
        of_package[slot.package.id].append(slot)
    for offered in of_package.values():
        kept.update(slot.firm.id for slot in sorted(offered, key=lambda slot: (-_merit(slot), slot.firm.id))[:best])
    return replace(problem, offers=tuple(offer for offer in problem.offers if offer.firm in kept))


def _kinds(problem: Problem) -> list[Callable[[Firm], bool]]:
    kinds: list[Callable[[Firm], bool]] = [lambda _: True]
    if problem.rules.sme_share_min:
        kinds.append(lambda firm: firm.sme)
    if problem.rules.min_newcomers:
        kinds.append(lambda firm: firm.newcomer)
    if problem.rules.lead is not None:
        leaders = problem.rules.lead.candidates
        kinds.append(lambda firm: leaders is None or firm.id in leaders)
    return kinds


def _strongest(slots: Iterable[Slot], count: int) -> list[str]:
    strength: dict[str, int] = defaultdict(int)
    for slot in slots:
        strength[slot.firm.id] += _merit(slot) * max(1, slot.package.value) * slot.most // slot.package.quantity
    return sorted(strength, key=lambda firm: (-strength[firm], firm))[:count]


def _merit(slot: Slot) -> int:
    reference = slot.package.unit_price
    price = reference if slot.offer.price is None else slot.offer.price
    saved = 100 * (reference - price) // max(1, reference)
    return slot.offer.fit + max(-100, saved) + 100
