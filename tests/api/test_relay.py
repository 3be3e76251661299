"""Every event is handed on once to everybody who asked for it and may see it, whatever is killed in between."""

import asyncio
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import channels, relaying
from api.jobs.telling import hand_on
from api.outbox import record
from api.queries import events
from api.wire.channels import ChannelIn, families
from domain.actor import Actor
from domain.kinds import ChannelKind, Role
from tests.conftest import PROJECT
from tests.factories import actor_of, make_organisation, make_user

Sessions = async_sessionmaker[AsyncSession]


async def listener(sessions: Sessions, role: Role = Role.SUPPLIER, **over: Any) -> tuple[Actor, UUID]:
    """Add a person who is told by e-mail, and return him with his channel."""
    async with sessions.begin() as session:
        user = await make_user(session, await make_organisation(session, role))
        actor = Actor(user_id=user.id, organisation_id=user.organisation_id, roles=frozenset({role}))
        row = await channels.add(session, actor, ChannelIn(kind=ChannelKind.EMAIL, label="邮箱", **over))
        return actor, row.id


async def told(sessions: Sessions, channel: UUID) -> list[str]:
    """Return the codes of what a channel is told, in order."""
    statement = sa.text(
        "select code from event join notice on event_id = event.id where channel_id = :channel order by notice.id"
    )
    async with sessions() as session:
        return list((await session.execute(statement, {"channel": channel})).scalars())


async def handed_on(sessions: Sessions) -> None:
    """Hand on everything, also what a transaction elsewhere in the cluster holds back for a moment."""
    for _ in range(1200):
        await hand_on(sessions)
        async with sessions() as session:
            waits = await session.scalar(
                sa.text(
                    "select exists (select from event e left join relay r on true"
                    " where (e.xid, e.id) > (coalesce(r.xid, 0), coalesce(r.event_id, 0)))"
                )
            )
        if not waits:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("events are held back")


async def test_people_are_told_what_they_may_see_and_did_not_do_themselves(committed_sessions: Sessions) -> None:
    me, mine = await listener(committed_sessions)
    _, stranger = await listener(committed_sessions)
    _, bureau = await listener(committed_sessions, Role.BUREAU)
    async with committed_sessions.begin() as session:
        leader = actor_of(await make_organisation(session, Role.CHAIN_LEADER))
        await record(session, leader, "membership.invited", uuid4(), audience=[me.organisation_id])
        await record(session, leader, "opportunity.drafted", uuid4())
        await record(session, me, "membership.accepted", uuid4(), audience=[leader.organisation_id])

    await handed_on(committed_sessions)

    assert await told(committed_sessions, mine) == ["membership.invited"]
    assert await told(committed_sessions, stranger) == []
    assert await told(committed_sessions, bureau) == [
        "membership.invited",
        "opportunity.drafted",
        "membership.accepted",
    ]


async def test_a_channel_hears_its_kinds_of_event_and_nothing_about_channels(committed_sessions: Sessions) -> None:
    actor, few = await listener(committed_sessions, Role.BUREAU, families=("membership",))
    async with committed_sessions.begin() as session:
        other = actor_of(await make_organisation(session))
        for code in ("membership.invited", "consortium.formed", "channel.failed"):
            await record(session, other, code, uuid4(), audience=[actor.organisation_id])

    await handed_on(committed_sessions)

    assert await told(committed_sessions, few) == ["membership.invited"]
    assert not {"channel", "calendar"} & set(families())


async def test_a_channel_hears_nothing_that_happened_before_it_was_made(committed_sessions: Sessions) -> None:
    async with committed_sessions.begin() as session:
        other = actor_of(await make_organisation(session))
        await record(session, other, "membership.invited", uuid4())
    _, bureau = await listener(committed_sessions, Role.BUREAU)

    await handed_on(committed_sessions)

    assert await told(committed_sessions, bureau) == []


async def test_settings_are_seen_by_those_whose_they_are(committed_sessions: Sessions) -> None:
    me, _ = await listener(committed_sessions)
    async with committed_sessions.begin() as session:
        await record(session, me, "endpoint.added", uuid4(), label="ERP")
        colleague = Actor(user_id=uuid4(), organisation_id=me.organisation_id, roles=me.roles)
        bureau = actor_of(await make_organisation(session, Role.BUREAU))

    async def seen(actor: Actor) -> list[str]:
        async with committed_sessions() as session:
            return [event.code for event in await events.latest(session, actor)]

    assert await seen(me) == ["endpoint.added", "channel.added"]
    assert await seen(colleague) == ["endpoint.added"]
    assert await seen(bureau) == []


