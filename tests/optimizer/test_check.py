"""The judge finds what is wrong with a plan, whatever the plan says of itself."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import Lead, Plan, PlanDisputed, Problem, Status, Stopped, score, solve, violations
from optimizer.model import build
from optimizer.planning import agreed, certified
from optimizer.search import Found, Setting, Title, opened, run
from tests.optimizer.cases import PROJECT, ruled
from tests.strategies_problems import problems

(PLAN,) = solve(ruled(lead=Lead())).plans


def with_part(**changes: Any) -> Plan:
    first, *others = PLAN.assignments
    return replace(PLAN, assignments=(replace(first, **changes), *others))


@pytest.mark.parametrize(
    ("plan", "broken"),
    [
        (with_part(units=3), "coverage[WP1]"),
        (with_part(units=0), "units"),
        (with_part(share=9999), "shares[WP1]"),
        (with_part(firm="Z"), "no-offer[Z/WP1]"),
        (replace(PLAN, members=("A", "B")), "members"),
        (replace(PLAN, lead="B"), "lead"),
        (replace(PLAN, lead=None), "lead"),
    ],
)
def test_a_plan_that_was_tampered_with_is_found_out(plan: Plan, broken: str) -> None:
    assert broken in violations(ruled(lead=Lead()), plan)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems(), st.data())
def test_a_unit_more_than_planned_is_always_a_violation(problem: Problem, data: st.DataObject) -> None:
    result = solve(replace(problem, goals=replace(problem.goals, give_up=0)))
    if not result.plans:
        return
    (plan,) = result.plans
    place = data.draw(st.integers(0, len(plan.assignments) - 1))
    parts = list(plan.assignments)
    parts[place] = replace(parts[place], units=parts[place].units + 1)

    assert violations(problem, replace(plan, assignments=tuple(parts)))


def test_a_plan_with_a_broken_rule_never_leaves_the_optimizer() -> None:
    with pytest.raises(PlanDisputed, match=r"coverage\[WP1\]"):
        certified(ruled(lead=Lead()), with_part(units=3))


@pytest.mark.parametrize("judged", [9, 11])
def test_a_proved_value_that_the_judge_counts_otherwise_is_disputed(judged: int) -> None:
    with pytest.raises(PlanDisputed):
        agreed(Found(status=Status.OPTIMAL, stopped=Stopped.PROVED, objective=10, bound=10), judged)


def test_a_value_cut_short_may_be_better_than_the_model_counted_but_never_worse() -> None:
    found = Found(status=Status.FEASIBLE, stopped=Stopped.TIME, objective=10, bound=20)

    assert agreed(found, 11) == 11
    with pytest.raises(PlanDisputed):
        agreed(found, 9)


def test_numbers_beyond_64_bits_are_reported_rather_than_answered() -> None:
    model = build(PROJECT)
    member = model.member["A"]

    model.cp.add(2**62 * member + 2**62 * model.member["B"] + 2**62 * model.member["C"] <= 5)

    with pytest.raises(ValueError, match="overflow"):
        run(model, model.members(["A"]), opened(1, None), Setting(), Title(stage="base"))


def test_the_scores_of_a_plan_are_those_of_the_judge() -> None:
    (plan,) = solve(PROJECT).plans

    assert dict(plan.scores) == score(PROJECT, plan)
