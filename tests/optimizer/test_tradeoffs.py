"""What can be had of several goals at once: all efficient plans and no other, against enumeration."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import Problem, Status, frontier, violations
from optimizer.brute import feasible
from optimizer.problem import canonical
from optimizer.score import scores_of
from optimizer.tradeoffs import AXES
from tests.optimizer.cases import PROJECT, ruled
from tests.strategies_problems import problems

Vector = tuple[int, ...]


def efficient(problem: Problem, axes: list[str]) -> set[Vector]:
    vectors = {tuple(scores_of(case)[AXES[axis]] for axis in axes) for case in feasible(problem)}
    return {v for v in vectors if not any(w != v and all(a >= b for a, b in zip(w, v, strict=True)) for w in vectors)}


chosen = st.lists(st.sampled_from(sorted(AXES)), min_size=1, max_size=3, unique=True)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(problems(), chosen)
def test_with_the_finest_step_every_efficient_plan_is_found_and_no_other(problem: Problem, axes: list[str]) -> None:
    problem = canonical(problem)

    found = frontier(problem, axes, points=200, step=1)

    assert found.complete
    assert {point.reached for point in found.points} == efficient(problem, axes)
    assert len({point.reached for point in found.points}) == len(found.points)
    for point in found.points:
        assert violations(problem, point.plan) == ()
        scores = dict(point.plan.scores)
        assert point.reached == tuple(scores[AXES[axis]] for axis in axes)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(problems(), chosen)
def test_with_a_coarse_step_nothing_is_missed_by_more_than_a_step(problem: Problem, axes: list[str]) -> None:
    problem = canonical(problem)

    found = frontier(problem, axes, points=200, step=200_000)

    assert found.complete
    all_of_them = efficient(problem, axes)
    assert {point.reached for point in found.points} <= all_of_them
    for vector in all_of_them:
        assert any(
            all(a < b + found.step for a, b in zip(vector, point.reached, strict=True)) for point in found.points
        )


def test_the_ends_come_first_and_the_limit_on_points_is_kept() -> None:
    found = frontier(PROJECT, ("price", "sme"), points=2)

    assert [point.plan.members for point in found.points] == [("A",), ("B",)]
    assert [point.plan.status for point in found.points] == [Status.OPTIMAL, Status.OPTIMAL]
    assert not found.complete
    assert len(frontier(PROJECT, ("price", "sme"), points=1).points) == 1


def test_between_the_ends_lie_the_plans_that_split_the_work() -> None:
    found = frontier(PROJECT, ("price", "sme"), points=50, step=1)

    assert found.complete
    assert len(found.points) > 2
    assert {point.reached for point in found.points} == efficient(PROJECT, ["price", "sme"])


def test_a_problem_without_a_plan_has_no_frontier() -> None:
    found = frontier(ruled(budget=1))

    assert (found.points, found.complete) == ((), True)


def test_without_time_the_frontier_is_not_complete() -> None:
    assert not frontier(PROJECT, seconds=0).complete


def test_a_plan_that_a_later_one_dominates_is_dropped() -> None:
    problem = replace(PROJECT, offers=tuple(replace(offer, price=None) for offer in PROJECT.offers))

    assert [point.plan.members for point in frontier(problem, ("price", "sme"), step=1).points] == [("B",)]


@pytest.mark.parametrize("axes", [(), ("beauty",)])
def test_an_axis_that_does_not_exist_is_refused(axes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="axes are price"):
        frontier(PROJECT, axes)
