"""What people do in the console, counted in clicks and taps."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from domain.kinds import Role
from tests.browser.conftest import DESK, PHONE, House
from tests.factories import make_capability, make_link, make_price
from tests.town import Account, Formation, make_formation, settle

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def formation(committed_sessions: Sessions) -> Formation:
    """A consortium whose seats are proposed."""
    return await make_formation(committed_sessions)


async def invited(house: House, formation: Formation) -> None:
    """Let the chain leader send the invitations."""
    async with house.visit() as leader:
        await leader.sign_in(formation.leader, f"/consortia/{formation.consortium}")
        await leader.click("button", "发出邀请")
        await leader.reads("邀请已发出")


async def test_signing_in_tells_a_wrong_password_beside_the_field(house: House, formation: Formation) -> None:
    async with house.visit() as visit:
        await visit.go("/opportunities")
        await visit.page.fill("[name=email]", formation.leader.email)
        await visit.page.fill("[name=password]", "wrong")
        await visit.page.locator("main button").click()
        await visit.reads("邮箱或密码不正确")
        assert await visit.page.locator("[name=email]").input_value() == formation.leader.email
        visit.complaints.clear()  # the browser itself notes a form's answer of 401

        await visit.page.fill("[name=password]", "a long enough secret 2027")
        await visit.page.locator("main button").click()
        await visit.page.wait_for_url("**/opportunities")
        await visit.reads("演示储能电站")


async def test_an_sme_answers_an_invitation_in_two_taps_on_a_phone(house: House, formation: Formation) -> None:
    await invited(house, formation)
    async with house.visit(PHONE, has_touch=True) as phone:
        await phone.sign_in(formation.power, f"/i/{formation.seats['演示变流']}")
        assert await phone.fits()
        await phone.click("link", "同意加入")
        await phone.click("button", "确认", exact=True)
        await phone.reads("已登记：贵司同意加入")
        assert phone.clicks == 2


async def test_without_scripts_the_same_answer_is_given(house: House, formation: Formation) -> None:
    await invited(house, formation)
    async with house.visit(PHONE, java_script_enabled=False) as phone:
        await phone.sign_in(formation.power, f"/i/{formation.seats['演示变流']}")
        await phone.click("link", "婉拒")
        await phone.page.get_by_label("产能排期已满").check()
        await phone.click("button", "确认婉拒")
        await phone.reads("已登记：贵司婉拒")


async def test_a_page_left_open_says_that_there_is_news_and_changes_nothing(house: House, formation: Formation) -> None:
    await invited(house, formation)
    async with house.visit() as leader, house.visit(PHONE) as phone:
        await leader.sign_in(formation.leader, f"/consortia/{formation.consortium}")
        before = await leader.page.locator("main table").first.inner_text()
        await phone.sign_in(formation.power, f"/i/{formation.seats['演示变流']}")
        await phone.click("link", "同意加入")
        await phone.click("button", "确认", exact=True)
        await leader.reads("有更新")
        assert await leader.page.locator("main table").first.inner_text() == before


async def test_a_leader_goes_from_a_project_to_invitations_in_four_clicks(
    house: House, committed_sessions: Sessions, formation: Formation
) -> None:
    async with committed_sessions.begin() as session:
        for phrase in ("磷酸铁锂电芯", "储能变流器"):
            firm = await settle(session, f"演示{phrase}厂", sme=True)
            capability = await make_capability(session, organisation_id=firm.organisation_id, phrase=phrase)
            await make_price(session, capability, unit_price=150_000_000)
    async with house.visit() as leader:
        await leader.sign_in(formation.leader, "/opportunities")
        await leader.click("link", "演示储能电站")
        await leader.click("button", "生成方案")
        await leader.reads("已证明没有更优方案")
        await leader.click("button", "采用方案 1")
        await leader.reads("可以发出邀请了")
        await leader.click("button", "发出邀请")
        await leader.reads("邀请已发出")
        assert leader.clicks == 4
        assert await leader.page.locator("svg.chain a").count() == 2


async def test_a_form_is_sent_once_however_often_it_is_pressed(house: House, formation: Formation) -> None:
    async with house.visit() as leader:
        await leader.sign_in(formation.leader, f"/consortia/{formation.consortium}")
        await leader.page.get_by_role("button", name="发出邀请").dblclick()
        await leader.reads("邀请已发出")


async def test_the_bureau_opens_the_list_behind_a_number(
    house: House, committed_sessions: Sessions, formation: Formation
) -> None:
    async with committed_sessions.begin() as session:
        official: Account = await settle(session, "演示商务局", Role.BUREAU)
    async with house.visit() as visit:
        await visit.sign_in(official, "/bureau")
        await visit.page.locator("table.heat").wait_for(timeout=20_000)
        await visit.click("link", "停滞的联合体")
        await visit.reads("口径")
        assert visit.clicks == 1


async def test_every_page_fits_a_phone_in_both_languages(
    house: House, committed_sessions: Sessions, formation: Formation
) -> None:
    async with committed_sessions.begin() as session:
        for _ in range(3):
            await make_link(session, buyer=None, supplier=None)
    paths = (
        "/", "/opportunities", f"/opportunities/{formation.project}", "/consortia",
        f"/consortia/{formation.consortium}",
        "/firms", f"/firms/{formation.leader.organisation_id}", "/my/capabilities", "/my/capabilities/new",
    )  # fmt: skip
    async with house.visit({"width": 360, "height": 720}) as phone:
        await phone.sign_in(formation.leader)
        for path in (*paths, *(f"{path}?lang=en" for path in paths)):
            await phone.go(path)
            assert await phone.fits(), path


async def test_the_chain_can_be_walked_with_the_keyboard(house: House, formation: Formation) -> None:
    async with house.visit(DESK) as leader:
        await leader.sign_in(formation.leader, f"/consortia/{formation.consortium}")
        await leader.page.locator("svg.chain a").first.focus()
        assert "WP01" in str(await leader.page.evaluate("document.activeElement.textContent"))
        await leader.page.keyboard.press("Tab")
        await leader.page.keyboard.press("Enter")
        assert leader.page.url.endswith("#wp-WP02")


async def test_a_counter_is_checked_on_the_phone_before_it_is_sent(house: House, formation: Formation) -> None:
    await invited(house, formation)
    async with house.visit(PHONE, has_touch=True) as phone:
        await phone.sign_in(formation.power, f"/i/{formation.seats['演示变流']}")
        await phone.reads("成员 A")
        await phone.click("link", "提条件")
        await phone.page.fill("#counter [name='price.WP02']", "186万")
        await phone.click("button", "核对可行性")
        await phone.page.get_by_text("其他成员的分工不变").first.wait_for(timeout=90_000)
        await phone.reads("单价在公布金额之内")
        assert await phone.fits()
        await phone.click("button", "提交条件")
        await phone.reads("条件已提交")
    async with house.visit() as leader:
        await leader.sign_in(formation.leader, f"/consortia/{formation.consortium}")
        await leader.reads("¥1,860,000.00")
        assert await leader.fits()
        await leader.click("button", "核对可行性")
        await leader.page.get_by_text("其他成员的分工不变").first.wait_for(timeout=90_000)
        await leader.reads("公布预算尚余")
        assert await leader.fits()


async def test_who_left_is_replaced_by_one_of_two_repairs_side_by_side(
    house: House, committed_sessions: Sessions, formation: Formation
) -> None:
    await invited(house, formation)
    async with committed_sessions.begin() as session:
        spare = await settle(session, "演示替补", sme=True)
        await make_capability(session, organisation_id=spare.organisation_id, phrase="储能变流器")
    async with house.visit(PHONE) as phone:
        await phone.sign_in(formation.power, f"/i/{formation.seats['演示变流']}")
        await phone.click("link", "婉拒")
        await phone.click("button", "确认婉拒")
        await phone.reads("已登记：贵司婉拒")
    async with house.visit() as leader:
        await leader.sign_in(formation.leader, f"/consortia/{formation.consortium}")
        await leader.click("button", "寻找补位办法")
        await leader.page.get_by_text("改动最少").first.wait_for(timeout=90_000)
        assert await leader.fits()
        await leader.click("button", "采用此办法")
        await leader.reads("已补上空缺席位")


async def test_an_sme_reads_on_a_phone_what_is_promised_to_whom(house: House, formation: Formation) -> None:
    await invited(house, formation)
    async with house.visit(PHONE, has_touch=True) as phone:
        await phone.sign_in(formation.power, "/my/ledger")
        await phone.reads("产能台账")
        assert await phone.fits()
        await phone.click("link", "演示储能联合体")
        await phone.page.wait_for_url(f"**/consortia/{formation.consortium}")


async def test_a_leader_looks_at_other_clauses_before_choosing_them(house: House, formation: Formation) -> None:
    async with house.visit() as leader:
        await leader.sign_in(formation.leader, f"/consortia/{formation.consortium}/clauses")
        await leader.page.select_option("[name=forum]", "siac")
        await leader.click("button", "预览")
        await leader.reads("提交新加坡国际仲裁中心")
        await leader.click("button", "保存条款")
        await leader.reads("协议条款已保存")
        await leader.reads("提交新加坡国际仲裁中心")
    async with house.visit(PHONE, has_touch=True) as phone:
        await phone.sign_in(formation.leader, f"/consortia/{formation.consortium}/clauses")
        assert await phone.fits()
