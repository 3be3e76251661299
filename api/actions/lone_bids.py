"""Bidding alone: a firm's notice, filed by itself or by the bureau, that excludes its seat in a consortium for the lot.

Which of two that come at the same moment stands is the database's to say: a seat and a lone bid claim the same key.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.outbox import record
from api.queries import visible
from api.wire.ledger import LoneBidIn
from domain.actor import Actor
from domain.errors import NotAllowed, NotFound, RuleBroken
from domain.kinds import LoneBidState, Role
from domain.records import LoneBid


class LoneBidStands(RuleBroken):
    """The firm bids alone on this lot, so it takes no seat in a consortium for it, nor files a second notice."""

    code = "lone-bid-stands"


class SeatStands(RuleBroken):
    """The firm sits in a consortium for this lot, so it does not bid alone on it."""

    code = "seat-stands"


async def file(session: AsyncSession, actor: Actor, opportunity: UUID, given: LoneBidIn) -> LoneBid:
    """File that a firm bids alone on a lot: the actor's own, or one that the bureau names.

    Raises NotFound, NotAllowed, and by the database's constraints SeatStands and LoneBidStands.
    """
    lot = await visible.opportunity(session, actor, opportunity)
    firm = given.organisation_id or actor.organisation_id
    if firm != actor.organisation_id and not actor.has(Role.BUREAU):
        raise NotAllowed(needed=str(Role.BUREAU))
    bidder = await visible.organisation(session, actor, firm)
    if not bidder.registered:
        raise NotFound(noun="organisation")
    if not {Role.SUPPLIER, Role.SERVICE_PROVIDER, Role.CHAIN_LEADER}.intersection(bidder.roles):
        raise NotAllowed(needed=str(Role.SUPPLIER))
    row = LoneBid(
        opportunity_id=lot.id,
        organisation_id=bidder.id,
        filed_by=actor.organisation_id,
        user_id=actor.user_id,
        note=given.note,
    )
    session.add(row)
    await session.flush()
    await record(session, actor, "lone_bid.filed", row.id, opportunity_id=lot.id, audience=[bidder.id],
                 title=lot.title, firm=bidder.name)  # fmt: skip
    return row


async def withdraw(session: AsyncSession, actor: Actor, identity: UUID) -> LoneBid:
    """Take a lone bid back: the firm whose it is, or who filed it. Raises NotFound, NotAllowed, IllegalTransition."""
    row = await visible.lone_bid(session, actor, identity, lock=True)
    if actor.organisation_id not in (row.organisation_id, row.filed_by):
        raise NotAllowed(needed="owner")
    row.become(LoneBidState.WITHDRAWN)
    lot = await visible.opportunity(session, actor, row.opportunity_id)
    bidder = await visible.organisation(session, actor, row.organisation_id)
    await record(session, actor, "lone_bid.withdrawn", row.id, opportunity_id=lot.id, audience=[bidder.id],
                 title=lot.title, firm=bidder.name)  # fmt: skip
    return row
