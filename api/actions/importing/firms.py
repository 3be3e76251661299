"""Judging a file of firms: new, unchanged, changed, twice in the file, or known so far only by name."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from api.actions.importing.plan import Amendment, Directory, Options, Plan
from api.intake.counterparties import name_key, tidy
from api.intake.drafts import FirmDraft
from api.intake.report import Account
from api.intake.tables import Placed
from api.queries import imports
from domain.kinds import Standing
from domain.message import Message
from domain.records import Organisation

COLUMNS = tuple(name for name in FirmDraft.model_fields if name != "stock_code")

Alias = tuple[str, str]


async def plan(session: AsyncSession, account: Account, options: Options) -> Plan:
    """Return what a file of firms writes; what it may not write goes to the account."""
    judge = _Judge(session, account, options)
    await judge.look_up()
    for placed in account.reading.drafts:
        judge.firm(placed)
    if judge.unregistered:
        account.notices.append(Message(code="firms-without-code", params={"count": judge.unregistered}))
    if judge.shared_names:
        account.notices.append(Message(code="names-shared", params={"count": judge.shared_names}))
    return judge.plan


class _Judge:
    def __init__(self, session: AsyncSession, account: Account, options: Options) -> None:
        self.session = session
        self.account = account
        self.update = options.update
        self.plan = Plan()
        self.seen: dict[str, Placed[FirmDraft]] = {}
        self.taken: dict[Alias, UUID] = {}
        self.unregistered = 0
        self.shared_names = 0

    async def look_up(self) -> None:
        """Fetch every organisation that a draft could be, and every alias that a draft would take."""
        drafts = [placed.draft for placed in self.account.reading.drafts]
        self.by_code = await imports.organisations_by(
            self.session, "credit_code", [d.credit_code for d in drafts if d.credit_code]
        )
        self.by_lei = await imports.organisations_by(self.session, "lei", [d.lei for d in drafts if d.lei])
        self.directory = await Directory.of(
            self.session, [d.stock_code for d in drafts if d.stock_code] + [d.name for d in drafts]
        )
        wanted = [alias for draft in drafts for alias in _aliases(draft)]
        for scheme in ("stock", "name", "short"):
            rows = await imports.organisations_called(self.session, scheme, [v for s, v in wanted if s == scheme])
            self.taken |= {(scheme, value): row.id for value, row in rows.items()}

    def firm(self, placed: Placed[FirmDraft]) -> None:
        """Judge one draft."""
        draft = placed.draft
        other = next((self.seen[key] for key in _identities(draft) if key in self.seen), None)
        if other is not None:
            self._again(placed, other)
            return
        self.seen |= dict.fromkeys(_identities(draft), placed)
        known = self._known(draft)
        holder = self.taken.get(("stock", draft.stock_code or ""))
        if holder is not None and (known is None or known.id != holder):
            self.account.refuse(placed.fault("stock_code", "stock-code-taken", given=draft.stock_code))
        elif known is None:
            self._new(draft)
        else:
            self._compare(placed, known)

    def _again(self, placed: Placed[FirmDraft], other: Placed[FirmDraft]) -> None:
        if placed.draft == other.draft:
            self.account.leave_out(placed.place, "repeated-row", placed.draft.name)
        else:
            field = "credit_code" if placed.draft.credit_code == other.draft.credit_code else "name"
            self.account.refuse(placed.fault(field, "repeated-key", other=other.place))

    def _known(self, draft: FirmDraft) -> Organisation | None:
        """Find the firm by its codes; one without a code, or known only by name so far, also by its full name."""
        found = self.by_code.get(draft.credit_code or "") or self.by_lei.get(draft.lei or "")
        if found is not None:
            return found
        listed = self.directory.get(draft.stock_code or "")
        named = self.directory.get(draft.name)
        if listed is not None and not (_registered(draft) and listed.row.registered):
            return listed.row
        if named is None or named.way != "name":
            return None
        return named.row if not named.row.registered or not _registered(draft) else None

    def _new(self, draft: FirmDraft) -> None:
        identity = uuid4()
        registered = _registered(draft)
        self.unregistered += not registered
        self.plan.add(
            "organisation",
            id=identity,
            version=1,
            registered=registered,
            verification=0,
            demonstration=False,
            standing=Standing.VERIFIED.value,
            **_values(draft),
        )
        for scheme, value in self._free_aliases(draft, identity):
            self.plan.add("organisation_alias", scheme=scheme, value=value, organisation_id=identity)
        self.account.accepted += 1

    def _compare(self, placed: Placed[FirmDraft], known: Organisation) -> None:
        draft = placed.draft
        stated = {name: value for name, value in _values(draft).items() if name in draft.model_fields_set}
        changed = {name: value for name, value in stated.items() if not _same(getattr(known, name), value)}
        promoted = not known.registered and _registered(draft)
        if not changed and not promoted:
            self.account.leave_out(placed.place, "unchanged", draft.name)
            return
        if not self.update and known.registered:
            field = next(iter(changed))
            self.account.refuse(placed.fault(field, "already-there", name=known.name))
            return
        after = changed | ({"registered": True} if promoted else {})
        aliases = tuple(self._free_aliases(draft, known.id))
        for scheme, value in aliases:
            self.plan.add("organisation_alias", scheme=scheme, value=value, organisation_id=known.id)
        self.plan.amendments.append(Amendment(row=known, after=after, aliases=aliases))
        self.account.accepted += 1

    def _free_aliases(self, draft: FirmDraft, identity: UUID) -> list[Alias]:
        """Return the spellings that are still nobody's; of one that two firms share, the first keeps it."""
        free = []
        for alias in _aliases(draft):
            holder = self.taken.get(alias)
            if holder is None:
                self.taken[alias] = identity
                free.append(alias)
            elif holder != identity:
                self.shared_names += 1
        return free


def _registered(draft: FirmDraft) -> bool:
    return draft.credit_code is not None or draft.lei is not None


def _identities(draft: FirmDraft) -> list[str]:
    codes = [code for code in (draft.credit_code, draft.lei, draft.stock_code) if code]
    return codes if _registered(draft) else [*codes, name_key(draft.name)]


def _aliases(draft: FirmDraft) -> list[Alias]:
    aliases = [("name", name_key(draft.name))]
    if draft.short_name:
        aliases.append(("short", name_key(draft.short_name)))
    if draft.stock_code:
        aliases.append(("stock", draft.stock_code))
    return aliases


def _values(draft: FirmDraft) -> dict[str, Any]:
    values = {name: getattr(draft, name) for name in COLUMNS}
    name = values["name"] if _registered(draft) else tidy(draft.name)
    return values | {"name": name, "roles": [role.value for role in draft.roles], "grades": dict(draft.grades)}


def _same(stored: Any, stated: Any) -> bool:
    return sorted(stored) == sorted(stated) if isinstance(stated, list) else bool(stored == stated)
