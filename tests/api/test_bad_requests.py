"""Malformed requests: each gets a refusal that names what is wrong, and nothing is written."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, cast

import httpx
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import SQLModel

from api.actions.auth import enrol
from api.app import ROUTES, create_app
from api.settings import Settings
from api.wire.base import Wire
from domain.kinds import Role
from tests.factories import make_organisation
from tests.living import living

PASSWORD = "a long enough secret 2027"
STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 10**30, 1.5, "", "x" * 30_000, "\x00", "\u202e", "\ud800", [], {}, [[]], {"a": 1}, "2027-13-45",
    "not-a-uuid", ["", None], 9_007_199_254_740_993,
)  # fmt: skip
ROUNDS = 25


def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and example of every operation that takes a JSON body."""
    for handler in ROUTES:
        annotation = handler.fn.__annotations__.get("data")
        wire = getattr(annotation, "__args__", (None,))[0]
        if isinstance(wire, type) and issubclass(wire, Wire) and (example := wire.example()) and "file" not in example:
            (path,) = handler.paths
            (method,) = handler.http_methods - {"OPTIONS"}
            yield str(method), path, example


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value inside a body."""
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*at, index))


def spoiled(body: dict[str, Any], chance: Random) -> Any:
    """Return `body` with one thing made wrong: removed, added, or replaced by something strange."""
    body = copy.deepcopy(body)
    at = chance.choice(list(places(body)))
    if not at:
        return chance.choice([[], "text", 7, None, {**body, "unknown": 1}])
    holder = body
    for step in at[:-1]:
        holder = holder[step]
    match chance.choice(("remove", "add", "replace", "replace", "replace")):
        case "remove":
            del holder[at[-1]]
        case "add":
            body[f"unknown{chance.randrange(9)}"] = chance.choice(STRANGE)
        case _:
            holder[at[-1]] = chance.choice(STRANGE)
    return body


def unworded(problem: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the faults that do not say where they are, or say it in no language."""
    return [
        (fault["where"], fault["code"])
        for fault in problem.get("errors", ())
        if not fault["where"].startswith("$") or fault["title"] == fault["code"]
    ]


async def counted(sessions: async_sessionmaker[AsyncSession]) -> dict[str, int]:
    """Count the rows of every table but those that count requests and tries, refused ones too."""
    async with sessions() as session:
        return {
            table.name: (await session.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
            for table in SQLModel.metadata.sorted_tables
            if table.name not in ("request_count", "throttle")
        }


async def test_every_malformed_request_is_refused_by_name_and_writes_nothing(  # noqa: PLR0915 - one attack in one piece
    committed_sessions: async_sessionmaker[AsyncSession], database_url: str, tmp_path: Path
) -> None:
    roles = (Role.CHAIN_LEADER, Role.SUPPLIER, Role.BUREAU)
    async with committed_sessions.begin() as session:
        firm = await make_organisation(session, *roles, verification=2)
        await enrol(session, organisation_id=firm.id, email="all@example.cn", name="某", password=PASSWORD)
    app = create_app(Settings(home=tmp_path, second_factor="optional"), database_url)
    chance, refused = Random(20270101), 0
    unnamed: list[tuple[str, str, str]] = []
    async with (
        living(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(cast(Any, app)), base_url="http://127.0.0.1:8000/api/v1"
        ) as client,
    ):
        await client.post("/sign-ins", json={"email": "all@example.cn", "password": PASSWORD})
        before = await counted(committed_sessions)
        operations = [each for each in bodies() if not each[1].startswith("/sign-ins")]
        assert len(operations) >= 15
        for method, path, example in operations:
            target = path.replace("{identity:uuid}", "0198c0de-0000-7000-8000-00000000000f")
            for _ in range(ROUNDS):
                body = json.dumps(spoiled(example, chance)).encode()
                answer = await client.request(
                    method, target, content=body, headers={"Content-Type": "application/json", "If-Match": '"1"'}
                )
                assert answer.status_code < 500, (method, path, body[:300], answer.text)
                if answer.status_code < 300:
                    before = await counted(committed_sessions)
                    continue
                refused += 1
                assert answer.headers["content-type"] == "application/problem+json"
                problem = answer.json()
                assert problem["title"]
                assert await counted(committed_sessions) == before, (method, path, body[:300])
                unnamed += [(path, *fault) for fault in unworded(problem)]
    assert refused >= 300
    assert not unnamed, sorted(set(unnamed))
