"""A sealed column holds what it was given, for its row, and says so before anybody can seal."""

from typing import Any

import pytest
from sqlalchemy.dialects import postgresql

from domain.sealed import Kept, Sealed, Sealing, Unbound, row_of, waiting

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seal that turns bytes round and names its purpose; enough to see what is bound to what."""

    def seal(purpose: str, plain: bytes) -> bytes:
        return b"\x01" + purpose.encode() + b"|" + plain[::-1]

    def open_sealed(purpose: str, sealed: bytes) -> bytes:
        return sealed[1:] if sealed[:1] == b"\x00" else sealed.removeprefix(b"\x01" + purpose.encode() + b"|")[::-1]

    monkeypatch.setattr(Sealing, "by", Sealing(seal=seal, open_sealed=open_sealed))


@pytest.mark.parametrize(("kind", "value"), [(str, "秘密"), (int, 9), (bytes, b"\x00x"), (dict, {"价": [1, None]})])
def test_a_value_comes_back_with_the_row_it_was_sealed_for(mirror: None, kind: type, value: Any) -> None:
    column, row = Sealed("t.c", kind), row_of("1", "2")

    stored = column.process_bind_param(Kept(value=value, row=row), DIALECT)

    assert column.process_result_value(stored, DIALECT) == Kept(value=value, row=row)
    assert column.process_result_value(waiting(value, kind), DIALECT) == Kept(value=value, row=None)


@pytest.mark.parametrize("value", ["plain", Kept(value="x", row=None)])
def test_a_value_without_a_row_is_not_written(mirror: None, value: Any) -> None:
    with pytest.raises(Unbound, match=r"t\.c"):
        Sealed("t.c").process_bind_param(value, DIALECT)


def test_what_is_absent_stays_absent_and_equal_values_are_equal_wherever_they_stand() -> None:
    column = Sealed("t.c")

    assert column.process_bind_param(None, DIALECT) is None
    assert column.process_result_value(None, DIALECT) is None
    assert column.compare_values("x", Kept(value="x", row=row_of("1")))
    assert not column.compare_values("x", "y")
    assert row_of("1", "2") != row_of("12")


def test_before_the_shell_has_said_who_seals_nothing_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sealing, "by", None)

    with pytest.raises(RuntimeError):
        Sealed("t.c").process_bind_param(Kept(value="x", row=row_of("1")), DIALECT)


def test_no_whole_number_below_zero_is_sealed(mirror: None) -> None:
    with pytest.raises(OverflowError):
        Sealed("t.c", int).process_bind_param(Kept(value=-1, row=row_of("1")), DIALECT)
