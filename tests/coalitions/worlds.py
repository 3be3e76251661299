"""Small worlds in which a reader can see the answer."""

from datetime import date
from typing import Any
from uuid import UUID

from domain.kinds import LinkKind, PackageKind, RequirementKind
from domain.world import Link, Need, Offering, Opening, Package, Supplier, World

OWNER = UUID(int=9_000)
TODAY = date(2027, 1, 15)


def offering(number: int, phrase: str, **over: Any) -> Offering:
    """A capability in pieces: ten a month, nothing else said."""
    usual: dict[str, Any] = {"id": UUID(int=number), "phrase": phrase, "unit": "C62", "monthly": 10}
    return Offering(**usual | over)


def supplier(number: int, *offerings: Offering, **over: Any) -> Supplier:
    """A firm with a readable name."""
    usual: dict[str, Any] = {"id": UUID(int=number), "name": f"企业{number}", "offerings": offerings}
    return Supplier(**usual | over)


def package(number: int, phrase: str, **over: Any) -> Package:
    """Ten pieces worth 1,000, due within June 2027."""
    need = Need(id=UUID(int=7_000 + number), kind=RequirementKind.CAPABILITY, phrase=phrase)
    usual: dict[str, Any] = {
        "id": UUID(int=number),
        "code": f"WP{number:02d}",
        "name": phrase,
        "kind": PackageKind.GOODS,
        "unit": "C62",
        "quantity": 10,
        "value": 1_000,
        "starts": date(2027, 6, 1),
        "ends": date(2027, 6, 30),
        "needs": (need,),
    }
    return Package(**usual | over)


def opening(*packages: Package, **over: Any) -> Opening:
    """A project in Indonesia over 2027, paid in CNY."""
    usual: dict[str, Any] = {
        "id": UUID(int=8_000),
        "owner_id": OWNER,
        "edition": 1,
        "title": "储能电站",
        "country": "ID",
        "currency": "CNY",
        "budget": None,
        "starts": date(2027, 1, 1),
        "ends": date(2027, 12, 31),
        "packages": packages,
    }
    return Opening(**usual | over)


def world(*suppliers: Supplier, **over: Any) -> World:
    """A world as of January 2027."""
    usual: dict[str, Any] = {"as_of": TODAY, "suppliers": suppliers}
    return World(**usual | over)


def link(supplier_id: int, buyer_id: int, **over: Any) -> Link:
    """A disclosed tie of 2026."""
    usual: dict[str, Any] = {
        "supplier_id": UUID(int=supplier_id),
        "buyer_id": UUID(int=buyer_id),
        "kind": LinkKind.SUPPLIES,
        "year": 2026,
        "share": 5_000,
        "source": "演示数据",
        "confidence": 90,
    }
    return Link(**usual | over)
