"""The console as a browser without scripts meets it: pages, permissions, refusals, and the road to a signature."""

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

import api.console
from api.app import create_app
from api.console import bureau, environment
from api.console.capabilities import declared
from api.console.drawing import Place, around, chain
from api.console.forms import Reading, amount, whole
from api.console.page import local
from api.i18n import LOCALES, catalogue
from api.settings import Settings
from domain.errors import Invalid
from domain.kinds import Role, RunState
from tests.factories import make_job
from tests.living import living
from tests.town import Account, Formation, browser, make_formation, settle

STATIC = Path(api.console.__file__).parents[1] / "static"
TEMPLATES = sorted((Path(api.console.__file__).parent / "templates").rglob("*.html"))
SHEET = (STATIC / "console.css").read_text(encoding="utf-8")


@pytest.fixture
async def app(
    committed_sessions: async_sessionmaker[AsyncSession], database_url: str, tmp_path: Path
) -> AsyncIterator[Litestar]:
    """The application on this test's own database."""
    async with living(create_app(Settings(home=tmp_path, second_factor="optional"), database_url)) as living_app:
        yield living_app


@pytest.fixture
async def formation(committed_sessions: async_sessionmaker[AsyncSession]) -> Formation:
    """A consortium whose seats are proposed."""
    return await make_formation(committed_sessions)


@pytest.fixture
async def official(committed_sessions: async_sessionmaker[AsyncSession]) -> Account:
    """Somebody of the bureau."""
    async with committed_sessions.begin() as session:
        return await settle(session, "演示商务局", Role.BUREAU)


async def posted(client: httpx.AsyncClient, path: str, **fields: Any) -> httpx.Response:
    """Send a form and follow the redirect, as a browser does."""
    answer = await client.post(path, data={name.replace("__", "."): str(value) for name, value in fields.items()})
    return await client.get(answer.headers["location"]) if answer.status_code == 303 else answer


async def test_a_leader_who_checked_a_counter_of_its_own_firm_is_told_of_no_budget(
    app: Litestar, formation: Formation, committed_sessions: async_sessionmaker[AsyncSession]
) -> None:
    """Such a check tells the firm's own room; the published budget has no part in it."""
    leader, member = await browser(app, formation.leader), await browser(app, formation.power)
    desk, seat = f"/consortia/{formation.consortium}", formation.seats["演示变流"]
    await posted(leader, f"{desk}/invitations", hours=72)
    await posted(member, f"/i/{seat}/counter", edition=1, units__WP02=40, price__WP02="186万")
    async with committed_sessions.begin() as session:
        own: dict[str, Any] = {"verdict": "stands", "effects": [], "room": []}
        job = await make_job(
            session, organisation_id=formation.leader.organisation_id, kind="counter-check", subject_id=seat,
            state=RunState.DONE, outcome=own,
        )  # fmt: skip

    shown = await leader.get(f"{desk}?check={job.id}")

    assert shown.status_code == 200
    assert "其他成员的分工不变" in shown.text
    assert "公布预算尚余" not in shown.text


