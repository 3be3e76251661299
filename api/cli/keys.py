"""``lianzhou keys``: the ring that seals secrets and prices in the database: list, rotate, seal anew, retire."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api import safe
from api.actions import resealing
from api.cli.codes import failing, locale, warn
from api.db import make_engine, make_sessions, transaction
from api.embedded import database
from api.i18n import say
from api.jobs.resealing import reseal
from api.safe import SafeClosed
from api.settings import Settings
from domain.message import Message

keys_app = typer.Typer(no_args_is_help=True, help="加密密钥 / the keys that seal secrets and prices")
Sessions = async_sessionmaker[AsyncSession]
Value = TypeVar("Value")


@keys_app.command("list")
def listed() -> None:
    """列出密钥 / print the id, profile and birth of each key, newest last; never a key itself."""
    with failing():
        for key in safe.safe().ring.keys:
            typer.echo(f"{key.id}\t{key.profile}\t{key.made_at.isoformat()}")


@keys_app.command()
def rotate(
    profile: Annotated[str, typer.Option(help="aes-256-gcm | sm4-gcm")] = "aes-256-gcm",
) -> None:
    """更换密钥 / add a key that seals from now on; prints its id. What former keys sealed can still be read."""
    with failing():
        typer.echo(safe.rotate(_settings().safe_keys_place, profile).id)


@keys_app.command("seal")
def seal_anew() -> None:
    """重新加密 / seal everything under the newest key, in batches; a run that was stopped is continued."""
    with failing():
        typer.echo(_asked(lambda sessions: reseal(sessions, told=_progress)))


@keys_app.command("open")
def unseal() -> None:
    """解密存储 / open everything, for a step back to a release without seals; stop all workers first."""
    with failing():
        typer.echo(_asked(lambda sessions: reseal(sessions, plain=True, told=_progress)))


@keys_app.command()
def retire(key: Annotated[str, typer.Argument(help="密钥编号 / the id of the key")]) -> None:
    """停用密钥 / take a key out of the ring for good; refused while a row is sealed by it."""
    place = _settings().safe_keys_place

    async def retired(sessions: Sessions) -> None:
        safe.may_retire(place, key, datetime.now(UTC))
        header = next(known.header for known in safe.safe().ring.keys if known.id == key)
        async with transaction(sessions) as session:
            if counts := await resealing.sealed_by(session, header):
                raise SafeClosed("safe-in-use", key=key, rows=sum(counts.values()), where=", ".join(counts))
            safe.retire(place, key)

    with failing():
        _asked(retired)


def _progress(column: str, done: int) -> None:
    warn(say(locale(), Message(code="safe-progress", params={"column": column, "done": done})))


def _settings() -> Settings:
    return Settings.from_env(os.environ)


def _asked(question: Callable[[Sessions], Awaitable[Value]]) -> Value:
    async def asked(url: str) -> Value:
        engine = make_engine(url, size=2)
        try:
            return await question(make_sessions(engine))
        finally:
            await engine.dispose()

    with database(_settings()) as url:
        return asyncio.run(asked(url))
