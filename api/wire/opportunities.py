"""What goes over the wire about opportunities, packages and requirements."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from api.queries.opportunities import Folded
from api.wire.base import Wire
from api.zones import to_be_asked, zone_of, zones_of
from domain.kinds import (
    Code,
    Country,
    Currency,
    LongText,
    Money,
    Name,
    OpportunityState,
    PackageKind,
    Phrase,
    PositiveQuantity,
    RequirementKind,
    Share,
    Title,
    Unit,
    Visibility,
)
from domain.records import Opportunity, Requirement, WorkPackage

Goal = Literal["fit", "price", "members", "resilience", "grade", "sme", "lead"]
Zone = Annotated[str, StringConstraints(max_length=40)]
"""An IANA time zone of the project's country, in which its public deadlines run."""
Count = Annotated[int, Field(ge=1, le=200, strict=True)]


class RequirementIn(Wire):
    """One thing a package asks for: `phrase` or `code` for a capability, `threshold` for grade, days or level.

    A country requirement names its ISO 3166 code in `code`, or means the project's own country.
    """

    kind: RequirementKind
    phrase: Phrase | None = None
    code_system: Literal["HS", "CPV", "GBT", "UNSPSC"] | None = None
    code: Code | None = None
    threshold: Annotated[int, Field(ge=0, le=3650, strict=True)] | None = None
    mandatory: bool = True

    @model_validator(mode="after")
    def says_what_it_asks(self) -> Self:
        """A capability names a phrase or a code, a certificate a phrase, the others but a country a threshold."""
        match self.kind:
            case RequirementKind.CAPABILITY:
                lacking = self.phrase is None and (self.code is None or self.code_system is None)
            case RequirementKind.CERTIFICATE:
                lacking = self.phrase is None
            case RequirementKind.COUNTRY:
                lacking = False
            case RequirementKind.GRADE | RequirementKind.LEAD_TIME | RequirementKind.VERIFICATION:
                lacking = self.threshold is None
        if self.kind is RequirementKind.COUNTRY and self.code is not None:
            _require_country(self.code)
        if lacking:
            raise PydanticCustomError("requirement-empty", "the requirement does not say what it asks for")
        return self


def _require_country(code: str) -> None:
    try:
        TypeAdapter[str](Country).validate_python(code)
    except ValidationError:
        raise PydanticCustomError("country", "{code} is not an ISO 3166-1 alpha-2 code", {"code": code}) from None


