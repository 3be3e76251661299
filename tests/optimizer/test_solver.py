"""What a user may rely on: the same answer for the same question, alternatives, interruption, honest figures."""

import random
import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import (
    Criterion,
    Firm,
    Goals,
    Mode,
    Offer,
    Package,
    Problem,
    ProblemInvalid,
    Progress,
    Result,
    Status,
    Stopped,
    Tie,
    result_document,
    solve,
    violations,
)
from optimizer.brute import feasible
from optimizer.score import base, scores_of
from tests.optimizer.cases import PROJECT, offered, present, ruled
from tests.strategies_problems import problems


def large(firms: int = 60, packages: int = 12, seed: int = 1, **goals: Any) -> Problem:
    """A problem that is not solved in a moment: many like firms, split packages."""
    draw = random.Random(seed)
    return Problem(
        firms=tuple(Firm(id=f"F{i}", sme=i % 2 == 0, member_cost=draw.randint(0, 900)) for i in range(firms)),
        packages=tuple(
            Package(id=f"WP{j}", quantity=100, value=draw.randint(50_000, 99_000), min_share=1000, max_suppliers=3)
            for j in range(packages)
        ),
        offers=tuple(
            Offer(
                firm=f"F{i}",
                package=f"WP{j}",
                price=draw.randint(450, 999),
                capacity=draw.randint(30, 80),
                fit=draw.randint(20, 99),
            )
            for j in range(packages)
            for i in draw.sample(range(firms), firms // 2)
        ),
        ties=tuple(Tie(a=f"F{i}", b=f"F{i + 1}", strength=draw.randint(1, 99)) for i in range(firms - 1)),
        goals=Goals(weights=(("fit", 45), ("price", 45), ("members", 30), ("resilience", 5)), **goals),
    )


def timeless(result: Result) -> dict[str, Any]:
    return {key: value for key, value in result_document(result).items() if key != "seconds"}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_decides_nothing(problem: Problem, chance: random.Random) -> None:
    mixed: dict[str, Any] = {}
    for name in ("firms", "packages", "offers", "pools", "ties"):
        items = getattr(problem, name)
        mixed[name] = tuple(chance.sample(items, len(items)))
    shuffled = replace(problem, **mixed)

    assert timeless(solve(shuffled, plans=2)) == timeless(solve(problem, plans=2))


def test_the_same_effort_and_seed_give_the_same_plan_even_without_a_proof() -> None:
    problem = large()

    first, second = (solve(problem, seconds=60, effort=0.4, seed=7) for _ in range(2))

    assert first.stopped is Stopped.EFFORT
    assert first.status is Status.FEASIBLE
    assert present(first.objective) < present(first.bound)
    assert timeless(first) == timeless(second)


def test_a_result_says_that_the_clock_stopped_it() -> None:
    result = solve(large(), seconds=0.5, effort=1000)

    assert result.stopped is Stopped.TIME


def test_no_time_at_all_is_an_answer_too() -> None:
    result = solve(large(), seconds=0)

    assert (result.status, result.stopped, result.plans) == (Status.UNKNOWN, Stopped.EFFORT, ())


def test_an_interrupted_search_returns_the_best_plan_so_far_with_its_gap() -> None:
    problem, wish = large(), threading.Event()
    seen: list[Progress] = []

    def stop_at_the_first_plan(progress: Progress) -> None:
        seen.append(progress)
        if progress.objective is not None:
            wish.set()

    result = solve(problem, seconds=60, plans=3, progress=stop_at_the_first_plan, interrupt=wish)

    assert (result.status, result.stopped) == (Status.FEASIBLE, Stopped.INTERRUPTED)
    assert len(result.plans) == 1
    assert violations(problem, result.plans[0]) == ()
    assert present(result.gap) > 0
    assert result.seconds < 30
    assert seen[0].objective is None, "a limit is known before there is a plan"
    assert seen[-1].plan == 1


def test_a_wish_that_is_never_uttered_changes_nothing() -> None:
    assert timeless(solve(PROJECT, interrupt=threading.Event())) == timeless(solve(PROJECT))


def test_progress_shows_costs_as_costs() -> None:
    seen: list[Progress] = []

    result = solve(replace(PROJECT, goals=Goals(mode=Mode.COST)), progress=seen.append)

    assert result.objective == 400
    assert seen[-1].objective == 400
    assert present(seen[-1].bound) <= 400


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems())
def test_alternatives_are_the_best_among_the_plans_that_are_far_enough_from_those_before(problem: Problem) -> None:
    problem = replace(problem, goals=replace(problem.goals, give_up=0))
    scored = [(set(case.members), base(problem, scores_of(case))) for case in feasible(problem)]

    plans = solve(problem, plans=3).plans

    before: list[set[str]] = []
    for plan in plans:
        members = set(plan.members)
        far = [value for team, value in scored if all(len(b - team) >= min(2, len(b)) for b in before)]
        near = [value for team, value in scored if all(len(b ^ team) >= 2 for b in before)]
        assert base(problem, dict(plan.scores)) == max(far or near)
        before.append(members)
    if len(plans) < 3:
        assert not any(all(len(b ^ team) >= 2 for b in before) for team, _ in scored)
    assert all(plan.status is Status.OPTIMAL for plan in plans)


