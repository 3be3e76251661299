"""What the law finds, on a page: the chain leader answers by name what waits for him, nobody else can."""

import re

import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from domain.records import Opportunity
from tests.api.test_console import app, posted
from tests.town import Formation, browser, make_formation

__all__ = ["app"]


@pytest.fixture
async def formation(committed_sessions: async_sessionmaker[AsyncSession]) -> Formation:
    """A formation under Chinese bidding law."""
    made = await make_formation(committed_sessions)
    async with committed_sessions.begin() as session:
        (await session.get_one(Opportunity, made.project)).procuring_law = "CN-BID"
    return made


async def test_the_leader_states_by_name_what_waits_before_a_signature(app: Litestar, formation: Formation) -> None:
    leader, cells = await browser(app, formation.leader), await browser(app, formation.cells)
    desk = f"/consortia/{formation.consortium}"
    await posted(leader, f"{desk}/invitations", hours=72)
    page = await leader.get(f"{desk}/compliance")
    assert "中国招标投标" in page.text
    waiting = sorted(set(re.findall(r'name="rule_id" value="([^"]+)"', page.text)))
    assert waiting
    assert f"有 {len(waiting)} 项规则等待" in page.text

    refused = await posted(leader, f"{desk}/acknowledgements", rule_id=waiting[0], note="")
    assert refused.status_code == 422
    assert 'name="rule_id"' not in (await cells.get(f"{desk}/compliance")).text
    for rule in waiting:
        page = await posted(leader, f"{desk}/acknowledgements", rule_id=rule, note="已核对招标文件")
        assert "已记录确认" in page.text

    page = await leader.get(f"{desk}/compliance")
    assert "没有妨碍签署的规则" in page.text
    assert "已核对招标文件" in page.text
    assert "演示链主经办人" in page.text
