"""The optimizer's answers over HTTP, through a real worker: the same as asked directly, and never a closed price."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

import optimizer
from api import worker
from api.actions import answers as actions
from api.db import snapshot
from api.i18n import LOCALES, catalogue
from api.jobs import Effect, JobContext
from api.jobs.answer import answer
from api.marks import mark, marking_key
from api.queries.world import load_opening, load_world
from api.settings import Settings
from api.vectors import of_this_process
from coalitions.answering import digest_of
from coalitions.basis import yardstick
from coalitions.matching import match
from coalitions.suggestion import pose
from domain.kinds import AnswerKind, Role, RunState
from domain.records import CapabilityPrice, Job
from optimizer import Plan, Problem
from optimizer.goals import GOALS
from optimizer.model import RULES
from optimizer.trial import stated
from tests.conftest import PROJECT
from tests.factories import make_certificate, make_job
from tests.quarter import MAKERS, Quarter, quarter

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def town(committed_sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Quarter]:
    """A published project, five makers, and a worker that answers."""
    async with quarter(committed_sessions, database_url, tmp_path) as made:
        await made.people()
        yield made


async def problem_of(engine: AsyncEngine, town: Quarter) -> Problem:
    """Pose the project's problem by hand: no price, no budget, the other goals as they are."""
    async with snapshot(engine) as session:
        leader = town.actors["leader"]
        opening = await load_opening(session, leader, UUID(town.project))
        today = (await session.execute(sa.text("select current_date"))).scalar_one()
        world = await load_world(session, leader, opening, await of_this_process(), today)
    whole = pose(world, opening, match(world, opening))
    return replace(
        whole,
        offers=tuple(replace(offer, price=None) for offer in whole.offers),
        rules=replace(whole.rules, budget=None),
        goals=replace(
            whole.goals, weights=tuple((goal, weight) for goal, weight in whole.goals.weights if goal != "price")
        ),
    )


def units_of(run: dict[str, Any], codes: dict[str, str]) -> dict[tuple[str, str], int]:
    seats = run["plans"][0]["seats"]
    return {(s["supplier_id"], codes[part["package_id"]]): part["units"] for s in seats for part in s["parts"]}


def figures(text: Any) -> set[int]:
    return {int(each) for each in re.findall(r"\d+", str(text))}


SECRET = {figure * times for _, figure, _ in MAKERS.values() for times in range(1, 41)}
"""Every price, and every sum of one price over the units of a package."""


# ---- each kind, from end to end ----


@dataclass(frozen=True, kw_only=True)
class Case:
    """A run with its plan, and the problem that answers about it rest on, made by hand."""

    town: Quarter
    run: dict[str, Any]
    problem: Problem
    plan: Plan

    async def told(self, **body: Any) -> dict[str, Any]:
        """Ask about the run and return what is told; no price is in it, nor a sum of one."""
        found = await self.town.answered("leader", f"/suggestions/{self.run['id']}/answers", {"seconds": 4, **body})
        assert (found["priced"], found["closed"], found["seed"]) == (False, 5, body.get("seed", 0))
        assert figures(found["answer"]).isdisjoint(SECRET), body
        answer: dict[str, Any] = found["answer"]
        return answer

    def score(self, value: int | None) -> int | None:
        """Return a value as answers tell it."""
        return None if value is None else yardstick(self.problem).told(value)


@pytest.fixture
async def case(town: Quarter, engine: AsyncEngine) -> Case:
    """The town's project with one suggested plan."""
    run = await town.suggested()
    project = await town.ask("leader", "GET", f"/opportunities/{town.project}")
    codes = {package["id"]: package["code"] for package in project["packages"]}
    problem = await problem_of(engine, town)
    return Case(town=town, run=run, problem=problem, plan=stated(problem, units_of(run, codes)))


