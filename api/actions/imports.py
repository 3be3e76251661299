"""Bringing files in, and taking a file back.

Everything happens in the caller's transaction. A file with faults writes nothing, unless the faulty rows are to be
skipped; what a batch writes carries its id, so that it can be undone as long as nothing else rests on it.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

from anyio import to_thread
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from api import safe
from api.actions import phrases
from api.actions.importing import capabilities, firms, links, opportunities, products
from api.actions.importing.plan import NOUNS, Options, Plan, Planner, Report
from api.actions.limits import room_for_file
from api.intake.reading import Reading, Subject
from api.intake.report import Account, ImportReport
from api.intake.sheet import Upload, accept, refused
from api.outbox import enqueue, record
from api.queries import imports
from api.tenancy import Office, by
from domain.actor import Actor
from domain.errors import Fault, NotAllowed, StillReferenced
from domain.kinds import BatchState, Role
from domain.message import Message
from domain.personal import UPLOADS
from domain.records import ImportBatch, Job, Organisation, OrganisationAlias

OnError = Literal["stop", "skip"]
OPERATOR_NAME = "链舟平台运营方"

PLANNERS: Mapping[Subject, Planner] = {
    Subject.FIRMS: firms.plan,
    Subject.CAPABILITIES: capabilities.plan,
    Subject.LINKS: links.plan,
    Subject.PRODUCTS: products.plan,
    Subject.OPPORTUNITIES: opportunities.plan,
}
RIGHTS: Mapping[Subject, frozenset[Role]] = {
    Subject.FIRMS: frozenset({Role.OPERATOR, Role.BUREAU}),
    Subject.LINKS: frozenset({Role.OPERATOR, Role.BUREAU}),
    Subject.PRODUCTS: frozenset({Role.OPERATOR, Role.BUREAU}),
    Subject.CAPABILITIES: frozenset({Role.OPERATOR, Role.SUPPLIER, Role.SERVICE_PROVIDER}),
    Subject.OPPORTUNITIES: frozenset({Role.OPERATOR, Role.CHAIN_LEADER}),
}
UNDONE_IN_ORDER = ("supply_link", "narrower_product", "capability", "opportunity", "organisation")


async def bring_in(
    session: AsyncSession,
    actor: Actor,
    reading: Reading,
    *,
    dry_run: bool = False,
    on_error: OnError = "stop",
    update: bool = False,
    owner_id: UUID | None = None,
    batch: ImportBatch | None = None,
    report: Report | None = None,
) -> ImportReport:
    """Write what `reading` holds and return the account of it; a dry run judges everything and writes nothing.

    With ``on_error="stop"`` one faulty row is enough to write nothing: the report is then ``refused``. Rows that are
    there already are left out when they say the same, and are faults when they say something else, unless `update`.
    `owner_id` is whose the opportunities are; `batch` is a batch that was opened when the file was uploaded.

    Raises NotAllowed, Stale.
    """
    _allow(actor, reading.subject, owner_id)
    told = report or _silent
    await imports.take_turn(session)
    account = Account(reading=reading)
    await _notice_the_same_file(session, actor, account)
    await told("checking", 0, reading.rows)
    plan = await PLANNERS[reading.subject](session, account, Options(actor=actor, update=update, owner_id=owner_id))
    await told("checking", reading.rows, reading.rows)
    account.written = plan.counts()
    refused = bool(account.faults) and on_error == "stop"
    if refused:
        account.written, account.accepted = {}, 0
    if dry_run or refused:
        return _close(account, batch, refused=refused, dry_run=dry_run)
    return await _write(session, actor, account, plan, batch, told)


async def receive(
    session: AsyncSession,
    actor: Actor,
    subject: Subject,
    upload: Upload,
    home: Path,
    *,
    dry_run: bool = False,
    on_error: OnError = "stop",
    update: bool = False,
) -> Job:
    """Keep an uploaded file under `home` and enqueue the job that brings it in; the job's subject is the batch.

    Raises NotAllowed, TooMany.
    """
    _allow(actor, subject, None)
    await room_for_file(session, actor.organisation_id)
    await to_thread.run_sync(_keep, home / UPLOADS, upload)
    batch = _opened(actor, subject, upload.filename, upload.sha256)
    session.add(batch)
    payload = {
        "subject": subject.value,
        "dry_run": dry_run,
        "on_error": on_error,
        "update": update,
        "file": upload.sha256,
    }
    job = Job(
        kind="import",
        subject_id=batch.id,
        organisation_id=actor.organisation_id,
        user_id=actor.user_id,
        payload=payload,
    )
    await enqueue(session, job)
    return job


async def refuse(
    session: AsyncSession, actor: Actor, batch_id: UUID, subject: Subject, faults: tuple[Fault, ...]
) -> ImportBatch:
    """Close a batch whose file could not be read at all, keeping why."""
    batch = await imports.batch(session, actor, batch_id, lock=True)
    nothing = Reading(
        subject=subject,
        filename=batch.filename,
        sha256=batch.sha256,
        form="",
        faults=faults,
    )
    _close(Account(reading=nothing), batch, refused=True, dry_run=False)
    await session.flush()
    return batch


async def the_operator(session: AsyncSession) -> Actor:
    """Return the platform as an actor; where nobody runs it yet, it gets an organisation of its own."""
    known = await imports.operator(session)
    if known is not None:
        return known
    platform = Organisation(name=OPERATOR_NAME, registered=False, roles=[Role.OPERATOR.value])
    try:
        async with session.begin_nested():
            session.add(platform)
    except IntegrityError:  # another worker was first; its row can be read now
        return await the_operator(session)
    return Actor(user_id=None, organisation_id=platform.id, roles=frozenset({Role.OPERATOR}))


async def undo(session: AsyncSession, actor: Actor, batch_id: UUID) -> ImportBatch:
    """Delete what a batch wrote and take back what it changed.

    Raises NotFound, IllegalTransition when it is undone already, StillReferenced when something else rests on it.
    """
    batch = await imports.batch(session, actor, batch_id, lock=True)
    batch.become(BatchState.UNDONE)
    await _unwrite(session, actor, batch)
    return batch


@by(Office.IMPORTER)
async def _unwrite(session: AsyncSession, actor: Actor, batch: ImportBatch) -> None:
    await imports.take_turn(session)
    table = await imports.resting_on(session, batch.id)
    if table is not None:
        raise StillReferenced(noun=table)
    for amended in batch.report.get("amended", ()):
        await _take_back(session, amended)
    await session.flush()
    for name in UNDONE_IN_ORDER:
        written = SQLModel.metadata.tables[name]
        await session.execute(written.delete().where(written.c.batch_id == batch.id))
    await record(session, actor, "import.undone", batch.id, filename=batch.filename, written=batch.written)
    await session.flush()


def _allow(actor: Actor, subject: Subject, owner_id: UUID | None) -> None:
    if not RIGHTS[subject] & actor.roles:
        raise NotAllowed(needed=",".join(sorted(RIGHTS[subject])))
    if owner_id not in (None, actor.organisation_id) and not actor.has(Role.OPERATOR):
        raise NotAllowed(needed=Role.OPERATOR.value)


async def _notice_the_same_file(session: AsyncSession, actor: Actor, account: Account) -> None:
    reading = account.reading
    earlier = await imports.earlier_batch(session, actor, reading.subject.kind, reading.sha256)
    if earlier is not None:
        account.notices.append(Message(code="same-file", params={"batch": str(earlier.id), "rows": earlier.rows}))


def _close(account: Account, batch: ImportBatch | None, *, refused: bool, dry_run: bool) -> ImportReport:
    state = BatchState.REFUSED if refused else BatchState.DONE
    report = account.report(state, dry_run=dry_run, batch_id=batch.id if batch else None)
    if batch is not None:
        _fill(batch, report, [])
        batch.become(state)
    return report


async def _write(
    session: AsyncSession, actor: Actor, account: Account, plan: Plan, batch: ImportBatch | None, told: Report
) -> ImportReport:
    reading = account.reading
    kept = batch or _opened(actor, reading.subject, reading.filename, reading.sha256)
    session.add(kept)
    await session.flush()
    for table in UNDONE_IN_ORDER:
        for row in plan.rows[table]:
            row["batch_id"] = kept.id
    amended = [amendment.document() for amendment in plan.amendments]
    await plan.write(session, told)
    await phrases.remember(session, actor, plan.phrases)
    report = account.report(BatchState.DONE, batch_id=kept.id)
    _fill(kept, report, amended)
    kept.become(BatchState.DONE)
    await record(
        session,
        actor,
        "import.done",
        kept.id,
        kind=reading.subject.value,
        filename=kept.filename,
        rows=report.rows,
        written=report.accepted,
        skipped=report.skipped_count + report.faulty_rows,
    )
    await session.flush()
    return report


def _keep(folder: Path, upload: Upload) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / upload.sha256).write_bytes(safe.seal(f"{UPLOADS}/{upload.sha256}", upload.content))


def uploaded(home: Path, sha256: str, filename: str) -> Upload:
    """Return a file that was uploaded before. Raises Invalid where it is gone, SafeClosed where it was changed."""
    place = home / UPLOADS / sha256
    if not place.is_file():
        raise refused(filename, "file-absent")
    return accept(filename, safe.open_sealed(f"{UPLOADS}/{sha256}", place.read_bytes()))


def _opened(actor: Actor, subject: Subject, filename: str, sha256: str) -> ImportBatch:
    return ImportBatch(
        id=uuid4(),
        kind=subject.kind,
        filename=filename[:200],
        sha256=sha256,
        organisation_id=actor.organisation_id,
        user_id=actor.user_id,
    )


def _fill(batch: ImportBatch, report: ImportReport, amended: list[dict[str, Any]]) -> None:
    batch.rows, batch.written = report.rows, 0 if report.dry_run else report.accepted
    batch.skipped = report.skipped_count + report.faulty_rows
    batch.report = report.document() | {"amended": amended}


async def _take_back(session: AsyncSession, amended: dict[str, Any]) -> None:
    for scheme, value in amended["aliases"]:
        alias = await session.get(OrganisationAlias, (scheme, value))
        if alias is not None:
            await session.delete(alias)
    kind = NOUNS[amended["table"]]
    row = await session.get(kind, UUID(amended["id"]))
    if row is not None:
        for name, value in amended["before"].items():
            setattr(row, name, _restored(kind, name, value))


def _restored(kind: type[Any], name: str, value: Any) -> Any:
    is_day = kind.__table__.c[name].type.python_type is date
    return date.fromisoformat(value) if is_day and value is not None else value


async def _silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""
