"""What goes over the wire about firms, capabilities, certificates and capacity."""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.queries.organisations import Profile
from api.wire.base import Wire
from domain.kinds import (
    CapabilityState,
    Code,
    Country,
    Currency,
    Days,
    Disclosure,
    LinkKind,
    Money,
    Name,
    Note,
    Phrase,
    Quantity,
    Unit,
)
from domain.records import Capability, CapabilityPrice, CapacityMonth, SupplyLink


class CapabilityIn(Wire):
    """What a firm declares: a phrase in its own words, and as many figures as it wants the solver to know.

    Who may read price and quantity is as the firm has set it for all it declares, unless it is said here.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "phrase": "储能变流器",
                    "phrase_en": "power conversion system",
                    "unit": "SET",
                    "monthly_quantity": 12,
                    "unit_price": 21_550_000,
                    "currency": "CNY",
                    "lead_days": 120,
                    "countries": ["ID", "VN"],
                }
            ]
        }
    )

    phrase: Phrase
    phrase_en: Phrase | None = None
    code_system: Literal["HS", "CPV", "GBT", "UNSPSC"] | None = None
    code: Code | None = None
    unit: Unit | None = None
    monthly_quantity: Quantity | None = None
    unit_price: Money | None = None
    currency: Currency | None = None
    lead_days: Days | None = None
    countries: Annotated[tuple[Country, ...], Field(max_length=250)] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    price_disclosure: Disclosure | None = None
    capacity_disclosure: Disclosure | None = None
    disclosure_reason: Note = ""

    @model_validator(mode="after")
    def figures_have_units(self) -> Self:
        """A quantity needs its unit, a price its currency and unit, a code its system; validity is not upside down."""
        if self.monthly_quantity is not None and self.unit is None:
            raise PydanticCustomError("unit-missing", "a quantity needs its unit")
        if self.unit_price is not None and (self.currency is None or self.unit is None):
            raise PydanticCustomError("currency-missing", "a price needs its currency and unit")
        if (self.code is None) != (self.code_system is None):
            raise PydanticCustomError("code-system", "a code and its system go together")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise PydanticCustomError("period", "the end lies before the start")
        return self


class CapabilityOut(Wire):
    """A declaration as its owner sees it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000006",
                    "phrase": "储能变流器",
                    "phrase_en": "power conversion system",
                    "code_system": None,
                    "code": "",
                    "unit": "SET",
                    "monthly_quantity": 12,
                    "unit_price": 21_550_000,
                    "currency": "CNY",
                    "lead_days": 120,
                    "countries": ["ID"],
                    "verification": 1,
                    "valid_from": None,
                    "valid_to": None,
                    "state": "declared",
                    "version": 1,
                    "created_at": "2027-01-06T01:00:00Z",
                }
            ]
        }
    )

    id: UUID
    phrase: str
    phrase_en: str | None
    code_system: str | None
    code: str
    unit: str | None
    monthly_quantity: int | None
    unit_price: int | None
    currency: str | None
    lead_days: int | None
    countries: tuple[str, ...]
    verification: int
    valid_from: date | None
    valid_to: date | None
    state: CapabilityState
    version: int
    created_at: datetime

    @classmethod
    def from_rows(cls, row: Capability, price: CapabilityPrice | None) -> Self:
        """Fold a declaration and its price, which stands in a table of its own."""
        fields = {name: getattr(row, name) for name in cls.model_fields if name not in ("unit_price", "currency")}
        return cls(
            **fields,
            unit_price=price.unit_price if price else None,
            currency=price.currency if price else None,
        )


class CapabilityLine(Wire):
    """A declaration as everyone else sees it: what, not how much and not for how much."""

    id: UUID
    phrase: str
    phrase_en: str | None
    code_system: str | None
    code: str
    verification: int


class MonthIn(Wire):
    """The capacity of one month, by its first day."""

    month: date
    declared: Quantity

    @model_validator(mode="after")
    def first_day(self) -> Self:
        """A month is named by its first day."""
        if self.month.day != 1:
            raise PydanticCustomError("month", "a month is named by its first day")
        return self


class CapacityIn(Wire):
    """Months with their declared capacity; months not named stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"months": [{"month": "2027-06-01", "declared": 12}]}]})

    months: Annotated[tuple[MonthIn, ...], Field(min_length=1, max_length=120)]


class MonthOut(Wire):
    """One month: declared, promised, and what is still free."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"month": "2027-06-01", "declared": 12, "reserved": 8, "free": 4}]}
    )

    month: date
    declared: int
    reserved: int
    free: int

    @classmethod
    def from_row(cls, row: CapacityMonth) -> Self:
        """Show a month with what it has left."""
        return cls(month=row.month, declared=row.declared, reserved=row.reserved, free=row.declared - row.reserved)


