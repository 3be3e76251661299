"""Whatever a file can be told is wrong with it has its sentence in each language."""

import re
from pathlib import Path

import pytest

from api.i18n import LOCALES, Locale, catalogue
from api.intake.counterparties import counterparty
from tests.api.intake.test_counterparties import NOBODY

ROOT = Path(__file__).parents[3]
SOURCES = [*(ROOT / "api" / "intake").glob("*.py"), *(ROOT / "api" / "actions" / "importing").glob("*.py")]
NO_CODES = frozenset({"us-ascii", "utf-8", "utf-8-sig", "utf-16", "dry-run"})
LITERAL = re.compile(r'"([a-z]+(?:-[a-z0-9]+)+)"')


def codes() -> list[str]:
    found = {code for path in SOURCES for code in LITERAL.findall(path.read_text(encoding="utf-8"))}
    return sorted(found - NO_CODES)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("code", codes())
def test_every_code_has_a_sentence(locale: Locale, code: str) -> None:
    words = catalogue(locale)

    assert code in words["field"] or code in words["import"] or f"skip-{code}" in words["import"]


@pytest.mark.parametrize("locale", LOCALES)
def test_every_reason_for_leaving_a_counterparty_out_has_a_sentence(locale: Locale) -> None:
    reasons = {getattr(counterparty(name), "reason", "") for names in NOBODY.values() for name in names}

    assert {f"skip-{reason}" for reason in reasons} <= catalogue(locale)["import"].keys()
