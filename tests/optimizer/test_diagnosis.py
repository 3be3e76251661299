"""Infeasible is never the last word: the smallest fixes are named, work, and are needed; law never gives way."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings

from optimizer import (
    Cause,
    Criterion,
    Lead,
    Lock,
    Offer,
    Problem,
    Relaxation,
    Status,
    diagnose,
    ease,
    solve,
    violations,
)
from optimizer.brute import best
from tests.optimizer.cases import PROJECT, offered, packaged, present, ruled, without_offer
from tests.strategies_problems import problems

LAW = {"coverage", "capacity", "lot", "grade", "qualification", "conflict", "related"}
ONLY_A = replace(PROJECT, offers=tuple(offer for offer in PROJECT.offers if offer.firm == "A"))
TWO = without_offer("A", "WP2")

FIXES = [
    (packaged(ONLY_A, critical=True), ("min-suppliers", ("WP1",), 2, 1)),
    (packaged(ONLY_A, max_share=5000), ("max-share", ("WP1",), 5000, 10_000)),
    (ruled(without_offer("B", "WP1", without_offer("A", "WP2", without_offer("C", "WP1", without_offer("C", "WP2")))),
           max_members=1), ("member-limit", None, 1, 2)),
    (ruled(ONLY_A, min_members=2), ("member-minimum", None, 2, 1)),
    (ruled(ONLY_A, sme_share_min=1000), ("sme-share", None, 1000, 0)),
    (ruled(ONLY_A, firm_share_max=6000), ("firm-share", None, 6000, 10_000)),
    (ruled(budget=396), ("budget", None, 396, 400)),
    (ruled(ONLY_A, required=("B",)), ("required", ("B",), 1, 0)),
    (ruled(ONLY_A, excluded=("A",)), ("excluded", ("A",), 1, 0)),
    (ruled(ONLY_A, locked=(Lock(package="WP1", firm="B"),)), ("locked", ("WP1", "B"), 1, 0)),
    (ruled(ONLY_A, locked=(Lock(package="WP1", firm="A", share=5000),)), ("locked", ("WP1", "A"), 1, 0)),
    (ruled(ONLY_A, lead=Lead(candidates=("B",))), ("lead", None, 1, 0)),
    (ruled(TWO, firm_share_max=5000, lead=Lead(min_share=5100)), ("lead-share", None, 5100, 5000)),
    (ruled(ONLY_A, backup=("WP1",)), ("backup", ("WP1",), 1, 0)),
    (ruled(ONLY_A, min_newcomers=1), ("newcomers", None, 1, 0)),
    (ruled(ONLY_A, min_veterans=2), ("veterans", None, 2, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "expected"), FIXES, ids=[expected[0] for _, expected in FIXES])
def test_the_smallest_fix_is_named_with_its_amount_and_works(problem: Problem, expected: Any) -> None:
    rule, subject, before, after = expected

    result = solve(problem)

    assert result.status is Status.INFEASIBLE
    fix = present(result.diagnosis).fixes[0]
    assert fix.relaxations == (Relaxation(rule=rule, subject=subject, before=before, after=after),)
    assert fix.minimal
    assert violations(ease(problem, fix.relaxations), present(fix.plan)) == ()


def test_a_package_that_one_firm_cannot_carry_needs_one_supplier_more() -> None:
    split = offered(offered(offered(capacity=2), firm="B", capacity=2), firm="C", capacity=1)

    fix = diagnose(packaged(split, max_suppliers=1)).fixes[0]

    assert fix.relaxations == (Relaxation(rule="max-suppliers", subject=("WP1",), before=1, after=2),)


def test_a_least_share_gives_way_only_as_far_as_whole_units_need() -> None:
    split = offered(offered(offered(capacity=3), firm="B", capacity=1), firm="C", capacity=0)

    fix = diagnose(packaged(split, min_share=3000)).fixes[0]

    assert fix.relaxations == (Relaxation(rule="min-share", subject=("WP1",), before=3000, after=2500),)


def test_several_fixes_differ_and_the_cheapest_comes_first() -> None:
    fixes = diagnose(ruled(ONLY_A, sme_share_min=500, min_members=2), fixes=3).fixes

    assert len(fixes) == 1
    assert {eased.rule for eased in fixes[0].relaxations} == {"sme-share", "member-minimum"}

    either = diagnose(ruled(firm_share_max=5000, max_members=1), fixes=3).fixes

    assert [[eased.rule for eased in fix.relaxations] for fix in either] == [["member-limit"], ["firm-share"]]
    assert either[0].price <= either[1].price


def test_a_user_may_price_one_rule_above_the_others() -> None:
    prices = {"member-limit": 1000}

    fix = diagnose(ruled(firm_share_max=5000, max_members=1), prices=prices).fixes[0]

    assert [eased.rule for eased in fix.relaxations] == ["firm-share"]


def test_a_feasible_problem_needs_no_fix() -> None:
    diagnosis = diagnose(PROJECT)

    assert (diagnosis.fixes, diagnosis.causes, diagnosis.legal) == ((), (), False)


def test_what_nobody_can_deliver_is_named_with_the_offers_that_rules_took_away() -> None:
    strict = ruled(ONLY_A, min_grade=(("power", 3),))

    diagnosis = present(solve(packaged(strict, "WP2", quantity=5)).diagnosis)

    assert diagnosis.causes == (Cause(package="WP1", short=4, dropped=(("grade", 1),)),)
    assert diagnosis.fixes == ()


def test_a_package_that_is_two_units_short_is_told_so() -> None:
    diagnosis = present(solve(offered(ONLY_A, capacity=2)).diagnosis)

    assert diagnosis.causes == (Cause(package="WP1", short=2),)


def test_a_table_that_nobody_can_meet_is_a_matter_of_law() -> None:
    diagnosis = present(solve(ruled(qualification=(Criterion(name="turnover", total=10_000),))).diagnosis)

    assert diagnosis.legal
    assert diagnosis.fixes == ()


def test_a_diagnosis_without_time_says_nothing_rather_than_something_wrong() -> None:
    diagnosis = diagnose(ruled(ONLY_A, min_members=2), seconds=0)

    assert (diagnosis.fixes, diagnosis.causes, diagnosis.legal) == ((), (), False)


def test_money_in_millions_is_priced_by_the_percent() -> None:
    dear = replace(PROJECT, offers=tuple(replace(offer, price=10**9) for offer in ONLY_A.offers))

    fix = diagnose(ruled(dear, budget=7_900_000_000)).fixes[0]

    assert fix.relaxations == (Relaxation(rule="budget", subject=None, before=7_900_000_000, after=8_000_000_000),)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(problems())
def test_each_fix_works_and_no_part_of_it_is_superfluous(problem: Problem) -> None:
    assume(best(problem) is None)

    diagnosis = diagnose(problem, fixes=2)

    for fix in diagnosis.fixes:
        assert fix.minimal
        assert not {eased.rule for eased in fix.relaxations} & LAW
        assert best(ease(problem, fix.relaxations)) is not None
        assert violations(ease(problem, fix.relaxations), present(fix.plan)) == ()
        for eased in fix.relaxations:
            rest = tuple(other for other in fix.relaxations if other != eased)
            assert best(ease(problem, rest)) is None
    assert bool(diagnosis.fixes) != bool(diagnosis.causes or diagnosis.legal)


def test_an_offer_that_does_not_exist_is_no_fix() -> None:
    nobody = replace(PROJECT, offers=(Offer(firm="A", package="WP1"),))

    assert [cause.package for cause in diagnose(nobody).causes] == ["WP2"]
