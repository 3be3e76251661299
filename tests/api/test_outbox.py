"""What follows from a change is written in the same commit: a rollback takes it away, a commit delivers it once."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from pgqueuer.errors import DuplicateJobError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.db import connect
from api.outbox import EVENT_CHANNEL, HORIZON, UNSAID, enqueue, record
from domain.audit import digest
from domain.records import Event, Job, Organisation
from tests.factories import actor_of, make_organisation
from tests.town import settled

Sessions = async_sessionmaker[AsyncSession]
READ = f"select code from event where (xid, id) > (:xid, :id) and {HORIZON} order by xid, id"


async def firm(sessions: Sessions) -> Organisation:
    async with sessions.begin() as session:
        return await make_organisation(session)


async def tickets(sessions: Sessions) -> list[tuple[str, Any]]:
    async with sessions() as session:
        rows = await session.execute(sa.text("select entrypoint, payload from queue.pgqueuer order by id"))
        return [(kind, json.loads(payload)) for kind, payload in rows]


async def test_a_commit_delivers_event_and_job_together(committed_sessions: Sessions, database_url: str) -> None:
    organisation = await firm(committed_sessions)
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await connect(database_url)
    await listener.add_listener(EVENT_CHANNEL, lambda *told: heard.put_nowait(told[-1]))
    audience = sorted([uuid4(), uuid4()])

    async with committed_sessions.begin() as session:
        actor = actor_of(organisation)
        await record(session, actor, "test.made", organisation.id, audience=[*audience, audience[0]], units=3)
        await record(session, actor, "test.told", organisation.id)
        job = Job(kind="test", organisation_id=organisation.id)
        await enqueue(session, job)
        assert heard.empty()

    assert await asyncio.wait_for(heard.get(), 5) == ""
    await listener.close()
    assert await tickets(committed_sessions) == [("test", {"job": str(job.id)})]
    async with committed_sessions() as session:
        made, told = (await session.scalars(sa.select(Event).order_by(sa.text("id")))).all()
    assert (made.code, made.params, made.audience, made.user_id) == ("test.made", {"units": 3}, audience, None)
    assert (told.code, told.audience) == ("test.told", [])
    assert made.xid == told.xid
    assert heard.empty()  # two events of one commit wake a listener once


@pytest.mark.parametrize("first", ["event", "job"])
async def test_a_rollback_takes_both_away(committed_sessions: Sessions, first: str) -> None:
    organisation = await firm(committed_sessions)

    async with committed_sessions() as session:
        if first == "event":
            await record(session, actor_of(organisation), "test.made", organisation.id)
        await enqueue(session, Job(kind="test", organisation_id=organisation.id))
        await session.rollback()

    assert await tickets(committed_sessions) == []
    async with committed_sessions() as session:
        assert await session.scalar(sa.text("select (select count(*) from event) + (select count(*) from job)")) == 0


async def test_an_event_that_commits_late_is_not_missed(committed_sessions: Sessions) -> None:
    organisation = await firm(committed_sessions)
    actor = actor_of(organisation)

    async def read(after: dict[str, int]) -> list[str]:
        async with committed_sessions() as session:
            return list((await session.scalars(sa.text(READ), after)).all())

    async with committed_sessions() as slow:
        await record(slow, actor, "test.slow", organisation.id)
        await slow.flush()
        async with committed_sessions.begin() as quick:
            await record(quick, actor, "test.quick", organisation.id)

        seen_while_slow_runs = await read({"xid": 0, "id": 0})
        await slow.commit()

    assert seen_while_slow_runs == []
    await settled(committed_sessions)
    assert await read({"xid": 0, "id": 0}) == ["test.slow", "test.quick"]


@pytest.mark.parametrize("placed", [True, False], ids=["placed", "by number alone"])
@pytest.mark.parametrize("same", ["subject", "consortium"])
async def test_what_happened_to_one_thing_is_told_in_that_order_though_numbers_were_given_otherwise(
    committed_sessions: Sessions, same: str, placed: bool
) -> None:
    """The second in line had his number before the first; without the trigger he would be told of before him."""
    organisation = await firm(committed_sessions)
    consortium = uuid4()
    subjects = (organisation.id, organisation.id) if same == "subject" else (uuid4(), uuid4())
    if not placed:
        async with committed_sessions.begin() as session:
            await session.execute(sa.text("alter table event disable trigger event_place"))

    async with committed_sessions() as second:
        await second.execute(sa.text("select pg_current_xact_id()"))
        async with committed_sessions.begin() as first:
            await record(first, actor_of(organisation), "test.first", subjects[0], consortium_id=consortium)
        await record(second, actor_of(organisation), "test.second", subjects[1], consortium_id=consortium)
        await second.commit()
    async with committed_sessions.begin() as session:
        told = list(await session.scalars(sa.text("select code from event order by xid, id")))
        await session.execute(sa.text("alter table event enable trigger event_place"))

    assert (told == ["test.first", "test.second"]) is placed


async def test_a_job_is_queued_once(committed_sessions: Sessions) -> None:
    organisation = await firm(committed_sessions)
    job = Job(kind="test", organisation_id=organisation.id)

    async with committed_sessions.begin() as session:
        await enqueue(session, job)
    with pytest.raises(DuplicateJobError):
        async with committed_sessions.begin() as session:
            await enqueue(session, await session.get_one(Job, job.id))

    assert len(await tickets(committed_sessions)) == 1


async def test_the_queue_s_names_do_not_come_from_the_environment(
    committed_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUE_TABLE", "elsewhere")
    monkeypatch.setenv("PGQUEUER_PREFIX", "other_")
    from api.outbox import _names

    _names.cache_clear()
    organisation = await firm(committed_sessions)

    async with committed_sessions.begin() as session:
        await enqueue(session, Job(kind="test", organisation_id=organisation.id))

    assert [kind for kind, _ in await tickets(committed_sessions)] == ["test"]
    assert isinstance(organisation.id, UUID)


# ------------------------------------------------------------------ what changed


async def test_an_event_keeps_the_digests_of_its_subject_before_and_after(sessions: Any) -> None:
    """Made, changed twice, told; then told without a change. The oracle is a digest of the row's own columns."""
    told: list[tuple[bytes | None, bytes | None]] = []
    said: list[bytes] = []
    async with sessions.begin() as session:
        firm = await make_organisation(session, name="演示初名")
        for names in (("演示初名",), ("演示中名", "演示末名"), ()):
            for name in names:
                firm.name = name
                await session.flush()
            await record(session, actor_of(firm), "test.told", firm.id)
            await session.flush()
            newest = (await session.execute(sa.select(Event).order_by(sa.desc("id")).limit(1))).scalar_one()
            told.append((newest.digest_before, newest.digest_after))
            columns = {column.key: getattr(firm, column.key) for column in sa.inspect(Organisation).column_attrs}
            said.append(digest("organisation", {k: v for k, v in columns.items() if k not in UNSAID}))

    assert told == [(None, said[0]), (said[0], said[1]), (None, None)]
    assert said[0] != said[1]


async def test_a_change_that_was_undone_is_not_told(sessions: Any) -> None:
    async with sessions.begin() as session:
        firm = await make_organisation(session, name="演示初名")
        actor, identity = actor_of(firm), firm.id
        await record(session, actor, "test.told", identity)
        await session.flush()
        undone = await session.begin_nested()
        firm.name = "演示末名"
        await session.flush()
        await undone.rollback()
        await record(session, actor, "test.told", identity)
        await session.flush()
        newest = (await session.execute(sa.select(Event).order_by(sa.desc("id")).limit(1))).scalar_one()

    assert (newest.digest_before, newest.digest_after) == (None, None)
