"""Every way in which a file can be written is understood; every wrong cell is named by its row and heading."""

import doctest
import importlib
import pkgutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import api.intake
from api.intake import sheet, tables
from api.intake.drafts import CapabilityDraft, FirmDraft, SupplyLinkDraft
from api.intake.reading import Reading, Subject, read
from domain.errors import Invalid
from tests.strategies_files import (
    BAD_CELLS,
    DELIMITERS,
    ENCODINGS,
    Broken,
    as_csv,
    as_xlsx,
    broken_files,
    good_table,
)

MODULES = [module.name for module in pkgutil.iter_modules(api.intake.__path__, "api.intake.")]


def reading_of(subject: Subject, content: bytes, filename: str = "表.csv") -> Reading:
    return read(subject, sheet.accept(filename, content))


def refusal(subject: Subject, content: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        reading_of(subject, content)
    assert caught.value.faults[0].where == "表.csv"
    return caught.value.faults[0].code


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_the_docstrings_hold(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


@settings(max_examples=150)
@given(broken=broken_files())
def test_a_wrong_cell_is_named_by_its_row_and_heading(broken: Broken) -> None:
    reading = reading_of(broken.subject, broken.content)

    assert broken.where in {fault.where for fault in reading.faults}
    assert {fault.where.split(",")[0] for fault in reading.faults} == {f"row {broken.row}"}
    assert reading.faulty_rows == 1


def test_all_faults_of_all_rows_come_at_once() -> None:
    table = good_table(Subject.FIRMS, 3)
    table[1][1], table[1][3], table[3][0] = "", "昨天", "12345"

    reading = reading_of(Subject.FIRMS, as_csv(table))

    found = [(fault.where, fault.code) for fault in reading.faults]
    assert found == [
        ("row 2, 企业名称", "missing"),
        ("row 2, 成立日期", "date"),
        ("row 4, 统一社会信用代码", "credit-code"),
    ]
    assert (reading.rows, len(reading.drafts), reading.faulty_rows) == (3, 1, 2)


@given(subject=st.sampled_from(list(BAD_CELLS)), encoding=st.sampled_from(ENCODINGS), comma=st.sampled_from(DELIMITERS))
def test_encoding_and_separator_change_nothing(subject: Subject, encoding: str, comma: str) -> None:
    table = good_table(subject, 3)

    reading = reading_of(subject, as_csv(table, encoding, comma))

    plain = reading_of(subject, as_csv(table))
    assert [placed.draft for placed in reading.drafts] == [placed.draft for placed in plain.drafts]
    assert len(reading.drafts) == 3


@given(st.text(st.characters(codec="gb18030", categories=("Lo", "Ll", "Nd"), exclude_characters="某x"), min_size=1))
def test_any_name_survives_gb18030_and_bom(name: str) -> None:
    table = good_table(Subject.FIRMS, 1)
    table[1][1] = f"演示{name[:20]}有限公司"

    names = {
        reading_of(Subject.FIRMS, as_csv(table, encoding)).drafts[0].draft.name
        for encoding in ("utf-8", "utf-8-sig", "gb18030")
    }

    assert len(names) == 1


def test_what_a_good_row_means() -> None:
    firm = reading_of(Subject.FIRMS, as_csv(good_table(Subject.FIRMS, 1))).drafts[0].draft
    capability = reading_of(Subject.CAPABILITIES, as_csv(good_table(Subject.CAPABILITIES, 1))).drafts[0].draft
    link = reading_of(Subject.LINKS, as_csv(good_table(Subject.LINKS, 1))).drafts[0].draft

    assert isinstance(firm, FirmDraft)
    assert isinstance(capability, CapabilityDraft)
    assert isinstance(link, SupplyLinkDraft)
    assert (firm.registered_capital, firm.country, firm.sme, firm.grades) == (5_000_000_000, "CN", True, {"power": 2})
    assert (capability.unit, capability.monthly_quantity, capability.countries) == ("C62", 60, ("ID", "VN"))
    assert (capability.unit_price, capability.code) == (21_550_000, "850440")
    assert (link.share, link.year, link.confidence) == (1250, 2025, 80)


def test_a_heading_may_carry_its_scale() -> None:
    table = good_table(Subject.FIRMS, 1)
    table[0][4], table[1][4] = "注册资本（万元）", "5000"

    assert reading_of(Subject.FIRMS, as_csv(table)).drafts[0].draft.registered_capital == 5_000_000_000


def test_english_headings_and_blank_columns_are_understood() -> None:
    table = good_table(Subject.FIRMS, 2)
    table[0][:4] = ["credit_code", "Name", "country", "FOUNDED"]
    spread = [["", *row, "", ""] for row in table]

    reading = reading_of(Subject.FIRMS, as_csv([*spread[:1], [], *spread[1:], []]))

    assert [placed.place for placed in reading.drafts] == ["row 3", "row 4"]


def test_dates_and_numbers_of_a_workbook_keep_their_meaning() -> None:
    header = ["统一社会信用代码", "企业名称", "成立日期", "注册资本"]
    content = as_xlsx(("企业", [header, ["91350100M000100Y43", "演示有限公司", 46082, 16500.5]]))

    draft = reading_of(Subject.FIRMS, content, "表.csv").drafts[0].draft

    assert (draft.founded.isoformat(), draft.registered_capital) == ("2026-03-01", 1_650_050)


def test_a_column_we_do_not_know_is_said_to_be_unread() -> None:
    table = [[*row, "x"] for row in good_table(Subject.FIRMS, 1)]
    table[0][-1] = "星座"

    notices = reading_of(Subject.FIRMS, as_csv(table)).notices

    assert [(notice.code, notice.params["columns"]) for notice in notices] == [("columns-not-read", "星座")]


def test_a_required_column_that_is_absent_is_named_once() -> None:
    table = [row[:-2] for row in good_table(Subject.LINKS, 3)]

    faults = reading_of(Subject.LINKS, as_csv(table)).faults

    assert [(fault.where, fault.code) for fault in faults] == [("row 1, 来源", "column-missing")]


def test_a_column_that_is_there_twice_is_refused() -> None:
    table = [[*row, row[1]] for row in good_table(Subject.FIRMS, 1)]

    faults = reading_of(Subject.FIRMS, as_csv(table)).faults

    assert [(fault.where, fault.code) for fault in faults] == [("row 1, 企业名称", "column-repeated")]


def test_a_template_row_marked_as_example_is_left_out() -> None:
    table = [["标记", *row] for row in good_table(Subject.FIRMS, 2)]
    table[0][0], table[1][0], table[2][0] = "标记", "示例", ""

    reading = reading_of(Subject.FIRMS, as_csv(table))

    assert [skip.code for skip in reading.skips] == ["example-row"]
    assert len(reading.drafts) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "workbook-old-or-encrypted"),
        (b"PK\x03\x04 and then nothing", "workbook-broken"),
        (b'{"ocid": "x"}', "json-is-no-table"),
        (b"\x00\x01\x02\x03", "file-binary"),
        (b"\xff\xff\xff\xff", "file-encoding"),
        (b"\n\n , ,\n", "file-empty"),
        ("天气,心情\n晴,好\n".encode(), "headings-unknown"),
        ('企业名称,统一社会信用代码\n"没有结束,1\n'.encode(), "csv-broken"),
        (("企业名称,统一社会信用代码\n" + "长" * 40_000 + ",1\n").encode(), "cell-too-long"),
        ("企业名称,统一社会信用代码\n".encode(), "no-rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, code: str) -> None:
    assert refusal(Subject.FIRMS, content) == code


def test_an_empty_or_too_large_file_is_refused_before_it_is_read() -> None:
    for content, code in ((b"", "file-empty"), (b"x" * (sheet.MAX_BYTES + 1), "file-too-large")):
        with pytest.raises(Invalid) as caught:
            sheet.accept("表.csv", content)
        assert caught.value.faults[0].code == code


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MAX_ROWS", 3)

    assert refusal(Subject.FIRMS, as_csv(good_table(Subject.FIRMS, 4))) == "too-many-rows"
    assert refusal(Subject.FIRMS, as_xlsx(("企业", good_table(Subject.FIRMS, 4)))) == "too-many-rows"


def test_a_path_that_is_no_file_is_refused(tmp_path: object) -> None:
    from pathlib import Path

    with pytest.raises(Invalid) as caught:
        sheet.load(Path(str(tmp_path)) / "没有.csv")
    assert caught.value.faults[0].code == "file-absent"


def test_each_column_of_each_form_has_a_reader_and_a_field() -> None:
    for key in ("firms", "capabilities", "links", "products", "opportunity", "packages", "requirements"):
        for column in tables.standard(key).columns:
            assert column.read in tables.READERS
            assert column.choices.keys() in (set(), {"zh", "en"})
