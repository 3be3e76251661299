"""What the law says about a consortium: facts and packs of rules in, findings out.

A check is a named pure function that yields what it found wrong or could not tell; when it yields nothing, the rule is
met. What cannot be told never stands in anybody's way. Law is chosen for a day that the caller names, so that the same
facts and the same day give the same findings for ever.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations
from types import MappingProxyType
from uuid import UUID

from coalitions.matching import Outcome
from domain.kinds import BASIS_POINTS, PackageKind
from domain.law import Check, Pack, Premise, Rule, Severity, Stage, packs_for
from domain.message import Message, Parameter

STATEMENTS = frozenset({Check.DOCUMENT, Check.FOLLOWS, Check.RENEWED})
LEADERS_OWN = frozenset({Check.LEAD_SHARE, Check.MEMBERS_WITHIN_NOTICE, Check.NOBODY_REQUIRED, Check.TURNOVER_TABLE})
"""Checks that look at the chain leader's own rules, or from which one member could reckon another's figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of the consortium: who it is, and how many units of which package it takes.

    ``sme`` is None where nobody has said; ``turnover`` is a year's, in whole units of the home currency; ``alone``
    tells whether by what it declares it could deliver the whole lot by itself.
    """

    id: UUID
    name: str
    country: str = "CN"
    lead: bool = False
    sme: bool | None = None
    group: str | None = None
    turnover: int | None = None
    grades: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    units: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    replaces: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A work package as the law looks at it: what kind of work, what grade it asks for, under which codes it goes."""

    code: str
    kind: PackageKind
    words: str
    value: int
    quantity: int
    specialty: str | None = None
    least_grade: int | None = None
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A firm with a settled seat in another consortium for the same project."""

    id: UUID
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Something a named person stated for a rule, in the wording that held since a day, about a subject."""

    rule_id: str
    since: date
    subject: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A project and a consortium for it, as far as the law asks about them.

    ``amount`` is the project's published value in whole units of its currency; prices are no part of the facts.
    ``max_members`` and ``lead_share`` are what the notice demands, ``deadline`` the last day to come together.
    """

    name: str
    country: str
    currency: str
    amount: int
    deadline: date
    years: int = 1
    procuring_law: str | None = None
    financier: str | None = None
    max_members: int | None = None
    lead_share: int = 0
    required: int = 0
    performance: str = "divided"
    liability: str = "joint_and_several"
    incorporated: bool = False
    signed: bool = False
    running: bool = False
    owner_outside: bool = True
    members: tuple[Member, ...]
    work: tuple[Work, ...]
    rivals: tuple[Rival, ...] = ()
    settled: tuple[Settled, ...] = ()

    def value_of(self, member: Member) -> int:
        """Return the published value of what a member takes."""
        return sum(work.value * member.units.get(work.code, 0) // work.quantity for work in self.work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check found about one subject: not met, or not to be told, and why."""

    outcome: Outcome = Outcome.FAIL
    code: str
    subject: str = ""
    about: tuple[UUID, ...] = ()
    params: Mapping[str, Parameter] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How one rule came out about one subject, by the wording of its day.

    ``about`` names the members it speaks of, so that no member reads about another.
    ``acknowledged`` tells that a named person has made a statement on this rule, in this wording, on this subject.
    """

    pack: str
    version: str
    rule: Rule
    outcome: Outcome
    code: str = "met"
    subject: str = ""
    about: tuple[UUID, ...] = ()
    params: Mapping[str, Parameter] = field(default_factory=lambda: MappingProxyType({}))
    acknowledged: bool = False

    @property
    def rule_id(self) -> str:
        """The rule's id."""
        return self.rule.id

    @property
    def severity(self) -> Severity:
        """The severity that counts, see `Rule.weight`."""
        return self.rule.weight

    @property
    def message(self) -> Message:
        """What was found, to be said."""
        return Message(code=self.code, params=self.params)

    def may_read(self, reader: UUID) -> bool:
        """Whether a member may read it: what is about itself or about nobody, and nothing of the leader's own."""
        return {reader}.issuperset(self.about) and self.rule.check not in LEADERS_OWN

    @property
    def by_statement(self) -> bool:
        """Whether the rule is met by a person's statement rather than by a change."""
        return self.rule.check in STATEMENTS

    @property
    def open(self) -> bool:
        """Whether a statement on it would tell something new."""
        return self.outcome is not Outcome.PASS and (self.rule.check is Check.RENEWED or not self.acknowledged)

    @property
    def stops(self) -> bool:
        """Whether signing is forbidden: an established rule that must be met by then is not."""
        due = self.rule.before is Stage.SIGNATURE and self.outcome is Outcome.FAIL
        return due and self.severity is Severity.STOP

    @property
    def waits(self) -> bool:
        """Whether signing waits for a named person's acknowledgement: what must be known by then is not met."""
        due = self.rule.before is Stage.SIGNATURE and self.outcome is Outcome.FAIL
        return due and self.severity not in (Severity.STOP, Severity.TASK) and not self.acknowledged


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a check looks at: the facts, the rule in hand, the day."""

    facts: Facts
    rule: Rule
    on: date

    def stated(self, subject: str) -> date | None:
        """Return the last day on which somebody made the statement this rule asks for, about a subject."""
        key = (self.rule.id, self.rule.since, subject)
        made = (s.on for s in self.facts.settled if (s.rule_id, s.since, s.subject) == key and s.on <= self.on)
        return max(made, default=None)

    def stated_for(self, rule_id: str) -> date | None:
        """Return the last day on which somebody made the statement that another rule asks for."""
        return max((s.on for s in self.facts.settled if s.rule_id == rule_id and s.on <= self.on), default=None)

    @property
    def stated_at_all(self) -> bool:
        """Whether anybody had made the statement this rule asks for, about whatever subject."""
        key = (self.rule.id, self.rule.since)
        return any((s.rule_id, s.since) == key and s.on <= self.on for s in self.facts.settled)


def findings(packs: Iterable[Pack], facts: Facts, on: date) -> tuple[Finding, ...]:
    """Return what each rule in force on a day finds about a consortium; a rule that does not speak is left out.

    >>> findings((), Facts(name="n", country="ID", currency="CNY", amount=1, deadline=date(2027, 1, 1), members=(),
    ...          work=()), date(2026, 12, 1))
    ()
    """
    governing = packs_for(
        packs,
        procuring_law=facts.procuring_law,
        financier=facts.financier,
        nationalities={member.country for member in facts.members},
        on=on,
    )
    return tuple(found for pack in governing for rule in pack.rules for found in _judged(pack, rule, facts, on))


def _judged(pack: Pack, rule: Rule, facts: Facts, on: date) -> Iterator[Finding]:
    conditions = [pack.conditions[name] for name in rule.when]
    if not all(PREMISES[each.premise](facts, **each.figures) for each in conditions):
        return
    case = Case(facts=facts, rule=rule, on=on)
    verdicts = tuple(CHECKS[rule.check](case, **rule.figures))
    for verdict in verdicts:
        yield Finding(
            pack=pack.id,
            version=pack.version,
            rule=rule,
            outcome=verdict.outcome,
            code=verdict.code,
            subject=verdict.subject,
            about=verdict.about,
            params=verdict.params,
            acknowledged=case.stated(verdict.subject) is not None,
        )
    if not verdicts:
        yield Finding(
            pack=pack.id, version=pack.version, rule=rule, outcome=Outcome.PASS, acknowledged=case.stated_at_all
        )


def _of(member: Member, code: str, outcome: Outcome = Outcome.FAIL, **params: Parameter) -> Verdict:
    """Say something about one member."""
    return Verdict(
        outcome=outcome, code=code, subject=str(member.id), about=(member.id,), params={"member": member.name, **params}
    )


def _doing(facts: Facts, work: Work) -> list[Member]:
    return [member for member in facts.members if member.units.get(work.code, 0)]


# ------------------------------------------------------------------ checks on who the members are


def _members_at_least(case: Case, *, least: int) -> Iterator[Verdict]:
    if len(case.facts.members) < least:
        yield Verdict(code="members-too-few", params={"members": len(case.facts.members), "least": least})


def _members_within_notice(case: Case) -> Iterator[Verdict]:
    most = case.facts.max_members
    if most is not None and len(case.facts.members) > most:
        yield Verdict(code="members-too-many", params={"members": len(case.facts.members), "most": most})


def _one_lead(case: Case) -> Iterator[Verdict]:
    leads = sum(member.lead for member in case.facts.members)
    if leads != 1:
        yield Verdict(code="leads", params={"leads": leads})


def _lead_share(case: Case) -> Iterator[Verdict]:
    """The notice may ask more of the lead; here it asks for a share of the value."""
    whole = sum(map(case.facts.value_of, case.facts.members))
    for lead in (member for member in case.facts.members if member.lead):
        if case.facts.value_of(lead) * BASIS_POINTS < case.facts.lead_share * whole:
            yield _of(lead, "lead-share", least=case.facts.lead_share)


def _qualified(case: Case) -> Iterator[Verdict]:
    for work in case.facts.work:
        if work.least_grade is None:
            continue
        for member in _doing(case.facts, work):
            held = member.grades.get(work.specialty or "")
            if held is None and not member.grades:
                yield _of(member, "grade-unknown", Outcome.UNKNOWN, package=work.code)
            elif (held or 0) < work.least_grade:
                yield _of(member, "grade-too-low", package=work.code, held=held, least=work.least_grade)


def _lowest_grade(case: Case) -> Iterator[Verdict]:
    """Members of one specialty count, together, as much as the lowest of them."""
    specialties = sorted({work.specialty for work in case.facts.work if work.specialty and work.least_grade})
    for specialty in specialties:
        alike = [work for work in case.facts.work if work.specialty == specialty]
        least = max(work.least_grade or 0 for work in alike)
        doing = {member.id: member for work in alike for member in _doing(case.facts, work)}
        held = [member.grades.get(specialty) for member in doing.values()]
        known = [grade for grade in held if grade is not None]
        if known and min(known) < least:
            params: dict[str, Parameter] = {"specialty": specialty, "lowest": min(known), "least": least}
            yield Verdict(code="lowest-grade", subject=specialty, params=params)
        elif len(known) < len(held):
            yield Verdict(
                outcome=Outcome.UNKNOWN,
                code="lowest-grade-unknown",
                subject=specialty,
                params={"specialty": specialty, "undeclared": len(held) - len(known)},
            )


def _turnover_table(case: Case, *, times: int, each: int, one: int, currency: str) -> Iterator[Verdict]:
    """The usual table of development banks: all reach the turnover asked for, each a part of it, one a larger part."""
    turnovers = [member.turnover for member in case.facts.members]
    known = [turnover for turnover in turnovers if turnover is not None]
    if case.facts.currency != currency or len(known) < len(turnovers):
        yield Verdict(
            outcome=Outcome.UNKNOWN, code="turnover-unknown", params={"undeclared": len(turnovers) - len(known)}
        )
        return
    asked = case.facts.amount * times // (BASIS_POINTS * case.facts.years)
    if sum(known) < asked:
        yield Verdict(code="turnover-together", subject="together", params={"times": times})
    if max(known, default=0) * BASIS_POINTS < asked * one:
        yield Verdict(code="turnover-one", subject="one", params={"one": one})
    for member, turnover in zip(case.facts.members, known, strict=True):
        if turnover * BASIS_POINTS < asked * each:
            yield _of(member, "turnover-each", each=each)


def _small_share(case: Case, *, least: int) -> Iterator[Verdict]:
    whole = sum(map(case.facts.value_of, case.facts.members))
    small = sum(case.facts.value_of(member) for member in case.facts.members if member.sme)
    unsaid = sum(case.facts.value_of(member) for member in case.facts.members if member.sme is None)
    if small * BASIS_POINTS >= least * whole:
        return
    possible = (small + unsaid) * BASIS_POINTS >= least * whole
    yield Verdict(
        outcome=Outcome.UNKNOWN if possible else Outcome.FAIL,
        code="small-share-unknown" if possible else "small-share",
        params={"least": least},
    )


def _every_member_small(case: Case) -> Iterator[Verdict]:
    for member in case.facts.members:
        if member.sme is None:
            yield _of(member, "size-unknown", Outcome.UNKNOWN)
        elif not member.sme:
            yield _of(member, "not-small")


def _unrelated_members(case: Case) -> Iterator[Verdict]:
    for one, other in combinations(case.facts.members, 2):
        if one.group is not None and one.group == other.group:
            params = {"member": one.name, "other": other.name, "group": one.group}
            yield Verdict(
                code="members-related", subject=f"{one.id} {other.id}", about=(one.id, other.id), params=params
            )


def _contestable(case: Case) -> Iterator[Verdict]:
    """Two who could each have bid alone compete less by bidding together: somebody must have a reason for it."""
    able = [member for member in case.facts.members if member.alone]
    if len(able) > 1:
        yield Verdict(
            code="members-could-alone",
            subject=" ".join(str(member.id) for member in able[:3]),
            about=tuple(member.id for member in able),
            params={"members": "、".join(member.name for member in able), "count": len(able)},
        )


def _one_team(case: Case) -> Iterator[Verdict]:
    elsewhere = {rival.id for rival in case.facts.rivals}
    for member in case.facts.members:
        if member.id in elsewhere:
            yield _of(member, "seat-elsewhere")


def _unrelated_rivals(case: Case) -> Iterator[Verdict]:
    groups = {rival.group for rival in case.facts.rivals if rival.group is not None}
    for member in case.facts.members:
        if member.group in groups:
            yield _of(member, "relation-elsewhere", group=member.group)


def _nobody_replaced(case: Case) -> Iterator[Verdict]:
    for member in case.facts.members:
        if member.replaces:
            yield _of(member, "member-changed")


def _nobody_required(case: Case) -> Iterator[Verdict]:
    if case.facts.required:
        yield Verdict(code="members-required", params={"required": case.facts.required})


# ------------------------------------------------------------------ checks on what they agree


def _liability(case: Case, *, wanted: str) -> Iterator[Verdict]:
    if case.facts.liability != wanted:
        yield Verdict(code="liability", params={"liability": case.facts.liability, "wanted": wanted})


def _performance(case: Case, *, among: list[str]) -> Iterator[Verdict]:
    if case.facts.performance not in among:
        params = {"performance": case.facts.performance, "among": ",".join(among)}
        yield Verdict(code="performance", params=params)


def _signed(case: Case) -> Iterator[Verdict]:
    if not case.facts.signed:
        yield Verdict(code="not-signed")


def _in_time(case: Case) -> Iterator[Verdict]:
    if not case.facts.signed and case.on > case.facts.deadline:
        yield Verdict(code="too-late", params={"deadline": case.facts.deadline.isoformat()})


def _name_without(case: Case, *, words: list[str]) -> Iterator[Verdict]:
    for word in words:
        if word in case.facts.name:
            yield Verdict(code="name-with", subject=word, params={"word": word})


# ------------------------------------------------------------------ checks on where, what and how much


def _country_outside(case: Case, *, places: list[str]) -> Iterator[Verdict]:
    if case.facts.country in places:
        yield Verdict(code="country-listed", subject=case.facts.country, params={"country": case.facts.country})


def _amount_below(case: Case, *, usd: int, per_usd: Mapping[str, tuple[float, float]]) -> Iterator[Verdict]:
    """Compare with a sum in US dollars by the bounds between which a dollar has cost; within them nothing is said."""
    low, high = per_usd.get(case.facts.currency, (0, float("inf")))
    params: dict[str, Parameter] = {"usd": usd, "currency": case.facts.currency}
    if case.facts.amount >= usd * high:
        yield Verdict(code="amount-reached", params=params)
    elif case.facts.amount >= usd * low:
        yield Verdict(outcome=Outcome.UNKNOWN, code="amount-near", params=params)


def _packages_outside(case: Case, *, kinds: list[str], words: list[str]) -> Iterator[Verdict]:
    for work in case.facts.work:
        if _is(work, kinds, words):
            yield Verdict(code="package-within", subject=work.code, params={"package": work.code})


def _is(work: Work, kinds: Iterable[str], words: Iterable[str]) -> bool:
    told = work.words.casefold()
    return work.kind in kinds or any(word in told for word in words)


def _codes_outside(case: Case, *, system: str, prefixes: list[str], kinds: list[str], home: str) -> Iterator[Verdict]:
    """Goods that leave home under a listed code need a licence; goods without a code cannot be told."""
    if case.facts.country == home:
        return
    for work in case.facts.work:
        if work.kind not in kinds:
            continue
        codes = work.codes.get(system, ())
        listed = next((code for code in codes if code.startswith(tuple(prefixes))), None)
        params: dict[str, Parameter] = {"package": work.code, "system": system, "given": listed}
        if listed is not None:
            yield Verdict(code="code-listed", subject=work.code, params=params)
        elif not codes:
            yield Verdict(outcome=Outcome.UNKNOWN, code="code-missing", subject=work.code, params=params)


# ------------------------------------------------------------------ checks on statements and their days


def _document(case: Case, *, whose: str = "consortium") -> Iterator[Verdict]:
    """Ask for a statement: one for the consortium, the lead's own, or one of each member."""
    if whose == "consortium":
        if case.stated("") is None:
            yield Verdict(code="document-missing")
        return
    for member in case.facts.members:
        if (member.lead or whose == "each") and case.stated(str(member.id)) is None:
            yield _of(member, "document-missing-of")


