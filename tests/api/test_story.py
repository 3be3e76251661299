"""The story is one city that does not exist, shaped like real ones, played by the actions everybody uses."""

import math
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from csv import DictReader
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from stdnum.cn import uscc

from api.actions.auth import prove
from api.cli.showing import show
from api.db import make_sessions
from api.queries import actors, consortia, opportunities
from api.settings import Settings
from api.story import Story, found, load, projects
from api.story.city import NAME, PRODUCTS_MEDIAN, City
from api.story.logins import FILE
from domain.kinds import ConsortiumState, MembershipState, OpportunityState, Role
from domain.message import Message
from domain.records import Consortium, Membership, Opportunity, Organisation, Suggestion
from tests.conftest import empty

TODAY = date(2027, 3, 1)
Sessions = async_sessionmaker[AsyncSession]


# ---- the city, as values ----


@pytest.fixture(scope="module")
def city() -> City:
    """The city as founded on one day."""
    return found(TODAY)


def told(city: City) -> list[list[dict[str, Any]]]:
    return [[row.model_dump() for row in rows] for rows in city.rows]


def firms(city: City) -> list[Organisation]:
    partners = {str(Role.SUPPLIER), str(Role.SERVICE_PROVIDER)}
    return [row for row in city.organisations if partners & set(row.roles)]


def test_the_same_seed_founds_the_same_city(city: City) -> None:
    assert told(found(TODAY)) == told(city)
    assert told(found(TODAY, seed=1)) != told(city)


def test_another_day_moves_dates_and_nothing_else(city: City) -> None:
    later = found(date(2029, 11, 30))
    for ours, theirs in ((city.organisations, later.organisations), (city.capabilities, later.capabilities)):
        assert [row.id for row in ours] == [row.id for row in theirs]
    assert [price.unit_price for price in city.prices] == [price.unit_price for price in later.prices]


def test_everyone_in_the_city_is_marked_as_invented(city: City) -> None:
    for row in city.organisations:
        assert row.demonstration
        assert "演示" in row.name
        assert row.city == NAME
        assert row.credit_code is not None
        assert uscc.is_valid(row.credit_code)
        assert row.credit_code[2:8] == "999999"
    assert len({row.credit_code for row in city.organisations}) == len(city.organisations)
    assert len({row.name for row in city.organisations}) == len(city.organisations)
    assert all(link.source == "演示数据" for link in city.links)
    assert all(user.email.endswith(".invalid") for user in city.users)


def test_there_are_three_chain_leaders_and_about_120_firms_most_of_them_small(city: City) -> None:
    assert len(city.leaders) == 3
    assert 110 <= len(firms(city)) <= 130
    known = [row.sme for row in firms(city) if row.sme is not None]
    assert 0.5 < sum(known) / len(known) < 0.7
    assert len(known) < len(firms(city))
    assert sum(str(Role.SERVICE_PROVIDER) in row.roles for row in firms(city)) >= 10


def test_firms_declare_as_many_products_as_listed_firms_name(city: City) -> None:
    counts = Counter(row.organisation_id for row in city.capabilities if row.organisation_id not in leaders(city))
    spread = statistics.stdev(math.log(count) for count in counts.values())
    assert abs(statistics.median(counts.values()) - PRODUCTS_MEDIAN) <= 1
    assert 0.6 < spread < 1.0


def leaders(city: City) -> set[Any]:
    return {row.id for row in city.leaders.values()}


def test_some_figures_are_undeclared_as_real_ones_are(city: City) -> None:
    priced = {price.capability_id for price in city.prices}
    assert 0.4 < len(priced) / len(city.capabilities) < 0.9
    for name in ("monthly_quantity", "lead_days"):
        declared = sum(getattr(row, name) is not None for row in city.capabilities)
        assert 0.5 < declared / len(city.capabilities) < 0.95


def test_buyers_name_suppliers_of_the_last_two_years(city: City) -> None:
    named = Counter((link.buyer_id, link.year) for link in city.links if link.share is not None)
    assert {year for _, year in named} == {2025, 2026}
    assert max(named.values()) == 5
    small = [count for (buyer, _), count in named.items() if buyer not in leaders(city)]
    assert 1 <= statistics.mean(small) < 2.5


