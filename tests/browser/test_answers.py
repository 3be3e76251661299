"""Asking the optimizer with a finger and a mouse: the question is followed, its answer is read where it was asked."""

from dataclasses import dataclass

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from domain.kinds import Role
from tests.browser.conftest import PHONE, House
from tests.factories import make_capability, make_price
from tests.town import Account, make_project, settle

Sessions = async_sessionmaker[AsyncSession]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A published project, two firms that could take it, and a third that could take a part."""

    leader: Account
    outsider: Account
    project: str


@pytest.fixture
async def scene(committed_sessions: Sessions) -> Scene:
    """Settle the firms and publish the project."""
    async with committed_sessions.begin() as session:
        leader = await settle(session, "演示链主", Role.CHAIN_LEADER, verification=2)
        project = await make_project(session, leader, rules={"max_members": 3})
        for number, (name, phrase) in enumerate(
            (("演示电芯", "磷酸铁锂电芯"), ("演示变流", "储能变流器"), ("演示新能", "箱式储能变流器")), 1
        ):
            outsider = await settle(session, name, sme=True)
            able = await make_capability(session, organisation_id=outsider.organisation_id, phrase=phrase, lead_days=90)
            await make_price(session, able, unit_price=100_000_000 + number)
        return Scene(leader=leader, outsider=outsider, project=str(project.id))


async def test_a_leader_asks_why_and_reads_the_answer(house: House, scene: Scene) -> None:
    async with house.visit() as visit:
        await visit.sign_in(scene.leader, f"/opportunities/{scene.project}")
        await visit.click("button", "生成方案")
        await visit.reads("向求解器提问")

        await visit.click("button", "为什么是这个方案")

        await visit.reads("没有它的损失")
        await visit.reads("项报价未向您公开")
        await visit.go(f"/opportunities/{scene.project}")
        await visit.click("button", "先邀请谁")
        await visit.reads("第 1 轮")
        assert await visit.fits()


async def test_a_job_is_followed_to_its_end_though_its_stream_was_refused(house: House, scene: Scene) -> None:
    """A proxy answers 502 while the server behind it begins anew."""
    async with house.visit() as visit:
        asked = await visit.refused_once("**/api/v1/jobs/*/events")
        await visit.sign_in(scene.leader, f"/opportunities/{scene.project}")
        await visit.click("button", "生成方案")
        await visit.reads("向求解器提问")

        assert len(asked) == 2
        assert [each for each in visit.complaints if "502" not in each] == []
        visit.complaints.clear()


async def test_a_small_firm_asks_why_not_me_on_its_phone_in_one_tap(house: House, scene: Scene) -> None:
    async with house.visit(PHONE, has_touch=True) as phone:
        await phone.sign_in(scene.outsider, f"/opportunities/{scene.project}")
        assert await phone.fits()

        await phone.click("button", "为什么不是我")

        await phone.reads("只依据贵企业自己的数据和公开要求")
        assert await phone.fits()
        assert phone.clicks == 1
