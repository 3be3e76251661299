"""An organisation's webhooks: who may set them, what is delivered, tried again, asked for once more."""

import secrets
from base64 import b64encode
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import relaying
from api.conditional import require_match
from api.outbox import record
from api.queries import consortia, endpoints, visible
from api.sending.hooks import Outcome, acceptable
from api.wire.endpoints import KEPT, EndpointIn, ReplayIn
from domain.actor import Actor
from domain.delivery import WEBHOOK_AGAIN, again
from domain.errors import Fault, Invalid, NotAllowed, RuleBroken
from domain.kinds import DeliveryState, EndpointState
from domain.records import Attempt, Delivery, Endpoint, User

PREFIX = "whsec_"
SECRET_BYTES = 32
MOST_ENDPOINTS = 10
TEST = "endpoint.tested"
OVERLAP = timedelta(hours=24)
"""For how long a secret that was replaced goes on signing beside the new one."""
LEASE = timedelta(minutes=1)
"""For how long a delivery is left to the process that took it; longer than a request can take."""


class AdministratorsOnly(NotAllowed):
    """An organisation's connections are looked after by its administrators."""

    code = "administrators-only"


class TooManyEndpoints(RuleBroken):
    """The organisation has as many webhooks as one may have."""

    code = "too-many-endpoints"


class TooOld(RuleBroken):
    """What is asked for once more happened before the days for which it is kept."""

    code = "too-old"


class EndpointDisabled(RuleBroken):
    """The webhook is disabled; nothing is delivered to it."""

    code = "endpoint-disabled"


async def only_administrators(session: AsyncSession, actor: Actor) -> None:
    """Let only administrators of their organisation pass. Raises AdministratorsOnly."""
    user = await session.get(User, actor.user_id) if actor.user_id else None
    if user is None or not user.admin:
        raise AdministratorsOnly()


async def listed(session: AsyncSession, actor: Actor) -> list[Endpoint]:
    """Return the organisation's webhooks to one of its administrators. Raises AdministratorsOnly."""
    await only_administrators(session, actor)
    return await endpoints.listed(session, actor)


async def own(session: AsyncSession, actor: Actor, identity: UUID, *, lock: bool = False) -> Endpoint:
    """Return one of the organisation's webhooks to one of its administrators. Raises NotFound, NotAllowed."""
    row = await visible.own_endpoint(session, actor, identity, lock=lock)
    await only_administrators(session, actor)
    return row


async def add(session: AsyncSession, actor: Actor, given: EndpointIn, *, local: bool) -> Endpoint:
    """Add a webhook with a new secret. Raises NotAllowed, Invalid, TooManyEndpoints, AlreadyExists at the commit."""
    if len(await listed(session, actor)) >= MOST_ENDPOINTS:
        raise TooManyEndpoints(most=MOST_ENDPOINTS)
    _check(given.url, local)
    row = Endpoint(
        organisation_id=actor.organisation_id,
        url=given.url,
        label=given.label,
        families=list(given.families),
        secret=_secret(),
    )
    session.add(row)
    await session.flush()
    await record(session, actor, "endpoint.added", row.id, label=row.label)
    return row


async def revise(
    session: AsyncSession, actor: Actor, identity: UUID, given: EndpointIn, if_match: str | None, *, local: bool
) -> Endpoint:
    """Replace where a webhook stands and what it hears. Raises NotFound, NotAllowed, Invalid, PreconditionFailed."""
    row = await own(session, actor, identity, lock=True)
    require_match(if_match, row.version)
    _check(given.url, local)
    row.url, row.label, row.families = given.url, given.label, list(given.families)
    await session.flush()
    await record(session, actor, "endpoint.revised", row.id, label=row.label)
    return row


async def remove(session: AsyncSession, actor: Actor, identity: UUID) -> None:
    """Remove a webhook with its log. Raises NotFound, NotAllowed."""
    row = await own(session, actor, identity, lock=True)
    await session.delete(row)
    await session.flush()
    await record(session, actor, "endpoint.removed", identity, label=row.label)


async def rotate(session: AsyncSession, actor: Actor, identity: UUID) -> Endpoint:
    """Give a webhook a new secret; for a day both sign, so that no delivery fails meanwhile.

    Raises NotFound, NotAllowed.
    """
    row = await own(session, actor, identity, lock=True)
    row.former_secret, row.former_until = row.secret, await consortia.clock(session) + OVERLAP
    row.secret = _secret()
    await session.flush()
    await record(session, actor, "endpoint.rotated", row.id, label=row.label)
    return row


async def enable(session: AsyncSession, actor: Actor, identity: UUID) -> Endpoint:
    """Deliver to a disabled webhook again, also what waited. Raises NotFound, NotAllowed, IllegalTransition."""
    row = await own(session, actor, identity, lock=True)
    row.become(EndpointState.ACTIVE)
    row.reason = None
    await session.flush()
    await record(session, actor, "endpoint.enabled", row.id, label=row.label)
    return row


