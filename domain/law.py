"""Rules of law as dated data: packs of rules, chosen by what governs a tender, each rule with its source and its dates.

The packs stand as TOML in ``domain/law/``; this module says what a pack is, refuses one that contradicts itself, and
chooses what applies on a day. What a rule finds out is in ``coalitions/compliance.py``. A rule that changes is not
edited: the old wording gets an end, the new one a beginning, so that a decision can be made again as on its day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise
from re import escape, search
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, StringConstraints, TypeAdapter

RuleId = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,4}(-[A-Za-z0-9.]{1,12})?$")]
Figures = Mapping[str, Any]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Severity(StrEnum):
    """What a rule that is not met means."""

    STOP = "stop"
    FILING = "needs-filing"
    LICENCE = "needs-licence"
    WARN = "warn"
    TASK = "task"


class Basis(StrEnum):
    """Whether a rule was read in public sources (E), or is still to be confirmed and may only warn (K)."""

    ESTABLISHED = "E"
    UNCONFIRMED = "K"


class Stage(StrEnum):
    """By when a rule has to be met."""

    SIGNATURE = "signature"
    BID = "bid"
    WORK = "work"


class Filer(StrEnum):
    """Whose task a filing is: the lead's for all, or theirs whom it concerns."""

    LEAD = "lead"
    CONCERNED = "concerned"


class Check(StrEnum):
    """What a rule looks at; each is one function of ``coalitions/compliance.py``."""

    AMOUNT_BELOW = "amount_below"
    CONTESTABLE = "contestable"
    CODES_OUTSIDE = "codes_outside"
    COUNTRY_OUTSIDE = "country_outside"
    DOCUMENT = "document"
    EVERY_MEMBER_SMALL = "every_member_small"
    FOLLOWS = "follows"
    IN_TIME = "in_time"
    LEAD_SHARE = "lead_share"
    LIABILITY = "liability"
    LOWEST_GRADE = "lowest_grade"
    MEMBERS_AT_LEAST = "members_at_least"
    MEMBERS_WITHIN_NOTICE = "members_within_notice"
    NAME_WITHOUT = "name_without"
    NOBODY_REPLACED = "nobody_replaced"
    NOBODY_REQUIRED = "nobody_required"
    ONE_LEAD = "one_lead"
    ONE_TEAM = "one_team"
    PACKAGES_OUTSIDE = "packages_outside"
    PERFORMANCE = "performance"
    QUALIFIED = "qualified"
    RENEWED = "renewed"
    SIGNED = "signed"
    SMALL_SHARE = "small_share"
    TURNOVER_TABLE = "turnover_table"
    UNRELATED_MEMBERS = "unrelated_members"
    UNRELATED_RIVALS = "unrelated_rivals"


