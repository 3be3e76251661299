"""What happened is sealed in commit order, and no edit of it, by whatever statement, goes unnoticed."""

import asyncio
import json
import stat
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import col
from typer.testing import CliRunner, Result

from api import logs, worker
from api.actions import audit
from api.actions.audit import Verdict
from api.cli import app
from api.heads import BadHead, SignedHead, known_keys, signing_key
from api.jobs.heads import vouch
from api.jobs.sealing import seal
from api.outbox import record
from api.queries import audit as reading
from api.settings import Settings
from domain.actor import Actor
from domain.audit import START, Break, Head, follow
from domain.kinds import Role
from domain.records import AuditSeal, Event
from tests.factories import actor_of, make_organisation, make_user

Sessions = async_sessionmaker[AsyncSession]
FIFTH = "where id = (select event_id from audit_seal where seq = 5)"
SWAP = """
update audit_seal as one set event_id = -other.event_id from audit_seal as other
where (one.seq, other.seq) in ((5, 6), (6, 5));
update audit_seal set event_id = -event_id where event_id < 0
"""
TAMPERED: dict[str, tuple[str, int, Break]] = {
    "a figure of what was said": (
        f"update event set params = jsonb_set(params, '{{units}}', '6') {FIFTH}", 5, Break.CHANGED
    ),
    "a figure written otherwise": (
        f"update event set params = jsonb_set(params, '{{units}}', '4.0') {FIFTH}", 5, Break.CHANGED
    ),
    "what happened": (f"update event set code = 'test.unmade' {FIFTH}", 5, Break.CHANGED),
    "the person": (f"update event set user_id = null {FIFTH}", 5, Break.CHANGED),
    "the firm": (
        f"update event set organisation_id = (select id from organisation where name = '演示旁人') {FIFTH}",
        5, Break.CHANGED,
    ),
    "the time, by a microsecond": (f"update event set at = at + interval '1 microsecond' {FIFTH}", 5, Break.CHANGED),
    "the time, to no time at all": (f"update event set at = 'infinity' {FIFTH}", 5, Break.CHANGED),
    "who was told": (f"update event set audience = '{{}}' {FIFTH}", 5, Break.CHANGED),
    "its place among the others": (f"update event set xid = xid + 1 {FIFTH}", 5, Break.CHANGED),
    "a subject": (f"update event set subject_id = gen_random_uuid() {FIFTH}", 5, Break.CHANGED),
    "a project that it did not have": (
        f"update event set opportunity_id = gen_random_uuid() {FIFTH}", 5, Break.CHANGED
    ),
    "a consortium that it did not have": (
        f"update event set consortium_id = gen_random_uuid() {FIFTH}", 5, Break.CHANGED
    ),
    "the digest of what its subject said before": (
        f"update event set digest_before = sha256('x') {FIFTH}", 5, Break.CHANGED
    ),
    "the digest of what its subject says since": (
        f"update event set digest_after = null, digest_before = null {FIFTH.replace('5', '13')}", 13, Break.CHANGED
    ),
    "an event taken out": (f"delete from event {FIFTH}", 5, Break.EVENT_MISSING),
    "an event taken out with its link": (
        f"delete from event {FIFTH}; delete from audit_seal where seq = 5", 5, Break.LINK_MISSING
    ),
    "two events in each other's place": (SWAP, 5, Break.CHANGED),
    "a link's own hash": ("update audit_seal set hash = sha256('x') where seq = 5", 5, Break.CHANGED),
    "a link's way back": ("update audit_seal set previous = sha256('x') where seq = 5", 5, Break.LINK_LOOSE),
    "the first link": ("delete from audit_seal where seq = 1", 1, Break.LINK_MISSING),
    "an event put in before the last": (
        "insert into event (xid, code, organisation_id, subject_id, audience, params)"
        " select xid - 1, code, organisation_id, subject_id, audience, params from event order by xid limit 1",
        13, Break.SLIPPED_IN,
    ),
}  # fmt: skip


