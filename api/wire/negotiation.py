"""What goes over the wire between a member and its chain leader: terms in full, confidentiality, delegation, time."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from api.wire.base import Wire
from coalitions.terms import Change, Payment
from domain.errors import VersionNotCurrent
from domain.kinds import Clause, Clean, Days, Printable, Share
from domain.records import ConfidentialityAcceptance, Terms, User

HOURS = Annotated[int, Field(ge=1, le=24 * 60, strict=True)]
WORKING_DAYS = Annotated[int, Field(ge=1, le=60, strict=True)]
Wording = Annotated[str, StringConstraints(min_length=2, max_length=4_000), Clean, Printable]
UNTIL = "A deadline is asked for in hours, or in working days by the Chinese calendar, which end at midnight in Beijing"


def either(hours: object, working_days: object) -> None:
    """Refuse a period that is asked for in both measures."""
    if hours is not None and working_days is not None:
        raise PydanticCustomError("hours-or-days", "a period is asked for in hours or in working days, not in both")


class Answerable(Wire):
    """How long a firm has for its answer: 72 hours, other hours, or working days by the Chinese calendar.

    Working days begin the day after and end at midnight in Beijing.
    """

    hours: HOURS = 72
    working_days: WORKING_DAYS | None = None

    @model_validator(mode="after")
    def one_measure(self) -> Self:
        """A period is asked for in one measure."""
        either(self.hours if "hours" in self.model_fields_set else None, self.working_days)
        return self


class ExtensionIn(Wire):
    """By how much a deadline moves on, from where it stands: hours, or working days by the Chinese calendar."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"working_days": 2}]})

    hours: HOURS | None = None
    working_days: WORKING_DAYS | None = None

    @model_validator(mode="after")
    def one_measure(self) -> Self:
        """A period is asked for in exactly one measure."""
        either(self.hours, self.working_days)
        if self.hours is None and self.working_days is None:
            raise PydanticCustomError("hours-or-days", "a period is asked for in hours or in working days")
        return self


class PaymentIn(Wire):
    """How the member is to be paid: parts in basis points that sum to 10000, each due within `days`."""

    advance: Share = 0
    delivery: Share = 0
    acceptance: Share = 0
    retention: Share = 0
    days: Days = 30

    @model_validator(mode="after")
    def adds_up(self) -> Self:
        """The parts are the whole."""
        if not Payment(**self.model_dump()).whole:
            raise PydanticCustomError("payment-sum", "the parts of the payment do not sum to one hundred per cent")
        return self


class ClauseIn(Wire):
    """An article of the agreement, and how the member would have it worded."""

    clause: Clause
    wording: Wording


Clauses = Annotated[tuple[ClauseIn, ...], Field(max_length=len(Clause))]


class Conditions(Wire):
    """What terms say beside work and price; what is left out stays as the terms in force have it."""

    payment: PaymentIn | None = None
    clauses: Clauses | None = None

    @model_validator(mode="after")
    def each_clause_once(self) -> Self:
        """No clause stands twice."""
        names = [each.clause for each in self.clauses or ()]
        for name in names:
            if names.count(name) > 1:
                raise PydanticCustomError("clause-twice", "clause {clause} stands twice", {"clause": str(name)})
        return self


class ClauseOut(Wire):
    """An article of the agreement, and how one side would have it worded."""

    clause: Clause
    wording: str


class PaymentOut(Wire):
    """How a member is paid: parts in basis points, each due within `days`."""

    advance: int
    delivery: int
    acceptance: int
    retention: int
    days: int


class ConditionsOut(Wire):
    """What an edition of terms says beside work and price; null is the agreement's usual way of paying."""

    payment: PaymentOut | None
    clauses: tuple[ClauseOut, ...]

    @classmethod
    def from_terms(cls, terms: Terms | None) -> Self | None:
        """Show the conditions of an edition."""
        if terms is None:
            return None
        return cls(
            payment=PaymentOut(**terms.payment) if terms.payment else None,
            clauses=tuple(ClauseOut(**each) for each in terms.clauses),
        )


