"""Field types and closed sets of words: each rule about a field is stated here, once.

Rows, values and wires share these types; they do not share classes.
"""

import unicodedata
from enum import StrEnum
from functools import cache
from typing import Annotated

import pycountry
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError
from stdnum.cn import uscc

BASIS_POINTS = 10_000
MONEY_LIMIT = 10**15
QUANTITY_LIMIT = 10**9


class Role(StrEnum):
    """What an organisation is on the platform; one may be several."""

    CHAIN_LEADER = "chain_leader"
    SUPPLIER = "supplier"
    SERVICE_PROVIDER = "service_provider"
    BUREAU = "bureau"
    OPERATOR = "operator"


class Duty(StrEnum):
    """What a person is for within his organisation; one may have several."""

    ADMIN = "admin"
    NEGOTIATOR = "negotiator"
    SIGNER = "signer"
    VIEWER = "viewer"
    ANALYST = "analyst"
    OFFICER = "officer"
    OPERATOR = "operator"


class Scope(StrEnum):
    """What a token may be used for."""

    READ = "read"
    DECLARE = "declare"
    PUBLISH = "publish"
    FORMATION = "formation"
    SIGN = "sign"
    PEOPLE = "people"
    CONNECTIONS = "connections"
    ACCOUNT = "account"


class Standing(StrEnum):
    """Whether an organisation is known to be who it says it is."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    MERGED = "merged"


class ClaimState(StrEnum):
    PENDING = "pending"
    VERIFIED = "verified"
    REFUSED = "refused"


class OpportunityState(StrEnum):
    DRAFT = "draft"
    REVIEW = "review"
    PUBLISHED = "published"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class MembershipState(StrEnum):
    PROPOSED = "proposed"
    INVITED = "invited"
    ACCEPTED = "accepted"
    COUNTERED = "countered"
    DECLINED = "declined"
    EXPIRED = "expired"
    SIGNED = "signed"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"


class ConsortiumState(StrEnum):
    FORMING = "forming"
    AGREED = "agreed"
    SIGNED = "signed"
    FILED = "filed"
    BID = "bid"
    WON = "won"
    RUNNING = "running"
    CLOSED = "closed"
    LOST = "lost"
    DISSOLVED = "dissolved"


class InvitationState(StrEnum):
    SENT = "sent"
    ACCEPTED = "accepted"
    COUNTERED = "countered"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class HoldState(StrEnum):
    """A soft hold stands behind an invitation, a hard one behind a signature."""

    SOFT = "soft"
    HARD = "hard"
    RELEASED = "released"
    EXPIRED = "expired"


class AnswerKind(StrEnum):
    """What may be asked of the optimizer besides a suggestion."""

    DIAGNOSE = "diagnose"
    REPAIR = "repair"
    RULES = "rules"
    EXPLAIN = "explain"
    COUNTERFACTUAL = "counterfactual"
    HARDEN = "harden"
    FRONTIER = "frontier"
    ROOM = "room"
    WAVES = "waves"
    SHARES = "shares"
    PORTFOLIO = "portfolio"


class FrontierAxis(StrEnum):
    """What efficient plans are compared by; larger is better on each."""

    PRICE = "price"
    RISK = "risk"
    SME = "sme"
    LEAD = "lead"


class LoneBidState(StrEnum):
    FILED = "filed"
    WITHDRAWN = "withdrawn"


class EnvelopeState(StrEnum):
    """The life of a signing at a provider of electronic signatures."""

    REQUESTED = "requested"
    SENT = "sent"
    SIGNED = "signed"
    FAILED = "failed"


class RunState(StrEnum):
    """The life of a piece of long work."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BatchState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    UNDONE = "undone"


class CapabilityState(StrEnum):
    DECLARED = "declared"
    RETIRED = "retired"


class FilingState(StrEnum):
    """A filing or licence: still to be handed in, handed in, granted, sent back, or not needed after all."""

    OPEN = "open"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    NOT_NEEDED = "not_needed"


