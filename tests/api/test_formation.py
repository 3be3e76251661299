"""Formation on a real database: what the members' answers do, and what nobody can do at the same moment."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import col

from api.actions import consortia, suggestions
from api.actions.opportunities import publish
from api.problems import refusal_of
from api.queries import consortia as reading
from api.queries import visible
from api.queries.consortia import SeatRow
from api.wire.consortia import AcceptIn, ConsortiumIn, DeclineIn, FillIn, InviteIn, LineIn, PriceIn, TermsIn
from coalitions.suggestion import Part, Proposal, Seat, Suggested
from domain.actor import Actor
from domain.errors import (
    CapacityExceeded,
    DeadlinePassed,
    DomainError,
    IllegalTransition,
    Invalid,
    NotAllowed,
    NotFound,
    SeatTaken,
    VersionNotCurrent,
)
from domain.kinds import ConsortiumState, DeclineReason, MembershipState, OpportunityState, Role
from domain.records import (
    Capability,
    CapacityHold,
    CapacityMonth,
    Consortium,
    Event,
    Invitation,
    Opportunity,
    Signature,
)
from tests.factories import (
    actor_of,
    make_capability,
    make_job,
    make_opportunity,
    make_organisation,
    make_package,
    make_price,
    make_user,
)

Sessions = async_sessionmaker[AsyncSession]
SPAN: dict[str, Any] = {"starts": date(2031, 1, 1), "ends": date(2031, 3, 31)}
FAR = datetime(2030, 12, 1, tzinfo=UTC)


@dataclass
class Scene:
    """A published project of two packages, two suppliers that can each do one, and a plan that says so."""

    sessions: Sessions
    leader: Actor
    cells: Actor
    power: Actor
    opportunity: UUID
    packages: tuple[UUID, UUID]
    capabilities: tuple[UUID, UUID]
    suggestion: UUID

    async def form(self) -> UUID:
        """Make a consortium from the plan."""
        async with self.sessions.begin() as session:
            return (await consortia.form(session, self.leader, ConsortiumIn(suggestion_id=self.suggestion))).id

    async def invited(self) -> UUID:
        """Make a consortium and ask both members."""
        identity = await self.form()
        async with self.sessions.begin() as session:
            await consortia.invite(session, self.leader, identity, InviteIn())
        return identity

    async def seat(self, consortium: UUID, firm: Actor) -> SeatRow:
        """Return a firm's seat as the chain leader sees it."""
        async with self.sessions() as session:
            seats = await reading.seats(session, self.leader, consortium)
        return next(s for s in seats if s.membership.organisation_id == firm.organisation_id)

    async def accept(self, consortium: UUID, firm: Actor, **given: Any) -> None:
        """Let a firm accept the edition it was asked about."""
        seat = await self.seat(consortium, firm)
        async with self.sessions.begin() as session:
            wanted = AcceptIn(**{"edition": seat.membership.edition} | given)
            await consortia.accept(session, firm, seat.membership.id, wanted)

    async def agreed(self) -> tuple[UUID, str]:
        """Bring a consortium to where everyone has accepted; return it and the hash to sign."""
        identity = await self.invited()
        for firm in (self.cells, self.power):
            await self.accept(identity, firm)
        async with self.sessions() as session:
            found = await reading.agreement(session, self.leader, identity)
        assert found is not None
        return identity, found[0].sha256

    async def state(self, consortium: UUID) -> ConsortiumState:
        """Return where a consortium stands."""
        async with self.sessions() as session:
            return (await session.get_one(Consortium, consortium)).state

    async def reserved(self) -> int:
        """Return how much is promised over all months."""
        async with self.sessions() as session:
            total: int = (
                await session.execute(sa.select(sa.func.coalesce(sa.func.sum(CapacityMonth.reserved), 0)))
            ).scalar_one()
        return total


def proposal(*seats: tuple[Actor, str, UUID, UUID, int]) -> Proposal:
    """Return a plan in which each firm takes some units of one package."""
    return Proposal(
        status="optimal",
        stopped="proved",
        gap=0.0,
        sme_share=0,
        fit=90,
        ties=0,
        lead_days=None,
        reasons=(),
        seats=tuple(
            Seat(
                supplier_id=firm.organisation_id,
                name=name,
                sme=True,
                lead=number == 0,
                share=5_000,
                reasons=(),
                parts=(
                    Part(
                        package_id=package,
                        offering_id=able,
                        units=units,
                        share=10_000,
                        fit=90,
                        way="words",
                        runners_up=0,
                    ),
                ),
            )
            for number, (firm, name, package, able, units) in enumerate(seats)
        ),
    )


