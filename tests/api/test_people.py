"""People of an organisation: what each may do, how they come in, and how that ends at once; firms that are claimed."""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import uvicorn
from litestar import Litestar
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from api.actions import auth, people
from api.app import create_app
from api.auth import COOKIE
from api.powers import undecided
from api.queries import people as reading
from api.queries import visible
from api.settings import Settings
from domain.kinds import Role, Scope
from domain.records import Claim, EntryLink, Event, Organisation, SignIn, User
from tests.factories import credit_code, make_capability, make_opportunity, make_organisation, make_user
from tests.living import living

PASSWORD = "a long enough secret 2027"
ROOT = "http://127.0.0.1:8000"
API = "/api/v1"
NOBODY = "00000000-0000-4000-8000-000000000000"
GROUNDS = {"reason": "营业执照与授权书一致。", "evidence": "营业执照副本。"}
Sessions = async_sessionmaker[AsyncSession]

ASKED = {
    "read": ("GET", "/firms"),
    "own": ("GET", "/me"),
    "publish": ("POST", "/opportunities"),
    "declare": ("POST", "/capabilities"),
    "form": ("POST", "/consortia"),
    "sign": ("POST", f"/consortia/{NOBODY}/signatures"),
    "people": ("GET", "/people"),
    "connect": ("GET", "/webhooks"),
    "statistics": ("GET", "/indicators"),
    "verify": ("GET", "/claims"),
}
"""One operation for each power; a body that is missing is found out only after the power."""

DUTIES = {
    "admin": "read own people connect",
    "negotiator": "read own publish declare form",
    "signer": "read own sign",
    "viewer": "read own",
    "analyst": "own statistics",
    "officer": "read own publish declare form statistics verify",
    "operator": "read own publish declare form statistics",
}
"""What each duty is for, said again."""

SCOPES = {
    "read": "read",
    "declare": "read declare",
    "publish": "read publish",
    "formation": "read form",
    "sign": "read sign",
    "people": "people",
    "connections": "connect",
    "account": "own",
}
"""What each scope leaves of all that a firm's only person may do."""


@pytest.fixture(scope="module")
async def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Litestar]:
    async with living(
        create_app(Settings(home=tmp_path_factory.mktemp("home"), second_factor="optional"), database_url)
    ) as app:
        yield app


@contextlib.asynccontextmanager
async def client(app: Litestar, secret: str = "", *, token: bool = False) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a program that carries a session or a token, or nobody's."""
    carried = {"authorization": f"Bearer {secret}"} if token else {"cookie": f"{COOKIE}={secret}"}
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=ROOT + API, headers=carried if secret else {}) as made:
        yield made


async def person(sessions: Sessions, house: Organisation, *duties: str, **over: Any) -> tuple[User, str]:
    """Return a person of `house` with these duties, and the secret of his session."""
    async with sessions.begin() as session:
        user = await make_user(session, house, duties=list(duties), **over)
        opened = await auth.open_sign_in(session, user.id, people.LASTING, browser=True)
    return user, opened.secret


async def house_of(sessions: Sessions, *roles: Role, **over: Any) -> Organisation:
    async with sessions.begin() as session:
        return await make_organisation(session, *roles, **over)


async def rows(sessions: Sessions, kind: type[Any]) -> list[Any]:
    async with sessions() as session:
        return list((await session.execute(sa.select(kind))).scalars())


# ------------------------------------------------------------------ what each may do


def test_every_change_is_decided_on_and_no_line_decides_on_nothing(app: Litestar) -> None:
    assert list(undecided(app)) == []


