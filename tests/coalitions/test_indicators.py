"""Where capability is missing, by country."""

from uuid import UUID

from coalitions.indicators import gaps
from tests.coalitions.worlds import offering, opening, package, supplier, world


def test_a_package_nobody_can_serve_is_counted_uncovered_and_stands_first() -> None:
    city = world(supplier(1, offering(101, "光伏逆变器")))
    wanted = opening(package(1, "光伏逆变器"), package(2, "海水淡化膜"))

    first, second = gaps([(city, wanted)])

    assert (first.capability, first.country, first.packages, first.uncovered) == ("海水淡化膜", "ID", 1, 1)
    assert first.package_ids == (UUID(int=2),)
    assert (second.uncovered, second.firms) == (0, None)


def test_the_same_capability_in_one_country_is_one_cell_over_all_projects() -> None:
    city = world(*(supplier(n, offering(100 + n, "光伏逆变器")) for n in range(1, 8)))

    (cell,) = gaps([(city, opening(package(1, "光伏逆变器"))), (city, opening(package(2, "光伏逆变器")))])

    assert (cell.packages, cell.uncovered, cell.firms) == (2, 0, 5)


def test_a_package_that_names_no_capability_goes_by_its_own_name() -> None:
    (cell,) = gaps([(world(), opening(package(1, "x", name="系统集成", needs=())))])

    assert cell.capability == "系统集成"
