"""Personal data: what is held about oneself, one's erasure, what leaves the mainland."""

from litestar import Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import abroad as leaving
from api.actions import personal as actions
from api.auth import ended_cookie
from api.files import FILE
from api.idempotency import TELLS_A_SECRET
from api.queries import consortia
from api.queries import personal as queries
from api.spreadsheets import attachment
from api.wire.personal import AbroadOut, AssessmentIn, AssessmentOut, ErasureIn, PersonalDataOut
from domain.actor import Actor

TAGS = ["personal data"]


@get("/personal-data", operation_id="getPersonalData", opt={FILE: True}, tags=TAGS)
async def get_personal_data(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> Response[PersonalDataOut]:
    """Get everything that is held about oneself, with why and for how long; secrets are never told."""
    user = await queries.person(snapshot, actor)
    out = PersonalDataOut.of(user, await queries.about(snapshot, user))
    headers = {"Content-Disposition": attachment("personal-data.json"), "Cache-Control": "private, no-store"}
    return Response(out, headers=headers)


@post("/personal-data/erasure", operation_id="erasePerson", tags=TAGS, status_code=204, opt={TELLS_A_SECRET: True})
async def erase_person(
    state: State, session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[ErasureIn]
) -> Response[None]:
    """Erase oneself: the account ends at once; what the law asks to keep stays under a name that says nothing."""
    await actions.erase_oneself(session, actor, data.email)
    return Response(None, cookies=[ended_cookie(state)])


@get("/abroad", operation_id="getAbroad", tags=TAGS)
async def get_abroad(snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> AbroadOut:
    """Read of how many persons something left the mainland this year, under which assessments, and what was stopped."""
    year = (await consortia.clock(snapshot)).year
    return AbroadOut.of(await queries.abroad(snapshot, actor, year), leaving.LIMIT)


@post("/abroad/assessments", operation_id="recordAssessment", tags=TAGS)
async def record_assessment(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[AssessmentIn]
) -> AssessmentOut:
    """Record, as operator, the number under which personal data may leave the mainland, and until when."""
    today = (await consortia.clock(session)).date()
    return AssessmentOut.model_validate(await leaving.record_assessment(session, actor, data, today))


HANDLERS = [get_personal_data, erase_person, get_abroad, record_assessment]
