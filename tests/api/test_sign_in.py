"""Passwords that are hard to guess, sessions that end when they must, limits that no header dodges."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import zxcvbn.frequency_lists as leaked
from litestar import Litestar, Request, get
from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlmodel import col

from api import passwords
from api.actions import throttles
from api.actions.auth import enrol, hashed
from api.app import create_app
from api.auth import COOKIE, client_address
from api.cli.server import make
from api.settings import BadSetting, Settings
from domain.actor import Actor
from domain.errors import Invalid
from domain.kinds import Role
from domain.records import Event, SignIn, Throttle, User
from tests.api.little_app import ROOT, client_of, little_app
from tests.factories import make_organisation, make_user

EMAIL = "zhou@demo.invalid"
PASSWORD = "一艘船队出海去 2027"
NEXT = "两艘船队都出海去 2028"
Sessions = async_sessionmaker[AsyncSession]


@get("/work")
async def work(actor: NamedDependency[Actor]) -> dict[str, bool]:
    return {"done": actor.user_id is not None}


@get("/whence")
async def whence(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {"address": client_address(request, request.app.state.settings.trusted_proxies)}


@pytest.fixture
async def app(engine: AsyncEngine) -> Litestar:
    return little_app(engine, work, whence)


@pytest.fixture(scope="module")
async def password_hash() -> str:
    return await hashed(PASSWORD)


@pytest.fixture
async def user(committed_sessions: Sessions, password_hash: str) -> User:
    async with committed_sessions.begin() as session:
        firm = await make_organisation(session, Role.CHAIN_LEADER, name="岭南能源工程有限公司")
        return await make_user(session, firm, email=EMAIL, name="周航", password_hash=password_hash)


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, password: str = PASSWORD, email: str = EMAIL) -> httpx.Response:
    return await client.post(f"{ROOT}/sign-ins", json={"email": email, "password": password})


async def change(client: httpx.AsyncClient, new: str = NEXT, **over: Any) -> httpx.Response:
    return await client.put(f"{ROOT}/me/password", json={"present": PASSWORD, "new": new, **over})


# ------------------------------------------------------------------ passwords


@pytest.mark.parametrize("length", [12, 64, 128, 200])
def test_p38_a_password_of_any_characters_and_of_any_length_up_to_two_hundred_is_taken(length: int) -> None:
    sentence = "鹭 no7 灯塔 & eleven herons without any 海图 " * 10

    assert passwords.faults(sentence[:length], ()) == ()


def test_p38_every_leaked_password_that_is_long_enough_is_refused() -> None:
    long = [word for word in leaked.FREQUENCY_LISTS["passwords"] if len(word) >= passwords.SHORTEST]

    taken = [word for word in long if not passwords.faults(word, ())]

    assert len(long) > 200
    assert taken == []


@pytest.mark.parametrize(
    "password", ["password1234", "123456789012", "qwertyuiop12", "aaaaaaaaaaaa", "abcdefghijkl", "1qaz2wsx3edc4rfv"]
)
def test_p38_what_guessers_try_first_is_refused(password: str) -> None:
    assert [fault.code for fault in passwords.faults(password, ())] == ["password-common"]


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("short", "string_too_short"),
        ("x" * 201, "string_too_long"),
        ("password1234", "password-common"),
        ("岭南能源工程有限公司 出海", "password-own"),
        ("白鹭三只 zhou 望灯塔归", "password-own"),
        ("LianZhou 白鹭三只望灯塔", "password-own"),
        (PASSWORD, "password-same"),
    ],
)
async def test_p38_a_new_password_that_is_easy_for_its_owner_is_refused_by_name(
    client: httpx.AsyncClient, user: User, new: str, code: str
) -> None:
    await sign_in(client)

    refused = await change(client, new)

    assert (refused.status_code, [(each["where"], each["code"]) for each in refused.json()["errors"]]) == (
        422,
        [("$.new", code)],
    )
    assert (await sign_in(client)).status_code == 201


async def test_p38_an_account_is_not_made_with_an_easy_password(committed_sessions: Sessions) -> None:
    async with committed_sessions() as session:
        firm = await make_organisation(session)
        with pytest.raises(Invalid) as refused:
            await enrol(session, organisation_id=firm.id, email="a@demo.invalid", name="某", password="password1234")
    assert [fault.code for fault in refused.value.faults] == ["password-common"]


async def test_p38_a_password_is_changed_by_who_knows_it_and_all_other_sessions_end(
    app: Litestar, client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    await sign_in(client)
    token = (await client.post(f"{ROOT}/tokens", json={"label": "一"})).json()["token"]
    async with client_of(app) as laptop, client_of(app, authorization=f"Bearer {token}") as program:
        await sign_in(laptop)
        former = client.cookies[COOKIE]
        assert (await change(client, present="guess")).json()["code"] == "wrong-password"

        assert (await change(client)).status_code == 204

        assert (await laptop.get(f"{ROOT}/me")).status_code == 401
        assert (await client.get(f"{ROOT}/me")).status_code == 200
        assert client.cookies[COOKIE] != former
        assert (await program.get(f"{ROOT}/me")).status_code == 200
        assert (await change(client, PASSWORD, present=NEXT, tokens=True)).status_code == 204
        assert (await program.get(f"{ROOT}/me")).status_code == 401
    async with client_of(app) as other:
        assert (await sign_in(other, NEXT)).status_code == 401
        assert (await sign_in(other)).status_code == 201
    async with committed_sessions() as session:
        assert "account.password-changed" in set((await session.execute(sa.select(col(Event.code)))).scalars())


async def test_p38_guessing_the_present_password_from_a_session_is_slowed_down(
    client: httpx.AsyncClient, user: User
) -> None:
    await sign_in(client)

    answers = [(await change(client, present=f"guess {n}")).status_code for n in range(throttles.PROOFS.most + 1)]

    assert answers == [401] * throttles.PROOFS.most + [429]
    assert (await change(client)).status_code == 429


class TestTheSwitchForDjb:
    """GB/T 22239-2019, 8.1.4.1 a: mixed characters and a change every 90 days, for those who watch, where it is on."""

    @pytest.fixture
    async def bureau(self, committed_sessions: Sessions, password_hash: str) -> User:
        async with committed_sessions.begin() as session:
            bureau = await make_organisation(session, Role.BUREAU)
            changed = sa.func.clock_timestamp() - timedelta(days=91)
            row = await make_user(session, bureau, email="bureau@demo.invalid", password_hash=password_hash)
            await session.execute(sa.update(User).values(password_changed_at=changed))
            return row

    async def test_p38_has_an_old_password_changed_first_and_mixed(self, engine: AsyncEngine, bureau: User) -> None:
        async with client_of(little_app(engine, work, settings=Settings(djb_passwords=True))) as client:
            await sign_in(client, email=bureau.email)
            assert (await client.get(f"{ROOT}/work")).json()["code"] == "password-aged"
            plain = await change(client, "白鹭三只望着灯塔归来了吗")
            assert [each["code"] for each in plain.json()["errors"]] == ["password-plain"]

            assert (await change(client, "白鹭三只 Wangzhe 灯塔 9")).status_code == 204
            assert (await client.get(f"{ROOT}/work")).status_code == 200

    async def test_p38_is_off_by_default_and_never_meant_firms(
        self, engine: AsyncEngine, app: Litestar, bureau: User, user: User, committed_sessions: Sessions
    ) -> None:
        async with committed_sessions.begin() as session:
            aged = sa.func.clock_timestamp() - timedelta(days=1000)
            await session.execute(sa.update(User).values(password_changed_at=aged))
        async with client_of(app) as client:
            await sign_in(client, email=bureau.email)
            assert (await client.get(f"{ROOT}/work")).status_code == 200
        async with client_of(little_app(engine, work, settings=Settings(djb_passwords=True))) as client:
            await sign_in(client)
            assert (await client.get(f"{ROOT}/work")).status_code == 200
            assert (await change(client, "白鹭三只望着灯塔归来了吗")).status_code == 204


# ------------------------------------------------------------------ sessions


async def test_p37_a_session_that_lies_unused_ends_and_one_in_use_goes_on(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    async def unused_for(minutes: int) -> None:
        async with committed_sessions.begin() as session:
            seen = sa.func.clock_timestamp() - timedelta(minutes=minutes)
            await session.execute(sa.update(SignIn).values(seen_at=seen))

    await sign_in(client)
    for _ in range(3):
        await unused_for(29)
        assert (await client.get(f"{ROOT}/me")).status_code == 200
    await unused_for(31)

    assert (await client.get(f"{ROOT}/me")).status_code == 401
    assert (await client.get(f"{ROOT}/me")).status_code == 401


async def test_p37_one_sees_where_one_is_signed_in_and_ends_all_others_at_once(
    app: Litestar, client: httpx.AsyncClient, user: User
) -> None:
    await sign_in(client)
    token = (await client.post(f"{ROOT}/tokens", json={"label": "一"})).json()["token"]
    async with client_of(app, **{"user-agent": "Firefox/130 " + "x" * 400}) as laptop:
        await sign_in(laptop)
        listed = (await client.get(f"{ROOT}/sign-ins")).json()["items"]
        assert len(listed) == 3
        assert [each["current"] for each in listed if each["browser"]] == [False, True]
        assert listed[0]["agent"].startswith("Firefox/130")
        assert len(listed[0]["agent"]) == 200

        began = time.monotonic()
        assert (await client.delete(f"{ROOT}/sign-ins")).status_code == 204
        assert (await laptop.get(f"{ROOT}/me")).status_code == 401
        assert time.monotonic() - began < 1
    async with client_of(app, authorization=f"Bearer {token}") as program:
        assert (await program.get(f"{ROOT}/me")).status_code == 200
        assert (await client.delete(f"{ROOT}/sign-ins?tokens=true")).status_code == 204
        assert (await program.get(f"{ROOT}/me")).status_code == 401
    assert (await client.get(f"{ROOT}/me")).status_code == 200


async def test_p39_where_cookies_are_for_https_only_no_other_host_can_set_ours(engine: AsyncEngine, user: User) -> None:
    async with client_of(little_app(engine, work, settings=Settings(secure_cookies=True))) as client:
        cookie = (await sign_in(client)).headers["set-cookie"]
        secret = cookie.partition("=")[2].partition(";")[0]

        assert cookie.startswith("__Host-lz_session=")
        parts = {part.strip() for part in cookie.split(";")}
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= parts
        assert not any(part.lower().startswith("domain") for part in parts)
        client.cookies.clear()
        planted = await client.get(f"{ROOT}/me", headers={"cookie": f"{COOKIE}={secret}"})
        assert planted.status_code == 401
        own = await client.get(f"{ROOT}/me", headers={"cookie": f"__Host-{COOKIE}={secret}"})
        assert own.status_code == 200


class TestOverARealServer:
    @pytest.fixture
    async def base(self, committed_sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[str]:
        """The server as it is served, on the loopback interface."""
        server = make(create_app(Settings(home=tmp_path), database_url))
        server.config.port = 0
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(server._serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
            await asyncio.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/api/v1"
        server.should_exit = True
        server.force_exit = True
        await serving

    @pytest.mark.parametrize("way", ["signed out", "password changed", "ended elsewhere", "account ended", "idle"])
    async def test_p37_http_is_refused_within_a_second_and_an_open_stream_ends_within_five(
        self, base: str, user: User, committed_sessions: Sessions, way: str
    ) -> None:
        async with httpx.AsyncClient(base_url=base, timeout=30) as here, httpx.AsyncClient(base_url=base) as there:
            for each in (here, there):
                await each.post("/sign-ins", json={"email": EMAIL, "password": PASSWORD})
            secret = here.cookies[COOKIE]
            listening = asyncio.create_task(self._listen(base, secret))
            await asyncio.sleep(0.5)
            assert not listening.done()

            await self._end(way, here, there, committed_sessions)
            began = time.monotonic()
            async with httpx.AsyncClient(base_url=base, headers={"cookie": f"{COOKIE}={secret}"}) as thief:
                assert (await thief.get("/me")).status_code == 401
            assert time.monotonic() - began < 1
            await asyncio.wait_for(listening, 5)

    async def test_p37_a_stream_alone_keeps_no_session_alive(
        self, base: str, user: User, committed_sessions: Sessions
    ) -> None:
        async with httpx.AsyncClient(base_url=base, timeout=30) as here:
            await here.post("/sign-ins", json={"email": EMAIL, "password": PASSWORD})
            async with committed_sessions.begin() as session:
                await session.execute(
                    sa.update(SignIn).values(seen_at=sa.func.clock_timestamp() - timedelta(minutes=9))
                )
            listening = asyncio.create_task(self._listen(base, here.cookies[COOKIE]))
            await asyncio.sleep(4)
            async with committed_sessions() as session:
                seen = sa.select(col(SignIn.seen_at) < sa.func.clock_timestamp() - timedelta(minutes=8))
                assert (await session.execute(seen)).scalar_one() is True
            assert (await here.get("/me")).status_code == 200  # the control: a person does
            async with committed_sessions() as session:
                assert (await session.execute(seen)).scalar_one() is False
            listening.cancel()

    async def _end(self, way: str, here: httpx.AsyncClient, there: httpx.AsyncClient, sessions: Sessions) -> None:
        match way:
            case "signed out":
                await here.delete("/sign-ins/current")
            case "password changed":
                await there.put("/me/password", json={"present": PASSWORD, "new": NEXT})
            case "ended elsewhere":
                (other,) = [row for row in (await there.get("/sign-ins")).json()["items"] if not row["current"]]
                await there.delete(f"/sign-ins/{other['id']}")
            case "account ended":
                async with sessions.begin() as session:
                    await session.execute(sa.update(User).values(active=False))
            case _:
                async with sessions.begin() as session:
                    seen = sa.func.clock_timestamp() - timedelta(minutes=31)
                    await session.execute(sa.update(SignIn).values(seen_at=seen))

    async def _listen(self, base: str, secret: str) -> None:
        async with (
            httpx.AsyncClient(base_url=base, timeout=30, headers={"cookie": f"{COOKIE}={secret}"}) as reader,
            reader.stream("GET", "/events/stream") as stream,
        ):
            with contextlib.suppress(httpx.ReadTimeout):
                async for _ in stream.aiter_lines():
                    pass

    async def test_p40_a_server_on_this_machine_believes_no_header_about_an_address(
        self, base: str, committed_sessions: Sessions
    ) -> None:
        """uvicorn by itself takes X-Forwarded-For from anybody on the loopback interface."""
        async with httpx.AsyncClient(base_url=base) as client:
            for number in range(3):
                given = {"email": f"a{number}@demo.invalid", "password": "guess"}
                await client.post("/sign-ins", json=given, headers={"x-forwarded-for": f"203.0.113.{number}"})
        async with committed_sessions() as session:
            counted = dict((await session.execute(sa.select(col(Throttle.subject), col(Throttle.tries)))).all())
        assert counted == {"127.0.0.1": 3}


# ------------------------------------------------------------------ limits by address


ROTATING = ("x-forwarded-for", "x-real-ip", "forwarded", "x-client-ip", "true-client-ip", "cf-connecting-ip")
REQUESTS = (2_000, pytest.param(10_000, marks=pytest.mark.long))


def forged(number: int) -> dict[str, str]:
    """Return headers that claim another address each time."""
    address = f"198.51.{number // 250 % 250}.{number % 250}"
    return {name: f"for={address}" if name == "forwarded" else address for name in ROTATING} | {
        "host": f"h{number}.demo.invalid",
        "x-forwarded-host": f"h{number}.demo.invalid",
    }


async def knock(client: httpx.AsyncClient, number: int) -> int:
    """Try an account of its own each time, so that no limit but the address's can bite."""
    given = {"email": f"nobody{number}@demo.invalid", "password": "guess"}
    return (await client.post(f"{ROOT}/sign-ins", json=given, headers=forged(number))).status_code