def test_ties_are_drawn_together_within_what_may_be_given_up() -> None:
    tied = replace(PROJECT, ties=(Tie(a="A", b="B", strength=50),))

    strict, generous = (solve(replace(tied, goals=replace(tied.goals, give_up=part))) for part in (0, 3000))

    assert strict.plans[0].members == ("A",)
    assert generous.plans[0].members == ("A", "B")
    assert generous.objective == strict.objective
    assert 0 < generous.plans[0].given_up <= 0.3 * present(strict.objective)
    assert [stage.name for stage in generous.plans[0].stages] == ["base", "cohesion", "polish"]


def test_a_search_for_ties_that_finds_nothing_in_time_keeps_the_plan_it_has() -> None:
    problem = large(give_up=200)

    result = solve(problem, seconds=60, effort=0.12)

    assert result.stopped is Stopped.EFFORT
    assert violations(problem, result.plans[0]) == ()


def test_a_plan_names_the_figures_that_were_not_declared() -> None:
    vague = offered(offered(price=None, lead_days=None), package="WP2", capacity=4, lead_days=3)
    goals = Goals(weights=(("lead", 5), ("fit", 1), ("members", 9)))
    asked = ruled(replace(vague, goals=goals, firms=(replace(PROJECT.firms[0], turnover=None), *PROJECT.firms[1:])))

    result = solve(replace(asked, offers=tuple(o for o in asked.offers if o.firm == "A")))

    told = {(figure.firm, figure.package, figure.figure) for figure in result.missing}
    assert told == {("A", "WP1", "price"), ("A", "WP1", "capacity"), ("A", "WP1", "lead_days")}


def test_an_undeclared_turnover_proves_nothing_and_is_asked_for() -> None:
    unknown = replace(PROJECT, firms=(replace(PROJECT.firms[0], turnover=None), *PROJECT.firms[1:]))

    result = solve(ruled(unknown, qualification=(Criterion(name="turnover", total=90),)))

    assert result.plans[0].members == ("A", "B")
    assert ("A", None, "turnover") in {(m.firm, m.package, m.figure) for m in result.missing}


def test_an_undeclared_price_counts_as_the_reference_price_in_the_budget() -> None:
    open_price = offered(offered(price=None), package="WP2", price=None)
    only_a = replace(open_price, offers=tuple(o for o in open_price.offers if o.firm == "A"))

    assert solve(ruled(only_a, budget=800)).status is Status.OPTIMAL
    assert solve(ruled(only_a, budget=799)).status is Status.INFEASIBLE


def test_a_contradictory_problem_is_refused_before_it_is_solved() -> None:
    with pytest.raises(ProblemInvalid) as refused:
        solve(ruled(required=("Z",)))

    assert [(fault.path, fault.code) for fault in refused.value.faults] == [("$.rules.required[0]", "unknown-name")]


def test_quantities_without_a_common_multiple_are_judged_exactly_all_the_same() -> None:
    odd = (999_983, 999_979, 999_961)
    problem = Problem(
        firms=PROJECT.firms,
        packages=tuple(Package(id=f"WP{n}", quantity=n, value=n * 1_000 + 1) for n in odd),
        offers=tuple(Offer(firm=f, package=f"WP{n}", price=900, fit=50) for n in odd for f in "ABC"),
    )

    result = solve(ruled(problem, firm_share_max=3400, sme_share_min=6000), seconds=20)

    assert result.plans
    assert violations(ruled(problem, firm_share_max=3400, sme_share_min=6000), result.plans[0]) == ()


def test_goals_in_order_keep_the_plan_of_the_last_goal_that_was_reached() -> None:
    problem = replace(
        large(firms=40), goals=Goals(mode=Mode.LEXICOGRAPHIC, order=("price", "fit", "members"), give_up=100)
    )

    unreached = []
    for effort in (0.01, 0.02, 0.03, 0.04, 0.05):
        result = solve(problem, seconds=60, effort=effort)
        for plan in result.plans:
            assert violations(problem, plan) == ()
            unreached += [stage for stage in plan.stages[:3] if stage.status is Status.UNKNOWN]

    assert unreached
