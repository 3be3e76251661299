"""The bureau's view of capability by country: the published openings, each with the world around it."""

from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import consortia, history
from api.queries.world import load_opening, load_world
from api.vectors import of_this_process
from coalitions.indicators import Cell, gaps
from domain.actor import Actor
from domain.world import Opening, World


async def worlds_now(session: AsyncSession, actor: Actor) -> list[tuple[World, Opening]]:
    """Return each published opening with the world around it. Raises NotAllowed for non-watchers."""
    today = (await consortia.clock(session)).date()
    worlds: list[tuple[World, Opening]] = []
    for row in await history.open_opportunities(session, actor):
        opening = await load_opening(session, actor, row.id)
        worlds.append((await load_world(session, actor, opening, await of_this_process(), today), opening))
    return worlds


async def gaps_now(session: AsyncSession, actor: Actor) -> tuple[Cell, ...]:
    """Return where capability is missing for the published opportunities. Raises NotAllowed for non-watchers."""
    return gaps(await worlds_now(session, actor))
