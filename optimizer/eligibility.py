"""Which offers can be part of a plan at all, between how many units, and which rule takes the others away."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from optimizer.problem import WHOLE, Firm, Offer, Package, Problem
from optimizer.result import Dropped
from optimizer.worth import Worth, measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """An offer that can be used: its firm, its package, and the units it may carry when it is used.

    >>> slot = Slot(offer=Offer(firm="F1", package="WP1"), firm=Firm(id="F1"), package=Package(id="WP1", quantity=4),
    ...             least=4, most=4)
    >>> slot.fixed
    True
    """

    offer: Offer
    firm: Firm
    package: Package
    least: int
    most: int

    @property
    def fixed(self) -> bool:
        """Whether using the offer leaves no choice of units."""
        return self.least == self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """The usable offers, and the others with the rule that drops each.

    >>> Sifted(slots=(), dropped=()).slots
    ()
    """

    slots: tuple[Slot, ...]
    dropped: tuple[Dropped, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sieve:
    problem: Problem
    worth: Worth
    excluded: frozenset[str]
    taken: frozenset[tuple[str, str]]
    pools: dict[str, int]
    pinned: dict[tuple[str, str], int]


def sift(problem: Problem, *, legal_only: bool = False) -> Sifted:
    """Sort out the offers no plan can use; with `legal_only` only law and physics count, no rule that may be eased.

    >>> problem = Problem(firms=(Firm(id="F1"), Firm(id="F2", grade=(("power", 2),))),
    ...                   packages=(Package(id="WP1", quantity=4, specialty="power"),),
    ...                   offers=(Offer(firm="F1", package="WP1"), Offer(firm="F2", package="WP1", capacity=3)))
    >>> from dataclasses import replace
    >>> strict = replace(problem, rules=replace(problem.rules, min_grade=(("power", 1),)))
    >>> sift(strict).dropped
    (Dropped(firm='F1', package='WP1', rule='grade'),)
    >>> [(slot.least, slot.most) for slot in sift(strict).slots]
    [(1, 3)]
    """
    firms = {firm.id: firm for firm in problem.firms}
    packages = {package.id: package for package in problem.packages}
    sieve = _sieve(problem)
    filters = LEGAL_FILTERS if legal_only else LEGAL_FILTERS | SOFT_FILTERS
    slots, dropped = [], []
    for offer in problem.offers:
        firm, package = firms[offer.firm], packages[offer.package]
        most = carries(offer, package, sieve.pools)
        slot = Slot(offer=offer, firm=firm, package=package, least=1, most=most)
        if not legal_only:
            slot = _tightened(slot, sieve)
        rule = _first_broken(filters, slot, sieve)
        if rule is None:
            slots.append(slot)
        else:
            dropped.append(Dropped(firm=offer.firm, package=offer.package, rule=rule))
    return Sifted(slots=tuple(slots), dropped=tuple(dropped))


def carries(offer: Offer, package: Package, pools: dict[str, int]) -> int:
    """Return the units an offer can physically carry; an undeclared capacity carries the whole package.

    >>> carries(Offer(firm="F1", package="WP1", pool="P", load=3), Package(id="WP1", quantity=9), {"P": 10})
    3
    """
    most = package.quantity if offer.capacity is None else min(package.quantity, offer.capacity)
    if offer.pool is None or offer.load == 0:
        return most
    return min(most, pools[offer.pool] // offer.load)


def _sieve(problem: Problem) -> _Sieve:
    locks = problem.rules.locked
    packages = {package.id: package for package in problem.packages}
    return _Sieve(
        problem=problem,
        worth=measure(problem),
        excluded=frozenset(problem.rules.excluded),
        taken=frozenset(problem.rules.taken),
        pools={pool.id: pool.capacity for pool in problem.pools},
        pinned={(k.firm, k.package): packages[k.package].units_nearest(k.share) for k in locks if k.share is not None},
    )


def _tightened(slot: Slot, sieve: _Sieve) -> Slot:
    package = slot.package
    least, most = max(1, package.units(package.min_share)), min(slot.most, package.units_within(package.max_share))
    if package.max_suppliers == 1:
        least = package.quantity
    pinned = sieve.pinned.get((slot.firm.id, package.id))
    if pinned is not None:
        least, most = max(least, pinned), min(most, pinned)
    return Slot(offer=slot.offer, firm=slot.firm, package=package, least=least, most=most)


def _first_broken(filters: dict[str, "_Filter"], slot: Slot, sieve: _Sieve) -> str | None:
    return next((rule for rule, breaks in filters.items() if breaks(slot, sieve)), None)


def _in_taken_lot(slot: Slot, sieve: _Sieve) -> bool:
    return slot.package.lot is not None and (slot.package.lot, slot.firm.id) in sieve.taken


def _under_grade(slot: Slot, sieve: _Sieve) -> bool:
    least = sieve.problem.rules.least_grade(slot.package.specialty)
    held = slot.firm.grade_in(slot.package.specialty)
    return least is not None and (held is None or held < least)


def _unqualified(slot: Slot, sieve: _Sieve) -> bool:
    rows = sieve.problem.rules.qualification
    return any((slot.firm.figure(row.values) or 0) < row.each_amount for row in rows)


def _cannot_carry(slot: Slot, sieve: _Sieve) -> bool:
    return carries(slot.offer, slot.package, sieve.pools) < 1


def _excluded(slot: Slot, sieve: _Sieve) -> bool:
    return slot.firm.id in sieve.excluded


def _outside_lock(slot: Slot, sieve: _Sieve) -> bool:
    return (slot.firm.id, slot.package.id) in sieve.pinned and slot.least > slot.most


def _outside_share(slot: Slot, sieve: _Sieve) -> bool:
    return slot.least > slot.most


def _over_ceiling(slot: Slot, sieve: _Sieve) -> bool:
    ceiling = sieve.problem.rules.firm_share_max
    return (
        ceiling is not None
        and ceiling < WHOLE
        and slot.least * sieve.worth.high[slot.package.id] > sieve.worth.at_most(ceiling)
    )


_Filter = Callable[[Slot, _Sieve], bool]

LEGAL_FILTERS: dict[str, _Filter] = {
    "lot": _in_taken_lot,
    "grade": _under_grade,
    "qualification": _unqualified,
    "capacity": _cannot_carry,
}
"""Law and physics, by the name of the rule."""

SOFT_FILTERS: dict[str, _Filter] = {
    "excluded": _excluded,
    "locked": _outside_lock,
    "share": _outside_share,
    "firm-share": _over_ceiling,
}
"""What follows from rules that a user may ease, by the name of the rule."""


def counted(dropped: Iterable[Dropped], package: str) -> tuple[tuple[str, int], ...]:
    """Count the offers of a package that each rule takes away.

    >>> offer = Dropped(firm="F1", package="WP1", rule="grade")
    >>> counted((offer, offer), "WP1")
    (('grade', 2),)
    """
    rules = [offer.rule for offer in dropped if offer.package == package]
    return tuple((rule, rules.count(rule)) for rule in sorted(set(rules)))
