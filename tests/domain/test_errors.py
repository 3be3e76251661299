"""A refusal is a code with parameters: no status, no prose."""

import pytest

from domain.errors import (
    DomainError,
    Fault,
    IllegalTransition,
    Invalid,
    NotFound,
    NotSignedIn,
    RuleBroken,
    WrongPassword,
)
from domain.message import Message


def test_a_refusal_says_its_code_and_its_figures() -> None:
    refusal = NotFound(noun="opportunity", number=3)

    assert refusal.message == Message(code="not-found", params={"noun": "opportunity", "number": 3})
    assert refusal.params == {"noun": "opportunity", "number": 3}


def test_a_refusal_of_what_was_sent_names_every_fault() -> None:
    faults = (
        Fault(where="$.packages[2].quantity", code="less-than", params={"limit": 1}),
        Fault(where="row 7, 月产能", code="int-type"),
    )

    refusal = Invalid(faults, count=2)

    assert refusal.faults == faults
    assert refusal.message == Message(code="invalid", params={"count": 2})
    assert faults[1].params == {}


def test_whoever_catches_a_kind_catches_its_narrower_kinds() -> None:
    with pytest.raises(RuleBroken):
        raise IllegalTransition(current="draft", wanted="closed", possible="")
    with pytest.raises(NotSignedIn):
        raise WrongPassword
    assert DomainError().message.code == "refused"
