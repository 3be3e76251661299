"""What a rule costs is what the best plan would gain without it, found by solving again."""

from dataclasses import replace

from hypothesis import given, settings

from optimizer import Goals, Lead, Lock, Mode, Problem, Relaxation, Status, ease, price_of_rules
from optimizer.brute import best
from optimizer.diagnosis import EASED
from optimizer.problem import canonical
from optimizer.rule_prices import easings
from tests.optimizer.cases import PROJECT, packaged, ruled
from tests.strategies_problems import problems

EVERY_RULE = ruled(
    packaged(PROJECT, min_share=2500, max_share=7500, critical=True, max_suppliers=2),
    max_members=3, min_members=2, sme_share_min=50, firm_share_max=9950, budget=10_000, lead=Lead(min_share=2000),
    locked=(Lock(package="WP1", firm="A"),), required=("B",), excluded=("C",), backup=("WP2",), min_newcomers=1,
    min_veterans=1,
)  # fmt: skip


def untied(problem: Problem) -> Problem:
    return replace(problem, goals=replace(problem.goals, give_up=0))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems())
def test_the_price_of_a_rule_is_what_enumeration_gains_without_it(problem: Problem) -> None:
    problem = untied(problem)
    now = best(problem)

    found = price_of_rules(problem)

    assert found.values == (None if now is None else now.base)
    for price in found.prices:
        for eased in filter(None, (price.step, price.dropped)):
            by = Relaxation(rule=price.rule, subject=price.subject, before=price.before, after=eased.after)
            then = best(ease(canonical(problem), (by,)))
            if now is None or then is None:
                assert eased.gains is None
                assert eased.helps == (then is not None)
            else:
                assert eased.gains == tuple(b - a for a, b in zip(now.base, then.base, strict=True))
                assert eased.helps == any(eased.gains)
            assert eased.status is (Status.INFEASIBLE if then is None else Status.OPTIMAL)


def test_every_rule_that_may_be_eased_has_a_price() -> None:
    assert {gone.rule for _, gone in easings(EVERY_RULE)} == set(EASED)


def test_a_step_never_goes_beyond_the_end_of_a_rule() -> None:
    steps = {step.rule: step.after for step, _ in easings(EVERY_RULE) if step is not None}

    assert (steps["sme-share"], steps["firm-share"], steps["budget"], steps["min-suppliers"]) == (0, 10_000, 10_100, 1)
    assert (steps["min-share"], steps["max-share"], steps["max-suppliers"]) == (2400, 7600, 3)


def test_a_budget_that_binds_is_priced_in_money() -> None:
    dear = replace(ruled(max_members=1, sme_share_min=10_000), goals=Goals(mode=Mode.COST))

    prices = {price.rule: price for price in price_of_rules(dear).prices}

    assert prices["sme-share"].dropped.cost == -240
    assert prices["sme-share"].dropped.gains == (240,)
    assert not prices["member-limit"].dropped.helps


def test_without_time_no_rule_is_said_to_cost_anything() -> None:
    found = price_of_rules(ruled(max_members=1), seconds=0)

    assert (found.status, found.values) == (Status.UNKNOWN, None)
    assert [price.dropped.gains for price in found.prices] == [None]
