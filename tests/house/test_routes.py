"""Whatever goes wrong on whatever route, the answer is one problem document."""

import re
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from api.app import ROOT, create_app
from api.settings import Settings
from tests.living import living

NOWHERE = str(UUID(int=0))


@pytest.fixture(scope="module")
def app(database_url: str) -> Litestar:
    """The whole application."""
    return create_app(Settings(), database_url)


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client that has not signed in."""
    transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)
    async with living(app), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def requests(app: Litestar) -> list[tuple[str, str]]:
    """Return every method and path of the interface but its own description, with parameters that name nothing."""
    return sorted(
        (method, re.sub(r"\{[^}]*\}", NOWHERE, route.path))
        for route in app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(ROOT) and not route.path.startswith(f"{ROOT}/docs")
        for method in route.methods - {"OPTIONS", "HEAD"}
    )


async def test_every_route_refuses_with_a_problem(app: Litestar, client: httpx.AsyncClient) -> None:
    told = requests(app)
    assert len(told) > 20
    for method, path in told:
        for body in (b"", b"{", b'{"no-such-field": 1}'):
            answer = await client.request(method, path, content=body, headers={"Content-Type": "application/json"})
            if answer.status_code >= 400:
                assert answer.headers["Content-Type"] == "application/problem+json", (method, path)
                assert answer.status_code < 500, (method, path, answer.text)
                assert answer.json()["code"], (method, path)


async def test_an_address_that_is_none_is_a_problem_too(client: httpx.AsyncClient) -> None:
    for method, path in (("GET", f"{ROOT}/nowhere"), ("DELETE", f"{ROOT}/opportunities"), ("GET", "/nowhere")):
        answer = await client.request(method, path)

        assert answer.status_code in (404, 405)
        assert answer.headers["Content-Type"] == "application/problem+json"
