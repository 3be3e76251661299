"""Judging a file of products and narrower products."""

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions.importing.plan import Options, Plan
from api.intake.report import Account
from api.queries import imports


async def plan(session: AsyncSession, account: Account, options: Options) -> Plan:
    """Return the pairs that are new; pairs that are known, or twice in the file, are left out."""
    plan = Plan()
    there = await imports.narrower_products(session)
    seen: set[tuple[str, str]] = set()
    for placed in account.reading.drafts:
        pair = (placed.draft.broader, placed.draft.narrower)
        if pair in seen or pair in there:
            reason = "repeated-row" if pair in seen else "unchanged"
            account.leave_out(placed.place, reason, " → ".join(pair))
        else:
            plan.add("narrower_product", broader=pair[0], narrower=pair[1], source=placed.draft.source)
            account.accepted += 1
        seen.add(pair)
    return plan
