"""The life of an opportunity: drafted, sent to review, published, amended, withdrawn, closed."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import phrases
from api.outbox import record
from api.queries import consortia, opportunities, visible
from api.wire.opportunities import GoalsIn, OpportunityIn, PackageIn, RulesIn, ZoneIn
from api.zones import zones_of
from domain.actor import Actor
from domain.errors import DeadlinePassed, Fault, Invalid, NotAllowed, NotFound, StillReferenced
from domain.kinds import OpportunityState, Role
from domain.records import Opportunity, Organisation, Requirement, WorkPackage

TRUSTED = 2
"""A chain leader whose identity the bureau has checked (L2) publishes without a further look."""
OUTSIDE = frozenset({"rules", "goals", "packages"})


async def draft(session: AsyncSession, actor: Actor, given: OpportunityIn, **origin: Any) -> Opportunity:
    """Write a draft with its packages and requirements. Raises NotAllowed unless the actor is a chain leader."""
    if not actor.has(Role.CHAIN_LEADER):
        raise NotAllowed(needed=str(Role.CHAIN_LEADER))
    row = Opportunity(
        organisation_id=actor.organisation_id,
        **given.model_dump(exclude=set(OUTSIDE)),
        rules=rules_of(given.rules),
        goals=goals_of(given.goals),
        **origin,
    )
    session.add(row)
    await session.flush()
    await _write_packages(session, actor, row.id, given.packages)
    await record(session, actor, "opportunity.drafted", row.id, opportunity_id=row.id, title=row.title)
    return row


def rules_of(rules: RulesIn) -> dict[str, Any]:
    """Return the rules in the words of a problem file; rules that do not bind are left out."""
    return rules.model_dump(mode="json", exclude_defaults=True, exclude_none=True)


def goals_of(goals: GoalsIn) -> dict[str, Any]:
    """Return the goals in the words of a problem file."""
    return goals.model_dump(mode="json")


async def _write_packages(
    session: AsyncSession, actor: Actor, opportunity: UUID, packages: tuple[PackageIn, ...]
) -> None:
    for position, given in enumerate(packages):
        fields = given.model_dump(exclude={"requirements", "follows"})
        package = WorkPackage(opportunity_id=opportunity, position=position, follows=list(given.follows), **fields)
        session.add(package)
        await session.flush()
        for place, need in enumerate(given.requirements):
            session.add(Requirement(package_id=package.id, position=place, **need.model_dump()))
    await session.flush()
    needs = [need for given in packages for need in given.requirements]
    await phrases.remember(session, actor, [need.phrase for need in needs])


async def publish(session: AsyncSession, actor: Actor, identity: UUID) -> Opportunity:
    """Publish a draft, or hand it to the bureau's review when its leader has not been verified.

    The bureau publishes what is in review; nobody approves his own.

    Raises NotFound, NotAllowed, IllegalTransition, DeadlinePassed.
    """
    row = await visible.opportunity(session, actor, identity, lock=True)
    if row.deadline <= await consortia.clock(session):
        raise DeadlinePassed(deadline=row.deadline.isoformat())
    own = row.organisation_id == actor.organisation_id
    if not own and not actor.has(Role.BUREAU):
        raise NotAllowed(needed=str(Role.BUREAU))
    owner = await session.get_one(Organisation, row.organisation_id)
    if own and row.state is OpportunityState.DRAFT:
        row.become(OpportunityState.REVIEW)
        await record(session, actor, "opportunity.submitted", row.id, opportunity_id=row.id, title=row.title)
        if owner.verification < TRUSTED:
            return row
    elif own and owner.verification < TRUSTED:
        raise NotAllowed(needed=str(Role.BUREAU))
    row.become(OpportunityState.PUBLISHED)
    row.published_at = await consortia.clock(session)
    await record(
        session,
        actor,
        "opportunity.published",
        row.id,
        opportunity_id=row.id,
        audience=[row.organisation_id],
        title=row.title,
        edition=row.edition,
    )
    return row


async def amend(session: AsyncSession, actor: Actor, row: Opportunity, given: OpportunityIn) -> Opportunity:
    """Replace the content of an own opportunity; a published one becomes a new edition.

    Raises StillReferenced when firms have already been asked for it: their packages can no longer be exchanged.
    """
    await _own(actor, row)
    if row.state not in (OpportunityState.DRAFT, OpportunityState.REVIEW, OpportunityState.PUBLISHED):
        row.become(OpportunityState.DRAFT)
    if (await consortia.listed(session, actor, opportunity=row.id, limit=1))[0]:
        raise StillReferenced(noun="opportunity")
    for name, value in given.model_dump(exclude=set(OUTSIDE)).items():
        setattr(row, name, value)
    row.rules, row.goals = rules_of(given.rules), goals_of(given.goals)
    for package in await opportunities.packages_of(session, actor, [row.id]):
        await session.delete(package)
    await session.flush()
    await _write_packages(session, actor, row.id, given.packages)
    if row.state is OpportunityState.PUBLISHED:
        row.edition += 1
        await record(
            session, actor, "opportunity.amended", row.id, opportunity_id=row.id, title=row.title, edition=row.edition
        )
    return row


async def state_zone(session: AsyncSession, actor: Actor, identity: UUID, given: ZoneIn) -> Opportunity:
    """State the time zone of an own opportunity: how its deadlines are told, not when they are.

    Raises NotFound, NotAllowed, Invalid for a zone of another country.
    """
    row = await visible.opportunity(session, actor, identity, lock=True)
    if row.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="owner")
    if given.zone not in zones_of(row.country):
        raise Invalid(
            (Fault(where="$.zone", code="zone-elsewhere", params={"zone": given.zone, "country": row.country}),)
        )
    row.zone = given.zone
    await record(session, actor, "opportunity.zone", row.id, opportunity_id=row.id, title=row.title, zone=given.zone)
    return row


async def end(session: AsyncSession, actor: Actor, identity: UUID, wanted: OpportunityState) -> Opportunity:
    """Withdraw or close an own opportunity. Raises NotFound, IllegalTransition."""
    row = await visible.opportunity(session, actor, identity, lock=True)
    await _own(actor, row)
    row.become(wanted)
    await record(session, actor, f"opportunity.{wanted}", row.id, opportunity_id=row.id, title=row.title)
    return row


async def _own(actor: Actor, row: Opportunity) -> None:
    if row.organisation_id != actor.organisation_id:
        raise NotFound(noun="opportunity")
