"""The bureau's page: the funnel from published to signed, outcomes, and gaps; each number leads to its list."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from api.console.page import Reader, page
from api.files import FILE
from api.i18n import Locale, country, say, speaks
from api.queries import history, monitor
from api.spreadsheets import BOM, attachment, csv_text
from domain.message import Message

MOST = 2_000
PAGES = {"opportunity": "/opportunities", "consortium": "/consortia", "organisation": "/firms"}
COLUMNS = ("id", "noun", "name", "state", "country", "city")


@get("/bureau")
async def bureau_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show the figures; the gaps come after them, since they look at every open project anew."""
    funnel = await history.figures(snapshot, reader.actor, tuple(history.FUNNEL))
    outcomes = await history.figures(snapshot, reader.actor, tuple(history.OUTCOMES))
    stalled = await history.behind(snapshot, reader.actor, "consortia-stalled", limit=8)
    return page(reader, "bureau", funnel=funnel, outcomes=outcomes, stalled=stalled)


@get("/bureau/gaps")
async def gaps_page(reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession]) -> Response[Any]:
    """Show capability by country: who asks, who could serve, what nobody covers. Raises NotAllowed."""
    cells = await monitor.gaps_now(snapshot, reader.actor)
    return page(
        reader,
        "gaps",
        cells={(cell.capability, cell.country): cell for cell in cells},
        capabilities=tuple(dict.fromkeys(cell.capability for cell in cells)),
        countries=tuple(sorted({cell.country for cell in cells})),
        packages=sum(cell.packages for cell in cells),
    )


@get("/bureau/{code:str}")
async def list_page(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], code: FromPath[str]
) -> Response[Any]:
    """Show the rows behind a figure, with its definition. Raises NotAllowed, NotFound."""
    found = await history.behind(snapshot, reader.actor, code)
    (figure,) = await history.figures(snapshot, reader.actor, (code,))
    return page(reader, "figure", figure=figure, items=[listed(row) for row in found])


def listed(row: Any) -> dict[str, Any]:
    """Return one row behind a figure, whatever noun it is, and where its page is."""
    noun = row.__tablename__
    return {
        "id": row.id,
        "noun": noun,
        "name": getattr(row, "title", None) or row.name,
        "state": getattr(row, "state", None),
        "country": getattr(row, "country", None),
        "city": getattr(row, "city", None),
        "href": f"{PAGES[noun]}/{row.id}",
    }


@get("/bureau/{code:str}/export", media_type="text/csv", opt={FILE: True})
async def export(
    reader: NamedDependency[Reader], snapshot: NamedDependency[AsyncSession], code: FromPath[str]
) -> Response[str]:
    """Give the rows behind a figure as a file for a spreadsheet. Raises NotAllowed, NotFound."""
    found = await history.behind(snapshot, reader.actor, code, limit=MOST)
    text = table(reader.locale, [listed(row) for row in found])
    headers = {"Content-Disposition": attachment(f"lianzhou-{code}.csv")}
    return Response(BOM + text, media_type="text/csv", headers=headers)


def table(locale: Locale, items: list[dict[str, Any]]) -> str:
    """Write rows as CSV (RFC 4180) with worded states and countries."""
    lines = [[say(locale, Message(code=f"column-{name}"), section="page") for name in COLUMNS]]
    for item in items:
        worded = item | {
            "noun": say(locale, Message(code=item["noun"]), section="noun"),
            "state": _state(locale, item),
            "country": country(locale, item["country"]) if item["country"] else "",
        }
        lines.append([worded[name] for name in COLUMNS])
    return csv_text(lines)


def _state(locale: Locale, item: dict[str, Any]) -> str:
    section = f"{item['noun']}_state"
    state = "" if item["state"] is None else str(item["state"])
    return say(locale, Message(code=state), section=section) if speaks(locale, state, section=section) else state


HANDLERS = (bureau_page, gaps_page, list_page, export)
