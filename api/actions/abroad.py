"""What says something about a person leaves the mainland only under a recorded assessment, and every time is counted.

PIPL, articles 38 to 40, and the Provisions on Promoting and Regulating Cross-Border Data Flows (22 March 2024), whose
limit is 100,000 persons in a calendar year. Whether a flow is exempt is a lawyer's finding: he records it as a number.
"""

from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.outbox import record
from api.queries import consortia
from api.queries import personal as reading
from api.tenancy import Office, by
from api.wire.personal import AssessmentIn
from domain.actor import Actor
from domain.errors import Fault, Invalid, NotAllowed
from domain.kinds import BASIS_POINTS, Receiver, Role
from domain.records import AbroadAssessment, AbroadTransfer

MAINLAND = "CN"
SOMEWHERE = "ZZ"
"""ISO 3166's own code for a place that is not known."""
LIMIT = 100_000
ALARMS = (5_000, 8_000)
"""Shares of the limit at which the watchers are told, in basis points."""


@by(Office.RELAY)
async def let_leave(session: AsyncSession, person: UUID, receiver: Receiver, place: str) -> bool:
    """Say whether something about a person may go to a receiver at `place`; outside the mainland it is recorded."""
    if place == MAINLAND:
        return True
    now = await consortia.clock(session)
    assessment = await reading.in_force(session, now.date())
    session.add(
        AbroadTransfer(
            year=now.year,
            user_id=person,
            receiver=receiver,
            place=place,
            assessment_id=assessment.id if assessment else None,
            passed=assessment is not None,
        )
    )
    await session.flush()
    owner = await reading.bound_to(session, person)
    itself = Actor(user_id=None, organisation_id=owner.organisation_id, roles=frozenset())
    if assessment is None:
        await record(session, itself, "abroad.blocked", person, receiver=str(receiver), place=place)
        return False
    await _alarm(session, itself, person, now.year)
    return True


async def _alarm(session: AsyncSession, itself: Actor, person: UUID, year: int) -> None:
    persons = await reading.persons_sent(session, year)
    for share in ALARMS:
        if persons * BASIS_POINTS >= LIMIT * share and not await reading.alarmed(session, year, share):
            await record(session, itself, "abroad.alarm", person, year=year, share=share, limit=LIMIT)


async def record_assessment(session: AsyncSession, actor: Actor, given: AssessmentIn, today: date) -> AbroadAssessment:
    """Record the number under which personal data may leave the mainland. Raises NotAllowed, Invalid for a past day."""
    if not actor.has(Role.OPERATOR) or actor.user_id is None:
        raise NotAllowed(needed=Role.OPERATOR.value)
    if given.valid_to < today:
        raise Invalid((Fault(where="$.valid_to", code="past"),))
    row = AbroadAssessment(**given.model_dump(), user_id=actor.user_id)
    session.add(row)
    await session.flush()
    await session.refresh(row)
    await record(session, actor, "abroad.assessed", row.id, number=row.number, until=row.valid_to.isoformat())
    return row