async def test_what_rules_cost_and_what_members_bring_is_what_the_optimizer_says(case: Case) -> None:
    rules = await case.told(kind="rules", seed=3)
    why = await case.told(kind="explain", plan=1)

    prices = optimizer.price_of_rules(case.problem, seconds=4, seed=3)
    assert [(rule["rule"], rule["dropped"]["gains"]) for rule in rules["rules"]] == [
        (each.rule, [case.score(gain) for gain in each.dropped.gains or ()]) for each in prices.prices
    ]
    assert [rule["title"] for rule in rules["rules"]] == [catalogue("zh-CN")["rule"][r["rule"]] for r in rules["rules"]]
    reasons = optimizer.explain(case.problem, case.plan, seconds=4)
    assert {each["firm"]: each["loss"] for each in why["members"]} == {
        each.firm: case.score(each.loss) for each in reasons.members
    }


async def test_how_a_plan_is_mended_and_made_safe_is_what_the_optimizer_says(case: Case) -> None:
    member = case.plan.members[0]

    mended = await case.told(kind="repair", lost=[member])
    safe = await case.told(kind="harden", packages=["WP01"])

    ways = optimizer.repair(case.problem, case.plan, lost=[member], seconds=4)
    assert [(way["changes"], way["joining"]) for way in mended["ways"]] == [
        (way.changes, list(way.joining)) for way in ways.efficient
    ]
    hardened = optimizer.harden(case.problem, packages=["WP01"], seconds=4)
    assert safe["status"] == hardened.status.value
    assert set((safe["team"] or {}).get("members", ())) == set(hardened.plan.members if hardened.plan else ())


async def test_choices_waves_and_a_diagnosis_are_what_the_optimizer_says(case: Case) -> None:
    choices = await case.told(kind="frontier", axes=["sme", "risk", "price"], points=3)
    first = await case.told(kind="waves", hours=72)
    cured = await case.told(kind="diagnose")

    efficient = optimizer.frontier(case.problem, ("sme", "risk"), points=3, seconds=4)
    assert [set(point["team"]["members"]) for point in choices["points"]] == [
        set(point.plan.members) for point in efficient.points
    ]
    assert choices["left_out"] == ["price"]
    waves = optimizer.invitation_waves(case.problem, case.plan, {}, waves=5)
    assert [{turn["firm"] for turn in wave} for wave in first["waves"]] == [
        {ask.firm for ask in wave} for wave in waves.waves
    ]
    assert first["certainty"] == waves.certainty
    assert (cured["status"], cured["budget_alone"], cured["cures"]) == ("optimal", True, [])


async def test_a_project_without_a_plan_is_told_its_cures_in_words_and_one_conflict(
    town: Quarter, engine: AsyncEngine
) -> None:
    town.project = await town.publish(rules={"max_members": 2})
    run = await town.suggested()
    assert run["status"] == "infeasible"

    found = await town.answered("leader", f"/suggestions/{run['id']}/answers", {"kind": "diagnose", "seconds": 3})

    cures = optimizer.diagnose(await problem_of(engine, town), fixes=5, seconds=1)
    told = found["answer"]
    assert [[rule["rule"] for rule in cure["eased"]] for cure in told["cures"]] == [
        [rule.rule for rule in fix.relaxations] for fix in cures.fixes
    ]
    assert told["cures"][0]["eased"][0]["title"] == "办法 1：将成员数上限由 2 增至 3"
    assert {rule["rule"] for rule in told["conflict"]} >= {"member-limit"}


async def test_money_is_told_once_every_member_has_accepted_and_refused_before(town: Quarter) -> None:
    run = await town.suggested()
    members = town.members(run)
    consortium = await town.formed(run, *members[:-1])
    about = {"consortium_id": consortium, "seconds": 3}
    path = f"/suggestions/{run['id']}/answers"

    early = await town.ask("leader", "POST", path, {"kind": "shares", **about}, expect=409)
    asked = await town.ask(
        "leader", "POST", path, {"kind": "room", "firm_id": town.firm(members[0]), **about}, expect=202
    )
    refused = await town.ended("leader", asked["id"])
    (seat,) = await town.ask(members[-1], "GET", "/inbox")
    await town.ask(members[-1], "POST", f"/memberships/{seat['id']}/acceptance", {"edition": seat["edition"]})
    shares = await town.answered("leader", path, {"kind": "shares", **about})
    room = await town.answered("leader", path, {"kind": "room", "firm_id": town.firm(members[0]), **about})
    stranger = await town.ask(
        "leader", "POST", path, {"kind": "room", "firm_id": town.firm("other"), **about}, expect=202
    )

    assert (early["code"], early["params"]["closed"]) == ("prices-closed", 1)
    assert (refused["state"], refused["outcome"]["code"]) == ("failed", "prices-closed")
    assert (await town.ended("leader", stranger["id"]))["outcome"]["code"] == "plan-outdated"
    formed = await town.ask("leader", "GET", f"/consortia/{consortium}")
    cost = sum(line["unit_price"] * line["units"] for each in formed["members"] for line in each["lines"])
    for division in shares["answer"]["divisions"]:
        assert division["total"] == 240_000_000 - cost == sum(part["amount"] for part in division["parts"])
    assert {each["method"] for each in shares["answer"]["divisions"]} == set(optimizer.Method)
    assert room["answer"]["left_out"] == 5 - len(members)
    assert figures(room["answer"]).isdisjoint({MAKERS[name][1] for name in MAKERS.keys() - set(members)})


