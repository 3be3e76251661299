"""Signing in by an account elsewhere, against a provider that is a process of its own and lies when told to."""

import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pyotp
import pytest
import sqlalchemy as sa
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import col

from api.actions.auth import hashed
from api.app import create_app
from api.auth import COOKIE
from api.oidc import Providers
from api.settings import BadSetting, Settings
from domain.kinds import Role
from domain.records import LinkedIdentity, SignIn, User
from tests.api.oidc_provider import CLIENT, SECRET
from tests.conftest import PROJECT
from tests.factories import make_organisation, make_user
from tests.living import living

HOST = "http://127.0.0.1:8000"
EMAIL = "zhou@demo.invalid"
PASSWORD = "一艘船队出海去 2027"
BROWSER = {"accept": "text/html,application/xhtml+xml", "accept-language": "zh-CN", "sec-fetch-site": "same-origin"}
START, BACK = "/login/oidc/city", f"{HOST}/login/oidc/city/callback"
Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tests.api.oidc_provider", str(port), BACK]
    provider = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE)
    assert provider.stdout is not None
    assert provider.stdout.readline() == b"ready\n"
    yield f"http://127.0.0.1:{port}"
    provider.kill()
    provider.wait()
    provider.stdout.close()


@pytest.fixture
def named(tmp_path: Path, issuer: str) -> Path:
    """The file that names providers: an honest city, and another that is the same machine under another name."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    rows = [
        f'[[provider]]\nid = "{identity}"\nname = "{name}"\nissuer = "{issuer}"\n'
        f'client_id = "{CLIENT}"\nsecret_file = "secret"\n'
        for identity, name in (("city", "城市统一身份"), ("other", "另一家"))
    ]
    place = tmp_path / "oidc.toml"
    place.write_text("\n".join(rows), encoding="utf-8")
    return place


@pytest.fixture
async def app(committed_sessions: Sessions, database_url: str, named: Path, tmp_path: Path) -> AsyncIterator[Litestar]:
    async with living(create_app(Settings(home=tmp_path, oidc_file=named), database_url)) as app:
        yield app


@pytest.fixture
async def user(committed_sessions: Sessions) -> User:
    async with committed_sessions.begin() as session:
        firm = await make_organisation(session, Role.CHAIN_LEADER)
        return await make_user(session, firm, email=EMAIL, name="周航", password_hash=await hashed(PASSWORD))


@pytest.fixture
async def browser(app: Litestar, issuer: str, user: User) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as outside:
        await outside.post(f"{issuer}/lie?about=")
    async with visitor(app) as browser:
        yield browser


def visitor(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST, headers=BROWSER)


async def lie(issuer: str, about: str, **more: str) -> None:
    async with httpx.AsyncClient() as outside:
        (await outside.post(f"{issuer}/lie?{urlencode({'about': about, **more})}")).raise_for_status()


async def sent_out(browser: httpx.AsyncClient, start: str = START) -> str:
    """Begin at a button, visit the provider, and return where it sends the browser back to."""
    out = await browser.get(start)
    assert out.status_code == 303, out.text
    async with httpx.AsyncClient() as outside:
        there = await outside.get(out.headers["location"])
    return str(there.headers["location"])


async def signed_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/api/v1/me", headers={"accept": "application/json"})).status_code == 200


async def by_password(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.post("/login", data={"email": EMAIL, "password": PASSWORD})


async def link(browser: httpx.AsyncClient) -> None:
    """Sign in by password and link the account elsewhere, then sign out."""
    await by_password(browser)
    back = await browser.get(await sent_out(browser, f"{START}?link=true"))
    assert (back.status_code, back.headers["location"]) == (303, "/security#identities")
    await browser.post("/logout")


async def test_an_account_elsewhere_opens_ones_own_once_it_was_linked(
    browser: httpx.AsyncClient, issuer: str, committed_sessions: Sessions
) -> None:
    await link(browser)
    assert not await signed_in(browser)

    entered = await browser.get(await sent_out(browser, f"{START}?next=/firms"))

    assert (entered.status_code, entered.headers["location"]) == (303, "/firms")
    assert await signed_in(browser)
    listed = (await browser.get("/api/v1/me/identities")).json()["items"]
    assert [(each["provider"], each["issuer"]) for each in listed] == [("city", issuer)]
    assert listed[0]["used_at"] is not None
    assert (await browser.delete(f"/api/v1/me/identities/{listed[0]['id']}")).status_code == 204
    await browser.post("/logout")
    assert (await browser.get(await sent_out(browser))).status_code == 401


async def test_what_goes_out_is_a_code_flow_with_pkce_state_and_nonce(browser: httpx.AsyncClient, issuer: str) -> None:
    out = [(await browser.get(START)).headers["location"] for _ in range(2)]

    asked, again = (dict(parse_qsl(urlsplit(url).query)) for url in out)
    assert out[0].startswith(f"{issuer}/authorize?")
    assert {name: asked[name] for name in ("response_type", "client_id", "redirect_uri", "scope")} == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": BACK,
        "scope": "openid",
    }
    assert asked["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) == 43
        assert asked[name] != again[name]


async def test_the_same_e_mail_address_alone_opens_nothing(
    browser: httpx.AsyncClient, issuer: str, committed_sessions: Sessions
) -> None:
    """The provider vouches for the address of an account here; nobody has linked the two."""
    refused = await browser.get(await sent_out(browser))

    assert (refused.status_code, await signed_in(browser)) == (401, False)
    assert "尚未关联" in refused.text


LIES = (
    "nonce", "no-nonce", "audience", "audiences", "party", "expired", "early", "issuer", "no-subject", "alg-none",
    "alg-hs256", "key", "state", "mix-up", "no-issuer",
)  # fmt: skip


@pytest.mark.parametrize("about", LIES)
async def test_a_provider_that_lies_about_one_thing_proves_nobody(
    browser: httpx.AsyncClient, issuer: str, committed_sessions: Sessions, about: str
) -> None:
    await link(browser)
    await lie(issuer, about)

    refused = await browser.get(await sent_out(browser))

    assert (refused.status_code, await signed_in(browser)) == (401, False)
    assert "身份提供方" in refused.text
    async with committed_sessions() as session:
        assert (await session.execute(sa.select(SignIn))).all() == []
    await lie(issuer, "")  # the control: the same steps, without the lie
    await browser.get(await sent_out(browser))
    assert await signed_in(browser)


async def test_metadata_of_another_issuer_are_not_believed(
    issuer: str, committed_sessions: Sessions, database_url: str, named: Path, tmp_path: Path
) -> None:
    await lie(issuer, "metadata")
    async with (
        living(create_app(Settings(home=tmp_path, oidc_file=named), database_url)) as app,
        visitor(app) as browser,
    ):
        assert (await browser.get(START)).status_code == 401
        await lie(issuer, "")
        assert (await browser.get(START)).status_code == 303


class TestWhatComesBack:
    async def test_counts_once_and_only_in_the_browser_that_set_out(
        self, app: Litestar, browser: httpx.AsyncClient
    ) -> None:
        await link(browser)
        back = await sent_out(browser)
        async with visitor(app) as thief:
            assert (await thief.get(back)).status_code == 401
            assert not await signed_in(thief)
        cookie = {name: value for name, value in browser.cookies.items() if name == "lz_elsewhere"}
        await browser.get(back)
        assert await signed_in(browser)

        async with visitor(app) as again:  # with the cookie of the first time, and the code that was used
            again.cookies.update(cookie)
            assert (await again.get(back)).status_code == 401
            assert not await signed_in(again)
        assert "lz_elsewhere" not in browser.cookies

    async def test_is_bound_to_the_provider_it_was_sent_to(self, browser: httpx.AsyncClient) -> None:
        await link(browser)
        back = await sent_out(browser)

        refused = await browser.get(back.replace("/oidc/city/", "/oidc/other/"))

        assert (refused.status_code, await signed_in(browser)) == (401, False)

    async def test_with_another_answers_code_or_state_is_refused(self, browser: httpx.AsyncClient) -> None:
        await link(browser)
        first = dict(parse_qsl(urlsplit(await sent_out(browser)).query))
        second = dict(parse_qsl(urlsplit(await sent_out(browser)).query))

        for mixed in (first, first | {"state": second["state"]}, second | {"error": "access_denied"}):
            refused = await browser.get(f"{BACK}?{urlencode(mixed)}")
            assert (refused.status_code, await signed_in(browser)) == (401, False)

    async def test_asks_for_the_second_factor_of_an_account_that_has_one(self, browser: httpx.AsyncClient) -> None:
        await by_password(browser)
        totp = pyotp.TOTP((await browser.post("/api/v1/me/second-factor")).json()["secret"])
        confirmed = await browser.post("/api/v1/me/second-factor/confirmation", json={"code": totp.now()})
        back = await browser.get(await sent_out(browser, f"{START}?link=true"))
        assert back.headers["location"] == "/security#identities"
        await browser.post("/logout")

        owed = await browser.get(await sent_out(browser))

        assert (owed.headers["location"], await signed_in(browser)) == ("/login/code?next=/", False)
        wrong = await browser.post("/login/code", data={"code": "123456", "next": "/"})
        assert (wrong.status_code, await signed_in(browser)) == (401, False)
        given = await browser.post("/login/code", data={"code": confirmed.json()["codes"][0], "next": "/"})
        assert (given.status_code, await signed_in(browser)) == (303, True)


class TestLinking:
    async def test_needs_a_fresh_proof_and_the_session_it_began_in(
        self, app: Litestar, browser: httpx.AsyncClient, committed_sessions: Sessions
    ) -> None:
        assert (await browser.get(f"{START}?link=true")).headers["location"].startswith("/login")
        await by_password(browser)
        back = await sent_out(browser, f"{START}?link=true")
        await by_password(browser)  # another session of the same person
        assert (await browser.get(back)).status_code == 401
        async with committed_sessions.begin() as session:
            await session.execute(sa.update(SignIn).values(proven_at=sa.func.now() - sa.text("interval '11 minutes'")))
        assert (await browser.get(f"{START}?link=true")).headers["location"] == "/security/proof"
        async with committed_sessions() as session:
            assert (await session.execute(sa.select(LinkedIdentity))).all() == []

    async def test_of_one_account_elsewhere_is_to_one_person(
        self, browser: httpx.AsyncClient, committed_sessions: Sessions, user: User
    ) -> None:
        await link(browser)
        async with committed_sessions.begin() as session:
            other = await make_user(session, email="other@demo.invalid", password_hash=user.password_hash)
        await browser.post("/login", data={"email": other.email, "password": PASSWORD})

        refused = await browser.get(await sent_out(browser, f"{START}?link=true"))

        assert refused.status_code == 409
        async with committed_sessions() as session:
            assert (await session.execute(sa.select(col(LinkedIdentity.user_id)))).scalars().all() == [user.id]

    async def test_of_an_account_that_has_ended_opens_nothing(
        self, browser: httpx.AsyncClient, committed_sessions: Sessions
    ) -> None:
        await link(browser)
        async with committed_sessions.begin() as session:
            await session.execute(sa.update(User).values(active=False))

        assert (await browser.get(await sent_out(browser))).status_code == 401


async def test_no_other_site_can_send_a_browser_out(browser: httpx.AsyncClient) -> None:
    refused = await browser.get(START, headers={"sec-fetch-site": "cross-site"})

    assert refused.status_code == 403
    assert COOKIE not in browser.cookies
    assert (await browser.get("/login/oidc/nobody")).status_code == 404


async def test_the_sign_in_page_and_the_interface_name_the_providers(browser: httpx.AsyncClient) -> None:
    listed = (await browser.get("/api/v1/identity-providers")).json()["items"]

    assert [each["path"] for each in listed] == ["/login/oidc/city", "/login/oidc/other"]
    assert "城市统一身份" in (await browser.get("/login")).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[provider]]\nid = 'a'",
        "[[provider]]\nid='a'\nname='b'\nissuer='http://id.example'\nclient_id='c'",
        "[[provider]]\nid='a/b'\nname='b'\nissuer='https://id.example'\nclient_id='c'",
        "[[provider]]\nid='a'\nname='b'\nissuer='https://id.example'\nclient_id='c'\nother='d'",
        2 * "[[provider]]\nid='a'\nname='b'\nissuer='https://id.example'\nclient_id='c'\n",
    ],
)
def test_a_file_that_names_no_provider_as_it_must_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    place = tmp_path / "oidc.toml"
    place.write_text(text)

    with pytest.raises(BadSetting):
        Providers(Settings(oidc_file=place))
