"""“Why not me”: a firm is told where it stands and what would help, from its own figures and what is published."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from coalitions.answering import Effort
from coalitions.answers import Guided
from coalitions.guidance import guided
from domain.kinds import RequirementKind
from domain.world import Need, Opening, Supplier, World
from tests.coalitions.worlds import offering, opening, package, supplier, world

QUICK = Effort(seconds=5.0)
POWER = package(2, "储能变流器")
CERTIFIED = replace(
    POWER,
    needs=(*POWER.needs, Need(id=UUID(int=1), kind=RequirementKind.CERTIFICATE, phrase="ISO 9001")),
)


def maker(number: int, **over: Any) -> Supplier:
    usual: dict[str, Any] = {"price": 90, "currency": "CNY", "lead_days": 40}
    return supplier(number, offering(100 + number, "储能变流器", **usual | over))


def told(town: World, wanted: Opening, number: int) -> Guided:
    (me,) = (firm for firm in town.suppliers if firm.id == UUID(int=number))
    return guided(town, wanted, me, QUICK)[0]


def test_a_firm_that_fits_as_well_as_any_is_told_so_and_how_its_price_lies_to_the_published_value() -> None:
    found = told(world(maker(1), maker(2)), opening(POWER), 1)

    assert (found.wanted, found.sure, found.helps) == (True, True, ())
    assert [(near.package, near.eligible, near.price) for near in found.near] == [("WP02", True, "within")]


def test_a_price_above_the_published_value_is_named_without_an_amount() -> None:
    above = told(world(maker(1, price=101), maker(2)), opening(POWER), 1)
    none = told(world(maker(1, price=None), maker(2)), opening(POWER), 1)

    assert (above.near[0].price, none.near[0].price) == ("above", "undeclared")


def test_a_certificate_that_is_asked_and_not_declared_is_named_with_the_published_day() -> None:
    found = told(world(maker(1)), opening(CERTIFIED), 1)

    (lack,) = [lack for lack in found.near[0].lacks if lack.code == "certificate"]
    assert (lack.subject, lack.threshold, lack.outcome) == ("ISO 9001", "2027-06-30", "unknown")


def test_a_late_firm_is_told_its_own_days_and_the_days_asked_and_that_being_eligible_would_help() -> None:
    quick = replace(POWER, needs=(*POWER.needs, Need(id=UUID(int=1), kind=RequirementKind.LEAD_TIME, threshold=30)))

    found = told(world(maker(1)), opening(quick), 1)

    (near,) = found.near
    (lack,) = near.lacks
    assert (near.eligible, lack.code, lack.value, lack.threshold) == (False, "lead_time", 40, 30)
    assert [(lever.figure, lever.subject) for lever in found.helps] == [("opening", "WP02")]


def test_a_firm_too_small_for_the_least_part_is_told_the_part() -> None:
    halves = package(2, "储能变流器", min_share=5_000, max_suppliers=2)

    found = told(world(maker(1, monthly=4), maker(2)), opening(halves), 1)

    (lack,) = [lack for lack in found.near[0].lacks if lack.code == "least-part"]
    assert (lack.value, lack.threshold) == (4, 5)
    assert ("capacity", "WP02") in [(lever.figure, lever.subject) for lever in found.helps]


def test_one_capability_for_two_packages_is_told_as_the_firms_own_capacity() -> None:
    both = (package(2, "储能变流器", min_share=6_000), package(3, "储能变流器", min_share=6_000))
    town = world(maker(1, monthly=5), replace(maker(2), offerings=(offering(102, "储能变流器", monthly=30),)))

    found = told(town, opening(*both), 1)

    named = [(lever.figure, lever.subject) for lever in (*found.helps, *found.futile)]
    assert ("capacity", "") in named


def test_a_firm_that_makes_something_else_is_near_nothing() -> None:
    town = world(maker(2), supplier(1, offering(101, "海缆敷设")))

    found = told(town, opening(POWER), 1)

    assert (found.wanted, found.near, found.helps) == (False, (), ())


def test_nothing_of_the_answer_moves_with_what_others_ask_can_carry_or_with_the_leaders_own_rules() -> None:
    """Ten firms may ask two hundred times: what never entered the arithmetic cannot be found by it."""
    other: list[dict[str, Any]] = [
        {"price": 20, "monthly": 3, "lead_days": 5},
        {"price": 99, "monthly": 500, "lead_days": 300},
        {"price": None, "monthly": None, "lead_days": None},
    ]
    rules: list[dict[str, Any]] = [{}, {"max_members": 1, "excluded": [str(UUID(int=1))]}]

    answers = {
        guided(world(maker(1), maker(2, **figures)), opening(CERTIFIED, budget=budget, rules=given), maker(1), QUICK)
        for figures in other
        for given in rules
        for budget in (None, 5)
    }

    assert len(answers) == 1


def test_a_firms_own_answer_moves_with_its_own_figures() -> None:
    """The control of the test above."""
    early = told(world(maker(1), maker(2)), opening(POWER), 1)
    late = told(world(maker(1, valid_to=date(2027, 6, 2)), maker(2)), opening(POWER), 1)

    assert early != late
