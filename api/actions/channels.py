"""One's own channels and calendar, and the letters that go over channels."""

import secrets
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.actions.auth import SECRET_BYTES, SessionNeeded, digest
from api.actions.relaying import habit
from api.conditional import require_match
from api.outbox import record
from api.queries import calendar, consortia, letters, visible
from api.queries.letters import Post
from api.wire.channels import ChannelIn
from domain.actor import Actor
from domain.delivery import LETTER_AGAIN, again, due
from domain.errors import Fault, Invalid, NotFound, RuleBroken
from domain.kinds import ChannelKind, LetterState
from domain.records import CalendarFeed, Channel, Letter, Notice, User

MOST_CHANNELS = 10
LEASE = timedelta(minutes=2)
"""For how long a letter is left to the process that took it; longer than sending one can take."""


class TooManyChannels(RuleBroken):
    """One person has as many channels as one person may."""

    code = "too-many-channels"


async def add(session: AsyncSession, actor: Actor, given: ChannelIn) -> Channel:
    """Add a way of being told. Raises Invalid for a chat without its address, TooManyChannels."""
    if actor.user_id is None:
        raise SessionNeeded()
    if len(await letters.channels(session, actor)) >= MOST_CHANNELS:
        raise TooManyChannels(most=MOST_CHANNELS)
    if given.kind is ChannelKind.CHAT and given.address is None:
        raise Invalid((Fault(where="$.address", code="missing"),))
    values = given.model_dump(exclude={"families"})
    row = Channel(**values, user_id=actor.user_id, families=list(given.families))
    session.add(row)
    await session.flush()
    await record(session, actor, "channel.added", row.id, kind=str(row.kind))
    return row


async def revise(
    session: AsyncSession, actor: Actor, identity: UUID, given: ChannelIn, if_match: str | None
) -> Channel:
    """Replace what a channel is told and when; a chat's address stays where none is given.

    What it keeps for later falls due by the new habit, and is forgotten where it was switched off.
    Raises NotFound, Invalid, PreconditionRequired, PreconditionFailed.
    """
    row = await visible.own_channel(session, actor, identity, lock=True)
    require_match(if_match, row.version)
    if given.kind is not row.kind:
        raise Invalid((Fault(where="$.kind", code="invalid-value"),))
    for name, value in given.model_dump(exclude={"kind", "address", "families"}).items():
        setattr(row, name, value)
    row.families = list(given.families)
    row.address = given.address or row.address
    waiting = (col(Notice.channel_id) == row.id) & col(Notice.letter_id).is_(None)
    if row.active:
        now = await consortia.clock(session)
        await session.execute(sa.update(Notice).where(waiting).values(due_at=due(habit(row), now)))
    else:
        await session.execute(sa.delete(Notice).where(waiting))
    await session.flush()
    await record(session, actor, "channel.revised", row.id, kind=str(row.kind))
    return row


async def remove(session: AsyncSession, actor: Actor, identity: UUID) -> None:
    """Remove a channel with its log; what has not been sent is not sent. Raises NotFound."""
    row = await visible.own_channel(session, actor, identity, lock=True)
    await session.execute(sa.delete(Notice).where(col(Notice.channel_id) == row.id))
    await session.delete(row)
    await session.flush()
    await record(session, actor, "channel.removed", identity, kind=str(row.kind))


async def test(session: AsyncSession, actor: Actor, identity: UUID) -> Letter:
    """Have a test message sent over a channel, whatever its hours. Raises NotFound."""
    row = await visible.own_channel(session, actor, identity)
    letter = Letter(channel_id=row.id, test=True)
    session.add(letter)
    await session.flush()
    await session.refresh(letter)
    return letter


async def open_calendar(session: AsyncSession, actor: Actor) -> tuple[str, CalendarFeed]:
    """Give the actor's deadlines a new secret address; a former one opens nothing any more."""
    if actor.user_id is None:
        raise SessionNeeded()
    secret = secrets.token_urlsafe(SECRET_BYTES)
    fresh = insert(CalendarFeed).values(user_id=actor.user_id, secret_hash=digest(secret))
    replaced = {"secret_hash": digest(secret), "created_at": sa.func.clock_timestamp()}
    await session.execute(fresh.on_conflict_do_update(index_elements=["user_id"], set_=replaced))
    await record(session, actor, "calendar.opened", actor.user_id)
    return secret, await _feed(session, actor)


async def close_calendar(session: AsyncSession, actor: Actor) -> None:
    """End the actor's calendar: its address opens nothing any more. Raises NotFound."""
    row = await _feed(session, actor)
    await session.delete(row)
    await session.flush()
    await record(session, actor, "calendar.closed", row.user_id)


async def _feed(session: AsyncSession, actor: Actor) -> CalendarFeed:
    row = await calendar.feed_of(session, actor)
    if row is None:
        raise NotFound(noun="calendar_feed")
    await session.refresh(row)
    return row


async def pack(session: AsyncSession) -> int:
    """Put what may be told now into letters, one a channel; return how many letters there are."""
    channels = await letters.due_channels(session)
    for channel in channels:
        letter = Letter(channel_id=channel.id)
        session.add(letter)
        await session.flush()
        ready = (col(Notice.channel_id) == channel.id) & col(Notice.letter_id).is_(None)
        ready &= col(Notice.due_at) <= sa.func.clock_timestamp()
        await session.execute(sa.update(Notice).where(ready).values(letter_id=letter.id))
    return len(channels)


async def take(session: AsyncSession) -> list[Post]:
    """Take letters whose time has come and count a try; they come back to others when this process falls silent."""
    taken = await letters.due_letters(session)
    until = await consortia.clock(session) + LEASE
    for letter in taken:
        letter.tries += 1
        letter.next_at = until
    await session.flush()
    return await letters.posts(session, taken)


async def settle(session: AsyncSession, post: Post, reason: str | None, chance: float) -> LetterState | None:
    """Keep what came of a try: sent where there is no `reason`; else tried again later, or given up and told.

    None where the channel is gone or a newer try has the letter.
    """
    letter = await session.get(Letter, post.letter.id, with_for_update=True, populate_existing=True)
    if letter is None or letter.state is not LetterState.WAITING or letter.tries != post.letter.tries:
        return None
    now = await consortia.clock(session)
    letter.reason = reason
    wait = again(LETTER_AGAIN, letter.tries, chance)
    if reason is None:
        letter.become(LetterState.SENT)
        letter.finished_at = now
    elif wait is None:
        letter.become(LetterState.FAILED)
        letter.finished_at = now
        await _tell_failure(session, post, reason)
    else:
        letter.next_at = now + wait
    await session.flush()
    return letter.state


async def _tell_failure(session: AsyncSession, post: Post, reason: str) -> None:
    owner = await session.get_one(User, post.channel.user_id)
    actor = Actor(user_id=owner.id, organisation_id=owner.organisation_id, roles=frozenset())
    await record(session, actor, "channel.failed", post.channel.id, kind=str(post.channel.kind), reason=reason)
