"""A consortium under way, posed as a problem: what its members were asked to do counts as something they can do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from coalitions.matching import Fit, PackageFit, Way, match
from coalitions.suggestion import pose
from domain.world import Opening, Supplier, World
from optimizer import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A member's work on one package as its terms in force have it; ``package`` is the package's code."""

    firm_id: UUID
    name: str
    package: str
    units: int
    offering_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Posed:
    """A world, its fits and the problem, in which every part under way has an offer unless it may no longer be done.

    ``barred`` are the parts, as (firm, package), that some requirement excludes today.
    """

    world: World
    opening: Opening
    fits: tuple[PackageFit, ...]
    problem: Problem
    barred: frozenset[tuple[str, str]]


def posed(world: World, opening: Opening, parts: Sequence[Part]) -> Posed:
    """Pose the problem of `opening` with the parts under way.

    A firm that nothing in its declarations connects with a package, but that was asked for it, may do what it was asked
    for and no more. One that a requirement excludes may not: its part is barred.

    Raises optimizer.ProblemInvalid when the opening's rules or goals are not those of a problem file.
    """
    here = _with_members(world, parts)
    groups = match(here, opening)
    found = {(group.package_id, fit.supplier_id): fit.eligible for group in groups for fit in group.fits}
    ids = {package.code: package.id for package in opening.packages}
    unknown = [part for part in parts if (ids[part.package], part.firm_id) not in found]
    barred = {
        (str(part.firm_id), part.package) for part in parts if found.get((ids[part.package], part.firm_id)) is False
    }
    fits = tuple(
        replace(group, fits=(*group.fits, *(_asked(part) for part in unknown if ids[part.package] == group.package_id)))
        for group in groups
    )
    limits = {(str(part.firm_id), part.package): part.units for part in unknown}
    problem = pose(here, opening, fits)
    offers = tuple(
        replace(offer, capacity=limits.get((offer.firm, offer.package), offer.capacity)) for offer in problem.offers
    )
    return Posed(
        world=here, opening=opening, fits=fits, problem=replace(problem, offers=offers), barred=frozenset(barred)
    )


def _with_members(world: World, parts: Iterable[Part]) -> World:
    known = {supplier.id for supplier in world.suppliers}
    missing = {part.firm_id: part.name for part in parts if part.firm_id not in known}
    added = tuple(Supplier(id=identity, name=name) for identity, name in sorted(missing.items()))
    return replace(world, suppliers=(*world.suppliers, *added))


def _asked(part: Part) -> Fit:
    return Fit(
        supplier_id=part.firm_id,
        offering_id=part.offering_id,
        score=0,
        eligible=True,
        way=Way.WORDS,
        criteria=(),
        capacity=None,
        lead_days=None,
        price=None,
    )
