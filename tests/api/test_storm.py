"""A storm of formation promises no capacity twice, reaches no state that cannot be, and its history tells all of it."""

import asyncio
import contextlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api.actions import consortia, suggestions
from api.db import connect, make_engine, make_sessions
from api.wire.consortia import ConsortiumIn, InviteIn
from domain.actor import Actor
from domain.errors import CapacityExceeded
from domain.kinds import OpportunityState, Role
from tests.api.history import AUDIT, JOURNAL, wrongs
from tests.api.storm import DEEDS, FAR, Client, Tally, blow, found, plan, run, town_of
from tests.conftest import PROJECT, named, prepared
from tests.factories import (
    actor_of,
    make_capability,
    make_job,
    make_opportunity,
    make_organisation,
    make_package,
    make_user,
)

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def sea(server_url: str) -> AsyncIterator[str]:
    """A database of the storm's own, with a town in it and a journal beside its ledger."""
    name = f"test_storm_{uuid4().hex[:8]}_{os.getpid()}"
    await prepared(server_url, name)
    url = named(server_url, name)
    async with engine_on(url) as engine:
        await found(make_sessions(engine))
        raw = await connect(url)
        await raw.execute(JOURNAL)
        await raw.close()
    yield url
    admin = await connect(server_url)
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


@contextlib.asynccontextmanager
async def engine_on(url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(url)
    yield engine
    await engine.dispose()


async def process(url: str, seed: int, clients: int, operations: int) -> dict[str, Any]:
    """Run one process of the storm and return its tally."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.storm", url, str(seed), str(clients), str(operations),
        cwd=PROJECT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await child.communicate()
    assert child.returncode == 0
    told: dict[str, Any] = json.loads(out)
    return told


async def sample(engine: AsyncEngine, done: asyncio.Event) -> set[tuple[int, int]]:
    """Look at the ledger every 50 ms, each time at one moment."""
    seen = set()
    while not done.is_set():
        async with engine.connect() as connection:
            (moment,) = (await connection.execute(sa.text(AUDIT))).all()
        seen.add((moment.over, moment.drift))
        await asyncio.sleep(0.05)
    return seen


async def judged(url: str, forgery: str = "") -> list[str]:
    """Return what the judges find wrong, each kind of finding once; a forgery is undone after they have seen it."""
    async with engine_on(url) as engine, engine.connect() as connection:
        if forgery:
            await connection.execute(sa.text("set local session_replication_role = replica"))
            await connection.execute(sa.text("alter table capacity_month enable always trigger storm_month"))
        for statement in filter(None, forgery.split("; ")):
            await connection.execute(sa.text(statement))
        found = await wrongs(connection)
        await connection.rollback()
    return sorted({re.sub(r"[0-9a-f-]{36}|\d+", "#", wrong) for wrong in found})


async def stormed(url: str, operations: int) -> None:
    """Fifty clients in two processes; the ledger is watched all the while and everything is judged at the end."""
    done = asyncio.Event()
    async with engine_on(url) as engine:
        watching = asyncio.create_task(sample(engine, done))
        tallies = await asyncio.gather(*(process(url, seed, 25, operations // 2) for seed in (1, 2)))
        done.set()
        seen = await watching
    outcomes: Counter[str] = sum((Counter(tally["outcomes"]) for tally in tallies), Counter())

    assert await judged(url) == []
    assert seen == {(0, 0)}
    assert [tally["beaten"] for tally in tallies] == [0, 0]
    assert sum(outcomes.values()) == operations
    assert {deed for deed in DEEDS if not outcomes[f"{deed} done"]} == set()
    assert outcomes["invite capacity-exceeded"] > 0


async def test_nothing_is_promised_twice_and_everything_is_told_in_a_storm(sea: str) -> None:
    await stormed(sea, 1_500)


@pytest.mark.long
async def test_nothing_is_promised_twice_and_everything_is_told_in_a_long_storm(sea: str) -> None:
    await stormed(sea, 10_000)


# ------------------------------------------------------------------ the judges can tell


async def test_without_the_ledgers_trigger_the_judges_find_capacity_promised_twice(sea: str) -> None:
    """Nothing but the trigger keeps the sum; the same storm without it must not pass."""
    raw = await connect(sea)
    await raw.execute("alter table capacity_hold disable trigger capacity_hold_guard")
    await raw.close()
    async with engine_on(sea) as engine:
        await blow(make_sessions(engine), 3, 10, 300)

    found = await judged(sea)

    assert "ledger: line #: # of # are kept" in found
    assert "ledger: # months over, # not the sum of their holds" in found


LIMIT = "ck_capacity_month_no_overcommit"
FORGED = {
    "update membership set state = 'active' where state = 'invited'": (
        "history: # was told to be invited, and is active"
    ),
    "update membership set state = 'withdrawn' where state = 'accepted'": (
        "rows: capacity is kept for a seat that has ended: #"
    ),
    "update consortium set state = 'dissolved' where state = 'forming'": (
        "rows: a dissolved consortium has a live seat: #"
    ),
    "delete from event where code = 'membership.invited'": (
        "history: event #: membership.accepted, where the seat was proposed"
    ),
    "delete from event where code = 'consortium.formed'": "history: # was told to be None, and is forming",
    "update capacity_hold set state = 'released' where state = 'soft'": (
        "rows: a live seat holds less or more than its terms promise: #"
    ),
    f"alter table capacity_month drop constraint {LIMIT}; update capacity_month set declared = 0": (
        "ledger: line #: # of # are kept"
    ),
}


async def test_whatever_is_forged_after_a_calm_day_the_judges_find_it(sea: str) -> None:
    """Two seats are asked and one accepts: nothing is wrong, and each forgery alone makes something wrong."""
    async with engine_on(sea) as engine:
        sessions = make_sessions(engine)
        client = Client(sessions=sessions, town=await town_of(sessions), dice=Calm(), tally=Tally())
        for deed in ("form", "invite", "accept"):
            await client.act(deed)
    assert client.tally.done == 3
    assert await judged(sea) == []

    found = {forgery: await judged(sea, forgery) for forgery in FORGED}

    assert {forgery: finding for forgery, finding in FORGED.items() if finding not in found[forgery]} == {}


class Calm(Random):
    """Dice that never do anything odd."""

    def random(self) -> float:
        return 0.5


# ------------------------------------------------------------------ the last free unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """One firm that can make one set in one month, and a project of two packages that wants it again and again."""

    sessions: Sessions
    leader: Actor
    wanted: UUID
    suggestion: UUID

    async def ask(self, start: asyncio.Event, consortium: UUID) -> CapacityExceeded | None:
        """Ask everybody of a consortium, at the moment of the start; return the refusal where there is one."""
        async with self.sessions() as session:
            await session.connection()
            await start.wait()
            try:
                await consortia.invite(session, self.leader, consortium, InviteIn())
                await session.commit()
            except CapacityExceeded as refusal:
                await session.rollback()
                return refusal
        return None

    async def form(self) -> UUID:
        async with self.sessions.begin() as session:
            given = ConsortiumIn(suggestion_id=self.suggestion)
            return (await consortia.form(session, self.leader, given)).id

    async def dissolve(self, consortium: UUID) -> None:
        async with self.sessions.begin() as session:
            await consortia.dissolve(session, self.leader, consortium)

    async def kept(self) -> int:
        async with self.sessions() as session:
            sql = sa.text("select coalesce(sum(reserved), 0) from capacity_month where capability_id = :wanted")
            return int((await session.execute(sql, {"wanted": self.wanted})).scalar_one())


async def rivals(sessions: Sessions) -> Rivals:
    month: dict[str, Any] = {"starts": date(2031, 5, 1), "ends": date(2031, 5, 31)}
    async with sessions.begin() as session:
        owner = await make_organisation(session, Role.CHAIN_LEADER)
        leader = actor_of(owner, await make_user(session, owner))
        project = await make_opportunity(session, owner, state=OpportunityState.PUBLISHED, deadline=FAR, **month)
        taken = []
        for code, monthly in (("WP1", 1), ("WP2", 10_000)):
            package = await make_package(session, project, code=code, quantity=1, **month)
            firm = await make_organisation(session)
            taken.append((firm, await make_capability(session, firm, unit="SET", monthly_quantity=monthly), package.id))
        job = await make_job(session, organisation_id=owner.id)
        kept = await suggestions.keep(session, leader, job.id, project.id, 1, run([plan(taken, units=1)]))
        return Rivals(sessions=sessions, leader=leader, wanted=taken[0][1].id, suggestion=kept.id)


async def contested(sessions: Sessions, rounds: int) -> None:
    scene = await rivals(sessions)
    winners = []
    for _ in range(rounds):
        start = asyncio.Event()
        pair = [await scene.form(), await scene.form()]
        asking = [asyncio.create_task(scene.ask(start, each)) for each in pair]
        await asyncio.sleep(0.002)
        start.set()
        answers = await asyncio.gather(*asking)

        (refusal,) = [answer for answer in answers if answer is not None]
        assert refusal.params == {"package": "WP1", "units": 1, "free": 0, "months": "2031-05"}
        assert await scene.kept() == 1
        winners.append(answers.index(None))
        for each in pair:
            await scene.dissolve(each)
        assert await scene.kept() == 0
    assert len(winners) == rounds


async def test_of_two_who_ask_for_the_last_unit_at_once_one_gets_it_and_the_other_hears_what_is_free(
    committed_sessions: Sessions,
) -> None:
    await contested(committed_sessions, 100)


@pytest.mark.long
async def test_of_two_who_ask_for_the_last_unit_at_once_one_gets_it_a_thousand_times(
    committed_sessions: Sessions,
) -> None:
    await contested(committed_sessions, 1_000)
