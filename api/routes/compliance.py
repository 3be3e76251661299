"""The law about a consortium over HTTP: what it finds, and the statements that answer it."""

from datetime import date
from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import compliance as actions
from api.i18n import locale_of
from api.queries import compliance as queries
from api.wire.compliance import AcknowledgementIn, ComplianceOut
from domain.actor import Actor


@get("/consortia/{identity:uuid}/compliance", operation_id="getCompliance", tags=["compliance"])
async def get_compliance(
    request: Request[Any, Any, Any],
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    on: FromQuery[date | None] = None,
) -> ComplianceOut:
    """Read what the law finds about a consortium, with its sources; `on` asks for the rules of another day."""
    found = await queries.compliance(snapshot, actor, identity, on)
    return ComplianceOut.from_compliance(found, locale_of(request))


@post("/consortia/{identity:uuid}/acknowledgements", operation_id="acknowledgeRule", tags=["compliance"],
      status_code=200)  # fmt: skip
async def acknowledge_rule(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[AcknowledgementIn],
) -> ComplianceOut:
    """State by name, as chain leader, that one rule's findings are known or its document is at hand."""
    await actions.acknowledge(session, actor, identity, data)
    found = await queries.compliance(session, actor, identity)
    return ComplianceOut.from_compliance(found, locale_of(request))


HANDLERS = [get_compliance, acknowledge_rule]
