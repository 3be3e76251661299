"""What is said is a code with parameters that nobody changes afterwards."""

from dataclasses import FrozenInstanceError
from types import MappingProxyType
from uuid import UUID

import pytest

from domain.actor import Actor
from domain.kinds import Role
from domain.message import Message


def test_a_message_without_figures_has_none() -> None:
    assert Message(code="stale").params == {}
    assert isinstance(Message(code="stale").params, MappingProxyType)


def test_a_message_does_not_change() -> None:
    message = Message(code="covers-by-code", params={"code": "C3824"})

    with pytest.raises(FrozenInstanceError):
        message.code = "other"  # type: ignore[misc]


def test_an_organisation_may_play_several_roles() -> None:
    actor = Actor(user_id=None, organisation_id=UUID(int=1), roles=frozenset({Role.CHAIN_LEADER, Role.SUPPLIER}))

    assert actor.has(Role.CHAIN_LEADER)
    assert actor.has(Role.SUPPLIER)
    assert not actor.has(Role.BUREAU)
