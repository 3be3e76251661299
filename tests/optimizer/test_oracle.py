"""The solver against exact enumeration: same feasibility, same optimum, whatever the problem."""

from hypothesis import HealthCheck, given, settings

from optimizer import Problem, Status, solve
from optimizer.brute import best
from optimizer.problem import Mode
from optimizer.score import base
from tests.strategies_problems import problems

often = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def same_as_enumeration(problem: Problem) -> None:
    answer = best(problem)
    result = solve(problem)
    if answer is None:
        assert result.status is Status.INFEASIBLE
        assert not result.plans
        return
    assert result.status is Status.OPTIMAL
    (plan,) = result.plans
    sign = -1 if problem.goals.mode is Mode.COST else 1
    assert result.objective == sign * answer.base[0] == result.bound
    values = base(problem, dict(plan.scores))
    if problem.goals.give_up and problem.ties:
        assert (dict(plan.scores)["cohesion"], values) == (answer.cohesion, answer.together)
    else:
        assert values == answer.base


@often
@given(problems(Mode.WEIGHTED))
def test_the_weighted_optimum_equals_enumeration(problem: Problem) -> None:
    same_as_enumeration(problem)


@often
@given(problems(Mode.COST))
def test_the_cheapest_plan_equals_enumeration(problem: Problem) -> None:
    same_as_enumeration(problem)


@often
@given(problems(Mode.LEXICOGRAPHIC))
def test_goals_in_order_equal_enumeration(problem: Problem) -> None:
    same_as_enumeration(problem)
