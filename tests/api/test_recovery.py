"""A new password by a link: the same answer for every address, once, in half an hour, never past a second factor."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import httpx
import pyotp
import pytest
import sqlalchemy as sa
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlmodel import col

from api.actions import throttles
from api.actions.auth import digest, hashed
from api.cli.accounts import drop_second_factor, issue_link
from api.jobs.recovering import recover
from api.settings import Settings
from domain.errors import NotFound
from domain.kinds import Role
from domain.records import Event, Recovery, SecondFactor, SignIn, User
from tests.api.little_app import ROOT, client_of, little_app
from tests.conftest import PROJECT
from tests.factories import make_organisation, make_user

EMAIL = "zhou@demo.invalid"
PASSWORD = "一艘船队出海去 2027"
NEXT = "两艘船队都出海去 2028"
PROBES = 1_000
Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def app(engine: AsyncEngine) -> Litestar:
    return little_app(engine)


@pytest.fixture(scope="module")
async def password_hash() -> str:
    return await hashed(PASSWORD)


@pytest.fixture
async def user(committed_sessions: Sessions, password_hash: str) -> User:
    async with committed_sessions.begin() as session:
        firm = await make_organisation(session, Role.CHAIN_LEADER)
        return await make_user(session, firm, email=EMAIL, name="周航", password_hash=password_hash, admin=True)


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[tuple[Settings, Path]]:
    """A mail server on this machine, and where it keeps what it gets."""
    port = free_port()
    kept = tmp_path / "mail.jsonl"
    command = [sys.executable, "-m", "tests.api.mail_server", str(port), str(kept)]
    server = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE)
    assert server.stdout is not None
    server.stdout.readline()
    yield Settings(mail_url=f"smtp+plain://127.0.0.1:{port}", mail_from="lianzhou@demo.invalid"), kept
    server.kill()
    server.wait()
    server.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def ask(client: httpx.AsyncClient, email: str = EMAIL) -> httpx.Response:
    return await client.post(f"{ROOT}/recoveries", json={"email": email})


async def use(client: httpx.AsyncClient, secret: str, password: str = NEXT) -> httpx.Response:
    return await client.post(f"{ROOT}/recoveries/uses", json={"secret": secret, "password": password})


async def sign_in(client: httpx.AsyncClient, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await client.post(f"{ROOT}/sign-ins", json={"email": EMAIL, "password": password, **more})


def secrets_in(kept: Path) -> list[str]:
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    return [re.findall(r"secret=([\w-]+)", json.loads(line)["text"])[0] for line in lines]


async def linked(client: httpx.AsyncClient, sessions: Sessions, mail: tuple[Settings, Path]) -> str:
    """Ask for a link and return the secret that came by mail."""
    await ask(client)
    await recover(sessions, mail[0])
    return secrets_in(mail[1])[-1]


async def test_p38_a_link_that_came_by_mail_sets_a_new_password_once_and_ends_everything(
    app: Litestar,
    client: httpx.AsyncClient,
    user: User,
    committed_sessions: Sessions,
    mail: tuple[Settings, Path],
) -> None:
    async with client_of(app) as laptop:
        await sign_in(laptop)
        token = (await laptop.post(f"{ROOT}/tokens", json={"label": "一"})).json()["token"]
        secret = await linked(client, committed_sessions, mail)

        assert (await use(client, secret)).status_code == 204

        assert (await laptop.get(f"{ROOT}/me")).status_code == 401
    async with client_of(app, authorization=f"Bearer {token}") as program:
        assert (await program.get(f"{ROOT}/me")).status_code == 401
    assert (await use(client, secret)).json()["code"] == "link-spent"
    assert (await sign_in(client)).status_code == 401
    assert (await sign_in(client, NEXT)).status_code == 201
    (letter,) = map(json.loads, mail[1].read_text(encoding="utf-8").splitlines())
    assert (letter["to"], "30 分钟" in letter["text"]) == (EMAIL, True)


async def test_p38_a_link_keeps_to_its_half_hour_to_the_newest_and_to_good_passwords(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions, mail: tuple[Settings, Path]
) -> None:
    first = await linked(client, committed_sessions, mail)
    easy = await use(client, first, "password1234")
    assert [each["code"] for each in easy.json()["errors"]] == ["password-common"]
    async with committed_sessions.begin() as session:
        row = (await session.execute(sa.select(Recovery))).scalar_one()
        assert row.secret_hash == digest(first)
        assert row.expires_at is not None
        assert row.created_at is not None
        assert timedelta(minutes=29) < row.expires_at - row.created_at < timedelta(minutes=31)
        row.expires_at = row.created_at

    assert (await use(client, first)).json()["code"] == "link-spent"
    second = await linked(client, committed_sessions, mail)
    assert second != first
    assert (await use(client, "x" * 43)).json()["code"] == "link-spent"
    assert (await use(client, second)).status_code == 204


async def test_p38_recovery_goes_not_past_a_second_factor(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions, mail: tuple[Settings, Path]
) -> None:
    await sign_in(client)
    totp = pyotp.TOTP((await client.post(f"{ROOT}/me/second-factor")).json()["secret"])
    confirmed = await client.post(f"{ROOT}/me/second-factor/confirmation", json={"code": totp.now()})
    await use(client, await linked(client, committed_sessions, mail))

    assert (await sign_in(client, NEXT)).json()["code"] == "code-needed"
    assert (await sign_in(client, NEXT, code=confirmed.json()["codes"][0])).status_code == 201


async def test_a_letter_that_cannot_be_sent_is_tried_again_with_a_link_that_holds(
    client: httpx.AsyncClient, user: User, committed_sessions: Sessions, mail: tuple[Settings, Path]
) -> None:
    away = Settings(mail_url=f"smtp+plain://127.0.0.1:{free_port()}", mail_from="lianzhou@demo.invalid")
    await ask(client)
    assert await recover(committed_sessions, away) == 1
    assert await recover(committed_sessions, mail[0]) == 0  # not at once
    async with committed_sessions.begin() as session:
        await session.execute(sa.update(Recovery).values(due_at=sa.func.clock_timestamp()))

    assert await recover(committed_sessions, mail[0]) == 1
    assert await recover(committed_sessions, mail[0]) == 0
    assert (await use(client, secrets_in(mail[1])[0])).status_code == 204


class TestWhoAsksLearnsNothing:
    async def probe(self, client: httpx.AsyncClient, sessions: Sessions, path: str, email: str) -> tuple[str, float]:
        async with sessions.begin() as session:
            await session.execute(sa.text("truncate throttle, sign_in_throttle"))
        given = {"email": email} | ({"password": "guess"} if path == "sign-ins" else {})
        began = time.perf_counter()
        answer = await client.post(f"{ROOT}/{path}", json=given)
        took = time.perf_counter() - began
        body = (
            answer.json() | {"request": ""} if answer.headers.get("content-type", "").endswith("+json") else answer.text
        )
        return f"{answer.status_code} {body} {sorted(set(answer.headers) - {'date'})}", took

    async def probes(
        self, client: httpx.AsyncClient, sessions: Sessions, path: str, count: int
    ) -> dict[bool, list[tuple[str, float]]]:
        """Probe known and unknown addresses in turn, so that whatever slows the machine slows both."""
        seen: dict[bool, list[tuple[str, float]]] = {True: [], False: []}
        for number in range(count):
            known = bool(number % 2)
            email = EMAIL if known else f"nobody{number % 97}@demo.invalid"
            seen[known].append(await self.probe(client, sessions, path, email))
        return seen

    def accuracy(self, seen: dict[bool, list[tuple[str, float]]]) -> float:
        """Return how often a classifier is right that has learned from one half, of the other half.

        It knows status, body and headers, and the best threshold of time in whichever direction.
        """
        learn = {known: rows[: len(rows) // 2] for known, rows in seen.items()}
        asked = {known: rows[len(rows) // 2 :] for known, rows in seen.items()}
        told = {known: {body for body, _ in rows} for known, rows in learn.items()}
        times = sorted(took for rows in learn.values() for _, took in rows)
        limits = [times[n * len(times) // 40] for n in range(1, 40)]

        def share(rows: dict[bool, list[tuple[str, float]]], limit: float, slower: bool) -> float:
            right = sum(
                self.guess(told, body, took, limit, slower) == known for known in rows for body, took in rows[known]
            )
            return right / sum(map(len, rows.values()))

        _, limit, slower = max(
            (share(learn, limit, slower), limit, slower) for limit in limits for slower in (True, False)
        )
        return share(asked, limit, slower)

    def guess(self, told: dict[bool, set[str]], body: str, took: float, limit: float, slower: bool) -> bool:
        if body in told[True] ^ told[False]:
            return body in told[True]
        return (took > limit) == slower

    async def test_p20_a_classifier_of_a_thousand_probes_cannot_tell_known_addresses(
        self, client: httpx.AsyncClient, user: User, committed_sessions: Sessions
    ) -> None:
        seen = await self.probes(client, committed_sessions, "recoveries", PROBES)

        assert len({body for rows in seen.values() for body, _ in rows}) == 1
        medians = {known: median(took for _, took in rows) for known, rows in seen.items()}
        assert abs(medians[True] / medians[False] - 1) < 0.1
        assert self.accuracy(seen) <= 0.55 + self.chance(PROBES // 2)

    async def test_p20_nor_can_it_by_signing_in(
        self, client: httpx.AsyncClient, user: User, committed_sessions: Sessions
    ) -> None:
        """60 probes: each takes the fifth of a second that a hash does."""
        seen = await self.probes(client, committed_sessions, "sign-ins", 60)

        assert len({body for rows in seen.values() for body, _ in rows}) == 1
        medians = {known: median(took for _, took in rows) for known, rows in seen.items()}
        assert abs(medians[True] / medians[False] - 1) < 0.15

    async def test_p20_control_a_lookup_that_takes_a_millisecond_is_told_apart(self) -> None:
        """The same classifier on answers of which one kind takes 10 ms and the other 11 to 12."""
        seen = {
            known: [("202", 0.010 + 0.001 * known + 0.000_01 * (n % 97)) for n in range(PROBES // 2)]
            for known in (True, False)
        }

        assert self.accuracy(seen) > 0.9

    def chance(self, asked: int) -> float:
        """Return two standard deviations of a guesser who tosses a coin: what chance alone may add."""
        return float(2 * (0.25 / asked) ** 0.5)

    async def test_p20_wishes_for_nobodys_address_leave_nothing_behind_and_send_nothing(
        self, client: httpx.AsyncClient, user: User, committed_sessions: Sessions, mail: tuple[Settings, Path]
    ) -> None:
        assert (await ask(client, "nobody@demo.invalid")).status_code == 202
        assert await recover(committed_sessions, mail[0]) == 0
        async with committed_sessions() as session:
            assert (await session.execute(sa.select(Recovery))).all() == []
        assert secrets_in(mail[1]) == []

    async def test_p40_asking_again_and_again_is_slowed_down_for_every_address_alike(
        self, client: httpx.AsyncClient, user: User
    ) -> None:
        for email in (EMAIL, "nobody@demo.invalid"):
            answers = [(await ask(client, email)).status_code for _ in range(throttles.RECOVERIES.most + 1)]
            assert answers == [202] * throttles.RECOVERIES.most + [429]


class TestWithoutMail:
    async def test_wishes_end_where_no_mail_is_set(
        self, client: httpx.AsyncClient, user: User, committed_sessions: Sessions
    ) -> None:
        await ask(client)
        assert await recover(committed_sessions, Settings()) == 1
        assert await recover(committed_sessions, Settings()) == 0

    async def test_an_administrator_makes_a_link_for_a_colleague_and_for_nobody_else(
        self, app: Litestar, client: httpx.AsyncClient, user: User, committed_sessions: Sessions, password_hash: str
    ) -> None:
        async with committed_sessions.begin() as session:
            colleague = User(
                organisation_id=user.organisation_id, email="li@demo.invalid", name="李", password_hash=password_hash
            )
            session.add(colleague)
            stranger = await make_user(session, email="other@demo.invalid")
            ids = {"colleague": colleague.id, "stranger": stranger.id, "own": user.id}
        await sign_in(client)

        made = await client.post(f"{ROOT}/people/{ids['colleague']}/recoveries")
        assert made.status_code == 201
        assert (await client.post(f"{ROOT}/people/{ids['stranger']}/recoveries")).status_code == 404
        assert (await client.post(f"{ROOT}/people/{ids['own']}/recoveries")).status_code == 403
        async with client_of(app) as other:
            assert (await use(other, made.json()["url"].rpartition("=")[2])).status_code == 204
            entered = {"email": "li@demo.invalid", "password": NEXT}
            assert (await other.post(f"{ROOT}/sign-ins", json=entered)).status_code == 201
            assert (await other.post(f"{ROOT}/people/{ids['own']}/recoveries")).status_code == 403
        async with committed_sessions() as session:
            told = set((await session.execute(sa.select(col(Event.code)))).scalars())
        assert {"account.link-issued", "account.recovered"} <= told

    async def test_whoever_runs_the_machine_makes_links_and_drops_second_factors(
        self, client: httpx.AsyncClient, user: User, committed_sessions: Sessions, database_url: str
    ) -> None:
        settings = Settings(database_url=database_url)
        async with committed_sessions.begin() as session:
            session.add(SecondFactor(user_id=user.id, sealed=b"x", confirmed_at=datetime(2026, 11, 2, tzinfo=UTC)))
        with pytest.raises(NotFound):
            await issue_link(settings, "nobody@demo.invalid")

        said = await issue_link(settings, EMAIL.upper())
        await drop_second_factor(settings, EMAIL)

        assert (await use(client, re.findall(r"secret=([\w-]+)", said)[0])).status_code == 204
        assert (await sign_in(client, NEXT)).status_code == 201
        async with committed_sessions() as session:
            assert len((await session.execute(sa.select(SignIn))).all()) == 1