@pytest.mark.data
def test_no_real_firm_is_in_the_city(city: City, real_data: Path) -> None:
    with (real_data / "china" / "company_basic.csv").open(encoding="utf-8-sig") as file:
        real = [(row["company_name"], row["short_name"], row["unified_credit_code"]) for row in DictReader(file)]
    names = {name for name, _, _ in real} | {short for _, short, _ in real}
    codes = {code for _, _, code in real}
    for row in city.organisations:
        bare = row.name.removesuffix("（演示）")
        assert not {bare, row.short_name} & names
        assert row.credit_code not in codes


def test_every_project_lies_ahead_and_says_that_it_is_invented(city: City) -> None:
    given = projects(TODAY, {key: row.id for key, row in city.leaders.items()})
    assert len(given) == 6
    for project in given:
        assert project.given.deadline > datetime(2027, 3, 1, tzinfo=UTC)
        assert project.given.deadline.date() < project.given.starts
        assert project.given.summary.startswith("演示数据")
        assert project.given.budget is not None
        assert sum(package.value for package in project.given.packages) <= project.given.budget


# ---- the story, as played ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A story in a database of its own."""

    story: Story
    sessions: Sessions
    engine: AsyncEngine
    settings: Settings
    steps: tuple[str, ...]

    async def suggestion(self, key: str) -> Suggestion:
        async with self.sessions() as session:
            (run,) = await opportunities.suggestions_of(session, self.story.leaders[key], self.story.projects[key])
            return run

    async def opportunity(self, key: str) -> Opportunity:
        async with self.sessions() as session:
            return await session.get_one(Opportunity, self.story.projects[key])

    async def consortium(self, key: str) -> tuple[Consortium, list[Membership]]:
        leader = self.story.leaders[key]
        async with self.sessions() as session:
            (row,), _ = await consortia.listed(session, leader, opportunity=self.story.projects[key])
            return row, [seat.membership for seat in await consortia.seats(session, leader, row.id)]


