"""Formation: a plan becomes a consortium, its members are asked, they answer, everyone signs one version.

Whoever changes a formation locks the consortium's row first, so that answers to one consortium take turns.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import compliance, filings, holds
from api.outbox import record
from api.queries import actors, consortia, drafts, opportunities, visible
from api.queries.consortia import SeatRow
from api.tenancy import Office, by
from api.wire.consortia import (
    UNSIGNED,
    AcceptIn,
    ConsortiumIn,
    DeclineIn,
    FillIn,
    InviteIn,
    LineIn,
    OfferIn,
    TermsIn,
    seat_of,
)
from api.wire.negotiation import Answerable, Conditions, ExtensionIn, plain_conditions
from coalitions.agreement import digest
from coalitions.clauses import NEWEST, Choices
from coalitions.formation import PENDING, SETTLED, Standing, standing
from domain import workdays
from domain.actor import Actor
from domain.errors import (
    DeadlinePassed,
    Fault,
    IllegalTransition,
    Invalid,
    NotAllowed,
    NotDelegate,
    NotFound,
    RuleBroken,
    SeatFilled,
    VersionNotCurrent,
)
from domain.kinds import (
    BASIS_POINTS,
    ConsortiumState,
    InvitationState,
    MembershipState,
    OpportunityState,
)
from domain.lifecycle import INVITATION
from domain.powers import Power
from domain.records import (
    Agreement,
    Consortium,
    Invitation,
    Membership,
    Opportunity,
    Signature,
    Suggestion,
    Terms,
    TermsLine,
    WorkPackage,
)


class PriceAboveValue(RuleBroken):
    """A price stated at acceptance lies above the published value: it is a counter-offer, not an acceptance."""

    code = "price-above-value"


class AgreementChanged(RuleBroken):
    """The hash that was to be signed is not that of the agreement in force."""

    code = "agreement-changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A part of a package in terms to be written, with the capability that serves it."""

    package: WorkPackage
    capability_id: UUID | None
    units: int
    unit_price: int | None
    starts: date | None = None
    ends: date | None = None
    lead_days: int | None = None


# ------------------------------------------------------------------ from a plan to seats


async def form(session: AsyncSession, actor: Actor, given: ConsortiumIn) -> Consortium:
    """Make a consortium from a plan of a suggestion: a proposed seat a member, with the first edition of its terms.

    Raises NotFound, NotAllowed, and VersionNotCurrent when the opportunity has been amended since the run.
    """
    suggestion, opportunity, plan = await _plan(session, actor, given.suggestion_id, given.plan)
    row = Consortium(
        opportunity_id=opportunity.id,
        organisation_id=actor.organisation_id,
        suggestion_id=suggestion.id,
        plan=given.plan,
        name=given.name or opportunity.title[:190] + " 联合体",
        clauses=Choices(edition=NEWEST).data(),
    )
    session.add(row)
    await session.flush()
    packages = await _packages(session, actor, opportunity.id)
    for seat in plan["seats"]:
        await _seat(session, actor, row, seat, packages, lead=seat["lead"])
    await record(session, actor, "consortium.formed", row.id, opportunity_id=opportunity.id, consortium_id=row.id,
                 name=row.name, members=len(plan["seats"]))  # fmt: skip
    return row


async def fill(session: AsyncSession, actor: Actor, identity: UUID, given: FillIn) -> Consortium:
    """Give the work that is open again to the firms of a newer plan; settled members keep their part.

    A firm that is new gets a seat; one that already sits and is to do more is asked about it as the next edition. A
    plan that is a repair says what everybody does: who is to do other work is asked about that, who has none leaves.

    Raises NotFound, NotAllowed, VersionNotCurrent, CapacityExceeded, and IllegalTransition once it no longer forms.
    """
    row = await _led(session, actor, identity)
    if row.state is not ConsortiumState.FORMING:
        raise IllegalTransition(current=str(row.state), wanted="fill", possible=str(ConsortiumState.FORMING))
    suggestion, opportunity, plan = await _plan(session, actor, given.suggestion_id, given.plan)
    if opportunity.id != row.opportunity_id:
        raise NotFound(noun="suggestion")
    seats = await consortia.seats(session, actor, row.id, lock=True)
    live = {s.membership.organisation_id: s for s in seats if s.membership.state in PENDING | SETTLED}
    packages = await _packages(session, actor, opportunity.id)
    mending = "repair" in plan
    if mending:
        await _part_with(session, actor, row, live, plan)
    led = any(seat.membership.lead for seat in live.values())
    left = [seat for seat in seats if seat.membership.state in (MembershipState.DECLINED, MembershipState.EXPIRED)]
    for seat in plan["seats"]:
        sitting = live.get(UUID(seat["supplier_id"]))
        if sitting is not None:
            change = _rearrange if mending else _widen
            await change(session, actor, row, sitting, seat["parts"], packages)
            continue
        before = await _replaced(session, actor, row, left, seat)
        await _seat(session, actor, row, seat, packages, lead=not led and seat["lead"], replaces=before)
    row.suggestion_id, row.plan = suggestion.id, given.plan
    await record(session, actor, "consortium.refilled", row.id, opportunity_id=row.opportunity_id,
                 consortium_id=row.id, name=row.name)  # fmt: skip
    await _restate(session, actor, row)
    return row


