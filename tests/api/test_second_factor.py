"""A second factor: set up by its first code, asked for at every sign-in, each code for once, never past a proof."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
import sqlalchemy as sa
from litestar import Litestar, get
from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlmodel import col

from api.actions import throttles
from api.actions.auth import hashed
from api.app import create_app
from api.auth import COOKIE
from api.settings import Settings
from domain.actor import Actor
from domain.kinds import Role
from domain.records import Event, RecoveryCode, SecondFactor, Signature, SignIn, Throttle, User
from tests.api.little_app import ROOT, client_of, little_app
from tests.api.test_ledger import accepted, api, invited
from tests.factories import make_organisation, make_user
from tests.living import living
from tests.town import make_formation

EMAIL = "zhou@demo.invalid"
PASSWORD = "一艘船队出海去 2027"
STEP = 30
FACTOR = f"{ROOT}/me/second-factor"
Sessions = async_sessionmaker[AsyncSession]


@get("/work")
async def work(actor: NamedDependency[Actor]) -> dict[str, bool]:
    return {"done": actor.user_id is not None}


@pytest.fixture
async def app(engine: AsyncEngine) -> Litestar:
    return little_app(engine, work)


@pytest.fixture(scope="module")
async def password_hash() -> str:
    return await hashed(PASSWORD)


@pytest.fixture
async def user(committed_sessions: Sessions, password_hash: str) -> User:
    async with committed_sessions.begin() as session:
        firm = await make_organisation(session, Role.CHAIN_LEADER)
        return await make_user(session, firm, email=EMAIL, name="周航", password_hash=password_hash)


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, code: str | None = None, email: str = EMAIL) -> httpx.Response:
    given = {"email": email, "password": PASSWORD} | ({"code": code} if code else {})
    return await client.post(f"{ROOT}/sign-ins", json=given)


async def set_up(client: httpx.AsyncClient) -> tuple[pyotp.TOTP, list[str]]:
    """Set a second factor up for whoever is signed in; its first code is that of the step before."""
    await at_ease()
    totp = pyotp.TOTP((await client.post(FACTOR)).json()["secret"])
    confirmed = await client.post(f"{FACTOR}/confirmation", json={"code": before(totp)})
    assert confirmed.status_code == 201, confirmed.text
    return totp, confirmed.json()["codes"]


async def at_ease() -> None:
    """Wait for the next step of time where this one ends before a test can be through with it."""
    left = STEP - time.time() % STEP
    if left < 12:
        await asyncio.sleep(left + 0.1)


def before(totp: pyotp.TOTP) -> str:
    """Return the code of the step of time before this one, which counts too."""
    return totp.generate_otp(counter_of(totp) - 1)


def counter_of(totp: pyotp.TOTP) -> int:
    return int(time.time()) // totp.interval


async def age(sessions: Sessions, **values: Any) -> None:
    async with sessions.begin() as session:
        await session.execute(sa.update(SignIn).values(**values))


async def test_p38_is_set_up_by_its_first_code_and_asked_for_from_then_on(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    await sign_in(client)
    former = client.cookies[COOKIE]
    offered = (await client.post(FACTOR)).json()
    totp = pyotp.parse_uri(offered["uri"])
    assert isinstance(totp, pyotp.TOTP)
    assert (totp.secret, totp.name, totp.issuer) == (offered["secret"], EMAIL, "LianZhou")
    await at_ease()
    assert (await client.get(FACTOR)).json() == {"since": None, "codes_left": 0, "required": True}

    confirmed = await client.post(f"{FACTOR}/confirmation", json={"code": before(totp)})

    assert len(set(confirmed.json()["codes"])) == 10
    assert client.cookies[COOKIE] != former
    assert (await client.get(FACTOR)).json()["codes_left"] == 10
    await client.delete(f"{ROOT}/sign-ins/current")
    refused = await sign_in(client)
    assert (refused.status_code, refused.json()["code"]) == (401, "code-needed")
    assert COOKIE not in client.cookies
    entered = await sign_in(client, totp.now())
    assert (entered.status_code, entered.json()["second_factor"]) == (201, True)


async def test_p38_neither_its_secret_nor_its_codes_stand_in_the_database(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    await sign_in(client)
    totp, codes = await set_up(client)

    async with committed_sessions() as session:
        row = (await session.execute(sa.select(SecondFactor))).scalar_one()
        kept = (await session.execute(sa.select(col(RecoveryCode.secret_hash)))).scalars().all()
    assert totp.secret.encode() not in row.sealed
    assert all(len(each) == 32 for each in kept)
    assert len(codes[0].replace("-", "")) == 24  # 118 bits: no guesser finds one from its hash


async def test_p38_a_code_counts_once_however_many_try_it_at_once(
    app: Litestar, client: httpx.AsyncClient, user: User
) -> None:
    await sign_in(client)
    totp, _ = await set_up(client)
    code = totp.now()

    outcomes = await asyncio.gather(*(sign_in_apart(app, code) for _ in range(4)))

    assert sorted(status for status, _ in outcomes) == [201, 401, 401, 401]
    assert {told for status, told in outcomes if status == 401} == {"wrong-code"}


async def sign_in_apart(app: Litestar, code: str) -> tuple[int, str | None]:
    async with client_of(app) as browser:
        answer = await sign_in(browser, code)
        return answer.status_code, answer.json().get("code")


async def test_p38_an_older_code_counts_no_more_once_a_newer_one_did(
    app: Litestar, client: httpx.AsyncClient, user: User
) -> None:
    await sign_in(client)
    totp, _ = await set_up(client)
    await sign_in(client, totp.now())

    assert await sign_in_apart(app, before(totp)) == (401, "wrong-code")


async def test_p38_a_code_from_another_time_or_app_is_wrong(
    app: Litestar, client: httpx.AsyncClient, user: User
) -> None:
    await sign_in(client)
    totp, _ = await set_up(client)

    assert await sign_in_apart(app, totp.generate_otp(counter_of(totp) - 5)) == (401, "wrong-code")
    assert await sign_in_apart(app, totp.generate_otp(counter_of(totp) + 5)) == (401, "wrong-code")
    assert await sign_in_apart(app, "000000-abc") == (401, "wrong-code")


async def test_p38_a_code_for_once_lets_in_once_and_is_noted(
    app: Litestar, client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    await sign_in(client)
    _, codes = await set_up(client)

    assert (await sign_in_apart(app, codes[3].upper().replace("-", " ")))[0] == 201
    assert await sign_in_apart(app, codes[3]) == (401, "wrong-code")
    assert (await client.get(FACTOR)).json()["codes_left"] == 9
    async with committed_sessions() as session:
        told = set((await session.execute(sa.select(col(Event.code)))).scalars())
    assert {"account.second-factor-set", "account.code-used"} <= told


async def test_p38_five_wrong_codes_and_even_the_right_one_has_to_wait_whatever_the_password(
    app: Litestar, client: httpx.AsyncClient, user: User, committed_sessions: Sessions
) -> None:
    await sign_in(client)
    totp, _ = await set_up(client)
    wrong = totp.generate_otp(counter_of(totp) - 9)

    refused = [await sign_in_apart(app, wrong) for _ in range(throttles.CODES.most)]

    assert refused == [(401, "wrong-code")] * throttles.CODES.most
    assert await sign_in_apart(app, totp.now()) == (429, "too-many")
    async with committed_sessions.begin() as session:
        await session.execute(sa.update(Throttle).values(since=sa.func.now() - timedelta(minutes=16)))
    assert (await sign_in_apart(app, totp.now()))[0] == 201


async def test_p38_whoever_runs_the_platform_does_nothing_before_he_has_one(
    app: Litestar, engine: AsyncEngine, committed_sessions: Sessions, password_hash: str
) -> None:
    async with committed_sessions.begin() as session:
        runs = await make_organisation(session, Role.OPERATOR)
        await make_user(session, runs, email="runs@demo.invalid", password_hash=password_hash)
    async with client_of(app) as client:
        await sign_in(client, email="runs@demo.invalid")

        refused = await client.get(f"{ROOT}/work")
        assert (refused.status_code, refused.json()["code"]) == (403, "second-factor-needed")
        assert (await client.get(FACTOR)).json()["required"] is True
        await set_up(client)
        assert (await client.get(f"{ROOT}/work")).status_code == 200
    async with client_of(little_app(engine, work, settings=Settings(second_factor="optional"))) as demonstration:
        async with committed_sessions.begin() as session:
            await session.execute(sa.delete(SecondFactor))
        await sign_in(demonstration, email="runs@demo.invalid")
        assert (await demonstration.get(f"{ROOT}/work")).status_code == 200


async def offers_signing(client: httpx.AsyncClient, consortium: str) -> bool:
    """Tell whether the agreement's page has the button, or else the sentence that says what to do first."""
    page = await client.get(f"{consortium}/agreement", headers={"accept": "text/html"})
    assert ("签署须经两步验证" in page.text) is (f"{consortium}/signatures" not in page.text)
    return f"{consortium}/signatures" in page.text


