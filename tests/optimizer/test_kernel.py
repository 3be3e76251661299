"""Large problems: a limit over all firms, kernels and proofs. The answer is that of a search through everything."""

import threading
from dataclasses import replace

from hypothesis import given, settings

from optimizer import Goals, Mode, Problem, Progress, Status, Stopped, solve, violations
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
    problem, seen = large(firms=150, packages=12), list[Progress]()

    result = solve(problem, seconds=60, effort=1.5, progress=seen.append)

    assert result.status is Status.FEASIBLE
    assert violations(problem, result.plans[0]) == ()
    assert seen[0].objective is None, "the limit is known first"
    assert next(event for event in seen if event.objective is not None).stage == "kernel"
    assert all(present(event.bound) >= present(result.bound) for event in seen)
    assert present(result.objective) <= present(result.bound)


def test_a_search_cut_short_keeps_the_plan_it_started_from() -> None:
    problem = large(firms=150, packages=12)

    outcomes = [solve(problem, seconds=60, effort=effort) for effort in (0.2, 0.5)]

    assert any(outcome.plans for outcome in outcomes)
    for outcome in outcomes:
        for plan in outcome.plans:
            assert violations(problem, plan) == ()


def test_two_workers_prove_and_improve_side_by_side() -> None:
    problem, seen = large(firms=90, packages=8), list[Progress]()

    result = solve(problem, seconds=6, effort=1000, workers=2, progress=seen.append)

    assert violations(problem, result.plans[0]) == ()
    assert present(result.objective) <= present(result.bound)
    assert {event.stage for event in seen} >= {"base"}


def test_a_wish_ends_both_workers() -> None:
    problem, wish = large(firms=90, packages=8), threading.Event()

    def stop_at_a_plan(event: Progress) -> None:
        if event.objective is not None and event.stage == "base":
            wish.set()

    result = solve(problem, seconds=60, effort=1000, workers=2, progress=stop_at_a_plan, interrupt=wish)

    assert result.stopped is Stopped.INTERRUPTED
    assert violations(problem, result.plans[0]) == ()


def test_ties_of_a_large_problem_are_drawn_among_the_firms_near_its_best_plan() -> None:
    problem = large(firms=160, packages=8, give_up=300)

    result = solve(problem, seconds=600, effort=3)

    plan = result.plans[0]
    assert violations(problem, plan) == ()
    assert [stage.name for stage in plan.stages] == ["base", "cohesion", "polish"]
    assert present(plan.stages[1].objective) <= present(plan.stages[1].bound), "a limit over all firms"
    assert plan.given_up <= abs(plan.best) * 300 // 10_000


def test_goals_in_order_go_on_from_the_first_that_was_hunted() -> None:
    problem = large(firms=90, packages=8)
    problem = replace(problem, goals=Goals(mode=Mode.LEXICOGRAPHIC, order=("sme", "members")))

    result = solve(problem, seconds=60, effort=6)

    plan = result.plans[0]
    assert violations(problem, plan) == ()
    assert [stage.name for stage in plan.stages] == ["sme", "members"]


def test_alternatives_of_a_large_problem_keep_apart() -> None:
    problem = large(firms=90, packages=8)

    result = solve(problem, plans=2, seconds=60, effort=6)

    first, second = result.plans
    assert len(set(first.members) - set(second.members)) >= 2
    assert violations(problem, second) == ()


def test_further_kernels_are_searched_when_branch_and_bound_has_had_its_turn() -> None:
    problem = large(firms=260, packages=8)

    result = solve(problem, seconds=600, effort=3)

    assert result.stopped is Stopped.EFFORT
    assert violations(problem, result.plans[0]) == ()
    assert present(result.objective) <= present(result.bound)


def test_the_second_plan_may_differ_by_new_members_only() -> None:
    problem = canonical(large(firms=90, packages=8))
    first = solve(problem, seconds=60, effort=2).plans[0]
    before = (frozenset(first.members),)

    quest = Quest(problem=problem, setting=Setting(), before=before, strict=False)
    second = best_plan(quest, opened(60, 2)).plan

    assert len(before[0] ^ set(present(second).members)) >= 2
    assert violations(problem, present(second)) == ()


def test_no_plan_and_no_time_leave_the_limit() -> None:
    problem = canonical(large(firms=90, packages=8))

    outcome = best_plan(Quest(problem=problem, setting=Setting(workers=2)), opened(0.02, 0.001))

    assert outcome.plan is None
    assert outcome.status is Status.UNKNOWN
    assert outcome.stages[0].bound is not None


def test_a_wish_before_the_first_plan_is_granted() -> None:
    wish = threading.Event()
    wish.set()

    result = solve(large(firms=90, packages=8), seconds=60, interrupt=wish)

    assert (result.status, result.stopped, result.plans) == (Status.UNKNOWN, Stopped.INTERRUPTED, ())
    assert result.bound is not None
