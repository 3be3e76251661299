"""A problem solved once more with something about it changed: what it is worth then, and how sure that is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from optimizer.check import Case, Units, violations
from optimizer.eligibility import Slot
from optimizer.goals import best_grades, level, levels, scale
from optimizer.model import build
from optimizer.planning import PlanDisputed, best_plan
from optimizer.problem import Mode, Problem
from optimizer.quest import Quest
from optimizer.result import Assignment, Interrupt, Plan, Status, Stopped, agreed_shares
from optimizer.score import base, scores_of
from optimizer.search import Purse, Setting, Title, opened, run
from optimizer.variables import Expression, Model

Shape = Callable[[Model], None]
"""Adds to a model what no rule of the problem says."""

Values = tuple[int, ...]
"""The base value level by level; larger is better."""


def free(_: Model) -> None:
    """Add nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapedQuest(Quest):
    """A quest whose plans keep one more condition.

    >>> from optimizer.problem import Package
    >>> asked = Problem(firms=(), packages=(Package(id="WP1", quantity=1),), offers=())
    >>> ShapedQuest(problem=asked, setting=Setting()).shape is free
    True
    """

    shape: Shape = free

    def model(self, slots: Sequence[Slot] | None = None) -> Model:
        """Return a fresh model with the condition added."""
        model = Quest.model(self, slots)
        self.shape(model)
        return model


def shaped(problem: Problem, setting: Setting, shape: Shape) -> Quest:
    """Return the quest for a plan of a shape."""
    if shape is free:
        return Quest(problem=problem, setting=setting)
    return ShapedQuest(problem=problem, setting=setting, shape=shape, large=UNSEEN)


