"""Who may read what one's own firm declares, on the phone; and for the bureau, its cases and released statistics."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import cases as case_actions
from api.actions import disclosure as actions
from api.console.forms import Form, Reading, beside
from api.console.page import Reader, back, page
from api.queries import cases, statistics, visible
from api.queries import disclosure as queries
from api.wire.disclosure import CaseIn, GradeIn
from api.wire.statistics import listed, told, worded
from coalitions.statistics import ALL
from domain.errors import Invalid, NotAllowed, NotFound
from domain.kinds import DeclaredField, Disclosure, Role


@get("/my/disclosure")
async def disclosure_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show who may read each field, who said so and why, and the cases opened about the firm."""
    if not reader.supplies:
        raise NotAllowed(needed=str(Role.SUPPLIER))
    return await graded(reader, snapshot)


async def graded(
    reader: Reader, session: AsyncSession, field: str = "", typed: Form | None = None, refused: Invalid | None = None
) -> Response[Any]:
    """Show the tiers; beside one of them what is wrong with what was typed."""
    return page(
        reader,
        "disclosure",
        status=422 if refused else 200,
        grades=await queries.grades(session, reader.actor),
        cases=await cases.listed(session, reader.actor),
        tiers=Disclosure,
        about=field,
        typed=typed or {},
        faults=beside(reader.locale, refused) if refused else {},
    )


@post("/my/disclosure/{field:str}")
async def set_grade(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    field: FromPath[str],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Say who may read one field from now on, and why."""
    if field not in set(DeclaredField):
        raise NotFound(noun="field")
    try:
        given = Reading(data).wire(GradeIn, {"tier": data.get("tier", ""), "reason": data.get("reason", "")})
    except Invalid as refused:
        return await graded(reader, session, field, data, refused)
    await actions.grade(session, reader.actor, DeclaredField(field), given)
    return back("/my/disclosure", "disclosure-set")


@get("/bureau/statistics")
async def statistics_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """List the released tables. Raises NotAllowed."""
    rows = await statistics.releases(snapshot, reader.actor)
    return page(reader, "statistics", releases=[listed(row, reader.locale) for row in rows])


@get("/bureau/statistics/{identity:uuid}")
async def statistic_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Show one released table with its definition. Raises NotAllowed, NotFound."""
    table = told(await statistics.released(snapshot, reader.actor, identity), reader.locale)
    across = table.dimensions[1] if len(table.dimensions) > 1 else None
    places = [each.key for each in table.numbers]
    columns = sorted({key[1] for key in places}, key=_all_last) if across else [""]
    rows = sorted({key[0] for key in places}, key=_all_last)
    numbers = {(each.key[0], each.key[1] if across else ""): each.value for each in table.numbers}
    return page(
        reader,
        "statistic",
        table=table,
        rows=[(row, worded(table.dimensions[0], row, reader.locale)) for row in rows],
        columns=[(each, worded(across, each, reader.locale) if across else "") for each in columns],
        numbers=numbers,
    )


def _all_last(value: str) -> tuple[bool, str]:
    return value == ALL, value


@get("/bureau/cases")
async def cases_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """List the bureau's cases, with the form that opens one."""
    if not visible.officer(reader.actor):
        raise NotAllowed(needed=str(Role.BUREAU))
    return page(reader, "cases", cases=await cases.listed(snapshot, reader.actor), typed={}, faults={})


@post("/bureau/cases")
async def open_case(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], data: URLEncodedBody[dict[str, str]]
) -> Response[Any]:
    """Open a case about a firm named by its unified credit code or its id."""
    try:
        firm = await cases.named(session, reader.actor, data.get("firm", ""))
        given = Reading(data).wire(CaseIn, {"firm_id": firm, "reason": data.get("reason", "")})
    except Invalid as refused:
        rows = await cases.listed(session, reader.actor)
        faults = beside(reader.locale, refused)
        return page(reader, "cases", status=422, cases=rows, typed=data, faults=faults)
    await case_actions.open_case(session, reader.actor, given)
    return back("/bureau/cases", "case-opened")


@post("/bureau/cases/{identity:uuid}/readings", status_code=200)
async def read_case(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Show what the firm of an open case declares, and keep that it was read."""
    found = await case_actions.read(session, reader.actor, identity)
    return page(reader, "case", case=await cases.one(session, reader.actor, identity), found=found)


@post("/bureau/cases/{identity:uuid}/closing")
async def close_case(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Close an own case."""
    await case_actions.close(session, reader.actor, identity)
    return back("/bureau/cases", "case-closed")


HANDLERS = (
    disclosure_page,
    set_grade,
    statistics_page,
    statistic_page,
    cases_page,
    open_case,
    read_case,
    close_case,
)
