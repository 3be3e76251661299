"""The bureau's counts, from records and events: what was published, formed and signed, and who was brought along."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Select
from sqlmodel import col

from api.queries import visible
from domain.actor import Actor
from domain.errors import NotAllowed, NotFound
from domain.kinds import ConsortiumState, MembershipState, OpportunityState, Role
from domain.records import Consortium, Event, Membership, Opportunity, Organisation

DONE = (
    ConsortiumState.SIGNED,
    ConsortiumState.FILED,
    ConsortiumState.BID,
    ConsortiumState.WON,
    ConsortiumState.RUNNING,
    ConsortiumState.CLOSED,
    ConsortiumState.LOST,
)
BOUND = (MembershipState.SIGNED, MembershipState.ACTIVE)
LIVE = (OpportunityState.PUBLISHED, OpportunityState.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number, named; its definition stands in the catalogues under ``indicator`` and its list behind `code`."""

    code: str
    value: int


def _events(code: str) -> Select[Any]:
    """Opportunities for which something has happened: the event is the evidence."""
    return sa.select(col(Event.opportunity_id)).where(col(Event.code) == code).distinct()


def _published() -> Select[Any]:
    return sa.select(Opportunity).where(col(Opportunity.id).in_(_events("opportunity.published")))


def _suggested() -> Select[Any]:
    return _published().where(col(Opportunity.id).in_(_events("suggestion.done")))


def _formed() -> Select[Any]:
    return _published().where(col(Opportunity.id).in_(_events("consortium.formed")))


def _invited() -> Select[Any]:
    return _published().where(col(Opportunity.id).in_(_events("membership.invited")))


def _agreed() -> Select[Any]:
    return _published().where(col(Opportunity.id).in_(_events("consortium.agreed")))


def _signed() -> Select[Any]:
    return _published().where(col(Opportunity.id).in_(_events("consortium.signed")))


def _filed() -> Select[Any]:
    return _published().where(col(Opportunity.id).in_(_events("consortium.filed")))


def _bid() -> Select[Any]:
    return _published().where(col(Opportunity.id).in_(_events("consortium.bid")))


def _won() -> Select[Any]:
    return _published().where(col(Opportunity.id).in_(_events("consortium.won")))


def _running() -> Select[Any]:
    return _published().where(col(Opportunity.id).in_(_events("consortium.started")))


def _closed() -> Select[Any]:
    return _published().where(col(Opportunity.id).in_(_events("consortium.closed")))


def _signed_consortia() -> Select[Any]:
    return sa.select(Consortium).where(col(Consortium.state).in_(DONE))


def _members() -> Select[Any]:
    held = (
        sa.select(col(Membership.organisation_id))
        .join(Consortium, col(Consortium.id) == col(Membership.consortium_id))
        .where(col(Membership.state).in_(BOUND), col(Consortium.state).in_(DONE))
    )
    return sa.select(Organisation).where(col(Organisation.id).in_(held))


def _smes() -> Select[Any]:
    return _members().where(col(Organisation.sme).is_(True))


def _undeclared_size() -> Select[Any]:
    return _members().where(col(Organisation.sme).is_(None))


def _stalled() -> Select[Any]:
    """Consortia that are forming and for which nothing has happened for three days."""
    quiet = sa.select(col(Event.consortium_id)).where(
        col(Event.consortium_id).is_not(None), col(Event.at) > sa.func.now() - sa.text("interval '3 days'")
    )
    return sa.select(Consortium).where(
        col(Consortium.state) == ConsortiumState.FORMING, col(Consortium.id).not_in(quiet)
    )


FUNNEL = {
    "published": _published,
    "suggested": _suggested,
    "formed": _formed,
    "invited": _invited,
    "agreed": _agreed,
    "signed": _signed,
    "filed": _filed,
    "bid": _bid,
    "won": _won,
    "running": _running,
    "closed": _closed,
}
"""From published to closed: each step counts opportunities, and each is contained in the one before by what happens."""
OUTCOMES = {
    "consortia-signed": _signed_consortia,
    "members-signed": _members,
    "smes-brought-along": _smes,
    "size-undeclared": _undeclared_size,
    "consortia-stalled": _stalled,
}
LISTS = FUNNEL | OUTCOMES


def _watching(actor: Actor) -> None:
    if not visible.watches(actor):
        raise NotAllowed(needed=str(Role.BUREAU))


async def figures(session: AsyncSession, actor: Actor, codes: Sequence[str]) -> tuple[Figure, ...]:
    """Count the lists behind `codes`, in that order. Raises NotAllowed unless the actor oversees the city."""
    _watching(actor)
    counted = []
    for code in codes:
        total = sa.select(sa.func.count()).select_from(LISTS[code]().subquery())
        counted.append(Figure(code=code, value=(await session.execute(total)).scalar_one()))
    return tuple(counted)


async def behind(session: AsyncSession, actor: Actor, code: str, limit: int = 500) -> list[Any]:
    """Return the rows a figure counts, newest first. Raises NotAllowed, NotFound for a figure there is none of."""
    _watching(actor)
    if code not in LISTS:
        raise NotFound(noun="indicator")
    statement = LISTS[code]()
    entity = statement.column_descriptions[0]["entity"]
    ordered = statement.order_by(entity.created_at.desc(), entity.id).limit(limit)
    return list((await session.execute(ordered)).scalars())


async def open_opportunities(session: AsyncSession, actor: Actor, limit: int = 100) -> list[Opportunity]:
    """Return the published opportunities, newest first. Raises NotAllowed unless the actor oversees the city."""
    _watching(actor)
    statement = (
        visible.opportunities(actor)
        .where(col(Opportunity.state) == OpportunityState.PUBLISHED)
        .order_by(col(Opportunity.published_at).desc())
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())
