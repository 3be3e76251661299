"""Signing at a provider: a real process on loopback takes the paper, and nothing but its own fresh word counts."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api import worker
from api.app import create_app
from api.jobs import JOBS
from api.settings import Settings
from tests.api.esign_provider import TOKEN
from tests.conftest import PROJECT
from tests.living import living
from tests.town import Account, Formation, browser, make_formation

Sessions = async_sessionmaker[AsyncSession]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CERTIFICATE = "CN=演示变流, SN=0042"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The application with a provider, a formation in it, and what the provider can be asked for."""

    app: Litestar
    formation: Formation
    settings: Settings
    url: str
    provider: httpx.AsyncClient

    async def client(self, account: Account | None = None, **headers: str) -> httpx.AsyncClient:
        return await browser(self.app, account, **({"accept": "application/json"} | headers))

    async def agreed(self) -> str:
        """Let everybody accept; return the hash to sign."""
        leader = await self.client(self.formation.leader)
        consortium = self.formation.consortium
        asked = await leader.post(f"/api/v1/consortia/{consortium}/invitations", json={"hours": 72})
        assert asked.status_code == 200, asked.text
        for account in (self.formation.cells, self.formation.power):
            member = await self.client(account)
            path = f"/api/v1/memberships/{self.formation.seats[account.firm]}/acceptance"
            answer = await member.post(path, json={"edition": 1, "prices": []})
            assert answer.status_code == 200, answer.text
            promise = f"/api/v1/memberships/{self.formation.seats[account.firm]}/confidentiality"
            assert (await member.post(promise, json={"edition": 1})).status_code in (200, 201)
        return str((await leader.get(f"/api/v1/consortia/{consortium}/agreement")).json()["sha256"])

    async def asked(self, account: Account, sha256: str) -> httpx.Response:
        """Ask for an envelope."""
        member = await self.client(account)
        return await member.post(f"/api/v1/consortia/{self.formation.consortium}/envelopes", json={"sha256": sha256})

    async def envelopes(self, account: Account) -> list[dict[str, Any]]:
        member = await self.client(account)
        found = await member.get(f"/api/v1/consortia/{self.formation.consortium}/envelopes")
        return list(found.json())

    async def work(self, account: Account, state: str) -> dict[str, Any]:
        """Let a worker do what waits until the newest envelope has a state; return it."""
        stop = asyncio.Event()
        running = asyncio.create_task(
            worker.run(self.settings, self.url, jobs={"envelope": JOBS["envelope"]}, stop=stop)
        )
        for _ in range(200):
            newest = (await self.envelopes(account))[-1]
            if newest["state"] == state:
                break
            await asyncio.sleep(0.1)
        stop.set()
        await running
        assert newest["state"] == state
        return newest

    async def notice(self, reference: str, sha256: str, number: str = "msg-1", off: int = 0, **over: Any) -> Any:
        """Have the provider make a webhook about an envelope."""
        data = {"reference": reference, "sha256": sha256, "certificate": CERTIFICATE}
        notice = {"type": "envelope.signed", "data": data} | over
        return (await self.provider.post("/notice", json={"id": number, "off": off, "notice": notice})).json()

    async def told(self, made: Any, **over: Any) -> httpx.Response:
        """Deliver a webhook, as anybody on the network could."""
        given = made | over
        stranger = await self.client()
        return await stranger.post(
            "/api/v1/esign/notices", content=given["body"].encode(),
            headers={"content-type": "application/json", **given["headers"]},
        )  # fmt: skip