async def disable(session: AsyncSession, actor: Actor, identity: UUID) -> Endpoint:
    """Stop delivering to a webhook. Raises NotFound, NotAllowed, IllegalTransition."""
    row = await own(session, actor, identity, lock=True)
    row.become(EndpointState.DISABLED)
    row.reason = "by-hand"
    await session.flush()
    await record(session, actor, "endpoint.disabled", row.id, label=row.label, reason=row.reason)
    return row


async def test(session: AsyncSession, actor: Actor, identity: UUID) -> Delivery:
    """Have a test event delivered to a webhook. Raises NotFound, NotAllowed, EndpointDisabled."""
    row = await own(session, actor, identity)
    if row.state is EndpointState.DISABLED:
        raise EndpointDisabled()
    delivery = Delivery(endpoint_id=row.id, code=TEST, body=relaying.test_body(row, await consortia.clock(session)))
    session.add(delivery)
    await session.flush()
    await session.refresh(delivery)
    return delivery


async def replay(session: AsyncSession, actor: Actor, identity: UUID) -> Delivery:
    """Have one delivery made once more, with the same id and body. Raises NotFound, NotAllowed, TooOld."""
    row = await visible.own_delivery(session, actor, identity, lock=True)
    await only_administrators(session, actor)
    now = await consortia.clock(session)
    if row.created_at is not None and row.created_at < now - KEPT:
        raise TooOld(days=KEPT.days)
    _once_more(row, now)
    await session.flush()
    await record(session, actor, "endpoint.replayed", row.endpoint_id, deliveries=1)
    return row


async def replay_span(session: AsyncSession, actor: Actor, identity: UUID, given: ReplayIn) -> int:
    """Have everything that happened in a span of time delivered once more; return how many events that is.

    What happened while the webhook was disabled is delivered too. Raises NotFound, NotAllowed, TooOld.
    """
    row = await own(session, actor, identity, lock=True)
    now = await consortia.clock(session)
    if given.since < now - KEPT:
        raise TooOld(days=KEPT.days)
    events = await endpoints.happened(session, actor, row, given.since, given.until)
    before = await endpoints.delivered_before(session, row, events)
    for event in events:
        known = before.get(event.id or 0)
        if known is None:
            session.add(relaying.delivery(event, row))
        else:
            _once_more(known, now)
    await session.flush()
    await record(session, actor, "endpoint.replayed", row.id, deliveries=len(events))
    return len(events)


async def take(session: AsyncSession) -> list[tuple[Delivery, Endpoint]]:
    """Take deliveries whose time has come and count a try; they come back to others when this process falls silent."""
    taken = await endpoints.due(session)
    until = await consortia.clock(session) + LEASE
    for delivery, _ in taken:
        delivery.tries += 1
        delivery.next_at = until
    await session.flush()
    return taken


def secrets_of(endpoint: Endpoint, now: datetime) -> list[str]:
    """Return the secrets that sign at `now`: the newest first, then the former one while it lasts."""
    former = endpoint.former_secret
    lasting = former is not None and endpoint.former_until is not None and endpoint.former_until > now
    return [endpoint.secret, former] if former is not None and lasting else [endpoint.secret]


async def settle(
    session: AsyncSession, identity: UUID, tries: int, outcome: Outcome, chance: float
) -> DeliveryState | None:
    """Keep what came of a try; one that failed is tried again by the schedule, 410 disables the webhook.

    None where the webhook is gone or a newer try has the delivery.
    """
    row = await session.get(Delivery, identity, with_for_update=True, populate_existing=True)
    if row is None or row.state is not DeliveryState.WAITING or row.tries != tries:
        return None
    endpoint = await session.get_one(Endpoint, row.endpoint_id, with_for_update=True, populate_existing=True)
    session.add(
        Attempt(
            delivery_id=row.id,
            outcome=outcome.code,
            status=outcome.status,
            milliseconds=outcome.milliseconds,
            answer=outcome.answer,
        )
    )
    now = await consortia.clock(session)
    wait = again(WEBHOOK_AGAIN, row.tries, chance)
    if outcome.delivered:
        row.become(DeliveryState.DELIVERED)
        row.finished_at = now
    elif outcome.gone or wait is None:
        row.become(DeliveryState.FAILED)
        row.finished_at = now
        await _give_up(session, endpoint, outcome)
    else:
        row.next_at = now + wait
    await session.flush()
    return row.state


async def _give_up(session: AsyncSession, endpoint: Endpoint, outcome: Outcome) -> None:
    itself = Actor(user_id=None, organisation_id=endpoint.organisation_id, roles=frozenset())
    if not outcome.gone:
        await record(session, itself, "endpoint.failed", endpoint.id, label=endpoint.label, reason=outcome.code)
    elif endpoint.state is EndpointState.ACTIVE:
        endpoint.become(EndpointState.DISABLED)
        endpoint.reason = "gone"
        await record(session, itself, "endpoint.disabled", endpoint.id, label=endpoint.label, reason="gone")


def _once_more(row: Delivery, now: datetime) -> None:
    if row.state is not DeliveryState.WAITING:
        row.become(DeliveryState.WAITING)
    row.tries, row.next_at, row.finished_at = 0, now, None


def _check(url: str, local: bool) -> None:
    if not acceptable(url, local=local):
        raise Invalid((Fault(where="$.url", code="webhook-address"),))


def _secret() -> str:
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
