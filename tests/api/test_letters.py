"""Letters: who is told what and when, in which language, once, and again where it failed; over a real mail server."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
import requests
import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api import worker
from api.actions import channels
from api.i18n import catalogue
from api.jobs.telling import tell
from api.outbox import record
from api.sending import NotSent
from api.sending.letters import CHATS, chat_fault, to_chat, write
from api.settings import Settings
from api.wire.channels import ChannelIn, families
from domain.actor import Actor
from domain.delivery import LETTER_AGAIN, WEBHOOK_AGAIN, Habit, again, due
from domain.errors import NotFound
from domain.kinds import ChannelKind, LetterState, Rhythm, Role
from domain.records import Letter
from tests.api.test_relay import handed_on, process
from tests.conftest import PROJECT
from tests.factories import actor_of, make_organisation, make_user

Sessions = async_sessionmaker[AsyncSession]
NIGHT = Habit(zone="Asia/Shanghai", rhythm=Rhythm.AT_ONCE, digest_hour=8, quiet=(22, 7))
DIGEST = Habit(zone="Europe/Madrid", rhythm=Rhythm.DIGEST, digest_hour=8, quiet=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail server that runs, and what came to it."""

    url: str
    file: Path

    @property
    def settings(self) -> Settings:
        """What tells a worker to use it."""
        return Settings(mail_url=self.url, mail_from="lianzhou@demo.invalid", public_url="https://lianzhou.example")

    def messages(self) -> list[dict[str, str]]:
        """Return what came, in order."""
        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
async def mail(tmp_path: Path) -> AsyncIterator[Mail]:
    """A mail server, ended with the test."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = tmp_path / "mail.jsonl"
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.mail_server", str(port), str(file), cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    await running.stdout.readline()
    yield Mail(url=f"smtp+plain://127.0.0.1:{port}", file=file)
    os.kill(running.pid, signal.SIGKILL)
    await running.wait()


async def person(sessions: Sessions, **over: Any) -> tuple[Actor, UUID]:
    """Add a firm's person with an e-mail channel; `over` is about the channel, or the account."""
    account = {name: over.pop(name) for name in ("email", "locale") if name in over}
    async with sessions.begin() as session:
        user = await make_user(session, await make_organisation(session), **account)
        actor = Actor(user_id=user.id, organisation_id=user.organisation_id, roles=frozenset({Role.SUPPLIER}))
        row = await channels.add(session, actor, ChannelIn(kind=ChannelKind.EMAIL, label="邮箱", **over))
        return actor, row.id


async def invite(sessions: Sessions, *told: Actor, times: int = 1) -> None:
    """Let something happen that `told` are told of, and hand it on."""
    async with sessions.begin() as session:
        leader = actor_of(await make_organisation(session, Role.CHAIN_LEADER, name="演示链主集团"))
        for _ in range(times):
            await record(session, leader, "membership.accepted", uuid4(), name="演示联合体", edition=1,
                         audience=[each.organisation_id for each in told])  # fmt: skip
    await handed_on(sessions)


async def letters(sessions: Sessions) -> list[Letter]:
    async with sessions() as session:
        return list((await session.execute(sa.select(Letter).order_by(Letter.created_at))).scalars())  # type: ignore[arg-type]


async def make_due(sessions: Sessions) -> None:
    """Let the waits of every letter be over."""
    async with sessions.begin() as session:
        await session.execute(sa.text("update letter set next_at = clock_timestamp() where state = 'waiting'"))


# ------------------------------------------------------------------ when


