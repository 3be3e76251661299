"""What is held about one person, for that person, and what about persons was to leave the mainland, for watchers."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from api.queries.visible import watches
from api.tenancy import Office, by
from domain.actor import Actor
from domain.errors import NotAllowed, NotFound
from domain.kinds import Duty, Role
from domain.personal import HOLDINGS, Holding
from domain.records import AbroadAssessment, AbroadTransfer, Channel, Event, Letter, Notice, User

SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one table holds about a person."""

    holding: Holding
    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Abroad:
    """What left, or was to leave, the mainland: how many persons this year, and the newest records."""

    year: int
    persons: int
    assessments: tuple[AbroadAssessment, ...]
    transfers: tuple[AbroadTransfer, ...]


async def person(session: AsyncSession, actor: Actor) -> User:
    """Return the actor's own account. Raises NotFound for an actor that is no person."""
    found = await session.get(User, actor.user_id) if actor.user_id else None
    if found is None:
        raise NotFound(noun="user")
    return found


async def person_at(session: AsyncSession, email: str) -> User:
    """Return the account of an address, for whoever runs the machine. Raises NotFound."""
    found = (
        await session.execute(sa.select(User).where(col(User.email) == email.strip().lower()))
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(noun="user")
    return found


@by(Office.KEEPER)
async def about(session: AsyncSession, user: User) -> list[Held]:
    """Return everything that is held about a person, table by table, as the inventory says; no secrets."""
    return [Held(holding=holding, rows=await _rows(session, holding, user)) for holding in HOLDINGS]


async def _rows(session: AsyncSession, holding: Holding, user: User) -> tuple[dict[str, Any], ...]:
    table = SQLModel.metadata.tables[holding.table]
    owner = user.email if holding.person == "email" else user.id
    columns = [table.c[name] for name in holding.columns]
    order = [table.c[name] for name in ("created_at", "at") if name in table.c][:1]
    found = await session.execute(sa.select(*columns).where(table.c[holding.person] == owner).order_by(*order))
    return tuple(dict(row._mapping) for row in found)


def letters_of(user: User) -> tuple[sa.Delete, ...]:
    """Return what deletes the letters and notices of a person, so that his channels can go."""
    own = sa.select(col(Channel.id)).where(col(Channel.user_id) == user.id)
    return (
        sa.delete(Notice).where(col(Notice.channel_id).in_(own)),
        sa.delete(Letter).where(col(Letter.channel_id).in_(own)),
    )


async def only_administrator(session: AsyncSession, user: User) -> bool:
    """Tell whether others of the person's organisation would be left without an administrator."""
    others = sa.select(sa.func.count(), sa.func.count().filter(col(User.duties).contains([Duty.ADMIN.value]))).where(
        col(User.organisation_id) == user.organisation_id, col(User.active), col(User.id) != user.id
    )
    people, administrators = (await session.execute(others)).one()
    return user.admin and people > 0 and administrators == 0


async def in_force(session: AsyncSession, today: date) -> AbroadAssessment | None:
    """Return the assessment under which personal data may leave the mainland today, the longest to last."""
    statement = (
        sa.select(AbroadAssessment)
        .where(col(AbroadAssessment.valid_to) >= today)
        .order_by(col(AbroadAssessment.valid_to).desc(), col(AbroadAssessment.created_at))
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def persons_sent(session: AsyncSession, year: int) -> int:
    """Return of how many distinct persons something left the mainland in a calendar year."""
    statement = sa.select(sa.func.count(sa.distinct(col(AbroadTransfer.user_id)))).where(
        col(AbroadTransfer.year) == year, col(AbroadTransfer.passed)
    )
    return int((await session.execute(statement)).scalar_one())


async def alarmed(session: AsyncSession, year: int, share: int) -> bool:
    """Tell whether the alarm of a year at a share of the limit was given already."""
    params = col(Event.params)
    statement = sa.select(sa.exists().where(
        col(Event.code) == "abroad.alarm", params["year"].as_integer() == year, params["share"].as_integer() == share
    ))  # fmt: skip
    return bool((await session.execute(statement)).scalar_one())


async def abroad(session: AsyncSession, actor: Actor, year: int) -> Abroad:
    """Return what left the mainland, to those who watch. Raises NotAllowed."""
    if not watches(actor):
        raise NotAllowed(needed=Role.BUREAU.value)
    assessments = sa.select(AbroadAssessment).order_by(col(AbroadAssessment.created_at).desc()).limit(SHOWN)
    transfers = sa.select(AbroadTransfer).order_by(col(AbroadTransfer.created_at).desc()).limit(SHOWN)
    return Abroad(
        year=year,
        persons=await persons_sent(session, year),
        assessments=tuple((await session.execute(assessments)).scalars()),
        transfers=tuple((await session.execute(transfers)).scalars()),
    )


async def bound_to(session: AsyncSession, user_id: UUID) -> User:
    """Return a person by id, for the record of what was sent about him."""
    return await session.get_one(User, user_id)
