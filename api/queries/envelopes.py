"""Reading envelopes: a member's signings at a provider of electronic signatures."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import consortia
from domain.actor import Actor
from domain.errors import NotFound
from domain.records import Agreement, Envelope, Organisation, User


async def of_consortium(session: AsyncSession, actor: Actor, consortium: UUID) -> Sequence[Envelope]:
    """Return the envelopes of the newest agreement, to its parties. Raises NotFound."""
    found = await consortia.agreement_for(session, actor, consortium)
    if found is None:
        raise NotFound(noun="agreement")
    statement = sa.select(Envelope).where(col(Envelope.agreement_id) == found[0].id).order_by(col(Envelope.created_at))
    return list((await session.execute(statement)).scalars())


async def referred(session: AsyncSession, provider: str, reference: str) -> tuple[Envelope, UUID]:
    """Return the envelope a provider refers to, and its consortium; for what the provider has proved to say.

    Raises NotFound.
    """
    statement = (
        sa.select(Envelope, col(Agreement.consortium_id))
        .join(Agreement, col(Agreement.id) == col(Envelope.agreement_id))
        .where(col(Envelope.provider) == provider, col(Envelope.reference) == reference)
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound(noun="envelope")
    return found[0], found[1]


async def to_send(session: AsyncSession, identity: UUID) -> tuple[Envelope, Agreement, User, Organisation]:
    """Return an envelope that a job is to hand over, with what goes into it. Raises NotFound."""
    statement = (
        sa.select(Envelope, Agreement, User, Organisation)
        .join(Agreement, col(Agreement.id) == col(Envelope.agreement_id))
        .join(User, col(User.id) == col(Envelope.user_id))
        .join(Organisation, col(Organisation.id) == col(Envelope.organisation_id))
        .where(col(Envelope.id) == identity)
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound(noun="envelope")
    return found[0], found[1], found[2], found[3]


async def person(session: AsyncSession, envelope: Envelope) -> tuple[User, Organisation]:
    """Return who asked for an envelope and for which firm, as they are now."""
    user = await session.get_one(User, envelope.user_id)
    return user, await session.get_one(Organisation, envelope.organisation_id)
