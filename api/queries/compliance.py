"""Reading what the law asks about: the packs of rules, the facts of one consortium, what was acknowledged by whom."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from math import ceil
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import sqlalchemy as sa
from babel.numbers import get_currency_precision
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

import domain
from api.i18n import BEIJING
from api.queries import consortia, opportunities, organisations, visible, world
from api.queries.consortia import SeatRow
from api.tenancy import Office, by
from coalitions.compliance import Facts, Finding, Member, Rival, Settled, Work, findings
from coalitions.filing import Duty, due_on, duties
from coalitions.formation import PENDING, SETTLED
from coalitions.matching import match
from coalitions.relations import able_alone
from domain.actor import Actor
from domain.kinds import ConsortiumState, RequirementKind
from domain.law import Pack, Stage, read_packs
from domain.records import (
    Agreement,
    ComplianceAcknowledgement,
    Consortium,
    Membership,
    Organisation,
    Requirement,
    Signature,
    User,
    WorkPackage,
)

HOME_CURRENCY = "CNY"
OPEN = (ConsortiumState.FORMING, ConsortiumState.AGREED)
OVER = (ConsortiumState.DISSOLVED, ConsortiumState.LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One acknowledgement with the name of the person who made it."""

    row: ComplianceAcknowledgement
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compliance:
    """What the law finds about a consortium: ``standing`` is all of it, for deciding; the rest is for one reader."""

    consortium: Consortium
    on: date
    packs: tuple[Pack, ...]
    standing: tuple[Finding, ...]
    weighed: tuple[Finding, ...]
    shown: tuple[Finding, ...]
    statements: tuple[Statement, ...]