async def test_p38_a_signature_needs_a_session_or_token_that_a_second_factor_opened(
    committed_sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    """By default, and in the browser too; whoever does not sign is asked for nothing."""
    formation = await make_formation(committed_sessions)
    async with living(create_app(Settings(home=tmp_path), database_url)) as app:
        await invited(app, formation)
        for account in (formation.cells, formation.power):
            assert (await accepted(app, formation, account)).status_code == 200
        member = await api(app, formation.power)
        await member.post(f"/api/v1/memberships/{formation.seats[formation.power.firm]}/confidentiality",
                          json={"edition": 1})  # fmt: skip
        place = f"/consortia/{formation.consortium}"
        sha256 = (await member.get(f"{ROOT}{place}/agreement")).json()["sha256"]

        async def signs(**headers: str) -> tuple[int, str | None]:
            answer = await member.post(f"{ROOT}{place}/signatures", json={"sha256": sha256}, headers=headers)
            return answer.status_code, answer.json().get("code")

        async def token() -> str:
            made = await member.post(f"{ROOT}/tokens", json={"label": "签署", "scopes": ["sign"]})
            return str(made.json()["token"])

        weak = await token()
        assert not await offers_signing(member, place)
        assert await signs() == await signs(authorization=f"Bearer {weak}") == (403, "second-factor-needed")
        page = await member.post(f"{place}/signatures", data={"sha256": sha256},
                                 headers={"accept": "text/html"})  # fmt: skip
        assert (page.status_code, page.headers["location"].partition("?")[0]) == (303, "/security")
        assert (await member.get(FACTOR)).json()["required"] is True

        await set_up(member)
        assert await offers_signing(member, place)
        assert await signs(authorization=f"Bearer {weak}") == (403, "second-factor-needed")
        assert await signs(authorization=f"Bearer {await token()}") == (200, None)
    async with committed_sessions() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Signature)) == 1


