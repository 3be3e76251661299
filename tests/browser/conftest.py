"""A real Chromium before the real application: pages may ask only this server, and may not complain."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, ConsoleMessage, Page, Request, Route, async_playwright
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.app import create_app
from api.settings import Settings
from api.worker import run
from tests.town import PASSWORD, Account

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a browser, and one process drives it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def program() -> str | None:
    """Return the Chromium of this machine: what CHROMIUM names, else what is on the PATH."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


class Quiet(uvicorn.Server):
    """A server inside the test's own loop, which leaves signals to pytest and says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals be."""
        yield


@dataclass
class Visit:
    """One person at one browser window, everything that went wrong there, and how often he clicked."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    clicks: int = 0

    async def go(self, path: str) -> None:
        """Open a page of the console."""
        await self.page.goto(self.address + path)

    async def click(self, role: Any, name: str, *, exact: bool = False) -> None:
        """Click or tap what a person would, by its role and its words."""
        self.clicks += 1
        await self.page.get_by_role(role, name=name, exact=exact).first.click()

    async def sign_in(self, account: Account, onward: str = "/") -> None:
        """Sign in by the form."""
        await self.go(f"/login?next={onward}")
        await self.page.fill("[name=email]", account.email)
        await self.page.fill("[name=password]", PASSWORD)
        await self.page.locator("main button").click()
        await self.page.wait_for_url(f"**{onward}")

    async def reads(self, text: str) -> None:
        """Wait until the page says `text`."""
        await self.page.get_by_text(text).first.wait_for(timeout=20_000)

    async def refused_once(self, place: str) -> list[str]:
        """Have the first request to `place` answered 502, as by a proxy in a restart; return what is asked from now."""
        asked: list[str] = []

        async def answer(route: Route) -> None:
            asked.append(route.request.url)
            await (route.fulfill(status=502) if len(asked) == 1 else route.continue_())

        await self.page.route(place, answer)
        return asked

    async def fits(self) -> bool:
        """Tell whether nothing sticks out to the right."""
        wide = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return bool(wide <= 0)


@dataclass(frozen=True)
class House:
    """The served application and the browser; each visit is a window of its own."""

    address: str
    browser: Browser

    @asynccontextmanager
    async def visit(self, size: dict[str, int] = DESK, **options: Any) -> AsyncIterator[Visit]:
        """Open a window; when it closes, it must have asked no other site and complained of nothing."""
        context = await self.browser.new_context(viewport=size, locale="zh-CN", **options)  # type: ignore[arg-type]
        visit = Visit(await context.new_page(), self.address)
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))

        def said(message: ConsoleMessage) -> None:
            if message.type == "error":
                visit.complaints.append(message.text)

        def asked(request: Request) -> None:
            if not request.url.startswith((self.address, "data:")):
                visit.strange.append(request.url)

        visit.page.on("console", said)
        visit.page.on("request", asked)
        yield visit
        await context.close()
        assert visit.strange == []
        assert visit.complaints == []


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The machine's Chromium; without one the test is skipped."""
    found = program()
    if found is None:
        pytest.skip("no Chromium: install one, or name it in CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def house(
    chromium: Browser,
    committed_sessions: async_sessionmaker[AsyncSession],
    database_url: str,
    tmp_path: Path,
) -> AsyncIterator[House]:
    """The application on this test's own database, on loopback, with one worker."""
    settings = Settings(home=tmp_path, heartbeat_seconds=2.0, second_factor="optional")
    server = Quiet(uvicorn.Config(create_app(settings, database_url), host="127.0.0.1", port=0, log_config=None))
    stop = asyncio.Event()
    serving = asyncio.create_task(server.serve())
    working = asyncio.create_task(run(settings, database_url, stop=stop))
    await asyncio.wait_for(server.ready.wait(), 30)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield House(f"http://127.0.0.1:{port}", chromium)
    server.should_exit = server.force_exit = True
    stop.set()
    await asyncio.wait_for(serving, 30)
    await asyncio.wait_for(working, 30)
