"""How a consortium in formation stands, and how its promises fall on months."""

from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from coalitions.formation import Gap, Seat, spread, standing
from domain.kinds import ConsortiumState, MembershipState

CELLS, POWER = UUID(int=1), UUID(int=2)
FIRM, OTHER = UUID(int=11), UUID(int=12)


def seat(firm: UUID, state: MembershipState, lead: bool = False, **units: int) -> Seat:
    named = {"cells": CELLS, "power": POWER}
    return Seat(organisation_id=firm, state=state, lead=lead, units={named[n]: u for n, u in units.items()})


def test_a_consortium_is_agreed_once_everyone_accepted_every_unit_is_covered_and_one_leads() -> None:
    seats = [
        seat(FIRM, MembershipState.ACCEPTED, lead=True, cells=10),
        seat(OTHER, MembershipState.ACCEPTED, power=4),
    ]

    found = standing({CELLS: 10, POWER: 4}, seats)

    assert found.state is ConsortiumState.AGREED
    assert not found.waiting
    assert not found.gaps


def test_one_who_has_not_answered_keeps_it_forming() -> None:
    seats = [
        seat(FIRM, MembershipState.ACCEPTED, lead=True, cells=10),
        seat(OTHER, MembershipState.INVITED, power=4),
    ]

    found = standing({CELLS: 10, POWER: 4}, seats)

    assert found.state is ConsortiumState.FORMING
    assert found.waiting == (OTHER,)


def test_a_decline_opens_its_units_again() -> None:
    seats = [
        seat(FIRM, MembershipState.ACCEPTED, lead=True, cells=10),
        seat(OTHER, MembershipState.DECLINED, power=4),
    ]

    found = standing({CELLS: 10, POWER: 4}, seats)

    assert found.gaps == (Gap(package_id=POWER, units=4),)
    assert found.state is ConsortiumState.FORMING


def test_units_promised_twice_are_a_gap_below_zero() -> None:
    seats = [
        seat(FIRM, MembershipState.ACCEPTED, lead=True, cells=10),
        seat(OTHER, MembershipState.ACCEPTED, cells=2),
    ]

    assert standing({CELLS: 10}, seats).gaps == (Gap(package_id=CELLS, units=-2),)


def test_without_a_lead_or_with_two_nothing_is_agreed() -> None:
    for leads in ((False, False), (True, True)):
        seats = [
            seat(FIRM, MembershipState.ACCEPTED, lead=leads[0], cells=5),
            seat(OTHER, MembershipState.ACCEPTED, lead=leads[1], cells=5),
        ]

        assert standing({CELLS: 10}, seats).state is ConsortiumState.FORMING


def test_one_firm_alone_is_no_consortium() -> None:
    alone = [seat(FIRM, MembershipState.ACCEPTED, lead=True, cells=10)]

    assert standing({CELLS: 10}, alone).state is ConsortiumState.FORMING


FREE = st.dictionaries(st.dates(date(2027, 1, 1), date(2030, 1, 1)), st.integers(0, 10_000), max_size=12)


@given(FREE, st.integers(0, 30_000))
def test_a_promise_lies_wholly_within_what_each_month_has_free(free: dict[date, int], units: int) -> None:
    parts = spread(units, free)

    if units > sum(free.values()):
        assert parts is None
    else:
        assert parts is not None
        assert sum(parts.values()) == units
        assert all(0 < part <= free[month] for month, part in parts.items())
