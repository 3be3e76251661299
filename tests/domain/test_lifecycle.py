"""The lives of things: every edge can be walked, nothing else can, and every walk ends or can go on."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import lifecycle
from domain.errors import IllegalTransition
from domain.kinds import (
    AmendmentState,
    BatchState,
    CapabilityState,
    ConsortiumState,
    DeliveryState,
    EndpointState,
    EnvelopeState,
    FilingState,
    HoldState,
    InvitationState,
    LetterState,
    LoneBidState,
    MembershipState,
    OpportunityState,
    RunState,
)
from domain.lifecycle import step
from domain.records import (
    Amendment,
    Capability,
    CapacityHold,
    Consortium,
    Delivery,
    Endpoint,
    Envelope,
    Filing,
    ImportBatch,
    Invitation,
    Job,
    Letter,
    LoneBid,
    Membership,
    Opportunity,
    Record,
)

Table = Mapping[Any, frozenset[Any]]
LIVES: dict[str, tuple[Table, type[StrEnum], type[Record]]] = {
    "opportunity": (lifecycle.OPPORTUNITY, OpportunityState, Opportunity),
    "membership": (lifecycle.MEMBERSHIP, MembershipState, Membership),
    "consortium": (lifecycle.CONSORTIUM, ConsortiumState, Consortium),
    "invitation": (lifecycle.INVITATION, InvitationState, Invitation),
    "hold": (lifecycle.HOLD, HoldState, CapacityHold),
    "run": (lifecycle.RUN, RunState, Job),
    "batch": (lifecycle.BATCH, BatchState, ImportBatch),
    "capability": (lifecycle.CAPABILITY, CapabilityState, Capability),
    "lone_bid": (lifecycle.LONE_BID, LoneBidState, LoneBid),
    "envelope": (lifecycle.ENVELOPE, EnvelopeState, Envelope),
    "letter": (lifecycle.LETTER, LetterState, Letter),
    "delivery": (lifecycle.DELIVERY, DeliveryState, Delivery),
    "endpoint": (lifecycle.ENDPOINT, EndpointState, Endpoint),
    "filing": (lifecycle.FILING, FilingState, Filing),
    "amendment": (lifecycle.AMENDMENT, AmendmentState, Amendment),
}
PAIRS = [(life, one, other) for life, (_, states, _) in LIVES.items() for one in states for other in states]
SPINE = {
    "opportunity": ["draft", "review", "published", "closed"],
    "membership": ["proposed", "invited", "countered", "invited", "accepted", "signed", "active"],
    "consortium": ["forming", "agreed", "signed", "filed", "bid", "won", "running", "closed"],
    "invitation": ["sent", "countered", "superseded"],
    "hold": ["soft", "hard", "released"],
    "run": ["queued", "running", "running", "done"],
    "batch": ["running", "done", "undone"],
    "capability": ["declared", "retired", "declared"],
    "lone_bid": ["filed", "withdrawn"],
    "envelope": ["requested", "sent", "signed"],
    "letter": ["waiting", "sent"],
    "delivery": ["waiting", "failed", "waiting", "delivered"],
    "endpoint": ["active", "disabled", "active"],
    "filing": ["open", "submitted", "returned", "submitted", "accepted"],
    "amendment": ["open", "in_force"],
}


def row_of(kind: type[Record], state: StrEnum) -> Any:
    """Return a row in a given state, of which nothing else matters."""
    row = kind.__new__(kind)
    kind.__init__(row, **{name: None for name, field in kind.model_fields.items() if field.is_required()}, state=state)
    return row


@pytest.mark.parametrize(("life", "current", "wanted"), PAIRS)
def test_a_thing_moves_along_its_edges_and_no_others(life: str, current: StrEnum, wanted: StrEnum) -> None:
    table, _, kind = LIVES[life]
    row = row_of(kind, current)

    if wanted in table[current]:
        row.become(wanted)
        assert row.state is wanted
    else:
        with pytest.raises(IllegalTransition) as refused:
            row.become(wanted)
        assert row.state is current
        assert refused.value.params == {
            "current": current.value,
            "wanted": wanted.value,
            "possible": ", ".join(sorted(table[current])),
        }


@pytest.mark.parametrize("life", LIVES)
def test_every_state_has_its_place_in_the_table(life: str) -> None:
    table, states, _ = LIVES[life]

    assert set(table) == set(states)
    assert set().union(*table.values()) <= set(states)


@pytest.mark.parametrize("life", LIVES)
def test_the_road_that_the_design_draws_can_be_walked(life: str) -> None:
    table, states, _ = LIVES[life]
    road = [states(state) for state in SPINE[life]]

    for current, wanted in pairwise(road):
        assert step(table, current, wanted) is wanted


@pytest.mark.parametrize("life", LIVES)
def test_every_state_is_reached_from_the_first(life: str) -> None:
    table, states, _ = LIVES[life]
    first = next(iter(states))

    reached, edge = {first}, {first}
    while edge:
        edge = {after for state in edge for after in table[state]} - reached
        reached |= edge

    assert reached == set(states)


@pytest.mark.parametrize(
    "life", ["membership", "consortium", "invitation", "hold", "opportunity", "filing", "amendment"]
)
@given(choices=st.lists(st.integers(0, 9), min_size=60, max_size=60))
def test_every_walk_ends_or_can_go_on(life: str, choices: list[int]) -> None:
    """Whatever is chosen, a thing that can never end does not exist: from every state an end is in reach."""
    table, states, _ = LIVES[life]
    state = next(iter(states))
    for choice in choices:
        if not table[state]:
            return
        state = sorted(table[state])[choice % len(table[state])]

    assert ends_in_reach(table, state)


def ends_in_reach(table: Table, state: Any) -> bool:
    """Tell whether some walk from `state` comes to an end."""
    reached, edge = {state}, {state}
    while edge:
        if any(not table[each] for each in edge):
            return True
        edge = {after for each in edge for after in table[each]} - reached
        reached |= edge
    return False


def test_a_consortium_can_be_dissolved_until_it_is_signed_and_never_after() -> None:
    dissolvable = {state for state, after in lifecycle.CONSORTIUM.items() if ConsortiumState.DISSOLVED in after}

    assert dissolvable == {ConsortiumState.FORMING, ConsortiumState.AGREED}


def test_a_signed_member_is_never_invited_again() -> None:
    for state in (MembershipState.SIGNED, MembershipState.ACTIVE):
        with pytest.raises(IllegalTransition):
            step(lifecycle.MEMBERSHIP, state, MembershipState.INVITED)
