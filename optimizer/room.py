"""How far a member's price may rise before the best plans do without it: the buyer's side of a negotiation.

The reservation price is the highest at which the best plan with the firm is still worth as much as the best plan
without it (Raiffa, *The Art and Science of Negotiation*, 1982: the best alternative sets the limit). It follows from
the figures of others, so it is for the side that may see them and for nobody else.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from optimizer.faults import MONEY_LIMIT
from optimizer.guidance import PART, exchanged
from optimizer.problem import WHOLE, Problem, canonical
from optimizer.result import Interrupt, Plan
from optimizer.trial import Trials, units_of

UP_TO = 10
"""How many times over a price is followed upwards; beyond that it counts as without limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The highest price of a unit at which the firm stays in one of the best plans, all else as it is.

    `price` is what it asks now (`None`: undeclared). `highest` is `None` where no limit was found: nobody can replace
    it and no budget binds. `sure` says that this price and the next higher were solved with a proof.
    """

    package: str
    price: int | None
    highest: int | None
    sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The room there is with one member.

    `wanted` says whether it is in one of the best plans at today's prices; if not, there is no room. `rise` is by how
    many basis points all its prices together may rise, `None` without limit.

    >>> Room(firm="F1", wanted=False, rise=0, reservations=(), sure=True).rise
    0
    """

    firm: str
    wanted: bool
    rise: int | None
    reservations: tuple[Reservation, ...]
    sure: bool


def negotiation_room(
    problem: Problem,
    plan: Plan,
    firm: str,
    *,
    seconds: float = 20.0,
    effort: float | None = None,
    seed: int = 0,
    interrupt: Interrupt | None = None,
) -> Room:
    """Tell how far a member's prices may rise, one at a time and all together, before a plan without it is better.

    >>> from optimizer import Firm, Goals, Mode, Offer, Package, solve
    >>> problem = Problem(
    ...     firms=(Firm(id="F1"), Firm(id="F2")), packages=(Package(id="WP1", quantity=4, value=4000),),
    ...     offers=(Offer(firm="F1", package="WP1", price=900), Offer(firm="F2", package="WP1", price=950)),
    ...     goals=Goals(mode=Mode.COST))
    >>> room = negotiation_room(problem, solve(problem).plans[0], "F1")
    >>> [(part.package, part.price, part.highest) for part in room.reservations], room.rise
    ([('WP1', 900, 950)], 566)

    Raises `ValueError` for a firm that is no member of the plan.
    """
    ordered = canonical(problem)
    parts = [package for member, package in sorted(units_of(plan)) if member == firm]
    if not parts:
        raise ValueError(f"{firm} is no member of the plan")
    haggle = _Haggle(ordered, firm, Trials(seconds=seconds, effort=effort, seed=seed, interrupt=interrupt))
    now = haggle.trials.verdict(ordered, firm, share=PART)
    if not now.wanted:
        return Room(firm=firm, wanted=False, rise=0, reservations=(), sure=now.sure)
    reservations = tuple(haggle.reservation(package) for package in parts)
    rise, sure = haggle.rise()
    proved = now.sure and sure and all(part.sure for part in reservations)
    return Room(firm=firm, wanted=True, rise=rise, reservations=reservations, sure=proved)


class _Haggle:
    def __init__(self, problem: Problem, firm: str, trials: Trials) -> None:
        self.problem, self.firm, self.trials = problem, firm, trials
        self.offers = {offer.package: offer for offer in problem.offers if offer.firm == firm}
        self.packages = {package.id: package for package in problem.packages}
        self.ceiling = MONEY_LIMIT // (1 + UP_TO) // sum(package.quantity for package in problem.packages)

    def reservation(self, package: str) -> Reservation:
        offer = self.offers[package]
        start = offer.price or 0
        asked = max(1, self.packages[package].unit_price if offer.price is None else offer.price)
        most = max(start, min(self.ceiling, (1 + UP_TO) * asked))
        highest, sure = self._highest(lambda price: exchanged(self.problem, replace(offer, price=price)), start, most)
        return Reservation(package=package, price=offer.price, highest=highest, sure=sure)

    def rise(self) -> tuple[int | None, bool]:
        priced = [offer for offer in self.offers.values() if offer.price is not None]
        dearest = max((offer.price or 0 for offer in priced), default=0)
        most = min(UP_TO * WHOLE, self.ceiling * WHOLE // max(1, dearest))

        def dearer(by: int) -> Problem:
            return exchanged(self.problem, *(replace(o, price=(o.price or 0) * (WHOLE + by) // WHOLE) for o in priced))

        return self._highest(dearer, 0, most)

    def _highest(self, at: Callable[[int], Problem], low: int, most: int) -> tuple[int | None, bool]:
        """Return the highest figure from `low` at which the firm is still wanted; `None` where it is at `most`."""
        far = self.trials.verdict(at(most), self.firm, share=PART)
        if far.wanted:
            return None, far.sure
        high, below, above = most, True, far.sure
        while high - low > 1:
            middle = (low + high) // 2
            verdict = self.trials.verdict(at(middle), self.firm, share=PART)
            if verdict.wanted:
                low, below = middle, verdict.sure
            else:
                high, above = middle, verdict.sure
        return low, below and above
