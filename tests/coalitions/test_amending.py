"""Amended editions: who is bound anew is judged by an oracle that knows only who was changed."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coalitions.agreement import digest
from coalitions.amending import bound_anew, differences, key_of, part, part_digest, parties
from tests.strategies_agreements import bodies


def changed(body: dict[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    """Return a body in its next edition with one value set."""
    amended = deepcopy(body)
    amended["edition"] += 1
    place = amended
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return amended


def keys(body: dict[str, Any]) -> list[str]:
    return [key_of(member) for member in body["members"]]


@given(bodies(), st.data())
def test_a_change_of_one_members_own_entry_binds_that_member_anew_and_nobody_else(
    body: dict[str, Any], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(body["members"]) - 1))
    name = data.draw(st.sampled_from(("share", "value", "terms_edition")))
    amended = changed(body, "members", number, name, to=body["members"][number][name] + 1)

    assert bound_anew(body, amended) == {keys(body)[number]}


@given(bodies(), st.sampled_from(("performance", "liability", "format", "new")))
def test_a_change_of_what_is_common_binds_everybody_anew(body: dict[str, Any], name: str) -> None:
    assert bound_anew(body, changed(body, name, to="other")) == set(keys(body))


@given(bodies())
def test_whoever_leaves_and_all_who_stay_are_bound_anew(body: dict[str, Any]) -> None:
    amended = changed(body, "members", to=body["members"][:-1])

    assert bound_anew(body, amended) == set(keys(body))
    assert bound_anew(amended, body) == set(keys(body))


@given(bodies())
def test_the_number_of_the_edition_binds_nobody_anew_and_changes_the_hash(body: dict[str, Any]) -> None:
    amended = changed(body, "edition", to=body["edition"] + 7)

    assert bound_anew(body, amended) == set()
    assert differences(body, amended) == ()
    assert digest(amended) != digest(body)


@given(bodies(), st.data())
def test_one_changed_character_anywhere_is_found_by_the_hash_and_by_the_part_it_stands_in(
    body: dict[str, Any], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(body["members"]) - 1))
    work = data.draw(st.integers(0, len(body["members"][number]["work"]) - 1))
    name = body["members"][number]["work"][work]["name"]
    place = data.draw(st.integers(0, len(name) - 1))
    forged = deepcopy(body)
    forged["members"][number]["work"][work]["name"] = name[:place] + "〇" + name[place + 1 :]

    assert digest(forged) != digest(body)
    for other, key in enumerate(keys(body)):
        assert (part_digest(forged, key) != part_digest(body, key)) is (other == number)


@given(bodies())
def test_the_parts_together_hold_every_word_that_binds_somebody(body: dict[str, Any]) -> None:
    parts = {key: part(body, key) for key in keys(body)}
    some = next(iter(parts.values()))

    assert some["common"] | {"edition": body["edition"], "members": [each["member"] for each in parts.values()]} == body


def test_nobody_has_a_part_of_an_agreement_he_is_no_party_of() -> None:
    with pytest.raises(KeyError):
        part({"members": []}, "nobody")


MEMBER: dict[str, Any] = {
    "name": "演示电芯", "credit_code": "A", "lead": True, "terms_edition": 1, "share": 6_000, "value": 600,
    "work": [{"package": "WP1", "units": 6, "unit_price": 100}],
}  # fmt: skip
OTHER: dict[str, Any] = {
    "name": "演示变流", "credit_code": "B", "lead": False, "terms_edition": 1, "share": 4_000, "value": 400,
    "work": [{"package": "WP1", "units": 4, "unit_price": None}],
}  # fmt: skip
BODY: dict[str, Any] = {
    "edition": 1,
    "project": {"starts": "2031-01-01"},
    "liability": "several",
    "members": [MEMBER, OTHER],
}


def told(amended: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the differences from the plain body, without the members' names."""
    return [
        (each.code, each.member, {name: value for name, value in each.params.items() if name != "member"})
        for each in differences(BODY, amended)
    ]


def test_what_differs_is_told_value_by_value() -> None:
    amended = deepcopy(BODY)
    amended["liability"], amended["clauses"] = "joint_and_several", {"exit_days": 60}
    amended["project"]["starts"] = "2031-02-01"
    first, second = amended["members"]
    first.update(name="演示电芯新名", lead=False, share=5_000, value=500, work=[MEMBER["work"][0] | {"units": 5}])
    second.update(lead=True, work=[OTHER["work"][0] | {"unit_price": 90}, OTHER["work"][0] | {"package": "WP2"}])

    assert told(amended) == [
        ("common-term", "", {"term": "clauses.exit_days", "before": None, "after": 60}),
        ("common-term", "", {"term": "liability", "before": "several", "after": "joint_and_several"}),
        ("common-term", "", {"term": "project.starts", "before": "2031-01-01", "after": "2031-02-01"}),
        ("name-changes", "A", {"before": "演示电芯", "after": "演示电芯新名"}),
        ("leads-no-more", "A", {}),
        ("units-change", "A", {"package": "WP1", "before": 6, "after": 5}),
        ("share-changes", "A", {"before": 6_000, "after": 5_000}),
        ("value-changes", "A", {"before": 600, "after": 500}),
        ("becomes-lead", "B", {}),
        ("price-changes", "B", {"package": "WP1", "before": None, "after": 90}),
        ("units-change", "B", {"package": "WP2", "before": 0, "after": 4}),
    ]


def test_who_joins_and_who_leaves_is_told_by_name() -> None:
    joined = OTHER | {"credit_code": "C", "name": "演示电缆", "work": [{"package": "WP1", "units": 4, "unit_price": 7}]}
    amended = BODY | {"members": [MEMBER, joined]}

    assert told(amended) == [
        ("member-leaves", "B", {}),
        ("member-joins", "C", {"share": 4_000, "value": 400}),
        ("units-change", "C", {"package": "WP1", "before": 0, "after": 4}),
        ("price-changes", "C", {"package": "WP1", "before": None, "after": 7}),
    ]
    assert [message.message.params["member"] for message in differences(BODY, amended)][:2] == ["演示变流", "演示电缆"]


def test_work_that_is_given_up_is_told_as_none_left() -> None:
    amended = deepcopy(BODY)
    amended["members"][0]["work"] = []

    assert told(amended) == [("units-change", "A", {"package": "WP1", "before": 6, "after": 0})]
    assert parties(amended)["A"]["work"] == []