@pytest.mark.parametrize("duty", DUTIES)
async def test_a_duty_lets_through_what_it_is_for_and_nothing_else(
    app: Litestar, committed_sessions: Sessions, duty: str
) -> None:
    role = {"analyst": Role.BUREAU, "officer": Role.BUREAU, "operator": Role.OPERATOR}.get(duty, Role.CHAIN_LEADER)
    _, secret = await person(committed_sessions, await house_of(committed_sessions, role), duty)

    async with client(app, secret) as asking:
        answers = {power: await asking.request(method, path) for power, (method, path) in ASKED.items()}

    assert {power for power, answer in answers.items() if not kept_out(answer)} == set(DUTIES[duty].split())


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_token_does_what_its_scope_says_and_nothing_else(
    app: Litestar, committed_sessions: Sessions, scope: str
) -> None:
    house = await house_of(committed_sessions, Role.CHAIN_LEADER, Role.SUPPLIER)
    user, _ = await person(committed_sessions, house, "admin", "negotiator", "signer")
    async with committed_sessions.begin() as session:
        made = await auth.open_sign_in(session, user.id, people.LASTING, browser=False, scopes=[Scope(scope)])

    async with client(app, made.secret, token=True) as asking:
        answers = {power: await asking.request(method, path) for power, (method, path) in ASKED.items()}

    assert {power for power, answer in answers.items() if not kept_out(answer)} == set(SCOPES[scope].split())