UNSEEN = 10**9
"""So many offers no problem has: a shape is kept by searching the whole problem at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of one solve: the best plan, if any, and its base value level by level.

    >>> Trial(status=Status.INFEASIBLE, plan=None, values=None).sure
    True
    """

    status: Status
    plan: Plan | None
    values: Values | None

    @property
    def sure(self) -> bool:
        """Whether it is proved that nothing better exists."""
        return self.status in (Status.OPTIMAL, Status.INFEASIBLE)

    def matches(self, other: "Trial") -> bool:
        """Return whether there is a plan here that is as good as the other's, or the other has none."""
        return self.values is not None and (other.values is None or self.values >= other.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Least:
    """How small a count was made, and the units of a plan in which it is so; none where no plan was found."""

    status: Status
    count: int
    units: Units | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a firm is in a best plan, and whether that is proved."""

    wanted: bool
    sure: bool


class Trials:
    """Solves variations of one problem out of one purse; ties are left aside, for only the base value is compared.

    >>> from optimizer.problem import Firm, Offer, Package
    >>> asked = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=1),),
    ...                 offers=(Offer(firm="F1", package="WP1", fit=100),))
    >>> Trials(seconds=5, runs=2).best(asked).plan.members
    ('F1',)
    """

    def __init__(
        self,
        *,
        seconds: float,
        runs: int = 1,
        effort: float | None = None,
        seed: int = 0,
        interrupt: Interrupt | None = None,
    ) -> None:
        self.purse = opened(seconds, effort)
        self.setting = Setting(seed=seed, interrupt=interrupt)
        self.left = runs
        self._without: dict[tuple[object, ...], Trial] = {}

    def best(
        self, problem: Problem, shape: Shape = free, *, share: float | None = None, start: Units | None = None
    ) -> Trial:
        """Return the best plan of a problem that is in canonical order, for a share of what is left.

        `start` is a plan that keeps every rule and the shape; nothing worse is returned.
        """
        plain = replace(problem, goals=replace(problem.goals, give_up=0))
        quest = shaped(plain, self.setting, shape if start is None else _started(shape, start))
        outcome = best_plan(quest, self._part(share))
        begun = None if start is None else told(plain, start)
        if outcome.plan is None:
            return begun or Trial(status=outcome.status, plan=None, values=None)
        trial = Trial(status=outcome.plan.status, plan=outcome.plan, values=base(plain, dict(outcome.plan.scores)))
        return trial if begun is None or trial.sure or trial.matches(begun) else begun

    def least(
        self,
        problem: Problem,
        counted: Callable[[Model], Expression],
        shape: Shape = free,
        *,
        share: float | None = None,
    ) -> Least:
        """Return how small a count can be made, and the units of a plan in which it is."""
        model = build(problem)
        shape(model)
        found = run(model, -1 * counted(model), self._part(share), self.setting, Title(stage="base", sign=-1))
        if found.objective is None:
            return Least(status=found.status, count=0, units=None)
        carried = zip(model.slots, found.units, strict=True)
        units = {(slot.firm.id, slot.package.id): amount for slot, amount in carried if amount}
        return Least(status=found.status, count=-found.objective, units=units)

    def verdict(self, problem: Problem, firm: str, *, share: float | None = None) -> Verdict:
        """Say whether a firm is in one of the best plans: whether the best plan with it equals the best without it."""
        rules = problem.rules
        inside = self.best(replace(problem, rules=replace(rules, required=_joined(rules.required, firm))), share=share)
        if inside.values is None:
            return Verdict(wanted=False, sure=inside.sure)
        outside = self._outside(problem, firm, share)
        return Verdict(wanted=inside.matches(outside), sure=inside.sure and outside.sure)

    def _outside(self, problem: Problem, firm: str, share: float | None) -> Trial:
        """Return the best plan without a firm; its own figures move that only through the yardstick of the points."""
        yard = scale(problem)
        longest = max((offer.lead_days or 0 for offer in problem.offers), default=0)
        key = (firm, yard.points, yard.whole, yard.money, longest, tuple(best_grades(problem).items()))
        if key not in self._without:
            rules = problem.rules
            self._without[key] = self.best(
                replace(problem, rules=replace(rules, excluded=_joined(rules.excluded, firm))), share=share
            )
        return self._without[key]

    def _part(self, share: float | None) -> Purse:
        self.left -= 1
        return self.purse.part(1 / max(1, self.left + 1) if share is None else share)


def hinted(start: Units | None) -> Shape:
    """Return the shape that begins the search at a known plan, and asks for nothing."""

    def shape(model: Model) -> None:
        if start is not None:
            model.hint([start.get((slot.firm.id, slot.package.id), 0) for slot in model.slots])

    return shape


def _started(shape: Shape, start: Units) -> Shape:
    def both(model: Model) -> None:
        shape(model)
        hinted(start)(model)

    return both


def at_least(values: Values) -> Shape:
    """Return the condition that a plan is worth no less, level by level."""

    def shape(model: Model) -> None:
        for name, value in zip(levels(model.problem), values, strict=True):
            model.cp.add(level(model, name) >= value)

    return shape


def stated(problem: Problem, units: Mapping[tuple[str, str], int]) -> Plan:
    """Return the plan that gives every firm the units named, with its scores; nothing is proved about it.

    Raises `PlanDisputed` with the rules that it breaks.

    >>> from optimizer.problem import Firm, Offer, Package
    >>> asked = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=2),),
    ...                 offers=(Offer(firm="F1", package="WP1", fit=100),))
    >>> stated(asked, {("F1", "WP1"): 2}).members
    ('F1',)
    >>> stated(asked, {("F1", "WP1"): 1})
    Traceback (most recent call last):
        ...
    optimizer.planning.PlanDisputed: coverage[WP1]
    """
    unknown = sorted(units.keys() - {(offer.firm, offer.package) for offer in problem.offers})
    if unknown:
        raise PlanDisputed(", ".join(f"no-offer[{firm}/{package}]" for firm, package in unknown))
    case = Case(problem, dict(units))
    scores = scores_of(case)
    worth = base(problem, scores)[0] * (-1 if problem.goals.mode is Mode.COST else 1)
    plan = Plan(
        members=tuple(case.members),
        assignments=tuple(part for package in case.packages for part in _parts(case, package)),
        scores=tuple(scores.items()),
        lead=next(iter(case.leads()), None),
        objective=worth,
        best=worth,
        bound=None,
        status=Status.FEASIBLE,
        stopped=Stopped.PROVED,
    )
    broken = violations(problem, plan)
    if broken:
        raise PlanDisputed(", ".join(broken))
    return plan


def told(problem: Problem, units: Mapping[tuple[str, str], int]) -> Trial:
    """Return a plan by its units as if it had been tried, with nothing proved.

    >>> from optimizer.problem import Firm, Offer, Package
    >>> asked = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=2),),
    ...                 offers=(Offer(firm="F1", package="WP1", fit=100),))
    >>> told(asked, {("F1", "WP1"): 2}).status.value
    'feasible'
    """
    plan = stated(problem, units)
    return Trial(status=plan.status, plan=plan, values=base(problem, dict(plan.scores)))


def units_of(plan: Plan) -> Units:
    """Return the units of a plan by firm and package.

    >>> from optimizer.result import Assignment
    >>> part = Assignment(package="WP1", firm="F1", units=3, share=10000, price=None)
    >>> units_of(Plan(members=("F1",), assignments=(part,), scores=(), lead=None, objective=0, best=0, bound=None,
    ...               status=Status.FEASIBLE, stopped=Stopped.TIME))
    {('F1', 'WP1'): 3}
    """
    return {(part.firm, part.package): part.units for part in plan.assignments}


def _parts(case: Case, package: str) -> list[Assignment]:
    firms = case.suppliers[package]
    units = tuple(case.units[firm, package] for firm in firms)
    if not units:
        return []
    return [
        Assignment(package=package, firm=firm, units=amount, share=share, price=case.offers[firm, package].price)
        for firm, amount, share in zip(firms, units, agreed_shares(units), strict=True)
    ]


def _joined(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(sorted({*names, name}))
