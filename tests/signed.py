"""A consortium of three that has signed: two share one package, the third has another; a fourth firm stands by.

Every firm here is fictional.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import col

from api.actions import amendments, consortia, negotiation
from api.queries import amendments as proposed
from api.queries import consortia as reading
from api.queries.amendments import View
from api.wire.amendments import AmendIn
from api.wire.consortia import AcceptIn, ConsortiumIn, InviteIn
from api.wire.negotiation import CONFIDENTIALITY, ConfidentialityIn
from domain.actor import Actor
from domain.kinds import OpportunityState, Role
from domain.records import CapacityHold, Consortium, Event, Membership
from tests.api.test_formation import kept, proposal
from tests.factories import (
    actor_of,
    make_capability,
    make_opportunity,
    make_organisation,
    make_package,
    make_user,
)

Sessions = async_sessionmaker[AsyncSession]
SPAN: dict[str, Any] = {"starts": date(2031, 1, 1), "ends": date(2031, 3, 31)}
PROMISE = ConfidentialityIn(edition=CONFIDENTIALITY)
FAR = datetime(2030, 12, 1, tzinfo=UTC)


@dataclass
class Signed:
    """The firms, their packages and capabilities, and where their consortium is."""

    sessions: Sessions
    leader: Actor
    first: Actor
    second: Actor
    third: Actor
    fourth: Actor
    opportunity: UUID
    capabilities: dict[UUID, UUID]
    consortium: UUID
    sha256: str

    @property
    def members(self) -> tuple[Actor, ...]:
        """Those who have signed."""
        return self.first, self.second, self.third

    async def seats(self) -> dict[UUID, Membership]:
        """Return the newest seat of each firm."""
        async with self.sessions() as session:
            found = await reading.whole(session, self.leader, self.consortium)
        return {seat.membership.organisation_id: seat.membership for seat in found}

    async def seat(self, firm: Actor) -> Membership:
        """Return a firm's newest seat."""
        return (await self.seats())[firm.organisation_id]

    async def row(self) -> Consortium:
        """Return the consortium as it stands."""
        async with self.sessions() as session:
            return await session.get_one(Consortium, self.consortium)

    async def held(self, *firms: Actor) -> dict[str, int]:
        """Return what is held for the consortium, by state of the hold; of some firms alone where they are named."""
        statement = (
            sa.select(col(CapacityHold.state), sa.func.sum(col(CapacityHold.quantity)))
            .join(Membership, col(Membership.id) == col(CapacityHold.membership_id))
            .where(col(Membership.consortium_id) == self.consortium, col(CapacityHold.state).in_(("soft", "hard")))
            .group_by(col(CapacityHold.state))
        )
        if firms:
            named = [firm.organisation_id for firm in firms]
            statement = statement.where(col(Membership.organisation_id).in_(named))
        async with self.sessions() as session:
            return {str(state): int(total) for state, total in await session.execute(statement)}

    async def events(self, *codes: str) -> list[Event]:
        """Return what happened under these codes, oldest first."""
        async with self.sessions() as session:
            statement = sa.select(Event).where(col(Event.code).in_(codes)).order_by(col(Event.id))
            return list((await session.execute(statement)).scalars())

    async def lines(self, firm: Actor, **units: int) -> dict[str, Any]:
        """Return a change of a firm's seat to other units of packages."""
        seat = await self.seat(firm)
        return {
            "membership_id": seat.id,
            "lines": [{"package": package, "units": number} for package, number in units.items()],
        }

    async def shift(self, units: int = 5) -> dict[str, Any]:
        """Return a proposal by which the second takes `units` of the first's package; nobody's else part changes."""
        return {
            "reason": "产线检修，两家调整数量。",
            "seats": [await self.lines(self.first, WP1=15 - units), await self.lines(self.second, WP1=15 + units)],
        }

    async def propose(self, **given: Any) -> UUID:
        """Propose an amendment as the chain leader."""
        async with self.sessions.begin() as session:
            row = await amendments.propose(session, self.leader, self.consortium, AmendIn.model_validate(given))
            return row.id

    async def amendment(self, identity: UUID, actor: Actor | None = None) -> View:
        """Return an amendment as one of those it is between reads it."""
        async with self.sessions() as session:
            return await proposed.view(session, actor or self.leader, identity)

    async def promise(self, firm: Actor) -> None:
        """Let a firm promise confidentiality; promised already is promised."""
        seat = await self.seat(firm)
        async with self.sessions.begin() as session:
            await negotiation.promise(session, firm, seat.id, PROMISE)

    async def sign(self, identity: UUID, *firms: Actor) -> None:
        """Let firms sign an amendment, one after the other."""
        for firm in firms:
            await self.promise(firm)
            view = await self.amendment(identity, firm)
            async with self.sessions.begin() as session:
                await amendments.sign(session, firm, identity, view.proposed.sha256)


async def make_signed(sessions: Sessions, **over: Any) -> Signed:
    """Form the consortium by the actions by which one is formed, and let everybody sign."""
    async with sessions.begin() as session:
        firms = [await make_organisation(session, Role.CHAIN_LEADER)]
        firms += [await make_organisation(session, Role.SUPPLIER, sme=True) for _ in range(4)]
        leader, first, second, third, fourth = [actor_of(firm, await make_user(session, firm)) for firm in firms]
        project = await make_opportunity(
            session, firms[0], state=OpportunityState.PUBLISHED, **{"deadline": FAR, **SPAN, **over}
        )
        cells = await make_package(session, project, code="WP1", position=0, quantity=30, value=3_000, **SPAN)
        power = await make_package(session, project, code="WP2", position=1, quantity=6, value=900, **SPAN)
        able = {
            firm.id: (await make_capability(session, firm, unit="SET", monthly_quantity=10)).id for firm in firms[1:]
        }
        plan = proposal(
            (first, "演示一", cells.id, able[first.organisation_id], 15),
            (second, "演示二", cells.id, able[second.organisation_id], 15),
            (third, "演示三", power.id, able[third.organisation_id], 6),
        )
        run = await kept(session, leader, project.id, plan)
        row = await consortia.form(session, leader, ConsortiumIn(suggestion_id=run))
        await consortia.invite(session, leader, row.id, InviteIn())
    for firm in (first, second, third):
        async with sessions.begin() as session:
            seats = await reading.seats(session, leader, row.id)
            seat = next(each.membership for each in seats if each.membership.organisation_id == firm.organisation_id)
            await consortia.accept(session, firm, seat.id, AcceptIn(edition=1))
            await negotiation.promise(session, firm, seat.id, PROMISE)
    async with sessions.begin() as session:
        found = await reading.agreement(session, leader, row.id)
        assert found is not None
        for firm in (first, second, third):
            await consortia.sign(session, firm, row.id, found[0].sha256)
    return Signed(
        sessions=sessions, leader=leader, first=first, second=second, third=third, fourth=fourth,
        opportunity=project.id, capabilities=able, consortium=row.id, sha256=found[0].sha256,
    )  # fmt: skip