async def kept(session: AsyncSession, leader: Actor, opportunity: UUID, *plans: Proposal) -> UUID:
    """Keep a finished run with these plans."""
    job = await make_job(session, organisation_id=leader.organisation_id, kind="suggest")
    found = Suggested(
        digest="0" * 64,
        seed=0,
        status="optimal",
        stopped="proved",
        gap=0.0,
        seconds=0.1,
        candidates=2,
        within_budget=None,
        proposals=plans,
        coverage=(),
        missing=(),
        diagnosis=(),
    )
    return (await suggestions.keep(session, leader, job.id, opportunity, 1, found)).id


@pytest.fixture
async def scene(committed_sessions: Sessions) -> Scene:
    async with committed_sessions.begin() as session:
        firms = [await make_organisation(session, r) for r in (Role.CHAIN_LEADER, Role.SUPPLIER, Role.SUPPLIER)]
        leader, cells, power = [actor_of(firm, await make_user(session, firm)) for firm in firms]
        opportunity = await make_opportunity(session, firms[0], state=OpportunityState.PUBLISHED, deadline=FAR, **SPAN)
        first = await make_package(session, opportunity, code="WP1", position=0, quantity=30, value=3_000, **SPAN)
        second = await make_package(session, opportunity, code="WP2", position=1, quantity=6, value=900, **SPAN)
        able = await make_capability(session, firms[1], unit="SET", monthly_quantity=12)
        other = await make_capability(session, firms[2], unit="SET", monthly_quantity=2)
        await make_price(session, able, unit_price=90, currency="CNY")
        plan = proposal((cells, "演示电芯", first.id, able.id, 30), (power, "演示变流", second.id, other.id, 6))
        run = await kept(session, leader, opportunity.id, plan)
    return Scene(
        sessions=committed_sessions, leader=leader, cells=cells, power=power, opportunity=opportunity.id,
        packages=(first.id, second.id), capabilities=(able.id, other.id), suggestion=run,
    )  # fmt: skip


async def test_inviting_holds_softly_what_the_terms_promise_month_by_month(scene: Scene) -> None:
    await scene.invited()

    async with scene.sessions() as session:
        held = sa.select(col(CapacityHold.quantity), col(CapacityHold.state), col(CapacityMonth.month)).join(
            CapacityMonth, col(CapacityMonth.id) == col(CapacityHold.capacity_month_id)
        )
        rows = (await session.execute(held)).all()
    assert sorted((row.month.month, row.quantity) for row in rows) == [
        (1, 2),
        (1, 10),
        (2, 2),
        (2, 10),
        (3, 2),
        (3, 10),
    ]
    assert {str(row.state) for row in rows} == {"soft"}


async def test_everyone_accepts_and_signs_one_hash_and_the_holds_turn_hard(scene: Scene) -> None:
    identity, sha256 = await scene.agreed()

    for firm in (scene.cells, scene.power):
        async with scene.sessions.begin() as session:
            await consortia.sign(session, firm, identity, sha256)

    assert await scene.state(identity) is ConsortiumState.SIGNED
    async with scene.sessions() as session:
        assert set((await session.execute(sa.select(col(CapacityHold.state)))).scalars()) == {"hard"}
        assert set((await session.execute(sa.select(col(Signature.sha256)))).scalars()) == {sha256}


async def test_a_signature_under_another_hash_is_refused(scene: Scene) -> None:
    identity, sha256 = await scene.agreed()

    async with scene.sessions.begin() as session:
        with pytest.raises(consortia.AgreementChanged):
            await consortia.sign(session, scene.cells, identity, "f" * 63 + ("0" if sha256[-1] != "0" else "1"))


