"""Why this plan: what each member is worth, which rules bind, and why not the next firm."""

from dataclasses import replace

from hypothesis import assume, given, settings

from optimizer import Lock, Problem, Status, explain, solve
from optimizer.brute import best
from tests.optimizer.cases import PROJECT, packaged, present, ruled, without_offer
from tests.strategies_problems import problems


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems())
def test_the_worth_of_a_member_is_what_the_best_plan_without_it_loses(problem: Problem) -> None:
    problem = replace(problem, goals=replace(problem.goals, give_up=0))
    answer = best(problem)
    assume(answer is not None)
    top = present(answer).base[0]

    explanation = explain(problem, solve(problem).plans[0])

    for member in explanation.members:
        without = best(ruled(problem, excluded=(*problem.rules.excluded, member.firm)))
        assert member.indispensable == (without is None)
        assert member.loss == (None if without is None else top - without.base[0])
    for rival in explanation.rivals:
        lock = Lock(package=rival.package, firm=rival.firm)
        with_it = best(ruled(problem, locked=(*problem.rules.locked, lock)))
        assert rival.loss == (None if with_it is None else top - with_it.base[0])


def test_a_member_is_shown_with_its_packages_its_share_of_the_value_and_its_fit() -> None:
    problem = packaged(without_offer("A", "WP2"), value=1200)

    first, second = explain(problem, solve(problem).plans[0]).members

    assert (first.firm, first.packages, first.value_share, first.fit) == ("A", ("WP1",), 7500, 90)
    assert (second.firm, second.packages, second.value_share, second.fit) == ("B", ("WP2",), 2500, 80)


def test_the_rules_with_no_room_left_are_named() -> None:
    explanation = explain(ruled(max_members=1), solve(ruled(max_members=1)).plans[0])

    assert "member-limit" in {limit.label for limit in explanation.binding}
    assert "coverage" not in {limit.rule for limit in explanation.binding}


def test_the_best_firm_left_out_of_each_package_is_compared_goal_by_goal() -> None:
    explanation = explain(PROJECT, solve(PROJECT).plans[0])

    assert [(rival.package, rival.firm) for rival in explanation.rivals] == [("WP1", "C"), ("WP2", "C")]
    moved = dict(explanation.rivals[0].scores)
    assert moved["fit"] > 0 > moved["price"]
    assert explanation.rivals[0].status is Status.OPTIMAL


def test_a_rival_that_no_plan_can_hold_is_told_as_such() -> None:
    only_one = ruled(max_members=1, required=("A",))

    rivals = explain(only_one, solve(only_one).plans[0]).rivals

    assert {(rival.firm, rival.loss, rival.status) for rival in rivals} == {("C", None, Status.INFEASIBLE)}


def test_offers_that_rules_took_away_are_listed_with_the_rule() -> None:
    strict = ruled(min_grade=(("power", 2),))

    dropped = explain(strict, solve(strict).plans[0]).dropped

    assert [(offer.firm, offer.package, offer.rule) for offer in dropped] == [("A", "WP1", "grade")]