@pytest.fixture
async def writer(committed_sessions: Sessions) -> Actor:
    """Somebody who does things."""
    async with committed_sessions.begin() as session:
        await make_organisation(session, name="演示旁人")
        firm = await make_organisation(session, Role.CHAIN_LEADER)
        return actor_of(firm, await make_user(session, firm))


@pytest.fixture
async def told(committed_sessions: Sessions, writer: Actor) -> Sessions:
    """Twelve events, sealed."""
    for number in range(12):
        await happen(committed_sessions, writer, number)
    await sealed(committed_sessions)
    return committed_sessions


@pytest.fixture
async def changed(told: Sessions, writer: Actor) -> Sessions:
    """A thirteenth event, about something that was made by it."""
    async with told.begin() as session:
        firm = await make_organisation(session, name="演示新户")
        await record(session, writer, "test.founded", firm.id)
    await sealed(told)
    return told


async def happen(sessions: Sessions, actor: Actor, *numbers: int) -> None:
    async with sessions.begin() as session:
        for number in numbers:
            await record(
                session, actor, "test.made", actor.organisation_id, audience=[actor.organisation_id], units=number
            )


async def count(sessions: Sessions, table: str = "event") -> int:
    async with sessions() as session:
        return int((await session.execute(sa.text(f"select count(*) from {table}"))).scalar_one())


async def sealed(sessions: Sessions) -> Head:
    """Seal until nothing waits: transactions of other tests on the same server may hold the last events back."""
    for _ in range(400):
        await seal(sessions)
        if await count(sessions, "audit_seal") == await count(sessions):
            break
        await asyncio.sleep(0.05)
    async with sessions() as session:
        return await reading.head(session)


async def verified(sessions: Sessions, kept: Head | None = None) -> Verdict:
    async with sessions() as session:
        return await audit.verify(session, kept)


async def tamper(sessions: Sessions, statements: str) -> None:
    """Run statements as one who owns the database and has put the guards aside."""
    async with sessions.begin() as session:
        await session.execute(sa.text("set local session_replication_role = replica"))
        for each in statements.split(";"):
            await session.execute(sa.text(each.replace(":", "\\:")))


async def test_a_history_that_nobody_touched_holds(told: Sessions) -> None:
    verdict = await verified(told)

    assert (verdict.broken, verdict.waiting, verdict.head.seq) == (None, 0, 12)


async def test_before_the_first_event_there_is_a_chain_of_nothing(committed_sessions: Sessions) -> None:
    assert await seal(committed_sessions) is None
    assert await verified(committed_sessions, START) == Verdict(head=START, waiting=0, broken=None)


@pytest.mark.parametrize(("statements", "seq", "why"), TAMPERED.values(), ids=TAMPERED.keys())
async def test_p41_an_edit_is_noticed_at_the_first_row_it_touches(
    changed: Sessions, statements: str, seq: int, why: Break
) -> None:
    await tamper(changed, statements)

    found = (await verified(changed)).broken

    assert found is not None
    assert (found.seq, found.why) == (seq, why)


@pytest.mark.parametrize("table", ["event", "audit_seal"])
async def test_p41_without_putting_the_guards_aside_there_is_no_edit(told: Sessions, table: str) -> None:
    for statement in (f"delete from {table}", f"truncate {table} cascade", f"update {table} set {{}}"):
        sql = statement.format("code = 'x'" if table == "event" else "seq = seq + 100")
        with pytest.raises(DBAPIError, match="keeps every row as it was written"):
            async with told.begin() as session:
                await session.execute(sa.text(sql))


async def test_p41_a_cut_tail_is_noticed_by_the_head_that_was_kept_elsewhere(told: Sessions) -> None:
    async with told() as session:
        kept = await reading.head(session)

    await tamper(told, "delete from event where id in (select event_id from audit_seal where seq > 10);"
                       "delete from audit_seal where seq > 10")  # fmt: skip

    assert (await verified(told)).broken is None
    found = (await verified(told, kept)).broken
    assert found is not None
    assert (found.seq, found.why) == (11, Break.CUT_SHORT)


