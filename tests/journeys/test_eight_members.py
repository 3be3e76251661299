"""Eight members, one counter, one decline with repair, one expiry with repair, one amendment after all have signed."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.jobs.deadlines import expire, remind
from domain.kinds import Role
from tests.journeys.conftest import City, Person
from tests.journeys.test_formation import capability
from tests.town import settled

WORK = (
    ("WP01", "电芯与电池簇", "磷酸铁锂电芯", 100, 18_000_000_000),
    ("WP02", "变流升压", "储能变流器", 40, 8_620_000_000),
    ("WP03", "主变压器", "电力变压器", 4, 3_200_000_000),
    ("WP04", "高压开关", "高压开关柜", 20, 1_600_000_000),
    ("WP05", "能量管理系统", "能量管理系统", 1, 900_000_000),
    ("WP06", "消防系统", "储能消防系统", 1, 700_000_000),
    ("WP07", "电缆", "高压电缆", 60, 1_200_000_000),
    ("WP08", "集装箱与结构", "储能集装箱", 100, 2_100_000_000),
)
PROJECT: dict[str, Any] = {
    "title": "中爪哇 200MW/400MWh 储能电站",
    "country": "ID",
    "zone": "Asia/Makassar",
    "currency": "CNY",
    "budget": 40_000_000_000,
    "deadline": "2030-03-18T17:00:00+08:00",
    "starts": "2030-06-01",
    "ends": "2031-07-31",
    "rules": {"min_members": 8, "max_members": 8},
    "packages": [
        {
            "code": code,
            "name": name,
            "unit": "SET",
            "quantity": quantity,
            "value": value,
            "starts": "2030-06-01",
            "ends": "2030-12-31",
            "requirements": [{"kind": "capability", "phrase": phrase}],
        }
        for code, name, phrase, quantity, value in WORK
    ],
}


async def done(person: Person, job: dict[str, Any]) -> dict[str, Any]:
    """Follow a job to its end and return what came of it."""
    said = await person.follow(job["id"])
    assert said[-1]["state"] == "done", said[-1]
    outcome: dict[str, Any] = said[-1]["outcome"]
    return outcome


async def mended(leader: Person, consortium: str, way: str) -> dict[str, Any]:
    """Look for repairs, take the plan that is `way`, ask whoever is new, and return the repair."""
    job = await leader.ask("POST", f"/consortia/{consortium}/repairs", {"seconds": 5}, expect=202)
    outcome = await done(leader, job)
    suggestion = await leader.ask("GET", f"/suggestions/{outcome['suggestion_id']}")
    ways = {plan["repair"]["way"]: number for number, plan in enumerate(suggestion["plans"], 1)}
    given = {"suggestion_id": suggestion["id"], "plan": ways[way]}
    with leader.transcript.at_rest():
        await leader.ask("POST", f"/consortia/{consortium}/replacements", given)
        await leader.ask("POST", f"/consortia/{consortium}/invitations", {"working_days": 3})
    found: dict[str, Any] = suggestion["plans"][ways[way] - 1]["repair"]
    return found


async def accepts(person: Person) -> dict[str, Any]:
    """Accept the one question that waits for a firm."""
    (seat,) = await person.ask("GET", "/inbox")
    answered: dict[str, Any] = await person.ask(
        "POST", f"/memberships/{seat['id']}/acceptance", {"edition": seat["edition"]}
    )
    assert answered["state"] == "accepted"
    return answered


def shown(phrase: str, monthly: int, price: int) -> dict[str, Any]:
    """What a firm declares that shows its price to those it is matched with, so that plans may go by price."""
    return capability(phrase, monthly, price) | {"price_disclosure": "matched"}


async def test_eight_members_come_to_one_agreement(city: City) -> None:
    """Eight members, one counter, one decline with repair, one expiry"""
    leader = await city.person("演示链主", Role.CHAIN_LEADER, email="leader@example.cn", verification=2)
    firms = {
        code: await city.person(f"演示{name}", Role.SUPPLIER, email=f"{code.lower()}@example.cn", sme=True)
        for code, name, *_ in WORK
    }
    spare = {
        code: await city.person(f"演示替补{name}", Role.SUPPLIER, email=f"spare-{code.lower()}@example.cn", sme=True)
        for code, name, *_ in WORK
        if code in ("WP03", "WP07")
    }
    say = city.transcript.note

    say("八家企业和两家替补申报能力 · Eight firms and two others declare what they can do")
    with city.transcript.at_rest():
        for code, _, phrase, quantity, value in WORK:
            price = value // quantity * 9 // 10
            await firms[code].ask("POST", "/capabilities", shown(phrase, quantity, price), expect=201)
            if code in spare:
                dearer = shown(phrase, quantity, price * 21 // 20)
                await spare[code].ask("POST", "/capabilities", dearer, expect=201)

    say("项目发布、求解、组建、一次邀请八家 · A project, a plan, a consortium, eight asked in one call")
    with city.transcript.at_rest():
        project = await leader.ask("POST", "/opportunities", PROJECT, expect=201)
        await leader.ask("POST", f"/opportunities/{project['id']}/publication")
        wanted = {"plans": 1, "seconds": 5}
        asked = await leader.ask("POST", f"/opportunities/{project['id']}/suggestions", wanted, expect=202)
        outcome = await done(leader, asked)
    consortium = await leader.ask("POST", "/consortia", {"suggestion_id": outcome["suggestion_id"]}, expect=201)
    here = f"/consortia/{consortium['id']}"
    assert len(consortium["members"]) == 8
    asked = await leader.ask("POST", f"{here}/invitations", {"hours": 72})
    assert {seat["state"] for seat in asked["members"]} == {"invited"}

    say("成员以字母相称，承诺保密之后才知道彼此 · Members have letters until they promise confidentiality")
    cells = firms["WP01"]
    before = await cells.ask("GET", here)
    letters = [other["label"] for other in before["others"]]
    assert len(letters) == 7
    assert set(letters) < set("ABCDEFGH")
    assert len(before["members"]) == 1
    assert "演示变流升压" not in str(before)

    say("五家接受 · Five accept")
    await accepts(cells)
    with city.transcript.at_rest():
        for code in ("WP04", "WP05", "WP06", "WP08"):
            await accepts(firms[code])
    await cells.ask("POST", f"/memberships/{before['members'][0]['id']}/confidentiality", {"edition": 1})
    with city.transcript.at_rest():
        assert "演示高压开关" in str(await cells.ask("GET", here))

    say(
        "一家还价：先核对，再提交；其他答复不受影响 · One counters: checked first, then sent; the others' answers stand"
    )
    power = firms["WP02"]
    (seat,) = await power.ask("GET", "/inbox")
    terms = {
        "edition": 1,
        "lines": [{"package": "WP02", "units": 40, "unit_price": 205_000_000, "lead_days": 150}],
        "payment": {"advance": 3_000, "delivery": 6_000, "acceptance": 500, "retention": 500, "days": 30},
        "clauses": [{"clause": "exit", "wording": "退出通知期为六十天。"}],
    }
    check = await done(power, await power.ask("POST", f"/memberships/{seat['id']}/counter-checks", terms, expect=202))
    assert check["verdict"] == "stands"
    assert [effect["code"] for effect in check["effects"]] == ["check-within-value"]
    countered = await power.ask("POST", f"/memberships/{seat['id']}/counter", terms)
    assert countered["counter_edition"] == 2
    diff = await leader.ask("GET", f"/memberships/{seat['id']}/diff")
    assert {change["field"] for change in diff["changes"]} >= {"lead_days", "advance", "clause"}
    await leader.ask("POST", f"/memberships/{seat['id']}/invitation", {"hours": 48})
    await accepts(power)
    with city.transcript.at_rest():
        standing = await leader.ask("GET", here)
    assert [member["state"] for member in standing["members"]].count("accepted") == 6

    say("一家婉拒，改动最少的补位办法 · One declines, and the repair with the fewest changes")
    wires = firms["WP07"]
    (seat,) = await wires.ask("GET", "/inbox")
    await wires.ask(
        "POST", f"/memberships/{seat['id']}/decline", {"edition": 1, "reason": "timing", "note": "订单已满"}
    )
    repair = await mended(leader, consortium["id"], "fewest")
    assert (repair["changes"], repair["joining"], repair["asked_again"]) == (1, [spare["WP07"].organisation_id], [])
    await accepts(spare["WP07"])

    say("一家逾期：提醒两次，按数据库时钟过期，再补位 · One lets its time run out: reminded, expired, repaired")
    core = firms["WP03"]
    (seat,) = await core.ask("GET", "/inbox")
    for hours, reminded in ((40, 1), (66, 1)):
        await passed(city, UUID(seat["id"]), hours)
        assert await remind(city.sessions) == reminded
    with city.transcript.at_rest():
        await settled(city.sessions)
        told = [event for event in await core.ask("GET", "/events") if event["code"] == "membership.reminded"]
    assert [event["params"]["reminder"] for event in told] == [1, 2]
    await passed(city, UUID(seat["id"]), 73)
    assert await expire(city.sessions) == 1
    await core.ask("POST", f"/memberships/{seat['id']}/acceptance", {"edition": 1}, expect=409)
    with city.transcript.at_rest():
        repair = await mended(leader, consortium["id"], "fewest")
    assert repair["joining"] == [spare["WP03"].organisation_id]
    with city.transcript.at_rest():
        await accepts(spare["WP03"])

    say("八家签署同一版本 · Eight sign one version")
    with city.transcript.at_rest():
        whole = await leader.ask("GET", here)
    assert whole["state"] == "agreed"
    members = [*(firms[code] for code in firms if code not in spare), *spare.values()]
    agreement = await cells.ask("GET", f"{here}/agreement")
    power_terms = next(each for each in agreement["body"]["members"] if each["name"] == power.name)
    assert power_terms["particulars"]["payment"]["advance"] == 3_000
    assert sum(each["share"] for each in agreement["body"]["members"]) == 10_000
    with city.transcript.at_rest():
        for person in members[:-1]:
            await person.ask("POST", f"{here}/signatures", {"sha256": agreement["sha256"]})
    signed = await members[-1].ask("POST", f"{here}/signatures", {"sha256": agreement["sha256"]})
    assert signed["state"] == "signed"
    await settled(city.sessions)
    with city.transcript.at_rest():
        for person in members:
            told = [each for each in await person.ask("GET", "/events") if each["code"] == "consortium.signed"]
            assert [each["params"]["members"] for each in told] == [8], "whoever has promised nothing is told as well"

    await amended(city, leader, (cells, firms["WP08"]), power, here, agreement["sha256"])
    city.transcript.write("eight-members")


async def amended(
    city: City, leader: Person, movers: tuple[Person, Person], other: Person, here: str, former: str
) -> None:
    """Two members move work at equal value: they sign again, everybody else's signature carries over."""
    (cells, boxes), power = movers, other
    city.transcript.note(
        "签署后两家调整分工，只有这两家重签 · After signature two members move work, and they alone sign again"
    )
    with city.transcript.at_rest():
        seats = {seat["organisation_id"]: seat["id"] for seat in (await leader.ask("GET", here))["members"]}
    moved = [
        (cells, [{"package": "WP01", "units": 90}]),
        (boxes, [{"package": "WP01", "units": 10, "unit_price": 162_000_000}, {"package": "WP08", "units": 100}]),
    ]
    change = {
        "reason": "十簇电芯改由集装箱厂集成后交付。",
        "seats": [{"membership_id": seats[person.organisation_id], "lines": lines} for person, lines in moved],
    }
    amendment = await leader.ask("POST", f"{here}/amendments", change, expect=201)
    asked = {each["firm"] for each in amendment["signers"] if each["must_sign"]}
    assert asked == {cells.name, boxes.name}
    for person in (power, boxes):
        await person.ask("POST", f"/memberships/{seats[person.organisation_id]}/confidentiality", {"edition": 1})
    await power.ask("POST", f"/amendments/{amendment['id']}/signatures", {"sha256": amendment["sha256"]}, expect=403)
    for person in (cells, boxes):
        await person.ask("POST", f"/amendments/{amendment['id']}/signatures", {"sha256": amendment["sha256"]})
    renewed = await cells.ask("GET", f"{here}/agreement")
    assert renewed["sha256"] == amendment["sha256"]
    assert len(renewed["carried"]) == 6
    superseded = await leader.ask("GET", f"/verifications/{former}")
    assert superseded["state"] == "superseded"


async def passed(city: City, seat: UUID, hours: int) -> None:
    """Let it be so many hours since a firm was asked, of the seventy-two it was given."""
    async with city.sessions.begin() as session:
        await session.execute(sa.text("set local session_replication_role = replica"))
        await session.execute(
            sa.text(
                "update invitation set sent_at = clock_timestamp() - make_interval(hours => :hours),"
                " deadline = clock_timestamp() + make_interval(hours => 72 - :hours) where membership_id = :seat"
            ),
            {"hours": hours, "seat": seat},
        )
