"""What goes over the wire about suggestions, consortia and their formation."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.i18n import BEIJING
from api.queries.consortia import Edition, SeatRow, View, offer_of, stated
from api.wire.base import Wire
from api.wire.negotiation import (
    Answerable,
    ChangeOut,
    Conditions,
    ConditionsOut,
    ConfidentialityOut,
    DiffOut,
)
from coalitions.formation import SETTLED, Seat, standing
from coalitions.terms import diff
from domain.actor import Actor
from domain.kinds import (
    Code,
    ConsortiumState,
    Days,
    DeclineReason,
    InvitationState,
    MembershipState,
    Money,
    Name,
    Note,
    PositiveQuantity,
)
from domain.records import Agreement, CarriedSignature, Invitation, Signature, TermsLine

UNSIGNED = (ConsortiumState.FORMING, ConsortiumState.AGREED)


def seat_of(seat: SeatRow) -> Seat:
    """Return a seat as the core decides on it."""
    return Seat(
        organisation_id=seat.membership.organisation_id,
        state=seat.membership.state,
        lead=seat.membership.lead,
        units={line.package_id: line.units for line in seat.lines},
    )


class SuggestionOut(Wire):
    """A finished run: how it ended, its plans, what each package found, what is missing, what stands in the way.

    `gap` is a part of the objective (0.01 is one per cent). `priced` says that every declared price counted; else none
    did, since `closed` of them are not open to who publishes the project. No figure of it tells a price.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000009",
                    "opportunity_id": "0198c0de-0000-7000-8000-000000000001",
                    "edition": 1,
                    "seed": 0,
                    "status": "optimal",
                    "stopped": "proved",
                    "gap": 0.0,
                    "seconds": 0.41,
                    "candidates": 12,
                    "within_budget": True,
                    "priced": True,
                    "closed": 0,
                    "plans": [
                        {
                            "status": "optimal",
                            "stopped": "proved",
                            "gap": 0.0,
                            "sme_share": 10_000,
                            "fit": 93,
                            "ties": 0,
                            "lead_days": 120,
                            "seats": [
                                {
                                    "supplier_id": "0198c0de-0000-7000-8000-000000000002",
                                    "name": "演示变流有限公司",
                                    "sme": True,
                                    "lead": True,
                                    "share": 10_000,
                                    "parts": [
                                        {
                                            "package_id": "0198c0de-0000-7000-8000-000000000003",
                                            "offering_id": "0198c0de-0000-7000-8000-000000000006",
                                            "units": 40,
                                            "share": 10_000,
                                            "fit": 93,
                                            "way": "words",
                                            "runners_up": 2,
                                        }
                                    ],
                                    "reasons": [
                                        {
                                            "code": "covers-by-words",
                                            "params": {"package": "WP03", "fit": 93, "others": 2},
                                        }
                                    ],
                                }
                            ],
                            "reasons": [{"code": "proved-best", "params": {}}],
                        }
                    ],
                    "missing": [],
                    "diagnosis": [],
                    "coverage": [
                        {
                            "package_id": "0198c0de-0000-7000-8000-000000000003",
                            "near": 5,
                            "eligible": 3,
                            "best": 93,
                            "refused": [["certificate", 2]],
                        }
                    ],
                    "created_at": "2027-01-06T01:00:05Z",
                }
            ]
        }
    )

    id: UUID
    opportunity_id: UUID
    edition: int
    seed: int
    status: str
    stopped: str
    gap: float | None
    seconds: float
    candidates: int
    within_budget: bool | None
    priced: bool
    closed: int
    plans: tuple[dict[str, Any], ...]
    missing: tuple[dict[str, Any], ...]
    diagnosis: tuple[dict[str, Any], ...]
    coverage: tuple[dict[str, Any], ...]
    created_at: datetime


