"""The oracle: every way to split every package, judged one by one. For small problems only.

Shares nothing with the model; rules and scores are those of the judge. The number of splits grows like the product of
the binomials of quantities and offers: four packages of six units with three offers each are already 600 000 plans.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from optimizer.check import Case, Units, limits
from optimizer.problem import WHOLE, Offer, Package, Problem
from optimizer.score import base, scores_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The best there is: the base value level by level, and then the strongest ties that may be bought with it.

    `together` is the best base value among the plans with the strongest ties.

    >>> Answer(base=(9,), cohesion=0, together=(9,)).base
    (9,)
    """

    base: tuple[int, ...]
    cohesion: int
    together: tuple[int, ...]


def best(problem: Problem) -> Answer | None:
    """Return the proved best of a small problem, `None` where no plan keeps every rule.

    >>> from optimizer.problem import Firm
    >>> problem = Problem(firms=(Firm(id="F1"), Firm(id="F2")), packages=(Package(id="WP1", quantity=2, value=10),),
    ...                   offers=(Offer(firm="F1", package="WP1", fit=50), Offer(firm="F2", package="WP1", fit=40)))
    >>> best(problem).base == (45 * 500_000 + 5 * 0,)
    True
    """
    scored = [(base(problem, scores), scores["cohesion"]) for scores in map(scores_of, feasible(problem))]
    if not scored:
        return None
    top = max(values for values, _ in scored)
    floors = [value - abs(value) * problem.goals.give_up // WHOLE for value in top]
    near = [(ties, values) for values, ties in scored if all(v >= f for v, f in zip(values, floors, strict=True))]
    ties, together = max(near)
    return Answer(base=top, cohesion=ties, together=together)


def feasible(problem: Problem) -> Iterator[Case]:
    """Yield every plan of a small problem that keeps all rules.

    >>> from optimizer.problem import Firm
    >>> problem = Problem(firms=(Firm(id="F1"), Firm(id="F2")), packages=(Package(id="WP1", quantity=2),),
    ...                   offers=(Offer(firm="F1", package="WP1", capacity=1), Offer(firm="F2", package="WP1")))
    >>> [sorted(case.units.items()) for case in feasible(problem)]
    [[(('F2', 'WP1'), 2)], [(('F1', 'WP1'), 1), (('F2', 'WP1'), 1)]]
    """
    choices = [list(_splits(problem, package)) for package in problem.packages]
    for chosen in product(*choices):
        units: Units = {place: amount for split in chosen for place, amount in split.items()}
        case = Case(problem, units)
        if not any(limit.broken for limit in limits(case)):
            yield case


def _splits(problem: Problem, package: Package) -> Iterator[Units]:
    offers = [offer for offer in problem.offers if offer.package == package.id]
    for amounts in _amounts(offers, package, package.quantity):
        yield {(o.firm, o.package): amount for o, amount in zip(offers, amounts, strict=True) if amount}


def _amounts(offers: list[Offer], package: Package, left: int) -> Iterator[tuple[int, ...]]:
    if not offers:
        yield from [()] if left == 0 else []
        return
    first, *others = offers
    most = left if first.capacity is None else min(left, first.capacity)
    for amount in range(most + 1):
        if (
            amount == 0
            or package.min_share * package.quantity <= amount * WHOLE <= package.max_share * package.quantity
        ):
            yield from ((amount, *rest) for rest in _amounts(others, package, left - amount))
