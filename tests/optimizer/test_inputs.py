"""Plans and portfolios read from files: every fault with its path, nothing that breaks a rule gets in."""

import json
from typing import Any

import pytest

from optimizer import ProblemInvalid, Stratum, read_plan, read_portfolio, result_document, solve, write_problem
from optimizer.document import TEXT_LIMIT
from tests.optimizer.cases import PROJECT, ruled

ASKED = json.loads(write_problem(PROJECT))


def told(**changes: Any) -> str:
    document = {"format": "lianzhou-portfolio/1", "opportunities": [{"id": "A", "problem": ASKED}]} | changes
    return json.dumps(document)


def faults_of(source: str | bytes) -> list[tuple[str, str]]:
    with pytest.raises(ProblemInvalid) as refused:
        read_portfolio(source)
    return [(fault.path, fault.code) for fault in refused.value.faults]


def test_a_portfolio_file_is_read_with_its_pools_and_floors() -> None:
    strata = [{"name": "sme", "firms": ["B", "C"], "floor": 3000}]

    asked = read_portfolio(told(pools=[{"id": "P", "capacity": 9}], strata=strata))

    assert [(one.id, one.problem == PROJECT, one.gross) for one in asked.opportunities] == [("A", True, 800)]
    assert [(pool.id, pool.capacity) for pool in asked.pools] == [("P", 9)]
    assert asked.strata == (Stratum(name="sme", firms=("B", "C"), floor=3000),)
    assert read_portfolio(told().encode()).pools == ()


def test_faults_of_a_problem_inside_are_told_with_their_paths_from_outside() -> None:
    broken = {"id": "A", "problem": ASKED | {"pools": [{"id": 7, "capacity": 1}]}}

    assert faults_of(told(opportunities=[broken])) == [("$.opportunities[0].problem.pools[0].id", "not-text")]
    assert faults_of(told(opportunities=[{"id": "A", "problem": 3}])) == [("$.opportunities[0].problem", "not-object")]


def test_two_opportunities_of_one_name_are_a_fault() -> None:
    twice = [{"id": "A", "problem": ASKED}, {"id": "A", "problem": ASKED}]

    assert faults_of(told(opportunities=twice)) == [("$.opportunities[1].id", "repeated")]


@pytest.mark.parametrize("source", ["{", b"\xff\xfe\xff", "[" * 100_000])
def test_what_is_no_json_is_said_so(source: str | bytes) -> None:
    assert faults_of(source) == [("$", "not-json")]


def test_a_file_that_is_too_large_is_not_looked_into() -> None:
    assert faults_of(b" " * (TEXT_LIMIT + 1)) == [("$", "too-large")]


def test_a_plan_comes_back_from_the_result_it_was_written_to() -> None:
    result = solve(PROJECT, plans=2)
    written = json.dumps(result_document(result))

    for number, plan in enumerate(result.plans, start=1):
        read = read_plan(written, PROJECT, number)
        assert (read.assignments, read.scores, read.lead) == (plan.assignments, plan.scores, plan.lead)


@pytest.mark.parametrize(
    ("document", "path", "code"),
    [
        ([], "$.plans[0]", "missing-key"),
        ({"plans": []}, "$.plans[0]", "missing-key"),
        ({"plans": [3]}, "$.plans[0].assignments", "not-list"),
        (
            {"plans": [{"assignments": [{"firm": "A", "package": "WP1"}]}]},
            "$.plans[0].assignments[0].units",
            "missing-key",
        ),
        (
            {"plans": [{"assignments": [{"firm": "A", "package": "WP1", "units": 4}]}]},
            "$.plans[0].assignments",
            "plan-breaks",
        ),
        (
            {"plans": [{"assignments": [{"firm": "X", "package": "WP1", "units": 4}]}]},
            "$.plans[0].assignments",
            "plan-breaks",
        ),
    ],
)  # fmt: skip
def test_a_plan_that_is_none_is_refused_with_its_path(document: Any, path: str, code: str) -> None:
    with pytest.raises(ProblemInvalid) as refused:
        read_plan(json.dumps(document), PROJECT)

    assert [(fault.path, fault.code) for fault in refused.value.faults] == [(path, code)]


def test_a_plan_that_breaks_a_rule_of_another_problem_is_refused() -> None:
    written = json.dumps(result_document(solve(PROJECT)))

    with pytest.raises(ProblemInvalid, match="plan-breaks"):
        read_plan(written, ruled(excluded=("A",)))
