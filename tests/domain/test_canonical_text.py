"""Credit codes and texts have one form, or are refused (P28, P36)."""

import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from stdnum.cn import uscc

from domain.kinds import CreditCode, LongText, Name

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = [pow(3, place, 31) for place in range(17)]
CODE, NAME, TEXT = TypeAdapter(CreditCode), TypeAdapter(Name), TypeAdapter(LongText)


def check_character(body: str) -> str:
    """Return the last character by GB 32100-2015, computed here once more."""
    total = sum(ALPHABET.index(each) * weight for each, weight in zip(body, WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def valid_codes(count: int) -> list[str]:
    """Return so many codes, the same at every run."""
    chance = random.Random(28)
    codes = []
    for _ in range(count):
        body = chance.choice(("91", "92", "93")) + "".join(chance.choices("0123456789", k=6))
        body += "".join(chance.choices(ALPHABET, k=9))
        codes.append(body + check_character(body))
    return codes


def accepted(code: str) -> bool:
    """Tell whether the field takes a code."""
    try:
        return CODE.validate_python(code) == code
    except ValidationError:
        return False


def spoilt(codes: list[str], count: int) -> list[str]:
    """Return codes with one character replaced or two neighbours exchanged."""
    chance = random.Random(11_650)
    found: list[str] = []
    while len(found) < count:
        code, place = chance.choice(codes), chance.randrange(17)
        if len(found) % 2:
            wrong = code[:place] + chance.choice(ALPHABET) + code[place + 1 :]
        else:
            wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        if wrong != code:
            found.append(wrong)
    return found


def test_p28_four_thousand_codes_are_taken_and_every_slip_of_the_pen_is_not() -> None:
    codes = valid_codes(4_000)
    wrong = spoilt(codes, 11_650)

    assert all(map(accepted, codes))
    assert [code for code in wrong if accepted(code)] == []
    assert all(uscc.is_valid(code) for code in codes)


@pytest.mark.parametrize(
    "hidden",
    ["\x00", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "\u2066", "\ud800", "\ue000"],
    ids=["null", "ansi", "bidi", "zero-width", "mark", "isolate", "surrogate", "private"],
)
def test_p36_what_cannot_be_seen_is_refused(hidden: str) -> None:
    for kind in (NAME, TEXT):
        with pytest.raises(ValidationError):
            kind.validate_python(f"岭南{hidden}变流")


@given(st.text(min_size=1, max_size=150))
def test_p36_what_is_taken_is_given_back_as_it_was_taken(text: str) -> None:
    try:
        taken = NAME.validate_python(text)
    except ValidationError:
        return

    assert taken == unicodedata.normalize("NFC", text).strip()
    assert NAME.validate_python(taken) == taken
