"""No page of the console needs what its content security policy forbids: a real browser says so, page by page."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import consortia
from api.wire.consortia import InviteIn
from domain.actor import Actor
from domain.kinds import Role
from tests.browser.conftest import DESK, PHONE, House, Visit
from tests.factories import make_capability
from tests.town import Account, Formation, make_formation, settle

Sessions = async_sessionmaker[AsyncSession]
IDENTITY = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}")
FILES = re.compile(r"\.(pdf|docx|csv|xlsx|json|ics)$|/export$|^/api/|^/static/")
LISTEN = """
addEventListener("securitypolicyviolation", event => told(event.effectiveDirective + " " + event.blockedURI));
"""
MOST = 40


@pytest.fixture
async def people(committed_sessions: Sessions) -> tuple[Formation, tuple[Account, ...]]:
    """A formation, and one person of each kind."""
    formation = await make_formation(committed_sessions)
    async with committed_sessions.begin() as session:
        bureau = await settle(session, "演示商务局", Role.BUREAU)
        operator = await settle(session, "演示运营", Role.OPERATOR)
        owner = formation.leader.organisation_id
        leader = Actor(user_id=None, organisation_id=owner, roles=frozenset({Role.CHAIN_LEADER}))
        await consortia.invite(session, leader, formation.consortium, InviteIn())
        await make_capability(session, organisation_id=formation.power.organisation_id)
    return formation, (formation.leader, formation.power, bureau, operator)


async def listening(page: Page) -> list[str]:
    """Return a list that every violation of the policy is added to."""
    heard: list[str] = []
    await page.expose_function("told", lambda text: heard.append(text))
    await page.add_init_script(LISTEN)
    return heard


async def crawled(visit: Visit, *first: str) -> set[str]:
    """Open every page that can be reached by links, one of each kind; return the kinds."""
    waiting, kinds = list(first), set[str]()
    while waiting and len(kinds) < MOST:
        path = waiting.pop(0)
        kind = IDENTITY.sub("…", path.partition("?")[0])
        if kind in kinds or FILES.search(path.partition("?")[0]):
            continue
        kinds.add(kind)
        answer = await visit.page.goto(visit.address + path, wait_until="load")
        assert answer is not None
        assert answer.status in (200, 403), (answer.status, path)
        found = await visit.page.eval_on_selector_all(
            "a[href]", "links => links.map(link => new URL(link.getAttribute('href'), location).href)"
        )
        waiting += [urlsplit(each).path for each in found if each.startswith(visit.address)]
    return kinds


async def test_p39_no_page_of_the_console_breaks_its_content_security_policy(
    house: House, people: tuple[Formation, tuple[Account, ...]]
) -> None:
    formation, accounts = people
    kinds: set[str] = set()
    for account, size in zip(accounts, (DESK, PHONE, DESK, DESK), strict=True):
        async with house.visit(size) as visit:
            heard = await listening(visit.page)
            await visit.go("/login")
            await visit.sign_in(account, "/opportunities")
            seat = f"/i/{formation.seats['演示变流']}" if account == formation.power else "/"
            kinds |= await crawled(
                visit, seat, "/inbox", "/notifications", "/personal-data", "/webhooks", "/bureau", "/abroad"
            )
            visit.complaints[:] = [each for each in visit.complaints if "status of 403" not in each]
            assert heard == []
    assert len(kinds) >= 25, sorted(kinds)


async def test_a_script_in_a_page_is_stopped_and_heard_of(house: House) -> None:
    """Were violations not heard, the silence above would prove nothing."""
    async with house.visit() as visit:
        heard = await listening(visit.page)
        await visit.go("/login")
        await visit.page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
        )
        await visit.page.evaluate("document.body.setAttribute('style', 'color: red')")
        ran = await visit.page.evaluate("window.ran")
        visit.complaints.clear()

    assert ran is None
    assert sorted(each.partition(" ")[0] for each in heard) == ["script-src-elem", "style-src-attr"]