class LossReason(StrEnum):
    """Why a bid was not successful."""

    PRICE = "price"
    TECHNICAL = "technical"
    QUALIFICATION = "qualification"
    FORMAL = "formal"
    CANCELLED = "cancelled"
    OTHER = "other"


class MilestoneKind(StrEnum):
    """What is reached by a milestone of a work package."""

    STARTED = "started"
    HALFWAY = "halfway"
    INSPECTED = "inspected"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    HANDED_OVER = "handed_over"


class AmendmentState(StrEnum):
    """A proposed new edition of a signed agreement: asked for, in force, or dropped in one of three ways."""

    OPEN = "open"
    IN_FORCE = "in_force"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class EvaluationCriterion(StrEnum):
    """What partners judge each other by once they have parted, from 1 to 5."""

    TIMELINESS = "timeliness"
    QUALITY = "quality"
    COOPERATION = "cooperation"
    CLARITY = "clarity"
    FAIRNESS = "fairness"


class ImportKind(StrEnum):
    FIRMS = "firms"
    CAPABILITIES = "capabilities"
    SUPPLY_LINKS = "links"
    OPPORTUNITIES = "opportunities"
    PRODUCTS = "products"


class RequirementKind(StrEnum):
    """What a work package asks of whoever takes it."""

    CAPABILITY = "capability"
    CERTIFICATE = "certificate"
    GRADE = "grade"
    COUNTRY = "country"
    LEAD_TIME = "lead_time"
    VERIFICATION = "verification"


class PackageKind(StrEnum):
    """Goods, works or services (货物 / 工程 / 服务)."""

    GOODS = "goods"
    WORKS = "works"
    SERVICES = "services"


class LinkKind(StrEnum):
    """How two firms are tied: one supplies the other, or they did a project together."""

    SUPPLIES = "supplies"
    PARTNERED = "partnered"


class Visibility(StrEnum):
    """Who may read an opportunity before taking part in it."""

    PUBLIC = "public"
    VERIFIED = "verified"
    INVITED = "invited"


class Disclosure(StrEnum):
    """Who may read what a firm declares, from the fewest to the most: the solver alone, those bound to confidentiality
    with it, the parties it is matched with, everybody who is signed in.
    """

    SOLVER = "solver"
    NDA = "nda"
    MATCHED = "matched"
    PUBLIC = "public"


class DeclaredField(StrEnum):
    """What of a firm's declarations has a disclosure of its own."""

    UNIT_PRICE = "unit_price"
    MONTHLY_QUANTITY = "monthly_quantity"
    LEAD_DAYS = "lead_days"
    COUNTRIES = "countries"
    CERTIFICATES = "certificates"
    CONTACT = "contact"
    TURNOVER = "turnover"


class ChannelKind(StrEnum):
    """How somebody is told outside these pages."""

    EMAIL = "email"
    CHAT = "chat"


class Rhythm(StrEnum):
    """Each message as it comes, or all of a day together."""

    AT_ONCE = "at_once"
    DIGEST = "digest"