def _follows(case: Case, *, after: str, days: int) -> Iterator[Verdict]:
    """Within some days of one statement the next is due; before the first nothing can be told."""
    began = case.stated_for(after)
    if case.stated("") is not None:
        return
    if began is None:
        yield Verdict(outcome=Outcome.UNKNOWN, code="not-begun", params={"after": after})
    elif case.on > began + timedelta(days=days):
        yield Verdict(code="overdue", params={"after": after, "days": days, "since": began.isoformat()})


def _renewed(case: Case, *, days: int) -> Iterator[Verdict]:
    last = case.stated("")
    if last is None or case.on > last + timedelta(days=days):
        yield Verdict(code="report-due", params={"days": days, "last": last.isoformat() if last else None})


CHECKS: Mapping[Check, Callable[..., Iterator[Verdict]]] = {
    Check.AMOUNT_BELOW: _amount_below,
    Check.CODES_OUTSIDE: _codes_outside,
    Check.CONTESTABLE: _contestable,
    Check.COUNTRY_OUTSIDE: _country_outside,
    Check.DOCUMENT: _document,
    Check.EVERY_MEMBER_SMALL: _every_member_small,
    Check.FOLLOWS: _follows,
    Check.IN_TIME: _in_time,
    Check.LEAD_SHARE: _lead_share,
    Check.LIABILITY: _liability,
    Check.LOWEST_GRADE: _lowest_grade,
    Check.MEMBERS_AT_LEAST: _members_at_least,
    Check.MEMBERS_WITHIN_NOTICE: _members_within_notice,
    Check.NAME_WITHOUT: _name_without,
    Check.NOBODY_REPLACED: _nobody_replaced,
    Check.NOBODY_REQUIRED: _nobody_required,
    Check.ONE_LEAD: _one_lead,
    Check.ONE_TEAM: _one_team,
    Check.PACKAGES_OUTSIDE: _packages_outside,
    Check.PERFORMANCE: _performance,
    Check.QUALIFIED: _qualified,
    Check.RENEWED: _renewed,
    Check.SIGNED: _signed,
    Check.SMALL_SHARE: _small_share,
    Check.TURNOVER_TABLE: _turnover_table,
    Check.UNRELATED_MEMBERS: _unrelated_members,
    Check.UNRELATED_RIVALS: _unrelated_rivals,
}


# ------------------------------------------------------------------ when a rule speaks


def _members_from(facts: Facts, *, country: str, least: int = 1) -> bool:
    return sum(member.country == country for member in facts.members) >= least


PREMISES: Mapping[Premise, Callable[..., bool]] = {
    Premise.COUNTRY_OUTSIDE: lambda facts, *, places: facts.country not in places,
    Premise.INCORPORATED: lambda facts: facts.incorporated,
    Premise.MEMBERS_FROM: _members_from,
    Premise.MEMBERS_NOT_FROM: lambda facts, *, country: any(m.country != country for m in facts.members),
    Premise.OWNER_OUTSIDE: lambda facts: facts.owner_outside,
    Premise.PACKAGES_INCLUDE: lambda facts, *, kinds, words: any(_is(work, kinds, words) for work in facts.work),
    Premise.PACKAGE_SHARED: lambda facts: any(len(_doing(facts, work)) > 1 for work in facts.work),
    Premise.RUNNING: lambda facts: facts.running,
}