@pytest.fixture
async def desk(committed_sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """Start the provider and the application."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.esign_provider", SECRET, cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    base = f"http://127.0.0.1:{int(await process.stdout.readline())}"
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "secret").write_text(SECRET + "\n")
    settings = Settings(
        home=tmp_path, esign_url=base, esign_name="demo-ca", esign_token_file=tmp_path / "token",
        esign_secret_file=tmp_path / "secret", public_url="https://lianzhou.example",
        second_factor="optional",
    )  # fmt: skip
    app = create_app(settings, database_url)
    formation = await make_formation(committed_sessions)
    async with living(app), httpx.AsyncClient(base_url=base) as provider:
        yield Desk(app=app, formation=formation, settings=settings, url=database_url, provider=provider)
    process.kill()
    await process.wait()


async def test_a_member_signs_at_the_provider_and_the_certificate_stands_beside_the_hash(desk: Desk) -> None:
    power = desk.formation.power
    sha256 = await desk.agreed()
    assert (await desk.asked(power, sha256)).status_code == 201
    sent = await desk.work(power, "sent")
    (taken,) = (await desk.provider.get("/envelopes")).json().values()

    answer = await desk.told(await desk.notice(sent["reference"], sha256))

    assert (taken["document"]["sha256"], taken["begins"], taken["signer"]["firm"]) == (sha256, "%PDF-", power.firm)
    assert taken["callback"] == "https://lianzhou.example/api/v1/esign/notices"
    assert answer.status_code == 204, answer.text
    (signed,) = await desk.envelopes(power)
    assert (signed["state"], signed["certificate"]) == ("signed", CERTIFICATE)
    (seen,) = await desk.envelopes(desk.formation.cells)
    assert (seen["address"], seen["certificate"]) == (None, CERTIFICATE)
    member = await desk.client(power)
    agreement = (await member.get(f"/api/v1/consortia/{desk.formation.consortium}/agreement")).json()
    assert [each["organisation_id"] if isinstance(each, dict) else each for each in agreement["signed_by"]] == [
        str(power.organisation_id)
    ]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_whatever_is_wrong_with_a_webhook_is_refused_by_name(desk: Desk, language: str) -> None:
    power = desk.formation.power
    sha256 = await desk.agreed()
    await desk.asked(power, sha256)
    reference = (await desk.work(power, "sent"))["reference"]
    good = await desk.notice(reference, sha256)
    other = {**good["headers"], "webhook-signature": "v1,AAAA"}
    refused = {
        "forged": (good | {"headers": other}, 401, "webhook-forged"),
        "altered": (good | {"body": good["body"].replace("signed", "Signed")}, 401, "webhook-forged"),
        "bare": (good | {"headers": {}}, 401, "webhook-forged"),
        "of another form": (await desk.notice(reference, sha256, "msg-2", more=1), 401, "webhook-forged"),
        "late": (await desk.notice(reference, sha256, "msg-3", off=-400), 409, "webhook-late"),
        "early": (await desk.notice(reference, sha256, "msg-4", off=400), 409, "webhook-late"),
        "unknown": (await desk.notice("env-99", sha256, "msg-5"), 404, "not-found"),
        "of another hash": (await desk.notice(reference, "0" * 64, "msg-6"), 409, "agreement-changed"),
    }

    for what, (made, status, code) in refused.items():
        made["headers"] |= {"accept-language": language}
        answer = await desk.told(made)
        assert (answer.status_code, answer.json()["code"]) == (status, code), what
        assert answer.json()["title"].isascii() == (language == "en"), what
    assert (await desk.envelopes(power))[0]["state"] == "sent"

    assert (await desk.told(good)).status_code == 204
    again = await desk.told(good)
    assert (again.status_code, again.json()["code"]) == (409, "webhook-replayed")


async def test_a_webhook_for_an_agreement_that_is_no_longer_in_force_signs_nothing(desk: Desk) -> None:
    power = desk.formation.power
    sha256 = await desk.agreed()
    await desk.asked(power, sha256)
    reference = (await desk.work(power, "sent"))["reference"]
    leader = await desk.client(desk.formation.leader)
    await leader.post(f"/api/v1/memberships/{desk.formation.seats[desk.formation.cells.firm]}/withdrawal")

    answer = await desk.told(await desk.notice(reference, sha256))

    assert (answer.status_code, answer.json()["code"]) == (409, "agreement-changed")


async def test_what_the_provider_declines_can_be_asked_for_again(desk: Desk) -> None:
    power = desk.formation.power
    sha256 = await desk.agreed()
    await desk.asked(power, sha256)
    reference = (await desk.work(power, "sent"))["reference"]
    twice = await desk.asked(power, sha256)

    answer = await desk.told(await desk.notice(reference, sha256, type="envelope.declined"))

    assert (twice.status_code, twice.json()["code"]) == (409, "already-exists")
    assert answer.status_code == 204
    assert (await desk.envelopes(power))[0]["state"] == "failed"
    assert (await desk.asked(power, sha256)).status_code == 201


async def test_a_provider_that_takes_nothing_leaves_the_member_free_to_try_again(desk: Desk, tmp_path: Path) -> None:
    power = desk.formation.power
    sha256 = await desk.agreed()
    (tmp_path / "token").write_text("another token")
    await desk.asked(power, sha256)

    assert (await desk.work(power, "failed"))["reference"] is None
    (tmp_path / "token").write_text(TOKEN)
    assert (await desk.asked(power, sha256)).status_code == 201


async def test_without_a_provider_nothing_is_pretended(committed_sessions: Sessions, database_url: str) -> None:
    app = create_app(Settings(second_factor="optional"), database_url)
    formation = await make_formation(committed_sessions)
    async with living(app):
        stranger = await browser(app, None, accept="application/json")
        answer = await stranger.post("/api/v1/esign/notices", content=b"{}")
        desk = Desk(app=app, formation=formation, settings=Settings(), url=database_url, provider=stranger)
        sha256 = await desk.agreed()
        asked = await desk.asked(formation.power, sha256)
        member = await browser(app, formation.power)
        page = (await member.get(f"/consortia/{formation.consortium}/agreement")).text

    assert [(each.status_code, each.json()["code"]) for each in (answer, asked)] == [(409, "esign-off")] * 2
    assert "/envelopes" not in page
    assert "不是法律意义上的电子签名" in page
