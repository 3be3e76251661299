"""Our own templates can be filled in, in either language, and say nothing until they are."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from api.intake import annotated, sheet, tables
from api.intake.drafts import OpportunityDraft
from api.intake.reading import Subject, read
from api.intake.templates import BOOKS, Language, template
from api.spreadsheets import csv_bytes
from domain.errors import Fault, Invalid
from tests.strategies_files import as_csv, as_xlsx, good_table

SUBJECTS = {
    "firms": Subject.FIRMS,
    "capabilities": Subject.CAPABILITIES,
    "links": Subject.LINKS,
    "products": Subject.PRODUCTS,
}
LANGUAGES: tuple[Language, ...] = ("zh", "en")


def opportunity_book(**spoiled: str) -> bytes:
    """Return an opportunity workbook filled with the templates' own examples; `spoiled` replaces cells by field."""
    forms = [tables.standard(key) for key in BOOKS["opportunity"]]
    project, packages, requirements = forms
    examples = {column.field: spoiled.get(column.field, column.example) for column in project.columns}
    first = [[column.zh, examples[column.field]] for column in project.columns]
    package = [spoiled.get(f"package_{column.field}", column.example) for column in packages.columns]
    leading = [
        cell if column.field != "follows" else "" for column, cell in zip(packages.columns, package, strict=True)
    ]
    other = ["WP01" if column.field == "code" else c for column, c in zip(packages.columns, leading, strict=True)]
    need = [spoiled.get(f"need_{column.field}", column.example) for column in requirements.columns]
    return as_xlsx(
        (project.zh, first),
        (packages.zh, [[column.zh for column in packages.columns], other, package]),
        (requirements.zh, [[column.zh for column in requirements.columns], need]),
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SUBJECTS)
def test_an_empty_template_holds_only_its_example(name: str, language: Language) -> None:
    reading = read(SUBJECTS[name], sheet.accept("模板.xlsx", template(name, language)))

    assert [skip.code for skip in reading.skips] == ["example-row"]
    assert (reading.drafts, reading.faults, reading.notices) == ((), (), ())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SUBJECTS)
def test_the_example_row_is_a_good_row_once_it_loses_its_mark(name: str, language: Language) -> None:
    form = tables.standard(name)
    table = [[column.heading(language) for column in form.columns], [column.example for column in form.columns]]

    reading = read(SUBJECTS[name], sheet.accept("表.csv", as_csv(table)))

    assert (len(reading.drafts), reading.faults) == (1, ())


@pytest.mark.parametrize("name", BOOKS)
def test_a_template_carries_its_stamp_and_no_formula(name: str) -> None:
    content = template(name, "zh")

    stamp = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name("_meta").to_python()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        pages = [archive.read(part) for part in archive.namelist() if part.startswith("xl/worksheets/sheet")]
    assert [row[0] for row in stamp] == ["lianzhou-template/1", name, "zh"]
    assert not any(b"<f>" in page for page in pages)


def test_a_filled_opportunity_workbook_becomes_one_draft() -> None:
    reading = read(Subject.OPPORTUNITIES, sheet.accept("项目.xlsx", opportunity_book()))

    assert reading.faults == ()
    draft = reading.drafts[0].draft
    assert isinstance(draft, OpportunityDraft)
    assert (draft.country, draft.budget, draft.deadline.isoformat()) == (
        "ID",
        7_491_000_000,
        "2027-03-31T17:00:00+08:00",
    )
    assert [(package.code, package.value, package.follows) for package in draft.packages] == [
        ("WP01", 862_000_000, ()),
        ("WP03", 862_000_000, ("WP01",)),
    ]
    assert [need.phrase for need in draft.packages[1].requirements] == ["储能变流器"]


@pytest.mark.parametrize(
    ("spoiled", "where", "code"),
    [
        ({"title": ""}, "项目 row 1, 项目名称", "missing"),
        ({"country": "火星"}, "项目 row 3, 国家(地区)", "country"),
        ({"currency": "ABC"}, "项目 row 5, 币种", "currency"),
        ({"deadline": "尽快"}, "项目 row 7, 投标截止", "date"),
        ({"ends": "2026-01-01"}, "项目 row 9, 完工日期", "period"),
        ({"visibility": "谁都行"}, "项目 row 10, 可见范围", "enum"),
        ({"package_quantity": "0"}, "工作包 row 3, 数量", "greater_than_equal"),
        ({"package_unit": "？"}, "工作包 row 3, 单位", "unit"),
        ({"package_min_share": "120"}, "工作包 row 3, 份额下限(%)", "share-range"),
        ({"package_max_share": "10"}, "工作包 row 3, 份额上限(%)", "share-bounds"),
        ({"package_min_suppliers": "3"}, "工作包 row 3, 最多成员数", "supplier-range"),
        ({"package_ends": "2026-01-01"}, "工作包 row 3, 结束", "period"),
        ({"package_code": "WP01"}, "工作包", "package-repeated"),
        ({"package_follows": "WP99"}, "工作包", "package-unknown"),
        ({"need_package": "WP98"}, "要求", "package-unknown"),
        ({"need_kind": "好人"}, "要求 row 2, 类别", "enum"),
        ({"need_phrase": ""}, "要求 row 2, 条件", "requirement-empty"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_cell_of_an_opportunity_is_named_by_sheet_row_and_heading(
    spoiled: dict[str, str], where: str, code: str
) -> None:
    reading = read(Subject.OPPORTUNITIES, sheet.accept("项目.xlsx", opportunity_book(**spoiled)))

    assert (where, code) in {(fault.where, fault.code) for fault in reading.faults}
    assert reading.drafts == ()


def test_a_workbook_without_the_sheet_of_packages_is_refused() -> None:
    project = tables.standard("opportunity")
    content = as_xlsx((project.zh, [[column.zh, column.example] for column in project.columns]))

    with pytest.raises(Invalid) as caught:
        read(Subject.OPPORTUNITIES, sheet.accept("项目.xlsx", content))
    assert (caught.value.faults[0].code, caught.value.faults[0].params["sheet"]) == ("sheet-missing", "工作包")


PAYLOADS = ("=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", '=HYPERLINK("x")', "=cmd|' /C calc'!A0")


@given(st.sampled_from(PAYLOADS))
def test_rows_given_back_are_inert(payload: str) -> None:
    table = good_table(Subject.FIRMS, 1)
    table[1][1] = payload
    page = sheet.sheets(sheet.accept("表.csv", as_csv(table)))[0]

    rows = list(
        annotated.rows(
            [Fault(where="row 2, 企业名称", code="nobody")], page, lambda fault: fault.code, list("行列错码")
        )
    )

    assert rows[1][:4] == ["2", "企业名称", "nobody", "nobody"]
    with zipfile.ZipFile(io.BytesIO(annotated.as_workbook(rows))) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    cells = csv_bytes(rows).decode("utf-8-sig")
    assert f",'{payload.strip()[:1]}" in cells or "\"'" in cells
