"""What a hash of an agreement is worth, for anybody who holds it; nothing of the agreement is read but its standing."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.tenancy import Office, by
from coalitions.validity import Validity, strongest, validity
from domain.kinds import AmendmentState
from domain.records import Agreement, Amendment, Consortium, Event, Signature

HASH = re.compile(r"[0-9a-f]{64}")
UNMAKING = ("consortium.dissolved", "membership.declined", "membership.expired", "membership.invited",
            "membership.withdrawn")  # fmt: skip
"""Events with which an agreement that has not been signed by all falls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the edition with a hash is worth, and since when, where that is known."""

    validity: Validity
    since: datetime | None


@by(Office.NOTARY)
async def verdict(session: AsyncSession, sha256: str) -> Verdict | None:
    """Return what the agreement with this hash is worth; None where there is none, or it is no hash at all.

    Whoever asks need not have signed in: the hash itself, which only the parties were given, is what lets him ask.
    """
    if not HASH.fullmatch(sha256):
        return None
    later, took = sa.orm.aliased(Agreement), sa.orm.aliased(Amendment)
    following = (
        sa.select(sa.func.min(sa.func.coalesce(col(took.decided_at), col(later.created_at))))
        .select_from(later)
        .outerjoin(took, col(took.agreement_id) == col(later.id))
        .where(
            col(later.consortium_id) == col(Agreement.consortium_id),
            col(later.edition) > col(Agreement.edition),
            sa.or_(col(took.id).is_(None), col(took.state) == AmendmentState.IN_FORCE),
        )
        .scalar_subquery()
    )
    statement = (
        sa.select(Agreement, col(Consortium.state), following, col(Amendment.state), col(Amendment.decided_at))
        .join(Consortium, col(Consortium.id) == col(Agreement.consortium_id))
        .outerjoin(Amendment, col(Amendment.agreement_id) == col(Agreement.id))
        .where(col(Agreement.sha256) == sha256)
    )
    found: list[Any] = list((await session.execute(statement)).all())
    standing = {
        row.id: validity(state, newest=replaced is None, amendment=proposed)
        for row, state, replaced, proposed, _ in found
    }
    best = strongest(standing.values())
    if best is None:
        return None
    agreement, _, replaced, proposed, decided = next(each for each in found if standing[each[0].id] is best)
    if best is Validity.SUPERSEDED:
        return Verdict(validity=best, since=replaced)
    if proposed is not None and best in (Validity.IN_FORCE, Validity.VOID):
        return Verdict(validity=best, since=decided)
    return Verdict(validity=best, since=await _since(session, agreement, best))


async def _since(session: AsyncSession, agreement: Agreement, standing: Validity) -> datetime | None:
    if standing is Validity.PENDING:
        return agreement.created_at
    signed = sa.select(sa.func.max(col(Signature.created_at))).where(col(Signature.agreement_id) == agreement.id)
    fell = sa.select(sa.func.min(col(Event.at))).where(
        col(Event.consortium_id) == agreement.consortium_id,
        col(Event.code).in_(UNMAKING),
        col(Event.at) > agreement.created_at,
    )
    statements = {Validity.IN_FORCE: signed, Validity.VOID: fell}
    if standing not in statements:
        return None
    since: datetime | None = (await session.execute(statements[standing])).scalar_one()
    return since
