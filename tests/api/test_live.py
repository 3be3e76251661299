"""Live streams over a real server: nothing missed, nothing twice, ended with the session."""

import asyncio
import contextlib
import gc
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import uvicorn
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import col

from api.actions.auth import enrol
from api.app import create_app
from api.live import HEARTBEAT, LOOK
from api.settings import Settings
from domain.kinds import Role
from domain.records import Quota, SignIn
from tests.conftest import PLENTY
from tests.factories import make_organisation

PASSWORD = "a long enough secret 2027"
Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def base(committed_sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """A server on the loopback interface, ended with the test."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app: Any = create_app(Settings(home=tmp_path, second_factor="optional"), database_url)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
        await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{port}/api/v1"
    server.should_exit = True
    server.force_exit = True
    await serving


@pytest.fixture
async def firm(base: str, committed_sessions: Sessions) -> AsyncIterator[httpx.AsyncClient]:
    """A supplier's client, signed in."""
    async with committed_sessions.begin() as session:
        organisation = await make_organisation(session, Role.SUPPLIER)
        await enrol(session, organisation_id=organisation.id, email="f@example.cn", name="某", password=PASSWORD)
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        (await client.post("/sign-ins", json={"email": "f@example.cn", "password": PASSWORD})).raise_for_status()
        yield client


async def declared(client: httpx.AsyncClient, phrase: str) -> None:
    (await client.post("/capabilities", json={"phrase": phrase})).raise_for_status()


async def heard(client: httpx.AsyncClient, count: int, **headers: str) -> list[tuple[str, str]]:
    """Read `count` events from the stream; return their positions and phrases."""
    found: list[tuple[str, str]] = []
    position = ""
    async with asyncio.timeout(20), client.stream("GET", "/events/stream", headers=headers) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                position = line[4:]
            if line.startswith("data: "):
                found.append((position, json.loads(line[6:])["params"]["phrase"]))
            if len(found) == count:
                break
    return found


async def test_what_is_committed_reaches_an_open_stream_in_order(firm: httpx.AsyncClient) -> None:
    listening = asyncio.create_task(heard(firm, 3))
    for phrase in ("电芯", "电缆", "电机"):
        await declared(firm, phrase)

    assert [phrase for _, phrase in await listening] == ["电芯", "电缆", "电机"]


async def test_a_reader_that_comes_back_gets_what_it_missed_and_nothing_twice(firm: httpx.AsyncClient) -> None:
    await declared(firm, "电芯")
    ((position, _),) = await heard(firm, 1)
    await declared(firm, "电缆")
    await declared(firm, "电机")

    missed = await heard(firm, 2, **{"Last-Event-ID": position})

    assert [phrase for _, phrase in missed] == ["电缆", "电机"]
    listed = (await firm.get("/events", params={"after": position})).json()
    assert [event["params"]["phrase"] for event in listed] == ["电缆", "电机"]
    assert listed[0]["title"] != listed[0]["code"]


@pytest.mark.parametrize("way", ["signed out", "ended elsewhere"])
async def test_a_stream_ends_soon_after_its_session(
    firm: httpx.AsyncClient, committed_sessions: Sessions, way: str
) -> None:
    async def listen() -> str:
        async with firm.stream("GET", "/events/stream") as stream:
            with contextlib.suppress(httpx.ReadTimeout):
                async for _ in stream.aiter_lines():
                    pass
            return "ended"

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0.5)
    if way == "signed out":
        await firm.delete("/sign-ins/current")
    else:  # nobody rings
        async with committed_sessions.begin() as session:
            await session.execute(sa.delete(SignIn))

    assert await asyncio.wait_for(listening, HEARTBEAT - 2) == "ended"
    assert LOOK < 5


@pytest.fixture
async def four_streams(committed_sessions: Sessions) -> AsyncIterator[None]:
    """The usual limit of streams, in place of what the tests' deployment allows."""
    row = Quota(name="streams", most=PLENTY)
    async with committed_sessions.begin() as session:
        await session.execute(sa.delete(Quota).where(col(Quota.name) == row.name))
    yield
    async with committed_sessions.begin() as session:
        session.add(row)


@pytest.mark.usefixtures("four_streams")
async def test_a_person_follows_four_streams_at_a_time_and_the_next_once_one_has_ended(firm: httpx.AsyncClient) -> None:
    async with contextlib.AsyncExitStack() as pages:
        opened = [await pages.enter_async_context(firm.stream("GET", "/events/stream")) for _ in range(4)]
        assert [stream.status_code for stream in opened] == [200] * 4

        refused = await firm.get("/events/stream", headers={"accept-language": "en"})
        assert (refused.status_code, refused.json()["code"]) == (429, "too-many-streams")
        assert 1 <= int(refused.headers["retry-after"]) <= 60

        await opened[0].aclose()
        await asyncio.sleep(1)
        async with firm.stream("GET", "/events/stream") as next_one:
            assert next_one.status_code == 200


async def test_readers_that_leave_half_way_leave_nothing_behind(
    firm: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(12):
        await declared(firm, f"电芯{number}")
    for count in range(1, 13):
        await heard(firm, count)
    await asyncio.sleep(0.1)
    gc.collect()
    await asyncio.sleep(0.1)

    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
