"""The optimizer's answers on pages: each kind in sentences and small tables, in both languages, and how to ask."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions.suggestions import plain
from coalitions import answering
from coalitions.answers import Guided, RuleCosts
from coalitions.portfolios import demand, staffed
from domain.kinds import AnswerKind, RunState
from domain.records import Answer, Job, Suggestion
from tests.coalitions.test_answering import ASKS, QUICK, UNITS, asked
from tests.coalitions.test_guidance import CERTIFIED, maker, told
from tests.coalitions.worlds import opening, world
from tests.factories import make_job
from tests.quarter import Quarter, quarter

Sessions = async_sessionmaker[AsyncSession]
BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin"}


@pytest.fixture
async def town(committed_sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Quarter]:
    """A published project, five makers; nobody answers."""
    async with quarter(committed_sessions, database_url, tmp_path, worker=False) as made:
        await made.people()
        yield made


async def page(town: Quarter, who: str, path: str, language: str = "zh-CN", *, expect: int = 200) -> str:
    """Return a page as somebody sees it."""
    answer = await town.clients[who].get(path, params={"lang": language}, headers=BROWSER)
    assert answer.status_code == expect, answer.text[-3000:]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


async def sent(town: Quarter, who: str, path: str, form: dict[str, str], *, expect: int = 303) -> str:
    """Send a form and return where it leads."""
    answer = await town.clients[who].post(path, data=form, headers=BROWSER)
    assert answer.status_code == expect, answer.text[-3000:]
    return str(answer.headers.get("location", ""))


async def kept(town: Quarter, kind: AnswerKind, body: Any, *, closed: int = 5, who: str = "leader") -> str:
    """Keep an answer and return the id of its question."""
    async with town.sessions.begin() as session:
        owner = town.actors[who].organisation_id
        job = await make_job(session, "answer", organisation_id=owner, state=RunState.DONE)
        job.payload = {"kind": str(kind), "seconds": 1}
        session.add(
            Answer(
                kind=kind, job_id=job.id, organisation_id=owner, opportunity_id=UUID(town.project), digest="0" * 64,
                seed=0, seconds=0.2, priced=not closed, closed=closed, currency="CNY", edition=1, body=plain(body),
                names={str(UUID(int=n)): f"企业{n}" for n in range(1, 6)},
            )
        )  # fmt: skip
        return str(job.id)


WHOLE = asked(shown=True)
BODIES: dict[str, Any] = {
    **{kind: ask(asked()) for kind, ask in ASKS.items() if kind != "portfolio"},
    "room": answering.haggled(WHOLE, UNITS, str(UUID(int=4)), QUICK),
    "shares": answering.divided(WHOLE, UNITS),
    "counterfactual": told(world(maker(1), maker(2)), opening(CERTIFIED), 1),
}
SAID = {
    "diagnose": ("除预算外没有其他障碍", "nothing but the budget can be in the way"),
    "rules": ("成员数上限", "most members"),
    "explain": ("没有它的损失", "lost without it"),
    "repair": ("改动最少", "Fewest changes"),
    "harden": ("同一上游供应商中断", "a supplier they share fails"),
    "frontier": ("“价格”一项不参与比较", "the price is no axis here"),
    "waves": ("第 1 轮", "Wave 1"),
    "room": ("最高单价", "highest unit price"),
    "shares": ("沙普利值", "Shapley value"),
    "counterfactual": ("按公开条件", "By what is published"),
}


@pytest.mark.parametrize("kind", SAID)
async def test_an_answer_is_told_in_both_languages(town: Quarter, kind: str) -> None:
    question = await kept(town, AnswerKind(kind), BODIES[kind], closed=0 if kind in ("room", "shares") else 5)

    pages = [await page(town, "leader", f"/questions/{question}", language) for language in ("zh-CN", "en")]

    for text, sentence in zip(pages, SAID[kind], strict=True):
        assert sentence in text
        assert "{" not in text
    assert ("5 项报价未向您公开" in pages[0]) is (kind not in ("room", "shares", "counterfactual"))


@pytest.mark.parametrize(
    ("kind", "body", "sentence"),
    [
        ("diagnose", answering.diagnosed(asked(rules={"max_members": 2}), QUICK), "将成员数上限由 2 增至 3"),
        ("diagnose", answering.diagnosed(asked(budget=None, shown=True), QUICK), "无需放宽"),
        ("repair", answering.repaired(asked(), UNITS, [], QUICK), "没有需要修复的部分"),
        ("rules", RuleCosts(status="optimal", rules=()), "没有可以放宽的规则"),
        ("counterfactual", Guided(wanted=False, sure=True, near=(), helps=(), futile=()), "都对不上"),
    ],
)
async def test_an_answer_that_finds_nothing_says_so(town: Quarter, kind: str, body: Any, sentence: str) -> None:
    question = await kept(town, AnswerKind(kind), body)

    assert sentence in await page(town, "leader", f"/questions/{question}")


async def test_a_portfolio_names_its_projects_and_what_is_scarce(town: Quarter) -> None:
    body = staffed(demand([asked()]), 0, QUICK)
    found = plain(body) | {
        "scarce": [{"firm": str(UUID(int=1)), "capability": "磷酸铁锂电芯", "price": 700}],
        "staffed": [{**plain(body)["staffed"][0], "opportunity": town.project}],
    }
    question = await kept(town, AnswerKind.PORTFOLIO, found)
    async with town.sessions.begin() as session:
        job = await session.get_one(Job, UUID(question))
        job.payload = {"kind": "portfolio", "opportunity_ids": [town.project]}

    text = await page(town, "leader", f"/questions/{question}")

    assert "演示储能电站" in text
    assert "磷酸铁锂电芯 每多一个单位可增加 ¥7.00" in text


async def test_a_question_is_followed_cancelled_and_a_refused_one_says_why(town: Quarter) -> None:
    place = await sent(town, "cells1", f"/opportunities/{town.project}/questions", {})
    assert "排队中" in await page(town, "cells1", place)

    assert await sent(town, "cells1", f"{place}/cancellation", {}) == place
    assert await sent(town, "cells1", f"{place}/cancellation", {}) == place
    async with town.sessions.begin() as session:
        job = await session.get_one(Job, UUID(place.rpartition("/")[2]))
        assert job.state is RunState.CANCELLED
        refused = await make_job(session, "answer", organisation_id=town.actors["leader"].organisation_id)
        refused.payload = {"kind": "room"}
        refused.state, refused.outcome = RunState.FAILED, {"code": "prices-closed", "params": {"closed": 2}}
        identity = refused.id
    assert "还有 2 项报价未向您公开" in await page(town, "leader", f"/questions/{identity}")
    await page(town, "bureau", f"/questions/{identity}", expect=404)


async def suggested(town: Quarter) -> str:
    """Keep a run with one plan of the first two makers."""
    packages = (await town.ask("leader", "GET", f"/opportunities/{town.project}"))["packages"]
    async with town.sessions() as session:
        rows = await session.execute(sa.text("select organisation_id, id from capability"))
    able = {str(firm): str(identity) for firm, identity in rows}
    seats = [
        {
            "supplier_id": town.firm(name), "name": name, "sme": True, "lead": lead, "share": 5_000, "reasons": [],
            "parts": [{"package_id": package["id"], "offering_id": able[town.firm(name)], "units": 40, "share": 10_000,
                       "fit": 90, "way": "words", "runners_up": 1}],
        }
        for name, package, lead in (("cells1", packages[0], True), ("power1", packages[1], False))
    ]  # fmt: skip
    plan = {"status": "optimal", "stopped": "proved", "gap": 0.0, "sme_share": 10_000, "fit": 90, "ties": 0,
            "lead_days": 60, "reasons": [], "seats": seats}  # fmt: skip
    async with town.sessions.begin() as session:
        job = await make_job(session, organisation_id=town.actors["leader"].organisation_id, state=RunState.DONE)
        row = Suggestion(
            opportunity_id=UUID(town.project), job_id=job.id, edition=1, digest="0" * 64, seed=0, status="optimal",
            stopped="proved", gap=0.0, seconds=0.1, candidates=5, plans=[plan],
        )  # fmt: skip
        session.add(row)
        await session.flush()
        return str(row.id)


async def test_a_leader_asks_about_a_plan_from_the_project_and_finds_earlier_answers_there(town: Quarter) -> None:
    run = await suggested(town)
    question = await kept(town, AnswerKind.RULES, BODIES["rules"])

    text = await page(town, "leader", f"/opportunities/{town.project}")
    place = await sent(town, "leader", f"/suggestions/{run}/questions", {"kind": "explain", "plan": "1"})

    assert "向求解器提问" in text
    assert "已有回答" in text
    assert "向求解器提问" not in await page(town, "bureau", f"/opportunities/{town.project}")
    assert place.startswith("/questions/")
    assert "每条规则的代价" in await page(town, "leader", f"/questions/{question}")
    await sent(town, "leader", f"/suggestions/{run}/questions", {"kind": "fortune"}, expect=422)


async def test_a_supplier_finds_the_question_why_not_me_on_the_project(town: Quarter) -> None:
    assert "为什么不是我" in await page(town, "cells3", f"/opportunities/{town.project}")
    assert "Why not me" in await page(town, "cells3", f"/opportunities/{town.project}", "en")
    assert "为什么不是我" not in await page(town, "leader", f"/opportunities/{town.project}")


async def test_several_projects_are_staffed_from_one_form(town: Quarter) -> None:
    assert "至少要有两个" in await page(town, "leader", "/portfolios")
    second = await town.publish()

    text = await page(town, "leader", "/portfolios")
    form = {f"p.{town.project}": "1", f"p.{second}": "1", "sme_floor": "3000"}
    place = await sent(town, "leader", "/portfolios", form)

    assert "中小企业份额不低于" in text
    async with town.sessions() as session:
        job = await session.get_one(Job, UUID(place.rpartition("/")[2]))
    assert (set(job.payload["opportunity_ids"]), job.payload["sme_floor"]) == ({town.project, second}, 3_000)


async def test_a_consortium_offers_the_questions_about_it(town: Quarter) -> None:
    run = await suggested(town)
    formed = await town.ask("leader", "POST", "/consortia", {"suggestion_id": run, "plan": 1}, expect=201)

    text = await page(town, "leader", f"/consortia/{formed['id']}")
    place = await sent(
        town, "leader", f"/suggestions/{run}/questions", {"kind": "repair", "consortium_id": formed["id"]}
    )

    assert "成员退出后怎么补" in text
    assert "议价空间" in text
    assert place.startswith("/questions/")
