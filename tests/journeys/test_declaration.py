"""A supplier declares what it can do, over HTTP only: faults all at once, versions, capacity, a file."""

from domain.kinds import Role
from tests.journeys.conftest import City


async def test_a_supplier_declares_what_it_can_do(city: City) -> None:
    """A supplier declares what it can do"""
    firm = await city.person("演示变流", Role.SUPPLIER, email="power@example.cn", sme=True)
    other = await city.person("演示同行", Role.SUPPLIER, email="other@example.cn")
    say = city.transcript.note

    say("一次指出全部错误 · Every fault is named at once")
    wrong = {"phrase": "", "unit": "套", "monthly_quantity": -5, "currency": "XXX", "colour": "red"}
    refused = await firm.ask("POST", "/capabilities", wrong, expect=422)
    assert {fault["where"] for fault in refused["errors"]} >= {"$.phrase", "$.unit", "$.monthly_quantity", "$.colour"}

    say("申报能力 · A capability is declared")
    right = {
        "phrase": "储能变流器",
        "unit": "SET",
        "monthly_quantity": 12,
        "unit_price": 210_000_000,
        "currency": "CNY",
    }
    declared = await firm.ask("POST", "/capabilities", right, expect=201)
    again = await firm.ask("POST", "/capabilities", right, expect=409)
    assert again["code"] == "already-exists"

    say("按版本修改 · A change names the version it was made from")
    better = right | {"monthly_quantity": 15, "lead_days": 90}
    await firm.ask("PUT", f"/capabilities/{declared['id']}", better, expect=428)
    await firm.ask("PUT", f"/capabilities/{declared['id']}", better, If_Match='"9"', expect=412)
    revised = await firm.ask("PUT", f"/capabilities/{declared['id']}", better, If_Match='"1"')
    assert (revised["monthly_quantity"], revised["lead_days"]) == (15, 90)

    say("按月填报产能 · Capacity by month")
    months = {"months": [{"month": "2030-06-01", "declared": 8}, {"month": "2030-07-01", "declared": 15}]}
    capacity = await firm.ask("PUT", f"/capabilities/{declared['id']}/capacity", months)
    assert [(month["declared"], month["free"]) for month in capacity] == [(8, 8), (15, 15)]

    say("别人看得到能做什么,看不到产能和价格 · Others see what, not how much nor for how much")
    profile = await other.ask("GET", f"/firms/{firm.organisation_id}")
    assert profile["capabilities"][0]["phrase"] == "储能变流器"
    assert "210000000" not in str(profile)
    await other.ask("GET", f"/capabilities/{declared['id']}/capacity", expect=404)

    say("重复的请求只生效一次 · A repeated request has one effect")
    certificate = {"scheme": "ISO 9001", "valid_from": "2025-01-01", "valid_to": "2032-01-01"}
    for _ in range(2):
        await firm.ask("POST", "/certificates", certificate, Idempotency_Key="certificate-0001", expect=201)
    assert len(await firm.ask("GET", "/certificates")) == 1
    city.transcript.write("declaration")
