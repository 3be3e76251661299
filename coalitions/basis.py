"""What an answer may rest on: prices open to its reader, or none at all.

An answer whose arithmetic never saw a closed price cannot tell it, however often and however cleverly it is asked; so
closed prices are not hidden in what an answer says, they are taken out of the problem before it is solved. Either every
declared price of a problem is open to the reader, and the answer counts with all of them, or it counts with none: then
the goal `price` has no weight and the budget is left aside, since both would speak of what the reader may not know.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from coalitions.matching import PackageFit
from domain.errors import RuleBroken
from domain.world import Opening, World
from optimizer import Goals, Mode, Offer, Plan, PlanDisputed, Problem
from optimizer.goals import points
from optimizer.problem import canonical
from optimizer.trial import stated

Known = Mapping[tuple[str, str], int]
"""The prices that are open to a reader, by firm and package; a price in accepted terms stands for the declared one."""

Units = Mapping[tuple[str, str], int]
"""What a plan gives to whom: whole units by firm and package."""

MILLION = 1_000_000
"""A perfect score, as answers tell it."""


class PricesClosed(RuleBroken):
    """The answer is a sum of money and rests on prices that are not open to the reader; ``closed`` counts them."""

    code = "prices-closed"


class PlanOutdated(RuleBroken):
    """The plan asked about breaks rules as figures stand today; ``rules`` names them."""

    code = "plan-outdated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """A problem as one reader may have it solved.

    `priced` says that every declared price counts, `closed` how many are declared and not open to the reader, `budget`
    that a published budget was left aside.
    """

    problem: Problem
    priced: bool
    closed: int
    budget: bool = False


def rest_on(problem: Problem, known: Known) -> Basis:
    """Return the problem with all prices where all are open to the reader, else without any.

    >>> from optimizer import Firm, Package
    >>> asked = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4),),
    ...                 offers=(Offer(firm="F1", package="WP1", price=9),))
    >>> rest_on(asked, {}).problem.offers[0].price, rest_on(asked, {}).closed
    (None, 1)
    >>> rest_on(asked, {("F1", "WP1"): 8}).problem.offers[0].price
    8
    """
    ordered = canonical(problem)
    closed = sum(_closed(offer, known) for offer in ordered.offers)
    if closed:
        return Basis(problem=unpriced(ordered), priced=False, closed=closed, budget=ordered.rules.budget is not None)
    return Basis(problem=_priced(ordered, known), priced=True, closed=0)


def open_prices(
    world: World, opening: Opening, fits: Iterable[PackageFit], reader: UUID, matched: Collection[str] | None = None
) -> dict[tuple[str, str], int]:
    """Return the declared prices that are open to `reader`, by firm and package.

    His own are; to who publishes the project also those that firms show to matched parties: all that fit, or those of
    `matched` alone.
    """
    shown = {each.id for firm in world.suppliers for each in firm.offerings if each.price_disclosed}
    codes = {package.id: package.code for package in opening.packages}
    return {
        (str(fit.supplier_id), codes[group.package_id]): fit.price
        for group in fits
        for fit in group.eligible
        if fit.price is not None
        and (
            fit.supplier_id == reader
            or (
                opening.owner_id == reader
                and fit.offering_id in shown
                and (matched is None or str(fit.supplier_id) in matched)
            )
        )
    }


def unpriced(problem: Problem) -> Problem:
    """Return the problem without any price: none is declared, the price has no weight, no budget binds.

    >>> from optimizer import Package, Rules
    >>> asked = Problem(firms=(), packages=(Package(id="WP1", quantity=4),), offers=(), rules=Rules(budget=9))
    >>> unpriced(asked).rules.budget, unpriced(asked).goals.weights
    (None, (('fit', 45), ('members', 5), ('resilience', 5)))
    """
    return replace(
        problem,
        offers=tuple(replace(offer, price=None) for offer in problem.offers),
        rules=replace(problem.rules, budget=None),
        goals=_without_price(problem.goals),
    )


def open_side(problem: Problem, known: Known, units: Units) -> Problem:
    """Return the problem among the offers whose price the reader knows, for an answer that is a sum of money.

    Raises PricesClosed where the plan itself rests on a closed price, with how many.
    """
    ordered = canonical(problem)
    shut = {(offer.firm, offer.package) for offer in ordered.offers if _closed(offer, known)}
    if closed := len(shut & units.keys()):
        raise PricesClosed(closed=closed, of=len(units))
    left = tuple(offer for offer in ordered.offers if (offer.firm, offer.package) not in shut)
    return _priced(replace(ordered, offers=left), known)


def plan_of(problem: Problem, units: Units) -> Plan:
    """Return the plan that gives everybody the units named. Raises PlanOutdated where it breaks a rule by now."""
    try:
        return stated(problem, units)
    except PlanDisputed as disputed:
        raise PlanOutdated(rules=str(disputed)) from disputed


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """Tells values of a problem in millionths of a perfect score.

    >>> Yardstick(perfect=500).told(2)
    4000
    """

    perfect: int

    def told(self, value: int) -> int:
        """Return a value in millionths of a perfect score, rounded to the nearest."""
        return round(MILLION * value / max(1, self.perfect))


def yardstick(problem: Problem) -> Yardstick:
    """Return the yardstick of a problem: all weights at full points, or the published value where cost is the goal.

    >>> from optimizer import Package
    >>> packages = (Package(id="WP1", quantity=4, value=400),)
    >>> yardstick(Problem(firms=(), packages=packages, offers=(), goals=Goals(mode=Mode.COST))).perfect
    400
    """
    goals = problem.goals
    if goals.mode is Mode.COST:
        return Yardstick(perfect=sum(package.value for package in problem.packages))
    weight = 1 if goals.mode is Mode.LEXICOGRAPHIC else sum(weight for _, weight in goals.weights)
    return Yardstick(perfect=points(problem) * weight)


def _closed(offer: Offer, known: Known) -> bool:
    return offer.price is not None and (offer.firm, offer.package) not in known


def _priced(problem: Problem, known: Known) -> Problem:
    offers = (replace(offer, price=known.get((offer.firm, offer.package), offer.price)) for offer in problem.offers)
    return replace(problem, offers=tuple(offers))


def _without_price(goals: Goals) -> Goals:
    """Return the goals without the price; where nothing else was wanted, the fit."""
    weights = tuple((goal, weight) for goal, weight in goals.weights if goal != "price" and weight)
    order = tuple(goal for goal in goals.order if goal != "price")
    if goals.mode is Mode.LEXICOGRAPHIC and order:
        return replace(goals, order=order)
    if goals.mode is Mode.WEIGHTED and weights:
        return replace(goals, weights=weights)
    return Goals(weights=(("fit", 1),), give_up=goals.give_up)
