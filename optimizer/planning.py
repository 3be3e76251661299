"""One plan, stage by stage: the base value with a proof, the ties, the base value once more; then the judge."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from optimizer.check import Case, Units, violations
from optimizer.goals import cohesion, level, levels
from optimizer.kernel import kernel
from optimizer.model import build
from optimizer.problem import WHOLE, Mode, Problem
from optimizer.result import Assignment, Missing, Plan, Stage, Status, Stopped, agreed_shares
from optimizer.score import base, scores_of
from optimizer.search import Found, Purse, Setting, Title, run
from optimizer.variables import Model

APART = 2
"""In how many members an alternative differs from every plan before it."""

LARGE = 1_500
"""From how many usable offers a first plan is sought among the firms that look best."""

HEAD_PART = 0.25
"""The part of a plan's time that this may take."""

BASE_PART = 0.7
"""The part of a plan's time that the base value may use when ties are to be looked at afterwards."""


class PlanDisputed(RuntimeError):
    """Reports that the model and the judge disagree about a plan: a defect, never a matter of the input.

    >>> str(PlanDisputed("budget"))
    'budget'
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Quest:
    """A plan to be found: the problem in canonical order, and the plans it has to differ from.

    A strict quest asks that two of an earlier plan's members are missing (one, where it has only one); a lenient one
    counts members that are new as well.
    """

    problem: Problem
    setting: Setting
    before: tuple[frozenset[str], ...] = ()
    strict: bool = True
    large: int = LARGE

    def model(self, problem: Problem | None = None) -> Model:
        """Return a fresh model, of the whole problem or a part of it, that keeps apart from the plans before."""
        model = build(problem or self.problem)
        for members in self.before:
            _keep_apart(model, members, strict=self.strict)
        return model

    def title(self, stage: str) -> Title:
        """Return what a run for this quest is called."""
        return Title(stage=stage, plan=len(self.before) + 1, sign=self.sign)

    @property
    def sign(self) -> int:
        """The sign of a base value as it is shown: costs are shown as they are and made small."""
        return -1 if self.problem.goals.mode is Mode.COST else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a quest: a plan or none, and every stage on the way."""

    plan: Plan | None
    stages: tuple[Stage, ...]

    @property
    def status(self) -> Status:
        """What is known about the base value."""
        return self.stages[0].status if self.plan is None else self.plan.status


def best_plan(quest: Quest, purse: Purse) -> Outcome:
    """Find the best plan of a quest within a purse."""
    goals = quest.problem.goals
    tied = goals.give_up > 0 and bool(quest.problem.ties)
    model = quest.model()
    start = _head_start(quest, model, purse.part(HEAD_PART)) if len(model.slots) >= quest.large else None
    stages, found = _climb(quest, model, purse.part(BASE_PART if tied else 1), start)
    if found is None:
        return Outcome(plan=None, stages=tuple(stages))
    reached = list(stages)
    if tied:
        more, found = _draw_together(quest, reached, found, purse)
        stages = [*stages, *more]
    plan = _told(quest, model, found, reached, stages)
    return Outcome(plan=certified(quest.problem, plan), stages=tuple(stages))


def _head_start(quest: Quest, model: Model, purse: Purse) -> Found | None:
    """Find a plan among the firms that look best, and let the search of the whole problem start from it."""
    small = quest.model(kernel(quest.problem))
    title = Title(stage="kernel", plan=len(quest.before) + 1, sign=quest.sign, bounded=False)
    found = run(small, level(small, levels(quest.problem)[0]), purse, quest.setting, title)
    if found.objective is None:
        return None
    units = _units(small, found)
    placed = tuple(units.get((slot.firm.id, slot.package.id), 0) for slot in model.slots)
    model.hint(placed)
    worth = base(quest.problem, scores_of(Case(quest.problem, units)))[0]
    return replace(found, status=Status.FEASIBLE, objective=worth, bound=None, units=placed)


def _climb(
    quest: Quest, model: Model, purse: Purse, start: Found | None = None, *, polish: bool = False
) -> tuple[list[Stage], Found | None]:
    """Optimise level after level, each held at what it reached while the next is sought."""
    names = levels(quest.problem)
    stages: list[Stage] = []
    best: Found | None = None
    for i, name in enumerate(names):
        aim = level(model, name)
        title = quest.title("polish" if polish and name == "base" else name)
        found = run(model, aim, purse.part(1 / (len(names) - i)), quest.setting, title)
        judged = _judged(quest, model, found, lambda scores, i=i: base(quest.problem, scores)[i])  # type: ignore[misc]
        if start is not None and not i and _behind(found, judged, start):
            found, judged = replace(start, bound=found.bound, stopped=found.stopped), start.objective
        stages.append(_stage(title, found, judged, quest.sign))
        if judged is None:
            break
        best = found
        model.cp.add(aim >= judged)
        model.hint(found.units)
    return stages, best


def _behind(found: Found, judged: int | None, start: Found) -> bool:
    """Return whether a search that was cut short did not even keep up with the plan it started from."""
    unsure = found.status in (Status.UNKNOWN, Status.FEASIBLE)
    return unsure and (judged is None or judged < (start.objective or 0))