class ConsortiumIn(Wire):
    """Which plan of which suggestion becomes a consortium; plans are counted from 1."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"suggestion_id": "0198c0de-0000-7000-8000-000000000001", "plan": 1}]}
    )

    suggestion_id: UUID
    plan: Annotated[int, Field(ge=1, le=5, strict=True)] = 1
    name: Name | None = None


class FillIn(Wire):
    """Which plan of a newer suggestion fills the seats that are open again."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"suggestion_id": "0198c0de-0000-7000-8000-000000000001", "plan": 1}]}
    )

    suggestion_id: UUID
    plan: Annotated[int, Field(ge=1, le=5, strict=True)] = 1


class InviteIn(Answerable):
    """Whom to ask (everyone not asked yet, when left out) and how long they have."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"hours": 72}]})

    membership_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=200)] | None = None


class LineIn(Wire):
    """One package of a member's terms: whole units, the unit price in minor units if it is stated, and when.

    What is left out of `starts`, `ends` and `lead_days` stays as the terms in force have it.
    """

    package: Code
    units: PositiveQuantity
    unit_price: Money | None = None
    starts: date | None = None
    ends: date | None = None
    lead_days: Days | None = None

    @model_validator(mode="after")
    def ends_after_it_starts(self) -> Self:
        """Delivery ends after it starts."""
        if self.starts is not None and self.ends is not None and self.ends < self.starts:
            raise PydanticCustomError("period", "the end lies before the start")
        return self


class PriceIn(Wire):
    """The unit price, in minor units, of a package whose terms left it open."""

    package: Code
    unit_price: Money


class AcceptIn(Wire):
    """Acceptance of one edition of the terms, with the prices it left open."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"edition": 1, "prices": []}]})

    edition: Annotated[int, Field(ge=1, strict=True)]
    prices: Annotated[tuple[PriceIn, ...], Field(max_length=200)] = ()


class TermsIn(Conditions):
    """Other terms than those offered, in answer to one edition."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"edition": 1, "lines": [{"package": "WP03", "units": 30}], "note": "产能只够 30 套"}]
        }
    )

    edition: Annotated[int, Field(ge=1, strict=True)]
    lines: Annotated[tuple[LineIn, ...], Field(min_length=1, max_length=200)]
    note: Note = ""

    @model_validator(mode="after")
    def each_package_once(self) -> Self:
        """No package stands twice."""
        codes = [line.package for line in self.lines]
        for code in codes:
            if codes.count(code) > 1:
                raise PydanticCustomError("package-twice", "package {code} stands twice", {"code": code})
        return self


class OfferIn(Conditions, Answerable):
    """Terms put to a member: those of its own counter when `lines` is left out, else others; and how long it has."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"lines": None, "hours": 72}]})

    lines: Annotated[tuple[LineIn, ...], Field(min_length=1, max_length=200)] | None = None


class DeclineIn(Wire):
    """A refusal of one edition, with its reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"edition": 1, "reason": "capacity", "note": ""}]})

    edition: Annotated[int, Field(ge=1, strict=True)]
    reason: DeclineReason
    note: Note = ""


class SignIn(Wire):
    """The hash of the agreement that is being signed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sha256": "0" * 64}]})

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class LineOut(Wire):
    """One package of a member's terms; the price only where the reader may see it."""

    package_id: UUID
    package: str
    name: str
    unit: str
    units: int
    share: int
    unit_price: int | None
    price_closed: bool
    currency: str
    starts: date | None = None
    ends: date | None = None
    lead_days: int | None = None

    @classmethod
    def from_line(cls, line: TermsLine, view: View, told: bool, leading: bool) -> Self:
        """Show one line; a price that is closed to the reader is null, and said to be closed."""
        package = view.packages[line.package_id]
        open_to_reader = told or (leading and line.capability_id in view.disclosed)
        return cls(
            package_id=package.id,
            package=package.code,
            name=package.name,
            unit=package.unit,
            units=line.units,
            share=line.share,
            unit_price=line.unit_price if open_to_reader else None,
            price_closed=not open_to_reader and stated(line),
            currency=line.currency,
            starts=line.starts,
            ends=line.ends,
            lead_days=line.lead_days,
        )


