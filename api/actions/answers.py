"""Asking the optimizer for answers, within limits, and keeping what it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions.suggestions import plain
from api.outbox import enqueue, record
from api.queries import answers, consortia, opportunities, visible
from api.queries.answers import KIND, OPEN
from api.wire.answers import TAKES, GuidanceIn, PortfolioIn, QuestionIn
from api.wire.base import Wire
from coalitions.basis import PricesClosed
from coalitions.formation import PENDING
from domain.actor import Actor
from domain.errors import Fault, IllegalTransition, Invalid, NotAllowed, NotFound, TooMany, VersionNotCurrent
from domain.kinds import AnswerKind, OpportunityState, Role
from domain.records import Answer, Job, Opportunity, Suggestion

MOST_OPEN = 4
"""Questions of one organisation that may be open: one that is being answered, three that wait."""
HOURLY_SECONDS = 900
"""Seconds of thinking that one organisation may ask for within an hour."""
GUIDED_DAILY = 3
"""How often one firm may ask about one project, within a day, what would bring it in."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADVISED = frozenset({Role.SUPPLIER, Role.SERVICE_PROVIDER, Role.CHAIN_LEADER})
PLANNED = frozenset({"explain", "waves"})
"""Kinds that are about a plan and make no sense without one."""


async def ask(session: AsyncSession, actor: Actor, identity: UUID, given: QuestionIn) -> Job:
    """Queue a question about an own suggestion, or about a consortium made for the same project.

    Raises NotFound, NotAllowed, IllegalTransition, VersionNotCurrent when the project has been amended since, Invalid
    for a plan or a package that is not there, PricesClosed for shares while members have yet to accept, TooMany.
    """
    suggestion = await visible.suggestion(session, actor, identity)
    project = await _own(session, actor, suggestion)
    if given.consortium_id is not None:
        await _seated(session, actor, project.id, given)
    elif given.kind in PLANNED and given.plan > len(suggestion.plans):
        raise Invalid((Fault(where="$.plan", code="plan-unknown", params={"plans": len(suggestion.plans)}),))
    await _known_packages(session, actor, project.id, given)
    return await _enqueued(session, actor, given, project.title, suggestion.id, project.id, suggestion_id=suggestion.id)


async def ask_guidance(session: AsyncSession, actor: Actor, identity: UUID, given: GuidanceIn) -> Job:
    """Queue the question of a firm what would bring it into a published project of somebody else.

    Raises NotFound, NotAllowed for who declares no capabilities or publishes the project, IllegalTransition, TooMany.
    """
    project = await visible.opportunity(session, actor, identity)
    if project.organisation_id == actor.organisation_id or not actor.roles & ADVISED:
        raise NotAllowed(needed="supplier")
    _published(project)
    await answers.taken_in_turn(session, actor)
    lately = await answers.asked(session, actor, DAY)
    same = [job for job in lately if job.subject_id == project.id and answers.about(job, AnswerKind.COUNTERFACTUAL)]
    if len(same) >= GUIDED_DAILY:
        raise TooMany(seconds=_until(same[-GUIDED_DAILY], DAY))
    return await _enqueued(session, actor, given, project.title, project.id, project.id)


async def ask_portfolio(session: AsyncSession, actor: Actor, given: PortfolioIn) -> Job:
    """Queue the question which of several published projects to staff: as chain leader of own ones, as bureau of any.

    Raises NotFound, NotAllowed, IllegalTransition, TooMany.
    """
    titles = []
    for identity in given.opportunity_ids:
        project = await visible.opportunity(session, actor, identity)
        if project.organisation_id != actor.organisation_id and not visible.watches(actor):
            raise NotAllowed(needed="owner")
        _published(project)
        titles.append(project.title)
    return await _enqueued(session, actor, given, "、".join(titles)[:200])


async def _own(session: AsyncSession, actor: Actor, suggestion: Suggestion) -> Opportunity:
    project = await visible.opportunity(session, actor, suggestion.opportunity_id)
    if project.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="owner")
    _published(project)
    if project.edition != suggestion.edition:
        raise VersionNotCurrent(given=suggestion.edition, current=project.edition)
    return project