class TestComingIn:
    async def test_a_stranger_is_sent_to_the_sign_in_page_and_comes_back(self, app: Litestar) -> None:
        client = await browser(app)
        answer = await client.get("/opportunities?text=a")

        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?next=/opportunities%3Ftext%3Da"
        page = await client.get(answer.headers["location"])
        assert 'name="next" value="/opportunities?text=a"' in page.text

    async def test_a_wrong_password_is_told_beside_the_field(self, app: Litestar, formation: Formation) -> None:
        client = await browser(app)
        answer = await client.post("/login", data={"email": formation.leader.email, "password": "x"})

        assert answer.status_code == 401
        assert "邮箱或密码不正确" in answer.text
        assert formation.leader.email in answer.text

    async def test_too_many_attempts_say_how_long_to_wait(self, app: Litestar) -> None:
        client = await browser(app)
        for _ in range(6):
            answer = await client.post("/login", data={"email": "nobody@example.cn", "password": "x"})

        assert answer.status_code == 429
        assert "秒后重试" in answer.text

    async def test_an_address_that_is_none_is_told_beside_its_field(self, app: Litestar) -> None:
        client = await browser(app)
        answer = await client.post("/login", data={"email": "no address", "password": "x"})

        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text

    async def test_signing_out_ends_the_session(self, app: Litestar, formation: Formation) -> None:
        client = await browser(app, formation.leader)
        ended = await client.post("/logout")
        assert ended.headers["clear-site-data"] == '"storage"'
        assert "您已退出登录" in (await client.get(ended.headers["location"])).text
        assert (await client.get("/")).status_code == 303

    async def test_whoever_has_signed_in_goes_on_from_the_sign_in_page(
        self, app: Litestar, formation: Formation
    ) -> None:
        client = await browser(app, formation.leader)
        assert (await client.get("/login?next=/firms")).headers["location"] == "/firms"

    async def test_the_language_can_be_chosen_on_every_page(self, app: Litestar, formation: Formation) -> None:
        client = await browser(app, formation.leader)
        page = await posted(client, "/language", to="en", back="/opportunities")

        assert page.url.path == "/opportunities"
        assert '<html lang="en">' in page.text
        assert "Overseas projects" in page.text
        assert "Demonstration storage" in page.text

    @pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", ""])
    def test_nobody_is_sent_to_another_site(self, elsewhere: str) -> None:
        assert local(elsewhere) == "/"


class TestRefusals:
    async def test_a_browser_gets_a_page_and_a_program_a_problem_document(self, app: Litestar) -> None:
        client = await browser(app)
        page = await client.get("/nowhere")
        problem = await client.get("/nowhere", headers={"accept": "application/json"})
        api_problem = await client.get("/api/v1/nowhere")

        assert page.status_code == problem.status_code == api_problem.status_code == 404
        assert page.headers["content-type"].startswith("text/html")
        assert "没有这个地址" in page.text
        assert page.headers["x-request-id"] in page.text
        assert problem.headers["content-type"] == api_problem.headers["content-type"] == "application/problem+json"

    async def test_a_part_of_a_page_gets_a_part_of_a_refusal(self, app: Litestar, formation: Formation) -> None:
        client = await browser(app, formation.leader)
        answer = await client.get("/bureau/gaps", headers={"hx-request": "true"})

        assert answer.status_code == 403
        assert "<html" not in answer.text

    async def test_another_site_cannot_make_a_browser_change_anything(
        self, app: Litestar, formation: Formation
    ) -> None:
        client = await browser(app, formation.leader)
        answer = await client.post("/logout", headers={"sec-fetch-site": "cross-site"})

        assert answer.status_code == 403
        assert "来自其他网站" in answer.text
        assert (await client.get("/opportunities")).status_code == 200

    async def test_the_citys_figures_are_the_bureaus_alone(
        self, app: Litestar, formation: Formation, official: Account
    ) -> None:
        supplier, bureau_client = await browser(app, formation.cells), await browser(app, official)

        assert (await supplier.get("/bureau")).status_code == 403
        assert (await bureau_client.get("/bureau")).status_code == 200
        assert (await bureau_client.get("/")).headers["location"] == "/bureau"

    async def test_nobody_reads_another_firms_invitation(self, app: Litestar, formation: Formation) -> None:
        leader, cells = await browser(app, formation.leader), await browser(app, formation.cells)
        await posted(leader, f"/consortia/{formation.consortium}/invitations", hours=72)

        assert (await cells.get(f"/i/{formation.seats['演示变流']}")).status_code == 404
        assert (await leader.get(f"/i/{formation.seats['演示变流']}")).status_code == 403
        assert (await cells.get(f"/i/{uuid4()}")).status_code == 404

    async def test_what_the_state_forbids_is_said_with_a_way_back(self, app: Litestar, formation: Formation) -> None:
        client = await browser(app, formation.leader, referer=f"http://127.0.0.1:8000/consortia/{formation.consortium}")
        answer = await client.post(
            f"/consortia/{formation.consortium}/replacements", data={"suggestion": str(uuid4()), "plan": "1"}
        )

        assert answer.status_code == 404
        assert f'href="/consortia/{formation.consortium}"' in answer.text


