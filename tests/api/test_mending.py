"""A repair taken: who has other work is asked, who has none leaves, who is new gets a seat; and checks by job."""

from threading import Event as Flag
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from api.actions import consortia
from api.jobs import JobContext
from api.jobs.mending import counter_check, repairs
from api.settings import Settings
from api.wire.consortia import DeclineIn, FillIn, LineIn, TermsIn
from domain.actor import Actor
from domain.errors import NotFound
from domain.kinds import DeclineReason, MembershipState, Role
from domain.records import Capability, Suggestion
from domain.sealed import waiting
from tests.api.test_formation import Scene, kept, proposal, scene
from tests.factories import (
    actor_of,
    make_capability,
    make_job,
    make_organisation,
    make_price,
    make_requirement,
    make_user,
)

__all__ = ("scene",)


async def newcomer(scene: Scene) -> tuple[Actor, UUID]:
    """Add a firm that can do everything."""
    async with scene.sessions.begin() as session:
        firm = await make_organisation(session, Role.SUPPLIER, name="演示全能")
        able = await make_capability(session, firm, phrase="储能全套", monthly_quantity=100)
        return actor_of(firm, await make_user(session, firm)), able.id


async def declined(scene: Scene) -> UUID:
    """Bring a consortium to where one member has accepted and the other has declined."""
    identity = await scene.invited()
    await scene.accept(identity, scene.cells)
    seat = await scene.seat(identity, scene.power)
    async with scene.sessions.begin() as session:
        given = DeclineIn(edition=1, reason=DeclineReason.TIMING)
        await consortia.decline(session, scene.power, seat.membership.id, given)
    return identity


async def take(scene: Scene, identity: UUID, *seats: tuple[Actor, str, UUID, UUID, int]) -> None:
    """Take a repair in which these firms do this work."""
    async with scene.sessions.begin() as session:
        run = await kept(session, scene.leader, scene.opportunity, proposal(*seats))
        row = await session.get_one(Suggestion, run)
        row.plans = [row.plans[0] | {"repair": {"way": "best"}}]
    async with scene.sessions.begin() as session:
        await consortia.fill(session, scene.leader, identity, FillIn(suggestion_id=run))


async def test_a_sitting_member_with_other_units_is_asked_anew_at_its_own_price(scene: Scene) -> None:
    identity = await declined(scene)
    third, able = await newcomer(scene)

    await take(
        scene, identity,
        (scene.cells, "演示电芯", scene.packages[0], scene.capabilities[0], 20),
        (third, "演示全能", scene.packages[1], able, 6),
    )  # fmt: skip

    sitting = await scene.seat(identity, scene.cells)
    assert (sitting.membership.state, sitting.membership.edition) == (MembershipState.INVITED, 2)
    assert [(line.units, line.unit_price) for line in sitting.lines] == [(20, 90)]
    assert (await scene.seat(identity, third)).membership.state is MembershipState.PROPOSED
    assert (await scene.seat(identity, scene.power)).membership.state is MembershipState.REPLACED
    assert await scene.reserved() == 20


async def test_a_sitting_member_with_the_same_work_is_not_asked_again(scene: Scene) -> None:
    identity = await declined(scene)
    third, able = await newcomer(scene)

    await take(
        scene, identity,
        (scene.cells, "演示电芯", scene.packages[0], scene.capabilities[0], 30),
        (third, "演示全能", scene.packages[1], able, 6),
    )  # fmt: skip

    sitting = await scene.seat(identity, scene.cells)
    assert (sitting.membership.state, sitting.membership.edition) == (MembershipState.ACCEPTED, 1)


async def test_a_sitting_member_without_work_leaves_and_holds_nothing(scene: Scene) -> None:
    identity = await declined(scene)
    third, able = await newcomer(scene)

    await take(scene, identity, (third, "演示全能", scene.packages[0], able, 30))

    assert (await scene.seat(identity, scene.cells)).membership.state is MembershipState.WITHDRAWN
    assert (await scene.seat(identity, third)).membership.lead
    assert await scene.reserved() == 0


# ------------------------------------------------------------------ thinking, by job


async def thinking(
    scene: Scene, engine: AsyncEngine, actor: Actor, kind: str, subject: UUID, payload: dict[str, Any]
) -> JobContext:
    """Return what a job function is given."""
    async with scene.sessions.begin() as session:
        job = await make_job(session, kind, organisation_id=actor.organisation_id)

    async def silent(_: dict[str, Any]) -> None:
        return None

    return JobContext(
        job_id=job.id, actor=actor, payload=payload, subject_id=subject, settings=Settings(), engine=engine,
        sessions=scene.sessions, report=silent, cancelled=Flag(),
    )  # fmt: skip


async def needs(scene: Scene) -> None:
    """Let the packages ask for what their firms do."""
    async with scene.sessions.begin() as session:
        for package, able in zip(scene.packages, scene.capabilities, strict=True):
            phrase = (
                await session.execute(sa.text("select phrase from capability where id = :id"), {"id": able})
            ).scalar_one()
            await make_requirement(session, package_id=package, phrase=phrase)


