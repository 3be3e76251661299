"""An officer opens a case to read what a named firm declares; the firm is told, and every reading is kept."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.outbox import record
from api.queries import cases, visible
from api.queries.disclosure import Shown
from api.wire.activity import WhatIfIn
from api.wire.disclosure import CaseIn
from domain.actor import Actor
from domain.errors import NotAllowed, NotFound, RuleBroken
from domain.kinds import Role
from domain.records import BureauCase

LASTS = timedelta(hours=24)


class CaseEnded(RuleBroken):
    """The case was closed, or its day has passed; another is opened with a reason of its own."""

    code = "case-ended"


class CaseFirst(RuleBroken):
    """What is asked would tell what a named firm declares: a case about it has to be open."""

    code = "case-first"


async def open_case(session: AsyncSession, actor: Actor, given: CaseIn) -> BureauCase:
    """Open a case about a registered firm for a day. Raises NotAllowed, NotFound."""
    if actor.user_id is None or not visible.officer(actor):
        raise NotAllowed(needed=str(Role.BUREAU))
    firm = await visible.organisation(session, actor, given.firm_id)
    if not firm.registered or visible.oversees(firm):
        raise NotFound(noun="organisation")
    row = BureauCase(
        organisation_id=actor.organisation_id, user_id=actor.user_id, firm_id=firm.id, reason=given.reason,
        expires_at=datetime.now(UTC) + LASTS,
    )  # fmt: skip
    session.add(row)
    await record(session, actor, "case.opened", row.id, audience=[firm.id], firm=firm.name, reason=given.reason)
    return row


async def read(session: AsyncSession, actor: Actor, identity: UUID) -> tuple[Shown, ...]:
    """Return what the firm of an open case declares, and keep that it was read. Raises NotFound, CaseEnded."""
    row = await cases.own(session, actor, identity)
    if row.closed_at is not None or row.expires_at <= datetime.now(UTC):
        raise CaseEnded()
    found = await cases.declared(session, row.firm_id)
    firm = await visible.organisation(session, actor, row.firm_id)
    await record(session, actor, "case.read", row.id, audience=[row.firm_id], firm=firm.name, figures=len(found))
    return found


async def close(session: AsyncSession, actor: Actor, identity: UUID) -> BureauCase:
    """Close an own case before its day has passed. Raises NotFound, CaseEnded."""
    row = await cases.own(session, actor, identity)
    if row.closed_at is not None:
        raise CaseEnded()
    row.closed_at = datetime.now(UTC)
    firm = await visible.organisation(session, actor, row.firm_id)
    await record(session, actor, "case.closed", row.id, audience=[row.firm_id], firm=firm.name)
    return row


async def imagine(session: AsyncSession, actor: Actor, given: WhatIfIn) -> None:
    """Check that there is an open case about every firm that is imagined otherwise, and keep that it was asked.

    Raises NotAllowed, CaseFirst.
    """
    if not visible.watches(actor):
        raise NotAllowed(needed=str(Role.BUREAU))
    capabilities = [each.capability_id for each in given.resize]
    firms = {*given.leave, *(await cases.owners(session, capabilities))}
    live = {row.firm_id: row for row in await cases.listed(session, actor) if row.open}
    if firms - live.keys():
        raise CaseFirst()
    for firm in sorted(firms):
        row = live[firm]
        await record(session, actor, "case.read", row.id, audience=[firm], firm=row.firm, figures=0)
