"""Choosing the clauses of an agreement: a form with a preview, before members are asked; later, how they stand."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import clauses as actions
from api.actions.clauses import ASKED
from api.console.forms import Form, Reading
from api.console.page import Reader, back, page
from api.papers.wording import Language
from api.queries import consortia, drafts, visible
from api.wire.clauses import ClausesIn, ClausesOut, DraftOut
from coalitions.clauses import Forum, Holder, Liability, Performance, Prevailing, Results
from domain.errors import Invalid
from domain.kinds import ConsortiumState

CHOICES = {
    "performance": (Performance, "performance"),
    "liability": (Liability, "liability"),
    "security": (Holder, "holder"),
    "payment": (Holder, "holder"),
    "results": (Results, "results"),
    "forum": (Forum, "forum"),
    "prevailing": (Prevailing, "prevailing"),
}
"""What is chosen among words, each with the section of the catalogues that names them."""

FIGURES = ("exit_days", "cure_days", "payment_days", "confidential_years")


def chosen(data: Form) -> ClausesIn:
    """Read the form. Raises Invalid."""
    form = Reading(data)
    words = {name: data[name] for name in (*CHOICES, "law") if data.get(name)}
    figures = {name: form.whole(name) for name in FIGURES if data.get(name)}
    return form.wire(ClausesIn, words | figures)


@get("/consortia/{identity:uuid}/clauses")
async def clauses_page(
    state: State,
    request: Request[Any, Any, Any],
    reader: NamedDependency[Reader],
    snapshot: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
) -> Response[Any]:
    """Show the clauses as chosen, or, to the leader, as the address asks for them, and how the agreement would read."""
    row = await visible.consortium(snapshot, reader.actor, identity)
    typed = chosen(dict(request.query_params)) if request.query_params else ClausesOut.from_row(row)
    draft = await _draft(snapshot, reader, identity, typed, state.settings.site)
    seats = await consortia.whole(snapshot, reader.actor, row.id)
    asked = row.state is not ConsortiumState.FORMING or any(seat.membership.state in ASKED for seat in seats)
    leading = row.organisation_id == reader.actor.organisation_id
    return page(reader, "clauses", consortium=row, typed=typed, draft=draft, editable=leading and not asked,
                leading=leading, choices=CHOICES, figures=FIGURES)  # fmt: skip


async def _draft(session: AsyncSession, reader: Reader, identity: UUID, typed: ClausesIn, site: str) -> DraftOut | None:
    """Return how the agreement would read, to its leader; None to others, and while there is none to be made."""
    row = await visible.consortium(session, reader.actor, identity)
    if row.organisation_id != reader.actor.organisation_id:
        return None
    language: Language = "zh" if reader.locale == "zh-CN" else "en"
    try:
        sheet = await drafts.preview(
            session, reader.actor, identity, typed.performance, typed.liability, typed.choices, language=language,
            site=site,
        )  # fmt: skip
    except Invalid:
        return None
    return DraftOut.from_sheet(sheet)


@post("/consortia/{identity:uuid}/clauses")
async def choose(
    reader: NamedDependency[Reader],
    session: NamedDependency[AsyncSession],
    identity: FromPath[UUID],
    data: URLEncodedBody[dict[str, str]],
) -> Response[Any]:
    """Choose the clauses."""
    await actions.choose(session, reader.actor, identity, chosen(data))
    return back(f"/consortia/{identity}/clauses", "clauses-chosen")


HANDLERS = (clauses_page, choose)
