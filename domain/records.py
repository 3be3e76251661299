"""What has identity and a life: one flat table a noun, no relationships, named constraints.

Rows do not validate their values (the edge and the CHECK constraints do), but they refuse unknown and missing names.
Money is in integer minor units of the currency beside it, shares are in basis points, months are first days.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID, uuid4

import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel

from domain.kinds import (
    AbroadBasis,
    AmendmentState,
    AnswerKind,
    BatchState,
    CapabilityState,
    ChannelKind,
    ClaimState,
    ConsortiumState,
    DeclaredField,
    DeliveryState,
    Disclosure,
    Duty,
    EndpointState,
    EnvelopeState,
    FilingState,
    HoldState,
    ImportKind,
    InvitationState,
    LetterState,
    LinkKind,
    LoneBidState,
    LossReason,
    MembershipState,
    MilestoneKind,
    OpportunityState,
    PackageKind,
    Receiver,
    RequirementKind,
    Rhythm,
    Role,
    RunState,
    Scope,
    Standing,
    Visibility,
)
from domain.lifecycle import (
    AMENDMENT,
    BATCH,
    CAPABILITY,
    CONSORTIUM,
    DELIVERY,
    ENDPOINT,
    ENVELOPE,
    FILING,
    HOLD,
    INVITATION,
    LETTER,
    LONE_BID,
    MEMBERSHIP,
    OPPORTUNITY,
    RUN,
    step,
)
from domain.sealed import Sealed, bind_rows

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

MOMENT = sa.DateTime(timezone=True)
SENTENCE_DIMENSIONS = 512
PASSAGE_DIMENSIONS = 384
Words = dict[str, Any]


def stored(kind: type[StrEnum]) -> sa.Enum:
    """Return a column type that keeps an enum's values as text under a CHECK constraint named after the enum."""
    name = "".join("_" + c.lower() if c.isupper() else c for c in kind.__name__).lstrip("_")
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=20,
        name=name,
        values_callable=lambda members: [member.value for member in members],
    )


def money(*, nullable: bool = False) -> Any:
    """Return a column of integer minor units; 64 bits, since a project of 10¹³ fen is thinkable."""
    return Field(default=None if nullable else ..., sa_type=sa.BigInteger, nullable=nullable)


def moment(*, nullable: bool = False, now: bool = False) -> Any:
    """Return a column with time zone; `now` lets the database's clock fill it in."""
    extra = {"server_default": sa.func.clock_timestamp()} if now else {}
    return Field(default=None if nullable or now else ..., sa_type=MOMENT, nullable=nullable, sa_column_kwargs=extra)


def refers(
    target: str,
    *,
    nullable: bool = False,
    ondelete: Literal["CASCADE", "SET NULL", "RESTRICT"] = "RESTRICT",
    primary: bool = False,
) -> Any:
    """Return an indexed foreign key column to `target` (``table.column``)."""
    return Field(
        default=None if nullable else ...,
        foreign_key=target,
        ondelete=ondelete,
        index=not primary,
        nullable=nullable,
        primary_key=primary,
    )


def document() -> Any:
    """Return a JSONB column; empty by default."""
    return Field(default_factory=dict, sa_type=JSONB)


def texts() -> Any:
    """Return a text array column; empty by default."""
    return Field(default_factory=list, sa_type=ARRAY(sa.Text))


def sealed(purpose: str, kind: type = str, *, nullable: bool = False) -> Any:
    """Return a column whose value only a holder of our keys can read; `purpose` is its table and name."""
    default: Any = {"default": None} if nullable else {"default_factory": dict} if kind is dict else {"default": ...}
    return Field(**default, sa_type=Sealed(purpose, kind), nullable=nullable)


class Record(SQLModel):
    """The base of every table: names that are unknown or missing are refused at construction."""

    def __init__(self, **values: Any) -> None:
        fields = type(self).model_fields
        unknown = sorted(values.keys() - fields.keys())
        missing = sorted(n for n, f in fields.items() if f.is_required() and n not in values)
        if unknown or missing:
            raise TypeError(f"{type(self).__name__}: unknown {unknown}, missing {missing}")
        super().__init__(**values)


bind_rows(Record)


class Identified(Record):
    """A row with an identity of its own and the moment it was made."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    created_at: datetime | None = moment(now=True)


class Versioned(Identified):
    """A row that can change; ``version`` counts the changes and is its ETag."""

    version: int = Field(default=1, nullable=False)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy calls it with the class
        return {"version_id_col": cls.__table__.c.version, "eager_defaults": True}  # type: ignore[attr-defined]


UNSEEN = r"[\u0001-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
"""Control characters, and those that turn or hide what stands beside them, as PostgreSQL's expressions write them."""


def one_text(column: str) -> sa.CheckConstraint:
    """Have the database refuse in a column what cannot be seen, and a second spelling of what can (P36)."""
    return sa.CheckConstraint(f"{column} is nfc normalized and {column} !~ '{UNSEEN}'", name=f"{column}_text")


class Organisation(Versioned, table=True):
    """A firm, a bureau or the operator. One known only by name from a disclosure has ``registered`` false."""

    __tablename__: ClassVar[str] = "organisation"
    __table_args__ = (
        one_text("name"),
        sa.CheckConstraint(
            "not registered or credit_code is not null or lei is not null or standing <> 'verified'", name="identity"
        ),
        sa.CheckConstraint(f"roles <@ array[{', '.join(repr(str(r)) for r in Role)}]::text[]", name="roles"),
        sa.CheckConstraint("verification between 0 and 3", name="verification"),
        sa.Index(
            "uq_organisation_named",
            "name",
            unique=True,
            postgresql_where=sa.text("not registered"),
        ),
    )

    name: str = Field(max_length=200, index=True)
    name_en: str | None = Field(default=None, max_length=200)
    short_name: str | None = Field(default=None, max_length=80)
    credit_code: str | None = Field(default=None, max_length=18, unique=True)
    lei: str | None = Field(default=None, max_length=20, unique=True)
    registered: bool = Field(default=True)
    roles: list[str] = texts()
    country: str = Field(default="CN", max_length=2)
    province: str | None = Field(default=None, max_length=40)
    city: str | None = Field(default=None, max_length=40, index=True)
    industry: str | None = Field(default=None, max_length=120)
    industry_code: str | None = Field(default=None, max_length=12)
    ownership: str | None = Field(default=None, max_length=60)
    founded: date | None = Field(default=None)
    registered_capital: int | None = money(nullable=True)
    turnover: int | None = money(nullable=True)
    business_scope: str | None = Field(default=None, sa_type=sa.Text)
    sme: bool | None = Field(default=None)
    grades: dict[str, int] = document()
    group_name: str | None = Field(default=None, max_length=120)
    verification: int = Field(default=0)
    demonstration: bool = Field(default=False)
    batch_id: UUID | None = refers("import_batch.id", nullable=True)
    standing: Standing = Field(
        default=Standing.VERIFIED,
        sa_type=stored(Standing),
        sa_column_kwargs={"server_default": sa.text("'verified'")},
    )


class OrganisationAlias(Record, table=True):
    """Another code by which a source names an organisation, such as a stock code."""

    __tablename__: ClassVar[str] = "organisation_alias"

    scheme: str = Field(max_length=20, primary_key=True)
    value: str = Field(max_length=200, primary_key=True)
    organisation_id: UUID = refers("organisation.id", ondelete="CASCADE")


class User(Versioned, table=True):
    """A person who signs in and acts for one organisation, with the duties that `domain.powers` gives a meaning.

    One who is suspended is not ``active``; of one who was removed his name remains, with what he did.
    """

    __tablename__: ClassVar[str] = "user_account"
    __table_args__ = (
        one_text("name"),
        sa.CheckConstraint(f"duties <@ array[{', '.join(repr(str(d)) for d in Duty)}]::text[]", name="duties"),
        sa.CheckConstraint("removed_at is null or not active", name="removed"),
    )

    organisation_id: UUID = refers("organisation.id")
    email: str = Field(max_length=200, unique=True)
    name: str = Field(max_length=80)
    password_hash: str = Field(max_length=200)
    locale: str = Field(default="zh-CN", max_length=10)
    active: bool = Field(default=True)
    password_changed_at: datetime | None = moment(now=True)
    duties: list[str] = texts()
    removed_at: datetime | None = moment(nullable=True)

    @property
    def admin(self) -> bool:
        """Whether he looks after the organisation's people and connections.

        >>> User(organisation_id=uuid4(), email="a@b.cn", name="某", password_hash="-", duties=["viewer"]).admin
        False
        """
        return Duty.ADMIN in self.duties


