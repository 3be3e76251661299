"""What an edition of an agreement is worth, from where its consortium stands."""

import pytest

from coalitions.validity import Validity, strongest, validity
from domain.kinds import AmendmentState, ConsortiumState
from domain.lifecycle import CONSORTIUM


@pytest.mark.parametrize("state", ConsortiumState)
def test_an_edition_that_was_replaced_is_superseded_whatever_became_of_the_consortium(state: ConsortiumState) -> None:
    assert validity(state, newest=False) is Validity.SUPERSEDED


def test_the_newest_edition_is_in_force_from_the_last_signature_until_the_road_ends() -> None:
    road = [state for state in ConsortiumState if validity(state, newest=True) is Validity.IN_FORCE]

    assert ConsortiumState.SIGNED in road
    assert ConsortiumState.AGREED not in road
    for state in road:
        for following in CONSORTIUM[state] - set(road):
            assert validity(following, newest=True) is Validity.ENDED


def test_terms_that_are_open_again_leave_nothing_in_force() -> None:
    assert validity(ConsortiumState.FORMING, newest=True) is Validity.VOID
    assert validity(ConsortiumState.DISSOLVED, newest=True) is Validity.VOID


def test_the_same_terms_agreed_upon_twice_count_by_the_better_of_the_two() -> None:
    assert strongest([Validity.VOID, Validity.IN_FORCE, Validity.SUPERSEDED]) is Validity.IN_FORCE
    assert strongest([]) is None


@pytest.mark.parametrize("state", ConsortiumState)
@pytest.mark.parametrize("newest", [True, False])
def test_a_proposed_edition_waits_is_void_once_dropped_and_in_force_counts_as_any_other(
    state: ConsortiumState, newest: bool
) -> None:
    told = {amendment: validity(state, newest=newest, amendment=amendment) for amendment in AmendmentState}

    assert told == {
        AmendmentState.OPEN: Validity.PENDING,
        AmendmentState.REFUSED: Validity.VOID,
        AmendmentState.EXPIRED: Validity.VOID,
        AmendmentState.WITHDRAWN: Validity.VOID,
        AmendmentState.IN_FORCE: validity(state, newest=newest),
    }
