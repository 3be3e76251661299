"""The goals: one function for each, turning a model into a linear expression in points, to be made large.

Every coefficient is an integer, rounded down once per unit, member or package; `optimizer.check` computes the same
points by its own arithmetic. `docs/optimizer.md` has the formulas.
"""

from collections.abc import Callable
from dataclasses import dataclass

from optimizer.problem import Mode, Problem, crowd
from optimizer.variables import Expression, Model, Term, weighed

LEAST_POINTS = 10**6
MOST_POINTS = 10**11
CROWD_LIMIT = 10**14


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What goals are measured by: the points of a perfect score, the weight of packages, the project's money."""

    points: int
    weight: dict[str, int]
    whole: int
    money: int

    def part(self, package: str, numerator: int, denominator: int) -> int:
        """Return the points for a part of a package, rounded down."""
        return self.points * self.weight[package] * numerator // (self.whole * denominator)


def scale(problem: Problem) -> Scale:
    """Return the scale of a problem.

    >>> from optimizer.problem import Package
    >>> packages = (Package(id="A", quantity=10, value=30), Package(id="B", quantity=10, value=10))
    >>> found = scale(Problem(firms=(), packages=packages, offers=()))
    >>> found.points, found.part("A", 1, 10), found.money
    (1000000, 75000, 40)
    """
    value = sum(package.value for package in problem.packages)
    weight = {package.id: package.value if value else 1 for package in problem.packages}
    return Scale(points=points(problem), weight=weight, whole=sum(weight.values()), money=_money(problem, value))


