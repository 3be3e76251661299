"""Signing at a provider of electronic signatures over HTTP, and what the provider tells."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import envelopes as actions
from api.auth import ANYBODY
from api.esign import name_of, provider_of
from api.queries import envelopes as queries
from api.wire.consortia import SignIn
from api.wire.envelopes import EnvelopeOut
from domain.actor import Actor
from domain.records import Envelope


def shown(row: Envelope, actor: Actor) -> EnvelopeOut:
    """Show an envelope; the address where it is signed is its own firm's alone."""
    found = EnvelopeOut.model_validate(row)
    return found if row.organisation_id == actor.organisation_id else found.model_copy(update={"address": None})


@get("/consortia/{identity:uuid}/envelopes", operation_id="listEnvelopes", tags=["agreements"])
async def list_envelopes(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> tuple[EnvelopeOut, ...]:
    """List the signings of the newest agreement at a provider, to its parties."""
    return tuple(shown(row, actor) for row in await queries.of_consortium(snapshot, actor, identity))


@post("/consortia/{identity:uuid}/envelopes", operation_id="askForEnvelope", tags=["agreements"])
async def ask_for_envelope(
    state: State,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[SignIn],
) -> EnvelopeOut:
    """Ask to sign the agreement with this hash at the provider; a job hands it over."""
    row = await actions.ask(session, actor, identity, data.sha256, name_of(state.settings))
    await session.refresh(row)
    return shown(row, actor)


@post("/esign/notices", operation_id="takeEsignNotice", security=ANYBODY, tags=["agreements"], status_code=204)
async def take_notice(
    state: State, request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]
) -> Response[None]:
    """Take a signed webhook of the provider (Standard Webhooks 1.0); nobody else can make one."""
    provider = provider_of(state.settings)
    message, notice = provider.read(request.headers, await request.body())
    await actions.take(session, provider.name, message, notice)
    return Response(None, status_code=204)


HANDLERS = [list_envelopes, ask_for_envelope, take_notice]
