"""What the optimizer answers besides a plan, over HTTP only: to the chain leader, to a firm outside, to the bureau."""

from typing import Any

from domain.kinds import Role
from tests.journeys.conftest import City, Person
from tests.journeys.test_formation import PROJECT, capability


async def answered(who: Person, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask, follow the question to its end, and read the answer."""
    asked = await who.ask("POST", path, body, expect=202)
    said = await who.follow(asked["id"])
    assert said[-1]["state"] == "done", said[-1]
    found: dict[str, Any] = await who.ask("GET", f"/answers/{said[-1]['outcome']['answer_id']}")
    return found


async def test_a_plan_is_questioned_mended_and_shared(city: City) -> None:
    """The optimizer answers: to the chain leader, to a firm outside the plan, to the bureau"""
    leader = await city.person("演示链主", Role.CHAIN_LEADER, email="leader@example.cn", verification=2)
    cells = await city.person("演示电芯", Role.SUPPLIER, email="cells@example.cn", sme=False)
    power = await city.person("演示变流", Role.SUPPLIER, email="power@example.cn", sme=True)
    late = await city.person("演示新能", Role.SUPPLIER, email="late@example.cn", sme=True)
    bureau = await city.person("演示商务局", Role.BUREAU, email="bureau@example.cn")
    for person, phrase, monthly, price in (
        (cells, "磷酸铁锂电芯", 20, 170_000_000),
        (power, "储能变流器", 30, 210_000_000),
        (late, "储能变流器", 3, 205_000_000),
    ):
        await person.client.post("/api/v1/capabilities", json=capability(phrase, monthly, price))
    made = (await leader.client.post("/api/v1/opportunities", json=PROJECT)).json()
    await leader.client.post(f"/api/v1/opportunities/{made['id']}/publication")
    say = city.transcript.note

    say("一个方案 · A plan")
    job = await leader.ask("POST", f"/opportunities/{made['id']}/suggestions", {"plans": 1, "seconds": 5}, expect=202)
    (run,) = [(await leader.follow(job["id"]))[-1]["outcome"]["suggestion_id"]]
    about = f"/suggestions/{run}/answers"

    say("为什么是这个方案 · Why this plan")
    why = await answered(leader, about, {"kind": "explain", "plan": 1, "seconds": 5})
    assert {why["names"][each["firm"]] for each in why["answer"]["members"]} == {"演示电芯", "演示变流"}

    say("每条规则的代价 · What each rule costs")
    rules = await answered(leader, about, {"kind": "rules", "seconds": 5})
    assert [each["rule"] for each in rules["answer"]["rules"]][-1] == "member-limit"

    say("先邀请谁 · Whom to invite first")
    waves = await answered(leader, about, {"kind": "waves", "hours": 72})
    assert len(waves["answer"]["waves"][0]) == 2

    say("未入选的企业问：为什么不是我 · A firm outside asks: why not me")
    guide = await answered(late, f"/opportunities/{made['id']}/answers", {"kind": "counterfactual", "seconds": 5})
    assert [each["package"] for each in guide["answer"]["near"]] == ["WP03"]

    say("商务局统筹两个项目 · The bureau staffs two projects together")
    larger = [PROJECT["packages"][0] | {"value": 19_000_000_000}, PROJECT["packages"][1]]
    later = PROJECT | {"title": "演示二期储能电站", "packages": larger}
    second = (await leader.client.post("/api/v1/opportunities", json=later)).json()
    await leader.client.post(f"/api/v1/opportunities/{second['id']}/publication")
    both = {"opportunity_ids": [made["id"], second["id"]], "sme_floor": 2_000, "seconds": 5}
    staffed = await answered(bureau, "/portfolios", both)
    assert staffed["answer"]["staffed"]

    say("报价未公开，收益不能分配 · Prices are closed: no division yet")
    formed = await leader.ask("POST", "/consortia", {"suggestion_id": run, "plan": 1}, expect=201)
    await leader.client.post(f"/api/v1/consortia/{formed['id']}/invitations", json={"hours": 72})
    shares = {"kind": "shares", "consortium_id": formed["id"], "seconds": 5}
    refused = await leader.ask("POST", about, shares, expect=409)
    assert refused["code"] == "prices-closed"

    say("成员都已接受 · Every member has accepted")
    for person in (cells, power):
        (seat,) = (await person.client.get("/api/v1/inbox")).json()
        await person.client.post(f"/api/v1/memberships/{seat['id']}/acceptance", json={"edition": seat["edition"]})
    divided = await answered(leader, about, shares)
    gain = 26_620_000_000 - 100 * 170_000_000 - 40 * 210_000_000
    assert {each["total"] for each in divided["answer"]["divisions"]} == {gain}
    city.transcript.write("answers")
