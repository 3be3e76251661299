"""The optimizer's answers as pages: buttons that ask, a page that follows the question and shows what was found."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import answers as actions
from api.actions import suggestions
from api.console.forms import Reading
from api.console.page import Reader, back, page
from api.i18n import Locale, say, speaks
from api.queries import answers, opportunities
from api.wire.answers import TAKES, AnswerOut, GuidanceIn, PortfolioIn, QuestionIn
from api.wire.jobs import JobOut
from domain.actor import Actor
from domain.kinds import OpportunityState
from domain.message import Message
from domain.records import Answer, Job, Opportunity

MOST_PROJECTS = 60


@get("/questions/{identity:uuid}")
async def question_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Follow one's own question; once it is answered, show the answer. Raises NotFound."""
    job, row = await answers.job_of(snapshot, reader.actor, identity)
    projects = await _projects(snapshot, reader.actor, job, row)
    return page(
        reader,
        "answer",
        kind=job.payload["kind"],
        job=JobOut.model_validate(job),
        out=AnswerOut.from_row(row, reader.locale) if row else None,
        refusal=_refusal(reader.locale, job.outcome),
        projects=projects,
        project=next(iter(projects.values())) if len(projects) == 1 else None,
    )


async def _projects(session: AsyncSession, actor: Actor, job: Job, row: Answer | None) -> Mapping[UUID, Opportunity]:
    """Return the projects a question is about, by id, as far as the reader may see them still."""
    named = [UUID(each) for each in job.payload.get("opportunity_ids", ())]
    if row is not None and row.opportunity_id is not None:
        named.append(row.opportunity_id)
    return await opportunities.by_id(session, actor, named)


def _refusal(locale: Locale, outcome: Mapping[str, Any]) -> str | None:
    """Say why a question was not answered, where there is a sentence for it."""
    code = outcome.get("code")
    if code is None or not speaks(locale, code, section="refusal"):
        return None
    return say(locale, Message(code=code, params=outcome.get("params", {})), section="refusal")


@post("/questions/{identity:uuid}/cancellation")
async def cancel(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Stop a question that is not answered yet; one that has ended needs no stopping."""
    job, row = await answers.job_of(session, reader.actor, identity)
    if row is None and job.state in answers.OPEN:
        await suggestions.cancel(session, reader.actor, identity)
    return back(f"/questions/{identity}", "run-cancelled")


@post("/suggestions/{identity:uuid}/questions")
async def ask(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Ask about a suggestion, or about a consortium made from it, and follow the question."""
    form = Reading(data)
    kind = form.text("kind") or ""
    sent = {"plan": form.whole("plan"), "consortium_id": form.text("consortium_id"), "firm_id": form.text("firm_id")}
    taken = {name: value for name, value in sent.items() if value is not None and name in TAKES.get(kind, ())}
    job = await actions.ask(session, reader.actor, identity, form.wire(QuestionIn, {"kind": kind, **taken}))
    return back(f"/questions/{job.id}")


@post("/opportunities/{identity:uuid}/questions")
async def ask_why_not_me(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Ask, as a firm, what would bring one into a project, and follow the question."""
    job = await actions.ask_guidance(session, reader.actor, identity, GuidanceIn())
    return back(f"/questions/{job.id}")


@get("/portfolios")
async def portfolio_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Offer the published projects that may be staffed together: one's own, or as bureau all."""
    return page(reader, "portfolio", items=await _choice(snapshot, reader), faults={})


async def _choice(session: AsyncSession, reader: Reader) -> list[Opportunity]:
    rows, _ = await opportunities.listed(
        session,
        reader.actor,
        state=OpportunityState.PUBLISHED,
        mine=not reader.watches,
        limit=MOST_PROJECTS,
    )
    return rows


@post("/portfolios")
async def ask_for_portfolio(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Ask which of the chosen projects to staff, and follow the question."""
    form = Reading(data)
    chosen = [name.removeprefix("p.") for name in data if name.startswith("p.")]
    given = form.wire(PortfolioIn, {"opportunity_ids": chosen, "sme_floor": form.whole("sme_floor") or 0})
    job = await actions.ask_portfolio(session, reader.actor, given)
    return back(f"/questions/{job.id}")


HANDLERS = (question_page, cancel, ask, ask_why_not_me, portfolio_page, ask_for_portfolio)
