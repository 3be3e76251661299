"""The import job: an uploaded file is read outside any transaction, then judged and written in the job's own."""

from functools import partial
from pathlib import Path
from typing import Any

from anyio import from_thread, to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import imports
from api.db import transaction
from api.intake.reading import Reading, Subject, read
from api.jobs import Effect, JobContext
from api.queries import imports as known
from api.tenancy import Office, doing, through
from domain.errors import Invalid


async def bring_in(context: JobContext) -> Effect:
    """Read the upload that the payload names and return the effect that writes it; its outcome is the report."""
    subject = Subject(context.payload["subject"])
    assert context.subject_id is not None
    batch = context.subject_id
    async with transaction(context.sessions, doing(Office.WORKER, context.actor)) as session:
        filename = (await known.batch(session, context.actor, batch)).filename
    sha256 = Path(str(context.payload["file"])).name

    async def report(stage: str, done: int, total: int) -> None:
        await context.report({"stage": stage, "done": done, "all": total})

    def told(done: int, total: int) -> None:
        from_thread.run(report, "reading", done, total)

    try:
        upload = await to_thread.run_sync(imports.uploaded, context.settings.home, sha256, filename)
        reading = await to_thread.run_sync(read, subject, upload, told)
    except Invalid as refusal:
        return partial(_refuse, context, subject, refusal)
    return partial(_write, context, reading)


async def _refuse(context: JobContext, subject: Subject, refusal: Invalid, session: AsyncSession) -> dict[str, Any]:
    assert context.subject_id is not None
    async with through(session, Office.IMPORTER):
        batch = await imports.refuse(session, context.actor, context.subject_id, subject, refusal.faults)
    return {"code": "import-refused", "batch": str(batch.id)}


async def _write(context: JobContext, reading: Reading, session: AsyncSession) -> dict[str, Any]:
    assert context.subject_id is not None

    async def told(stage: str, done: int, total: int) -> None:
        await context.report({"stage": stage, "done": done, "all": total})

    async with through(session, Office.IMPORTER):
        batch = await known.batch(session, context.actor, context.subject_id, lock=True)
        report = await imports.bring_in(
            session,
            context.actor,
            reading,
            dry_run=bool(context.payload.get("dry_run")),
            on_error="skip" if context.payload.get("on_error") == "skip" else "stop",
            update=bool(context.payload.get("update")),
            batch=batch,
            report=told,
        )
    return {"code": f"import-{report.state}", "batch": str(batch.id), "rows": report.rows, "accepted": report.accepted}
