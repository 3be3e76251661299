"""The taxonomy: what covers what, by code, by kind and by spelling."""

import csv
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.capability import (
    CodeCover,
    CodeSystem,
    ancestors,
    bigrams,
    canonical,
    closure,
    code_cover,
    covers_code,
    fold,
    index_narrower,
    is_kind_by_name,
    overlap,
    require_known_system,
    without_own_name,
)
from domain.errors import Invalid

DATA = Path(os.environ.get("LIANZHOU_DATA", Path(__file__).parents[3] / "shared" / "data"))
codes = st.one_of(
    st.tuples(st.just("HS"), st.from_regex(r"\A[0-9]{2}([0-9]{2}){0,4}\Z")),
    st.tuples(st.just("CPV"), st.from_regex(r"\A[0-9]{8}(-[0-9])?\Z")),
    st.tuples(st.just("UNSPSC"), st.from_regex(r"\A[0-9]{8}\Z")),
    st.tuples(st.just("OWN"), st.from_regex(r"\A[a-z0-9]+([._/-][a-z0-9]+){0,3}\Z")),
    st.tuples(st.just("GBT"), st.sampled_from(["C", "C38", "C382", "C3824", "3824", "D44", "A0111"])),
)


def rows(name: str) -> list[dict[str, str]]:
    path = DATA / "reference" / name
    if not path.exists():
        pytest.skip(f"the reference data are not here: {path}")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["hs", " CPV ", "gbt", "GB/T 4754", "unspsc", "own"])
def test_a_code_system_is_known_by_its_name_in_any_case(name: str) -> None:
    assert isinstance(require_known_system(name), CodeSystem)


def test_an_unknown_code_system_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Invalid) as refused:
        require_known_system("NAICS")
    fault = refused.value.faults[0]
    assert (fault.code, fault.params["system"]) == ("unknown-code-system", "NAICS")
    assert "UNSPSC" in str(fault.params["known"])


@pytest.mark.parametrize(
    ("system", "code"),
    [
        *(("HS", "850"), ("HS", "85 ab"), ("HS", "٨٥"), ("CPV", "3112"), ("UNSPSC", "2611")),
        *(("GBT", "D38"), ("GBT", "99"), ("GBT", "38245"), ("OWN", "-x"), ("OWN", "")),
    ],
)
def test_a_code_without_its_systems_form_is_refused(system: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        canonical(system, code)
    assert refused.value.faults[0].code == "malformed-code"


@given(codes)
def test_each_ancestor_is_covered_by_its_descendant_and_unproven_the_other_way(pair: tuple[str, str]) -> None:
    system, code = pair
    own = canonical(system, code)
    assert own not in ancestors(system, code)
    for broader in ancestors(system, code):
        assert code_cover(system, code, system, broader) is CodeCover.FULL
        assert code_cover(system, broader, system, code) is CodeCover.UNPROVEN


@given(codes)
def test_a_code_covers_itself_however_it_is_written(pair: tuple[str, str]) -> None:
    system, code = pair
    assert covers_code(system, code.lower(), system, canonical(system, code))


@given(codes, codes)
def test_codes_of_two_systems_never_cover_each_other(one: Any, other: Any) -> None:
    if one[0] != other[0]:
        assert code_cover(*one, *other) is CodeCover.NONE


def test_siblings_and_unreadable_codes_do_not_cover() -> None:
    assert code_cover("HS", "850760", "HS", "850710") is CodeCover.NONE
    assert code_cover("HS", "8507x", "HS", "8507") is CodeCover.NONE
    assert code_cover("HS", "8507", "", "") is CodeCover.NONE


def test_every_industry_of_the_national_standard_has_the_parents_the_standard_gives_it() -> None:
    parents = {row["code"]: row["parent"] for row in rows("gbt4754_2017.csv")}
    for code, parent in parents.items():
        assert ancestors("GBT", code)[:1] == ((parent,) if parent else ())


def test_every_heading_of_the_harmonized_system_has_the_parent_the_standard_gives_it() -> None:
    for row in rows("harmonized-system.csv"):
        if row["hscode"].isdigit() and row["parent"] != "TOTAL":
            assert ancestors("HS", row["hscode"])[0] == row["parent"]


def test_every_procurement_code_stands_below_a_division_that_the_vocabulary_lists() -> None:
    listed = {canonical("CPV", row["code"]) for row in rows("cpv2008_en.csv") if row["code"][:8].isdigit()}
    listed -= {"99999999"}  # "for bid purposes", a placeholder outside the tree
    assert [code for code in listed if not code.endswith("000000") and ancestors("CPV", code)[-1] not in listed] == []


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing_more_and_width_and_case_do_not_matter(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(text.upper().lower()) == fold(text.lower())


def test_spaces_stay_between_words_of_an_alphabet_only() -> None:
    assert fold("220 kV 变电站 EPC") == "220 kv变电站epc"


def test_a_firms_own_name_is_taken_off_only_where_enough_is_left() -> None:
    firm = "贵州黔源电力股份有限公司"
    assert without_own_name("黔源电力普定水电站", firm) == "普定水电站"
    assert without_own_name("黔源电力电站", firm) == "黔源电力电站"
    assert without_own_name("普定水电站", firm) == "普定水电站"
    assert without_own_name("三一挖掘机", "三一重工股份有限公司") == "三一挖掘机"


@given(st.text(max_size=12), st.text(max_size=12))
def test_overlap_is_symmetric_and_full_for_the_same_phrase(one: Any, other: Any) -> None:
    assert overlap(one, other) == overlap(other, one)
    assert 0 <= overlap(one, other) <= 100
    assert overlap(one, one) == (100 if fold(one) else 0)


def test_pairs_of_characters_of_the_shortest_phrases() -> None:
    assert bigrams("") == frozenset()
    assert bigrams("柜") == frozenset({"柜"})


@pytest.mark.parametrize(
    ("have", "need", "kind"),
    [
        ("低压开关柜", "开关柜", True),
        ("开关柜", "开关柜", False),
        ("储能系统", "系统", False),
        ("开关柜附件", "开关柜", False),
        ("power transformer", "transformer", True),
        ("autotransformer", "transformer", False),
    ],
)
def test_a_compound_is_a_kind_of_its_head(have: str, need: str, kind: bool) -> None:
    assert is_kind_by_name(have, need) is kind


def reached(pairs: frozenset[tuple[str, str]], start: str, depth: int) -> dict[str, int]:
    """The oracle: walk every path of at most `depth` steps."""
    found: dict[str, int] = {}
    paths = [(start, 0)]
    while paths:
        phrase, steps = paths.pop()
        if steps < depth:
            for broader, narrower in pairs:
                if broader == phrase:
                    found[narrower] = min(steps + 1, found.get(narrower, depth + 1))
                    paths.append((narrower, steps + 1))
    found.pop(start, None)
    return found


@given(st.frozensets(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde")), max_size=8), st.integers(0, 4))
def test_kinds_of_kinds_are_found_with_their_fewest_steps_even_in_circles(
    pairs: frozenset[tuple[str, str]], depth: int
) -> None:
    assert closure(index_narrower(pairs), "a", depth) == reached(pairs, "a", depth)