@cache
def rule_packs() -> tuple[Pack, ...]:
    """Return the packs that come with the product, read once."""
    folder = Path(domain.__file__).parent / "law"
    return read_packs(tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.toml")))


async def compliance(session: AsyncSession, actor: Actor, identity: UUID, on: date | None = None) -> Compliance:
    """Return what the law finds about a consortium on a day.

    Where no day is named, what had to be met by the signature is judged by the law of the last signature's day, once
    that was given, and everything else by today's. Raises NotFound.
    """
    row = await visible.consortium(session, actor, identity)
    statements = await _statements(session, row.id)
    facts = await _facts(session, actor, row, statements)
    today = await _today(session)
    decided = await _signed_on(session, row)
    found = findings(rule_packs(), facts, on or today)
    if on is None and decided is not None:
        then = findings(rule_packs(), facts, decided)
        found = (*(each for each in then if _by_signature(each)), *(each for each in found if not _by_signature(each)))
    leads = row.organisation_id == actor.organisation_id or visible.watches(actor)
    shown = found if leads else tuple(each for each in found if each.may_read(actor.organisation_id))
    party = leads or await _settled(session, actor, row.id)
    return Compliance(
        consortium=row,
        on=on or today,
        packs=tuple(pack for pack in rule_packs() if pack.id in {each.pack for each in shown}),
        standing=found,
        weighed=found if party else shown,
        shown=shown,
        statements=tuple(each for each in statements if leads or (party and each.row.subject in _own(actor, shown))),
    )


async def filings_asked(session: AsyncSession, actor: Actor, identity: UUID) -> dict[Duty, date]:
    """Return the filings that today's law asks of a consortium, each with the day it is due by. Raises NotFound."""
    row = await visible.consortium(session, actor, identity)
    project = await visible.opportunity(session, actor, row.opportunity_id)
    facts = await _facts(session, actor, row, await _statements(session, row.id))
    found = findings(rule_packs(), facts, await _today(session))
    return {duty: due_on(duty.before, deadline=facts.deadline, starts=project.starts) for duty in duties(found, facts)}


async def _settled(session: AsyncSession, actor: Actor, consortium: UUID) -> bool:
    """Tell whether the actor's firm has accepted a seat."""
    return any(
        seat.membership.organisation_id == actor.organisation_id and seat.membership.state in SETTLED
        for seat in await consortia.seats(session, actor, consortium)
    )


def _own(actor: Actor, shown: Sequence[Finding]) -> set[str]:
    """Return the subjects that a member may read a statement about."""
    return {"", str(actor.organisation_id), *(each.subject for each in shown)}


def _by_signature(finding: Finding) -> bool:
    return finding.rule.before is Stage.SIGNATURE


async def _today(session: AsyncSession) -> date:
    return (await consortia.clock(session)).astimezone(BEIJING).date()


@by(Office.FORMATION)
async def _signed_on(session: AsyncSession, row: Consortium) -> date | None:
    """Return the day of the last signature under a consortium that is signed; None while it is open."""
    if row.state in (*OPEN, ConsortiumState.DISSOLVED):
        return None
    statement = (
        sa.select(sa.func.max(col(Signature.created_at)))
        .join(Agreement, col(Agreement.id) == col(Signature.agreement_id))
        .where(col(Agreement.consortium_id) == row.id)
    )
    last = (await session.execute(statement)).scalar_one()
    return last.astimezone(BEIJING).date() if last else None


@by(Office.FORMATION)
async def _facts(session: AsyncSession, actor: Actor, row: Consortium, statements: Sequence[Statement]) -> Facts:
    """Gather the facts of the whole consortium: for deciding, so also those that this reader will not be shown."""
    folded = await opportunities.folded(session, actor, row.opportunity_id)
    project = folded.opportunity
    counted = PENDING | SETTLED if row.state in OPEN else SETTLED
    seats = [seat for seat in await consortia.whole(session, actor, row.id) if seat.membership.state in counted]
    firms = await organisations.named(session, actor, [seat.membership.organisation_id for seat in seats])
    codes = {package.id: package.code for package in folded.packages}
    frozen = await _first_frozen(session, row.id)
    alone = await _alone(session, actor, row, set(firms))
    lead = project.rules.get("lead") or {}
    return Facts(
        name=row.name,
        country=project.country,
        currency=project.currency,
        amount=_whole(sum(package.value for package in folded.packages), project.currency),
        deadline=project.deadline.astimezone(BEIJING).date(),
        years=max(1, ceil((project.ends - project.starts).days / 365)),
        procuring_law=project.procuring_law,
        financier=project.financier,
        max_members=project.rules.get("max_members"),
        lead_share=lead.get("min_share") or 0,
        required=len(project.rules.get("required") or ()),
        performance=row.performance,
        liability=row.liability,
        incorporated=row.is_incorporated,
        signed=row.state not in (*OPEN, ConsortiumState.DISSOLVED),
        running=row.state is ConsortiumState.RUNNING,
        owner_outside=row.organisation_id not in firms,
        members=tuple(
            replace(
                _member(seat, firms[seat.membership.organisation_id], codes),
                replaces=frozen is not None and (seat.membership.created_at or frozen) > frozen,
                alone=seat.membership.organisation_id in alone,
            )
            for seat in seats
        ),
        work=tuple(_work(package, folded.requirements[package.id]) for package in folded.packages),
        rivals=await _rivals(session, row),
        settled=tuple(
            Settled(
                rule_id=each.row.rule_id, since=each.row.rule_since, subject=each.row.subject, on=each.row.stated_on
            )
            for each in statements
        ),
    )


async def _alone(session: AsyncSession, actor: Actor, row: Consortium, firms: set[UUID]) -> frozenset[UUID]:
    """Return the members that could deliver the whole lot alone, by codes and words of what they declare.

    Likeness in meaning is left out: a finding that names firms rests on what they have written.
    """
    if len(firms) < 2:
        return frozenset()
    opening = await world.load_opening(session, actor, row.opportunity_id)
    members = await world.load_firms(session, opening, firms, await _today(session), holding=row.id)
    return able_alone(opening, match(members, opening))


def _whole(minor: int, currency: str) -> int:
    """Return minor units of a currency as whole ones, rounded down."""
    return int(minor // 10 ** get_currency_precision(currency))


def _member(seat: SeatRow, firm: Organisation, codes: Mapping[UUID, str]) -> Member:
    return Member(
        id=firm.id,
        name=firm.name,
        country=firm.country,
        lead=seat.membership.lead,
        sme=firm.sme,
        group=firm.group_name,
        turnover=None if firm.turnover is None else _whole(firm.turnover, HOME_CURRENCY),
        grades=MappingProxyType(dict(firm.grades)),
        units=MappingProxyType({codes[line.package_id]: line.units for line in seat.lines}),
    )


def _work(package: WorkPackage, requirements: Sequence[Requirement]) -> Work:
    grades = [
        need.threshold or 1
        for need in requirements
        if need.kind is RequirementKind.GRADE and need.mandatory and need.code in (None, package.specialty)
    ]
    codes: dict[str, tuple[str, ...]] = {}
    for need in requirements:
        if need.code_system and need.code:
            codes[need.code_system] = (*codes.get(need.code_system, ()), need.code.replace(".", ""))
    return Work(
        code=package.code,
        kind=package.kind,
        words=" ".join([package.name, package.name_en or "", *(need.phrase for need in requirements if need.phrase)]),
        value=package.value,
        quantity=package.quantity,
        specialty=package.specialty,
        least_grade=max(grades, default=None),
        codes=MappingProxyType(codes),
    )


async def _first_frozen(session: AsyncSession, consortium: UUID) -> datetime | None:
    statement = sa.select(sa.func.min(col(Agreement.created_at))).where(col(Agreement.consortium_id) == consortium)
    first: datetime | None = (await session.execute(statement)).scalar_one()
    return first


async def _rivals(session: AsyncSession, row: Consortium) -> tuple[Rival, ...]:
    """Return the firms with a settled seat in another live consortium for the same project."""
    statement = (
        sa.select(col(Organisation.id), col(Organisation.group_name))
        .join(Membership, col(Membership.organisation_id) == col(Organisation.id))
        .join(Consortium, col(Consortium.id) == col(Membership.consortium_id))
        .where(
            col(Membership.opportunity_id) == row.opportunity_id,
            col(Membership.consortium_id) != row.id,
            col(Membership.state).in_(SETTLED),
            col(Consortium.state).not_in(OVER),
        )
        .order_by(col(Organisation.id))
    )
    return tuple(Rival(id=identity, group=group) for identity, group in await session.execute(statement))


@by(Office.FORMATION)
async def _statements(session: AsyncSession, consortium: UUID) -> list[Statement]:
    statement = (
        sa.select(ComplianceAcknowledgement, col(User.name))
        .join(User, col(User.id) == col(ComplianceAcknowledgement.user_id))
        .where(col(ComplianceAcknowledgement.consortium_id) == consortium)
        .order_by(col(ComplianceAcknowledgement.created_at), col(ComplianceAcknowledgement.id))
    )
    return [Statement(row=row, person=name) for row, name in await session.execute(statement)]
