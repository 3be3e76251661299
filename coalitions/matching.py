"""Who could serve which work package, how well and why: World × Opening -> fits with their criteria.

A capability covers what is asked in one of four ways, the best of which counts:

- *code*: its code is the one asked or a narrower one (`domain.capability.code_cover`); a broader one is unproven;
- *words*: the phrases are the same, or share most of their character pairs;
- *narrower*: its phrase is a known kind of the product asked, or names one by ending in it (低压开关柜, 开关柜);
- *meaning*: the search found the phrases near in meaning (``World.nearness``), across languages.

What nobody has declared is *unknown*: it never excludes a firm, it lowers the score and is asked for at invitation.
A mandatory criterion that *fails* excludes; the fit is kept, so that the firm can be told why.

    score = cover × (60 + 40 × credit) / 100      cover: how well what is asked is covered, 0 to 100, weighted mean
    credit of the other criteria, weighted mean: pass 1, unknown ½, fail 0; mandatory weighs 2, others 1
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from domain.calendar import months
from domain.capability import (
    CodeCover,
    bigrams,
    closure,
    code_cover,
    fold,
    index_narrower,
    is_kind_by_name,
    without_own_name,
)
from domain.kinds import RequirementKind
from domain.message import Message, Parameter
from domain.world import Held, Need, Offering, Opening, Package, Supplier, World

THRESHOLD = 50
"""The likeness in meaning from which two phrases match; see ``api/vectors.py`` for its calibration."""
WORDS_THRESHOLD = 70
DEPTH = 2
EXACT, NARROWER_CODE, UNPROVEN_CODE, KIND_BY_NAME, WORDS_LIMIT, NARROWER_STEP = 100, 95, 40, 90, 80, 5


class Way(StrEnum):
    """How a capability answers a need; of equal covers the first way counts."""

    CODE = "code"
    WORDS = "words"
    NARROWER = "narrower"
    MEANING = "meaning"


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 - an outcome, not a secret
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One thing that was checked: what was found, what was asked, how it came out.

    >>> late = Criterion(code="lead_time", outcome=Outcome.FAIL, value=90, threshold=60)
    >>> late.message.code, late.excludes
    ('lead_time-fail', True)
    """

    code: str
    outcome: Outcome
    subject: str | None = None
    value: Parameter = None
    threshold: Parameter = None
    mandatory: bool = True

    @property
    def excludes(self) -> bool:
        """Whether this alone keeps the firm out."""
        return self.mandatory and self.outcome is Outcome.FAIL

    @property
    def message(self) -> Message:
        """The criterion as something to be said, in section ``criterion`` of the catalogues."""
        params = {"subject": self.subject, "value": self.value, "threshold": self.threshold}
        return Message(code=f"{self.code}-{self.outcome}", params=MappingProxyType(params))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One supplier for one package by its best capability.

    ``capacity`` is what is free over the package's months, in the package's unit; None where undeclared or in another
    unit. ``price`` is per unit of the package in the opening's currency; None likewise.
    """

    supplier_id: UUID
    offering_id: UUID
    score: int
    eligible: bool
    way: Way
    criteria: tuple[Criterion, ...]
    capacity: int | None
    lead_days: int | None
    price: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFit:
    """All who could serve one package: the eligible first, then by score, then by id."""

    package_id: UUID
    fits: tuple[Fit, ...]

    @property
    def eligible(self) -> tuple[Fit, ...]:
        """The fits that no criterion excludes."""
        return tuple(fit for fit in self.fits if fit.eligible)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """How well one capability answers one need."""

    score: int
    way: Way
    proven: bool = True

    @property
    def rank(self) -> tuple[int, int]:
        """What makes one cover better than another."""
        return self.score, -list(Way).index(self.way)


def match(world: World, opening: Opening, *, threshold: int = THRESHOLD, depth: int = DEPTH) -> tuple[PackageFit, ...]:
    """Return, for each package in order, every supplier whose capability answers at least one of its needs.

    A package that asks for no capability asks for its own name. The order of suppliers, capabilities and pairs in the
    World does not matter; a further capability never removes a fit nor lowers its score. The opening's owner fits only
    where its rules name it (required, locked, lead).

    Note: one pass over all capabilities, then work per fit; 12 packages × 39,732 capabilities take about a second.

    >>> from domain.kinds import PackageKind
    >>> inverter = Offering(id=UUID(int=7), phrase="组串式光伏逆变器", unit="C62", monthly=20)
    >>> world = World(as_of=date(2026, 1, 1), suppliers=(Supplier(id=UUID(int=1), name="甲", offerings=(inverter,)),))
    >>> package = Package(
    ...     id=UUID(int=2), code="WP1", name="光伏逆变器", kind=PackageKind.GOODS, unit="C62", quantity=40, value=0,
    ...     starts=date(2026, 3, 1), ends=date(2026, 4, 30),
    ... )
    >>> opening = Opening(
    ...     id=UUID(int=3), owner_id=UUID(int=4), edition=1, title="", country="KE", currency="CNY", budget=None,
    ...     starts=package.starts, ends=package.ends, packages=(package,),
    ... )
    >>> fit = match(world, opening)[0].fits[0]
    >>> fit.way.value, fit.score, fit.capacity, [criterion.code for criterion in fit.criteria]
    ('narrower', 90, 40, ['capability', 'validity', 'unit', 'capacity'])
    """
    needs = {package.id: capability_needs(package) for package in opening.packages}
    answers = _answers(world, needs, threshold, depth)
    return tuple(
        PackageFit(package_id=package.id, fits=_fits(world, opening, package, answers.get(package.id, {})))
        for package in opening.packages
    )


def capability_needs(package: Package) -> tuple[Need, ...]:
    """Return what a package asks its suppliers to be able to do; its own name where it states nothing."""
    stated = tuple(need for need in package.needs if need.kind is RequirementKind.CAPABILITY)
    return stated or (Need(id=package.id, kind=RequirementKind.CAPABILITY, phrase=package.name),)


def need_phrases(opening: Opening) -> tuple[str, ...]:
    """Return the distinct phrases by which an opening asks for capabilities, in order; the search looks for these."""
    needs = (need for package in opening.packages for need in capability_needs(package))
    return tuple(dict.fromkeys(need.phrase for need in needs if need.phrase))


def phrases_to_embed(opening: Opening, known: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the phrases of an opening for which no vector is known yet."""
    already = frozenset(known)
    return tuple(phrase for phrase in need_phrases(opening) if phrase not in already)


