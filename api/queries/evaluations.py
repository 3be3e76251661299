"""Reading evaluations: between whom they are open, what partners have said, and what everybody may read of a firm."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import consortia, organisations, visible
from api.tenancy import Office, by, through
from coalitions.evaluations import LEAST, Average, averages, is_open, is_public
from domain.actor import Actor
from domain.kinds import EvaluationCriterion
from domain.records import Consortium, Evaluation, EvaluationReply, Event, Membership, Organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One evaluation with its reply, and whether others than the two may read it."""

    row: Evaluation
    reply: EvaluationReply | None
    by_leader: bool
    public: bool

    @property
    def marks(self) -> dict[EvaluationCriterion, int]:
        """The mark of each criterion, from 1 to 5."""
        return {criterion: getattr(self.row, criterion.value) for criterion in EvaluationCriterion}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """The end of the actor's partnership with another firm: when, what each has said, whether his is still open."""

    firm: Organisation | None
    firm_id: UUID
    ended: datetime
    given: Said | None
    received: Said | None
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What everybody may read of a firm: figures from three cases on, and the cases behind them; fewer are too few."""

    cases: int
    averages: tuple[Average, ...]
    said: tuple[Said, ...]


async def partings(session: AsyncSession, actor: Actor, consortium: UUID) -> tuple[Parting, ...]:
    """Return with whom the actor's firm has parted in a consortium, in the order of names. Raises NotFound."""
    row = await visible.consortium(session, actor, consortium)
    ends = await _ends(session, row)
    if actor.organisation_id == row.organisation_id:
        others = dict(ends)
    else:
        others = {row.organisation_id: ends[actor.organisation_id]} if actor.organisation_id in ends else {}
    statement = visible.evaluations(actor).where(col(Evaluation.consortium_id) == row.id)
    said = await _said(session, list((await session.execute(statement)).scalars()))
    firms = await organisations.named(session, actor, others)
    now = await consortia.clock(session)
    found = []
    for other, ended in others.items():
        given = next((each for each in said if each.row.about_id == other), None)
        received = next((each for each in said if each.row.organisation_id == other), None)
        found.append(
            Parting(
                firm=firms.get(other),
                firm_id=other,
                ended=ended,
                given=given,
                received=received,
                open=given is None and is_open(ended, now),
            )
        )
    return tuple(sorted(found, key=lambda each: each.firm.name if each.firm else ""))


async def is_partner(session: AsyncSession, actor: Actor, consortium: UUID) -> bool:
    """Tell whether the actor's firm leads a consortium, or is or was a member of it. Raises NotFound."""
    row = await visible.consortium(session, actor, consortium)
    seats = sa.select(col(Membership.id)).where(
        col(Membership.consortium_id) == row.id, col(Membership.organisation_id) == actor.organisation_id
    )
    return row.organisation_id == actor.organisation_id or (await session.execute(seats)).first() is not None


async def record_of(session: AsyncSession, actor: Actor, firm: UUID) -> Record:
    """Return what partners have said of a firm, as far as everybody may read it. Raises NotFound."""
    row = await visible.organisation(session, actor, firm)
    statement = (
        sa.select(Evaluation)
        .where(col(Evaluation.about_id) == row.id)
        .order_by(col(Evaluation.created_at).desc(), col(Evaluation.id))
    )
    async with through(session, Office.FORMATION):
        said = await _said(session, list((await session.execute(statement)).scalars()))
    public = tuple(each for each in said if each.public)
    return Record(
        cases=len(public),
        averages=averages(each.marks for each in public),
        said=public if len(public) >= LEAST else (),
    )


async def between(session: AsyncSession, actor: Actor, evaluation: UUID) -> Said:
    """Return an evaluation by or about the actor's firm. Raises NotFound."""
    (found,) = await _said(session, [await visible.evaluation(session, actor, evaluation)])
    return found


@by(Office.FORMATION)
async def _said(session: AsyncSession, rows: list[Evaluation]) -> list[Said]:
    """Add replies, and tell of each whether others may read it."""
    replies = sa.select(EvaluationReply).where(col(EvaluationReply.evaluation_id).in_([row.id for row in rows]))
    answered = {row.evaluation_id: row for row in (await session.execute(replies)).scalars()}
    wanted = {row.consortium_id for row in rows}
    wholes = sa.select(Consortium).where(col(Consortium.id).in_(wanted))
    leaders = {row.id: row for row in (await session.execute(wholes)).scalars()}
    ends = {identity: await _ends(session, row) for identity, row in leaders.items()}
    given = await _pairs(session, wanted)
    now = await consortia.clock(session)
    found = []
    for row in rows:
        by_leader = row.organisation_id == leaders[row.consortium_id].organisation_id
        member = row.about_id if by_leader else row.organisation_id
        both = (row.consortium_id, row.about_id, row.organisation_id) in given
        found.append(
            Said(
                row=row,
                reply=answered.get(row.id),
                by_leader=by_leader,
                public=is_public(ends[row.consortium_id][member], now, both=both),
            )
        )
    return found


async def _pairs(session: AsyncSession, wanted: Iterable[UUID]) -> set[tuple[UUID, UUID, UUID]]:
    """Return who has evaluated whom in which consortium."""
    statement = sa.select(
        col(Evaluation.consortium_id), col(Evaluation.organisation_id), col(Evaluation.about_id)
    ).where(col(Evaluation.consortium_id).in_(set(wanted)))
    return set(await session.execute(statement))


@by(Office.FORMATION)
async def _ends(session: AsyncSession, row: Consortium) -> dict[UUID, datetime]:
    """Return, by member, when its partnership with the chain leader ended: at its exit, else at the closing."""
    left = (
        sa.select(col(Membership.organisation_id), sa.func.max(col(Event.at)))
        .join(Event, col(Event.subject_id) == col(Membership.id))
        .where(col(Membership.consortium_id) == row.id, col(Event.code) == "membership.left")
        .group_by(col(Membership.organisation_id))
    )
    ends: dict[UUID, datetime] = {member: at for member, at in (await session.execute(left)) if at is not None}
    closed = sa.select(sa.func.max(col(Event.at))).where(
        col(Event.consortium_id) == row.id, col(Event.code) == "consortium.closed"
    )
    at = (await session.execute(closed)).scalar_one()
    if at is not None:
        stayed = sa.select(col(Membership.organisation_id)).where(
            col(Membership.consortium_id) == row.id, col(Membership.state).in_(visible.BOUND)
        )
        ends |= dict.fromkeys((await session.execute(stayed)).scalars(), at)
    return {member: ended for member, ended in ends.items() if member != row.organisation_id}
