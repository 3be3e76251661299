"""An OCDS tender becomes an opportunity: lots or items become packages, classifications become requirements."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.intake import sheet
from api.intake.drafts import OpportunityDraft
from api.intake.ocds import merge
from api.intake.reading import Reading, Subject, read
from domain.errors import Invalid
from domain.kinds import PackageKind


def release(**tender: Any) -> dict[str, Any]:
    """Return one release of a fictional tender; `tender` lays fields over it."""
    return {
        "ocid": "ocds-demo-1",
        "date": "2026-01-05T00:00:00Z",
        "tag": ["tender"],
        "buyer": {"id": "B1", "name": "演示业主"},
        "parties": [{"id": "B1", "roles": ["buyer"], "address": {"countryName": "Viet Nam"}}],
        "tender": {
            "id": "T1",
            "title": "Demonstration storage plant",
            "description": "Cells &amp; converters",
            "mainProcurementCategory": "goods",
            "value": {"amount": 1500.5, "currency": "USD"},
            "tenderPeriod": {"endDate": "2026-06-30T09:00:00Z"},
            "contractPeriod": {"startDate": "2026-09-01T00:00:00Z", "endDate": "2027-08-31T00:00:00Z"},
            "items": [
                {
                    "id": "1",
                    "description": "Converters",
                    "quantity": 40,
                    "unit": {"scheme": "UNCEFACT", "id": "C62", "name": "unit"},
                    "classification": {"scheme": "CPV", "id": "31121000-0", "description": "Generating sets"},
                }
            ],
            **tender,
        },
    }


def reading_of(document: Any) -> Reading:
    return read(Subject.OPPORTUNITIES, sheet.accept("tender.json", json.dumps(document).encode()))


def draft_of(document: Any) -> OpportunityDraft:
    reading = reading_of(document)
    assert reading.faults == ()
    draft = reading.drafts[0].draft
    assert isinstance(draft, OpportunityDraft)
    return draft


def fault_of(document: Any) -> tuple[str, str]:
    return next((fault.where, fault.code) for fault in reading_of(document).faults)


def test_a_tender_becomes_an_opportunity_with_one_package() -> None:
    draft = draft_of({"releases": [release()]})

    package = draft.packages[0]
    assert (draft.country, draft.currency, draft.budget, draft.source_reference) == (
        "VN",
        "USD",
        150_050,
        "ocds-demo-1",
    )
    assert draft.summary == "Cells & converters"
    assert (package.unit, package.quantity, package.value, package.kind) == ("C62", 40, 150_050, PackageKind.GOODS)
    assert [(need.code_system, need.code, need.phrase) for need in package.requirements] == [
        ("CPV", "31121000", "Generating sets")
    ]


def test_lots_become_packages_with_their_own_items_value_and_period() -> None:
    lots = [
        {"id": "L1", "title": "Supply", "value": {"amount": 1000, "currency": "USD"}},
        {
            "id": "L2",
            "title": "Works",
            "mainProcurementCategory": "works",
            "value": {"amount": 500.5, "currency": "USD"},
            "contractPeriod": {"startDate": "2026-10-01T00:00:00Z", "endDate": "2026-12-01T00:00:00Z"},
        },
    ]
    items = [{**release()["tender"]["items"][0], "relatedLot": "L1"}]

    supply, works = draft_of({"releases": [release(lots=lots, items=items)]}).packages

    assert (supply.code, supply.quantity, supply.value, len(supply.requirements)) == ("WP01", 40, 100_000, 1)
    assert (works.kind, works.quantity, works.unit, works.value) == (PackageKind.WORKS, 100, "C62", 50_050)
    assert works.starts.isoformat() == "2026-10-01"


def test_priced_items_become_packages_where_there_are_no_lots() -> None:
    item = release()["tender"]["items"][0]
    priced = [
        {**item, "id": str(n), "unit": {**item["unit"], "value": {"amount": n, "currency": "USD"}}} for n in (1, 2)
    ]

    packages = draft_of({"releases": [release(items=priced)]}).packages

    assert [package.value for package in packages] == [4_000, 8_000]


def test_later_releases_of_one_process_win() -> None:
    first, second = release(title="First title"), release(title="Second title")
    second["date"] = "2026-02-01T00:00:00Z"

    reading = reading_of({"releases": [second, first]})

    assert [placed.draft.title for placed in reading.drafts] == ["Second title"]
    assert reading.drafts[0].place == "$.releases[0]"


@pytest.mark.parametrize(
    "document",
    [
        release(),
        [release()],
        {"records": [{"ocid": "ocds-demo-1", "compiledRelease": release()}]},
        {"records": [{"ocid": "ocds-demo-1", "releases": [release()]}]},
    ],
    ids=["release", "list", "compiled record", "record"],
)
def test_releases_are_found_in_every_kind_of_package(document: Any) -> None:
    assert draft_of(document).title == "Demonstration storage plant"


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"title": "x"}, "$.tender.title", "string_too_short"),
        ({"title": None}, "$.tender.title", "string_too_short"),
        ({"value": None}, "$.tender.value.currency", "missing"),
        ({"value": {"amount": "much", "currency": "USD"}}, "$.tender.value.amount", "number"),
        ({"value": {"amount": 0.001, "currency": "USD"}}, "$.tender.value.amount", "money-too-fine"),
        ({"value": {"amount": 1, "currency": "ABC"}}, "$.tender.value.currency", "currency"),
        ({"value": {"amount": -5, "currency": "USD"}}, "$.tender.value.amount", "greater_than"),
        ({"tenderPeriod": {}}, "$.tender.tenderPeriod.endDate", "missing"),
        ({"tenderPeriod": {"endDate": "soon"}}, "$.tender.tenderPeriod.endDate", "date"),
        ({"contractPeriod": None}, "$.tender.contractPeriod.startDate", "missing"),
        (
            {"contractPeriod": {"startDate": "2027-01-01T00:00:00Z", "endDate": "2026-01-01T00:00:00Z"}},
            "$.tender.contractPeriod.endDate",
            "period",
        ),
        ({"items": [{"id": 1, "quantity": 1.5}]}, "$.tender.quantity", "whole-number"),
        ({"items": [{"id": 1, "quantity": 2, "unit": {"name": "fathoms"}}]}, "$.tender.unit", "unit"),
        ({"mainProcurementCategory": "gifts"}, "$.tender.mainProcurementCategory", "enum"),
        ({"lots": [{"id": "L1", "title": "Supply"}]}, "$.tender.lots[0].value", "missing"),
        (
            {"lots": [{"id": "L1", "title": "Supply", "value": {"amount": 1, "currency": "EUR"}}]},
            "$.tender.lots[0].value.currency",
            "currency-mixed",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_path(change: dict[str, Any], where: str, code: str) -> None:
    assert (where, code) in {(fault.where, fault.code) for fault in reading_of(release(**change)).faults}


def test_a_country_that_is_absent_or_unknown_is_a_fault() -> None:
    nowhere, unknown = release(), release()
    nowhere["parties"] = []
    unknown["parties"][0]["address"]["countryName"] = "Atlantis"

    assert fault_of(nowhere) == ("$.parties.address.countryName", "missing")
    assert fault_of(unknown) == ("$.parties.address.countryName", "country")


def test_a_process_without_a_tender_is_a_fault() -> None:
    assert fault_of({"releases": [{"ocid": "ocds-demo-1", "tag": ["award"]}]}) == ("$.releases[0]", "no-tender")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"ocid": ', "json_invalid"),
        (b"[" * 200 + b"]" * 200, "json_invalid"),
        (b"[" * 50_000, "json_invalid"),
        (b'{"a": "\xff"}', "file-encoding"),
        (b'{"releases": []}', "not-ocds"),
        (b'{"hello": "world"}', "not-ocds"),
        (b"[1, 2]", "not-ocds"),
        ("标题\n项目\n".encode(), "opportunity-form"),
    ],
)
def test_what_is_no_ocds_is_refused_as_a_file(content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(Subject.OPPORTUNITIES, sheet.accept("tender.json", content))
    assert caught.value.faults[0].code == code


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "amount", "title"]), inner),
    max_leaves=6,
)


@given(field=st.sampled_from(sorted(release()["tender"])), value=json_values)
def test_any_value_in_any_field_of_a_tender_gives_a_draft_or_faults(field: str, value: Any) -> None:
    reading = reading_of(release(**{field: value}))

    assert len(reading.drafts) + reading.faulty_rows == 1
    assert all(fault.where.startswith("$") for fault in reading.faults)


@given(st.dictionaries(st.sampled_from("abc"), json_values), st.dictionaries(st.sampled_from("abc"), json_values))
def test_merging_a_release_twice_is_merging_it_once(earlier: dict[str, Any], later: dict[str, Any]) -> None:
    once = merge(merge({}, earlier), later)

    assert merge(once, later) == once


@pytest.mark.data
def test_published_tenders_are_read(real_data: Path) -> None:
    files = sorted((real_data / "opportunities" / "ocds").glob("*.json"))

    readings = [read(Subject.OPPORTUNITIES, sheet.load(path)) for path in files]

    assert sum(len(reading.drafts) for reading in readings) == len(files) == 61
    assert sum(reading.faulty_rows for reading in readings) == 0