async def test_a_consortium_that_lost_a_member_is_mended_without_being_told_who(town: Quarter) -> None:
    run = await town.suggested()
    members = town.members(run)
    consortium = await town.formed(run, *members[1:])
    (seat,) = await town.ask(members[0], "GET", "/inbox")
    decline = {"edition": seat["edition"], "reason": "capacity"}
    await town.ask(members[0], "POST", f"/memberships/{seat['id']}/decline", decline)

    found = await town.answered(
        "leader", f"/suggestions/{run['id']}/answers", {"kind": "repair", "consortium_id": consortium, "seconds": 4}
    )

    told = found["answer"]
    assert told["lost"] == [town.firm(members[0])]
    assert {*told["ways"][0]["staying"], *told["ways"][0]["leaving"]} >= {town.firm(name) for name in members[1:]}
    assert told["ways"][0]["staying"]
    assert all(town.firm(members[0]) not in way["team"]["members"] for way in told["ways"])
    assert found["names"][town.firm(members[0])] == f"演示{members[0]}"


async def test_who_declined_before_is_asked_later(town: Quarter, committed_sessions: Sessions) -> None:
    """The odds rest on what happened: a declined and an accepted invitation of another project."""
    run = await town.suggested()
    members = town.members(run)
    await town.formed(run, *members[1:])
    (seat,) = await town.ask(members[0], "GET", "/inbox")
    decline = {"edition": seat["edition"], "reason": "timing"}
    await town.ask(members[0], "POST", f"/memberships/{seat['id']}/decline", decline)
    town.project = await town.publish()
    again = await town.suggested()

    found = await town.answered("leader", f"/suggestions/{again['id']}/answers", {"kind": "waves"})

    assert found["answer"]["known"] == len(members)
    assert (found["answer"]["prior_accepted"], found["answer"]["prior_asked"]) == (1, 2)


async def test_an_expired_certificate_makes_a_plan_outdated_and_a_repair_finds_what_is_lost(
    town: Quarter, committed_sessions: Sessions
) -> None:
    run = await town.suggested()
    member = town.members(run)[0]
    async with committed_sessions.begin() as session:
        await session.execute(
            sa.text("update capability set valid_to = '2031-01-15' where organisation_id = :firm"),
            {"firm": town.actors[member].organisation_id},
        )
        await make_certificate(session, organisation_id=town.actors[member].organisation_id)
    path = f"/suggestions/{run['id']}/answers"

    asked = await town.ask("leader", "POST", path, {"kind": "explain"}, expect=202)
    refused = await town.ended("leader", asked["id"])
    mended = await town.answered("leader", path, {"kind": "repair", "seconds": 4})

    assert refused["outcome"]["code"] == "plan-outdated"
    assert {each["firm"] for each in mended["answer"]["lost_work"]} == {town.firm(member)}
    assert mended["answer"]["ways"]


async def test_a_firm_asks_why_not_me_and_hears_of_nobody_else(town: Quarter) -> None:
    path = f"/opportunities/{town.project}/answers"

    near = await town.answered("cells3", path, {"kind": "counterfactual", "seconds": 3})
    far = await town.answered("other", path, {"kind": "counterfactual", "seconds": 3})

    (place,) = near["answer"]["near"]
    assert (place["package"], place["eligible"], place["price"]) == ("WP01", True, "within")
    assert far["answer"]["near"] == []
    assert near["names"].keys() <= {town.firm("cells3")}
    assert figures(near["answer"]).isdisjoint(SECRET)


