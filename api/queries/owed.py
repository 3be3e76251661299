"""What a firm owes after a signature, one function a kind, each the first to fall due first; an inbox joins them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.i18n import BEIJING
from api.queries import evaluations, visible
from api.queries.evaluations import Parting
from coalitions.evaluations import WINDOW
from domain.actor import Actor
from domain.kinds import AmendmentState, ConsortiumState, FilingState
from domain.records import (
    AmendedSeat,
    Amendment,
    Consortium,
    EvaluationReply,
    Event,
    Filing,
    Membership,
    Milestone,
    Signature,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Something a firm is to do: about what, in which consortium, by when; ``code`` says what it is called."""

    kind: str
    subject_id: UUID
    consortium_id: UUID
    consortium: str
    code: str
    due: datetime


async def filings_open(session: AsyncSession, actor: Actor) -> list[Owed]:
    """Return the filings of the actor's firm that are to be handed in; ``code`` is the rule that asks for each."""
    statement = (
        sa.select(Filing, col(Consortium.name))
        .join(Consortium, col(Consortium.id) == col(Filing.consortium_id))
        .where(
            col(Filing.organisation_id) == actor.organisation_id,
            col(Filing.state).in_((FilingState.OPEN, FilingState.RETURNED)),
            col(Consortium.state).not_in((ConsortiumState.LOST, ConsortiumState.CLOSED)),
        )
        .order_by(col(Filing.due), col(Filing.rule_id), col(Filing.id))
    )
    return [
        Owed(
            kind="filing",
            subject_id=row.id,
            consortium_id=row.consortium_id,
            consortium=name,
            code=row.rule_id,
            due=_end_of(row.due),
        )
        for row, name in await session.execute(statement)
    ]


async def milestones_due(session: AsyncSession, actor: Actor) -> list[Owed]:
    """Return the milestones of the actor's firm that are not reached yet, in consortia whose work has been won."""
    statement = (
        sa.select(Milestone, col(Consortium.name))
        .join(Consortium, col(Consortium.id) == col(Milestone.consortium_id))
        .where(
            col(Milestone.organisation_id) == actor.organisation_id,
            col(Milestone.actual).is_(None),
            col(Consortium.state).in_((ConsortiumState.WON, ConsortiumState.RUNNING)),
        )
        .order_by(col(Milestone.planned), col(Milestone.id))
    )
    return [
        Owed(
            kind="milestone",
            subject_id=row.id,
            consortium_id=row.consortium_id,
            consortium=name,
            code=str(row.kind),
            due=_end_of(row.planned),
        )
        for row, name in await session.execute(statement)
    ]


async def signatures_needed(session: AsyncSession, actor: Actor) -> list[Owed]:
    """Return the open amendments that wait for the signature of the actor's firm."""
    signed = sa.select(col(Signature.agreement_id)).where(col(Signature.organisation_id) == actor.organisation_id)
    statement = (
        sa.select(Amendment, col(Consortium.name))
        .join(Consortium, col(Consortium.id) == col(Amendment.consortium_id))
        .join(AmendedSeat, col(AmendedSeat.amendment_id) == col(Amendment.id))
        .join(Membership, col(Membership.id) == col(AmendedSeat.membership_id))
        .where(
            col(Membership.organisation_id) == actor.organisation_id,
            col(AmendedSeat.signs),
            col(Amendment.state) == AmendmentState.OPEN,
            col(Amendment.agreement_id).not_in(signed),
        )
        .order_by(col(Amendment.deadline), col(Amendment.id))
    )
    return [
        Owed(
            kind="amendment",
            subject_id=row.id,
            consortium_id=row.consortium_id,
            consortium=name,
            code="signature",
            due=row.deadline,
        )
        for row, name in await session.execute(statement)
    ]


async def evaluations_open(session: AsyncSession, actor: Actor) -> list[Owed]:
    """Return the partners whom the actor's firm may still evaluate; the subject is the partner."""
    return [
        Owed(
            kind="evaluation",
            subject_id=parting.firm_id,
            consortium_id=row.id,
            consortium=row.name,
            code="evaluation",
            due=parting.ended + WINDOW,
        )
        for row, parting in await _partings(session, actor)
        if parting.open
    ]


async def replies_possible(session: AsyncSession, actor: Actor) -> list[Owed]:
    """Return what partners have said of the actor's firm in the last thirty days and it has not replied to."""
    replied = sa.select(col(EvaluationReply.evaluation_id))
    statement = visible.evaluations(actor).subquery()
    found = (
        sa.select(statement.c.id, statement.c.created_at, col(Consortium.id), col(Consortium.name))
        .join(Consortium, col(Consortium.id) == statement.c.consortium_id)
        .where(
            statement.c.about_id == actor.organisation_id,
            statement.c.id.not_in(replied),
            statement.c.created_at > sa.func.now() - WINDOW,
        )
        .order_by(statement.c.created_at, statement.c.id)
    )
    return [
        Owed(
            kind="reply",
            subject_id=identity,
            consortium_id=consortium,
            consortium=name,
            code="reply",
            due=given + WINDOW,
        )
        for identity, given, consortium, name in await session.execute(found)
    ]


async def _partings(session: AsyncSession, actor: Actor) -> list[tuple[Consortium, Parting]]:
    """Return the actor's partings of the last thirty days, the first to fall due first."""
    lately = sa.select(col(Event.consortium_id)).where(
        col(Event.code).in_(("consortium.closed", "membership.left")), col(Event.at) > sa.func.now() - WINDOW
    )
    statement = visible.consortia(actor).where(col(Consortium.id).in_(lately))
    found = [
        (row, parting)
        for row in (await session.execute(statement)).scalars().all()
        for parting in await evaluations.partings(session, actor, row.id)
    ]
    return sorted(found, key=lambda each: (each[1].ended, each[1].firm_id))


def _end_of(day: date) -> datetime:
    """Return the last moment of a day in Beijing."""
    return datetime.combine(day, time.max, BEIJING)


KINDS: Mapping[str, Callable[[AsyncSession, Actor], Awaitable[list[Owed]]]] = {
    "filing": filings_open,
    "milestone": milestones_due,
    "amendment": signatures_needed,
    "evaluation": evaluations_open,
    "reply": replies_possible,
}
"""Every kind of obligation there is after a signature."""
