"""A consortium mended: the fewest changes and the best that can be had, as proposals without a price."""

from dataclasses import replace
from datetime import date
from uuid import UUID

from coalitions.mending import Repaired, mend
from coalitions.sitting import Part, posed
from coalitions.suggestion import Params
from domain.kinds import RequirementKind
from domain.world import Held, Need, Package, Supplier, World
from tests.coalitions.worlds import offering, opening, package, supplier, world

CELLS, POWER = package(1, "磷酸铁锂电芯"), package(2, "储能变流器")
QUICK = Params(plans=1, seconds=5.0)


def firm(number: int, *phrases: str, price: int = 50) -> Supplier:
    able = [offering(100 * number + n, phrase, price=price, currency="CNY") for n, phrase in enumerate(phrases)]
    return supplier(number, *able)


def part(number: int, which: Package, offered: int) -> Part:
    return Part(
        firm_id=UUID(int=number), name=f"演示{number}", package=which.code, units=which.quantity,
        offering_id=UUID(int=offered),
    )  # fmt: skip


def mended(city: World, *parts: Part, gone: tuple[int, ...] = (), lead: int | None = None) -> Repaired:
    return mend(
        city, opening(CELLS, POWER), parts, [UUID(int=n) for n in gone],
        lead=None if lead is None else UUID(int=lead), params=QUICK,
    )  # fmt: skip


def test_who_left_is_replaced_and_nobody_else_is_asked_again() -> None:
    city = world(firm(1, "磷酸铁锂电芯"), firm(2, "储能变流器"), firm(3, "储能变流器"))

    found = mended(city, part(1, CELLS, 100), gone=(2,))

    (way,) = found.ways
    assert (way.way, way.changes, way.joining, way.leaving, way.asked_again) == ("fewest", 1, (UUID(int=3),), (), ())
    assert (found.status, found.complete, found.candidates) == ("optimal", True, 3)


def test_the_best_repair_stands_beside_the_one_that_changes_least() -> None:
    both = firm(3, "磷酸铁锂电芯", "储能变流器", price=1)
    city = world(firm(1, "磷酸铁锂电芯", price=90), firm(2, "储能变流器"), firm(4, "储能变流器", price=90), both)

    found = mended(city, part(1, CELLS, 100), gone=(2,))

    fewest, best = found.ways
    assert (fewest.way, best.way) == ("fewest", "best")
    assert (fewest.changes, best.changes) == (1, 3)
    assert (best.joining, best.leaving) == ((UUID(int=3),), (UUID(int=1),))
    assert "90" not in str(fewest.proposal.reasons) + str(best.proposal.reasons)


def test_where_nobody_can_take_the_work_there_is_no_repair() -> None:
    found = mended(world(firm(1, "磷酸铁锂电芯"), firm(2, "储能变流器")), part(1, CELLS, 100), gone=(2,))

    assert (found.status, found.ways) == ("infeasible", ())


def test_who_leads_keeps_the_lead() -> None:
    city = world(firm(1, "磷酸铁锂电芯"), firm(2, "储能变流器"), firm(3, "储能变流器"))

    for lead in (1, None):
        (way,) = mended(city, part(1, CELLS, 100), gone=(2,), lead=lead).ways
        led = [seat.supplier_id for seat in way.proposal.seats if seat.lead]
        assert len(led) == 1
        assert lead is None or led == [UUID(int=lead)]


def test_a_firm_that_nothing_connects_with_its_package_may_do_what_it_was_asked_and_no_more() -> None:
    city = world(firm(2, "储能变流器"))

    found = posed(city, opening(CELLS, POWER), [part(9, CELLS, 900), part(2, POWER, 200)])

    (offer,) = [each for each in found.problem.offers if each.firm == str(UUID(int=9))]
    assert (offer.package, offer.capacity, found.barred) == (CELLS.code, CELLS.quantity, frozenset())


def test_a_part_that_a_requirement_excludes_today_is_lost() -> None:
    asks = Need(id=UUID(int=8_001), kind=RequirementKind.CERTIFICATE, phrase="ISO 9001")
    strict = replace(POWER, needs=(*POWER.needs, asks))
    lapsed = Held(scheme="ISO 9001", valid_from=date(2000, 1, 1), valid_to=date(2000, 12, 31))
    valid = replace(lapsed, valid_to=None)
    late = replace(firm(2, "储能变流器"), certificates=(lapsed,))
    good = replace(firm(3, "储能变流器"), certificates=(valid,))
    city = world(firm(1, "磷酸铁锂电芯"), late, good)
    parts = (part(1, CELLS, 100), part(2, POWER, 200))

    assert posed(city, opening(CELLS, strict), parts).barred == {(str(UUID(int=2)), POWER.code)}
    (way,) = mend(city, opening(CELLS, strict), parts, (), params=QUICK).ways
    assert (way.joining, way.leaving) == ((UUID(int=3),), (UUID(int=2),))