@pytest.mark.parametrize(
    ("habit", "now", "then"),
    [
        (NIGHT, "2027-03-01T10:00:00+08:00", "2027-03-01T10:00:00+08:00"),
        (NIGHT, "2027-03-01T22:00:00+08:00", "2027-03-02T07:00:00+08:00"),
        (NIGHT, "2027-03-02T06:59:00+08:00", "2027-03-02T07:00:00+08:00"),
        (NIGHT, "2027-03-02T07:00:00+08:00", "2027-03-02T07:00:00+08:00"),
        (DIGEST, "2027-03-27T07:00:00+01:00", "2027-03-27T08:00:00+01:00"),
        (DIGEST, "2027-03-27T09:00:00+01:00", "2027-03-28T08:00:00+02:00"),
        (Habit(zone="UTC", rhythm=Rhythm.DIGEST, digest_hour=3, quiet=(2, 6)), "2027-03-01T12:00:00+00:00",
         "2027-03-02T06:00:00+00:00"),
    ],
    ids=["by day", "at night", "before dawn", "at its end", "later today", "into summer time", "digest at night"],
)  # fmt: skip
def test_a_message_leaves_by_the_readers_own_clock(habit: Habit, now: str, then: str) -> None:
    assert due(habit, datetime.fromisoformat(now)) == datetime.fromisoformat(then)


def test_webhooks_are_tried_ten_times_over_three_days_and_letters_six_times() -> None:
    middle = [again(WEBHOOK_AGAIN, tries, 0.5) for tries in range(1, 11)]

    assert middle[:3] == [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)]
    assert middle[-2:] == [timedelta(hours=24), None]
    assert again(WEBHOOK_AGAIN, 2, 0) == timedelta(minutes=4.5)
    assert again(WEBHOOK_AGAIN, 2, 1) == timedelta(minutes=5.5)
    assert again(LETTER_AGAIN, len(LETTER_AGAIN) + 1, 0.5) is None


# ------------------------------------------------------------------ where


@pytest.mark.parametrize(
    "address",
    ["json://127.0.0.1", "mailto://a:b@example.com", "gotify://10.0.0.1/abc", "xml://localhost", "syslog://",
     "https://oapi.dingtalk.com/robot/send?access_token=a", "windows://", "dingtalk", ""],
)  # fmt: skip
def test_only_chats_whose_machine_is_known_can_be_named(address: str) -> None:
    assert chat_fault(address) == "chat-scheme"


