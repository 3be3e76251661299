"""``lianzhou audit``: verify the chain of hashes over everything that happened, print its head to keep elsewhere."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import audit
from api.actions.audit import Verdict
from api.cli.codes import Exit, failing, locale, warn
from api.db import make_engine, snapshot
from api.embedded import database
from api.i18n import say
from api.queries import audit as reading
from api.settings import Settings
from domain.audit import Head
from domain.message import Message

Value = TypeVar("Value")

audit_app = typer.Typer(no_args_is_help=True, help="审计链 / the chain over everything that happened")


def _head(text: str) -> Head:
    try:
        return Head.parse(text)
    except ValueError:
        raise typer.BadParameter("SEQ:SHA256") from None


@audit_app.command()
def verify(
    head: Annotated[
        Head | None,
        typer.Option(parser=_head, metavar="SEQ:HASH", help="另行保存的链首 / a head that was kept elsewhere"),
    ] = None,
) -> None:
    """校验审计链 / verify every link; a broken one is named, and the exit code is 3."""
    with failing():
        verdict = _read(lambda session: audit.verify(session, head))
        warn(say(locale(), _told(verdict)))
        typer.echo(verdict.head)
        if verdict.broken is not None:
            raise SystemExit(Exit.FAULTS)


@audit_app.command("head")
def newest() -> None:
    """打印链首 / print the newest link, for keeping where nobody who runs the database can change it."""
    with failing():
        typer.echo(_read(reading.head))


def _told(verdict: Verdict) -> Message:
    if verdict.broken is None:
        return Message(code="audit-whole", params={"events": verdict.head.seq, "waiting": verdict.waiting})
    found = verdict.broken
    return Message(
        code="audit-broken", params={"seq": found.seq, "event": found.event_id or "–", "why": found.why.value}
    )


def _read(question: Callable[[AsyncSession], Awaitable[Value]]) -> Value:
    """Ask one unchanging view of the database named by the environment."""

    async def asked(url: str) -> Value:
        engine = make_engine(url, size=1)
        try:
            async with snapshot(engine) as session:
                return await question(session)
        finally:
            await engine.dispose()

    with database(Settings.from_env(os.environ)) as url:
        return asyncio.run(asked(url))
