"""From an overseas project to a signed consortium, over HTTP only."""

from typing import Any

from domain.kinds import Role
from tests.journeys.conftest import City

PROJECT: dict[str, Any] = {
    "title": "中爪哇 200MW/400MWh 储能电站",
    "title_en": "Central Java 200 MW / 400 MWh battery storage",
    "country": "ID",
    "currency": "CNY",
    "budget": 30_000_000_000,
    "deadline": "2030-03-18T17:00:00+07:00",
    "starts": "2030-06-01",
    "ends": "2031-07-31",
    "rules": {"max_members": 4},
    "packages": [
        {
            "code": "WP02",
            "name": "电芯与电池簇",
            "unit": "SET",
            "quantity": 100,
            "value": 18_000_000_000,
            "starts": "2030-06-01",
            "ends": "2030-12-31",
            "requirements": [{"kind": "capability", "phrase": "磷酸铁锂电芯"}],
        },
        {
            "code": "WP03",
            "name": "变流升压",
            "unit": "SET",
            "quantity": 40,
            "value": 8_620_000_000,
            "starts": "2030-08-01",
            "ends": "2030-12-31",
            "requirements": [{"kind": "capability", "phrase": "储能变流器"}],
        },
    ],
}


def capability(phrase: str, monthly: int, price: int) -> dict[str, Any]:
    """What a firm declares about one phrase."""
    return {
        "phrase": phrase,
        "unit": "SET",
        "monthly_quantity": monthly,
        "unit_price": price,
        "currency": "CNY",
        "lead_days": 60,
    }


async def test_a_project_becomes_a_signed_consortium(city: City) -> None:
    """A chain leader's project becomes a signed consortium"""
    leader = await city.person("演示链主", Role.CHAIN_LEADER, email="leader@example.cn", verification=2)
    cells = await city.person("演示电芯", Role.SUPPLIER, email="cells@example.cn", sme=False)
    power = await city.person("演示变流", Role.SUPPLIER, email="power@example.cn", sme=True)
    say = city.transcript.note

    say("供应商申报能力 · Suppliers declare what they can do")
    await cells.ask("POST", "/capabilities", capability("磷酸铁锂电芯", 20, 170_000_000), expect=201)
    await power.ask("POST", "/capabilities", capability("储能变流器", 12, 210_000_000), expect=201)

    say("链主发布项目 · The chain leader publishes a project")
    project = await leader.ask("POST", "/opportunities", PROJECT, expect=201)
    published = await leader.ask("POST", f"/opportunities/{project['id']}/publication")
    assert published["state"] == "published"

    say("请求方案 · Suggestions are asked for")
    job = await leader.ask(
        "POST", f"/opportunities/{project['id']}/suggestions", {"plans": 1, "seconds": 5}, expect=202
    )
    said = await leader.follow(job["id"])
    assert said[-1]["state"] == "done", said[-1]
    (suggestion,) = await leader.ask("GET", f"/opportunities/{project['id']}/suggestions")
    assert suggestion["status"] == "optimal"
    (plan,) = suggestion["plans"]
    assert {seat["name"] for seat in plan["seats"]} == {"演示电芯", "演示变流"}
    assert "170000000" not in str(suggestion)

    say("采用方案并发出邀请 · The plan is adopted and its members are invited")
    consortium = await leader.ask("POST", "/consortia", {"suggestion_id": suggestion["id"], "plan": 1}, expect=201)
    await leader.ask("POST", f"/consortia/{consortium['id']}/invitations", {"hours": 72})

    say("成员答复 · The members answer")
    for person in (cells, power):
        (seat,) = await person.ask("GET", "/inbox")
        answered = await person.ask("POST", f"/memberships/{seat['id']}/acceptance", {"edition": seat["edition"]})
        assert answered["state"] == "accepted"

    say("承诺保密 · The members promise confidentiality, and see each other")
    for person in (cells, power):
        (seat,) = await person.ask("GET", "/inbox")
        await person.ask("POST", f"/memberships/{seat['id']}/confidentiality", {"edition": 1})

    say("签署同一版本 · Everyone signs one version")
    agreement = await cells.ask("GET", f"/consortia/{consortium['id']}/agreement")
    assert sum(member["share"] for member in agreement["body"]["members"]) == 10_000
    for person in (cells, power):
        signed = await person.ask("POST", f"/consortia/{consortium['id']}/signatures", {"sha256": agreement["sha256"]})
    assert signed["state"] == "signed"
    city.transcript.write("formation")