async def test_a_consortium_is_formed_and_signed_by_forms_alone(app: Litestar, formation: Formation) -> None:
    leader, cells, power = [await browser(app, who) for who in (formation.leader, formation.cells, formation.power)]
    desk = f"/consortia/{formation.consortium}"
    first, second = (f"/i/{formation.seats[each]}" for each in ("演示电芯", "演示变流"))

    await asks(leader, desk)
    await accepts(cells, first)
    await counters(power, second)
    await agrees(leader, desk, formation.seats["演示变流"])
    assert "贵司已同意加入" in (await posted(power, f"{second}/acceptance", edition=2)).text
    assert "先作出保密承诺" in (await cells.get(f"{desk}/agreement")).text
    for member, ask in ((cells, first), (power, second)):
        await promises(member, ask)
    await signs(cells, power, desk)
    assert "协议已签署" in (await leader.get(desk)).text


async def asks(leader: httpx.AsyncClient, desk: str) -> None:
    assert "2 家待邀请" in (await leader.get("/")).text
    assert "发出邀请（2）" in (await leader.get(desk)).text
    assert "邀请已发出" in (await posted(leader, f"{desk}/invitations", hours=72)).text
    assert "没有待邀请的成员" in (await posted(leader, f"{desk}/invitations", hours=72)).text


async def accepts(cells: httpx.AsyncClient, ask: str) -> None:
    assert "待答复" in (await cells.get("/")).text
    page = await cells.get(ask)
    assert "磷酸铁锂电芯" in page.text
    assert "连带责任" in page.text
    assert "演示变流" not in page.text
    page = await posted(cells, f"{ask}/acceptance", edition=1, price__WP01="1,700,000")
    assert "已登记：贵司同意加入" in page.text
    assert "无需重复提交" in (await posted(cells, f"{ask}/acceptance", edition=1)).text


async def counters(power: httpx.AsyncClient, ask: str) -> None:
    refused = await posted(power, f"{ask}/counter", edition=1, units__WP02="many", price__WP02="cheap")
    assert refused.status_code == 422
    assert "应为整数" in refused.text
    assert "应为金额" in refused.text
    page = await posted(power, f"{ask}/counter", edition=1, units__WP02=40, price__WP02="186万", note="铜价上涨")
    assert "条件已提交" in page.text
    assert "此前已提交" in (await posted(power, f"{ask}/counter", edition=1, units__WP02=40)).text


async def agrees(leader: httpx.AsyncClient, desk: str, seat: UUID) -> None:
    assert "1 家提出条件" in (await leader.get("/")).text
    page = await leader.get(desk)
    assert "演示变流 提出了条件" in page.text
    assert "¥1,860,000.00" in page.text
    assert "铜价上涨" in page.text
    assert "新一版条款已发给该成员" in (await posted(leader, f"/memberships/{seat}/invitation", hours=72)).text


async def promises(member: httpx.AsyncClient, ask: str) -> None:
    assert "代表本单位承诺" in (await member.get(ask)).text
    assert "已登记保密承诺" in (await posted(member, f"{ask}/confidentiality", edition=1)).text
    assert "作出保密承诺（第 1 版文本）" in (await member.get(ask)).text


async def signs(cells: httpx.AsyncClient, power: httpx.AsyncClient, desk: str) -> None:
    page = await cells.get(f"{desk}/agreement")
    (sha256,) = set(re.findall(r"\b[0-9a-f]{64}\b", page.text))
    assert "待签署" in (await cells.get("/")).text
    for member in (cells, power, power):
        assert "签署成功" in (await posted(member, f"{desk}/signatures", sha256=sha256)).text


