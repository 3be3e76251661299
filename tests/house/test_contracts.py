"""The packages import each other in the directions that pyproject.toml draws, and one wrong import is noticed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.house.rules import PACKAGES

LINT = str(Path(sys.executable).with_name("lint-imports"))
WRONG = [
    ("domain/message.py", "import coalitions", "The shell knows the core, never the reverse"),
    ("optimizer/problem.py", "import domain", "The shell knows the core, never the reverse"),
    ("api/settings.py", "import api.db", "Inside the shell, requests flow one way"),
    ("api/nowhere.py", "", "Inside the shell, requests flow one way"),
    ("domain/message.py", "import asyncio", "The core neither waits nor talks"),
    ("domain/world.py", "import sqlalchemy", "Computation never sees a table"),
    ("domain/world.py", "import networkx", "One door to networkx and networkit"),
    ("domain/world.py", "import ortools", "One room for ortools and highspy"),
]


def linted(folder: Path) -> tuple[int, str]:
    """Return how the import contracts fare in `folder`."""
    done = subprocess.run(
        [LINT, "--no-cache", "--config", "pyproject.toml"],
        cwd=folder, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(folder), "PATH": ""},
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages in which a wrong import may stand for a moment."""
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    return folder


def test_the_import_contracts_are_kept() -> None:
    broken, report = linted(PROJECT)

    assert broken == 0, report


@pytest.mark.parametrize(("path", "line", "contract"), WRONG)
def test_one_wrong_import_is_noticed(copied: Path, path: str, line: str, contract: str) -> None:
    place = copied / path
    before = place.read_text(encoding="utf-8") if place.exists() else None
    place.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    try:
        broken, report = linted(copied)
    finally:
        place.unlink() if before is None else place.write_text(before, encoding="utf-8")

    assert broken == 1, report
    assert f"{contract} BROKEN" in report
