"""A head start among the firms that look best: it hurries the first plan and decides nothing."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from optimizer import Firm, Lead, Lock, Mode, Offer, Package, Problem, Progress, Status, solve, violations
from optimizer.brute import best
from optimizer.kernel import kernel
from optimizer.planning import Quest, best_plan
from optimizer.problem import canonical
from optimizer.search import Setting, opened
from tests.optimizer.cases import present
from tests.optimizer.test_solver import large
from tests.strategies_problems import problems

CROWD = Problem(
    firms=tuple(Firm(id=f"F{i:02}", sme=i < 10, newcomer=i % 7 == 0) for i in range(40)),
    packages=(Package(id="WP1", quantity=4, value=100),),
    offers=tuple(Offer(firm=f"F{i:02}", package="WP1", fit=i, price=20 if i % 2 else None) for i in range(40)),
)


def kept(problem: Problem, firms: int = 2) -> set[str]:
    return {offer.firm for offer in kernel(problem, firms=firms, best=1).offers}


def ruled(**rules: object) -> Problem:
    return replace(CROWD, rules=replace(CROWD.rules, **rules))  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(problems())
def test_the_best_plan_is_the_same_with_a_head_start(problem: Problem) -> None:
    problem = canonical(replace(problem, goals=replace(problem.goals, give_up=0)))

    outcome = best_plan(Quest(problem=problem, setting=Setting(), large=0), opened(30, None))

    answer = best(problem)
    assert (outcome.plan is None) == (answer is None)
    if outcome.plan is not None:
        sign = -1 if problem.goals.mode is Mode.COST else 1
        assert outcome.plan.objective == sign * present(answer).base[0]


@pytest.mark.parametrize(
    ("problem", "more"),
    [
        (CROWD, set()),
        (ruled(sme_share_min=100), {"F07", "F09"}),
        (ruled(min_newcomers=1), {"F35", "F21"}),
        (ruled(lead=Lead(candidates=("F04", "F05", "F06"))), {"F05", "F06"}),
        (ruled(lead=Lead()), set()),
        (ruled(required=("F01",), locked=(Lock(package="WP1", firm="F02"),)), {"F01", "F02"}),
    ],
)
def test_the_firms_a_rule_asks_for_are_among_those_that_look_best(problem: Problem, more: set[str]) -> None:
    assert kept(problem) == {"F37", "F39"} | more


def test_a_large_problem_has_a_plan_with_a_gap_long_before_it_is_searched_through() -> None:
    problem, seen = large(firms=400, packages=12), list[Progress]()

    result = solve(problem, seconds=60, effort=1.5, progress=seen.append)

    assert result.status is Status.FEASIBLE
    assert violations(problem, result.plans[0]) == ()
    assert seen[0].stage == "kernel"
    assert seen[0].bound is None
    assert present(result.objective) <= present(result.bound)


def test_a_search_cut_short_keeps_the_plan_it_started_from() -> None:
    problem = large(firms=400, packages=12)

    outcomes = [solve(problem, seconds=60, effort=effort) for effort in (0.2, 0.4, 0.6, 0.8)]

    assert any(outcome.plans for outcome in outcomes)
    for outcome in outcomes:
        for plan in outcome.plans:
            assert violations(problem, plan) == ()