async def _replaced(
    session: AsyncSession, actor: Actor, row: Consortium, left: list[SeatRow], seat: dict[str, Any]
) -> UUID | None:
    """Let a planned seat take the place of one that was left and had some of its work; it is taken from `left`."""
    taken = {UUID(part["package_id"]) for part in seat["parts"]}
    before = next((old for old in left if taken & {line.package_id for line in old.lines}), None)
    if before is None:
        return None
    left.remove(before)
    before.membership.become(MembershipState.REPLACED)
    await record(session, actor, "membership.replaced", before.membership.id, opportunity_id=row.opportunity_id,
                 consortium_id=row.id, name=row.name)  # fmt: skip
    return before.membership.id


async def _part_with(
    session: AsyncSession, actor: Actor, row: Consortium, live: dict[UUID, SeatRow], plan: dict[str, Any]
) -> None:
    """Take back the seats for which a repair has no work, and forget them in `live`."""
    kept = {UUID(seat["supplier_id"]) for seat in plan["seats"]}
    leaving = [live.pop(firm) for firm in sorted(live.keys() - kept)]
    for seat in leaving:
        await _take_back(session, actor, row, seat)
    await holds.release(session, actor, *(seat.membership for seat in leaving))


async def _rearrange(
    session: AsyncSession,
    actor: Actor,
    row: Consortium,
    seat: SeatRow,
    parts: Sequence[dict[str, Any]],
    packages: dict[UUID, WorkPackage],
) -> None:
    """Put the work a repair has for a sitting member to it as the next edition, unless that is what it does already."""
    wanted = {UUID(part["package_id"]): part["units"] for part in parts}
    held = {line.package_id: line for line in seat.lines}
    if wanted == {package: line.units for package, line in held.items()}:
        return
    opportunity = await session.get_one(Opportunity, row.opportunity_id)
    kept = [
        replace(again(line, packages), units=wanted[line.package_id])
        for line in seat.lines
        if line.package_id in wanted
    ]
    fresh = [part for part in parts if UUID(part["package_id"]) not in held]
    added = await _offered(session, actor, opportunity, fresh, packages)
    await _put(session, actor, row, seat, [*kept, *added], asked=seat.membership.state is not MembershipState.PROPOSED)


async def _widen(
    session: AsyncSession,
    actor: Actor,
    row: Consortium,
    seat: SeatRow,
    parts: Sequence[dict[str, Any]],
    packages: dict[UUID, WorkPackage],
) -> None:
    """Put packages that a sitting member does not have yet to it, beside those it has, as the next edition."""
    held = {line.package_id for line in seat.lines}
    more = [part for part in parts if UUID(part["package_id"]) not in held]
    if not more:
        return
    kept = [again(line, packages) for line in seat.lines]
    opportunity = await session.get_one(Opportunity, row.opportunity_id)
    added = await _offered(session, actor, opportunity, more, packages)
    await _put(session, actor, row, seat, [*kept, *added], asked=seat.membership.state is not MembershipState.PROPOSED)


async def _plan(
    session: AsyncSession, actor: Actor, suggestion_id: UUID, number: int
) -> tuple[Suggestion, Opportunity, dict[str, Any]]:
    suggestion = await visible.suggestion(session, actor, suggestion_id)
    opportunity = await visible.opportunity(session, actor, suggestion.opportunity_id, lock=True)
    if opportunity.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="owner")
    if opportunity.state is not OpportunityState.PUBLISHED:
        raise IllegalTransition(current=str(opportunity.state), wanted="consortium", possible="published")
    if opportunity.edition != suggestion.edition:
        raise VersionNotCurrent(given=suggestion.edition, current=opportunity.edition)
    if number > len(suggestion.plans):
        raise Invalid((Fault(where="$.plan", code="plan-unknown", params={"plans": len(suggestion.plans)}),))
    return suggestion, opportunity, suggestion.plans[number - 1]