async def test_projects_over_one_capacity_are_staffed_for_their_leader_and_for_the_bureau(town: Quarter) -> None:
    second = await town.publish(rules={})
    body = {"opportunity_ids": [town.project, second], "seconds": 5}

    own = await town.answered("leader", "/portfolios", body)
    city = await town.answered("bureau", "/portfolios", body)

    assert own["answer"] == city["answer"]
    assert (own["priced"], own["closed"]) == (False, 10)
    assert {each["opportunity"] for each in own["answer"]["staffed"]} | set(own["answer"]["unstaffed"]) == {
        town.project,
        second,
    }
    assert own["answer"]["gain"] == 240_000_000 * len(own["answer"]["staffed"])
    assert figures(own["answer"]).isdisjoint(SECRET)


async def test_the_same_question_has_the_same_answer_and_is_kept_with_digest_and_seed(
    town: Quarter, engine: AsyncEngine, committed_sessions: Sessions, tmp_path: Path
) -> None:
    run = await town.suggested()
    body = {"kind": "rules", "seconds": 3, "seed": 7}

    both = [await town.answered("leader", f"/suggestions/{run['id']}/answers", body) for _ in range(2)]

    assert both[0]["answer"] == both[1]["answer"]
    async with committed_sessions() as session:
        rows = (await session.execute(sa.text("select digest, seed from answer"))).all()
    key = marking_key(Settings(home=tmp_path).digest_key_place)
    assert set(rows) == {(mark(digest_of(await problem_of(engine, town)), key), 7)}
    listed = await town.ask("leader", "GET", f"/answers?opportunity={town.project}")
    assert [each["id"] for each in listed] == [both[1]["id"], both[0]["id"]]
    assert await town.ask("leader", "GET", "/answers?consortium=" + town.project) == []


async def test_prices_shown_to_matched_parties_count_and_money_is_told_where_all_are_open(
    town: Quarter, committed_sessions: Sessions
) -> None:
    """Only the members of the plan compete here, and each of them shows its price to matched parties."""
    run = await town.suggested()
    members = {town.actors[name].organisation_id for name in town.members(run)}
    others = {actor.organisation_id for name, actor in town.actors.items() if name in MAKERS} - members
    async with committed_sessions.begin() as session:
        await session.execute(sa.update(CapabilityPrice).values(disclosure="matched"))
        await session.execute(
            sa.text("update capability set state = 'retired' where organisation_id = any(:firms)"),
            {"firms": list(others)},
        )

    found = await town.answered("leader", f"/suggestions/{run['id']}/answers", {"kind": "rules", "seconds": 4})

    assert (found["priced"], found["closed"]) == (True, 0)
    budget = next(rule for rule in found["answer"]["rules"] if rule["rule"] == "budget")
    assert budget["dropped"]["cost"] == 0


# ---- who may ask, how often ----


async def test_questions_are_the_leaders_alone_and_answers_are_read_by_who_asked(town: Quarter) -> None:
    run = await town.suggested()
    path = f"/suggestions/{run['id']}/answers"
    found = await town.answered("leader", path, {"kind": "rules", "seconds": 2})

    assert (await town.ask("bureau", "POST", path, {"kind": "rules"}, expect=403))["code"] == "not-allowed"
    assert (await town.ask("cells1", "POST", path, {"kind": "rules"}, expect=404))["code"] == "not-found"
    for who in ("bureau", "cells1"):
        await town.ask(who, "GET", f"/answers/{found['id']}", expect=404)
    why = f"/opportunities/{town.project}/answers"
    for who in ("leader", "bureau"):
        assert (await town.ask(who, "POST", why, {}, expect=403))["params"]["needed"] == "supplier"
    both = {"opportunity_ids": [town.project, town.project]}
    assert (await town.ask("cells1", "POST", "/portfolios", both, expect=403))["params"]["needed"] == "owner"


