"""Reading opportunities with their packages and requirements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from api.queries.page import page
from domain.actor import Actor
from domain.kinds import OpportunityState
from domain.records import Opportunity, Organisation, Requirement, Suggestion, WorkPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """An opportunity with its owner's name, its packages in order, and each package's requirements in order."""

    opportunity: Opportunity
    owner: str
    packages: tuple[WorkPackage, ...]
    requirements: dict[UUID, tuple[Requirement, ...]]


async def listed(
    session: AsyncSession,
    actor: Actor,
    *,
    text: str | None = None,
    country: str | None = None,
    state: OpportunityState | None = None,
    mine: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> tuple[list[Opportunity], str | None]:
    """Return a page of the opportunities the actor may see, newest first, narrowed as asked."""
    statement = visible.opportunities(actor)
    if text:
        like = f"%{text.replace('%', '').replace('_', '')}%"
        statement = statement.where(sa.or_(col(Opportunity.title).ilike(like), col(Opportunity.title_en).ilike(like)))
    if country:
        statement = statement.where(col(Opportunity.country) == country)
    if state:
        statement = statement.where(col(Opportunity.state) == state)
    if mine:
        statement = statement.where(col(Opportunity.organisation_id) == actor.organisation_id)
    return await page(session, statement, cursor, limit)


async def by_id(session: AsyncSession, actor: Actor, identities: Iterable[UUID]) -> dict[UUID, Opportunity]:
    """Return those of the opportunities that the actor may see, by id, in the order they are named."""
    wanted = list(identities)
    statement = visible.opportunities(actor).where(col(Opportunity.id).in_(wanted))
    found = {row.id: row for row in (await session.execute(statement)).scalars()}
    return {identity: found[identity] for identity in wanted if identity in found}


async def folded(session: AsyncSession, actor: Actor, identity: UUID) -> Folded:
    """Return one opportunity with everything in it. Raises NotFound."""
    row = await visible.opportunity(session, actor, identity)
    owner = await session.get_one(Organisation, row.organisation_id)
    packages = await packages_of(session, actor, [row.id])
    return Folded(
        opportunity=row,
        owner=owner.name,
        packages=tuple(packages),
        requirements=await requirements_of(session, actor, [package.id for package in packages]),
    )


async def packages_of(session: AsyncSession, actor: Actor, opportunities: Sequence[UUID]) -> list[WorkPackage]:
    """Return the packages of those of `opportunities` that the actor may see, in their order."""
    seen = visible.opportunities(actor).with_only_columns(col(Opportunity.id))
    statement = (
        sa.select(WorkPackage)
        .where(col(WorkPackage.opportunity_id).in_(opportunities), col(WorkPackage.opportunity_id).in_(seen))
        .order_by(col(WorkPackage.opportunity_id), col(WorkPackage.position))
    )
    return list((await session.execute(statement)).scalars())


async def requirements_of(
    session: AsyncSession, actor: Actor, packages: Iterable[UUID]
) -> dict[UUID, tuple[Requirement, ...]]:
    """Return the requirements of each of `packages` that the actor may see, in their order."""
    seen = (
        sa.select(col(WorkPackage.id))
        .join(Opportunity, col(Opportunity.id) == col(WorkPackage.opportunity_id))
        .where(col(Opportunity.id).in_(visible.opportunities(actor).with_only_columns(col(Opportunity.id))))
    )
    wanted = list(packages)
    statement = (
        sa.select(Requirement)
        .where(col(Requirement.package_id).in_(wanted), col(Requirement.package_id).in_(seen))
        .order_by(col(Requirement.package_id), col(Requirement.position))
    )
    folded: dict[UUID, list[Requirement]] = {package: [] for package in wanted}
    for requirement in (await session.execute(statement)).scalars():
        folded[requirement.package_id].append(requirement)
    return {package: tuple(found) for package, found in folded.items()}


async def suggestions_of(session: AsyncSession, actor: Actor, opportunity: UUID) -> list[Suggestion]:
    """Return the runs for one opportunity, newest first."""
    statement = (
        visible.suggestions(actor)
        .where(col(Suggestion.opportunity_id) == opportunity)
        .order_by(col(Suggestion.created_at).desc())
    )
    return list((await session.execute(statement)).scalars())
