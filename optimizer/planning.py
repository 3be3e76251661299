"""One plan, stage by stage: the base value with a proof, the ties, the base value once more; then the judge."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from optimizer.check import Case, Units, violations
from optimizer.eligibility import Slot, sift
from optimizer.goals import cohesion, level, levels
from optimizer.hunt import Hunted, hunt
from optimizer.problem import WHOLE, Problem
from optimizer.quest import Quest
from optimizer.result import Assignment, Missing, Plan, Stage, Status, Stopped, agreed_shares
from optimizer.score import base, scores_of
from optimizer.search import Found, Purse, Title, run
from optimizer.ties import tie_limit
from optimizer.variables import Model

BASE_PART, TIES_PART = 0.7, 0.6
"""The part of a plan's time that the base value may use when ties are to be looked at afterwards, and of that time the
part in which ties are sought before a limit on them is."""


class PlanDisputed(RuntimeError):
    """Reports that the model and the judge disagree about a plan: a defect, never a matter of the input.

    >>> str(PlanDisputed("budget"))
    'budget'
    """


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
    slots = sift(quest.problem).slots
    share = purse.part(BASE_PART if tied else 1)
    hunted = (
        hunt(quest, slots, share.part(1 / len(levels(quest.problem)))) if len(slots) >= max(1, quest.large) else None
    )
    stages, found = _climb(quest, slots, share, hunted)
    if found is None:
        return Outcome(plan=None, stages=tuple(stages))
    reached = list(stages)
    if tied:
        near = None if hunted is None else hunted.near
        more, found = _draw_together(quest, slots, near, reached, found, purse)
        stages = [*stages, *more]
    plan = _told(quest, slots, found, reached, stages)
    return Outcome(plan=certified(quest.problem, plan), stages=tuple(stages))


def _climb(
    quest: Quest, slots: Sequence[Slot], purse: Purse, hunted: Hunted | None = None
) -> tuple[list[Stage], Found | None]:
    """Optimise level after level, each held at what it reached while the next is sought; the first may be known."""
    names = levels(quest.problem)
    if hunted is None:
        return _levels(quest, quest.model(slots), names, purse)
    stages = [_stage(quest.title(names[0]), hunted.found, hunted.found.objective, quest.sign)]
    if hunted.found.objective is None or len(names) == 1:
        return stages, None if hunted.found.objective is None else hunted.found
    model = quest.model(slots)
    model.cp.add(level(model, names[0]) >= hunted.found.objective)
    model.hint(hunted.found.units)
    more, found = _levels(quest, model, names, purse, first=1)
    return [*stages, *more], found or hunted.found


def _levels(
    quest: Quest, model: Model, names: Sequence[str], purse: Purse, *, first: int = 0, polish: bool = False
) -> tuple[list[Stage], Found | None]:
    stages: list[Stage] = []
    best: Found | None = None
    for i, name in list(enumerate(names))[first:]:
        aim = level(model, name)
        title = quest.title("polish" if polish and name == "base" else name)
        found = run(model, aim, purse.part(1 / (len(names) - i)), quest.setting, title)
        judged = _judged(quest, model.slots, found, lambda scores, i=i: base(quest.problem, scores)[i])  # type: ignore[misc]
        stages.append(_stage(title, found, judged, quest.sign))
        if judged is None:
            break
        best = found
        model.cp.add(aim >= judged)
        model.hint(found.units)
    return stages, best


def _draw_together(
    quest: Quest,
    slots: Sequence[Slot],
    near: tuple[int, ...] | None,
    reached: list[Stage],
    start: Found,
    purse: Purse,
) -> tuple[list[Stage], Found]:
    """Make the ties as strong as possible while every level keeps all but the part that may be given up.

    In a large problem only the slots `near` the best plans are looked at, and the bound is that of `ties`.
    """
    chosen = tuple(range(len(slots))) if near is None else near
    model = quest.model([slots[i] for i in chosen])
    model.hint([start.units[i] for i in chosen])
    floors = [
        best - abs(best) * quest.problem.goals.give_up // WHOLE
        for best in (stage.objective * quest.sign for stage in reached if stage.objective is not None)
    ]
    for name, least in zip(levels(quest.problem), floors, strict=False):
        model.cp.add(level(model, name) >= least)
    aim = cohesion(model)
    title = Title(stage="cohesion", plan=len(quest.before) + 1, bounded=near is None)
    share = purse.part(BASE_PART)
    if near is None:
        found, limit = run(model, aim, share, quest.setting, title), None
    else:
        found, limit = _beside(quest, slots, floors[0], share, lambda own: run(model, aim, own, quest.setting, title))
    judged = _judged(quest, model.slots, found, lambda scores: scores["cohesion"])
    stages = [_part_of_whole(_stage(title, found, judged, 1), near, limit)]
    if judged is None:
        return stages, start
    model.cp.add(aim >= judged)
    model.hint(found.units)
    more, polished = _levels(quest, model, levels(quest.problem), purse.part(1), polish=True)
    spread = replace(found, units=_spread(polished or found, chosen, len(slots)))
    return [*stages, *(_part_of_whole(stage, near) for stage in more)], spread


def _beside(
    quest: Quest, slots: Sequence[Slot], least: int, purse: Purse, search: Callable[[Purse], Found]
) -> tuple[Found, int]:
    """Search for ties and for a limit on them, side by side where there are two workers, else one after the other."""
    if quest.setting.workers < 2:
        found = search(purse.part(TIES_PART))
        return found, tie_limit(quest, slots, least, purse.part(1.0))
    with ThreadPoolExecutor(max_workers=1) as room:
        own = Purse(seconds=purse.seconds_left, effort=purse.effort_left)
        other = room.submit(tie_limit, quest, slots, least, own)
        return search(purse), other.result()


def _part_of_whole(stage: Stage, near: tuple[int, ...] | None, limit: int | None = None) -> Stage:
    """Return a stage with the limit that holds for the whole, if any, for a proof that holds among some offers only."""
    if near is None:
        return stage
    proved = limit is not None and stage.objective is not None and stage.objective >= limit
    among = Status.FEASIBLE if stage.status is Status.OPTIMAL else stage.status
    return replace(stage, bound=limit, status=Status.OPTIMAL if proved else among)


def _spread(found: Found, places: Sequence[int], count: int) -> tuple[int, ...]:
    units = [0] * count
    for place, amount in zip(places, found.units, strict=True):
        units[place] = amount
    return tuple(units)


def _stage(title: Title, found: Found, judged: int | None, sign: int) -> Stage:
    return Stage(
        name=title.stage,
        objective=None if judged is None else sign * judged,
        bound=None if found.bound is None else sign * found.bound,
        status=found.status,
        stopped=found.stopped,
    )


def _units(slots: Sequence[Slot], found: Found) -> Units:
    return {(s.firm.id, s.package.id): amount for s, amount in zip(slots, found.units, strict=True) if amount}


def _judged(quest: Quest, slots: Sequence[Slot], found: Found, read: Callable[[dict[str, int]], int]) -> int | None:
    """Return what the judge makes of a run, `None` where it found nothing."""
    if found.objective is None:
        return None
    return agreed(found, read(scores_of(Case(quest.problem, _units(slots, found)))))


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


def _told(quest: Quest, slots: Sequence[Slot], found: Found, reached: list[Stage], stages: list[Stage]) -> Plan:
    case = Case(quest.problem, _units(slots, found))
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
