"""Reading consortia: seats, terms, invitations, holds, agreements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import opportunities, organisations, visible
from api.queries.page import page
from api.tenancy import Office, by, through
from api.zones import zone_of
from coalitions.formation import REMINDERS, SETTLED
from coalitions.terms import Line, Offer, Payment
from domain.actor import Actor
from domain.disclosure import shown_to_matched
from domain.errors import ConfidentialityFirst, NotAllowed, NotFound
from domain.kinds import (
    AmendmentState,
    Clause,
    ConsortiumState,
    Disclosure,
    HoldState,
    InvitationState,
    MembershipState,
)
from domain.records import (
    Agreement,
    Amendment,
    Capability,
    CapabilityPrice,
    CapacityHold,
    CapacityMonth,
    ConfidentialityAcceptance,
    Consortium,
    Invitation,
    Job,
    Membership,
    Opportunity,
    Organisation,
    Signature,
    Terms,
    TermsLine,
    WorkPackage,
)

LIVE_HOLDS = (HoldState.SOFT, HoldState.HARD)
UNANSWERED = (InvitationState.SENT, InvitationState.COUNTERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRow:
    """A membership with its terms in force, a counter if one is on the table, and the last question put to it.

    ``promise`` is its promise of confidentiality, once it was given.
    """

    membership: Membership
    terms: Terms | None
    lines: tuple[TermsLine, ...]
    counter: Terms | None
    counter_lines: tuple[TermsLine, ...]
    invitation: Invitation | None
    promise: ConfidentialityAcceptance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One edition of terms with its lines."""

    terms: Terms
    lines: tuple[TermsLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A consortium as one reader may see it: his seats, the firms and packages they name, the agreement in force."""

    consortium: Consortium
    opportunity: Opportunity
    seats: tuple[SeatRow, ...]
    every: tuple[SeatRow, ...]
    firms: dict[UUID, Organisation]
    packages: dict[UUID, WorkPackage]
    disclosed: frozenset[UUID]
    agreement: Agreement | None

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone in which the project's public deadlines run."""
        return zone_of(self.opportunity.country, self.opportunity.zone)

    @property
    def closed(self) -> tuple[tuple[str, SeatRow], ...]:
        """The seats under way that the reader may not know by name, each with its letter; a letter stays a seat's."""
        shown = {seat.membership.id for seat in self.seats}
        return tuple(
            (letters(place), seat)
            for place, seat in enumerate(self.every)
            if seat.membership.id not in shown and seat.membership.state in visible.ASKED
        )


def stated(line: TermsLine) -> bool:
    """Tell whether a line names a price; one that the reader's role may not even read counts as named."""
    return "unit_price" in sa.inspect(line).unloaded or line.unit_price is not None


def price_of(line: TermsLine) -> int | None:
    """Return the price a line names, as far as the reader's role may read it."""
    return None if "unit_price" in sa.inspect(line).unloaded else line.unit_price


def letters(place: int) -> str:
    """Return the letters of a place counted from 0, as columns of a sheet have them.

    >>> letters(0), letters(25), letters(26)
    ('A', 'Z', 'AA')
    """
    head, last = divmod(place, 26)
    return (letters(head - 1) if head else "") + chr(ord("A") + last)


async def view(session: AsyncSession, actor: Actor, identity: UUID) -> View:
    """Return a consortium with everything that showing it to the actor needs. Raises NotFound."""
    row = await visible.consortium(session, actor, identity)
    shown = await seats(session, actor, row.id)
    lines = [line for seat in shown for line in (*seat.lines, *seat.counter_lines)]
    found = await agreement(session, actor, row.id)
    return View(
        consortium=row,
        opportunity=await visible.opportunity(session, actor, row.opportunity_id),
        seats=shown,
        every=await whole(session, actor, row.id),
        firms=await organisations.named(session, actor, [seat.membership.organisation_id for seat in shown]),
        packages={
            package.id: package for package in await opportunities.packages_of(session, actor, [row.opportunity_id])
        },
        disclosed=frozenset(
            await disclosed(session, actor, [line.capability_id for line in lines if line.capability_id])
        ),
        agreement=found[0] if found else None,
    )


async def listed(
    session: AsyncSession,
    actor: Actor,
    *,
    opportunity: UUID | None = None,
    state: ConsortiumState | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> tuple[list[Consortium], str | None]:
    """Return a page of the consortia the actor may see, newest first."""
    statement = visible.consortia(actor)
    if opportunity:
        statement = statement.where(col(Consortium.opportunity_id) == opportunity)
    if state:
        statement = statement.where(col(Consortium.state) == state)
    return await page(session, statement, cursor, limit)


async def seats(session: AsyncSession, actor: Actor, consortium: UUID, *, lock: bool = False) -> tuple[SeatRow, ...]:
    """Return the seats of a consortium that the actor may see, the lead first, then by when they were made."""
    statement = (
        visible.memberships(actor)
        .where(col(Membership.consortium_id) == consortium)
        .order_by(col(Membership.lead).desc(), col(Membership.created_at), col(Membership.id))
    )
    if lock:
        statement = statement.with_for_update(of=Membership).execution_options(populate_existing=True)
    rows = list((await session.execute(statement)).scalars())
    return await seats_of(session, actor, rows)


async def whole(session: AsyncSession, actor: Actor, consortium: UUID) -> tuple[SeatRow, ...]:
    """Return every seat of a consortium the actor may see: for deciding what follows from an answer, not for showing.

    Raises NotFound.
    """
    row = await visible.consortium(session, actor, consortium)
    statement = (
        sa.select(Membership)
        .where(col(Membership.consortium_id) == row.id)
        .order_by(col(Membership.created_at), col(Membership.id))
    )
    async with through(session, Office.FORMATION):
        return await seats_of(session, actor, list((await session.execute(statement)).scalars()))


async def seats_of(session: AsyncSession, actor: Actor, rows: Sequence[Membership]) -> tuple[SeatRow, ...]:
    """Fold terms and questions into memberships that the actor was already shown, keeping their order."""
    ids = [row.id for row in rows]
    terms = await _terms(session, ids)
    lines = await _lines(session, [found.id for found in terms.values()])
    invitations = await _last_invitations(session, ids)
    promised = await _promises(session, ids)
    newest = {identity: edition for identity, edition in sorted(terms)}
    folded = []
    for row in rows:
        force = terms.get((row.id, row.edition))
        counter = terms.get((row.id, newest[row.id])) if row.state is MembershipState.COUNTERED else None
        folded.append(
            SeatRow(
                membership=row,
                terms=force,
                lines=lines.get(force.id, ()) if force else (),
                counter=counter,
                counter_lines=lines.get(counter.id, ()) if counter else (),
                invitation=invitations.get(row.id),
                promise=promised.get(row.id),
            )
        )
    return tuple(folded)


async def _promises(session: AsyncSession, memberships: Sequence[UUID]) -> dict[UUID, ConfidentialityAcceptance]:
    statement = sa.select(ConfidentialityAcceptance).where(
        col(ConfidentialityAcceptance.membership_id).in_(memberships)
    )
    return {row.membership_id: row for row in (await session.execute(statement)).scalars()}


async def _terms(session: AsyncSession, memberships: Sequence[UUID]) -> dict[tuple[UUID, int], Terms]:
    statement = sa.select(Terms).where(col(Terms.membership_id).in_(memberships))
    return {(row.membership_id, row.edition): row for row in (await session.execute(statement)).scalars()}


async def _lines(session: AsyncSession, terms: Sequence[UUID]) -> dict[UUID, tuple[TermsLine, ...]]:
    statement = (
        sa.select(TermsLine)
        .join(WorkPackage, col(WorkPackage.id) == col(TermsLine.package_id))
        .where(col(TermsLine.terms_id).in_(terms))
        .order_by(col(WorkPackage.position), col(WorkPackage.id))
    )
    found: dict[UUID, list[TermsLine]] = {}
    for row in (await session.execute(statement)).scalars():
        found.setdefault(row.terms_id, []).append(row)
    return {key: tuple(rows) for key, rows in found.items()}


async def _last_invitations(session: AsyncSession, memberships: Sequence[UUID]) -> dict[UUID, Invitation]:
    statement = (
        sa.select(Invitation)
        .where(col(Invitation.membership_id).in_(memberships))
        .order_by(col(Invitation.membership_id), col(Invitation.edition).desc())
        .ext(distinct_on(col(Invitation.membership_id)))
    )
    return {row.membership_id: row for row in (await session.execute(statement)).scalars()}


async def lines(session: AsyncSession, actor: Actor, terms: UUID) -> tuple[TermsLine, ...]:
    """Return the lines of one edition of terms that the caller has just been shown or has written."""
    return (await _lines(session, [terms])).get(terms, ())


async def lines_of(session: AsyncSession, actor: Actor, membership: UUID, edition: int) -> tuple[TermsLine, ...]:
    """Return the lines of one edition of the terms of a membership that the caller has been shown."""
    found = await _terms(session, [membership])
    terms = found.get((membership, edition))
    return await lines(session, actor, terms.id) if terms else ()


async def terms_editions(session: AsyncSession, actor: Actor, membership: UUID) -> list[Terms]:
    """Return every edition of a membership's terms, oldest first. Raises NotFound."""
    row = await visible.membership(session, actor, membership)
    statement = sa.select(Terms).where(col(Terms.membership_id) == row.id).order_by(col(Terms.edition))
    return list((await session.execute(statement)).scalars())


async def between(session: AsyncSession, actor: Actor, membership: UUID) -> SeatRow:
    """Return a seat to the two it is between: the member and its chain leader. Raises NotFound, NotAllowed."""
    row = await visible.membership(session, actor, membership)
    led = await visible.consortium(session, actor, row.consortium_id)
    if actor.organisation_id not in (row.organisation_id, led.organisation_id):
        raise NotAllowed(needed="member")
    (seat,) = await seats_of(session, actor, [row])
    return seat


async def two_editions(
    session: AsyncSession, actor: Actor, seat: SeatRow, before: int | None, after: int | None
) -> tuple[Edition, Edition]:
    """Return two editions of a seat's terms: the one in force and the newest, unless others are named.

    Raises NotFound for an edition that does not exist.
    """
    identity = seat.membership.id
    newest = max(terms.edition for terms in await terms_editions(session, actor, identity))
    wanted = (before or seat.membership.edition, after or newest)
    found = [await edition_of(session, actor, identity, number) for number in wanted]
    old, new = [Edition(terms=terms, lines=await lines(session, actor, terms.id)) for terms in found]
    return old, new


async def edition_of(session: AsyncSession, actor: Actor, membership: UUID, edition: int) -> Terms:
    """Return one edition of a membership's terms. Raises NotFound."""
    for terms in await terms_editions(session, actor, membership):
        if terms.edition == edition:
            return terms
    raise NotFound(noun="terms")


async def inbox(session: AsyncSession, actor: Actor) -> tuple[SeatRow, ...]:
    """Return the actor's own seats that wait for his answer or signature, the first to fall due first."""
    statement = (
        visible.memberships(actor)
        .where(
            col(Membership.organisation_id) == actor.organisation_id,
            sa.or_(
                col(Membership.state) == MembershipState.INVITED,
                sa.and_(
                    col(Membership.state) == MembershipState.ACCEPTED,
                    col(Consortium.state) == ConsortiumState.AGREED,
                ),
            ),
        )
        .order_by(col(Membership.created_at))
    )
    rows = list((await session.execute(statement)).scalars())
    found = await seats_of(session, actor, rows)
    return tuple(
        sorted(found, key=lambda seat: (seat.invitation is None, seat.invitation and seat.invitation.deadline))
    )


@by(Office.SOLVER)
async def prices(session: AsyncSession, actor: Actor, capabilities: Iterable[UUID]) -> dict[UUID, CapabilityPrice]:
    """Return, for forming terms, the declared prices of capabilities; what of it is shown is decided at the wire."""
    statement = sa.select(CapabilityPrice).where(col(CapabilityPrice.capability_id).in_(set(capabilities)))
    return {row.capability_id: row for row in (await session.execute(statement)).scalars()}


@by(Office.SOLVER)
async def disclosed(session: AsyncSession, actor: Actor, capabilities: Iterable[UUID]) -> set[UUID]:
    """Return those of `capabilities` whose price their owner shows to the parties of a matched plan."""
    statement = sa.select(col(CapabilityPrice.capability_id)).where(
        col(CapabilityPrice.capability_id).in_(set(capabilities)),
        col(CapabilityPrice.disclosure).in_([tier for tier in Disclosure if shown_to_matched(tier)]),
    )
    return set((await session.execute(statement)).scalars())


async def buckets(
    session: AsyncSession, actor: Actor, wanted: Iterable[tuple[UUID, date]], held: Iterable[int] = ()
) -> dict[UUID, dict[date, CapacityMonth]]:
    """Return capacity months, named by capability and first day or by id, all locked by one statement in order of ids.

    One order for everybody is what keeps two formations from waiting for each other; so whoever moves several holds
    locks all their months here first.
    """
    statement = (
        sa.select(CapacityMonth)
        .where(
            sa.or_(
                sa.tuple_(col(CapacityMonth.capability_id), col(CapacityMonth.month)).in_(sorted(set(wanted))),
                col(CapacityMonth.id).in_(sorted(set(held))),
            )
        )
        .order_by(col(CapacityMonth.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found: dict[UUID, dict[date, CapacityMonth]] = {}
    for row in (await session.execute(statement)).scalars():
        found.setdefault(row.capability_id, {})[row.month] = row
    return found


@by(Office.FORMATION)
async def capabilities(
    session: AsyncSession, actor: Actor, identities: Iterable[UUID], *, keep: bool = False
) -> dict[UUID, Capability]:
    """Return capabilities by id, for laying promises over their months; `keep` lets nobody declare months meanwhile."""
    statement = sa.select(Capability).where(col(Capability.id).in_(set(identities))).order_by(col(Capability.id))
    if keep:
        statement = statement.with_for_update(read=True, key_share=True)
    return {row.id: row for row in (await session.execute(statement)).scalars()}


async def live_holds(session: AsyncSession, actor: Actor, memberships: Iterable[UUID]) -> list[CapacityHold]:
    """Return the holds that memberships have, soft or hard, in the order of their months' ids."""
    statement = (
        sa.select(CapacityHold)
        .where(col(CapacityHold.membership_id).in_(set(memberships)), col(CapacityHold.state).in_(LIVE_HOLDS))
        .order_by(col(CapacityHold.capacity_month_id))
    )
    return list((await session.execute(statement)).scalars())


async def invitation(session: AsyncSession, actor: Actor, membership: UUID, edition: int) -> Invitation | None:
    """Return the question put to a membership about one edition, locked for its answer."""
    statement = (
        sa.select(Invitation)
        .where(col(Invitation.membership_id) == membership, col(Invitation.edition) == edition)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def overdue(session: AsyncSession, actor: Actor, limit: int = 200) -> list[UUID]:
    """Return the consortia with unanswered questions whose deadline has passed by the database's clock."""
    statement = (
        sa.select(col(Membership.consortium_id))
        .join(Invitation, col(Invitation.membership_id) == col(Membership.id))
        .where(col(Invitation.state).in_(UNANSWERED), col(Invitation.deadline) <= sa.func.clock_timestamp())
        .group_by(col(Membership.consortium_id))
        .order_by(sa.func.min(col(Invitation.deadline)))
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def checks(session: AsyncSession, actor: Actor, membership: UUID, seconds: int) -> int:
    """Return how many checks of a seat's terms the actor's organisation has asked for within the last `seconds`."""
    statement = sa.select(sa.func.count()).where(
        col(Job.kind) == "counter-check",
        col(Job.subject_id) == membership,
        col(Job.organisation_id) == actor.organisation_id,
        col(Job.created_at) > sa.func.clock_timestamp() - sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds),
    )
    return int((await session.execute(statement)).scalar_one())


async def to_remind(session: AsyncSession, actor: Actor, limit: int = 200) -> list[UUID]:
    """Return the consortia with open questions whose next reminder has fallen due by the database's clock."""
    now = sa.func.clock_timestamp()
    passed = sa.extract("epoch", now - col(Invitation.sent_at))
    given = sa.extract("epoch", col(Invitation.deadline) - col(Invitation.sent_at))
    share = sa.case((col(Invitation.reminded) == 0, REMINDERS[0]), else_=REMINDERS[1])
    statement = (
        sa.select(col(Membership.consortium_id))
        .join(Invitation, col(Invitation.membership_id) == col(Membership.id))
        .where(
            col(Invitation.state) == InvitationState.SENT,
            col(Invitation.reminded) < len(REMINDERS),
            col(Invitation.deadline) > now,
            passed >= given * share,
        )
        .group_by(col(Membership.consortium_id))
        .order_by(sa.func.min(col(Invitation.deadline)))
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def agreement(session: AsyncSession, actor: Actor, consortium: UUID) -> tuple[Agreement, list[Signature]] | None:
    """Return the newest edition of a consortium's agreement that holds, with the signatures given under it, or None.

    An edition that an amendment proposes, or has proposed in vain, does not hold. Raises NotFound.
    """
    row = await visible.consortium(session, actor, consortium)
    newest = (
        sa.select(Agreement)
        .outerjoin(Amendment, col(Amendment.agreement_id) == col(Agreement.id))
        .where(
            col(Agreement.consortium_id) == row.id,
            sa.or_(col(Amendment.id).is_(None), col(Amendment.state) == AmendmentState.IN_FORCE),
        )
        .order_by(col(Agreement.edition).desc())
        .limit(1)
    )
    found = (await session.execute(newest)).scalar_one_or_none()
    return None if found is None else (found, await signatures(session, actor, found.id))


async def signatures(session: AsyncSession, actor: Actor, agreement: UUID) -> list[Signature]:
    """Return the signatures given under an edition that the caller has been shown, oldest first."""
    statement = sa.select(Signature).where(col(Signature.agreement_id) == agreement).order_by(col(Signature.created_at))
    return list((await session.execute(statement)).scalars())


async def agreement_for(
    session: AsyncSession, actor: Actor, consortium: UUID, edition: int | None = None
) -> tuple[Agreement, list[Signature]] | None:
    """Return the agreement that holds when the actor is a party of it or leads the project: its body names prices.

    Another edition is returned to those who may read the amendment that proposes or amended it. It names every member
    too, so that a member first promises confidentiality.

    Raises NotFound when the actor may not see the consortium at all, and ConfidentialityFirst.
    """
    row = await visible.consortium(session, actor, consortium)
    if edition is not None:
        found = await _edition(session, actor, row.id, edition)
        if found is not None:
            await require_promise(session, actor, row.id)
        return found
    if row.organisation_id == actor.organisation_id:
        return await agreement(session, actor, row.id)
    own = [
        seat
        for seat in await seats(session, actor, row.id)
        if seat.membership.organisation_id == actor.organisation_id and seat.membership.state in SETTLED
    ]
    found = await agreement(session, actor, row.id) if own else None
    if found is not None and not any(seat.promise for seat in own):
        raise ConfidentialityFirst()
    return found


async def require_promise(session: AsyncSession, actor: Actor, consortium: UUID) -> None:
    """Refuse a member that has not promised confidentiality what names the others. Raises ConfidentialityFirst."""
    row = await visible.consortium(session, actor, consortium)
    own = [
        seat for seat in await seats(session, actor, row.id) if seat.membership.organisation_id == actor.organisation_id
    ]
    if row.organisation_id != actor.organisation_id and not any(seat.promise for seat in own):
        raise ConfidentialityFirst()


async def _edition(
    session: AsyncSession, actor: Actor, consortium: UUID, edition: int
) -> tuple[Agreement, list[Signature]] | None:
    """Return one edition to whoever may read an amendment it has a part in, as the proposed or as the former one."""
    amended = visible.amendments(actor).where(col(Amendment.consortium_id) == consortium).subquery()
    statement = sa.select(Agreement).where(
        col(Agreement.consortium_id) == consortium,
        col(Agreement.edition) == edition,
        sa.or_(
            col(Agreement.id).in_(sa.select(amended.c.agreement_id)),
            col(Agreement.id).in_(sa.select(amended.c.former_id)),
        ),
    )
    found = (await session.execute(statement)).scalar_one_or_none()
    return None if found is None else (found, await signatures(session, actor, found.id))


async def clock(session: AsyncSession) -> datetime:
    """Return the database's clock, which decides deadlines."""
    now: datetime = (await session.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
    return now


def offer_of(terms: Terms | None, lines: Sequence[TermsLine], codes: Mapping[UUID, str]) -> Offer:
    """Return an edition of terms as the core compares it."""
    return Offer(
        lines=tuple(
            Line(
                package=codes[line.package_id],
                units=line.units,
                unit_price=line.unit_price,
                starts=line.starts,
                ends=line.ends,
                lead_days=line.lead_days,
            )
            for line in lines
        ),
        payment=Payment.of(terms.payment) if terms else None,
        clauses={Clause(each["clause"]): each["wording"] for each in terms.clauses} if terms else {},
    )
