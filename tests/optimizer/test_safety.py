"""A safe plan survives the loss of any one firm, in it or upstream, and its price is what the best is worth more."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import Problem, Status, exposures, harden, solve, violations
from optimizer.brute import feasible
from optimizer.check import Case
from optimizer.eligibility import carries
from optimizer.problem import canonical
from optimizer.score import base, scores_of
from tests.optimizer.cases import PROJECT, packaged, present, ruled
from tests.strategies_problems import problems

SOURCES = st.dictionaries(
    st.sampled_from(["F0", "F1", "F2", "F3"]), st.lists(st.sampled_from(["S1", "S2", "F0"]), max_size=2), max_size=4
)


def survives(case: Case, names: list[str], upstream: dict[str, list[str]]) -> bool:
    """Whether each package can be carried whoever is lost, asked firm by firm."""
    sources = {*case.members, *(source for firm in case.members for source in upstream.get(firm, ()))}
    law = {("lot", lot, firm) for lot, firm in case.rules.taken}
    for name in names:
        package = case.packages[name]
        for lost in sources:
            left = [f for f in case.members if f != lost and lost not in upstream.get(f, ())]
            able = [
                carries(case.offers[f, name], package, case.pools)
                for f in left
                if (f, name) in case.offers and ("lot", package.lot, f) not in law and graded(case, f, name)
            ]
            gone = [f for f in case.members if f not in left and (f, name) in case.offers]
            if gone and sum(able) < package.quantity:
                return False
    return True


def graded(case: Case, firm: str, name: str) -> bool:
    least = case.rules.least_grade(case.packages[name].specialty)
    return least is None or (case.firms[firm].grade_in(case.packages[name].specialty) or -1) >= least


@settings(max_examples=80, deadline=None, derandomize=True)
@given(problems(), SOURCES)
def test_the_hardened_plan_is_the_best_of_all_that_survive(problem: Problem, upstream: dict[str, list[str]]) -> None:
    problem = canonical(replace(problem, ties=(), rules=replace(problem.rules, min_grade=(), qualification=())))
    names = [problem.packages[0].id]
    plans = list(feasible(problem))
    safe = [base(problem, scores_of(case)) for case in plans if survives(case, names, upstream)]

    found = harden(problem, packages=names, upstream=upstream)

    assert found.sure
    if not safe:
        assert (found.status, found.plan) == (Status.INFEASIBLE, None)
        return
    plan = present(found.plan)
    top = max(base(problem, scores_of(case)) for case in plans)
    assert present(found.price) == tuple(a - b for a, b in zip(top, max(safe), strict=True))
    assert exposures(problem, plan, packages=names, upstream=upstream) == ()
    assert violations(problem, plan) == ()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems(), SOURCES)
def test_exposures_are_empty_exactly_for_the_plans_that_survive(
    problem: Problem, upstream: dict[str, list[str]]
) -> None:
    problem = canonical(replace(problem, rules=replace(problem.rules, min_grade=(), qualification=())))
    names = [problem.packages[0].id]

    for plan in solve(problem, plans=3).plans:
        case = Case(problem, {(part.firm, part.package): part.units for part in plan.assignments})
        found = exposures(problem, plan, packages=names, upstream=upstream)
        assert (found == ()) == survives(case, names, upstream)


def test_two_backups_with_one_source_are_none() -> None:
    cheap = packaged(PROJECT, critical=True)

    apart = present(harden(cheap).plan)
    together = present(harden(cheap, upstream={"A": ("S",), "B": ("S",)}).plan)

    assert apart.members == ("A", "B")
    assert "C" in together.members


def test_the_price_of_safety_is_told_in_money_and_who_stands_by() -> None:
    found = harden(PROJECT, packages=["WP1"])

    assert found.cost == 30
    assert [(one.firm, one.package, one.units) for one in found.standbys] == [("B", "WP1", 4)]


def test_where_nobody_can_stand_by_there_is_no_safe_plan() -> None:
    alone = replace(PROJECT, offers=tuple(offer for offer in PROJECT.offers if offer.firm == "A"))

    found = harden(alone, packages=["WP1"])

    assert (found.status, found.plan, found.price, found.sure) == (Status.INFEASIBLE, None, None, True)


def test_a_price_needs_the_plan_it_is_measured_from() -> None:
    found = harden(ruled(max_members=2), packages=["WP1"], seconds=0)

    assert (found.status, found.price, found.sure) == (Status.UNKNOWN, None, False)


def test_a_package_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no package WP9"):
        harden(PROJECT, packages=["WP9"])
