"""Judging a file of opportunities: each new one becomes a draft of its owner's, with its packages and requirements."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions.importing.plan import Options, Plan
from api.intake.drafts import OpportunityDraft, PackageDraft
from api.intake.report import Account
from api.intake.tables import Placed
from api.queries import imports
from domain.kinds import OpportunityState
from domain.records import Opportunity, WorkPackage

COLUMNS = tuple(name for name in OpportunityDraft.model_fields if name != "packages")
PACKAGE_COLUMNS = tuple(name for name in PackageDraft.model_fields if name not in ("requirements", "follows"))


async def plan(session: AsyncSession, account: Account, options: Options) -> Plan:
    """Return what a file of opportunities writes; one the owner has already is unchanged or refused."""
    owner = options.owner_id or options.actor.organisation_id
    drafts: list[OpportunityDraft] = [placed.draft for placed in account.reading.drafts]
    like = await imports.opportunities_like(
        session, owner, [d.source_reference for d in drafts if d.source_reference], [d.title for d in drafts]
    )
    packages = await imports.packages_of(session, [row.id for row in like])
    plan = Plan()
    seen: dict[str, str] = {}
    for placed in account.reading.drafts:
        draft = placed.draft
        key = _identity(draft.source_reference, draft.title)
        there = next((row for row in like if _identity(row.source_reference, row.title) == key), None)
        if key in seen:
            account.refuse(placed.fault("title", "repeated-key", other=seen[key]))
        elif there is not None:
            _compare(account, placed, there, packages.get(there.id, []))
        else:
            _new(plan, draft, owner)
            account.accepted += 1
        seen.setdefault(key, placed.place or draft.title)
    return plan


def _identity(reference: str | None, title: str) -> str:
    return f"reference {reference}" if reference else f"title {title}"


def _compare(
    account: Account, placed: Placed[OpportunityDraft], there: Opportunity, packages: list[WorkPackage]
) -> None:
    draft = placed.draft
    changed = [name for name in COLUMNS if getattr(draft, name) != getattr(there, name)]
    stored = [tuple(getattr(row, name) for name in PACKAGE_COLUMNS) for row in packages]
    stated = [tuple(getattr(package, name) for name in PACKAGE_COLUMNS) for package in draft.packages]
    if changed or stored != stated:
        field = changed[0] if changed else "packages"
        account.refuse(placed.fault(field, "already-there", name=there.title))
    else:
        account.leave_out(placed.place, "unchanged", draft.title)


def _new(plan: Plan, draft: OpportunityDraft, owner: UUID) -> None:
    identity = uuid4()
    plan.add(
        "opportunity",
        id=identity,
        version=1,
        organisation_id=owner,
        rules={},
        goals={},
        state=OpportunityState.DRAFT.value,
        edition=1,
        demonstration=False,
        **{name: getattr(draft, name) for name in COLUMNS},
    )
    for position, package in enumerate(draft.packages):
        _package(plan, package, identity, position)


def _package(plan: Plan, package: PackageDraft, opportunity: UUID, position: int) -> None:
    identity = uuid4()
    values: dict[str, Any] = {name: getattr(package, name) for name in PACKAGE_COLUMNS}
    plan.add(
        "work_package",
        id=identity,
        opportunity_id=opportunity,
        position=position,
        follows=list(package.follows),
        **values,
    )
    for place, asked in enumerate(package.requirements):
        plan.add(
            "requirement",
            id=uuid4(),
            package_id=identity,
            position=place,
            **{name: getattr(asked, name) for name in type(asked).model_fields},
        )
        if asked.phrase:
            plan.phrases.add(asked.phrase)
