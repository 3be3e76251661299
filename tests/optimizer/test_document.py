"""A problem file is read whole or refused whole, with every fault and its path."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import Fault, Mode, Problem, ProblemInvalid, read_problem, solve, write_problem
from optimizer.faults import FAULT_LIMIT
from tests.strategies_problems import problems

EXAMPLE: dict[str, Any] = {
    "format": "lianzhou-problem/1",
    "firms": [
        {"id": "F1", "name": "岭南变流", "sme": True, "grade": {"power": 2}, "turnover": 120000000, "member_cost": 0},
        {"id": "F2", "newcomer": True, "figures": {"exports": 7}},
        {"id": "F3"},
    ],
    "packages": [
        {"id": "WP02", "quantity": 100, "value": 900000000, "lot": "L1"},
        {"id": "WP03", "name": "PCS", "quantity": 40, "value": 862000000, "min_suppliers": 1, "max_suppliers": 2,
         "min_share": 2000, "max_share": 10000, "critical": False, "specialty": "power"},
    ],
    "offers": [
        {"firm": "F1", "package": "WP03", "price": 21550000, "capacity": 40, "fit": 93, "lead_days": 120,
         "pool": "F1/pcs"},
        {"firm": "F2", "package": "WP02", "price": None, "fit": 80, "load": 2},
        {"firm": "F3", "package": "WP02", "price": 8800000, "fit": 70},
    ],
    "pools": [{"id": "F1/pcs", "capacity": 60}],
    "ties": [{"a": "F1", "b": "F2", "strength": 80}],
    "rules": {
        "max_members": 8, "min_members": 1, "sme_share_min": 3000, "firm_share_max": 6000, "budget": 7491000000,
        "locked": [{"package": "WP02", "firm": "F2", "share": 10000}], "required": ["F2"], "excluded": ["F3"],
        "conflicts": [["F1", "F3"]], "related": [["F2", "F3"]], "lead": {"candidates": ["F2"], "min_share": 2000},
        "min_grade": {"power": 1}, "taken": [["L1", "F3"]], "backup": [], "min_newcomers": 1, "min_veterans": 1,
        "qualification": {"abroad": {"total": 5, "each": 0, "one": 10000, "values": "exports"}},
    },
    "goals": {"mode": "weighted", "weights": {"fit": 45, "price": 45, "members": 5, "resilience": 5},
              "order": ["price"], "cohesion": {"give_up": 200}},
}  # fmt: skip


def faults_of(source: Any) -> set[tuple[str, str]]:
    with pytest.raises(ProblemInvalid) as refused:
        read_problem(source)
    return {(fault.path, fault.code) for fault in refused.value.faults}


def read_or_refused(source: Any) -> tuple[Problem | None, tuple[Fault, ...]]:
    """The problem, or the faults it was refused with; any other exception is a failure of the test."""
    try:
        return read_problem(source), ()
    except ProblemInvalid as refused:
        return None, refused.faults


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    """The example with the value at a path of keys and indices replaced."""
    document = copy.deepcopy(EXAMPLE)
    *way, last = path
    inner = document
    for step in way:
        inner = inner[step]
    inner[last] = value
    return document


def test_the_documented_example_is_read_and_solved() -> None:
    result = solve(read_problem(json.dumps(EXAMPLE)))

    assert result.plans[0].members == ("F1", "F2")
    assert result.plans[0].lead == "F2"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(problems())
def test_what_is_written_is_read_back_the_same(problem: Problem) -> None:
    assert read_problem(write_problem(problem)) == problem


def test_bytes_with_a_byte_order_mark_are_read() -> None:
    assert read_problem(b"\xef\xbb\xbf" + json.dumps(EXAMPLE).encode()) == read_problem(EXAMPLE)


def test_all_faults_are_told_at_once() -> None:
    broken = copy.deepcopy(EXAMPLE)
    broken["firms"][0]["sme"] = "yes"
    broken["packages"][1]["quantity"] = 0
    broken["offers"][2]["price"] = 8.5
    broken["offers"][1]["firm"] = "F9"
    broken["rules"]["colour"] = "blue"
    del broken["packages"][0]["id"]

    assert faults_of(json.dumps(broken)) == {
        ("$.firms[0].sme", "not-boolean"),
        ("$.packages[1].quantity", "out-of-range"),
        ("$.offers[2].price", "not-integer"),
        ("$.offers[1].firm", "unknown-name"),
        ("$.rules.colour", "unknown-key"),
        ("$.packages[0].id", "missing-key"),
        ("$.offers[1].package", "unknown-name"),
        ("$.offers[2].package", "unknown-name"),
        ("$.rules.locked[0].package", "unknown-name"),
    }


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (["offers", 0, "price"], True, ("$.offers[0].price", "not-integer")),
        (["offers", 0, "price"], -1, ("$.offers[0].price", "out-of-range")),
        (["offers", 0, "price"], 10**15 + 1, ("$.offers[0].price", "out-of-range")),
        (["offers", 0, "price"], 10**15, ("$.offers", "sum-too-large")),
        (["offers", 0, "price"], 10**40, ("$.offers[0].price", "out-of-range")),
        (["offers", 0, "price"], "12", ("$.offers[0].price", "not-integer")),
        (["offers", 0, "fit"], 101, ("$.offers[0].fit", "out-of-range")),
        (["offers", 0, "pool"], "none", ("$.offers[0].pool", "unknown-name")),
        (["offers", 0], {"firm": "F1", "package": "WP03", "prise": 1}, ("$.offers[0].prise", "unknown-key")),
        (["offers", 0], ["F1", "WP03"], ("$.offers[0]", "not-object")),
        (["offers", 1], EXAMPLE["offers"][0], ("$.offers[1]", "repeated")),
        (["offers"], {}, ("$.offers", "not-list")),
        (["firms", 1, "id"], "F1", ("$.firms[1].id", "repeated")),
        (["firms", 1, "id"], "", ("$.firms[1].id", "empty")),
        (["firms", 1, "id"], 7, ("$.firms[1].id", "not-text")),
        (["firms", 1, "id"], "x" * 201, ("$.firms[1].id", "too-long")),
        (["firms", 1, "id"], "a\nb", ("$.firms[1].id", "not-printable")),
        (["firms", 1, "id"], "\ud800", ("$.firms[1].id", "not-printable")),
        (["firms", 0, "grade"], [], ("$.firms[0].grade", "not-object")),
        (["firms", 0, "grade"], {"a b": -1}, ('$.firms[0].grade["a b"]', "out-of-range")),
        (["firms", 0, "grade"], {str(i): 1 for i in range(1001)}, ("$.firms[0].grade", "too-many")),
        (["packages"], [], ("$.packages", "empty")),
        (["packages", 0, "max_share"], 500, None),
        (["packages", 0, "min_share"], 10001, ("$.packages[0].min_share", "out-of-range")),
        (["packages", 1, "max_share"], 1000, ("$.packages[1].min_share", "least-above-most")),
        (["packages", 1, "min_suppliers"], 3, ("$.packages[1].min_suppliers", "least-above-most")),
        (["packages", 1, "quantity"], 10**9, ("$.packages", "sum-too-large")),
        (["packages", 1, "value"], 10**15, ("$.packages", "sum-too-large")),
        (["pools", 0, "capacity"], None, ("$.pools[0].capacity", "not-integer")),
        (["ties", 0, "b"], "F1", ("$.ties[0]", "same-firm")),
        (["ties"], [{"a": "F1", "b": "F2", "strength": 1}, {"a": "F2", "b": "F1", "strength": 1}],
         ("$.ties[1]", "repeated")),
        (["rules", "conflicts"], [["F1", "F1"]], ("$.rules.conflicts[0]", "same-firm")),
        (["rules", "conflicts"], [["F1"]], ("$.rules.conflicts[0]", "not-pair")),
        (["rules", "conflicts"], [["F1", "F9"]], ("$.rules.conflicts[0][1]", "unknown-name")),
        (["rules", "related"], [["F1", "F9"]], ("$.rules.related[0][1]", "unknown-name")),
        (["rules", "required"], ["F9"], ("$.rules.required[0]", "unknown-name")),
        (["rules", "taken"], [["L9", "F1"]], ("$.rules.taken[0][0]", "unknown-name")),
        (["rules", "backup"], ["WP9"], ("$.rules.backup[0]", "unknown-name")),
        (["rules", "lead", "candidates"], ["F9"], ("$.rules.lead.candidates[0]", "unknown-name")),
        (["rules", "locked", 0, "share"], 0, ("$.rules.locked[0].share", "out-of-range")),
        (["rules", "locked"], [{"package": "WP02", "firm": "F2"}] * 2, ("$.rules.locked[1]", "repeated")),
        (["rules", "min_members"], 9, ("$.rules.min_members", "least-above-most")),
        (["rules", "qualification", "abroad", "values"], "patents",
         ("$.rules.qualification.abroad.values", "unknown-name")),
        (["rules", "qualification"], {"x": 5}, ("$.rules.qualification.x", "not-object")),
        (["goals", "mode"], "best", ("$.goals.mode", "not-one-of")),
        (["goals", "mode"], Mode.LEXICOGRAPHIC.value, None),
        (["goals"], {"mode": "lexicographic"}, ("$.goals.order", "empty")),
        (["goals"], {"mode": "lexicographic", "order": ["fit", "fit"]}, ("$.goals.order[1]", "repeated")),
        (["goals", "weights"], {"beauty": 1}, ("$.goals.weights.beauty", "not-one-of")),
        (["goals", "cohesion"], {"give_up": 10001}, ("$.goals.cohesion.give_up", "out-of-range")),
        (["format"], "lianzhou-problem/2", ("$.format", "not-one-of")),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_path(path: list[Any], value: Any, fault: Any) -> None:
    document = changed(path, value)

    if fault is None:
        read_problem(document)
    else:
        assert fault in faults_of(document)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("", ("$", "not-json")),
        ("{", ("$", "not-json")),
        (b"\xff\xfe", ("$", "not-utf8")),
        ("[" * 100_000, ("$", "too-deep")),
        ("null", ("$", "not-object")),
        ("NaN", ("$", "not-object")),
        ('{"format": 1, "format": 2}', ("$.format", "repeated-key")),
        (" " * (128 * 1024 * 1024 + 1), ("$", "too-large")),
    ],
    ids=["empty", "cut", "not-utf8", "deep", "null", "nan", "twice", "large"],
)
def test_a_text_that_is_no_problem_at_all_is_refused(source: Any, fault: Any) -> None:
    assert fault in faults_of(source)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1" * 5000, "1e400", "-0.0"])
def test_numbers_that_are_no_integers_are_refused_where_they_stand(number: Any) -> None:
    text = json.dumps(changed(["offers", 0, "price"], 424242)).replace("424242", number)

    assert {path for path, _ in faults_of(text)} == {"$.offers[0].price"}


def test_a_list_that_is_too_long_is_not_looked_into() -> None:
    many = [EXAMPLE["packages"][0]] * 5001

    assert ("$.packages", "too-many") in faults_of(changed(["packages"], many))


def test_a_key_that_is_no_text_is_unknown() -> None:
    assert ('$["7"]', "unknown-key") in faults_of(EXAMPLE | {7: 8})


def test_a_pool_whose_load_is_beyond_all_bounds_is_refused() -> None:
    document = changed(["offers", 0, "load"], 10**9)
    document["packages"][1]["quantity"] = 10**8

    assert ("$.pools[0]", "sum-too-large") in faults_of(document)


def test_a_flood_of_faults_is_cut_and_counted() -> None:
    with pytest.raises(ProblemInvalid) as refused:
        read_problem(changed(["offers"], [{}] * 2000))

    assert len(refused.value.faults) == FAULT_LIMIT + 1
    assert refused.value.faults[-1].code == "more-faults"
    assert int(dict(refused.value.faults[-1].params)["count"]) > 2000


JUNK: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    3.5,
    10**30,
    float("nan"),
    "",
    "F1",
    "F9",
    "\x00",
    "\ud800",
    [],
    {},
    [[]],
    [None],
    {"id": "F1"},
]
KEYS = ["id", "firm", "colour", "", "\n", "each", "a b", "$", "min_share", "locked"]


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*way, key))


def mutated(chance: random.Random) -> dict[str, Any]:
    """The example with one to three values replaced, removed, doubled or renamed."""
    document = copy.deepcopy(EXAMPLE)
    for _ in range(chance.randint(1, 3)):
        *way, last = chance.choice([way for way in places(document) if way])
        inner: Any = document
        for step in way:
            inner = inner[step]
        kind = chance.randrange(4)
        if kind == 0:
            del inner[last]
        elif kind == 1 and isinstance(inner, dict):
            inner[chance.choice(KEYS)] = inner.pop(last)
        elif kind == 2 and isinstance(inner, list):
            inner.append(copy.deepcopy(inner[last]))
        else:
            inner[last] = copy.deepcopy(chance.choice(JUNK))
    return document


@pytest.mark.parametrize("seed", range(20))
def test_a_mutated_file_is_read_or_refused_with_paths_and_nothing_else_happens(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        document = mutated(chance)
        source = chance.choice([document, json.dumps(document), json.dumps(document).encode()])
        problem, faults = read_or_refused(source)

        assert (problem is None) == bool(faults)
        assert all(fault.path.startswith("$") and fault.code for fault in faults)
        if problem is not None:
            assert read_problem(write_problem(problem)) == problem
            assert solve(problem, seconds=5).status.value in {"optimal", "infeasible"}


@pytest.mark.parametrize("seed", range(5))
def test_a_text_cut_or_scrambled_anywhere_is_refused_or_read(seed: int) -> None:
    chance = random.Random(seed)
    text = json.dumps(EXAMPLE, ensure_ascii=False).encode()
    for _ in range(100):
        at = chance.randrange(len(text))
        broken = text[:at] + bytes(chance.randrange(256) for _ in range(chance.randint(0, 3))) + text[at + 1 :]
        problem, faults = read_or_refused(chance.choice([broken, text[:at]]))

        assert (problem is None) == bool(faults)


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
keys = st.sampled_from(list(EXAMPLE)) | st.text()
anything = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(keys, inner))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(anything)
def test_any_value_at_all_is_refused_with_paths(value: Any) -> None:
    faults = faults_of(value if isinstance(value, dict) else json.dumps(value))

    assert all(path.startswith("$") for path, _ in faults)
