"""What the contract says is what everybody gets: requests made up from it, asked as each reader (P43)."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.db import make_sessions
from tests.api.contract_walk import NOT_ASKED, asked, walk
from tests.conftest import PROJECT, empty
from tests.permissions.world import make_world

READERS = ("anonymous", "owner", "supplier", "provider", "bureau", "operator")
DOCUMENT: dict[str, Any] = json.loads((PROJECT / "api" / "openapi.json").read_text(encoding="utf-8"))
SHARES = 3
"""Here each operation is asked by two readers of six, as the contract has it; at length every one by all, and with
wrong data too, which are not made up alike in each run."""


@pytest.fixture(scope="module")
def served(database_url: str) -> Iterator[str]:
    """The address of a process that serves the application."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.api.served", database_url, str(port)], cwd=PROJECT, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            httpx.get(f"{url}/health", timeout=1)
            break
        except httpx.HTTPError:
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
async def secrets(engine: AsyncEngine) -> AsyncIterator[dict[str, str]]:
    """What each reader signs in with, in a city that has one of everything."""
    world = await make_world(make_sessions(engine))
    yield world.secrets
    await empty(engine)


async def _walked(
    url: str, secret: str | None, examples: int, share: tuple[int, int] = (0, 1), *, wrong: bool = False
) -> Any:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    return await asyncio.to_thread(walk, url, DOCUMENT, headers, examples, share, wrong=wrong)


@pytest.mark.parametrize("reader", READERS)
async def test_p43_every_answer_is_what_the_contract_says(served: str, secrets: dict[str, str], reader: str) -> None:
    share = (READERS.index(reader) % SHARES, SHARES)
    found = await _walked(served, secrets.get(reader), 2, share)

    assert found.failures == {}
    assert {status for status in found.statuses if status >= 500} == set()
    assert found.statuses.total() > 80


@pytest.mark.long
@pytest.mark.parametrize("reader", READERS)
async def test_p43_every_answer_is_what_the_contract_says_at_length(
    served: str, secrets: dict[str, str], reader: str
) -> None:
    found = await _walked(served, secrets.get(reader), 10, wrong=True)

    assert found.failures == {}
    assert {status for status in found.statuses if status >= 500} == set()


def test_p43_a_check_is_left_out_for_a_reason() -> None:
    assert len(asked()) >= 4
    assert all(len(reason) > 30 for reason in NOT_ASKED.values())
