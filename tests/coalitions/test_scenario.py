"""What if: hypothetical changes say what they change, and change nothing that is real."""

from dataclasses import replace
from uuid import UUID

import pytest

from coalitions.indicators import gaps
from coalitions.scenario import CutLink, Join, Leave, Resize, Unknown, apply, compare
from coalitions.suggestion import Params, suggest
from domain.world import World
from tests.coalitions.worlds import link, offering, opening, package, supplier, world

ONE, TWO = supplier(1, offering(101, "磷酸铁锂电芯")), supplier(2, offering(102, "储能变流器"))
CITY = world(ONE, TWO, links=(link(1, 2),))


def test_no_change_is_the_same_world() -> None:
    assert apply(CITY, []) == CITY


def test_a_firm_that_leaves_takes_its_ties_along_and_the_given_world_stays() -> None:
    after = apply(CITY, [Leave(supplier_id=ONE.id)])

    assert after.suppliers == (TWO,)
    assert after.links == ()
    assert len(CITY.suppliers) == 2


def test_one_who_joins_and_leaves_again_was_never_there() -> None:
    third = supplier(3, offering(103, "电缆"))

    assert apply(CITY, [Join(supplier=third), Leave(supplier_id=third.id)]) == CITY


def test_changing_a_world_is_building_it_changed() -> None:
    built = world(replace(ONE, offerings=(offering(101, "磷酸铁锂电芯", monthly=4),)), TWO, links=())

    assert apply(CITY, [Resize(offering_id=UUID(int=101), monthly=4), CutLink(a=TWO.id, b=ONE.id)]) == built


@pytest.mark.parametrize("change", [Leave(supplier_id=UUID(int=9)), Resize(offering_id=UUID(int=9), monthly=1)])
def test_a_change_of_what_is_not_there_is_refused(change: Leave | Resize) -> None:
    with pytest.raises(Unknown) as refused:
        apply(CITY, [change])

    assert refused.value.identity == UUID(int=9)


def test_the_exit_of_the_only_firm_that_can_opens_a_gap() -> None:
    wanted = opening(package(1, "磷酸铁锂电芯"), package(2, "储能变流器"))

    def uncovered(city: World) -> dict[str, int]:
        return {cell.capability: cell.uncovered for cell in gaps([(city, wanted)])}

    assert compare(uncovered, CITY, [Leave(supplier_id=ONE.id)]) == {"磷酸铁锂电芯": (0, 1)}


def test_a_halved_capacity_leaves_a_package_short() -> None:
    def status(city: World) -> dict[str, str]:
        return {"status": suggest(city, opening(package(1, "磷酸铁锂电芯")), Params(plans=1, seconds=5)).status}

    assert compare(status, CITY, [Resize(offering_id=UUID(int=101), monthly=5)]) == {
        "status": ("optimal", "infeasible")
    }
