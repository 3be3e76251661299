"""What goes over the wire about evaluations between partners that have parted."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict

from api.queries.evaluations import Parting, Record, Said
from api.wire.base import Wire
from api.wire.compliance import Reason
from domain.kinds import EvaluationCriterion, Mark, Note

MARKS: dict[str, Any] = {criterion.value: 4 for criterion in EvaluationCriterion}
SAID: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000051",
    "by": "chain_leader",
    "marks": MARKS,
    "text": "按期交付，资料齐全。",
    "given_at": "2028-08-03T02:00:00Z",
    "reply": None,
    "replied_at": None,
    "public": True,
}


class EvaluationIn(Wire):
    """What one partner says of the other: a mark from 1 to 5 for each criterion, and words."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"about_id": "0198c0de-0000-7000-8000-000000000008", **MARKS, "text": "按期交付，资料齐全。"}]
        }
    )

    about_id: UUID
    timeliness: Mark
    quality: Mark
    cooperation: Mark
    clarity: Mark
    fairness: Mark
    text: Note = ""


class ReplyIn(Wire):
    """The answer of the firm that an evaluation is about."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "首批延误系港口封航所致。"}]})

    text: Reason


class SaidOut(Wire):
    """One evaluation with its reply; the firm that gave it is told by its role alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [SAID]})

    id: UUID
    by: Literal["chain_leader", "member"]
    marks: dict[EvaluationCriterion, int]
    text: str
    given_at: datetime
    reply: str | None
    replied_at: datetime | None
    public: bool

    @classmethod
    def from_said(cls, said: Said) -> Self:
        """Show an evaluation."""
        return cls.model_validate(
            {
                "id": said.row.id,
                "by": "chain_leader" if said.by_leader else "member",
                "marks": said.marks,
                "text": said.row.text,
                "given_at": said.row.created_at,
                "reply": said.reply.text if said.reply else None,
                "replied_at": said.reply.created_at if said.reply else None,
                "public": said.public,
            }
        )


class PartingOut(Wire):
    """A partnership that has ended: what each has said of the other, and whether one's own may still be given."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organisation_id": "0198c0de-0000-7000-8000-000000000008",
                    "firm": "演示变流有限公司",
                    "ended": "2028-08-01T02:00:00Z",
                    "open": False,
                    "given": SAID,
                    "received": None,
                }
            ]
        }
    )

    organisation_id: UUID
    firm: str | None
    ended: datetime
    open: bool
    given: SaidOut | None
    received: SaidOut | None

    @classmethod
    def from_parting(cls, parting: Parting) -> Self:
        """Show one side of a partnership."""
        return cls(
            organisation_id=parting.firm_id,
            firm=parting.firm.name if parting.firm else None,
            ended=parting.ended,
            open=parting.open,
            given=SaidOut.from_said(parting.given) if parting.given else None,
            received=SaidOut.from_said(parting.received) if parting.received else None,
        )


class AverageOut(Wire):
    """The mean of one criterion in hundredths of a mark; null where the cases are too few."""

    criterion: EvaluationCriterion
    hundredths: int | None


class TrackRecordOut(Wire):
    """What partners have said of a firm; with fewer than three cases there are no figures and no texts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "cases": 3,
                    "too_few": False,
                    "averages": [{"criterion": "timeliness", "hundredths": 433}],
                    "evaluations": [SAID],
                }
            ]
        }
    )

    cases: int
    too_few: bool
    averages: tuple[AverageOut, ...]
    evaluations: tuple[SaidOut, ...]

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Show a firm's record to anybody who may see the firm."""
        return cls(
            cases=record.cases,
            too_few=not record.said,
            averages=tuple(
                AverageOut(criterion=each.criterion, hundredths=each.hundredths) for each in record.averages
            ),
            evaluations=tuple(SaidOut.from_said(each) for each in record.said),
        )
