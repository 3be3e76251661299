"""Everything that is open for one person, on one list, by when it falls due.

`SOURCES` is the table of obligations: one function a kind. Whatever else a person comes to owe joins by one line there,
and with it the inbox, the badge, the API, the command line and the calendar.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import compliance, owed, visible
from domain.actor import Actor
from domain.errors import Fault, Invalid
from domain.kinds import ConsortiumState, InvitationState, MembershipState, OpportunityState, Role
from domain.obligation import Obligation
from domain.records import Agreement, Consortium, Invitation, Membership, Opportunity, Signature

Source = Callable[[AsyncSession, Actor], Awaitable[list[Obligation]]]


async def listed(session: AsyncSession, actor: Actor) -> tuple[Obligation, ...]:
    """Return every open obligation of the actor, the first to fall due first."""
    found = [each for source in SOURCES for each in await source(session, actor)]
    return tuple(sorted(found, key=lambda each: each.order))


def page(whole: tuple[Obligation, ...], cursor: str | None, limit: int) -> tuple[tuple[Obligation, ...], str | None]:
    """Return up to `limit` of `whole` behind the cursor, and the cursor of the next page, if there is one.

    What is done between two pages makes nobody skip what follows. Raises Invalid when the cursor is not one of ours.
    """
    rest = whole if cursor is None else tuple(each for each in whole if each.order > _position(cursor))
    return rest[:limit], _cursor(rest[limit - 1]) if len(rest) > limit else None


def _cursor(each: Obligation) -> str:
    due, code, subject = each.order
    return urlsafe_b64encode(f"{due.isoformat()}|{code}|{subject}".encode()).decode()


def _position(cursor: str) -> tuple[datetime, str, str]:
    try:
        due, code, subject = urlsafe_b64decode(cursor.encode()).decode().split("|")
        return datetime.fromisoformat(due), code, subject
    except ValueError as broken:
        raise Invalid((Fault(where="$.cursor", code="cursor"),)) from broken


async def _invitations(session: AsyncSession, actor: Actor) -> list[Obligation]:
    """Answer what one's own firm was asked; what was handed to a colleague waits for that colleague."""
    statement = _asked(actor, InvitationState.SENT).where(
        col(Membership.organisation_id) == actor.organisation_id,
        col(Membership.state) == MembershipState.INVITED,
        sa.or_(col(Membership.delegate_id).is_(None), col(Membership.delegate_id) == actor.user_id),
    )
    return [
        Obligation(
            code="answer-invitation",
            subject_id=seat.id,
            due=asked.deadline,
            path=f"/i/{seat.id}",
            opportunity_id=row.opportunity_id,
            consortium_id=row.id,
            params={"name": row.name},
        )
        for seat, asked, row in (await session.execute(statement)).all()
    ]


async def _counters(session: AsyncSession, actor: Actor) -> list[Obligation]:
    """Answer the counter-offers made to one's own consortia, before the questions they answer run out."""
    statement = _asked(actor, InvitationState.COUNTERED).where(
        col(Consortium.organisation_id) == actor.organisation_id, col(Membership.state) == MembershipState.COUNTERED
    )
    return [
        Obligation(
            code="answer-counter",
            subject_id=seat.id,
            due=asked.deadline,
            path=f"/consortia/{row.id}",
            opportunity_id=row.opportunity_id,
            consortium_id=row.id,
            params={"name": row.name},
        )
        for seat, asked, row in (await session.execute(statement)).all()
    ]


def _asked(actor: Actor, state: InvitationState) -> sa.Select[Membership, Invitation, Consortium]:
    """Begin at the seats the actor may see whose newest question stands in `state`."""
    newest = (
        sa.select(sa.func.max(col(Invitation.edition)))
        .where(col(Invitation.membership_id) == col(Membership.id))
        .correlate(Membership)
        .scalar_subquery()
    )
    return (
        visible.memberships(actor)
        .join(Invitation, col(Invitation.membership_id) == col(Membership.id))
        .add_columns(Invitation, Consortium)
        .where(col(Invitation.edition) == newest, col(Invitation.state) == state)
    )