async def test_the_leader_does_not_see_a_price_before_the_member_has_accepted(scene: Scene) -> None:
    from api.wire.consortia import ConsortiumOut

    identity = await scene.invited()
    async with scene.sessions() as session:
        before = ConsortiumOut.from_view(await reading.view(session, scene.leader, identity), scene.leader)
    await scene.accept(identity, scene.cells)
    async with scene.sessions() as session:
        after = ConsortiumOut.from_view(await reading.view(session, scene.leader, identity), scene.leader)
        foreign = ConsortiumOut.from_view(await reading.view(session, scene.power, identity), scene.power)

    def line(out: ConsortiumOut) -> Any:
        return next(m.lines[0] for m in out.members if m.organisation_id == scene.cells.organisation_id)

    assert (line(before).unit_price, line(before).price_closed) == (None, True)
    assert (line(after).unit_price, line(after).price_closed) == (90, False)
    assert all(member.organisation_id == scene.power.organisation_id for member in foreign.members)


async def test_an_open_price_stated_within_the_published_value_is_part_of_the_acceptance(scene: Scene) -> None:
    identity = await scene.invited()

    await scene.accept(identity, scene.power, prices=(PriceIn(package="WP2", unit_price=150),))

    seat = await scene.seat(identity, scene.power)
    assert (seat.membership.state, seat.membership.edition, seat.lines[0].unit_price) == ("accepted", 2, 150)


@pytest.mark.parametrize(
    ("price", "refusal"),
    [
        (PriceIn(package="WP2", unit_price=151), consortia.PriceAboveValue),
        (PriceIn(package="WP1", unit_price=1), Invalid),
    ],
)
async def test_a_price_above_the_value_or_for_closed_terms_is_no_acceptance(
    scene: Scene, price: PriceIn, refusal: type[DomainError]
) -> None:
    identity = await scene.invited()

    with pytest.raises(refusal):
        await scene.accept(identity, scene.power, prices=(price,))


async def test_a_counter_becomes_the_next_edition_once_the_leader_puts_it_back(scene: Scene) -> None:
    identity = await scene.invited()
    seat = await scene.seat(identity, scene.cells)
    async with scene.sessions.begin() as session:
        lines = (LineIn(package="WP1", units=24, unit_price=95),)
        await consortia.counter(session, scene.cells, seat.membership.id, TermsIn(edition=1, lines=lines, note="产能"))

    seat = await scene.seat(identity, scene.cells)
    assert seat.counter is not None
    assert (seat.counter_lines[0].units, seat.counter_lines[0].unit_price) == (24, 95)

    async with scene.sessions.begin() as session:
        await consortia.ask_again(session, scene.leader, seat.membership.id, None)
    await scene.accept(identity, scene.cells)
    await scene.accept(identity, scene.power)

    assert await scene.state(identity) is ConsortiumState.FORMING
    async with scene.sessions() as session:
        view = await reading.view(session, scene.leader, identity)
    assert view.every[0].lines[0].units + view.every[1].lines[0].units == 30
    assert await scene.reserved() == 30


async def test_other_terms_of_the_leader_are_a_new_edition_and_the_old_one_can_no_longer_be_accepted(
    scene: Scene,
) -> None:
    identity = await scene.invited()
    seat = await scene.seat(identity, scene.cells)
    async with scene.sessions.begin() as session:
        await consortia.counter(
            session, scene.cells, seat.membership.id, TermsIn(edition=1, lines=(LineIn(package="WP1", units=1),))
        )
    async with scene.sessions.begin() as session:
        lines = (LineIn(package="WP1", units=30, unit_price=91),)
        await consortia.ask_again(session, scene.leader, seat.membership.id, lines)

    with pytest.raises(VersionNotCurrent):
        await scene.accept(identity, scene.cells, edition=1)
    await scene.accept(identity, scene.cells, edition=3)

    assert (await scene.seat(identity, scene.cells)).lines[0].unit_price == 91


@pytest.mark.parametrize(
    "line", [LineIn(package="WP2", units=1), LineIn(package="WP1", units=31), LineIn(package="X", units=1)]
)
async def test_a_counter_names_only_packages_of_its_own_terms_within_their_quantity(scene: Scene, line: LineIn) -> None:
    identity = await scene.invited()
    seat = await scene.seat(identity, scene.cells)

    async with scene.sessions.begin() as session:
        with pytest.raises(Invalid) as refused:
            await consortia.counter(session, scene.cells, seat.membership.id, TermsIn(edition=1, lines=(line,)))
    assert refused.value.faults[0].where.startswith("$.lines[0].")