@pytest.fixture(scope="module")
async def loaded(engine: AsyncEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    """The story, loaded in two goes: the first one is interrupted between two projects."""
    sessions, settings = make_sessions(engine), Settings(home=tmp_path_factory.mktemp("home"))
    today = datetime.now(UTC).date()
    steps: list[str] = []

    def interrupted(message: Message) -> None:
        steps.append(message.code)
        if steps.count("story-project") == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await load(sessions, engine, settings, today, tell=interrupted)
    story = await load(sessions, engine, settings, today)
    assert story is not None
    yield Told(story=story, sessions=sessions, engine=engine, settings=settings, steps=tuple(steps))
    await empty(engine)


async def test_an_interrupted_story_is_played_to_its_end(loaded: Told) -> None:
    assert loaded.steps == ("story-city", "story-vectors", *["story-project"] * 3)
    assert set(loaded.story.projects) == {"signed", "reopened", "gap", "infeasible", "review", "fresh"}
    async with loaded.sessions() as session:
        assert await count(session, "opportunity") == 6
        assert await count(session, "consortium") == 2
        assert await count(session, "suggestion") == 5


async def test_the_fresh_project_has_three_proven_plans_for_twelve_packages(loaded: Told) -> None:
    row, run = await loaded.opportunity("fresh"), await loaded.suggestion("fresh")
    assert row.state is OpportunityState.PUBLISHED
    assert row.demonstration
    assert run.status == "optimal"
    assert run.gap == 0
    assert len(run.plans) == 3
    assert len(run.coverage) == 12
    for plan in run.plans:
        assert {part["package_id"] for seat in plan["seats"] for part in seat["parts"]} == {
            covered["package_id"] for covered in run.coverage
        }
        assert sum(seat["share"] for seat in plan["seats"]) == 10_000
        assert plan["sme_share"] >= 3_000
    assert len({str(plan["seats"]) for plan in run.plans}) == 3


async def test_one_package_of_one_project_is_covered_by_nobody(loaded: Told) -> None:
    run = await loaded.suggestion("gap")
    assert run.status == "infeasible"
    assert [message["code"] for message in run.diagnosis] == ["package-short"]
    assert run.diagnosis[0]["params"]["package"] == "WP04"
    assert [covered["eligible"] for covered in run.coverage].count(0) == 1


async def test_one_project_contradicts_itself_and_its_smallest_easings_are_named(loaded: Told) -> None:
    run = await loaded.suggestion("infeasible")
    assert run.status == "infeasible"
    assert all(covered["eligible"] for covered in run.coverage)
    assert {message["code"] for message in run.diagnosis} == {
        "ease-member-limit",
        "ease-sme-share",
        "ease-firm-share",
    }


async def test_one_consortium_has_lost_a_member_and_waits_for_others(loaded: Told) -> None:
    row, members = await loaded.consortium("reopened")
    states = Counter(member.state for member in members)
    assert row.state is ConsortiumState.FORMING
    assert states[MembershipState.DECLINED] == 1
    assert states[MembershipState.COUNTERED] == 1
    assert states[MembershipState.INVITED] == 2
    assert states[MembershipState.ACCEPTED] >= 3


async def test_one_consortium_is_signed_by_all(loaded: Told) -> None:
    row, members = await loaded.consortium("signed")
    assert row.state is ConsortiumState.SIGNED
    assert {member.state for member in members} == {MembershipState.SIGNED}
    async with loaded.sessions() as session:
        found = await consortia.agreement(session, loaded.story.leaders["signed"], row.id)
    assert found is not None
    assert len(found[1]) == len(members)


async def test_an_unverified_chain_leaders_project_waits_for_the_bureau(loaded: Told) -> None:
    assert (await loaded.opportunity("review")).state is OpportunityState.REVIEW
    assert (await loaded.opportunity("gap")).state is OpportunityState.PUBLISHED


async def test_each_role_can_sign_in_and_its_password_is_in_nobody_elses_reach(loaded: Told) -> None:
    assert {login.role for login in loaded.story.logins} == set(Role)
    async with loaded.sessions() as session:
        for login in loaded.story.logins:
            assert await prove(await actors.account(session, login.email), login.password) is None
    kept = loaded.settings.home / FILE
    assert kept.stat().st_mode & 0o777 == 0o600
    assert all(login.password in kept.read_text(encoding="utf-8") for login in loaded.story.logins)


async def test_the_supplier_who_can_sign_in_is_a_small_firm_with_an_open_invitation(loaded: Told) -> None:
    async with loaded.sessions() as session:
        for role in (Role.SUPPLIER, Role.SERVICE_PROVIDER):
            (login,) = [login for login in loaded.story.logins if login.role is role]
            user = await actors.account(session, login.email)
            assert user is not None
            firm = await session.get_one(Organisation, user.organisation_id)
            _, members = await loaded.consortium("reopened")
            (seat,) = [member for member in members if member.organisation_id == firm.id]
            assert seat.state is MembershipState.INVITED
            assert str(role) in firm.roles
            assert firm.sme is True or role is Role.SERVICE_PROVIDER


async def test_loading_again_changes_nothing(loaded: Told) -> None:
    before = await everything(loaded.sessions)
    again = await load(loaded.sessions, loaded.engine, loaded.settings, datetime.now(UTC).date())
    assert again == loaded.story
    assert await everything(loaded.sessions) == before


async def test_passwords_that_were_lost_are_made_anew(loaded: Told) -> None:
    (loaded.settings.home / FILE).unlink()
    again = await load(loaded.sessions, loaded.engine, loaded.settings, datetime.now(UTC).date())
    assert again is not None
    assert {login.password for login in again.logins}.isdisjoint(login.password for login in loaded.story.logins)
    async with loaded.sessions() as session:
        for login in again.logins:
            assert await prove(await actors.account(session, login.email), login.password) is None


async def test_a_worker_that_dies_is_told_and_the_logins_are_shown_all_the_same(
    loaded: Told, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await show(loaded.settings, database_url, dead) is False
    shown = capsys.readouterr()
    assert "worker.log" in shown.err
    assert "bureau@yunfan.invalid" in shown.out


def dead() -> "subprocess.Popen[bytes]":
    """Return a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process


async def count(session: AsyncSession, table: str) -> int:
    return int((await session.execute(sa.text(f"select count(*) from {table}"))).scalar_one())


async def everything(sessions: Sessions) -> dict[str, int]:
    tables = (
        "organisation",
        "capability",
        "supply_link",
        "opportunity",
        "suggestion",
        "membership",
        "event",
        "signature",
    )
    async with sessions() as session:
        return {table: await count(session, table) for table in tables}
