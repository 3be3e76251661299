"""The schema that migrations build is the schema the records declare, and no statement gets past its guards."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from api import db
from api.embedded import find_binaries
from domain.kinds import HoldState, InvitationState, MembershipState
from domain.lifecycle import HOLD
from tests.conftest import PROJECT, named
from tests.factories import (
    make_capability,
    make_hold,
    make_invitation,
    make_membership,
    make_month,
    make_organisation,
    make_package,
    make_terms,
    make_user,
)

STATISTICS = ("statistic_cell", "statistic_ground", "statistic_release")
GUARDS = {
    "FUNCTION claim_guard",
    "FUNCTION credit_code_holds",
    "TRIGGER claim_guard ON claim",
    "FUNCTION capacity_hold_guard",
    "FUNCTION capacity_month_guard",
    "FUNCTION invitation_guard",
    "FUNCTION kept_guard",
    "FUNCTION refuse",
    "TRIGGER capacity_hold_guard ON capacity_hold",
    "TRIGGER capacity_month_guard ON capacity_month",
    "TRIGGER invitation_guard ON invitation",
    *(
        f"TRIGGER kept_guard ON {table}"
        for table in (
            "terms",
            "terms_line",
            "agreement",
            "signature",
            "event",
            "compliance_acknowledgement",
            "audit_seal",
            "confidentiality_acceptance",
            "amended_seat",
            "carried_signature",
            "evaluation",
            "evaluation_reply",
        )
    ),
    *(
        f"TRIGGER kept_whole ON {table}"
        for table in (
            "capacity_hold",
            "terms",
            "terms_line",
            "agreement",
            "signature",
            "event",
            "compliance_acknowledgement",
            "audit_seal",
            "confidentiality_acceptance",
            "amended_seat",
            "carried_signature",
            "evaluation",
            "evaluation_reply",
        )
    ),
}
GUARDS |= {
    *(
        f"FUNCTION {name}"
        for name in (
            "bid_claim_guard",
            "bid_claim_of",
            "capacity_month_kept",
            "lone_bid_claim",
            "membership_claim",
            "membership_guard",
        )
    ),
    "TRIGGER bid_claim_guard ON bid_claim",
    "TRIGGER capacity_month_kept ON capacity_month",
    "TRIGGER capacity_month_whole ON capacity_month",
    "TRIGGER lone_bid_claim ON lone_bid",
    "TRIGGER membership_claim ON membership",
    "TRIGGER membership_guard ON membership",
    *(f"TRIGGER kept_guard ON {table}" for table in ("audit_head", "webhook_receipt", *STATISTICS)),
    *(f"TRIGGER kept_whole ON {table}" for table in ("audit_head", "bid_claim", "webhook_receipt", *STATISTICS)),
    "FUNCTION event_place",
    "FUNCTION sealed_guard",
    "FUNCTION allowed",
    "FUNCTION invitation_quota",
    "FUNCTION too_many",
    "TRIGGER invitation_quota ON invitation",
    "TRIGGER event_place ON event",
}
GUARDS |= {
    "SCHEMA tenancy",
    *(
        f"FUNCTION {name}"
        for name in (
            "able",
            "amended",
            "companions",
            "editions",
            "leading",
            "led",
            "lots",
            "newest_event",
            "opened",
            "organisation",
            "person",
            "plays",
            "seats",
            "settled",
            "together",
            "verified",
        )
    ),
}
"""What stands in the database and cannot be said by a table class."""

ASIDE = re.compile(r"SET |[ -]*$|-- PostgreSQL|[\\]")
RULES = ("ACL ", "POLICY ", "ROW SECURITY ")
"""How a dump calls rights, policies and that they hold; which there have to be, `test_tenancy.py` says."""
FORCED = "FORCE ROW LEVEL SECURITY"


def configured(url: str) -> Config:
    config = Config(PROJECT / "alembic.ini")
    config.attributes["url"] = url
    return config


REVISIONS = [script.revision for script in ScriptDirectory.from_config(configured("")).walk_revisions()][::-1]


@pytest.fixture
async def bare_url(server_url: str) -> AsyncIterator[str]:
    """An empty database of the test's own."""
    name = f"test_bare_{uuid4().hex[:8]}_1"
    admin = await db.connect(server_url)
    await admin.execute(f"create database {name}")
    yield named(server_url, name)
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