async def test_a_decline_gives_back_what_was_held_and_keeps_the_others(scene: Scene) -> None:
    identity = await scene.invited()
    await scene.accept(identity, scene.cells)
    seat = await scene.seat(identity, scene.power)

    async with scene.sessions.begin() as session:
        given = DeclineIn(edition=1, reason=DeclineReason.CAPACITY)
        await consortia.decline(session, scene.power, seat.membership.id, given)

    assert await scene.reserved() == 30
    assert (await scene.seat(identity, scene.cells)).membership.state is MembershipState.ACCEPTED


async def test_one_may_change_ones_mind_until_the_deadline(scene: Scene) -> None:
    identity, _ = await scene.agreed()
    seat = await scene.seat(identity, scene.power)

    async with scene.sessions.begin() as session:
        await consortia.decline(
            session, scene.power, seat.membership.id, DeclineIn(edition=1, reason=DeclineReason.OTHER)
        )

    assert await scene.state(identity) is ConsortiumState.FORMING


async def test_a_newer_plan_fills_the_seat_that_was_declined(scene: Scene) -> None:
    identity = await scene.invited()
    await scene.accept(identity, scene.cells)
    seat = await scene.seat(identity, scene.power)
    async with scene.sessions.begin() as session:
        given = DeclineIn(edition=1, reason=DeclineReason.PRICE)
        await consortia.decline(session, scene.power, seat.membership.id, given)
        fresh = await make_organisation(session, Role.SUPPLIER)
        able = await make_capability(session, fresh)
        third = actor_of(fresh, await make_user(session, fresh))
        plan = proposal(
            (scene.cells, "演示电芯", scene.packages[0], scene.capabilities[0], 30),
            (third, "演示替补", scene.packages[1], able.id, 6),
        )
        run = await kept(session, scene.leader, scene.opportunity, plan)

    async with scene.sessions.begin() as session:
        await consortia.fill(session, scene.leader, identity, FillIn(suggestion_id=run))
    async with scene.sessions.begin() as session:
        await consortia.invite(session, scene.leader, identity, InviteIn())
    await scene.accept(identity, third)

    assert await scene.state(identity) is ConsortiumState.AGREED
    assert (await scene.seat(identity, scene.power)).membership.state is MembershipState.REPLACED


async def test_a_question_expires_by_the_databases_clock_and_its_capacity_is_free_again(scene: Scene) -> None:
    identity = await scene.invited()
    seat = await scene.seat(identity, scene.power)
    async with scene.sessions.begin() as session:
        await session.execute(sa.text("set local session_replication_role = replica"))
        await session.execute(
            sa.update(Invitation).values(
                sent_at=sa.text("now() - interval '4 days'"), deadline=sa.text("now() - interval '1 day'")
            )
        )

    with pytest.raises(DeadlinePassed):
        await scene.accept(identity, scene.power)
    from api.jobs.deadlines import expire

    assert await expire(scene.sessions) == 2
    assert await expire(scene.sessions) == 0
    assert await scene.reserved() == 0
    assert (await scene.seat(identity, scene.power)).membership.state is MembershipState.EXPIRED
    assert seat.membership.state is MembershipState.INVITED


async def test_a_dissolved_formation_holds_nothing(scene: Scene) -> None:
    identity, _ = await scene.agreed()

    async with scene.sessions.begin() as session:
        await consortia.dissolve(session, scene.leader, identity)

    assert await scene.reserved() == 0
    assert await scene.state(identity) is ConsortiumState.DISSOLVED


async def test_a_withdrawn_seat_leaves_its_units_open(scene: Scene) -> None:
    identity, _ = await scene.agreed()
    seat = await scene.seat(identity, scene.power)

    async with scene.sessions.begin() as session:
        await consortia.withdraw(session, scene.leader, seat.membership.id)

    assert await scene.state(identity) is ConsortiumState.FORMING
    assert await scene.reserved() == 30


async def test_more_than_is_free_cannot_be_asked_for(scene: Scene) -> None:
    first = await scene.form()
    second = await scene.form()
    async with scene.sessions.begin() as session:
        await consortia.invite(session, scene.leader, first, InviteIn())

    with pytest.raises(CapacityExceeded) as refused:
        async with scene.sessions.begin() as session:
            await consortia.invite(session, scene.leader, second, InviteIn())

    assert refused.value.params["free"] == 6


