"""Who is under one control, and who could have delivered a whole lot alone."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from coalitions.matching import match
from coalitions.relations import able_alone, related
from domain.kinds import PackageKind
from domain.world import Offering, Opening, Package, Supplier, World

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


def package(number: int, name: str = "储能变流器", /, **over: Any) -> Package:
    return Package(
        **{
            "id": UUID(int=100 + number), "code": f"WP{number}", "name": name, "kind": PackageKind.GOODS, "unit": "SET",
            "quantity": 30, "value": 100, "starts": date(2031, 1, 1), "ends": date(2031, 3, 31), **over,
        }
    )  # fmt: skip


def opening(*packages: Package) -> Opening:
    return Opening(
        id=UUID(int=9), owner_id=UUID(int=8), edition=1, title="演示", country="ID", currency="CNY", budget=None,
        starts=date(2031, 1, 1), ends=date(2031, 3, 31), packages=packages,
    )  # fmt: skip


def firm(identity: UUID, **phrases: int | None) -> Supplier:
    """Return a firm that declares each phrase with a quantity a month."""
    offerings = tuple(
        Offering(id=UUID(int=identity.int * 1_000 + number), phrase=phrase, unit="SET", monthly=monthly)
        for number, (phrase, monthly) in enumerate(phrases.items())
    )
    return Supplier(id=identity, name=f"演示{identity.int}", offerings=offerings)


def alone(lot: Opening, *firms: Supplier) -> frozenset[UUID]:
    return able_alone(lot, match(World(as_of=date(2030, 1, 1), suppliers=firms), lot))


def test_firms_under_one_controller_belong_together_and_nobody_else_does() -> None:
    assert related({ONE: "甲", TWO: "乙", THREE: "甲"}) == ((ONE, THREE),)
    assert related({ONE: None, TWO: None}) == ()
    assert related({}) == ()


def test_a_firm_that_covers_every_package_could_do_the_lot_alone() -> None:
    lot = opening(package(1), package(2, "电缆"))

    assert alone(lot, firm(ONE, 储能变流器=10, 电缆=10), firm(TWO, 储能变流器=99)) == {ONE}


@pytest.mark.parametrize(("monthly", "able"), [(20, {ONE}), (19, set()), (None, set())])
def test_one_capability_counts_once_for_all_packages_and_must_be_declared(monthly: int | None, able: set[UUID]) -> None:
    """Two packages of thirty over three months: twenty a month are enough, nineteen are not."""
    assert alone(opening(package(1), package(2)), firm(ONE, 储能变流器=monthly)) == able


@pytest.mark.parametrize("rule", [{"min_suppliers": 2, "max_suppliers": 3}, {"max_share": 9_000}])
def test_where_the_rules_ask_for_several_nobody_could_do_it_alone(rule: dict[str, Any]) -> None:
    assert alone(opening(package(1, **rule)), firm(ONE, 储能变流器=99)) == set()


def test_of_a_lot_without_fits_nobody_could_do_anything() -> None:
    assert able_alone(opening(), ()) == set()
