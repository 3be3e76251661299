"""The same from a terminal: tables or JSON on stdout, exit codes a script may rely on, rows given back with faults."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from typer.testing import CliRunner, Result

from api.cli.imports import import_app, template_app
from api.intake import sheet
from api.intake.reading import Subject, read
from tests.strategies_files import Table, as_csv, good_table

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture(autouse=True)
def environment(database_url: str, committed_sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command find the tests' database, and speak Chinese."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LIANZHOU_LANG", "zh-CN")


def run(*words: object) -> Result:
    return CliRunner().invoke(import_app, [str(word) for word in words])


def answer(*words: object) -> Any:
    result = run(*words, "--json")
    return json.loads(result.stdout)


def saved(folder: Path, table: Table, name: str = "企业.csv") -> Path:
    path = folder / name
    path.write_bytes(as_csv(table))
    return path


def test_a_good_file_ends_with_zero_and_a_faulty_one_with_three(tmp_path: Path) -> None:
    table = good_table(Subject.FIRMS, 3)

    good = run("firms", saved(tmp_path, table))
    table[2][3] = "昨天"
    faulty = run("firms", saved(tmp_path, table, "错.csv"))

    assert (good.exit_code, faulty.exit_code) == (0, 3)
    assert "row 3, 成立日期" in faulty.stdout


def test_a_file_that_cannot_be_read_ends_with_three_and_says_why(tmp_path: Path) -> None:
    result = run("firms", tmp_path / "没有.csv")

    assert result.exit_code == 3
    assert "没有.csv" in result.stderr


def test_the_report_as_json(tmp_path: Path) -> None:
    report = answer("firms", saved(tmp_path, good_table(Subject.FIRMS, 2)))["files"][0]

    assert (report["state"], report["rows"], report["accepted"], report["dry_run"]) == ("done", 2, 2, False)
    assert report["written"] == {"organisation": 2, "organisation_alias": 2}


def test_a_dry_run_leaves_an_empty_database_empty(tmp_path: Path) -> None:
    report = answer("firms", saved(tmp_path, good_table(Subject.FIRMS, 2)), "--dry-run")["files"][0]

    assert (report["accepted"], report["batch"]) == (2, None)
    assert answer("list") == {"batches": []}


def test_one_refused_file_takes_the_others_along(tmp_path: Path) -> None:
    bad = good_table(Subject.FIRMS, 2)
    bad[1][0] = "12345"

    result = answer("firms", saved(tmp_path, good_table(Subject.FIRMS, 1)), saved(tmp_path, bad, "错.csv"))

    assert [(file["state"], file["accepted"], file["batch"]) for file in result["files"]] == [("refused", 0, None)] * 2
    assert answer("list") == {"batches": []}


def test_skipping_faulty_rows_writes_the_rest_and_still_ends_with_three(tmp_path: Path) -> None:
    table = good_table(Subject.FIRMS, 3)
    table[1][1] = ""

    result = run("firms", saved(tmp_path, table), "--on-error", "skip", "--json")

    assert result.exit_code == 3
    assert [batch["accepted"] for batch in answer("list")["batches"]] == [2]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_faulty_rows_are_given_back_with_what_is_wrong(tmp_path: Path, ending: str) -> None:
    table = good_table(Subject.FIRMS, 3)
    table[2][1] = "=HYPERLINK(1)"
    table[2][3] = "昨天"
    errors = tmp_path / f"错误.{ending}"

    run("firms", saved(tmp_path, table), "--errors", errors)

    if ending == "csv":
        given = list(csv.reader(io.StringIO(errors.read_text(encoding="utf-8-sig"))))
        assert given[1][5] == "'=HYPERLINK(1)"
    else:
        given = [[str(cell) for cell in line.cells] for line in sheet.sheets(sheet.load(errors))[0].lines]
        assert given[1][5] == "=HYPERLINK(1)"
    assert given[1][:2] == ["3", "成立日期"]
    assert given[1][3] == "date"


def test_a_batch_is_listed_and_undone(tmp_path: Path) -> None:
    batch = answer("firms", saved(tmp_path, good_table(Subject.FIRMS, 2)))["files"][0]["batch"]

    assert [(row["batch"], row["state"], row["subject"]) for row in answer("list")["batches"]] == [
        (batch, "done", "firms")
    ]
    assert run("undo", batch).exit_code == 0
    assert [row["state"] for row in answer("list")["batches"]] == ["undone"]
    assert run("undo", batch).exit_code == 6
    assert run("undo", "00000000-0000-0000-0000-000000000000").exit_code == 4
    assert run("list").exit_code == 0


def test_a_batch_of_an_empty_platform_is_not_found() -> None:
    assert run("undo", "00000000-0000-0000-0000-000000000000").exit_code == 4


def test_the_owner_of_opportunities_must_be_known(tmp_path: Path) -> None:
    from tests.api.intake.test_templates import opportunity_book

    path = tmp_path / "项目.xlsx"
    path.write_bytes(opportunity_book())
    firms = good_table(Subject.FIRMS, 1)
    run("firms", saved(tmp_path, firms))

    assert run("opportunities", path, "--owner", "91350100M000100Y43").exit_code == 4
    assert run("opportunities", path, "--owner", firms[1][0]).exit_code == 0


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", ["firms", "capabilities", "links", "products", "opportunity"])
def test_templates_are_written(tmp_path: Path, name: str, language: str) -> None:
    path = tmp_path / f"{name}.xlsx"

    result = CliRunner().invoke(template_app, [name, "-o", str(path), "--lang", language])

    assert result.exit_code == 0
    assert len(sheet.sheets(sheet.load(path))) >= 2


def test_a_template_is_not_written_where_nothing_can_be(tmp_path: Path) -> None:
    assert CliRunner().invoke(template_app, ["firms", "-o", str(tmp_path / "no" / "x.xlsx")]).exit_code == 2


def test_a_template_filled_by_hand_comes_in(tmp_path: Path) -> None:
    path = tmp_path / "企业.xlsx"
    CliRunner().invoke(template_app, ["firms", "-o", str(path)])

    reading = read(Subject.FIRMS, sheet.load(path))

    assert [skip.code for skip in reading.skips] == ["example-row"]
