"""Large problems: a limit over all firms, kernels and proofs. The answer is that of a search through everything."""

from dataclasses import replace

from hypothesis import given, settings

from optimizer import Mode, Problem, Progress, Status, solve, violations
from optimizer.brute import best
from optimizer.planning import best_plan
from optimizer.problem import canonical
from optimizer.quest import Quest
from optimizer.search import Setting, opened
from tests.optimizer.cases import present
from tests.optimizer.test_solver import large
from tests.strategies_problems import problems


@settings(max_examples=100, deadline=None, derandomize=True)
@given(problems())
def test_the_best_plan_is_the_same_when_it_is_hunted(problem: Problem) -> None:
    problem = canonical(replace(problem, goals=replace(problem.goals, give_up=0)))

    outcome = best_plan(Quest(problem=problem, setting=Setting(), large=0, interchangeable=True), opened(30, None))

    answer = best(problem)
    assert (outcome.plan is None) == (answer is None)
    if outcome.plan is not None:
        sign = -1 if problem.goals.mode is Mode.COST else 1
        assert outcome.plan.objective == sign * present(answer).base[0]


def test_a_large_problem_has_a_plan_with_a_gap_long_before_it_is_searched_through() -> None:
    problem, seen = large(firms=400, packages=12), list[Progress]()

    result = solve(problem, seconds=60, effort=1.5, progress=seen.append)

    assert result.status is Status.FEASIBLE
    assert violations(problem, result.plans[0]) == ()
    assert seen[0].objective is None, "the limit is known first"
    assert next(event for event in seen if event.objective is not None).stage == "kernel"
    assert all(present(event.bound) >= present(result.bound) for event in seen)
    assert present(result.objective) <= present(result.bound)


def test_a_search_cut_short_keeps_the_plan_it_started_from() -> None:
    problem = large(firms=400, packages=12)

    outcomes = [solve(problem, seconds=60, effort=effort) for effort in (0.2, 0.4, 0.6, 0.8)]

    assert any(outcome.plans for outcome in outcomes)
    for outcome in outcomes:
        for plan in outcome.plans:
            assert violations(problem, plan) == ()
