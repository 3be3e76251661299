"""``lianzhou inbox``, ``activity``, ``notify`` and ``webhook``: for a person, named by his address."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import channels, endpoints
from api.cli.codes import failing, locale, warn
from api.db import make_engine, make_sessions, transaction
from api.embedded import database
from api.i18n import BEIJING, moment, say
from api.queries import actors, events, letters, obligations
from api.queries import endpoints as reading
from api.settings import Settings
from api.wire.channels import ObligationOut
from api.wire.endpoints import DeliveryOut, EndpointIn, EndpointOut, ReplayIn
from domain.actor import Actor
from domain.message import Message

Value = TypeVar("Value")
Email = Annotated[str, typer.Argument(help="账号的电子邮箱 / the account's e-mail address")]
Identity = Annotated[UUID, typer.Argument(help="编号 / id")]
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]

notify_app = typer.Typer(no_args_is_help=True, help="通知 / letters")
webhook_app = typer.Typer(no_args_is_help=True, help="Webhook / webhooks")


def inbox(email: Email, as_json: AsJson = False) -> None:
    """待办 / print what waits for a person, the first to fall due first."""
    with failing():
        found = _act(email, obligations.listed)
        shown = [ObligationOut.of(each, locale()) for each in found]
        if as_json:
            typer.echo(json.dumps([each.model_dump(mode="json") for each in shown], ensure_ascii=False))
            return
        for each in shown:
            typer.echo(f"{moment(locale(), each.due) if each.due else '-'}\t{each.title}\t{each.path}")


def activity(email: Email, consortium: UUID | None = None, opportunity: UUID | None = None) -> None:
    """动态 / print what happened that a person may see, newest first."""
    with failing():
        found = _act(
            email,
            lambda session, actor: events.latest(session, actor, consortium=consortium, opportunity=opportunity),
        )
        for event in found:
            said = say(locale(), Message(code=event.code, params=event.params))
            typer.echo(f"{moment(locale(), event.at) if event.at else '-'}\t{said}")


@notify_app.command("test")
def test_channels(email: Email) -> None:
    """发送测试消息 / have a worker send a test message over every channel of a person."""

    async def ask(session: AsyncSession, actor: Actor) -> int:
        rows = await letters.channels(session, actor)
        for row in rows:
            await channels.test(session, actor, row.id)
        return len(rows)

    with failing():
        typer.echo(_act(email, ask))


@webhook_app.command("list")
def list_endpoints(email: Email) -> None:
    """列出本单位的 Webhook / print the webhooks of a person's organisation as JSON."""
    with failing():
        rows = _act(email, endpoints.listed)
        shown = [EndpointOut.model_validate(row).model_dump(mode="json") for row in rows]
        typer.echo(json.dumps(shown, ensure_ascii=False))


@webhook_app.command("add")
def add_endpoint(email: Email, url: str, label: str = "") -> None:
    """添加 / add a webhook; its secret goes to stdout, this once."""
    local = Settings.from_env(os.environ).local_webhooks
    with failing():
        given = EndpointIn(url=url, label=label)
        row = _act(email, lambda session, actor: endpoints.add(session, actor, given, local=local))
        warn(str(row.id))
        typer.echo(row.secret)


@webhook_app.command("test")
def test_endpoint(email: Email, identity: Identity) -> None:
    """发送测试事件 / have a worker deliver a signed test event."""
    with failing():
        typer.echo(_act(email, lambda session, actor: endpoints.test(session, actor, identity)).id)


@webhook_app.command("deliveries")
def list_deliveries(email: Email, identity: Identity) -> None:
    """投递记录 / print the newest deliveries to a webhook with every try, as JSON."""

    async def read(session: AsyncSession, actor: Actor) -> list[DeliveryOut]:
        await endpoints.own(session, actor, identity)
        rows, _ = await reading.deliveries(session, actor, identity)
        tries = await reading.attempts(session, actor, rows)
        return [DeliveryOut.of(row, tries.get(row.id, ())) for row in rows]

    with failing():
        shown = [each.model_dump(mode="json") for each in _act(email, read)]
        typer.echo(json.dumps(shown, ensure_ascii=False))


@webhook_app.command("replay")
def replay(
    email: Email,
    identity: Identity,
    since: Annotated[str, typer.Option(help="自（ISO 8601）/ from, with its offset; Beijing without one")],
    until: Annotated[str, typer.Option(help="至（ISO 8601）/ until")],
) -> None:
    """重新投递一段时间 / have a span of time delivered once more; print how many events that is."""
    span = ReplayIn(since=_moment(since), until=_moment(until))
    with failing():
        typer.echo(_act(email, lambda session, actor: endpoints.replay_span(session, actor, identity, span)))


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command("inbox")(inbox)
    app.command("activity")(activity)
    app.add_typer(notify_app, name="notify")
    app.add_typer(webhook_app, name="webhook")


def _moment(text: str) -> datetime:
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(text) from None
    return given if given.tzinfo else given.replace(tzinfo=BEIJING)


def _act(email: str, work: Callable[[AsyncSession, Actor], Awaitable[Value]]) -> Value:
    """Do something for the person with this address, in one transaction. Raises NotFound."""
    return asyncio.run(_acted(email, work))


async def _acted(email: str, work: Callable[[AsyncSession, Actor], Awaitable[Value]]) -> Value:
    with database(Settings.from_env(os.environ)) as url:
        engine = make_engine(url)
        try:
            async with transaction(make_sessions(engine)) as session:
                return await work(session, await actors.person(session, email))
        finally:
            await engine.dispose()
