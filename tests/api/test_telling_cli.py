"""The same from a terminal: what waits, what happened, test messages, webhooks."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from typer.testing import CliRunner, Result

from api.actions import channels, consortia
from api.cli import app
from api.cli.codes import Exit
from api.queries import actors
from api.wire.channels import ChannelIn
from api.wire.consortia import InviteIn
from domain.kinds import ChannelKind
from tests.town import make_formation

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture(autouse=True)
def environment(database_url: str, committed_sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command find the tests' database, and speak English."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LIANZHOU_LANG", "en")


def run(*words: object) -> Result:
    """Run the command beside the tests' loop, since it has one of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(CliRunner().invoke, app, [str(word) for word in words]).result()


async def test_what_waits_and_what_happened_is_read_from_a_terminal(committed_sessions: Sessions) -> None:
    formation = await make_formation(committed_sessions)
    async with committed_sessions.begin() as session:
        leader = await actors.person(session, formation.leader.email)
        await consortia.invite(session, leader, formation.consortium, InviteIn(hours=72))

    told, listed = run("inbox", formation.cells.email), run("inbox", formation.cells.email, "--json")
    happened = run("activity", formation.cells.email, "--consortium", formation.consortium)

    assert "Answer the invitation to “演示储能联合体”" in told.stdout
    (item,) = json.loads(listed.stdout)
    assert item["path"] == f"/i/{formation.seats['演示电芯']}"
    assert "invited to the consortium" in happened.stdout
    assert run("inbox", "nobody@demo.invalid").exit_code == Exit.NOT_FOUND


async def test_test_messages_and_webhooks_are_asked_for_from_a_terminal(committed_sessions: Sessions) -> None:
    email = (await make_formation(committed_sessions)).leader.email
    async with committed_sessions.begin() as session:
        actor = await actors.person(session, email)
        await channels.add(session, actor, ChannelIn(kind=ChannelKind.EMAIL, label="邮箱"))
    now = datetime.now(UTC)

    added = run("webhook", "add", email, "https://erp.example/hooks")
    (endpoint,) = json.loads(run("webhook", "list", email).stdout)
    tested = run("webhook", "test", email, endpoint["id"])
    deliveries: list[Any] = json.loads(run("webhook", "deliveries", email, endpoint["id"]).stdout)
    span = ("--since", (now - timedelta(days=1)).isoformat(), "--until", now.isoformat())
    replayed, refused = (
        run("webhook", "replay", email, endpoint["id"], *span),
        run("webhook", "add", email, "http://a/"),
    )
    asked = run("notify", "test", email)

    assert added.stdout.startswith("whsec_")
    assert deliveries[0]["id"] == tested.stdout.strip()
    assert replayed.stdout.strip() == "0"
    assert refused.exit_code == Exit.FAULTS
    assert asked.stdout.strip() == "1"
    async with committed_sessions() as session:
        assert await session.scalar(sa.text("select count(*) from letter where test")) == 1
