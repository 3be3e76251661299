"""Ties: no plan that keeps enough of the base value has stronger ones than the limit says."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from optimizer import Firm, Offer, Package, Problem, Rules, Tie, solve, violations
from optimizer.brute import feasible
from optimizer.eligibility import sift
from optimizer.problem import WHOLE, canonical
from optimizer.quest import Quest
from optimizer.score import base, scores_of
from optimizer.search import Setting, opened
from optimizer.ties import tie_limit
from tests.optimizer.test_solver import large
from tests.strategies_problems import problems

ANY = -(10**12)
"""Less than any plan is worth."""


def limit(problem: Problem, least: int, before: tuple[frozenset[str], ...] = ()) -> int:
    quest = Quest(problem=problem, setting=Setting(), before=before)
    return tie_limit(quest, sift(problem).slots, least, opened(10, None))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems())
def test_no_plan_that_keeps_enough_has_stronger_ties_than_the_limit(problem: Problem) -> None:
    problem = canonical(problem)
    known = [(base(problem, scores_of(case))[0], scores_of(case)["cohesion"]) for case in feasible(problem)]
    if not known:
        return
    best = max(worth for worth, _ in known)
    least = best - abs(best) * problem.goals.give_up // WHOLE

    assert limit(problem, least) >= max(ties for worth, ties in known if worth >= least)


def star(partners: int, max_members: int | None = None) -> Problem:
    """One firm that is tied to many others, each of which could do half of the only package."""
    firms = [f"F{i}" for i in range(partners + 1)]
    return canonical(
        Problem(
            firms=tuple(Firm(id=firm) for firm in firms),
            packages=(Package(id="P", quantity=12),),
            offers=tuple(Offer(firm=firm, package="P", capacity=6) for firm in firms),
            ties=tuple(Tie(a="F0", b=firm, strength=10 + i) for i, firm in enumerate(firms[1:])),
            rules=Rules(max_members=max_members),
        )
    )


def test_who_may_have_one_partner_has_the_strongest_tie_at_most() -> None:
    assert limit(star(5, 2), ANY) == 14
    assert limit(star(5, 3), ANY) == 14 + 13
    assert limit(star(5), ANY) == 10 + 11 + 12 + 13 + 14


def test_a_limit_for_a_further_plan_keeps_away_from_the_plans_before() -> None:
    problem = star(3, 2)

    assert limit(problem, ANY, (frozenset({"F0", "F3"}),)) == 0, "two members are missing, so the hub is"


@pytest.mark.parametrize("workers", [1, 2])
def test_ties_of_a_large_problem_are_told_with_a_limit_over_all_firms(workers: int) -> None:
    problem = large(firms=60, give_up=200)

    result = solve(problem, seconds=5, workers=workers)

    (plan,) = result.plans
    assert violations(problem, plan) == ()
    (stage,) = [stage for stage in plan.stages if stage.name == "cohesion"]
    assert stage.bound is not None
    assert (stage.objective or 0) <= stage.bound < sum(tie.strength for tie in problem.ties)


def test_without_time_the_limit_is_what_all_ties_are_worth_together() -> None:
    problem = replace(large(), rules=Rules())
    quest = Quest(problem=problem, setting=Setting())

    assert tie_limit(quest, sift(problem).slots, 0, opened(0, 0.0)) == sum(tie.strength for tie in problem.ties)
