"""The optimizer's answers over HTTP: ask, follow the job, read the answer."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import answers as actions
from api.i18n import locale_of
from api.queries import answers as queries
from api.queries import visible
from api.wire.answers import AnswerLine, AnswerOut, GuidanceIn, PortfolioIn, QuestionIn
from api.wire.jobs import JobOut
from domain.actor import Actor
from domain.records import Job


async def accepted(session: AsyncSession, job: Job) -> Response[JobOut]:
    """Answer with the job that was queued, and where to follow it."""
    await session.refresh(job)
    return Response(JobOut.model_validate(job), headers={"Location": f"/api/v1/jobs/{job.id}"})


@post("/suggestions/{identity:uuid}/answers", operation_id="askAboutSuggestion", tags=["answers"], status_code=202)
async def ask_about_suggestion(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[QuestionIn],
) -> Response[JobOut]:
    """Ask the optimizer about an own suggestion: why, what if, what it costs, whom to ask first, how to share."""
    return await accepted(session, await actions.ask(session, actor, identity, data))


@post("/opportunities/{identity:uuid}/answers", operation_id="askWhyNotMe", tags=["answers"], status_code=202)
async def ask_why_not_me(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[GuidanceIn],
) -> Response[JobOut]:
    """Ask, as a firm, what would bring one into a published project."""
    return await accepted(session, await actions.ask_guidance(session, actor, identity, data))


@post("/portfolios", operation_id="askForPortfolio", tags=["answers"], status_code=202)
async def ask_for_portfolio(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[PortfolioIn]
) -> Response[JobOut]:
    """Ask which of several published projects to staff over one capacity."""
    return await accepted(session, await actions.ask_portfolio(session, actor, data))


@get("/answers", operation_id="listAnswers", tags=["answers"])
async def list_answers(
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    opportunity: FromQuery[UUID | None] = None,
    consortium: FromQuery[UUID | None] = None,
) -> tuple[AnswerLine, ...]:
    """List one's own answers, the newest fifty, newest first."""
    rows = await queries.listed(snapshot, actor, opportunity=opportunity, consortium=consortium)
    return tuple(map(AnswerLine.model_validate, rows))


@get("/answers/{identity:uuid}", operation_id="getAnswer", tags=["answers"])
async def get_answer(
    request: Request[Any, Any, Any],
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
) -> AnswerOut:
    """Read an answer: what it rests on, and what was found."""
    return AnswerOut.from_row(await visible.answer(snapshot, actor, identity), locale_of(request))


HANDLERS = [ask_about_suggestion, ask_why_not_me, ask_for_portfolio, list_answers, get_answer]
