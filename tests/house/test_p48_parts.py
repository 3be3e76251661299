"""What we are built from: locked by hash, under licences we may use, and told on one page (P48)."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from tests.conftest import PROJECT

PAGE = PROJECT / "docs" / "security" / "dependencies.md"
LOCK = PROJECT / "requirements.lock"
ENTRY = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
ALLOWED = re.compile(
    r"MIT|BSD|Apache|ISC|MPL|PSF|Python Software Foundation|Python-2\.0|Unlicense|0BSD|Zlib|CC0|OFL|PostgreSQL|HPND"
    r"|Boost|Public Domain|LGPL",
    re.IGNORECASE,
)
FORBIDDEN = re.compile(r"(?<!L)\b(A?GPL|SSPL|BUSL|Commons Clause|Proprietary)", re.IGNORECASE)
HEAD = """# Parts we are built from

Written by `tests/house/test_p48_parts.py` from `requirements.lock` and what each distribution says of itself. A licence
outside the list of that test, or a part without hashes, fails it. What is known of weaknesses in these parts needs a
data base from outside and is looked up by whoever releases: `pip-audit -r requirements.lock`. Upkeep is told in
`docs/decisions/README.md`.

| part | version | licence |
|---|---|---|
"""


def locked() -> dict[str, str]:
    """Return every locked part with its version."""
    return dict(ENTRY.findall(LOCK.read_text(encoding="utf-8")))


def licence(name: str) -> str | None:
    """Return what a part says of its licence, in a few words; None where it is not installed on this machine."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return None
    classified = [
        each.rpartition(" :: ")[2] for each in told.get_all("Classifier") or [] if each.startswith("License ::")
    ]
    said = told["License-Expression"] or "; ".join(classified) or (told["License"] or "").strip().split("\n")[0]
    return " ".join(said.split())[:80].replace("|", "/") or "not stated"


STATED_IN_ITS_FILES: dict[str, str] = {"colorama": "BSD-3-Clause"}
"""Parts that say nothing here (colorama is wanted on Windows only), with what their licence file says."""


def page(before: str) -> str:
    """Return the page; of a part that this machine does not have, the former line stays."""
    kept = dict(re.findall(r"^\| (\S+) \| \S+ \| (.+) \|$", before, re.MULTILINE))
    lines = []
    for name, version in sorted(locked().items()):
        told = STATED_IN_ITS_FILES.get(name) or licence(name) or kept.get(name, "not installed here")
        lines.append(f"| {name} | {version} | {told} |")
    return HEAD + "\n".join(lines) + "\n"


def test_p48_every_part_is_locked_by_hash() -> None:
    text = LOCK.read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text.strip())

    assert len(blocks) >= len(locked()) > 80
    assert [block.split("\n")[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "http" not in re.sub(r"^\S+==.*$", "", text, flags=re.MULTILINE)


def test_p48_the_page_about_parts_is_fresh() -> None:
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    text = page(before)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text, encoding="utf-8")

    assert before == text, "docs/security/dependencies.md was out of date and has been written anew: commit it"


def test_p48_no_licence_comes_in_that_we_may_not_use() -> None:
    told = re.findall(r"^\| (\S+) \| [0-9]\S* \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert {name: words for name, words in told if not ALLOWED.search(words) or FORBIDDEN.search(words)} == {}


def test_p48_a_licence_that_we_may_not_use_is_caught() -> None:
    assert FORBIDDEN.search("GPL-3.0-only")
    assert FORBIDDEN.search("AGPL-3.0")
    assert not FORBIDDEN.search("LGPL-3.0-or-later")


def test_p48_browser_files_are_locked_by_hash() -> None:
    text = Path(PROJECT / "web" / "package-lock.json").read_text(encoding="utf-8")

    assert text.count('"integrity"') >= 2
