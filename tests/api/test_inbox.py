"""The inbox: everything open for one person, on one page and in one calendar, and nothing that is not his."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import icalendar
import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import consortia
from api.app import create_app
from api.papers.calendar import deadlines
from api.queries import obligations
from api.settings import Settings
from api.wire.consortia import DeclineIn, InviteIn, LineIn, TermsIn
from domain.actor import Actor
from domain.errors import Invalid
from domain.kinds import DeclineReason, OpportunityState, Role
from domain.obligation import Obligation
from domain.records import Membership
from tests.factories import actor_of, make_opportunity, make_organisation, make_user
from tests.living import living
from tests.town import Account, Formation, browser, make_formation

Sessions = async_sessionmaker[AsyncSession]
SOON = datetime(2030, 3, 1, 10, tzinfo=UTC)


@pytest.fixture
async def formation(committed_sessions: Sessions) -> Formation:
    return await make_formation(committed_sessions)


@pytest.fixture
async def app(database_url: str, tmp_path: Path, formation: Formation) -> AsyncIterator[Litestar]:
    app = create_app(
        Settings(home=tmp_path, public_url="https://lianzhou.example", second_factor="optional"), database_url
    )
    async with living(app):
        yield app


def firm(organisation: UUID, role: Role = Role.SUPPLIER) -> Actor:
    return Actor(user_id=None, organisation_id=organisation, roles=frozenset({role}))


async def open_for(sessions: Sessions, actor: Actor) -> list[str]:
    async with sessions() as session:
        return [each.code for each in await obligations.listed(session, actor)]


async def test_each_step_of_a_formation_waits_for_exactly_those_whose_step_it_is(
    committed_sessions: Sessions, formation: Formation
) -> None:
    leader = firm(formation.leader.organisation_id, Role.CHAIN_LEADER)
    cells, power = firm(formation.cells.organisation_id), firm(formation.power.organisation_id)

    async def waits() -> dict[str, list[str]]:
        return {
            name: await open_for(committed_sessions, actor)
            for name, actor in (("leader", leader), ("cells", cells), ("power", power))
        }

    nobody = await waits()
    async with committed_sessions.begin() as session:
        await consortia.invite(session, leader, formation.consortium, InviteIn(hours=72))
    asked = await waits()
    async with committed_sessions.begin() as session:
        line = LineIn(package="WP01", units=90, unit_price=100)
        await consortia.counter(session, cells, formation.seats["演示电芯"], TermsIn(edition=1, lines=(line,), note=""))
        given = DeclineIn(edition=1, reason=DeclineReason.CAPACITY)
        await consortia.decline(session, power, formation.seats["演示变流"], given)
    countered = await waits()

    assert nobody == {"leader": [], "cells": [], "power": []}
    assert asked == {"leader": [], "cells": ["answer-invitation"], "power": ["answer-invitation"]}
    assert countered == {"leader": ["answer-counter"], "cells": [], "power": []}


async def test_what_was_handed_to_a_colleague_waits_for_that_colleague(
    committed_sessions: Sessions, formation: Formation
) -> None:
    leader = firm(formation.leader.organisation_id, Role.CHAIN_LEADER)
    async with committed_sessions.begin() as session:
        await consortia.invite(session, leader, formation.consortium, InviteIn(hours=72))
        user = await make_user(session, organisation_id=formation.cells.organisation_id)
        seat = await session.get_one(Membership, formation.seats["演示电芯"])
        seat.delegate_id = user.id
    colleague = Actor(user_id=user.id, organisation_id=user.organisation_id, roles=frozenset({Role.SUPPLIER}))

    assert await open_for(committed_sessions, firm(formation.cells.organisation_id)) == []
    assert await open_for(committed_sessions, colleague) == ["answer-invitation"]


async def test_the_bureau_reviews_what_was_handed_in_and_nobody_else_does(session: AsyncSession) -> None:
    owner = await make_organisation(session, Role.CHAIN_LEADER)
    project = await make_opportunity(session, owner, state=OpportunityState.REVIEW, title="演示待审项目")
    bureau = actor_of(await make_organisation(session, Role.BUREAU))
    operator = actor_of(await make_organisation(session, Role.OPERATOR))

    (review,) = await obligations.listed(session, bureau)

    assert (review.code, review.subject_id, review.path) == ("review", project.id, f"/opportunities/{project.id}")
    assert await obligations.listed(session, operator) == ()
    assert await obligations.listed(session, actor_of(owner)) == ()


def open_ones(count: int) -> tuple[Obligation, ...]:
    """Return obligations in order, two of them without a date."""
    about: dict[str, Any] = {"path": "/", "params": {"name": "演示"}}
    hours = (SOON + timedelta(hours=number) for number in range(count - 2))
    dated = [Obligation(code="sign", subject_id=UUID(int=1), due=due, **about) for due in hours]
    ever = [Obligation(code="review", subject_id=UUID(int=number), due=None, **about) for number in (1, 2)]
    return (*dated, *ever)


def test_pages_hold_everything_once_also_when_something_is_done_between_them() -> None:
    whole = open_ones(7)
    first, cursor = obligations.page(whole, None, 3)
    second, cursor = obligations.page(whole[1:], cursor, 3)
    third, end = obligations.page(whole[1:], cursor, 3)

    assert (*first, *second, *third) == whole
    assert end is None
    for nonsense in ("!", "bm9uZQ=="):
        with pytest.raises(Invalid):
            obligations.page(whole, nonsense, 3)


# ------------------------------------------------------------------ page, interface, calendar


async def test_badge_page_and_interface_count_the_same(
    app: Litestar, committed_sessions: Sessions, formation: Formation
) -> None:
    leader = firm(formation.leader.organisation_id, Role.CHAIN_LEADER)
    async with committed_sessions.begin() as session:
        await consortia.invite(session, leader, formation.consortium, InviteIn(hours=72))
    client = await browser(app, formation.cells)

    page = await client.get("/inbox")
    listed = (await client.get("/api/v1/obligations")).json()
    elsewhere = await client.get("/opportunities")

    (item,) = listed["items"]
    assert listed["total"] == 1
    assert item["path"] == f"/i/{formation.seats['演示电芯']}"
    assert page.text.count('class="card ask"') == 1
    assert f'href="{item["path"]}"' in page.text
    for each in (page, elsewhere):
        assert '<span class="count" data-count>1</span>' in each.text
    assert (await client.get(item["path"])).status_code == 200


async def test_an_empty_inbox_says_so_and_counts_nothing(app: Litestar, formation: Formation) -> None:
    client = await english(app, formation.power)

    page = await client.get("/inbox")

    assert "Nothing waits for you." in page.text
    assert "data-count hidden" in page.text


async def test_what_happened_to_a_project_and_a_consortium_is_read_page_by_page(
    app: Litestar, committed_sessions: Sessions, formation: Formation
) -> None:
    leader = firm(formation.leader.organisation_id, Role.CHAIN_LEADER)
    async with committed_sessions.begin() as session:
        await consortia.invite(session, leader, formation.consortium, InviteIn(hours=72))
    client, stranger = await browser(app, formation.leader), await browser(app, formation.power)
    for place in (f"consortia/{formation.consortium}", f"opportunities/{formation.project}"):
        first = (await client.get(f"/api/v1/{place}/activity", params={"limit": 1})).json()
        rest = (await client.get(f"/api/v1/{place}/activity", params={"cursor": first["next"]})).json()
        seen = [each["params"]["name"] for each in (*first["items"], *rest["items"])]

        assert seen == ["演示储能联合体"] * 2
        assert first["items"][0]["position"] != rest["items"][0]["position"]
        assert rest["next"] is None
        assert "演示储能联合体" in (await client.get(f"/{place}/activity")).text
        own = (await stranger.get(f"/api/v1/{place}/activity")).json()["items"]
        assert len(own) == 1  # its own invitation, not the other firm's
    assert (await client.get(f"/api/v1/consortia/{uuid4()}/activity")).status_code == 404


async def test_a_calendar_is_opened_by_its_secret_address_until_it_is_renewed_or_closed(
    app: Litestar, committed_sessions: Sessions, formation: Formation
) -> None:
    leader = firm(formation.leader.organisation_id, Role.CHAIN_LEADER)
    async with committed_sessions.begin() as session:
        await consortia.invite(session, leader, formation.consortium, InviteIn(hours=72))
    client = await browser(app, formation.cells)
    reader = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://lianzhou.example")  # type: ignore[arg-type]

    first = (await client.post("/api/v1/calendar")).json()["url"]
    answer = await reader.get(first)
    second = (await client.post("/api/v1/calendar")).json()["url"]
    renewed, former = await reader.get(second), await reader.get(first)
    await client.delete("/api/v1/calendar")

    assert answer.headers["content-type"].startswith("text/calendar")
    (entry,) = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert "演示储能联合体" in str(entry["summary"])
    assert str(entry["url"]).startswith("https://lianzhou.example/i/")
    assert renewed.status_code == 200
    assert former.status_code == 404
    assert (await reader.get(second)).status_code == 404
    assert (await client.delete("/api/v1/calendar")).status_code == 404


def test_a_calendar_keeps_every_character_and_breaks_no_line() -> None:
    """Read by a reader that shares no code with the writer: unfolding and unescaping by RFC 5545 alone."""
    name = "A; B, C\\n D\r\nBEGIN:VEVENT “电芯” " + "储" * 80
    due = datetime(2030, 3, 1, 10, tzinfo=UTC)
    one = Obligation(code="sign", subject_id=UUID(int=7), due=due, path="/i/7", params={"name": name})

    content = deadlines([one], SOON, "zh-CN", "https://lianzhou.example")

    for line in content.split(b"\r\n"):
        assert len(line) <= 75
        assert b"\n" not in line
    read = list(entries(content))
    assert len(read) == 1
    assert name.replace("\r\n", "\n") in read[0]["SUMMARY"]
    assert read[0]["DTEND"] == "20300301T100000Z"
    assert read[0]["UID"] == f"sign-{UUID(int=7)}@lianzhou"
    assert content.count(b"BEGIN:VALARM") == 2


def entries(content: bytes) -> Any:
    """Yield the entries of an iCalendar file as name and value: a reader of its own."""
    entry: dict[str, str] | None = None
    for line in content.decode().replace("\r\n ", "").split("\r\n"):
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            entry = {}
        elif line == "END:VEVENT":
            yield entry
            entry = None
        elif entry is not None:
            entry.setdefault(name.partition(";")[0], unescaped(value))


def unescaped(text: str) -> str:
    """Undo the escaping of RFC 5545, 3.3.11."""
    out, rest = [], iter(text)
    for character in rest:
        if character == "\\":
            following = next(rest)
            out.append("\n" if following in "nN" else following)
        else:
            out.append(character)
    return "".join(out)


async def test_an_account_that_ended_has_no_calendar(app: Litestar, committed_sessions: Sessions) -> None:
    from api.actions import channels

    async with committed_sessions.begin() as session:
        user = await make_user(session)
        actor = Actor(user_id=user.id, organisation_id=user.organisation_id, roles=frozenset())
        secret, _ = await channels.open_calendar(session, actor)
        user.active = False
    reader = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://lianzhou.example")  # type: ignore[arg-type]

    assert (await reader.get(f"/calendar/{secret}/deadlines.ics")).status_code == 404


async def english(app: Litestar, account: Account) -> httpx.AsyncClient:
    """Return a browser that reads English."""
    client = await browser(app, account)
    client.cookies.set("lz_lang", "en")
    return client


async def sent(client: httpx.AsyncClient, path: str, **data: str) -> httpx.Response:
    """Send a form; return the page that follows."""
    answer = await client.post(path, data=data)
    return await client.get(answer.headers["location"]) if answer.status_code == 303 else answer


async def first_of(client: httpx.AsyncClient, path: str) -> str:
    """Return the id of the first of a list."""
    return str((await client.get(path)).json()["items"][0]["id"])


HABIT = {"digest_hour": "8", "zone": "Asia/Riyadh", "active": "on"}


async def test_a_channel_is_made_changed_and_removed_on_its_page(app: Litestar, formation: Formation) -> None:
    client = await english(app, formation.leader)
    digest = HABIT | {
        "kind": "email",
        "label": "<b>Office</b>",
        "rhythm": "digest",
        "quiet_from": "22",
        "quiet_to": "7",
    }

    chat = HABIT | {"kind": "chat", "label": "群", "address": "json://10.0.0.1", "rhythm": "at_once"}
    wrong = await sent(client, "/notifications", **chat)
    added = await sent(client, "/notifications", **digest, **{"family-membership": "on"})
    place = f"/notifications/{await first_of(client, '/api/v1/channels')}"
    form = await client.get(place)
    stale = await sent(client, place, **HABIT, kind="email", label="Office", rhythm="at_once", version="9")
    tested = await sent(client, f"{place}/test")
    removed = await sent(client, f"{place}/removal")

    assert wrong.status_code == 422
    assert "must be the address of a bot" in wrong.text
    assert "&lt;b&gt;Office&lt;/b&gt;" in added.text
    assert "Daily digest 8:00, quiet 22:00–7:00 (Asia/Riyadh)" in added.text
    assert 'name="family-membership" checked' in form.text
    assert stale.status_code == 412
    assert "the log below" in tested.text
    assert "No channel yet." in removed.text


async def test_secrets_are_shown_once(app: Litestar, formation: Formation) -> None:
    client = await english(app, formation.leader)

    calendar = await sent(client, "/notifications/calendar")
    webhook = await sent(client, "/webhooks", url="https://erp.example/hooks", label="ERP")
    place = f"/webhooks/{await first_of(client, '/api/v1/webhooks')}"
    rotated = await sent(client, f"{place}/rotation")

    assert "https://lianzhou.example/calendar/" in calendar.text
    assert "/deadlines.ics" not in (await client.get("/notifications")).text
    assert webhook.text.count("whsec_") == rotated.text.count("whsec_") == 1
    for path in (place, "/webhooks", f"/api/v1{place}"):
        assert "whsec_" not in (await client.get(path)).text


async def test_a_webhook_is_changed_and_removed_on_its_page(app: Litestar, formation: Formation) -> None:
    client = await english(app, formation.leader)
    await sent(client, "/webhooks", url="https://erp.example/hooks", label="ERP")
    place = f"/webhooks/{await first_of(client, '/api/v1/webhooks')}"

    bad = await sent(client, "/webhooks", url="http://10.0.0.1/", label="ERP")
    twice = await sent(client, "/webhooks", url="https://erp.example/hooks", label="ERP")
    changed = await sent(client, place, url="https://erp.example/other", label="ERP 2", version="1")
    too_old = await sent(client, f"{place}/replays", since="2026-01-01T00:00", until="2026-01-02T00:00")
    off, on = await sent(client, f"{place}/deactivation"), await sent(client, f"{place}/activation")
    tested = await sent(client, f"{place}/test")
    removed = await sent(client, f"{place}/removal")

    assert [bad.status_code, twice.status_code, too_old.status_code] == [422, 409, 409]
    assert "ERP 2" in changed.text
    assert "disabled by an administrator" in off.text
    assert "disabled by an administrator" not in on.text
    assert "endpoint.tested" in tested.text
    assert "No webhook yet." in removed.text
