"""Amendments on a real database: who must sign again, what carries over, what holds meanwhile, what moves with it."""

import asyncio
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import col

from api.actions import amendments, consortia
from api.actions.consortia import AgreementChanged
from api.jobs import deadlines
from api.problems import refusal_of
from api.queries import amendments as proposed
from api.queries import consortia as reading
from api.queries.verification import verdict
from api.wire.consortia import AcceptIn
from coalitions.agreement import digest
from coalitions.amending import key_of, part_digest
from coalitions.validity import Validity
from domain.actor import Actor
from domain.errors import (
    AlreadyExists,
    CapacityExceeded,
    DeadlinePassed,
    IllegalTransition,
    Invalid,
    NotAllowed,
    NotFound,
)
from domain.kinds import AmendmentState, ConsortiumState, MembershipState, Role
from domain.records import (
    Agreement,
    Amendment,
    Capability,
    CapacityMonth,
    CarriedSignature,
    Consortium,
    Invitation,
    Organisation,
    Signature,
    WorkPackage,
)
from tests.factories import make_organisation
from tests.signed import Signed, make_signed


@pytest.fixture
async def signed(committed_sessions: async_sessionmaker[AsyncSession]) -> Signed:
    """A consortium that has signed."""
    return await make_signed(committed_sessions)


async def standing(signed: Signed, sha256: str) -> Validity | None:
    """Return what anybody learns of a hash."""
    async with signed.sessions() as session:
        found = await verdict(session, sha256)
    return found.validity if found else None


async def in_force(signed: Signed) -> Agreement:
    """Return the edition that holds."""
    async with signed.sessions() as session:
        found = await reading.agreement(session, signed.leader, signed.consortium)
    assert found is not None
    return found[0]


def faults(refused: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(fault.where, fault.code) for fault in refused.value.faults]


async def test_only_those_whose_part_changes_sign_again_and_the_others_signature_is_carried(signed: Signed) -> None:
    identity = await signed.propose(**await signed.shift())
    before = await signed.amendment(identity)
    assert before.awaited == {signed.first.organisation_id, signed.second.organisation_id}
    assert (await in_force(signed)).sha256 == signed.sha256

    await signed.sign(identity, signed.first)
    assert (await in_force(signed)).sha256 == signed.sha256
    assert await standing(signed, signed.sha256) is Validity.IN_FORCE
    assert await standing(signed, before.proposed.sha256) is Validity.PENDING
    await signed.sign(identity, signed.second)

    holds = await in_force(signed)
    assert (holds.edition, holds.sha256) == (2, before.proposed.sha256)
    assert await standing(signed, signed.sha256) is Validity.SUPERSEDED
    assert await standing(signed, holds.sha256) is Validity.IN_FORCE
    async with signed.sessions() as session:
        (carried,) = (await session.execute(sa.select(CarriedSignature))).scalars()
        original = await session.get_one(Signature, carried.signature_id)
        third = await session.get_one(Organisation, signed.third.organisation_id)
    key = key_of({"credit_code": third.credit_code, "name": third.name})
    assert carried.organisation_id == original.organisation_id == signed.third.organisation_id
    assert carried.signed_sha256 == original.sha256 == signed.sha256
    assert carried.part_sha256 == part_digest(before.former.body, key) == part_digest(holds.body, key)


async def test_capacity_moves_in_the_commit_that_puts_the_amendment_in_force(signed: Signed) -> None:
    identity = await signed.propose(**await signed.shift(5))
    await signed.sign(identity, signed.first)
    assert await signed.held() == {"hard": 36}
    assert await signed.held(signed.second) == {"hard": 15}

    await signed.sign(identity, signed.second)

    assert await signed.held(signed.first) == {"hard": 10}
    assert await signed.held(signed.second) == {"hard": 20}
    assert await signed.held() == {"hard": 36}


