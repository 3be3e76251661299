"""What is held about persons, as data: where it stands, whose it is, why, on which ground, and for how long.

`docs/security/personal-data.md` is written from it, a person's export and erasure follow it, and so does the job that
deletes what its term has run out for. A column that is added to a table of persons and named here nowhere fails a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """Why something about a person is held."""

    ACCOUNT = "account"
    SIGN_IN = "sign_in"
    TELLING = "telling"
    WORK = "work"
    EVIDENCE = "evidence"
    ABROAD = "abroad"


class Ground(StrEnum):
    """On which ground of the Personal Information Protection Law, article 13, it is held."""

    CONTRACT = "contract"
    DUTY = "duty"


class Erasure(StrEnum):
    """What becomes of it when its person is erased."""

    DELETED = "deleted"
    REPLACED = "replaced"
    KEPT = "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """How long rows of a table are kept: so many days after a moment that they name."""

    days: int
    since: str
    only: str = "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one table holds about persons: `person` is the column that names whose it is.

    `secret` columns are never told, not even to their person; `abroad` names who outside our machines may be sent it.
    """

    table: str
    person: str
    columns: tuple[str, ...]
    purpose: Purpose
    ground: Ground
    erasure: Erasure
    term: Term | None = None
    secret: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    abroad: str = ""


YEAR = 365
HOLDINGS = (
    Holding(
        table="user_account",
        person="id",
        columns=("email", "name", "locale"),
        purpose=Purpose.ACCOUNT,
        ground=Ground.CONTRACT,
        erasure=Erasure.REPLACED,
        secret=("password_hash",),
        other=("duties",),
        abroad="e-mail server, provider of electronic signatures",
    ),
    Holding(
        table="sign_in",
        person="user_id",
        columns=("label", "agent"),
        purpose=Purpose.SIGN_IN,
        ground=Ground.CONTRACT,
        erasure=Erasure.DELETED,
        term=Term(days=30, since="expires_at"),
        secret=("secret_hash",),
        other=("scopes",),
    ),
    Holding(
        table="pending_sign_in",
        person="user_id",
        columns=("expires_at",),
        purpose=Purpose.SIGN_IN,
        ground=Ground.CONTRACT,
        erasure=Erasure.DELETED,
        term=Term(days=1, since="expires_at"),
        secret=("secret_hash",),
    ),
    Holding(
        table="second_factor",
        person="user_id",
        columns=("confirmed_at",),
        purpose=Purpose.SIGN_IN,
        ground=Ground.DUTY,
        erasure=Erasure.DELETED,
        secret=("sealed",),
    ),
    Holding(
        table="recovery_code",
        person="user_id",
        columns=("used_at",),
        purpose=Purpose.SIGN_IN,
        ground=Ground.DUTY,
        erasure=Erasure.DELETED,
        secret=("secret_hash",),
    ),
    Holding(
        table="recovery",
        person="user_id",
        columns=("email",),
        purpose=Purpose.SIGN_IN,
        ground=Ground.CONTRACT,
        erasure=Erasure.DELETED,
        secret=("secret_hash",),
        abroad="e-mail server",
    ),
    Holding(
        table="linked_identity",
        person="user_id",
        columns=("provider", "issuer", "subject"),
        purpose=Purpose.SIGN_IN,
        ground=Ground.CONTRACT,
        erasure=Erasure.DELETED,
    ),
    Holding(
        table="entry_link",
        person="invited_by",
        columns=("email", "expires_at"),
        purpose=Purpose.ACCOUNT,
        ground=Ground.CONTRACT,
        erasure=Erasure.DELETED,
        secret=("secret_hash",),
        other=("duties",),
    ),
    Holding(
        table="claim",
        person="user_id",
        columns=("credit_code", "name", "state", "reason", "evidence"),
        purpose=Purpose.ACCOUNT,
        ground=Ground.DUTY,
        erasure=Erasure.KEPT,
    ),
    Holding(
        table="field_disclosure",
        person="user_id",
        columns=("field", "tier", "reason", "changed_at"),
        purpose=Purpose.EVIDENCE,
        ground=Ground.DUTY,
        erasure=Erasure.KEPT,
    ),
    Holding(
        table="bureau_case",
        person="user_id",
        columns=("created_at", "reason"),
        purpose=Purpose.EVIDENCE,
        ground=Ground.DUTY,
        erasure=Erasure.KEPT,
    ),
    Holding(
        table="sign_in_throttle",
        person="email",
        columns=("email",),
        purpose=Purpose.SIGN_IN,
        ground=Ground.DUTY,
        erasure=Erasure.DELETED,
        term=Term(days=1, since="since"),
    ),
    Holding(
        table="channel",
        person="user_id",
        columns=("label", "zone", "place"),
        purpose=Purpose.TELLING,
        ground=Ground.CONTRACT,
        erasure=Erasure.DELETED,
        secret=("address",),
        other=("families",),
        abroad="chat service of the person's choice",
    ),
    Holding(
        table="calendar_feed",
        person="user_id",
        columns=("created_at",),
        purpose=Purpose.TELLING,
        ground=Ground.CONTRACT,
        erasure=Erasure.DELETED,
        secret=("secret_hash",),
    ),
    Holding(
        table="event",
        person="user_id",
        columns=("at", "code", "params"),
        purpose=Purpose.EVIDENCE,
        ground=Ground.DUTY,
        erasure=Erasure.KEPT,
        other=("audience", "digest_before", "digest_after"),
    ),
    Holding(
        table="job",
        person="user_id",
        columns=("created_at", "kind"),
        purpose=Purpose.WORK,
        ground=Ground.CONTRACT,
        erasure=Erasure.KEPT,
        term=Term(
            days=180,
            since="finished_at",
            only="not exists (select from suggestion s where s.job_id = job.id)"
            " and not exists (select from answer a where a.job_id = job.id)",
        ),
        other=("payload", "progress", "outcome"),
    ),
    Holding(
        table="import_batch",
        person="user_id",
        columns=("created_at", "filename"),
        purpose=Purpose.WORK,
        ground=Ground.CONTRACT,
        erasure=Erasure.KEPT,
        other=("sha256", "report"),
    ),
    Holding(
        table="lone_bid",
        person="user_id",
        columns=("created_at", "note"),
        purpose=Purpose.EVIDENCE,
        ground=Ground.CONTRACT,
        erasure=Erasure.KEPT,
    ),
    Holding(
        table="membership",
        person="delegate_id",
        columns=("created_at",),
        purpose=Purpose.WORK,
        ground=Ground.CONTRACT,
        erasure=Erasure.KEPT,
    ),
    Holding(
        table="invitation",
        person="answered_by",
        columns=("answered_at", "note"),
        purpose=Purpose.EVIDENCE,
        ground=Ground.CONTRACT,
        erasure=Erasure.KEPT,
        other=("reason",),
    ),
    Holding(
        table="confidentiality_acceptance",
        person="user_id",
        columns=("created_at",),
        purpose=Purpose.EVIDENCE,
        ground=Ground.CONTRACT,
        erasure=Erasure.KEPT,
    ),
    Holding(
        table="compliance_acknowledgement",
        person="user_id",
        columns=("created_at", "rule_id", "note"),
        purpose=Purpose.EVIDENCE,
        ground=Ground.DUTY,
        erasure=Erasure.KEPT,
        other=("pack", "pack_version", "subject"),
    ),
    Holding(
        table="signature",
        person="user_id",
        columns=("created_at", "sha256"),
        purpose=Purpose.EVIDENCE,
        ground=Ground.DUTY,
        erasure=Erasure.KEPT,
    ),
    Holding(
        table="envelope",
        person="user_id",
        columns=("created_at", "provider", "certificate"),
        purpose=Purpose.EVIDENCE,
        ground=Ground.DUTY,
        erasure=Erasure.KEPT,
        other=("sha256", "reference", "address"),
        abroad="provider of electronic signatures",
    ),
    Holding(
        table="evaluation",
        person="user_id",
        columns=("created_at", "text"),
        purpose=Purpose.EVIDENCE,
        ground=Ground.CONTRACT,
        erasure=Erasure.KEPT,
    ),
    Holding(
        table="evaluation_reply",
        person="user_id",
        columns=("created_at", "text"),
        purpose=Purpose.EVIDENCE,
        ground=Ground.CONTRACT,
        erasure=Erasure.KEPT,
    ),
    Holding(
        table="abroad_transfer",
        person="user_id",
        columns=("created_at", "receiver", "place", "passed"),
        purpose=Purpose.ABROAD,
        ground=Ground.DUTY,
        erasure=Erasure.KEPT,
        term=Term(days=3 * YEAR, since="created_at"),
    ),
    Holding(
        table="abroad_assessment",
        person="user_id",
        columns=("created_at", "number", "note"),
        purpose=Purpose.ABROAD,
        ground=Ground.DUTY,
        erasure=Erasure.KEPT,
        other=("basis",),
    ),
)
"""Every table with a column that names a person."""

