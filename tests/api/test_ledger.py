"""The ledger a firm reads, one bid a lot, and the clauses a leader chooses, through the interface people use."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar
from python_calamine import CalamineWorkbook
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions import consortia, lone_bids
from api.actions.lone_bids import LoneBidStands, SeatStands
from api.app import create_app
from api.problems import refusal_of
from api.settings import Settings
from api.spreadsheets import csv_bytes as as_csv
from api.spreadsheets import xlsx_bytes as as_xlsx
from api.wire.consortia import AcceptIn
from api.wire.ledger import LoneBidIn
from domain.actor import Actor
from domain.errors import SeatTaken
from domain.kinds import MembershipState, OpportunityState, Role, Visibility
from domain.records import Opportunity, Organisation
from tests.factories import (
    actor_of,
    make_consortium,
    make_invitation,
    make_membership,
    make_opportunity,
    make_organisation,
    make_package,
    make_terms,
    make_user,
)
from tests.living import living
from tests.town import Account, Formation, browser, make_formation, settled

Sessions = async_sessionmaker[AsyncSession]
HOSTILE = ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1+1", '=HYPERLINK("x")', "普通", "a=b")


@pytest.fixture
async def app(database_url: str) -> AsyncIterator[Litestar]:
    """The whole application."""
    app = create_app(Settings(second_factor="optional"), database_url)
    async with living(app):
        yield app


@pytest.fixture
async def formation(committed_sessions: Sessions) -> Formation:
    """A consortium whose members nobody has asked yet."""
    return await make_formation(committed_sessions)


async def api(app: Litestar, account: Account) -> httpx.AsyncClient:
    return await browser(app, account, accept="application/json")


async def invited(app: Litestar, formation: Formation) -> None:
    leader = await api(app, formation.leader)
    answer = await leader.post(f"/api/v1/consortia/{formation.consortium}/invitations", json={"hours": 72})
    assert answer.status_code == 200, answer.text


async def accepted(app: Litestar, formation: Formation, account: Account) -> httpx.Response:
    member = await api(app, account)
    path = f"/api/v1/memberships/{formation.seats[account.firm]}/acceptance"
    return await member.post(path, json={"edition": 1, "prices": []})


# ------------------------------------------------------------------ the ledger


async def test_the_ledger_tells_what_is_promised_to_whom_until_when(app: Litestar, formation: Formation) -> None:
    """Forty sets over the seven months from June to December 2030, each of which has a hundred."""
    await invited(app, formation)
    member = await api(app, formation.power)
    (asked,) = (await member.get("/api/v1/inbox")).json()

    (ledger,) = (await member.get("/api/v1/ledger")).json()

    promised = [row for row in ledger["months"] if row["promises"]]
    assert {row["month"][:4] for row in promised} == {"2030"}
    assert sum(row["soft"] for row in promised) == 40
    assert {row["declared"] - row["soft"] - row["hard"] - row["free"] for row in ledger["months"]} == {0}
    (names,) = {
        (each["consortium"], each["state"], each["quantity"] > 0) for row in promised for each in row["promises"]
    }
    assert names == ("演示储能联合体", "soft", True)
    untils = {each["until"] for row in promised for each in row["promises"]}
    assert {datetime.fromisoformat(each) for each in untils} == {
        datetime.fromisoformat(asked["invitation"]["deadline"])
    }
    same = (await member.get(f"/api/v1/capabilities/{ledger['capability_id']}/ledger")).json()
    assert same == ledger


async def test_a_signature_binds_what_an_invitation_kept(app: Litestar, formation: Formation) -> None:
    await invited(app, formation)
    for account in (formation.cells, formation.power):
        assert (await accepted(app, formation, account)).status_code == 200
    member = await api(app, formation.power)
    place = f"/api/v1/consortia/{formation.consortium}"
    await member.post(f"/api/v1/memberships/{formation.seats['演示变流']}/confidentiality", json={"edition": 1})
    sha256 = (await member.get(f"{place}/agreement")).json()["sha256"]

    assert (await member.post(f"{place}/signatures", json={"sha256": sha256})).status_code == 200

    (ledger,) = (await member.get("/api/v1/ledger")).json()
    assert sum(row["soft"] for row in ledger["months"]) == 0
    assert sum(row["hard"] for row in ledger["months"]) == 40
    assert {each["until"] for row in ledger["months"] for each in row["promises"]} == {None}


async def test_another_firms_ledger_is_not_there(app: Litestar, formation: Formation) -> None:
    power, cells = await api(app, formation.power), await api(app, formation.cells)
    (ledger,) = (await power.get("/api/v1/ledger")).json()

    assert (await cells.get(f"/api/v1/capabilities/{ledger['capability_id']}/ledger")).status_code == 404
    assert ledger["capability_id"] not in (await cells.get("/api/v1/ledger")).text


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_the_files_say_what_the_ledger_says_in_the_readers_language(
    app: Litestar, formation: Formation, language: str
) -> None:
    await invited(app, formation)
    member = await api(app, formation.power)
    (ledger,) = (await member.get("/api/v1/ledger")).json()
    lines = sum(max(1, len(row["promises"])) for row in ledger["months"])

    told = (await member.get(f"/api/v1/ledger.csv?lang={language}")).content.decode("utf-8-sig")
    book = CalamineWorkbook.from_filelike(
        io.BytesIO((await member.get(f"/api/v1/ledger.xlsx?lang={language}")).content)
    )

    table = list(csv.reader(io.StringIO(told)))
    cells = book.get_sheet_by_index(0).to_python()
    assert table[0][2] == cells[0][2] == {"zh-CN": "月份", "en": "Month"}[language]
    assert (len(table), len(cells)) == (lines + 1, lines + 1)
    assert sum(int(row[9] or 0) for row in table[1:] if len(row) > 9) == 40
    assert sum(int(str(row[9] or "0").removesuffix(".0")) for row in cells[1:]) == 40


def test_no_cell_of_a_file_is_a_formula() -> None:
    """Hostile names stay text: in the CSV behind an apostrophe, in the workbook as strings."""
    table = [("name",), *((text,) for text in HOSTILE)]

    told = [row[0] for row in csv.reader(io.StringIO(as_csv(table).decode("utf-8-sig"), newline=""))][1:]
    book = as_xlsx(table, (20,))

    assert [text.removeprefix("'") for text in told] == list(HOSTILE)
    assert [text for text in told if text.startswith(tuple("=+-@\t\r＝"))] == []
    sheet = ZipFile(io.BytesIO(book)).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert sheet.count('t="s"') == len(table)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_the_page_shows_the_months_and_leads_to_the_consortium(
    app: Litestar, formation: Formation, language: str
) -> None:
    await invited(app, formation)
    member = await browser(app, formation.power)

    page = (await member.get(f"/my/ledger?lang={language}")).text

    assert f'href="/consortia/{formation.consortium}"' in page
    assert {"zh-CN": "产能台账", "en": "Capacity ledger"}[language] in page
    bureau = await browser(app, formation.leader)
    assert (await bureau.get("/my/ledger")).status_code == 200


# ------------------------------------------------------------------ one bid a lot


async def test_who_bids_alone_takes_no_seat_until_he_takes_it_back(
    app: Litestar, formation: Formation, committed_sessions: Sessions
) -> None:
    await invited(app, formation)
    member = await api(app, formation.power)
    lot = f"/api/v1/opportunities/{formation.project}/lone-bids"

    filed = await member.post(lot, json={"note": "本标段单独投标"})
    refused = await accepted(app, formation, formation.power)
    twice = await member.post(lot, json={})
    await member.post(f"/api/v1/lone-bids/{filed.json()['id']}/withdrawal")
    seated = await accepted(app, formation, formation.power)
    late = await member.post(lot, json={})

    assert (filed.status_code, seated.status_code) == (201, 200)
    assert [(each.status_code, each.json()["code"]) for each in (refused, twice, late)] == [
        (409, "lone-bid-stands"), (409, "lone-bid-stands"), (409, "seat-stands"),
    ]  # fmt: skip
    await settled(committed_sessions)
    events = (await member.get("/api/v1/events")).json()
    assert {"lone_bid.filed", "lone_bid.withdrawn"} <= {each["code"] for each in events}


async def race(sessions: Sessions, actor: Actor, seats: tuple[UUID, ...], lot: UUID, dice: Random) -> list[Any]:
    """Let one firm accept seats in several consortia for one lot and file a lone bid, all at about one moment."""
    start = asyncio.Event()

    async def one(deed: Any) -> Any:
        async with sessions() as session:
            await session.connection()
            await start.wait()
            await asyncio.sleep(dice.choice((0, 0, 0.01, 0.02)))
            try:
                await deed(session)
                await session.commit()
            except Exception as error:
                await session.rollback()
                return refusal_of(error)
        return None

    def accepting(seat: UUID) -> Any:
        return lambda session: consortia.accept(session, actor, seat, AcceptIn(edition=1))

    deeds = [*map(accepting, seats), lambda session: lone_bids.file(session, actor, lot, LoneBidIn())]
    running = [asyncio.create_task(one(deed)) for deed in deeds]
    await asyncio.sleep(0.002)
    start.set()
    return list(await asyncio.gather(*running))


async def contested(sessions: Sessions, firm: Organisation, owner: Organisation) -> tuple[tuple[UUID, ...], UUID]:
    """Make a lot with two consortia that have both asked one firm."""
    async with sessions.begin() as session:
        lot = await make_opportunity(
            session, organisation_id=owner.id, state=OpportunityState.PUBLISHED, visibility=Visibility.PUBLIC,
            deadline=datetime.now(UTC) + timedelta(days=300),
        )  # fmt: skip
        package = await make_package(session, lot)
        seats = []
        for _ in range(2):
            seat = await make_membership(
                session, await make_consortium(session, lot), firm, state=MembershipState.INVITED, lead=True
            )
            await make_terms(session, seat, {"package_id": package.id})
            await make_invitation(session, seat)
            seats.append(seat.id)
        return tuple(seats), lot.id


async def standing(sessions: Sessions, lot: UUID) -> int:
    """Return how often a firm takes part in a lot, by rows alone."""
    sql = (
        "select (select count(*) from membership where opportunity_id = :lot and state in ('accepted', 'signed'))"
        " + (select count(*) from lone_bid where opportunity_id = :lot and state = 'filed')"
    )
    async with sessions() as session:
        return int((await session.execute(sa.text(sql), {"lot": lot})).scalar_one())


async def raced(sessions: Sessions, rounds: int) -> None:
    async with sessions.begin() as session:
        owner = await make_organisation(session, Role.CHAIN_LEADER)
        firm = await make_organisation(session)
        actor = actor_of(firm, await make_user(session, firm))
    winners, dice = set(), Random(9)
    for _ in range(rounds):
        seats, lot = await contested(sessions, firm, owner)
        answers = await race(sessions, actor, seats, lot, dice)

        assert answers.count(None) == 1, answers
        assert {type(each) for each in answers if each is not None} <= {SeatTaken, LoneBidStands, SeatStands}
        assert await standing(sessions, lot) == 1
        winners.add(answers.index(None) == len(seats))
    assert rounds < 50 or winners == {True, False}


async def test_of_two_seats_and_a_lone_bid_at_one_moment_one_stands(committed_sessions: Sessions) -> None:
    await raced(committed_sessions, 100)


@pytest.mark.long
async def test_of_two_seats_and_a_lone_bid_at_one_moment_one_stands_a_thousand_times(
    committed_sessions: Sessions,
) -> None:
    await raced(committed_sessions, 1_000)


async def test_without_the_claims_a_seat_and_a_lone_bid_stand_together(session: AsyncSession) -> None:
    """The action looks at nothing: were it not for the triggers, both would be there."""
    await session.execute(sa.text("drop trigger lone_bid_claim on lone_bid"))
    seat = await make_membership(session, state=MembershipState.ACCEPTED)
    lot = await session.get_one(Opportunity, seat.opportunity_id)
    firm = await session.get_one(Organisation, seat.organisation_id)
    lot.state, lot.visibility = OpportunityState.PUBLISHED, Visibility.PUBLIC
    await session.flush()

    await lone_bids.file(session, actor_of(firm), lot.id, LoneBidIn())

    both = "select count(*) from lone_bid l join membership m using (opportunity_id, organisation_id)"
    assert await session.scalar(sa.text(both)) == 1


# ------------------------------------------------------------------ who belongs together


async def test_members_under_one_controller_are_pointed_out_to_the_leader_alone(
    app: Litestar, formation: Formation
) -> None:
    for account in (formation.cells, formation.power):
        member = await api(app, account)
        path = f"/api/v1/firms/{account.organisation_id}/controller"
        assert (await member.put(path, json={"controller": "演示能源集团有限公司"})).status_code == 200
    leader = await api(app, formation.leader)
    await invited(app, formation)

    found = (await leader.get(f"/api/v1/consortia/{formation.consortium}/compliance")).json()["findings"]
    page = (await (await browser(app, formation.leader)).get(f"/consortia/{formation.consortium}")).text
    member_page = (await (await browser(app, formation.power)).get(f"/consortia/{formation.consortium}")).text

    (related,) = [each for each in found if each["rule_id"] == "REL"]
    assert related["outcome"] == "fail"
    assert "受同一方控制" in page
    assert "受同一方控制" not in member_page


async def test_two_who_could_each_do_the_lot_alone_need_a_reason_that_is_recorded(
    app: Litestar, formation: Formation, committed_sessions: Sessions
) -> None:
    """Both firms declare both products in plenty; before, each could do its own package only."""
    leader = await api(app, formation.leader)
    place = f"/api/v1/consortia/{formation.consortium}/compliance"

    def contested(answer: httpx.Response) -> list[Any]:
        return [e for e in answer.json()["findings"] if e["rule_id"] == "AML-ALONE"]

    before = contested(await leader.get(place))
    for account, phrase in ((formation.cells, "储能变流器"), (formation.power, "磷酸铁锂电芯")):
        member = await api(app, account)
        declared = {"phrase": phrase, "unit": "SET", "monthly_quantity": 100}
        assert (await member.post("/api/v1/capabilities", json=declared)).status_code == 201
    (after,) = contested(await leader.get(place))
    stated = await leader.post(
        f"/api/v1/consortia/{formation.consortium}/acknowledgements",
        json={"rule_id": "AML-ALONE", "note": "交期紧，两家并行生产"},
    )

    assert [each["outcome"] for each in before] in ([], ["pass"])
    assert after["outcome"] == "fail"
    assert stated.status_code in (200, 201), stated.text
    assert "交期紧，两家并行生产" in (await leader.get(place)).text


# ------------------------------------------------------------------ the clauses


CHOSEN = {
    "performance": "mixed",
    "results": "shared",
    "forum": "siac",
    "law": "SG",
    "security": "each",
    "exit_days": 45,
}


async def test_what_the_leader_chose_is_in_the_agreement_and_its_hash(app: Litestar, formation: Formation) -> None:
    leader = await api(app, formation.leader)
    place = f"/api/v1/consortia/{formation.consortium}"
    draft = (await leader.post(f"{place}/clauses/preview?lang=en", json=CHOSEN)).json()
    nothing_yet = (await leader.get(f"{place}/clauses")).json()

    chosen = await leader.put(f"{place}/clauses", json=CHOSEN)
    await invited(app, formation)
    late = await leader.put(f"{place}/clauses", json={})
    for account in (formation.cells, formation.power):
        await accepted(app, formation, account)
    agreement = (await leader.get(f"{place}/agreement")).json()

    said = {each["heading"]: "\n".join(each["paragraphs"]) for each in draft["articles"]}
    assert "SIAC" in said["Governing law and disputes"]
    assert "law of Singapore" in said["Governing law and disputes"]
    assert "in common by share" in said["Intellectual property"]
    assert nothing_yet["performance"] == "divided"
    assert (chosen.status_code, late.status_code, late.json()["code"]) == (200, 409, "members-asked")
    clauses = agreement["body"]["clauses"]
    assert (agreement["body"]["performance"], clauses["edition"]) == ("mixed", "2")
    assert {name: clauses[name] for name in ("results", "forum", "law", "security", "exit_days")} == {
        name: CHOSEN[name] for name in ("results", "forum", "law", "security", "exit_days")
    }


async def test_the_form_previews_without_choosing_and_chooses_on_request(app: Litestar, formation: Formation) -> None:
    leader = await browser(app, formation.leader)
    place = f"/consortia/{formation.consortium}/clauses"

    looked = (await leader.get(place, params={"forum": "hkiac", "exit_days": "60"})).text
    before = (await leader.get(place)).text
    saved = await leader.post(place, data={"forum": "hkiac", "exit_days": "60"})
    after = (await leader.get(place)).text

    assert "提交香港国际仲裁中心" in looked
    assert "提交香港国际仲裁中心" not in before
    assert (saved.status_code, saved.headers["location"]) == (303, place)
    assert "提交香港国际仲裁中心" in after
    member = await browser(app, formation.power)
    assert (await member.get(place)).status_code == 404
    await invited(app, formation)
    shown = (await member.get(place, params={"forum": "court"})).text
    assert "香港国际仲裁中心" in shown
    assert "<select" not in shown
    assert "牵头人住所地人民法院" not in shown


@pytest.mark.parametrize(
    "wrong", [{"forum": "oracle"}, {"exit_days": 0}, {"law": "XX"}, {"colour": "red"}, {"performance": "perhaps"}]
)
async def test_a_clause_that_the_library_does_not_have_is_refused_at_its_field(
    app: Litestar, formation: Formation, wrong: dict[str, Any]
) -> None:
    leader = await api(app, formation.leader)

    answer = await leader.put(f"/api/v1/consortia/{formation.consortium}/clauses", json=wrong)

    assert answer.status_code == 422
    assert [each["where"] for each in answer.json()["errors"]] == [f"$.{next(iter(wrong))}"]
