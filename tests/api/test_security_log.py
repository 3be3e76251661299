"""Refusals are written to the log: once, without what was sent, and never as somebody else's line (P42)."""

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from api import logs
from tests.api.little_app import ROOT, client_of, little_app

SECRET = "canary-password-8812"


@pytest.fixture
async def client(engine: AsyncEngine) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that lets nobody in."""
    async with client_of(little_app(engine)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/me", None, 401),
        ("/sign-ins", {"email": "li@example.cn", "password": SECRET, "surplus": SECRET}, 422),
    ],
)
async def test_p42_a_refusal_is_an_event_of_security_without_what_was_sent(
    client: httpx.AsyncClient, path: str, body: dict[str, str] | None, status: int
) -> None:
    with capture_logs() as lines:
        if body is None:
            answer = await client.get(ROOT + path, headers={"authorization": f"Bearer {SECRET}"})
        else:
            answer = await client.post(ROOT + path, json=body)

    told = [line for line in lines if line["event"] == "security.refused"]
    assert answer.status_code == status
    assert [(line["status"], line["path"]) for line in told] == [(status, ROOT + path)]
    assert SECRET not in str(lines)


@pytest.mark.parametrize("planted", ["\r\nlevel=error forged", "\x1b[31mred", "\u2028line", "\x00"])
def test_p42_nobodys_words_begin_a_line(planted: str) -> None:
    line = logs.inert(None, "info", {"event": "security.refused", "path": f"/a{planted}"})

    assert line["path"].isprintable()
    assert line["path"].startswith("/a\\")


def test_p42_words_that_are_harmless_stay_as_they_are() -> None:
    assert logs.inert(None, "info", {"path": "/企业/li@example.cn"}) == {"path": "/企业/li@example.cn"}