async def test_only_one_process_hands_on_at_a_time(committed_sessions: Sessions) -> None:
    await listener(committed_sessions)
    await handed_on(committed_sessions)
    async with committed_sessions.begin() as session:
        await record(session, actor_of(await make_organisation(session)), "membership.invited", uuid4())
    async with committed_sessions() as first, committed_sessions() as second:
        await relaying.hand_on(first)

        assert await relaying.hand_on(second) == 0


# ------------------------------------------------------------------ many writers, a relay that is killed


@dataclass
class Storm:
    """Writers whose transactions end in another order than they began, each consortium's events numbered in order."""

    sessions: Sessions
    actor: Actor
    consortia: list[UUID]
    chance: Random
    numbers: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    naive: list[int] = field(default_factory=list)
    writing: bool = True

    async def write(self, events: int) -> None:
        """Write events, one a transaction, as actions do: the consortium is locked first."""
        for _ in range(events):
            consortium = self.chance.choice(self.consortia)
            async with self.sessions.begin() as session:
                await session.execute(sa.text(f"select pg_advisory_xact_lock({consortium.int % 2**31})"))
                self.numbers[consortium] += 1
                await self.record(session, consortium, self.numbers[consortium])
                await session.flush()
                await asyncio.sleep(self.chance.random() / 100)

    async def record(self, session: AsyncSession, consortium: UUID, number: int) -> None:
        await record(session, self.actor, "membership.invited", consortium, consortium_id=consortium, number=number)

    async def write_late(self) -> None:
        """Write one event and commit it when somebody who remembers the last id has gone past it."""
        late = uuid4()
        async with self.sessions.begin() as session:
            await self.record(session, late, 1)
            await session.flush()
            mine = int(await session.scalar(sa.text("select max(id) from event")) or 0)
            while not self.naive or self.naive[-1] < mine:  # noqa: ASYNC110 - the reader is a loop of its own
                await asyncio.sleep(0.005)
        self.numbers[late] = 1

    async def read_naively(self) -> None:
        """Read as one who only remembers the last id he has seen: the negative control."""
        while self.writing:
            async with self.sessions() as session:
                last = self.naive[-1] if self.naive else 0
                found = await session.scalars(
                    sa.text("select id from event where id > :last order by id"), {"last": last}
                )
                self.naive += found.all()
            await asyncio.sleep(0.002)


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a telling process until the block ends; it is killed, never asked to stop."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.telling_worker", *arguments, cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert running.stdout is not None
        await running.stdout.readline()
        yield running
    finally:
        if running.returncode is None:
            os.kill(running.pid, signal.SIGKILL)
        await running.wait()


@pytest.mark.parametrize(
    ("writers", "each", "kills"), [(10, 12, 2), pytest.param(50, 100, 20, marks=pytest.mark.long)], ids=["few", "many"]
)
async def test_no_event_is_lost_or_told_twice_while_the_relay_is_killed(
    committed_sessions: Sessions, database_url: str, writers: int, each: int, kills: int
) -> None:
    _, channel = await listener(committed_sessions, Role.BUREAU)
    async with committed_sessions.begin() as session:
        actor = actor_of(await make_organisation(session))
    storm = Storm(committed_sessions, actor, [uuid4() for _ in range(6)], Random(7))

    naive = asyncio.create_task(storm.read_naively())
    writing = [asyncio.create_task(storm.write(each)) for _ in range(writers)]
    writing.append(asyncio.create_task(storm.write_late()))
    for _ in range(kills):
        async with process(database_url):
            await asyncio.sleep(0.15)
    await asyncio.gather(*writing)
    storm.writing = False
    await naive
    await handed_on(committed_sessions)

    async with committed_sessions() as session:
        rows = await session.execute(
            sa.text(
                "select e.id, e.consortium_id, (e.params ->> 'number')::int from notice n "
                "join event e on e.id = n.event_id where n.channel_id = :channel order by n.id"
            ),
            {"channel": channel},
        )
        heard = [tuple(row) for row in rows]
    by_consortium: dict[UUID, list[int]] = defaultdict(list)
    for _, consortium, number in heard:
        by_consortium[consortium].append(number)
    assert by_consortium == {key: list(range(1, last + 1)) for key, last in storm.numbers.items()}
    assert len(set(storm.naive)) < len(heard) == writers * each + 1
