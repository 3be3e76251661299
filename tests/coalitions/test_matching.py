"""Who fits which package: facts computed by hand, and what holds of every world."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from random import Random
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coalitions.matching import (
    CREDITS,
    Criterion,
    Fit,
    Outcome,
    Way,
    capability_needs,
    free_units,
    match,
    need_phrases,
    phrases_to_embed,
)
from domain.calendar import months
from domain.kinds import PackageKind, RequirementKind
from domain.world import Held, Need, Offering, Opening, Package, Supplier, World
from tests.strategies_worlds import offerings, openings, worlds

STARTS, ENDS = date(2026, 3, 1), date(2026, 4, 30)
OFFERING = Offering(
    id=UUID(int=1001),
    phrase="光伏逆变器",
    unit="C62",
    monthly=20,
    price=700,
    currency="CNY",
    lead_days=60,
    countries=frozenset({"KE"}),
    verification=1,
)
FIRM = Supplier(id=UUID(int=2001), name="甲电气有限公司", verification=2, offerings=(OFFERING,))
PACKAGE = Package(
    id=UUID(int=4001),
    code="WP1",
    name="光伏逆变器",
    kind=PackageKind.GOODS,
    unit="C62",
    quantity=40,
    value=30_000,
    starts=STARTS,
    ends=ENDS,
)
OPENING = Opening(
    id=UUID(int=5001),
    owner_id=UUID(int=2099),
    edition=1,
    title="储能项目",
    country="KE",
    currency="CNY",
    budget=None,
    starts=STARTS,
    ends=ENDS,
    packages=(PACKAGE,),
)


def world(*suppliers: Supplier, **over: Any) -> World:
    return World(as_of=date(2026, 1, 15), suppliers=suppliers, **over)


def need(kind: RequirementKind, **over: Any) -> Need:
    return Need(id=UUID(int=3000 + len(over)), kind=kind, **over)


def asking(*needs: Need, **over: Any) -> Opening:
    return replace(OPENING, packages=(replace(PACKAGE, needs=needs, **over),))


def only_fit(supplier: Supplier, opening: Opening = OPENING, **over: Any) -> Fit:
    ((fit,),) = [found.fits for found in match(world(supplier, **over), opening)]
    return fit


def outcome(fit: Fit, code: str) -> Outcome:
    return next(criterion.outcome for criterion in fit.criteria if criterion.code == code)


def offering(**over: Any) -> Supplier:
    return replace(FIRM, offerings=(replace(OFFERING, **over),))


def test_a_firm_that_declares_all_and_meets_all_fits_fully() -> None:
    fit = only_fit(FIRM)
    assert (fit.score, fit.eligible, fit.way) == (100, True, Way.WORDS)
    assert (fit.capacity, fit.price, fit.lead_days) == (40, 700, 60)
    assert {criterion.outcome for criterion in fit.criteria} == {Outcome.PASS}


@pytest.mark.parametrize(
    ("have", "asked", "cover", "way"),
    [
        (("HS", "850440"), ("HS", "850440"), 100, Way.CODE),
        (("HS", "850440"), ("HS", "8504"), 95, Way.CODE),
        (("HS", "85"), ("HS", "850440"), 40, Way.CODE),
    ],
)
def test_a_code_covers_fully_when_same_or_narrower_and_stays_unproven_when_broader(
    have: tuple[str, str], asked: Any, cover: int, way: Way
) -> None:
    firm = offering(phrase="别的", code_system=have[0], code=have[1])
    fit = only_fit(firm, asking(need(RequirementKind.CAPABILITY, code_system=asked[0], code=asked[1])))
    capability = fit.criteria[0]
    assert (fit.way, capability.value, capability.subject) == (way, cover, asked[1])
    assert capability.outcome is (Outcome.UNKNOWN if cover == 40 else Outcome.PASS)
    assert fit.eligible


def test_a_code_of_another_branch_does_not_bring_a_firm_in() -> None:
    firm = offering(phrase="别的", code_system="HS", code="870120")
    assert match(world(firm), asking(need(RequirementKind.CAPABILITY, code_system="HS", code="8504")))[0].fits == ()


@pytest.mark.parametrize(
    ("phrase", "score", "way"),
    [
        ("光伏逆变器", 100, Way.WORDS),
        ("光伏 逆变器", 100, Way.WORDS),
        ("组串式光伏逆变器", 90, Way.NARROWER),
        ("光伏逆变器柜", 80, Way.WORDS),
        ("太阳能逆变电源", 77, Way.MEANING),
        ("集中式机型", 90, Way.NARROWER),
        ("集中式机型甲", 85, Way.NARROWER),
    ],
)
def test_a_phrase_covers_by_words_kind_or_meaning_whichever_is_best(phrase: str, score: int, way: Way) -> None:
    fit = only_fit(
        offering(phrase=phrase),
        narrower=frozenset({("光伏逆变器", "集中式机型"), ("集中式机型", "集中式机型甲")}),
        nearness={("光伏逆变器", "太阳能逆变电源"): 77, ("光伏逆变器", "组串式光伏逆变器"): 60, ("别的", "光伏"): 99},
    )
    assert (fit.score, fit.way) == (score, way)


def test_meaning_below_the_threshold_brings_no_firm_in_and_the_threshold_is_the_callers() -> None:
    near = world(offering(phrase="太阳能电源"), nearness={("光伏逆变器", "太阳能电源"): 45})
    assert match(near, OPENING)[0].fits == ()
    assert [fit.score for fit in match(near, OPENING, threshold=45)[0].fits] == [45]


def test_a_kind_further_down_than_the_depth_brings_no_firm_in() -> None:
    chain = frozenset({("光伏逆变器", "甲型"), ("甲型", "乙型"), ("乙型", "丙型")})
    assert match(world(offering(phrase="丙型"), narrower=chain), OPENING)[0].fits == ()
    assert match(world(offering(phrase="丙型"), narrower=chain), OPENING, depth=3)[0].fits != ()


def test_an_english_phrase_and_a_phrase_behind_the_firms_own_name_are_read_too() -> None:
    english = offering(phrase="逆变电源", phrase_en="Solar Inverter")
    assert only_fit(english, asking(need(RequirementKind.CAPABILITY, phrase="solar inverter"))).score == 100
    own = replace(offering(phrase="黔源电力逆变电源"), name="贵州黔源电力股份有限公司")
    assert only_fit(own, asking(need(RequirementKind.CAPABILITY, phrase="逆变电源"))).score == 100


def test_of_two_needs_one_capability_answers_each_and_a_missing_one_excludes() -> None:
    both = asking(
        Need(id=UUID(int=3001), kind=RequirementKind.CAPABILITY, phrase="光伏逆变器"),
        Need(id=UUID(int=3002), kind=RequirementKind.CAPABILITY, phrase="安装调试"),
    )
    installing = replace(OFFERING, id=UUID(int=1002), phrase="安装调试")
    assert only_fit(replace(FIRM, offerings=(OFFERING, installing)), both).score == 100
    alone = only_fit(FIRM, both)
    assert (alone.eligible, alone.score) == (False, 50)
    assert [criterion.outcome for criterion in alone.criteria[:2]] == [Outcome.PASS, Outcome.FAIL]
    expired = replace(installing, valid_to=date(2026, 3, 31))
    assert not only_fit(replace(FIRM, offerings=(OFFERING, expired)), both).eligible


def test_a_missing_capability_that_is_only_wished_for_counts_but_does_not_exclude() -> None:
    wish = Need(id=UUID(int=3002), kind=RequirementKind.CAPABILITY, phrase="安装调试", mandatory=False)
    fit = only_fit(FIRM, asking(Need(id=UUID(int=3001), kind=RequirementKind.CAPABILITY, phrase="光伏逆变器"), wish))
    assert (fit.eligible, fit.score) == (True, 66)


def held(
    scheme: str = "ISO 9001:2015", until: date | None = date(2027, 1, 1), since: date = date(2025, 1, 1)
) -> Supplier:
    return replace(FIRM, certificates=(Held(scheme=scheme, valid_from=since, valid_to=until),))


@pytest.mark.parametrize(
    ("firm", "expected"),
    [
        (held(), Outcome.PASS),
        (held(until=None), Outcome.PASS),
        (held(scheme="iso 9001"), Outcome.PASS),
        (held(until=ENDS), Outcome.PASS),
        (held(until=date(2026, 4, 29)), Outcome.FAIL),
        (held(since=date(2026, 3, 2)), Outcome.FAIL),
        (held(scheme="ISO 90010"), Outcome.FAIL),
        (FIRM, Outcome.UNKNOWN),
    ],
)
def test_a_certificate_holds_from_the_packages_first_day_to_its_last(firm: Supplier, expected: Outcome) -> None:
    fit = only_fit(firm, asking(need(RequirementKind.CERTIFICATE, code="ISO 9001")))
    assert outcome(fit, "certificate") is expected
    assert fit.eligible is (expected is not Outcome.FAIL)


def test_a_certificate_may_be_asked_for_by_phrase() -> None:
    fit = only_fit(held(scheme="CE"), asking(need(RequirementKind.CERTIFICATE, phrase="ce")))
    assert outcome(fit, "certificate") is Outcome.PASS


@pytest.mark.parametrize(
    ("grades", "expected"),
    [({"power": 2}, Outcome.PASS), ({"power": 1}, Outcome.FAIL), ({"civil": 9}, Outcome.FAIL), ({}, Outcome.UNKNOWN)],
)
def test_a_grade_counts_in_its_own_specialty_only(grades: dict[str, int], expected: Outcome) -> None:
    asked = asking(need(RequirementKind.GRADE, threshold=2), specialty="power")
    assert outcome(only_fit(replace(FIRM, grades=grades), asked), "grade") is expected


@pytest.mark.parametrize(
    ("kind", "asked", "over", "expected"),
    [
        (RequirementKind.COUNTRY, {}, {}, Outcome.PASS),
        (RequirementKind.COUNTRY, {"code": "SA"}, {}, Outcome.FAIL),
        (RequirementKind.COUNTRY, {}, {"countries": frozenset()}, Outcome.UNKNOWN),
        (RequirementKind.LEAD_TIME, {"threshold": 60}, {}, Outcome.PASS),
        (RequirementKind.LEAD_TIME, {"threshold": 59}, {}, Outcome.FAIL),
        (RequirementKind.LEAD_TIME, {"threshold": 60}, {"lead_days": None}, Outcome.UNKNOWN),
        (RequirementKind.LEAD_TIME, {}, {}, Outcome.UNKNOWN),
        (RequirementKind.VERIFICATION, {"threshold": 2}, {}, Outcome.PASS),
        (RequirementKind.VERIFICATION, {"threshold": 3}, {}, Outcome.FAIL),
        (RequirementKind.VERIFICATION, {"threshold": 3}, {"verification": 3}, Outcome.PASS),
        (RequirementKind.VERIFICATION, {}, {}, Outcome.PASS),
    ],
)
def test_country_lead_time_and_verification_pass_fail_or_are_unknown(
    kind: RequirementKind, asked: Any, over: Any, expected: Outcome
) -> None:
    fit = only_fit(offering(**over), asking(need(kind, **asked)))
    assert outcome(fit, str(kind)) is expected


@pytest.mark.parametrize(
    ("over", "eligible"),
    [
        ({"valid_from": STARTS, "valid_to": ENDS}, True),
        ({"valid_from": date(2026, 3, 2)}, False),
        ({"valid_to": date(2026, 4, 29)}, False),
    ],
)
def test_a_capability_must_be_in_force_over_the_whole_delivery(over: Any, eligible: bool) -> None:
    assert only_fit(offering(**over)).eligible is eligible


def test_another_unit_does_not_exclude_but_leaves_capacity_and_price_unknown() -> None:
    fit = only_fit(offering(unit="SET"))
    assert (fit.eligible, fit.capacity, fit.price) == (True, None, None)
    assert (outcome(fit, "unit"), outcome(fit, "capacity")) == (Outcome.FAIL, Outcome.UNKNOWN)
    assert outcome(only_fit(offering(unit=None, monthly=None)), "unit") is Outcome.UNKNOWN


def test_a_price_in_another_currency_is_not_compared() -> None:
    assert only_fit(offering(currency="USD")).price is None


def test_undeclared_figures_lower_the_score_and_exclude_nobody() -> None:
    # validity passes (2 of 5 weights), unit and capacity are unknown: credit (200 + 50 + 100) / 5 = 70.
    fit = only_fit(offering(unit=None, monthly=None, lead_days=None, countries=frozenset()))
    assert (fit.eligible, fit.score) == (True, 88)


def test_a_firm_that_has_nothing_left_is_out() -> None:
    sold_out = offering(free=MappingProxyType({month: 0 for month in months(STARTS, ENDS)}))
    fit = only_fit(sold_out)
    assert (fit.eligible, fit.capacity) == (False, 0)


def test_the_owner_of_the_opening_fits_only_where_its_rules_name_it() -> None:
    own = replace(OPENING, owner_id=FIRM.id)
    assert not only_fit(FIRM, own).eligible
    for rules in (
        {"required": [str(FIRM.id)]},
        {"locked": [{"package": "WP1", "firm": str(FIRM.id), "share": 10_000}], "lead": None},
        {"lead": {"candidates": [str(FIRM.id)]}},
    ):
        assert only_fit(FIRM, replace(own, rules=rules)).eligible


def test_of_a_suppliers_capabilities_the_eligible_then_the_better_then_the_larger_counts() -> None:
    expired = replace(OFFERING, id=UUID(int=1001), valid_to=STARTS)
    near = replace(OFFERING, id=UUID(int=1002), phrase="光伏逆变器柜")
    larger = replace(OFFERING, id=UUID(int=1003), monthly=30)
    silent = replace(OFFERING, id=UUID(int=1004), monthly=None)
    twin = replace(OFFERING, id=UUID(int=1005), monthly=30)
    fit = only_fit(replace(FIRM, offerings=(near, twin, silent, larger, expired)))
    assert fit.offering_id == larger.id
    assert only_fit(replace(FIRM, offerings=(expired, near))).offering_id == near.id


def test_fits_come_eligible_first_then_by_score_then_by_id() -> None:
    good = replace(FIRM, id=UUID(int=2003))
    same = replace(FIRM, id=UUID(int=2002))
    less = replace(offering(phrase="光伏逆变器柜"), id=UUID(int=2001))
    out = replace(offering(valid_to=STARTS), id=UUID(int=2000))
    (found,) = match(world(good, out, less, same), OPENING)
    assert [fit.supplier_id.int for fit in found.fits] == [2002, 2003, 2001, 2000]
    assert [fit.supplier_id.int for fit in found.eligible] == [2002, 2003, 2001]


def test_the_search_is_asked_for_each_phrase_once_and_only_for_those_without_a_vector() -> None:
    packages = (
        replace(PACKAGE, needs=(need(RequirementKind.CAPABILITY, phrase="电缆"), need(RequirementKind.COUNTRY))),
        replace(PACKAGE, id=UUID(int=4002)),
        replace(PACKAGE, id=UUID(int=4003), needs=(need(RequirementKind.CAPABILITY, code_system="HS", code="8544"),)),
        replace(PACKAGE, id=UUID(int=4004)),
    )
    opening = replace(OPENING, packages=packages)
    assert need_phrases(opening) == ("电缆", "光伏逆变器")
    assert phrases_to_embed(opening, known=["电缆"]) == ("光伏逆变器",)


def test_a_criterion_is_said_by_its_code_and_outcome() -> None:
    said = Criterion(code="grade", outcome=Outcome.UNKNOWN, subject="power", threshold=2).message
    assert (said.code, said.params) == ("grade-unknown", {"subject": "power", "value": None, "threshold": 2})
    assert not Criterion(code="grade", outcome=Outcome.FAIL, mandatory=False).excludes


def test_units_of_months_that_are_over_and_of_months_undeclared_add_nothing() -> None:
    some = replace(OFFERING, monthly=None, free={date(2026, 3, 1): 7, date(2026, 9, 1): 9})
    assert free_units(some, PACKAGE, date(2026, 1, 1)) == 7
    assert free_units(some, PACKAGE, date(2026, 4, 1)) == 0
    assert free_units(replace(OFFERING, monthly=None), PACKAGE, date(2026, 1, 1)) is None


# ---- what holds of every world ----


def found_in(world: World, opening: Opening) -> dict[tuple[UUID, UUID], Fit]:
    return {(found.package_id, fit.supplier_id): fit for found in match(world, opening) for fit in found.fits}


@given(worlds(), openings(), st.randoms(use_true_random=False))
def test_the_order_of_things_in_the_world_changes_nothing(any_world: World, opening: Opening, chance: Random) -> None:
    def shuffled(things: Iterable[Any]) -> tuple[Any, ...]:
        mixed = list(things)
        chance.shuffle(mixed)
        return tuple(mixed)

    mixed = replace(
        any_world,
        suppliers=tuple(
            replace(supplier, offerings=shuffled(supplier.offerings), certificates=shuffled(supplier.certificates))
            for supplier in shuffled(any_world.suppliers)
        ),
        nearness=dict(shuffled(any_world.nearness.items())),
    )
    assert match(mixed, opening) == match(any_world, opening)


@given(worlds(), openings(), offerings())
def test_one_more_capability_never_removes_a_fit_nor_lowers_its_score(
    any_world: World, opening: Opening, more: Offering
) -> None:
    if not any_world.suppliers:
        return
    first, *others = any_world.suppliers
    richer = replace(
        first,
        offerings=(*first.offerings, replace(more, id=UUID(int=1999))),
    )
    before, after = found_in(any_world, opening), found_in(replace(any_world, suppliers=(richer, *others)), opening)
    for key, fit in before.items():
        assert (after[key].eligible, after[key].score) >= (fit.eligible, fit.score)


@given(worlds(), openings())
def test_no_more_is_free_than_was_declared_for_the_packages_months(any_world: World, opening: Opening) -> None:
    windows = {package.id: package for package in opening.packages}
    for (package_id, supplier_id), fit in found_in(any_world, opening).items():
        supplier = next(each for each in any_world.suppliers if each.id == supplier_id)
        chosen = next(each for each in supplier.offerings if each.id == fit.offering_id)
        span = months(windows[package_id].starts, windows[package_id].ends)
        declared = sum(chosen.free.get(month, chosen.monthly or 0) for month in span)
        assert fit.capacity is None or 0 <= fit.capacity <= declared


@given(worlds(), openings())
def test_a_fit_is_eligible_unless_a_mandatory_criterion_fails_and_its_score_follows_the_formula(
    any_world: World, opening: Opening
) -> None:
    needs = {package.id: len(capability_needs(package)) for package in opening.packages}
    for (package_id, _), fit in found_in(any_world, opening).items():
        failed = [each for each in fit.criteria if each.mandatory and each.outcome is Outcome.FAIL]
        assert fit.eligible is not bool(failed)
        asked, rest = fit.criteria[: needs[package_id]], fit.criteria[needs[package_id] :]
        weight = {True: 2, False: 1}
        cover = sum(weight[each.mandatory] * int(each.value or 0) for each in asked) // sum(
            weight[each.mandatory] for each in asked
        )
        credit = sum(weight[each.mandatory] * CREDITS[each.outcome] for each in rest) // sum(
            weight[each.mandatory] for each in rest
        )
        assert fit.score == cover * (6_000 + 40 * credit) // 10_000
        assert 0 <= fit.score <= 100


@given(worlds(), openings())
def test_every_requirement_of_a_package_shows_up_as_a_criterion(any_world: World, opening: Opening) -> None:
    kinds = {package.id: [str(each.kind) for each in package.needs] for package in opening.packages}
    for (package_id, _), fit in found_in(any_world, opening).items():
        codes = [criterion.code for criterion in fit.criteria]
        for kind in set(kinds[package_id]):
            assert codes.count(kind) == kinds[package_id].count(kind)
        assert {"capability", "validity", "unit", "capacity"} <= set(codes)


def test_a_world_without_firms_has_no_fits() -> None:
    assert [found.fits for found in match(world(), OPENING)] == [()]
