"""What an import wants to write, checked by the rules of ``domain.kinds`` before any database is asked."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError
from stdnum import lei

from domain import capability
from domain.errors import DomainError
from domain.kinds import (
    Clean,
    Code,
    Confidence,
    Country,
    CreditCode,
    Currency,
    Days,
    Disclosure,
    Grade,
    LinkKind,
    LongText,
    Money,
    Name,
    PackageKind,
    Phrase,
    PositiveQuantity,
    Printable,
    Quantity,
    RequirementKind,
    Role,
    Share,
    Title,
    Unit,
    Visibility,
)

MAX_PACKAGES = 500
MAX_REQUIREMENTS = 200


def _lei(text: str) -> str:
    compact = lei.compact(text)
    if not lei.is_valid(compact):
        raise PydanticCustomError("lei", "{code} is not a valid legal entity identifier", {"code": text})
    return str(compact)


def _code_system(text: str) -> str:
    try:
        return str(capability.require_known_system(text))
    except DomainError:
        raise PydanticCustomError("code-system", "{given} is no known code system", {"given": text}) from None


def _canonical(text: str, known: ValidationInfo) -> str:
    system = known.data.get("code_system")
    if system is None:
        return text
    try:
        return capability.canonical(system, text)
    except DomainError:
        raise PydanticCustomError(
            "malformed-code", "{code} is no {system} code", {"code": text, "system": system}
        ) from None


def _not_the_operator(roles: tuple[Role, ...]) -> tuple[Role, ...]:
    for role in roles:
        if role in (Role.OPERATOR, Role.BUREAU):
            raise PydanticCustomError("role-not-imported", "{role} is appointed, not imported", {"role": role.value})
    return roles


Short = Annotated[str, Clean, StringConstraints(min_length=1, max_length=40), Printable]
Label = Annotated[str, Clean, StringConstraints(min_length=1, max_length=120), Printable]
Scheme = Annotated[str, Clean, StringConstraints(max_length=12), AfterValidator(_code_system)]
CodeInSystem = Annotated[Code, AfterValidator(_canonical)]
Lei = Annotated[str, Clean, StringConstraints(max_length=40), AfterValidator(_lei)]
Year = Annotated[int, Field(ge=1978, le=2100, strict=True)]
Seats = Annotated[int, Field(ge=1, le=100, strict=True)]
Rank = Annotated[int, Field(ge=1, le=1000, strict=True)]
Threshold = Annotated[int, Field(ge=0, le=10**9, strict=True)]
ImportedRoles = Annotated[tuple[Role, ...], Field(min_length=1, max_length=5), AfterValidator(_not_the_operator)]


class Draft(BaseModel):
    """The base of all drafts: immutable, and nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _ordered(earlier: date | None, later: date | None) -> None:
    if earlier is not None and later is not None and later < earlier:
        raise PydanticCustomError("period", "ends before it begins", {"starts": str(earlier), "ends": str(later)})


class FirmDraft(Draft):
    """A firm. Without credit code or LEI it can only be known by name, not registered. Money is in fen."""

    name: Name
    name_en: Name | None = None
    short_name: Annotated[str, Clean, StringConstraints(min_length=1, max_length=80), Printable] | None = None
    credit_code: CreditCode | None = None
    lei: Lei | None = None
    stock_code: Code | None = None
    roles: ImportedRoles = (Role.SUPPLIER,)
    country: Country = "CN"
    province: Short | None = None
    city: Short | None = None
    industry: Label | None = None
    industry_code: Annotated[str, Clean, StringConstraints(max_length=12), Printable] | None = None
    ownership: Annotated[str, Clean, StringConstraints(max_length=60), Printable] | None = None
    founded: date | None = None
    registered_capital: Money | None = None
    turnover: Money | None = None
    business_scope: LongText | None = None
    sme: bool | None = None
    group_name: Label | None = None
    grades: Mapping[Short, Grade] = Field(default_factory=dict)


