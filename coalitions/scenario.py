"""What if: changes to a World, and what they change; nothing is written anywhere."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar, assert_never
from uuid import UUID

from domain.world import Offering, Supplier, World

Measure = TypeVar("Measure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """A supplier is no longer there: it fails, is sanctioned, or turns away."""

    supplier_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A supplier comes in."""

    supplier: Supplier


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """A capability has another quantity per month, in all months."""

    offering_id: UUID
    monthly: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CutLink:
    """Two firms no longer work together, whoever supplied whom."""

    a: UUID
    b: UUID


Change = Leave | Join | Resize | CutLink


class Unknown(Exception):
    """A change is about something the World does not have."""

    def __init__(self, *, identity: UUID) -> None:
        super().__init__(identity)
        self.identity = identity


def apply(world: World, changes: Iterable[Change]) -> World:
    """Return the World as it would be after `changes`, in their order; the given one stays as it is.

    Raises Unknown for a supplier or capability that is not there.

    >>> from datetime import date
    >>> empty = World(as_of=date(2027, 1, 1), suppliers=())
    >>> apply(empty, [Join(supplier=Supplier(id=UUID(int=1), name="甲"))]).suppliers[0].name
    '甲'
    """
    for change in changes:
        world = _applied(world, change)
    return world


def _applied(world: World, change: Change) -> World:
    match change:
        case Leave(supplier_id=gone):
            if all(supplier.id != gone for supplier in world.suppliers):
                raise Unknown(identity=gone)
            return replace(
                world,
                suppliers=tuple(supplier for supplier in world.suppliers if supplier.id != gone),
                links=tuple(link for link in world.links if gone not in (link.supplier_id, link.buyer_id)),
            )
        case Join(supplier=new):
            return replace(world, suppliers=(*world.suppliers, new))
        case Resize():
            if all(change.offering_id != each.id for supplier in world.suppliers for each in supplier.offerings):
                raise Unknown(identity=change.offering_id)
            return replace(world, suppliers=tuple(_resized(supplier, change) for supplier in world.suppliers))
        case CutLink(a=a, b=b):
            return replace(
                world, links=tuple(link for link in world.links if {link.supplier_id, link.buyer_id} != {a, b})
            )
        case never:
            assert_never(never)


def _resized(supplier: Supplier, change: Resize) -> Supplier:
    def sized(offering: Offering) -> Offering:
        if offering.id != change.offering_id:
            return offering
        return replace(offering, monthly=change.monthly, free=MappingProxyType({}))

    return replace(supplier, offerings=tuple(map(sized, supplier.offerings)))


def compare(
    measure: Callable[[World], Mapping[str, Measure]], world: World, changes: Iterable[Change]
) -> dict[str, tuple[Measure | None, Measure | None]]:
    """Return what `measure` says before and after `changes`, for every name where the two differ.

    >>> from datetime import date
    >>> world = World(as_of=date(2027, 1, 1), suppliers=(Supplier(id=UUID(int=1), name="甲"),))
    >>> compare(lambda world: {"firms": len(world.suppliers)}, world, [Leave(supplier_id=UUID(int=1))])
    {'firms': (1, 0)}
    """
    before, after = measure(world), measure(apply(world, changes))
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }
