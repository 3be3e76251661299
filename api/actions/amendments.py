"""Amendments: a new edition of a signed agreement, signed again by those alone whose part of it changes.

Until all of them have signed, the former edition holds. With the last signature, and in its commit, the new edition
comes into force: the others' signatures are carried to it, seats and terms follow, and capacity moves with them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import compliance as law
from api.actions import consortia as formation
from api.actions import filings, holds, milestones
from api.outbox import record
from api.queries import amendments as reading
from api.queries import compliance, consortia, opportunities, organisations, visible
from api.queries.amendments import View
from api.queries.consortia import SeatRow, offer_of
from api.queries.world import load_firms, load_opening
from api.tenancy import Office, by
from api.vectors import of_this_process
from api.wire.amendments import AmendIn, WorkIn
from coalitions import agreement as agreements
from coalitions.amending import bound_anew, key_of, part_digest, parties
from coalitions.clauses import BadChoice, Choices
from coalitions.formation import Seat, standing
from coalitions.matching import match
from coalitions.terms import Line as OfferLine
from coalitions.terms import particulars
from domain.actor import Actor
from domain.errors import DeadlinePassed, Fault, IllegalTransition, Invalid, NotAllowed
from domain.kinds import AmendmentState, ConsortiumState, InvitationState, MembershipState
from domain.message import Parameter
from domain.powers import Power
from domain.records import (
    Agreement,
    AmendedSeat,
    Amendment,
    CarriedSignature,
    Consortium,
    Invitation,
    Membership,
    Opportunity,
    Organisation,
    Signature,
    Terms,
    TermsLine,
    WorkPackage,
)

AMENDABLE = (ConsortiumState.SIGNED, ConsortiumState.FILED, ConsortiumState.BID, ConsortiumState.WON,
             ConsortiumState.RUNNING)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What an amendment starts from: the consortium, its project, the edition in force, and who is bound by it."""

    row: Consortium
    project: Opportunity
    packages: Mapping[UUID, WorkPackage]
    former: Agreement
    seats: tuple[SeatRow, ...]
    firms: Mapping[UUID, Organisation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One firm's place in the amended agreement; without a membership it joins, without lines it leaves."""

    firm: UUID
    membership: Membership | None
    lines: tuple[formation.Line, ...]
    terms: Terms | None = None
    changed: bool = False
    lead: bool = False
    for_cause: bool = False
    replaces: UUID | None = None


@dataclass(slots=True)
class Faults:
    """What is wrong with a proposal, all of it."""

    found: list[Fault] = field(default_factory=list)

    def note(self, where: str, code: str, **params: Parameter) -> None:
        """Add one fault."""
        self.found.append(Fault(where=where, code=code, params=params))

    def settle(self) -> None:
        """Raise Invalid where there is any."""
        if self.found:
            raise Invalid(tuple(self.found))


# ------------------------------------------------------------------ proposing


async def propose(session: AsyncSession, actor: Actor, identity: UUID, given: AmendIn) -> Amendment:
    """Propose a new edition of a signed agreement, as chain leader: who must sign it is told, the former one holds.

    A firm that joins has its capacity held softly until the deadline; whether what others promise anew is free is
    looked at now and decided when the edition comes into force. New work for which no capability is named rests on the
    one that matches the package best, as in a suggestion.

    Raises NotFound, NotAllowed, IllegalTransition, AlreadyExists (at the flush) beside another open one,
    CapacityExceeded, and Invalid with every fault: units not covered exactly, not one lead, nothing changed.
    """
    ground = await _ground(session, actor, identity, given)
    faults = Faults()
    places = await _places(session, actor, ground, given, faults)
    faults.settle()
    _whole(ground, places, faults)
    faults.settle()
    places = await _served(session, actor, ground, places)
    edition = await reading.last_edition(session, actor, identity) + 1
    numbers = await _write_terms(session, actor, ground, places)
    body = _body(ground, places, numbers, given, edition, faults)
    faults.settle()
    amendment = await _write(session, actor, ground, places, numbers, body, given)
    await _probe(session, actor, ground, amendment)
    view = await reading.view(session, actor, amendment.id)
    await _tell(session, actor, ground.row, view, "amendment.proposed", reason=given.reason,
                deadline=amendment.deadline.isoformat(), signers=len(view.awaited))  # fmt: skip
    return amendment


async def _ground(session: AsyncSession, actor: Actor, identity: UUID, given: AmendIn) -> Ground:
    row = await visible.consortium(session, actor, identity, lock=True)
    if row.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="owner")
    if row.state not in AMENDABLE:
        raise IllegalTransition(current=str(row.state), wanted="amendment", possible=", ".join(sorted(AMENDABLE)))
    found = await consortia.agreement(session, actor, row.id)
    if found is None:
        raise RuntimeError("a consortium that is signed has its agreement")
    seats = await consortia.seats(session, actor, row.id, lock=True)
    bound = tuple(seat for seat in seats if seat.membership.state in visible.BOUND)
    named = {seat.membership.organisation_id for seat in bound} | {each.organisation_id for each in given.joins}
    return Ground(
        row=row,
        project=await visible.opportunity(session, actor, row.opportunity_id),
        packages={each.id: each for each in await opportunities.packages_of(session, actor, [row.opportunity_id])},
        former=found[0],
        seats=bound,
        firms=await organisations.named(session, actor, named),
    )


async def _places(
    session: AsyncSession, actor: Actor, ground: Ground, given: AmendIn, faults: Faults
) -> tuple[Place, ...]:
    """Return every firm's place as the proposal would have it; seats, firms and packages that are none are faults."""
    led = next((seat.membership.organisation_id for seat in ground.seats if seat.membership.lead), None)
    lead = given.lead_id or led
    able = await _capabilities(session, actor, given)
    seated = _seated(ground, given, lead, able, faults)
    return (*seated, *_joining(ground, given, lead, able, faults))


async def _served(session: AsyncSession, actor: Actor, ground: Ground, places: tuple[Place, ...]) -> tuple[Place, ...]:
    """Give each line that names no capability the one by which its firm matches the package best, if it has any."""
    firms = {place.firm for place in places if not all(line.capability_id for line in place.lines)}
    if not firms:
        return places
    opening = await load_opening(session, actor, ground.project.id)
    today = (await consortia.clock(session)).date()
    meaning = await of_this_process()
    world = await load_firms(session, opening, firms, today, holding=ground.row.id, meaning=meaning)
    best = {
        (fit.supplier_id, group.package_id): fit.offering_id
        for group in await to_thread.run_sync(match, world, opening)
        for fit in group.fits
    }
    return tuple(
        replace(
            place,
            lines=tuple(
                line if line.capability_id else replace(line, capability_id=best.get((place.firm, line.package.id)))
                for line in place.lines
            ),
        )
        for place in places
    )


def _seated(
    ground: Ground, given: AmendIn, lead: UUID | None, able: Mapping[UUID, UUID], faults: Faults
) -> list[Place]:
    seats = {seat.membership.id: seat for seat in ground.seats}
    exits = {each.membership_id: each for each in given.exits}
    changes = {each.membership_id: number for number, each in enumerate(given.seats)}
    for number, change in enumerate(given.seats):
        if change.membership_id not in seats:
            faults.note(f"$.seats[{number}].membership_id", "no-such-seat")
    for number, gone in enumerate(given.exits):
        if gone.membership_id not in seats or gone.membership_id in changes:
            faults.note(f"$.exits[{number}].membership_id", "no-such-seat")
    places = []
    for identity, seat in seats.items():
        firm, leaves = seat.membership.organisation_id, exits.get(identity)
        if identity in changes:
            number = changes[identity]
            lines = _lines(ground, firm, given.seats[number].lines, seat.lines, able, f"$.seats[{number}]", faults)
        else:
            lines = tuple(formation.again(line, ground.packages) for line in seat.lines)
        places.append(
            Place(
                firm=firm,
                membership=seat.membership,
                lines=() if leaves else lines,
                terms=seat.terms,
                changed=identity in changes,
                lead=firm == lead and leaves is None,
                for_cause=leaves is not None and leaves.for_cause,
            )
        )
    return places