async def dumped(url: str) -> str:
    """Return the schema of a database, without the queue's and alembic's own."""
    process = await asyncio.create_subprocess_exec(
        find_binaries() / "pg_dump", "--schema-only", "--no-owner", "--restrict-key=same",
        "--exclude-schema=queue", "--exclude-table=alembic_version", db.dsn_of(url),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    text, _ = await process.communicate()
    assert process.returncode == 0
    return text.decode()


def items(dump: str) -> dict[str, list[str]]:
    """Return what a dump creates: the heading of each thing with its lines, order of columns aside."""
    parts = re.split(r"^-- Name: (.+?); Type: (.+?); Schema: .+$", dump, flags=re.MULTILINE)
    found: dict[str, list[str]] = {}
    for name, kind, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        lines = sorted(line.strip().rstrip(",") for line in text.splitlines() if not ASIDE.match(line))
        found.setdefault(f"{kind} {heading(kind, name)}", []).extend(lines)
    return found


def heading(kind: str, name: str) -> str:
    """Return a name as a reader would say it."""
    if kind == "TRIGGER":
        table, trigger = name.split()
        return f"{trigger} ON {table}"
    return name.partition("(")[0]


async def declared(url: str) -> str:
    """Build the schema from the table classes alone and dump it."""
    engine = db.make_engine(url, size=1)
    async with engine.begin() as connection:
        await connection.execute(sa.text("create extension vector"))
        await connection.run_sync(SQLModel.metadata.create_all)
    await engine.dispose()
    return await dumped(url)


async def test_migrations_build_exactly_what_the_records_declare(database_url: str, bare_url: str) -> None:
    migrated, wanted = items(await dumped(database_url)), items(await declared(bare_url))

    plain = {name: [line for line in lines if FORCED not in line] for name, lines in migrated.items()}
    plain = {name: lines for name, lines in plain.items() if not name.startswith(RULES)}
    assert {name for name in plain if name not in wanted} == GUARDS
    assert {name: lines for name, lines in plain.items() if name not in GUARDS} == wanted


async def test_a_constraint_that_differs_is_seen(database_url: str, bare_url: str) -> None:
    migrated, wanted = await dumped(database_url), await declared(bare_url)

    changed = migrated.replace("confidence <= 100", "confidence <= 99")

    assert changed != migrated
    assert any(items(changed).get(name) != lines for name, lines in items(wanted).items())


@pytest.mark.parametrize(
    "change",
    [
        "alter policy people_see on terms using (true)",
        "drop policy people_see on terms",
        "alter table terms no force row level security",
        "grant select on capability_price to lianzhou_bureau",
        "alter function capacity_hold_guard() security invoker",
    ],
)
async def test_p19_a_policy_or_right_that_differs_is_seen(bare_url: str, change: str) -> None:
    await asyncio.to_thread(db.migrate, bare_url)
    before = items(await dumped(bare_url))
    admin = await db.connect(bare_url)

    await admin.execute(change)

    await admin.close()
    assert items(await dumped(bare_url)) != before


async def test_p19_whoever_can_neither_make_the_roles_nor_play_them_is_refused_by_name(
    bare_url: str,
) -> None:
    user, admin = f"poor_{uuid4().hex[:8]}", await db.connect(bare_url)
    await admin.execute(f"create role {user} login password 'poor'")
    await admin.execute(f"grant all on schema public to {user}")
    await admin.close()
    poor = urlsplit(bare_url)
    host = poor.netloc.rpartition("@")[2]

    try:
        with pytest.raises(db.DatabaseUnfit) as refused:
            await asyncio.to_thread(db.migrate, poor._replace(netloc=f"{user}:poor@{host}").geturl())
    finally:
        admin = await db.connect(bare_url)
        await admin.execute(f"drop owned by {user}")
        await admin.execute(f"drop role {user}")
        await admin.close()

    assert refused.value.message.code == "no-roles"
    assert refused.value.message.params == {"user": user}


async def test_alembic_finds_nothing_to_add(database_url: str) -> None:
    await asyncio.to_thread(command.check, configured(database_url))


async def test_alembic_sees_a_column_that_was_forgotten(database_url: str, bare_url: str) -> None:
    await asyncio.to_thread(db.migrate, bare_url)
    admin = await db.connect(bare_url)
    await admin.execute("alter table job drop column tries")
    await admin.close()

    with pytest.raises(CommandError, match="New upgrade operations"):
        await asyncio.to_thread(command.check, configured(bare_url))


@pytest.mark.parametrize("revision", REVISIONS)
async def test_each_revision_goes_up_down_and_up_again(bare_url: str, revision: str) -> None:
    before = REVISIONS[REVISIONS.index(revision) - 1] if revision != REVISIONS[0] else "base"
    await asyncio.to_thread(db.migrate, bare_url, revision)
    first = await dumped(bare_url)

    await asyncio.to_thread(command.downgrade, configured(bare_url), before)
    between = await dumped(bare_url)
    await asyncio.to_thread(db.migrate, bare_url, revision)

    assert await dumped(bare_url) == first
    assert between != first or revision == "0003"  # the queue's schema is left out of a dump


async def test_processes_that_migrate_at_once_take_turns(bare_url: str) -> None:
    migrating = ("-c", "import sys; from api.db import migrate; migrate(sys.argv[1])", bare_url)
    started = [await asyncio.create_subprocess_exec(sys.executable, *migrating, cwd=PROJECT) for _ in range(3)]

    assert [await process.wait() for process in started] == [0, 0, 0]
    admin = await db.connect(bare_url)
    assert await admin.fetchval("select version_num from alembic_version") == REVISIONS[-1]
    await admin.close()


async def test_a_migration_gives_up_on_a_table_that_stays_locked(bare_url: str) -> None:
    await asyncio.to_thread(db.migrate, bare_url, "0001")
    reader = await db.connect(bare_url)
    transaction = reader.transaction()
    await transaction.start()
    await reader.execute("lock table capacity_hold in access share mode")

    with pytest.raises(DBAPIError, match="lock timeout"):
        await asyncio.to_thread(command.downgrade, configured(bare_url), "base")

    await transaction.rollback()
    await reader.close()


async def test_a_server_without_vectors_is_refused_by_name(server_url: str, bare_url: str) -> None:
    admin = await db.connect(server_url)
    await admin.execute(f"alter database {urlsplit(bare_url).path[1:]} set extension_control_path = '/nowhere'")
    await admin.close()

    with pytest.raises(db.DatabaseUnfit) as refused:
        await asyncio.to_thread(db.migrate, bare_url)

    assert refused.value.message.code == "no-vector-extension"


async def broken(session: AsyncSession, sql: str, **values: Any) -> str:
    """Return the name of the constraint that refuses a statement; "" when none does."""
    try:
        async with session.begin_nested():
            await session.execute(sa.text(sql), values)
    except IntegrityError as error:
        return str(getattr(error.orig.__cause__, "constraint_name", None))  # type: ignore[union-attr]
    return ""


async def test_no_statement_promises_more_than_is_declared(session: AsyncSession) -> None:
    hold = await make_hold(session, quantity=60)
    month, seat = hold.capacity_month_id, hold.membership_id
    stranger = await make_membership(session)
    held = "insert into capacity_hold (id, membership_id, capacity_month_id, quantity, expires_at, state) values"
    refused = {
        f"update capacity_month set reserved = 0 where id = {month}": "ck_capacity_month_reserved",
        f"update capacity_month set reserved = 100 where id = {month}": "ck_capacity_month_reserved",
        f"update capacity_month set declared = 59 where id = {month}": "ck_capacity_month_no_overcommit",
        f"update capacity_month set declared = -1 where id = {month}": "ck_capacity_month_declared",
        f"update capacity_month set month = month + interval '1 month' where id = {month}": "ck_capacity_month_fixed",
        f"update capacity_month set organisation_id = '{stranger.organisation_id}' where id = {month}": (
            "ck_capacity_month_fixed"
        ),
        f"insert into capacity_month (capability_id, organisation_id, month, declared, reserved) select capability_id,"
        f" organisation_id, month, 900, 0 from capacity_month where id = {month}": (
            "uq_capacity_month_capability_id_month"
        ),
        f"insert into capacity_month (capability_id, organisation_id, month, declared, reserved) select capability_id,"
        f" organisation_id, '2036-01-01', 9, 9 from capacity_month where id = {month}": "ck_capacity_month_reserved",
        f"delete from capacity_month where id = {month}": "ck_capacity_month_kept",
        f"{held} (gen_random_uuid(), '{stranger.id}', {month}, 1, now(), 'soft')": "ck_capacity_hold_own",
        f"{held} (gen_random_uuid(), '{seat}', {month}, 1, now(), 'hard')": "ck_capacity_hold_edge",
        f"{held} (gen_random_uuid(), '{seat}', {month}, 1, now(), 'soft')": "uq_capacity_hold_live",
        f"{held} (gen_random_uuid(), '{seat}', {month}, 41, now(), 'soft')": "ck_capacity_month_no_overcommit",
        f"{held} (gen_random_uuid(), '{seat}', {month}, -5, now(), 'soft')": "ck_capacity_hold_quantity",
        "update capacity_hold set quantity = 1": "ck_capacity_hold_fixed",
        f"update capacity_hold set membership_id = '{stranger.id}'": "ck_capacity_hold_fixed",
        "update capacity_hold set state = 'hard', quantity = 61": "ck_capacity_hold_fixed",
        "delete from capacity_hold": "ck_capacity_hold_kept",
        "truncate capacity_hold": "ck_capacity_hold_kept",
        "truncate capacity_month cascade": "ck_capacity_month_kept",
        f"delete from capability where id = (select capability_id from capacity_month where id = {month})": (
            "ck_capacity_month_kept"
        ),
    }

    assert {sql: await broken(session, sql) for sql in refused} == refused
    assert await session.scalar(sa.text(f"select reserved from capacity_month where id = {month}")) == 60


async def test_without_the_guards_the_same_statements_pass(session: AsyncSession) -> None:
    """Were they refused by anything else, the test above would prove nothing about the guards."""
    hold = await make_hold(session, quantity=60)
    month = hold.capacity_month_id
    for table, trigger in (
        ("capacity_hold", "capacity_hold_guard"),
        ("capacity_month", "capacity_month_guard"),
        ("capacity_month", "capacity_month_kept"),
    ):
        await session.execute(sa.text(f"drop trigger {trigger} on {table}"))
    passing = (
        f"update capacity_month set reserved = 0 where id = {month}",
        f"update capacity_month set month = month + interval '1 month' where id = {month}",
        "update capacity_hold set quantity = 1000000",
        "update capacity_hold set state = 'hard', quantity = 61",
        "delete from capacity_hold",
        f"delete from capacity_month where id = {month}",
    )

    assert {sql: await broken(session, sql) for sql in passing} == dict.fromkeys(passing, "")


async def test_claims_follow_from_seats_and_lone_bids_and_from_nothing_else(session: AsyncSession) -> None:
    seat = await make_membership(session, state=MembershipState.ACCEPTED)
    lot, firm = seat.opportunity_id, seat.organisation_id
    stranger = await make_organisation(session)
    lone = "insert into lone_bid (id, version, opportunity_id, organisation_id, filed_by, note, state) values"
    claim = "insert into bid_claim (opportunity_id, organisation_id, membership_id) values"
    refused = {
        f"{lone} (gen_random_uuid(), 1, '{lot}', '{firm}', '{firm}', '', 'filed')": "ck_bid_claim_seated",
        f"{claim} ('{lot}', '{stranger.id}', '{seat.id}')": "ck_bid_claim_derived",
        f"update bid_claim set organisation_id = '{stranger.id}'": "ck_bid_claim_derived",
        "delete from bid_claim": "ck_bid_claim_derived",
        "truncate bid_claim": "ck_bid_claim_kept",
        f"update membership set organisation_id = '{stranger.id}'": "ck_membership_fixed",
    }

    assert {sql: await broken(session, sql) for sql in refused} == refused
    assert await broken(session, "update membership set state = 'withdrawn'") == ""
    assert await session.scalar(sa.text("select count(*) from bid_claim")) == 0
    assert await broken(session, next(iter(refused))) == ""
    assert await broken(session, "update membership set state = 'accepted'") == "ck_bid_claim_lone"


@pytest.mark.parametrize("wanted", list(HoldState))
@pytest.mark.parametrize("current", list(HoldState))
async def test_the_ledger_knows_the_same_life_of_a_hold_as_the_domain(
    session: AsyncSession, current: HoldState, wanted: HoldState
) -> None:
    hold = await make_hold(session)
    if current is not HoldState.SOFT:
        await session.execute(sa.text("update capacity_hold set state = :state"), {"state": current.value})

    refused = await broken(session, "update capacity_hold set state = :state", state=wanted.value)
    reserved = await session.scalar(
        sa.text("select reserved from capacity_month where id = :id"), {"id": hold.capacity_month_id}
    )

    assert (refused == "") == (wanted is current or wanted in HOLD[current])
    now = current if refused else wanted
    assert reserved == (10 if now in (HoldState.SOFT, HoldState.HARD) else 0)


async def test_clients_that_race_for_one_month_never_get_more_than_it_has(committed_sessions: Any) -> None:
    async with committed_sessions.begin() as session:
        organisation = await make_organisation(session)
        month = await make_month(session, await make_capability(session, organisation), declared=100)
        seats = [await make_membership(session, None, organisation) for _ in range(25)]

    async def reserve(seat: Any) -> bool:
        with suppress(IntegrityError):
            async with committed_sessions.begin() as session:
                await make_hold(session, seat, month, quantity=7)
            return True
        return False

    won = await asyncio.gather(*(reserve(seat) for seat in seats))

    async with committed_sessions() as session:
        reserved = await session.scalar(sa.text("select reserved from capacity_month"))
        held = await session.scalar(sa.text("select sum(quantity) from capacity_hold where state = 'soft'"))
    assert sum(won) == 14
    assert reserved == held == 98


@pytest.mark.parametrize(
    ("state", "late", "constraint"),
    [
        (InvitationState.ACCEPTED, False, ""),
        (InvitationState.COUNTERED, False, ""),
        (InvitationState.DECLINED, False, ""),
        (InvitationState.WITHDRAWN, False, ""),
        (InvitationState.EXPIRED, False, "ck_invitation_passed"),
        (InvitationState.ACCEPTED, True, "ck_invitation_open"),
        (InvitationState.COUNTERED, True, "ck_invitation_open"),
        (InvitationState.DECLINED, True, "ck_invitation_open"),
        (InvitationState.WITHDRAWN, True, ""),
        (InvitationState.EXPIRED, True, ""),
    ],
)
async def test_an_invitation_is_answered_before_its_deadline_and_expires_after_it(
    session: AsyncSession, state: InvitationState, late: bool, constraint: str
) -> None:
    deadline = datetime.now(UTC) + timedelta(minutes=-1 if late else 1)
    await make_invitation(session, deadline=deadline)

    assert await broken(session, "update invitation set state = :state", state=state.value) == constraint


async def test_an_answer_that_waited_for_a_lock_past_the_deadline_is_too_late(committed_sessions: Any) -> None:
    async with committed_sessions.begin() as session:
        await make_invitation(session, deadline=datetime.now(UTC) + timedelta(seconds=0.6))

    async def answer() -> None:
        async with committed_sessions.begin() as session:
            assert await session.scalar(sa.text("select now() < deadline from invitation"))
            await session.execute(sa.text("update invitation set state = 'accepted'"))

    async with committed_sessions.begin() as leader:
        await leader.execute(sa.text("select from invitation for update"))
        answering = asyncio.create_task(answer())
        await asyncio.sleep(1)

    with pytest.raises(IntegrityError, match="the deadline has passed"):
        await answering


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("edition = edition + 1", "ck_invitation_fixed"),
        ("sent_at = sent_at - interval '1 hour'", "ck_invitation_fixed"),
        ("deadline = deadline - interval '1 minute'", "ck_invitation_fixed"),
        ("deadline = deadline + interval '1 day', state = 'withdrawn'", ""),
        ("deadline = deadline + interval '1 day', reminded = 0", ""),
        ("reminded = 0", "ck_invitation_fixed"),
        ("reminded = 3", "ck_invitation_reminded"),
    ],
)
async def test_what_an_invitation_asks_does_not_change_and_its_deadline_only_moves_on(
    session: AsyncSession, change: str, refused: str
) -> None:
    await make_invitation(session, reminded=1)

    assert await broken(session, f"update invitation set {change}") == refused


