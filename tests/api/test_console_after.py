"""After signature on pages, as a browser without scripts meets them: from the filing to the evaluation."""

import re
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions.auth import enrol
from domain.actor import Actor
from domain.records import Organisation
from tests.api.test_console import app, posted
from tests.signed import Signed, make_signed
from tests.town import PASSWORD, Account, browser

__all__ = ["app"]


@pytest.fixture
async def signed(committed_sessions: async_sessionmaker[AsyncSession]) -> Signed:
    """A consortium that has signed, whose people can sign in."""
    return await make_signed(committed_sessions)


async def enter(app: Litestar, signed: Signed, actor: Actor) -> httpx.AsyncClient:
    """Sign somebody of a firm in."""
    email = f"{actor.organisation_id.hex[:12]}@example.cn"
    async with signed.sessions.begin() as session:
        firm = await session.get_one(Organisation, actor.organisation_id)
        await enrol(session, organisation_id=firm.id, email=email, name="演示经办人", password=PASSWORD)
    return await browser(app, Account(email=email, firm=firm.name, organisation_id=firm.id))


def hrefs(page: httpx.Response, pattern: str) -> list[str]:
    return sorted(set(re.findall(pattern, page.text)))


async def day_of(client: httpx.AsyncClient, desk: str) -> str:
    """Return the day that the page offers to note something on."""
    return str(re.findall(r'value="(\d{4}-\d\d-\d\d)"', (await client.get(f"{desk}/filings")).text)[0])


async def test_filings_and_the_bid_are_noted_until_work_begins(app: Litestar, signed: Signed) -> None:
    leader, desk = await enter(app, signed, signed.leader), f"/consortia/{signed.consortium}"
    page, day = await leader.get(f"{desk}/filings"), await day_of(leader, desk)
    assert "对照两用物项清单归类" in page.text
    (filing,) = hrefs(page, r"/filings/([0-9a-f-]{36})/submission")

    await posted(leader, f"{desk}/filing", note="无须备案")
    await posted(leader, f"{desk}/bid", submitted_on=day, reference="PLN-0417")
    assert "PLN-0417" in (await posted(leader, f"{desk}/win", on=day)).text
    assert "开工前还有 1 项未办结" in (await leader.get(f"{desk}/filings")).text
    await posted(leader, f"/filings/{filing}/submission", receipt="粤-1", submitted_on=day)
    await posted(leader, f"/filings/{filing}/return", decided_on=day, note="缺签字")
    await posted(leader, f"/filings/{filing}/submission", receipt="粤-2", submitted_on=day)

    assert "已获准" in (await posted(leader, f"/filings/{filing}/acceptance", decided_on=day)).text


async def test_milestones_are_planned_and_reported_on_pages_and_leave_as_an_inert_table(
    app: Litestar, signed: Signed
) -> None:
    leader, third = await enter(app, signed, signed.leader), await enter(app, signed, signed.third)
    desk, day = f"/consortia/{signed.consortium}", await day_of(leader, f"/consortia/{signed.consortium}")
    for step, given in (
        ("filing", {"note": "无须备案"}),
        ("bid", {"submitted_on": day, "reference": "1"}),
        ("win", {"on": day}),
    ):
        await posted(leader, f"{desk}/{step}", **given)
    assert "还没有计划里程碑" in (await leader.get(f"{desk}/milestones")).text

    await posted(leader, f"{desk}/milestones", usual="1")
    moved = {"package": "WP2", "organisation_id": signed.third.organisation_id, "kind": "shipped"}
    assert "2031年2月9日" in (await posted(leader, f"{desk}/milestones", planned="2031-02-09", **moved)).text
    mine = hrefs(await third.get(f"{desk}/milestones"), r"/milestones/([0-9a-f-]{36})/report")
    assert len(mine) == 5
    page = await posted(third, f"/milestones/{mine[0]}/report", done="100", actual=day, note="=1+1")

    assert "进度已登记" in page.text
    assert "'=1+1" in (await leader.get(f"/api/v1{desk}/milestones.csv")).text


async def test_partners_evaluate_each_other_on_pages_once_the_project_is_closed(app: Litestar, signed: Signed) -> None:
    leader, third = await enter(app, signed, signed.leader), await enter(app, signed, signed.third)
    desk, day = f"/consortia/{signed.consortium}", await day_of(leader, f"/consortia/{signed.consortium}")
    (filing,) = hrefs(await leader.get(f"{desk}/filings"), r"/filings/([0-9a-f-]{36})/waiver")
    await posted(leader, f"/filings/{filing}/waiver", note="非管制物项")
    for step, given in (("filing", {"note": "无须备案"}), ("bid", {"submitted_on": day, "reference": "1"}),
                        ("win", {"on": day}), ("start", {"on": day})):  # fmt: skip
        await posted(leader, f"{desk}/{step}", **given)
    assert "合作尚未结束" in (await leader.get(f"{desk}/evaluations")).text

    await posted(leader, f"{desk}/closure", on=day)
    marks = dict.fromkeys(("timeliness", "quality", "cooperation", "clarity", "fairness"), "4")
    about = str(signed.third.organisation_id)
    assert "评价已提交" in (await posted(leader, f"{desk}/evaluations", about_id=about, text="很好", **marks)).text
    (given_id,) = hrefs(await third.get(f"{desk}/evaluations"), r"/evaluations/([0-9a-f-]{36})/reply")

    assert "回复已提交" in (await posted(third, f"/evaluations/{given_id}/reply", text="谢谢")).text
    assert "评价不足 3 份" in (await leader.get(f"/firms/{about}")).text