def _joining(
    ground: Ground, given: AmendIn, lead: UUID | None, able: Mapping[UUID, UUID], faults: Faults
) -> list[Place]:
    seated = {seat.membership.organisation_id for seat in ground.seats}
    exits = {each.membership_id for each in given.exits}
    places = []
    for number, join in enumerate(given.joins):
        where, firm = f"$.joins[{number}]", join.organisation_id
        if firm not in ground.firms or firm in seated:
            faults.note(f"{where}.organisation_id", "cannot-join")
        if join.replaces_id is not None and join.replaces_id not in exits:
            faults.note(f"{where}.replaces_id", "no-such-seat")
        seated.add(firm)
        lines = _lines(ground, firm, join.lines, (), able, where, faults)
        places.append(
            Place(firm=firm, membership=None, lines=lines, changed=True, lead=firm == lead, replaces=join.replaces_id)
        )
    return places


async def _capabilities(session: AsyncSession, actor: Actor, given: AmendIn) -> Mapping[UUID, UUID]:
    """Return whose each capability is that the proposal names."""
    asked = [
        *(line for seat in given.seats for line in seat.lines),
        *(line for join in given.joins for line in join.lines),
    ]
    named = [line.capability_id for line in asked if line.capability_id]
    return {row.id: row.organisation_id for row in (await consortia.capabilities(session, actor, named)).values()}


def _lines(
    ground: Ground,
    firm: UUID,
    given: Sequence[WorkIn],
    former: Sequence[TermsLine],
    able: Mapping[UUID, UUID],
    where: str,
    faults: Faults,
) -> tuple[formation.Line, ...]:
    """Turn packages by code into lines; price and capability stay as they were where they are not given."""
    packages = {package.code: package for package in ground.packages.values()}
    had = {line.package_id: line for line in former}
    lines: dict[UUID, formation.Line] = {}
    for number, line in enumerate(given):
        place = f"{where}.lines[{number}]"
        package = packages.get(line.package)
        if package is None or package.id in lines:
            faults.note(f"{place}.package", "no-such-part", package=line.package)
            continue
        if line.capability_id is not None and able.get(line.capability_id) != firm:
            faults.note(f"{place}.capability_id", "not-theirs")
        before = formation.again(had[package.id], ground.packages) if package.id in had else None
        former_line = before or formation.Line(package=package, capability_id=None, units=0, unit_price=None)
        lines[package.id] = replace(
            former_line,
            units=line.units,
            capability_id=line.capability_id or former_line.capability_id,
            unit_price=former_line.unit_price if line.unit_price is None else line.unit_price,
        )
    return tuple(lines.values())


def _whole(ground: Ground, places: Sequence[Place], faults: Faults) -> None:
    """Judge the amended consortium as a formation is judged: every unit covered exactly, one lead, two or more."""
    stay = [place for place in places if place.lines]
    now = standing(
        {package.id: package.quantity for package in ground.packages.values()},
        [
            Seat(
                organisation_id=place.firm,
                state=MembershipState.SIGNED,
                lead=place.lead,
                units={line.package.id: line.units for line in place.lines},
            )
            for place in stay
        ],
    )
    for gap in now.gaps:
        faults.note("$.seats", "units-uncovered", package=ground.packages[gap.package_id].code, units=gap.units)
    if not now.led:
        faults.note("$.lead_id", "one-lead")
    if now.members < 2:
        faults.note("$.exits", "two-members")


async def _write_terms(
    session: AsyncSession, actor: Actor, ground: Ground, places: Sequence[Place]
) -> dict[UUID, tuple[Membership, int | None]]:
    """Write the next edition of every seat's changed terms, and a seat for who joins; return both by firm."""
    numbers: dict[UUID, tuple[Membership, int | None]] = {}
    for place in places:
        member = place.membership
        if member is None:
            member = Membership(
                consortium_id=ground.row.id,
                opportunity_id=ground.row.opportunity_id,
                organisation_id=place.firm,
                replaces_id=place.replaces,
            )
            session.add(member)
            await session.flush()
        edition = member.edition
        if place.changed:
            written = [terms.edition for terms in await consortia.terms_editions(session, actor, member.id)]
            edition = max(written, default=0) + 1
            await formation.write_terms(
                session,
                member.id,
                edition,
                actor.organisation_id,
                place.lines,
                ground.project.currency,
                former=place.terms,
            )
        numbers[place.firm] = (member, edition if place.lines else None)
    return numbers