# ---- from phrases and codes to covers ----

Covers = dict[UUID, Cover]
"""By need."""
Given = Sequence[tuple[Offering, Covers]]
"""The capabilities of one supplier that answer a package, with what they cover."""


def _answers(
    world: World, needs: Mapping[UUID, tuple[Need, ...]], threshold: int, depth: int
) -> Mapping[UUID, Mapping[int, Given]]:
    """Go once over all capabilities and keep those that answer a need: by package, by the supplier's place."""
    offered = [(place, each, _spellings(each, supplier)) for place, supplier, each in _offerings(world)]
    asked = [(package_id, need) for package_id, stated in needs.items() for need in stated]
    table = _cover_table(world, asked, {spelling for _, _, found in offered for spelling in found}, threshold, depth)
    coded = [at for at, (_, need) in enumerate(asked) if need.code and need.code_system]
    answers: dict[UUID, dict[int, list[tuple[Offering, Covers]]]] = defaultdict(lambda: defaultdict(list))
    for place, offering, spellings in offered:
        found: dict[int, Cover] = {}
        for spelling in spellings:
            _merge(found, table.get(spelling, {}))
        if offering.code:
            _merge(found, _covers_by_code(offering, asked, coded))
        by_package: dict[UUID, Covers] = defaultdict(dict)
        for at, cover in found.items():
            by_package[asked[at][0]][asked[at][1].id] = cover
        for package_id, covers in by_package.items():
            answers[package_id][place].append((offering, covers))
    return answers


def _offerings(world: World) -> Iterator[tuple[int, Supplier, Offering]]:
    for place, supplier in enumerate(world.suppliers):
        for offering in supplier.offerings:
            yield place, supplier, offering


def _spellings(offering: Offering, supplier: Supplier) -> set[str]:
    found = {fold(offering.phrase), without_own_name(offering.phrase, supplier.name)}
    return found | {fold(offering.phrase_en)} if offering.phrase_en else found


def _merge(known: dict[int, Cover], more: Mapping[int, Cover]) -> None:
    for at, cover in more.items():
        if at not in known or cover.rank > known[at].rank:
            known[at] = cover


