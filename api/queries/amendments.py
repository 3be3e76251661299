"""Reading amendments: the two editions, what each seat has to do with it, who has signed, whose signature carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import consortia, organisations, visible
from api.tenancy import Office, by, through
from domain.actor import Actor
from domain.errors import NotFound
from domain.kinds import AmendmentState
from domain.records import (
    Agreement,
    AmendedSeat,
    Amendment,
    CarriedSignature,
    Membership,
    Organisation,
    Signature,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One seat of an amendment, the membership it is about, and the firm that sits there."""

    seat: AmendedSeat
    membership: Membership
    firm: Organisation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An amendment with the edition it amends, the edition it proposes, its seats, and who has signed the latter."""

    row: Amendment
    former: Agreement
    proposed: Agreement
    parts: tuple[Part, ...]
    signed: frozenset[UUID]

    @property
    def awaited(self) -> frozenset[UUID]:
        """The firms whose signatures are still needed."""
        return frozenset(part.membership.organisation_id for part in self.parts if part.seat.signs) - self.signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A signature that counts under an edition: where it was given, and under which hash."""

    signature_id: UUID
    sha256: str


async def view(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> View:
    """Return an amendment with everything that deciding on it needs; it names every member.

    Raises NotFound, and ConfidentialityFirst.
    """
    row = await visible.amendment(session, actor, identity, lock=lock)
    await consortia.require_promise(session, actor, row.consortium_id)
    return await _folded(session, actor, row)


@by(Office.FORMATION)
async def _folded(session: AsyncSession, actor: Actor, row: Amendment) -> View:
    seats = (
        sa.select(AmendedSeat, Membership)
        .join(Membership, col(Membership.id) == col(AmendedSeat.membership_id))
        .where(col(AmendedSeat.amendment_id) == row.id)
        .order_by(col(Membership.lead).desc(), col(Membership.created_at), col(Membership.id))
    )
    found = (await session.execute(seats)).all()
    firms = await organisations.named(session, actor, [member.organisation_id for _, member in found])
    signed = sa.select(col(Signature.organisation_id)).where(col(Signature.agreement_id) == row.agreement_id)
    return View(
        row=row,
        former=await session.get_one(Agreement, row.former_id),
        proposed=await session.get_one(Agreement, row.agreement_id),
        parts=tuple(
            Part(seat=seat, membership=member, firm=firms.get(member.organisation_id)) for seat, member in found
        ),
        signed=frozenset((await session.execute(signed)).scalars()),
    )


async def listed(session: AsyncSession, actor: Actor, consortium: UUID) -> list[View]:
    """Return a consortium's amendments that the actor may read, newest first. Raises NotFound."""
    row = await visible.consortium(session, actor, consortium)
    statement = (
        visible.amendments(actor)
        .where(col(Amendment.consortium_id) == row.id)
        .order_by(col(Amendment.created_at).desc(), col(Amendment.id))
    )
    return [await view(session, actor, each.id) for each in (await session.execute(statement)).scalars()]


async def open_view(session: AsyncSession, actor: Actor, consortium: UUID) -> View | None:
    """Return the open amendment of a consortium the actor may see, locked: for deciding. Raises NotFound."""
    row = await visible.consortium(session, actor, consortium)
    statement = (
        sa.select(Amendment)
        .where(col(Amendment.consortium_id) == row.id, col(Amendment.state) == AmendmentState.OPEN)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    async with through(session, Office.FORMATION):
        found = (await session.execute(statement)).scalar_one_or_none()
        return None if found is None else await _folded(session, actor, found)


async def overdue(session: AsyncSession, actor: Actor, limit: int = 200) -> list[UUID]:
    """Return the consortia with an open amendment whose deadline has passed by the database's clock."""
    statement = (
        sa.select(col(Amendment.consortium_id))
        .where(col(Amendment.state) == AmendmentState.OPEN, col(Amendment.deadline) <= sa.func.clock_timestamp())
        .order_by(col(Amendment.deadline))
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def last_edition(session: AsyncSession, actor: Actor, consortium: UUID) -> int:
    """Return the number of a consortium's newest edition, whatever became of it. Raises NotFound."""
    row = await visible.consortium(session, actor, consortium)
    statement = sa.select(sa.func.max(col(Agreement.edition))).where(col(Agreement.consortium_id) == row.id)
    number: int | None = (await session.execute(statement)).scalar_one()
    if number is None:
        raise NotFound(noun="agreement")
    return number


@by(Office.FORMATION)
async def standing_signatures(session: AsyncSession, actor: Actor, agreement: Agreement) -> dict[UUID, Standing]:
    """Return, by firm, the signatures that count under an edition: given under it, or carried to it."""
    given = sa.select(Signature).where(col(Signature.agreement_id) == agreement.id)
    own = {
        row.organisation_id: Standing(signature_id=row.id, sha256=row.sha256)
        for row in (await session.execute(given)).scalars()
    }
    return own | {
        row.organisation_id: Standing(signature_id=row.signature_id, sha256=row.signed_sha256)
        for row in await carried(session, actor, agreement.id)
    }


async def carried(session: AsyncSession, actor: Actor, agreement: UUID) -> Sequence[CarriedSignature]:
    """Return the signatures that were carried to an edition the caller has been shown, in the order they were given."""
    statement = (
        sa.select(CarriedSignature)
        .join(Signature, col(Signature.id) == col(CarriedSignature.signature_id))
        .where(col(CarriedSignature.agreement_id) == agreement)
        .order_by(col(Signature.created_at), col(Signature.id))
    )
    return (await session.execute(statement)).scalars().all()
