"""Imports over HTTP: send a file, follow its job, read the account, take it back."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, MultipartBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import imports as actions
from api.intake.reading import Subject
from api.intake.sheet import MAX_BYTES, accept
from api.queries import imports as queries
from api.wire.imports import ImportIn, ImportOut
from api.wire.jobs import JobOut
from domain.actor import Actor

ROOM = MAX_BYTES + 64 * 1024
"""The largest file and the form around it."""


@post("/imports", operation_id="importFile", tags=["imports"], status_code=202, request_max_body_size=ROOM)
async def import_file(
    state: State,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    data: MultipartBody[ImportIn],
    subject: FromQuery[Subject],
    dry_run: FromQuery[bool] = False,
    on_error: Annotated[
        Literal["stop", "skip"], QueryParameter(description="Write nothing, or the good rows")
    ] = "stop",
    update: FromQuery[bool] = False,
) -> Response[JobOut]:
    """Send a file; the answer is a job that reads, judges and writes it, and whose subject is the import."""
    upload = accept(data.file.filename, await data.file.read())
    home = state.settings.home
    job = await actions.receive(
        session, actor, subject, upload, home, dry_run=dry_run, on_error=on_error, update=update
    )
    await session.refresh(job)
    return Response(JobOut.model_validate(job), headers={"Location": f"/api/v1/jobs/{job.id}"})


@get("/imports", operation_id="listImports", tags=["imports"])
async def list_imports(snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> tuple[ImportOut, ...]:
    """List one's latest imports, newest first."""
    return tuple(ImportOut.of(row, actor) for row in await queries.batches(snapshot, actor))


@get("/imports/{identity:uuid}", operation_id="getImport", tags=["imports"])
async def get_import(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> ImportOut:
    """Read the account of one import: what was written, what was left out and why, every fault."""
    return ImportOut.of(await queries.batch(snapshot, actor, identity), actor)


@post("/imports/{identity:uuid}/undoing", operation_id="undoImport", tags=["imports"], status_code=200)
async def undo_import(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> ImportOut:
    """Take back what an import wrote, if nothing else rests on it."""
    return ImportOut.of(await actions.undo(session, actor, identity), actor)


HANDLERS = [import_file, list_imports, get_import, undo_import]
