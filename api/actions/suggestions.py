"""Asking for suggestions, and keeping what a run found."""

from dataclasses import fields, is_dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions.limits import room_for_job
from api.outbox import enqueue, record
from api.queries import visible
from api.wire.jobs import SuggestIn
from coalitions.suggestion import Suggested
from domain.actor import Actor
from domain.errors import IllegalTransition, NotAllowed
from domain.kinds import OpportunityState, RunState
from domain.message import Message
from domain.records import Job, Suggestion


async def ask(session: AsyncSession, actor: Actor, opportunity: UUID, given: SuggestIn) -> Job:
    """Queue a run for an own, published opportunity. Raises NotFound, NotAllowed, IllegalTransition, TooMany."""
    row = await visible.opportunity(session, actor, opportunity)
    if row.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="owner")
    if row.state is not OpportunityState.PUBLISHED:
        raise IllegalTransition(current=str(row.state), wanted="suggestion", possible=str(OpportunityState.PUBLISHED))
    if given.consortium_id is not None:
        await visible.consortium(session, actor, given.consortium_id)
    await room_for_job(session, actor.organisation_id)
    job = Job(
        kind="suggest",
        subject_id=row.id,
        organisation_id=actor.organisation_id,
        user_id=actor.user_id,
        payload=given.model_dump(mode="json"),
    )
    await enqueue(session, job)
    await record(session, actor, "suggestion.asked", job.id, opportunity_id=row.id, title=row.title)
    return job


async def cancel(session: AsyncSession, actor: Actor, identity: UUID) -> Job:
    """Cancel a job that has not ended; a running solve keeps nothing. Raises NotFound, IllegalTransition."""
    job = await visible.job(session, actor, identity, lock=True)
    job.become(RunState.CANCELLED)
    await session.flush()
    return job


async def keep(
    session: AsyncSession, actor: Actor, job_id: UUID, opportunity: UUID, edition: int, found: Suggested
) -> Suggestion:
    """Keep a run's plans, without any price. The run is kept also when the opportunity was amended meanwhile: its
    edition says which version it answers, and no consortium can be formed from an outdated one.
    """
    row = Suggestion(
        opportunity_id=opportunity,
        job_id=job_id,
        edition=edition,
        digest=found.digest,
        seed=found.seed,
        status=found.status,
        stopped=found.stopped,
        gap=found.gap,
        seconds=round(found.seconds, 3),
        candidates=found.candidates,
        within_budget=found.within_budget,
        priced=found.priced,
        closed=found.closed,
        plans=[plain(proposal) for proposal in found.proposals],
        missing=[plain(figure) for figure in found.missing],
        diagnosis=[plain(message) for message in found.diagnosis],
        coverage=[plain(covered) for covered in found.coverage],
    )
    session.add(row)
    await session.flush()
    await record(
        session, actor, "suggestion.done", row.id, opportunity_id=opportunity, status=row.status, plans=len(row.plans)
    )
    return row


def plain(value: Any) -> Any:
    """Return values with ids as text and messages as code and params, ready for JSON."""
    match value:
        case UUID():
            return str(value)
        case Message():
            return {"code": value.code, "params": dict(value.params)}
        case dict():
            return {key: plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case _ if is_dataclass(value):
            return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
        case _:
            return value
