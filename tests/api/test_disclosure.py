"""Who may read what a firm declares, field by field; cases of the bureau; released statistics over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api.actions import auth
from api.app import create_app
from api.auth import COOKIE
from api.jobs.statistics import release
from api.settings import Settings
from domain.actor import Actor
from domain.kinds import DeclaredField, Disclosure, MembershipState, OpportunityState, Role
from tests.factories import (
    actor_of,
    make_capability,
    make_certificate,
    make_consortium,
    make_membership,
    make_opportunity,
    make_organisation,
    make_price,
    make_promise,
    make_user,
)
from tests.living import living

Sessions = async_sessionmaker[AsyncSession]
PRICE, MONTHLY, LEAD, TURNOVER = 6_180_339, 4_142, 271, 31_415_926
READ_BY = {
    "stranger": Disclosure.PUBLIC,
    "matched": Disclosure.MATCHED,
    "bound": Disclosure.NDA,
}


@dataclass
class Town:
    """A maker, and readers who stand to it in different ways."""

    transport: httpx.AsyncBaseTransport
    actors: dict[str, Actor] = field(default_factory=dict)
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def settle(self, session: AsyncSession, name: str, role: Role, **over: Any) -> Any:
        firm = await make_organisation(session, role, name=f"演示{name}", **over)
        user = await make_user(session, firm, name=f"{name}联系人")
        opened = await auth.open_sign_in(session, user.id, timedelta(hours=1), browser=True)
        self.actors[name] = actor_of(firm, user)
        self.clients[name] = httpx.AsyncClient(
            transport=self.transport, base_url="http://127.0.0.1:8000", cookies={COOKIE: opened.secret}
        )
        return firm

    async def ask(self, who: str, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        answer = await self.clients[who].request(method, f"/api/v1{path}", json=body)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def told(self, who: str, code: str) -> list[dict[str, Any]]:
        """Return events of a code as soon as every transaction before them has ended."""
        async with asyncio.timeout(20):
            while True:
                every = await self.ask(who, "GET", "/events")
                if found := [each for each in every if each["code"] == code]:
                    return found
                await asyncio.sleep(0.1)

    async def fields(self, who: str) -> set[str]:
        """Return which fields of the maker a reader is shown."""
        found = await self.ask(who, "GET", f"/firms/{self.actors['maker'].organisation_id}/declared")
        return {each["field"] for each in found}


@pytest.fixture
async def town(committed_sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with living(create_app(Settings(home=tmp_path, second_factor="optional"), database_url)) as app:
        made = Town(transport=httpx.ASGITransport(app))  # type: ignore[arg-type]
        async with committed_sessions.begin() as session:
            maker = await made.settle(session, "maker", Role.SUPPLIER, turnover=TURNOVER)
            able = await make_capability(
                session, maker, monthly_quantity=MONTHLY, lead_days=LEAD, countries=["ID"], phrase="储能变流器"
            )
            await make_price(session, able, unit_price=PRICE)
            await make_certificate(session, maker)
            await made.settle(session, "stranger", Role.CHAIN_LEADER)
            await made.settle(session, "bureau", Role.BUREAU, verification=2)
            for name in ("matched", "bound"):
                leader = await made.settle(session, name, Role.CHAIN_LEADER)
                project = await make_opportunity(session, leader, state=OpportunityState.PUBLISHED)
                seat = await make_membership(
                    session, await make_consortium(session, project), maker, state=MembershipState.INVITED
                )
                if name == "bound":
                    await make_promise(session, seat)
        yield made


async def test_without_a_word_price_capacity_and_turnover_are_the_solvers_alone(town: Town) -> None:
    assert await town.fields("stranger") == set()
    assert await town.fields("matched") == {"lead_days", "countries", "certificates"}
    assert await town.fields("bound") == {"lead_days", "countries", "certificates", "contact"}
    assert await town.fields("bureau") == set()
    assert await town.fields("maker") == set(map(str, DeclaredField))


@pytest.mark.parametrize("about", DeclaredField)
async def test_each_field_is_shown_to_exactly_those_whom_its_tier_names(town: Town, about: DeclaredField) -> None:
    for tier in Disclosure:
        await town.ask("maker", "PUT", f"/disclosure/{about}", {"tier": tier, "reason": "参与本季度项目"})
        shown = {who for who in READ_BY if str(about) in await town.fields(who)}

        order = list(Disclosure)
        allowed = {
            who
            for who, stands in READ_BY.items()
            if tier is not Disclosure.SOLVER and order.index(tier) >= order.index(stands)
        }
        assert shown == allowed, tier


async def test_a_change_of_tier_is_told_with_person_time_and_reason_to_the_firm_alone(town: Town) -> None:
    body = {"tier": "matched", "reason": "参与印尼储能项目"}
    grades = await town.ask("maker", "PUT", "/disclosure/unit_price", body)

    (said,) = [grade for grade in grades if grade["field"] == "unit_price"]
    assert (said["tier"], said["usual"], said["reason"], said["by"]) == (
        "matched",
        "solver",
        "参与印尼储能项目",
        "maker联系人",
    )
    assert said["changed_at"]
    events = await town.told("maker", "disclosure.changed")
    assert [(each["params"]["before"], each["params"]["after"], each["params"]["reason"]) for each in events] == [
        ("solver", "matched", "参与印尼储能项目")
    ]
    watched = await town.ask("bureau", "GET", "/events")
    assert "disclosure.changed" not in {each["code"] for each in watched}


async def test_a_change_without_a_reason_or_to_no_tier_is_refused(town: Town) -> None:
    refused = await town.ask("maker", "PUT", "/disclosure/unit_price", {"tier": "all", "reason": ""}, expect=422)

    assert {error["where"] for error in refused["errors"]} == {"$.tier", "$.reason"}
    assert (await town.ask("maker", "GET", "/disclosure"))[0]["tier"] == "solver"


async def test_new_declarations_take_the_tier_the_firm_has_set(town: Town) -> None:
    await town.ask("maker", "PUT", "/disclosure/unit_price", {"tier": "public", "reason": "价目公开"})
    given = {"phrase": "储能电池柜", "unit": "SET", "unit_price": 77_777, "currency": "CNY"}
    await town.ask("maker", "POST", "/capabilities", given, expect=201)

    found = await town.ask("stranger", "GET", f"/firms/{town.actors['maker'].organisation_id}/declared")
    assert {each["number"] for each in found if each["field"] == "unit_price"} == {77_777, PRICE}


# ---- cases ----


async def test_an_officer_reads_a_named_firm_only_in_an_open_case_and_the_firm_sees_it(town: Town) -> None:
    firm = str(town.actors["maker"].organisation_id)
    await town.ask("stranger", "POST", "/cases", {"firm_id": firm, "reason": "好奇想看看"}, expect=403)
    case = await town.ask("bureau", "POST", "/cases", {"firm_id": firm, "reason": "核实产能缺口"}, expect=201)

    read = await town.ask("bureau", "POST", f"/cases/{case['id']}/readings")
    (seen,) = await town.ask("maker", "GET", "/cases")

    assert {each["field"] for each in read} == {"lead_days", "countries", "certificates"}
    assert not {str(PRICE), str(MONTHLY), str(TURNOVER)} & {str(each["number"]) for each in read}
    assert (seen["reason"], seen["officer"], seen["open"]) == ("核实产能缺口", "bureau联系人", True)
    assert await town.told("maker", "case.opened")
    assert await town.told("maker", "case.read")
    assert await town.ask("stranger", "GET", "/cases") == []


async def test_a_case_ends_after_a_day_or_when_it_is_closed(town: Town, engine: AsyncEngine) -> None:
    firm = str(town.actors["maker"].organisation_id)
    first, second = [
        await town.ask("bureau", "POST", "/cases", {"firm_id": firm, "reason": "核实产能缺口"}, expect=201)
        for _ in range(2)
    ]
    await town.ask("bureau", "POST", f"/cases/{first['id']}/closing")
    async with engine.begin() as connection:
        await connection.execute(sa.text("update bureau_case set expires_at = now() where closed_at is null"))

    for case in (first, second):
        refused = await town.ask("bureau", "POST", f"/cases/{case['id']}/readings", expect=409)
        assert refused["code"] == "case-ended"


# ---- statistics ----


async def test_statistics_are_released_once_a_quarter_and_show_no_small_number(
    town: Town, committed_sessions: Sessions, engine: AsyncEngine
) -> None:
    async with committed_sessions.begin() as session:
        for number in range(8):
            firm = await make_organisation(
                session, sme=True, industry="电气机械", group_name="同一集团" if number < 2 else None
            )
            await make_capability(session, firm, monthly_quantity=100 + number, countries=["ID"])
        lonely = await make_organisation(session, sme=False, industry="海缆敷设")
        await make_capability(session, lonely, monthly_quantity=987_654)

    released = await release(engine, committed_sessions)

    assert released > 0
    assert await release(engine, committed_sessions) == 0
    tables = {each["cube"]: each for each in await town.ask("bureau", "GET", "/statistics")}
    table = await town.ask("bureau", "GET", f"/statistics/{tables['capacity']['id']}")
    numbers = {tuple(each["key"]): each["value"] for each in table["numbers"]}
    assert numbers[("电气机械", "sme")] == sum(range(100, 108))
    assert numbers[("海缆敷设", "large")] is None
    assert numbers[("*", "*")] is None, "the total would give the lonely firm away"
    assert table["definition"]
    csv = await town.clients["bureau"].get(f"/api/v1/statistics/{table['id']}/csv")
    assert "987654" not in csv.text
    assert "不予公布" in csv.text or "suppressed" in csv.text
    await town.ask("maker", "GET", "/statistics", expect=403)
    async with engine.begin() as connection:
        with pytest.raises(DBAPIError):
            await connection.execute(sa.text("update statistic_cell set value = 1"))