def _covers_by_code(offering: Offering, asked: Sequence[tuple[UUID, Need]], coded: Iterable[int]) -> dict[int, Cover]:
    found = {at: _cover_by_code(offering, asked[at][1]) for at in coded}
    return {at: cover for at, cover in found.items() if cover is not None}


def _cover_by_code(offering: Offering, need: Need) -> Cover | None:
    match code_cover(offering.code_system or "", offering.code, need.code_system or "", need.code or ""):
        case CodeCover.FULL:
            same = code_cover(need.code_system or "", need.code or "", offering.code_system or "", offering.code)
            return Cover(score=EXACT if same is CodeCover.FULL else NARROWER_CODE, way=Way.CODE)
        case CodeCover.UNPROVEN:
            return Cover(score=UNPROVEN_CODE, way=Way.CODE, proven=False)
        case _:
            return None


def _cover_table(
    world: World, asked: Sequence[tuple[UUID, Need]], spellings: Iterable[str], threshold: int, depth: int
) -> Mapping[str, dict[int, Cover]]:
    """Return, by the folded phrase of a capability, which of the asked needs it covers and how."""
    places: dict[str, list[int]] = defaultdict(list)
    for at, (_, need) in enumerate(asked):
        if need.phrase:
            places[need.phrase].append(at)
    table: dict[str, dict[int, Cover]] = defaultdict(dict)
    found = (
        *_by_kind(world, places, depth),
        *_by_meaning(world, places, threshold),
        *_by_words(places, spellings),
    )
    for spelling, phrase, cover in found:
        _merge(table[spelling], dict.fromkeys(places[phrase], cover))
    return table


Finding = tuple[str, str, Cover]
"""A capability's folded phrase, a need's phrase, and how the first covers the second."""


def _by_kind(world: World, phrases: Iterable[str], depth: int) -> Iterator[Finding]:
    index = index_narrower(world.narrower)
    for phrase in phrases:
        for kind, steps in closure(index, phrase, depth).items():
            yield kind, phrase, Cover(score=NARROWER_CODE - NARROWER_STEP * steps, way=Way.NARROWER)


def _by_meaning(world: World, phrases: Mapping[str, Any], threshold: int) -> Iterator[Finding]:
    for (need, have), likeness in world.nearness.items():
        if likeness >= threshold and need in phrases:
            yield fold(have), need, Cover(score=likeness, way=Way.MEANING)


def _by_words(phrases: Iterable[str], spellings: Iterable[str]) -> Iterator[Finding]:
    """Compare each distinct spelling with the needs it shares a pair of characters with."""
    needs = {phrase: fold(phrase) for phrase in phrases}
    sizes = {phrase: len(bigrams(folded)) for phrase, folded in needs.items()}
    holding: dict[str, list[str]] = defaultdict(list)
    for phrase, folded in needs.items():
        for gram in bigrams(folded):
            holding[gram].append(phrase)
    for spelling in spellings:
        grams = bigrams(spelling)
        for phrase, common in Counter(phrase for gram in grams for phrase in holding.get(gram, ())).items():
            likeness = 200 * common // (sizes[phrase] + len(grams))
            if spelling == needs[phrase]:
                yield spelling, phrase, Cover(score=EXACT, way=Way.WORDS)
            elif is_kind_by_name(spelling, needs[phrase]):
                yield spelling, phrase, Cover(score=KIND_BY_NAME, way=Way.NARROWER)
            elif likeness >= WORDS_THRESHOLD:
                yield spelling, phrase, Cover(score=min(likeness, WORDS_LIMIT), way=Way.WORDS)


# ---- from covers to fits ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One capability of one supplier, held against one package."""

    as_of: date
    opening: Opening
    package: Package
    supplier: Supplier
    offering: Offering


def _fits(world: World, opening: Opening, package: Package, answers: Mapping[int, Given]) -> tuple[Fit, ...]:
    best = []
    for place, given in answers.items():
        cases = [
            Case(as_of=world.as_of, opening=opening, package=package, supplier=world.suppliers[place], offering=each)
            for each, _ in given
        ]
        best.append(max((_fit(case, given) for case in cases), key=_preference))
    return tuple(sorted(best, key=lambda fit: (not fit.eligible, -fit.score, fit.supplier_id)))


def _preference(fit: Fit) -> tuple[bool, int, bool, int, int]:
    """Prefer the capability that may serve, fits best, has declared most; the smallest id decides between equals."""
    return fit.eligible, fit.score, fit.capacity is not None, fit.capacity or 0, -fit.offering_id.int