def points(problem: Problem) -> int:
    """Return what a perfect score of one goal counts: a power of ten fine enough to tell single units apart.

    >>> from optimizer.problem import Package
    >>> points(Problem(firms=(), packages=(Package(id="A", quantity=20_000),), offers=()))
    100000000
    """
    wanted = 1_000 * sum(package.quantity for package in problem.packages)
    limit = min(MOST_POINTS, CROWD_LIMIT // crowd(problem))
    found = LEAST_POINTS
    while found < wanted and found * 10 <= limit:
        found *= 10
    return found


def levels(problem: Problem) -> tuple[str, ...]:
    """Return the names of what is optimised one after the other.

    >>> from optimizer.problem import Goals
    >>> levels(Problem(firms=(), packages=(), offers=(), goals=Goals(mode=Mode.LEXICOGRAPHIC, order=("sme", "fit"))))
    ('sme', 'fit')
    """
    return problem.goals.order if problem.goals.mode is Mode.LEXICOGRAPHIC else ("base",)


def level(model: Model, name: str) -> Expression:
    """Return the expression of a level, to be made large: a goal, the weighted sum, or minus the cost."""
    goals = model.problem.goals
    if goals.mode is Mode.LEXICOGRAPHIC:
        return GOALS[name](model, scale(model.problem))
    if goals.mode is Mode.COST:
        return -1 * weighed(model.cost_terms())
    measured = scale(model.problem)
    return Expression.sum([weight * GOALS[goal](model, measured) for goal, weight in goals.weights if weight])


def cohesion(model: Model) -> Expression:
    """Return the strength of the ties between members."""
    terms: list[Term] = []
    for tie in model.problem.ties:
        if tie.strength and tie.a in model.member and tie.b in model.member:
            both = model.cp.new_bool_var("")
            model.cp.add_implication(both, model.member[tie.a])
            model.cp.add_implication(both, model.member[tie.b])
            terms.append((both, tie.strength))
    return weighed(terms)


def fit(model: Model, by: Scale) -> Expression:
    """How well offers match what is asked, by value of the units they carry."""
    parts = [(s.package.id, s.offer.fit, 100 * s.package.quantity) for s in model.slots]
    return weighed(model.term(i, by.part(*part)) for i, part in enumerate(parts))


def price(model: Model, by: Scale) -> Expression:
    """What is saved against the value of the packages, less the cost of members; undeclared prices save nothing."""
    terms = []
    for i, slot in enumerate(model.slots):
        if slot.offer.price is not None:
            saved = slot.package.value - slot.offer.price * slot.package.quantity
            terms.append(model.term(i, by.points * saved // (by.money * slot.package.quantity)))
    for firm in model.problem.firms:
        if firm.id in model.member and firm.member_cost:
            terms.append((model.member[firm.id], by.points * -firm.member_cost // by.money))
    return weighed(terms)


def members(model: Model, by: Scale) -> Expression:
    """How few the members are: each takes away one part in as many as there are packages."""
    each = by.points // len(model.problem.packages)
    return weighed(((member, -each) for member in model.member.values()), by.points)


def resilience(model: Model, by: Scale) -> Expression:
    """How much of the value is in packages with two suppliers or more."""
    terms: list[Term] = []
    for package in model.problem.packages:
        slots = model.of_package[package.id]
        if len(slots) > 1 and package.max_suppliers != 1:
            doubled = model.cp.new_bool_var("")
            model.cp.add(model.used(slots) >= 1 + doubled)
            terms.append((doubled, by.part(package.id, 1, 1)))
    return weighed(terms)


def grade(model: Model, by: Scale) -> Expression:
    """How high the joint grade of each specialty is: the lowest among the firms that do its work."""
    terms: list[Term] = []
    best = best_grades(model.problem)
    for specialty, highest in best.items():
        slots = [i for i, slot in enumerate(model.slots) if slot.package.specialty == specialty]
        held = {i: model.slots[i].firm.grade_in(specialty) or 0 for i in slots}
        earned = 0
        for reached in sorted(set(held.values()) - {0}):
            holds = model.cp.new_bool_var("")
            for i in slots:
                if held[i] < reached:
                    model.cp.add_implication(holds, model.uses[i].negated())
            total = grade_points(model.problem, by, specialty, reached, highest)
            terms.append((holds, total - earned))
            earned = total
    return weighed(terms)


def sme(model: Model, by: Scale) -> Expression:
    """How much of the value small and medium-sized firms hold."""
    parts = ((i, s.package) for i, s in enumerate(model.slots) if s.firm.sme)
    return weighed(model.term(i, by.part(package.id, 1, package.quantity)) for i, package in parts)


def lead(model: Model, by: Scale) -> Expression:
    """How early delivery is on average, by value, against the longest lead time; undeclared counts as the longest."""
    longest = max((offer.lead_days or 0 for offer in model.problem.offers), default=0)
    terms = []
    for i, slot in enumerate(model.slots):
        if slot.offer.lead_days is not None and longest:
            early = longest - slot.offer.lead_days
            terms.append(model.term(i, by.part(slot.package.id, early, longest * slot.package.quantity)))
    return weighed(terms)


GOALS: dict[str, Callable[[Model, Scale], Expression]] = {
    "fit": fit,
    "price": price,
    "members": members,
    "resilience": resilience,
    "grade": grade,
    "sme": sme,
    "lead": lead,
}
"""Every goal by the name a user weighs it under."""


def best_grades(problem: Problem) -> dict[str, int]:
    """Return the highest grade that any firm with an offer holds in each specialty asked for; zero is left out."""
    firms = {firm.id: firm for firm in problem.firms}
    specialties = {package.id: package.specialty for package in problem.packages}
    best: dict[str, int] = {}
    for offer in problem.offers:
        specialty = specialties[offer.package]
        held = firms[offer.firm].grade_in(specialty) if specialty is not None else None
        if specialty is not None and held:
            best[specialty] = max(best.get(specialty, 0), held)
    return dict(sorted(best.items()))


def grade_points(problem: Problem, by: Scale, specialty: str, reached: int, highest: int) -> int:
    """Return the points for a joint grade in a specialty."""
    weight = sum(by.weight[package.id] for package in problem.packages if package.specialty == specialty)
    return by.points * weight * reached // (by.whole * highest)


def _money(problem: Problem, value: int) -> int:
    quantities = {package.id: package.quantity for package in problem.packages}
    dearest = dict.fromkeys(quantities, 0)
    for offer in problem.offers:
        dearest[offer.package] = max(dearest[offer.package], (offer.price or 0) * quantities[offer.package])
    joining = sum(firm.member_cost for firm in problem.firms)
    return max(1, value, sum(dearest.values()) // 4, joining // 1_000)
