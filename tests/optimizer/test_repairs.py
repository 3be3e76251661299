"""A plan that lost somebody is mended: fewest is fewest, cheapest is best, and between stands what nothing beats."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer import Lock, Plan, Problem, Status, repair, solve, violations
from optimizer.brute import best, feasible
from optimizer.problem import canonical
from optimizer.repairs import bereft, changes
from optimizer.score import base, scores_of
from optimizer.trial import units_of
from tests.optimizer.cases import PROJECT, packaged, present, ruled, without_offer
from tests.strategies_problems import problems

Point = tuple[int, tuple[int, ...]]


def efficient(problem: Problem, plan: Plan, firms: set[str], parts: set[tuple[str, str]], keep: bool) -> list[Point]:
    """Every efficient pair of changes and base value, by looking at all plans."""
    left = bereft(canonical(problem), firms, parts)
    standing = {p: n for p, n in units_of(plan).items() if p[0] not in firms and p not in parts}
    points = {
        (changes(standing, case.units), base(problem, scores_of(case)))
        for case in feasible(left)
        if not keep or standing.items() <= case.units.items()
    }
    return sorted(p for p in points if not any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in points))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(problems(), st.data(), st.booleans())
def test_the_repairs_are_exactly_those_that_nothing_beats(problem: Problem, data: st.DataObject, keep: bool) -> None:
    assume(best(problem) is not None)
    plan = solve(problem).plans[0]
    if data.draw(st.booleans()):
        firms, parts = {data.draw(st.sampled_from(plan.members))}, set()
    else:
        part = data.draw(st.sampled_from(plan.assignments))
        firms, parts = set(), {(part.firm, part.package)}

    repairs = repair(problem, plan, lost=firms, parts=parts, keep=keep)

    assert repairs.complete
    assert [(way.changes, way.values) for way in repairs.efficient] == efficient(problem, plan, firms, parts, keep)
    for way in repairs.efficient:
        assert violations(bereft(problem, firms, parts), way.plan) == ()
    assert (repairs.status is Status.INFEASIBLE) == (repairs.fewest is None) == (repairs.cheapest is None)


def test_who_stays_signs_again_joins_and_leaves_is_told() -> None:
    split = packaged(without_offer("A", "WP2"), value=1200)
    plan = solve(split).plans[0]
    assert plan.members == ("A", "B")

    fewest = present(repair(split, plan, lost=("A",)).fewest)

    assert (fewest.staying, fewest.resign, fewest.joining, fewest.leaving) == (("B",), ("B",), (), ("A",))


def test_a_lost_firm_is_no_longer_asked_for() -> None:
    pinned = ruled(required=("A",), locked=(Lock(package="WP1", firm="A"),))

    repairs = repair(pinned, solve(pinned).plans[0], lost=("A",))

    assert present(repairs.cheapest).plan.members == ("B",)


def test_a_part_whose_certificate_expired_goes_while_its_firm_stays() -> None:
    plan = solve(PROJECT).plans[0]
    assert plan.members == ("A",)

    fewest = present(repair(PROJECT, plan, parts=(("A", "WP1"),)).fewest)

    assert (fewest.changes, fewest.plan.members, fewest.resign) == (1, ("A", "B"), ("A",))


def test_where_nobody_is_left_it_is_proved_that_there_is_no_repair() -> None:
    alone = replace(PROJECT, offers=tuple(offer for offer in PROJECT.offers if offer.firm == "A"))

    repairs = repair(alone, solve(alone).plans[0], lost=("A",))

    assert (repairs.status, repairs.efficient, repairs.complete) == (Status.INFEASIBLE, (), True)


def test_without_time_nothing_is_claimed() -> None:
    repairs = repair(PROJECT, solve(PROJECT).plans[0], lost=("A",), seconds=0)

    assert (repairs.status, repairs.efficient, repairs.complete) == (Status.UNKNOWN, (), False)


@pytest.mark.parametrize("effort", [1e-6, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3])
def test_with_however_little_effort_what_is_claimed_holds(effort: float) -> None:
    problem = ruled(packaged(PROJECT, critical=True), max_members=2)
    plan = solve(problem).plans[0]

    repairs = repair(problem, plan, lost=(plan.members[0],), effort=effort)

    left = bereft(canonical(problem), {plan.members[0]}, set())
    for way in repairs.efficient:
        assert violations(left, way.plan) == ()
    if repairs.complete and repairs.efficient:
        points = [(way.changes, way.values) for way in repairs.efficient]
        assert points == efficient(problem, plan, {plan.members[0]}, set(), False)
