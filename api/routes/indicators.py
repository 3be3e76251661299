"""The bureau's figures over HTTP, each with its definition and the list behind it."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import cases
from api.i18n import Locale, locale_of, say
from api.queries import history, monitor
from api.wire.activity import CellChange, CellOut, FigureOut, IndicatorsOut, RowOut, WhatIfIn
from coalitions.indicators import Cell, gaps
from coalitions.scenario import apply
from domain.actor import Actor
from domain.message import Message


def figure(found: history.Figure, locale: Locale) -> FigureOut:
    """Return a figure with its name and definition in the reader's language."""
    return FigureOut(
        code=found.code,
        value=found.value,
        name=say(locale, Message(code=found.code, params={}), section="indicator"),
        definition=say(locale, Message(code=found.code, params={}), section="definition"),
        list=f"/api/v1/indicators/{found.code}",
    )


def row(found: Any) -> RowOut:
    """Return one row behind a figure, whatever noun it is."""
    return RowOut(
        id=found.id,
        kind=found.__tablename__,
        name=getattr(found, "title", None) or found.name,
        state=getattr(found, "state", None),
        country=getattr(found, "country", None),
        city=getattr(found, "city", None),
    )


@get("/indicators", operation_id="getIndicators", tags=["indicators"])
async def get_indicators(
    request: Request[Any, Any, Any], snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> IndicatorsOut:
    """Read the funnel from published to signed, who was brought along, and where capability is missing."""
    locale = locale_of(request)
    funnel = await history.figures(snapshot, actor, tuple(history.FUNNEL))
    outcomes = await history.figures(snapshot, actor, tuple(history.OUTCOMES))
    gaps = await monitor.gaps_now(snapshot, actor)
    return IndicatorsOut(
        funnel=tuple(figure(each, locale) for each in funnel),
        outcomes=tuple(figure(each, locale) for each in outcomes),
        gaps=tuple(map(CellOut.from_cell, gaps)),
    )


@get("/indicators/{code:str}", operation_id="getIndicatorList", tags=["indicators"])
async def get_indicator_list(
    snapshot: NamedDependency[AsyncSession], actor: NamedDependency[Actor], code: FromPath[str]
) -> tuple[RowOut, ...]:
    """List the rows that a figure counts."""
    return tuple(row(found) for found in await history.behind(snapshot, actor, code))


@post("/what-ifs", operation_id="askWhatIf", tags=["indicators"], status_code=200)
async def ask_what_if(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], data: JSONBody[WhatIfIn]
) -> tuple[CellChange, ...]:
    """Imagine that firms leave or capabilities shrink: which cells of the gap table change.

    What would be missing without a named firm tells what it can do: there must be an open case about it.
    """
    await cases.imagine(session, actor, data)
    worlds = await monitor.worlds_now(session, actor)
    imagined = [(apply(world, data.touching(world)), opening) for world, opening in worlds]
    before = {(cell.capability, cell.country): cell for cell in gaps(worlds)}
    after = {(cell.capability, cell.country): cell for cell in gaps(imagined)}
    return tuple(change(before[key], after[key]) for key in before if before[key] != after[key])


def change(before: Cell, after: Cell) -> CellChange:
    """Return one cell of the gap table before and after."""
    return CellChange(
        capability=before.capability,
        country=before.country,
        uncovered_before=before.uncovered,
        uncovered_after=after.uncovered,
        firms_before=before.firms,
        firms_after=after.firms,
    )


HANDLERS = [get_indicators, get_indicator_list, ask_what_if]