@pytest.mark.parametrize("state", [InvitationState.DECLINED, InvitationState.WITHDRAWN, InvitationState.SUPERSEDED])
async def test_a_question_that_is_answered_for_good_gets_no_more_time(
    session: AsyncSession, state: InvitationState
) -> None:
    await make_invitation(session, state=state)

    refused = await broken(session, "update invitation set deadline = deadline + interval '1 day'")

    assert refused == "ck_invitation_fixed"


@pytest.mark.parametrize("former", [InvitationState.ACCEPTED, InvitationState.COUNTERED, InvitationState.DECLINED])
async def test_nobody_changes_his_mind_after_the_deadline(session: AsyncSession, former: InvitationState) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    await make_invitation(session, state=former, deadline=past)
    other = InvitationState.DECLINED if former is InvitationState.ACCEPTED else InvitationState.ACCEPTED

    assert await broken(session, f"update invitation set state = '{other}'") == "ck_invitation_open"
    assert await broken(session, "update invitation set deadline = now() + interval '1 day'") == "ck_invitation_fixed"


async def test_what_was_agreed_signed_or_told_is_never_rewritten(session: AsyncSession) -> None:
    package = await make_package(session)
    membership = await make_membership(session)
    await make_terms(session, membership, {"package_id": package.id})
    user = await make_user(session)
    sha = "a" * 64
    await session.execute(
        sa.text(
            "insert into agreement (id, consortium_id, edition, body, sha256)"
            f" values ('{uuid4()}', '{membership.consortium_id}', 1, '{{}}', '{sha}')"
        )
    )
    await session.execute(
        sa.text(
            "insert into signature (id, agreement_id, sha256, organisation_id, user_id)"
            f" select '{uuid4()}', id, sha256, '{user.organisation_id}', '{user.id}' from agreement"
        )
    )
    await session.execute(
        sa.text(
            "insert into event (code, organisation_id, subject_id, audience, params)"
            f" values ('test.made', '{user.organisation_id}', '{uuid4()}', '{{}}', '{{}}')"
        )
    )
    columns = {"terms": "note", "terms_line": "currency", "agreement": "sha256", "signature": "sha256", "event": "code"}

    for table, column in columns.items():
        for sql in (f"update {table} set {column} = 'b'", f"delete from {table}", f"truncate {table} cascade"):
            assert await broken(session, sql) in {f"ck_{name}_kept" for name in (table, "terms_line", "signature")}, sql


async def test_a_signature_names_the_hash_of_what_was_frozen(session: AsyncSession) -> None:
    membership, user = await make_membership(session), await make_user(session)
    await session.execute(
        sa.text(
            "insert into agreement (id, consortium_id, edition, body, sha256)"
            f" values ('{uuid4()}', '{membership.consortium_id}', 1, '{{}}', '{'a' * 64}')"
        )
    )

    refused = await broken(
        session,
        "insert into signature (id, agreement_id, sha256, organisation_id, user_id)"
        f" select '{uuid4()}', id, '{'b' * 64}', '{user.organisation_id}', '{user.id}' from agreement",
    )

    assert refused == "fk_signature_agreement"


def test_every_migration_says_what_it_does_and_how_it_goes_back() -> None:
    for path in (Path(db.MIGRATIONS) / "versions").glob("*.py"):
        text = path.read_text()
        assert text.startswith('"""'), path
        assert 'def downgrade() -> None:\n    """' in text, path