async def _signatures(session: AsyncSession, actor: Actor) -> list[Obligation]:
    """Sign what all have agreed on: at the latest before the project's own deadline."""
    newest = (
        sa.select(sa.func.max(col(Agreement.edition)))
        .where(col(Agreement.consortium_id) == col(Consortium.id))
        .correlate(Consortium)
        .scalar_subquery()
    )
    given = (
        sa.select(col(Signature.id))
        .join(Agreement, col(Agreement.id) == col(Signature.agreement_id))
        .where(
            col(Agreement.consortium_id) == col(Consortium.id),
            col(Agreement.edition) == newest,
            col(Signature.organisation_id) == actor.organisation_id,
        )
    )
    statement = (
        visible.memberships(actor)
        .join(Opportunity, col(Opportunity.id) == col(Consortium.opportunity_id))
        .add_columns(Consortium, col(Opportunity.deadline))
        .where(
            col(Membership.organisation_id) == actor.organisation_id,
            col(Membership.state) == MembershipState.ACCEPTED,
            col(Consortium.state) == ConsortiumState.AGREED,
            ~given.exists(),
        )
    )
    return [
        Obligation(
            code="sign",
            subject_id=seat.id,
            due=deadline,
            path=f"/consortia/{row.id}/agreement",
            opportunity_id=row.opportunity_id,
            consortium_id=row.id,
            params={"name": row.name},
        )
        for seat, row, deadline in (await session.execute(statement)).all()
    ]


async def _warnings(session: AsyncSession, actor: Actor) -> list[Obligation]:
    """Acknowledge by name what the law warns of, once the others wait to sign."""
    statement = (
        visible.consortia(actor)
        .join(Opportunity, col(Opportunity.id) == col(Consortium.opportunity_id))
        .add_columns(col(Opportunity.deadline))
        .where(
            col(Consortium.organisation_id) == actor.organisation_id,
            col(Consortium.state) == ConsortiumState.AGREED,
        )
    )
    found = []
    for row, deadline in (await session.execute(statement)).all():
        standing = (await compliance.compliance(session, actor, row.id)).standing
        rules = {finding.rule_id for finding in standing if finding.waits}
        if rules:
            found.append(
                Obligation(
                    code="acknowledge",
                    subject_id=row.id,
                    due=deadline,
                    path=f"/consortia/{row.id}/compliance",
                    opportunity_id=row.opportunity_id,
                    consortium_id=row.id,
                    params={"name": row.name, "rules": len(rules)},
                )
            )
    return found


async def _reviews(session: AsyncSession, actor: Actor) -> list[Obligation]:
    """Review, as bureau, the projects that leaders who have not been verified have handed in."""
    if not actor.has(Role.BUREAU):
        return []
    statement = visible.opportunities(actor).where(
        col(Opportunity.state) == OpportunityState.REVIEW,
        col(Opportunity.organisation_id) != actor.organisation_id,
    )
    return [
        Obligation(
            code="review",
            subject_id=row.id,
            due=row.deadline,
            path=f"/opportunities/{row.id}",
            opportunity_id=row.id,
            params={"name": row.title},
        )
        for row in (await session.execute(statement)).scalars()
    ]


async def _after(session: AsyncSession, actor: Actor) -> list[Obligation]:
    """File, report, sign an amendment, evaluate, reply: what is owed once the agreement is signed."""
    return [
        Obligation(
            code=f"after-{each.kind}",
            subject_id=each.subject_id,
            due=each.due,
            path=f"/consortia/{each.consortium_id}/{PAGES[each.kind]}",
            consortium_id=each.consortium_id,
            params={"name": each.consortium},
        )
        for find in owed.KINDS.values()
        for each in await find(session, actor)
    ]


PAGES = {
    "filing": "filings",
    "milestone": "milestones",
    "amendment": "amendments",
    "evaluation": "evaluations",
    "reply": "evaluations",
}
"""Where what is owed after a signature is done."""

SOURCES: tuple[Source, ...] = (_invitations, _counters, _signatures, _warnings, _reviews, _after)
"""The table of obligations: a new kind is one function here, and its words in section ``obligation`` twice."""
