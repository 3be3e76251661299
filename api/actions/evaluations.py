"""Partners who have parted say what they think of each other, once each, and reply, once each."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.outbox import record
from api.queries import evaluations, visible
from api.wire.evaluations import EvaluationIn, ReplyIn
from domain.actor import Actor
from domain.errors import NotAllowed, RuleBroken
from domain.records import Evaluation, EvaluationReply


class EvaluationClosed(RuleBroken):
    """The partnership has not ended, it ended more than thirty days ago, or this firm has been evaluated already."""

    code = "evaluation-closed"


async def give(session: AsyncSession, actor: Actor, identity: UUID, given: EvaluationIn) -> Evaluation:
    """Say what the actor's firm thinks of a partner in a consortium that has ended for one of them.

    Raises NotFound, NotAllowed where the two were no partners, EvaluationClosed, AlreadyExists (at the flush).
    """
    row = await visible.consortium(session, actor, identity, lock=True)
    if actor.user_id is None or not await evaluations.is_partner(session, actor, row.id):
        raise NotAllowed(needed="member")
    parting = next(
        (each for each in await evaluations.partings(session, actor, row.id) if each.firm_id == given.about_id), None
    )
    if parting is None or not parting.open:
        raise EvaluationClosed()
    said = Evaluation(
        consortium_id=row.id,
        organisation_id=actor.organisation_id,
        user_id=actor.user_id,
        **given.model_dump(),
    )
    session.add(said)
    await session.flush()
    await record(session, actor, "evaluation.given", said.id, opportunity_id=row.opportunity_id, consortium_id=row.id,
                 audience=[given.about_id], name=row.name, before=None, after="given")  # fmt: skip
    return said


async def reply(session: AsyncSession, actor: Actor, identity: UUID, given: ReplyIn) -> Evaluation:
    """Answer an evaluation of the actor's firm. Raises NotFound, NotAllowed, AlreadyExists (at the flush)."""
    said = await visible.evaluation(session, actor, identity)
    if said.about_id != actor.organisation_id or actor.user_id is None:
        raise NotAllowed(needed="member")
    row = await visible.consortium(session, actor, said.consortium_id)
    session.add(EvaluationReply(evaluation_id=said.id, user_id=actor.user_id, text=given.text))
    await session.flush()
    await record(session, actor, "evaluation.replied", said.id, opportunity_id=row.opportunity_id,
                 consortium_id=row.id, audience=[said.organisation_id], name=row.name, before="given",
                 after="replied")  # fmt: skip
    return said
