"""What is held about persons is known, told to them, erased at their wish, ended in time, and stays in the mainland."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import SQLModel, col

from api.actions import abroad, channels, personal
from api.actions.audit import verify
from api.jobs.retention import purge
from api.jobs.sealing import seal
from api.jobs.telling import tell
from api.queries import personal as reading
from api.settings import Settings
from api.wire.channels import ChannelIn
from api.wire.personal import AssessmentIn
from domain.actor import Actor
from domain.errors import NotAllowed
from domain.kinds import AbroadBasis, ChannelKind, DeliveryState, LetterState, Receiver, Role, RunState
from domain.personal import HOLDINGS, OTHER_TERMS, Holding, terms
from domain.records import (
    AbroadTransfer,
    CalendarFeed,
    Channel,
    Delivery,
    Endpoint,
    Event,
    IdempotencyKey,
    Letter,
    Notice,
    PendingSignIn,
    RequestCount,
    SignIn,
    SignInThrottle,
    User,
)
from tests.api.test_console import app, posted
from tests.conftest import PROJECT
from tests.factories import actor_of, make_job, make_organisation, make_user
from tests.town import Account, browser, settle

__all__ = ("app",)
Sessions = async_sessionmaker[AsyncSession]
PAGE = PROJECT / "docs" / "security" / "personal-data.md"
NAME, EMAIL = "演示经办梅花", "plum.blossom@demo.invalid"
HELD = {holding.table: holding for holding in HOLDINGS}
FIGURES = (sa.Boolean, sa.Integer, sa.Float, sa.DateTime, sa.Date, sa.Uuid, sa.Enum)


# ------------------------------------------------------------------ the inventory


def tables_of_persons() -> Iterator[sa.Table]:
    """Yield every table that names a person: accounts, what refers to them, and what is found by their address."""
    for table in SQLModel.metadata.sorted_tables:
        refers = any(key.column.table.name == "user_account" for key in table.foreign_keys)
        if refers or table.name == "user_account" or {"user_id", "email"} & set(table.columns.keys()):
            yield table


def unlisted(tables: Iterator[sa.Table], held: dict[str, Holding]) -> set[str]:
    """Return the tables of persons, and their columns of text, that the inventory does not name."""
    gaps = set()
    for table in tables:
        holding = held.get(table.name)
        if holding is None:
            gaps.add(table.name)
            continue
        known = {*holding.columns, *holding.secret, *holding.other}
        gaps |= {f"{table.name}.{c.name}" for c in table.columns if not isinstance(c.type, FIGURES)} - {
            f"{table.name}.{name}" for name in known
        }
    return gaps


def test_p47_every_table_of_persons_and_every_text_in_it_is_in_the_inventory() -> None:
    assert unlisted(tables_of_persons(), HELD) == set()
    for holding in HOLDINGS:
        columns = set(SQLModel.metadata.tables[holding.table].columns.keys())
        assert {holding.person, *holding.columns, *holding.secret, *holding.other} <= columns, holding.table


def test_p47_a_column_or_table_that_the_inventory_forgets_is_caught() -> None:
    metadata = sa.MetaData()
    diary = sa.Table("diary", metadata, sa.Column("user_id", sa.Uuid), sa.Column("text", sa.Text))
    account = sa.Table("user_account", metadata, sa.Column("email", sa.Text), sa.Column("phone", sa.Text))

    assert unlisted(iter((diary, account)), HELD) == {"diary", "user_account.phone"}


def page() -> str:
    """Return the document that the inventory makes."""
    lines = [
        "# Personal data",
        "",
        "What LianZhou holds about persons, written by a test from `domain/personal.py`. The processor of data of a",
        "firm's people is the operator of the installation; ground means article 13(1) of the Personal Information",
        "Protection Law: *contract* item 2, *duty* item 3. No sensitive data (article 28) is asked for.",
        "",
        "| table | whose | columns | secret, never told | purpose | ground | kept | on erasure | may be sent to |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for held in HOLDINGS:
        kept = (
            f"{held.term.days} days after `{held.term.since}`" if held.term else "as long as the account or as evidence"
        )
        columns, secret = (", ".join(f"`{name}`" for name in names) for names in (held.columns, held.secret))
        lines.append(
            f"| `{held.table}` | `{held.person}` | {columns} | {secret} | {held.purpose} | {held.ground} | {kept}"
            f" | {held.erasure} | {held.abroad} |"
        )
    lines += ["", "Kept for a term though it names nobody:", ""]
    lines += [f"- `{table}`: {term.days} days after `{term.since}`" for table, term in OTHER_TERMS.items()]
    lines += [
        "- uploaded files: 7 days",
        "- log lines go to standard error and hold no personal data but ids; their collector keeps them six months",
        "",
        "Events are evidence and are kept: each is bound by the hash of the one before, and none changes. An event",
        "names a person by the id of his account, which after an erasure says nothing. Events of old that",
        "hand an answer to a colleague also tell that colleague's name.",
    ]
    return "\n".join(lines) + "\n"


def test_p47_the_page_about_personal_data_is_fresh() -> None:
    before, text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "", page()
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text, encoding="utf-8")

    assert before == text, "docs/security/personal-data.md was out of date and has been written anew: commit it"


# ------------------------------------------------------------------ what a person may ask


@pytest.fixture
async def town(committed_sessions: Sessions) -> tuple[Account, Account]:
    """Two people of two firms; the name and the address of the first are found nowhere else."""
    async with committed_sessions.begin() as session:
        one, other = await settle(session, "演示甲", Role.SUPPLIER), await settle(session, "演示乙", Role.SUPPLIER)
        await session.execute(sa.update(User).where(col(User.email) == one.email).values(name=NAME, email=EMAIL))
    return replace(one, email=EMAIL), other


async def person_of(sessions: Sessions, email: str) -> User:
    async with sessions() as session:
        return (await session.execute(sa.select(User).where(col(User.email) == email))).scalar_one()


async def test_p47_a_person_gets_everything_that_is_held_about_him_and_nothing_about_anybody_else(
    app: Litestar, town: tuple[Account, Account], committed_sessions: Sessions
) -> None:
    cells, power = await browser(app, town[0]), await browser(app, town[1])
    await posted(
        cells, "/notifications", kind="email", label="邮箱", rhythm="at_once", zone="UTC", digest_hour="8", active="on"
    )

    told = await cells.get("/api/v1/personal-data")
    shown = await cells.get("/personal-data")
    others = (await power.get("/api/v1/personal-data")).text

    held = {each["table"]: each for each in told.json()["held"]}
    assert held.keys() == HELD.keys()
    assert held["user_account"]["rows"] == [{"email": EMAIL, "name": NAME, "locale": "zh-CN"}]
    assert [row["label"] for row in held["channel"]["rows"]] == ["邮箱"]
    assert "channel.added" in {row["code"] for row in held["event"]["rows"]}
    assert told.headers["content-disposition"].startswith("attachment")
    assert EMAIL in shown.text
    assert EMAIL not in others
    for secret in ((await person_of(committed_sessions, EMAIL)).password_hash, "password_hash", "secret_hash"):
        assert secret not in told.text + shown.text


async def test_p47_an_erased_person_is_nowhere_left_and_the_chain_still_holds(
    app: Litestar, town: tuple[Account, Account], committed_sessions: Sessions
) -> None:
    cells, identity = await browser(app, town[0]), (await person_of(committed_sessions, EMAIL)).id
    habit = {"rhythm": "at_once", "zone": "UTC", "digest_hour": "8", "active": "on"}
    await posted(cells, "/notifications", kind="email", label="我的邮箱", **habit)
    await posted(cells, "/notifications/calendar")
    async with committed_sessions.begin() as session:
        session.add(SignInThrottle(email=EMAIL, failures=1))
        await session.flush()
    await tell(committed_sessions, Settings())

    assert (await cells.post("/personal-data/erasure", data={"email": "x@y.invalid"})).status_code == 403
    gone = await cells.post("/personal-data/erasure", data={"email": f" {EMAIL.upper()} "})

    assert (gone.status_code, gone.headers["location"]) == (303, "/login")
    assert (await cells.get("/api/v1/me")).status_code == 401
    await seal(committed_sessions)
    async with committed_sessions() as session:
        everywhere = await everything(session)
        verdict = await verify(session, None)
        user = await session.get_one(User, identity)
        left = {
            kind.__tablename__: await session.scalar(sa.select(sa.func.count()).select_from(kind).where(owner == whose))
            for kind, owner, whose in (
                (SignIn, col(SignIn.user_id), identity),
                (Channel, col(Channel.user_id), identity),
                (CalendarFeed, col(CalendarFeed.user_id), identity),
                (SignInThrottle, col(SignInThrottle.email), EMAIL),
            )
        }
        evidence = await session.scalar(
            sa.select(sa.func.count()).select_from(Event).where(col(Event.user_id) == identity)
        )
    assert NAME not in everywhere
    assert EMAIL not in everywhere
    assert "我的邮箱" not in everywhere
    assert set(left.values()) == {0}
    assert (user.active, user.admin, user.password_hash) == (False, False, "!")
    assert verdict.broken is None
    assert (evidence or 0) >= 3


async def everything(session: AsyncSession) -> str:
    """Return every row of every table as text."""
    rows: list[str] = []
    for table in SQLModel.metadata.sorted_tables:
        rows += (await session.execute(sa.text(f'select to_jsonb(t)::text from "{table.name}" t'))).scalars().all()
    return "\n".join(rows)


async def test_p47_the_only_administrator_appoints_another_first(session: AsyncSession) -> None:
    firm = await make_organisation(session, Role.SUPPLIER)
    admin, colleague = await make_user(session, firm, admin=True), await make_user(session, firm)

    with pytest.raises(personal.OnlyAdministrator):
        await personal.erase(session, admin)
    colleague.duties = ["admin"]
    await session.flush()
    await personal.erase(session, admin)

    assert not admin.active


# ------------------------------------------------------------------ terms


async def test_p47_what_was_kept_for_its_term_is_deleted_and_what_is_younger_stays(
    committed_sessions: Sessions, tmp_path: Path
) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    for name, days in (("old", 8), ("young", 6)):
        (uploads / name).write_text(name)
        os.utime(uploads / name, times=(time.time() - days * 86_400,) * 2)
    known: dict[str, dict[str, Any]] = {}
    async with committed_sessions.begin() as session:
        for age in ("old", "young"):
            known[age] = await aged(session, old=age == "old")

    gone = await purge(committed_sessions, Settings(home=tmp_path))

    assert gone == dict.fromkeys({*terms(), "uploads"}, 1)
    assert [file.name for file in uploads.iterdir()] == ["young"]
    async with committed_sessions() as session:
        for table, term in terms().items():
            young = f"{term.since} > clock_timestamp() - interval '{term.days} days'"
            left = sa.text(f"select count(*), count(*) filter (where {young}) from {table}")
            assert tuple((await session.execute(left)).one()) == (1, 1), table
    assert await purge(committed_sessions, Settings(home=tmp_path)) == {}


async def aged(session: AsyncSession, *, old: bool) -> dict[str, Any]:
    """Add one row to every table that has a term: a day older than its term, or a day younger."""
    firm = await make_organisation(session, Role.SUPPLIER)
    user = await make_user(session, firm)

    async def at(table: str) -> Any:
        days = terms()[table].days + (1 if old else -1)
        return await session.scalar(
            sa.text(f"select clock_timestamp() - interval '{days * 24 - (0 if old else 1)} hours'")
        )

    async def added(row: Any) -> Any:
        session.add(row)
        await session.flush()
        return row

    number = "1" if old else "2"
    await added(SignIn(secret_hash=number.encode() * 32, user_id=user.id, expires_at=await at("sign_in")))
    await added(RequestCount(key=f"requests:{number}", count=1, since=await at("request_count")))
    ends = await at("pending_sign_in")
    await added(PendingSignIn(secret_hash=number.encode() * 32, user_id=user.id, expires_at=ends))
    await added(SignInThrottle(email=f"{number}@demo.invalid", failures=1, since=await at("sign_in_throttle")))
    await make_job(session, state=RunState.DONE, finished_at=await at("job"))
    await added(
        AbroadTransfer(
            year=2027, user_id=user.id, receiver=Receiver.CHAT, place="SG", passed=False,
            created_at=await at("abroad_transfer"),
        )
    )  # fmt: skip
    await added(
        IdempotencyKey(
            organisation_id=firm.id, key="k" * 16, fingerprint=b"f" * 32, created_at=await at("idempotency_key")
        )
    )
    channel = await added(Channel(user_id=user.id, kind=ChannelKind.EMAIL, label="x"))
    letter = await added(Letter(channel_id=channel.id, state=LetterState.SENT, finished_at=await at("letter")))
    event = await added(Event(code="test.made", organisation_id=firm.id, subject_id=firm.id))
    await added(Notice(channel_id=channel.id, event_id=event.id, letter_id=letter.id, due_at=await at("notice")))
    endpoint = await added(Endpoint(organisation_id=firm.id, url="https://x.example", secret="s"))
    await added(
        Delivery(
            endpoint_id=endpoint.id,
            code="x",
            body="{}",
            state=DeliveryState.DELIVERED,
            finished_at=await at("delivery"),
        )
    )
    await session.execute(
        sa.text("insert into queue.pgqueuer_log (created, job_id, status, priority, entrypoint) values (:at, 1,"
                " 'successful', 0, 'x')"),
        {"at": await at("queue.pgqueuer_log")},
    )  # fmt: skip
    return {"user": user.id}


# ------------------------------------------------------------------ what leaves the mainland


async def chat(session: AsyncSession, user: User, place: str) -> UUID:
    row = Channel(
        user_id=user.id,
        kind=ChannelKind.CHAT,
        label="群",
        address="json://198.51.100.7/x",
        place=place,
        families=["import"],
    )
    session.add(row)
    await session.flush()
    return (await channels.test(session, actor_of_user(user), row.id)).id


def actor_of_user(user: User) -> Actor:
    return Actor(user_id=user.id, organisation_id=user.organisation_id, roles=frozenset({Role.OPERATOR}))


async def reason_of(sessions: Sessions, letter: UUID) -> str | None:
    async with sessions() as session:
        return (await session.get_one(Letter, letter)).reason


async def test_p47_nothing_about_a_person_goes_abroad_without_a_recorded_number_and_every_time_is_noted(
    committed_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    async def heard(address: str, _written: Any) -> None:
        sent.append(address)

    monkeypatch.setattr("api.jobs.telling.to_chat", heard)  # the wire itself, not the decision before it
    async with committed_sessions.begin() as session:
        user = await make_user(session, await make_organisation(session, Role.OPERATOR))
        at_home, away = await chat(session, user, "CN"), await chat(session, user, "HK")

    await tell(committed_sessions, Settings())

    assert len(sent) == 1
    assert await reason_of(committed_sessions, at_home) is None
    assert await reason_of(committed_sessions, away) == "abroad"
    async with committed_sessions() as session:
        (noted,) = (await session.execute(sa.select(AbroadTransfer))).scalars()
        told = set((await session.execute(sa.select(col(Event.code)))).scalars())
    assert (noted.place, noted.passed, noted.user_id) == ("HK", False, user.id)
    assert "abroad.blocked" in told

    async with committed_sessions.begin() as session:
        given = AssessmentIn(number="演示-1", basis=AbroadBasis.CONTRACT, valid_to=date(2099, 1, 1))
        await abroad.record_assessment(session, actor_of_user(user), given, date(2027, 1, 1))
        await session.execute(sa.text("update letter set next_at = clock_timestamp() where state = 'waiting'"))
    await tell(committed_sessions, Settings())

    assert len(sent) == 2
    assert await reason_of(committed_sessions, away) is None
    async with committed_sessions() as session:
        assert await reading.persons_sent(session, noted.year) == 1


async def test_p47_mail_to_a_server_abroad_and_an_assessment_that_has_ended_are_stopped_too(
    session: AsyncSession,
) -> None:
    user = await make_user(session, await make_organisation(session, Role.OPERATOR))
    yesterday = date.today() - timedelta(days=1)
    given = AssessmentIn(number="演示-2", basis=AbroadBasis.ASSESSMENT, valid_to=yesterday)
    await abroad.record_assessment(session, actor_of_user(user), given, yesterday)

    assert not await abroad.let_leave(session, user.id, Receiver.MAIL, abroad.SOMEWHERE)
    assert not await abroad.let_leave(session, user.id, Receiver.ESIGN, "SG")
    assert await abroad.let_leave(session, user.id, Receiver.ESIGN, "CN")
    with pytest.raises(NotAllowed):
        await abroad.record_assessment(
            session, actor_of(await make_organisation(session, Role.BUREAU), user), given, yesterday
        )


async def test_p47_each_person_counts_once_a_year_and_both_alarms_sound_once(
    session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abroad, "LIMIT", 10)
    firm = await make_organisation(session, Role.OPERATOR)
    people = [await make_user(session, firm) for _ in range(9)]
    given = AssessmentIn(number="演示-3", basis=AbroadBasis.CERTIFICATION, valid_to=date(2099, 1, 1))
    await abroad.record_assessment(session, actor_of(firm, people[0]), given, date(2027, 1, 1))
    heard = []

    for person in people:
        for _ in range(2):
            assert await abroad.let_leave(session, person.id, Receiver.CHAT, "SG")
        alarms = await session.execute(
            sa.select(col(Event.params)).where(col(Event.code) == "abroad.alarm").order_by(col(Event.id))
        )
        heard.append([params["share"] for params in alarms.scalars()])

    assert heard == [[]] * 4 + [[5_000]] * 3 + [[5_000, 8_000]] * 2


async def test_p47_the_operator_records_a_number_on_a_page_and_the_bureau_sees_the_count(
    app: Litestar, committed_sessions: Sessions
) -> None:
    async with committed_sessions.begin() as session:
        operator = await settle(session, "演示运营", Role.OPERATOR)
        bureau = await settle(session, "演示商务局", Role.BUREAU)
    app.state.settings = replace(app.state.settings, second_factor="optional")
    running, watching = await browser(app, operator), await browser(app, bureau)

    empty = await running.get("/abroad")
    wrong = await posted(running, "/abroad", number="", basis="contract", valid_to="2099-01-01", note="")
    past = await posted(running, "/abroad", number="演示-4", basis="contract", valid_to="2001-01-01", note="")
    done = await posted(running, "/abroad", number="演示-4", basis="contract", valid_to="2099-01-01", note="已备案")
    seen = await watching.get("/abroad")

    assert "尚未登记出境依据" in empty.text
    assert (wrong.status_code, past.status_code) == (422, 422)
    assert "日期已过" in past.text
    assert "演示-4" in done.text
    assert "演示-4" in seen.text
    assert 'action="/abroad"' not in seen.text
    figures = (await watching.get("/api/v1/abroad")).json()
    assert (figures["persons"], figures["limit"]) == (0, 100_000)
    assert json.dumps(figures["assessments"]).count("contract") == 1


async def test_a_channel_says_in_which_country_its_service_stands(session: AsyncSession) -> None:
    user = await make_user(session)
    row = await channels.add(session, actor_of_user(user), ChannelIn(kind=ChannelKind.EMAIL, label="x", place="sg"))

    assert row.place == "SG"
