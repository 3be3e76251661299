"""No words of a stranger become a program: not SQL, not Python, not a shell's line (P45)."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.house.rules import PACKAGES, called, sources

SQL = frozenset({"text", "sa.text", "exec_driver_sql", "execute", "fetch", "fetchval", "fetchrow", "literal_column"})
DANGEROUS = frozenset(
    {"eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "marshal.loads", "yaml.load", "os.system",
     "os.popen", "subprocess.getoutput", "shelve.open"}
)  # fmt: skip
KNOWN = {
    "api/db.py": "statements about roles, databases and settings of a session, from constants of our own",
    "api/embedded.py": "names of a database of our own making; no parameter may stand there",
    "api/migrations/": "names of tables, from tuples in the same file",
    "api/queries/events.py": "one constant of the outbox, the horizon of transactions that have ended",
}
"""Where a statement may be put together, and why nobody's words can be in it."""


def put_together(node: ast.expr) -> bool:
    """Tell whether a text is made of pieces that are not all written here."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return not (isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant))
    return called(node).endswith(".format")


def statements(root: Path) -> Iterator[str]:
    """Give every statement that is put together."""
    for path, tree in sources(root, *PACKAGES):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args or path.startswith(tuple(KNOWN)):
                continue
            name = called(node)
            if (name in SQL or name.rpartition(".")[2] in SQL - {"text"}) and put_together(node.args[0]):
                yield f"{path}:{node.lineno} {name}"


def programs(root: Path) -> Iterator[str]:
    """Give every call that makes a program of data."""
    for path, tree in sources(root, *PACKAGES):
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and called(node).rpartition(".")[2] == "Markup"
                and not isinstance(node.args[0], ast.Constant)
            ):
                yield f"{path}:{node.lineno} Markup"
            if called(node) in DANGEROUS:
                yield f"{path}:{getattr(node, 'lineno', 0)} {called(node)}"
            if isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) != "False":
                yield f"{path}:{node.value.lineno} shell"


def test_p45_no_statement_is_put_together() -> None:
    assert list(statements(PROJECT)) == []


def test_p45_no_data_becomes_a_program() -> None:
    assert list(programs(PROJECT)) == []


def test_p45_every_page_escapes_what_it_shows() -> None:
    pages = [path for path in (PROJECT / "api").rglob("*.jinja")] + [path for path in (PROJECT / "api").rglob("*.html")]
    assert len(pages) > 10

    said = {
        path.name: word
        for path in pages
        for word in ("|safe", "| safe", "autoescape false")
        if word in path.read_text("utf-8")
    }
    assert said == {}
    assert "autoescape=True" in (PROJECT / "api" / "console" / "words.py").read_text("utf-8") + "".join(
        path.read_text("utf-8") for path in (PROJECT / "api" / "console").glob("*.py")
    )


@pytest.mark.parametrize(
    "planted",
    [
        'import sqlalchemy as sa\nsa.text(f"select {name}")',
        'session.execute("select " + name)',
        'session.execute("select {}".format(name))',
    ],
)
def test_p45_a_planted_statement_is_caught(tmp_path: Path, planted: str) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "planted.py").write_text(planted, encoding="utf-8")

    assert len(list(statements(tmp_path))) == 1


@pytest.mark.parametrize(
    "planted", ["eval(name)", "Markup(name)", "pickle.loads(data)", "subprocess.run(name, shell=True)"]
)
def test_p45_a_planted_program_is_caught(tmp_path: Path, planted: str) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "planted.py").write_text(planted, encoding="utf-8")

    assert len(list(programs(tmp_path))) == 1


def test_p45_bandit_finds_nothing_grave() -> None:
    command = [sys.executable, "-m", "bandit", "-q", "-r", *PACKAGES, "--severity-level", "high", "-f", "txt"]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stdout