class LetterState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class EndpointState(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeclineReason(StrEnum):
    """Why a firm declines: no capacity, price, terms, partner, risk, timing, or something else that a note says."""

    CAPACITY = "capacity"
    PRICE = "price"
    TERMS = "terms"
    PARTNER = "partner"
    RISK = "risk"
    TIMING = "timing"
    OTHER = "other"


class Clause(StrEnum):
    """An article of the agreement that a member may want worded otherwise for itself."""

    WORK = "work"
    LIABILITY = "liability"
    SECURITY = "security"
    PAYMENT = "payment"
    DECISIONS = "decisions"
    DEFAULT = "default"
    EXIT = "exit"
    PROPERTY = "property"
    CONFIDENTIALITY = "confidentiality"
    COMPLIANCE = "compliance"
    FORCE = "force"
    DISPUTES = "disputes"


def _clean(text: object) -> object:
    """Fold to NFC and strip, so that one name has one spelling."""
    return unicodedata.normalize("NFC", text).strip() if isinstance(text, str) else text


def _printable(text: str) -> str:
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") and character not in "\n\t":
            raise PydanticCustomError(
                "unprintable", "control or invisible character U+{point}", {"point": f"{ord(character):04X}"}
            )
    return text


def _credit_code(text: str) -> str:
    compact = text.replace(" ", "").upper()
    if not uscc.is_valid(compact):
        raise PydanticCustomError("credit-code", "{code} is not a valid unified social credit code", {"code": text})
    return compact


@cache
def _countries() -> frozenset[str]:
    return frozenset(country.alpha_2 for country in pycountry.countries)


@cache
def _currencies() -> frozenset[str]:
    return frozenset(currency.alpha_3 for currency in pycountry.currencies)


def _country(text: str) -> str:
    code = text.upper()
    if code not in _countries():
        raise PydanticCustomError("country", "{code} is not an ISO 3166-1 alpha-2 code", {"code": text})
    return code


def _currency(text: str) -> str:
    code = text.upper()
    if code not in _currencies():
        raise PydanticCustomError("currency", "{code} is not an ISO 4217 code", {"code": text})
    return code


Clean = BeforeValidator(_clean)
Printable = AfterValidator(_printable)

Name = Annotated[str, StringConstraints(min_length=1, max_length=200), Clean, Printable]
Title = Annotated[str, StringConstraints(min_length=3, max_length=200), Clean, Printable]
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=200), Clean, Printable]
LongText = Annotated[str, StringConstraints(max_length=20_000), Clean, Printable]
Note = Annotated[str, StringConstraints(max_length=2_000), Clean, Printable]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-/]{0,39}$"), Clean]
CreditCode = Annotated[str, StringConstraints(max_length=40), Clean, AfterValidator(_credit_code)]
Country = Annotated[str, StringConstraints(max_length=8), Clean, AfterValidator(_country)]
Currency = Annotated[str, StringConstraints(max_length=8), Clean, AfterValidator(_currency)]
Unit = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$"), Clean]
"""A UN/CEFACT Recommendation 20 common code: ``C62`` one, ``KGM`` kilogram, ``MTR`` metre, ``SET`` set."""
Money = Annotated[int, Field(ge=0, le=MONEY_LIMIT, strict=True)]
"""Integer minor units of the currency that stands beside it (ISO 4217)."""
Quantity = Annotated[int, Field(ge=0, le=QUANTITY_LIMIT, strict=True)]
PositiveQuantity = Annotated[int, Field(ge=1, le=QUANTITY_LIMIT, strict=True)]
Share = Annotated[int, Field(ge=0, le=BASIS_POINTS, strict=True)]
"""Basis points: 10000 is the whole."""
Mark = Annotated[int, Field(ge=1, le=5, strict=True)]
"""How one partner judges the other by one criterion: 1 is poor, 5 is excellent."""
Percent = Annotated[int, Field(ge=0, le=100, strict=True)]
Days = Annotated[int, Field(ge=0, le=3650, strict=True)]
Grade = Annotated[int, Field(ge=1, le=9, strict=True)]
Level = Annotated[int, Field(ge=0, le=3, strict=True)]
"""Verification: L0 declared, L1 documented, L2 checked by the bureau, L3 proven by delivery."""
Hour = Annotated[int, Field(ge=0, le=23, strict=True)]
"""A full hour of the clock on the wall."""
Confidence = Annotated[int, Field(ge=0, le=100, strict=True)]
Email = Annotated[str, StringConstraints(max_length=200, to_lower=True, pattern=r"^[^@\s]+@[^@\s]+$"), Clean, Printable]
Password = Annotated[str, StringConstraints(min_length=12, max_length=200)]


class AbroadBasis(StrEnum):
    """By what personal data may leave the mainland (PIPL article 38)."""

    ASSESSMENT = "assessment"
    CONTRACT = "contract"
    CERTIFICATION = "certification"


class Receiver(StrEnum):
    """Who outside our machines is sent something about a person."""

    MAIL = "mail"
    CHAT = "chat"
    ESIGN = "esign"
