"""What is held about the reader, his erasure; for watchers, what leaves the mainland."""

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import abroad as leaving
from api.actions import personal as actions
from api.auth import ended_cookie
from api.console.forms import Form, Reading, beside
from api.console.page import Reader, back, page
from api.queries import consortia
from api.queries import personal as queries
from api.wire.personal import AbroadOut, AssessmentIn, PersonalDataOut
from domain.errors import Invalid
from domain.kinds import BASIS_POINTS, AbroadBasis, Role

HOME = "/personal-data"
ABROAD = "/abroad"


@get(HOME)
async def own_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show everything that is held about the reader, why, and for how long."""
    user = await queries.person(snapshot, reader.actor)
    held = PersonalDataOut.of(user, await queries.about(snapshot, user)).held
    return page(reader, "personal", held=held)


@post(HOME + "/erasure")
async def erase(
    state: State,
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Erase the reader, who has typed his own address again; he is signed out by it."""
    await actions.erase_oneself(session, reader.actor, data.get("email", ""))
    return back("/login", "person-erased", ended_cookie(state))


@get(ABROAD)
async def abroad_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show of how many persons something left the mainland, and under which assessments. Raises NotAllowed."""
    return await counted(reader, snapshot)


async def counted(
    reader: Reader, session: AsyncSession, typed: Form | None = None, refused: Invalid | None = None
) -> Response[Any]:
    """Return the page, with what was typed and what was wrong with it."""
    found = await queries.abroad(session, reader.actor, (await consortia.clock(session)).year)
    return page(
        reader,
        "abroad",
        status=422 if refused else 200,
        found=AbroadOut.of(found, leaving.LIMIT),
        used=found.persons * BASIS_POINTS // leaving.LIMIT,
        bases=AbroadBasis,
        records=reader.actor.has(Role.OPERATOR),
        typed=typed or {},
        faults=beside(reader.locale, refused) if refused else {},
    )


@post(ABROAD)
async def record(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Record an assessment, or say beside the field what is wrong. Raises NotAllowed."""
    try:
        given = Reading(data).wire(
            AssessmentIn, {name: data.get(name, "") for name in ("number", "basis", "valid_to", "note")}
        )
        await leaving.record_assessment(session, reader.actor, given, (await consortia.clock(session)).date())
    except Invalid as refused:
        return await counted(reader, session, data, refused)
    return back(ABROAD, "assessment-recorded")


HANDLERS = (own_page, erase, abroad_page, record)
