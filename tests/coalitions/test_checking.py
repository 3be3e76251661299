"""Terms before they are sent: what may be said about them, from nobody's price but the sender's own."""

from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coalitions.checking import Checked, Verdict, check
from coalitions.sitting import Part
from coalitions.terms import Line
from domain.world import Offering, Opening, Package, World
from tests.coalitions.worlds import offering, opening, package, supplier, world

CELLS, POWER = package(1, "磷酸铁锂电芯"), package(2, "储能变流器", follows=("WP01",))
OTHERS = world(
    supplier(1, offering(101, "磷酸铁锂电芯", monthly=20, price=50, currency="CNY")),
    supplier(2, offering(102, "储能变流器", monthly=20, price=60, currency="CNY")),
    supplier(3, offering(103, "磷酸铁锂电芯", monthly=20, price=70, currency="CNY")),
)
PARTS = (
    Part(firm_id=UUID(int=1), name="甲", package=CELLS.code, units=CELLS.quantity, offering_id=UUID(int=101)),
    Part(firm_id=UUID(int=2), name="乙", package=POWER.code, units=POWER.quantity, offering_id=UUID(int=102)),
)


def checked(*lines: Line, city: World = OTHERS, wanted: Opening | None = None, seconds: float = 5.0) -> Checked:
    several = replace(CELLS, max_suppliers=2)
    return check(city, wanted or opening(several, POWER), PARTS, UUID(int=1), lines, seconds=seconds)


def line(units: int = CELLS.quantity, **over: Any) -> Line:
    return replace(Line(package=CELLS.code, units=units), **over)


def codes(found: Checked) -> list[str]:
    return [message.code for message in found.effects]


def test_another_price_or_date_leaves_the_consortium_as_it_is() -> None:
    found = checked(line(unit_price=1, lead_days=9))

    assert (found.verdict, codes(found)) == (Verdict.STANDS, ["check-within-value"])


def test_less_is_possible_where_somebody_else_can_take_the_rest() -> None:
    found = checked(line(CELLS.quantity - 3))

    assert (found.verdict, found.effects[0].params) == (
        Verdict.WITH_OTHERS,
        {"package": CELLS.code, "units": 3},
    )


def test_less_is_impossible_where_nobody_can() -> None:
    alone = replace(OTHERS, suppliers=OTHERS.suppliers[:2])

    assert checked(line(CELLS.quantity - 3), city=alone).verdict is Verdict.IMPOSSIBLE


def test_a_package_that_is_dropped_is_missing_as_a_whole() -> None:
    two = (*PARTS, Part(firm_id=UUID(int=1), name="甲", package="WP3", units=1, offering_id=UUID(int=101)))
    wanted = opening(CELLS, POWER, replace(CELLS, id=UUID(int=9_003), code="WP3", quantity=1))

    found = check(OTHERS, wanted, two, UUID(int=1), (line(),))

    assert [message.params for message in found.effects] == [{"package": "WP3", "units": 1}]


def test_more_than_the_package_is_impossible() -> None:
    found = checked(line(CELLS.quantity + 2))

    assert (found.verdict, codes(found)) == (Verdict.IMPOSSIBLE, ["check-more-than-package"])


def test_more_than_ones_own_free_capacity_is_impossible_and_says_what_is_free() -> None:
    full = supplier(1, offering(101, "磷酸铁锂电芯", monthly=0))

    found = checked(line(), city=world(full, *OTHERS.suppliers[1:]))

    assert found.verdict is Verdict.IMPOSSIBLE
    assert found.effects[-1].params == {"package": CELLS.code, "units": CELLS.quantity, "free": 0}


def test_a_price_above_the_published_value_is_said_to_be() -> None:
    assert "check-above-value" in codes(checked(line(unit_price=CELLS.value)))


@pytest.mark.parametrize(("which", "code"), [(CELLS, "check-delays"), (POWER, "check-later")])
def test_a_later_end_is_told_in_days_with_what_comes_after(which: Package, code: str) -> None:
    wanted = line(ends=CELLS.ends + timedelta(days=5))
    order = opening(CELLS, POWER) if which is CELLS else opening(CELLS, replace(POWER, follows=()))

    (effect,) = checked(wanted, wanted=order).effects

    assert (effect.code, effect.params["days"]) == (code, 5)


def test_an_earlier_end_has_no_effect() -> None:
    assert codes(checked(line(ends=date(2020, 1, 1)))) == []


def test_the_room_is_ones_own_capacity_and_price_and_what_is_published() -> None:
    (room,) = checked(line()).room

    assert (room.declared_price, room.published_price) == (50, CELLS.value // CELLS.quantity)
    assert room.free is not None
    assert room.free >= CELLS.quantity


@pytest.mark.parametrize(
    "own",
    [
        offering(101, "磷酸铁锂电芯", unit="KGM", monthly=5, price=50, currency="USD"),
        offering(101, "磷酸铁锂电芯", monthly=None),
        offering(777, "磷酸铁锂电芯"),
    ],
)
def test_what_is_undeclared_or_in_another_unit_is_not_made_up(own: Offering) -> None:
    city = world(supplier(1, own), *OTHERS.suppliers[1:])

    (room,) = checked(line(), city=city).room

    assert (room.free, room.declared_price) == (None, None)


def test_without_time_it_is_not_known() -> None:
    assert checked(line(CELLS.quantity - 3), seconds=0.0).verdict in (Verdict.UNKNOWN, Verdict.WITH_OTHERS)


@settings(max_examples=15)
@given(prices=st.lists(st.none() | st.integers(1, 10**6), min_size=3, max_size=3), budget=st.integers(1, 10**6))
def test_no_price_of_anybody_and_no_budget_changes_the_answer(prices: list[int | None], budget: int) -> None:
    def priced(number: int) -> World:
        firms = tuple(
            replace(firm, offerings=tuple(replace(each, price=price) for each in firm.offerings))
            for firm, price in zip(OTHERS.suppliers, prices, strict=True)
        )
        return replace(OTHERS, suppliers=firms if number else OTHERS.suppliers)

    several = replace(CELLS, max_suppliers=2)
    one, other = (
        checked(
            line(CELLS.quantity - 3, unit_price=2), city=priced(number), wanted=opening(several, POWER, budget=spent)
        )
        for number, spent in ((0, 10**6), (1, budget))
    )

    assert (one.verdict, one.effects) == (other.verdict, other.effects)


def test_a_rule_that_locks_somebody_else_stays() -> None:
    rules = MappingProxyType({"locked": [{"package": POWER.code, "firm": str(UUID(int=2))}]})
    wanted = opening(replace(CELLS, max_suppliers=2), POWER, rules=rules)

    assert checked(line(CELLS.quantity - 3), wanted=wanted).verdict is Verdict.WITH_OTHERS