OTHER_TERMS: Mapping[str, Term] = {
    "idempotency_key": Term(days=2, since="created_at"),
    "notice": Term(days=90, since="due_at", only="letter_id in (select id from letter where state <> 'waiting')"),
    "letter": Term(
        days=90,
        since="finished_at",
        only="not exists (select from notice where letter_id = letter.id)",
    ),
    "delivery": Term(days=90, since="finished_at", only="state <> 'waiting'"),
    "queue.pgqueuer_log": Term(days=30, since="created"),
    "request_count": Term(days=1, since="since"),
}
"""What is kept for a term though it names nobody: answers may quote persons, letters and deliveries are logs."""

UPLOADS = "uploads"
"""The folder of uploaded files below that of everything kept."""
UPLOAD_DAYS = 7
"""How long an uploaded file stays after it came."""


def terms() -> dict[str, Term]:
    """Return how long the rows of each table are kept that are not kept for good; referring rows come first.

    >>> kept = terms()
    >>> kept["request_count"].days, kept["sign_in"].days, "organisation" in kept
    (1, 30, False)
    """
    return dict(OTHER_TERMS) | {held.table: held.term for held in HOLDINGS if held.term}


def erased_name(identity: str) -> str:
    """Return what stands in the place of the name of a person who was erased.

    >>> erased_name("0198c0de-0000-7000-8000-0000000000c1")
    'erased-0198c0de'
    """
    return f"erased-{identity[:8]}"


def erased_address(identity: str) -> str:
    """Return the address that stands in the place of an erased person's; no mail can reach it (RFC 2606).

    >>> erased_address("0198c0de-0000-7000-8000-0000000000c1")
    'erased-0198c0de-0000-7000-8000-0000000000c1@erased.invalid'
    """
    return f"erased-{identity}@erased.invalid"