HOSTS = {
    "dingtalk": ("oapi.dingtalk.com", "dingtalk://abcdefgh1234"),
    "discord": ("discord.com", "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"),
    "feishu": ("open.feishu.cn", "feishu://abcdefgh-1234"),
    "lark": ("open.larksuite.com", "lark://abcdefgh-1234"),
    "schan": ("sctapi.ftqq.com", "schan://SCT1234567890"),
    "slack": ("hooks.slack.com", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"),
    "tgram": ("api.telegram.org", "tgram://123456789:AAEfgh1jk2LmN3opQrS4tuvwXyz/12315544"),
    "wecombot": ("qyapi.weixin.qq.com", "wecombot://abcdefgh1234"),
}


async def test_no_part_of_a_chats_address_chooses_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refused(_session: Any, *given: Any, **named: Any) -> Any:
        asked.append(urlsplit(named.get("url") or given[1]).hostname or "")
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "request", refused)
    written = write("zh-CN", uuid4(), [], 0, "https://lianzhou.example")
    for scheme, (_, address) in HOSTS.items():
        assert chat_fault(address) is None, scheme
        with pytest.raises(NotSent):
            await to_chat(address, written)
    plain = list(asked)
    for scheme in CHATS:
        for hostile in ("127.0.0.1", "10.0.0.1:8080/a/b", "localhost/", "u@[::1]/abcdefgh", "evil.example/x/y/z"):
            if chat_fault(f"{scheme}://{hostile}") is None:
                with pytest.raises(NotSent):
                    await to_chat(f"{scheme}://{hostile}", written)

    assert set(HOSTS) == set(CHATS)
    assert [host for host in dict.fromkeys(plain)] == [host for host, _ in HOSTS.values()]
    assert set(asked) == {host for host, _ in HOSTS.values()}


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"kind": "chat", "address": "json://10.0.0.1"}, "chat-scheme"),
        ({"address": "dingtalk://abcdefgh"}, "own-address"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"families": ("weather",)}, "family"),
        ({"quiet_from": 22}, "quiet"),
        ({"quiet_from": 8, "quiet_to": 8}, "quiet"),
    ],
)
def test_what_a_channel_cannot_be_is_refused_beside_its_field(over: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ChannelIn(**{"kind": "email", "label": "邮箱"} | over)

    assert [error["type"] for error in refused.value.errors()] == [code]
    assert code in catalogue("en")["field"]


def test_every_kind_of_event_has_a_name() -> None:
    for name in families():
        assert name in catalogue("zh-CN")["event_family"]
        assert name in catalogue("en")["event_family"]


# ------------------------------------------------------------------ what


async def test_a_letter_says_it_in_its_readers_language_and_leads_to_the_inbox(
    committed_sessions: Sessions, mail: Mail
) -> None:
    chinese, _ = await person(committed_sessions, email="li@demo.invalid")
    english, _ = await person(committed_sessions, email="lee@demo.invalid", locale="en")
    await invite(committed_sessions, chinese, english)

    await tell(committed_sessions, mail.settings)

    said = {message["to"]: message for message in mail.messages()}
    assert "演示链主集团" in said["li@demo.invalid"]["text"]
    assert "演示联合体" in said["li@demo.invalid"]["subject"]
    assert "accepted edition 1" in said["lee@demo.invalid"]["subject"]
    for message in said.values():
        assert "https://lianzhou.example/inbox" in message["text"]
    assert [letter.state for letter in await letters(committed_sessions)] == [LetterState.SENT] * 2


async def test_a_digest_holds_everything_of_a_day_in_one_letter(committed_sessions: Sessions, mail: Mail) -> None:
    actor, _ = await person(committed_sessions, rhythm=Rhythm.DIGEST)
    await invite(committed_sessions, actor, times=3)

    await tell(committed_sessions, mail.settings)
    early = mail.messages()
    async with committed_sessions.begin() as session:
        await session.execute(sa.text("update notice set due_at = clock_timestamp()"))
    await tell(committed_sessions, mail.settings)

    assert early == []
    (message,) = mail.messages()
    assert message["text"].count("演示链主集团") == 3
    assert "3" in message["subject"]


async def test_what_waits_for_a_switched_off_channel_is_forgotten(committed_sessions: Sessions, mail: Mail) -> None:
    actor, channel = await person(committed_sessions, rhythm=Rhythm.DIGEST)
    await invite(committed_sessions, actor)
    off = ChannelIn(kind=ChannelKind.EMAIL, label="邮箱", active=False)
    async with committed_sessions.begin() as session:
        await channels.revise(session, actor, channel, off, '"1"')
    await invite(committed_sessions, actor)

    async with committed_sessions() as session:
        assert await session.scalar(sa.text("select count(*) from notice")) == 0


async def test_a_test_message_is_sent_whatever_the_hour_and_nobody_elses_channel_is_reached(
    committed_sessions: Sessions, mail: Mail
) -> None:
    actor, channel = await person(committed_sessions, rhythm=Rhythm.DIGEST)
    stranger, _ = await person(committed_sessions)
    async with committed_sessions.begin() as session:
        await channels.test(session, actor, channel)
    with pytest.raises(NotFound):
        async with committed_sessions.begin() as session:
            await channels.test(session, stranger, channel)

    await tell(committed_sessions, mail.settings)

    (message,) = mail.messages()
    assert "测试消息" in message["subject"]


# ------------------------------------------------------------------ once, and again


async def test_a_letter_that_fails_is_tried_again_by_its_waits_and_then_said_to_have_failed(
    committed_sessions: Sessions, mail: Mail
) -> None:
    actor, _ = await person(committed_sessions, email="nobody@demo.invalid")
    await invite(committed_sessions, actor)

    reasons = set()
    for _ in range(len(LETTER_AGAIN) + 1):
        await tell(committed_sessions, mail.settings)
        (letter,) = await letters(committed_sessions)
        reasons.add(letter.reason)
        assert letter.next_at is not None
        assert letter.state is LetterState.FAILED or letter.next_at > datetime.now(UTC)
        await make_due(committed_sessions)

    assert (letter.state, letter.tries, reasons) == (LetterState.FAILED, 6, {"recipient-refused"})
    async with committed_sessions() as session:
        told = await session.scalar(sa.text("select organisation_id from event where code = 'channel.failed'"))
    assert told == actor.organisation_id


async def test_without_a_mail_server_a_letter_says_so(committed_sessions: Sessions) -> None:
    actor, _ = await person(committed_sessions)
    await invite(committed_sessions, actor)

    await tell(committed_sessions, Settings())

    (letter,) = await letters(committed_sessions)
    assert (letter.state, letter.reason) == (LetterState.WAITING, "mail-unset")


async def test_a_worker_tells_what_happens_while_it_works(
    committed_sessions: Sessions, database_url: str, mail: Mail
) -> None:
    actor, _ = await person(committed_sessions)
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(mail.settings, database_url, jobs={}, stop=stop))
    async with committed_sessions.begin() as session:
        leader = actor_of(await make_organisation(session, Role.CHAIN_LEADER))
        await record(session, leader, "membership.invited", uuid4(), audience=[actor.organisation_id], name="演示",
                     deadline="2030-01-01T00:00:00Z")  # fmt: skip
    for _ in range(1200):
        if mail.messages():
            break
        await asyncio.sleep(0.05)
    stop.set()
    await working

    (message,) = mail.messages()
    assert "演示" in message["subject"]