async def test_a_firm_declines_and_the_seat_is_shown_as_a_gap(app: Litestar, formation: Formation) -> None:
    leader, power = await browser(app, formation.leader), await browser(app, formation.power)
    desk, ask = f"/consortia/{formation.consortium}", f"/i/{formation.seats['演示变流']}"
    await posted(leader, f"{desk}/invitations", hours=72)

    assert "贵司婉拒" in (await posted(power, f"{ask}/decline", edition=1, reason="capacity", note="排满")).text
    assert "贵司此前已婉拒" in (await posted(power, f"{ask}/decline", edition=1, reason="capacity")).text
    page = await leader.get(desk)
    assert "缺口" in page.text
    assert "寻找替补" in page.text
    assert "产能排期已满" in page.text
    page = await posted(leader, f"{desk}/suggestions")
    assert "data-job=" in page.text
    assert (await posted(leader, f"{desk}/suggestions")).text.count("data-job=") == 1
    assert "联合体已解散" in (await posted(leader, f"{desk}/dissolution")).text
    assert "联合体已解散" in (await posted(leader, f"{desk}/dissolution")).text


async def test_a_member_may_change_its_mind_until_the_deadline(app: Litestar, formation: Formation) -> None:
    leader, power = await browser(app, formation.leader), await browser(app, formation.power)
    ask = f"/i/{formation.seats['演示变流']}"
    await posted(leader, f"/consortia/{formation.consortium}/invitations", hours=72)
    await posted(power, f"{ask}/acceptance", edition=1)

    assert "改为婉拒" in (await power.get(ask)).text
    assert "贵司婉拒" in (await posted(power, f"{ask}/decline", edition=1, reason="timing")).text


async def test_a_leader_takes_a_seat_back(app: Litestar, formation: Formation) -> None:
    leader = await browser(app, formation.leader)
    seat = formation.seats["演示变流"]
    await posted(leader, f"/consortia/{formation.consortium}/invitations", hours=72)

    for _ in range(2):
        assert "席位已收回" in (await posted(leader, f"/memberships/{seat}/withdrawal")).text
    assert "该席位已收回" in (await (await browser(app, formation.power)).get(f"/i/{seat}")).text


async def test_asking_twice_for_plans_follows_one_run(app: Litestar, formation: Formation) -> None:
    leader = await browser(app, formation.leader)
    project = f"/opportunities/{formation.project}"
    first = await leader.post(f"{project}/suggestions", data={"plans": "1", "seconds": "5"})
    second = await leader.post(f"{project}/suggestions", data={"plans": "1", "seconds": "5"})

    assert first.headers["location"] == second.headers["location"]
    assert "data-job=" in (await leader.get(project)).text
    assert "已停止测算" in (await posted(leader, f"{project}/cancellation")).text
    assert (await posted(leader, f"{project}/suggestions", plans="9", seconds="5")).status_code == 422


async def test_who_qualifies_is_counted_for_those_who_may_know(app: Litestar, formation: Formation) -> None:
    path = f"/opportunities/{formation.project}/coverage"
    told = await (await browser(app, formation.leader)).get(path)

    assert told.status_code == 200
    assert "WP01 电芯与电池簇: 合格 1 家" in told.text
    assert (await (await browser(app, formation.power)).get(path)).status_code == 403


