"""The bureau's figures over HTTP, each with its definition and the list behind it."""

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from api.i18n import Locale, locale_of, say
from api.queries import history, monitor
from api.wire.activity import CellOut, FigureOut, IndicatorsOut, RowOut
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


HANDLERS = [get_indicators, get_indicator_list]
