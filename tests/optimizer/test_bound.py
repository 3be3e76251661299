"""What the linear side says: every plan meets its rows, none is worth more than its limit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from optimizer import Firm, Goals, Mode, Offer, Package, Pool, Problem, Rules
from optimizer.bound import Bound, bound, estimate, part_of, whole
from optimizer.brute import best, feasible
from optimizer.check import Case
from optimizer.dominance import outdone
from optimizer.eligibility import sift
from optimizer.highs import relax, untouched
from optimizer.hunt import completed
from optimizer.linear import Linear, tabulate
from optimizer.problem import canonical
from optimizer.score import base, scores_of
from tests.strategies_problems import goals, problems
from tests.strategies_problems import rules as drawn_rules


def tabulated(problem: Problem) -> Linear:
    return tabulate(problem, sift(problem).slots)


def proved(problem: Problem) -> tuple[Linear, Bound]:
    linear = tabulated(problem)
    return linear, bound(linear, 30.0)


def units_of(linear: Linear, case: Case) -> tuple[int, ...]:
    return tuple(case.units.get((slot.firm.id, slot.package.id), 0) for slot in linear.slots)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(problems())
def test_every_plan_that_keeps_the_rules_meets_every_row_and_earns_what_the_judge_counts(problem: Problem) -> None:
    problem = canonical(problem)
    linear = tabulated(problem)
    everything = np.ones(len(linear.slots), dtype=bool)

    for number, case in enumerate(feasible(problem)):
        if number % 7 == 0:
            point = completed(linear, units_of(linear, case), everything)
            assert point is not None
            reached = linear.matrix @ point
            assert (reached >= linear.row_low - 1e-6).all()
            assert (reached <= linear.row_high + 1e-6).all()
            counted = base(problem, scores_of(case))[0]
            assert whole(linear, float(linear.earns @ point)) >= counted


@settings(max_examples=120, deadline=None, derandomize=True)
@given(problems())
def test_no_plan_is_worth_more_than_the_limit(problem: Problem) -> None:
    problem = canonical(replace(problem, goals=replace(problem.goals, give_up=0)))
    answer = best(problem)
    assume(answer is not None)
    assert answer is not None

    linear, found = proved(problem)

    assert not found.missed
    assert whole(linear, found.estimate.limit) >= answer.base[0]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(problems())
def test_any_multipliers_prove_a_limit(problem: Problem) -> None:
    problem = canonical(replace(problem, goals=replace(problem.goals, give_up=0)))
    answer = best(problem)
    assume(answer is not None)
    assert answer is not None
    linear = tabulated(problem)

    for seed in range(5):
        multipliers = np.random.default_rng(seed).normal(0, 100, len(linear.row_low))
        assert whole(linear, estimate(linear, multipliers).limit) >= answer.base[0]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(problems())
def test_what_an_offer_leaves_within_the_limit_is_no_less_than_the_best_plan_with_it(problem: Problem) -> None:
    problem = canonical(problem)
    assume(sift(problem).slots)
    linear, found = proved(problem)
    gain = np.maximum(found.estimate.gain, 0.0)[linear.firm_of_slot]
    left = [whole(linear, value) for value in found.estimate.limit - gain + found.estimate.spare]

    for case in feasible(problem):
        counted = base(problem, scores_of(case))[0]
        assert all(n == 0 or left[i] >= counted for i, n in enumerate(units_of(linear, case)))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(problems())
def test_the_limit_by_pricing_is_that_of_the_linear_program_over_everything(problem: Problem) -> None:
    problem = canonical(problem)
    assume(sift(problem).slots)
    linear, found = proved(problem)
    assume(not found.missed)
    everything = part_of(linear, np.ones(len(linear.slots), dtype=bool))
    fines = np.full(len(linear.row_low), 1e9)

    answer = relax(linear, everything, untouched(linear), fines, 30.0)

    reached = float(linear.earns @ answer.point)
    assert found.estimate.limit == pytest.approx(reached, rel=1e-4, abs=1e-3)


def test_a_plan_with_an_offer_that_was_left_out_cannot_be_completed() -> None:
    linear = tabulated(crowd(4))
    left = np.array([False, True, True, True])

    assert completed(linear, (2, 2, 0, 0), left) is None
    assert completed(linear, (0, 2, 2, 0), left) is not None


def crowd(count: int, **rules: object) -> Problem:
    """Many firms with one offer each for one package, the later the better."""
    return Problem(
        firms=tuple(Firm(id=f"F{i:03}", sme=i % 2 == 0, turnover=i) for i in range(count)),
        packages=(Package(id="WP1", quantity=4, value=400, max_suppliers=2),),
        offers=tuple(Offer(firm=f"F{i:03}", package="WP1", fit=i % 90, price=50, capacity=3) for i in range(count)),
        rules=Rules(max_members=2, **rules),  # type: ignore[arg-type]
    )


def outdone_firms(problem: Problem) -> set[str]:
    linear = tabulated(problem)
    return {slot.firm.id for slot, gone in zip(linear.slots, outdone(problem, linear), strict=True) if gone}


def test_firms_that_enough_others_outdo_go_and_as_many_as_there_may_be_members_stay() -> None:
    problem = crowd(20)

    gone = outdone_firms(problem)

    assert {"F016", "F018", "F019"} == {firm.id for firm in problem.firms} - gone, "two small ones and the best"


def test_nobody_goes_whom_a_rule_names_or_where_members_are_not_limited() -> None:
    assert "F003" not in outdone_firms(crowd(20, required=("F003",)))
    assert "F003" not in outdone_firms(crowd(20, conflicts=(("F001", "F003"),)))
    assert not outdone_firms(replace(crowd(20), rules=Rules()))
    assert not outdone_firms(crowd(2))


def test_a_shared_pool_makes_nobody_go_and_a_backup_counts_every_offer() -> None:
    problem = crowd(20)
    offers = tuple(replace(offer, pool="common") for offer in problem.offers)
    assert not outdone_firms(replace(problem, offers=offers, pools=(Pool(id="common", capacity=9),)))

    backed = crowd(20, backup=("WP1",))
    assert len(outdone_firms(backed)) == 17
    other = Package(id="WP2", quantity=1, value=1, specialty="power")
    more = tuple(Offer(firm=firm.id, package="WP2") for firm in backed.firms)
    rules = replace(backed.rules, min_grade=(("power", 1),))
    assert not outdone_firms(
        replace(backed, packages=(*backed.packages, other), offers=(*backed.offers, *more), rules=rules)
    )


@st.composite
def alike(draw: st.DrawFn) -> Problem:
    """Six firms with few differences and mostly one offer each."""
    firms = tuple(
        Firm(
            id=f"F{i}",
            sme=draw(st.booleans()),
            newcomer=draw(st.booleans()),
            turnover=draw(st.sampled_from([30, 60])),
            grade=(("power", draw(st.integers(1, 2))),),
            member_cost=draw(st.sampled_from([0, 3])),
        )
        for i in range(6)
    )
    packages = tuple(
        Package(
            id=f"WP{i}", quantity=draw(st.integers(1, 3)), value=100, specialty=draw(st.sampled_from([None, "power"]))
        )
        for i in range(2)
    )
    places = [(firm.id, draw(st.sampled_from(["WP0", "WP0", "WP1"]))) for firm in firms]
    places += [place for place in draw(st.sets(st.sampled_from([("F0", "WP1"), ("F1", "WP0")]))) if place not in places]
    offers = tuple(
        Offer(
            firm=firm,
            package=package,
            price=draw(st.sampled_from([None, 20, 33])),
            capacity=draw(st.sampled_from([1, 2, None])),
            fit=draw(st.sampled_from([50, 70])),
        )
        for firm, package in places
    )
    rules = replace(draw(drawn_rules(firms, packages)), max_members=draw(st.integers(1, 2)), min_members=None)
    return canonical(Problem(firms=firms, packages=packages, offers=offers, rules=rules, goals=draw(goals())))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(alike())
def test_the_best_plan_is_worth_the_same_without_those_that_are_outdone(problem: Problem) -> None:
    linear = tabulated(problem)
    gone = outdone(problem, linear)
    left = {(s.firm.id, s.package.id) for s, out in zip(linear.slots, gone, strict=True) if not out}

    plans = [(base(problem, scores_of(case))[0], left.issuperset(case.units)) for case in feasible(problem)]

    event("some are outdone" if gone.any() else "nobody is outdone")
    assert max(plans)[0] == max(plan for plan in plans if plan[1])[0] if plans else True


def test_large_values_keep_their_limit() -> None:
    value = 10**14
    problem = Problem(
        firms=(Firm(id="F1"), Firm(id="F2", sme=True)),
        packages=(Package(id="WP1", quantity=997, value=value), Package(id="WP2", quantity=991, value=value - 1)),
        offers=tuple(Offer(firm=f, package=p, price=value // 1000) for f in ("F1", "F2") for p in ("WP1", "WP2")),
        rules=Rules(sme_share_min=3333, firm_share_max=9000, budget=2 * value),
        goals=Goals(mode=Mode.COST),
    )

    linear, found = proved(problem)

    assert np.abs(linear.matrix.data).max() <= 2**20
    assert -whole(linear, found.estimate.limit) <= 1988 * (value // 1000)