class TestAProof:
    """V7.5.1: what changes how one signs in needs password or code within ten minutes."""

    async def changes(self, client: httpx.AsyncClient) -> list[str | None]:
        answers = [
            await client.post(FACTOR),
            await client.post(f"{FACTOR}/confirmation", json={"code": "123456"}),
            await client.post(f"{FACTOR}/recovery-codes"),
            await client.delete(FACTOR),
            await client.post(f"{ROOT}/tokens", json={"label": "一"}),
            await client.delete(f"{ROOT}/sign-ins"),
            await client.delete(f"{ROOT}/sign-ins/00000000-0000-0000-0000-000000000001"),
            await client.delete(f"{ROOT}/me/identities/00000000-0000-0000-0000-000000000001"),
            await client.post(f"{ROOT}/people/00000000-0000-0000-0000-000000000001/recoveries"),
        ]
        return [answer.json().get("code") if answer.content else None for answer in answers]

    async def test_p38_is_asked_for_before_every_such_change(
        self, client: httpx.AsyncClient, user: User, committed_sessions: Sessions
    ) -> None:
        await sign_in(client)
        await age(committed_sessions, proven_at=sa.func.clock_timestamp() - timedelta(minutes=11))
        assert set(await self.changes(client)) == {"prove-again"}

        former = client.cookies[COOKIE]
        proven = await client.post(f"{ROOT}/sign-ins/current/proofs", json={"password": PASSWORD})

        assert (proven.status_code, client.cookies[COOKIE] != former) == (204, True)
        assert "prove-again" not in await self.changes(client)
        async with client_of_cookie(client, former) as thief:
            assert (await thief.get(f"{ROOT}/me")).status_code == 401

    async def test_p38_counts_wrong_ones_and_takes_codes_too(
        self, client: httpx.AsyncClient, user: User, committed_sessions: Sessions
    ) -> None:
        await sign_in(client)
        totp, codes = await set_up(client)
        place = f"{ROOT}/sign-ins/current/proofs"

        wrong = [await client.post(place, json={"password": "guess"}) for _ in range(throttles.PROOFS.most + 1)]
        assert [each.status_code for each in wrong] == [401] * throttles.PROOFS.most + [429]
        assert (await client.post(place, json={"code": totp.now()})).status_code == 204
        assert (await client.post(place, json={"code": codes[0]})).status_code == 204
        both = await client.post(place, json={"code": codes[1], "password": PASSWORD})
        assert both.json()["errors"][0]["code"] == "one-proof"

    async def test_p38_is_not_for_tokens(self, app: Litestar, client: httpx.AsyncClient, user: User) -> None:
        await sign_in(client)
        made = (await client.post(f"{ROOT}/tokens", json={"label": "一"})).json()

        async with client_of(app, authorization=f"Bearer {made['token']}") as program:
            refused = await program.post(f"{ROOT}/sign-ins/current/proofs", json={"password": PASSWORD})
            assert refused.json()["code"] == "session-needed"
            assert set(await self.changes(program)) == {"session-needed"}


def client_of_cookie(client: httpx.AsyncClient, secret: str) -> httpx.AsyncClient:
    """Return a browser beside `client` that carries another session."""
    return httpx.AsyncClient(
        transport=client._transport, base_url=str(client.base_url), headers={"cookie": f"{COOKIE}={secret}"}
    )


async def test_p38_removing_it_ends_other_sessions_and_nobody_is_asked_any_more(
    app: Litestar, client: httpx.AsyncClient, user: User
) -> None:
    await sign_in(client)
    totp, _ = await set_up(client)
    async with client_of(app) as laptop:
        await sign_in(laptop, totp.now())
        assert (await client.post(FACTOR)).json()["code"] == "second-factor-stands"

        assert (await client.delete(FACTOR)).status_code == 204

        assert (await laptop.get(f"{ROOT}/me")).status_code == 401
        assert (await sign_in(laptop)).status_code == 201
        assert (await client.delete(FACTOR)).json()["code"] == "illegal-transition"