def _fit(case: Case, given: Given) -> Fit:
    own = next(covers for offering, covers in given if offering is case.offering)
    covers = _joint(own, [covers for offering, covers in given if _valid(offering, case.package)])
    capacity = free_units(case.offering, case.package, case.as_of)
    asked = [(_capability(need, covers.get(need.id)), covers.get(need.id)) for need in capability_needs(case.package)]
    rest = (
        *(CHECKS[need.kind](need, case) for need in case.package.needs if need.kind in CHECKS),
        _validity(case),
        _unit(case),
        _capacity(capacity),
        *_owner(case),
    )
    cover = _weighted((criterion, given_cover.score if given_cover else 0) for criterion, given_cover in asked)
    credit = _weighted((criterion, CREDITS[criterion.outcome]) for criterion in rest)
    criteria = (*(criterion for criterion, _ in asked), *rest)
    return Fit(
        supplier_id=case.supplier.id,
        offering_id=case.offering.id,
        score=cover * (6_000 + 40 * credit) // 10_000,
        eligible=not any(criterion.excludes for criterion in criteria),
        way=max(own.values(), key=lambda each: each.rank).way,
        criteria=criteria,
        capacity=capacity,
        lead_days=case.offering.lead_days,
        price=_price(case),
    )


def _joint(own: Covers, others: Iterable[Covers]) -> Covers:
    """Return the capability's own covers, completed by the supplier's other capabilities that are in force."""
    joint: Covers = {}
    for covers in others:
        for need, cover in covers.items():
            if need not in joint or cover.rank > joint[need].rank:
                joint[need] = cover
    return joint | own


CREDITS: Mapping[Outcome, int] = {Outcome.PASS: 100, Outcome.UNKNOWN: 50, Outcome.FAIL: 0}


def _weighted(marks: Iterable[tuple[Criterion, int]]) -> int:
    """Return the mean of marks, 0 to 100; what is mandatory weighs double."""
    weighed = [(2 if criterion.mandatory else 1, mark) for criterion, mark in marks]
    return sum(weight * mark for weight, mark in weighed) // sum(weight for weight, _ in weighed)


def free_units(offering: Offering, package: Package, as_of: date) -> int | None:
    """Return the units still free over the package's months; None where undeclared or counted in another unit.

    Months that are over give nothing any more; a month about which nothing is declared adds nothing.

    >>> spring = Offering(id=UUID(int=1), phrase="", unit="C62", monthly=20, free={date(2026, 3, 1): 5})
    >>> from domain.kinds import PackageKind
    >>> package = Package(
    ...     id=UUID(int=2), code="WP1", name="", kind=PackageKind.GOODS, unit="C62", quantity=40, value=0,
    ...     starts=date(2026, 3, 1), ends=date(2026, 4, 30),
    ... )
    >>> free_units(spring, package, date(2026, 1, 1)), free_units(spring, package, date(2026, 4, 9))
    (25, 20)
    """
    if offering.unit != package.unit:
        return None
    window = months(package.starts, package.ends)
    declared = {month: offering.free.get(month, offering.monthly) for month in window}
    if all(units is None for units in declared.values()):
        return None
    return sum(units or 0 for month, units in declared.items() if month >= as_of.replace(day=1))


def _price(case: Case) -> int | None:
    comparable = case.offering.unit == case.package.unit and case.offering.currency == case.opening.currency
    return case.offering.price if comparable else None


# ---- the criteria ----


def _holds(condition: bool) -> Outcome:
    return Outcome.PASS if condition else Outcome.FAIL


def _capability(need: Need, cover: Cover | None) -> Criterion:
    proven = Outcome.PASS if cover and cover.proven else Outcome.UNKNOWN
    return Criterion(
        code="capability",
        outcome=proven if cover else Outcome.FAIL,
        subject=need.phrase or need.code,
        value=cover.score if cover else None,
        mandatory=need.mandatory,
    )


def _certificate(need: Need, case: Case) -> Criterion:
    """A certificate counts when it is in force from the package's first day to its last.

    A firm that has declared no certificate at all is unknown; one that has declared others lacks this one.
    """
    scheme = need.code or need.phrase or ""
    held = [each for each in case.supplier.certificates if _same_scheme(each.scheme, scheme)]
    through = [each for each in held if each.valid_from <= case.package.starts and _lasts(each, case.package.ends)]
    undeclared = not case.supplier.certificates
    latest = max((each.valid_to for each in held if each.valid_to), default=None)
    return Criterion(
        code="certificate",
        outcome=Outcome.UNKNOWN if undeclared else _holds(bool(through)),
        subject=scheme,
        value=latest.isoformat() if latest else None,
        threshold=case.package.ends.isoformat(),
        mandatory=need.mandatory,
    )