class CapabilityDraft(Draft):
    """What a firm can do; ``firm`` is its credit code, stock code or full name."""

    firm: Name
    phrase: Phrase
    phrase_en: Phrase | None = None
    code_system: Scheme | None = None
    code: CodeInSystem | None = None
    unit: Unit | None = None
    monthly_quantity: Quantity | None = None
    lead_days: Days | None = None
    countries: tuple[Country, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    unit_price: Money | None = None
    currency: Currency | None = None
    price_disclosure: Disclosure = Disclosure.SOLVER
    capacity_disclosure: Disclosure = Disclosure.SOLVER

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.monthly_quantity is not None and self.unit is None:
            raise PydanticCustomError("quantity-without-unit", "a quantity needs its unit")
        if self.unit_price is not None and self.currency is None:
            raise PydanticCustomError("price-without-currency", "a price needs its currency")
        if self.code is not None and self.code_system is None:
            raise PydanticCustomError("code-without-system", "a code needs its code system")
        _ordered(self.valid_from, self.valid_to)
        return self


class SupplyLinkDraft(Draft):
    """A tie between two firms, each named by credit code, stock code or full name."""

    supplier: Name
    buyer: Name
    kind: LinkKind = LinkKind.SUPPLIES
    year: Year
    share: Share | None = None
    sales_share: Share | None = None
    rank: Rank | None = None
    product: Phrase | None = None
    source: Label
    confidence: Confidence = 50


class ProductDraft(Draft):
    """A product and a narrower one."""

    broader: Phrase
    narrower: Phrase
    source: Label = "import"


class RequirementDraft(Draft):
    """One thing a work package asks for."""

    kind: RequirementKind
    phrase: Phrase | None = None
    code_system: Scheme | None = None
    code: CodeInSystem | None = None
    threshold: Threshold | None = None
    mandatory: bool = True

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.phrase is None and self.code is None and self.threshold is None:
            raise PydanticCustomError("requirement-empty", "a requirement names a phrase, a code or a figure")
        if self.kind is RequirementKind.CAPABILITY and self.phrase is None and self.code is None:
            raise PydanticCustomError("requirement-empty", "a capability is asked for by phrase or code")
        if self.code is not None and self.kind is RequirementKind.CAPABILITY and self.code_system is None:
            raise PydanticCustomError("code-without-system", "a code needs its code system")
        return self


class PackageDraft(Draft):
    """A work package; its value is in minor units of the opportunity's currency, its shares in basis points."""

    code: Code
    name: Name
    name_en: Name | None = None
    kind: PackageKind = PackageKind.GOODS
    unit: Unit
    quantity: PositiveQuantity
    value: Money
    starts: date
    ends: date
    min_suppliers: Seats = 1
    max_suppliers: Seats = 1
    min_share: Share = 0
    max_share: Share = 10_000
    critical: bool = False
    specialty: Short | None = None
    follows: tuple[Code, ...] = ()
    requirements: Annotated[tuple[RequirementDraft, ...], Field(max_length=MAX_REQUIREMENTS)] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        _ordered(self.starts, self.ends)
        if self.min_suppliers > self.max_suppliers:
            raise PydanticCustomError("supplier-range", "more suppliers at least than at most")
        if self.min_share > self.max_share:
            raise PydanticCustomError("share-bounds", "the lower share exceeds the upper")
        return self


class OpportunityDraft(Draft):
    """An overseas project with its work packages."""

    title: Title
    title_en: Title | None = None
    summary: LongText = ""
    country: Country
    place: Label | None = None
    currency: Currency
    budget: Annotated[int, Field(gt=0, le=10**15, strict=True)] | None = None
    deadline: datetime
    starts: date
    ends: date
    visibility: Visibility = Visibility.VERIFIED
    procuring_law: Short | None = None
    financier: Label | None = None
    source: Label | None = None
    source_reference: Annotated[str, Clean, StringConstraints(min_length=1, max_length=200), Printable] | None = None
    packages: Annotated[tuple[PackageDraft, ...], Field(min_length=1, max_length=MAX_PACKAGES)]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        _ordered(self.starts, self.ends)
        codes = [package.code for package in self.packages]
        repeated = sorted({code for code in codes if codes.count(code) > 1})
        if repeated:
            named = ", ".join(repeated)
            raise PydanticCustomError("package-repeated", "two packages are called {codes}", {"codes": named})
        unknown = sorted({other for package in self.packages for other in package.follows} - set(codes))
        if unknown:
            raise PydanticCustomError("package-unknown", "no package is called {codes}", {"codes": ", ".join(unknown)})
        return self
