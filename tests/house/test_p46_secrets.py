"""No committed file holds a secret: every kind that detect-secrets knows by its form, and passwords that are assigned.

What only looks random is not asked about (the lock and the papers are full of digests); what tests and examples call a
password is in the lists below, each a word that opens nothing anywhere.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

from tests.conftest import PROJECT
from tests.house.test_text import committed

BY_ENTROPY = ("Base64HighEntropyString", "HexHighEntropyString")
PLUGINS: Mapping[str, type] = get_mapping_from_secret_type_to_class()
BY_FORM = sorted({each.__name__ for each in PLUGINS.values()} - {*BY_ENTROPY, "KeywordDetector"})
PLACEHOLDERS = {".env.example": "password", "api/settings.py": "password", "docs/operations.md": "password"}
"""Where an address shows how a user and his password are written into it."""
ASSIGNED = re.compile(r"""(?i)\b(password|passwd|secret|token|api_?key)\s*[:=]\s*["']([^"'\s{}$<>]{8,})["']""")
WORDS = re.compile(r"[A-Za-z]+([-_ .][A-Za-z]+)+|[A-Z]+(AGAIN)[A-Z]+|whsec_bGlhbnpob3UtZXhhbXBsZQ==")
"""What an example calls a secret: words, so that nobody takes them for one."""


@pytest.fixture(autouse=True)
def by_form() -> Iterator[None]:
    """Have every form looked for that detect-secrets knows."""
    with transient_settings({"plugins_used": [{"name": name} for name in BY_FORM]}):
        yield


def secrets(path: Path) -> set[str]:
    """Return what in a file is a secret by its form."""
    return {str(found.secret_value) for found in scan_file(str(path))}


def assigned(text: str) -> set[str]:
    """Return what a text gives a name of secrets to, other than words that say that they are an example."""
    return {found[2] for found in ASSIGNED.finditer(text) if not WORDS.fullmatch(found[2])}


def test_p46_no_committed_file_holds_a_secret() -> None:
    if not (PROJECT / ".git").exists():
        pytest.skip("this copy of the project is not under version control")
    found: dict[str, set[str]] = {}
    for path in committed(PROJECT):
        if path.suffix not in (".png", ".xlsx", ".woff2"):
            name = path.relative_to(PROJECT).as_posix()
            formed = secrets(path) - {PLACEHOLDERS.get(name)}
            by_name = set() if name.startswith("tests/") else assigned(path.read_text(encoding="utf-8"))
            found |= {name: formed | by_name} if formed | by_name else {}

    assert found == {}


@pytest.mark.parametrize(
    "planted",
    [
        "AKIA" + "Q3EGRI7VQ2XLBZPN",
        "ghp_" + "a1B2" * 9,
        "https://wang:" + "Zx81kQ0w@example.invalid/",
        "-----BEGIN " + "EC PRIVATE KEY-----",
        "xoxb-" + "123456789012-123456789012-" + "a1B2" * 6,
    ],
)
def test_p46_a_planted_secret_is_found(planted: str, tmp_path: Path) -> None:
    place = tmp_path / "settings.py"
    place.write_text(f"value = '{planted}'\n", encoding="utf-8")

    assert len(secrets(place)) == 1


def test_p46_a_planted_password_is_found() -> None:
    assert assigned('password = "q7Lx93bvT1"') == {"q7Lx93bvT1"}
    assert assigned('{"token": "shown-once-and-never-again"}') == set()
