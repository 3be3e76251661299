"""What goes over the wire about amendments of a signed agreement."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StrictInt, StringConstraints

from api.i18n import Locale, say
from api.queries.amendments import View
from api.wire.base import Wire
from api.wire.compliance import Reason
from coalitions.amending import Difference, differences, key_of, part_digest, parties
from coalitions.clauses import Liability, Performance
from domain.kinds import AmendmentState, Code, Money, PositiveQuantity

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Hours = Annotated[int, Field(ge=1, le=24 * 60, strict=True)]


class WorkIn(Wire):
    """One package of a member's amended terms: whole units; price and capability as before where they are left out."""

    package: Code
    units: PositiveQuantity
    unit_price: Money | None = None
    capability_id: UUID | None = None


class SeatIn(Wire):
    """Other terms for a seat: all its work from then on."""

    membership_id: UUID
    lines: Annotated[tuple[WorkIn, ...], Field(min_length=1, max_length=200)]


class ExitIn(Wire):
    """A member that leaves; one that is excluded for cause is not asked to sign."""

    membership_id: UUID
    for_cause: bool = False


class JoinIn(Wire):
    """A firm that joins, with its work, in the place of a member that leaves where one is named."""

    organisation_id: UUID
    lines: Annotated[tuple[WorkIn, ...], Field(min_length=1, max_length=200)]
    replaces_id: UUID | None = None


class AmendIn(Wire):
    """What is to be changed in a signed agreement, why, and how many hours there are to sign it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reason": "电芯产线检修，两家调整供货数量。",
                    "hours": 168,
                    "seats": [
                        {
                            "membership_id": "0198c0de-0000-7000-8000-00000000000b",
                            "lines": [{"package": "WP03", "units": 30}],
                        }
                    ],
                }
            ]
        }
    )

    reason: Reason
    hours: Hours = 168
    seats: Annotated[tuple[SeatIn, ...], Field(max_length=200)] = ()
    exits: Annotated[tuple[ExitIn, ...], Field(max_length=200)] = ()
    joins: Annotated[tuple[JoinIn, ...], Field(max_length=200)] = ()
    lead_id: UUID | None = None
    starts: date | None = None
    ends: date | None = None
    performance: Performance | None = None
    liability: Liability | None = None
    clauses: Annotated[dict[str, StrictInt | str], Field(max_length=20, default_factory=dict)]


class SignAmendmentIn(Wire):
    """The hash of the proposed edition that is being signed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sha256": "0" * 64}]})

    sha256: Sha256


class DropIn(Wire):
    """Why an amendment is refused or withdrawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "交货期无法提前。"}]})

    note: Reason


class DifferenceOut(Wire):
    """One thing that the two editions say differently, as a code with figures and in words."""

    code: str
    params: dict[str, Any]
    said: str

    @classmethod
    def from_difference(cls, found: Difference, locale: Locale, currency: str) -> Self:
        """Word a difference."""
        message = found.message.__class__(code=found.code, params={**found.params, "currency": currency})
        return cls(code=found.code, params=dict(found.params), said=say(locale, message, section="amendment"))


class SignerOut(Wire):
    """A member of either edition: whether it must sign, has signed, or what it signed carries over.

    ``part_sha256`` is the hash of everything in the proposed edition that binds it; where it equals
    ``former_part_sha256`` nothing that binds it has changed, which anybody with both bodies can reckon.
    """

    membership_id: UUID
    organisation_id: UUID
    firm: str | None
    must_sign: bool
    signed: bool
    joins: bool
    leaves: bool
    former_part_sha256: str | None
    part_sha256: str | None


class AmendmentOut(Wire):
    """A proposed edition beside the one in force: what differs, who must sign it, how it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000041",
                    "consortium_id": "0198c0de-0000-7000-8000-00000000000a",
                    "state": "open",
                    "reason": "电芯产线检修，两家调整供货数量。",
                    "note": "",
                    "deadline": "2027-04-08T02:00:00Z",
                    "decided_at": None,
                    "former_edition": 1,
                    "former_sha256": "0" * 64,
                    "edition": 2,
                    "sha256": "1" * 64,
                    "body": {"format": "lianzhou-agreement/1", "edition": 2},
                    "differences": [
                        {
                            "code": "units-change",
                            "params": {"member": "演示变流有限公司", "package": "WP03", "before": 40, "after": 30},
                            "said": "演示变流有限公司：WP03 数量由 40 改为 30。",
                        }
                    ],
                    "signers": [
                        {
                            "membership_id": "0198c0de-0000-7000-8000-00000000000b",
                            "organisation_id": "0198c0de-0000-7000-8000-000000000008",
                            "firm": "演示变流有限公司",
                            "must_sign": True,
                            "signed": False,
                            "joins": False,
                            "leaves": False,
                            "former_part_sha256": "2" * 64,
                            "part_sha256": "3" * 64,
                        }
                    ],
                    "waiting": 1,
                    "version": 1,
                }
            ]
        }
    )

    id: UUID
    consortium_id: UUID
    state: AmendmentState
    reason: str
    note: str
    deadline: datetime
    decided_at: datetime | None
    former_edition: int
    former_sha256: str
    edition: int
    sha256: str
    body: dict[str, Any]
    differences: tuple[DifferenceOut, ...]
    signers: tuple[SignerOut, ...]
    waiting: int
    version: int

    @classmethod
    def from_view(cls, view: View, locale: Locale) -> Self:
        """Show an amendment to one of those it is between."""
        row, former, proposed = view.row, view.former, view.proposed
        currency = proposed.body["project"]["currency"]
        named = ("id", "consortium_id", "state", "reason", "note", "deadline", "decided_at", "version")
        return cls(
            **{name: getattr(row, name) for name in named},
            former_edition=former.edition,
            former_sha256=former.sha256,
            edition=proposed.edition,
            sha256=proposed.sha256,
            body=proposed.body,
            differences=tuple(
                DifferenceOut.from_difference(each, locale, currency)
                for each in differences(former.body, proposed.body)
            ),
            signers=_signers(view),
            waiting=len(view.awaited) if row.state is AmendmentState.OPEN else 0,
        )


def _signers(view: View) -> tuple[SignerOut, ...]:
    """Those who must sign come first, then by name."""
    found = []
    for each in view.parts:
        firm, member = each.firm, each.membership
        key = "" if firm is None else key_of({"credit_code": firm.credit_code, "name": firm.name})
        found.append(
            SignerOut(
                membership_id=member.id,
                organisation_id=member.organisation_id,
                firm=firm.name if firm else None,
                must_sign=each.seat.signs,
                signed=member.organisation_id in view.signed,
                joins=each.seat.joins,
                leaves=each.seat.leaves,
                former_part_sha256=_part(view.former.body, key),
                part_sha256=_part(view.proposed.body, key),
            )
        )
    return tuple(sorted(found, key=lambda each: (not each.must_sign, each.firm or "", str(each.membership_id))))


def _part(body: dict[str, Any], key: str) -> str | None:
    return part_digest(body, key) if key in parties(body) else None