async def _packages(session: AsyncSession, actor: Actor, opportunity: UUID) -> dict[UUID, WorkPackage]:
    return {package.id: package for package in await opportunities.packages_of(session, actor, [opportunity])}


async def _seat(
    session: AsyncSession,
    actor: Actor,
    row: Consortium,
    seat: dict[str, Any],
    packages: dict[UUID, WorkPackage],
    *,
    lead: bool,
    replaces: UUID | None = None,
) -> None:
    membership = Membership(
        consortium_id=row.id,
        opportunity_id=row.opportunity_id,
        organisation_id=UUID(seat["supplier_id"]),
        lead=lead,
        replaces_id=replaces,
    )
    session.add(membership)
    await session.flush()
    opportunity = await session.get_one(Opportunity, row.opportunity_id)
    lines = await _offered(session, actor, opportunity, seat["parts"], packages)
    await write_terms(session, membership.id, 1, actor.organisation_id, lines, opportunity.currency)


async def _offered(
    session: AsyncSession,
    actor: Actor,
    opportunity: Opportunity,
    parts: Sequence[dict[str, Any]],
    packages: dict[UUID, WorkPackage],
) -> list[Line]:
    """Return a plan's parts as lines, each at its declared price where that is in the project's currency and unit."""
    named = [UUID(part["offering_id"]) for part in parts]
    offered = await consortia.prices(session, actor, named)
    known = await consortia.capabilities(session, actor, named)
    lines: list[Line] = []
    for part in parts:
        package, capability = packages[UUID(part["package_id"])], UUID(part["offering_id"])
        price = offered.get(capability)
        comparable = price and price.currency == opportunity.currency and known[capability].unit == package.unit
        asked = price.unit_price if price and comparable else None
        lines.append(Line(package=package, capability_id=capability, units=part["units"], unit_price=asked))
    return lines


def again(line: TermsLine, packages: Mapping[UUID, WorkPackage]) -> Line:
    """Return a line of terms as it would be written once more."""
    return Line(
        package=packages[line.package_id],
        capability_id=line.capability_id,
        units=line.units,
        unit_price=line.unit_price,
        starts=line.starts,
        ends=line.ends,
        lead_days=line.lead_days,
    )


async def write_terms(
    session: AsyncSession,
    membership: UUID,
    edition: int,
    author: UUID,
    lines: Sequence[Line],
    currency: str,
    *,
    note: str = "",
    former: Terms | None = None,
    conditions: Conditions | None = None,
) -> Terms:
    """Write an edition of terms; conditions that are not stated stay as the `former` edition has them."""
    kept = {"payment": dict(former.payment), "clauses": list(former.clauses)} if former else {}
    stated = plain_conditions(conditions) if conditions else {}
    terms = Terms(membership_id=membership, edition=edition, organisation_id=author, note=note, **kept | stated)
    session.add(terms)
    await session.flush()
    for line in lines:
        session.add(
            TermsLine(
                terms_id=terms.id,
                package_id=line.package.id,
                capability_id=line.capability_id,
                units=line.units,
                share=max(1, round(BASIS_POINTS * line.units / line.package.quantity)),
                unit_price=line.unit_price,
                currency=currency,
                starts=line.starts,
                ends=line.ends,
                lead_days=line.lead_days,
            )
        )
    await session.flush()
    return terms


async def _next_edition(session: AsyncSession, actor: Actor, member: Membership) -> int:
    """Return the number of the next edition of a member's terms; a counter that came to nothing keeps its own."""
    return 1 + max(terms.edition for terms in await consortia.terms_editions(session, actor, member.id))


# ------------------------------------------------------------------ asking


async def invite(session: AsyncSession, actor: Actor, identity: UUID, given: InviteIn) -> Consortium:
    """Ask members whose seat is proposed, all in one call, and hold their capacity softly until the deadline.

    Raises NotFound, NotAllowed, CapacityExceeded, IllegalTransition when a named member has been asked already.
    """
    row = await _forming(session, actor, identity, "invited")
    seats = await consortia.seats(session, actor, row.id, lock=True)
    if given.membership_ids is None:
        asked = [seat for seat in seats if seat.membership.state is MembershipState.PROPOSED]
    else:
        asked = [seat for seat in seats if seat.membership.id in given.membership_ids]
        if len(asked) < len(set(given.membership_ids)):
            raise NotFound(noun="membership")
    if not asked:
        raise IllegalTransition(current="", wanted=str(MembershipState.INVITED), possible="")
    await _ask(session, actor, row, [(seat.membership, seat.lines) for seat in asked], given)
    return row


def until(start: datetime, given: Answerable | ExtensionIn) -> datetime:
    """Return the deadline that is so many hours or working days after `start`."""
    if given.working_days is not None:
        return workdays.after(start, given.working_days)
    return start + timedelta(hours=given.hours or 0)


async def _ask(
    session: AsyncSession,
    actor: Actor,
    row: Consortium,
    members: Sequence[tuple[Membership, Sequence[TermsLine]]],
    given: Answerable,
) -> None:
    now = await consortia.clock(session)
    deadline = until(now, given)
    packages = await _packages(session, actor, row.opportunity_id)
    promises = [(member, line, packages[line.package_id]) for member, lines in members for line in lines]
    await holds.keep(session, actor, promises, deadline)
    for member, _ in members:
        member.become(MembershipState.INVITED)
        session.add(Invitation(membership_id=member.id, edition=member.edition, sent_at=now, deadline=deadline))
        await record(session, actor, "membership.invited", member.id, opportunity_id=row.opportunity_id,
                     consortium_id=row.id, audience=[member.organisation_id], name=row.name, edition=member.edition,
                     deadline=deadline.isoformat())  # fmt: skip
    await session.flush()


async def ask_again(
    session: AsyncSession,
    actor: Actor,
    identity: UUID,
    lines: Sequence[LineIn] | None,
    given: Answerable | None = None,
) -> Membership:
    """Put new terms to a member: those of its counter (`lines` is None) or others, as the next edition.

    `given` says how long it has, and, as an `OfferIn`, what else is offered. The answers of the other members stand.

    Raises NotFound, NotAllowed, IllegalTransition, CapacityExceeded.
    """
    given = given or OfferIn()
    row, seat = await led_seat(session, actor, identity, "invited")
    member = seat.membership
    if lines is not None:
        await _put(session, actor, row, seat, await _lines(session, actor, row, seat, lines), given=given)
        return member
    if seat.counter is None:
        raise IllegalTransition(current=str(member.state), wanted="invited", possible="")
    member.edition = seat.counter.edition
    await _ask_anew(session, actor, row, seat, seat.counter_lines, given)
    return member


async def _put(
    session: AsyncSession,
    actor: Actor,
    row: Consortium,
    seat: SeatRow,
    lines: Sequence[Line],
    *,
    asked: bool = True,
    given: Answerable | None = None,
) -> None:
    """Write `lines` as the newest edition of a seat's terms and, unless the seat is only proposed, ask about it."""
    member, given = seat.membership, given or OfferIn()
    opportunity = await session.get_one(Opportunity, row.opportunity_id)
    member.edition = await _next_edition(session, actor, member)
    terms = await write_terms(
        session, member.id, member.edition, actor.organisation_id, lines, opportunity.currency,
        former=seat.terms, conditions=given if isinstance(given, OfferIn) else None,
    )  # fmt: skip
    if asked:
        await _ask_anew(session, actor, row, seat, await consortia.lines(session, actor, terms.id), given)


async def _ask_anew(
    session: AsyncSession, actor: Actor, row: Consortium, seat: SeatRow, lines: Sequence[TermsLine], given: Answerable
) -> None:
    """Ask a member about its newest edition; the question about the former one no longer counts."""
    if seat.invitation is not None and InvitationState.SUPERSEDED in _open(seat.invitation):
        seat.invitation.become(InvitationState.SUPERSEDED)
        await session.flush()
    await _ask(session, actor, row, [(seat.membership, lines)], given)
    await _restate(session, actor, row)


def _open(invitation: Invitation) -> frozenset[InvitationState]:
    return INVITATION[invitation.state]