async def test_p41_a_chain_computed_anew_is_noticed_by_the_head_that_was_kept_elsewhere(told: Sessions) -> None:
    """The strongest forger: an old event edited, and every later link made to fit."""
    async with told() as session:
        kept = await reading.head(session)
    await tamper(told, f"update event set code = 'test.unmade' {FIFTH}")
    async with told() as session:
        history = [link async for link in reading.links(session)]
    head = START
    async with told.begin() as session:
        await session.execute(sa.text("set local session_replication_role = replica"))
        for link in history:
            assert link.fields is not None
            before, head = head, follow(head, link.fields)
            await session.execute(
                sa.update(AuditSeal)
                .where(col(AuditSeal.seq) == link.seq)
                .values(previous=before.hash, hash=head.hash)
            )  # fmt: skip

    assert (await verified(told)).broken is None
    found = (await verified(told, kept)).broken
    assert found is not None
    assert (found.seq, found.why) == (12, Break.COMPUTED_ANEW)


async def test_a_head_that_was_kept_goes_on_being_right_while_the_chain_grows(told: Sessions, writer: Actor) -> None:
    async with told() as session:
        kept = await reading.head(session)
    await happen(told, writer, 1, 2, 3)

    newest = await sealed(told)

    assert (newest.seq, (await verified(told, kept)).broken) == (15, None)


async def test_an_event_waits_for_the_older_transactions_that_may_come_before_it(
    committed_sessions: Sessions, writer: Actor
) -> None:
    async with committed_sessions.begin() as older:
        await record(older, writer, "test.slow", writer.organisation_id)
        await older.flush()
        await happen(committed_sessions, writer, 1)
        await seal(committed_sessions)
        before = await verified(committed_sessions)
    await sealed(committed_sessions)

    assert (before.head, before.waiting) == (START, 1)
    async with committed_sessions() as session:
        order = sa.select(col(Event.code)).join(AuditSeal).order_by(col(AuditSeal.seq))
        assert list((await session.execute(order)).scalars()) == ["test.slow", "test.made"]


async def test_two_thousand_events_of_concurrent_writers_are_one_unbroken_chain(
    committed_sessions: Sessions, writer: Actor
) -> None:
    """Writers and sealers at once; every event is sealed once, and never one before another that committed first."""
    done = asyncio.Event()

    async def write(seed: int) -> None:
        dice = Random(seed)
        left = 100
        while left:
            batch = min(left, dice.randint(1, 12))
            left -= batch
            await happen(committed_sessions, writer, *range(batch))

    async def keep_sealing() -> None:
        while not done.is_set():
            await seal(committed_sessions)

    sealers = [asyncio.create_task(keep_sealing()) for _ in range(2)]
    await asyncio.gather(*(write(seed) for seed in range(20)))
    done.set()
    await asyncio.gather(*sealers)
    head = await sealed(committed_sessions)

    assert (head.seq, await count(committed_sessions)) == (2_000, 2_000)
    assert (await verified(committed_sessions)).broken is None
    async with committed_sessions() as session:
        order = sa.select(col(Event.xid), col(Event.id)).join(AuditSeal).order_by(col(AuditSeal.seq))
        places = [tuple(row) for row in (await session.execute(order)).all()]
    assert places == sorted(places)


async def test_a_batch_ends_and_the_next_one_goes_on(told: Sessions, writer: Actor) -> None:
    await happen(told, writer, *range(5))
    sizes: list[int] = []
    while sum(sizes) < 5:
        async with told.begin() as session:
            sizes.append((await audit.seal(session, limit=2))[0])

    assert [size for size in sizes if size] == [2, 2, 1]
    assert (await verified(told)).broken is None


async def test_while_one_seals_the_others_leave_it_alone(told: Sessions, writer: Actor) -> None:
    await happen(told, writer, 1)
    async with told.begin() as first:
        assert await reading.take_turn(first)
        async with told.begin() as second:
            assert (await audit.seal(second))[0] == 0
    assert (await sealed(told)).seq == 13


