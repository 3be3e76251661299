"""Reading for the optimizer's answers: what was asked lately, which prices are open, how firms have answered so far."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from api.queries.world import link_of
from coalitions.formation import SETTLED
from domain.actor import Actor
from domain.errors import NotFound
from domain.kinds import AnswerKind, RunState
from domain.records import Answer, Consortium, Event, Job, Membership, SupplyLink, Terms, TermsLine, WorkPackage
from domain.world import Link

KIND = "answer"
"""The kind of the job that answers."""
OPEN = (RunState.QUEUED, RunState.RUNNING)
ACCEPTED = "membership.accepted"
ANSWERED = (ACCEPTED, "membership.declined", "membership.expired")
TIERS = 2
UPSTREAM_LIMIT = 20_000
TURN = 7_145_010


async def listed(
    session: AsyncSession,
    actor: Actor,
    *,
    opportunity: UUID | None = None,
    consortium: UUID | None = None,
    limit: int = 50,
) -> list[Answer]:
    """Return the actor's answers, newest first, narrowed to a project or a consortium when one is named."""
    statement = visible.answers(actor).order_by(col(Answer.created_at).desc(), col(Answer.id)).limit(limit)
    if opportunity:
        statement = statement.where(col(Answer.opportunity_id) == opportunity)
    if consortium:
        statement = statement.where(col(Answer.consortium_id) == consortium)
    return list((await session.execute(statement)).scalars())


async def taken_in_turn(session: AsyncSession, actor: Actor) -> None:
    """Let questions of one organisation be counted one after the other until the transaction ends."""
    turn = sa.func.pg_advisory_xact_lock(TURN, sa.func.hashtext(str(actor.organisation_id)))
    await session.execute(sa.select(turn))


async def asked(session: AsyncSession, actor: Actor, since: timedelta) -> list[Job]:
    """Return the questions of the actor's organisation that are open or were asked within `since`, oldest first."""
    mine = sa.select(Job).where(col(Job.organisation_id) == actor.organisation_id, col(Job.kind) == KIND)
    lately = col(Job.created_at) > sa.func.clock_timestamp() - since
    statement = mine.where(sa.or_(lately, col(Job.state).in_(OPEN))).order_by(col(Job.created_at))
    return list((await session.execute(statement)).scalars())


async def next_in_turn(session: AsyncSession, actor: Actor, identity: UUID) -> bool:
    """Tell whether everything of the same kind that the actor's organisation asked for before this has ended."""
    mine = await visible.job(session, actor, identity)
    earlier = (
        sa.select(col(Job.id))
        .where(
            col(Job.organisation_id) == actor.organisation_id,
            col(Job.kind) == mine.kind,
            col(Job.state).in_(OPEN),
            sa.tuple_(col(Job.created_at), col(Job.id)) < (mine.created_at, mine.id),
        )
        .limit(1)
    )
    return (await session.execute(earlier)).scalar_one_or_none() is None


async def job_of(session: AsyncSession, actor: Actor, identity: UUID) -> tuple[Job, Answer | None]:
    """Return one of the actor's own questions with its answer, as soon as there is one. Raises NotFound."""
    job = await visible.job(session, actor, identity)
    if job.kind != KIND or job.organisation_id != actor.organisation_id:
        raise NotFound(noun="job")
    statement = visible.answers(actor).where(col(Answer.job_id) == job.id)
    return job, (await session.execute(statement)).scalar_one_or_none()


async def accepted_prices(session: AsyncSession, actor: Actor, opportunity: UUID) -> dict[tuple[str, str], int]:
    """Return the prices in accepted terms of the actor's own consortia for a project, by firm and package."""
    statement = (
        sa.select(col(Membership.organisation_id), col(WorkPackage.code), TermsLine)
        .join(Consortium, col(Consortium.id) == col(Membership.consortium_id))
        .join(
            Terms,
            sa.and_(col(Terms.membership_id) == col(Membership.id), col(Terms.edition) == col(Membership.edition)),
        )
        .join(TermsLine, col(TermsLine.terms_id) == col(Terms.id))
        .join(WorkPackage, col(WorkPackage.id) == col(TermsLine.package_id))
        .where(
            col(Consortium.id).in_(visible.consortia(actor).with_only_columns(col(Consortium.id))),
            col(Consortium.organisation_id) == actor.organisation_id,
            col(Membership.opportunity_id) == opportunity,
            col(Membership.state).in_(SETTLED),
            col(TermsLine.unit_price).is_not(None),
        )
        .order_by(col(Membership.created_at))
    )
    found = await session.execute(statement)
    return {(str(firm), code): line.unit_price for firm, code, line in found if line.unit_price is not None}


async def history(session: AsyncSession, actor: Actor, firms: Iterable[UUID]) -> dict[str, tuple[int, int]]:
    """Return, by firm, how many of its answered invitations it accepted and how many it answered, for odds alone.

    The events are the evidence; one seat counts once, by its last answer. Letting a question expire is an answer.
    """
    last = (
        sa.select(col(Event.subject_id), col(Event.code))
        .where(col(Event.code).in_(ANSWERED))
        .order_by(col(Event.subject_id), col(Event.id).desc())
        .ext(distinct_on(col(Event.subject_id)))
        .subquery()
    )
    statement = (
        sa.select(
            col(Membership.organisation_id),
            sa.func.count().filter(last.c.code == ACCEPTED),
            sa.func.count(),
        )
        .join(last, last.c.subject_id == col(Membership.id))
        .where(col(Membership.organisation_id).in_(set(firms)))
        .group_by(col(Membership.organisation_id))
    )
    return {str(firm): (accepted, answered) for firm, accepted, answered in await session.execute(statement)}


async def upstream_links(session: AsyncSession, actor: Actor, firms: Iterable[UUID]) -> tuple[Link, ...]:
    """Return who supplies firms, and who supplies those: what hidden single sources are found by."""
    found: dict[UUID, SupplyLink] = {}
    edge = set(firms)
    for _ in range(TIERS):
        statement = (
            sa.select(SupplyLink)
            .where(col(SupplyLink.buyer_id).in_(edge))
            .order_by(col(SupplyLink.id))
            .limit(UPSTREAM_LIMIT)
        )
        rows = list((await session.execute(statement)).scalars())
        found |= {row.id: row for row in rows}
        edge = {row.supplier_id for row in rows}
    return tuple(link_of(found[identity]) for identity in sorted(found))


def about(job: Job, kind: AnswerKind) -> bool:
    """Tell whether a question is of a kind."""
    return bool(job.payload.get("kind") == kind)


def moment_of(job: Job) -> datetime:
    """Return when a question was asked."""
    assert job.created_at is not None
    return job.created_at
