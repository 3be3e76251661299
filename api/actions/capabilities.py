"""What a firm declares: capabilities with their figures, capacity months, certificates."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import phrases
from api.actions.disclosure import tell
from api.outbox import record
from api.queries import capabilities, disclosure, visible
from api.tenancy import Office, by
from api.wire.firms import CapabilityIn, CapacityIn, CertificateIn
from domain.actor import Actor
from domain.errors import NotAllowed
from domain.kinds import CapabilityState, DeclaredField, Disclosure, Role
from domain.records import Capability, CapabilityPrice, CapacityMonth, Certificate

PRICE = frozenset({"unit_price", "currency", "price_disclosure", "capacity_disclosure", "disclosure_reason"})


async def declare(session: AsyncSession, actor: Actor, given: CapabilityIn) -> Capability:
    """Declare a capability of the actor's firm. Raises NotAllowed, AlreadyExists (at the flush)."""
    _partner(actor)
    fields = given.model_dump(exclude=set(PRICE))
    usual = await disclosure.tiers(session, actor.organisation_id)
    row = Capability(
        organisation_id=actor.organisation_id,
        capacity_disclosure=given.capacity_disclosure or usual[DeclaredField.MONTHLY_QUANTITY],
        **fields | {"countries": list(given.countries), "code": given.code or ""},
    )
    session.add(row)
    await session.flush()
    await _price(session, row.id, given, given.price_disclosure or usual[DeclaredField.UNIT_PRICE])
    await phrases.remember(session, actor, [given.phrase])
    await record(session, actor, "capability.declared", row.id, phrase=row.phrase)
    return row


async def revise(session: AsyncSession, actor: Actor, row: Capability, given: CapabilityIn) -> Capability:
    """Replace what an own capability says; what is already promised of it stays promised.

    A tier that is not said stays as it is; one that changes is told with its reason.
    """
    usual = await disclosure.tiers(session, actor.organisation_id)
    price = await session.get(CapabilityPrice, row.id)
    priced = price.disclosure if price else usual[DeclaredField.UNIT_PRICE]
    moved = {
        DeclaredField.UNIT_PRICE: (priced, given.price_disclosure or priced),
        DeclaredField.MONTHLY_QUANTITY: (row.capacity_disclosure, given.capacity_disclosure or row.capacity_disclosure),
    }
    for name, value in given.model_dump(exclude=set(PRICE)).items():
        setattr(row, name, value)
    row.countries, row.code = list(given.countries), given.code or ""
    row.capacity_disclosure = moved[DeclaredField.MONTHLY_QUANTITY][1]
    await session.flush()
    await _price(session, row.id, given, moved[DeclaredField.UNIT_PRICE][1])
    await phrases.remember(session, actor, [given.phrase])
    await record(session, actor, "capability.revised", row.id, phrase=row.phrase)
    for field, (before, after) in moved.items():
        if before is not after:
            await tell(session, actor, field, before, after, given.disclosure_reason, phrase=row.phrase)
    return row


async def retire(session: AsyncSession, actor: Actor, row: Capability) -> Capability:
    """Take an own capability out of future suggestions. Raises IllegalTransition."""
    row.become(CapabilityState.RETIRED)
    await record(session, actor, "capability.retired", row.id, phrase=row.phrase)
    return row


@by(Office.APP)
async def _price(session: AsyncSession, capability: UUID, given: CapabilityIn, tier: Disclosure) -> None:
    known = await session.get(CapabilityPrice, capability)
    if given.unit_price is None or given.currency is None:
        if known is not None:
            await session.delete(known)
    elif known is None:
        session.add(
            CapabilityPrice(
                capability_id=capability,
                unit_price=given.unit_price,
                currency=given.currency,
                disclosure=tier,
            )
        )
    else:
        known.unit_price, known.currency = given.unit_price, given.currency
        known.disclosure = tier
    await session.flush()


async def set_capacity(session: AsyncSession, actor: Actor, identity: UUID, given: CapacityIn) -> list[CapacityMonth]:
    """Set the capacity of months of an own capability.

    Raises NotFound, and CapacityExceeded (at the flush, by the ledger's constraint) when a month would hold less than
    is already promised of it.
    """
    row = await visible.own_capability(session, actor, identity, lock=True)
    known = {month.month: month for month in await capabilities.months_of(session, actor, row.id)}
    for wanted in given.months:
        if wanted.month in known:
            known[wanted.month].declared = wanted.declared
        else:
            session.add(
                CapacityMonth(
                    capability_id=row.id,
                    organisation_id=row.organisation_id,
                    month=wanted.month,
                    declared=wanted.declared,
                )
            )
    await session.flush()
    await record(session, actor, "capacity.declared", row.id, phrase=row.phrase, months=len(given.months))
    return await capabilities.months_of(session, actor, row.id)


async def certify(session: AsyncSession, actor: Actor, given: CertificateIn) -> Certificate:
    """Enter a certificate of the actor's firm; it counts as declared until someone has checked it."""
    _partner(actor)
    row = Certificate(organisation_id=actor.organisation_id, **given.model_dump())
    session.add(row)
    await session.flush()
    await record(session, actor, "certificate.declared", row.id, scheme=row.scheme)
    return row


def _partner(actor: Actor) -> None:
    if not actor.roles & {Role.SUPPLIER, Role.SERVICE_PROVIDER, Role.CHAIN_LEADER}:
        raise NotAllowed(needed=str(Role.SUPPLIER))
