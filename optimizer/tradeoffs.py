"""What can be had of several goals at once: the plans in which no goal can be bettered without losing in another.

Every efficient plan is found by one solve: each plan known already must be beaten on at least one axis by a step, and
of what is left the plan with the largest sum is taken. Whatever dominated it would have a larger sum and would beat
the same plans, so nothing does: the disjunctive form of the epsilon-constraint method (Sylva & Crema, *A method for
finding the set of non-dominated vectors for multiple objective integer linear programs*, 2004). First come the ends:
the best there is on each axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.goals import GOALS, scale
from optimizer.problem import Goals, Mode, Problem, canonical
from optimizer.result import Interrupt, Plan, Status
from optimizer.trial import Shape, Trial, Trials, stated, units_of
from optimizer.variables import Model

AXES = {"price": "price", "risk": "resilience", "sme": "sme", "lead": "lead"}
"""The axes by the goal that measures each: larger is better on all, less risk is more resilience."""

MOST_POINTS = 12
"""How many plans are offered unless asked otherwise."""

PART = 0.1
"""The part of what is left that one of the solves may take."""

STEPS = 100
"""Plans differ on some axis by one part in so many of a perfect score, unless asked otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """An efficient plan and what it reaches on each axis, in points. `sure` says that no plan dominates it (proved)."""

    plan: Plan
    reached: tuple[int, ...]
    sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """Efficient plans, the best on the first axis first.

    `complete` says that every other efficient plan is less than `step` points better than one of these on each axis
    (proved).

    >>> Frontier(axes=("price",), step=1, points=(), complete=True).points
    ()
    """

    axes: tuple[str, ...]
    step: int
    points: tuple[Point, ...]
    complete: bool


def frontier(
    problem: Problem,
    axes: Sequence[str] = tuple(AXES),
    *,
    points: int = MOST_POINTS,
    step: int | None = None,
    seconds: float = 30.0,
    effort: float | None = None,
    seed: int = 0,
    interrupt: Interrupt | None = None,
) -> Frontier:
    """Find efficient plans along the axes `price`, `risk`, `sme` and `lead`, whatever the goals of the problem weigh.

    `step` is the least by which two plans differ on some axis, in points of `docs/optimizer.md`; 1 finds them all.

    >>> from optimizer import Firm, Offer, Package
    >>> problem = Problem(
    ...     firms=(Firm(id="F1", sme=True), Firm(id="F2"), Firm(id="F3")),
    ...     packages=(Package(id="WP1", quantity=1, value=100),),
    ...     offers=(Offer(firm="F1", package="WP1", price=90), Offer(firm="F2", package="WP1", price=60),
    ...             Offer(firm="F3", package="WP1", price=95)))
    >>> found = frontier(problem, ("price", "sme"))
    >>> [(point.plan.members, point.reached) for point in found.points], found.complete
    ([(('F2',), (400000, 0)), (('F1',), (100000, 1000000))], True)

    Raises `ValueError` for an axis that does not exist, or for none.
    """
    if not axes or not set(axes) <= AXES.keys():
        raise ValueError(f"axes are {', '.join(AXES)}")
    ordered = canonical(problem)
    trials = Trials(seconds=seconds, effort=effort, seed=seed, interrupt=interrupt)
    walk = _Walk(ordered, tuple(dict.fromkeys(AXES[axis] for axis in axes)), step, trials)
    last = walk.ends(points)
    while last.plan is not None and len(walk.found) < points:
        last = walk.next()
    efficient = sorted(walk.found, key=lambda point: tuple(-value for value in point.reached))
    sure = last.status is Status.INFEASIBLE and all(point.sure for point in efficient)
    return Frontier(axes=tuple(dict.fromkeys(axes)), step=walk.step, points=tuple(efficient), complete=sure)


class _Walk:
    def __init__(self, problem: Problem, goals: tuple[str, ...], step: int | None, trials: Trials) -> None:
        self.problem, self.goals, self.trials = problem, goals, trials
        self.yard = scale(problem)
        self.step = max(1, self.yard.points // STEPS if step is None else step)
        self.found: list[Point] = []

    def ends(self, points: int) -> Trial:
        """Find the best plan on each axis, and among those the best on the others in turn; return the last solve."""
        for goal in self.goals[:points]:
            order = (goal, *(other for other in self.goals if other != goal))
            trial = self.trials.best(self._aimed(Goals(mode=Mode.LEXICOGRAPHIC, order=order)), share=PART)
            if trial.plan is None:
                break
            self._note(trial)
        return trial

    def next(self) -> Trial:
        """Find an efficient plan that beats each plan known on some axis; return the solve."""
        sum_of_all = Goals(weights=tuple((goal, 1) for goal in self.goals))
        trial = self.trials.best(self._aimed(sum_of_all), self._beyond(self.found), share=PART)
        if trial.plan is not None:
            self._note(trial)
        return trial

    def _note(self, trial: Trial) -> None:
        assert trial.plan is not None
        scores = dict(trial.plan.scores)
        reached = tuple(scores[goal] for goal in self.goals)
        plan = replace(stated(self.problem, units_of(trial.plan)), status=trial.status, stopped=trial.plan.stopped)
        if not any(_no_better(reached, known.reached) for known in self.found):
            kept = [known for known in self.found if not _no_better(known.reached, reached)]
            self.found = [*kept, Point(plan=plan, reached=reached, sure=trial.sure)]

    def _aimed(self, goals: Goals) -> Problem:
        return replace(self.problem, goals=goals)

    def _beyond(self, known: Sequence[Point]) -> Shape:
        def shape(model: Model) -> None:
            measured = [GOALS[goal](model, self.yard) for goal in self.goals]
            for point in known:
                better = [model.cp.new_bool_var("") for _ in measured]
                model.cp.add_bool_or(better)
                for beats, expression, reached in zip(better, measured, point.reached, strict=True):
                    model.cp.add(expression >= reached + self.step).only_enforce_if(beats)

        return shape


def _no_better(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True))
