"""The head of the audit chain leaves the database: signed, kept in a folder that is copied elsewhere, and offered."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import audit
from api.db import transaction
from api.heads import SignedHead, keep, signed, signing_key
from api.queries import audit as reading
from api.settings import Settings
from api.tenancy import Office, doing


async def vouch(sessions: async_sessionmaker[AsyncSession], settings: Settings) -> SignedHead | None:
    """Sign the newest link and keep it; None before the first. What is kept twice is the same head, signed later."""
    async with transaction(sessions, doing(Office.SEALER)) as session:
        head = await reading.head(session)
        if head.seq == 0:
            return None
        found = signed(head, datetime.now(UTC), signing_key(settings.head_key_place))
        await audit.keep_head(session, found)
    keep(settings.heads_place, found)
    return found
