"""The application over HTTP on a city of its own, and nine readers who ask it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncEngine

from api.actions import auth
from api.app import create_app
from api.auth import COOKIE
from api.db import connect, make_sessions
from api.settings import Settings
from tests.conftest import empty
from tests.living import living
from tests.permissions.matrix import NAMED, PARAMETER, Row
from tests.permissions.world import Keeper, World, make_world

HOST = "http://127.0.0.1:8000"
BROWSER = {"accept": "text/html,application/xhtml+xml", "accept-language": "zh-CN", "sec-fetch-site": "same-origin"}
PROGRAM = {"accept": "application/json", "accept-language": "zh-CN"}
TOKENS = ("owner_token",)
LISTENING = 0.2
"""Seconds for which a stream that does not end is listened to."""


def briefly(app: ASGIApp) -> ASGIApp:
    """Return `app` with its event streams ended after a moment, as by a reader who goes away."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        streaming = asyncio.Event()

        async def told(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start" and _is_stream(message["headers"]):
                streaming.set()

        answering = asyncio.ensure_future(app(scope, receive, told))
        begun = asyncio.create_task(streaming.wait())
        await asyncio.wait({answering, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if not answering.done():
            await asyncio.wait({answering}, timeout=LISTENING)
        if answering.cancel():
            with suppress(asyncio.CancelledError):
                await answering
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await answering

    return called


def _is_stream(headers: Any) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where requests of the matrix are sent from."""

    client: httpx.AsyncClient
    world: World
    keeper: Keeper

    async def ask(self, row: Row, role: str, **instead: str) -> httpx.Response:
        """Send the request of `row` as `role`; `instead` gives names another meaning for once."""
        names = self.world.names | instead
        self.client.cookies.clear()
        secret = self.world.secrets.get(role)
        carried = {"authorization": f"Bearer {secret}"} if role in TOKENS else {"cookie": f"{COOKIE}={secret}"}
        headers = {**(BROWSER if row.console else PROGRAM), **(carried if secret else {})}
        if row.match:
            headers["if-match"] = '"1"'
        upload = {"file": ("演示.csv", row.upload.encode(), "text/csv")} if row.upload else None
        return await self.client.request(
            row.method,
            address(row, names) + filled(row.query, names),
            headers=headers,
            json=filled(row.json, names),
            data=filled(row.form, names),
            files=upload,
        )


def address(row: Row, names: dict[str, str]) -> str:
    """Return the path that `row` asks, with the thing it is about in its parameter."""
    own = {"": names[row.of]} if row.of else {}
    return PARAMETER.sub(lambda found: row.path.get(found[1]) or own[""], row.address)


def filled(given: Any, names: dict[str, str]) -> Any:
    """Return `given` with every ``$name`` replaced by what it stands for."""
    match given:
        case str():
            return NAMED.sub(lambda found: names[found[1]], given)
        case dict():
            return {filled(key, names): filled(each, names) for key, each in given.items()}
        case list():
            return [filled(each, names) for each in given]
        case _:
            return given


@pytest.fixture(scope="module")
async def application(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Litestar]:
    """The whole application, as it is served."""
    app = create_app(Settings(home=tmp_path_factory.mktemp("home"), second_factor="optional"), database_url)
    async with living(app):
        yield app


@pytest.fixture(scope="module")
async def desk(engine: AsyncEngine, database_url: str, application: Litestar) -> AsyncIterator[Desk]:
    """The city, and a client that speaks for everybody in it; passwords are hashed quickly, for there are many."""
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    patched = pytest.MonkeyPatch()
    patched.setattr(auth, "_passwords", lambda: quick)
    world = await make_world(make_sessions(engine))
    connection = await connect(database_url)
    keeper = Keeper(connection=connection)
    await keeper.keep()
    transport = httpx.ASGITransport(briefly(application), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        yield Desk(client=client, world=world, keeper=keeper)
    await connection.close()
    await empty(engine)
    patched.undo()


def random_id() -> str:
    """Return an id that nothing has."""
    return str(uuid4())