class InvitationOut(Wire):
    """The question put to a member: which edition, by when, and how it was answered.

    `deadline` is one instant; `deadline_beijing` and `deadline_local` are its clock times in Beijing and in `zone`, the
    project's own, which is null where a country has several zones and none was stated.
    """

    id: UUID
    edition: int
    sent_at: datetime
    deadline: datetime
    state: InvitationState
    reason: str | None
    note: str
    answered_at: datetime | None
    reminded: int = 0
    zone: str | None = None
    deadline_beijing: str = ""
    deadline_local: str | None = None

    @classmethod
    def from_row(cls, row: Invitation, zone: ZoneInfo | None, *, told: bool) -> Self:
        """Show a question and its answer; the words of the answer only to the two it is between (`told`)."""
        fields = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        return cls(
            **fields | ({} if told else {"note": ""}),
            zone=zone.key if zone else None,
            deadline_beijing=row.deadline.astimezone(BEIJING).isoformat(timespec="minutes"),
            deadline_local=row.deadline.astimezone(zone).isoformat(timespec="minutes") if zone else None,
        )


class MembershipOut(Wire):
    """One seat with its terms in force, the last question, and a counter if one is on the table."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000b",
                    "consortium_id": "0198c0de-0000-7000-8000-00000000000a",
                    "organisation_id": "0198c0de-0000-7000-8000-000000000008",
                    "firm": "演示变流有限公司",
                    "sme": True,
                    "lead": True,
                    "state": "invited",
                    "edition": 1,
                    "lines": [
                        {
                            "package_id": "0198c0de-0000-7000-8000-000000000003",
                            "package": "WP03",
                            "name": "变流升压一体机",
                            "unit": "SET",
                            "units": 40,
                            "share": 10_000,
                            "unit_price": None,
                            "price_closed": True,
                            "currency": "CNY",
                        }
                    ],
                    "invitation": {
                        "id": "0198c0de-0000-7000-8000-00000000000c",
                        "edition": 1,
                        "sent_at": "2027-01-06T02:00:00Z",
                        "deadline": "2027-01-09T02:00:00Z",
                        "state": "sent",
                        "reason": None,
                        "note": "",
                        "answered_at": None,
                    },
                    "counter": None,
                    "counter_note": None,
                    "signed": False,
                    "version": 2,
                }
            ]
        }
    )

    id: UUID
    consortium_id: UUID
    organisation_id: UUID
    firm: str
    sme: bool | None
    lead: bool
    state: MembershipState
    edition: int
    lines: tuple[LineOut, ...]
    invitation: InvitationOut | None
    counter: tuple[LineOut, ...] | None
    counter_note: str | None
    signed: bool
    version: int
    conditions: ConditionsOut | None = None
    counter_edition: int | None = None
    counter_conditions: ConditionsOut | None = None
    delegate_id: UUID | None = None
    confidentiality: ConfidentialityOut | None = None

    @classmethod
    def from_seat(cls, seat: SeatRow, view: View, actor: Actor) -> Self:
        """Show one seat to one reader: prices only where he is a party that may know them.

        A counter and the words of an answer are between the firm and the chain leader.
        """
        member = seat.membership
        firm = view.firms[member.organisation_id]
        own = member.organisation_id == actor.organisation_id
        leading = view.consortium.organisation_id == actor.organisation_id
        told = own or (leading and member.state in SETTLED)
        between = own or leading
        lines = tuple(LineOut.from_line(line, view, told, leading) for line in seat.lines)
        counter = tuple(LineOut.from_line(line, view, between, leading) for line in seat.counter_lines)
        return cls(
            id=member.id,
            consortium_id=member.consortium_id,
            organisation_id=member.organisation_id,
            firm=firm.name,
            sme=firm.sme,
            lead=member.lead,
            state=member.state,
            edition=member.edition,
            lines=lines,
            invitation=InvitationOut.from_row(seat.invitation, view.zone, told=between) if seat.invitation else None,
            counter=counter if seat.counter and between else None,
            counter_note=seat.counter.note if seat.counter and between else None,
            signed=member.state in (MembershipState.SIGNED, MembershipState.ACTIVE),
            version=member.version,
            conditions=ConditionsOut.from_terms(seat.terms) if between else None,
            counter_edition=seat.counter.edition if seat.counter and between else None,
            counter_conditions=ConditionsOut.from_terms(seat.counter) if between else None,
            delegate_id=member.delegate_id if own else None,
            confidentiality=ConfidentialityOut.from_row(seat.promise) if seat.promise and between else None,
        )


class OtherOut(Wire):
    """A member whose name is closed to the reader: a letter, whether it leads, whether it has accepted its terms."""

    label: str
    lead: bool
    settled: bool


def diff_of(view: View, seat: SeatRow, before: Edition, after: Edition, actor: Actor) -> DiffOut:
    """Show what differs between two editions of a seat's terms to one of the two sides it is between.

    A price that the member has neither written itself nor opened is not told to the leader.
    """
    member = seat.membership
    own = member.organisation_id == actor.organisation_id
    told = own or member.state in SETTLED
    codes = {package.id: package.code for package in view.packages.values()}

    def closed(edition: Edition) -> frozenset[str]:
        if told or edition.terms.organisation_id == member.organisation_id:
            return frozenset()
        return frozenset(codes[line.package_id] for line in edition.lines if line.capability_id not in view.disclosed)

    changes = diff(*(offer_of(edition.terms, edition.lines, codes) for edition in (before, after)))
    return DiffOut(
        membership_id=member.id,
        before=before.terms.edition,
        after=after.terms.edition,
        changes=tuple(ChangeOut.from_change(change, closed(before), closed(after)) for change in changes),
    )


class ConsortiumLine(Wire):
    """A consortium in a list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000a",
                    "opportunity_id": "0198c0de-0000-7000-8000-000000000001",
                    "organisation_id": "0198c0de-0000-7000-8000-000000000002",
                    "name": "中爪哇储能联合体",
                    "state": "forming",
                    "version": 1,
                    "created_at": "2027-01-06T02:00:00Z",
                }
            ]
        }
    )

    id: UUID
    opportunity_id: UUID
    organisation_id: UUID
    name: str
    state: ConsortiumState
    version: int
    created_at: datetime