async def test_strangers_and_members_cannot_do_what_is_the_leaders(scene: Scene) -> None:
    identity = await scene.invited()
    async with scene.sessions.begin() as session:
        stranger = actor_of(await make_organisation(session, Role.SUPPLIER))
    seat = await scene.seat(identity, scene.power)

    for actor, refusal in ((stranger, NotFound), (scene.power, NotAllowed)):
        async with scene.sessions.begin() as session:
            with pytest.raises(refusal):
                await consortia.dissolve(session, actor, identity)
    async with scene.sessions.begin() as session:
        with pytest.raises(NotFound):
            await consortia.accept(session, scene.cells, seat.membership.id, AcceptIn(edition=1))
        with pytest.raises(NotAllowed):
            await consortia.accept(session, scene.leader, seat.membership.id, AcceptIn(edition=1))
        with pytest.raises(NotAllowed):
            await consortia.sign(session, scene.leader, identity, "0" * 64)


async def test_steps_out_of_turn_are_refused_by_name(scene: Scene) -> None:
    identity = await scene.invited()
    seat = await scene.seat(identity, scene.power)
    async with scene.sessions.begin() as session:
        with pytest.raises(IllegalTransition):
            await consortia.invite(session, scene.leader, identity, InviteIn())
        with pytest.raises(IllegalTransition):
            await consortia.ask_again(session, scene.leader, seat.membership.id, None)
        with pytest.raises(NotFound):
            await consortia.invite(session, scene.leader, identity, InviteIn(membership_ids=(UUID(int=1),)))
    await scene.accept(identity, scene.power)
    with pytest.raises(IllegalTransition):
        await scene.accept(identity, scene.power)
    async with scene.sessions.begin() as session:
        with pytest.raises(IllegalTransition):
            await consortia.sign(session, scene.power, identity, "0" * 64)
    async with scene.sessions.begin() as session:
        await consortia.dissolve(session, scene.leader, identity)
        with pytest.raises(IllegalTransition):
            await consortia.fill(session, scene.leader, identity, FillIn(suggestion_id=scene.suggestion))


async def test_a_plan_of_an_amended_opportunity_forms_no_consortium(scene: Scene) -> None:
    async with scene.sessions.begin() as session:
        row = await session.get_one(Opportunity, scene.opportunity)
        row.edition = 2

    with pytest.raises(VersionNotCurrent):
        await scene.form()


async def test_one_firm_cannot_sit_in_two_consortia_of_one_project(scene: Scene) -> None:
    async with scene.sessions.begin() as session:
        (await session.get_one(Capability, scene.capabilities[1])).monthly_quantity = 50
    first, second = await scene.form(), await scene.form()
    async with scene.sessions.begin() as session:
        for identity in (first, second):
            seats = await reading.seats(session, scene.leader, identity)
            power = next(s for s in seats if s.membership.organisation_id == scene.power.organisation_id)
            await consortia.invite(session, scene.leader, identity, InviteIn(membership_ids=(power.membership.id,)))
    await scene.accept(first, scene.power)

    with pytest.raises(sa.exc.IntegrityError) as broken:
        await scene.accept(second, scene.power)

    assert isinstance(refusal_of(broken.value), SeatTaken)


async def test_two_who_ask_for_the_last_units_at_once_get_them_once(scene: Scene) -> None:
    """Twenty consortia want the same 30 of 36 units: whatever the order, exactly one holds them."""
    wanting = [await scene.form() for _ in range(20)]

    async def ask(identity: UUID) -> str:
        try:
            async with scene.sessions.begin() as session:
                await consortia.invite(session, scene.leader, identity, InviteIn())
        except CapacityExceeded:
            return "refused"
        return "held"

    answers = await asyncio.gather(*map(ask, wanting))

    assert sorted(answers) == ["held"] + ["refused"] * 19
    async with scene.sessions() as session:
        over = await session.execute(
            sa.select(CapacityMonth).where(col(CapacityMonth.reserved) > col(CapacityMonth.declared))
        )
        assert not over.scalars().all()
    assert await scene.reserved() == 36