async def test_a_worker_seals_what_happens_and_its_log_takes_the_head_elsewhere(
    database_url: str, committed_sessions: Sessions, writer: Actor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(logs, "logger", lambda: Loud(said))
    await happen(committed_sessions, writer, 1, 2)
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(Settings(home=tmp_path), database_url, jobs={}, stop=stop))
    for _ in range(300):
        if await count(committed_sessions, "audit_seal") == 2:
            break
        await asyncio.sleep(0.05)
    stop.set()
    await running

    async with committed_sessions() as session:
        head = await reading.head(session)
    assert head.seq == 2
    assert [line["head"] for line in said if line["event"] == "audit.sealed"][-1] == str(head)


class Loud:
    """A logger that remembers."""

    def __init__(self, said: list[dict[str, Any]]) -> None:
        self._said = said

    def info(self, event: str, **figures: Any) -> None:
        self._said.append({"event": event, **figures})

    warning = error = info


async def test_a_database_that_was_never_used_verifies(sessions: Sessions) -> None:
    """Within a transaction of its own nothing is below the horizon, so nothing is sealed and nothing is broken."""
    async with sessions.begin() as session:
        firm = await make_organisation(session)
        await record(session, actor_of(firm), "test.made", uuid4())
        assert (await audit.seal(session))[0] == 0
        assert (await audit.verify(session)).waiting == 1


# ------------------------------------------------------------------ the command


def run(url: str, *words: str, lang: str = "zh-CN") -> Result:
    return CliRunner().invoke(app, ["audit", *words], env={"DATABASE_URL": url, "LIANZHOU_LANG": lang})


async def command(url: str, *words: str, lang: str = "zh-CN") -> Result:
    return await asyncio.to_thread(run, url, *words, lang=lang)


async def test_the_command_prints_the_head_and_verifies_against_it(told: Sessions, database_url: str) -> None:
    head = (await command(database_url, "head")).stdout.strip()

    result = await command(database_url, "verify", "--head", head)

    assert (result.exit_code, result.stdout.strip()) == (0, head)
    assert "已封存 12 条" in result.stderr


async def test_the_command_names_the_first_broken_row_and_ends_with_three(told: Sessions, database_url: str) -> None:
    await tamper(told, f"update event set at = at - interval '1 year' {FIFTH}")
    async with told() as session:
        event = (await session.execute(sa.text("select event_id from audit_seal where seq = 5"))).scalar_one()

    result = await command(database_url, "verify", lang="en")

    assert result.exit_code == 3
    assert result.stderr.strip() == (
        f"the chain breaks at link 5 (event {event}): the event or its link has been changed"
    )


async def test_the_command_refuses_a_head_that_is_none(database_url: str) -> None:
    result = await command(database_url, "verify", "--head", "12")

    assert result.exit_code == 2


# ------------------------------------------------------------------ heads that are kept elsewhere


async def vouched(sessions: Sessions, home: Path) -> Path:
    """Let a worker's watch sign the head once; return the file it keeps."""
    settings = Settings(home=home, second_factor="optional")
    assert await vouch(sessions, settings) is not None
    return settings.heads_place / "latest.json"


async def verify_with(url: str, home: Path, *words: str) -> Result:
    env = {"DATABASE_URL": url, "LIANZHOU_LANG": "en", "LIANZHOU_HOME": str(home)}
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, ["audit", *words], env=env))


async def recomputed(sessions: Sessions) -> None:
    """Edit the fifth event and make every later link fit, as the strongest forger would."""
    await tamper(sessions, f"update event set code = 'test.unmade' {FIFTH}")
    async with sessions() as session:
        history = [link async for link in reading.links(session)]
    head = START
    async with sessions.begin() as session:
        await session.execute(sa.text("set local session_replication_role = replica"))
        for link in history:
            assert link.fields is not None
            before, head = head, follow(head, link.fields)
            changed = {"previous": before.hash, "hash": head.hash}
            await session.execute(sa.update(AuditSeal).where(col(AuditSeal.seq) == link.seq).values(changed))


CUT = (
    "delete from event where id in (select event_id from audit_seal where seq > 10);"
    "delete from audit_seal where seq > 10"
)