def _body(
    ground: Ground,
    places: Sequence[Place],
    numbers: Mapping[UUID, tuple[Membership, int | None]],
    given: AmendIn,
    edition: int,
    faults: Faults,
) -> dict[str, Any]:
    """Compose the proposed edition: the former one's common terms, with what is amended, and everybody's entry."""
    former = ground.former.body
    project = former["project"]
    starts, ends = (
        given.starts or date.fromisoformat(project["starts"]),
        given.ends or date.fromisoformat(project["ends"]),
    )
    if ends < starts:
        faults.note("$.ends", "end-before-start")
    before = parties(former)
    computed = agreements.body(
        agreements.Project(**{**project, "starts": starts, "ends": ends}),
        [
            agreements.Party(
                **_identity(ground.firms[place.firm], before),
                lead=place.lead,
                edition=numbers[place.firm][1] or 1,
                work=tuple(_work(line) for line in place.lines),
                particulars=_particulars(place),
            )
            for place in places
            if place.lines
        ],
        edition=edition,
        performance=str(given.performance or former["performance"]),
        liability=str(given.liability or former["liability"]),
        clauses={**former.get("clauses", {}), **given.clauses},
    )
    body = {**former, **computed}
    try:
        Choices.of(body)
    except BadChoice:
        faults.note("$.clauses", "clause-unknown")
    if not bound_anew(former, body):
        faults.note("$", "nothing-changed")
    return body


def _work(line: formation.Line) -> agreements.Work:
    package = line.package
    return agreements.Work(
        package=package.code,
        name=package.name,
        units=line.units,
        unit=package.unit,
        unit_price=line.unit_price,
        value=agreements.value_of(line.units, line.unit_price, package.value, package.quantity),
    )


def _particulars(place: Place) -> dict[str, Any]:
    """Return what a member has agreed beside work and price, for the packages it keeps."""
    offer = offer_of(place.terms, (), {})
    lines = tuple(
        OfferLine(
            package=line.package.code,
            units=line.units,
            unit_price=line.unit_price,
            starts=line.starts,
            ends=line.ends,
            lead_days=line.lead_days,
        )
        for line in place.lines
    )
    return particulars(replace(offer, lines=lines))


