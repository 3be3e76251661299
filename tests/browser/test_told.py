"""Pages that stay open hear what happens on any server, count what waits, and miss nothing while nobody looked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import consortia
from api.app import create_app
from api.outbox import record
from api.queries import actors
from api.settings import Settings
from api.wire.consortia import InviteIn
from domain.actor import Actor
from tests.browser.conftest import DESK, PHONE, House, Quiet
from tests.town import Formation, make_formation, settled

Sessions = async_sessionmaker[AsyncSession]
PLACES = ("/inbox", "/notifications", "/webhooks", "/opportunities/{project}/activity")


@pytest.fixture
async def formation(committed_sessions: Sessions) -> Formation:
    """A consortium whose seats are proposed."""
    formation = await make_formation(committed_sessions)
    await settled(committed_sessions)
    return formation


@asynccontextmanager
async def another(house: House, database_url: str, home: Path) -> AsyncIterator[House]:
    """Serve the same city from a second server."""
    server = Quiet(
        uvicorn.Config(
            create_app(Settings(home=home, second_factor="optional"), database_url),
            host="127.0.0.1",
            port=0,
            log_config=None,
        )
    )
    serving = asyncio.create_task(server.serve())
    await asyncio.wait_for(server.ready.wait(), 30)
    yield House(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", house.browser)
    server.should_exit = server.force_exit = True
    await asyncio.wait_for(serving, 30)


async def told(sessions: Sessions, formation: Formation, actor: Actor, times: int) -> None:
    """Let something happen that the firm of the cells is told of."""
    for _ in range(times):
        async with sessions.begin() as session:
            await record(session, actor, "consortium.refilled", formation.consortium, name="演示储能联合体", filled=1,
                         consortium_id=formation.consortium, audience=[formation.cells.organisation_id])  # fmt: skip


async def test_an_open_page_counts_what_happens_on_another_server(
    house: House, formation: Formation, committed_sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with another(house, database_url, tmp_path) as other, house.visit(PHONE) as phone, other.visit() as leader:
        await phone.sign_in(formation.cells, "/opportunities")
        count, news = phone.page.locator("[data-count]"), phone.page.locator(".live .chip")
        assert not await count.is_visible()
        await leader.sign_in(formation.leader, f"/consortia/{formation.consortium}")
        await leader.click("button", "发出邀请")
        await leader.reads("邀请已发出")

        await count.get_by_text("1", exact=True).wait_for(timeout=90_000)
        await news.get_by_text("1 条新动态").wait_for(timeout=90_000)
        assert await phone.fits()
        await count.click()
        await phone.reads("演示储能联合体")
        await phone.page.locator("a.card.ask").first.click()
        await phone.page.wait_for_url("**/i/*")


async def test_a_page_hidden_for_a_while_hears_what_it_missed_once(
    house: House, formation: Formation, committed_sessions: Sessions
) -> None:
    async with committed_sessions.begin() as session:
        leader = await actors.person(session, formation.leader.email)
        await consortia.invite(session, leader, formation.consortium, InviteIn())
    await settled(committed_sessions)
    async with house.visit() as visit:
        await visit.sign_in(formation.cells, "/inbox")
        news = visit.page.locator(".live .chip")
        await told(committed_sessions, formation, leader, 1)
        await news.get_by_text("1 条新动态").wait_for(timeout=90_000)
        await visit.page.evaluate(
            "() => { Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
            " document.dispatchEvent(new Event('visibilitychange')); }"
        )
        await told(committed_sessions, formation, leader, 3)
        await visit.page.evaluate(
            "() => { Object.defineProperty(document, 'hidden', { value: false, configurable: true });"
            " document.dispatchEvent(new Event('visibilitychange')); }"
        )

        await news.get_by_text("4 条新动态").wait_for(timeout=90_000)


async def test_a_page_whose_stream_is_refused_comes_back_and_has_missed_nothing(
    house: House, formation: Formation, committed_sessions: Sessions
) -> None:
    """A proxy answers 502 while the server behind it begins anew, and a browser takes that for the end."""
    async with committed_sessions.begin() as session:
        leader = await actors.person(session, formation.leader.email)
    async with house.visit() as visit:
        asked = await visit.refused_once("**/events/stream*")
        await visit.sign_in(formation.cells, "/inbox")
        await told(committed_sessions, formation, leader, 2)

        await visit.page.locator(".live .chip").get_by_text("2 条新动态").wait_for(timeout=90_000)
        assert len(asked) == 2
        assert [each for each in visit.complaints if "502" not in each] == []
        visit.complaints.clear()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_the_pages_about_being_told_fit_and_complain_of_nothing(
    house: House, formation: Formation, size: dict[str, int]
) -> None:
    async with house.visit(size) as visit:
        await visit.sign_in(formation.leader, "/")
        for place in PLACES:
            await visit.go(place.format(project=formation.project))
            await visit.page.locator("h1").wait_for()
            assert await visit.fits(), place