async def knocked(client: httpx.AsyncClient, times: int) -> list[int]:
    answers: list[int] = []
    for start in range(0, times, 20):
        answers += await asyncio.gather(*(knock(client, start + n) for n in range(20)))
    return answers


@pytest.mark.parametrize("requests", REQUESTS)
async def test_p40_no_header_makes_the_limit_bite_later(
    client: httpx.AsyncClient, committed_sessions: Sessions, requests: int
) -> None:
    """One client that claims another address with each request: the 61st is the first refused."""
    most, answers = throttles.BY_ADDRESS.most, await knocked(client, requests)

    assert answers.count(401) == most
    assert answers.count(429) == requests - most
    assert set(answers[most + 19 :]) == {429}


async def test_p40_control_behind_a_proxy_that_is_named_its_clients_are_told_apart(
    engine: AsyncEngine, committed_sessions: Sessions
) -> None:
    """The same requests, where the peer is a proxy of ours: each address counts for itself, and none reaches 60."""
    settings = Settings(trusted_proxies=(ip_network("127.0.0.0/8"),))
    async with client_of(little_app(engine, settings=settings)) as client:
        answers = await knocked(client, throttles.BY_ADDRESS.most + 20)

    assert set(answers) == {401}


async def test_p40_what_a_client_writes_left_of_what_our_proxy_adds_counts_for_nothing(
    engine: AsyncEngine, committed_sessions: Sessions
) -> None:
    settings = Settings(trusted_proxies=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")))
    async with client_of(little_app(engine, whence, settings=settings)) as client:

        async def told(*hops: str) -> str:
            headers = [("x-forwarded-for", hop) for hop in hops]
            return str((await client.get(f"{ROOT}/whence", headers=headers)).json()["address"])

        assert await told() == "127.0.0.1"
        assert await told("203.0.113.7") == "203.0.113.7"
        assert await told("198.51.100.1, 203.0.113.7") == "203.0.113.7"
        assert await told("198.51.100.1", "203.0.113.7, 10.1.2.3") == "203.0.113.7"
        assert await told("198.51.100.1, nonsense") == "127.0.0.1"
        assert await told("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"
        assert await told("::ffff:203.0.113.7") == "203.0.113.7"
    async with client_of(little_app(engine, whence)) as client:
        assert await told("203.0.113.7") == "127.0.0.1"


async def test_p40_who_signs_in_rightly_uses_up_nothing(client: httpx.AsyncClient, user: User) -> None:
    for _ in range(3):
        assert (await sign_in(client)).status_code == 201

    assert (await sign_in(client, "guess")).status_code == 401


async def test_settings_that_name_no_network_or_no_choice_are_refused_by_name() -> None:
    for variable, value in (("LIANZHOU_TRUSTED_PROXIES", "proxy.example"), ("LIANZHOU_SECOND_FACTOR", "perhaps")):
        with pytest.raises(BadSetting) as refused:
            Settings.from_env({variable: value})
        assert refused.value.message.params == {"variable": variable, "value": value}
    known = Settings.from_env(
        {"LIANZHOU_TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.1", "LIANZHOU_SECOND_FACTOR": "Optional"}
    )
    assert (len(known.trusted_proxies), known.second_factor) == (2, "optional")
