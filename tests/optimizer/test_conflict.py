"""Rules that cannot hold together: with all of them there is no plan, without any one of them there is."""

from hypothesis import assume, given, settings

from optimizer import Problem, conflict_core, ease
from optimizer.brute import best
from optimizer.problem import canonical
from optimizer.rule_prices import easings
from tests.optimizer.cases import PROJECT, ruled
from tests.strategies_problems import problems


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems())
def test_without_any_one_of_the_rules_in_conflict_there_is_a_plan(problem: Problem) -> None:
    problem = canonical(problem)
    assume(best(problem) is None)

    core = conflict_core(problem)

    assert core.conflict
    assert core.minimal
    others = tuple(rule for _, rule in easings(problem) if rule not in core.rules)
    alone = ease(problem, others)
    assert best(alone) is None
    for rule in core.rules:
        assert best(ease(alone, (rule,))) is not None


def test_a_problem_with_a_plan_has_no_conflict() -> None:
    assert not conflict_core(PROJECT).conflict


def test_without_time_no_conflict_is_claimed() -> None:
    core = conflict_core(ruled(budget=1), seconds=0)

    assert (core.conflict, core.minimal) == (False, False)