class CertificateIn(Wire):
    """A certificate the firm holds."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scheme": "ISO 9001", "number": "CN-1234", "valid_from": "2025-01-01"}]}
    )

    scheme: Annotated[Name, Field(max_length=80)]
    number: Annotated[Name, Field(max_length=80)] | None = None
    issuer: Annotated[Name, Field(max_length=120)] | None = None
    valid_from: date
    valid_to: date | None = None

    @model_validator(mode="after")
    def ends_after_start(self) -> Self:
        """Validity is not upside down."""
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise PydanticCustomError("period", "the end lies before the start")
        return self


class CertificateOut(Wire):
    """A certificate with its verification level."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000007",
                    "scheme": "ISO 9001",
                    "number": "CN-1234",
                    "issuer": None,
                    "valid_from": "2025-01-01",
                    "valid_to": "2028-01-01",
                    "verification": 0,
                }
            ]
        }
    )

    id: UUID
    scheme: str
    number: str | None
    issuer: str | None
    valid_from: date
    valid_to: date | None
    verification: int


class FirmLine(Wire):
    """A firm in a list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000002",
                    "name": "演示变流有限公司",
                    "name_en": None,
                    "short_name": None,
                    "credit_code": "91999999MA0000001X",
                    "country": "CN",
                    "city": "演示市",
                    "industry": None,
                    "sme": True,
                    "roles": ["supplier"],
                    "verification": 1,
                    "registered": True,
                    "demonstration": True,
                }
            ]
        }
    )

    id: UUID
    name: str
    name_en: str | None
    short_name: str | None
    credit_code: str | None
    country: str
    city: str | None
    industry: str | None
    sme: bool | None
    roles: tuple[str, ...]
    verification: int
    registered: bool
    demonstration: bool


class TieOut(Wire):
    """A disclosed tie to another firm, with its source; shares in basis points of purchases or of sales."""

    firm_id: UUID
    firm: str
    direction: Literal["upstream", "downstream"]
    kind: LinkKind
    year: int
    share: int | None
    sales_share: int | None
    source: str
    confidence: int


class FirmOut(FirmLine):
    """A firm's profile: what it can do and with whom it is known to work."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000002",
                    "name": "演示变流有限公司",
                    "name_en": None,
                    "short_name": None,
                    "credit_code": "91999999MA0000001X",
                    "country": "CN",
                    "city": "演示市",
                    "industry": None,
                    "sme": True,
                    "roles": ["supplier"],
                    "verification": 1,
                    "registered": True,
                    "demonstration": True,
                    "province": None,
                    "ownership": None,
                    "founded": None,
                    "registered_capital": None,
                    "business_scope": None,
                    "capabilities": [
                        {
                            "id": "0198c0de-0000-7000-8000-000000000006",
                            "phrase": "储能变流器",
                            "phrase_en": None,
                            "code_system": None,
                            "code": "",
                            "verification": 1,
                        }
                    ],
                    "ties": [
                        {
                            "firm_id": "0198c0de-0000-7000-8000-000000000008",
                            "firm": "演示电芯有限公司",
                            "direction": "upstream",
                            "kind": "supplies",
                            "year": 2026,
                            "share": 1200,
                            "sales_share": None,
                            "source": "演示数据",
                            "confidence": 90,
                        }
                    ],
                }
            ]
        }
    )

    province: str | None
    ownership: str | None
    founded: date | None
    registered_capital: int | None
    business_scope: str | None
    capabilities: tuple[CapabilityLine, ...]
    ties: tuple[TieOut, ...]

    @classmethod
    def from_profile(cls, profile: Profile) -> Self:
        """Show a firm with what it declares and its disclosed ties."""
        firm = profile.firm
        fields = {name: getattr(firm, name) for name in cls.model_fields if name not in ("capabilities", "ties")}
        return cls(
            **fields,
            capabilities=tuple(map(CapabilityLine.model_validate, profile.capabilities)),
            ties=tuple(_tie(link, profile) for link in profile.links),
        )


def _tie(link: SupplyLink, profile: Profile) -> TieOut:
    upstream = link.buyer_id == profile.firm.id
    other = profile.partners[link.supplier_id if upstream else link.buyer_id]
    return TieOut(
        firm_id=other.id,
        firm=other.name,
        direction="upstream" if upstream else "downstream",
        kind=link.kind,
        year=link.year,
        share=link.share,
        sales_share=link.sales_share,
        source=link.source,
        confidence=link.confidence,
    )
