"""What the files say: no address of a package registry, no path of one machine, no secret, no unfinished business."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT

SELF = "tests/house/test_text.py"
FORBIDDEN = {
    "registry": r"pypi\.org|pythonhosted\.org|npmjs\.(org|com)|npmmirror|yarnpkg|proxy\.golang|crates\.io",
    "machine": r"(?<![\w.~])/(work|root|home|Users|mnt)/\w",
    "secret": r"-----BEGIN [A-Z ]*PRIVATE KEY|\b(AKIA|ghp_|glpat-|xox[bp]-)\w{8}",
    "unfinished": r"\b(TODO|FIXME|HACK)\b|raise NotImplementedError|type: ignore(?!\[)",
    "making": r"(?i)\b(llm|gpt-?\d|chatgpt|claude|copilot|ai[- ]generated|language model|system prompt|sub-?agents?)\b",
}
TEXTS = frozenset(
    {".py", ".md", ".toml", ".ini", ".mako", ".lock", ".json", ".jinja", ".html", ".css", ".js", ".sh", ".example", ""}
)


def committed(root: Path) -> Iterator[Path]:
    """Give the files that are kept under version control, but for this one, which shows what is forbidden."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    yield from (root / name for name in listed.split("\0") if name not in ("", SELF) and (root / name).is_file())


def tracked(root: Path) -> Iterator[Path]:
    """Give those of them that are text."""
    yield from (path for path in committed(root) if path.suffix in TEXTS)


def offences(text: str) -> list[str]:
    """Return what a text says that it should not, each with its kind."""
    return [f"{kind}: {found.group()}" for kind, words in FORBIDDEN.items() for found in re.finditer(words, text)]


def test_no_file_says_what_it_should_not() -> None:
    if not (PROJECT / ".git").exists():
        pytest.skip("this copy of the project is not under version control")
    found = {
        str(path.relative_to(PROJECT)): said
        for path in tracked(PROJECT)
        if (said := offences(path.read_text(encoding="utf-8")))
    }

    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "https://pypi.org/simple",
        '"resolved": "https://registry.npmjs.org/htmx"',
        "cd /home/wang/project",
        "# TODO later",
        "raise NotImplementedError",
        "x = 1  # type: ignore",
        "-----BEGIN RSA PRIVATE KEY",
        "written by ChatGPT",
    ],
)
def test_what_should_not_be_said_is_noticed(text: str) -> None:
    assert len(offences(text)) == 1


@pytest.mark.parametrize(
    "text",
    ["/var/lib/lianzhou", "the /problems/not-found page", "x  # type: ignore[misc]", "a session's prompt answer"],
)
def test_what_may_be_said_is_not(text: str) -> None:
    assert offences(text) == []