class Premise(StrEnum):
    """What must be so for a rule to speak at all."""

    COUNTRY_OUTSIDE = "country_outside"
    INCORPORATED = "incorporated"
    MEMBERS_FROM = "members_from"
    MEMBERS_NOT_FROM = "members_not_from"
    OWNER_OUTSIDE = "owner_outside"
    PACKAGES_INCLUDE = "packages_include"
    PACKAGE_SHARED = "package_shared"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One text in both languages."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    zh: Text
    en: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that must be so for a rule to speak, with its figures."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    premise: Premise
    figures: Figures = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """How a filing is made or a licence applied for: by whom, where, with which papers, told by which source.

    ``within`` names a rule whose filing meets this one too, where that filing is to be made.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    who: Filer
    where: Wording
    papers: tuple[Wording, ...]
    source: Wording
    within: RuleId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule in one wording: in force from ``since`` to the day before ``until``.

    ``when`` names conditions of its pack, all of which must hold for the rule to speak. A rule whose basis is not
    established warns and never forbids, whatever its severity says.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: RuleId
    title: Wording
    says: Wording
    source: Wording
    since: date
    until: date | None = None
    severity: Severity
    basis: Basis
    before: Stage
    check: Check
    figures: Figures = field(default_factory=dict)
    when: tuple[str, ...] = ()
    filing: Procedure | None = None

    @property
    def weight(self) -> Severity:
        """The severity that counts: an unconfirmed rule can do no more than warn.

        >>> rule = Rule(id="X-1", title=Wording(zh="题", en="T"), says=Wording(zh="说", en="S"),
        ...             source=Wording(zh="源", en="O"), since=date(2020, 1, 1), severity=Severity.STOP,
        ...             basis=Basis.UNCONFIRMED, before=Stage.BID, check=Check.SIGNED)
        >>> rule.weight.value, replace(rule, basis=Basis.ESTABLISHED).weight.value
        ('warn', 'stop')
        """
        confirmed = self.basis is Basis.ESTABLISHED or self.severity is Severity.TASK
        return self.severity if confirmed else Severity.WARN

    def in_force(self, on: date) -> bool:
        """Tell whether the rule holds on a day."""
        return self.since <= on and (self.until is None or on < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a pack governs; a part that is left empty is not asked about, and one match in a part is enough."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    procuring_law: tuple[str, ...] = ()
    financier: tuple[str, ...] = ()
    nationality: tuple[str, ...] = ()

    def covers(self, procuring_law: str | None, financier: str | None, nationalities: Iterable[str]) -> bool:
        """Tell whether every part that is stated matches.

        A code of law covers its branches, and a general code every branch the pack knows: ``CN`` and ``CN-BID-2017``
        both fall under a scope of ``CN-BID``. A financier is known by name, in any spelling that the pack lists.

        >>> Scope(procuring_law=("CN-BID",)).covers("ADB-2023", None, ["CN"])
        False
        >>> Scope(financier=("ADB",)).covers(None, "Asian Development Bank (ADB)", [])
        True
        """
        return (
            (not self.procuring_law or any(_same_law(procuring_law or "", code) for code in self.procuring_law))
            and (not self.financier or any(_names(financier or "", name) for name in self.financier))
            and (not self.nationality or not set(self.nationality).isdisjoint(nationalities))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Rules of one origin, applied together where one of the scopes covers a tender; ``version`` names the data."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{1,30}$")]
    version: Annotated[str, StringConstraints(pattern=r"^20\d\d\.\d{1,2}$")]
    title: Wording
    applies: tuple[Scope, ...]
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    rules: tuple[Rule, ...]


_PACK = TypeAdapter(Pack)


def read_packs(documents: Iterable[Mapping[str, Any]]) -> tuple[Pack, ...]:
    """Return the packs that TOML documents describe, in the order of their ids.

    Raises ValueError (Pydantic's, naming the place) for a document that is no pack, and when packs contradict
    themselves or each other: an id that stands twice, a period that is empty, two wordings in force on one day, a
    condition that is not there, a filing without its procedure.
    """
    packs = tuple(sorted((_PACK.validate_python(document) for document in documents), key=lambda pack: pack.id))
    faults = [*_twice(packs), *(fault for pack in packs for fault in _contradictions(pack))]
    if faults:
        raise ValueError("; ".join(faults))
    return packs


def packs_for(
    packs: Iterable[Pack], *, procuring_law: str | None, financier: str | None, nationalities: Iterable[str], on: date
) -> tuple[Pack, ...]:
    """Return the packs that govern a tender, each with the rules in force on a day; a pack without any is left out.

    Chinese bidding law governs procurement in China, so it never applies to an overseas tender by default: nothing but
    the tender's own ``procuring_law`` brings it in.
    """
    members = frozenset(nationalities)
    chosen = (
        replace(pack, rules=tuple(rule for rule in pack.rules if rule.in_force(on)))
        for pack in packs
        if any(scope.covers(procuring_law, financier, members) for scope in pack.applies)
    )
    return tuple(pack for pack in chosen if pack.rules)


def table(packs: Iterable[Pack]) -> str:
    """Return the rules as the Markdown tables of ``docs/law.md``, one for each pack."""
    return "\n".join(line for pack in packs for line in _section(pack))


def filing_table(packs: Iterable[Pack]) -> str:
    """Return who files what, where and with which papers, as the Markdown table of ``docs/law.md``."""
    head = "| id | 由谁 · who | 向何处 · where | 材料 · papers | 依据 · source |\n|---|---|---|---|---|"
    rows = (
        f"| {rule.id} | {filing.who}{f', within {filing.within}' if filing.within else ''}"
        f" | {filing.where.zh}<br>{filing.where.en}"
        f" | {'；'.join(paper.zh for paper in filing.papers)}<br>{'; '.join(paper.en for paper in filing.papers)}"
        f" | {filing.source.zh}<br>{filing.source.en} |"
        for pack in packs
        for rule in pack.rules
        if (filing := rule.filing) is not None
    )
    return "\n".join((head, *dict.fromkeys(rows)))


def _section(pack: Pack) -> Iterable[str]:
    yield f"## {pack.title.zh} · {pack.title.en}"
    yield ""
    yield f"`{pack.id}`, {pack.version}. {' · '.join(_scope(scope) for scope in pack.applies)}"
    yield ""
    yield "| id | 规则 · rule | 依据 · source | 施行 · in force | severity | basis | before | check |"
    yield "|---|---|---|---|---|---|---|---|"
    for rule in pack.rules:
        yield (
            f"| {rule.id} | {rule.says.zh}<br>{rule.says.en} | {rule.source.zh}<br>{rule.source.en}"
            f" | {rule.since} – {rule.until or ''} | {rule.severity} | {rule.basis} | {rule.before} | `{rule.check}` |"
        )
    yield ""


def _scope(scope: Scope) -> str:
    parts = {"procuring law": scope.procuring_law, "financier": scope.financier, "nationality": scope.nationality}
    return " and ".join(f"{name}: {', '.join(values)}" for name, values in parts.items() if values)


def _same_law(given: str, code: str) -> bool:
    one, other = given.upper(), code.upper()
    return bool(one) and (one == other or one.startswith(other + "-") or other.startswith(one + "-"))


def _names(given: str, name: str) -> bool:
    """Tell whether a text names a bank: in Chinese anywhere, in Latin letters as whole words."""
    return search(rf"(?<![a-z0-9]){escape(name.casefold())}(?![a-z0-9])", given.casefold()) is not None


def _twice(packs: tuple[Pack, ...]) -> Iterable[str]:
    yield from (f"pack {one.id} stands twice" for one, other in pairwise(packs) if one.id == other.id)
    homes: dict[str, str] = {}
    for pack in packs:
        for rule in pack.rules:
            if homes.setdefault(rule.id, pack.id) != pack.id:
                yield f"{rule.id} stands in {homes[rule.id]} and {pack.id}"


def _contradictions(pack: Pack) -> Iterable[str]:
    for rule in pack.rules:
        if (rule.filing is not None) != (rule.severity in (Severity.FILING, Severity.LICENCE)):
            yield f"{rule.id} must tell how it is filed, if and only if it is"
        if rule.until is not None and rule.until <= rule.since:
            yield f"{rule.id} ends before it begins"
        yield from (
            f"{rule.id} asks for {name}, which is no condition" for name in rule.when if name not in pack.conditions
        )
    for one, other in pairwise(sorted(pack.rules, key=lambda rule: (rule.id, rule.since))):
        if one.id == other.id and (one.until is None or one.until > other.since):
            yield f"{one.id} has two wordings on {other.since}"
