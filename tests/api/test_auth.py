"""Coming in, going out, and what a stranger, a thief or another site cannot do."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar, get
from litestar.di import NamedDependency
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api.actions.auth import ATTEMPTS, digest, enrol, hashed
from api.auth import COOKIE
from api.settings import Settings
from domain.actor import Actor
from domain.kinds import Role
from domain.records import IdempotencyKey, SignIn, SignInThrottle, User
from tests.api.little_app import ORIGIN, ROOT, client_of, little_app
from tests.factories import make_organisation, make_user

EMAIL = "zhou@demo.invalid"
PASSWORD = "一艘船队出海去 2027"
CREDENTIALS = {"email": EMAIL, "password": PASSWORD}
Sessions = async_sessionmaker[AsyncSession]


@get("/greeting")
async def greet(visitor: NamedDependency[Actor | None]) -> dict[str, bool]:
    return {"known": visitor is not None}


@pytest.fixture
async def app(engine: AsyncEngine) -> Litestar:
    return little_app(engine, greet)


@pytest.fixture(scope="module")
async def password_hash() -> str:
    return await hashed(PASSWORD)


@pytest.fixture
async def user(committed_sessions: Sessions, password_hash: str) -> User:
    async with committed_sessions.begin() as session:
        firm = await make_organisation(session, Role.CHAIN_LEADER, Role.SUPPLIER)
        return await make_user(session, firm, email=EMAIL, name="周航", password_hash=password_hash)


async def test_who_is_enrolled_can_sign_in_however_the_address_is_typed(
    client: httpx.AsyncClient, committed_sessions: Sessions
) -> None:
    async with committed_sessions.begin() as session:
        firm = await make_organisation(session)
        await enrol(session, organisation_id=firm.id, email=" Li@Demo.invalid", name="李", password=PASSWORD)

    assert (await sign_in(client, email="li@DEMO.invalid ")).status_code == 201


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, **over: str) -> httpx.Response:
    return await client.post(f"{ROOT}/sign-ins", json={**CREDENTIALS, **over})


async def rows(sessions: Sessions, kind: type[Any]) -> list[Any]:
    async with sessions() as session:
        return list((await session.execute(sa.select(kind))).scalars())


async def test_a_person_signs_in_is_known_and_signs_out(client: httpx.AsyncClient, user: User) -> None:
    assert (await client.get(f"{ROOT}/me")).status_code == 401

    entered = await sign_in(client)
    assert entered.status_code == 201
    assert entered.json()["current"] is True
    me = await client.get(f"{ROOT}/me")
    assert me.json()["organisation"]["roles"] == ["chain_leader", "supplier"]
    assert (me.json()["email"], me.headers["etag"]) == (EMAIL, '"1"')

    ended = await client.delete(f"{ROOT}/sign-ins/current")
    assert (ended.status_code, ended.headers["clear-site-data"]) == (204, '"storage"')
    assert COOKIE not in client.cookies
    assert (await client.get(f"{ROOT}/me")).json()["code"] == "not-signed-in"


async def test_the_cookie_is_out_of_reach_and_only_its_hash_is_kept(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    cookie = (await sign_in(client)).headers["set-cookie"]

    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=43200"} <= {part.strip() for part in cookie.split(";")}
    (kept,) = await rows(committed_sessions, SignIn)
    secret = client.cookies[COOKIE]
    assert kept.secret_hash == digest(secret)
    assert len(secret) >= 43


async def test_behind_https_the_cookie_never_travels_in_the_clear(engine: AsyncEngine, user: User) -> None:
    async with client_of(little_app(engine, settings=Settings(secure_cookies=True))) as client:
        assert "Secure" in (await sign_in(client)).headers["set-cookie"]


@pytest.mark.parametrize("over", [{"password": "not the password"}, {"email": "nobody@demo.invalid"}])
async def test_a_wrong_password_and_an_unknown_address_are_told_alike(
    client: httpx.AsyncClient, user: User, over: dict[str, str]
) -> None:
    refused = await sign_in(client, **over)

    assert refused.status_code == 401
    assert (refused.json()["code"], refused.json()["params"]) == ("wrong-password", {})
    assert "set-cookie" not in refused.headers


async def test_a_person_who_has_left_cannot_come_in_and_is_put_out(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    await sign_in(client)
    async with committed_sessions.begin() as session:
        (await session.get_one(User, user.id)).active = False

    assert (await client.get(f"{ROOT}/me")).status_code == 401
    assert (await sign_in(client)).status_code == 401


async def test_after_five_failures_even_the_right_password_has_to_wait(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    for _ in range(ATTEMPTS):
        assert (await sign_in(client, password="guess")).status_code == 401

    refused = await sign_in(client)

    assert (refused.status_code, refused.json()["code"]) == (429, "too-many")
    assert 880 <= int(refused.headers["retry-after"]) <= 900
    async with committed_sessions.begin() as session:
        await session.execute(sa.update(SignInThrottle).values(since=sa.func.now() - timedelta(minutes=16)))
    assert (await sign_in(client)).status_code == 201
    assert await rows(committed_sessions, SignInThrottle) == []


async def test_many_guesses_at_once_are_counted_like_one_after_another(client: httpx.AsyncClient, user: User) -> None:
    outcomes = await asyncio.gather(*(sign_in(client, password=f"guess {n}") for n in range(12)))

    assert sorted(outcome.status_code for outcome in outcomes) == [401] * ATTEMPTS + [429] * (12 - ATTEMPTS)


async def test_a_session_begins_with_a_secret_of_its_own_and_ends_the_former(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    client.cookies.set(COOKIE, "planted-by-an-attacker", domain="127.0.0.1", path="/")
    await sign_in(client)
    first = client.cookies[COOKIE]
    await sign_in(client)

    assert len({"planted-by-an-attacker", first, client.cookies[COOKIE]}) == 3
    assert len(await rows(committed_sessions, SignIn)) == 1
    assert (await client.get(f"{ROOT}/me", headers={"cookie": f"{COOKIE}={first}"})).status_code == 401


async def test_a_session_ends_by_the_clock_of_the_database(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    await sign_in(client)
    async with committed_sessions.begin() as session:
        await session.execute(sa.update(SignIn).values(expires_at=sa.func.clock_timestamp()))

    assert (await client.get(f"{ROOT}/me")).status_code == 401
    await sign_in(client)
    assert len(await rows(committed_sessions, SignIn)) == 1


async def test_an_old_hash_is_renewed_at_sign_in(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=1024),)).hash(PASSWORD)
    async with committed_sessions.begin() as session:
        await session.execute(sa.update(User).values(password_hash=weak))

    assert (await sign_in(client)).status_code == 201

    (renewed,) = await rows(committed_sessions, User)
    assert renewed.password_hash != weak
    assert renewed.password_hash.startswith("$argon2id$")


async def test_one_sees_and_ends_only_ones_own_sessions(
    app: Litestar, client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    async with committed_sessions.begin() as session:
        other = await make_user(session, email="other@demo.invalid", password_hash=user.password_hash)
    await sign_in(client)
    async with client_of(app) as laptop, client_of(app) as stranger:
        await sign_in(laptop)
        foreign = (await sign_in(stranger, email=other.email)).json()["id"]
        mine = (await client.get(f"{ROOT}/sign-ins")).json()["items"]
        (away,) = [row["id"] for row in mine if not row["current"]]

        assert len(mine) == 2
        assert (await client.delete(f"{ROOT}/sign-ins/{foreign}")).status_code == 404
        assert (await client.delete(f"{ROOT}/sign-ins/{away}")).status_code == 204
        assert (await laptop.get(f"{ROOT}/me")).status_code == 401
        assert (await stranger.get(f"{ROOT}/me")).status_code == 200


class TestTokens:
    async def test_a_program_acts_by_a_token_that_is_shown_once(
        self, app: Litestar, client: httpx.AsyncClient, user: User, committed_sessions: Sessions
    ) -> None:
        await sign_in(client)
        wanted = {"label": "ERP 夜间同步", "days": 7}
        made = (await client.post(f"{ROOT}/tokens", json=wanted, headers={"idempotency-key": "k" * 16})).json()

        async with client_of(app, authorization=f"Bearer {made['token']}") as program:
            assert (await program.get(f"{ROOT}/me")).json()["id"] == str(user.id)
            listed = (await program.get(f"{ROOT}/sign-ins")).json()["items"]
            assert {row["label"]: row["current"] for row in listed} == {"ERP 夜间同步": True, None: False}
            assert made["token"].startswith("lzt_")
            assert await rows(committed_sessions, IdempotencyKey) == []

            assert (await client.delete(f"{ROOT}/sign-ins/{made['id']}")).status_code == 204
            refused = await program.get(f"{ROOT}/me")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")

    async def test_a_token_cannot_make_tokens(self, app: Litestar, client: httpx.AsyncClient, user: User) -> None:
        await sign_in(client)
        made = (await client.post(f"{ROOT}/tokens", json={"label": "一"})).json()

        async with client_of(app, authorization=f"Bearer {made['token']}") as program:
            refused = await program.post(f"{ROOT}/tokens", json={"label": "二"})

        assert (refused.status_code, refused.json()["code"]) == (403, "session-needed")

    @pytest.mark.parametrize("header", ["Bearer lzt_guess", "Bearer ", "Basic abc", "lzt_guess", "bearer  lzt_x"])
    async def test_what_is_no_token_is_nobody(self, client: httpx.AsyncClient, user: User, header: str) -> None:
        greeting = await client.get(f"{ROOT}/greeting", headers={"authorization": header})

        assert greeting.json() == {"known": False}


class TestOtherSites:
    @pytest.mark.parametrize(
        "headers",
        [
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"origin": f"{ORIGIN}.evil.example"},
            {"sec-fetch-site": "cross-site", "origin": ORIGIN},
        ],
    )
    async def test_cannot_make_a_browser_change_anything(
        self, client: httpx.AsyncClient, user: User, headers: dict[str, str]
    ) -> None:
        await sign_in(client)

        for method, path in (("DELETE", "/sign-ins/current"), ("POST", "/sign-ins"), ("PATCH", "/me")):
            refused = await client.request(method, f"{ROOT}{path}", json=CREDENTIALS, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "cross-site")
        assert (await client.get(f"{ROOT}/me", headers=headers)).status_code == 200

    @pytest.mark.parametrize(
        "headers", [{"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": ORIGIN}]
    )
    async def test_our_own_pages_can(self, client: httpx.AsyncClient, user: User, headers: dict[str, str]) -> None:
        await sign_in(client)

        assert (await client.delete(f"{ROOT}/sign-ins/current", headers=headers)).status_code == 204

    async def test_have_no_use_of_a_token(self, app: Litestar, client: httpx.AsyncClient, user: User) -> None:
        await sign_in(client)
        made = (await client.post(f"{ROOT}/tokens", json={"label": "一"})).json()

        async with client_of(app, authorization=f"Bearer {made['token']}", origin="https://erp.example") as program:
            assert (await program.delete(f"{ROOT}/sign-ins/current")).status_code == 204


@pytest.mark.parametrize("path", [f"{ROOT}/greeting", f"{ROOT}/me", "/nowhere", "/static/docs.js"])
async def test_every_answer_narrows_what_a_browser_may_do(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers

    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


async def test_what_one_person_sees_is_kept_by_no_shared_cache(client: httpx.AsyncClient, user: User) -> None:
    await sign_in(client)

    assert (await client.get(f"{ROOT}/me")).headers["cache-control"] == "private, no-store"


class TestTheLanguageOfAnAccount:
    async def test_is_changed_from_the_version_that_was_read(self, client: httpx.AsyncClient, user: User) -> None:
        await sign_in(client)
        read = await client.get(f"{ROOT}/me")

        changed = await client.patch(f"{ROOT}/me", json={"locale": "en"}, headers={"if-match": read.headers["etag"]})

        assert (changed.status_code, changed.json()["locale"], changed.headers["etag"]) == (200, "en", '"2"')
        assert (await client.get(f"{ROOT}/problems/none")).json()["title"].startswith("没有")
        assert (
            (await client.delete(f"{ROOT}/sign-ins/{user.id}")).json()["title"].startswith("There is no such session")
        )

    @pytest.mark.parametrize(
        ("if_match", "status", "code"),
        [
            (None, 428, "precondition-required"),
            ('"7"', 412, "precondition-failed"),
            ('W/"1"', 412, "precondition-failed"),
            ("1", 422, "invalid"),
            ("*", 200, None),
            ('"7", "1"', 200, None),
        ],
    )
    async def test_is_not_changed_blindly(
        self, client: httpx.AsyncClient, user: User, if_match: str | None, status: int, code: str | None
    ) -> None:
        await sign_in(client)
        headers = {} if if_match is None else {"if-match": if_match}

        answer = await client.patch(f"{ROOT}/me", json={"locale": "en"}, headers=headers)

        assert (answer.status_code, answer.json().get("code")) == (status, code)
        assert (await client.get(f"{ROOT}/me")).json()["locale"] == ("en" if status == 200 else "zh-CN")
