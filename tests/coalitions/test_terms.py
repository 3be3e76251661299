"""Editions of terms: what differs is told once, field by field, and what was agreed goes into the agreement."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coalitions.clauses import compose
from coalitions.terms import Change, Line, Offer, Payment, diff, particulars
from domain.kinds import Clause
from tests.strategies_agreements import bodies

PAYMENT = Payment(advance=3_000, delivery=6_000, acceptance=500, retention=500, days=30)


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    packages = draw(st.sets(st.sampled_from(("WP1", "WP2", "WP3")), min_size=1))
    days = st.none() | st.dates(date(2030, 1, 1), date(2031, 1, 1))
    lines = tuple(
        Line(
            package=package, units=draw(st.integers(1, 9)), unit_price=draw(st.none() | st.integers(0, 9)),
            starts=draw(days), ends=draw(days), lead_days=draw(st.none() | st.integers(0, 9)),
        )
        for package in sorted(packages)
    )  # fmt: skip
    advance = draw(st.integers(0, 10_000))
    payment = Payment(advance=advance, delivery=10_000 - advance, acceptance=0, retention=0, days=30)
    clauses = draw(st.dictionaries(st.sampled_from(Clause), st.sampled_from(("甲", "乙"))))
    return Offer(lines=lines, payment=draw(st.sampled_from((None, payment))), clauses=clauses)


@given(offers())
def test_an_edition_does_not_differ_from_itself(offer: Offer) -> None:
    assert diff(offer, offer) == ()


@given(offers(), offers())
def test_what_differs_one_way_differs_the_other_way(old: Offer, new: Offer) -> None:
    turned = tuple(
        Change(field=each.field, subject=each.subject, before=each.after, after=each.before) for each in diff(old, new)
    )

    assert sorted(map(str, diff(new, old))) == sorted(map(str, turned))


@given(offers(), offers())
def test_two_editions_that_differ_say_in_what(old: Offer, new: Offer) -> None:
    assert (diff(old, new) == ()) == (old == new)


def test_a_package_that_comes_or_goes_is_a_change_of_scope() -> None:
    one, two = Line(package="WP1", units=3), Line(package="WP2", units=4)

    assert diff(Offer(lines=(one,)), Offer(lines=(two,))) == (
        Change(field="scope", subject="WP1", before=3, after=None),
        Change(field="scope", subject="WP2", before=None, after=4),
    )


def test_payment_that_was_usual_and_a_clause_are_told_with_nothing_before_them() -> None:
    line = Line(package="WP1", units=3)

    found = diff(Offer(lines=(line,)), Offer(lines=(line,), payment=PAYMENT, clauses={Clause.EXIT: "六十天"}))

    assert {(each.field, each.before) for each in found} == {
        (field, None) for field in ("advance", "delivery", "acceptance", "retention", "days", "clause")
    }


def test_what_is_usual_is_no_particular() -> None:
    assert particulars(Offer(lines=(Line(package="WP1", units=3, unit_price=5),))) == {}


def test_whatever_a_member_agreed_beside_work_and_price_stands_in_the_annex() -> None:
    line = Line(package="WP1", units=3, starts=date(2030, 1, 1), ends=date(2030, 2, 1), lead_days=90)
    agreed = particulars(
        Offer(lines=(line,), payment=PAYMENT, clauses={Clause.EXIT: "六十天", Clause.WORK: "自行吊装"})
    )

    annex = compose(with_particulars(agreed)).annexes[-1]

    assert annex.code == "particulars"
    assert annex.table is not None
    assert [(row[1].code, row[2].code) for row in annex.table.rows] == [
        ("text", "agreed-starts"), ("text", "agreed-ends"), ("text", "agreed-lead_days"),
        ("subject-payment", "agreed-payment"), ("subject-work", "text"), ("subject-exit", "text"),
    ]  # fmt: skip


def with_particulars(agreed: dict[str, Any]) -> dict[str, Any]:
    """Return a body of which the first member agreed something of its own."""
    body: dict[str, Any] = {
        "edition": 1, "performance": "divided", "liability": "joint_and_several", "clauses": {"edition": "2"},
        "project": {"title": "P", "country": "ID", "currency": "CNY", "starts": "2027-06-01", "ends": "2028-07-31",
                    "edition": 1},
        "members": [
            {"name": name, "credit_code": None, "lead": name == "甲", "terms_edition": 1, "share": 5_000, "value": 9,
             "work": [{"package": "WP1", "name": "电芯", "units": 3, "unit": "SET", "share": 5_000,
                       "unit_price": None, "value": 9}]}
            for name in ("甲", "乙")
        ],
    }  # fmt: skip
    body["members"][0]["particulars"] = agreed
    return body


@given(bodies())
def test_an_agreement_without_particulars_has_no_such_annex(body: dict[str, Any]) -> None:
    assert [annex.code for annex in compose(body).annexes] == ["authority"]


@pytest.mark.parametrize(
    "agreed", [{"delivery": [{"package": "WP1", "starts": None, "ends": "2030-02-01", "lead_days": None}]}]
)
def test_only_what_was_stated_about_delivery_is_said(agreed: dict[str, Any]) -> None:
    table = compose(with_particulars(agreed)).annexes[-1].table

    assert table is not None
    assert [row[2].code for row in table.rows] == ["agreed-ends"]