async def _known_packages(session: AsyncSession, actor: Actor, project: UUID, given: QuestionIn) -> None:
    known = {package.code for package in await opportunities.packages_of(session, actor, [project])}
    faults = [
        Fault(where=f"$.packages[{at}]", code="package-unknown", params={"codes": code})
        for at, code in enumerate(given.packages or ())
        if code not in known
    ]
    if faults:
        raise Invalid(tuple(faults))


def _published(project: Opportunity) -> None:
    if project.state is not OpportunityState.PUBLISHED:
        raise IllegalTransition(current=str(project.state), wanted=KIND, possible=str(OpportunityState.PUBLISHED))


async def _seated(session: AsyncSession, actor: Actor, project: UUID, given: QuestionIn) -> None:
    """Check that the consortium is an own one for the project; for shares, that every member has accepted."""
    assert given.consortium_id is not None
    row = await visible.consortium(session, actor, given.consortium_id)
    if row.opportunity_id != project:
        raise NotFound(noun="consortium")
    seats = await consortia.seats(session, actor, row.id)
    pending = [seat for seat in seats if seat.membership.state in PENDING]
    if given.kind == str(AnswerKind.SHARES) and pending:
        raise PricesClosed(closed=len(pending), of=len(seats))


async def _enqueued(
    session: AsyncSession,
    actor: Actor,
    given: Wire,
    title: str,
    subject: UUID | None = None,
    project: UUID | None = None,
    **more: UUID,
) -> Job:
    """Queue the question within the limits of who asks. Raises TooMany."""
    payload: dict[str, Any] = {"kind": str(AnswerKind.PORTFOLIO), **given.model_dump(mode="json")}
    await _within_limits(session, actor, payload["seconds"])
    payload |= {name: str(value) for name, value in more.items()}
    job = Job(
        kind=KIND, subject_id=subject, organisation_id=actor.organisation_id, user_id=actor.user_id, payload=payload
    )
    await enqueue(session, job)
    await record(session, actor, "answer.asked", job.id, opportunity_id=project, kind=payload["kind"], title=title)
    return job


async def _within_limits(session: AsyncSession, actor: Actor, seconds: int) -> None:
    """Refuse a question too many, saying when there will be room. Raises TooMany."""
    await answers.taken_in_turn(session, actor)
    lately = await answers.asked(session, actor, HOUR)
    waiting = [job for job in lately if job.state in OPEN]
    if len(waiting) >= MOST_OPEN:
        raise TooMany(seconds=min(job.payload["seconds"] for job in waiting))
    spent = _spent(lately)
    while spent and sum(each for _, each in spent) + seconds > HOURLY_SECONDS:
        job, _ = spent.pop(0)
        if sum(each for _, each in spent) + seconds <= HOURLY_SECONDS:
            raise TooMany(seconds=_until(job, HOUR))


def _spent(jobs: Sequence[Job]) -> list[tuple[Job, int]]:
    return [(job, job.payload["seconds"]) for job in jobs]


def _until(job: Job, span: timedelta) -> int:
    """Return the seconds until a question is older than `span`, at least one."""
    left = answers.moment_of(job) + span - datetime.now(UTC)
    return max(1, round(left.total_seconds()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a job found, and what it rested on."""

    digest: str
    seconds: float
    priced: bool
    closed: int
    currency: str | None
    edition: int | None
    names: Mapping[str, str]
    body: Any


async def keep(
    session: AsyncSession, actor: Actor, job_id: UUID, payload: Mapping[str, Any], about: UUID | None, found: Found
) -> Answer:
    """Keep an answer as it was found, for the organisation that asked."""
    kind = AnswerKind(payload["kind"])
    row = Answer(
        kind=kind,
        job_id=job_id,
        organisation_id=actor.organisation_id,
        opportunity_id=about,
        suggestion_id=_identity(payload, "suggestion_id"),
        consortium_id=_identity(payload, "consortium_id"),
        plan=payload["plan"] if "plan" in TAKES.get(kind, ()) and payload["consortium_id"] is None else None,
        edition=found.edition,
        digest=found.digest,
        seed=payload["seed"],
        seconds=round(found.seconds, 3),
        priced=found.priced,
        closed=found.closed,
        currency=found.currency,
        names=dict(found.names),
        body=plain(found.body),
    )
    session.add(row)
    await session.flush()
    await record(session, actor, "answer.done", row.id, opportunity_id=about, kind=str(kind))
    return row


def _identity(payload: Mapping[str, Any], name: str) -> UUID | None:
    return UUID(payload[name]) if payload.get(name) else None
