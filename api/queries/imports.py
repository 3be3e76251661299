"""What an import must know before it writes, and what may not be taken back afterwards.

Imports see the whole directory whoever brings the file: two firms may never be made of one, seen or not. What a reader
of batches sees starts at ``visible.batches``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from api.queries import visible
from domain.actor import Actor
from domain.kinds import BatchState, ImportKind, Role
from domain.records import (
    Capability,
    CapabilityPrice,
    ImportBatch,
    NarrowerProduct,
    Opportunity,
    Organisation,
    OrganisationAlias,
    SupplyLink,
    WorkPackage,
)

TURN = 7_145_100
CHUNK = 10_000
OWNED = frozenset({"organisation_alias", "capability_price", "work_package", "requirement"})
"""Tables whose rows are a part of the row they refer to, and go with it."""

Facts = Mapping[str, Any]


async def take_turn(session: AsyncSession) -> None:
    """Wait until no other import writes; the turn ends with the transaction."""
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(TURN)))


async def operator(session: AsyncSession) -> Actor | None:
    """Return the platform itself as an actor: the operator's organisation, with no person."""
    statement = (
        sa.select(col(Organisation.id), col(Organisation.roles))
        .where(col(Organisation.roles).contains([Role.OPERATOR.value]))
        .order_by(col(Organisation.created_at))
        .limit(1)
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        return None
    return Actor(user_id=None, organisation_id=found.id, roles=frozenset(Role(role) for role in found.roles))


async def organisations_by(session: AsyncSession, field: str, values: Iterable[str]) -> dict[str, Organisation]:
    """Return organisations by ``credit_code``, ``lei`` or ``name``, where they have one of `values`."""
    column = getattr(Organisation, field)
    found: dict[str, Organisation] = {}
    for some in _chunks(values):
        rows = (await session.execute(sa.select(Organisation).where(col(column).in_(some)))).scalars()
        for row in rows:
            known = found.setdefault(getattr(row, field), row)
            if row.registered and not known.registered:
                found[getattr(row, field)] = row
    return found


async def organisations_called(session: AsyncSession, scheme: str, values: Iterable[str]) -> dict[str, Organisation]:
    """Return organisations by another code or spelling, of one scheme."""
    found: dict[str, Organisation] = {}
    for some in _chunks(values):
        statement = (
            sa.select(col(OrganisationAlias.value), Organisation)
            .join(Organisation, col(Organisation.id) == col(OrganisationAlias.organisation_id))
            .where(col(OrganisationAlias.scheme) == scheme, col(OrganisationAlias.value).in_(some))
        )
        found |= {value: row for value, row in (await session.execute(statement))}
    return found


async def capabilities_of(session: AsyncSession, firms: Iterable[UUID]) -> dict[tuple[UUID, str, str], Capability]:
    """Return what these firms declare already, by firm, phrase and code."""
    found: dict[tuple[UUID, str, str], Capability] = {}
    for some in _chunks(firms):
        rows = (await session.execute(sa.select(Capability).where(col(Capability.organisation_id).in_(some)))).scalars()
        found |= {(row.organisation_id, row.phrase, row.code): row for row in rows}
    return found


async def prices_of(session: AsyncSession, capabilities: Iterable[UUID]) -> dict[UUID, CapabilityPrice]:
    """Return the unit prices of these capabilities."""
    found: dict[UUID, CapabilityPrice] = {}
    for some in _chunks(capabilities):
        statement = sa.select(CapabilityPrice).where(col(CapabilityPrice.capability_id).in_(some))
        found |= {row.capability_id: row for row in (await session.execute(statement)).scalars()}
    return found


async def links_from(session: AsyncSession, sources: Iterable[str]) -> dict[tuple[Any, ...], SupplyLink]:
    """Return the ties that these sources state already, by both ends, kind, year and source."""
    statement = sa.select(SupplyLink).where(col(SupplyLink.source).in_(set(sources)))
    rows = (await session.execute(statement)).scalars()
    return {(row.supplier_id, row.buyer_id, row.kind, row.year, row.source): row for row in rows}


async def narrower_products(session: AsyncSession) -> set[tuple[str, str]]:
    """Return every pair of broader and narrower product that is known."""
    statement = sa.select(col(NarrowerProduct.broader), col(NarrowerProduct.narrower))
    return {(broader, narrower) for broader, narrower in (await session.execute(statement))}


async def opportunities_like(
    session: AsyncSession, owner: UUID, references: Iterable[str], titles: Iterable[str]
) -> list[Opportunity]:
    """Return the owner's opportunities that have one of these references or titles."""
    statement = sa.select(Opportunity).where(
        col(Opportunity.organisation_id) == owner,
        sa.or_(col(Opportunity.source_reference).in_(set(references)), col(Opportunity.title).in_(set(titles))),
    )
    return list((await session.execute(statement)).scalars())


async def packages_of(session: AsyncSession, opportunities: Iterable[UUID]) -> dict[UUID, list[WorkPackage]]:
    """Return the work packages of these opportunities, in their order."""
    statement = (
        sa.select(WorkPackage)
        .where(col(WorkPackage.opportunity_id).in_(set(opportunities)))
        .order_by(col(WorkPackage.opportunity_id), col(WorkPackage.position))
    )
    found: dict[UUID, list[WorkPackage]] = {}
    for row in (await session.execute(statement)).scalars():
        found.setdefault(row.opportunity_id, []).append(row)
    return found


async def batches(session: AsyncSession, actor: Actor, limit: int = 50) -> list[ImportBatch]:
    """Return the latest imports the actor may see, newest first."""
    statement = visible.batches(actor).order_by(col(ImportBatch.created_at).desc(), col(ImportBatch.id)).limit(limit)
    return list((await session.execute(statement)).scalars())


async def batch(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> ImportBatch:
    """Return one import. Raises NotFound, also where the actor may not see it."""
    return await visible.one(session, visible.batches(actor), identity, "batch", lock=lock)


async def earlier_batch(session: AsyncSession, actor: Actor, kind: ImportKind, sha256: str) -> ImportBatch | None:
    """Return the latest import of the very same file that still stands."""
    statement = (
        visible.batches(actor)
        .where(
            col(ImportBatch.kind) == kind,
            col(ImportBatch.sha256) == sha256,
            col(ImportBatch.state) == BatchState.DONE,
        )
        .order_by(col(ImportBatch.created_at).desc())
    )
    same = (await session.execute(statement)).scalars()
    return next((batch for batch in same if not batch.report.get("dry_run")), None)


async def resting_on(session: AsyncSession, batch_id: UUID) -> str | None:
    """Return the first table with a row that rests on what a batch wrote and that the batch did not write itself.

    Every foreign key of the schema is asked, so that a table added later is asked too.
    """
    written = [table for table in SQLModel.metadata.sorted_tables if "batch_id" in table.c and "id" in table.c]
    targets = {table.name: sa.select(table.c.id).where(table.c.batch_id == batch_id) for table in written}
    packages = SQLModel.metadata.tables["work_package"]
    targets["work_package"] = sa.select(packages.c.id).where(packages.c.opportunity_id.in_(targets["opportunity"]))
    for table in SQLModel.metadata.sorted_tables:
        if table.name in OWNED:
            continue
        own = table.c.batch_id.is_distinct_from(batch_id) if "batch_id" in table.c else sa.true()
        for key in (key for column in table.c for key in column.foreign_keys):
            target = targets.get(key.column.table.name)
            if target is None or key.column.name != "id":
                continue
            rests = sa.select(sa.exists(sa.select(key.parent).where(key.parent.in_(target), own)))
            if (await session.execute(rests)).scalar_one():
                return table.name
    return None


def _chunks(values: Iterable[Any]) -> Sequence[Sequence[Any]]:
    distinct = list(dict.fromkeys(values))
    return [distinct[start : start + CHUNK] for start in range(0, len(distinct), CHUNK)]