async def test_one_changed_character_is_no_agreement_that_anybody_has_signed(signed: Signed) -> None:
    await signed.sign(await signed.propose(**await signed.shift()), signed.first, signed.second)
    holds = await in_force(signed)
    forged = deepcopy(holds.body)
    number = next(n for n, member in enumerate(forged["members"]) if member["work"][0]["package"] == "WP2")
    forged["members"][number]["work"][0]["name"] += "."

    assert await standing(signed, digest(forged)) is None
    key = key_of(forged["members"][number])
    async with signed.sessions() as session:
        (carried,) = (await session.execute(sa.select(CarriedSignature))).scalars()
    assert carried.part_sha256 == part_digest(holds.body, key)
    assert carried.part_sha256 != part_digest(forged, key)


@pytest.mark.parametrize("statement", ["update {} set sha256 = repeat('a', 64)", "delete from {}"])
async def test_what_was_carried_can_never_be_rewritten(signed: Signed, statement: str) -> None:
    await signed.sign(await signed.propose(**await signed.shift()), signed.first, signed.second)

    with pytest.raises(IntegrityError, match="keeps every row"):
        async with signed.sessions.begin() as session:
            await session.execute(sa.text(statement.format("carried_signature")))


async def test_a_carried_signature_carries_on_through_the_next_amendment_with_the_hash_first_signed(
    signed: Signed,
) -> None:
    for units in (5, 0):
        await signed.sign(await signed.propose(**await signed.shift(units)), signed.first, signed.second)

    holds = await in_force(signed)
    async with signed.sessions() as session:
        found = await proposed.standing_signatures(session, signed.leader, holds)
    assert holds.edition == 3
    assert found[signed.third.organisation_id].sha256 == signed.sha256
    assert found[signed.first.organisation_id].sha256 == holds.sha256


async def test_a_common_clause_is_signed_again_by_everybody(signed: Signed) -> None:
    identity = await signed.propose(reason="延长退出通知期。", clauses={"exit_days": 60}, ends="2031-06-30")
    await signed.sign(identity, *signed.members)

    holds = await in_force(signed)
    assert holds.body["clauses"]["exit_days"] == 60
    assert holds.body["project"]["ends"] == "2031-06-30"
    assert (await signed.row()).clauses == holds.body["clauses"]
    async with signed.sessions() as session:
        assert list((await session.execute(sa.select(CarriedSignature))).scalars()) == []
    again = await signed.propose(**await signed.shift())
    assert (await signed.amendment(again)).proposed.body["clauses"] == holds.body["clauses"]


async def test_a_refusal_drops_the_amendment_and_the_former_edition_holds(signed: Signed) -> None:
    identity = await signed.propose(**await signed.shift())
    await signed.sign(identity, signed.second)
    async with signed.sessions.begin() as session:
        await amendments.refuse(session, signed.first, identity, "排产已满。")

    view = await signed.amendment(identity)
    assert view.row.state is AmendmentState.REFUSED
    assert await standing(signed, view.proposed.sha256) is Validity.VOID
    assert await standing(signed, signed.sha256) is Validity.IN_FORCE
    assert await signed.held() == {"hard": 36}
    (event,) = await signed.events("amendment.refused")
    assert (event.user_id, event.organisation_id) == (signed.first.user_id, signed.first.organisation_id)
    assert event.params["reason"] == "排产已满。"
    with pytest.raises(IllegalTransition):
        await signed.sign(identity, signed.first)
    again = await signed.propose(**await signed.shift(3))
    assert (await signed.amendment(again)).proposed.edition == 3


async def test_an_amendment_nobody_finishes_signing_expires_by_the_databases_clock(signed: Signed) -> None:
    identity = await signed.propose(**await signed.shift(), hours=1)
    async with signed.sessions.begin() as session:
        row = await session.get_one(Amendment, identity)
        row.deadline = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.raises(DeadlinePassed):
        await signed.sign(identity, signed.first)
    async with signed.sessions.begin() as session:
        await make_organisation(session, Role.OPERATOR)

    assert await deadlines.expire(signed.sessions) == 1
    assert await deadlines.expire(signed.sessions) == 0

    assert (await signed.amendment(identity)).row.state is AmendmentState.EXPIRED
    assert (await in_force(signed)).sha256 == signed.sha256