def _identity(firm: Organisation, before: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a firm's name and code: as it signed where it has, so that a new trade name alone changes nothing."""
    named = {"name": firm.name, "credit_code": firm.credit_code}
    entry = before.get(key_of(named), named)
    return {name: entry[name] for name in named}


async def _write(
    session: AsyncSession,
    actor: Actor,
    ground: Ground,
    places: Sequence[Place],
    numbers: Mapping[UUID, tuple[Membership, int | None]],
    body: dict[str, Any],
    given: AmendIn,
) -> Amendment:
    now = await consortia.clock(session)
    deadline = now + timedelta(hours=given.hours)
    proposed = Agreement(
        consortium_id=ground.row.id, edition=body["edition"], body=body, sha256=agreements.digest(body)
    )
    session.add(proposed)
    await session.flush()
    amendment = Amendment(
        consortium_id=ground.row.id,
        former_id=ground.former.id,
        agreement_id=proposed.id,
        organisation_id=actor.organisation_id,
        reason=given.reason,
        deadline=deadline,
    )
    session.add(amendment)
    await session.flush()
    anew = bound_anew(ground.former.body, body)
    for place in places:
        member, edition = numbers[place.firm]
        signs = _key(ground.firms[place.firm]) in anew
        session.add(
            AmendedSeat(
                amendment_id=amendment.id,
                membership_id=member.id,
                edition=edition,
                lead=place.lead,
                joins=place.membership is None,
                leaves=edition is None,
                signs=signs and not place.for_cause,
            )
        )
        if place.membership is None:
            member.become(MembershipState.INVITED)
            session.add(Invitation(membership_id=member.id, edition=member.edition, sent_at=now, deadline=deadline))
            await record(session, actor, "membership.invited", member.id, opportunity_id=ground.row.opportunity_id,
                         consortium_id=ground.row.id, audience=[member.organisation_id], name=ground.row.name,
                         edition=member.edition, deadline=deadline.isoformat())  # fmt: skip
    await session.flush()
    return amendment


async def _probe(session: AsyncSession, actor: Actor, ground: Ground, amendment: Amendment) -> None:
    """Hold what those who join promise, and look whether the rest would be free: tried, and taken back.

    Raises CapacityExceeded.
    """
    view = await reading.view(session, actor, amendment.id)
    joining = await _promises(session, actor, ground.packages, view, joins=True)
    await holds.keep(session, actor, joining, amendment.deadline)
    trial = await session.begin_nested()
    leaving = [part.membership for part in view.parts if part.seat.leaves]
    await holds.release(session, actor, *leaving)
    await holds.keep(session, actor, await _promises(session, actor, ground.packages, view), amendment.deadline)
    await trial.rollback()


async def _promises(
    session: AsyncSession, actor: Actor, packages: Mapping[UUID, WorkPackage], view: View, *, joins: bool | None = None
) -> list[holds.Promise]:
    """Return what the seats whose terms change promise, line by line; of those alone who join where it is asked."""
    promises: list[holds.Promise] = []
    for part in view.parts:
        seat, member = part.seat, part.membership
        anew = seat.joins or (seat.edition is not None and seat.edition != member.edition)
        if not anew or (joins is not None and seat.joins is not joins) or seat.edition is None:
            continue
        for line in await consortia.lines_of(session, actor, member.id, seat.edition):
            promises.append((member, line, packages[line.package_id]))
    return promises


# ------------------------------------------------------------------ answering


async def sign(session: AsyncSession, actor: Actor, identity: UUID, sha256: str) -> Amendment:
    """Sign the proposed edition whose hash is `sha256`; with the last signature needed it comes into force.

    Raises NotFound, NotAllowed where this firm need not sign, IllegalTransition, DeadlinePassed, AgreementChanged,
    AlreadyExists (at the flush), PersonMayNot, and with the last signature CapacityExceeded and ComplianceStop.
    """
    actor.must(Power.SIGN)
    row, view = await _answering(session, actor, identity)
    if view.proposed.sha256 != sha256:
        raise formation.AgreementChanged(sha256=sha256)
    if actor.user_id is None:
        raise NotAllowed(needed="member")
    session.add(
        Signature(
            agreement_id=view.proposed.id, sha256=sha256, organisation_id=actor.organisation_id, user_id=actor.user_id
        )
    )
    await session.flush()
    await _tell(session, actor, row, view, "amendment.signed", sha256=sha256)
    view = await reading.view(session, actor, identity)
    if not view.awaited:
        await _enter_into_force(session, actor, row, view)
    return view.row


async def refuse(session: AsyncSession, actor: Actor, identity: UUID, note: str) -> Amendment:
    """Refuse an amendment that one would have to sign: it is dropped, and the former edition holds.

    Raises NotFound, NotAllowed, IllegalTransition, DeadlinePassed.
    """
    row, view = await _answering(session, actor, identity)
    await _drop(session, actor, row, view, AmendmentState.REFUSED, note)
    return view.row


async def withdraw(session: AsyncSession, actor: Actor, identity: UUID, note: str) -> Amendment:
    """Take an amendment back, as chain leader. Raises NotFound, NotAllowed, IllegalTransition."""
    found = await reading.view(session, actor, identity)
    row = await visible.consortium(session, actor, found.row.consortium_id, lock=True)
    if row.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="owner")
    view = await reading.view(session, actor, identity, lock=True)
    await _drop(session, actor, row, view, AmendmentState.WITHDRAWN, note)
    return view.row


