"""What is to be decided: firms, packages, offers, rules and goals, all in integers.

Money is in minor units, shares are in basis points (10000 is the whole), quantities are whole units of a package.
`None` means *undeclared* for a figure and *does not bind* for a rule.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum

WHOLE = 10_000
"""Basis points of a whole."""

GOAL_NAMES = ("fit", "price", "members", "resilience", "grade", "sme", "lead")
"""The goals a user may weigh or put in order."""


class Mode(StrEnum):
    """Names how goals are put together.

    >>> Mode("cost").value
    'cost'
    """

    WEIGHTED = "weighted"
    LEXICOGRAPHIC = "lexicographic"
    COST = "cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """A candidate member and the figures about it that rules and goals read.

    >>> firm = Firm(id="F1", grade=(("power", 2),), turnover=500)
    >>> firm.grade_in("power"), firm.grade_in("civil"), firm.figure("turnover"), firm.figure("exports")
    (2, None, 500, None)
    """

    id: str
    name: str = ""
    sme: bool = False
    newcomer: bool = False
    grade: tuple[tuple[str, int], ...] = ()
    turnover: int | None = None
    figures: tuple[tuple[str, int], ...] = ()
    member_cost: int = 0

    def grade_in(self, specialty: str | None) -> int | None:
        """Return the grade held in a specialty; grades of different specialties never compare."""
        return next((grade for name, grade in self.grade if name == specialty), None)

    def figure(self, name: str) -> int | None:
        """Return a declared figure that a qualification criterion may ask for."""
        if name == "turnover":
            return self.turnover
        return next((value for known, value in self.figures if known == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A part of the project: a quantity to be delivered, and what it is worth.

    >>> package = Package(id="WP1", quantity=40, value=1001, min_share=2500, critical=True)
    >>> package.units(package.min_share), package.fewest, package.unit_price
    (10, 2, 26)
    """

    id: str
    name: str = ""
    quantity: int
    value: int = 0
    min_suppliers: int = 1
    max_suppliers: int | None = None
    min_share: int = 0
    max_share: int = WHOLE
    critical: bool = False
    specialty: str | None = None
    lot: str | None = None

    @property
    def fewest(self) -> int:
        """The number of suppliers needed: a critical package never hangs on one firm."""
        return max(self.min_suppliers, 2 if self.critical else 1)

    @property
    def unit_price(self) -> int:
        """The reference price of a unit, rounded up; it stands in for a price that is undeclared."""
        return -(-self.value // self.quantity)

    def units(self, share: int) -> int:
        """Return the fewest whole units that make at least a share of the quantity."""
        return -(-share * self.quantity // WHOLE)

    def units_within(self, share: int) -> int:
        """Return the most whole units that stay within a share of the quantity."""
        return share * self.quantity // WHOLE

    def units_nearest(self, share: int) -> int:
        """Return the whole units nearest to an agreed share, at least one.

        The inverse of the shares agreed by largest remainder while the quantity is at most 5000 units:
        a third of three units is agreed as 3334, 3333, 3333 and each pins one unit again.
        """
        return max(1, (2 * share * self.quantity + WHOLE) // (2 * WHOLE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What one firm can do of one package; price, capacity and lead time may be undeclared.

    >>> Offer(firm="F1", package="WP1").price is None
    True
    """

    firm: str
    package: str
    price: int | None = None
    capacity: int | None = None
    fit: int = 0
    lead_days: int | None = None
    pool: str | None = None
    load: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A capacity that several offers draw on, in units of load.

    >>> Pool(id="F1/pcs", capacity=60).capacity
    60
    """

    id: str
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """Two firms that already work together, and how strongly.

    >>> Tie(a="F1", b="F2", strength=80).strength
    80
    """

    a: str
    b: str
    strength: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A firm that must serve a package, with a pinned share or with any.

    >>> Lock(package="WP1", firm="F1").share is None
    True
    """

    package: str
    firm: str
    share: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """Who may lead the consortium (`None`: any member) and the share of the value a lead must hold.

    >>> Lead(candidates=("F1",), min_share=2000).candidates
    ('F1',)
    """

    candidates: tuple[str, ...] | None = None
    min_share: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One row of a joint-venture qualification table.

    All members together reach `total`, each reaches `each` basis points of it, at least one reaches `one`.
    The figure summed is the firm's figure named `values`; an undeclared figure proves nothing and counts as zero.

    >>> row = Criterion(name="turnover", total=1000, each=2500, one=4000)
    >>> row.each_amount, row.one_amount, row.values
    (250, 400, 'turnover')
    """

    name: str
    total: int
    each: int = 0
    one: int = 0
    values: str = "turnover"

    @property
    def each_amount(self) -> int:
        """What every member must show."""
        return -(-self.total * self.each // WHOLE)

    @property
    def one_amount(self) -> int:
        """What at least one member must show."""
        return -(-self.total * self.one // WHOLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a consortium must keep; a rule left out does not bind.

    >>> Rules(max_members=8).budget is None
    True
    """

    max_members: int | None = None
    min_members: int | None = None
    sme_share_min: int | None = None
    firm_share_max: int | None = None
    budget: int | None = None
    locked: tuple[Lock, ...] = ()
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()
    related: tuple[tuple[str, ...], ...] = ()
    lead: Lead | None = None
    min_grade: tuple[tuple[str, int], ...] = ()
    qualification: tuple[Criterion, ...] = ()
    taken: tuple[tuple[str, str], ...] = ()
    backup: tuple[str, ...] = ()
    min_newcomers: int = 0
    min_veterans: int = 0

    def least_grade(self, specialty: str | None) -> int | None:
        """Return the lowest grade admitted in a specialty."""
        return next((grade for name, grade in self.min_grade if name == specialty), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """What is wanted, and how much of it may be given up for firms that already work together (basis points).

    >>> Goals().weights
    (('fit', 45), ('price', 45), ('members', 5), ('resilience', 5))
    """

    mode: Mode = Mode.WEIGHTED
    weights: tuple[tuple[str, int], ...] = (
        ("fit", 45),
        ("price", 45),
        ("members", 5),
        ("resilience", 5),
    )
    order: tuple[str, ...] = ()
    give_up: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One consortium to be found.

    >>> problem = Problem(firms=(Firm(id="F2"), Firm(id="F1")), packages=(Package(id="WP1", quantity=1),),
    ...                   offers=(Offer(firm="F1", package="WP1"),))
    >>> [firm.id for firm in canonical(problem).firms]
    ['F1', 'F2']
    """

    firms: tuple[Firm, ...]
    packages: tuple[Package, ...]
    offers: tuple[Offer, ...]
    pools: tuple[Pool, ...] = ()
    ties: tuple[Tie, ...] = ()
    rules: Rules = field(default_factory=Rules)
    goals: Goals = field(default_factory=Goals)


def crowd(problem: Problem) -> int:
    """Return the most offers that one package has, at least one; sums over offers grow with it.

    >>> crowd(Problem(firms=(), packages=(), offers=()))
    1
    """
    return max(Counter(offer.package for offer in problem.offers).values(), default=1)


def canonical(problem: Problem) -> Problem:
    """Return the same problem in one fixed order, so that the order of the input decides nothing."""
    rules = problem.rules
    lead = rules.lead and replace(
        rules.lead,
        candidates=rules.lead.candidates and tuple(sorted(rules.lead.candidates)),
    )
    return Problem(
        firms=tuple(sorted(problem.firms, key=lambda firm: firm.id)),
        packages=tuple(sorted(problem.packages, key=lambda package: package.id)),
        offers=tuple(sorted(problem.offers, key=lambda offer: (offer.package, offer.firm))),
        pools=tuple(sorted(problem.pools, key=lambda pool: pool.id)),
        ties=tuple(sorted(map(_straight, problem.ties), key=lambda tie: (tie.a, tie.b))),
        rules=replace(
            rules,
            locked=tuple(sorted(rules.locked, key=lambda lock: (lock.package, lock.firm))),
            required=tuple(sorted(rules.required)),
            excluded=tuple(sorted(rules.excluded)),
            conflicts=tuple(sorted((min(pair), max(pair)) for pair in rules.conflicts)),
            related=tuple(sorted(tuple(sorted(group)) for group in rules.related)),
            lead=lead,
            min_grade=tuple(sorted(rules.min_grade)),
            qualification=tuple(sorted(rules.qualification, key=lambda row: row.name)),
            taken=tuple(sorted(rules.taken)),
            backup=tuple(sorted(rules.backup)),
        ),
        goals=replace(problem.goals, weights=tuple(sorted(problem.goals.weights))),
    )


def _straight(tie: Tie) -> Tie:
    return Tie(a=min(tie.a, tie.b), b=max(tie.a, tie.b), strength=tie.strength)
