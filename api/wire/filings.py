"""What goes over the wire about filings, bids, and the steps from signed to closed."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, StringConstraints

from api.i18n import Locale
from api.queries.filings import Task
from api.wire.base import Wire
from api.wire.compliance import Reason, worded
from domain.kinds import Clean, FilingState, LossReason, Name, Note, Printable
from domain.law import Filer, Procedure, Stage
from domain.records import Bid

Reference = Annotated[str, StringConstraints(min_length=1, max_length=120), Clean, Printable]
Attachment = Annotated[str, StringConstraints(min_length=1, max_length=500), Clean, Printable]

EXAMPLE: dict[str, Any] = {
    "id": "0198c0de-0000-7000-8000-000000000021",
    "consortium_id": "0198c0de-0000-7000-8000-00000000000a",
    "organisation_id": "0198c0de-0000-7000-8000-000000000008",
    "firm": "演示变流有限公司",
    "rule_id": "CTR-gen",
    "title": "一般项目备案",
    "says": "一般项目实行备案。",
    "source": "《对外承包工程项目备案和立项管理办法》（商务部令2024年第2号）",
    "before": "bid",
    "subject": "",
    "who": "lead",
    "where": "省级商务主管部门",
    "papers": ["《对外承包工程项目备案表》"],
    "procedure_source": "《对外承包工程项目备案和立项管理办法》（商务部令2024年第2号）第四十二条、第四十七条",
    "due": "2027-03-18",
    "state": "submitted",
    "receipt": "粤商备 2027-0012",
    "submitted_on": "2027-02-01",
    "attachment": "档案 2027-17",
    "decided_on": None,
    "note": "",
    "version": 2,
}


class FilingOut(Wire):
    """A filing: which rule asks for it, by whom, where, with which papers, by when, and how far it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    consortium_id: UUID
    organisation_id: UUID
    firm: str | None
    rule_id: str
    title: str
    says: str
    source: str
    before: Stage
    subject: str
    who: Filer
    where: str
    papers: tuple[str, ...]
    procedure_source: str
    due: date
    state: FilingState
    receipt: str | None
    submitted_on: date | None
    attachment: str | None
    decided_on: date | None
    note: str
    version: int

    @classmethod
    def from_task(cls, task: Task, locale: Locale) -> Self:
        """Show a filing in the reader's language; a subject that is a firm is named by ``firm`` already."""
        row, rule = task.row, task.rule
        procedure = _procedure(task)
        return cls(
            id=row.id,
            consortium_id=row.consortium_id,
            organisation_id=row.organisation_id,
            firm=task.firm.name if task.firm else None,
            rule_id=row.rule_id,
            title=worded(locale, rule.title),
            says=worded(locale, rule.says),
            source=worded(locale, rule.source),
            before=rule.before,
            subject="" if row.subject == str(row.organisation_id) else row.subject,
            who=procedure.who,
            where=worded(locale, procedure.where),
            papers=tuple(worded(locale, paper) for paper in procedure.papers),
            procedure_source=worded(locale, procedure.source),
            due=row.due,
            state=row.state,
            receipt=row.receipt,
            submitted_on=row.submitted_on,
            attachment=row.attachment,
            decided_on=row.decided_on,
            note=row.note,
            version=row.version,
        )


def _procedure(task: Task) -> Procedure:
    if task.rule.filing is None:
        raise RuntimeError("a rule that asked for a filing tells how it is made")
    return task.rule.filing


class SubmissionIn(Wire):
    """That a filing was handed in: the authority's receipt, the day, and where a copy is kept, if anywhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"receipt": "粤商备 2027-0012", "submitted_on": "2027-02-01", "attachment": "档案 2027-17"}]
        }
    )

    receipt: Reference
    submitted_on: date
    attachment: Attachment | None = None


class DecisionIn(Wire):
    """That an authority has granted a filing, on which day, and what it noted, such as the certificate's number."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decided_on": "2027-02-05", "note": "备案回执已领"}]})

    decided_on: date
    note: Note = ""


class ReturnIn(Wire):
    """That an authority has sent a filing back, on which day, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decided_on": "2027-02-05", "note": "缺少合同附件"}]})

    decided_on: date
    note: Reason


class StatementIn(Wire):
    """A named person's statement, kept as it was written."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "总包方已备案，编号 2027-0003。"}]})

    note: Reason


class BidIn(Wire):
    """That the bid was handed in: the day, and its reference."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"submitted_on": "2027-03-10", "reference": "PLN-0417"}]})

    submitted_on: date
    reference: Reference


class DayIn(Wire):
    """The day on which something happened, and a note."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"on": "2027-06-01", "note": ""}]})

    on: date
    note: Note = ""


class LossIn(Wire):
    """That the bid was not successful: the day, why, and who won where that is public."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"on": "2027-06-01", "reason": "price", "winner": None, "note": ""}]}
    )

    on: date
    reason: LossReason
    winner: Name | None = None
    note: Note = ""


class BidOut(Wire):
    """A bid and what came of it; while nothing is decided, the day of the decision is null."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "consortium_id": "0198c0de-0000-7000-8000-00000000000a",
                    "submitted_on": "2027-03-10",
                    "reference": "PLN-0417",
                    "decided_on": None,
                    "reason": None,
                    "winner": None,
                    "note": "",
                    "version": 1,
                }
            ]
        }
    )

    consortium_id: UUID
    submitted_on: date
    reference: str
    decided_on: date | None
    reason: LossReason | None
    winner: str | None
    note: str
    version: int

    @classmethod
    def from_row(cls, row: Bid) -> Self:
        """Show a bid."""
        return cls.model_validate(row)