async def test_a_question_that_makes_no_sense_is_refused_with_every_fault(town: Quarter) -> None:
    run = await town.suggested()
    path = f"/suggestions/{run['id']}/answers"

    async def fault(body: dict[str, Any], expect: int = 422) -> tuple[str, str]:
        refused = await town.ask("leader", "POST", path, body, expect=expect)
        return (refused["errors"][0]["code"], refused["errors"][0]["where"]) if expect == 422 else (refused["code"], "")

    assert await fault({"kind": "rules", "plan": 1}) == ("not-for-kind", "$")
    assert await fault({"kind": "room", "consortium_id": run["id"]}) == ("kind-needs", "$")
    assert await fault({"kind": "explain", "plan": 4}) == ("plan-unknown", "$.plan")
    assert await fault({"kind": "harden", "packages": ["WP01", "WP77"]}) == ("package-unknown", "$.packages[1]")
    assert await fault({"kind": "repair", "consortium_id": run["id"]}, 404) == ("not-found", "")
    other = await town.suggested(project=await town.publish())
    consortium = await town.formed(other)
    assert await fault({"kind": "repair", "consortium_id": consortium}, 404) == ("not-found", "")
    assert await fault({"kind": "room", "consortium_id": consortium, "firm_id": run["id"]}, 404) == ("not-found", "")


async def test_an_amended_or_closed_project_is_not_answered_about(town: Quarter, committed_sessions: Sessions) -> None:
    run = await town.suggested()
    path = f"/suggestions/{run['id']}/answers"

    async def put(statement: str) -> None:
        async with committed_sessions.begin() as session:
            await session.execute(sa.text(f"update opportunity set {statement}"))

    await put("edition = 2")
    assert (await town.ask("leader", "POST", path, {"kind": "rules"}, expect=409))["code"] == "version-not-current"
    await put("edition = 1, state = 'closed'")
    assert (await town.ask("leader", "POST", path, {"kind": "rules"}, expect=409))["code"] == "illegal-transition"


