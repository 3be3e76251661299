"""Reading channels and letters: one's own settings and log, and for the worker what is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from api.queries.page import page
from domain.actor import Actor
from domain.kinds import LetterState
from domain.records import Channel, Event, Letter, Notice, Organisation, User

AT_ONCE = 20
MOST_TOLD = 50
"""How many events one letter spells out; the rest it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event of a letter, with the name of the firm that did it."""

    event: Event
    firm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A letter with everything that writing and sending it needs."""

    letter: Letter
    channel: Channel
    email: str
    locale: str
    ended: bool
    told: tuple[Told, ...]
    count: int


async def channels(session: AsyncSession, actor: Actor) -> list[Channel]:
    """Return the actor's own channels, oldest first."""
    ordered = visible.own_channels(actor).order_by(col(Channel.created_at), col(Channel.id))
    return list((await session.execute(ordered)).scalars())


async def log(
    session: AsyncSession, actor: Actor, *, channel: UUID | None = None, cursor: str | None = None, limit: int = 50
) -> tuple[list[Letter], str | None]:
    """Return a page of what was sent, or is being sent, over the actor's own channels, newest first."""
    statement = visible.own_letters(actor)
    if channel:
        statement = statement.where(col(Letter.channel_id) == channel)
    return await page(session, statement, cursor, limit)


async def counts(session: AsyncSession, actor: Actor, letters: Sequence[Letter]) -> dict[UUID, int]:
    """Return how many events each of `letters`, which the actor was shown, tells of."""
    statement = (
        sa.select(col(Notice.letter_id), sa.func.count())
        .where(col(Notice.letter_id).in_([letter.id for letter in letters]))
        .group_by(col(Notice.letter_id))
    )
    return {identity: number for identity, number in (await session.execute(statement)).all() if identity is not None}


async def postponed(session: AsyncSession, actor: Actor) -> dict[UUID, tuple[int, datetime]]:
    """Return, for each of the actor's channels that keeps events for later, how many there are and until when."""
    own = sa.select(col(Channel.id)).where(col(Channel.user_id) == actor.user_id)
    statement = (
        sa.select(col(Notice.channel_id), sa.func.count(), sa.func.min(col(Notice.due_at)))
        .where(col(Notice.letter_id).is_(None), col(Notice.channel_id).in_(own))
        .group_by(col(Notice.channel_id))
    )
    return {channel: (number, first) for channel, number, first in (await session.execute(statement)).all()}


async def due_channels(session: AsyncSession) -> list[Channel]:
    """Return channels with events that may be told now and stand in no letter yet, locked; others' are left alone."""
    ready = sa.exists().where(
        col(Notice.channel_id) == col(Channel.id),
        col(Notice.letter_id).is_(None),
        col(Notice.due_at) <= sa.func.clock_timestamp(),
    )
    statement = (
        sa.select(Channel)
        .where(ready, col(Channel.active))
        .order_by(col(Channel.id))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    return list((await session.execute(statement)).scalars())


async def due_letters(session: AsyncSession) -> list[Letter]:
    """Return letters whose time has come, locked; those that another process has taken are left to it."""
    statement = (
        sa.select(Letter)
        .where(col(Letter.state) == LetterState.WAITING, col(Letter.next_at) <= sa.func.clock_timestamp())
        .order_by(col(Letter.next_at), col(Letter.id))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list((await session.execute(statement)).scalars())


async def posts(session: AsyncSession, letters: Sequence[Letter]) -> list[Post]:
    """Return `letters` with what they say and to whom, in the same order."""
    found = []
    for letter in letters:
        statement = (
            sa.select(Channel, User)
            .join(User, col(User.id) == col(Channel.user_id))
            .where(col(Channel.id) == letter.channel_id)
        )
        channel, user = (await session.execute(statement)).one()
        told = await _told(session, letter)
        found.append(
            Post(
                letter=letter,
                channel=channel,
                email=user.email,
                locale=user.locale,
                ended=not user.active,
                told=told[:MOST_TOLD],
                count=len(told),
            )
        )
    return found


async def _told(session: AsyncSession, letter: Letter) -> tuple[Told, ...]:
    statement = (
        sa.select(Event, col(Organisation.name))
        .join(Notice, col(Notice.event_id) == col(Event.id))
        .join(Organisation, col(Organisation.id) == col(Event.organisation_id))
        .where(col(Notice.letter_id) == letter.id)
        .order_by(col(Notice.id))
    )
    return tuple(Told(event=event, firm=firm) for event, firm in (await session.execute(statement)).all())