class EntryLink(Identified, table=True):
    """An invitation to act for an organisation: one link, one use; only the SHA-256 of its secret is kept."""

    __tablename__: ClassVar[str] = "entry_link"
    __table_args__ = (
        sa.CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),
        sa.CheckConstraint(f"duties <@ array[{', '.join(repr(str(d)) for d in Duty)}]::text[]", name="duties"),
        sa.CheckConstraint("used_at is null or revoked_at is null", name="one_end"),
        sa.Index(
            "uq_entry_link_open",
            "organisation_id",
            "email",
            unique=True,
            postgresql_where=sa.text("used_at is null and revoked_at is null"),
        ),
    )

    organisation_id: UUID = refers("organisation.id", ondelete="CASCADE")
    invited_by: UUID = refers("user_account.id", ondelete="CASCADE")
    email: str = Field(max_length=200)
    duties: list[str] = texts()
    secret_hash: bytes = Field(unique=True)
    expires_at: datetime = moment()
    used_at: datetime | None = moment(nullable=True)
    revoked_at: datetime | None = moment(nullable=True)


class Claim(Versioned, table=True):
    """A person's claim to act for the firm with a credit code, and what the bureau found.

    Until it is verified the person acts for ``organisation_id``, which is nobody yet; afterwards for the firm that has
    the code.
    """

    __tablename__: ClassVar[str] = "claim"
    __table_args__ = (
        one_text("name"),
        sa.CheckConstraint(
            "(state = 'pending') = (decided_at is null) and (state = 'pending' or (reason <> '' and evidence <> ''))",
            name="decision",
        ),
        sa.CheckConstraint("decided_by is null or decided_by <> user_id", name="not_one_s_own"),
        sa.Index("uq_claim_pending", "user_id", unique=True, postgresql_where=sa.text("state = 'pending'")),
    )

    credit_code: str = Field(max_length=18, index=True)
    name: str = Field(max_length=200)
    user_id: UUID = refers("user_account.id", ondelete="CASCADE")
    organisation_id: UUID = refers("organisation.id")
    state: ClaimState = Field(default=ClaimState.PENDING, sa_type=stored(ClaimState))
    reason: str = Field(default="", sa_type=sa.Text)
    evidence: str = Field(default="", sa_type=sa.Text)
    decided_by: UUID | None = refers("user_account.id", nullable=True, ondelete="SET NULL")
    decided_at: datetime | None = moment(nullable=True)


class SignIn(Record, table=True):
    """A session or an API token: only the SHA-256 of its secret is kept.

    ``proven_at`` is when its owner last gave a password or a code, ``seen_at`` when it was last used, to the minute.
    ``second_factor`` says that a code was given too; a token has it from the session that made it.
    """

    __tablename__: ClassVar[str] = "sign_in"
    __table_args__ = (
        sa.CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),
        sa.CheckConstraint(f"scopes <@ array[{', '.join(repr(str(s)) for s in Scope)}]::text[]", name="scopes"),
        sa.CheckConstraint("browser = (scopes is null)", name="browser"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    secret_hash: bytes = Field(unique=True)
    user_id: UUID = refers("user_account.id", ondelete="CASCADE")
    label: str | None = Field(default=None, max_length=80)
    browser: bool = Field(default=True)
    created_at: datetime | None = moment(now=True)
    expires_at: datetime = moment()
    scopes: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text), nullable=True)
    agent: str | None = Field(default=None, max_length=200)
    seen_at: datetime | None = moment(now=True)
    proven_at: datetime | None = moment(now=True)
    second_factor: bool = Field(default=False)


class PendingSignIn(Record, table=True):
    """A person who has proven the first factor in a browser and owes the second; it opens nothing but that page."""

    __tablename__: ClassVar[str] = "pending_sign_in"
    __table_args__ = (sa.CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),)

    secret_hash: bytes = Field(primary_key=True)
    user_id: UUID = refers("user_account.id", ondelete="CASCADE")
    expires_at: datetime = moment()


class SecondFactor(Record, table=True):
    """The secret that a person's app makes codes from (TOTP, RFC 6238), sealed; in force once confirmed by a code.

    ``last_step`` is the newest step of time whose code was taken: no code counts twice, nor does an older one.
    """

    __tablename__: ClassVar[str] = "second_factor"

    user_id: UUID = refers("user_account.id", ondelete="CASCADE", primary=True)
    created_at: datetime | None = moment(now=True)
    sealed: bytes = Field()
    confirmed_at: datetime | None = moment(nullable=True)
    last_step: int | None = Field(default=None, sa_type=sa.BigInteger)


class RecoveryCode(Record, table=True):
    """A code for once, for whoever has lost his app: only its SHA-256 is kept, of 118 random bits."""

    __tablename__: ClassVar[str] = "recovery_code"
    __table_args__ = (sa.CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),)

    secret_hash: bytes = Field(primary_key=True)
    user_id: UUID = refers("user_account.id", ondelete="CASCADE")
    used_at: datetime | None = moment(nullable=True)


class Recovery(Identified, table=True):
    """A wish for a link that sets a new password: written alike for every address, whoever may have it.

    A worker looks whether the address is somebody's, and only then makes the secret, whose SHA-256 is kept.
    """

    __tablename__: ClassVar[str] = "recovery"
    __table_args__ = (sa.CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),)

    email: str = Field(max_length=200)
    user_id: UUID | None = refers("user_account.id", ondelete="CASCADE", nullable=True)
    secret_hash: bytes | None = Field(default=None, unique=True)
    expires_at: datetime | None = moment(nullable=True)
    tries: int = Field(default=0)
    due_at: datetime | None = moment(nullable=True)


class LinkedIdentity(Identified, table=True):
    """An account elsewhere that opens one here, known by issuer and subject alone (OpenID Connect Core, 5.7)."""

    __tablename__: ClassVar[str] = "linked_identity"
    __table_args__ = (sa.UniqueConstraint("issuer", "subject"),)

    user_id: UUID = refers("user_account.id", ondelete="CASCADE")
    provider: str = Field(max_length=40)
    issuer: str = Field(max_length=300)
    subject: str = Field(max_length=255)
    used_at: datetime | None = moment(nullable=True)


class Throttle(Record, table=True):
    """How often something was tried lately by one address or on one account."""

    __tablename__: ClassVar[str] = "throttle"

    kind: str = Field(max_length=20, primary_key=True)
    subject: str = Field(max_length=200, primary_key=True)
    tries: int = Field(default=0)
    since: datetime | None = moment(now=True)


class SignInThrottle(Record, table=True):
    """How often sign-in failed for one address lately."""

    __tablename__: ClassVar[str] = "sign_in_throttle"

    email: str = Field(max_length=200, primary_key=True)
    failures: int = Field(default=0)
    since: datetime | None = moment(now=True)


class Quota(Record, table=True):
    """A limit for which this deployment states another figure than the usual one."""

    __tablename__: ClassVar[str] = "quota"
    __table_args__ = (sa.CheckConstraint("most >= 0", name="most"),)

    name: str = Field(max_length=40, primary_key=True)
    most: int = Field()


class RequestCount(Record, table=True):
    """How many requests came from one person, organisation or address since the moment it is counted from."""

    __tablename__: ClassVar[str] = "request_count"
    __table_args__: ClassVar[Any] = {"prefixes": ["UNLOGGED"]}

    key: str = Field(max_length=80, primary_key=True)
    since: datetime | None = moment(now=True)
    count: int = Field()


