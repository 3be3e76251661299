"""From signed to closed: filed, bid, won or lost, running, closed; each step is somebody's explicit act.

Whoever acts is the chain leader, or the member that leads the consortium.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import amendments, holds
from api.actions.filings import FilingsOpen, filed, follow_law, not_later_than_today, tell_all, undecided
from api.outbox import record
from api.queries import consortia, filings, visible
from api.tenancy import Office, by
from api.wire.filings import BidIn, DayIn, LossIn, StatementIn
from domain.actor import Actor
from domain.errors import Fault, IllegalTransition, Invalid, NotAllowed
from domain.kinds import ConsortiumState, MembershipState
from domain.lifecycle import CONSORTIUM
from domain.records import Bid, Consortium


async def confirm_filed(session: AsyncSession, actor: Actor, identity: UUID, given: StatementIn) -> Consortium:
    """State by name that nothing has to be filed before the bid any more: none was asked for, or all are decided.

    Raises NotFound, NotAllowed, IllegalTransition, FilingsOpen.
    """
    row = await _led(session, actor, identity, ConsortiumState.FILED)
    await follow_law(session, actor, row)
    await _nothing_undecided(session, actor, row, bid=True)
    await filed(session, actor, row, given.note)
    return row


async def hand_in(session: AsyncSession, actor: Actor, identity: UUID, given: BidIn) -> Consortium:
    """Note that the bid was handed in. Raises NotFound, NotAllowed, IllegalTransition, Invalid."""
    row = await _led(session, actor, identity, ConsortiumState.BID)
    await not_later_than_today(session, {"submitted_on": given.submitted_on})
    session.add(
        Bid(
            consortium_id=row.id,
            organisation_id=actor.organisation_id,
            submitted_on=given.submitted_on,
            reference=given.reference,
        )
    )
    await _become(session, actor, row, ConsortiumState.BID, "consortium.bid", on=given.submitted_on.isoformat(),
                  reference=given.reference)  # fmt: skip
    return row


async def win(session: AsyncSession, actor: Actor, identity: UUID, given: DayIn) -> Consortium:
    """Note that the bid was successful. Raises NotFound, NotAllowed, IllegalTransition, Invalid."""
    row = await _led(session, actor, identity, ConsortiumState.WON)
    bid = await _bid(session, actor, row, given)
    bid.note = given.note
    await _become(session, actor, row, ConsortiumState.WON, "consortium.won", on=given.on.isoformat(),
                  reason=given.note)  # fmt: skip
    return row


async def lose(session: AsyncSession, actor: Actor, identity: UUID, given: LossIn) -> Consortium:
    """Note that the bid was not successful, why, and who won where that is public; every hold is given back.

    Raises NotFound, NotAllowed, IllegalTransition, Invalid.
    """
    row = await _led(session, actor, identity, ConsortiumState.LOST)
    bid = await _bid(session, actor, row, DayIn(on=given.on))
    bid.reason, bid.winner, bid.note = given.reason, given.winner, given.note
    await _end(session, actor, row)
    await _become(session, actor, row, ConsortiumState.LOST, "consortium.lost", on=given.on.isoformat(),
                  reason=str(given.reason), winner=given.winner)  # fmt: skip
    return row


async def start(session: AsyncSession, actor: Actor, identity: UUID, given: DayIn) -> Consortium:
    """Note that work begins; every member that has signed is active from now on.

    Raises NotFound, NotAllowed, IllegalTransition, Invalid, FilingsOpen while what the law asks
    before work is undecided.
    """
    row = await _led(session, actor, identity, ConsortiumState.RUNNING)
    await not_later_than_today(session, {"on": given.on})
    await _nothing_undecided(session, actor, row, bid=False)
    await _become(session, actor, row, ConsortiumState.RUNNING, "consortium.started", on=given.on.isoformat(),
                  reason=given.note)  # fmt: skip
    await _activate(session, actor, row)
    return row


@by(Office.FORMATION)
async def _activate(session: AsyncSession, actor: Actor, row: Consortium) -> None:
    for seat in await consortia.whole(session, actor, row.id):
        member = seat.membership
        if member.state is MembershipState.SIGNED:
            member.become(MembershipState.ACTIVE)
            await record(session, actor, "membership.activated", member.id, opportunity_id=row.opportunity_id,
                         consortium_id=row.id, audience=[row.organisation_id, member.organisation_id], name=row.name,
                         before="signed", after="active")  # fmt: skip


async def close(session: AsyncSession, actor: Actor, identity: UUID, given: DayIn) -> Consortium:
    """Note that the project has been performed; every hold is given back, and partners may evaluate each other.

    Raises NotFound, NotAllowed, IllegalTransition, Invalid.
    """
    row = await _led(session, actor, identity, ConsortiumState.CLOSED)
    await not_later_than_today(session, {"on": given.on})
    await _end(session, actor, row)
    await _become(session, actor, row, ConsortiumState.CLOSED, "consortium.closed", on=given.on.isoformat(),
                  reason=given.note)  # fmt: skip
    return row


async def _led(session: AsyncSession, actor: Actor, identity: UUID, wanted: ConsortiumState) -> Consortium:
    """Return a consortium, locked, that the actor acts for and that can take the step wanted."""
    row = await visible.consortium(session, actor, identity, lock=True)
    if not await filings.acts(session, actor, row.id):
        raise NotAllowed(needed="owner")
    if wanted not in CONSORTIUM[row.state]:
        possible = ", ".join(sorted(CONSORTIUM[row.state]))
        raise IllegalTransition(current=str(row.state), wanted=str(wanted), possible=possible)
    return row


async def _become(
    session: AsyncSession, actor: Actor, row: Consortium, wanted: ConsortiumState, code: str, **params: str | None
) -> None:
    before = row.state
    row.become(wanted)
    await session.flush()
    await tell_all(session, actor, row, code, before, **params)


async def _bid(session: AsyncSession, actor: Actor, row: Consortium, given: DayIn) -> Bid:
    """Return the bid with the day of its decision noted. Raises Invalid for a day before the bid or after today."""
    await not_later_than_today(session, {"on": given.on})
    bid = await filings.bid(session, actor, row.id)
    if bid is None:
        raise RuntimeError("a consortium that has bid has its bid")
    if given.on < bid.submitted_on:
        raise Invalid((Fault(where="$.on", code="before-submission"),))
    bid.decided_on = given.on
    return bid


async def _nothing_undecided(session: AsyncSession, actor: Actor, row: Consortium, *, bid: bool) -> None:
    waiting = await undecided(session, actor, row.id, bid=bid)
    if waiting:
        raise FilingsOpen(rules=", ".join(waiting))


@by(Office.FORMATION)
async def _end(session: AsyncSession, actor: Actor, row: Consortium) -> None:
    """Drop an amendment that is still open, and give back every hold: nothing is promised any more."""
    await amendments.drop_open(session, actor, row)
    await holds.release(session, actor, *(seat.membership for seat in await consortia.whole(session, actor, row.id)))
