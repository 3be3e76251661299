"""One request is one transaction, and no failed commit is ever answered with success."""

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api.db import (
    DatabaseUnfit,
    connect,
    dsn_of,
    make_engine,
    make_sessions,
    snapshot,
    transaction,
)
from domain.kinds import Role
from domain.records import SignInThrottle
from tests.factories import make_capability, make_opportunity, make_organisation

Sessions = async_sessionmaker[AsyncSession]


@post("/throttles")
async def add(session: NamedDependency[AsyncSession]) -> dict[str, str]:
    session.add(SignInThrottle(email="one@demo.invalid"))  # written only by the commit
    return {"said": "ok"}


@post("/throttles/then-fail")
async def add_then_fail(session: NamedDependency[AsyncSession]) -> None:
    session.add(SignInThrottle(email="two@demo.invalid"))
    await session.flush()
    raise ZeroDivisionError


@get("/throttles")
async def count_twice(snapshot: NamedDependency[AsyncSession], state: State) -> list[int]:
    """Count, let somebody else add one, count again."""
    first = await number(snapshot)
    async with state.sessions.begin() as other:
        other.add(SignInThrottle(email="meanwhile@demo.invalid"))
    return [first, await number(snapshot)]


@post("/throttles/by-a-reader")
async def write_as_reader(snapshot: NamedDependency[AsyncSession]) -> None:
    snapshot.add(SignInThrottle(email="three@demo.invalid"))


async def provide_session(state: State) -> AsyncIterator[AsyncSession]:
    async with transaction(state.sessions) as session:
        yield session


async def provide_snapshot(state: State) -> AsyncIterator[AsyncSession]:
    async with snapshot(state.engine) as session:
        yield session


async def number(session: AsyncSession) -> int:
    return int(await session.scalar(sa.text("select count(*) from sign_in_throttle")) or 0)


@pytest.fixture
async def client(engine: AsyncEngine, committed_sessions: Sessions) -> Any:
    """A small application with the real dependencies."""
    app = Litestar(
        [add, add_then_fail, count_twice, write_as_reader],
        dependencies={"session": Provide(provide_session), "snapshot": Provide(provide_snapshot)},
        state=State({"engine": engine, "sessions": committed_sessions}),
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(cast(Any, app)), base_url="http://test.invalid"
    ) as client:
        yield client


async def test_what_a_handler_wrote_is_committed_before_the_answer(
    client: httpx.AsyncClient, committed_sessions: Sessions
) -> None:
    answer = await client.post("/throttles")

    assert answer.status_code == 201
    async with committed_sessions() as session:
        assert await number(session) == 1


async def test_a_failed_commit_is_never_answered_with_success(
    client: httpx.AsyncClient, committed_sessions: Sessions
) -> None:
    await client.post("/throttles")

    answer = await client.post("/throttles")

    assert answer.status_code == 500
    assert "ok" not in answer.text
    async with committed_sessions() as session:
        assert await number(session) == 1


async def test_a_handler_that_fails_leaves_nothing(client: httpx.AsyncClient, committed_sessions: Sessions) -> None:
    assert (await client.post("/throttles/then-fail")).status_code == 500
    async with committed_sessions() as session:
        assert await number(session) == 0


async def test_a_reader_sees_one_moment(client: httpx.AsyncClient) -> None:
    assert (await client.get("/throttles")).json() == [0, 0]
    assert (await client.get("/throttles")).status_code == 500  # the same address cannot be added twice
    assert (await client.post("/throttles")).status_code == 201


async def test_a_reader_cannot_write(client: httpx.AsyncClient, committed_sessions: Sessions) -> None:
    assert (await client.post("/throttles/by-a-reader")).status_code == 500
    async with committed_sessions() as session:
        assert await number(session) == 0


async def test_a_transaction_is_whole_or_nothing(committed_sessions: Sessions, engine: AsyncEngine) -> None:
    with pytest.raises(IntegrityError):
        async with transaction(committed_sessions) as session:
            session.add_all([SignInThrottle(email="a@demo.invalid"), SignInThrottle(email="a@demo.invalid")])
    async with transaction(committed_sessions) as session:
        session.add(SignInThrottle(email="b@demo.invalid"))

    async with snapshot(engine) as session:
        assert await number(session) == 1
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await session.execute(sa.text("delete from sign_in_throttle"))


async def test_connections_that_died_in_the_pool_are_replaced(database_url: str) -> None:
    engine = make_engine(database_url, size=1)
    async with make_sessions(engine)() as session:
        pid = await session.scalar(sa.text("select pg_backend_pid()"))
    admin = await connect(database_url)
    await admin.execute("select pg_terminate_backend($1)", pid)
    await admin.close()

    async with make_sessions(engine)() as session:
        assert await session.scalar(sa.text("select pg_backend_pid()")) != pid
    await engine.dispose()


async def test_nothing_waits_for_a_lock_for_ever(session: AsyncSession) -> None:
    assert await session.scalar(sa.text("show lock_timeout")) == "15s"
    assert await session.scalar(sa.text("show idle_in_transaction_session_timeout")) == "5min"


async def test_json_that_postgresql_cannot_keep_is_refused(session: AsyncSession) -> None:
    with pytest.raises(StatementError, match="JSON compliant"):
        await session.execute(sa.text("select :value").bindparams(sa.bindparam("value", float("nan"), type_=sa.JSON())))


@pytest.mark.parametrize(
    ("url", "dsn"),
    [
        ("postgresql://a:b@h:5/d", "postgresql://a:b@h:5/d"),
        ("postgres://h/d", "postgresql://h/d"),
        ("postgresql+asyncpg://a@/d?host=/run/链&port=1", "postgresql://a@/d?host=/run/%E9%93%BE&port=1"),
        ("postgresql+asyncpg://h/d?ssl=require", "postgresql://h/d?sslmode=require"),
    ],
)
def test_every_spelling_of_an_address_is_understood(url: str, dsn: str) -> None:
    assert dsn_of(url) == dsn


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(DatabaseUnfit) as refused:
        dsn_of("sqlite:///data.db")

    assert refused.value.message.code == "not-a-postgresql-url"
    assert refused.value.message.params == {"scheme": "sqlite"}


@pytest.mark.parametrize(
    "hidden",
    ["\x07", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "\u2066", "e\u0301"],
    ids=["control", "ansi", "bidi", "zero-width", "mark", "isolate", "second spelling"],
)
async def test_p36_the_database_refuses_by_name_what_cannot_be_seen(session: AsyncSession, hidden: str) -> None:
    firm = await make_organisation(session, Role.SUPPLIER)
    lot = await make_opportunity(session, firm)
    for row, column in ((firm, "name"), (await make_capability(session, firm), "phrase"), (lot, "title")):
        with pytest.raises(IntegrityError, match=f"ck_{row.__tablename__}_{column}_text"):
            async with session.begin_nested():
                await session.execute(
                    sa.update(type(row)).where(sa.column("id") == row.id).values({column: f"岭南{hidden}变流"})
                )