class TestCapabilities:
    async def test_a_capability_is_declared_revised_and_retired(self, app: Litestar, formation: Formation) -> None:
        client = await browser(app, formation.power)
        given = {
            "phrase": "升压变压器",
            "unit": "SET",
            "monthly_quantity": "12",
            "unit_price": "186万",
            "currency": "CNY",
        }
        page = await posted(client, "/my/capabilities", **given, countries="ID，VN SA")
        path = page.url.path

        assert "能力已申报" in page.text
        assert 'value="1860000.00"' in page.text
        assert 'value="ID VN SA"' in page.text
        assert "升压变压器" in (await client.get("/my/capabilities")).text
        page = await posted(client, path, **given | {"monthly_quantity": "20"}, version=1)
        assert "已保存" in page.text
        stale = await posted(client, path, **given, version=1)
        assert stale.status_code == 412
        assert "能力已停用" not in stale.text
        for _ in range(2):
            assert "该能力已停用" in (await posted(client, f"{path}/retirement")).text

    async def test_every_fault_stands_beside_its_field(self, app: Litestar, formation: Formation) -> None:
        client = await browser(app, formation.power)
        page = await posted(
            client, "/my/capabilities", phrase="", monthly_quantity="few", unit_price="1.234", countries="ZZ"
        )

        assert page.status_code == 422
        for field in ("phrase", "monthly_quantity", "unit_price", "countries"):
            assert f'id="d-{field}"><strong class="wrong">' in page.text, field
        assert 'value="few"' in page.text

    async def test_capacity_is_set_by_month(self, app: Litestar, formation: Formation) -> None:
        client = await browser(app, formation.power)
        page = await client.get((await posted(client, "/my/capabilities", phrase="变压器", unit="SET")).url.path)
        month = re.findall(r'name="(20\d\d-\d\d-01)"', page.text)[3]

        page = await posted(client, f"{page.url.path}/capacity", **{month: "1,200"})
        assert "产能已保存" in page.text
        assert f'name="{month}" value="1200"' in page.text
        assert (await posted(client, f"{page.url.path}/capacity", **{month: "lots"})).status_code == 422

    def test_a_rule_about_the_whole_form_is_told_beside_the_field_that_answers_it(self) -> None:
        with pytest.raises(Invalid) as refused:
            declared({"phrase": "变压器", "monthly_quantity": "3"})

        assert [(fault.where, fault.code) for fault in refused.value.faults] == [("$.unit", "unit-missing")]


class TestBureau:
    async def test_each_number_leads_to_its_list_with_its_definition(
        self, app: Litestar, formation: Formation, official: Account
    ) -> None:
        client = await browser(app, official)
        page = await client.get("/bureau")
        codes = re.findall(r'href="/bureau/([a-z-]+)"', page.text)

        assert {"published", "signed", "smes-brought-along", "consortia-stalled"} <= set(codes)
        for code in set(codes) - {"gaps", "statistics", "cases"}:
            shown = await client.get(f"/bureau/{code}")
            assert shown.status_code == 200
            assert "口径" in shown.text
        assert (await client.get("/bureau/invented")).status_code == 404

    async def test_a_list_is_exported_for_a_spreadsheet(
        self, app: Litestar, committed_sessions: async_sessionmaker[AsyncSession], official: Account
    ) -> None:
        client = await browser(app, official)
        answer = await client.get("/bureau/consortia-signed/export")

        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.content.startswith(b"\xef\xbb\xbf")
        assert "名称" in answer.text

    def test_no_cell_is_taken_for_a_formula(self) -> None:
        item = dict.fromkeys(bureau.COLUMNS) | {"noun": "organisation", "name": '=cmd|"/C calc"!A0'}
        assert "\"'=cmd" in bureau.table("zh-CN", [item]).replace('""', '"')

    async def test_gaps_are_counted_by_country(self, app: Litestar, formation: Formation, official: Account) -> None:
        page = await (await browser(app, official)).get("/bureau/gaps")

        assert page.status_code == 200
        assert "磷酸铁锂电芯" in page.text
        assert "印度尼西亚" in page.text


