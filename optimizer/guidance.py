"""What would bring a firm in: the smallest single change of its own that puts it into one of the best plans.

A firm is in one of the best plans when the best plan with it is worth as much as the best plan without it. Every change
that makes its offer better can only raise the former, so the smallest one is found by bisection; each step solves the
problem again. At the end both neighbours have been solved: with the change the firm is in, with one step less not.

Nothing in the answer is a figure of another firm. The amounts still tell something about them: a price at which a firm
would win is close to what its rival asks. They are for whoever may see all prices; the firm itself is told `helping`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from optimizer.goals import best_grades
from optimizer.problem import WHOLE, Offer, Problem, canonical
from optimizer.result import Interrupt
from optimizer.trial import Trials

PART = 0.1
"""The part of what is left that one of the solves may take."""


class Axis(StrEnum):
    """Names what a firm may change: one price, all its prices, a capacity, a pool, fit, lead time, a grade, or what a
    certificate or a level of verification opens.

    >>> Axis("lead-time").name
    'LEAD_TIME'
    """

    PRICE = "price"
    PRICES = "prices"
    CAPACITY = "capacity"
    POOL = "pool"
    FIT = "fit"
    LEAD_TIME = "lead-time"
    GRADE = "grade"
    OPENING = "opening"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Offers that a firm could make if it held something: a certificate, a level of verification.

    An offer that it makes already is replaced.

    >>> Opening(name="ISO 9001", offers=(Offer(firm="F1", package="WP1", fit=80),)).name
    'ISO 9001'
    """

    name: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The smallest change of one figure of the firm that suffices.

    `subject` is the package, pool, specialty or opening; for `prices` it is empty and the figures are basis points of
    today's prices, rounded up to a minor unit. `sure` says that both this change and one step less were solved with
    a proof.
    """

    axis: Axis
    subject: str
    before: int
    after: int
    sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """What would bring a firm in.

    `wanted` says that it is in one of the best plans as it is. `futile` names the figures no change of which suffices
    alone, `unsettled` those for which the time did not suffice; `sure` says that all that is told is proved.

    >>> Counterfactual(firm="F1", wanted=True, changes=(), futile=(), unsettled=(), sure=True).helping
    ()
    """

    firm: str
    wanted: bool
    changes: tuple[Change, ...]
    futile: tuple[tuple[Axis, str], ...]
    unsettled: tuple[tuple[Axis, str], ...]
    sure: bool

    @property
    def helping(self) -> tuple[tuple[Axis, str], ...]:
        """Return which figures would help, without amounts: what may be told while the prices of others are closed."""
        return tuple((change.axis, change.subject) for change in self.changes)


def counterfactual(
    problem: Problem,
    firm: str,
    *,
    openings: Iterable[Opening] = (),
    seconds: float = 30.0,
    effort: float | None = None,
    seed: int = 0,
    interrupt: Interrupt | None = None,
) -> Counterfactual:
    """Find the smallest single changes, one figure at a time, that bring a firm into one of the best plans.

    >>> from optimizer import Firm, Goals, Mode, Package
    >>> problem = Problem(
    ...     firms=(Firm(id="F1"), Firm(id="F2")), packages=(Package(id="WP1", quantity=4, value=400),),
    ...     offers=(Offer(firm="F1", package="WP1", price=90), Offer(firm="F2", package="WP1", price=95)),
    ...     goals=Goals(mode=Mode.COST))
    >>> found = counterfactual(problem, "F2")
    >>> [(change.axis.value, change.subject, change.before, change.after) for change in found.changes]
    [('price', 'WP1', 95, 90)]
    >>> [axis.value for axis, _ in found.futile], found.sure
    (['fit'], True)

    Raises `ValueError` for a firm that the problem does not know.
    """
    ordered = canonical(problem)
    if firm not in {known.id for known in ordered.firms}:
        raise ValueError(f"no firm {firm}")
    trials = Trials(seconds=seconds, effort=effort, seed=seed, interrupt=interrupt)
    now = trials.verdict(ordered, firm, share=PART)
    if now.wanted:
        return Counterfactual(firm=firm, wanted=True, changes=(), futile=(), unsettled=(), sure=now.sure)
    changes: list[Change] = []
    futile: list[tuple[Axis, str]] = []
    unsettled: list[tuple[Axis, str]] = []
    sure = now.sure
    for lever in levers(ordered, firm, tuple(openings)):
        change, proved = _smallest(lever, firm, trials)
        if change is not None:
            changes.append(change)
        else:
            (futile if proved else unsettled).append((lever.axis, lever.subject))
        sure = sure and proved
    return Counterfactual(
        firm=firm,
        wanted=False,
        changes=tuple(changes),
        futile=tuple(futile),
        unsettled=tuple(unsettled),
        sure=sure,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lever:
    """A figure that a firm can move by so many steps, and the problem as it is then."""

    axis: Axis
    subject: str
    before: int
    step: int
    most: int
    moved: Callable[[int], Problem]


def levers(problem: Problem, firm: str, openings: tuple[Opening, ...] = ()) -> Iterator[Lever]:
    """Yield every figure that a firm could improve, figure after figure and package after package.

    >>> from optimizer.problem import Firm, Package
    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4),),
    ...                   offers=(Offer(firm="F1", package="WP1", price=9, capacity=3, fit=100, lead_days=20),))
    >>> [(lever.axis.value, lever.before, lever.most) for lever in levers(problem, "F1")]
    [('price', 9, 9), ('capacity', 3, 1), ('lead-time', 20, 20)]
    """
    own = [offer for offer in problem.offers if offer.firm == firm]
    quantities = {package.id: package.quantity for package in problem.packages}
    for axis in (Axis.PRICE, Axis.CAPACITY, Axis.FIT, Axis.LEAD_TIME):
        for offer in own:
            yield from _figure(problem, offer, axis, quantities[offer.package])
    if sum(bool(offer.price) for offer in own) > 1:
        yield Lever(axis=Axis.PRICES, subject="", before=WHOLE, step=-1, most=WHOLE, moved=_cheaper(problem, firm))
    yield from _pools(problem, firm, own, quantities)
    yield from _grades(problem, firm, own)
    for opening in openings:
        moved = _opened(problem, opening)
        yield Lever(axis=Axis.OPENING, subject=opening.name, before=0, step=1, most=1, moved=moved)


def _smallest(lever: Lever, firm: str, trials: Trials) -> tuple[Change | None, bool]:
    """Return the smallest sufficient change, if any, and whether what is said is proved."""
    far = trials.verdict(lever.moved(lever.most), firm, share=PART)
    if not far.wanted:
        return None, far.sure
    low, high, below, above = 0, lever.most, True, far.sure
    while high - low > 1:
        middle = (low + high) // 2
        verdict = trials.verdict(lever.moved(middle), firm, share=PART)
        if verdict.wanted:
            high, above = middle, verdict.sure
        else:
            low, below = middle, verdict.sure
    after = lever.before + lever.step * high
    sure = below and above
    return Change(axis=lever.axis, subject=lever.subject, before=lever.before, after=after, sure=sure), sure


def _figure(problem: Problem, offer: Offer, axis: Axis, quantity: int) -> Iterator[Lever]:
    name, before, end = {
        Axis.PRICE: ("price", offer.price, 0),
        Axis.CAPACITY: ("capacity", offer.capacity, quantity),
        Axis.FIT: ("fit", offer.fit, 100),
        Axis.LEAD_TIME: ("lead_days", offer.lead_days, 0),
    }[axis]
    step = 1 if end else -1
    most = 0 if before is None else (end - before) * step
    if before is not None and most > 0:

        def moved(by: int, before: int = before) -> Problem:
            figure: dict[str, Any] = {name: before + step * by}
            return exchanged(problem, replace(offer, **figure))

        yield Lever(axis=axis, subject=offer.package, before=before, step=step, most=most, moved=moved)


def exchanged(problem: Problem, *offers: Offer) -> Problem:
    """Return the problem with offers put in the place of those by the same firm for the same package, or added.

    >>> from optimizer.problem import Firm, Package
    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4),),
    ...                   offers=(Offer(firm="F1", package="WP1"),))
    >>> exchanged(problem, Offer(firm="F1", package="WP1", fit=9)).offers
    (Offer(firm='F1', package='WP1', price=None, capacity=None, fit=9, lead_days=None, pool=None, load=1),)
    """
    places = {(offer.firm, offer.package) for offer in offers}
    kept = [offer for offer in problem.offers if (offer.firm, offer.package) not in places]
    return replace(problem, offers=tuple(sorted([*kept, *offers], key=lambda offer: (offer.package, offer.firm))))


def _cheaper(problem: Problem, firm: str) -> Callable[[int], Problem]:
    priced = [offer for offer in problem.offers if offer.firm == firm and offer.price]

    def moved(by: int) -> Problem:
        return exchanged(problem, *(replace(o, price=-(-(o.price or 0) * (WHOLE - by) // WHOLE)) for o in priced))

    return moved


def _pools(problem: Problem, firm: str, own: list[Offer], quantities: dict[str, int]) -> Iterator[Lever]:
    shared = {offer.pool for offer in problem.offers if offer.firm != firm}
    for pool in problem.pools:
        load = sum(offer.load * quantities[offer.package] for offer in own if offer.pool == pool.id)
        if pool.id not in shared and load > pool.capacity:

            def moved(by: int, pool_id: str = pool.id) -> Problem:
                wider = (replace(p, capacity=p.capacity + by) if p.id == pool_id else p for p in problem.pools)
                return replace(problem, pools=tuple(wider))

            most = load - pool.capacity
            yield Lever(axis=Axis.POOL, subject=pool.id, before=pool.capacity, step=1, most=most, moved=moved)


def _grades(problem: Problem, firm: str, own: list[Offer]) -> Iterator[Lever]:
    served = {offer.package for offer in own}
    wanted = sorted({package.specialty for package in problem.packages if package.id in served and package.specialty})
    highest = best_grades(problem)
    holder = next(known for known in problem.firms if known.id == firm)
    for specialty in wanted:
        held = holder.grade_in(specialty) or 0
        most = max(highest.get(specialty, 0), problem.rules.least_grade(specialty) or 0) - held
        if most > 0:

            def moved(by: int, specialty: str = specialty, held: int = held) -> Problem:
                grade = dict(holder.grade) | {specialty: held + by}
                raised = replace(holder, grade=tuple(sorted(grade.items())))
                return replace(problem, firms=tuple(raised if known is holder else known for known in problem.firms))

            yield Lever(axis=Axis.GRADE, subject=specialty, before=held, step=1, most=most, moved=moved)


def _opened(problem: Problem, opening: Opening) -> Callable[[int], Problem]:
    return lambda by: exchanged(problem, *opening.offers) if by else problem