async def expire(session: AsyncSession, actor: Actor, consortium: UUID) -> int:
    """Drop a consortium's amendment whose deadline has passed by the database's clock; return how many there were.

    Raises NotFound.
    """
    row = await visible.consortium(session, actor, consortium, lock=True)
    view = await reading.open_view(session, actor, row.id)
    if view is None or await consortia.clock(session) < view.row.deadline:
        return 0
    await _drop(session, actor, row, view, AmendmentState.EXPIRED, "")
    return 1


async def drop_open(session: AsyncSession, actor: Actor, row: Consortium) -> None:
    """Take back the amendment that is still open when a consortium comes to its end, if there is one."""
    view = await reading.open_view(session, actor, row.id)
    if view is not None:
        await _drop(session, actor, row, view, AmendmentState.WITHDRAWN, "")


async def _answering(session: AsyncSession, actor: Actor, identity: UUID) -> tuple[Consortium, View]:
    """Return an amendment, locked after its consortium, that waits for the signature of the actor's firm."""
    found = await reading.view(session, actor, identity)
    row = await visible.consortium(session, actor, found.row.consortium_id, lock=True)
    view = await reading.view(session, actor, identity, lock=True)
    if not any(part.seat.signs and part.membership.organisation_id == actor.organisation_id for part in view.parts):
        raise NotAllowed(needed="signer")
    if view.row.state is not AmendmentState.OPEN:
        raise IllegalTransition(current=str(view.row.state), wanted="answer", possible=str(AmendmentState.OPEN))
    if await consortia.clock(session) >= view.row.deadline:
        raise DeadlinePassed(deadline=view.row.deadline.isoformat())
    return row, view


@by(Office.FORMATION)
async def _drop(
    session: AsyncSession, actor: Actor, row: Consortium, view: View, how: AmendmentState, note: str
) -> None:
    """End an amendment without effect: who was to join is let go, with what was held for it."""
    amendment = view.row
    now = await consortia.clock(session)
    amendment.become(how)
    amendment.decided_at, amendment.note = now, note
    for part in view.parts:
        if part.seat.joins and part.membership.state is MembershipState.INVITED:
            part.membership.become(MembershipState.WITHDRAWN)
            invitation = await consortia.invitation(session, actor, part.membership.id, part.membership.edition)
            if invitation is not None:
                invitation.become(InvitationState.WITHDRAWN)
            await holds.release(session, actor, part.membership)
            await formation.tell(session, actor, row, part.membership, "membership.withdrawn")
    await session.flush()
    await _tell(session, actor, row, view, f"amendment.{how}", reason=note)
    if actor.organisation_id != row.organisation_id:
        await _tell(session, filings.itself(row), row, view, "amendment.dropped")


# ------------------------------------------------------------------ coming into force


@by(Office.FORMATION)
async def _enter_into_force(session: AsyncSession, actor: Actor, row: Consortium, view: View) -> None:
    """Let the proposed edition take the former one's place, with everything that follows from it."""
    amendment = view.row
    now = await consortia.clock(session)
    amendment.become(AmendmentState.IN_FORCE)
    amendment.decided_at = now
    packages = {each.id: each for each in await opportunities.packages_of(session, actor, [row.opportunity_id])}
    promises = await _promises(session, actor, packages, view)
    await _carry(session, actor, view)
    await _leave(session, actor, row, view)
    await _seat_anew(session, actor, row, view, promises)
    row.performance, row.liability = view.proposed.body["performance"], view.proposed.body["liability"]
    row.clauses = dict(view.proposed.body.get("clauses", {}))
    await session.flush()
    stops = sorted(
        {each.rule_id for each in (await compliance.compliance(session, actor, row.id)).standing if each.stops}
    )
    if stops:
        raise law.ComplianceStop(rule=", ".join(stops))
    await filings.follow_law(session, actor, row, amendment.reason)
    await milestones.drop_orphans(session, actor, row)
    await _tell(session, filings.itself(row), row, view, "amendment.in_force", reason=amendment.reason,
                carried=sum(not part.seat.signs and not part.seat.leaves for part in view.parts))  # fmt: skip


