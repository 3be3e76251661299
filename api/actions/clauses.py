"""Choosing the clauses of an agreement, as chain leader, before anybody is asked to join under them."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.outbox import record
from api.queries import consortia, visible
from api.wire.clauses import ClausesIn
from coalitions.formation import PENDING, SETTLED
from domain.actor import Actor
from domain.errors import IllegalTransition, NotAllowed, RuleBroken
from domain.kinds import ConsortiumState, MembershipState
from domain.records import Consortium


class MembersAsked(RuleBroken):
    """Members were asked under the clauses as they stand; who answers must know to what."""

    code = "members-asked"


ASKED = (PENDING | SETTLED) - {MembershipState.PROPOSED}


async def choose(session: AsyncSession, actor: Actor, identity: UUID, given: ClausesIn) -> Consortium:
    """Choose performance, liability and the other clauses of the agreement to come.

    Raises NotFound, NotAllowed, MembersAsked, and IllegalTransition once the consortium no longer forms.
    """
    row = await visible.consortium(session, actor, identity, lock=True)
    if row.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="owner")
    if row.state is not ConsortiumState.FORMING:
        raise IllegalTransition(current=str(row.state), wanted="clauses", possible=str(ConsortiumState.FORMING))
    seats = await consortia.whole(session, actor, row.id)
    asked = [seat for seat in seats if seat.membership.state in ASKED]
    if asked:
        raise MembersAsked(members=len(asked))
    row.performance, row.liability = str(given.performance), str(given.liability)
    row.clauses = given.choices.data()
    await record(session, actor, "consortium.clauses-chosen", row.id, opportunity_id=row.opportunity_id,
                 consortium_id=row.id, name=row.name)  # fmt: skip
    return row