class InvitationCount(Record, table=True):
    """How many invitations a chain leader has sent on one day of Beijing's calendar."""

    __tablename__: ClassVar[str] = "invitation_count"
    __table_args__ = (sa.CheckConstraint("sent >= 0", name="sent"),)

    organisation_id: UUID = refers("organisation.id", ondelete="CASCADE", primary=True)
    day: date = Field(primary_key=True)
    sent: int = Field(default=0)


class Capability(Versioned, table=True):
    """What a firm declares it can do: a phrase or code, with quantity per month where it says so."""

    __tablename__: ClassVar[str] = "capability"
    __table_args__ = (
        one_text("phrase"),
        sa.UniqueConstraint("organisation_id", "phrase", "code"),
        sa.UniqueConstraint("id", "organisation_id"),
        sa.CheckConstraint("verification between 0 and 3", name="verification"),
        sa.CheckConstraint("(monthly_quantity is null) or (unit is not null)", name="unit"),
        sa.CheckConstraint("valid_to is null or valid_from is null or valid_to >= valid_from", name="validity"),
    )

    organisation_id: UUID = refers("organisation.id", ondelete="CASCADE")
    phrase: str = Field(max_length=200, index=True)
    phrase_en: str | None = Field(default=None, max_length=200)
    code_system: str | None = Field(default=None, max_length=12)
    code: str = Field(default="", max_length=40)
    unit: str | None = Field(default=None, max_length=3)
    monthly_quantity: int | None = sealed("capability.monthly_quantity", int, nullable=True)
    lead_days: int | None = Field(default=None)
    countries: list[str] = texts()
    verification: int = Field(default=0)
    valid_from: date | None = Field(default=None)
    valid_to: date | None = Field(default=None)
    capacity_disclosure: Disclosure = Field(default=Disclosure.SOLVER, sa_type=stored(Disclosure))
    state: CapabilityState = Field(default=CapabilityState.DECLARED, sa_type=stored(CapabilityState))
    batch_id: UUID | None = refers("import_batch.id", nullable=True)

    def become(self, wanted: CapabilityState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(CAPABILITY, self.state, wanted)


class CapabilityPrice(Record, table=True):
    """A capability's unit price, in a table of its own so that no other read brings it along."""

    __tablename__: ClassVar[str] = "capability_price"

    capability_id: UUID = refers("capability.id", ondelete="CASCADE", primary=True)
    unit_price: int = sealed("capability_price.unit_price", int)
    currency: str = Field(max_length=3)
    disclosure: Disclosure = Field(default=Disclosure.SOLVER, sa_type=stored(Disclosure))


class CapacityMonth(Record, table=True):
    """One month of one capability: what is declared, and what is promised; the holds' trigger counts it."""

    __tablename__: ClassVar[str] = "capacity_month"
    __table_args__ = (
        sa.UniqueConstraint("capability_id", "month"),
        sa.CheckConstraint("declared >= 0", name="declared"),
        sa.CheckConstraint("reserved >= 0 and reserved <= declared", name="no_overcommit"),
        sa.CheckConstraint("extract(day from month) = 1", name="month"),
        sa.ForeignKeyConstraint(
            ["capability_id", "organisation_id"],
            ["capability.id", "capability.organisation_id"],
            name="fk_capacity_month_capability",
            ondelete="CASCADE",
        ),
    )

    id: int | None = Field(
        default=None, sa_type=sa.BigInteger, primary_key=True, sa_column_args=[sa.Identity(always=True)]
    )
    capability_id: UUID
    organisation_id: UUID
    month: date
    declared: int
    reserved: int = Field(default=0)


class Certificate(Versioned, table=True):
    """A certificate a firm holds, for all its work or for one capability, with its validity."""

    __tablename__: ClassVar[str] = "certificate"
    __table_args__ = (sa.CheckConstraint("valid_to is null or valid_from <= valid_to", name="validity"),)

    organisation_id: UUID = refers("organisation.id", ondelete="CASCADE")
    scheme: str = Field(max_length=80)
    number: str | None = Field(default=None, max_length=80)
    issuer: str | None = Field(default=None, max_length=120)
    valid_from: date = Field()
    valid_to: date | None = Field(default=None)
    verification: int = Field(default=0)


class SupplyLink(Identified, table=True):
    """A typed, dated and sourced tie; ``share`` is of the buyer's purchases, ``sales_share`` of the seller's sales."""

    __tablename__: ClassVar[str] = "supply_link"
    __table_args__ = (
        sa.UniqueConstraint("supplier_id", "buyer_id", "kind", "year", "source"),
        sa.CheckConstraint("supplier_id <> buyer_id", name="two_firms"),
        sa.CheckConstraint("confidence between 0 and 100", name="confidence"),
        sa.CheckConstraint("share between 0 and 10000", name="share"),
        sa.CheckConstraint("sales_share between 0 and 10000", name="sales_share"),
    )

    supplier_id: UUID = refers("organisation.id", ondelete="CASCADE")
    buyer_id: UUID = refers("organisation.id", ondelete="CASCADE")
    kind: LinkKind = Field(default=LinkKind.SUPPLIES, sa_type=stored(LinkKind))
    year: int = Field()
    share: int | None = Field(default=None)
    sales_share: int | None = Field(default=None)
    rank: int | None = Field(default=None)
    product: str | None = Field(default=None, max_length=200)
    source: str = Field(max_length=120)
    confidence: int = Field(default=50)
    batch_id: UUID | None = refers("import_batch.id", nullable=True)


class NarrowerProduct(Record, table=True):
    """A product phrase and one that is a kind of it (产品小类)."""

    __tablename__: ClassVar[str] = "narrower_product"

    broader: str = Field(max_length=200, primary_key=True)
    narrower: str = Field(max_length=200, primary_key=True, index=True)
    source: str = Field(max_length=120)
    batch_id: UUID | None = refers("import_batch.id", nullable=True)


class PhraseVector(Record, table=True):
    """The two vectors of one distinct phrase; empty until the vector job has come by."""

    __tablename__: ClassVar[str] = "phrase_vector"

    phrase: str = Field(max_length=200, primary_key=True)
    sentence: Any = Field(default=None, sa_type=VECTOR(SENTENCE_DIMENSIONS), nullable=True)
    passage: Any = Field(default=None, sa_type=VECTOR(PASSAGE_DIMENSIONS), nullable=True)


class Opportunity(Versioned, table=True):
    """An overseas project a chain leader opens to suppliers; ``edition`` counts its published versions."""

    __tablename__: ClassVar[str] = "opportunity"
    __table_args__ = (
        one_text("title"),
        sa.CheckConstraint("budget > 0", name="budget"),
        sa.CheckConstraint("ends >= starts", name="period"),
    )

    organisation_id: UUID = refers("organisation.id")
    title: str = Field(max_length=200)
    title_en: str | None = Field(default=None, max_length=200)
    summary: str = Field(default="", sa_type=sa.Text)
    country: str = Field(max_length=2, index=True)
    place: str | None = Field(default=None, max_length=120)
    zone: str | None = Field(default=None, max_length=40)
    currency: str = Field(max_length=3)
    budget: int | None = money(nullable=True)
    deadline: datetime = moment()
    starts: date = Field()
    ends: date = Field()
    visibility: Visibility = Field(default=Visibility.VERIFIED, sa_type=stored(Visibility))
    procuring_law: str | None = Field(default=None, max_length=40)
    financier: str | None = Field(default=None, max_length=120)
    rules: dict[str, Any] = document()
    goals: dict[str, Any] = document()
    state: OpportunityState = Field(default=OpportunityState.DRAFT, sa_type=stored(OpportunityState), index=True)
    edition: int = Field(default=1)
    source: str | None = Field(default=None, max_length=120)
    source_reference: str | None = Field(default=None, max_length=200)
    demonstration: bool = Field(default=False)
    published_at: datetime | None = moment(nullable=True)
    batch_id: UUID | None = refers("import_batch.id", nullable=True)

    def become(self, wanted: OpportunityState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(OPPORTUNITY, self.state, wanted)


class WorkPackage(Identified, table=True):
    """A part of an opportunity that one firm or a few can take, with its quantity, value and period."""

    __tablename__: ClassVar[str] = "work_package"
    __table_args__ = (
        one_text("name"),
        sa.UniqueConstraint("opportunity_id", "code"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("value >= 0", name="value"),
        sa.CheckConstraint("min_suppliers between 1 and max_suppliers", name="suppliers"),
        sa.CheckConstraint("0 <= min_share and min_share <= max_share and max_share <= 10000", name="shares"),
        sa.CheckConstraint("ends >= starts", name="period"),
    )

    opportunity_id: UUID = refers("opportunity.id", ondelete="CASCADE")
    position: int = Field()
    code: str = Field(max_length=40)
    name: str = Field(max_length=200)
    name_en: str | None = Field(default=None, max_length=200)
    kind: PackageKind = Field(default=PackageKind.GOODS, sa_type=stored(PackageKind))
    unit: str = Field(max_length=3)
    quantity: int = Field()
    value: int = money()
    starts: date = Field()
    ends: date = Field()
    min_suppliers: int = Field(default=1)
    max_suppliers: int = Field(default=1)
    min_share: int = Field(default=0)
    max_share: int = Field(default=10_000)
    critical: bool = Field(default=False)
    specialty: str | None = Field(default=None, max_length=40)
    follows: list[str] = texts()


class Requirement(Identified, table=True):
    """One thing a work package asks for; a mandatory one decides, another only counts."""

    __tablename__: ClassVar[str] = "requirement"

    package_id: UUID = refers("work_package.id", ondelete="CASCADE")
    position: int = Field()
    kind: RequirementKind = Field(sa_type=stored(RequirementKind))
    phrase: str | None = Field(default=None, max_length=200)
    code_system: str | None = Field(default=None, max_length=12)
    code: str | None = Field(default=None, max_length=40)
    threshold: int | None = Field(default=None)
    mandatory: bool = Field(default=True)


class Job(Versioned, table=True):
    """A piece of long work: what it is about, how far it is, how often it was tried, what came of it."""

    __tablename__: ClassVar[str] = "job"

    kind: str = Field(max_length=40, index=True)
    subject_id: UUID | None = Field(default=None, index=True)
    organisation_id: UUID = refers("organisation.id")
    user_id: UUID | None = refers("user_account.id", nullable=True)
    state: RunState = Field(default=RunState.QUEUED, sa_type=stored(RunState))
    tries: int = Field(default=0)
    payload: dict[str, Any] = sealed("job.payload", dict)
    progress: dict[str, Any] = document()
    outcome: dict[str, Any] = sealed("job.outcome", dict)
    finished_at: datetime | None = moment(nullable=True)

    def become(self, wanted: RunState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(RUN, self.state, wanted)


class Suggestion(Identified, table=True):
    """A finished run of the optimizer for one edition of an opportunity: how it ended, its plans, its reasons.

    `digest` is a mark under a key of this installation; `priced` and `closed` are as an answer has them.
    """

    __tablename__: ClassVar[str] = "suggestion"
    __table_args__ = (sa.CheckConstraint("closed >= 0", name="closed"),)

    opportunity_id: UUID = refers("opportunity.id", ondelete="CASCADE")
    job_id: UUID = Field(foreign_key="job.id", unique=True)
    edition: int = Field()
    digest: str = Field(max_length=64)
    seed: int = Field()
    status: str = Field(max_length=12)
    stopped: str = Field(max_length=20)
    gap: float | None = Field(default=None)
    seconds: float = Field()
    candidates: int = Field()
    within_budget: bool | None = Field(default=None)
    priced: bool = Field(default=True)
    closed: int = Field(default=0)
    plans: list[Any] = Field(default_factory=list, sa_type=JSONB)
    missing: list[Any] = Field(default_factory=list, sa_type=JSONB)
    diagnosis: list[Any] = Field(default_factory=list, sa_type=JSONB)
    coverage: list[Any] = Field(default_factory=list, sa_type=JSONB)


class Answer(Identified, table=True):
    """An answer of the optimizer to one organisation: what was asked, what the problem was, what was found.

    `closed` counts the prices that were declared and closed to who asked; `priced` says that every price counted.
    """

    __tablename__: ClassVar[str] = "answer"
    __table_args__ = (sa.CheckConstraint("closed >= 0", name="closed"),)

    kind: AnswerKind = Field(sa_type=stored(AnswerKind), index=True)
    job_id: UUID = Field(foreign_key="job.id", unique=True)
    organisation_id: UUID = refers("organisation.id")
    opportunity_id: UUID | None = refers("opportunity.id", nullable=True, ondelete="CASCADE")
    suggestion_id: UUID | None = refers("suggestion.id", nullable=True, ondelete="CASCADE")
    consortium_id: UUID | None = refers("consortium.id", nullable=True, ondelete="CASCADE")
    plan: int | None = Field(default=None)
    edition: int | None = Field(default=None)
    digest: str = Field(max_length=64)
    seed: int = Field()
    seconds: float = Field()
    priced: bool = Field()
    closed: int = Field()
    currency: str | None = Field(default=None, max_length=3)
    names: dict[str, Any] = document()
    body: dict[str, Any] = sealed("answer.body", dict)


class Consortium(Versioned, table=True):
    """Firms that would bid as one (联合体): an n-party object with shares, scope, lead and liability as data."""

    __tablename__: ClassVar[str] = "consortium"
    __table_args__ = (one_text("name"),)

    opportunity_id: UUID = refers("opportunity.id")
    organisation_id: UUID = refers("organisation.id")
    suggestion_id: UUID | None = refers("suggestion.id", nullable=True)
    plan: int | None = Field(default=None)
    name: str = Field(max_length=200)
    performance: str = Field(default="divided", max_length=20)
    liability: str = Field(default="joint_and_several", max_length=20)
    is_incorporated: bool = Field(default=False)
    clauses: dict[str, Any] = document()
    state: ConsortiumState = Field(default=ConsortiumState.FORMING, sa_type=stored(ConsortiumState), index=True)

    def become(self, wanted: ConsortiumState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(CONSORTIUM, self.state, wanted)


class Membership(Versioned, table=True):
    """One firm's seat in one consortium; ``edition`` is the edition of its terms now in force.

    ``delegate_id`` is the person of the firm who answers for it, where the answer was handed to one.
    """

    __tablename__: ClassVar[str] = "membership"
    __table_args__ = (
        sa.Index(
            "uq_membership_seat",
            "consortium_id",
            "organisation_id",
            unique=True,
            postgresql_where=sa.text("state not in ('declined', 'expired', 'withdrawn', 'replaced')"),
        ),
        sa.Index(
            "uq_membership_lead",
            "consortium_id",
            unique=True,
            postgresql_where=sa.text("lead and state not in ('declined', 'expired', 'withdrawn', 'replaced')"),
        ),
        sa.Index(
            "uq_membership_one_consortium_per_opportunity",
            "opportunity_id",
            "organisation_id",
            unique=True,
            postgresql_where=sa.text("state in ('accepted', 'signed', 'active')"),
        ),
    )

    consortium_id: UUID = refers("consortium.id", ondelete="CASCADE")
    opportunity_id: UUID = refers("opportunity.id")
    organisation_id: UUID = refers("organisation.id")
    lead: bool = Field(default=False)
    edition: int = Field(default=1)
    replaces_id: UUID | None = refers("membership.id", nullable=True)
    delegate_id: UUID | None = refers("user_account.id", nullable=True)
    state: MembershipState = Field(default=MembershipState.PROPOSED, sa_type=stored(MembershipState))

    def become(self, wanted: MembershipState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(MEMBERSHIP, self.state, wanted)


class ConfidentialityAcceptance(Identified, table=True):
    """A named person's promise, for a firm, to keep to itself who else takes part; ``text`` is its edition."""

    __tablename__: ClassVar[str] = "confidentiality_acceptance"
    __table_args__ = (sa.CheckConstraint("text > 0", name="text"),)

    membership_id: UUID = Field(foreign_key="membership.id", ondelete="CASCADE", unique=True)
    organisation_id: UUID = refers("organisation.id")
    user_id: UUID = refers("user_account.id")
    text: int = Field()


class Terms(Identified, table=True):
    """One edition of a member's terms, as one side proposed it; never changed afterwards.

    ``payment`` is empty where the agreement's usual way of paying holds, ``clauses`` where its usual wording does.
    """

    __tablename__: ClassVar[str] = "terms"
    __table_args__ = (sa.UniqueConstraint("membership_id", "edition"),)

    membership_id: UUID = refers("membership.id", ondelete="CASCADE")
    edition: int = Field()
    organisation_id: UUID = refers("organisation.id")
    note: str = Field(default="", sa_type=sa.Text)
    payment: dict[str, Any] = document()
    clauses: list[Any] = Field(default_factory=list, sa_type=JSONB)


class TermsLine(Record, table=True):
    """One work package in one edition of terms: units, share of the package, unit price once stated.

    ``starts``, ``ends`` and ``lead_days`` are empty where the package's own period holds.
    """

    __tablename__: ClassVar[str] = "terms_line"
    __table_args__ = (
        sa.CheckConstraint("units > 0", name="units"),
        sa.CheckConstraint("share between 1 and 10000", name="share"),
        sa.CheckConstraint("ends >= starts", name="period"),
        sa.CheckConstraint("lead_days >= 0", name="lead_days"),
    )

    terms_id: UUID = refers("terms.id", ondelete="CASCADE", primary=True)
    package_id: UUID = refers("work_package.id", primary=True)
    capability_id: UUID | None = refers("capability.id", nullable=True)
    units: int = Field()
    share: int = Field()
    unit_price: int | None = sealed("terms_line.unit_price", int, nullable=True)
    currency: str = Field(max_length=3)
    starts: date | None = Field(default=None)
    ends: date | None = Field(default=None)
    lead_days: int | None = Field(default=None)


class Invitation(Versioned, table=True):
    """The question put to a member about one edition of its terms, with its deadline and its answer.

    ``reminded`` counts the reminders whose time has come: at one half and at nine tenths of the time given.
    """

    __tablename__: ClassVar[str] = "invitation"
    __table_args__ = (
        sa.UniqueConstraint("membership_id", "edition"),
        sa.CheckConstraint("deadline > sent_at", name="deadline"),
        sa.CheckConstraint("reminded between 0 and 2", name="reminded"),
    )

    membership_id: UUID = refers("membership.id", ondelete="CASCADE")
    edition: int = Field()
    sent_at: datetime = moment()
    deadline: datetime = moment()
    answered_at: datetime | None = moment(nullable=True)
    answered_by: UUID | None = refers("user_account.id", nullable=True)
    reason: str | None = Field(default=None, max_length=20)
    note: str = Field(default="", sa_type=sa.Text)
    reminded: int = Field(default=0)
    state: InvitationState = Field(default=InvitationState.SENT, sa_type=stored(InvitationState))

    def become(self, wanted: InvitationState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(INVITATION, self.state, wanted)


class CapacityHold(Identified, table=True):
    """A part of one capacity month kept for one membership: soft from invitation, hard from signature."""

    __tablename__: ClassVar[str] = "capacity_hold"
    __table_args__ = (
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("state <> 'soft' or expires_at is not null", name="expiry"),
        sa.Index(
            "uq_capacity_hold_live",
            "membership_id",
            "capacity_month_id",
            unique=True,
            postgresql_where=sa.text("state in ('soft', 'hard')"),
        ),
    )

    membership_id: UUID = refers("membership.id")
    capacity_month_id: int = Field(sa_type=sa.BigInteger, foreign_key="capacity_month.id", index=True)
    quantity: int = Field()
    expires_at: datetime | None = moment(nullable=True)
    state: HoldState = Field(default=HoldState.SOFT, sa_type=stored(HoldState))

    def become(self, wanted: HoldState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(HOLD, self.state, wanted)


class Agreement(Identified, table=True):
    """One frozen edition of the consortium agreement: its canonical body and the SHA-256 that is signed."""

    __tablename__: ClassVar[str] = "agreement"
    __table_args__ = (
        sa.UniqueConstraint("consortium_id", "edition"),
        sa.UniqueConstraint("id", "sha256"),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
    )

    consortium_id: UUID = refers("consortium.id", ondelete="CASCADE")
    edition: int = Field()
    body: dict[str, Any] = sealed("agreement.body", dict)
    sha256: str = Field(max_length=64)


class Signature(Identified, table=True):
    """One member's signature; it names the hash, and the foreign key lets it name no other."""

    __tablename__: ClassVar[str] = "signature"
    __table_args__ = (
        sa.UniqueConstraint("agreement_id", "organisation_id"),
        sa.UniqueConstraint("id", "organisation_id", "sha256"),
        sa.ForeignKeyConstraint(
            ["agreement_id", "sha256"], ["agreement.id", "agreement.sha256"], name="fk_signature_agreement"
        ),
    )

    agreement_id: UUID = Field(index=True)
    sha256: str = Field(max_length=64)
    organisation_id: UUID = refers("organisation.id")
    user_id: UUID = refers("user_account.id")


class Event(Record, table=True):
    """Something that happened, told once, in the same commit; read in order by (xid, id).

    ``xid`` is the number of the transaction that wrote it, and never less than that of an event of the same subject or
    consortium written before (trigger ``event_place``).
    """

    __tablename__: ClassVar[str] = "event"
    __table_args__ = (
        sa.Index("ix_event_order", "xid", "id"),
        sa.Index("ix_event_subject_id", "subject_id", "xid"),
        sa.Index("ix_event_consortium_id", "consortium_id", "xid"),
        sa.CheckConstraint("octet_length(digest_before) = 32", name="digest_before"),
        sa.CheckConstraint("octet_length(digest_after) = 32", name="digest_after"),
    )

    id: int | None = Field(
        default=None, sa_type=sa.BigInteger, primary_key=True, sa_column_args=[sa.Identity(always=True)]
    )
    xid: Any = Field(
        default=None,
        sa_type=sa.BigInteger,
        nullable=False,
        sa_column_kwargs={"server_default": sa.text("pg_current_xact_id()::text::bigint")},
    )
    at: datetime | None = moment(now=True)
    code: str = Field(max_length=60, index=True)
    user_id: UUID | None = refers("user_account.id", nullable=True)
    organisation_id: UUID = refers("organisation.id")
    subject_id: UUID
    opportunity_id: UUID | None = Field(default=None, index=True)
    consortium_id: UUID | None = None
    audience: list[UUID] = Field(default_factory=list, sa_type=ARRAY(sa.Uuid))
    params: dict[str, Any] = document()
    digest_before: bytes | None = Field(default=None)
    digest_after: bytes | None = Field(default=None)


class ImportBatch(Versioned, table=True):
    """One file brought in: what it was, how it ended, every fault; what it wrote carries its id and can be undone."""

    __tablename__: ClassVar[str] = "import_batch"

    kind: ImportKind = Field(sa_type=stored(ImportKind))
    filename: str = Field(max_length=200)
    sha256: str = Field(max_length=64)
    organisation_id: UUID = Field(index=True)
    user_id: UUID | None = Field(default=None)
    rows: int = Field(default=0)
    written: int = Field(default=0)
    skipped: int = Field(default=0)
    report: dict[str, Any] = sealed("import_batch.report", dict)
    state: BatchState = Field(default=BatchState.RUNNING, sa_type=stored(BatchState))

    def become(self, wanted: BatchState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(BATCH, self.state, wanted)


class IdempotencyKey(Record, table=True):
    """A request that was answered: its key, its fingerprint, its answer; written in the same commit as the effect."""

    __tablename__: ClassVar[str] = "idempotency_key"
    __table_args__ = (
        sa.CheckConstraint("key ~ '^[A-Za-z0-9_-]{16,255}$'", name="key"),
        sa.CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint"),
        sa.CheckConstraint("status between 200 and 499", name="status"),
    )

    organisation_id: UUID = refers("organisation.id", primary=True)
    key: str = Field(max_length=255, primary_key=True)
    fingerprint: bytes = Field()
    status: int | None = Field(default=None)
    headers: dict[str, Any] = document()
    body: bytes | None = sealed("idempotency_key.body", bytes, nullable=True)
    created_at: datetime | None = moment(now=True)


class ComplianceAcknowledgement(Identified, table=True):
    """A named person's statement on one rule of law, in one wording, about one subject; never changed afterwards."""

    __tablename__: ClassVar[str] = "compliance_acknowledgement"
    __table_args__ = (
        sa.UniqueConstraint(
            "consortium_id",
            "rule_id",
            "rule_since",
            "subject",
            "stated_on",
            name="uq_compliance_acknowledgement_once",
        ),
        sa.CheckConstraint("note <> ''", name="note"),
    )

    consortium_id: UUID = refers("consortium.id", ondelete="CASCADE")
    rule_id: str = Field(max_length=20)
    rule_since: date = Field()
    pack: str = Field(max_length=40)
    pack_version: str = Field(max_length=20)
    subject: str = Field(max_length=120)
    stated_on: date = Field()
    organisation_id: UUID = refers("organisation.id")
    user_id: UUID = refers("user_account.id")
    note: str = Field(sa_type=sa.Text)


class AuditSeal(Record, table=True):
    """One link of the chain of hashes over all events: its place, its event, the hash before it and its own."""

    __tablename__: ClassVar[str] = "audit_seal"
    __table_args__ = (
        sa.CheckConstraint("seq > 0", name="seq"),
        sa.CheckConstraint("octet_length(previous) = 32", name="previous"),
        sa.CheckConstraint("octet_length(hash) = 32", name="hash"),
    )

    seq: int = Field(sa_type=sa.BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    event_id: int = Field(sa_type=sa.BigInteger, foreign_key="event.id", ondelete="RESTRICT", unique=True)
    previous: bytes = Field()
    hash: bytes = Field()


# ------------------------------------------------------------------ one bid a lot, heads, envelopes


class LoneBid(Versioned, table=True):
    """A firm's notice that it bids alone on a lot; while it is filed, the firm takes no seat there."""

    __tablename__: ClassVar[str] = "lone_bid"

    opportunity_id: UUID = refers("opportunity.id")
    organisation_id: UUID = refers("organisation.id")
    filed_by: UUID = refers("organisation.id")
    user_id: UUID | None = refers("user_account.id", nullable=True)
    note: str = Field(default="", sa_type=sa.Text)
    state: LoneBidState = Field(default=LoneBidState.FILED, sa_type=stored(LoneBidState))

    def become(self, wanted: LoneBidState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(LONE_BID, self.state, wanted)


class BidClaim(Record, table=True):
    """That a firm takes part in a lot, by one live seat or one lone bid: triggers keep it, the key admits one."""

    __tablename__: ClassVar[str] = "bid_claim"
    __table_args__ = (sa.CheckConstraint("num_nonnulls(membership_id, lone_bid_id) = 1", name="one"),)

    opportunity_id: UUID = refers("opportunity.id", primary=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", ondelete="RESTRICT", primary_key=True, index=True)
    membership_id: UUID | None = refers("membership.id", nullable=True, ondelete="CASCADE")
    lone_bid_id: UUID | None = refers("lone_bid.id", nullable=True, ondelete="CASCADE")


class AuditHead(Record, table=True):
    """The newest link of the chain as it was at a moment, signed (Ed25519) so that whoever keeps it can prove it."""

    __tablename__: ClassVar[str] = "audit_head"
    __table_args__ = (
        sa.CheckConstraint("octet_length(hash) = 32", name="hash"),
        sa.CheckConstraint("octet_length(key) = 32", name="key"),
        sa.CheckConstraint("octet_length(signature) = 64", name="signature"),
    )

    seq: int = Field(sa_type=sa.BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    hash: bytes = Field()
    signed_at: datetime = moment()
    key: bytes = Field()
    signature: bytes = Field()


class Envelope(Versioned, table=True):
    """One member's signing of one agreement at a provider of electronic signatures, as the provider tells it."""

    __tablename__: ClassVar[str] = "envelope"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["agreement_id", "sha256"], ["agreement.id", "agreement.sha256"], name="fk_envelope_agreement"
        ),
        sa.UniqueConstraint("provider", "reference"),
        sa.CheckConstraint("state not in ('sent', 'signed') or reference is not null", name="sent"),
        sa.Index(
            "uq_envelope_open",
            "agreement_id",
            "organisation_id",
            unique=True,
            postgresql_where=sa.text("state <> 'failed'"),
        ),
    )

    agreement_id: UUID = Field(index=True)
    sha256: str = Field(max_length=64)
    organisation_id: UUID = refers("organisation.id")
    user_id: UUID = refers("user_account.id")
    provider: str = Field(max_length=40)
    reference: str | None = Field(default=None, max_length=200)
    address: str | None = Field(default=None, max_length=2000)
    certificate: str | None = Field(default=None, max_length=500)
    signed_at: datetime | None = moment(nullable=True)
    state: EnvelopeState = Field(default=EnvelopeState.REQUESTED, sa_type=stored(EnvelopeState))

    def become(self, wanted: EnvelopeState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(ENVELOPE, self.state, wanted)


class WebhookReceipt(Record, table=True):
    """A message of a provider that was acted upon; its id is not acted upon again."""

    __tablename__: ClassVar[str] = "webhook_receipt"

    provider: str = Field(max_length=40, primary_key=True)
    message: str = Field(max_length=200, primary_key=True)
    envelope_id: UUID = refers("envelope.id")
    received_at: datetime | None = moment(now=True)


class Relay(Record, table=True):
    """How far events have been handed on to notices and deliveries: the position of the last one."""

    __tablename__: ClassVar[str] = "relay"

    name: str = Field(max_length=40, primary_key=True)
    xid: int = Field(default=0, sa_type=sa.BigInteger)
    event_id: int = Field(default=0, sa_type=sa.BigInteger)


class Channel(Versioned, table=True):
    """One way in which one person wants to be told: where, of what, when; the address of a chat is a secret."""

    __tablename__: ClassVar[str] = "channel"
    __table_args__ = (
        sa.CheckConstraint("(kind = 'chat') = (address is not null)", name="address"),
        sa.CheckConstraint("digest_hour between 0 and 23", name="digest_hour"),
        sa.CheckConstraint("(quiet_from is null) = (quiet_to is null)", name="quiet"),
        sa.CheckConstraint("quiet_from between 0 and 23", name="quiet_from"),
        sa.CheckConstraint("quiet_to between 0 and 23 and quiet_to <> quiet_from", name="quiet_to"),
    )

    user_id: UUID = refers("user_account.id", ondelete="CASCADE")
    kind: ChannelKind = Field(sa_type=stored(ChannelKind))
    label: str = Field(max_length=80)
    address: str | None = sealed("channel.address", nullable=True)
    place: str = Field(default="CN", max_length=2, sa_column_kwargs={"server_default": "CN"})
    families: list[str] = texts()
    rhythm: Rhythm = Field(default=Rhythm.AT_ONCE, sa_type=stored(Rhythm))
    digest_hour: int = Field(default=8)
    quiet_from: int | None = Field(default=None)
    quiet_to: int | None = Field(default=None)
    zone: str = Field(default="Asia/Shanghai", max_length=60)
    active: bool = Field(default=True)


class Letter(Identified, table=True):
    """What is sent at one time over one channel; its id is the same at every try, so that a receiver knows it again."""

    __tablename__: ClassVar[str] = "letter"
    __table_args__ = (sa.Index("ix_letter_next_at", "next_at", postgresql_where=sa.text("state = 'waiting'")),)

    channel_id: UUID = refers("channel.id", ondelete="CASCADE")
    test: bool = Field(default=False)
    tries: int = Field(default=0)
    next_at: datetime | None = moment(now=True)
    reason: str | None = Field(default=None, max_length=60)
    finished_at: datetime | None = moment(nullable=True)
    state: LetterState = Field(default=LetterState.WAITING, sa_type=stored(LetterState))

    def become(self, wanted: LetterState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(LETTER, self.state, wanted)


class Notice(Record, table=True):
    """One event that one channel is to be told of, once; it belongs to a letter as soon as it is due."""

    __tablename__: ClassVar[str] = "notice"
    __table_args__ = (
        sa.UniqueConstraint("channel_id", "event_id"),
        sa.Index("ix_notice_due_at", "due_at", postgresql_where=sa.text("letter_id is null")),
    )

    id: int | None = Field(
        default=None, sa_type=sa.BigInteger, primary_key=True, sa_column_args=[sa.Identity(always=True)]
    )
    channel_id: UUID = refers("channel.id", ondelete="CASCADE")
    event_id: int = Field(sa_type=sa.BigInteger, foreign_key="event.id", index=True)
    letter_id: UUID | None = refers("letter.id", nullable=True, ondelete="SET NULL")
    due_at: datetime = moment()


class Endpoint(Versioned, table=True):
    """Where an organisation's own system hears of events: the address, of what, the secrets that sign."""

    __tablename__: ClassVar[str] = "endpoint"
    __table_args__ = (
        sa.UniqueConstraint("organisation_id", "url"),
        sa.CheckConstraint("(former_secret is null) = (former_until is null)", name="former"),
    )

    organisation_id: UUID = refers("organisation.id", ondelete="CASCADE")
    url: str = Field(max_length=500)
    label: str = Field(default="", max_length=80)
    families: list[str] = texts()
    secret: str = sealed("endpoint.secret")
    former_secret: str | None = sealed("endpoint.former_secret", nullable=True)
    former_until: datetime | None = moment(nullable=True)
    reason: str | None = Field(default=None, max_length=60)
    state: EndpointState = Field(default=EndpointState.ACTIVE, sa_type=stored(EndpointState))

    def become(self, wanted: EndpointState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(ENDPOINT, self.state, wanted)


class Delivery(Identified, table=True):
    """One event for one endpoint: the body as it is signed, how often it was tried, when it is tried next."""

    __tablename__: ClassVar[str] = "delivery"
    __table_args__ = (
        sa.UniqueConstraint("endpoint_id", "event_id"),
        sa.Index("ix_delivery_next_at", "next_at", postgresql_where=sa.text("state = 'waiting'")),
    )

    endpoint_id: UUID = refers("endpoint.id", ondelete="CASCADE")
    event_id: int | None = Field(default=None, sa_type=sa.BigInteger, foreign_key="event.id", index=True)
    code: str = Field(max_length=60)
    body: str = Field(sa_type=sa.Text)
    tries: int = Field(default=0)
    next_at: datetime | None = moment(now=True)
    finished_at: datetime | None = moment(nullable=True)
    state: DeliveryState = Field(default=DeliveryState.WAITING, sa_type=stored(DeliveryState))

    def become(self, wanted: DeliveryState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(DELIVERY, self.state, wanted)


class Attempt(Identified, table=True):
    """One try of a delivery: what the other side answered, or why it could not be asked."""

    __tablename__: ClassVar[str] = "attempt"

    delivery_id: UUID = refers("delivery.id", ondelete="CASCADE")
    outcome: str = Field(max_length=40)
    status: int | None = Field(default=None)
    milliseconds: int = Field(default=0)
    answer: str = Field(default="", max_length=500)


class CalendarFeed(Record, table=True):
    """The secret address of one person's deadlines; only the SHA-256 of the secret is kept."""

    __tablename__: ClassVar[str] = "calendar_feed"
    __table_args__ = (sa.CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),)

    user_id: UUID = refers("user_account.id", ondelete="CASCADE", primary=True)
    secret_hash: bytes = Field(unique=True)
    created_at: datetime | None = moment(now=True)


# ------------------------------------------------------------------ after signature


class Filing(Versioned, table=True):
    """One filing or licence that a rule of law asks of a signed consortium: whose task, by when, how far it is.

    Where it is handed in, and with which papers, the rule says, in the wording that held since ``rule_since``.
    """

    __tablename__: ClassVar[str] = "filing"
    __table_args__ = (
        sa.UniqueConstraint(
            "consortium_id", "organisation_id", "rule_id", "rule_since", "subject", name="uq_filing_once"
        ),
        sa.CheckConstraint(
            "state not in ('submitted', 'returned', 'accepted') or (receipt is not null and submitted_on is not null)",
            name="receipt",
        ),
        sa.CheckConstraint("state not in ('returned', 'not_needed') or note <> ''", name="note"),
    )

    consortium_id: UUID = refers("consortium.id", ondelete="CASCADE")
    organisation_id: UUID = refers("organisation.id")
    rule_id: str = Field(max_length=20)
    rule_since: date = Field()
    pack: str = Field(max_length=40)
    pack_version: str = Field(max_length=20)
    subject: str = Field(max_length=120)
    due: date = Field()
    receipt: str | None = Field(default=None, max_length=120)
    submitted_on: date | None = Field(default=None)
    attachment: str | None = Field(default=None, max_length=500)
    decided_on: date | None = Field(default=None)
    note: str = Field(default="", sa_type=sa.Text)
    state: FilingState = Field(default=FilingState.OPEN, sa_type=stored(FilingState))

    def become(self, wanted: FilingState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(FILING, self.state, wanted)


class Bid(Versioned, table=True):
    """A consortium's bid: when and under which reference it was handed in, and what came of it."""

    __tablename__: ClassVar[str] = "bid"
    __table_args__ = (
        sa.UniqueConstraint("consortium_id"),
        sa.CheckConstraint("decided_on >= submitted_on", name="decided"),
        sa.CheckConstraint("reason is null or decided_on is not null", name="reason"),
    )

    consortium_id: UUID = Field(foreign_key="consortium.id", ondelete="CASCADE")
    organisation_id: UUID = refers("organisation.id")
    submitted_on: date = Field()
    reference: str = Field(max_length=120)
    decided_on: date | None = Field(default=None)
    reason: LossReason | None = Field(default=None, sa_type=stored(LossReason), nullable=True)
    winner: str | None = Field(default=None, max_length=200)
    note: str = Field(default="", sa_type=sa.Text)


class Milestone(Versioned, table=True):
    """One milestone of a member's part of a package: when it was planned, is expected now, and was reached."""

    __tablename__: ClassVar[str] = "milestone"
    __table_args__ = (
        sa.UniqueConstraint("consortium_id", "package_id", "organisation_id", "kind", name="uq_milestone_once"),
        sa.CheckConstraint("done between 0 and 100", name="done"),
        sa.CheckConstraint("(done = 100) = (actual is not null)", name="reached"),
        sa.CheckConstraint("actual is null or forecast is null", name="one_end"),
    )

    consortium_id: UUID = refers("consortium.id", ondelete="CASCADE")
    package_id: UUID = refers("work_package.id")
    organisation_id: UUID = refers("organisation.id")
    kind: MilestoneKind = Field(sa_type=stored(MilestoneKind))
    planned: date = Field()
    forecast: date | None = Field(default=None)
    actual: date | None = Field(default=None)
    done: int = Field(default=0)
    note: str = Field(default="", sa_type=sa.Text)


class Amendment(Versioned, table=True):
    """A new edition of a signed agreement that is proposed; until all who must sign have, the former one holds."""

    __tablename__: ClassVar[str] = "amendment"
    __table_args__ = (
        sa.Index("uq_amendment_open", "consortium_id", unique=True, postgresql_where=sa.text("state = 'open'")),
        sa.CheckConstraint("reason <> ''", name="reason"),
        sa.CheckConstraint("(state = 'open') = (decided_at is null)", name="decided"),
    )

    consortium_id: UUID = refers("consortium.id", ondelete="CASCADE")
    former_id: UUID = refers("agreement.id")
    agreement_id: UUID = Field(foreign_key="agreement.id", ondelete="RESTRICT", unique=True)
    organisation_id: UUID = refers("organisation.id")
    reason: str = Field(sa_type=sa.Text)
    deadline: datetime = moment()
    decided_at: datetime | None = moment(nullable=True)
    note: str = Field(default="", sa_type=sa.Text)
    state: AmendmentState = Field(default=AmendmentState.OPEN, sa_type=stored(AmendmentState))

    def become(self, wanted: AmendmentState) -> None:
        """Move along the lifecycle. Raises IllegalTransition."""
        self.state = step(AMENDMENT, self.state, wanted)


class AmendedSeat(Record, table=True):
    """What an amendment does to one seat: the edition of its terms, whether it leaves or leads, whether it signs."""

    __tablename__: ClassVar[str] = "amended_seat"
    __table_args__ = (sa.CheckConstraint("leaves = (edition is null)", name="leaves"),)

    amendment_id: UUID = refers("amendment.id", ondelete="CASCADE", primary=True)
    membership_id: UUID = Field(foreign_key="membership.id", ondelete="RESTRICT", primary_key=True, index=True)
    edition: int | None = Field(default=None)
    lead: bool = Field(default=False)
    joins: bool = Field(default=False)
    leaves: bool = Field(default=False)
    signs: bool = Field()


class CarriedSignature(Identified, table=True):
    """A signature that counts for a later edition, since nothing of what its member had signed is changed by it.

    ``signed_sha256`` is the hash the member signed; ``part_sha256`` that of its part, equal in both editions. The
    foreign key lets a row name no signature but one that this firm gave under that hash.
    """

    __tablename__: ClassVar[str] = "carried_signature"
    __table_args__ = (
        sa.UniqueConstraint("agreement_id", "organisation_id"),
        sa.ForeignKeyConstraint(
            ["agreement_id", "sha256"], ["agreement.id", "agreement.sha256"], name="fk_carried_signature_agreement"
        ),
        sa.ForeignKeyConstraint(
            ["signature_id", "organisation_id", "signed_sha256"],
            ["signature.id", "signature.organisation_id", "signature.sha256"],
            name="fk_carried_signature_signature",
        ),
        sa.CheckConstraint("part_sha256 ~ '^[0-9a-f]{64}$'", name="part_sha256"),
    )

    agreement_id: UUID = Field(index=True)
    sha256: str = Field(max_length=64)
    organisation_id: UUID = refers("organisation.id")
    signature_id: UUID = Field(index=True)
    signed_sha256: str = Field(max_length=64)
    part_sha256: str = Field(max_length=64)


class Evaluation(Identified, table=True):
    """What one partner of a consortium that has ended says about the other; given once, never changed."""

    __tablename__: ClassVar[str] = "evaluation"
    __table_args__ = (
        sa.UniqueConstraint("consortium_id", "organisation_id", "about_id", name="uq_evaluation_once"),
        sa.CheckConstraint("organisation_id <> about_id", name="two_firms"),
        *(
            sa.CheckConstraint(f"{name} between 1 and 5", name=name)
            for name in ("timeliness", "quality", "cooperation", "clarity", "fairness")
        ),
    )

    consortium_id: UUID = refers("consortium.id", ondelete="CASCADE")
    organisation_id: UUID = refers("organisation.id")
    about_id: UUID = refers("organisation.id")
    user_id: UUID = refers("user_account.id")
    timeliness: int = Field()
    quality: int = Field()
    cooperation: int = Field()
    clarity: int = Field()
    fairness: int = Field()
    text: str = Field(default="", sa_type=sa.Text)


class EvaluationReply(Identified, table=True):
    """The answer of the firm that an evaluation is about; one, never changed."""

    __tablename__: ClassVar[str] = "evaluation_reply"
    __table_args__ = (sa.CheckConstraint("text <> ''", name="text"),)

    evaluation_id: UUID = Field(foreign_key="evaluation.id", ondelete="CASCADE", unique=True)
    user_id: UUID = refers("user_account.id")
    text: str = Field(sa_type=sa.Text)


# ------------------------------------------------------------------ personal data that leaves the mainland


class AbroadAssessment(Identified, table=True):
    """The number under which personal data may leave the mainland until a day: of which basis, who recorded it."""

    __tablename__: ClassVar[str] = "abroad_assessment"
    __table_args__ = (sa.CheckConstraint("number <> ''", name="number"),)

    number: str = Field(max_length=120)
    basis: AbroadBasis = Field(sa_type=stored(AbroadBasis))
    valid_to: date = Field()
    note: str = Field(default="", sa_type=sa.Text)
    user_id: UUID = refers("user_account.id")


class AbroadTransfer(Identified, table=True):
    """That something about a person was to leave the mainland: to which receiver, where, and whether it passed."""

    __tablename__: ClassVar[str] = "abroad_transfer"
    __table_args__ = (
        sa.CheckConstraint("passed = (assessment_id is not null)", name="passed"),
        sa.Index("ix_abroad_transfer_year", "year", "user_id", postgresql_where=sa.text("passed")),
    )

    year: int = Field()
    user_id: UUID = refers("user_account.id")
    receiver: Receiver = Field(sa_type=stored(Receiver))
    place: str = Field(max_length=2)
    assessment_id: UUID | None = refers("abroad_assessment.id", nullable=True)
    passed: bool = Field()


class FieldDisclosure(Record, table=True):
    """Who may read one field of what a firm declares, by whom it was last said, and why."""

    __tablename__: ClassVar[str] = "field_disclosure"
    __table_args__ = (sa.CheckConstraint("reason <> ''", name="reason"),)

    organisation_id: UUID = refers("organisation.id", ondelete="CASCADE", primary=True)
    field: DeclaredField = Field(sa_type=stored(DeclaredField), primary_key=True)
    tier: Disclosure = Field(sa_type=stored(Disclosure))
    reason: str = Field(max_length=500)
    user_id: UUID | None = refers("user_account.id", nullable=True)
    changed_at: datetime | None = moment(now=True)


class StatisticRelease(Identified, table=True):
    """One table of statistics as it was released for a period, by the period's first day; it stays as it was."""

    __tablename__: ClassVar[str] = "statistic_release"
    __table_args__ = (
        sa.UniqueConstraint("cube", "subject", "period", name="uq_statistic_release_once"),
        sa.CheckConstraint("extract(day from period) = 1", name="period"),
    )

    cube: str = Field(max_length=20)
    subject: str = Field(max_length=40)
    period: date
    dimensions: list[Any] = Field(default_factory=list, sa_type=JSONB)


class StatisticCell(Record, table=True):
    """One number of a released table; none where it was left out."""

    __tablename__: ClassVar[str] = "statistic_cell"

    release_id: UUID = refers("statistic_release.id", ondelete="CASCADE", primary=True)
    place: int = Field(primary_key=True)
    key: list[str] = Field(sa_type=ARRAY(sa.Text))
    value: int | None = Field(default=None, sa_type=sa.BigInteger)


class StatisticGround(Record, table=True):
    """What a released table was counted from and what was told before it: for the next release alone, never told."""

    __tablename__: ClassVar[str] = "statistic_ground"

    release_id: UUID = refers("statistic_release.id", ondelete="CASCADE", primary=True)
    ground: dict[str, Any] = sealed("statistic_ground.ground", dict)


class BureauCase(Versioned, table=True):
    """What allows an officer of the bureau to read a named firm's declarations: his reason, and until when."""

    __tablename__: ClassVar[str] = "bureau_case"
    __table_args__ = (
        sa.CheckConstraint("reason <> ''", name="reason"),
        sa.CheckConstraint("organisation_id <> firm_id", name="two_sides"),
    )

    organisation_id: UUID = refers("organisation.id")
    user_id: UUID = refers("user_account.id")
    firm_id: UUID = refers("organisation.id")
    reason: str = Field(max_length=500)
    expires_at: datetime = moment()
    closed_at: datetime | None = moment(nullable=True)
