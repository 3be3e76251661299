"""What each rule of the user costs: the best plan solved again with the rule eased by one step, and without it.

A rule that the best plan keeps with room to spare may still cost something, since a better plan may lie on its other
side; so nothing is concluded from slack, everything is solved again. Law and physics have no price.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.check import violations
from optimizer.diagnosis import ease
from optimizer.faults import MONEY_LIMIT
from optimizer.problem import WHOLE, Package, Problem, canonical
from optimizer.result import Interrupt, Relaxation, Status
from optimizer.trial import Trial, Trials, Values, units_of

POINT = 100
"""A step of a share: one point, in basis points."""

PERCENT = 100
"""A step of the budget is one part in so many."""


FIRST = 0.3
"""The part of the time that the best plan as things stand may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eased:
    """What would be gained if a rule said `after`.

    `gains` is the base value gained, level by level, `cost` what the plan's cost would change by; both are `None` where
    there is no plan with the rule, or none was found without. Status `optimal` means that the gain is exact, given that
    the best plan as things stand is proved; `feasible` that it is at least this much.

    >>> Eased(after=4, gains=(12,), cost=-3, status=Status.OPTIMAL).helps
    True
    """

    after: int
    gains: Values | None
    cost: int | None
    status: Status

    @property
    def helps(self) -> bool:
        """Whether there would be a better plan, or one at all."""
        return any(self.gains) if self.gains is not None else self.status in (Status.OPTIMAL, Status.FEASIBLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePrice:
    """A rule as it stands, eased by one step where it has steps, and dropped.

    A step is one member, supplier or firm, one point of a share, one percent of the budget.

    >>> gone = Eased(after=5, gains=(12,), cost=0, status=Status.OPTIMAL)
    >>> RulePrice(rule="member-limit", subject=None, before=3, step=None, dropped=gone).dropped.gains
    (12,)
    """

    rule: str
    subject: tuple[str, ...] | None
    before: int
    step: Eased | None
    dropped: Eased


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePrices:
    """The best plan as things stand, and the price of every rule.

    >>> RulePrices(status=Status.INFEASIBLE, values=None, prices=()).prices
    ()
    """

    status: Status
    values: Values | None
    prices: tuple[RulePrice, ...]


def price_of_rules(
    problem: Problem,
    *,
    seconds: float = 30.0,
    effort: float | None = None,
    seed: int = 0,
    interrupt: Interrupt | None = None,
) -> RulePrices:
    """Tell what the best plan would gain if each rule of the user were eased by one step, or dropped.

    >>> from optimizer import Firm, Goals, Mode, Offer, Rules
    >>> problem = Problem(
    ...     firms=(Firm(id="F1"), Firm(id="F2")), goals=Goals(mode=Mode.COST), rules=Rules(max_members=1),
    ...     packages=(Package(id="WP1", quantity=4), Package(id="WP2", quantity=4)),
    ...     offers=(Offer(firm="F1", package="WP1", price=5), Offer(firm="F1", package="WP2", price=9),
    ...             Offer(firm="F2", package="WP2", price=6)))
    >>> price, = price_of_rules(problem).prices
    >>> price.rule, price.before, price.step.after, price.step.gains, price.step.cost
    ('member-limit', 1, 2, (12,), -12)
    """
    ordered = canonical(problem)
    asked = list(easings(ordered))
    runs = 1 + sum(2 - (step is None) for step, _ in asked)
    trials = Trials(seconds=seconds, runs=runs, effort=effort, seed=seed, interrupt=interrupt)
    now = trials.best(ordered, share=FIRST)
    start = None if now.plan is None else units_of(now.plan)
    tried = {by: trials.best(ease(ordered, (by,)), start=start) for pair in asked for by in pair if by is not None}
    status = now.status
    now = max((now, *(then for then in tried.values() if _stands(ordered, then))), key=lambda trial: trial.values or ())
    prices = (
        RulePrice(
            rule=gone.rule,
            subject=gone.subject,
            before=gone.before,
            step=None if step is None else _eased(step, now, tried[step]),
            dropped=_eased(gone, now, tried[gone]),
        )
        for step, gone in asked
    )
    return RulePrices(status=status, values=now.values, prices=tuple(prices))


def easings(problem: Problem) -> Iterator[tuple[Relaxation | None, Relaxation]]:
    """Yield every rule that a user has set and may ease: by one step, where it has steps, and dropped.

    >>> from optimizer.problem import Rules
    >>> ruled = Problem(firms=(), packages=(), offers=(), rules=Rules(budget=5, min_veterans=1))
    >>> [gone.rule for _, gone in easings(ruled)]
    ['veterans', 'budget']
    """
    for package in problem.packages:
        yield from _of_package(package, sum(offer.package == package.id for offer in problem.offers))
    yield from _of_team(problem)
    yield from _of_value(problem)
    yield from _of_names(problem)


def _stands(problem: Problem, then: Trial) -> bool:
    """Return whether a plan found without a rule keeps it all the same: then a better one was missed before."""
    return then.plan is not None and not violations(problem, then.plan)


def _eased(by: Relaxation, now: Trial, then: Trial) -> Eased:
    if now.plan is None or then.plan is None or now.values is None or then.values is None:
        return Eased(after=by.after, gains=None, cost=None, status=then.status)
    gains = tuple(b - a for a, b in zip(now.values, then.values, strict=True))
    cost = dict(then.plan.scores)["cost"] - dict(now.plan.scores)["cost"]
    return Eased(after=by.after, gains=gains, cost=cost, status=then.status)


def _of_package(package: Package, offers: int) -> Iterator[tuple[Relaxation | None, Relaxation]]:
    subject = (package.id,)
    if package.min_share:
        yield _stepped("min-share", subject, package.min_share, -POINT, 0)
    if package.max_share < WHOLE:
        yield _stepped("max-share", subject, package.max_share, POINT, WHOLE)
    if package.fewest > 1:
        yield _stepped("min-suppliers", subject, package.fewest, -1, 1)
    if package.max_suppliers is not None:
        yield _stepped("max-suppliers", subject, package.max_suppliers, 1, max(offers, package.max_suppliers))


def _of_team(problem: Problem) -> Iterator[tuple[Relaxation | None, Relaxation]]:
    rules, firms = problem.rules, len(problem.firms)
    if rules.max_members is not None:
        yield _stepped("member-limit", None, rules.max_members, 1, max(firms, rules.max_members))
    if rules.min_members:
        yield _stepped("member-minimum", None, rules.min_members, -1, 0)
    if rules.min_newcomers:
        yield _stepped("newcomers", None, rules.min_newcomers, -1, 0)
    if rules.min_veterans:
        yield _stepped("veterans", None, rules.min_veterans, -1, 0)


def _of_value(problem: Problem) -> Iterator[tuple[Relaxation | None, Relaxation]]:
    rules = problem.rules
    if rules.sme_share_min:
        yield _stepped("sme-share", None, rules.sme_share_min, -POINT, 0)
    if rules.firm_share_max is not None and rules.firm_share_max < WHOLE:
        yield _stepped("firm-share", None, rules.firm_share_max, POINT, WHOLE)
    if rules.budget is not None:
        yield _stepped("budget", None, rules.budget, -(-rules.budget // PERCENT), MONEY_LIMIT)
    if rules.lead is not None and rules.lead.min_share:
        yield _stepped("lead-share", None, rules.lead.min_share, -POINT, 0)
    if rules.lead is not None:
        yield None, Relaxation(rule="lead", subject=None, before=1, after=0)


def _of_names(problem: Problem) -> Iterator[tuple[Relaxation | None, Relaxation]]:
    rules = problem.rules
    named: list[tuple[str, tuple[str, ...]]] = [("locked", (lock.package, lock.firm)) for lock in rules.locked]
    named += [("required", (firm,)) for firm in rules.required]
    named += [("excluded", (firm,)) for firm in rules.excluded]
    named += [("backup", (package,)) for package in rules.backup]
    for rule, subject in named:
        yield None, Relaxation(rule=rule, subject=subject, before=1, after=0)


def _stepped(
    rule: str, subject: tuple[str, ...] | None, before: int, step: int, end: int
) -> tuple[Relaxation | None, Relaxation]:
    """Return a rule eased by a step, but not beyond the end at which it no longer binds, and dropped."""
    after = max(before + step, end) if step < 0 else min(before + step, end)
    return (
        Relaxation(rule=rule, subject=subject, before=before, after=after),
        Relaxation(rule=rule, subject=subject, before=before, after=end),
    )
