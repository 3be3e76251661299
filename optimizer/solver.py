"""The door to the optimizer: from a problem to plans with proofs, or to a diagnosis."""

from dataclasses import replace

from optimizer.diagnosis import look_into
from optimizer.eligibility import sift
from optimizer.faults import ProblemInvalid, faults
from optimizer.planning import Outcome, best_plan, why
from optimizer.problem import Problem, canonical
from optimizer.quest import Quest
from optimizer.result import Diagnosis, Interrupt, Listener, Plan, Result, Status
from optimizer.search import Purse, Setting, opened

SECONDS = 30.0
"""How long a problem may be worked on when nothing else is said."""


def solve(
    problem: Problem,
    *,
    plans: int = 1,
    seconds: float = SECONDS,
    effort: float | None = None,
    seed: int = 0,
    workers: int = 1,
    progress: Listener | None = None,
    interrupt: Interrupt | None = None,
) -> Result:
    """Find the best consortium and, if asked, alternatives that differ from every other plan in at least two members.

    The base value (the weighted goals, the cost, or goal after goal) is optimised with a proof; then, if some of it may
    be given up, the ties between members; then the base value once more at those ties. Every plan has passed the judge
    in `optimizer.check`. A problem that is proved to have no plan is diagnosed with what is left of the time.

    `seconds` limits the wall clock, `effort` the solver's own count of work. Unless given, it is a quarter of
    `seconds`, which is reached before the clock on an ordinary machine. A result whose `stopped` is `proved` or
    `effort` holds the same plans on every machine for the same seed, whatever the order of the input.

    With two `workers` a large problem is proved and improved side by side on two cores; what is found then depends on
    who finds it first, unless it is proved.

    Raises `ProblemInvalid` when the parts of the problem contradict each other, and `PlanDisputed` when model and judge
    disagree.

    >>> from optimizer import Firm, Offer, Package
    >>> problem = Problem(
    ...     firms=(Firm(id="F1"), Firm(id="F2")), packages=(Package(id="WP1", quantity=4, value=400),),
    ...     offers=(Offer(firm="F1", package="WP1", price=90, fit=70),
    ...             Offer(firm="F2", package="WP1", price=95, fit=90)))
    >>> result = solve(problem, plans=2)
    >>> result.status.value, [plan.members for plan in result.plans]
    ('optimal', [('F2',), ('F1',)])
    """
    wrong = faults(problem)
    if wrong:
        raise ProblemInvalid(wrong)
    purse = opened(seconds, effort)
    setting = Setting(seed=seed, listener=progress, interrupt=interrupt, workers=workers)
    quest = Quest(problem=canonical(problem), setting=setting, interchangeable=True)
    outcomes = [best_plan(quest, purse.part(1 / plans))]
    while outcomes[-1].plan is not None and len(outcomes) < plans and purse.seconds_left and not setting.wished:
        outcomes.append(_alternative(quest, outcomes, purse.part(1 / (plans - len(outcomes)))))
    lost = outcomes[0].status is Status.INFEASIBLE
    return _result(quest, outcomes, purse, look_into(quest.problem, purse, setting) if lost else None)


def _alternative(quest: Quest, outcomes: list[Outcome], purse: Purse) -> Outcome:
    before = tuple(frozenset(plan.members) for plan in _plans(outcomes))
    strict = best_plan(replace(quest, before=before), purse)
    if strict.plan is not None:
        return strict
    return best_plan(replace(quest, before=before, strict=False), purse)


def _plans(outcomes: list[Outcome]) -> list[Plan]:
    return [outcome.plan for outcome in outcomes if outcome.plan is not None]


def _result(quest: Quest, outcomes: list[Outcome], purse: Purse, diagnosis: Diagnosis | None) -> Result:
    first = outcomes[0]
    return Result(
        status=first.status,
        stopped=why(stage.stopped for outcome in outcomes for stage in outcome.stages),
        seconds=purse.spent,
        seed=quest.setting.seed,
        objective=None if first.plan is None else first.plan.best,
        bound=first.stages[0].bound,
        plans=tuple(_plans(outcomes)),
        dropped=sift(quest.problem).dropped,
        diagnosis=diagnosis,
    )
