"""The agreement as data: shares, liability, one hash."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coalitions.agreement import PARTICULARS_SINCE, Party, Project, Work, body, digest, value_of

PROJECT = Project(
    title="储能电站", country="ID", currency="CNY", starts=date(2027, 6, 1), ends=date(2028, 7, 31), edition=1
)


def work(code: str, value: int) -> Work:
    return Work(package=code, name=code, units=1, unit="C62", unit_price=None, value=value)


def party(name: str, *values: int, lead: bool = False) -> Party:
    lines = tuple(work(f"WP{number:02d}", value) for number, value in enumerate(values))
    return Party(name=name, credit_code=f"code-{name}", lead=lead, edition=1, work=lines)


def written(*parties: Party) -> dict[str, Any]:
    return body(PROJECT, parties, edition=1, performance="divided", liability="joint_and_several")


@given(st.lists(st.integers(0, 10**13), min_size=2, max_size=12))
def test_shares_by_value_sum_to_exactly_the_whole(values: list[int]) -> None:
    parties = [party(f"{number:02d}", value, lead=number == 0) for number, value in enumerate(values)]

    shares = [member["share"] for member in written(*parties)["members"]]

    assert sum(shares) == 10_000


@given(st.lists(st.integers(1, 10**9), min_size=2, max_size=12))
def test_shares_of_one_package_sum_to_exactly_the_whole(units: list[int]) -> None:
    parties = [
        replace(party(f"{number:02d}", 1, lead=number == 0), work=(replace(work("WP00", 1), units=part),))
        for number, part in enumerate(units)
    ]

    shares = [member["work"][0]["share"] for member in written(*parties)["members"]]

    assert sum(shares) == 10_000


def test_the_share_follows_the_value() -> None:
    members = written(party("甲", 3_000, lead=True), party("乙", 1_000))["members"]

    assert {member["name"]: member["share"] for member in members} == {"甲": 7_500, "乙": 2_500}


def test_what_a_member_agreed_besides_is_told_by_the_clauses_that_know_of_it() -> None:
    besides = replace(party("甲", 3, lead=True), particulars={"payment": {"advance": 3_000, "days": 30}})
    text = body(
        PROJECT, (besides, party("乙", 1)), edition=1, performance="divided", liability="joint_and_several",
        clauses={"edition": "1"},
    )  # fmt: skip

    assert text["clauses"] == {"edition": PARTICULARS_SINCE}
    assert [member.get("particulars") for member in text["members"]] == [None, besides.particulars]


def test_the_order_in_which_members_are_named_changes_nothing() -> None:
    one, two = party("甲", 3, 4, lead=True), party("乙", 1)
    turned = replace(one, work=tuple(reversed(one.work)))

    assert digest(written(one, two)) == digest(written(two, turned))


def test_any_change_of_terms_changes_the_hash() -> None:
    one, two = party("甲", 3, lead=True), party("乙", 1)
    before = digest(written(one, two))

    assert digest(written(replace(one, edition=2), two)) != before
    assert digest(written(replace(one, name="丙"), two)) != before
    assert digest(written(replace(one, work=(work("WP00", 4),)), two)) != before


@pytest.mark.parametrize(
    "parties",
    [
        (party("甲", 1, lead=True),),
        (party("甲", 1), party("乙", 1)),
        (party("甲", 1, lead=True), party("乙", 1, lead=True)),
    ],
)
def test_one_firm_alone_or_no_lead_or_two_is_no_consortium(parties: tuple[Party, ...]) -> None:
    with pytest.raises(ValueError, match="two members"):
        written(*parties)


def test_units_without_a_price_count_at_the_published_value() -> None:
    assert value_of(3, None, 1_000, 7) == 428
    assert value_of(3, 50, 1_000, 7) == 150
