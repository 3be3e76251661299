"""Reading firms: the directory, one firm's profile, names by id."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from api.queries.page import page
from api.tenancy import Office, by
from domain.actor import Actor
from domain.kinds import CapabilityState
from domain.records import Capability, Organisation, SupplyLink


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A firm with what it declares, its disclosed ties, and the firms at their other ends."""

    firm: Organisation
    capabilities: tuple[Capability, ...]
    links: tuple[SupplyLink, ...]
    partners: dict[UUID, Organisation]


async def profile(session: AsyncSession, actor: Actor, identity: UUID) -> Profile:
    """Return a firm's profile as the actor may see it. Raises NotFound."""
    firm = await visible.organisation(session, actor, identity)
    links = await links_of(session, actor, firm.id)
    return Profile(
        firm=firm,
        capabilities=tuple(await capabilities_of(session, actor, firm.id)),
        links=tuple(links),
        partners=await named(session, actor, [end for link in links for end in (link.supplier_id, link.buyer_id)]),
    )


async def listed(
    session: AsyncSession,
    actor: Actor,
    *,
    text: str | None = None,
    city: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> tuple[list[Organisation], str | None]:
    """Return a page of the firms the actor may see whose name, code or capability contains `text`."""
    statement = visible.organisations(actor)
    if text:
        like = f"%{text.replace('%', '').replace('_', '')}%"
        able = sa.select(sa.func.tenancy.able(like, type_=sa.Uuid()))
        statement = statement.where(
            sa.or_(
                col(Organisation.name).ilike(like),
                col(Organisation.short_name).ilike(like),
                col(Organisation.credit_code) == text.upper(),
                col(Organisation.id).in_(able),
            )
        )
    if city:
        statement = statement.where(col(Organisation.city) == city)
    return await page(session, statement, cursor, limit)


async def named(session: AsyncSession, actor: Actor, identities: Iterable[UUID]) -> dict[UUID, Organisation]:
    """Return those of the organisations that the actor may see, by id."""
    statement = visible.organisations(actor).where(col(Organisation.id).in_(set(identities)))
    return {row.id: row for row in (await session.execute(statement)).scalars()}


@by(Office.DIRECTORY)
async def capabilities_of(session: AsyncSession, actor: Actor, organisation: UUID) -> list[Capability]:
    """Return what one firm declares, in alphabetical order, without what it has retired."""
    statement = (
        visible.capabilities(actor)
        .where(col(Capability.organisation_id) == organisation, col(Capability.state) == CapabilityState.DECLARED)
        .order_by(col(Capability.phrase))
    )
    return list((await session.execute(statement)).scalars())


async def links_of(session: AsyncSession, actor: Actor, organisation: UUID, limit: int = 200) -> list[SupplyLink]:
    """Return the disclosed ties of one firm whose both ends the actor may see, newest and largest first."""
    seen = visible.organisations(actor).with_only_columns(col(Organisation.id))
    statement = (
        sa.select(SupplyLink)
        .where(
            sa.or_(col(SupplyLink.supplier_id) == organisation, col(SupplyLink.buyer_id) == organisation),
            col(SupplyLink.supplier_id).in_(seen),
            col(SupplyLink.buyer_id).in_(seen),
        )
        .order_by(col(SupplyLink.year).desc(), col(SupplyLink.share).desc().nulls_last())
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())
