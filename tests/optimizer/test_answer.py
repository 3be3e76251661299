"""The result file says all of a result in plain values."""

import json
from dataclasses import replace

from hypothesis import given, settings

from optimizer import (
    Problem,
    Tie,
    answer_document,
    explain,
    price_of_rules,
    repair,
    result_document,
    shares,
    solve,
)
from tests.optimizer.cases import PROJECT, ruled
from tests.strategies_problems import problems


def test_a_solved_problem_is_told_in_the_documented_keys() -> None:
    tied = replace(PROJECT, ties=(Tie(a="A", b="B", strength=5),), goals=replace(PROJECT.goals, give_up=3000))

    document = result_document(solve(tied, plans=2))

    assert {"format", "status", "objective", "bound", "gap", "seconds", "seed", "plans", "diagnosis"} <= set(document)
    plan = document["plans"][0]
    assert {"objective", "members", "assignments", "scores", "lead"} <= set(plan)
    assert set(plan["assignments"][0]) == {"package", "firm", "share", "units", "price"}
    assert [stage["name"] for stage in plan["stages"]] == ["base", "cohesion", "polish"]


def test_an_infeasible_problem_is_told_with_its_fixes() -> None:
    document = result_document(solve(ruled(budget=396)))

    (fix,) = document["diagnosis"]
    assert document["status"] == "infeasible"
    assert fix["relax"] == [{"rule": "budget", "subject": None, "from": 396, "to": 400, "by": 4}]
    assert fix["plan"]["members"] == ["A"]


def test_a_subject_is_told_as_a_list() -> None:
    document = result_document(solve(ruled(required=("B",), excluded=("B",))))

    assert [fix["relax"][0]["subject"] for fix in document["diagnosis"]] == [["B"], ["B"]]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems())
def test_every_result_is_json_and_its_shares_sum_to_the_whole(problem: Problem) -> None:
    document = json.loads(json.dumps(result_document(solve(problem, plans=2))))

    for plan in document["plans"]:
        shares: dict[str, int] = {}
        for part in plan["assignments"]:
            shares[part["package"]] = shares.get(part["package"], 0) + part["share"]
        assert set(shares.values()) == {10_000}


def test_every_answer_is_told_in_plain_values() -> None:
    limited = ruled(max_members=2)
    plan = solve(limited).plans[0]
    answers = {
        "repairs": repair(limited, plan, lost=("A",)),
        "rules": price_of_rules(limited),
        "shares": shares(limited, plan),
        "explanation": explain(limited, plan),
        "plans": solve(limited).plans,
    }

    told = {kind: json.loads(json.dumps(answer_document(kind, answer))) for kind, answer in answers.items()}

    assert {document["kind"] for document in told.values()} == set(answers)
    assert told["repairs"]["efficient"][0]["plan"]["scores"]["cost"] > 0
    assert told["shares"]["certificate"]["stable"] in (True, False)
    assert told["rules"]["prices"][0]["dropped"]["helps"] is False
    assert told["plans"]["answers"][0]["members"] == list(plan.members)
