"""A chain of hashes stands for exactly one history."""

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit import GENESIS, START, Break, Head, Link, broken, digest, follow, leaf

FIELDS = st.lists(st.none() | st.text(max_size=6), max_size=4).map(tuple)
HISTORIES = st.lists(FIELDS, max_size=6)


def chain(history: list[tuple[str | None, ...]]) -> list[Link]:
    """Return the links of a history."""
    head, links = START, []
    for fields in history:
        before, head = head, follow(head, fields)
        links.append(Link(seq=head.seq, event_id=head.seq, previous=before.hash, hash=head.hash, fields=fields))
    return links


def first_break(links: list[Link]) -> Break | None:
    head = START
    for link in links:
        if (why := broken(head, link)) is not None:
            return why
        head = link.head
    return None


@given(one=FIELDS, other=FIELDS)
def test_two_events_have_one_leaf_only_where_every_field_is_the_same(
    one: tuple[str | None, ...], other: tuple[str | None, ...]
) -> None:
    assert (leaf(one) == leaf(other)) == (one == other)


@given(HISTORIES, HISTORIES)
def test_two_histories_have_one_head_only_where_they_are_the_same(
    one: list[tuple[str | None, ...]], other: list[tuple[str | None, ...]]
) -> None:
    heads = [chain(history)[-1].head if history else START for history in (one, other)]

    assert (heads[0] == heads[1]) == (one == other)


@given(HISTORIES)
def test_a_chain_as_it_was_made_holds(history: list[tuple[str | None, ...]]) -> None:
    assert first_break(chain(history)) is None


def test_a_link_is_made_as_the_description_says() -> None:
    """By hand: the leaf is 0x00, then length and text of each field; the link is 0x01, place, link before, leaf."""
    hashed = sha256(b"\x00" + b"\x00\x00\x00\x01a" + b"\xff\xff\xff\xff" + b"\x00\x00\x00\x00").digest()

    head = follow(START, ["a", None, ""])

    assert head.hash == sha256(b"\x01" + (1).to_bytes(8, "big") + GENESIS + hashed).digest()


@pytest.mark.parametrize("text", ["", "1", "1:ab", "01:" + "0" * 64, "-1:" + "0" * 64, "1:" + "g" * 64])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text itself is all it says
        Head.parse(text)


def test_a_head_survives_being_written_down() -> None:
    head = follow(START, ["a"])

    assert Head.parse(f" {str(head).upper()}\n") == head


def test_a_moment_counts_as_what_it_is_whatever_the_zone() -> None:
    noon = datetime(2027, 1, 6, 12, tzinfo=UTC)

    assert digest("seat", {"at": noon}) == digest("seat", {"at": noon.astimezone(timezone(timedelta(hours=8)))})
    assert digest("seat", {"at": noon}) != digest("seat", {"at": noon + timedelta(microseconds=1)})


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("seats", {"a": 1}),
        ("seat", {"a": 2}),
        ("seat", {"b": 1}),
        ("seat", {"a": None}),
        ("seat", {"a": "1"}),
        ("seat", {}),
    ],
)
def test_a_row_that_says_anything_else_has_another_digest(table: str, values: dict[str, object]) -> None:
    assert digest(table, values) != digest("seat", {"a": 1})
