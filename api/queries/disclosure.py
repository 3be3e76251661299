"""Who may read what a firm declares: its grades, where a reader stands towards it, and what that shows him."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from api.tenancy import Office, by
from domain.actor import Actor
from domain.disclosure import USUAL, readable
from domain.kinds import CapabilityState, DeclaredField, Disclosure
from domain.records import (
    Capability,
    CapabilityPrice,
    Certificate,
    ConfidentialityAcceptance,
    Consortium,
    FieldDisclosure,
    Membership,
    Opportunity,
    Organisation,
    Suggestion,
    User,
)

EACH = frozenset({DeclaredField.UNIT_PRICE, DeclaredField.MONTHLY_QUANTITY})
"""Fields whose disclosure stands with each capability, so that one may be shown and another not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """The tier of one field of one's own firm; who said so, when and why, where somebody has."""

    field: DeclaredField
    tier: Disclosure
    usual: Disclosure
    reason: str | None = None
    changed_at: datetime | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One figure or word of a firm's declarations that its reader may read."""

    field: DeclaredField
    tier: Disclosure
    capability: str | None = None
    number: int | None = None
    unit: str | None = None
    words: tuple[str, ...] = ()


async def grades(session: AsyncSession, actor: Actor) -> tuple[Grade, ...]:
    """Return the tier of every field of the actor's own firm."""
    statement = (
        sa.select(FieldDisclosure, col(User.name))
        .outerjoin(User, col(User.id) == col(FieldDisclosure.user_id))
        .where(col(FieldDisclosure.organisation_id) == actor.organisation_id)
    )
    said = {row.field: (row, name) for row, name in await session.execute(statement)}
    return tuple(_grade(field, *said.get(field, (None, None))) for field in DeclaredField)


def _grade(field: DeclaredField, row: FieldDisclosure | None, name: str | None) -> Grade:
    if row is None:
        return Grade(field=field, tier=USUAL[field], usual=USUAL[field])
    return Grade(field=field, tier=row.tier, usual=USUAL[field], reason=row.reason, changed_at=row.changed_at, by=name)


async def tiers(session: AsyncSession, firm: UUID) -> dict[DeclaredField, Disclosure]:
    """Return the tier of every field of a firm."""
    statement = sa.select(FieldDisclosure).where(col(FieldDisclosure.organisation_id) == firm)
    said = {row.field: row.tier for row in (await session.execute(statement)).scalars()}
    return {**USUAL, **said}


async def own_declarations(session: AsyncSession, actor: Actor) -> list[tuple[Capability, CapabilityPrice | None]]:
    """Return everything the actor's own firm has declared, with prices, locked."""
    statement = (
        visible.own_capabilities(actor)
        .outerjoin(CapabilityPrice, col(CapabilityPrice.capability_id) == col(Capability.id))
        .add_columns(CapabilityPrice)
        .order_by(col(Capability.id))
        .with_for_update(of=Capability)
    )
    return [(row, price) for row, price in await session.execute(statement)]


async def standing(session: AsyncSession, actor: Actor, firm: UUID) -> Disclosure | None:
    """Return where the actor stands towards a firm: its own (None), bound to confidentiality with it, matched, or not.

    Bound are the chain leader of a consortium and a member of it that have each other's promise; matched is whose own
    project the firm was suggested for or asked into. The bureau is a stranger here: it opens a case.
    """
    if firm == actor.organisation_id:
        return None
    if await _found(session, _bound(actor, firm)):
        return Disclosure.NDA
    return Disclosure.MATCHED if await _found(session, _matched(actor, firm)) else Disclosure.PUBLIC


async def _found(session: AsyncSession, condition: sa.ColumnElement[bool]) -> bool:
    return bool((await session.execute(sa.select(condition))).scalar_one())


def _bound(actor: Actor, firm: UUID) -> sa.ColumnElement[bool]:
    promised = (
        sa.select(col(Membership.consortium_id))
        .join(ConfidentialityAcceptance, col(ConfidentialityAcceptance.membership_id) == col(Membership.id))
        .where(col(Membership.state).in_(visible.ASKED))
    )
    mine = sa.union(
        sa.select(col(Consortium.id)).where(col(Consortium.organisation_id) == actor.organisation_id),
        promised.where(col(Membership.organisation_id) == actor.organisation_id),
    ).subquery()
    theirs = promised.where(
        col(Membership.organisation_id) == firm, col(Membership.consortium_id).in_(sa.select(mine.c[0]))
    )
    return sa.exists(theirs)


