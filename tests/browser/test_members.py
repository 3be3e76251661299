"""People of a firm in a browser: invited on a phone, entered by a link, a firm claimed and verified."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from domain.kinds import Role
from tests.browser.conftest import PHONE, House
from tests.factories import credit_code
from tests.town import PASSWORD, Account, settle

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def firm(committed_sessions: Sessions) -> Account:
    """A supplier with one person, who administers it."""
    async with committed_sessions.begin() as session:
        return await settle(session, "演示电芯", Role.SUPPLIER)


@pytest.fixture
async def bureau(committed_sessions: Sessions) -> Account:
    """A bureau with one officer."""
    async with committed_sessions.begin() as session:
        return await settle(session, "演示商务局", Role.BUREAU)


async def test_a_colleague_is_invited_on_a_phone_and_enters_by_the_link(house: House, firm: Account) -> None:
    async with house.visit(PHONE) as boss, house.visit(PHONE) as colleague:
        await boss.sign_in(firm)
        await boss.go("/people")
        await boss.page.fill("[name=email]", "new@example.cn")
        await boss.page.locator("form[action='/people/links'] [name=duty-viewer]").check()
        await boss.click("button", "生成邀请链接")
        link = await boss.page.locator("code.hash").inner_text()
        assert await boss.fits()

        await colleague.go("/join/" + link.rpartition("/")[2])
        await colleague.reads("演示电芯")
        assert await colleague.fits()
        await colleague.page.fill("[name=name]", "来者")
        await colleague.page.fill("[name=password]", PASSWORD)
        await colleague.click("button", "建立账号")
        await colleague.reads("账号已建立")
        await colleague.page.fill("[name=email]", "new@example.cn")
        await colleague.page.fill("[name=password]", PASSWORD)
        await colleague.page.locator("main button").click()
        await colleague.page.wait_for_url("**/")

        await boss.go("/people")
        await boss.reads("来者")


async def test_a_firm_is_claimed_waits_and_is_let_in_by_the_bureau(house: House, bureau: Account) -> None:
    async with house.visit(PHONE) as claimant, house.visit() as officer:
        await claimant.go("/claim")
        given = {"credit_code": credit_code(9_100_001), "name": "演示新企业", "person": "认领人",
                 "email": "claim@example.cn", "password": PASSWORD}  # fmt: skip
        for name, text in given.items():
            await claimant.page.fill(f"[name={name}]", text)
        assert await claimant.fits()
        await claimant.click("button", "提交认领")
        await claimant.page.fill("[name=email]", "claim@example.cn")
        await claimant.page.fill("[name=password]", PASSWORD)
        await claimant.page.locator("main button").click()
        await claimant.reads("待核验")

        await officer.sign_in(bureau, "/bureau")
        await officer.click("link", "企业认领核验")
        await officer.page.fill("[name=reason]", "营业执照与授权书一致。")
        await officer.page.fill("[name=evidence]", "营业执照副本。")
        await officer.click("button", "核验通过")
        await officer.reads("已核验通过")

        await claimant.go("/firms")
        await claimant.reads("演示新企业")
