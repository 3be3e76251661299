"""What the law finds: each rule with a case that meets it and one that does not, and what follows for signing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.i18n import LOCALES, speaks
from api.queries.compliance import rule_packs
from coalitions.compliance import CHECKS, PREMISES, Facts, Finding, Member, Rival, Settled, Work, findings
from coalitions.matching import Outcome
from domain.kinds import PackageKind
from domain.law import Basis, Check, Pack, Premise, Rule, Severity, Stage

Build = Callable[[Rule], Facts]
TODAY = date(2026, 12, 1)
LEAD = Member(
    id=UUID(int=1), name="演示牵头", lead=True, sme=True, turnover=900, grades={"power": 3}, units={"WP1": 20}
)
OTHER = Member(id=UUID(int=2), name="演示成员", sme=True, turnover=400, grades={"power": 2}, units={"WP1": 20})
CELLS = Work(
    code="WP1", kind=PackageKind.GOODS, words="储能变流器", value=4_000, quantity=40, specialty="power", least_grade=2,
    codes={"HS": ("85044090",)},
)  # fmt: skip
FACTS = Facts(
    name="演示联合体",
    country="ID",
    currency="CNY",
    amount=1_000,
    deadline=date(2030, 1, 1),
    owner_outside=False,
    signed=True,
    members=(LEAD, OTHER),
    work=(CELLS,),
)
GOVERNED: dict[str, dict[str, Any]] = {
    "cn-bid": {"procuring_law": "CN-BID"},
    "cn-gp": {"procuring_law": "CN-GP"},
    "mdb": {"financier": "亚洲开发银行"},
    "fidic": {"procuring_law": "FIDIC-2017"},
    "eu": {"procuring_law": "EU"},
    "kr": {"procuring_law": "KR"},
    "cl": {"procuring_law": "CL"},
}
RULES = [(pack, rule) for pack in rule_packs() for rule in pack.rules]
WORKS = replace(CELLS, code="WP2", kind=PackageKind.WORKS, words="安装调试")
DATA = replace(CELLS, words="数据平台")


def so(**over: Any) -> Build:
    """Build facts that differ from the usual ones in `over`."""
    return lambda _: replace(FACTS, **over)


def members(lead: dict[str, Any] | None = None, other: dict[str, Any] | None = None) -> tuple[Member, ...]:
    """Return the two members with some of their figures changed."""
    return replace(LEAD, **lead or {}), replace(OTHER, **other or {})


def stated(*about: Member, days: int = 0, of: str = "", **over: Any) -> Build:
    """Build facts in which somebody made the statement that a rule asks for, some days ago."""

    def build(rule: Rule) -> Facts:
        subjects = [str(member.id) for member in about] or [""]
        on = day(rule) - timedelta(days=days)
        since = next(r.since for _, r in RULES if r.id == (of or rule.id) and r.in_force(day(rule)))
        settled = tuple(Settled(rule_id=of or rule.id, since=since, subject=each, on=on) for each in subjects)
        return replace(FACTS, settled=settled, **over)

    return build


def paper(*about: Member, **over: Any) -> tuple[Build, Build]:
    """A document that is at hand, and one that is not."""
    return stated(*about, **over), so(**over)


def day(rule: Rule) -> date:
    """Return a day on which a rule holds: today, or the last day of a wording that has ended."""
    return TODAY if rule.in_force(TODAY) else (rule.until or TODAY) - timedelta(days=1)


JOINT = so(), so(liability="several")
ELSEWHERE = so(), so(rivals=(Rival(id=OTHER.id),))
RELATED = (
    so(members=members(other={"group": "甲"}), rivals=(Rival(id=UUID(int=7)), Rival(id=UUID(int=8), group="乙"))),
    so(members=members(other={"group": "甲"}), rivals=(Rival(id=UUID(int=7), group="甲"),)),
)
NEWCOMER = so(), so(members=members(other={"replaces": True}))
ABLE = so(), so(members=members(other={"grades": {"power": 1}}))
WITHIN = so(max_members=2), so(max_members=1)
INCORPORATED: dict[str, Any] = {"incorporated": True}
ABROAD: dict[str, Any] = {"work": (WORKS,)}
SUM = so(amount=10**9, **INCORPORATED), so(amount=3 * 10**9, **INCORPORATED)
PLACE = so(**INCORPORATED), so(country="PY", **INCORPORATED)
CASES: dict[str, tuple[Build, Build]] = {
    "AML-ALONE": (so(members=members(other={"alone": True})), so(members=members({"alone": True}, {"alone": True}))),
    "REL": (so(members=members({"group": "甲"})), so(members=members({"group": "甲"}, {"group": "甲"}))),
    "BID-31a": (so(), so(members=(LEAD,))),
    "BID-31b": ABLE,
    "BID-31c": ABLE,
    "BID-31d": (so(), so(signed=False)),
    "BID-31e": JOINT,
    "BID-31f": (so(), so(required=1)),
    "REG-37a": paper(),
    "REG-37b": (so(signed=False), so(signed=False, deadline=TODAY - timedelta(days=1))),
    "REG-37c": NEWCOMER,
    "REG-37d": ELSEWHERE,
    "REG-34": RELATED,
    "REG-39": paper(LEAD, OTHER),
    "REG-40": paper(),
    "CON-44": paper(LEAD, OTHER),
    "CON-45": paper(),
    "NOT-max": WITHIN,
    "NOT-lead": (so(lead_share=5_000), so(lead_share=5_001)),
    "GP-24a": ABLE,
    "GP-24b": JOINT,
    "GP-22r": ABLE,
    "GP-22s": ELSEWHERE,
    "GP-SME": (
        so(members=members({"sme": False})),
        so(members=members({"sme": False, "units": {"WP1": 29}}, {"units": {"WP1": 11}})),
    ),
    "GP-rel": (
        so(members=members({"group": "甲"}, {"group": "乙"})),
        so(members=members({"group": "甲"}, {"group": "甲"})),
    ),
    "ODI-4": paper(**INCORPORATED),
    "ODI-5": paper(LEAD, **INCORPORATED),
    "ODI-6": PLACE,
    "ODI-7": paper(**INCORPORATED),
    "ODI-9": (stated(**INCORPORATED), stated(of="ODI-7", days=6, **INCORPORATED)),
    "ODI-14": paper(LEAD, OTHER, **INCORPORATED),
    "ODI-2y": (stated(**INCORPORATED), stated(of="ODI-7", days=731, **INCORPORATED)),
    "ODI-name": (so(**INCORPORATED), so(name="中国演示公司", **INCORPORATED)),
    "NDRC-13": PLACE,
    "NDRC-14": SUM,
    "NDRC-14b": paper(**INCORPORATED),
    "NDRC-jt": paper(LEAD, OTHER, **INCORPORATED),
    "NDRC-2y": (stated(**INCORPORATED), stated(of="NDRC-14b", days=731, **INCORPORATED)),
    "FX": (stated(**INCORPORATED), stated(of="NDRC-14b", days=91, **INCORPORATED)),
    "RPT-24": SUM,
    "RPT-16": (
        stated(days=183, running=True, **INCORPORATED),
        stated(days=184, running=True, **INCORPORATED),
    ),
    "CTR-2": (so(), so(**ABROAD)),
    "CTR-sp": (so(**ABROAD), so(country="PY", **ABROAD)),
    "CTR-gen": paper(**ABROAD),
    "CTR-42a": paper(LEAD, **ABROAD),
    "CTR-42b": paper(owner_outside=True, **ABROAD),
    "CTR-42c": paper(members=members(other={"country": "ID"}), **ABROAD),
    "CTR-43": (so(amount=10**9, **ABROAD), so(amount=9 * 10**9, **ABROAD)),
    "CTR-rpt": (stated(running=True, **ABROAD), so(running=True, **ABROAD)),
    "EXP-12": (so(), so(work=(replace(CELLS, codes={"HS": ("38011000",)}),))),
    "EXP-du": paper(),
    "EXP-user": paper(),
    "EXP-tech": (so(), so(work=(replace(CELLS, words="电池正极材料制备技术许可"),))),
    "DATA": paper(work=(DATA,)),
    "AML": paper(),
    "MDB-JV1": JOINT,
    "MDB-JV2": (so(), so(members=members(other={"lead": True}))),
    "MDB-JV3": ELSEWHERE,
    "MDB-JV4": RELATED,
    "MDB-JV5": (so(), so(signed=False)),
    "MDB-JV6": paper(),
    "MDB-max": WITHIN,
    "MDB-qual": (so(), so(amount=2_000)),
    "FID-1.14a": JOINT,
    "FID-1.14b": (so(), so(members=members({"lead": False}))),
    "FID-1.14c": NEWCOMER,
    "EU-JB1": paper(),
    "EU-JB2": paper(),
    "KR-mode": (so(performance="joint"), so(performance="")),
    "KR-share": NEWCOMER,
    "KR-lic": ABLE,
    "CL-sme": (so(), so(members=members({"sme": False}))),
    "CL-lia": JOINT,
    "CL-one": ELSEWHERE,
    "CL-20": NEWCOMER,
}


def found(rule: Rule, build: Build, pack: str, on: date | None = None) -> list[Finding]:
    """Return what one rule finds about the facts that `build` gives it, under the law that brings its pack in."""
    facts = replace(build(rule), **GOVERNED.get(pack, {}))
    return [each for each in findings(rule_packs(), facts, on or day(rule)) if each.rule_id == rule.id]


def only(rule_id: str, *, on: date = TODAY, **over: Any) -> list[Finding]:
    """Return what one rule finds about facts that differ from the usual ones in `over`."""
    pack, rule = next((pack, rule) for pack, rule in RULES if rule.id == rule_id and rule.in_force(on))
    return found(rule, so(**over), pack.id, on)


def test_every_rule_has_a_case_that_meets_it_and_one_that_does_not() -> None:
    assert {rule.id for _, rule in RULES} == set(CASES)


@pytest.mark.parametrize(("pack", "rule"), RULES, ids=[f"{rule.id} {rule.since}" for _, rule in RULES])
def test_a_rule_is_met_by_one_case_and_not_by_the_other(pack: Pack, rule: Rule) -> None:
    meets, breaks = CASES[rule.id]

    good, bad = found(rule, meets, pack.id), found(rule, breaks, pack.id)

    assert [each.outcome for each in good] == [Outcome.PASS]
    assert Outcome.FAIL in {each.outcome for each in bad}
    assert {(each.pack, each.version, each.rule.since) for each in (*good, *bad)} == {
        (pack.id, pack.version, rule.since)
    }


@pytest.mark.parametrize(("pack", "rule"), RULES, ids=[f"{rule.id} {rule.since}" for _, rule in RULES])
def test_a_rule_is_silent_before_its_first_day(pack: Pack, rule: Rule) -> None:
    before = rule.since - timedelta(days=1)
    spoke = found(rule, CASES[rule.id][1], pack.id, before)

    assert all(each.rule.since < rule.since for each in spoke)


@pytest.mark.parametrize(("pack", "rule"), RULES, ids=[f"{rule.id} {rule.since}" for _, rule in RULES])
def test_what_is_found_can_be_said_in_both_languages(pack: Pack, rule: Rule) -> None:
    for each in (found(rule, build, pack.id) for build in CASES[rule.id]):
        for finding in each:
            assert all(speaks(locale, finding.message.code, section="law") for locale in LOCALES)


def test_every_check_and_every_premise_is_a_function_and_is_used() -> None:
    used = {condition.premise for pack in rule_packs() for condition in pack.conditions.values()}

    assert set(CHECKS) == set(Check) == {rule.check for _, rule in RULES}
    assert set(PREMISES) == set(Premise) == used


def test_a_development_banks_tender_is_not_judged_by_the_lowest_grade() -> None:
    weak = members(other={"grades": {"power": 1}})
    facts = replace(FACTS, members=weak, financier="World Bank", procuring_law="WB-2025")

    assert not {each.pack for each in findings(rule_packs(), facts, TODAY)} & {"cn-bid", "cn-gp"}


def test_the_grade_that_counts_is_the_lowest_of_those_who_do_the_work() -> None:
    idle = replace(OTHER, id=UUID(int=3), grades={"power": 1}, units={})
    (finding,) = only("BID-31c", members=(LEAD, OTHER, idle))
    assert finding.outcome is Outcome.PASS

    (finding,) = only("BID-31c", members=members({"grades": {"power": 2}}, {"grades": {"power": 1}}))
    assert (finding.subject, finding.params["lowest"], finding.params["least"]) == ("power", 1, 2)


@pytest.mark.parametrize(
    ("rule", "over"),
    [
        ("BID-31b", {"members": members(other={"grades": {}})}),
        ("BID-31c", {"members": members(other={"grades": {"rail": 3}})}),
        ("GP-SME", {"members": members({"sme": None}, {"sme": False})}),
        ("CL-sme", {"members": members({"sme": None})}),
        ("MDB-qual", {"members": members({"turnover": None})}),
        ("MDB-qual", {"currency": "USD"}),
        ("NDRC-14", {"amount": 2 * 10**9, "incorporated": True}),
        ("NDRC-14", {"currency": "KES", "incorporated": True}),
        ("EXP-12", {"work": (replace(CELLS, codes={}),)}),
        ("FX", {"incorporated": True}),
    ],
)
def test_what_cannot_be_told_is_said_and_never_holds_a_signature_up(rule: str, over: dict[str, Any]) -> None:
    doubts = [each for each in only(rule, **over) if each.outcome is Outcome.UNKNOWN]

    assert doubts
    assert not any(each.stops or each.waits for each in doubts)
    assert all(speaks(locale, each.code, section="law") for each in doubts for locale in LOCALES)


def test_a_member_with_grades_in_other_specialties_lacks_this_one() -> None:
    (finding,) = only("BID-31b", members=members(other={"grades": {"rail": 3}}))

    assert (finding.outcome, finding.about) == (Outcome.FAIL, (OTHER.id,))


def test_work_that_asks_for_no_grade_needs_none() -> None:
    plain = (replace(CELLS, least_grade=None, specialty=None),)

    assert [each.outcome for each in only("BID-31b", work=plain)] == [Outcome.PASS]


def test_the_table_of_qualification_names_who_falls_short() -> None:
    weak = only("MDB-qual", members=members({"turnover": 390}, {"turnover": 200}))

    assert {each.subject for each in weak} == {"together", "one", str(OTHER.id)}


def test_services_and_sales_at_home_are_not_exports() -> None:
    service = replace(CELLS, kind=PackageKind.SERVICES, codes={})

    assert [each.outcome for each in only("EXP-12", work=(service,))] == [Outcome.PASS]
    assert [each.outcome for each in only("EXP-12", country="CN", work=(replace(CELLS, codes={}),))] == [Outcome.PASS]


def test_within_the_time_a_duty_that_follows_is_not_overdue() -> None:
    pack, rule = next(each for each in RULES if each[1].id == "ODI-9")

    (finding,) = found(rule, stated(of="ODI-7", days=5, incorporated=True), pack.id)

    assert finding.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("rule", "over"),
    [
        ("CTR-42c", ABROAD),
        ("CTR-42b", ABROAD),
        ("ODI-7", {"incorporated": True, "country": "PY"}),
        ("ODI-4", {}),
        ("ODI-14", {"incorporated": True, "members": members(other={"country": "ID"})}),
        ("CTR-rpt", ABROAD),
        ("DATA", {}),
        ("AML", {"members": members(other={"units": {}})}),
    ],
)
def test_a_rule_that_does_not_concern_the_consortium_does_not_speak(rule: str, over: dict[str, Any]) -> None:
    assert only(rule, **over) == []


def test_an_unmet_stop_forbids_and_no_acknowledgement_lifts_it() -> None:
    pack, rule = next(each for each in RULES if each[1].id == "BID-31e")

    (before,) = found(rule, so(liability="several"), pack.id)
    (after,) = found(rule, stated(liability="several"), pack.id)

    assert (before.stops, before.waits, before.acknowledged) == (True, False, False)
    assert (after.stops, after.waits, after.acknowledged) == (True, False, True)
    assert not before.by_statement


def test_an_unconfirmed_stop_only_warns_and_is_lifted_by_name() -> None:
    pack, rule = next(each for each in RULES if each[1].id == "REG-37c")
    other = members(other={"replaces": True})

    (before,) = found(rule, so(members=other), pack.id)
    (after,) = found(rule, stated(OTHER, members=other), pack.id)

    assert (before.severity, before.stops, before.waits, before.open) == (Severity.WARN, False, True, True)
    assert (after.stops, after.waits, after.open) == (False, False, False)


def test_an_acknowledgement_covers_nobody_it_was_not_given_about() -> None:
    pack, rule = next(each for each in RULES if each[1].id == "REG-37c")
    both = members({"replaces": True}, {"replaces": True})

    waiting = [each.subject for each in found(rule, stated(OTHER, members=both), pack.id) if each.waits]

    assert waiting == [str(LEAD.id)]


def test_an_acknowledgement_of_an_old_wording_does_not_cover_the_new_one() -> None:
    pack, rule = next(each for each in RULES if each[1].id == "REG-37a")
    old = Settled(rule_id=rule.id, since=rule.since - timedelta(days=1), subject="", on=TODAY)

    (finding,) = found(rule, so(settled=(old,)), pack.id)

    assert finding.waits


def test_a_statement_made_later_does_not_change_what_was_found_on_a_day() -> None:
    pack, rule = next(each for each in RULES if each[1].id == "REG-37a")
    later = Settled(rule_id=rule.id, since=rule.since, subject="", on=TODAY + timedelta(days=1))

    (today,) = found(rule, so(settled=(later,)), pack.id)
    (tomorrow,) = found(rule, so(settled=(later,)), pack.id, TODAY + timedelta(days=1))

    assert (today.outcome, tomorrow.outcome, tomorrow.acknowledged) == (Outcome.FAIL, Outcome.PASS, True)


def test_a_member_reads_what_is_about_itself_or_nobody_and_nothing_of_the_leaders_own() -> None:
    lone, pair = only("CON-44"), only("GP-rel", members=members({"group": "甲"}, {"group": "甲"}))

    assert [each.may_read(LEAD.id) for each in lone] == [True, False]
    assert [each.may_read(LEAD.id) for each in pair] == [False]
    assert [each.may_read(LEAD.id) for each in only("REG-37a")] == [True]
    assert not any(each.may_read(LEAD.id) for each in only("NOT-max") + only("MDB-qual"))


def test_work_is_known_by_its_words_in_either_language() -> None:
    named = replace(CELLS, words="Installation and Commissioning")

    assert [each.subject for each in only("CTR-2", work=(named,))] == ["WP1"]


def test_a_report_that_is_due_again_may_be_stated_again() -> None:
    pack, rule = next(each for each in RULES if each[1].id == "CTR-rpt")

    (late,) = found(rule, stated(days=200, running=True, **ABROAD), pack.id)

    assert (late.acknowledged, late.open, late.by_statement) == (True, True, True)


def test_nothing_that_is_due_later_holds_a_signature_up() -> None:
    duties = [(pack, rule) for pack, rule in RULES if rule.before is not Stage.SIGNATURE]
    later = [each for pack, rule in duties for each in found(rule, CASES[rule.id][1], pack.id)]

    assert later
    assert not any(each.stops or each.waits for each in later)


def test_no_rule_without_an_established_text_ever_stops() -> None:
    for pack, rule in RULES:
        if rule.basis is Basis.UNCONFIRMED:
            assert not any(each.stops for each in found(rule, CASES[rule.id][1], pack.id))


def test_goods_for_a_project_of_no_named_law_are_signed_without_a_word() -> None:
    silent = findings(rule_packs(), replace(FACTS, signed=False, owner_outside=True), TODAY)

    assert silent
    assert not any(each.stops or each.waits for each in silent)


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.sampled_from([*GOVERNED.values(), {}]))
def test_a_decision_made_again_with_the_rules_of_its_day_is_the_same(on: date, governed: dict[str, Any]) -> None:
    facts = replace(FACTS, liability="several", incorporated=True, **governed)
    known = tuple(replace(pack, rules=tuple(rule for rule in pack.rules if rule.since <= on)) for pack in rule_packs())

    assert findings(rule_packs(), facts, on) == findings(known, facts, on)
