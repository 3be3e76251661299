"""Answers that were given under an idempotency key, and the lock of a key that is being answered."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.records import IdempotencyKey


async def take_key(session: AsyncSession, organisation_id: UUID, key: str) -> bool:
    """Take the key until the transaction ends; False when another request has it."""
    taken = sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(f"{organisation_id}:{key}", 0))
    return bool((await session.execute(sa.select(taken))).scalar_one())


async def remembered(session: AsyncSession, organisation_id: UUID, key: str) -> IdempotencyKey | None:
    """Return the answer given under this key, whatever the request was."""
    return await session.get(IdempotencyKey, (organisation_id, key))
