"""What goes over the wire about personal data: what is held, an erasure, what may leave the mainland."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, StringConstraints
from pydantic_core import to_jsonable_python

from api.queries.personal import Abroad, Held
from api.wire.base import Wire
from domain.kinds import AbroadBasis, Clean, Email, Note, Printable, Receiver
from domain.personal import Erasure, Ground, Purpose
from domain.records import User


class HeldOut(Wire):
    """What one table holds about a person: why, on which ground, for how many days after which moment, which rows.

    `days` is null where something is kept as long as the account, or for good as evidence.
    """

    table: str
    purpose: Purpose
    ground: Ground
    erasure: Erasure
    days: int | None
    rows: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, held: Held) -> Self:
        """Show what is held, as JSON has it."""
        holding = held.holding
        return cls(
            table=holding.table,
            purpose=holding.purpose,
            ground=holding.ground,
            erasure=holding.erasure,
            days=holding.term.days if holding.term else None,
            rows=to_jsonable_python(held.rows),
        )


class PersonalDataOut(Wire):
    """Everything that is held about the person who asks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "person": "b7d1c1a4-0d36-4b0f-8b35-2f4b5f1a6c01",
                    "held": [
                        {
                            "table": "user_account",
                            "purpose": "account",
                            "ground": "contract",
                            "erasure": "replaced",
                            "days": None,
                            "rows": [{"email": "zhou@lianzhu.example", "name": "周航", "locale": "zh-CN"}],
                        }
                    ],
                }
            ]
        }
    )

    person: UUID
    held: tuple[HeldOut, ...]

    @classmethod
    def of(cls, user: User, found: list[Held]) -> Self:
        """Show a person what is held about him."""
        return cls(person=user.id, held=tuple(map(HeldOut.of, found)))


class ErasureIn(Wire):
    """That the person who asks wants to be erased; his own address, typed again, so that nobody is by mistake."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "zhou@lianzhu.example"}]})

    email: Email


class AssessmentIn(Wire):
    """The number of a security assessment, a filed standard contract or a certification, and until when it holds."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"number": "演示备案-2027-001", "basis": "contract", "valid_to": "2029-12-31", "note": "标准合同已备案"}
            ]
        }
    )

    number: Annotated[str, StringConstraints(min_length=1, max_length=120), Clean, Printable]
    basis: AbroadBasis
    valid_to: date
    note: Note = ""


class AssessmentOut(Wire):
    """A recorded assessment."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-0000000000e1",
                    "number": "演示备案-2027-001",
                    "basis": "contract",
                    "valid_to": "2029-12-31",
                    "note": "标准合同已备案",
                    "created_at": "2027-01-06T02:00:00+00:00",
                }
            ]
        }
    )

    id: UUID
    number: str
    basis: AbroadBasis
    valid_to: date
    note: str
    created_at: datetime


class TransferOut(Wire):
    """That something about a person was to leave the mainland, and whether it passed."""

    created_at: datetime
    user_id: UUID
    receiver: Receiver
    place: str
    passed: bool


class AbroadOut(Wire):
    """How many persons' data left the mainland this calendar year, of how many; assessments; the newest records."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "year": 2027,
                    "persons": 12,
                    "limit": 100000,
                    "assessments": [],
                    "transfers": [
                        {
                            "created_at": "2027-01-06T02:00:00+00:00",
                            "user_id": "b7d1c1a4-0d36-4b0f-8b35-2f4b5f1a6c01",
                            "receiver": "chat",
                            "place": "SG",
                            "passed": False,
                        }
                    ],
                }
            ]
        }
    )

    year: int
    persons: int
    limit: int
    assessments: tuple[AssessmentOut, ...]
    transfers: tuple[TransferOut, ...]

    @classmethod
    def of(cls, found: Abroad, limit: int) -> Self:
        """Show it to a watcher."""
        return cls(
            year=found.year,
            persons=found.persons,
            limit=limit,
            assessments=tuple(map(AssessmentOut.model_validate, found.assessments)),
            transfers=tuple(map(TransferOut.model_validate, found.transfers)),
        )