async def test_what_is_not_due_does_not_expire(signed: Signed) -> None:
    identity = await signed.propose(**await signed.shift())
    async with signed.sessions.begin() as session:
        assert await amendments.expire(session, signed.leader, signed.consortium) == 0

    assert (await signed.amendment(identity)).row.state is AmendmentState.OPEN


async def test_a_member_is_replaced_by_a_firm_that_joins_and_nothing_is_held_for_who_left(signed: Signed) -> None:
    leaving = await signed.seat(signed.third)
    join = {
        "organisation_id": signed.fourth.organisation_id,
        "replaces_id": leaving.id,
        "lines": [{"package": "WP2", "units": 6, "capability_id": signed.capabilities[signed.fourth.organisation_id]}],
    }
    identity = await signed.propose(reason="换人。", exits=[{"membership_id": leaving.id}], joins=[join])
    view = await signed.amendment(identity)
    everybody = {firm.organisation_id for firm in (*signed.members, signed.fourth)}
    assert view.awaited == everybody
    assert await signed.held(signed.fourth) == {"soft": 6}

    await signed.sign(identity, signed.fourth, *signed.members)

    seats = await signed.seats()
    assert seats[signed.third.organisation_id].state is MembershipState.REPLACED
    assert seats[signed.fourth.organisation_id].state is MembershipState.SIGNED
    assert seats[signed.fourth.organisation_id].replaces_id == leaving.id
    assert await signed.held(signed.third) == {}
    assert await signed.held(signed.fourth) == {"hard": 6}
    assert await signed.held() == {"hard": 36}


async def test_a_firm_that_joins_without_a_capability_named_promises_the_one_that_matches_best(signed: Signed) -> None:
    """Nothing may be promised beside the ledger: what is not named is matched, and held like the rest."""
    leaving = await signed.seat(signed.third)
    firm = signed.fourth.organisation_id
    join = {"organisation_id": firm, "lines": [{"package": "WP2", "units": 6}]}
    async with signed.sessions.begin() as session:
        name = sa.select(col(WorkPackage.name)).where(col(WorkPackage.code) == "WP2").scalar_subquery()
        able = col(Capability.id) == signed.capabilities[firm]
        await session.execute(sa.update(Capability).where(able).values(phrase=name))

    identity = await signed.propose(reason="换人。", exits=[{"membership_id": leaving.id}], joins=[join])
    assert await signed.held(signed.fourth) == {"soft": 6}
    await signed.sign(identity, signed.fourth, *signed.members)

    assert await signed.held(signed.fourth) == {"hard": 6}
    assert await signed.held() == {"hard": 36}


async def test_who_is_to_join_answers_by_the_amendment_alone_and_is_let_go_when_it_is_dropped(signed: Signed) -> None:
    leaving = await signed.seat(signed.third)
    join = {
        "organisation_id": signed.fourth.organisation_id,
        "lines": [{"package": "WP2", "units": 6, "capability_id": signed.capabilities[signed.fourth.organisation_id]}],
    }
    identity = await signed.propose(reason="换人。", exits=[{"membership_id": leaving.id}], joins=[join])
    seat = await signed.seat(signed.fourth)
    assert seat.state is MembershipState.INVITED
    with pytest.raises(IllegalTransition):
        async with signed.sessions.begin() as session:
            await consortia.accept(session, signed.fourth, seat.id, AcceptIn(edition=1))

    async with signed.sessions.begin() as session:
        await amendments.withdraw(session, signed.leader, identity, "改变主意。")

    assert (await signed.seat(signed.fourth)).state is MembershipState.WITHDRAWN
    assert await signed.held(signed.fourth) == {}
    async with signed.sessions() as session:
        states = sa.select(col(Invitation.state)).where(col(Invitation.membership_id) == seat.id)
        assert (await session.execute(states)).scalar_one() == "withdrawn"


