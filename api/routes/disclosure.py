"""Who may read what a firm declares, and cases of the bureau, over HTTP."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import cases as case_actions
from api.actions import disclosure as actions
from api.queries import cases
from api.queries import disclosure as queries
from api.queries.disclosure import Shown
from api.wire.disclosure import CaseIn, CaseOut, GradeIn, GradeOut, ReadInCase, ShownOut
from domain.actor import Actor
from domain.kinds import DeclaredField


def read_in_case(found: Shown) -> ReadInCase:
    """Return what an officer reads; to whom the firm shows it otherwise is not his business."""
    return ReadInCase(
        field=found.field, capability=found.capability, number=found.number, unit=found.unit, words=found.words
    )


@get("/disclosure", operation_id="getDisclosure", tags=["firms"])
async def get_disclosure(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> tuple[GradeOut, ...]:
    """Read who may read each field of what one's own firm declares."""
    return tuple(map(GradeOut.model_validate, await queries.grades(snapshot, actor)))


@put("/disclosure/{field:str}", operation_id="setDisclosure", tags=["firms"])
async def set_disclosure(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    field: Annotated[DeclaredField, PathParameter(description="What of the declarations")],
    data: JSONBody[GradeIn],
) -> tuple[GradeOut, ...]:
    """Say who may read a field from now on, and why; for prices and quantities, of all that is declared so far."""
    await actions.grade(session, actor, field, data)
    return tuple(map(GradeOut.model_validate, await queries.grades(session, actor)))


@get("/firms/{identity:uuid}/declared", operation_id="getDeclared", tags=["firms"])
async def get_declared(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> tuple[ShownOut, ...]:
    """Read what a firm shows to whoever stands to it as one does: everybody, matched, bound to confidentiality."""
    return tuple(map(ShownOut.model_validate, await queries.shown(snapshot, actor, identity)))


@get("/cases", operation_id="listCases", tags=["cases"])
async def list_cases(snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> tuple[CaseOut, ...]:
    """List the cases one's own bureau opened; as a firm, those that were opened about it."""
    return tuple(CaseOut(**asdict(row)) for row in await cases.listed(snapshot, actor))


@post("/cases", operation_id="openCase", tags=["cases"])
async def open_case(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[CaseIn]
) -> CaseOut:
    """Open a case for a day, to read what a named firm declares; the firm is told, with the reason."""
    row = await case_actions.open_case(session, actor, data)
    return CaseOut(**asdict(await cases.one(session, actor, row.id)))


@post("/cases/{identity:uuid}/readings", operation_id="readInCase", tags=["cases"], status_code=200)
async def read_case(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> tuple[ReadInCase, ...]:
    """Read what the firm of an open case declares, without prices; that it was read is kept."""
    return tuple(map(read_in_case, await case_actions.read(session, actor, identity)))


@post("/cases/{identity:uuid}/closing", operation_id="closeCase", tags=["cases"], status_code=200)
async def close_case(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> CaseOut:
    """Close an own case before its day has passed."""
    row = await case_actions.close(session, actor, identity)
    return CaseOut(**asdict(await cases.one(session, actor, row.id)))


HANDLERS = [get_disclosure, set_disclosure, get_declared, list_cases, open_case, read_case, close_case]
