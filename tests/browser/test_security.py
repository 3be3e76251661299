"""Account security as a person meets it: a phone with an app, codes on paper, a forgotten password."""

import pyotp
import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from domain.kinds import Role
from tests.browser.conftest import DESK, PHONE, House, Visit
from tests.town import PASSWORD, Account, settle

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def account(committed_sessions: Sessions) -> Account:
    async with committed_sessions.begin() as session:
        return await settle(session, "演示储能配套", Role.SUPPLIER)


async def give_password(visit: Visit, account: Account) -> None:
    """Give address and password, and come to where a code is asked for."""
    await visit.page.fill("[name=email]", account.email)
    await visit.page.fill("[name=password]", PASSWORD)
    await visit.page.locator("main form[action='/login'] button").click()
    await visit.page.wait_for_url("**/login/code**")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_a_second_factor_is_set_up_from_its_picture_and_asked_for_at_the_next_sign_in(
    house: House, account: Account, size: dict[str, int]
) -> None:
    async with house.visit(size) as visit:
        page = visit.page
        await visit.sign_in(account, "/security")
        assert await visit.fits()
        await page.locator("form[action='/security/second-factor'] button").click()
        await visit.reads("扫描二维码")
        assert await page.locator("img.qr").evaluate("image => image.complete && image.naturalWidth > 0")
        secret = (await page.locator("#second-factor ~ p code").inner_text()).replace(" ", "")
        assert await visit.fits()

        await page.fill("[name=code]", pyotp.TOTP(secret).now())
        await page.locator("form[action='/security/second-factor/confirmation'] button").click()
        await visit.reads("备用码")
        codes = await page.locator(".codes code").all_inner_texts()
        assert len(codes) == 10
        assert await visit.fits()

        await page.locator("form[action='/logout'] button").click()
        await give_password(visit, account)
        assert await visit.fits()
        await page.fill("[name=code]", codes[0])
        await page.locator("main form button").click()
        await page.wait_for_url(house.address + "/")
        await visit.go("/security")
        await visit.reads("剩余备用码：9")


async def test_whoever_has_forgotten_asks_from_the_sign_in_page_and_hears_the_same_as_anybody(
    house: House, account: Account
) -> None:
    async with house.visit(PHONE) as visit:
        heard = []
        for email in (account.email, "nobody@example.cn"):
            await visit.go("/login")
            await visit.page.locator("a[href='/recovery']").click()
            await visit.page.fill("[name=email]", email)
            await visit.page.locator("main form button").click()
            await visit.reads("链接已在途中")
            heard.append(await visit.page.locator("main").inner_text())
            assert await visit.fits()

        assert heard[0] == heard[1]
