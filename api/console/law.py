"""What the law finds about a consortium, for whom it concerns, and the statements that answer it."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import compliance as actions
from api.console.forms import Reading
from api.console.page import Reader, back, page
from api.queries import compliance as queries
from api.queries import visible
from api.wire.compliance import AcknowledgementIn, ComplianceOut


@get("/consortia/{identity:uuid}/compliance")
async def compliance_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], identity: FromPath[UUID]
) -> Response[Any]:
    """Show every finding with its source, what stops a signature first; the chain leader may answer those that wait."""
    row = await visible.consortium(snapshot, reader.actor, identity)
    found = ComplianceOut.from_compliance(await queries.compliance(snapshot, reader.actor, identity), reader.locale)
    leading = row.organisation_id == reader.actor.organisation_id
    return page(reader, "compliance", consortium=row, law=found, leading=leading)


@post("/consortia/{identity:uuid}/acknowledgements")
async def acknowledge(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """State by name that a rule's findings are known or its document is at hand."""
    wanted = {"rule_id": data.get("rule_id", ""), "note": data.get("note", "")}
    given = Reading(data).wire(AcknowledgementIn, wanted)
    await actions.acknowledge(session, reader.actor, identity, given)
    return back(f"/consortia/{identity}/compliance", "acknowledged")


HANDLERS = (compliance_page, acknowledge)
