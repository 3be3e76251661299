"""Packs of rules: what they may say, which of them govern a tender, and that the page about them is fresh."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from api.queries.compliance import rule_packs
from domain.law import Basis, Pack, Rule, Severity, filing_table, packs_for, read_packs, table
from tests.conftest import PROJECT

TODAY = date(2026, 12, 1)
PAGE = PROJECT / "docs" / "law.md"
BEGIN, END = "<!-- rules -->\n", "<!-- end of rules -->\n"
FILINGS = "## 办理事项 · Filings and licences\n"
WORDS = {"zh": "甲", "en": "A"}
PROCEDURE = {"who": "lead", "where": WORDS, "papers": [WORDS], "source": WORDS}
SOUND: Mapping[str, Any] = {
    "id": "some",
    "version": "2026.1",
    "title": WORDS,
    "applies": [{"procuring_law": ["X"]}],
    "conditions": {"works": {"premise": "incorporated"}},
    "rules": [
        {
            "id": "AB-1",
            "title": WORDS,
            "says": WORDS,
            "source": WORDS,
            "since": date(2020, 1, 1),
            "until": date(2022, 1, 1),
            "severity": "stop",
            "basis": "E",
            "before": "bid",
            "check": "signed",
            "when": ["works"],
        }
    ],
}


def chosen(on: date = TODAY, **over: Any) -> set[str]:
    """Return the ids of the packs that govern a tender."""
    given: dict[str, Any] = {"procuring_law": None, "financier": None, "nationalities": {"CN"}}
    return {pack.id for pack in packs_for(rule_packs(), on=on, **given | over)}


def changed(change: Mapping[str, Any], *, rule: Mapping[str, Any] = SOUND["rules"][0]) -> dict[str, Any]:
    """Return the sound pack with one more rule, which differs from the first in `change`."""
    document = deepcopy(dict(SOUND))
    document["rules"] = [*document["rules"], {**rule, "since": date(2022, 1, 1), "until": None, **change}]
    return document


def test_the_rules_of_the_table_are_there_and_each_names_its_source() -> None:
    rules = [rule for pack in rule_packs() for rule in pack.rules]

    assert len({rule.id for rule in rules}) >= 60
    assert all(rule.source.zh and rule.source.en for rule in rules)


def test_chinese_bidding_law_never_governs_a_development_banks_tender_by_default() -> None:
    assert "cn-bid" not in chosen(financier="亚洲开发银行")
    assert "cn-bid" not in chosen(procuring_law="WB-2025", financier="World Bank (IBRD)")
    assert "cn-bid" not in chosen()
    assert "cn-bid" in chosen(procuring_law="CN-BID-2017")


@pytest.mark.parametrize(
    ("given", "packs"),
    [
        ({"procuring_law": "CN-GP"}, {"cn-gp"}),
        ({"procuring_law": "CN"}, {"cn-bid", "cn-gp"}),
        ({"procuring_law": "ADB-2023"}, {"mdb"}),
        ({"procuring_law": "FIDIC-2017"}, {"fidic"}),
        ({"procuring_law": "EU"}, {"eu"}),
        ({"procuring_law": "KR"}, {"kr"}),
        ({"procuring_law": "cl-21634"}, {"cl"}),
        ({"procuring_law": "CNX"}, set()),
        ({"financier": "多边开发银行贷款"}, {"mdb"}),
        ({"financier": "Asian Development Bank"}, {"mdb"}),
        ({"financier": "IDAHO Power"}, set()),
        ({"financier": "业主自有资金"}, set()),
    ],
)
def test_a_tender_is_governed_by_its_law_and_its_financier(given: dict[str, Any], packs: set[str]) -> None:
    assert chosen(nationalities={"ID"}, **given) == packs


def test_chinese_members_bring_the_law_of_their_home_with_them() -> None:
    home = {"cn-investment", "cn-contracting", "cn-export", "cn-conduct"}

    assert chosen(nationalities={"ID", "CN"}) == home
    assert chosen(nationalities={"ID"}) == set()


def test_a_rule_holds_from_its_first_day_to_the_day_before_its_last() -> None:
    (pack,) = read_packs([SOUND])
    (rule,) = pack.rules

    days = (date(2019, 12, 31), date(2020, 1, 1), date(2021, 12, 31), date(2022, 1, 1))

    assert [rule.in_force(day) for day in days] == [False, True, True, False]


def test_a_pack_without_a_rule_in_force_is_left_out() -> None:
    assert chosen(procuring_law="FIDIC", nationalities={"ID"}, on=date(1998, 1, 1)) == set()


def test_a_day_chooses_the_wording_that_held_on_it() -> None:
    def wordings(on: date) -> list[str]:
        packs = packs_for(rule_packs(), procuring_law="CN-GP", financier=None, nationalities=(), on=on)
        return [rule.says.zh for pack in packs for rule in pack.rules if rule.id == "GP-SME"]

    assert "2%–3%" in wordings(date(2022, 6, 30))[0]
    assert "4%–6%" in wordings(date(2022, 7, 1))[0]


def test_an_unconfirmed_rule_can_do_no_more_than_warn() -> None:
    rules = [rule for pack in rule_packs() for rule in pack.rules if rule.basis is Basis.UNCONFIRMED]

    assert {rule.weight for rule in rules} <= {Severity.WARN, Severity.TASK}
    assert any(rule.severity is Severity.STOP for rule in rules)


@pytest.mark.parametrize(
    ("documents", "fault"),
    [
        ([SOUND, SOUND], "pack some stands twice"),
        ([SOUND, {**SOUND, "id": "other"}], "AB-1 stands in other and some"),
        ([changed({"until": date(2022, 1, 1)})], "AB-1 ends before it begins"),
        ([changed({"when": ["elsewhere"]})], "AB-1 asks for elsewhere, which is no condition"),
        ([changed({"since": date(2021, 12, 31)})], "AB-1 has two wordings on 2021-12-31"),
        ([changed({"check": "magic"})], "rules.1.check"),
        ([changed({"id": "1"})], "rules.1.id"),
        ([changed({"colour": "red"})], "rules.1.colour"),
        ([{**SOUND, "version": "new"}], "version"),
        ([changed({"severity": "needs-filing"})], "AB-1 must tell how it is filed"),
        ([changed({"filing": PROCEDURE})], "AB-1 must tell how it is filed"),
    ],
)
def test_packs_that_contradict_themselves_are_refused_by_name(documents: list[Mapping[str, Any]], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        read_packs(documents)


def test_a_wording_may_follow_another_without_a_gap() -> None:
    (pack,) = read_packs([changed({})])

    assert [rule.since.year for rule in pack.rules] == [2020, 2022]


def test_the_page_about_the_rules_is_fresh() -> None:
    before = PAGE.read_text(encoding="utf-8")
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    text = f"{head}{BEGIN}\n{table(rule_packs())}\n{FILINGS}\n{filing_table(rule_packs())}\n\n{END}{tail}"

    PAGE.write_text(text, encoding="utf-8")

    assert before == text, "docs/law.md was out of date and has been written anew: commit it"


def test_the_page_shows_every_rule_with_its_dates() -> None:
    lines = table(rule_packs()).splitlines()

    for rule in every_rule(rule_packs()):
        assert any(line.startswith(f"| {rule.id} |") and f"| {rule.since} – " in line for line in lines)


def every_rule(packs: tuple[Pack, ...]) -> list[Rule]:
    """Return the rules of all packs."""
    return [rule for pack in packs for rule in pack.rules]


def test_every_filing_says_by_whom_where_and_with_which_papers_and_by_which_source() -> None:
    rules = [
        rule for pack in rule_packs() for rule in pack.rules if rule.severity in (Severity.FILING, Severity.LICENCE)
    ]

    assert len(rules) >= 15
    for rule in rules:
        assert rule.filing is not None
        assert rule.filing.papers
        assert rule.filing.within is None or any(other.id == rule.filing.within for other in rules)
        assert f"| {rule.id} | {rule.filing.who}" in filing_table(rule_packs())
