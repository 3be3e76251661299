"""What goes over the wire about rules of law and what they find."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, StringConstraints

from api.i18n import Locale, say
from api.queries.compliance import Compliance, Statement
from api.wire.base import Wire
from coalitions.compliance import Finding
from coalitions.matching import Outcome
from domain.kinds import Clean, Printable
from domain.law import Basis, Pack, RuleId, Severity, Stage, Wording

Reason = Annotated[str, StringConstraints(min_length=2, max_length=2_000), Clean, Printable]

EXAMPLE: dict[str, Any] = {
    "consortium_id": "0198c0de-0000-7000-8000-00000000000a",
    "on": "2026-12-01",
    "clear": False,
    "stops": [],
    "waiting": ["REG-37a"],
    "packs": [{"id": "cn-bid", "version": "2026.11", "title": "中国招标投标"}],
    "findings": [
        {
            "rule_id": "REG-37a",
            "pack": "cn-bid",
            "version": "2026.11",
            "title": "公告载明是否接受联合体",
            "says": "招标人应当在资格预审公告、招标公告或者投标邀请书中载明是否接受联合体投标。请确认公告接受联合体。",
            "source": "《招标投标法实施条例》第三十七条",
            "since": "2012-02-01",
            "until": None,
            "severity": "warn",
            "basis": "E",
            "before": "signature",
            "outcome": "fail",
            "subject": "",
            "code": "document-missing",
            "params": {},
            "found": "尚无人对此作出说明。",
            "acknowledged": False,
            "open": True,
        }
    ],
    "acknowledgements": [
        {
            "rule_id": "EXP-12",
            "pack": "cn-export",
            "pack_version": "2026.11",
            "subject": "WP01",
            "note": "已委托归类，非管制物项。",
            "person": "演示用户",
            "organisation_id": "0198c0de-0000-7000-8000-000000000002",
            "stated_on": "2026-11-30",
            "created_at": "2026-11-30T02:00:00Z",
        }
    ],
}


def worded(locale: Locale, wording: Wording) -> str:
    """Return a text of the rules in the reader's language."""
    return wording.zh if locale == "zh-CN" else wording.en


class AcknowledgementIn(Wire):
    """A person's statement on one rule: that its findings are known, or that its document is at hand, and where."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rule_id": "REG-37a", "note": "公告第 3.4 条接受联合体。"}]}
    )

    rule_id: RuleId
    note: Reason


class PackOut(Wire):
    """A pack of rules that had something to say."""

    id: str
    version: str
    title: str

    @classmethod
    def from_pack(cls, pack: Pack, locale: Locale) -> Self:
        """Word a pack."""
        return cls(id=pack.id, version=pack.version, title=worded(locale, pack.title))


class FindingOut(Wire):
    """How one rule came out about one subject: `says` is what it asks, `found` what was found.

    `severity` is the one that counts: a rule with basis K does no more than warn. `open` asks for a statement still.
    """

    rule_id: str
    pack: str
    version: str
    title: str
    says: str
    source: str
    since: date
    until: date | None
    severity: Severity
    basis: Basis
    before: Stage
    outcome: Outcome
    subject: str
    code: str
    params: dict[str, Any]
    found: str
    acknowledged: bool
    open: bool

    @classmethod
    def from_finding(cls, finding: Finding, locale: Locale) -> Self:
        """Word a finding."""
        rule = finding.rule
        return cls(
            rule_id=rule.id,
            pack=finding.pack,
            version=finding.version,
            title=worded(locale, rule.title),
            says=worded(locale, rule.says),
            source=worded(locale, rule.source),
            since=rule.since,
            until=rule.until,
            severity=finding.severity,
            basis=rule.basis,
            before=rule.before,
            outcome=finding.outcome,
            subject=finding.subject,
            code=finding.code,
            params=dict(finding.params),
            found=say(locale, finding.message, section="law"),
            acknowledged=finding.acknowledged,
            open=finding.open,
        )


class AcknowledgementOut(Wire):
    """Who stated what about which rule, and when."""

    rule_id: str
    pack: str
    pack_version: str
    subject: str
    note: str
    person: str
    organisation_id: UUID
    stated_on: date
    created_at: datetime

    @classmethod
    def from_statement(cls, statement: Statement) -> Self:
        """Show an acknowledgement."""
        fields = {name: getattr(statement.row, name) for name in cls.model_fields if name != "person"}
        return cls(**fields, person=statement.person)


class ComplianceOut(Wire):
    """What the law finds about a consortium: `stops` and `waiting` name the rules that stand before the signature."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    consortium_id: UUID
    on: date
    clear: bool
    stops: tuple[str, ...]
    waiting: tuple[str, ...]
    packs: tuple[PackOut, ...]
    findings: tuple[FindingOut, ...]
    acknowledgements: tuple[AcknowledgementOut, ...]

    @classmethod
    def from_compliance(cls, found: Compliance, locale: Locale) -> Self:
        """Show to one reader what he may know; to the parties, whether the whole is clear."""
        stops = tuple(sorted({each.rule_id for each in found.weighed if each.stops}))
        waiting = tuple(sorted({each.rule_id for each in found.weighed if each.waits}))
        return cls(
            consortium_id=found.consortium.id,
            on=found.on,
            clear=not stops and not waiting,
            stops=stops,
            waiting=waiting,
            packs=tuple(PackOut.from_pack(pack, locale) for pack in found.packs),
            findings=tuple(FindingOut.from_finding(each, locale) for each in found.shown),
            acknowledgements=tuple(map(AcknowledgementOut.from_statement, found.statements)),
        )