async def _lines(
    session: AsyncSession, actor: Actor, row: Consortium, seat: SeatRow, given: Sequence[LineIn]
) -> list[Line]:
    """Turn packages by code into lines; only packages of the seat's own terms, within their quantity.

    Dates that are not stated stay as the terms in force have them.
    """
    packages = {package.code: package for package in (await _packages(session, actor, row.opportunity_id)).values()}
    served = {line.package_id: line for line in seat.lines}
    faults, lines = [], []
    for number, line in enumerate(given):
        package = packages.get(line.package)
        if package is None or package.id not in served:
            faults.append(
                Fault(where=f"$.lines[{number}].package", code="not-in-terms", params={"package": line.package})
            )
        elif line.units > package.quantity:
            faults.append(
                Fault(where=f"$.lines[{number}].units", code="above-quantity", params={"quantity": package.quantity})
            )
        else:
            lines.append(_other(served[package.id], package, line))
            if (lines[-1].starts or package.starts) > (lines[-1].ends or package.ends):
                span = {"starts": str(lines[-1].starts or package.starts), "ends": str(lines[-1].ends or package.ends)}
                faults.append(Fault(where=f"$.lines[{number}].starts", code="period", params=span))
    if faults:
        raise Invalid(tuple(faults))
    return lines


def _other(former: TermsLine, package: WorkPackage, given: LineIn) -> Line:
    return Line(
        package=package,
        capability_id=former.capability_id,
        units=given.units,
        unit_price=given.unit_price,
        starts=former.starts if given.starts is None else given.starts,
        ends=former.ends if given.ends is None else given.ends,
        lead_days=former.lead_days if given.lead_days is None else given.lead_days,
    )


# ------------------------------------------------------------------ answering


async def accept(session: AsyncSession, actor: Actor, identity: UUID, given: AcceptIn) -> Membership:
    """Accept one edition of the terms. Prices the terms left open may be stated, up to the published value.

    Whoever had countered or declined may change his mind until the deadline, while the work is still to be given.

    Raises NotFound, VersionNotCurrent, DeadlinePassed, SeatTaken (at the flush), SeatFilled, CapacityExceeded,
    PriceAboveValue, Invalid, NotDelegate.
    """
    changeable = {MembershipState.COUNTERED, MembershipState.DECLINED}
    row, seat = await _asked(session, actor, identity, given.edition, changeable)
    member = seat.membership
    if member.state is MembershipState.DECLINED:
        await _take_up_again(session, actor, row, seat)
    if given.prices:
        await _state_prices(session, actor, row, seat, given)
    member.become(MembershipState.ACCEPTED)
    await _settle(session, actor, seat, InvitationState.ACCEPTED)
    opportunity = await session.get_one(Opportunity, row.opportunity_id)
    await holds.extend(session, actor, member, max(opportunity.deadline, _deadline(seat)))
    await tell(session, actor, row, member, "membership.accepted", edition=member.edition)
    await _restate(session, actor, row)
    return member


async def _take_up_again(session: AsyncSession, actor: Actor, row: Consortium, seat: SeatRow) -> None:
    """Hold once more what a seat that was declined had promised. Raises SeatFilled, CapacityExceeded."""
    packages = await _packages(session, actor, row.opportunity_id)
    seats = await consortia.whole(session, actor, row.id)
    lacking = {gap.package_id: gap.units for gap in _standing(packages, seats).gaps}
    led = any(each.membership.lead for each in seats if each.membership.state in PENDING | SETTLED)
    if any(line.units > lacking.get(line.package_id, 0) for line in seat.lines) or (led and seat.membership.lead):
        raise SeatFilled()
    promises = [(seat.membership, line, packages[line.package_id]) for line in seat.lines]
    await holds.keep(session, actor, promises, _deadline(seat))


async def _state_prices(session: AsyncSession, actor: Actor, row: Consortium, seat: SeatRow, given: AcceptIn) -> None:
    packages = await _packages(session, actor, row.opportunity_id)
    stated = {price.package: price.unit_price for price in given.prices}
    vacant = {packages[line.package_id].code for line in seat.lines if line.unit_price is None}
    faults = [
        Fault(where=f"$.prices[{number}].package", code="price-not-open", params={"package": price.package})
        for number, price in enumerate(given.prices)
        if price.package not in vacant
    ]
    if faults:
        raise Invalid(tuple(faults))
    lines: list[Line] = []
    for line in seat.lines:
        package = packages[line.package_id]
        price = stated.get(package.code, line.unit_price)
        if package.code in stated and stated[package.code] * package.quantity > package.value:
            raise PriceAboveValue(package=package.code)
        lines.append(replace(again(line, packages), unit_price=price))
    member = seat.membership
    member.edition = await _next_edition(session, actor, member)
    await write_terms(
        session, member.id, member.edition, actor.organisation_id, lines, seat.lines[0].currency, former=seat.terms
    )


