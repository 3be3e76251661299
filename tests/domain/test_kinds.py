"""What a field may hold: one spelling of a name, codes that exist, figures that are whole and in their limits."""

import unicodedata
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from stdnum.cn import uscc

from domain import kinds
from tests.factories import credit_code


def read(kind: Any, value: object) -> Any:
    """Return a value as the field type understands it."""
    return TypeAdapter(kind).validate_python(value)


def fault(kind: Any, value: object) -> str:
    """Return the code of the one fault that the field type finds."""
    with pytest.raises(ValidationError) as found:
        read(kind, value)
    (error,) = found.value.errors()
    return str(error["type"])


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=60))
def test_a_name_has_one_spelling(name: str) -> None:
    one = unicodedata.normalize("NFC", name).strip()
    if not one:
        return

    assert read(kinds.Name, f"  {unicodedata.normalize('NFD', name)} ") == one
    assert read(kinds.Name, one) == one


@pytest.mark.parametrize("hidden", ["\u200b", "\u202e", "\ufeff", "\x00", "\x1b", "\ue000", "\u2028\u0378"])
def test_what_cannot_be_seen_cannot_be_part_of_a_name(hidden: str) -> None:
    for kind in (kinds.Name, kinds.Title, kinds.Phrase, kinds.LongText, kinds.Note):
        assert fault(kind, f"链舟{hidden}公司") == "unprintable"


def test_a_note_may_have_lines() -> None:
    assert read(kinds.Note, "一\n\t二") == "一\n\t二"


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        (kinds.Name, "  ", "string_too_short"),
        (kinds.Name, "企" * 201, "string_too_long"),
        (kinds.Name, 7, "string_type"),
        (kinds.Title, "ab", "string_too_short"),
        (kinds.Code, "-a", "string_pattern_mismatch"),
        (kinds.Unit, "set", "string_pattern_mismatch"),
        (kinds.Email, "no-at-sign", "string_pattern_mismatch"),
        (kinds.Password, "short", "string_too_short"),
        (kinds.Country, "XX", "country"),
        (kinds.Currency, "RMB", "currency"),
        (kinds.CreditCode, "91999999MA0000001X", "credit-code"),
        (kinds.Money, -1, "greater_than_equal"),
        (kinds.Money, kinds.MONEY_LIMIT + 1, "less_than_equal"),
        (kinds.Money, 1.0, "int_type"),
        (kinds.Money, "1", "int_type"),
        (kinds.Money, True, "int_type"),
        (kinds.Quantity, kinds.QUANTITY_LIMIT + 1, "less_than_equal"),
        (kinds.PositiveQuantity, 0, "greater_than_equal"),
        (kinds.Share, 10_001, "less_than_equal"),
        (kinds.Days, -1, "greater_than_equal"),
        (kinds.Grade, 0, "greater_than_equal"),
        (kinds.Level, 4, "less_than_equal"),
        (kinds.Confidence, 101, "less_than_equal"),
    ],
)
def test_a_value_outside_its_field_is_refused_by_code(kind: Any, value: object, code: str) -> None:
    assert fault(kind, value) == code


@pytest.mark.parametrize(
    ("kind", "value", "understood"),
    [
        (kinds.Country, "sa", "SA"),
        (kinds.Currency, " cny ", "CNY"),
        (kinds.Email, " Wang@Demo.invalid ", "wang@demo.invalid"),
        (kinds.Unit, "SET", "SET"),
        (kinds.Code, "C3824", "C3824"),
        (kinds.Money, kinds.MONEY_LIMIT, kinds.MONEY_LIMIT),
        (kinds.Share, kinds.BASIS_POINTS, 10_000),
        (kinds.Level, 3, 3),
    ],
)
def test_a_value_inside_its_field_is_understood(kind: Any, value: object, understood: object) -> None:
    assert read(kind, value) == understood


@given(st.integers(0, 9_999_999), st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_one_wrong_character_in_a_credit_code_is_noticed(number: int, place: int, other: str) -> None:
    code = credit_code(number)

    assert read(kinds.CreditCode, f" {code[:9].lower()} {code[9:]} ") == code
    if other != code[place]:
        wrong = code[:place] + other + code[place + 1 :]
        assert uscc.is_valid(wrong) is False
        assert fault(kinds.CreditCode, wrong) == "credit-code"


def test_the_words_of_a_closed_set_are_lower_case_and_its_own() -> None:
    for name, kind in vars(kinds).items():
        if isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum:
            values = [member.value for member in kind]
            assert len(values) == len(set(values)), name
            assert all(value == value.lower() and len(value) <= 20 for value in values), name