def _same_scheme(held: str, asked: str) -> bool:
    """Tell whether a scheme is the one asked; a dated edition (ISO 9001:2015) is one of its scheme (ISO 9001)."""
    return f"{fold(held)} ".startswith(f"{fold(asked)} ")


def _lasts(certificate: Held, until: date) -> bool:
    return certificate.valid_to is None or certificate.valid_to >= until


def _grade(need: Need, case: Case) -> Criterion:
    """Grades are compared within one specialty only; a firm that has declared none at all is unknown."""
    specialty = need.code or case.package.specialty or ""
    held = case.supplier.grades.get(specialty)
    asked = need.threshold or 1
    return Criterion(
        code="grade",
        outcome=_holds(held is not None and held >= asked) if case.supplier.grades else Outcome.UNKNOWN,
        subject=specialty,
        value=held,
        threshold=asked,
        mandatory=need.mandatory,
    )


def _country(need: Need, case: Case) -> Criterion:
    asked = need.code or case.opening.country
    declared = case.offering.countries
    return Criterion(
        code="country",
        outcome=_holds(asked in declared) if declared else Outcome.UNKNOWN,
        subject=asked,
        value=", ".join(sorted(declared)) or None,
        threshold=asked,
        mandatory=need.mandatory,
    )


def _lead_time(need: Need, case: Case) -> Criterion:
    days, asked = case.offering.lead_days, need.threshold
    known = days is not None and asked is not None
    return Criterion(
        code="lead_time",
        outcome=_holds((days or 0) <= (asked or 0)) if known else Outcome.UNKNOWN,
        value=days,
        threshold=asked,
        mandatory=need.mandatory,
    )


def _verification(need: Need, case: Case) -> Criterion:
    level = max(case.supplier.verification, case.offering.verification)
    asked = need.threshold or 0
    return Criterion(
        code="verification", outcome=_holds(level >= asked), value=level, threshold=asked, mandatory=need.mandatory
    )


CHECKS: Mapping[RequirementKind, Callable[[Need, Case], Criterion]] = {
    RequirementKind.CERTIFICATE: _certificate,
    RequirementKind.GRADE: _grade,
    RequirementKind.COUNTRY: _country,
    RequirementKind.LEAD_TIME: _lead_time,
    RequirementKind.VERIFICATION: _verification,
}
"""How each kind of requirement is checked; capability is what brings a firm here in the first place."""


def _valid(offering: Offering, package: Package) -> bool:
    begun = offering.valid_from is None or offering.valid_from <= package.starts
    return begun and (offering.valid_to is None or offering.valid_to >= package.ends)


def _validity(case: Case) -> Criterion:
    until = case.offering.valid_to
    return Criterion(
        code="validity",
        outcome=_holds(_valid(case.offering, case.package)),
        value=until.isoformat() if until else None,
        threshold=case.package.ends.isoformat(),
    )


def _unit(case: Case) -> Criterion:
    """Another unit does not exclude: the firm may count differently; its capacity and price are then unknown."""
    unit = case.offering.unit
    return Criterion(
        code="unit",
        outcome=_holds(unit == case.package.unit) if unit else Outcome.UNKNOWN,
        value=unit,
        threshold=case.package.unit,
        mandatory=False,
    )


def _capacity(units: int | None) -> Criterion:
    return Criterion(
        code="capacity", outcome=Outcome.UNKNOWN if units is None else _holds(units > 0), value=units, threshold=1
    )


def _owner(case: Case) -> tuple[Criterion, ...]:
    if case.supplier.id != case.opening.owner_id:
        return ()
    return (Criterion(code="owner", outcome=_holds(str(case.supplier.id) in _named(case.opening.rules))),)


def _named(rules: Mapping[str, Any]) -> frozenset[str]:
    """Return the firms that an opening's rules ask for by id."""
    locked = (each["firm"] for each in rules.get("locked", ()))
    return frozenset((*rules.get("required", ()), *locked, *(rules.get("lead") or {}).get("candidates", ())))
