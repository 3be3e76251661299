"""``lianzhou limits``: how much one may ask for, and another figure for this deployment."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions.limits import state_limit
from api.cli.codes import failing
from api.db import make_engine, make_sessions, transaction
from api.embedded import database
from api.queries.limits import stated
from api.settings import Settings
from domain.limits import LIMITS

Value = TypeVar("Value")

limits_app = typer.Typer(no_args_is_help=True, help="各项上限 / how much one may ask for")


@limits_app.command("list")
def listed() -> None:
    """列出各项上限 / print every limit: its name, how many, whose, and within how many seconds."""
    with failing():
        for name, most in _done(stated).items():
            limit = LIMITS[name]
            typer.echo(f"{name}\t{most}\t{limit.whose}\t{limit.seconds or '-'}")


@limits_app.command("set")
def put(
    name: Annotated[str, typer.Argument(help="名称 / its name")],
    most: Annotated[int, typer.Argument(min=0, help="最多几次 / how many there may be")],
) -> None:
    """更改一项上限 / state another figure; it counts at once, in every process."""
    with failing():
        _done(lambda session: state_limit(session, name, most))


@limits_app.command("reset")
def take_back(name: Annotated[str, typer.Argument(help="名称 / its name")]) -> None:
    """恢复默认上限 / go back to the usual figure."""
    with failing():
        _done(lambda session: state_limit(session, name, None))


def _done(work: Callable[[AsyncSession], Awaitable[Value]]) -> Value:
    """Do `work` in one transaction on the database named by the environment."""

    async def done(url: str) -> Value:
        engine = make_engine(url, size=1)
        try:
            async with transaction(make_sessions(engine)) as session:
                return await work(session)
        finally:
            await engine.dispose()

    with database(Settings.from_env(os.environ)) as url:
        return asyncio.run(done(url))