async def test_several_workers_send_each_letter_once(
    committed_sessions: Sessions, database_url: str, mail: Mail
) -> None:
    people = [await person(committed_sessions, email=f"p{number}@demo.invalid") for number in range(8)]
    async with process(database_url, mail.url), process(database_url, mail.url):
        await invite(committed_sessions, *(actor for actor, _ in people))
        await until_sent(committed_sessions)

    messages = mail.messages()
    assert sorted(message["to"] for message in messages) == sorted(f"p{number}@demo.invalid" for number in range(8))


@pytest.mark.parametrize(
    ("rounds", "readers"), [(2, 6), pytest.param(8, 20, marks=pytest.mark.long)], ids=["few", "many"]
)
async def test_killed_workers_lose_no_letter_and_make_no_second_one(
    committed_sessions: Sessions, database_url: str, mail: Mail, rounds: int, readers: int
) -> None:
    """A worker killed between the server's yes and its own commit sends again: the same letter, by its Message-ID."""
    people = [await person(committed_sessions, email=f"p{number}@demo.invalid") for number in range(readers)]
    for number in range(rounds):
        async with process(database_url, mail.url):
            await invite(committed_sessions, *(actor for actor, _ in people))
            await asyncio.sleep(0.02 * (number % 5))
        await make_due(committed_sessions)
    async with process(database_url, mail.url):
        await until_sent(committed_sessions)

    messages = mail.messages()
    sent = {message["id"]: (message["to"], message["text"]) for message in messages}
    assert len({(message["id"], message["text"]) for message in messages}) == len(sent)
    assert {letter.state for letter in await letters(committed_sessions)} == {LetterState.SENT}
    told = {f"p{number}@demo.invalid": 0 for number in range(readers)}
    for to, text in sent.values():
        told[to] += text.count("演示链主集团")
    assert set(told.values()) == {rounds}


async def until_sent(sessions: Sessions) -> None:
    """Wait until everything that was handed on is in a letter that was sent."""
    open_ones = (
        "select (select count(*) from notice where letter_id is null) "
        "+ (select count(*) from letter where state = 'waiting')"
    )
    for _ in range(1200):
        async with sessions() as session:
            if await session.scalar(sa.text(open_ones)) == 0:
                return
        await asyncio.sleep(0.05)
    raise AssertionError("a letter still waits")
