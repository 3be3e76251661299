"""What computation sees: a frozen snapshot of suppliers, ties and the openings they might serve.

Rows become values in one place (``api/queries/world.py``); everything in ``coalitions/`` is a function of these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

from domain.kinds import LinkKind, PackageKind, RequirementKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """One capability of one supplier. ``monthly`` and ``price`` are None where undeclared.

    ``free`` holds what each first-of-month still has to give; months that are absent give ``monthly``.
    ``price`` is in minor units of ``currency`` per ``unit``.
    """

    id: UUID
    phrase: str
    phrase_en: str | None = None
    code_system: str | None = None
    code: str = ""
    unit: str | None = None
    monthly: int | None = None
    free: Mapping[date, int] = field(default_factory=lambda: MappingProxyType({}))
    price: int | None = None
    currency: str | None = None
    price_disclosed: bool = False
    lead_days: int | None = None
    countries: frozenset[str] = frozenset()
    verification: int = 0
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A certificate a supplier holds."""

    scheme: str
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """A firm with what it offers; ``sme`` is None where nobody has said."""

    id: UUID
    name: str
    sme: bool | None = None
    city: str | None = None
    country: str = "CN"
    turnover: int | None = None
    verification: int = 0
    group: str | None = None
    newcomer: bool = True
    grades: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    offerings: tuple[Offering, ...] = ()
    certificates: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A tie between two firms, as a source states it. ``share`` is in basis points of the buyer's purchases."""

    supplier_id: UUID
    buyer_id: UUID
    kind: LinkKind
    year: int
    share: int | None = None
    source: str = ""
    confidence: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One requirement of a package."""

    id: UUID
    kind: RequirementKind
    phrase: str | None = None
    code_system: str | None = None
    code: str | None = None
    threshold: int | None = None
    mandatory: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One work package: ``value`` is the whole package's, in minor units; shares are in basis points."""

    id: UUID
    code: str
    name: str
    name_en: str | None = None
    kind: PackageKind
    unit: str
    quantity: int
    value: int
    starts: date
    ends: date
    min_suppliers: int = 1
    max_suppliers: int = 1
    min_share: int = 0
    max_share: int = 10_000
    critical: bool = False
    specialty: str | None = None
    follows: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An opportunity as the optimizer needs it. ``rules`` and ``goals`` are those of ``lianzhou-problem/1``."""

    id: UUID
    owner_id: UUID
    edition: int
    title: str
    country: str
    currency: str
    budget: int | None
    starts: date
    ends: date
    packages: tuple[Package, ...]
    rules: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    goals: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything a computation may look at, as of one day.

    ``narrower`` holds (broader, narrower) product phrases; ``nearness`` the likeness of a requirement's phrase to a
    capability's phrase, 0 to 100, for the pairs that the search found near.
    """

    as_of: date
    suppliers: tuple[Supplier, ...]
    links: tuple[Link, ...] = ()
    narrower: frozenset[tuple[str, str]] = frozenset()
    nearness: Mapping[tuple[str, str], int] = field(default_factory=lambda: MappingProxyType({}))
