"""Why this plan: what each member brings, which rules bind, and what the best firm left out would have cost."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from optimizer.check import Case, Limit, limits
from optimizer.eligibility import Slot, sift
from optimizer.planning import best_plan
from optimizer.problem import WHOLE, Lock, Problem, canonical
from optimizer.quest import Quest
from optimizer.result import Dropped, Plan, Status
from optimizer.score import base, scores_of
from optimizer.search import Purse, Setting, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What a member brings: its packages, its share of the value, its average fit, and what would be lost without it.

    `loss` is in the unit of the plan's objective, and `None` when no plan without the member was found: with status
    `infeasible` it is proved that there is none. With status `optimal` the loss is exact, with `feasible` at most that.

    >>> Contribution(firm="F1", packages=("WP1",), value_share=10000, fit=93, loss=None,
    ...              without=Status.INFEASIBLE).indispensable
    True
    """

    firm: str
    packages: tuple[str, ...]
    value_share: int
    fit: int
    loss: int | None
    without: Status

    @property
    def indispensable(self) -> bool:
        """Whether it is proved that no plan exists without this member."""
        return self.without is Status.INFEASIBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """The best offer of a package by a firm outside the plan, and what the plan would lose with it.

    `scores` is how the goals would move; `loss` and `status` read as in `Contribution`.

    >>> Rival(package="WP1", firm="F2", loss=5, scores=(("fit", -5),), status=Status.OPTIMAL).loss
    5
    """

    package: str
    firm: str
    loss: int | None
    scores: tuple[tuple[str, int], ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The reasons for a plan: its members, the rules with no room left, the firms left out and the offers dropped.

    >>> Explanation(members=(), binding=(), rivals=(), dropped=()).members
    ()
    """

    members: tuple[Contribution, ...]
    binding: tuple[Limit, ...]
    rivals: tuple[Rival, ...]
    dropped: tuple[Dropped, ...]


def explain(
    problem: Problem, plan: Plan, *, seconds: float = 10.0, effort: float | None = None, seed: int = 0
) -> Explanation:
    """Explain a plan by solving the problem again without each member, and with the best rival of each package.

    Coverage always binds and is left out of `binding`.

    >>> from optimizer import Firm, Offer, Package, solve
    >>> problem = Problem(
    ...     firms=(Firm(id="F1"), Firm(id="F2")), packages=(Package(id="WP1", quantity=4, value=400),),
    ...     offers=(Offer(firm="F1", package="WP1", price=90, fit=70),
    ...             Offer(firm="F2", package="WP1", price=95, fit=90)))
    >>> reasons = explain(problem, solve(problem).plans[0])
    >>> [(member.firm, member.without.value) for member in reasons.members]
    [('F2', 'optimal')]
    >>> [(rival.firm, 0 < rival.loss < reasons.members[0].loss) for rival in reasons.rivals]
    [('F1', True)]
    """
    ordered = canonical(problem)
    case = Case(ordered, {(part.firm, part.package): part.units for part in plan.assignments})
    outside = list(_best_outside(ordered, case))
    compare = _Comparison(
        case=case, purse=opened(seconds, effort), setting=Setting(seed=seed), runs=len(case.members) + len(outside)
    )
    return Explanation(
        members=tuple(compare.without(firm) for firm in case.members),
        binding=tuple(limit for limit in limits(case) if limit.binding and limit.rule != "coverage"),
        rivals=tuple(compare.with_(slot) for slot in outside),
        dropped=sift(ordered).dropped,
    )


class _Comparison:
    def __init__(self, *, case: Case, purse: Purse, setting: Setting, runs: int) -> None:
        self.case, self.purse, self.setting, self.left = case, purse, setting, runs
        self.scores = scores_of(case)
        self.value = base(case.problem, self.scores)[0]

    def without(self, firm: str) -> Contribution:
        case = self.case
        rules = replace(case.rules, excluded=tuple(sorted({*case.rules.excluded, firm})))
        loss, _, status = self._against(replace(case.problem, rules=rules))
        carried = [(package, units) for (member, package), units in case.units.items() if member == firm]
        fits = sum(case.offers[firm, package].fit * units for package, units in carried)
        return Contribution(
            firm=firm,
            packages=tuple(package for package, _ in carried),
            value_share=WHOLE * case.held[firm] // max(1, case.whole),
            fit=fits // sum(units for _, units in carried),
            loss=loss,
            without=status,
        )

    def with_(self, slot: Slot) -> Rival:
        case, firm, package = self.case, slot.firm.id, slot.package.id
        rules = replace(case.rules, locked=(*case.rules.locked, Lock(package=package, firm=firm)))
        loss, scores, status = self._against(replace(case.problem, rules=rules))
        moved = tuple((name, value - self.scores[name]) for name, value in scores)
        return Rival(package=package, firm=firm, loss=loss, scores=moved, status=status)

    def _against(self, problem: Problem) -> tuple[int | None, tuple[tuple[str, int], ...], Status]:
        allowance = self.purse.part(1 / self.left)
        self.left -= 1
        plain = replace(problem, goals=replace(problem.goals, give_up=0))
        outcome = best_plan(Quest(problem=plain, setting=self.setting), allowance)
        if outcome.plan is None:
            return None, (), outcome.status
        scores = outcome.plan.scores
        return self.value - base(plain, dict(scores))[0], scores, outcome.status


def _best_outside(problem: Problem, case: Case) -> Iterator[Slot]:
    for package in problem.packages:
        locked = {lock.firm for lock in case.rules.locked if lock.package == package.id}
        free = (
            slot
            for slot in sift(problem).slots
            if slot.package.id == package.id and slot.firm.id not in {*case.suppliers[package.id], *locked}
        )
        best = min(free, key=_merit, default=None)
        if best is not None:
            yield best


def _merit(slot: Slot) -> tuple[int, int, str]:
    price = slot.package.unit_price if slot.offer.price is None else slot.offer.price
    return -slot.offer.fit, price, slot.firm.id
