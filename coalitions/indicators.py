"""The bureau's measures that follow from the structure of a World: where capability is missing, by country."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from coalitions.matching import match
from coalitions.statistics import AT_LEAST, counted
from domain.world import Opening, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One capability asked for in one country: packages that ask, packages with nobody, firms that could.

    `firms` is as it may be told: none, or to the nearest five; None where fewer than five could, who would be known one
    by one.
    """

    capability: str
    country: str
    packages: int
    uncovered: int
    firms: int | None
    package_ids: tuple[UUID, ...]


def gaps(worlds: Iterable[tuple[World, Opening]]) -> tuple[Cell, ...]:
    """Count, for each first capability phrase × country, who could serve the published packages.

    A package counts as uncovered when no firm is eligible for it. Cells stand with the most uncovered first.
    """
    packages: dict[tuple[str, str], list[UUID]] = {}
    open_ones: dict[tuple[str, str], list[UUID]] = {}
    firms: dict[tuple[str, str], set[UUID]] = {}
    for world, opening in worlds:
        labels = _labels(opening)
        for group in match(world, opening):
            key = (labels[group.package_id], opening.country)
            able = {fit.supplier_id for fit in group.fits if fit.eligible}
            packages.setdefault(key, []).append(group.package_id)
            firms.setdefault(key, set()).update(able)
            if not able:
                open_ones.setdefault(key, []).append(group.package_id)
    cells = (
        Cell(
            capability=key[0],
            country=key[1],
            packages=len(ids),
            uncovered=len(open_ones.get(key, [])),
            firms=told(len(firms[key])),
            package_ids=tuple(ids),
        )
        for key, ids in packages.items()
    )
    return tuple(sorted(cells, key=lambda cell: (-cell.uncovered, cell.firms or 0, cell.capability, cell.country)))


def told(firms: int) -> int | None:
    """Return a number of firms as it may be told.

    >>> told(0), told(4), told(5), told(8)
    (0, None, 5, 10)
    """
    return None if 0 < firms < AT_LEAST else counted(firms)[0]


def _labels(opening: Opening) -> Mapping[UUID, str]:
    return {
        package.id: next((need.phrase for need in package.needs if need.phrase), package.name)
        for package in opening.packages
    }
