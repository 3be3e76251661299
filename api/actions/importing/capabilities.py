"""Judging a file of capabilities: whose they are, which are new, which are there already."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions.importing.plan import Amendment, Directory, Options, Plan
from api.intake.drafts import CapabilityDraft
from api.intake.report import Account
from api.intake.tables import Placed
from api.queries import imports
from domain.kinds import CapabilityState, Role
from domain.records import Capability, CapabilityPrice

COLUMNS = (
    "phrase", "phrase_en", "code_system", "unit", "monthly_quantity", "lead_days", "valid_from", "valid_to",
    "capacity_disclosure",
)  # fmt: skip

Key = tuple[UUID, str, str]


async def plan(session: AsyncSession, account: Account, options: Options) -> Plan:
    """Return what a file of capabilities writes; what it may not write goes to the account."""
    directory = await Directory.of(session, [placed.draft.firm for placed in account.reading.drafts])
    firms = {known.row.id for known in directory.found.values()}
    there = await imports.capabilities_of(session, firms)
    prices = await imports.prices_of(session, [row.id for row in there.values()])
    judge = _Judge(account, options, directory, there, prices)
    for placed in account.reading.drafts:
        judge.capability(placed)
    return judge.plan


class _Judge:
    def __init__(
        self,
        account: Account,
        options: Options,
        directory: Directory,
        there: dict[Key, Capability],
        prices: dict[UUID, CapabilityPrice],
    ) -> None:
        self.account = account
        self.options = options
        self.directory = directory
        self.there = there
        self.prices = prices
        self.plan = Plan()
        self.seen: dict[Key, Placed[CapabilityDraft]] = {}

    def capability(self, placed: Placed[CapabilityDraft]) -> None:
        """Judge one draft."""
        draft = placed.draft
        known = self.directory.get(draft.firm)
        if known is None:
            self.account.refuse(placed.fault("firm", "unknown-firm", given=draft.firm))
            return
        if not self._may_write(known.row.id):
            self.account.refuse(placed.fault("firm", "not-your-firm", given=draft.firm))
            return
        key = (known.row.id, draft.phrase, draft.code or "")
        if key in self.seen:
            self._again(placed, self.seen[key])
            return
        self.seen[key] = placed
        if key in self.there:
            self._compare(placed, self.there[key])
        else:
            self._new(draft, known.row.id)

    def _may_write(self, firm: UUID) -> bool:
        actor = self.options.actor
        return actor.has(Role.OPERATOR) or firm == actor.organisation_id

    def _again(self, placed: Placed[CapabilityDraft], other: Placed[CapabilityDraft]) -> None:
        same = placed.draft.model_copy(update={"firm": other.draft.firm}) == other.draft
        if same:
            self.account.leave_out(placed.place, "repeated-row", f"{placed.draft.firm} {placed.draft.phrase}")
        else:
            self.account.refuse(placed.fault("phrase", "repeated-key", other=other.place))

    def _new(self, draft: CapabilityDraft, firm: UUID) -> None:
        identity = uuid4()
        self.plan.add(
            "capability",
            id=identity,
            version=1,
            organisation_id=firm,
            code=draft.code or "",
            verification=0,
            state=CapabilityState.DECLARED.value,
            countries=list(draft.countries),
            **{name: getattr(draft, name) for name in COLUMNS},
        )
        if draft.unit_price is not None:
            self._price(identity, draft)
        self.plan.phrases.add(draft.phrase)
        self.account.accepted += 1

    def _price(self, capability: UUID, draft: CapabilityDraft) -> None:
        self.plan.add(
            "capability_price",
            capability_id=capability,
            unit_price=draft.unit_price,
            currency=draft.currency,
            disclosure=draft.price_disclosure.value,
        )

    def _compare(self, placed: Placed[CapabilityDraft], there: Capability) -> None:
        draft = placed.draft
        values = {name: getattr(draft, name) for name in COLUMNS} | {"countries": list(draft.countries)}
        changed = _differences(there, {n: v for n, v in values.items() if n in draft.model_fields_set})
        price = self.prices.get(there.id)
        priced = {"unit_price": draft.unit_price, "currency": draft.currency, "disclosure": draft.price_disclosure}
        repriced = _differences(price, priced) if draft.unit_price is not None else {}
        if not changed and not repriced:
            self.account.leave_out(placed.place, "unchanged", f"{draft.firm} {draft.phrase}")
        elif not self.options.update:
            field = next(iter(changed or repriced)).replace("disclosure", "price_disclosure")
            self.account.refuse(placed.fault(field, "already-there", name=draft.phrase))
        else:
            self._amend(draft, there, changed, price, repriced)

    def _amend(
        self,
        draft: CapabilityDraft,
        there: Capability,
        changed: dict[str, Any],
        price: CapabilityPrice | None,
        repriced: dict[str, Any],
    ) -> None:
        if changed:
            self.plan.amendments.append(Amendment(row=there, after=changed))
        if repriced and price is not None:
            self.plan.amendments.append(Amendment(row=price, after=repriced))
        elif repriced:
            self._price(there.id, draft)
        self.account.accepted += 1


def _differences(row: Any, stated: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stated.items() if row is None or getattr(row, name) != value}