async def test_a_lead_that_leaves_hands_the_lead_over_and_one_excluded_for_cause_is_not_asked(signed: Signed) -> None:
    leaving = await signed.seat(signed.first)
    assert leaving.lead
    given: dict[str, Any] = {
        "reason": "违约除名。",
        "exits": [{"membership_id": leaving.id, "for_cause": True}],
        "seats": [await signed.lines(signed.second, WP1=30)],
        "lead_id": signed.third.organisation_id,
        "liability": "several",
        "performance": "joint",
    }
    identity = await signed.propose(**given)
    assert signed.first.organisation_id not in (await signed.amendment(identity)).awaited
    with pytest.raises(NotAllowed):
        await signed.sign(identity, signed.first)

    await signed.sign(identity, signed.second, signed.third)

    seats = await signed.seats()
    assert (await signed.row()).liability == "several"
    assert seats[signed.first.organisation_id].state is MembershipState.WITHDRAWN
    assert [firm for firm, seat in seats.items() if seat.lead] == [signed.third.organisation_id]
    assert await signed.held(signed.first) == {}
    assert await signed.held() == {"hard": 36}


async def test_who_joins_while_work_is_under_way_is_active_at_once(signed: Signed) -> None:
    async with signed.sessions.begin() as session:
        row = await session.get_one(Consortium, signed.consortium)
        for state in ("filed", "bid", "won", "running"):
            row.become(ConsortiumState(state))
    join = {"organisation_id": signed.fourth.organisation_id, "lines": [{"package": "WP2", "units": 2}]}
    identity = await signed.propose(reason="增援。", joins=[join], seats=[await signed.lines(signed.third, WP2=4)])
    await signed.sign(identity, signed.fourth, *signed.members)

    assert (await signed.seat(signed.fourth)).state is MembershipState.ACTIVE


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, [("$", "nothing-changed")]),
        ({"clauses": {"exit_days": 0}}, [("$.clauses", "clause-unknown")]),
        ({"starts": "2032-01-01"}, [("$.ends", "end-before-start")]),
        ({"lead_id": str(UUID(int=1))}, [("$.lead_id", "one-lead")]),
        ({"seats": [{"membership_id": str(UUID(int=1)), "lines": [{"package": "WP1", "units": 1}]}]},
         [("$.seats[0].membership_id", "no-such-seat")]),
        ({"exits": [{"membership_id": str(UUID(int=1))}]}, [("$.exits[0].membership_id", "no-such-seat")]),
        ({"joins": [{"organisation_id": str(UUID(int=1)), "replaces_id": str(UUID(int=2)),
                     "lines": [{"package": "WP9", "units": 1}]}]},
         [("$.joins[0].organisation_id", "cannot-join"), ("$.joins[0].replaces_id", "no-such-seat"),
          ("$.joins[0].lines[0].package", "no-such-part")]),
    ],
)  # fmt: skip
async def test_a_proposal_that_cannot_be_is_refused_with_every_fault(
    signed: Signed, given: dict[str, Any], told: list[tuple[str, str]]
) -> None:
    with pytest.raises(Invalid) as refused:
        await signed.propose(reason="试一试。", **given)

    assert faults(refused) == told


async def test_units_are_covered_exactly_and_two_members_stay(signed: Signed) -> None:
    seats = [await signed.seat(firm) for firm in (signed.second, signed.third)]
    foreign = await signed.lines(signed.first, WP1=16)
    foreign["lines"][0]["capability_id"] = signed.capabilities[signed.fourth.organisation_id]

    with pytest.raises(Invalid) as uncovered:
        await signed.propose(reason="缩减。", exits=[{"membership_id": seat.id} for seat in seats])
    with pytest.raises(Invalid) as theirs:
        await signed.propose(reason="借用。", seats=[foreign])

    assert faults(uncovered) == [
        ("$.seats", "units-uncovered"),
        ("$.seats", "units-uncovered"),
        ("$.exits", "two-members"),
    ]
    assert faults(theirs) == [("$.seats[0].lines[0].capability_id", "not-theirs")]


async def test_capacity_that_is_not_free_refuses_the_proposal_and_leaves_nothing_behind(signed: Signed) -> None:
    before = await signed.held()

    async with signed.sessions.begin() as session:
        months = sa.select(CapacityMonth).where(col(CapacityMonth.capability_id).in_(signed.capabilities.values()))
        for month in (await session.execute(months)).scalars():
            month.declared = month.reserved

    with pytest.raises(CapacityExceeded):
        await signed.propose(**await signed.shift(5))

    assert await signed.held() == before
    async with signed.sessions() as session:
        assert (await session.execute(sa.select(sa.func.count()).select_from(Amendment))).scalar_one() == 0


