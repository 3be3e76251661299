"""The clauses of an agreement over HTTP: what is chosen, choosing, and a look at how it would read."""

from typing import Annotated
from uuid import UUID

from litestar import get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import clauses as actions
from api.papers.wording import Language
from api.queries import drafts, visible
from api.wire.clauses import ClausesIn, ClausesOut, DraftOut
from domain.actor import Actor

Wanted = Annotated[Language, QueryParameter(description="Chinese, English, or both, paragraph by paragraph")]


@get("/consortia/{identity:uuid}/clauses", operation_id="getClauses", tags=["agreements"])
async def get_clauses(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], identity: FromPath[UUID]
) -> ClausesOut:
    """Read which clauses the agreement of a consortium is made with."""
    return ClausesOut.from_row(await visible.consortium(snapshot, actor, identity))


@put("/consortia/{identity:uuid}/clauses", operation_id="chooseClauses", tags=["agreements"])
async def choose_clauses(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[ClausesIn],
) -> ClausesOut:
    """Choose the clauses, as chain leader, before any member is asked; they are part of the hash that is signed."""
    return ClausesOut.from_row(await actions.choose(session, actor, identity, data))


@post("/consortia/{identity:uuid}/clauses/preview", operation_id="previewClauses", tags=["agreements"],
      status_code=200)  # fmt: skip
async def preview_clauses(
    state: State,
    snapshot: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    identity: FromPath[UUID],
    data: JSONBody[ClausesIn],
    lang: Wanted = "zh",
) -> DraftOut:
    """Read how the agreement would read under these clauses; nothing is chosen by it."""
    site = state.settings.site
    sheet = await drafts.preview(
        snapshot, actor, identity, data.performance, data.liability, data.choices, language=lang, site=site
    )
    return DraftOut.from_sheet(sheet)


HANDLERS = [get_clauses, choose_clauses, preview_clauses]