class ChangeOut(Wire):
    """One field that differs between two editions; a price that is closed to the reader is null, and said to be so."""

    field: str
    subject: str
    before: int | str | date | None
    after: int | str | date | None
    before_closed: bool = False
    after_closed: bool = False

    @classmethod
    def from_change(cls, change: Change, before: frozenset[str], after: frozenset[str]) -> Self:
        """Show one change; `before` and `after` are packages whose price in that edition is closed to the reader."""
        price = change.field == "unit_price"
        was = price and change.subject in before and change.before is not None
        now = price and change.subject in after and change.after is not None
        return cls(
            field=change.field,
            subject=change.subject,
            before=None if was else change.before,
            after=None if now else change.after,
            before_closed=was,
            after_closed=now,
        )


class DiffOut(Wire):
    """What differs between two editions of a member's terms, field by field."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "membership_id": "0198c0de-0000-7000-8000-00000000000b",
                    "before": 1,
                    "after": 2,
                    "changes": [
                        {
                            "field": "units",
                            "subject": "WP03",
                            "before": 40,
                            "after": 30,
                            "before_closed": False,
                            "after_closed": False,
                        }
                    ],
                }
            ]
        }
    )

    membership_id: UUID
    before: int
    after: int
    changes: tuple[ChangeOut, ...]


CONFIDENTIALITY = 1
"""The edition of the promise of confidentiality that is asked for today; its words stand in both catalogues."""


class ConfidentialityIn(Wire):
    """The acceptance of one edition of the promise of confidentiality."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"edition": CONFIDENTIALITY}]})

    edition: Annotated[int, Field(ge=1, strict=True)]

    def require_current(self) -> None:
        """Refuse an edition that is not asked for. Raises VersionNotCurrent."""
        if self.edition != CONFIDENTIALITY:
            raise VersionNotCurrent(given=self.edition, current=CONFIDENTIALITY)


class ConfidentialityOut(Wire):
    """Who promised confidentiality for a firm, in which edition of the words, and when."""

    edition: int
    user_id: UUID
    accepted_at: datetime

    @classmethod
    def from_row(cls, row: ConfidentialityAcceptance) -> Self:
        """Show a promise."""
        return cls.model_validate({"edition": row.text, "user_id": row.user_id, "accepted_at": row.created_at})


class ConfidentialityText(Wire):
    """The words of the promise in the reader's language, and whether the firm has given it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"edition": CONFIDENTIALITY, "text": "本企业承诺……", "accepted": None}]}
    )

    edition: int
    text: str
    accepted: ConfidentialityOut | None


class DelegationIn(Wire):
    """The colleague who answers from now on; null takes the answer back to everybody of the firm."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "0198c0de-0000-7000-8000-000000000007"}]})

    user_id: UUID | None


class ColleagueOut(Wire):
    """A person of one's own organisation; an `admin` also answers what was handed to somebody else."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "0198c0de-0000-7000-8000-000000000007", "name": "演示用户", "admin": False}]
        }
    )

    id: UUID
    name: str
    admin: bool

    @classmethod
    def from_row(cls, row: User) -> Self:
        """Show a colleague."""
        return cls(id=row.id, name=row.name, admin=row.admin)


class RepairIn(Wire):
    """How long to look for repairs, and from which seed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seconds": 10, "seed": 0}]})

    seconds: Annotated[int, Field(ge=1, le=60, strict=True)] = 10
    seed: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] = 0


def plain_conditions(given: Conditions) -> dict[str, Any]:
    """Return the conditions that were stated, as records keep them; what was left out is not there.

    >>> plain_conditions(Conditions(clauses=()))
    {'clauses': []}
    """
    found: dict[str, Any] = {}
    if given.payment is not None:
        found["payment"] = given.payment.model_dump()
    if given.clauses is not None:
        found["clauses"] = [each.model_dump(mode="json") for each in given.clauses]
    return found