async def _carry(session: AsyncSession, actor: Actor, view: View) -> None:
    """Count the signatures of those whose part is unchanged for the new edition, each with the proof that it is."""
    given = await reading.standing_signatures(session, actor, view.former)
    for part in view.parts:
        firm = part.membership.organisation_id
        if part.seat.signs or part.seat.leaves:
            continue
        if part.firm is None:
            raise RuntimeError("a firm that has signed is a registered one")
        key = _key(part.firm)
        whole = part_digest(view.proposed.body, key)
        if whole != part_digest(view.former.body, key):
            raise RuntimeError("a signature is carried only where nothing that it covers has changed")
        session.add(
            CarriedSignature(
                agreement_id=view.proposed.id,
                sha256=view.proposed.sha256,
                organisation_id=firm,
                signature_id=given[firm].signature_id,
                signed_sha256=given[firm].sha256,
                part_sha256=whole,
            )
        )
    await session.flush()


async def _leave(session: AsyncSession, actor: Actor, row: Consortium, view: View) -> None:
    replaced = {part.membership.replaces_id for part in view.parts if part.seat.joins}
    for part in view.parts:
        if not part.seat.leaves:
            continue
        member, before = part.membership, part.membership.state
        member.become(MembershipState.REPLACED if member.id in replaced else MembershipState.WITHDRAWN)
        member.lead = False
        await session.flush()
        await holds.release(session, actor, member)
        await formation.tell(session, filings.itself(row), row, member, "membership.left", before=str(before),
                             after=str(member.state), reason=view.row.reason)  # fmt: skip


async def _seat_anew(
    session: AsyncSession, actor: Actor, row: Consortium, view: View, promises: Sequence[holds.Promise]
) -> None:
    """Put the new editions of terms in force, move what is held, seat who joins, and give the lead where it belongs."""
    await holds.keep(session, actor, promises, view.row.deadline)
    for part in sorted(view.parts, key=lambda each: each.seat.lead):
        member, seat = part.membership, part.seat
        if seat.edition is None:
            continue
        member.edition, member.lead = seat.edition, seat.lead
        await session.flush()
        if seat.joins:
            await _join(session, actor, row, member)
    for member in _distinct(member for member, _, _ in promises):
        await holds.harden(session, actor, member)


async def _join(session: AsyncSession, actor: Actor, row: Consortium, member: Membership) -> None:
    invitation = await consortia.invitation(session, actor, member.id, member.edition)
    if invitation is not None:
        invitation.become(InvitationState.ACCEPTED)
        invitation.answered_at = await consortia.clock(session)
    reached = [MembershipState.ACCEPTED, MembershipState.SIGNED]
    for state in [*reached, MembershipState.ACTIVE] if row.state is ConsortiumState.RUNNING else reached:
        member.become(state)
        said = {MembershipState.ACCEPTED: "accepted", MembershipState.SIGNED: "signed"}.get(state, "activated")
        await formation.tell(session, actor, row, member, f"membership.{said}", edition=member.edition)
    await session.flush()


def _key(firm: Organisation) -> str:
    return key_of({"credit_code": firm.credit_code, "name": firm.name})


def _distinct(members: Iterable[Membership]) -> Iterable[Membership]:
    return {member.id: member for member in members}.values()


async def _tell(
    session: AsyncSession, actor: Actor, row: Consortium, view: View, code: str, **params: Parameter
) -> None:
    """Tell the chain leader and, in its name, every firm that has a place in either edition; a member's act, itself."""
    led = actor.organisation_id == row.organisation_id
    firms = {part.membership.organisation_id for part in view.parts} if led else {actor.organisation_id}
    await record(session, actor, code, row.id, opportunity_id=row.opportunity_id, consortium_id=row.id,
                 audience=firms | {row.organisation_id}, name=row.name, edition=view.proposed.edition,
                 before=view.former.sha256, after=view.proposed.sha256, **params)  # fmt: skip