async def test_a_doubled_click_signs_once(scene: Scene) -> None:
    identity, sha256 = await scene.agreed()

    async def sign() -> str:
        try:
            async with scene.sessions.begin() as session:
                await consortia.sign(session, scene.cells, identity, sha256)
        except DomainError as refusal:
            return refusal.code
        return "signed"

    answers = await asyncio.gather(*(sign() for _ in range(8)))

    assert answers.count("signed") == 1
    async with scene.sessions() as session:
        assert len((await session.execute(sa.select(Signature))).scalars().all()) == 1


async def test_an_unverified_leaders_project_waits_for_the_bureau(committed_sessions: Sessions) -> None:
    async with committed_sessions.begin() as session:
        owner = await make_organisation(session, Role.CHAIN_LEADER, verification=0)
        bureau = actor_of(await make_organisation(session, Role.BUREAU))
        row = await make_opportunity(session, owner, state=OpportunityState.DRAFT, deadline=FAR, **SPAN)
        await make_package(session, row, **SPAN)
        leader = actor_of(owner)

    async with committed_sessions.begin() as session:
        assert (await publish(session, leader, row.id)).state is OpportunityState.REVIEW
        with pytest.raises(NotAllowed):
            await publish(session, leader, row.id)
        assert (await publish(session, bureau, row.id)).state is OpportunityState.PUBLISHED
        assert (await visible.opportunity(session, bureau, row.id)).published_at is not None


async def test_a_sitting_member_that_is_to_do_more_is_asked_about_it_as_the_next_edition(scene: Scene) -> None:
    identity = await scene.invited()
    await scene.accept(identity, scene.cells)
    seat = await scene.seat(identity, scene.power)
    async with scene.sessions.begin() as session:
        given = DeclineIn(edition=1, reason=DeclineReason.CAPACITY)
        await consortia.decline(session, scene.power, seat.membership.id, given)
        able = await make_capability(session, organisation_id=scene.cells.organisation_id, monthly_quantity=50)
        plan = proposal(
            (scene.cells, "演示电芯", scene.packages[0], scene.capabilities[0], 30),
            (scene.cells, "演示电芯", scene.packages[1], able.id, 6),
        )
        both = replace(plan.seats[0], parts=(*plan.seats[0].parts, *plan.seats[1].parts))
        run = await kept(session, scene.leader, scene.opportunity, replace(plan, seats=(both,)))

    async with scene.sessions.begin() as session:
        await consortia.fill(session, scene.leader, identity, FillIn(suggestion_id=run))

    seat = await scene.seat(identity, scene.cells)
    assert (seat.membership.state, seat.membership.edition) == (MembershipState.INVITED, 2)
    assert {line.package_id: line.units for line in seat.lines} == {scene.packages[0]: 30, scene.packages[1]: 6}
    assert await scene.reserved() == 36


async def test_a_signature_falls_with_what_was_agreed_and_the_next_edition_is_signed_anew(scene: Scene) -> None:
    identity, first = await scene.agreed()
    async with scene.sessions.begin() as session:
        await consortia.sign(session, scene.cells, identity, first)
    seat = await scene.seat(identity, scene.power)
    async with scene.sessions.begin() as session:
        await consortia.ask_again(session, scene.leader, seat.membership.id, (LineIn(package="WP2", units=6),))

    assert (await scene.seat(identity, scene.cells)).membership.state is MembershipState.ACCEPTED
    await scene.accept(identity, scene.power)
    async with scene.sessions() as session:
        found = await reading.agreement(session, scene.leader, identity)
    assert found is not None
    assert found[0].sha256 != first
    for firm in (scene.cells, scene.power):
        async with scene.sessions.begin() as session:
            await consortia.sign(session, firm, identity, found[0].sha256)
    assert await scene.state(identity) is ConsortiumState.SIGNED


