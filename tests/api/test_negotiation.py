"""Negotiation over HTTP: names that stay closed, terms field by field, second thoughts, more time, wrong answers."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar
from litestar.routes import HTTPRoute
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import col

from api.actions import negotiation
from api.actions.auth import enrol
from api.app import create_app
from api.jobs.deadlines import expire, remind
from api.settings import Settings
from domain import workdays
from domain.kinds import MembershipState
from domain.records import CapacityHold, ConfidentialityAcceptance, Event, Membership, Organisation
from tests.living import living
from tests.permissions.conftest import briefly
from tests.town import HOST, PASSWORD, Account, Formation, browser, make_formation, settled

Sessions = async_sessionmaker[AsyncSession]
CANARY = "演示金丝雀一号有限公司"
DIRECTORY = ("/firms", "/api/v1/organisations", "/api/v1/firms")
"""Where every registered firm is listed for everybody, whatever it takes part in."""


@pytest.fixture
async def app(committed_sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Litestar]:
    async with living(create_app(Settings(home=tmp_path, second_factor="optional"), database_url)) as living_app:
        yield living_app


@pytest.fixture
async def formation(committed_sessions: Sessions) -> Formation:
    return await make_formation(committed_sessions)


class Desk:
    """The three of a formation at the API, each with a session of its own."""

    def __init__(self, app: Litestar, formation: Formation, sessions: Sessions) -> None:
        self.app, self.formation, self.sessions = app, formation, sessions
        self.cells, self.power = (formation.seats[name] for name in ("演示电芯", "演示变流"))
        self.clients: dict[str, httpx.AsyncClient] = {}

    async def client(self, who: Account) -> httpx.AsyncClient:
        if who.email not in self.clients:
            self.clients[who.email] = await browser(self.app, who, accept="application/json")
        return self.clients[who.email]

    async def ask(self, who: Account, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        client = await self.client(who)
        answer = await client.request(method, f"/api/v1{path}", json=body)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def invite(self, **given: Any) -> Any:
        return await self.ask(
            self.formation.leader, "POST", f"/consortia/{self.formation.consortium}/invitations", given or {"hours": 72}
        )

    async def answer(self, who: Account, seat: UUID, kind: str, expect: int = 200, **given: Any) -> Any:
        return await self.ask(who, "POST", f"/memberships/{seat}/{kind}", {"edition": 1} | given, expect)

    async def state(self, seat: UUID) -> MembershipState:
        async with self.sessions() as session:
            return (await session.get_one(Membership, seat)).state

    async def aged(self, seat: UUID, hours: float, of: int = 72) -> None:
        """Let it be so many hours since a firm was asked, of those it was given."""
        async with self.sessions.begin() as session:
            await session.execute(sa.text("set local session_replication_role = replica"))
            await session.execute(
                sa.text(
                    "update invitation set sent_at = clock_timestamp() - make_interval(secs => :passed),"
                    " deadline = clock_timestamp() + make_interval(secs => :left) where membership_id = :seat"
                ),
                {"passed": 3_600 * hours, "left": 3_600 * (of - hours), "seat": seat},
            )

    async def told(self, code: str) -> list[Event]:
        async with self.sessions() as session:
            statement = sa.select(Event).where(col(Event.code) == code).order_by(col(Event.id))
            return list((await session.execute(statement)).scalars())


@pytest.fixture
def desk(app: Litestar, formation: Formation, committed_sessions: Sessions) -> Desk:
    return Desk(app, formation, committed_sessions)


# ------------------------------------------------------------------ who else takes part


async def exits(desk: Desk, who: Account) -> dict[str, str]:
    """Read everything there is to read as somebody: every GET of API and console, about everything, and the streams."""
    transport = httpx.ASGITransport(briefly(desk.app), raise_app_exceptions=False)  # type: ignore[arg-type]
    known = await desk.client(who)
    things = [desk.formation.project, desk.formation.consortium, desk.cells, desk.power]
    found: dict[str, str] = {}
    async with httpx.AsyncClient(transport=transport, base_url=HOST, cookies=known.cookies) as client:
        for route in desk.app.routes:
            if not isinstance(route, HTTPRoute) or "GET" not in route.methods or route.path.startswith(DIRECTORY):
                continue
            if "{" not in route.path:
                paths = [route.path]
            elif route.path.count("{") == 1 and "{identity:uuid}" in route.path:
                paths = [route.path.replace("{identity:uuid}", str(thing)) for thing in things]
            else:
                continue
            for path in paths:
                accept = "application/json" if path.startswith("/api") else "text/html"
                answer = await client.get(path, headers={"accept": accept, "sec-fetch-site": "same-origin"})
                found[f"{path} {answer.status_code}"] = answer.text
    return found


def leaks(found: dict[str, str], formation: Formation) -> list[str]:
    return [path for path, text in found.items() if CANARY in text or str(formation.cells.organisation_id) in text]


async def test_the_others_names_leave_by_no_exit_before_confidentiality_is_promised(
    desk: Desk, formation: Formation
) -> None:
    async with desk.sessions.begin() as session:
        (await session.get_one(Organisation, formation.cells.organisation_id)).name = CANARY
    await desk.invite()
    await desk.answer(formation.cells, desk.cells, "acceptance")
    await settled(desk.sessions)
    assert leaks(await exits(desk, formation.power), formation) == []

    await desk.answer(formation.power, desk.power, "acceptance")
    await settled(desk.sessions)
    found = await exits(desk, formation.power)
    assert leaks(found, formation) == []
    assert "membership.accepted" in found["/api/v1/events/stream 200"]
    told = await desk.ask(formation.power, "GET", f"/consortia/{formation.consortium}")
    assert told["others"] == [{"label": "A", "lead": True, "settled": True}]
    page = await (await desk.client(formation.power)).get(f"/i/{desk.power}", headers={"accept": "text/html"})
    assert "成员 A" in page.text
    await desk.ask(formation.power, "GET", f"/consortia/{formation.consortium}/agreement", expect=409)

    await desk.answer(formation.power, desk.power, "confidentiality")
    opened = leaks(await exits(desk, formation.power), formation)
    assert {path.split()[0] for path in opened} >= {
        f"/api/v1/consortia/{formation.consortium}",
        f"/api/v1/consortia/{formation.consortium}/agreement",
        f"/consortia/{formation.consortium}",
        f"/i/{desk.power}",
    }


async def test_the_leader_sees_all_and_a_member_that_promised_sees_those_who_did_too(
    desk: Desk, formation: Formation
) -> None:
    await desk.invite()
    await desk.answer(formation.power, desk.power, "confidentiality")
    here = f"/consortia/{formation.consortium}"

    assert len((await desk.ask(formation.leader, "GET", here))["members"]) == 2
    assert len((await desk.ask(formation.power, "GET", here))["members"]) == 1

    await desk.answer(formation.cells, desk.cells, "confidentiality")
    assert {each["firm"] for each in (await desk.ask(formation.power, "GET", here))["members"]} == {
        "演示电芯",
        "演示变流",
    }


async def test_a_promise_is_a_named_persons_kept_once_with_its_edition_and_told(
    desk: Desk, formation: Formation
) -> None:
    await desk.invite()

    text = await desk.ask(formation.power, "GET", f"/memberships/{desk.power}/confidentiality")
    for _ in range(2):
        shown = await desk.answer(formation.power, desk.power, "confidentiality", edition=text["edition"])

    async with desk.sessions() as session:
        (row,) = (await session.execute(sa.select(ConfidentialityAcceptance))).scalars()
    (event,) = await desk.told("membership.confidentiality")
    assert text["text"].startswith("本企业承诺")
    assert shown["confidentiality"]["user_id"] == str(row.user_id) == str(event.user_id)
    assert (row.text, event.params["edition"]) == (1, 1)


@pytest.mark.parametrize("edition", [2, 99])
async def test_another_edition_of_the_promise_is_refused(desk: Desk, formation: Formation, edition: int) -> None:
    await desk.invite()

    refused = await desk.answer(formation.power, desk.power, "confidentiality", expect=409, edition=edition)

    assert (refused["code"], refused["params"]) == ("version-not-current", {"given": edition, "current": 1})


async def test_a_firm_that_has_left_promises_nothing(desk: Desk, formation: Formation) -> None:
    await desk.invite()
    await desk.answer(formation.power, desk.power, "decline", reason="risk")

    refused = await desk.answer(formation.power, desk.power, "confidentiality", expect=409)

    assert refused["code"] == "illegal-transition"


# ------------------------------------------------------------------ terms, field by field

COUNTER: dict[str, Any] = {
    "lines": [
        {
            "package": "WP02", "units": 30, "unit_price": 186_000_000,
            "starts": "2030-07-01", "ends": "2030-11-30", "lead_days": 120,
        }
    ],
    "payment": {"advance": 3_000, "delivery": 6_000, "acceptance": 500, "retention": 500, "days": 45},
    "clauses": [{"clause": "liability", "wording": "内部责任以合同额为限。"}],
    "note": "铜价上涨",
}  # fmt: skip


async def test_a_counter_opens_the_next_edition_and_says_what_differs_field_by_field(
    desk: Desk, formation: Formation
) -> None:
    await desk.invite()
    await desk.answer(formation.cells, desk.cells, "acceptance")

    countered = await desk.answer(formation.power, desk.power, "counter", **COUNTER)

    assert (countered["state"], countered["counter_edition"]) == ("countered", 2)
    for reader in (formation.leader, formation.power):
        told = await desk.ask(reader, "GET", f"/memberships/{desk.power}/diff")
        assert (told["before"], told["after"]) == (1, 2)
        assert {(each["field"], each["subject"]): (each["before"], each["after"]) for each in told["changes"]} == {
            ("units", "WP02"): (40, 30),
            ("unit_price", "WP02"): (None, 186_000_000),
            ("starts", "WP02"): (None, "2030-07-01"),
            ("ends", "WP02"): (None, "2030-11-30"),
            ("lead_days", "WP02"): (None, 120),
            ("advance", ""): (None, 3_000),
            ("delivery", ""): (None, 6_000),
            ("acceptance", ""): (None, 500),
            ("retention", ""): (None, 500),
            ("days", ""): (None, 45),
            ("clause", "liability"): (None, "内部责任以合同额为限。"),
        }
    page = await (await desk.client(formation.leader)).get(
        f"/memberships/{desk.power}/diff", headers={"accept": "text/html"}
    )
    for words in ("¥1,860,000.00", "内部责任以合同额为限。", "预付款", "30%", "交付截止"):
        assert words in page.text


async def test_answers_of_others_to_untouched_terms_survive_a_counter(desk: Desk, formation: Formation) -> None:
    await desk.invite()
    await desk.answer(formation.cells, desk.cells, "acceptance")

    await desk.answer(formation.power, desk.power, "counter", **COUNTER)
    offered = {"lines": [{"package": "WP02", "units": 40}], "payment": COUNTER["payment"], "hours": 24}
    await desk.ask(formation.leader, "POST", f"/memberships/{desk.power}/invitation", offered)
    assert await desk.state(desk.cells) is MembershipState.ACCEPTED
    accepted = await desk.answer(formation.power, desk.power, "acceptance", edition=3)

    standing = await desk.ask(formation.leader, "GET", f"/consortia/{formation.consortium}")
    assert standing["state"] == "agreed"
    assert [(each["firm"], each["edition"]) for each in standing["members"]] == [("演示电芯", 1), ("演示变流", 3)]
    assert accepted["conditions"]["payment"]["days"] == 45
    assert accepted["conditions"]["clauses"] == []


async def test_what_was_agreed_beside_price_is_what_is_signed(desk: Desk, formation: Formation) -> None:
    await desk.invite()
    await desk.answer(formation.cells, desk.cells, "acceptance")
    whole = {**COUNTER, "lines": [{**COUNTER["lines"][0], "units": 40}]}
    await desk.answer(formation.power, desk.power, "counter", **whole)
    await desk.ask(formation.leader, "POST", f"/memberships/{desk.power}/invitation", {"hours": 24})
    await desk.answer(formation.power, desk.power, "acceptance", edition=2)

    agreement = await desk.ask(formation.leader, "GET", f"/consortia/{formation.consortium}/agreement")

    (member,) = [each for each in agreement["body"]["members"] if each["name"] == "演示变流"]
    assert member["particulars"] == {
        "delivery": [{"package": "WP02", "starts": "2030-07-01", "ends": "2030-11-30", "lead_days": 120}],
        "payment": COUNTER["payment"],
        "clauses": COUNTER["clauses"],
    }
    leader = await desk.client(formation.leader)
    file = await leader.get(f"/api/v1/consortia/{formation.consortium}/agreement.docx?lang=both")
    assert file.status_code == 200


@pytest.mark.parametrize(
    ("given", "where", "code"),
    [
        ({"payment": {"advance": 3_000, "days": 30}}, "$.payment", "payment-sum"),
        ({"clauses": [{"clause": "exit", "wording": "甲方"}, {"clause": "exit", "wording": "乙方"}]}, "$",
         "clause-twice"),
        ({"clauses": [{"clause": "poetry", "wording": "甲方"}]}, "$.clauses[0].clause", "enum"),
        ({"lines": [{"package": "WP02", "units": 4, "ends": "2030-01-01"}]}, "$.lines[0].starts", "period"),
    ],
)  # fmt: skip
async def test_terms_that_cannot_be_meant_are_refused_with_their_place(
    desk: Desk, formation: Formation, given: dict[str, Any], where: str, code: str
) -> None:
    await desk.invite()
    plain = {"lines": [{"package": "WP02", "units": 4}]}

    refused = await desk.answer(formation.power, desk.power, "counter", expect=422, **plain | given)

    assert [(each["where"], each["code"]) for each in refused["errors"]] == [(where, code)]


async def test_terms_are_compared_by_the_two_they_are_between(desk: Desk, formation: Formation) -> None:
    await desk.invite()
    for who, seat in ((formation.power, desk.power), (formation.cells, desk.cells)):
        await desk.answer(who, seat, "acceptance")
        await desk.answer(who, seat, "confidentiality")

    refused = await desk.ask(formation.cells, "GET", f"/memberships/{desk.power}/diff", expect=403)
    missing = await desk.ask(formation.power, "GET", f"/memberships/{desk.power}/diff?before=1&after=7", expect=404)

    assert (refused["code"], missing["params"]) == ("not-allowed", {"noun": "terms"})


# ------------------------------------------------------------------ second thoughts


@pytest.mark.parametrize(
    ("first", "then", "state"),
    [
        (("acceptance", {}), ("decline", {"reason": "partner"}), "declined"),
        (("acceptance", {}), ("counter", COUNTER), "countered"),
        (("decline", {"reason": "capacity"}), ("acceptance", {}), "accepted"),
        (("counter", COUNTER), ("acceptance", {}), "accepted"),
        (("counter", COUNTER), ("decline", {"reason": "terms"}), "declined"),
    ],
)
async def test_an_answer_may_be_exchanged_until_the_deadline_and_not_after(
    desk: Desk, formation: Formation, first: tuple[str, Any], then: tuple[str, Any], state: str
) -> None:
    await desk.invite()
    await desk.answer(formation.power, desk.power, first[0], **first[1])

    changed = await desk.answer(formation.power, desk.power, then[0], **then[1])

    assert changed["state"] == state
    async with desk.sessions() as session:
        live = sa.select(sa.func.coalesce(sa.func.sum(col(CapacityHold.quantity)), 0)).where(
            col(CapacityHold.membership_id) == desk.power, col(CapacityHold.state) == "soft"
        )
        assert (await session.execute(live)).scalar_one() == (0 if state == "declined" else 40)
    await desk.aged(desk.power, 73)
    late = await desk.answer(formation.power, desk.power, first[0], expect=409, **first[1])
    assert late["code"] in ("deadline-passed", "illegal-transition")


async def test_a_counter_after_another_came_to_nothing_is_the_next_edition_again(
    desk: Desk, formation: Formation
) -> None:
    await desk.invite()
    for edition in (2, 3):
        countered = await desk.answer(formation.power, desk.power, "counter", **COUNTER)
        assert countered["counter_edition"] == edition
        await desk.answer(formation.power, desk.power, "acceptance")


async def test_work_that_was_given_to_others_cannot_be_taken_back(desk: Desk, formation: Formation) -> None:
    await desk.invite()
    await desk.answer(formation.power, desk.power, "decline", reason="price")
    async with desk.sessions.begin() as session:
        other = await session.get_one(Membership, desk.cells)
        await session.execute(
            sa.text(
                "insert into terms_line (terms_id, package_id, units, share, currency)"
                " select t.id, p.id, 40, 10000, 'CNY' from terms t, work_package p"
                " where t.membership_id = :seat and p.code = 'WP02'"
            ),
            {"seat": other.id},
        )

    refused = await desk.answer(formation.power, desk.power, "acceptance", expect=409)

    assert refused["code"] == "seat-filled"


# ------------------------------------------------------------------ time


async def test_a_firm_is_reminded_once_at_one_half_and_once_at_nine_tenths_by_any_number_of_workers(
    desk: Desk, formation: Formation
) -> None:
    await desk.invite()
    await desk.answer(formation.cells, desk.cells, "acceptance")

    for hours, expected in ((35.9, 0), (36.1, 1), (64.7, 0), (64.9, 1), (71, 0)):
        await desk.aged(desk.power, hours)
        assert sum(await asyncio.gather(*(remind(desk.sessions) for _ in range(4)))) == expected

    events = await desk.told("membership.reminded")
    assert [event.params["reminder"] for event in events] == [1, 2]
    assert {tuple(event.audience) for event in events} == {(formation.power.organisation_id,)}


async def test_where_both_reminders_have_fallen_due_meanwhile_one_is_given(desk: Desk) -> None:
    await desk.invite()
    await desk.aged(desk.power, 70)
    await desk.aged(desk.cells, 1)

    assert [await remind(desk.sessions) for _ in range(2)] == [1, 0]
    assert [event.params["reminder"] for event in await desk.told("membership.reminded")] == [2]


async def test_who_has_answered_or_whose_time_is_over_is_not_reminded(desk: Desk, formation: Formation) -> None:
    await desk.invite()
    await desk.answer(formation.cells, desk.cells, "acceptance")
    await desk.aged(desk.cells, 70)
    await desk.aged(desk.power, 73)

    assert await remind(desk.sessions) == 0
    async with desk.sessions.begin() as session:
        operator = await _operator(session)
        assert await negotiation.remind(session, operator, formation.consortium) == 0


async def _operator(session: AsyncSession) -> Any:
    from api.actions.imports import the_operator

    return await the_operator(session)


async def test_the_leader_gives_more_time_and_reminders_follow_the_new_span(desk: Desk, formation: Formation) -> None:
    await desk.invite(hours=72)
    await desk.aged(desk.power, 70)
    assert await remind(desk.sessions) == 1

    longer = await desk.ask(formation.leader, "POST", f"/memberships/{desk.power}/extension", {"hours": 72})

    assert longer["invitation"]["reminded"] == 0
    await desk.aged(desk.power, 73, of=144)
    assert await desk.told("membership.extended")
    assert await expire(desk.sessions) == 0
    assert (await desk.answer(formation.power, desk.power, "acceptance"))["state"] == "accepted"


async def test_what_has_run_out_gets_no_more_time(desk: Desk, formation: Formation) -> None:
    await desk.invite()
    await desk.aged(desk.power, 73)
    await desk.answer(formation.cells, desk.cells, "decline", reason="other")
    extend = f"/memberships/{desk.power}/extension"

    late = await desk.ask(formation.leader, "POST", extend, {"hours": 1}, expect=409)
    gone = await desk.ask(formation.leader, "POST", f"/memberships/{desk.cells}/extension", {"hours": 1}, expect=409)
    unsaid = await desk.ask(formation.leader, "POST", extend, {}, expect=422)
    twice = await desk.ask(formation.leader, "POST", extend, {"hours": 1, "working_days": 1}, expect=422)

    assert (late["code"], gone["code"]) == ("deadline-passed", "illegal-transition")
    assert {each["code"] for each in (*unsaid["errors"], *twice["errors"])} == {"hours-or-days"}


async def test_working_days_end_at_midnight_in_beijing_and_every_deadline_is_told_in_both_times(
    desk: Desk, formation: Formation
) -> None:
    await desk.invite(working_days=3)

    shown = await desk.ask(formation.power, "GET", f"/consortia/{formation.consortium}")

    question = shown["members"][0]["invitation"]
    deadline = datetime.fromisoformat(question["deadline"])
    sent = datetime.fromisoformat(question["sent_at"])
    assert deadline == workdays.after(sent, 3)
    assert datetime.fromisoformat(question["deadline_beijing"]) == deadline
    assert question["deadline_beijing"].endswith("T00:00+08:00")
    assert (question["zone"], question["deadline_local"][-6:]) == ("Asia/Jakarta", "+07:00")
    page = await (await desk.client(formation.power)).get(f"/i/{desk.power}", headers={"accept": "text/html"})
    for words in ("00:00 北京时间", "23:00 (GMT+07:00) 当地时间"):
        assert words in page.text


async def test_hours_and_working_days_are_not_both_asked_for(desk: Desk, formation: Formation) -> None:
    path = f"/consortia/{formation.consortium}/invitations"

    refused = await desk.ask(formation.leader, "POST", path, {"hours": 5, "working_days": 2}, expect=422)

    assert [each["code"] for each in refused["errors"]] == ["hours-or-days"]


async def test_a_country_with_several_zones_is_asked_for_one_and_deadlines_are_told_in_it(
    desk: Desk, formation: Formation
) -> None:
    await desk.invite()
    before = await desk.ask(formation.leader, "GET", f"/opportunities/{formation.project}")
    zone = f"/opportunities/{formation.project}/zone"

    wrong = await desk.ask(formation.leader, "POST", zone, {"zone": "Europe/Berlin"}, expect=422)
    after = await desk.ask(formation.leader, "POST", zone, {"zone": "Asia/Jayapura"})

    shown = await desk.ask(formation.power, "GET", f"/consortia/{formation.consortium}")
    assert (before["zone"], "Asia/Jayapura" in before["zone_choices"]) == ("Asia/Jakarta", True)
    assert [each["code"] for each in wrong["errors"]] == ["zone-elsewhere"]
    assert (after["zone"], after["zone_choices"]) == ("Asia/Jayapura", [])
    assert shown["members"][0]["invitation"]["deadline_local"].endswith("+09:00")


# ------------------------------------------------------------------ who answers


async def colleague(desk: Desk, account: Account, name: str) -> Account:
    """Enrol another person of a firm."""
    email = f"{uuid4().hex[:10]}@example.cn"
    async with desk.sessions.begin() as session:
        await enrol(session, organisation_id=account.organisation_id, email=email, name=name, password=PASSWORD)
    return Account(email=email, firm=account.firm, organisation_id=account.organisation_id)


async def test_an_answer_that_was_handed_over_is_that_persons_or_an_administrators(
    desk: Desk, formation: Formation
) -> None:
    await desk.invite()
    second, third = [await colleague(desk, formation.power, name) for name in ("经办甲", "经办乙")]
    people = {each["name"]: each for each in await desk.ask(formation.power, "GET", "/colleagues")}
    chosen = {"user_id": people["经办甲"]["id"]}

    await desk.ask(formation.power, "POST", f"/memberships/{desk.power}/delegation", chosen)
    refused = await desk.answer(third, desk.power, "decline", expect=403, reason="other")
    accepted = await desk.answer(second, desk.power, "acceptance")
    admins = await desk.answer(formation.power, desk.power, "decline", reason="other")

    assert [each["admin"] for each in people.values()].count(True) == 1
    assert (refused["code"], accepted["state"], admins["state"]) == ("not-delegate", "accepted", "declined")
    (event,) = await desk.told("membership.delegated")
    assert ("经办甲" in str(event.params), event.audience) == (False, [formation.power.organisation_id])
    assert "经办甲" not in str(await desk.ask(formation.leader, "GET", f"/consortia/{formation.consortium}"))


async def test_nobody_of_another_firm_is_handed_an_answer(desk: Desk, formation: Formation) -> None:
    await desk.invite()
    stranger = (await desk.ask(formation.cells, "GET", "/colleagues"))[0]["id"]

    refused = await desk.ask(
        formation.power, "POST", f"/memberships/{desk.power}/delegation", {"user_id": stranger}, expect=404
    )

    assert refused["params"] == {"noun": "user"}


async def test_an_answer_is_taken_back_to_everybody(desk: Desk, formation: Formation) -> None:
    await desk.invite()
    second = await colleague(desk, formation.power, "经办甲")
    me = next(each["id"] for each in await desk.ask(formation.power, "GET", "/colleagues") if each["admin"])
    for given in ({"user_id": me}, {"user_id": None}):
        shown = await desk.ask(formation.power, "POST", f"/memberships/{desk.power}/delegation", given)

    assert shown["delegate_id"] is None
    assert (await desk.answer(second, desk.power, "acceptance"))["state"] == "accepted"


# ------------------------------------------------------------------ late, wrong, twice


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_every_wrong_answer_is_a_refusal_with_a_name_and_a_sentence(
    desk: Desk, formation: Formation, language: str
) -> None:
    await desk.invite()
    power, cells = await desk.client(formation.power), await desk.client(formation.cells)
    accept = f"/api/v1/memberships/{desk.power}/acceptance?lang={language}"

    async def code(client: httpx.AsyncClient, edition: int, **more: str) -> tuple[str, str]:
        answer = await client.post(accept, json={"edition": edition}, headers=more)
        told = answer.json()
        return told.get("code", told.get("state")), told.get("title", "")

    unknown = await code(power, 7)
    stranger = await code(cells, 1)
    first = await code(power, 1, **{"idempotency-key": "a-doubled-click-0001"})
    doubled = await code(power, 1, **{"idempotency-key": "a-doubled-click-0001"})
    again = await code(power, 1)
    await desk.aged(desk.power, 73)
    late = await desk.answer(formation.power, desk.power, "decline", expect=409, reason="other")

    assert [unknown[0], stranger[0], first[0], doubled[0], again[0], late["code"]] == [
        "version-not-current", "not-found", "accepted", "accepted", "illegal-transition", "deadline-passed",
    ]  # fmt: skip
    for _, title in (unknown, stranger, again):
        assert bool(re.search("[一-龥]", title)) == (language == "zh-CN")


@pytest.mark.parametrize("clock", ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"])
async def test_whatever_clock_a_client_has_the_databases_decides(desk: Desk, formation: Formation, clock: str) -> None:
    await desk.invite()
    power, cells = await desk.client(formation.power), await desk.client(formation.cells)
    await desk.aged(desk.cells, 73)

    in_time = await power.post(
        f"/api/v1/memberships/{desk.power}/acceptance", json={"edition": 1}, headers={"date": clock}
    )
    late = await cells.post(
        f"/api/v1/memberships/{desk.cells}/acceptance", json={"edition": 1}, headers={"date": clock}
    )

    assert (in_time.status_code, late.json()["code"]) == (200, "deadline-passed")


async def test_checks_without_end_are_refused(desk: Desk, formation: Formation) -> None:
    await desk.invite()
    terms = {"edition": 1, "lines": [{"package": "WP02", "units": 4}]}
    path = f"/memberships/{desk.power}/counter-checks"
    for _ in range(negotiation.CHECKS):
        await desk.ask(formation.power, "POST", path, terms, expect=202)

    refused = await desk.ask(formation.power, "POST", path, terms, expect=429)

    assert refused["code"] == "too-many"
    await desk.ask(formation.leader, "POST", path, terms, expect=202)


async def test_no_check_of_terms_that_nobody_can_answer_any_more(desk: Desk, formation: Formation) -> None:
    await desk.invite()
    await desk.answer(formation.power, desk.power, "decline", reason="timing")
    terms = {"edition": 1, "lines": [{"package": "WP02", "units": 4}]}

    for who, path, given in (
        (formation.power, f"/memberships/{desk.power}/counter-checks", terms),
        (formation.leader, f"/consortia/{formation.consortium}/repairs", {}),
    ):
        if "repairs" in path:
            await desk.ask(formation.leader, "POST", f"/consortia/{formation.consortium}/dissolution")
        assert (await desk.ask(who, "POST", path, given, expect=409))["code"] == "illegal-transition"