async def counter(session: AsyncSession, actor: Actor, identity: UUID, given: TermsIn) -> Membership:
    """Answer one edition with other terms: a new offer, which the chain leader may put back as the next edition.

    Whoever had accepted may counter until the deadline. The answers of the other members stand.

    Raises NotFound, VersionNotCurrent, DeadlinePassed, Invalid, NotDelegate.
    """
    row, seat = await _asked(session, actor, identity, given.edition, {MembershipState.ACCEPTED})
    member = seat.membership
    opportunity = await session.get_one(Opportunity, row.opportunity_id)
    lines = await _lines(session, actor, row, seat, given.lines)
    edition = await _next_edition(session, actor, member)
    await write_terms(
        session, member.id, edition, actor.organisation_id, lines, opportunity.currency,
        note=given.note, former=seat.terms, conditions=given,
    )  # fmt: skip
    member.become(MembershipState.COUNTERED)
    await _settle(session, actor, seat, InvitationState.COUNTERED, note=given.note)
    await holds.extend(session, actor, member, _deadline(seat))
    await tell(session, actor, row, member, "membership.countered", edition=edition)
    await _restate(session, actor, row)
    return member


async def decline(session: AsyncSession, actor: Actor, identity: UUID, given: DeclineIn) -> Membership:
    """Refuse one edition, with a reason; what was held is free again.

    Raises NotFound, VersionNotCurrent, DeadlinePassed, NotDelegate.
    """
    changeable = {MembershipState.ACCEPTED, MembershipState.COUNTERED}
    row, seat = await _asked(session, actor, identity, given.edition, changeable)
    seat.membership.become(MembershipState.DECLINED)
    await _settle(session, actor, seat, InvitationState.DECLINED, reason=str(given.reason), note=given.note)
    await holds.release(session, actor, seat.membership)
    await tell(session, actor, row, seat.membership, "membership.declined", reason=str(given.reason))
    await _restate(session, actor, row)
    return seat.membership


async def withdraw(session: AsyncSession, actor: Actor, identity: UUID) -> Membership:
    """Take back a seat, as chain leader; what was held is free again.

    Raises NotFound, NotAllowed, IllegalTransition.
    """
    row, seat = await led_seat(session, actor, identity, "withdrawn")
    await _take_back(session, actor, row, seat)
    await holds.release(session, actor, seat.membership)
    await _restate(session, actor, row)
    return seat.membership


async def _take_back(session: AsyncSession, actor: Actor, row: Consortium, seat: SeatRow) -> None:
    """Withdraw a seat and the question put to it; a firm that was never asked is not told."""
    asked = seat.membership.state is not MembershipState.PROPOSED
    seat.membership.become(MembershipState.WITHDRAWN)
    if seat.invitation is not None and InvitationState.WITHDRAWN in _open(seat.invitation):
        seat.invitation.become(InvitationState.WITHDRAWN)
    await record(session, actor, "membership.withdrawn", seat.membership.id, opportunity_id=row.opportunity_id,
                 consortium_id=row.id, audience=[seat.membership.organisation_id] if asked else [],
                 name=row.name)  # fmt: skip


async def expire(session: AsyncSession, actor: Actor, identity: UUID) -> int:
    """Expire a consortium's questions whose deadline has passed by the database's clock; return how many there were.

    Raises NotFound.
    """
    row = await visible.consortium(session, actor, identity, lock=True)
    now = await consortia.clock(session)
    overdue = [
        (seat.membership, seat.invitation)
        for seat in await consortia.seats(session, actor, row.id, lock=True)
        if seat.invitation is not None
        and InvitationState.EXPIRED in _open(seat.invitation)
        and seat.invitation.deadline <= now
    ]
    for member, invitation in overdue:
        invitation.become(InvitationState.EXPIRED)
        member.become(MembershipState.EXPIRED)
        await tell(session, actor, row, member, "membership.expired", edition=invitation.edition)
    await holds.release(session, actor, *(member for member, _ in overdue))
    await _restate(session, actor, row)
    return len(overdue)


# ------------------------------------------------------------------ signing