async def test_nobody_is_asked_or_sent_away_once_all_have_signed_or_the_formation_has_ended(scene: Scene) -> None:
    signed, sha256 = await scene.agreed()
    for firm in (scene.cells, scene.power):
        async with scene.sessions.begin() as session:
            await consortia.sign(session, firm, signed, sha256)
    async with scene.sessions.begin() as session:
        for capability in scene.capabilities:
            (await session.get_one(Capability, capability)).monthly_quantity = 50
    ended = await scene.form()
    async with scene.sessions.begin() as session:
        await consortia.dissolve(session, scene.leader, ended)

    for identity in (signed, ended):
        seat = (await scene.seat(identity, scene.power)).membership.id
        for refused in (
            lambda session, identity=identity: consortia.invite(session, scene.leader, identity, InviteIn()),
            lambda session, seat=seat: consortia.ask_again(
                session, scene.leader, seat, (LineIn(package="WP2", units=1),)
            ),
            lambda session, seat=seat: consortia.withdraw(session, scene.leader, seat),
        ):
            async with scene.sessions.begin() as session:
                with pytest.raises(IllegalTransition) as why:
                    await refused(session)
            assert why.value.params["possible"] == "agreed, forming"


async def test_a_firm_that_would_be_alone_agrees_with_nobody(scene: Scene) -> None:
    async with scene.sessions.begin() as session:
        able = await make_capability(session, organisation_id=scene.cells.organisation_id, monthly_quantity=50)
        plan = proposal((scene.cells, "演示电芯", scene.packages[0], scene.capabilities[0], 30))
        (part,) = plan.seats[0].parts
        other = replace(part, package_id=scene.packages[1], offering_id=able.id, units=6)
        alone = replace(plan.seats[0], parts=(part, other))
        run = await kept(session, scene.leader, scene.opportunity, replace(plan, seats=(alone,)))
        identity = (await consortia.form(session, scene.leader, ConsortiumIn(suggestion_id=run))).id
        await consortia.invite(session, scene.leader, identity, InviteIn())

    await scene.accept(identity, scene.cells)

    assert await scene.state(identity) is ConsortiumState.FORMING


async def test_a_refusal_for_want_of_capacity_names_the_months_and_what_is_free(scene: Scene) -> None:
    first, second = await scene.form(), await scene.form()
    async with scene.sessions.begin() as session:
        await consortia.invite(session, scene.leader, first, InviteIn())

    with pytest.raises(CapacityExceeded) as refused:
        async with scene.sessions.begin() as session:
            await consortia.invite(session, scene.leader, second, InviteIn())

    assert refused.value.params == {"package": "WP1", "units": 30, "free": 6, "months": "2031-01–2031-03"}


async def test_whoever_was_asked_hears_that_the_formation_has_ended(scene: Scene) -> None:
    identity = await scene.form()
    asked = (await scene.seat(identity, scene.cells)).membership.id
    async with scene.sessions.begin() as session:
        await consortia.invite(session, scene.leader, identity, InviteIn(membership_ids=(asked,)))
    async with scene.sessions.begin() as session:
        await consortia.dissolve(session, scene.leader, identity)

    async with scene.sessions() as session:
        told = sa.select(Event).where(col(Event.code) == "membership.withdrawn")
        heard = {event.subject_id: event.audience for event in (await session.execute(told)).scalars()}
    assert heard == {
        asked: [scene.cells.organisation_id],
        (await scene.seat(identity, scene.power)).membership.id: [],
    }


async def test_questions_expire_beside_answers_without_anybody_waiting_in_a_circle(scene: Scene) -> None:
    """Those that take a seat back and the clock want the same rows; whoever comes second finds nothing left to do."""
    from api.jobs.deadlines import expire

    async with scene.sessions.begin() as session:
        for capability in scene.capabilities:
            (await session.get_one(Capability, capability)).monthly_quantity = 500
    await expire(scene.sessions)
    asked = [await scene.invited() for _ in range(8)]
    async with scene.sessions.begin() as session:
        await session.execute(sa.text("set local session_replication_role = replica"))
        past = {"sent_at": sa.text("now() - interval '4 days'"), "deadline": sa.text("now() - interval '1 day'")}
        await session.execute(sa.update(Invitation).values(past))

    async def dissolve(identity: UUID) -> None:
        async with scene.sessions.begin() as session:
            await consortia.dissolve(session, scene.leader, identity)

    await asyncio.gather(*(expire(scene.sessions) for _ in range(4)), *map(dissolve, asked))

    assert await scene.reserved() == 0
    assert {await scene.state(identity) for identity in asked} == {ConsortiumState.DISSOLVED}
