"""A city to walk through: the application over HTTP, a worker beside it, a client a person, every step written down."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api.actions.auth import enrol
from api.app import create_app
from api.settings import Settings
from api.worker import run
from domain.kinds import Role
from tests.factories import make_organisation
from tests.living import living

PROJECT = Path(__file__).parents[2]
PASSWORD = "a long enough secret 2027"
VARIABLE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b"
    r"|20\d\d-\d\d-\d\dT[0-9:.]+(?:Z|\+00:00|\+0000)|202\d-\d\d-\d\dT[0-9:]+[+-]\d\d:\d\d"
)
VARYING = ("seconds", "expires_at", "credit_code", "bound")


@dataclass
class Transcript:
    """The steps of one journey, as they are written to ``docs/journeys``: what varies from run to run has a name."""

    title: str
    lines: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    resting: bool = False

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Write nothing down for a while: what is done once more as it was done before."""
        before, self.resting = self.resting, True
        yield
        self.resting = before

    def note(self, text: str) -> None:
        """Say what happens next."""
        self.lines += ["", f"## {text}", ""]

    def exchange(self, who: str, request: httpx.Request, response: httpx.Response) -> None:
        """Write down one request and its answer."""
        if self.resting:
            return
        target = request.url.raw_path.decode()
        self.lines += ["```http", f"{request.method} {self.fixed(target)}    # {who}"]
        if request.content:
            self.lines += ["", self.fixed(self.readable(json.loads(request.content)))]
        self.lines += ["", f"HTTP {response.status_code} {response.headers.get('content-type', '')}".rstrip()]
        if response.content:
            self.lines += ["", self.fixed(self.readable(response.json()))]
        self.lines += ["```", ""]

    def readable(self, value: Any) -> str:
        """Return JSON for people; figures that differ from run to run are left out."""
        return json.dumps(steady(value), ensure_ascii=False, indent=1)

    def fixed(self, text: str) -> str:
        """Give every id, hash and moment a name in the order they appear."""
        return VARIABLE.sub(lambda found: self.names.setdefault(found[0], f"<{len(self.names) + 1}>"), text)

    def write(self, name: str) -> None:
        """Keep the transcript, or fail when it differs from the one that is kept."""
        path = PROJECT / "docs" / "journeys" / f"{name}.md"
        text = "\n".join([f"# {self.title}", *self.lines]).rstrip() + "\n"
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(text, encoding="utf-8")
        assert before == text, f"docs/journeys/{name}.md was out of date and has been written anew: commit it"


def steady(value: Any) -> Any:
    """Return `value` with timings and secrets replaced, and long arrays shortened."""
    match value:
        case dict():
            return {key: "…" if key in (*VARYING, "password") else steady(each) for key, each in value.items()}
        case list():
            return [steady(each) for each in value]
        case _:
            return value


@dataclass
class Person:
    """Somebody at a browser or a program: signs in, then asks."""

    name: str
    client: httpx.AsyncClient
    transcript: Transcript
    organisation_id: str = ""

    async def ask(self, method: str, path: str, body: Any = None, *, expect: int = 200, **headers: str) -> Any:
        """Send one request and return the answer's JSON; any other status than `expect` fails the journey."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        response = await self.client.request(method, f"/api/v1{path}", json=body, headers=named)
        self.transcript.exchange(self.name, response.request, response)
        assert response.status_code == expect, response.text
        return response.json() if response.content else None

    async def follow(self, job: str) -> list[dict[str, Any]]:
        """Read a job's event stream to its end and return what it said."""
        said: list[dict[str, Any]] = []
        async with asyncio.timeout(90), self.client.stream("GET", f"/api/v1/jobs/{job}/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    said.append(json.loads(line[6:]))
        return said


@dataclass
class City:
    """The application, its database and the people in it."""

    transport: httpx.AsyncBaseTransport
    sessions: async_sessionmaker[AsyncSession]
    transcript: Transcript
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    async def person(self, name: str, *roles: Role, email: str, **over: Any) -> Person:
        """Enrol a person of a new organisation and sign in."""
        async with self.sessions.begin() as session:
            organisation = await make_organisation(session, *roles, **{"name": name, **over})
            await enrol(session, organisation_id=organisation.id, email=email, name=name, password=PASSWORD)
        client = httpx.AsyncClient(transport=self.transport, base_url="http://127.0.0.1:8000")
        found = await client.post("/api/v1/sign-ins", json={"email": email, "password": PASSWORD})
        assert found.status_code == 201, found.text
        self.clients.append(client)
        return Person(name, client, self.transcript, str(organisation.id))


@pytest.fixture
async def city(
    engine: AsyncEngine,
    committed_sessions: async_sessionmaker[AsyncSession],
    database_url: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> AsyncIterator[City]:
    """The application and one worker on this test's own database."""
    settings = Settings(home=tmp_path, heartbeat_seconds=2.0, second_factor="optional")
    app = create_app(settings, database_url)
    stop = asyncio.Event()
    worker = asyncio.create_task(run(settings, database_url, stop=stop))
    transcript = Transcript((request.node.function.__doc__ or request.node.name).strip())
    async with living(app):
        city = City(httpx.ASGITransport(cast(Any, app)), committed_sessions, transcript)
        yield city
        for client in city.clients:
            await client.aclose()
    stop.set()
    await asyncio.wait_for(worker, 30)