async def sign(session: AsyncSession, actor: Actor, identity: UUID, sha256: str) -> Consortium:
    """Sign, for the actor's firm, the agreement whose hash is `sha256`; the last signature makes the consortium signed.

    Raises NotFound, AgreementChanged, IllegalTransition, ComplianceStop, AcknowledgementMissing, AlreadyExists (at
    the flush), PersonMayNot.
    """
    actor.must(Power.SIGN)
    row = await visible.consortium(session, actor, identity, lock=True)
    seats = await consortia.seats(session, actor, row.id, lock=True)
    seat = next((s for s in seats if s.membership.organisation_id == actor.organisation_id
                 and s.membership.state in SETTLED), None)  # fmt: skip
    if seat is None or actor.user_id is None:
        raise NotAllowed(needed="member")
    if row.state is not ConsortiumState.AGREED:
        raise IllegalTransition(current=str(row.state), wanted="signed", possible=str(ConsortiumState.AGREED))
    found = await consortia.agreement(session, actor, row.id)
    if found is None or found[0].sha256 != sha256:
        raise AgreementChanged(sha256=sha256)
    await compliance.require_clear(session, actor, row)
    agreement, signatures = found
    session.add(
        Signature(
            agreement_id=agreement.id, sha256=sha256, organisation_id=actor.organisation_id, user_id=actor.user_id
        )
    )
    seat.membership.become(MembershipState.SIGNED)
    await session.flush()
    await holds.harden(session, actor, seat.membership)
    await tell(session, actor, row, seat.membership, "membership.signed", sha256=sha256)
    if len(signatures) + 1 == len(agreement.body["members"]):
        row.become(ConsortiumState.SIGNED)
        everybody = await consortia.whole(session, actor, row.id)
        members = [s.membership.organisation_id for s in everybody if s.membership.state in SETTLED]
        await record(session, filings.itself(row), "consortium.signed", row.id, opportunity_id=row.opportunity_id,
                     consortium_id=row.id, audience=[row.organisation_id, *members], name=row.name,
                     sha256=sha256, members=len(members))  # fmt: skip
        await filings.follow_law(session, actor, row)
    return row


async def dissolve(session: AsyncSession, actor: Actor, identity: UUID) -> Consortium:
    """End a formation that is not signed yet: every seat is withdrawn and every hold is given back.

    Raises NotFound, NotAllowed, IllegalTransition.
    """
    row = await _led(session, actor, identity)
    row.become(ConsortiumState.DISSOLVED)
    seats = await consortia.seats(session, actor, row.id, lock=True)
    live = [seat for seat in seats if seat.membership.state in PENDING | SETTLED]
    for seat in live:
        await _take_back(session, actor, row, seat)
    await holds.release(session, actor, *(seat.membership for seat in live))
    await record(session, actor, "consortium.dissolved", row.id, opportunity_id=row.opportunity_id,
                 consortium_id=row.id, audience=[row.organisation_id], name=row.name)  # fmt: skip
    return row


# ------------------------------------------------------------------ shared steps


async def _led(session: AsyncSession, actor: Actor, identity: UUID) -> Consortium:
    row = await visible.consortium(session, actor, identity, lock=True)
    if row.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="owner")
    return row


async def _forming(session: AsyncSession, actor: Actor, identity: UUID, wanted: str) -> Consortium:
    """Return a consortium that the actor leads and whose seats may still change: nobody is bound by it yet."""
    row = await _led(session, actor, identity)
    if row.state not in UNSIGNED:
        raise IllegalTransition(current=str(row.state), wanted=wanted, possible=", ".join(sorted(UNSIGNED)))
    return row


async def own_seat(session: AsyncSession, actor: Actor, identity: UUID) -> tuple[Consortium, SeatRow]:
    """Return a consortium, locked, and the actor's own seat in it as it stands.

    Raises NotFound, NotAllowed when it is another firm's, NotDelegate when its answer was handed to somebody else.
    """
    member = await visible.membership(session, actor, identity)
    if member.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="member")
    row = await visible.consortium(session, actor, member.consortium_id, lock=True)
    (seat,) = [s for s in await consortia.seats(session, actor, row.id, lock=True) if s.membership.id == identity]
    handed_to = seat.membership.delegate_id
    if handed_to is not None and handed_to != actor.user_id and not await actors.is_admin(session, actor):
        raise NotDelegate()
    return row, seat


async def led_seat(session: AsyncSession, actor: Actor, identity: UUID, wanted: str) -> tuple[Consortium, SeatRow]:
    """Return a consortium that the actor leads and that nobody is bound by yet, locked, and one seat of it.

    Raises NotFound, NotAllowed, IllegalTransition.
    """
    member = await visible.membership(session, actor, identity)
    row = await _forming(session, actor, member.consortium_id, wanted)
    (seat,) = [s for s in await consortia.seats(session, actor, row.id, lock=True) if s.membership.id == identity]
    return row, seat


