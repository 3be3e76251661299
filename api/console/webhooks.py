"""The webhooks of the reader's organisation, for its administrators."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import endpoints as actions
from api.conditional import etag
from api.console.forms import Form, Reading, beside
from api.console.page import Reader, back, page
from api.i18n import BEIJING
from api.idempotency import TELLS_A_SECRET
from api.queries import endpoints as queries
from api.queries import visible
from api.wire.channels import families
from api.wire.endpoints import DeliveryOut, EndpointIn, EndpointOut, ReplayIn
from domain.delivery import HOUSE_MATTERS
from domain.errors import Fault, Invalid
from domain.records import Endpoint

HOME = "/webhooks"


@get(HOME)
async def list_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show the organisation's webhooks."""
    return await settings_page(reader, snapshot, {})


async def settings_page(
    reader: Reader, session: AsyncSession, typed: Form, refused: Invalid | None = None
) -> Response[Any]:
    """Return the page with the form to add one, as it was typed."""
    rows = await actions.listed(session, reader.actor)
    return page(
        reader,
        "webhooks",
        status=422 if refused else 200,
        endpoints=tuple(map(EndpointOut.model_validate, rows)),
        typed=typed,
        faults=beside(reader.locale, refused) if refused else {},
        families=heard_of(),
    )


@post(HOME, opt={TELLS_A_SECRET: True})
async def add(
    state: State,
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Add a webhook and show its secret this once, or say beside the field what is wrong."""
    try:
        row = await actions.add(session, reader.actor, wanted(data), local=state.settings.local_webhooks)
    except Invalid as refused:
        return await settings_page(reader, session, data, refused)
    return await endpoint_page(reader, session, row, secret=row.secret)


def heard_of() -> tuple[str, ...]:
    """Return what a webhook can hear of: everything but webhooks and people."""
    return tuple(name for name in families() if name not in HOUSE_MATTERS)


def wanted(data: Form) -> EndpointIn:
    """Read a webhook from its form. Raises Invalid."""
    chosen = tuple(name for name in heard_of() if data.get(f"family-{name}"))
    return Reading(data).wire(
        EndpointIn, {"url": data.get("url", ""), "label": data.get("label", ""), "families": chosen}
    )


async def endpoint_page(
    reader: Reader,
    session: AsyncSession,
    row: Endpoint,
    *,
    cursor: str | None = None,
    secret: str | None = None,
    typed: Form | None = None,
    refused: Invalid | None = None,
) -> Response[Any]:
    """Return the page of one webhook with its deliveries; `secret` is shown this once."""
    rows, following = await queries.deliveries(session, reader.actor, row.id, cursor=cursor)
    tries = await queries.attempts(session, reader.actor, rows)
    chosen = {f"family-{name}": "on" for name in row.families}
    return page(
        reader,
        "webhook",
        status=422 if refused else 200,
        row=EndpointOut.model_validate(row),
        deliveries=tuple(DeliveryOut.of(each, tries.get(each.id, ())) for each in rows),
        following=following,
        secret=secret,
        typed=typed or {"url": row.url, "label": row.label, **chosen},
        faults=beside(reader.locale, refused) if refused else {},
        families=heard_of(),
    )


@get(HOME + "/{identity:uuid}")
async def show(
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Show one webhook with its deliveries."""
    row = await actions.own(snapshot, reader.actor, identity)
    return await endpoint_page(reader, snapshot, row, cursor=cursor)


@post(HOME + "/{identity:uuid}")
async def revise(
    state: State,
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Change a webhook, if it is still the version the form was made from."""
    row = await actions.own(session, reader.actor, identity)
    try:
        version, local = etag(Reading(data).whole("version") or 0), state.settings.local_webhooks
        await actions.revise(session, reader.actor, identity, wanted(data), version, local=local)
    except Invalid as refused:
        return await endpoint_page(reader, session, row, typed=data, refused=refused)
    return back(f"{HOME}/{identity}", "revised")


@post(HOME + "/{identity:uuid}/rotation", opt={TELLS_A_SECRET: True})
async def rotate(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Replace the secret and show the new one this once."""
    row = await actions.rotate(session, reader.actor, identity)
    return await endpoint_page(reader, session, row, secret=row.secret)


@post(HOME + "/{identity:uuid}/activation")
async def enable(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Deliver to a disabled webhook again."""
    await actions.enable(session, reader.actor, identity)
    return back(f"{HOME}/{identity}", "webhook-enabled")


@post(HOME + "/{identity:uuid}/deactivation")
async def disable(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Stop delivering to a webhook."""
    await actions.disable(session, reader.actor, identity)
    return back(f"{HOME}/{identity}", "webhook-disabled")


@post(HOME + "/{identity:uuid}/removal")
async def remove(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Remove a webhook with its log."""
    await actions.remove(session, reader.actor, identity)
    return back(HOME, "webhook-removed")


@post(HOME + "/{identity:uuid}/test")
async def test(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Have a test event delivered; the log says what comes of it."""
    await actions.test(session, reader.actor, identity)
    return back(f"{HOME}/{identity}#deliveries", "test-asked")


@post(HOME + "/{identity:uuid}/replays")
async def replay_span(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Have what happened in a span of time delivered once more."""
    given = Reading(data).wire(ReplayIn, {name: in_beijing(data, name) for name in ("since", "until")})
    await actions.replay_span(session, reader.actor, identity, given)
    return back(f"{HOME}/{identity}#deliveries", "replay-asked")


def in_beijing(data: Form, name: str) -> datetime:
    """Return a moment that was typed as local time. Raises Invalid."""
    try:
        return datetime.fromisoformat(data.get(name, "")).replace(tzinfo=BEIJING)
    except ValueError as wrong:
        raise Invalid((Fault(where=f"$.{name}", code="datetime_parsing"),)) from wrong


@post("/deliveries/{identity:uuid}/replay")
async def replay(
    reader: NamedDependency[Reader], session: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Have one delivery made once more."""
    row = await visible.own_delivery(session, reader.actor, identity)
    await actions.replay(session, reader.actor, identity)
    return back(f"{HOME}/{row.endpoint_id}#deliveries", "replay-asked")


HANDLERS = (
    list_page, add, show, revise, rotate, enable, disable, remove, test, replay_span, replay
)  # fmt: skip