class PackageIn(Wire):
    """A work package as its publisher writes it; `value` is the whole package's, in minor units."""

    code: Code
    name: Name
    name_en: Name | None = None
    kind: PackageKind = PackageKind.GOODS
    unit: Unit
    quantity: PositiveQuantity
    value: Money
    starts: date
    ends: date
    min_suppliers: Count = 1
    max_suppliers: Count = 1
    min_share: Share = 0
    max_share: Share = 10_000
    critical: bool = False
    specialty: Code | None = None
    follows: Annotated[tuple[Code, ...], Field(max_length=50)] = ()
    requirements: Annotated[tuple[RequirementIn, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def spans_fit(self) -> Self:
        """A package ends after it starts and its ranges are not upside down."""
        if self.ends < self.starts:
            raise PydanticCustomError("period", "the end lies before the start")
        if self.min_suppliers > self.max_suppliers or self.min_share > self.max_share:
            raise PydanticCustomError("range", "the lower limit is above the upper one")
        if self.critical and self.max_suppliers < 2:
            raise PydanticCustomError("critical", "a critical package needs room for at least two suppliers")
        return self


class LockIn(Wire):
    """A firm that is to serve a package, with a share in basis points if it is pinned."""

    package: Code
    firm: UUID
    share: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None


class LeadIn(Wire):
    """Who may lead, and the least share of the value a lead must hold."""

    candidates: Annotated[tuple[UUID, ...], Field(max_length=200)] | None = None
    min_share: Share = 0


class RulesIn(Wire):
    """The chain leader's own rules; one that is left out does not bind."""

    max_members: Count | None = None
    min_members: Count | None = None
    sme_share_min: Share | None = None
    firm_share_max: Share | None = None
    required: Annotated[tuple[UUID, ...], Field(max_length=200)] = ()
    excluded: Annotated[tuple[UUID, ...], Field(max_length=2_000)] = ()
    conflicts: Annotated[tuple[tuple[UUID, UUID], ...], Field(max_length=500)] = ()
    locked: Annotated[tuple[LockIn, ...], Field(max_length=500)] = ()
    lead: LeadIn | None = None
    min_newcomers: Annotated[int, Field(ge=0, le=200, strict=True)] = 0
    min_veterans: Annotated[int, Field(ge=0, le=200, strict=True)] = 0


def usual_weights() -> dict[Goal, int]:
    """Return the weights that hold where nobody sets any.

    Fit counts most: at even weights a cheap product that only resembles what is asked wins against the right one.
    """
    return {"fit": 70, "price": 20, "members": 5, "resilience": 5}


class CohesionIn(Wire):
    """How much of the base value may be given up for firms that already work together, in basis points.

    The usual half per cent keeps a package worth less than that share of a project from going to a firm that fits
    badly because it knows the others.
    """

    give_up: Share = 50


class GoalsIn(Wire):
    """What is wanted: weights of the goals, and the room for cohesion."""

    mode: Literal["weighted"] = "weighted"
    weights: dict[Goal, Annotated[int, Field(ge=0, le=100, strict=True)]] = Field(default_factory=usual_weights)
    cohesion: CohesionIn = Field(default_factory=CohesionIn)


EXAMPLE: dict[str, Any] = {
    "title": "中爪哇 200MW/400MWh 储能电站",
    "title_en": "Central Java 200 MW / 400 MWh battery storage",
    "summary": "EPC,业主为当地电力公司,预审后投标。",
    "country": "ID",
    "currency": "CNY",
    "budget": 74_910_000_000,
    "deadline": "2027-03-18T17:00:00+07:00",
    "starts": "2027-06-01",
    "ends": "2028-07-31",
    "rules": {"max_members": 8, "sme_share_min": 3000},
    "packages": [
        {
            "code": "WP03",
            "name": "变流升压一体机",
            "name_en": "PCS and transformer skid",
            "unit": "SET",
            "quantity": 40,
            "value": 862_000_000,
            "starts": "2027-06-01",
            "ends": "2027-12-31",
            "max_suppliers": 2,
            "requirements": [{"kind": "capability", "phrase": "储能变流器"}],
        }
    ],
}


class OpportunityIn(Wire):
    """An overseas project with its work packages, as a chain leader writes it. Money is in minor units."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    title: Title
    title_en: Title | None = None
    summary: LongText = ""
    country: Country
    place: Name | None = None
    zone: Zone | None = None
    currency: Currency
    budget: Annotated[Money, Field(gt=0)] | None = None
    deadline: Annotated[datetime, Field(strict=False)]
    starts: date
    ends: date
    visibility: Visibility = Visibility.VERIFIED
    procuring_law: Code | None = None
    financier: Name | None = None
    rules: RulesIn = Field(default_factory=RulesIn)
    goals: GoalsIn = Field(default_factory=GoalsIn)
    packages: Annotated[tuple[PackageIn, ...], Field(min_length=1, max_length=200)]
    source: Name | None = None
    source_reference: Name | None = None

    @model_validator(mode="after")
    def zone_is_the_countrys(self) -> Self:
        """The time zone is one of the country's."""
        if self.zone is not None and self.zone not in zones_of(self.country):
            raise PydanticCustomError(
                "zone-elsewhere", "{zone} is no time zone of {country}", {"zone": self.zone, "country": self.country}
            )
        return self

    @model_validator(mode="after")
    def holds_together(self) -> Self:
        """Deadlines carry a zone, codes are unique, packages lie within the project and follow known ones."""
        if self.deadline.tzinfo is None:
            raise PydanticCustomError("timezone", "the deadline needs a time zone")
        if self.ends < self.starts:
            raise PydanticCustomError("period", "the end lies before the start")
        codes = [package.code for package in self.packages]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise PydanticCustomError("package-twice", "package {code} stands twice", {"code": twice[0]})
        for package in self.packages:
            strangers = sorted(set(package.follows) - set(codes))
            if strangers:
                raise PydanticCustomError(
                    "package-unknown",
                    "package {code} follows {other}, which is not there",
                    {"code": package.code, "other": strangers[0]},
                )
            if package.starts < self.starts or package.ends > self.ends:
                raise PydanticCustomError(
                    "package-outside", "package {code} lies outside the project's period", {"code": package.code}
                )
        unknown = sorted({lock.package for lock in self.rules.locked} - set(codes))
        if unknown:
            raise PydanticCustomError(
                "package-unknown", "a lock names {other}, which is not there", {"code": "locked", "other": unknown[0]}
            )
        return self


class ZoneIn(Wire):
    """The IANA time zone in which a project's public deadlines run: one of its country's."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"zone": "Asia/Makassar"}]})

    zone: Zone


class RequirementOut(Wire):
    """One thing a package asks for."""

    id: UUID
    kind: RequirementKind
    phrase: str | None
    code_system: str | None
    code: str | None
    threshold: int | None
    mandatory: bool


class PackageOut(Wire):
    """A work package as readers see it."""

    id: UUID
    code: str
    name: str
    name_en: str | None
    kind: PackageKind
    unit: str
    quantity: int
    value: int
    starts: date
    ends: date
    min_suppliers: int
    max_suppliers: int
    min_share: int
    max_share: int
    critical: bool
    specialty: str | None
    follows: tuple[str, ...]
    requirements: tuple[RequirementOut, ...]

    @classmethod
    def from_rows(cls, package: WorkPackage, requirements: tuple[Requirement, ...]) -> Self:
        """Fold a package's requirements into it."""
        fields = {name: getattr(package, name) for name in cls.model_fields if name != "requirements"}
        return cls(**fields, requirements=tuple(RequirementOut.model_validate(row) for row in requirements))


class OpportunityLine(Wire):
    """An opportunity in a list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000001",
                    "organisation_id": "0198c0de-0000-7000-8000-000000000002",
                    "title": "中爪哇 200MW/400MWh 储能电站",
                    "title_en": "Central Java battery storage",
                    "country": "ID",
                    "place": "Semarang",
                    "currency": "CNY",
                    "budget": 74_910_000_000,
                    "deadline": "2027-03-18T10:00:00Z",
                    "state": "published",
                    "edition": 1,
                    "version": 3,
                    "demonstration": True,
                    "published_at": "2027-01-05T02:00:00Z",
                }
            ]
        }
    )

    id: UUID
    organisation_id: UUID
    title: str
    title_en: str | None
    country: str
    place: str | None
    currency: str
    budget: int | None
    deadline: datetime
    state: OpportunityState
    edition: int
    version: int
    demonstration: bool
    published_at: datetime | None


class OpportunityOut(OpportunityLine):
    """One opportunity with everything in it; `owner` is the chain leader's name.

    `zone` is the IANA zone in which its public deadlines run; where the country has several and none was stated, it is
    the capital's, and `zone_choices` asks for the right one.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000001",
                    "organisation_id": "0198c0de-0000-7000-8000-000000000002",
                    "title": "中爪哇 200MW/400MWh 储能电站",
                    "title_en": "Central Java battery storage",
                    "country": "ID",
                    "place": "Semarang",
                    "currency": "CNY",
                    "budget": 74_910_000_000,
                    "deadline": "2027-03-18T10:00:00Z",
                    "state": "published",
                    "edition": 1,
                    "version": 3,
                    "demonstration": True,
                    "published_at": "2027-01-05T02:00:00Z",
                    "owner": "演示链主",
                    "summary": "",
                    "starts": "2027-06-01",
                    "ends": "2028-07-31",
                    "visibility": "verified",
                    "procuring_law": None,
                    "financier": None,
                    "rules": {"max_members": 8},
                    "goals": {},
                    "source": None,
                    "source_reference": None,
                    "packages": [
                        {
                            "id": "0198c0de-0000-7000-8000-000000000003",
                            "code": "WP03",
                            "name": "变流升压一体机",
                            "name_en": "PCS and transformer skid",
                            "kind": "goods",
                            "unit": "SET",
                            "quantity": 40,
                            "value": 862_000_000,
                            "starts": "2027-06-01",
                            "ends": "2027-12-31",
                            "min_suppliers": 1,
                            "max_suppliers": 2,
                            "min_share": 2000,
                            "max_share": 10_000,
                            "critical": False,
                            "specialty": None,
                            "follows": [],
                            "requirements": [
                                {
                                    "id": "0198c0de-0000-7000-8000-000000000004",
                                    "kind": "capability",
                                    "phrase": "储能变流器",
                                    "code_system": None,
                                    "code": None,
                                    "threshold": None,
                                    "mandatory": True,
                                }
                            ],
                        }
                    ],
                }
            ]
        }
    )

    owner: str
    summary: str
    starts: date
    ends: date
    visibility: Visibility
    procuring_law: str | None
    financier: str | None
    rules: dict[str, Any]
    goals: dict[str, Any]
    source: str | None
    source_reference: str | None
    packages: tuple[PackageOut, ...]
    zone: str | None = None
    zone_choices: tuple[str, ...] = ()

    @classmethod
    def from_folded(cls, folded: Folded, *, own: bool) -> Self:
        """Show an opportunity; its rules and goals only to its owner and those who oversee him (`own`)."""
        row: Opportunity = folded.opportunity
        inside = {"owner", "packages", "rules", "goals", "zone", "zone_choices"}
        zone = zone_of(row.country, row.zone)
        fields = {name: getattr(row, name) for name in cls.model_fields if name not in inside}
        return cls(
            **fields,
            owner=folded.owner,
            zone=zone.key if zone else None,
            zone_choices=to_be_asked(row.country, row.zone),
            rules=row.rules if own else {},
            goals=row.goals if own else {},
            packages=tuple(
                PackageOut.from_rows(package, folded.requirements[package.id]) for package in folded.packages
            ),
        )