async def test_a_bid_that_was_lost_and_a_filing_that_is_not_needed_are_noted(app: Litestar, signed: Signed) -> None:
    leader = await enter(app, signed, signed.leader)
    desk = f"/consortia/{signed.consortium}"
    (filing,) = hrefs(await leader.get(f"{desk}/filings"), r"/filings/([0-9a-f-]{36})/waiver")
    day = re.findall(r'value="(\d{4}-\d\d-\d\d)"', (await leader.get(f"{desk}/filings")).text)[0]

    assert "无须办理" in (await posted(leader, f"/filings/{filing}/waiver", note="非管制物项")).text
    await posted(leader, f"{desk}/filing", note="无须备案")
    await posted(leader, f"{desk}/bid", submitted_on=day, reference="PLN-1")
    page = await posted(leader, f"{desk}/loss", on=day, reason="price", winner="演示对手")

    assert "演示对手" in page.text
    assert await signed.held() == {}


async def test_an_amendment_is_proposed_read_and_signed_in_the_browser(app: Litestar, signed: Signed) -> None:
    leader, first = await enter(app, signed, signed.leader), await enter(app, signed, signed.first)
    desk = f"/consortia/{signed.consortium}"
    page = await leader.get(f"{desk}/amendments")
    typed = dict(re.findall(r'name="((?:units|price)-[^"]+)" inputmode="\w+" value="([^"]*)"', page.text))
    seats = await signed.seats()
    for firm, units in ((signed.first, "10"), (signed.second, "20")):
        seat = seats[firm.organisation_id].id
        (field,) = [name for name, value in typed.items() if name.startswith(f"units-{seat}") and value == "15"]
        typed[field] = units

    page = await posted(leader, f"{desk}/amendments", reason="两家调整", hours="168", **typed)

    assert "数量由 15 改为 10" in page.text
    assert page.text.count("未变，签署延续有效") == 1
    (sha256,) = hrefs(await first.get(f"{desk}/amendments"), r'name="sha256" value="([0-9a-f]{64})"')
    (identity,) = hrefs(await first.get(f"{desk}/amendments"), r"/amendments/([0-9a-f-]{36})/signatures")
    pdf = await first.get(f"/api/v1{desk}/agreement.pdf?edition=2")
    assert pdf.content.startswith(b"%PDF")
    assert "尚未由全体成员签署，未生效" in (await first.get(f"/verify/{sha256}")).text
    assert "已签署" in (await posted(first, f"/amendments/{identity}/signatures", sha256=sha256)).text
    await signed.sign(UUID(identity), signed.second)
    page = await leader.get(f"{desk}/agreement")
    assert page.text.count("签署延续有效") == 1
    assert sha256 in page.text


async def test_a_firm_that_is_to_join_is_led_to_what_it_signs_and_may_refuse(app: Litestar, signed: Signed) -> None:
    leader, fourth = await enter(app, signed, signed.leader), await enter(app, signed, signed.fourth)
    desk = f"/consortia/{signed.consortium}"
    async with signed.sessions() as session:
        name = (await session.get_one(Organisation, signed.fourth.organisation_id)).name
    page = await leader.get(f"{desk}/amendments")
    typed = dict(re.findall(r'name="((?:units|price)-[^"]+)" inputmode="\w+" value="([^"]*)"', page.text))
    leaving = (await signed.seat(signed.third)).id

    refused = await posted(leader, f"{desk}/amendments", reason="换人", join="没有这家企业", **typed)
    page = await posted(
        leader, f"{desk}/amendments", reason="换人", join=name, join_package="WP2", join_units="6", join_price="",
        **typed | {f"stay-{leaving}": "exit"},
    )  # fmt: skip

    assert refused.status_code == 422
    assert f"{name}加入" in page.text
    seat = (await signed.seat(signed.fourth)).id
    assert (await fourth.get(f"/i/{seat}")).status_code == 200
    await signed.promise(signed.fourth)
    answer = await fourth.get(f"/i/{seat}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{desk}/amendments")
    (identity,) = hrefs(await fourth.get(f"{desk}/amendments"), r"/amendments/([0-9a-f-]{36})/refusal")
    assert "被拒绝" in (await posted(fourth, f"/amendments/{identity}/refusal", note="没有产能")).text
    typed_again = await posted(leader, f"{desk}/amendments", reason="改期", starts="2031-01-02", **typed)
    (identity,) = hrefs(typed_again, r"/amendments/([0-9a-f-]{36})/withdrawal")
    assert "已撤回" in (await posted(leader, f"/amendments/{identity}/withdrawal", note="不改了")).text