async def _asked(
    session: AsyncSession,
    actor: Actor,
    identity: UUID,
    edition: int,
    changeable: Set[MembershipState],
) -> tuple[Consortium, SeatRow]:
    """Return the consortium, locked, and the actor's own seat as it stands, ready for an answer to `edition`.

    `changeable` are the answers given before that may be exchanged for this one.
    """
    row, seat = await own_seat(session, actor, identity)
    if seat.membership.state not in {MembershipState.INVITED, *changeable} or row.state not in UNSIGNED:
        raise IllegalTransition(current=str(seat.membership.state), wanted="answer", possible="invited")
    if edition != seat.membership.edition:
        raise VersionNotCurrent(given=edition, current=seat.membership.edition)
    if await consortia.clock(session) >= _deadline(seat):
        raise DeadlinePassed(deadline=_deadline(seat).isoformat())
    return row, seat


def _deadline(seat: SeatRow) -> Any:
    if seat.invitation is None:
        raise NotFound(noun="invitation")
    return seat.invitation.deadline


async def _settle(
    session: AsyncSession,
    actor: Actor,
    seat: SeatRow,
    wanted: InvitationState,
    *,
    reason: str | None = None,
    note: str = "",
) -> None:
    invitation = seat.invitation
    if invitation is None:
        raise NotFound(noun="invitation")
    invitation.become(wanted)
    invitation.answered_at = await consortia.clock(session)
    invitation.answered_by = actor.user_id
    invitation.reason, invitation.note = reason, note
    await session.flush()


async def tell(
    session: AsyncSession, actor: Actor, row: Consortium, member: Membership, code: str, **params: Any
) -> None:
    """Tell the chain leader and one member what has happened to that member's seat."""
    await record(session, actor, code, member.id, opportunity_id=row.opportunity_id, consortium_id=row.id,
                 audience=[row.organisation_id, member.organisation_id], name=row.name, **params)  # fmt: skip


@by(Office.FORMATION)
async def _restate(session: AsyncSession, actor: Actor, row: Consortium) -> None:
    """Let the consortium's state follow its seats, and freeze an agreement the moment everyone has accepted."""
    await session.flush()
    packages = await _packages(session, actor, row.opportunity_id)
    seats = await consortia.whole(session, actor, row.id)
    now = _standing(packages, seats)
    if row.state not in UNSIGNED or now.state is row.state:
        return
    row.become(now.state)
    if row.state is ConsortiumState.FORMING:
        await _reopen(session, actor, row, seats)
    else:
        agreement = await _freeze(session, actor, row, seats)
        members = [seat.membership.organisation_id for seat in seats if seat.membership.state in SETTLED]
        await record(session, filings.itself(row), "consortium.agreed", row.id, opportunity_id=row.opportunity_id,
                     consortium_id=row.id, audience=[row.organisation_id, *members], name=row.name,
                     sha256=agreement.sha256)  # fmt: skip
    await session.flush()


async def _reopen(session: AsyncSession, actor: Actor, row: Consortium, seats: Sequence[SeatRow]) -> None:
    """Tell that what was agreed no longer is; who had signed it has only accepted, and will sign the next edition."""
    settled = [seat.membership for seat in seats if seat.membership.state in SETTLED]
    await record(session, filings.itself(row), "consortium.reopened", row.id, opportunity_id=row.opportunity_id,
                 consortium_id=row.id, audience=[row.organisation_id, *(m.organisation_id for m in settled)],
                 name=row.name)  # fmt: skip
    for member in settled:
        if member.state is MembershipState.SIGNED:
            member.become(MembershipState.ACCEPTED)
            await tell(session, actor, row, member, "membership.unsigned")


def _standing(packages: dict[UUID, WorkPackage], seats: Sequence[SeatRow]) -> Standing:
    return standing({package.id: package.quantity for package in packages.values()}, [seat_of(seat) for seat in seats])


async def _freeze(session: AsyncSession, actor: Actor, row: Consortium, seats: Sequence[SeatRow]) -> Agreement:
    """Write the next edition of the agreement from the terms everyone has accepted."""
    settled = [seat for seat in seats if seat.membership.state in SETTLED]
    last = await consortia.agreement(session, actor, row.id)
    edition = 1 if last is None else last[0].edition + 1
    body = await drafts.body(session, actor, row, settled, edition=edition)
    agreement = Agreement(consortium_id=row.id, edition=edition, body=body, sha256=digest(body))
    session.add(agreement)
    await session.flush()
    return agreement