def _draw_together(quest: Quest, reached: list[Stage], start: Found, purse: Purse) -> tuple[list[Stage], Found]:
    """Make the ties as strong as possible while every level keeps all but the part that may be given up."""
    model = quest.model()
    model.hint(start.units)
    for name, stage in zip(levels(quest.problem), reached, strict=False):
        if stage.objective is not None:
            best = stage.objective * quest.sign
            model.cp.add(level(model, name) >= best - abs(best) * quest.problem.goals.give_up // WHOLE)
    aim = cohesion(model)
    title = Title(stage="cohesion", plan=len(quest.before) + 1)
    found = run(model, aim, purse.part(BASE_PART), quest.setting, title)
    judged = _judged(quest, model, found, lambda scores: scores["cohesion"])
    stages = [_stage(title, found, judged, 1)]
    if judged is None:
        return stages, start
    model.cp.add(aim >= judged)
    model.hint(found.units)
    more, polished = _climb(quest, model, purse.part(1), polish=True)
    return [*stages, *more], polished or found


def _keep_apart(model: Model, members: frozenset[str], *, strict: bool) -> None:
    kept = model.members(sorted(members))
    if strict:
        model.cp.add(kept <= len(members) - min(APART, len(members)))
    else:
        new = model.members(firm for firm in model.member if firm not in members)
        model.cp.add(len(members) - kept + new >= APART)


def _stage(title: Title, found: Found, judged: int | None, sign: int) -> Stage:
    return Stage(
        name=title.stage,
        objective=None if judged is None else sign * judged,
        bound=None if found.bound is None else sign * found.bound,
        status=found.status,
        stopped=found.stopped,
    )


def _units(model: Model, found: Found) -> Units:
    return {(s.firm.id, s.package.id): amount for s, amount in zip(model.slots, found.units, strict=True) if amount}


def _judged(quest: Quest, model: Model, found: Found, read: Callable[[dict[str, int]], int]) -> int | None:
    """Return what the judge makes of a run, `None` where it found nothing."""
    if found.objective is None:
        return None
    return agreed(found, read(scores_of(Case(quest.problem, _units(model, found)))))


def agreed(found: Found, judged: int) -> int:
    """Return the judge's value of a run that it does not contradict.

    A run that was cut short may not have given itself every point it earned; a proved one has.

    Raises `PlanDisputed` where the judge counts less than the model, or anything but what the model has proved.
    """
    proved = found.status is Status.OPTIMAL
    if found.objective is None or judged < found.objective or (proved and judged != found.objective):
        raise PlanDisputed(f"the model counts {found.objective}, the judge {judged}")
    return judged


def certified(problem: Problem, plan: Plan) -> Plan:
    """Return a plan that keeps every rule.

    Raises `PlanDisputed` with the rules that the judge sees broken.
    """
    broken = violations(problem, plan)
    if broken:
        raise PlanDisputed(", ".join(broken))
    return plan


def _told(quest: Quest, model: Model, found: Found, reached: list[Stage], stages: list[Stage]) -> Plan:
    case = Case(quest.problem, _units(model, found))
    scores = scores_of(case)
    first, sign = reached[0], quest.sign
    worth = base(quest.problem, scores)[0]
    proved = all(stage.status is Status.OPTIMAL for stage in reached)
    return Plan(
        members=tuple(case.members),
        assignments=tuple(_assignments(case)),
        scores=tuple(scores.items()),
        lead=next(iter(case.leads()), None),
        objective=sign * worth,
        best=sign * max(worth, sign * (first.objective or 0)),
        bound=first.bound,
        status=Status.OPTIMAL if proved else Status.FEASIBLE,
        stopped=why([stage.stopped for stage in stages]),
        stages=tuple(stages),
        missing=tuple(_missing(case)),
    )


def why(reasons: Iterable[Stopped]) -> Stopped:
    """Return the one reason that says most about how far an answer can be trusted.

    >>> why([Stopped.PROVED, Stopped.TIME, Stopped.EFFORT]).value
    'time'
    """
    severity = [Stopped.PROVED, Stopped.EFFORT, Stopped.TIME, Stopped.INTERRUPTED]
    return max(reasons, key=severity.index)


def _assignments(case: Case) -> Iterator[Assignment]:
    for package in case.packages:
        firms = case.suppliers[package]
        units = tuple(case.units[firm, package] for firm in firms)
        for firm, amount, share in zip(firms, units, agreed_shares(units), strict=True):
            price = case.offers[firm, package].price
            yield Assignment(package=package, firm=firm, units=amount, share=share, price=price)


def _missing(case: Case) -> Iterator[Missing]:
    goals = case.problem.goals
    hurried = "lead" in goals.order or dict(goals.weights).get("lead", 0) > 0
    for firm, package in case.units:
        offer = case.offers[firm, package]
        absent = {
            "price": offer.price is None,
            "capacity": offer.capacity is None and offer.pool is None,
            "lead_days": hurried and offer.lead_days is None,
        }
        yield from (Missing(firm=firm, package=package, figure=name) for name, gone in absent.items() if gone)
    for firm in case.members:
        for row in case.rules.qualification:
            if case.firms[firm].figure(row.values) is None:
                yield Missing(firm=firm, package=None, figure=row.values)