def terms(**over: Any) -> dict[str, Any]:
    line = LineIn.model_validate({"package": "WP1", "units": 30, "unit_price": 95} | over)
    return TermsIn(edition=1, lines=(line,)).model_dump(mode="json")


async def test_a_member_hears_of_its_own_room_and_the_leader_of_the_published_budget(
    scene: Scene, engine: AsyncEngine
) -> None:
    await needs(scene)
    identity = await scene.invited()
    seat = (await scene.seat(identity, scene.cells)).membership.id
    await scene.accept(identity, scene.power, prices=())

    outcomes = []
    for actor in (scene.cells, scene.leader):
        context = await thinking(scene, engine, actor, "counter-check", seat, terms())
        async with scene.sessions.begin() as session:
            outcomes.append(await (await counter_check(context))(session))

    own, leaders = outcomes
    assert own["verdict"] == leaders["verdict"] == "stands"
    assert own["room"] == [{"package": "WP1", "free": 36, "declared_price": 90, "published_price": 100}]
    assert "room" not in leaders
    assert leaders["budget"] == {"closed": 2, "left": None}


async def test_the_budget_that_is_left_is_told_once_every_price_is_open(scene: Scene, engine: AsyncEngine) -> None:
    await needs(scene)
    identity, _ = await scene.agreed()
    async with scene.sessions.begin() as session:
        ten = {"ten": waiting(10, int)}
        await session.execute(sa.text("alter table terms_line disable trigger kept_guard"))
        await session.execute(sa.text("update terms_line set unit_price = :ten where unit_price is null"), ten)
        await session.execute(sa.text("alter table terms_line enable trigger kept_guard"))
    seat = (await scene.seat(identity, scene.cells)).membership.id

    context = await thinking(scene, engine, scene.leader, "counter-check", seat, terms())
    async with scene.sessions.begin() as session:
        outcome = await (await counter_check(context))(session)

    assert outcome["budget"] == {"closed": 0, "left": 10_000_000_00 - 30 * 90 - 6 * 10}


async def test_what_a_member_has_free_is_not_told_to_the_leader(scene: Scene, engine: AsyncEngine) -> None:
    await needs(scene)
    identity = await scene.invited()
    seat = (await scene.seat(identity, scene.power)).membership.id
    async with scene.sessions.begin() as session:
        await session.execute(sa.text("update work_package set quantity = 60 where code = 'WP2'"))

    outcomes = []
    for actor in (scene.power, scene.leader):
        wanted = terms(package="WP2", units=60, unit_price=None)
        context = await thinking(scene, engine, actor, "counter-check", seat, wanted)
        async with scene.sessions.begin() as session:
            outcomes.append(await (await counter_check(context))(session))

    assert [each["verdict"] for each in outcomes] == ["impossible", "impossible"]
    assert [each["effects"][-1]["params"].get("free") for each in outcomes] == [6, None]


async def test_a_check_is_about_a_seat_that_one_may_see(scene: Scene, engine: AsyncEngine) -> None:
    context = await thinking(scene, engine, scene.power, "counter-check", uuid4(), terms())

    with pytest.raises(NotFound):
        await counter_check(context)


async def test_repairs_are_kept_as_plans_that_can_be_taken(scene: Scene, engine: AsyncEngine) -> None:
    await needs(scene)
    identity = await declined(scene)
    async with scene.sessions.begin() as session:
        full = {"id": scene.capabilities[0]}
        (await session.get_one(Capability, scene.capabilities[0])).monthly_quantity = 10
        await session.flush()
        await session.execute(sa.text("update capacity_month set declared = 10 where capability_id = :id"), full)
        phrase = sa.text("select phrase from capability where id = :id")
        wanted = (await session.execute(phrase, {"id": scene.capabilities[1]})).scalar_one()
        firm = await make_organisation(session, Role.SUPPLIER)
        able = await make_capability(session, firm, phrase=wanted, monthly_quantity=50)
        await make_price(session, able, unit_price=77_777, currency="CNY")
    payload = {"seconds": 5, "seed": 0, "consortium_id": str(identity)}

    context = await thinking(scene, engine, scene.leader, "repair", scene.opportunity, payload)
    async with scene.sessions.begin() as session:
        outcome = await (await repairs(context))(session)

    async with scene.sessions() as session:
        row = (
            await session.execute(sa.select(Suggestion).where(col(Suggestion.job_id) == context.job_id))
        ).scalar_one()
    (plan,) = row.plans
    assert outcome == {"suggestion_id": str(row.id), "status": "optimal", "plans": 1}
    assert plan["repair"] == {
        "way": "fewest", "changes": 1, "joining": [str(firm.id)], "leaving": [], "asked_again": [],
    }  # fmt: skip
    assert "77777" not in str(row.plans)
    async with scene.sessions.begin() as session:
        await consortia.fill(session, scene.leader, identity, FillIn(suggestion_id=row.id))
    assert (await scene.seat(identity, scene.cells)).membership.state is MembershipState.ACCEPTED