class TestReadingForms:
    @pytest.mark.parametrize(
        ("text", "currency", "minor"),
        [("0", "CNY", 0), ("1.5", "CNY", 150), ("1，200.50 元", "CNY", 120_050), ("7.49亿", "CNY", 74_900_000_000),
         ("1500", "JPY", 1500), ("1.234", "KWD", 1234)],
    )  # fmt: skip
    def test_sums_are_understood_as_people_write_them(self, text: str, currency: str, minor: int) -> None:
        assert amount(text, currency) == minor

    @pytest.mark.parametrize("text", ["", "-1", "1.234", "1e9", "ten", "１２", "1.5 万万", "=1+1"])
    def test_anything_else_is_no_sum(self, text: str) -> None:
        with pytest.raises(Invalid):
            amount(text, "CNY")

    @pytest.mark.parametrize("text", ["", "-1", "1.5", "9" * 16, "x"])
    def test_no_whole_number(self, text: str) -> None:
        with pytest.raises(Invalid):
            whole(text)

    def test_all_faults_of_a_form_are_told_at_once(self) -> None:
        form = Reading({"a": "x", "b": "y"})
        form.whole("a")
        form.amount("b", "CNY")
        form.missing("c")

        assert [(fault.where, fault.code) for fault in form.faults] == [
            ("$.a", "int_parsing"), ("$.b", "sum"), ("$.c", "missing"),
        ]  # fmt: skip


class TestPictures:
    def test_a_chain_runs_from_left_to_right(self) -> None:
        places = [Place(key=key, kind="member", head=key, text="", href="#") for key in "abc"]
        picture = chain(places, [("a", "b"), ("b", "c"), ("b", "unknown")])

        assert sorted(picture.boxes, key=lambda box: box.x) == list(picture.boxes)
        assert [box.head for box in picture.boxes] == ["a", "b", "c"]
        assert len(picture.arrows) == 2
        assert all(0 <= box.x < picture.width and 0 <= box.y < picture.height for box in picture.boxes)

    def test_no_packages_give_an_empty_sheet(self) -> None:
        assert chain([], []).boxes == ()

    def test_a_firm_stands_between_its_suppliers_and_buyers(self) -> None:
        me, one, two = (Place(key=key, kind="firm", head=key, text="", href="#") for key in ("me", "one", "two"))
        places = {box.head: box.x for box in around(me, [one], [two]).boxes}

        assert places["one"] < places["me"] < places["two"]


class TestHouseRules:
    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
    def test_a_page_says_nothing_but_what_the_catalogues_say(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        said = set(re.findall(r'\bt\("([a-z0-9-]+)"(?! ?[+~])', text))
        words = re.sub(r"\{[{%].*?[%}]\}|<[^>]*>", "", text, flags=re.DOTALL)

        for locale in LOCALES:
            assert said <= catalogue(locale)["page"].keys()
        assert not re.search(r"[\u4e00-\u9fff]", words), "words belong to the catalogues"

    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
    def test_a_page_has_no_style_or_script_of_its_own(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")

        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|hx-on|javascript:", text)
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)

    def test_every_page_can_be_read_as_a_template(self) -> None:
        for path in TEMPLATES:
            environment().get_template(str(path.relative_to(TEMPLATES[0].parent)) if path.parent.name == "templates"
                                       else f"fragments/{path.name}")  # fmt: skip

    def test_the_sheet_keeps_to_browsers_of_chrome_90(self) -> None:
        assert not re.search(r":has\(|@layer|@container|color-mix|\d[ds]v[hw]\b|popover|&", SHEET)

    def test_style_and_script_keep_to_their_budgets(self) -> None:
        script = (STATIC / "console.js").read_text(encoding="utf-8")

        assert len(gzip.compress(SHEET.encode())) <= 12 * 1024
        assert len(script.splitlines()) <= 1_000

    def test_text_can_be_read_on_its_ground_in_light_and_dark(self) -> None:
        for tokens in re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)[:2]:
            colour = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{3,6})", tokens))
            for ink in ("ink", "ink-2", "ink-3", "primary", "ok", "warn", "bad", "lead"):
                for ground in ("paper", "page", "zebra"):
                    assert contrast(colour[ink], colour[ground]) >= 4.5, (ink, ground)
            for ink, ground in (("ok", "soft-ok"), ("warn", "soft-warn"), ("bad", "soft-bad"), ("lead", "soft-lead"),
                                ("primary", "soft"), ("on-primary", "primary")):  # fmt: skip
                assert contrast(colour[ink], colour[ground]) >= 4.5, (ink, ground)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2, relative luminance)."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
