"""From a signed agreement to the evaluation of partners, over HTTP only; with an amendment that two of three sign."""

from typing import Any

from api.wire.negotiation import CONFIDENTIALITY
from domain.kinds import Role
from tests.journeys.conftest import City, Person
from tests.journeys.test_formation import PROJECT, capability

SHIPPING: dict[str, Any] = {
    "code": "WP04",
    "name": "国际运输",
    "kind": "services",
    "unit": "SET",
    "quantity": 10,
    "value": 900_000_000,
    "starts": "2030-12-01",
    "ends": "2031-03-31",
    "requirements": [{"kind": "capability", "phrase": "国际海运"}],
}
DAY = "2024-07-05"
MARKS = {"timeliness": 5, "quality": 4, "cooperation": 5, "clarity": 4, "fairness": 5}


async def signed_by_three(city: City) -> tuple[Person, Person, Person, Person, str]:
    """Walk the road of ``formation.md`` with three members, unwritten; return the people and the consortium's id."""
    leader = await city.person("演示链主", Role.CHAIN_LEADER, email="leader@example.cn", verification=2)
    members = []
    for name, email, phrase, monthly, price in (
        ("演示电芯", "cells@example.cn", "磷酸铁锂电芯", 20, 170_000_000),
        ("演示变流", "power@example.cn", "储能变流器", 12, 210_000_000),
        ("演示海运", "ship@example.cn", "国际海运", 5, 80_000_000),
    ):
        person = await city.person(name, Role.SUPPLIER, email=email, sme=True)
        await person.ask("POST", "/capabilities", capability(phrase, monthly, price), expect=201)
        members.append(person)
    given = PROJECT | {"packages": [*PROJECT["packages"], SHIPPING]}
    project = await leader.ask("POST", "/opportunities", given, expect=201)
    await leader.ask("POST", f"/opportunities/{project['id']}/publication")
    job = await leader.ask(
        "POST", f"/opportunities/{project['id']}/suggestions", {"plans": 1, "seconds": 5}, expect=202
    )
    await leader.follow(job["id"])
    (suggestion,) = await leader.ask("GET", f"/opportunities/{project['id']}/suggestions")
    formed = await leader.ask("POST", "/consortia", {"suggestion_id": suggestion["id"], "plan": 1}, expect=201)
    await leader.ask("POST", f"/consortia/{formed['id']}/invitations", {"hours": 72})
    for person in members:
        (seat,) = await person.ask("GET", "/inbox")
        await person.ask("POST", f"/memberships/{seat['id']}/acceptance", {"edition": seat["edition"]})
        await person.ask("POST", f"/memberships/{seat['id']}/confidentiality", {"edition": CONFIDENTIALITY})
    agreement = await leader.ask("GET", f"/consortia/{formed['id']}/agreement")
    for person in members:
        await person.ask("POST", f"/consortia/{formed['id']}/signatures", {"sha256": agreement["sha256"]})
    city.transcript.lines.clear()
    city.transcript.names.clear()
    cells, power, ship = members
    return leader, cells, power, ship, formed["id"]


async def test_a_signed_consortium_is_amended_wins_and_is_closed(city: City) -> None:
    """A signed consortium is amended, wins, works and is closed"""
    leader, cells, power, ship, identity = await signed_by_three(city)
    say, desk = city.transcript.note, f"/consortia/{identity}"

    say("变更协议：两家签署，第三家的签署延续有效 · An amendment: two sign, the third's signature carries over")
    seats = {seat["organisation_id"]: seat for seat in (await leader.ask("GET", desk))["members"]}
    former = (await leader.ask("GET", f"{desk}/agreement"))["sha256"]
    moved = {
        "reason": "变流产线检修，十套改由电芯方集成。",
        "seats": [
            {
                "membership_id": seats[cells.organisation_id]["id"],
                "lines": [
                    {"package": "WP02", "units": 100},
                    {"package": "WP03", "units": 10, "unit_price": 210_000_000},
                ],
            },
            {
                "membership_id": seats[power.organisation_id]["id"],
                "lines": [{"package": "WP03", "units": 30}],
            },
        ],
    }
    amendment = await leader.ask("POST", f"{desk}/amendments", moved, expect=201)
    assert {each["firm"]: each["must_sign"] for each in amendment["signers"]} == {
        "演示电芯": True, "演示变流": True, "演示海运": False,
    }  # fmt: skip
    for person in (cells, power):
        assert (await person.ask("GET", f"/verifications/{former}"))["state"] == "in_force"
        await person.ask("POST", f"/amendments/{amendment['id']}/signatures", {"sha256": amendment["sha256"]})
    assert (await leader.ask("GET", f"/verifications/{former}"))["state"] == "superseded"
    agreement = await ship.ask("GET", f"{desk}/agreement")
    (carried,) = agreement["carried"]
    assert (agreement["sha256"], carried["signed_sha256"]) == (amendment["sha256"], former)

    say("备案与投标 · Filings and the bid")
    await leader.ask("POST", f"{desk}/filing", {"note": "全部为供货和运输，不属于对外承包工程。"})
    await leader.ask("POST", f"{desk}/bid", {"submitted_on": DAY, "reference": "PLN-0417"})
    await leader.ask("POST", f"{desk}/win", {"on": DAY})
    refused = await leader.ask("POST", f"{desk}/start", {"on": DAY}, expect=409)
    assert refused["code"] == "filings-open"
    (filing,) = await leader.ask("GET", f"{desk}/filings")
    await leader.ask("POST", f"/filings/{filing['id']}/submission", {"receipt": "归类-1", "submitted_on": DAY})
    await leader.ask("POST", f"/filings/{filing['id']}/acceptance", {"decided_on": DAY, "note": "非管制物项"})
    await leader.ask("POST", f"{desk}/start", {"on": DAY})

    say("里程碑 · Milestones")
    await leader.ask("POST", f"{desk}/milestones", {"usual": True})
    mine = [each for each in await ship.ask("GET", f"{desk}/milestones") if each["firm"] == "演示海运"]
    late = {"done": 20, "forecast": "2031-04-10", "note": "船期推迟"}
    reported = await ship.ask("POST", f"/milestones/{mine[-1]['id']}/report", late)
    assert (reported["slippage_days"], reported["pace"]) == (10, "slipping")

    say("结项与互评 · Closing, and what partners say")
    assert (await leader.ask("POST", f"{desk}/closure", {"on": DAY}))["state"] == "closed"
    told = {"about_id": ship.organisation_id, **MARKS, "text": "船期有变，及时告知。"}
    said = await leader.ask("POST", f"{desk}/evaluations", told)
    await ship.ask("POST", f"/evaluations/{said['id']}/reply", {"text": "感谢理解。"})
    record = await cells.ask("GET", f"/firms/{ship.organisation_id}/evaluations")
    assert (record["cases"], record["too_few"]) == (0, True)
    city.transcript.write("after-signature")