async def test_capacity_gone_meanwhile_refuses_the_last_signature_and_the_former_edition_holds(signed: Signed) -> None:
    identity = await signed.propose(**await signed.shift(5))
    await signed.sign(identity, signed.first)
    async with signed.sessions.begin() as session:
        months = sa.select(CapacityMonth).where(
            col(CapacityMonth.capability_id) == signed.capabilities[signed.second.organisation_id]
        )
        for month in (await session.execute(months)).scalars():
            month.declared = month.reserved

    with pytest.raises(CapacityExceeded):
        await signed.sign(identity, signed.second)

    view = await signed.amendment(identity)
    assert view.row.state is AmendmentState.OPEN
    assert view.awaited == {signed.second.organisation_id}
    assert await signed.held() == {"hard": 36}


async def test_one_amendment_at_a_time(signed: Signed) -> None:
    await signed.propose(**await signed.shift(5))

    with pytest.raises(IntegrityError) as refused:
        await signed.propose(**await signed.shift(3))

    assert isinstance(refusal_of(refused.value), AlreadyExists)


async def test_nobody_signs_twice_nor_another_text(signed: Signed) -> None:
    identity = await signed.propose(**await signed.shift(5))
    with pytest.raises(AgreementChanged):
        async with signed.sessions.begin() as session:
            await amendments.sign(session, signed.first, identity, signed.sha256)
    await signed.sign(identity, signed.first)

    with pytest.raises(IntegrityError) as refused:
        await signed.sign(identity, signed.first)

    assert isinstance(refusal_of(refused.value), AlreadyExists)


async def test_only_the_chain_leader_proposes_and_only_those_concerned_read(signed: Signed) -> None:
    identity = await signed.propose(**await signed.shift(5))
    machine = Actor(user_id=None, organisation_id=signed.first.organisation_id, roles=signed.first.roles)

    async with signed.sessions() as session:
        with pytest.raises(NotAllowed):
            await amendments.withdraw(session, signed.first, identity, "不行。")
        with pytest.raises(NotFound):
            await proposed.view(session, signed.fourth, identity)
        with pytest.raises(NotAllowed):
            await amendments.sign(session, signed.third, identity, "0" * 64)
        view = await proposed.view(session, machine, identity)
        with pytest.raises(NotAllowed):
            await amendments.sign(session, machine, identity, view.proposed.sha256)


async def test_what_has_ended_is_not_amended(signed: Signed) -> None:
    async with signed.sessions.begin() as session:
        row = await session.get_one(Consortium, signed.consortium)
        for state in ("filed", "bid", "lost"):
            row.become(ConsortiumState(state))

    with pytest.raises(IllegalTransition):
        await signed.propose(**await signed.shift(5))


async def test_what_is_carried_can_only_be_a_signature_that_the_firm_gave_under_that_hash(signed: Signed) -> None:
    identity = await signed.propose(**await signed.shift())
    view = await signed.amendment(identity)
    async with signed.sessions() as session:
        given = await proposed.standing_signatures(session, signed.leader, view.former)

    with pytest.raises(IntegrityError, match="fk_carried_signature_signature"):
        async with signed.sessions.begin() as session:
            session.add(
                CarriedSignature(
                    agreement_id=view.proposed.id,
                    sha256=view.proposed.sha256,
                    organisation_id=signed.third.organisation_id,
                    signature_id=given[signed.first.organisation_id].signature_id,
                    signed_sha256=signed.sha256,
                    part_sha256="0" * 64,
                )
            )


async def test_the_last_two_who_sign_at_the_same_moment_put_it_in_force_once(signed: Signed) -> None:
    identity = await signed.propose(**await signed.shift())

    await asyncio.gather(signed.sign(identity, signed.first), signed.sign(identity, signed.second))

    assert (await signed.amendment(identity)).row.state is AmendmentState.IN_FORCE
    assert len(await signed.events("amendment.in_force")) == 1
    assert await signed.held() == {"hard": 36}
