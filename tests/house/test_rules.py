"""Each rule of the house holds here, and is one that can be broken: a planted violation is caught."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.house import rules
from tests.house.rules import RULES

Rule = Callable[[Path], Iterator[str]]

RECORDS = 'class Firm(Record, table=True):\n    """A firm."""\n'
SOUND = {
    "domain/__init__.py": "",
    "domain/records.py": RECORDS,
    "optimizer/__init__.py": "",
    "coalitions/__init__.py": "",
    "api/__init__.py": "",
    "api/locale/zh-CN.toml": '[refusal]\n"gone" = "{noun:noun}不存在"\n',
    "api/locale/en.toml": '[refusal]\n"gone" = "There is no {noun}."\n',
    "docs/glossary.md": "| `Firm` | 企业 | a firm |\n",
    "ARCHITECTURE.md": "".join(
        f"- `{place}` — text\n" for place in ("api", "coalitions", "domain", "domain/records.py", "optimizer")
    ),
}
HANDLER = '@get("/x")\nasync def read(actor: Actor) -> {answer}:\n    """Read."""\n{body}'
VIOLATIONS: list[tuple[Rule, str, str, str]] = [
    (rules.waiting_core, "domain/records.py", "async def f() -> None: ...", "async"),
    (rules.waiting_core, "coalitions/__init__.py", "import datetime\nx = datetime.datetime.now()", "datetime.now"),
    (rules.waiting_core, "coalitions/__init__.py", "from datetime import date\nx = date.today()", "date.today"),
    (rules.waiting_core, "optimizer/__init__.py", "from random import Random", "random.Random"),
    (rules.waiting_core, "optimizer/__init__.py", "print(1)", "print"),
    (rules.stray_queries, "api/__init__.py", "from sqlalchemy import select", "select"),
    (rules.stray_queries, "api/__init__.py", "import sqlalchemy as sa\nx = sa.select(1)", "select"),
    (rules.stray_queries, "domain/records.py", "from sqlmodel import select", "select"),
    (rules.stray_commits, "api/__init__.py", "async def f(s):\n    await s.commit()", "s.commit"),
    (rules.stray_commits, "api/__init__.py", "def f(s):\n    return s.begin()", "s.begin"),
    (rules.stray_spreadsheets, "api/__init__.py", "import xlsxwriter", "xlsxwriter"),
    (rules.stray_spreadsheets, "api/__init__.py", "import csv\nx = csv.writer(y)", "csv.writer"),
    (rules.stray_spreadsheets, "api/__init__.py", "x = 'attachment; filename=y'", "Content-Disposition"),
    (rules.long_handlers, "api/__init__.py", HANDLER.format(answer="Out", body="    x = 1\n" * 9), "9 statements"),
    (
        rules.long_handlers,
        "api/__init__.py",
        HANDLER.format(answer="Out", body="    if a:\n        x = 1\n" * 5),
        "10 statements",
    ),
    (rules.rows_on_the_wire, "api/__init__.py", HANDLER.format(answer="list[Firm]", body="    pass"), "list[Firm]"),
    (rules.rows_on_the_wire, "api/__init__.py", HANDLER.format(answer="dict[str, int]", body="    pass"), "dict"),
    (rules.rows_on_the_wire, "api/__init__.py", "@post()\ndef f():\n    pass", "nothing said"),
    (rules.changing_values, "domain/records.py", "@dataclass\nclass V: ...", "V"),
    (rules.changing_values, "domain/records.py", "@dataclass(frozen=True, slots=True)\nclass V: ...", "V"),
    (rules.banned_words, "api/utils.py", "", "named utils"),
    (rules.banned_words, "api/__init__.py", "from __future__ import annotations", "annotations"),
    (rules.banned_words, "domain/records.py", "x = Relationship()", "Relationship"),
    (rules.map_differences, "api/new.py", "", "lacks api/new.py"),
    (rules.map_differences, "ARCHITECTURE.md", "- `api/old.py` — gone", "maps api/old.py"),
    (rules.glossary_gaps, "domain/records.py", "class Bid(Record, table=True): ...", "lacks Bid"),
    (rules.catalogue_differences, "api/locale/en.toml", '"more" = "More."', "zh-CN.toml lacks refusal.more"),
    (rules.catalogue_differences, "api/locale/zh-CN.toml", '"more" = "更多"', "en.toml lacks refusal.more"),
]


def planted(root: Path, over: dict[str, str]) -> Path:
    """Write a small sound project with `over` appended to its files."""
    for path in {**SOUND, **over}:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(SOUND.get(path, "") + over.get(path, ""), encoding="utf-8")
    return root


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds(rule: Rule) -> None:
    assert list(rule(PROJECT)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_finds_nothing_in_a_sound_project(rule: Rule, tmp_path: Path) -> None:
    assert list(rule(planted(tmp_path, {}))) == []


@pytest.mark.parametrize(("rule", "path", "text", "found"), VIOLATIONS)
def test_the_rule_catches_a_planted_violation(rule: Rule, path: str, text: str, found: str, tmp_path: Path) -> None:
    (violation,) = rule(planted(tmp_path, {path: text}))

    assert found in violation


def test_every_rule_has_a_violation_that_it_catches() -> None:
    assert {rule for rule, *_ in VIOLATIONS} == set(RULES)


def test_a_sentence_that_forgets_a_parameter_is_caught(tmp_path: Path) -> None:
    root = planted(tmp_path, {})
    shutil.copy(root / "api/locale/en.toml", root / "api/locale/zh-CN.toml")
    (root / "api/locale/en.toml").write_text('[refusal]\n"gone" = "It is gone."\n')

    assert list(rules.catalogue_differences(root)) == ["refusal.gone: ['noun'] / []"]
