"""Whatever goes wrong is answered as a problem document, in the reader's language, and never as a success."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import Annotated, Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar, get, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import FromQuery, JSONBody, Parameter
from pydantic import StringConstraints
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlmodel import col
from structlog.testing import capture_logs

from api.db import make_engine
from api.i18n import LOCALES, catalogue
from api.problems import Internal, refusal_of, status_of
from api.wire.base import Wire
from domain.errors import DomainError, Fault, IllegalTransition, Invalid, TooMany
from domain.kinds import Clean, PositiveQuantity, Printable
from domain.records import CapacityMonth, Organisation, User
from tests.api.little_app import ROOT, client_of, little_app
from tests.factories import make_capability, make_user


class PartIn(Wire):
    quantity: PositiveQuantity


class ThingIn(Wire):
    title: Annotated[str, StringConstraints(min_length=3, max_length=200), Clean, Printable]
    parts: tuple[PartIn, ...]
    due: date | None = None


@post("/things")
async def take_thing(data: JSONBody[ThingIn]) -> ThingIn:
    return data


@get("/search")
async def search(
    snapshot: NamedDependency[AsyncSession],
    limit: FromQuery[Annotated[int, Parameter(ge=1, le=200)]],
    text: FromQuery[str] = "",
) -> int:
    found = sa.select(sa.func.count()).select_from(Organisation).where(col(Organisation.name) == text)
    return int((await snapshot.execute(found)).scalar_one())


@get("/broken")
async def broken() -> None:
    raise ZeroDivisionError("the price of 岭南变流 is 21550000")


@get("/slow-down")
async def slow_down() -> None:
    raise TooMany(seconds=7)


@get("/states")
async def states() -> None:
    raise IllegalTransition(current="draft", wanted="signed", possible="review, withdrawn")


@pytest.fixture
async def app(engine: AsyncEngine) -> Litestar:
    return little_app(engine, take_thing, search, broken, slow_down, states)


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


def refusals(kind: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from refusals(narrower)


def assert_is_a_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"], body["type"]) == (status, code, f"/problems/{code}")
    assert body["request"] == response.headers["x-request-id"]
    assert body["instance"] == response.request.url.path
    return body


@pytest.mark.parametrize("locale", LOCALES)
def test_every_refusal_has_a_code_of_its_own_a_sentence_and_an_explanation(locale: Any) -> None:
    known = list(dict.fromkeys(refusals()))
    codes = [kind.code for kind in known]

    assert len(set(codes)) == len(codes)
    assert set(codes) <= catalogue(locale)["refusal"].keys()
    assert set(codes) <= catalogue(locale)["problem"].keys()
    assert all(400 <= status_of(kind(()) if kind is Invalid else kind()) < 600 for kind in known)


async def test_every_fault_of_a_body_is_named_at_once_with_its_path(client: httpx.AsyncClient) -> None:
    sent = {"title": "ab", "parts": [{"quantity": 1}, {"quantity": 0, "colour": "red"}, {}], "extra": 1, "due": "soon"}

    body = assert_is_a_problem(await client.post(f"{ROOT}/things", json=sent), 422, "invalid")

    assert body["params"] == {"count": 6}
    assert {fault["where"]: fault["code"] for fault in body["errors"]} == {
        "$.title": "string_too_short",
        "$.parts[1].quantity": "greater_than_equal",
        "$.parts[1].colour": "extra_forbidden",
        "$.parts[2].quantity": "missing",
        "$.extra": "extra_forbidden",
        "$.due": "date_from_datetime_parsing",
    }


@pytest.mark.parametrize("quantity", [True, "5", 1.0, None, 10**30, -1])
async def test_a_quantity_is_a_whole_number_and_nothing_that_resembles_one(
    client: httpx.AsyncClient, quantity: Any
) -> None:
    sent = {"title": "储能变流器", "parts": [{"quantity": quantity}]}

    body = assert_is_a_problem(await client.post(f"{ROOT}/things", json=sent), 422, "invalid")

    assert [fault["where"] for fault in body["errors"]] == ["$.parts[0].quantity"]


async def test_a_refusal_is_said_in_the_language_of_its_reader(client: httpx.AsyncClient) -> None:
    chinese = await client.get(f"{ROOT}/states", headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
    english = await client.get(f"{ROOT}/states", headers={"accept-language": "en-GB"})

    assert chinese.json()["title"] == "当前状态为“草稿”，不能变更为“已签署”。"
    assert english.json()["title"] == "The state is “draft”; it cannot become “signed”."
    assert english.headers["content-language"] == "en"
    assert english.json()["params"] == {"current": "draft", "wanted": "signed", "possible": "review, withdrawn"}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"title": "\xff"}',
        b'{"title": "\\ud800 alone", "parts": []}',
        b"[" * 100_000,
        b'{"title": "abc", "parts": [{"quantity": 1e999}]}',
        b'{"title": "abc", "parts": [{"quantity": ' + b"9" * 5000 + b"}]}",
        b"\x00",
        b"title=abc",
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_a_body_that_cannot_be_read_is_the_senders_fault(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post(f"{ROOT}/things", content=body, headers={"content-type": "application/json"})

    assert_is_a_problem(response, 400, "malformed")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"text"', b"7"])
async def test_a_body_that_is_no_object_is_a_fault_at_its_root(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post(f"{ROOT}/things", content=body, headers={"content-type": "application/json"})

    assert [fault["where"] for fault in assert_is_a_problem(response, 422, "invalid")["errors"]] == ["$"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries({}, optional={"title": JSON, "parts": JSON, "due": JSON})


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    body=st.binary(max_size=200)
    | JSON.map(lambda v: json.dumps(v).encode())
    | NEARLY.map(lambda v: json.dumps(v).encode())
)
async def test_no_body_whatever_breaks_the_service(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post(f"{ROOT}/things", content=body, headers={"content-type": "application/json"})

    assert response.status_code in (201, 400, 422)
    if response.status_code != 201:
        told = response.json()
        assert told["title"]
        assert response.status_code == 400 or all(fault["where"] and fault["title"] for fault in told["errors"])


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("", [("query limit", "missing", {})]),
        ("?limit=many", [("query limit", "int_parsing", {})]),
        ("?limit=0", [("query limit", "greater_than_equal", {"ge": 1})]),
        ("?limit=201", [("query limit", "less_than_equal", {"le": 200})]),
        ("?limit=9&text=%00", [("$", "unstorable", {})]),
    ],
)
async def test_a_faulty_parameter_is_named(
    client: httpx.AsyncClient, query: str, faults: list[tuple[str, str, dict[str, Any]]]
) -> None:
    body = assert_is_a_problem(await client.get(f"{ROOT}/search{query}"), 422, "invalid")

    assert [(fault["where"], fault["code"], fault["params"]) for fault in body["errors"]] == faults


@pytest.mark.parametrize("text", ["%FF%FE", "%ED%A0%80", "%F0%9F%98%80", "'; drop table event; --"])
async def test_odd_text_in_a_query_is_only_text(client: httpx.AsyncClient, text: str) -> None:
    assert (await client.get(f"{ROOT}/search?limit=1&text={text}")).json() == 0


async def test_unknown_addresses_and_methods_are_problems_too(client: httpx.AsyncClient) -> None:
    assert_is_a_problem(await client.get(f"{ROOT}/nowhere"), 404, "no-such-address")
    wrong = await client.delete(f"{ROOT}/things")
    assert_is_a_problem(wrong, 405, "method-not-allowed")
    assert wrong.headers["allow"] == "POST"


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    assert_is_a_problem(await client.post(f"{ROOT}/things", content=b" " * 10_000_001), 413, "too-large")


async def test_what_broke_inside_is_logged_once_and_never_told(client: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        response = await client.get(f"{ROOT}/broken", headers={"x-request-id": "support-call-0042"})

    body = assert_is_a_problem(response, 500, "internal")
    assert "support-call-0042" in body["title"]
    assert "21550000" not in response.text
    assert "ZeroDivision" not in response.text
    assert [(line["event"], line["request"]) for line in lines] == [("request.failed", "support-call-0042")]


@pytest.mark.parametrize("given", ["short", "x" * 65, 'with "quotes" and spaces', ""])
async def test_a_request_id_that_is_not_sensible_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get(f"{ROOT}/nowhere", headers={"x-request-id": given})

    assert response.headers["x-request-id"] not in ("", given)


async def test_a_limit_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    response = await client.get(f"{ROOT}/slow-down")

    assert_is_a_problem(response, 429, "too-many")
    assert response.headers["retry-after"] == "7"


async def test_a_database_out_of_reach_is_not_the_callers_fault() -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/nowhere")
    async with client_of(little_app(nowhere, search)) as client:
        response = await client.get(f"{ROOT}/search?limit=1")
    await nowhere.dispose()

    assert_is_a_problem(response, 503, "unavailable")
    assert response.headers["retry-after"] == "5"


async def test_each_code_is_explained_in_both_languages(client: httpx.AsyncClient) -> None:
    explained = (await client.get(f"{ROOT}/problems/seat-taken")).json()

    assert explained["title"].keys() == explained["explanation"].keys() == {"zh-CN", "en"}
    assert "第三十七条" in explained["explanation"]["zh-CN"]
    assert_is_a_problem(await client.get(f"{ROOT}/problems/no-such-code"), 404, "not-found")


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [(418, {}, 400), (501, {}, 500), (429, {"Retry-After": "3"}, 429), (503, {}, 503), (401, {}, 401), (403, {}, 403)],
)
def test_what_the_framework_refuses_keeps_its_meaning(status: int, headers: dict[str, str], expected: int) -> None:
    assert status_of(refusal_of(HTTPException(status_code=status, headers=headers))) == expected


def test_a_refusal_wrapped_in_a_group_is_the_refusal() -> None:
    refused = Invalid((Fault(where="$", code="missing"),))

    assert refusal_of(ExceptionGroup("cleanup", [refused])) is refused
    assert isinstance(refusal_of(ExceptionGroup("cleanup", [refused, ValueError()])), Internal)


def test_a_bug_that_looks_like_bad_input_is_a_bug() -> None:
    assert isinstance(refusal_of(RecursionError()), Internal)
    assert isinstance(refusal_of(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid")), Internal)


async def refused(sessions: async_sessionmaker[AsyncSession], *rows: Any) -> DomainError:
    """Return what writing these rows is refused as."""
    with pytest.raises(SQLAlchemyError) as caught:
        async with sessions.begin() as session:
            session.add_all(rows)
    return refusal_of(caught.value)


class TestWhatTheDatabaseRefuses:
    async def test_a_second_thing_of_the_same_identity(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        async with sessions.begin() as session:
            user = await make_user(session)
        twin = User(organisation_id=user.organisation_id, email=user.email, name="同名", password_hash="none")

        refusal = await refused(sessions, twin)

        assert (refusal.code, refusal.params) == ("already-exists", {"noun": "user_account"})

    async def test_a_reference_to_nothing(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        orphan = User(organisation_id=uuid4(), email="orphan@demo.invalid", name="无单位", password_hash="none")

        refusal = await refused(sessions, orphan)

        assert (refusal.code, refusal.params) == ("not-found", {"noun": "organisation"})

    async def test_removing_what_others_rest_on(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        async with sessions.begin() as session:
            user = await make_user(session)
        with pytest.raises(SQLAlchemyError) as caught:
            async with sessions.begin() as session:
                await session.delete(await session.get_one(Organisation, user.organisation_id))

        assert refusal_of(caught.value).code == "still-referenced"

    async def test_more_capacity_than_is_declared(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        async with sessions.begin() as session:
            capability = await make_capability(session)
            month = CapacityMonth(
                capability_id=capability.id,
                organisation_id=capability.organisation_id,
                month=date(2027, 3, 1),
                declared=10,
            )
            session.add(month)
        async with sessions() as session:
            await session.execute(sa.text("set local session_replication_role = replica"))
            overcommit = sa.update(CapacityMonth).where(col(CapacityMonth.id) == month.id).values(reserved=11)
            with pytest.raises(SQLAlchemyError) as caught:
                await session.execute(overcommit)

        assert refusal_of(caught.value).code == "capacity-exceeded"

    async def test_a_change_made_from_an_older_version(
        self, committed_sessions: async_sessionmaker[AsyncSession]
    ) -> None:
        async with committed_sessions.begin() as session:
            user = await make_user(session)
        async with committed_sessions() as one, committed_sessions() as other:
            mine, theirs = await one.get_one(User, user.id), await other.get_one(User, user.id)
            mine.name, theirs.name = "先改", "后改"
            await one.commit()
            with pytest.raises(SQLAlchemyError) as caught:
                await other.commit()

        assert refusal_of(caught.value).code == "stale"

    async def test_waiting_too_long_for_another(self, committed_sessions: async_sessionmaker[AsyncSession]) -> None:
        async with committed_sessions() as one, committed_sessions() as other:
            await one.execute(sa.text("select pg_advisory_lock(1)"))
            await other.execute(sa.text("set lock_timeout = '50ms'"))
            with pytest.raises(SQLAlchemyError) as caught:
                await other.execute(sa.text("select pg_advisory_lock(1)"))
            await one.execute(sa.text("select pg_advisory_unlock(1)"))

        assert refusal_of(caught.value).code == "stale"

    async def test_a_statement_of_ours_that_is_wrong(self, session: AsyncSession) -> None:
        with pytest.raises(SQLAlchemyError) as caught:
            await session.execute(sa.text("select nothing from nowhere"))

        assert isinstance(refusal_of(caught.value), Internal)
