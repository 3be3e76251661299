"""The commerce bureau looks at the city, over HTTP only: figures, the lists behind them, what if."""

from domain.kinds import Role
from tests.journeys.conftest import City
from tests.journeys.test_formation import PROJECT, capability


async def test_the_bureau_watches_and_asks_what_if(city: City) -> None:
    """The bureau watches, drills to the list behind a number, and asks what if"""
    bureau = await city.person("演示商务局", Role.BUREAU, email="bureau@example.cn")
    leader = await city.person("演示链主", Role.CHAIN_LEADER, email="leader@example.cn", verification=0)
    cells = await city.person("演示电芯", Role.SUPPLIER, email="cells@example.cn", sme=True)
    say = city.transcript.note
    await cells.ask("POST", "/capabilities", capability("磷酸铁锂电芯", 20, 170_000_000), expect=201)

    say("未核验链主的项目先经审核 · A project of an unverified leader is reviewed first")
    project = await leader.ask("POST", "/opportunities", PROJECT, expect=201)
    submitted = await leader.ask("POST", f"/opportunities/{project['id']}/publication")
    assert submitted["state"] == "review"
    await cells.ask("GET", f"/opportunities/{project['id']}", expect=404)
    published = await bureau.ask("POST", f"/opportunities/{project['id']}/publication")
    assert published["state"] == "published"

    say("指标,每个都有口径和名单 · Figures, each with its definition and its list")
    indicators = await bureau.ask("GET", "/indicators")
    assert {figure["code"]: figure["value"] for figure in indicators["funnel"]}["published"] == 1
    (listed,) = await bureau.ask("GET", "/indicators/published")
    assert listed["id"] == project["id"]
    uncovered = {cell["capability"]: cell["uncovered"] for cell in indicators["gaps"]}
    assert uncovered == {"储能变流器": 1, "磷酸铁锂电芯": 0}

    say("如果这家企业退出 · If this firm left")
    await bureau.ask("POST", "/what-ifs", {"leave": [cells.organisation_id]}, expect=409)
    case = {"firm_id": cells.organisation_id, "reason": "核实产能缺口"}
    await bureau.ask("POST", "/cases", case, expect=201)
    (changed,) = await bureau.ask("POST", "/what-ifs", {"leave": [cells.organisation_id]})
    assert (changed["capability"], changed["uncovered_before"], changed["uncovered_after"]) == ("磷酸铁锂电芯", 0, 1)
    again = await bureau.ask("GET", "/indicators")
    assert again["gaps"] == indicators["gaps"]

    say("别人无权查看 · Nobody else may look")
    await cells.ask("GET", "/indicators", expect=403)
    city.transcript.write("bureau")
