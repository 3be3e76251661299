"""Every promise of security has its tests, and every requirement of ASVS 5.0 its answer."""

import re
from collections import defaultdict
from pathlib import Path

from tests.conftest import PROJECT

FOLDER = PROJECT / "docs" / "security"
INDEX = FOLDER / "promises.md"
PROMISES = {
    16: "Firm A cannot read or change anything of firm B",
    17: "Every route and every reader is decided",
    18: "Fields too: nothing server-owned is taken, nothing closed is given",
    19: "A forgotten condition leaks nothing",
    20: "Whether something exists is not revealed",
    21: "No side exit for prices and capacities",
    22: "Prices cannot be inferred from the optimizer",
    23: "The bureau cannot read prices",
    24: "No published figure shows a firm",
    25: "…nor by subtraction, over dimensions or dates",
    26: "Colluders gain nothing",
    27: "No invitation spam",
    28: "Fake firms stay outside",
    29: "A solve cannot take the service down",
    30: "A file cannot take the service down",
    31: "No external entity, no expansion",
    32: "Exports are inert",
    33: "A large import is bounded",
    34: "Webhooks reach public hosts only",
    35: "Look-alike firms are noticed",
    36: "One canonical text",
    37: "Authority ends at once",
    38: "Passwords and the second factor",
    39: "A browser cannot be tricked",
    40: "Limits cannot be dodged",
    41: "History cannot be changed unnoticed",
    42: "Every change and refusal is recorded once, without secrets",
    43: "The API is what its contract says",
    44: "Errors say nothing of the inside",
    45: "No injection",
    46: "No secret in an address, a log, the repository or a dump",
    47: "Personal data is lawful",
    48: "Parts are known, locked and looked after",
}
OPEN: frozenset[int] = frozenset()
"""Rows that have no test named after them yet; a row leaves this list with its first test, and the list must empty."""
NAMED = re.compile(r"def (test_((?:p\d\d_)+)\w+)\(")
HEAD = """# The promises of security, and their tests

Written by `tests/house/test_security_pages.py`: every row with the tests that carry its number. A row without one is
open.

"""


def named(root: Path) -> dict[int, list[tuple[str, str]]]:
    """Return the tests named after each row, with their files."""
    found = defaultdict(list)
    for path in sorted((root / "tests").rglob("test_*.py")):
        for name, rows in NAMED.findall(path.read_text(encoding="utf-8")):
            for row in re.findall(r"\d\d", rows):
                found[int(row)].append((name, path.relative_to(root).as_posix()))
    return found


def wrong(found: dict[int, list[tuple[str, str]]], still: frozenset[int]) -> list[str]:
    """Return what does not agree between the rows, their tests and the list of open rows."""
    lacking = [f"P{row} has no test" for row in PROMISES if row not in found and row not in still]
    ready = [f"P{row} has a test and is no longer open" for row in sorted(still) if row in found]
    return lacking + ready + [f"P{row} is no row" for row in sorted(found.keys() - PROMISES.keys())]


def index(found: dict[int, list[tuple[str, str]]]) -> str:
    """Return the page."""
    parts = [HEAD]
    for row, promise in PROMISES.items():
        tests = "".join(f"- `{name}` ({path})\n" for name, path in found.get(row, ())) or "- open\n"
        parts.append(f"## P{row} {promise}\n\n{tests}\n")
    return "".join(parts).rstrip() + "\n"


def test_every_promise_has_a_test_or_is_openly_open() -> None:
    assert wrong(named(PROJECT), OPEN) == []


def test_a_promise_without_a_test_is_caught_and_an_open_one_with_a_test() -> None:
    found = named(PROJECT)

    assert "P27 has no test" in wrong({row: tests for row, tests in found.items() if row != 27}, OPEN)
    assert wrong(found, OPEN | {27}) == ["P27 has a test and is no longer open"]


def test_the_index_of_promises_is_fresh() -> None:
    before = INDEX.read_text(encoding="utf-8") if INDEX.exists() else ""
    text = index(named(PROJECT))
    INDEX.write_text(text, encoding="utf-8")

    assert before == text, "docs/security/promises.md was out of date and has been written anew: commit it"


# ------------------------------------------------------------------ ASVS 5.0

COUNTS = {
    1: 27,
    2: 11,
    3: 19,
    4: 10,
    5: 9,
    6: 35,
    7: 18,
    8: 7,
    9: 7,
    10: 29,
    11: 14,
    12: 9,
    13: 13,
    14: 9,
    15: 13,
    16: 16,
    17: 7,
}
"""How many requirements of level 1 and 2 each chapter has."""
STATES = ("met", "not applicable", "refused", "open")
LINE = re.compile(r"^\| (V[\d., V]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def answers() -> list[tuple[str, str, str]]:
    """Return every requirement with its state and what stands behind it."""
    text = (FOLDER / "asvs.md").read_text(encoding="utf-8")
    return [
        (number, state.strip(), behind.strip())
        for numbers, _, state, behind in LINE.findall(text)
        for number in numbers.replace(" ", "").split(",")
    ]


def test_every_requirement_is_answered_once() -> None:
    numbers = [number for number, _, _ in answers()]
    chapters: dict[int, int] = defaultdict(int)
    for number in numbers:
        chapters[int(number[1:].partition(".")[0])] += 1

    assert len(numbers) == len(set(numbers)) == 253
    assert dict(chapters) == COUNTS


def test_every_answer_is_one_of_four_and_says_why() -> None:
    assert [number for number, state, behind in answers() if state not in STATES or len(behind) < 8] == []


def test_every_file_that_an_answer_names_is_there() -> None:
    named_files = {path for _, _, behind in answers() for path in re.findall(r"`([\w./-]+\.\w+)`", behind)}

    assert len(named_files) > 20
    assert [path for path in sorted(named_files) if not (PROJECT / path).exists()] == []