def kept_out(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.json()["code"] == "person-may-not"


async def test_a_token_can_do_no_more_than_its_person(app: Litestar, committed_sessions: Sessions) -> None:
    _, secret = await person(committed_sessions, await house_of(committed_sessions), "viewer")
    async with client(app, secret) as asking:
        made = (await asking.post("/tokens", json={"label": "ERP", "scopes": ["read", "sign", "people"]})).json()

    async with client(app, made["token"], token=True) as program:
        refused = [await program.request(*ASKED[power]) for power in ("sign", "people", "declare")]
        assert [answer.status_code for answer in refused] == [403, 403, 403]
        assert (await program.get("/firms")).status_code == 200
    assert made["scopes"] == ["read", "sign", "people"]


async def test_a_token_reads_only_unless_more_is_asked_for_and_its_last_use_is_told(
    app: Litestar, committed_sessions: Sessions
) -> None:
    house = await house_of(committed_sessions)
    _, secret = await person(committed_sessions, house, "admin", "negotiator", "signer")
    async with client(app, secret) as asking:
        made = (await asking.post("/tokens", json={"label": "BI"})).json()
        before = [row for row in (await asking.get("/sign-ins")).json()["items"] if not row["browser"]]
        async with client(app, made["token"], token=True) as program:
            assert (await program.get("/firms")).status_code == 200
            assert (await program.post("/capabilities", json={"phrase": "电芯"})).status_code == 403
        after = [row for row in (await asking.get("/sign-ins")).json()["items"] if not row["browser"]]

    assert [(row["label"], row["scopes"]) for row in before] == [("BI", ["read"])]
    assert after[0]["seen_at"] >= before[0]["seen_at"]


# ------------------------------------------------------------------ coming in


async def test_who_is_invited_by_link_enters_once_and_does_what_he_was_invited_for(
    app: Litestar, committed_sessions: Sessions
) -> None:
    house = await house_of(committed_sessions)
    _, secret = await person(committed_sessions, house, "admin")
    async with client(app, secret) as admin, client(app) as stranger:
        made = await admin.post("/entry-links", json={"email": "New@demo.invalid", "duties": ["viewer"]})
        key = made.json()["url"].rpartition("/")[2]
        entered = await stranger.post("/entries", json={"secret": key, "name": "来者", "password": PASSWORD})
        signed = await stranger.post("/sign-ins", json={"email": "new@demo.invalid", "password": PASSWORD})
        me = (await stranger.get("/me")).json()

    assert (made.status_code, entered.status_code, signed.status_code) == (201, 201, 201)
    assert (me["duties"], me["organisation"]["id"]) == (["viewer"], str(house.id))
    (link,) = await rows(committed_sessions, EntryLink)
    assert link.secret_hash == auth.digest(key)
    assert len(key) >= 43
    codes = [event.code for event in await rows(committed_sessions, Event)]
    assert codes == ["person.invited", "person.entered"]


@pytest.mark.parametrize("end", ["used", "revoked", "replaced", "run out", "never was", "taken address"])
async def test_a_link_that_opens_nothing_is_refused_in_one_way(
    app: Litestar, committed_sessions: Sessions, end: str
) -> None:
    _, secret = await person(committed_sessions, await house_of(committed_sessions), "admin")
    given = {"name": "来者", "password": PASSWORD}
    async with client(app, secret) as admin, client(app) as stranger:
        made = (await admin.post("/entry-links", json={"email": "new@demo.invalid", "duties": ["viewer"]})).json()
        key, link = made["url"].rpartition("/")[2], made["link"]["id"]
        await ended(end, admin, stranger, committed_sessions, link, key)
        key = "x" * 43 if end == "never was" else key
        refused = await stranger.post("/entries", json={"secret": key, **given})
        page = await stranger.get(f"{ROOT}/join/{key}")

    told = {name: value for name, value in refused.json().items() if name != "request"}
    assert (refused.status_code, told["code"], told["params"]) == (404, "link-unusable", {"noun": "entry_link"})
    assert page.status_code == (200 if end == "taken address" else 404)


async def ended(
    end: str, admin: httpx.AsyncClient, stranger: httpx.AsyncClient, sessions: Sessions, link: str, key: str
) -> None:
    match end:
        case "used":
            used = await stranger.post("/entries", json={"secret": key, "name": "来者", "password": PASSWORD})
            assert used.status_code == 201
        case "revoked":
            assert (await admin.delete(f"/entry-links/{link}")).status_code == 204
        case "replaced":
            assert (await admin.post(f"/entry-links/{link}/renewal")).status_code == 201
        case "run out":
            async with sessions.begin() as session:
                await session.execute(sa.text("update entry_link set expires_at = clock_timestamp()"))
        case "taken address":
            await person(sessions, await house_of(sessions), "viewer", email="new@demo.invalid")
        case _:
            assert end == "never was"


async def test_a_link_used_by_many_at_once_opens_once(app: Litestar, committed_sessions: Sessions) -> None:
    _, secret = await person(committed_sessions, await house_of(committed_sessions), "admin")
    async with client(app, secret) as admin, client(app) as stranger:
        made = (await admin.post("/entry-links", json={"email": "new@demo.invalid", "duties": ["viewer"]})).json()
        given = {"secret": made["url"].rpartition("/")[2], "name": "来者", "password": PASSWORD}
        answers = await asyncio.gather(*(stranger.post("/entries", json=given) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [201, *[404] * 5]


async def test_a_new_link_to_the_same_address_ends_the_old_and_a_colleague_is_not_invited(
    app: Litestar, committed_sessions: Sessions
) -> None:
    house = await house_of(committed_sessions)
    user, secret = await person(committed_sessions, house, "admin")
    async with client(app, secret) as admin:
        wanted = {"email": "new@demo.invalid", "duties": ["viewer"]}
        first = (await admin.post("/entry-links", json=wanted)).json()["link"]["id"]
        second = (await admin.post("/entry-links", json=wanted)).json()["link"]["id"]
        still = [row["id"] for row in (await admin.get("/entry-links")).json()["items"]]
        again = await admin.delete(f"/entry-links/{first}")
        colleague = await admin.post("/entry-links", json={"email": user.email, "duties": ["viewer"]})
        strange = await admin.post("/entry-links", json={"email": "o@demo.invalid", "duties": ["officer"]})

    assert still == [second]
    assert (again.status_code, again.json()["code"]) == (409, "illegal-transition")
    assert (colleague.status_code, colleague.json()["code"]) == (409, "already-exists")
    assert (strange.status_code, strange.json()["errors"][0]["code"]) == (422, "duty-elsewhere")


# ------------------------------------------------------------------ changes, and the end


async def test_nobody_gives_himself_more_and_everybody_may_do_less(app: Litestar, committed_sessions: Sessions) -> None:
    house = await house_of(committed_sessions)
    user, secret = await person(committed_sessions, house, "admin", "negotiator")
    await person(committed_sessions, house, "admin")
    async with client(app, secret) as asking:
        path = f"/people/{user.id}/duties"
        more = await asking.put(path, json={"duties": ["admin", "negotiator", "signer"]}, headers={"if-match": '"1"'})
        blind = await asking.put(path, json={"duties": ["admin"]})
        less = await asking.put(path, json={"duties": ["negotiator"]}, headers={"if-match": '"1"'})

    assert (more.status_code, more.json()["code"]) == (403, "own-duties")
    assert blind.status_code == 428
    assert (less.status_code, less.json()["duties"]) == (200, ["negotiator"])


@pytest.mark.parametrize("way", ["suspension", "removal", "duties"])
async def test_the_last_admin_stays(app: Litestar, committed_sessions: Sessions, way: str) -> None:
    house = await house_of(committed_sessions)
    user, secret = await person(committed_sessions, house, "admin", "signer")
    await person(committed_sessions, house, "admin", active=False)
    async with client(app, secret) as asking:
        if way == "duties":
            given: dict[str, Any] = {"json": {"duties": ["signer"]}, "headers": {"if-match": '"1"'}}
            refused = await asking.put(f"/people/{user.id}/duties", **given)
        else:
            refused = await asking.post(f"/people/{user.id}/{way}")

    assert (refused.status_code, refused.json()["code"]) == (409, "last-admin")


async def test_two_admins_who_suspend_each_other_at_once_leave_one(app: Litestar, committed_sessions: Sessions) -> None:
    for _ in range(4):
        assert (
            sum([answer.status_code == 200 for answer in await suspended_by_each_other(app, committed_sessions)]) == 1
        )


async def test_without_the_lock_nobody_would_be_left(
    app: Litestar, committed_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what the lock of the organisation is for."""

    both, look = asyncio.Barrier(2), reading.other_admin

    async def unlocked(*_: Any) -> None:
        return None

    async def unlocked_person(session: AsyncSession, actor: Any, identity: Any, **_: Any) -> User:
        return await session.get_one(User, identity)

    async def both_look_first(*asked: Any) -> bool:
        found: bool = await look(*asked)
        await both.wait()
        return found

    monkeypatch.setattr(reading, "lock_house", unlocked)
    monkeypatch.setattr(visible, "own_person", unlocked_person)
    monkeypatch.setattr(reading, "other_admin", both_look_first)

    answers = await suspended_by_each_other(app, committed_sessions)

    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]


async def suspended_by_each_other(app: Litestar, sessions: Sessions) -> list[httpx.Response]:
    house = await house_of(sessions)
    (first, one), (second, other) = [await person(sessions, house, "admin") for _ in range(2)]
    async with client(app, one) as a, client(app, other) as b:
        return list(
            await asyncio.gather(a.post(f"/people/{second.id}/suspension"), b.post(f"/people/{first.id}/suspension"))
        )


async def test_who_was_removed_is_gone_and_his_address_can_be_invited_again(
    app: Litestar, committed_sessions: Sessions
) -> None:
    house = await house_of(committed_sessions)
    _, secret = await person(committed_sessions, house, "admin")
    gone, _ = await person(committed_sessions, house, "signer", email="gone@demo.invalid", name="离职者")
    async with client(app, secret) as admin, client(app) as stranger:
        assert (await admin.post(f"/people/{gone.id}/removal")).status_code == 204
        listed = [row["name"] for row in (await admin.get("/people")).json()["items"]]
        again = await admin.post(f"/people/{gone.id}/reinstatement")
        made = (await admin.post("/entry-links", json={"email": "gone@demo.invalid", "duties": ["viewer"]})).json()
        given = {"secret": made["url"].rpartition("/")[2], "name": "复职者", "password": PASSWORD}
        entered = await stranger.post("/entries", json=given)

    assert "离职者" not in listed
    assert again.status_code == 404
    assert entered.status_code == 201


@pytest.fixture
async def base(committed_sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """A server on the loopback interface, for streams."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    served: Any = create_app(Settings(home=tmp_path, second_factor="optional"), database_url)
    server = uvicorn.Server(uvicorn.Config(served, host="127.0.0.1", port=port, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
        await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{port}{API}"
    server.should_exit = True
    server.force_exit = True
    await serving


@pytest.mark.parametrize("way", ["duties", "suspension", "removal", "firm"])
async def test_p37_authority_ends_at_once_for_sessions_tokens_and_streams(
    base: str, committed_sessions: Sessions, way: str
) -> None:
    house = await house_of(committed_sessions)
    _, boss = await person(committed_sessions, house, "admin")
    _, officer = await person(committed_sessions, await house_of(committed_sessions, Role.BUREAU), "officer")
    user, secret = await person(committed_sessions, house, "negotiator")
    async with committed_sessions.begin() as session:
        made = await auth.open_sign_in(session, user.id, people.LASTING, browser=False)
    async with httpx.AsyncClient(base_url=base, timeout=30) as asking:
        listening = asyncio.create_task(listened(asking, secret))
        await asyncio.sleep(0.5)
        by = {"cookie": f"{COOKIE}={officer if way == 'firm' else boss}"}
        match way:
            case "duties":
                changed = await asking.put(
                    f"/people/{user.id}/duties", json={"duties": ["viewer"]}, headers={**by, "if-match": '"1"'}
                )
            case "firm":
                changed = await asking.post(f"/firms/{house.id}/suspension", json=GROUNDS, headers=by)
            case _:
                changed = await asking.post(f"/people/{user.id}/{way}", headers=by)
        done = time.monotonic()
        session_refused = await asking.get("/me", headers={"cookie": f"{COOKIE}={secret}"})
        token_refused = await asking.get("/firms", headers={"authorization": f"Bearer {made.secret}"})
        refused_after = time.monotonic() - done
        await asyncio.wait_for(listening, 5)

    assert changed.status_code in (200, 204)
    assert (session_refused.status_code, token_refused.status_code) == (401, 401)
    assert refused_after < 1


async def listened(asking: httpx.AsyncClient, secret: str) -> None:
    async with asking.stream("GET", "/events/stream", headers={"cookie": f"{COOKIE}={secret}"}) as stream:
        assert stream.status_code == 200
        async for _ in stream.aiter_lines():
            pass


# ------------------------------------------------------------------ firms that are claimed


def claimed(code: str, **over: str) -> dict[str, str]:
    return {
        "credit_code": code, "name": "演示认领企业", "person": "认领人", "email": "claim@demo.invalid",
        "password": PASSWORD, **over,
    }  # fmt: skip


async def signed_in(asking: httpx.AsyncClient, email: str = "claim@demo.invalid") -> None:
    answer = await asking.post("/sign-ins", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 201, answer.text


async def test_p28_an_unverified_firm_sees_nothing_of_others(app: Litestar, committed_sessions: Sessions) -> None:
    async with committed_sessions.begin() as session:
        await make_opportunity(session, await make_organisation(session, Role.CHAIN_LEADER))
    async with client(app) as asking:
        await asking.post("/claims", json=claimed(credit_code(9_000_001)))
        await signed_in(asking)
        read = {
            path: await asking.get(path) for path in ("/opportunities", "/firms", "/consortia", "/events", "/ledger")
        }
        own = await asking.get("/claims/own")
        me = (await asking.get("/me")).json()["organisation"]

    assert {(answer.status_code, answer.json()["code"]) for answer in read.values()} == {(403, "not-verified")}
    assert (own.json()["state"], me["standing"], me["roles"]) == ("pending", "unverified", [])


async def test_p28_a_known_code_and_a_known_address_are_answered_like_unknown_ones(
    app: Litestar, committed_sessions: Sessions
) -> None:
    firm = await house_of(committed_sessions)
    user, _ = await person(committed_sessions, firm, "admin")
    assert firm.credit_code is not None
    async with client(app) as asking:
        answers = [
            await asking.post("/claims", json=claimed(firm.credit_code, email="a@demo.invalid")),
            await asking.post("/claims", json=claimed(credit_code(9_000_002), email="b@demo.invalid")),
            await asking.post("/claims", json=claimed(credit_code(9_000_003), email=user.email)),
        ]

    assert {(answer.status_code, answer.text) for answer in answers} == {(202, '{"received":true}')}
    assert len(await rows(committed_sessions, Claim)) == 2


async def test_p28_a_verified_claim_opens_the_platform_to_a_firm_that_was_unknown(
    app: Litestar, committed_sessions: Sessions
) -> None:
    _, secret = await person(committed_sessions, await house_of(committed_sessions, Role.BUREAU), "officer")
    code = credit_code(9_000_004)
    async with client(app, secret) as officer, client(app) as asking:
        await asking.post("/claims", json=claimed(code))
        await signed_in(asking)
        (claim,) = (await officer.get("/claims")).json()["items"]
        bare = await officer.post(f"/claims/{claim['id']}/verification", json={"reason": "好的", "evidence": ""})
        verified = await officer.post(f"/claims/{claim['id']}/verification", json={**GROUNDS, "roles": ["supplier"]})
        again = await officer.post(f"/claims/{claim['id']}/refusal", json=GROUNDS)
        firms = await asking.get("/firms")
        me = (await asking.get("/me")).json()

    assert bare.status_code == 422
    assert (claim["known"], verified.status_code, verified.json()["state"]) == (None, 200, "verified")
    assert (again.status_code, again.json()["code"]) == (409, "illegal-transition")
    assert firms.status_code == 200
    assert (me["organisation"]["standing"], me["organisation"]["roles"]) == ("verified", ["supplier"])
    assert me["duties"] == ["admin", "negotiator", "signer"]
    (row,) = await rows(committed_sessions, Claim)
    assert (row.reason, row.evidence, row.decided_by is not None) == (GROUNDS["reason"], GROUNDS["evidence"], True)


async def test_p28_a_claim_attaches_to_a_firm_that_was_imported_and_has_nobody(
    app: Litestar, committed_sessions: Sessions
) -> None:
    async with committed_sessions.begin() as session:
        firm = await make_organisation(session, Role.SUPPLIER)
        await make_capability(session, firm)
    _, secret = await person(committed_sessions, await house_of(committed_sessions, Role.BUREAU), "officer")
    assert firm.credit_code is not None
    async with client(app, secret) as officer, client(app) as asking:
        for email in ("claim@demo.invalid", "other@demo.invalid"):
            await asking.post("/claims", json=claimed(firm.credit_code, email=email))
        await signed_in(asking)
        assert (await asking.get("/capabilities")).status_code == 403
        first, second = sorted((await officer.get("/claims")).json()["items"], key=lambda claim: claim["email"])
        verified = await officer.post(f"/claims/{first['id']}/verification", json=GROUNDS)
        late = await officer.post(f"/claims/{second['id']}/verification", json=GROUNDS)
        own = (await asking.get("/capabilities")).json()["items"]

    assert first["known"] == {"id": str(firm.id), "name": firm.name, "people": 0}
    assert verified.status_code == 200
    assert (late.status_code, late.json()["code"]) == (409, "firm-has-people")
    assert len(own) == 1


async def test_p35_the_officer_sees_the_firms_whose_names_look_like_the_claimed_one(
    app: Litestar, committed_sessions: Sessions
) -> None:
    async with committed_sessions.begin() as session:
        firm = await make_organisation(session, Role.SUPPLIER, name="演示未来电机有限公司")
        await make_organisation(session, Role.SUPPLIER, name="演示将来电机有限公司")
    _, secret = await person(committed_sessions, await house_of(committed_sessions, Role.BUREAU), "officer")
    async with client(app, secret) as officer, client(app) as asking:
        mixed = await asking.post("/claims", json=claimed(credit_code(9_000_006), name="演示Pаypal有限公司"))
        await asking.post("/claims", json=claimed(credit_code(9_000_007), name="演示末来電机有限公司"))
        await asking.post("/claims", json=claimed(str(firm.credit_code), name=firm.name, email="own@demo.invalid"))
        own, alike = sorted(
            (await officer.get("/claims")).json()["items"], key=lambda claim: claim["email"], reverse=True
        )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ROOT) as browser:  # type: ignore[arg-type]
        page = await browser.get("/claims", headers={"authorization": f"Bearer {secret}", "accept": "text/html"})

    assert (mixed.status_code, [(each["where"], each["code"]) for each in mixed.json()["errors"]]) == (
        422, [("$.name", "mixed-scripts")],
    )  # fmt: skip
    assert alike["alike"] == [{"id": str(firm.id), "name": firm.name, "credit_code": firm.credit_code}]
    assert own["alike"] == []
    assert f'<a href="/firms/{firm.id}">{firm.name}</a> <code>{firm.credit_code}</code>' in page.text


async def test_p28_a_refused_claim_says_why_and_opens_nothing(app: Litestar, committed_sessions: Sessions) -> None:
    _, secret = await person(committed_sessions, await house_of(committed_sessions, Role.BUREAU), "officer")
    async with client(app, secret) as officer, client(app) as asking:
        await asking.post("/claims", json=claimed(credit_code(9_000_005)))
        await signed_in(asking)
        (claim,) = (await officer.get("/claims")).json()["items"]
        refused = await officer.post(f"/claims/{claim['id']}/refusal", json=GROUNDS)
        own = (await asking.get("/claims/own")).json()

        assert refused.status_code == 200
        assert (own["state"], own["reason"]) == ("refused", GROUNDS["reason"])
        assert (await asking.get("/firms")).json()["code"] == "not-verified"


async def test_p28_nobody_claims_a_bureau_and_nobody_decides_on_himself(
    app: Litestar, committed_sessions: Sessions
) -> None:
    bureau = await house_of(committed_sessions, Role.BUREAU)
    _, secret = await person(committed_sessions, bureau, "officer")
    empty = await house_of(committed_sessions, Role.BUREAU)
    assert empty.credit_code is not None
    async with client(app, secret) as asking:
        await asking.post("/claims", json=claimed(empty.credit_code))
        (claim,) = (await asking.get("/claims")).json()["items"]
        taken = await asking.post(f"/claims/{claim['id']}/verification", json=GROUNDS)
        own = await asking.post(f"/firms/{bureau.id}/suspension", json=GROUNDS)

    assert (taken.status_code, taken.json()["code"]) == (403, "own-matter")
    assert (own.status_code, own.json()["code"]) == (403, "own-matter")
    (row,) = await rows(committed_sessions, Claim)
    with pytest.raises(DBAPIError, match="ck_claim_not_one_s_own"):
        async with committed_sessions.begin() as session:
            await session.execute(
                sa.text(
                    "update claim set state = 'verified', reason = 'x', evidence = 'x', decided_by = user_id,"
                    " decided_at = clock_timestamp() where id = :id"
                ),
                {"id": row.id},
            )


async def test_a_suspended_firm_cannot_sign_in_until_it_is_reinstated(
    app: Litestar, committed_sessions: Sessions
) -> None:
    firm = await house_of(committed_sessions)
    hashed = await auth.hashed(PASSWORD)
    await person(committed_sessions, firm, "admin", email="f@demo.invalid", password_hash=hashed)
    _, secret = await person(committed_sessions, await house_of(committed_sessions, Role.BUREAU), "officer")
    credentials = {"email": "f@demo.invalid", "password": PASSWORD}
    async with client(app, secret) as officer, client(app) as asking:
        suspended = await officer.post(f"/firms/{firm.id}/suspension", json=GROUNDS)
        kept = await asking.post("/sign-ins", json=credentials)
        reinstated = await officer.post(f"/firms/{firm.id}/reinstatement", json=GROUNDS)
        let_in = await asking.post("/sign-ins", json=credentials)

    assert (suspended.json()["standing"], reinstated.json()["standing"]) == ("suspended", "verified")
    assert (kept.status_code, kept.json()["code"], let_in.status_code) == (401, "wrong-password", 201)
    assert await rows(committed_sessions, SignIn)


async def test_p28_the_database_and_the_library_agree_on_every_code(engine: AsyncEngine) -> None:
    """GB 32100: 4,000 sound codes, and 11,650 with one character replaced or two neighbours changed over."""
    draw = random.Random(28)
    sound = [credit_code(draw.randrange(10_000_000)) for _ in range(4_000)]
    codes = sound + [spoiled(draw, draw.choice(sound)) for _ in range(11_650)]

    async with engine.connect() as connection:
        asked = sa.text(
            "select credit_code_holds(code) from unnest(cast(:codes as text[])) with ordinality c(code, n) order by n"
        )
        told = list((await connection.execute(asked, {"codes": codes})).scalars())

    assert told == [holds(code) for code in codes]
    assert (sum(told[:4_000]), sum(told[4_000:])) == (4_000, 0)


def holds(code: str) -> bool:
    try:
        return bool(uscc.validate(code))
    except ValidationError:
        return False


def spoiled(draw: random.Random, code: str) -> str:
    letters = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    while True:
        place = draw.randrange(17)
        if draw.random() < 0.5:
            other = code[:place] + draw.choice(letters) + code[place + 1 :]
        else:
            other = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        if other != code:
            return other
