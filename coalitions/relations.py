"""Who belongs together, and who could have done it alone: what a joint bid must be able to answer for."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from coalitions.matching import PackageFit
from domain.world import Opening


def related(groups: Mapping[UUID, str | None]) -> tuple[tuple[UUID, ...], ...]:
    """Return the firms that are under common control (more than 50 %), controller by controller, in the order given.

    A firm that names no controller is related to nobody.

    >>> one, two, three = (UUID(int=number) for number in (1, 2, 3))
    >>> related({one: "演示集团", two: None, three: "演示集团"}) == ((one, three),)
    True
    """
    together: dict[str, list[UUID]] = {}
    for firm, group in groups.items():
        if group is not None:
            together.setdefault(group, []).append(firm)
    return tuple(tuple(firms) for firms in together.values() if len(firms) > 1)


def able_alone(opening: Opening, fits: Iterable[PackageFit]) -> frozenset[UUID]:
    """Return the firms that qualify for every package of a lot and declare capacity for all of it.

    Capacity counts once for each capability, however many packages it would serve. A firm that has not declared its
    capacity is not counted: what cannot be told holds nothing against anybody. Where the published rules of a package
    ask for two suppliers, or let none have all of it, nobody can.
    """
    packages = {package.id: package for package in opening.packages}
    if any(each.min_suppliers > 1 or each.max_share < 10_000 for each in packages.values()):
        return frozenset()
    able: set[UUID] | None = None
    load: dict[tuple[UUID, UUID], int] = {}
    free: dict[tuple[UUID, UUID], int] = {}
    for found in fits:
        qualified = {fit.supplier_id for fit in found.eligible if fit.capacity is not None}
        able = qualified if able is None else able & qualified
        for fit in found.eligible:
            offering = (fit.supplier_id, fit.offering_id)
            load[offering] = load.get(offering, 0) + packages[found.package_id].quantity
            free[offering] = fit.capacity or 0
    short = {firm for (firm, offering), units in load.items() if units > free[firm, offering]}
    return frozenset((able or set()) - short)
