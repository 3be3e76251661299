"""Webhooks over HTTP, for administrators of an organisation: settings, deliveries, once more."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import endpoints as actions
from api.conditional import ETAG, IF_MATCH, etag
from api.idempotency import TELLS_A_SECRET
from api.queries import endpoints as queries
from api.wire.base import Page
from api.wire.endpoints import DeliveryOut, EndpointIn, EndpointOut, EndpointSecretOut, ReplayIn, ReplayOut
from domain.actor import Actor

TAGS = ["webhooks"]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Rows a page")]


@get("/webhooks", operation_id="listWebhooks", tags=TAGS)
async def list_endpoints(snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> Page[EndpointOut]:
    """List the webhooks of one's organisation."""
    rows = await actions.listed(snapshot, actor)
    return Page[EndpointOut](items=tuple(map(EndpointOut.model_validate, rows)))


@post("/webhooks", operation_id="addWebhook", tags=TAGS, opt={TELLS_A_SECRET: True})
async def add_endpoint(
    state: State, session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[EndpointIn]
) -> Response[EndpointSecretOut]:
    """Add a webhook; the secret by which its messages are signed is shown this once."""
    row = await actions.add(session, actor, data, local=state.settings.local_webhooks)
    return Response(EndpointSecretOut.of(row), headers={ETAG: etag(row.version)})


@get("/webhooks/{identity:uuid}", operation_id="getWebhook", tags=TAGS)
async def get_endpoint(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> Response[EndpointOut]:
    """Read one webhook's settings."""
    row = await actions.own(snapshot, actor, identity)
    return Response(EndpointOut.model_validate(row), headers={ETAG: etag(row.version)})


@put("/webhooks/{identity:uuid}", operation_id="reviseWebhook", tags=TAGS)
async def revise_endpoint(
    request: Request[Any, Any, Any],
    state: State,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[EndpointIn],
) -> Response[EndpointOut]:
    """Replace where a webhook stands and what it hears."""
    local = state.settings.local_webhooks
    row = await actions.revise(session, actor, identity, data, request.headers.get(IF_MATCH), local=local)
    return Response(EndpointOut.model_validate(row), headers={ETAG: etag(row.version)})


@delete("/webhooks/{identity:uuid}", operation_id="removeWebhook", tags=TAGS)
async def remove_endpoint(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> None:
    """Remove a webhook with its log."""
    await actions.remove(session, actor, identity)


@post("/webhooks/{identity:uuid}/rotation", operation_id="rotateWebhookSecret", tags=TAGS, status_code=200,
      opt={TELLS_A_SECRET: True})  # fmt: skip
async def rotate_secret(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> EndpointSecretOut:
    """Replace the secret, shown this once; for a day the former one signs beside it."""
    return EndpointSecretOut.of(await actions.rotate(session, actor, identity))


@post("/webhooks/{identity:uuid}/activation", operation_id="enableWebhook", tags=TAGS, status_code=200)
async def enable_endpoint(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> EndpointOut:
    """Deliver to a disabled webhook again, also what waited."""
    return EndpointOut.model_validate(await actions.enable(session, actor, identity))


@post("/webhooks/{identity:uuid}/deactivation", operation_id="disableWebhook", tags=TAGS, status_code=200)
async def disable_endpoint(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> EndpointOut:
    """Stop delivering to a webhook."""
    return EndpointOut.model_validate(await actions.disable(session, actor, identity))


@post("/webhooks/{identity:uuid}/test", operation_id="testWebhook", tags=TAGS, status_code=202)
async def test_endpoint(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> DeliveryOut:
    """Have a test event delivered; the log says what came of it."""
    return DeliveryOut.of(await actions.test(session, actor, identity), ())


@get("/webhooks/{identity:uuid}/deliveries", operation_id="listDeliveries", tags=TAGS)
async def list_deliveries(
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> Page[DeliveryOut]:
    """List what went, or goes, to a webhook with every try, newest first."""
    row = await actions.own(snapshot, actor, identity)
    rows, following = await queries.deliveries(snapshot, actor, row.id, cursor=cursor, limit=limit)
    tries = await queries.attempts(snapshot, actor, rows)
    return Page[DeliveryOut](items=tuple(DeliveryOut.of(each, tries.get(each.id, ())) for each in rows), next=following)


@post("/webhooks/{identity:uuid}/replays", operation_id="replayDeliveries", tags=TAGS, status_code=202)
async def replay_span(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[ReplayIn],
) -> ReplayOut:
    """Have everything that happened in a span of the last thirty days delivered once more."""
    return ReplayOut(deliveries=await actions.replay_span(session, actor, identity, data))


@post("/deliveries/{identity:uuid}/replay", operation_id="replayDelivery", tags=TAGS, status_code=202)
async def replay_delivery(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> DeliveryOut:
    """Have one delivery made once more, with the same id and body."""
    row = await actions.replay(session, actor, identity)
    return DeliveryOut.of(row, (await queries.attempts(session, actor, [row])).get(row.id, ()))


HANDLERS = [
    list_endpoints, add_endpoint, get_endpoint, revise_endpoint, remove_endpoint, rotate_secret, enable_endpoint,
    disable_endpoint, test_endpoint, list_deliveries, replay_span, replay_delivery,
]  # fmt: skip
