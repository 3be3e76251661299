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
from domain.records import Consortium

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


def chosen(data: Form, row: Consortium) -> ClausesIn:
    """Read the form; what it leaves out stays as the consortium has chosen it. Raises Invalid."""
    form = Reading(data)
    kept = ClausesOut.from_row(row).model_dump(exclude={"edition"})
    words = {name: data[name] for name in (*CHOICES, "law") if data.get(name)}
    figures = {name: form.whole(name) for name in FIGURES if data.get(name)}
    return form.wire(ClausesIn, kept | words | figures)


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
    leading = row.organisation_id == reader.actor.organisation_id
    editable = leading and await _open(snapshot, reader, row)
    typed = chosen(dict(request.query_params) if editable else {}, row)
    draft = await _draft(snapshot, reader, identity, typed, state.settings.site)
    return page(reader, "clauses", consortium=row, typed=typed, draft=draft, editable=editable, leading=leading,
                choices=CHOICES, figures=FIGURES)  # fmt: skip


async def _open(session: AsyncSession, reader: Reader, row: Consortium) -> bool:
    """Tell whether clauses may still be chosen: nobody has been asked."""
    seats = await consortia.whole(session, reader.actor, row.id)
    return row.state is ConsortiumState.FORMING and not any(seat.membership.state in ASKED for seat in seats)


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
    row = await visible.consortium(session, reader.actor, identity, lock=True)
    await actions.choose(session, reader.actor, identity, chosen(data, row))
    return back(f"/consortia/{identity}/clauses", "clauses-chosen")


HANDLERS = (clauses_page, choose)
