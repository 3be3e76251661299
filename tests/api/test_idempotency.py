"""A request that is repeated has one effect and one answer, and a failed commit is never a success."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar, Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import LitestarException
from litestar.params import FromQuery, JSONBody
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api.actions.auth import open_sign_in
from api.idempotency import TELLS_A_SECRET
from api.wire.base import Wire
from domain.actor import Actor
from domain.errors import DeadlinePassed
from domain.kinds import Phrase
from domain.records import IdempotencyKey, PhraseVector, User
from tests.api.little_app import ROOT, client_of, little_app
from tests.factories import make_user

KEY = "order-2027-03-01-0001"
Sessions = async_sessionmaker[AsyncSession]


class WordIn(Wire):
    phrase: Phrase
    more: dict[str, float] | None = None


@post("/words")
async def keep_word(
    actor: NamedDependency[Actor], session: NamedDependency[AsyncSession], data: JSONBody[WordIn]
) -> Response[dict[str, str]]:
    """Write a row whose identity is new each time, so that a second effect would be seen."""
    count = (await session.execute(sa.select(sa.func.count()).select_from(PhraseVector))).scalar_one()
    session.add(PhraseVector(phrase=f"{data.phrase} {count}"))
    await session.flush()
    return Response({"kept": f"{data.phrase} {count}"}, headers={"ETag": '"1"', "Location": f"{ROOT}/words/{count}"})


@post("/words/refused")
async def refuse_word(actor: NamedDependency[Actor], session: NamedDependency[AsyncSession]) -> None:
    """Write, then refuse."""
    session.add(PhraseVector(phrase="refused"))
    await session.flush()
    raise DeadlinePassed()


@post("/words/slow")
async def keep_slowly(
    actor: NamedDependency[Actor], session: NamedDependency[AsyncSession], phrase: FromQuery[str]
) -> dict[str, str]:
    session.add(PhraseVector(phrase=phrase))
    await session.flush()
    await asyncio.sleep(0.3)
    return {"kept": phrase}


@post("/words/late")
async def break_at_commit(actor: NamedDependency[Actor], session: NamedDependency[AsyncSession]) -> dict[str, str]:
    """Break a rule that the database checks only at the commit."""
    await session.execute(sa.text("insert into late_rule values (1), (1)"))
    return {"said": "it is done"}


@post("/words/broken")
async def break_word(actor: NamedDependency[Actor], session: NamedDependency[AsyncSession]) -> None:
    session.add(PhraseVector(phrase="broken"))
    await session.flush()
    raise ZeroDivisionError


@post("/words/upload")
async def keep_file(
    request: Request[None, None, State], actor: NamedDependency[Actor], session: NamedDependency[AsyncSession]
) -> dict[str, int]:
    """Take a file as a form does."""
    form = await request.form()
    content = await form["file"].read()
    session.add(PhraseVector(phrase=content.decode()))
    return {"bytes": len(content)}


@post("/words/secret", opt={TELLS_A_SECRET: True})
async def tell_once() -> dict[str, str]:
    """Answer with what no table keeps."""
    return {"told": "once"}


HANDLERS = (tell_once, keep_file, keep_word, refuse_word, keep_slowly, break_at_commit, break_word)


@pytest.fixture
async def user(committed_sessions: Sessions) -> User:
    async with committed_sessions.begin() as session:
        return await make_user(session)


@pytest.fixture
async def app(engine: AsyncEngine) -> Litestar:
    return little_app(engine, *HANDLERS)


async def token_of(sessions: Sessions, user: User) -> str:
    async with sessions.begin() as session:
        return (await open_sign_in(session, user.id, timedelta(hours=1), browser=False)).secret


@pytest.fixture
async def client(app: Litestar, user: User, committed_sessions: Sessions) -> AsyncIterator[httpx.AsyncClient]:
    token = await token_of(committed_sessions, user)
    async with client_of(app, authorization=f"Bearer {token}") as client:
        yield client


async def phrases(sessions: Sessions) -> list[str]:
    async with sessions() as session:
        return sorted((await session.execute(sa.select(PhraseVector.phrase))).scalars())  # type: ignore[call-overload]


async def keep(client: httpx.AsyncClient, key: str | None = KEY, body: object = None) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    return await client.post(f"{ROOT}/words", json=body or {"phrase": "逆变器"}, headers=headers)


async def test_the_same_request_again_has_no_second_effect_and_the_same_answer(
    client: httpx.AsyncClient, committed_sessions: Sessions
) -> None:
    first, again = await keep(client), await keep(client)

    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    for name in ("content-type", "etag", "location", "content-length"):
        assert first.headers[name] == again.headers[name]
    assert "idempotent-replay" not in first.headers
    assert again.headers["idempotent-replay"] == "true"
    assert await phrases(committed_sessions) == ["逆变器 0"]


async def test_spaces_and_order_do_not_make_another_request(
    client: httpx.AsyncClient, committed_sessions: Sessions
) -> None:
    await keep(client, body={"phrase": "逆变器", "more": {"a": 1, "b": 2.0}})
    again = await client.post(
        f"{ROOT}/words",
        content='{ "more": {"b":2, "a":1.0},  "phrase":"逆变器" }'.encode(),
        headers={"idempotency-key": KEY, "content-type": "application/json"},
    )

    assert again.headers["idempotent-replay"] == "true"


async def test_a_file_can_be_sent_under_a_key(client: httpx.AsyncClient, committed_sessions: Sessions) -> None:
    request = client.build_request(
        "POST", f"{ROOT}/words/upload", files={"file": ("词.csv", "变压器".encode())}, headers={"idempotency-key": KEY}
    )
    content = await request.aread()
    first, again = [
        await client.post(f"{ROOT}/words/upload", content=content, headers=dict(request.headers)) for _ in range(2)
    ]

    assert (first.status_code, first.json()) == (201, {"bytes": 9})
    assert (again.content, again.headers["idempotent-replay"]) == (first.content, "true")
    assert await phrases(committed_sessions) == ["变压器"]


async def test_without_a_key_each_request_counts(client: httpx.AsyncClient, committed_sessions: Sessions) -> None:
    await keep(client, key=None)
    await keep(client, key=None)

    assert await phrases(committed_sessions) == ["逆变器 0", "逆变器 1"]


async def test_a_key_serves_one_request_only(
    app: Litestar, client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    await keep(client)
    other_body = await keep(client, body={"phrase": "变压器"})
    other_path = await client.post(f"{ROOT}/words/slow?phrase=x", headers={"idempotency-key": KEY})
    async with committed_sessions.begin() as session:
        colleague = await make_user(session, organisation_id=user.organisation_id)
    async with client_of(app, authorization=f"Bearer {await token_of(committed_sessions, colleague)}") as other:
        by_a_colleague = await keep(other)

    for refused in (other_body, other_path, by_a_colleague):
        assert (refused.status_code, refused.json()["code"]) == (422, "key-reused")
    assert await phrases(committed_sessions) == ["逆变器 0"]


async def test_another_firm_may_use_the_same_key(
    app: Litestar, client: httpx.AsyncClient, committed_sessions: Sessions
) -> None:
    async with committed_sessions.begin() as session:
        stranger = await make_user(session)
    await keep(client)
    async with client_of(app, authorization=f"Bearer {await token_of(committed_sessions, stranger)}") as other:
        theirs = await keep(other)

    assert theirs.json() == {"kept": "逆变器 1"}


async def test_many_at_once_have_one_effect(client: httpx.AsyncClient, committed_sessions: Sessions) -> None:
    async def send() -> httpx.Response:
        return await client.post(f"{ROOT}/words/slow?phrase=one", headers={"idempotency-key": KEY})

    answers = await asyncio.gather(*(send() for _ in range(10)))
    later = await send()

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 9}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"in-progress"}
    assert (later.json(), later.headers["idempotent-replay"]) == ({"kept": "one"}, "true")
    assert await phrases(committed_sessions) == ["one"]


@pytest.mark.parametrize(("path", "status"), [("refused", 409), ("broken", 500)])
async def test_a_refusal_has_no_effect_and_leaves_its_key_free(
    client: httpx.AsyncClient, committed_sessions: Sessions, path: str, status: int
) -> None:
    refused = await client.post(f"{ROOT}/words/{path}", headers={"idempotency-key": KEY})

    assert refused.status_code == status
    assert await phrases(committed_sessions) == []
    assert (await keep(client)).status_code == 201


@pytest.mark.parametrize("key", ["", "short", "x" * 256, "with spaces in it all", "逗号逗号逗号逗号逗号逗号逗号逗号"])
@pytest.mark.parametrize("path", ["words", "words/secret"])
async def test_a_key_has_a_form(client: httpx.AsyncClient, committed_sessions: Sessions, key: str, path: str) -> None:
    """Also where the answer is told once and never kept."""
    refused = await client.post(
        f"{ROOT}/{path}", json={"phrase": "逆变器"}, headers=[(b"idempotency-key", key.encode())]
    )

    assert refused.status_code == 422
    assert [(fault["where"], fault["code"]) for fault in refused.json()["errors"]] == [
        ("Idempotency-Key", "idempotency-key")
    ]
    assert await phrases(committed_sessions) == []


async def test_a_body_that_cannot_be_read_is_refused_under_a_key_too(client: httpx.AsyncClient) -> None:
    for body in (b"{", b"\xff", b"[" * 100_000):
        refused = await client.post(
            f"{ROOT}/words", content=body, headers={"idempotency-key": KEY, "content-type": "application/json"}
        )
        assert refused.status_code == 400


async def test_a_stranger_cannot_spend_a_key(app: Litestar, user: User, committed_sessions: Sessions) -> None:
    async with client_of(app) as stranger:
        assert (await keep(stranger)).status_code == 401

    async with committed_sessions() as session:
        assert (await session.execute(sa.select(IdempotencyKey))).first() is None


@pytest.fixture
async def late_rule(engine: AsyncEngine) -> AsyncIterator[None]:
    """A table whose rule is checked at the commit."""
    async with engine.begin() as connection:
        await connection.execute(sa.text("create table late_rule (n int unique deferrable initially deferred)"))
        await connection.execute(sa.text("grant insert on late_rule to lianzhou_app"))
    yield
    async with engine.begin() as connection:
        await connection.execute(sa.text("drop table late_rule"))


@pytest.mark.usefixtures("late_rule")
@pytest.mark.parametrize("key", [None, KEY])
async def test_a_failed_commit_is_never_answered_with_success(
    client: httpx.AsyncClient, committed_sessions: Sessions, key: str | None
) -> None:
    headers = {} if key is None else {"idempotency-key": key}

    refused = await client.post(f"{ROOT}/words/late", headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (409, "already-exists")
    assert refused.headers["content-type"] == "application/problem+json"
    assert "it is done" not in refused.text
    async with committed_sessions() as session:
        assert (await session.execute(sa.select(IdempotencyKey))).first() is None


async def test_the_answer_leaves_after_the_commit(client: httpx.AsyncClient, committed_sessions: Sessions) -> None:
    assert (await keep(client, key=None)).status_code == 201

    assert await phrases(committed_sessions) == ["逆变器 0"]


async def test_an_answer_that_was_lost_after_the_commit_is_given_again(
    app: Litestar, client: httpx.AsyncClient, committed_sessions: Sessions
) -> None:
    """The line breaks between effect and answer; the client knows nothing, asks again, and has one effect."""

    async def breaking(scope: Any, receive: Any, send: Any) -> None:
        async def cut(_message: Any) -> None:
            raise ConnectionResetError

        await app(scope, receive, cut)

    transport = httpx.ASGITransport(breaking)
    async with httpx.AsyncClient(transport=transport, base_url=str(client.base_url), headers=client.headers) as unlucky:
        with pytest.raises(LitestarException):
            await keep(unlucky)
    assert await phrases(committed_sessions) == ["逆变器 0"]

    again = await keep(client)

    assert (again.status_code, again.json()) == (201, {"kept": "逆变器 0"})
    assert again.headers["idempotent-replay"] == "true"
    assert await phrases(committed_sessions) == ["逆变器 0"]