class GapOut(Wire):
    """Units of a package that nobody covers (positive) or that are promised twice (negative)."""

    package_id: UUID
    package: str
    units: int


class ConsortiumOut(ConsortiumLine):
    """A consortium with its seats and what its formation still waits for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000a",
                    "opportunity_id": "0198c0de-0000-7000-8000-000000000001",
                    "organisation_id": "0198c0de-0000-7000-8000-000000000002",
                    "name": "中爪哇储能联合体",
                    "state": "forming",
                    "version": 1,
                    "created_at": "2027-01-06T02:00:00Z",
                    "opportunity": "中爪哇 200MW/400MWh 储能电站",
                    "performance": "divided",
                    "liability": "joint_and_several",
                    "members": [
                        {
                            "id": "0198c0de-0000-7000-8000-00000000000b",
                            "consortium_id": "0198c0de-0000-7000-8000-00000000000a",
                            "organisation_id": "0198c0de-0000-7000-8000-000000000008",
                            "firm": "演示变流有限公司",
                            "sme": True,
                            "lead": True,
                            "state": "invited",
                            "edition": 1,
                            "lines": [
                                {
                                    "package_id": "0198c0de-0000-7000-8000-000000000003",
                                    "package": "WP03",
                                    "name": "变流升压一体机",
                                    "unit": "SET",
                                    "units": 40,
                                    "share": 10_000,
                                    "unit_price": None,
                                    "price_closed": True,
                                    "currency": "CNY",
                                }
                            ],
                            "invitation": {
                                "id": "0198c0de-0000-7000-8000-00000000000c",
                                "edition": 1,
                                "sent_at": "2027-01-06T02:00:00Z",
                                "deadline": "2027-01-09T02:00:00Z",
                                "state": "sent",
                                "reason": None,
                                "note": "",
                                "answered_at": None,
                            },
                            "counter": None,
                            "counter_note": None,
                            "signed": False,
                            "version": 2,
                        }
                    ],
                    "waiting": 1,
                    "gaps": [],
                    "agreement_sha256": None,
                }
            ]
        }
    )

    opportunity: str
    performance: str
    liability: str
    members: tuple[MembershipOut, ...]
    waiting: int
    gaps: tuple[GapOut, ...]
    agreement_sha256: str | None
    others: tuple[OtherOut, ...] = ()

    @classmethod
    def from_view(cls, view: View, actor: Actor) -> Self:
        """Show a consortium to one reader."""
        row = view.consortium
        now = standing(
            {package.id: package.quantity for package in view.packages.values()},
            [seat_of(seat) for seat in view.every if row.state in UNSIGNED or seat.membership.state in SETTLED],
        )
        return cls(
            **{name: getattr(row, name) for name in ConsortiumLine.model_fields},
            opportunity=view.opportunity.title,
            performance=row.performance,
            liability=row.liability,
            members=tuple(MembershipOut.from_seat(seat, view, actor) for seat in view.seats),
            waiting=len(now.waiting),
            gaps=tuple(
                GapOut(package_id=gap.package_id, package=view.packages[gap.package_id].code, units=gap.units)
                for gap in now.gaps
            ),
            agreement_sha256=view.agreement.sha256 if view.agreement else None,
            others=tuple(
                OtherOut(label=label, lead=seat.membership.lead, settled=seat.membership.state in SETTLED)
                for label, seat in view.closed
            ),
        )


class CarriedOut(Wire):
    """A signature that was given under an earlier edition and counts for this one.

    ``part_sha256`` is the hash of everything in this edition that binds the firm; the edition it signed, whose hash is
    ``signed_sha256``, has the same.
    """

    organisation_id: UUID
    signed_sha256: str
    part_sha256: str


class AgreementOut(Wire):
    """One edition of the agreement: its body, the hash to sign, who has signed, whose signature was carried to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000d",
                    "consortium_id": "0198c0de-0000-7000-8000-00000000000a",
                    "edition": 1,
                    "sha256": "0000000000000000000000000000000000000000000000000000000000000000",
                    "body": {"format": "lianzhou-agreement/1", "edition": 1},
                    "valid": True,
                    "signed_by": ["0198c0de-0000-7000-8000-000000000008"],
                    "carried": [],
                    "created_at": "2027-01-07T02:00:00Z",
                }
            ]
        }
    )

    id: UUID
    consortium_id: UUID
    edition: int
    sha256: str
    body: dict[str, Any]
    valid: bool
    signed_by: tuple[UUID, ...]
    carried: tuple[CarriedOut, ...]
    created_at: datetime

    @classmethod
    def from_rows(
        cls,
        agreement: Agreement,
        signatures: list[Signature],
        *,
        valid: bool,
        carried: Sequence[CarriedSignature] = (),
    ) -> Self:
        """Show an agreement; its body names no price that a member has not put into accepted terms."""
        derived = ("valid", "signed_by", "carried")
        fields = {name: getattr(agreement, name) for name in cls.model_fields if name not in derived}
        return cls(
            **fields,
            valid=valid,
            signed_by=tuple(row.organisation_id for row in signatures),
            carried=tuple(map(CarriedOut.model_validate, carried)),
        )
