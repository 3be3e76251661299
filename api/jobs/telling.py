"""What happened is told outside: events are handed on, then letters and webhooks go out, and go out again.

Any number of workers may do this at once: position, letter and delivery are each taken by one of them. What was taken
by a process that was killed comes back when its time has run out, with the id it had.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from secrets import SystemRandom
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import abroad, channels, endpoints, relaying
from api.db import transaction
from api.i18n import DEFAULT, Locale, say, supported
from api.queries import relay
from api.queries.letters import Post
from api.sending import NotSent, hooks
from api.sending.letters import Line, Written, by_mail, to_chat, write
from api.settings import Settings
from api.tenancy import Office, doing
from domain.kinds import ChannelKind, Receiver
from domain.message import Message
from domain.records import Delivery, Endpoint, Event

Sessions = async_sessionmaker[AsyncSession]
Taken = TypeVar("Taken")
CHANCE = SystemRandom()


async def tell(sessions: Sessions, settings: Settings) -> int:
    """Hand on what happened and send the letters that are due; return how many were tried."""
    await hand_on(sessions)
    async with transaction(sessions, doing(Office.RELAY)) as session:
        await channels.pack(session)
    tried = 0
    while busy := await _letters(sessions, settings):
        tried += busy
    return tried


async def deliver(sessions: Sessions, settings: Settings) -> int:
    """Make the deliveries to webhooks that are due; return how many were tried."""
    tried = 0
    while busy := await _deliveries(sessions, settings):
        tried += busy
    return tried


async def hand_on(sessions: Sessions) -> int:
    """Hand on all events that may be, a batch a commit; return how many there were."""
    handed = 0
    while await _waits(sessions):
        async with transaction(sessions, doing(Office.RELAY)) as session:
            some = await relaying.hand_on(session)
        handed += some
        if not some:  # another process is at it
            break
    return handed


async def _waits(sessions: Sessions) -> bool:
    async with transaction(sessions, doing(Office.RELAY)) as session:
        return await relay.waits(session)


async def _letters(sessions: Sessions, settings: Settings) -> int:
    async with transaction(sessions, doing(Office.RELAY)) as session:
        taken = await channels.take(session)
    await _each(taken, lambda post: _send(sessions, settings, post))
    return len(taken)


async def _deliveries(sessions: Sessions, settings: Settings) -> int:
    async with transaction(sessions, doing(Office.RELAY)) as session:
        taken = await endpoints.take(session)
    await _each(taken, lambda pair: _deliver(sessions, settings, *pair))
    return len(taken)


async def _each(taken: Iterable[Taken], work: Callable[[Taken], Awaitable[None]]) -> None:
    """Do the work for all of `taken` at once, each to its end. Raises ExceptionGroup of what failed."""
    outcomes = await asyncio.gather(*(work(each) for each in taken), return_exceptions=True)
    if broken := [outcome for outcome in outcomes if isinstance(outcome, Exception)]:
        raise ExceptionGroup("sending", broken)


async def _send(sessions: Sessions, settings: Settings, post: Post) -> None:
    reason = None
    try:
        if not await _may_leave(sessions, settings, post):
            raise NotSent("abroad")
        await _sent(settings, post)
    except NotSent as refused:
        reason = refused.reason
    async with transaction(sessions, doing(Office.RELAY)) as session:
        await channels.settle(session, post, reason, CHANCE.random())


async def _may_leave(sessions: Sessions, settings: Settings, post: Post) -> bool:
    """Say whether a letter may go where its channel leads; it says to a server where its person can be reached."""
    mail = post.channel.kind is ChannelKind.EMAIL
    place = post.channel.place
    if mail:
        outside = {name.strip().lower() for name in settings.mail_abroad.split(",")}
        place = abroad.SOMEWHERE if post.email.rpartition("@")[2] in outside else abroad.MAINLAND
    if place == abroad.MAINLAND or post.ended:
        return True
    receiver = Receiver.MAIL if mail else Receiver.CHAT
    async with transaction(sessions, doing(Office.RELAY)) as session:
        return await abroad.let_leave(session, post.channel.user_id, receiver, place)


async def _sent(settings: Settings, post: Post) -> None:
    if post.ended:
        raise NotSent("account-ended")
    written = written_of(post, settings.site)
    if post.channel.kind is ChannelKind.EMAIL:
        await by_mail(settings, post.email, written)
    else:
        await to_chat(post.channel.address or "", written)


async def _deliver(sessions: Sessions, settings: Settings, delivery: Delivery, endpoint: Endpoint) -> None:
    now = datetime.now(UTC)
    identity = f"msg_{delivery.id.hex}"
    sent = hooks.headers(identity, delivery.body, endpoints.secrets_of(endpoint, now), now)
    outcome = await hooks.post(endpoint.url, delivery.body, sent, local=settings.local_webhooks)
    async with transaction(sessions, doing(Office.RELAY)) as session:
        await endpoints.settle(session, delivery.id, delivery.tries, outcome, CHANCE.random())


def written_of(post: Post, site: str) -> Written:
    """Word a letter in the language of whoever gets it."""
    locale: Locale = supported(post.locale) or DEFAULT
    lines = [
        Line(
            at=told.event.at or datetime.now(UTC),
            firm=told.firm,
            title=say(locale, Message(code=told.event.code, params=told.event.params)),
            path=path_of(told.event),
        )
        for told in post.told
    ]
    return write(locale, post.letter.id, lines, post.count - len(lines), site)


def path_of(event: Event) -> str:
    """Return the page that shows what an event is about."""
    if event.consortium_id is not None:
        return f"/consortia/{event.consortium_id}"
    return "/inbox" if event.opportunity_id is None else f"/opportunities/{event.opportunity_id}"
