"""``lianzhou audit``: verify the chain of hashes over everything that happened, print its head to keep elsewhere."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import audit
from api.actions.audit import Verdict
from api.cli.codes import Exit, failing, locale, warn
from api.db import make_engine, snapshot
from api.embedded import database
from api.heads import SignedHead, known_keys, rotate
from api.i18n import say
from api.queries import audit as reading
from api.settings import Settings
from domain.audit import Head
from domain.message import Message

Value = TypeVar("Value")

audit_app = typer.Typer(no_args_is_help=True, help="审计链 / the chain over everything that happened")


def _head(text: str) -> Head | SignedHead:
    try:
        place = Path(text)
        return SignedHead.read(place.read_bytes()) if place.is_file() else Head.parse(text)
    except ValueError:
        raise typer.BadParameter("SEQ:SHA256, lianzhou-head/1") from None


@audit_app.command()
def verify(
    head: Annotated[
        Any,
        typer.Option(
            parser=_head,
            metavar="FILE|SEQ:HASH",
            help="另行保存的链首（签名文件或文字）/ a head that was kept elsewhere",
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="HEX", help="另行保存的公钥 / the public key, where it was kept elsewhere too")
    ] = None,
) -> None:
    """校验审计链 / verify every link; a broken one is named, and the exit code is 3."""
    with failing():
        kept = head
        if isinstance(head, SignedHead):
            trusted = {key.lower()} if key else {each.hex() for each in known_keys(_settings().head_key_place)}
            if head.key.hex() not in trusted:
                warn(say(locale(), Message(code="head-stranger", params={"key": head.key.hex()})))
                raise SystemExit(Exit.FAULTS)
            kept = head.head
        verdict = _read(lambda session: audit.verify(session, kept))
        warn(say(locale(), _told(verdict)))
        typer.echo(verdict.head)
        if verdict.broken is not None:
            raise SystemExit(Exit.FAULTS)


@audit_app.command("head")
def newest() -> None:
    """打印链首 / print the newest link, for keeping where nobody who runs the database can change it."""
    with failing():
        typer.echo(_read(reading.head))


@audit_app.command("rotate")
def renew() -> None:
    """更换链首签名密钥 / put a new key in place; heads signed before still count. Prints the new public key."""
    with failing():
        key = rotate(_settings().head_key_place)
        typer.echo(key.public_key().public_bytes_raw().hex())


def _settings() -> Settings:
    return Settings.from_env(os.environ)


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

    with database(_settings()) as url:
        return asyncio.run(asked(url))
