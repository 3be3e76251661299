"""Between a member and its chain leader: confidentiality, who answers, more time, reminders, checks and repairs."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import holds
from api.actions.consortia import led_seat, own_seat, until
from api.actions.suggestions import plain
from api.outbox import enqueue, record
from api.queries import actors, consortia, opportunities, visible
from api.queries.consortia import SeatRow, offer_of
from api.queries.visible import ASKED
from api.wire.consortia import UNSIGNED, LineIn, TermsIn
from api.wire.negotiation import ConfidentialityIn, DelegationIn, ExtensionIn, RepairIn
from coalitions.formation import reminders_due
from coalitions.mending import Mended, Repaired
from domain.actor import Actor
from domain.errors import DeadlinePassed, IllegalTransition, NotAllowed, NotFound, TooMany
from domain.kinds import InvitationState, MembershipState
from domain.records import ConfidentialityAcceptance, Consortium, Job, Membership, Suggestion
from domain.world import Opening

EXTENDABLE = (InvitationState.SENT, InvitationState.COUNTERED, InvitationState.ACCEPTED)
CHECKS = 20
"""Checks of one seat's terms within `CHECKS_SECONDS`: who could ask without end could search for others' figures."""
CHECKS_SECONDS = 3_600


async def promise(session: AsyncSession, actor: Actor, identity: UUID, given: ConfidentialityIn) -> Membership:
    """Promise, as a named person for a firm, to keep confidential who else takes part; promised already is promised.

    Raises NotFound, NotAllowed, VersionNotCurrent, IllegalTransition while the firm was not asked or has left.
    """
    row, seat = await own_seat(session, actor, identity)
    member = seat.membership
    if actor.user_id is None:
        raise NotAllowed(needed="member")
    given.require_current()
    if member.state not in ASKED:
        raise IllegalTransition(current=str(member.state), wanted="confidentiality", possible=", ".join(ASKED))
    if seat.promise is None:
        session.add(
            ConfidentialityAcceptance(
                membership_id=member.id,
                organisation_id=actor.organisation_id,
                user_id=actor.user_id,
                text=given.edition,
            )
        )
        await session.flush()
        await _tell(session, actor, row, member, "membership.confidentiality", edition=given.edition)
    return member


async def delegate(session: AsyncSession, actor: Actor, identity: UUID, given: DelegationIn) -> Membership:
    """Hand the firm's answer to a colleague, who answers from now on, or take it back to everybody of the firm.

    Raises NotFound (also for a person of another firm), NotAllowed, NotDelegate.
    """
    row, seat = await own_seat(session, actor, identity)
    found = {user.id: user for user in await actors.colleagues(session, actor)}
    if given.user_id is not None and given.user_id not in found:
        raise NotFound(noun="user")
    seat.membership.delegate_id = given.user_id
    await session.flush()
    code = "membership.delegated" if given.user_id else "membership.undelegated"
    await record(session, actor, code, seat.membership.id, opportunity_id=row.opportunity_id, consortium_id=row.id,
                 audience=[actor.organisation_id], name=row.name)  # fmt: skip
    return seat.membership


async def extend(session: AsyncSession, actor: Actor, identity: UUID, given: ExtensionIn) -> Membership:
    """Move the deadline of a question on, as chain leader; what is held for it is held as long.

    Raises NotFound, NotAllowed, IllegalTransition, DeadlinePassed: what has run out is asked anew.
    """
    row, seat = await led_seat(session, actor, identity, "extended")
    invitation, member = seat.invitation, seat.membership
    if invitation is None or invitation.state not in EXTENDABLE:
        raise IllegalTransition(current=str(member.state), wanted="extended", possible=str(MembershipState.INVITED))
    now = await consortia.clock(session)
    if now >= invitation.deadline:
        raise DeadlinePassed(deadline=invitation.deadline.isoformat())
    deadline = until(invitation.deadline, given)
    invitation.reminded = reminders_due(invitation.sent_at, deadline, now)
    invitation.deadline = deadline
    await session.flush()
    if invitation.state is not InvitationState.ACCEPTED:
        await holds.extend(session, actor, member, deadline)
    await _tell(session, actor, row, member, "membership.extended", deadline=deadline.isoformat())
    return member


async def remind(session: AsyncSession, actor: Actor, identity: UUID) -> int:
    """Remind the firms of a consortium that have not answered at one half and at nine tenths of their time.

    A firm is reminded once for each; where both have fallen due meanwhile, once for both. Returns how many reminders
    were given. Raises NotFound.
    """
    row = await visible.consortium(session, actor, identity, lock=True)
    now = await consortia.clock(session)
    given = 0
    for seat in await consortia.seats(session, actor, row.id, lock=True):
        question = seat.invitation
        if question is None or question.state is not InvitationState.SENT or now >= question.deadline:
            continue
        due = reminders_due(question.sent_at, question.deadline, now)
        if due <= question.reminded:
            continue
        question.reminded = due
        await session.flush()
        await record(session, actor, "membership.reminded", seat.membership.id, opportunity_id=row.opportunity_id,
                     consortium_id=row.id, audience=[seat.membership.organisation_id], name=row.name,
                     reminder=due, deadline=question.deadline.isoformat())  # fmt: skip
        given += 1
    return given


async def ask_for_check(session: AsyncSession, actor: Actor, identity: UUID, given: TermsIn) -> Job:
    """Queue a check of terms before they are sent: by the member of its counter, by the leader of an offer.

    Raises NotFound, NotAllowed, IllegalTransition once nobody may answer any more, TooMany.
    """
    member = await visible.membership(session, actor, identity)
    row = await visible.consortium(session, actor, member.consortium_id)
    if actor.organisation_id not in (member.organisation_id, row.organisation_id):
        raise NotAllowed(needed="member")
    if row.state not in UNSIGNED or member.state not in ASKED:
        raise IllegalTransition(current=str(member.state), wanted="answer", possible=str(MembershipState.INVITED))
    if await consortia.checks(session, actor, identity, CHECKS_SECONDS) >= CHECKS:
        raise TooMany(seconds=CHECKS_SECONDS)
    return await _ask(session, actor, "counter-check", identity, given.model_dump(mode="json"))


async def ask_for_check_of_counter(session: AsyncSession, actor: Actor, seat: SeatRow) -> Job:
    """Queue a check of the counter that is on the table for a seat. Raises as `ask_for_check`, NotFound without one."""
    if seat.counter is None:
        raise NotFound(noun="counter")
    member = seat.membership
    packages = await opportunities.packages_of(session, actor, [member.opportunity_id])
    offer = offer_of(seat.counter, seat.counter_lines, {package.id: package.code for package in packages})
    lines = tuple(LineIn(**asdict(line)) for line in offer.lines)
    return await ask_for_check(session, actor, member.id, TermsIn(edition=member.edition, lines=lines))


async def ask_for_repairs(session: AsyncSession, actor: Actor, identity: UUID, given: RepairIn) -> Job:
    """Queue a look for repairs of an own consortium that lacks work. Raises NotFound, NotAllowed, IllegalTransition."""
    row = await visible.consortium(session, actor, identity)
    if row.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="owner")
    if row.state not in UNSIGNED:
        raise IllegalTransition(current=str(row.state), wanted="repair", possible=", ".join(sorted(UNSIGNED)))
    payload = given.model_dump(mode="json") | {"consortium_id": str(row.id)}
    return await _ask(session, actor, "repair", row.opportunity_id, payload)


async def keep_repairs(
    session: AsyncSession,
    actor: Actor,
    job_id: UUID,
    consortium: Consortium,
    opening: Opening,
    found: Repaired,
    seconds: float,
    seed: int,
) -> Suggestion:
    """Keep the ways to mend a consortium as the plans of a suggestion, without any price, for `fill` to take one."""
    row = Suggestion(
        opportunity_id=opening.id,
        job_id=job_id,
        edition=opening.edition,
        digest=found.digest,
        seed=seed,
        status=found.status,
        stopped="proved" if found.complete else "time",
        seconds=round(seconds, 3),
        candidates=found.candidates,
        within_budget=True if found.ways and found.priced and opening.budget is not None else None,
        priced=found.priced,
        closed=found.closed,
        plans=[plain(each.proposal) | {"repair": _repair(each)} for each in found.ways],
    )
    session.add(row)
    await session.flush()
    await record(session, actor, "consortium.repairs", row.id, opportunity_id=opening.id, consortium_id=consortium.id,
                 name=consortium.name, ways=len(row.plans))  # fmt: skip
    return row


def _repair(way: Mended) -> dict[str, Any]:
    return {
        "way": way.way,
        "changes": way.changes,
        "joining": plain(way.joining),
        "leaving": plain(way.leaving),
        "asked_again": plain(way.asked_again),
    }


async def _ask(session: AsyncSession, actor: Actor, kind: str, subject: UUID, payload: dict[str, Any]) -> Job:
    job = Job(
        kind=kind, subject_id=subject, organisation_id=actor.organisation_id, user_id=actor.user_id, payload=payload
    )
    await enqueue(session, job)
    return job


async def _tell(
    session: AsyncSession, actor: Actor, row: Consortium, member: Membership, code: str, **params: Any
) -> None:
    await record(session, actor, code, member.id, opportunity_id=row.opportunity_id, consortium_id=row.id,
                 audience=[row.organisation_id, member.organisation_id], name=row.name, **params)  # fmt: skip