def _matched(actor: Actor, firm: UUID) -> sa.ColumnElement[bool]:
    seated = (
        sa.select(col(Membership.id))
        .join(Consortium, col(Consortium.id) == col(Membership.consortium_id))
        .where(col(Consortium.organisation_id) == actor.organisation_id, col(Membership.organisation_id) == firm)
    )
    planned = sa.cast([{"seats": [{"supplier_id": str(firm)}]}], JSONB)
    suggested = (
        sa.select(col(Suggestion.id))
        .join(Opportunity, col(Opportunity.id) == col(Suggestion.opportunity_id))
        .where(col(Opportunity.organisation_id) == actor.organisation_id, col(Suggestion.plans).op("@>")(planned))
    )
    return sa.or_(sa.exists(seated), sa.exists(suggested))


@by(Office.TELLER)
async def shown(session: AsyncSession, actor: Actor, firm: UUID) -> tuple[Shown, ...]:
    """Return what the actor may read of what a firm declares, field by field. Raises NotFound."""
    row = await visible.organisation(session, actor, firm)
    here, tier = await standing(session, actor, firm), await tiers(session, firm)
    found = [each async for each in declared(session, row, tier)]
    return tuple(each for each in found if readable(each.tier, here))


async def declared(
    session: AsyncSession, firm: Organisation, tier: Mapping[DeclaredField, Disclosure]
) -> AsyncIterator[Shown]:
    """Give everything a firm declares, each with its tier; who may read it is the caller's to decide."""
    statement = (
        sa.select(Capability, CapabilityPrice)
        .outerjoin(CapabilityPrice, col(CapabilityPrice.capability_id) == col(Capability.id))
        .where(col(Capability.organisation_id) == firm.id, col(Capability.state) == CapabilityState.DECLARED)
        .order_by(col(Capability.phrase), col(Capability.id))
    )
    for capability, price in await session.execute(statement):
        for each in _of_capability(capability, price, tier):
            yield each
    held = sa.select(Certificate).where(col(Certificate.organisation_id) == firm.id).order_by(col(Certificate.scheme))
    for row in (await session.execute(held)).scalars():
        words = (row.scheme, *([row.number] if row.number else []))
        yield Shown(field=DeclaredField.CERTIFICATES, tier=tier[DeclaredField.CERTIFICATES], words=words)
    people = (
        sa.select(User).where(col(User.organisation_id) == firm.id, col(User.active)).order_by(col(User.id)).limit(3)
    )
    for person in (await session.execute(people)).scalars():
        yield Shown(field=DeclaredField.CONTACT, tier=tier[DeclaredField.CONTACT], words=(person.name, person.email))
    if firm.turnover is not None:
        yield Shown(field=DeclaredField.TURNOVER, tier=tier[DeclaredField.TURNOVER], number=firm.turnover)


def _of_capability(
    row: Capability, price: CapabilityPrice | None, tier: Mapping[DeclaredField, Disclosure]
) -> Iterator[Shown]:
    if price is not None:
        yield Shown(
            field=DeclaredField.UNIT_PRICE, tier=price.disclosure, capability=row.phrase, number=price.unit_price,
            unit=price.currency,
        )  # fmt: skip
    if row.monthly_quantity is not None:
        yield Shown(
            field=DeclaredField.MONTHLY_QUANTITY, tier=row.capacity_disclosure, capability=row.phrase,
            number=row.monthly_quantity, unit=row.unit,
        )  # fmt: skip
    if row.lead_days is not None:
        field = DeclaredField.LEAD_DAYS
        yield Shown(field=field, tier=tier[field], capability=row.phrase, number=row.lead_days)
    if row.countries:
        field = DeclaredField.COUNTRIES
        yield Shown(field=field, tier=tier[field], capability=row.phrase, words=tuple(row.countries))
