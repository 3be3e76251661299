"""What an import did, or would do: read, written, left out and why, refused and why. A value, to be said or kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any
from uuid import UUID

from api.intake.reading import Reading, Subject
from api.intake.tables import Skip
from domain.errors import Fault
from domain.kinds import BatchState
from domain.message import Message

MAX_TOLD = 500
EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many rows were left out for one reason, with the first few of them."""

    code: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """The whole account of one file. ``rows`` is what the file holds: written ones, unchanged, left out and faulty."""

    subject: Subject
    filename: str
    sha256: str
    form: str
    state: BatchState
    dry_run: bool
    rows: int
    accepted: int
    written: Mapping[str, int]
    skipped: tuple[Tally, ...]
    faults: tuple[Fault, ...]
    fault_count: int
    faulty_rows: int
    notices: tuple[Message, ...] = ()
    batch_id: UUID | None = None

    @property
    def skipped_count(self) -> int:
        """How many rows were left out on purpose."""
        return sum(tally.count for tally in self.skipped)

    def document(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "subject": self.subject.value,
            "filename": self.filename,
            "sha256": self.sha256,
            "form": self.form,
            "state": self.state.value,
            "dry_run": self.dry_run,
            "batch": str(self.batch_id) if self.batch_id else None,
            "rows": self.rows,
            "accepted": self.accepted,
            "written": dict(self.written),
            "skipped": [{"code": t.code, "count": t.count, "examples": list(t.examples)} for t in self.skipped],
            "faults": [{"where": f.where, "code": f.code, "params": dict(f.params)} for f in self.faults],
            "fault_count": self.fault_count,
            "faulty_rows": self.faulty_rows,
            "notices": [{"code": n.code, "params": dict(n.params)} for n in self.notices],
        }


@dataclass(slots=True, kw_only=True)
class Account:
    """Keeps count while a file is judged; ``report`` closes it."""

    reading: Reading
    skips: list[Skip] = made(default_factory=list)
    faults: list[Fault] = made(default_factory=list)
    faulty_rows: int = 0
    notices: list[Message] = made(default_factory=list)
    written: dict[str, int] = made(default_factory=dict)
    accepted: int = 0

    def __post_init__(self) -> None:
        self.skips.extend(self.reading.skips)
        self.faults.extend(self.reading.faults)
        self.faulty_rows += self.reading.faulty_rows
        self.notices.extend(self.reading.notices)

    def leave_out(self, place: str, code: str, given: str = "") -> None:
        """Note a row that is left out on purpose."""
        self.skips.append(Skip(place=place, code=code, given=given))

    def refuse(self, *faults: Fault) -> None:
        """Note the faults of one more row."""
        self.faults.extend(faults)
        self.faulty_rows += 1

    def report(self, state: BatchState, *, dry_run: bool = False, batch_id: UUID | None = None) -> ImportReport:
        """Return the account of the file as it now stands."""
        return ImportReport(
            subject=self.reading.subject,
            filename=self.reading.filename,
            sha256=self.reading.sha256,
            form=self.reading.form,
            state=state,
            dry_run=dry_run,
            rows=self.reading.rows,
            accepted=self.accepted,
            written=dict(self.written),
            skipped=tallied(self.skips),
            faults=tuple(self.faults[:MAX_TOLD]),
            fault_count=len(self.faults),
            faulty_rows=self.faulty_rows,
            notices=tuple(self.notices),
            batch_id=batch_id,
        )


def tallied(skips: Iterable[Skip]) -> tuple[Tally, ...]:
    """Count what was left out by reason, most frequent first."""
    grouped: dict[str, list[Skip]] = {}
    for skip in skips:
        grouped.setdefault(skip.code, []).append(skip)
    tallies = [
        Tally(
            code=code,
            count=len(group),
            examples=tuple(f"{one.place}: {one.given}" if one.given else one.place for one in group[:EXAMPLES]),
        )
        for code, group in grouped.items()
    ]
    return tuple(sorted(tallies, key=lambda tally: (-tally.count, tally.code)))
