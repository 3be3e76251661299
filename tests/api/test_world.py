"""Rows become a World: who is found for a project and with which figures, on a real database."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import vectors
from api.queries.world import load_opening, load_world
from api.vectors import GramEncoder, Meaning, available
from domain.actor import Actor
from domain.kinds import (
    CapabilityState,
    ConsortiumState,
    Disclosure,
    HoldState,
    MembershipState,
    OpportunityState,
    RequirementKind,
    Role,
)
from domain.records import NarrowerProduct, PhraseVector
from domain.world import World
from tests.factories import (
    actor_of,
    make_capability,
    make_certificate,
    make_consortium,
    make_hold,
    make_link,
    make_membership,
    make_month,
    make_opportunity,
    make_organisation,
    make_package,
    make_price,
    make_requirement,
)

TODAY = date(2026, 3, 2)
MEANING = Meaning(available())
LETTERS = Meaning([GramEncoder()])


@pytest.fixture
async def leader(session: AsyncSession) -> Actor:
    return actor_of(await make_organisation(session, Role.CHAIN_LEADER))


async def project(session: AsyncSession, leader: Actor, *needs: dict[str, Any], **over: Any) -> UUID:
    """Add a published project of one package with these requirements."""
    row = await make_opportunity(
        session, organisation_id=leader.organisation_id, state=OpportunityState.PUBLISHED, **over
    )
    package = await make_package(session, row)
    for position, need in enumerate(needs):
        usual: dict[str, Any] = {"kind": RequirementKind.CAPABILITY, "position": position}
        await make_requirement(session, package, **usual | need)
    return row.id


async def declared(session: AsyncSession, phrase: str, **over: Any) -> UUID:
    """Let a firm of its own declare a phrase, with its vectors; return the firm."""
    firm = await make_organisation(session)
    await make_capability(session, firm, phrase=phrase, **over)
    await session.merge(PhraseVector(phrase=phrase))
    await session.flush()
    return firm.id


async def embedded(session: AsyncSession, *encoders: str) -> None:
    """Compute the vectors of every phrase, by these encoders or all."""
    for encoder in MEANING.encoders:
        if not encoders or encoder.name in encoders:
            phrases = await vectors.empty(session, encoder.name, 1_000)
            await vectors.fill(session, phrases, {encoder.name: encoder.encode(phrases)})


async def seen(session: AsyncSession, leader: Actor, identity: UUID, meaning: Meaning = MEANING, **over: Any) -> World:
    opening = await load_opening(session, leader, identity)
    return await load_world(session, leader, opening, meaning, TODAY, **over)


def firms(world: World) -> set[UUID]:
    return {supplier.id for supplier in world.suppliers}


async def test_a_package_that_states_no_requirement_is_looked_for_by_its_own_name(
    session: AsyncSession, leader: Actor
) -> None:
    """As matching judges it: who is not loaded could never be matched."""
    row = await make_opportunity(session, organisation_id=leader.organisation_id, state=OpportunityState.PUBLISHED)
    package = await make_package(session, row)
    able = await declared(session, package.name)
    await declared(session, "钢绞线")

    assert firms(await seen(session, leader, row.id)) == {able}


@pytest.mark.parametrize("encoders", [(), ("sentence",)])
async def test_a_firm_is_found_by_meaning_across_languages(
    session: AsyncSession, leader: Actor, encoders: tuple[str, ...]
) -> None:
    near = await declared(session, "光伏逆变器")
    far = await declared(session, "变频空调")
    await embedded(session, *encoders)

    world = await seen(session, leader, await project(session, leader, {"phrase": "solar inverter"}))

    assert near in firms(world)
    assert far not in firms(world)
    assert world.nearness["solar inverter", "光伏逆变器"] >= 50


async def test_without_encoders_writing_is_compared(session: AsyncSession, leader: Actor) -> None:
    near, far = await declared(session, "组串式光伏逆变器"), await declared(session, "电梯")

    world = await seen(session, leader, await project(session, leader, {"phrase": "光伏逆变器"}), LETTERS)

    assert near in firms(world)
    assert far not in firms(world)


async def test_a_firm_is_found_by_code_at_or_below_the_required_one(session: AsyncSession, leader: Actor) -> None:
    below = await declared(session, "甲", code_system="HS", code="850440")
    other = await declared(session, "乙", code_system="HS", code="850110")
    alien = await declared(session, "丙", code_system="CPV", code="850440")

    world = await seen(session, leader, await project(session, leader, {"code_system": "HS", "code": "8504"}), LETTERS)

    assert firms(world) == {below}
    assert {other, alien}.isdisjoint(firms(world))


async def test_a_firm_is_found_by_a_narrower_product(session: AsyncSession, leader: Actor) -> None:
    session.add(NarrowerProduct(broader="储能系统", narrower="液冷电池簇", source="演示数据"))
    found = await declared(session, "液冷电池簇")

    world = await seen(session, leader, await project(session, leader, {"phrase": "储能系统"}), LETTERS)

    assert found in firms(world)
    assert ("储能系统", "液冷电池簇") in world.narrower


async def test_retired_declarations_and_firms_known_only_by_name_are_no_candidates(
    session: AsyncSession, leader: Actor
) -> None:
    await declared(session, "电缆", state=CapabilityState.RETIRED)
    named = await make_organisation(session, registered=False, credit_code=None)
    await make_capability(session, named, phrase="电缆")

    assert firms(await seen(session, leader, await project(session, leader, {"phrase": "电缆"}), LETTERS)) == set()


async def test_a_firm_the_rules_name_is_there_without_any_capability(session: AsyncSession, leader: Actor) -> None:
    firm = str((await make_organisation(session)).id)
    rules = {
        "required": [firm],
        "excluded": [firm],
        "conflicts": [[firm, firm]],
        "locked": [{"package": "x", "firm": firm}],
        "lead": {"candidates": [firm]},
    }
    for name, value in rules.items():
        identity = await project(session, leader, rules={name: value})
        assert firms(await seen(session, leader, identity, LETTERS)) == {UUID(firm)}


async def test_figures_certificates_and_ties_come_along_for_the_solver(session: AsyncSession, leader: Actor) -> None:
    one, two = await make_organisation(session, sme=True), await make_organisation(session)
    capability = await make_capability(session, one, phrase="电缆", monthly_quantity=7)
    await make_capability(session, two, phrase="电缆")
    await make_price(session, capability, unit_price=90, currency="CNY", disclosure=Disclosure.MATCHED)
    await make_month(session, capability, month=date(2026, 6, 1), declared=10)
    await make_certificate(session, one, scheme="ISO 9001")
    await make_link(session, supplier_id=one.id, buyer_id=two.id, share=None)

    world = await seen(session, leader, await project(session, leader, {"phrase": "电缆"}), LETTERS)

    supplier = next(s for s in world.suppliers if s.id == one.id)
    (offering,) = supplier.offerings
    assert (offering.price, offering.currency, offering.price_disclosed, offering.monthly) == (90, "CNY", True, 7)
    assert dict(offering.free) == {date(2026, 6, 1): 10}
    assert (supplier.sme, supplier.newcomer, supplier.certificates[0].scheme) == (True, True, "ISO 9001")
    assert [(link.supplier_id, link.buyer_id) for link in world.links] == [(one.id, two.id)]


async def test_what_the_consortium_itself_holds_is_free_for_its_own_run(session: AsyncSession, leader: Actor) -> None:
    firm = await make_organisation(session)
    capability = await make_capability(session, firm, phrase="电缆")
    month = await make_month(session, capability, month=date(2026, 6, 1), declared=10)
    identity = await project(session, leader, {"phrase": "电缆"})
    consortium = await make_consortium(session, opportunity_id=identity, organisation_id=leader.organisation_id)
    member = await make_membership(session, consortium, organisation_id=firm.id, state=MembershipState.INVITED)
    await make_hold(session, membership_id=member.id, capacity_month_id=month.id, quantity=8, state=HoldState.SOFT)
    await session.refresh(month)

    others = await seen(session, leader, identity, LETTERS)
    own = await seen(session, leader, identity, LETTERS, holding=consortium.id)

    assert others.suppliers[0].offerings[0].free[date(2026, 6, 1)] == 2
    assert own.suppliers[0].offerings[0].free[date(2026, 6, 1)] == 10


async def test_one_who_has_signed_before_is_no_newcomer(session: AsyncSession, leader: Actor) -> None:
    firm = await make_organisation(session)
    await make_capability(session, firm, phrase="电缆")
    earlier = await make_consortium(session, state=ConsortiumState.SIGNED)
    await make_membership(session, earlier, organisation_id=firm.id, state=MembershipState.SIGNED)

    world = await seen(session, leader, await project(session, leader, {"phrase": "电缆"}), LETTERS)

    assert world.suppliers[0].newcomer is False


async def test_a_project_that_asks_for_no_words_needs_no_search(session: AsyncSession, leader: Actor) -> None:
    assert (await seen(session, leader, await project(session, leader))).nearness == {}
