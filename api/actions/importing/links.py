"""Judging a file of ties between firms: who is meant, who is known by name only, what is there already."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions.importing.plan import Amendment, Directory, Options, Plan, is_code
from api.intake.counterparties import name_key, tidy
from api.intake.drafts import SupplyLinkDraft
from api.intake.report import Account
from api.intake.tables import Placed
from api.queries import imports
from domain.kinds import Standing
from domain.records import SupplyLink

NOWHERE_KNOWN = "ZZ"
"""ISO 3166 keeps ZZ free for users; CLDR words it as an unknown region. A name alone tells no country."""
SHORT_NAME_COSTS = 15
"""How much less a tie is trusted whose end is known by a short name only."""

Key = tuple[Any, ...]


async def plan(session: AsyncSession, account: Account, options: Options) -> Plan:
    """Return what a file of ties writes; what it may not write goes to the account."""
    drafts = [placed.draft for placed in account.reading.drafts]
    directory = await Directory.of(session, [end for draft in drafts for end in (draft.supplier, draft.buyer)])
    there = await imports.links_from(session, {draft.source for draft in drafts})
    judge = _Judge(account, options, directory, there)
    for placed in account.reading.drafts:
        judge.link(placed)
    return judge.plan


class _Judge:
    def __init__(self, account: Account, options: Options, directory: Directory, there: dict[Key, SupplyLink]) -> None:
        self.account = account
        self.options = options
        self.directory = directory
        self.there = there
        self.plan = Plan()
        self.seen: set[Key] = set()
        self.named: dict[str, UUID] = {}

    def link(self, placed: Placed[SupplyLinkDraft]) -> None:
        """Judge one draft."""
        draft = placed.draft
        unknown = [
            placed.fault(side, "unknown-firm", given=end)
            for side, end in (("supplier", draft.supplier), ("buyer", draft.buyer))
            if is_code(end) and self.directory.get(end) is None
        ]
        if unknown:
            self.account.refuse(*unknown)
            return
        supplier, buyer = self._end(draft.supplier), self._end(draft.buyer)
        key = (supplier, buyer, draft.kind, draft.year, draft.source)
        if supplier == buyer:
            self.account.leave_out(placed.place, "self-link", draft.supplier)
        elif key in self.seen:
            self.account.leave_out(placed.place, "repeated-row", f"{draft.supplier} → {draft.buyer} {draft.year}")
        elif key in self.there:
            self._compare(placed, self.there[key])
        else:
            self._new(draft, supplier, buyer)
        self.seen.add(key)

    def _end(self, reference: str) -> UUID:
        """Return the firm that is meant; one that no register knows is kept by its name, once."""
        known = self.directory.get(reference)
        if known is not None:
            return known.row.id
        key = name_key(reference)
        if key not in self.named:
            self.named[key] = uuid4()
            self._known_by_name(self.named[key], tidy(reference), key)
        return self.named[key]

    def _known_by_name(self, identity: UUID, name: str, key: str) -> None:
        self.plan.add(
            "organisation",
            id=identity,
            version=1,
            name=name,
            registered=False,
            roles=[],
            country=NOWHERE_KNOWN,
            grades={},
            verification=0,
            demonstration=False,
            standing=Standing.VERIFIED.value,
        )
        self.plan.add("organisation_alias", scheme="name", value=key, organisation_id=identity)

    def _new(self, draft: SupplyLinkDraft, supplier: UUID, buyer: UUID) -> None:
        self.plan.add(
            "supply_link",
            id=uuid4(),
            supplier_id=supplier,
            buyer_id=buyer,
            kind=draft.kind.value,
            year=draft.year,
            share=draft.share,
            sales_share=draft.sales_share,
            rank=draft.rank,
            product=draft.product,
            source=draft.source,
            confidence=self._confidence(draft),
        )
        self.account.accepted += 1

    def _confidence(self, draft: SupplyLinkDraft) -> int:
        ways = {known.way for known in map(self.directory.get, (draft.supplier, draft.buyer)) if known is not None}
        return max(0, draft.confidence - (SHORT_NAME_COSTS if "short" in ways else 0))

    def _compare(self, placed: Placed[SupplyLinkDraft], there: SupplyLink) -> None:
        draft = placed.draft
        stated = {"share": draft.share, "sales_share": draft.sales_share, "rank": draft.rank, "product": draft.product}
        changed = {name: value for name, value in stated.items() if value is not None and getattr(there, name) != value}
        if not changed:
            self.account.leave_out(placed.place, "unchanged", f"{draft.supplier} → {draft.buyer} {draft.year}")
        elif not self.options.update:
            self.account.refuse(placed.fault(next(iter(changed)), "already-there", name=draft.source))
        else:
            self.plan.amendments.append(Amendment(row=there, after=changed))
            self.account.accepted += 1