@pytest.mark.parametrize(("forged", "place"), [("cut", 11), ("recomputed", 12), ("untouched", None)])
async def test_p41_a_signed_head_kept_elsewhere_shows_what_the_chain_cannot(
    told: Sessions, database_url: str, tmp_path: Path, forged: str, place: int | None
) -> None:
    kept = tmp_path / "at the bureau.json"
    kept.write_bytes((await vouched(told, tmp_path)).read_bytes())
    if forged == "cut":
        await tamper(told, CUT)
    elif forged == "recomputed":
        await recomputed(told)

    alone = await verify_with(database_url, tmp_path, "verify")
    result = await verify_with(database_url, tmp_path, "verify", "--head", str(kept))

    assert alone.exit_code == 0
    assert result.exit_code == (0 if place is None else 3), result.stderr
    assert place is None or f"the chain breaks at link {place} " in result.stderr


async def test_a_head_that_was_altered_or_signed_by_a_stranger_counts_for_nothing(
    told: Sessions, database_url: str, tmp_path: Path
) -> None:
    kept = await vouched(told, tmp_path)
    altered = tmp_path / "altered.json"
    altered.write_bytes(kept.read_bytes().replace(b'"seq":12', b'"seq":11'))
    stranger = await vouched(told, tmp_path / "elsewhere")
    public = json.loads(stranger.read_bytes())["key"]

    results = [
        (await verify_with(database_url, tmp_path, "verify", "--head", str(altered))).exit_code,
        (await verify_with(database_url, tmp_path, "verify", "--head", str(stranger))).exit_code,
        (await verify_with(database_url, tmp_path, "verify", "--head", str(stranger), "--key", public)).exit_code,
    ]

    assert results == [2, 3, 0]


async def test_a_key_is_its_owners_alone_and_after_a_rotation_old_heads_still_count(
    told: Sessions, database_url: str, tmp_path: Path
) -> None:
    old = (await vouched(told, tmp_path)).read_bytes()
    key = Settings(home=tmp_path).head_key_place
    before = key.read_bytes()

    rotated = await verify_with(database_url, tmp_path, "rotate")
    new = (await vouched(told, tmp_path)).read_bytes()

    assert (rotated.exit_code, key.read_bytes() != before, stat.S_IMODE(key.stat().st_mode)) == (0, True, 0o600)
    assert json.loads(new)["key"] == rotated.stdout.strip() != json.loads(old)["key"]
    for content in (old, new):
        (tmp_path / "kept.json").write_bytes(content)
        result = await verify_with(database_url, tmp_path, "verify", "--head", str(tmp_path / "kept.json"))
        assert result.exit_code == 0, result.stderr


async def test_processes_that_want_a_key_at_once_end_up_with_one(tmp_path: Path) -> None:
    place = tmp_path / "keys" / "head.pem"

    keys = await asyncio.gather(*(asyncio.to_thread(signing_key, place) for _ in range(8)))

    assert len({key.private_bytes_raw() for key in keys}) == 1
    assert known_keys(place) == {keys[0].public_key().public_bytes_raw()}


async def test_before_the_first_event_there_is_no_head_to_sign(committed_sessions: Sessions, tmp_path: Path) -> None:
    assert await vouch(committed_sessions, Settings(home=tmp_path)) is None
    assert known_keys(tmp_path / "keys" / "head.pem") == frozenset()


async def test_a_worker_keeps_a_signed_head_outside_the_database(
    database_url: str, told: Sessions, tmp_path: Path
) -> None:
    settings, stop = Settings(home=tmp_path, heads=tmp_path / "out"), asyncio.Event()
    running = asyncio.create_task(worker.run(settings, database_url, jobs={}, stop=stop))
    for _ in range(300):
        if (tmp_path / "out" / "latest.json").exists():
            break
        await asyncio.sleep(0.05)
    stop.set()
    await running

    found = SignedHead.read((tmp_path / "out" / "latest.json").read_bytes())
    async with told() as session:
        assert found.head == await reading.head(session)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["head-000000000012.json", "latest.json"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"format":"lianzhou-head/2"}'])
def test_what_is_no_signed_head_is_refused(content: bytes) -> None:
    with pytest.raises(BadHead):
        SignedHead.read(content)