async def test_a_fifth_open_question_is_refused_and_told_when_to_come_back(
    committed_sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    """No worker answers here, so questions stay open."""
    async with quarter(committed_sessions, database_url, tmp_path, worker=False) as town:
        await town.people()
        both = {"opportunity_ids": [town.project, await town.publish()], "seconds": 30}

        statuses = [(await town.clients["leader"].post("/api/v1/portfolios", json=both)).status_code for _ in range(4)]
        refused = await town.clients["leader"].post("/api/v1/portfolios", json=both)
        other = await town.clients["bureau"].post("/api/v1/portfolios", json=both)

        assert statuses == [202] * 4
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
        assert other.status_code == 202


async def test_one_firm_asks_why_not_me_three_times_a_day_for_each_project(
    committed_sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with quarter(committed_sessions, database_url, tmp_path, worker=False) as town:
        await town.people()
        other = await town.publish()

        def asked(project: str) -> Any:
            return town.clients["cells1"].post(f"/api/v1/opportunities/{project}/answers", json={})

        statuses = [(await asked(town.project)).status_code for _ in range(3)]
        refused = await asked(town.project)

        assert statuses == [202] * 3
        assert refused.status_code == 429
        assert 86_000 < int(refused.headers["retry-after"]) <= 86_400
        assert (await asked(other)).status_code == 202


async def test_what_was_thought_within_the_hour_counts_and_room_comes_back_with_the_oldest(
    committed_sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with quarter(committed_sessions, database_url, tmp_path, worker=False) as town:
        await town.people()
        leader = town.actors["leader"].organisation_id
        async with committed_sessions.begin() as session:
            for age in (50, 40, 30):
                job = await make_job(session, "answer", organisation_id=leader, state=RunState.DONE)
                job.payload = {"kind": "rules", "seconds": actions.HOURLY_SECONDS // 3}
                await session.flush()
                await session.execute(
                    sa.text("update job set created_at = now() - make_interval(mins => :age) where id = :id"),
                    {"age": age, "id": job.id},
                )

        refused = await town.clients["leader"].post(
            "/api/v1/portfolios", json={"opportunity_ids": [town.project, await town.publish()], "seconds": 10}
        )

        assert refused.status_code == 429
        assert 9 * 60 < int(refused.headers["retry-after"]) <= 10 * 60


# ---- cancelled, killed ----


async def test_a_question_that_is_cancelled_is_not_answered(
    committed_sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with quarter(committed_sessions, database_url, tmp_path, worker=False) as town:
        await town.people()
        both = {"opportunity_ids": [town.project, await town.publish()], "seconds": 30}
        asked = await town.ask("leader", "POST", "/portfolios", both, expect=202)

        cancelled = await town.ask("leader", "POST", f"/jobs/{asked['id']}/cancellation")

        assert cancelled["state"] == "cancelled"
        assert await town.ask("leader", "GET", "/answers") == []


async def test_a_worker_killed_in_the_middle_of_an_answer_leaves_it_to_another_who_gives_it_once(
    committed_sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with quarter(committed_sessions, database_url, tmp_path, worker=False) as town:
        await town.people()
        body = {"opportunity_ids": [town.project, await town.publish()], "seconds": 3}
        asked = await town.ask("leader", "POST", "/portfolios", body, expect=202)
        process, stop = await start(database_url, pause=60.0), asyncio.Event()
        await answering(committed_sessions, UUID(asked["id"]))
        process.kill()
        await process.wait()
        heir = asyncio.create_task(worker.run(Settings(heartbeat_seconds=1.5), database_url, stop=stop))
        done = await town.ended("leader", asked["id"])
        stop.set()
        await heir

        assert (done["state"], done["tries"]) == ("done", 2)
        (line,) = await town.ask("leader", "GET", "/answers")
        assert line["id"] == done["outcome"]["answer_id"]


async def test_one_question_of_an_organisation_is_answered_at_a_time_in_the_order_they_were_asked(
    committed_sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    """The worker has room for two; the leader's first question ends once the bureau's has begun: it need not wait."""
    under_way: list[UUID] = []
    most: dict[UUID, int] = {}
    begun = asyncio.Event()

    async def watched(context: JobContext) -> Effect:
        effect = await answer(context)
        asker = context.actor.organisation_id
        under_way.append(asker)
        most[asker] = max(most.get(asker, 0), under_way.count(asker))
        await begun.wait() if context.actor.has(Role.CHAIN_LEADER) else begun.set()
        await asyncio.sleep(1.5)
        under_way.remove(asker)
        return effect

    async with quarter(committed_sessions, database_url, tmp_path, jobs={"answer": watched}) as town:
        await town.people()
        body = {"opportunity_ids": [town.project, await town.publish()], "seconds": 2}
        who = ("leader", "leader", "bureau")

        asked = [await town.ask(name, "POST", "/portfolios", body, expect=202) for name in who]
        done = [await town.ended(name, job["id"]) for name, job in zip(who, asked, strict=True)]

    assert [(each["state"], each["tries"]) for each in done] == [("done", 1)] * 3
    assert set(most.values()) == {1}
    assert done[0]["finished_at"] < done[1]["finished_at"]


async def start(url: str, *, pause: float) -> Any:
    """Start a worker process that answers, and takes its time over it."""
    script = str(Path(__file__).with_name("pausing_worker.py"))
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return await asyncio.create_subprocess_exec(
        sys.executable, script, url, str(pause), env=environment, cwd=PROJECT, stderr=asyncio.subprocess.DEVNULL
    )


async def answering(sessions: Sessions, job_id: UUID) -> None:
    """Wait until a worker is in the middle of answering."""
    async with asyncio.timeout(150):
        while True:
            async with sessions() as session:
                job = await session.get_one(Job, job_id)
            if job.progress.get("stage") == "answering":
                return
            await asyncio.sleep(0.05)


# ---- words ----


@pytest.mark.parametrize("locale", LOCALES)
def test_every_rule_and_every_goal_has_its_words(locale: Any) -> None:
    words = catalogue(locale)

    assert RULES.keys() <= words["rule"].keys()
    assert {*GOALS, "cohesion"} == words["goal"].keys()
    assert {f"ease-{rule}" for rule in optimizer.diagnosis.EASED} <= words["diagnosis"].keys()
    assert set(map(str, optimizer.Method)) == words["method"].keys()
    assert set(map(str, optimizer.Axis)) == words["axis"].keys()
    assert {"grade", "lot", "share"} <= words["rule"].keys()
    assert words["answer_kind"].keys() == set(map(str, AnswerKind))
