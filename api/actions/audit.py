"""Sealing what happened, and verifying that it still reads as it was sealed."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.heads import SignedHead
from api.queries import audit
from domain.audit import START, Break, Head, broken, follow
from domain.records import AuditHead, AuditSeal


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first place where the chain does not hold; an event is named where one is concerned."""

    seq: int
    event_id: int | None
    why: Break


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How far the chain holds, what waits for its seal, and where it breaks."""

    head: Head
    waiting: int
    broken: Broken | None


async def seal(session: AsyncSession, limit: int = audit.AT_ONCE) -> tuple[int, Head]:
    """Add up to `limit` events to the chain; return how many there were, and the newest link.

    None are added while another transaction seals.
    """
    if not await audit.take_turn(session):
        return 0, await audit.head(session)
    head = await audit.head(session)
    rows = []
    for event in await audit.unsealed(session, limit):
        before, head = head, follow(head, event.fields)
        rows.append({"seq": head.seq, "event_id": event.event_id, "previous": before.hash, "hash": head.hash})
    if rows:
        await session.execute(sa.insert(AuditSeal), rows)
    return len(rows), head


async def keep_head(session: AsyncSession, found: SignedHead) -> None:
    """Keep a signed head, so that the bureau can fetch it; one of the same place is kept already."""
    row = {"seq": found.head.seq, "hash": found.head.hash, "signed_at": found.signed_at, "key": found.key,
           "signature": found.signature}  # fmt: skip
    await session.execute(insert(AuditHead).values(row).on_conflict_do_nothing())


async def verify(session: AsyncSession, kept: Head | None = None) -> Verdict:
    """Walk the chain link by link up to its head or its first break; `kept` is a head that was kept elsewhere.

    Give it a snapshot: a chain that grows meanwhile must not look broken.
    """
    head, wrong = START, None
    async for link in audit.links(session):
        why = broken(head, link)
        if why is None and kept is not None and link.seq == kept.seq and link.hash != kept.hash:
            why = Break.COMPUTED_ANEW
        if why is not None:
            seq = head.seq + 1
            wrong = Broken(seq=seq, event_id=None if why is Break.LINK_MISSING else link.event_id, why=why)
            break
        head = link.head
    return Verdict(head=head, waiting=await audit.waiting(session), broken=wrong or await _beside(session, head, kept))


async def _beside(session: AsyncSession, head: Head, kept: Head | None) -> Broken | None:
    """Tell what a chain that holds link by link may lack: its end, or an event that was put before its end later."""
    if kept is not None and kept.seq > head.seq:
        return Broken(seq=head.seq + 1, event_id=None, why=Break.CUT_SHORT)
    stranger = await audit.slipped_in(session)
    return None if stranger is None else Broken(seq=head.seq, event_id=stranger, why=Break.SLIPPED_IN)
