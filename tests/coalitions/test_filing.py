"""Filings that follow from findings: whose task each is, and which findings ask for none."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from api.queries.compliance import rule_packs
from coalitions.compliance import Facts, Member, Settled, Work, findings
from coalitions.filing import before_bid, due_on, duties
from domain.kinds import PackageKind
from domain.law import Stage

TODAY = date(2026, 12, 1)
LEAD = Member(id=UUID(int=1), name="演示牵头", lead=True, units={"WP1": 10})
OTHER = Member(id=UUID(int=2), name="演示成员", units={"WP2": 4})
WORKS = Work(code="WP1", kind=PackageKind.WORKS, words="土建施工", value=100, quantity=10)
GOODS = Work(code="WP2", kind=PackageKind.GOODS, words="石墨", value=100, quantity=4, codes={"HS": ("38011000",)})


def asked(**over: Any) -> set[tuple[str, str, int]]:
    """Return the filings that a plain project abroad asks for: rule, subject, whose."""
    given: dict[str, Any] = {"members": (LEAD, OTHER), "work": (WORKS, GOODS), "country": "ID"} | over
    facts = Facts(name="n", currency="CNY", amount=100, deadline=TODAY, signed=True, **given)
    return {
        (each.rule_id, each.subject, each.organisation_id.int)
        for each in duties(findings(rule_packs(), facts, TODAY), facts)
    }


def test_contracting_is_filed_by_the_lead_and_listed_goods_by_whoever_exports_them() -> None:
    assert asked() == {("CTR-gen", "", 1), ("EXP-12", "WP2", 2), ("EXP-du", "", 1)}


def test_two_who_share_a_package_each_apply_for_their_own_licence() -> None:
    both = (
        LEAD,
        Member(id=UUID(int=2), name="演示成员", units={"WP2": 2}),
        Member(id=UUID(int=3), name="另一成员", units={"WP2": 2}),
    )

    assert {each for each in asked(members=both) if each[0] == "EXP-12"} == {("EXP-12", "WP2", 2), ("EXP-12", "WP2", 3)}


def test_what_is_met_within_another_filing_is_not_filed_twice() -> None:
    foreign = Member(id=UUID(int=3), name="Demo PT", country="ID")

    assert {rule for rule, _, _ in asked(members=(LEAD, OTHER, foreign))} == {"CTR-gen", "EXP-12", "EXP-du"}


def test_a_filing_within_another_that_is_made_already_is_made_by_itself() -> None:
    foreign = Member(id=UUID(int=3), name="Demo PT", country="ID")
    filed = tuple(
        Settled(rule_id=rule.id, since=rule.since, subject="", on=TODAY)
        for pack in rule_packs()
        for rule in pack.rules
        if rule.id == "CTR-gen"
    )

    assert {rule for rule, _, _ in asked(members=(LEAD, OTHER, foreign), settled=filed)} == {
        "CTR-42c",
        "EXP-12",
        "EXP-du",
    }


def test_what_cannot_be_told_and_what_is_unconfirmed_asks_for_nothing() -> None:
    uncoded = Work(code="WP2", kind=PackageKind.GOODS, words="石墨", value=100, quantity=4)

    rules = {rule for rule, _, _ in asked(work=(WORKS, uncoded), incorporated=True)}

    assert "EXP-12" not in rules
    assert "NDRC-jt" not in rules
    assert {"ODI-7", "ODI-14", "NDRC-14b"} <= rules


def test_investors_each_give_their_consent() -> None:
    consents = {each for each in asked(incorporated=True) if each[0] == "ODI-14"}

    assert consents == {("ODI-14", str(LEAD.id), 1), ("ODI-14", str(OTHER.id), 2)}


@pytest.mark.parametrize("stage", Stage)
def test_only_what_the_law_asks_before_work_may_wait_until_after_the_bid(stage: Stage) -> None:
    due = due_on(stage, deadline=date(2027, 3, 1), starts=date(2027, 9, 1))

    assert before_bid(stage) is (stage is not Stage.WORK)
    assert due == (date(2027, 3, 1) if before_bid(stage) else date(2027, 9, 1))
