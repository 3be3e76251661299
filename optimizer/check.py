"""The judge: says whether a plan keeps every rule and what it scores, without sharing code with the model.

Values are compared as exact fractions over a common multiple of the quantities, in integers of any length.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import lcm

from optimizer.problem import Firm, Offer, Package, Problem
from optimizer.result import Plan

Units = dict[tuple[str, str], int]
"""Whole units by firm and package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A rule as it stands for a plan: what is used and what is allowed.

    `used` may not exceed `allowed`; a rule that asks for at least something has both negated.

    >>> Limit(rule="member-limit", subject=(), used=4, allowed=3).broken
    True
    """

    rule: str
    subject: tuple[str, ...]
    used: int
    allowed: int

    @property
    def broken(self) -> bool:
        """Whether the plan breaks the rule here."""
        return self.used > self.allowed

    @property
    def binding(self) -> bool:
        """Whether not one step is left."""
        return self.used == self.allowed

    @property
    def label(self) -> str:
        """The rule with its subject in square brackets."""
        return f"{self.rule}[{'/'.join(self.subject)}]" if self.subject else self.rule


class Case:
    """A problem and the units of a plan, looked up every way the rules need.

    Value is held in parts of `multiple`: a firm holds exactly `held[firm] / multiple` minor units.
    """

    def __init__(self, problem: Problem, units: Units) -> None:
        self.problem = problem
        self.rules = problem.rules
        self.units = {place: amount for place, amount in units.items() if amount}
        self.firms: dict[str, Firm] = {firm.id: firm for firm in problem.firms}
        self.packages: dict[str, Package] = {package.id: package for package in problem.packages}
        self.offers: dict[tuple[str, str], Offer] = {(offer.firm, offer.package): offer for offer in problem.offers}
        self.pools = {pool.id: pool.capacity for pool in problem.pools}
        self.members = sorted({firm for firm, _ in self.units})
        self.suppliers: dict[str, list[str]] = defaultdict(list)
        self.multiple = lcm(*(package.quantity for package in problem.packages))
        self.whole = sum(package.value for package in problem.packages) * self.multiple
        self.held: Counter[str] = Counter()
        for (firm, package), amount in sorted(self.units.items()):
            self.suppliers[package].append(firm)
            asked = self.packages[package]
            self.held[firm] += asked.value * amount * (self.multiple // asked.quantity)

    def price(self, firm: str, package: str) -> int:
        """Return what a unit costs; the package's own value per unit, rounded up, where nothing is declared."""
        offer, asked = self.offers[firm, package], self.packages[package]
        return (asked.value + asked.quantity - 1) // asked.quantity if offer.price is None else offer.price

    def cost(self) -> int:
        """Return the whole cost: units and memberships."""
        units = sum(self.price(firm, package) * amount for (firm, package), amount in self.units.items())
        return units + sum(self.firms[firm].member_cost for firm in self.members)

    def leads(self) -> list[str]:
        """Return the members that may lead, the one with most of the value first."""
        rule = self.rules.lead
        if rule is None:
            return []
        allowed = (
            self.members if rule.candidates is None else [firm for firm in self.members if firm in rule.candidates]
        )
        able = [firm for firm in allowed if 10_000 * self.held[firm] >= rule.min_share * self.whole]
        return sorted(able, key=lambda firm: (-self.held[firm], firm))


def violations(problem: Problem, plan: Plan) -> tuple[str, ...]:
    """Name every rule a plan breaks, with its subject; an empty tuple is a plan that stands.

    >>> from optimizer import read_problem, solve
    >>> problem = read_problem({"format": "lianzhou-problem/1", "firms": [{"id": "F1"}], "offers": [
    ...     {"firm": "F1", "package": "WP1", "capacity": 4}], "packages": [{"id": "WP1", "quantity": 4}]})
    >>> plan = solve(problem).plans[0]
    >>> violations(problem, plan)
    ()
    >>> from dataclasses import replace
    >>> violations(problem, replace(plan, assignments=(replace(plan.assignments[0], units=5),)))
    ('coverage[WP1]', 'capacity[F1/WP1]', 'max-share[F1/WP1]')
    """
    units: Units = {(part.firm, part.package): part.units for part in plan.assignments}
    unknown = [place for place in units if place not in {(offer.firm, offer.package) for offer in problem.offers}]
    if unknown:
        return tuple(f"no-offer[{firm}/{package}]" for firm, package in unknown)
    case = Case(problem, units)
    broken = [limit.label for limit in limits(case) if limit.broken]
    return (*broken, *_told_wrongly(case, plan))


def limits(case: Case) -> Iterator[Limit]:
    """Yield how every rule of a problem stands for a plan.

    >>> from optimizer.problem import Firm, Package, Rules
    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4),),
    ...                   offers=(Offer(firm="F1", package="WP1"),), rules=Rules(max_members=1))
    >>> [limit.label for limit in limits(Case(problem, {("F1", "WP1"): 4})) if limit.binding]
    ['coverage[WP1]', 'capacity[F1/WP1]', 'max-share[F1/WP1]', 'min-suppliers[WP1]', 'member-limit']
    """
    for judge in JUDGES:
        yield from judge(case)


def _told_wrongly(case: Case, plan: Plan) -> Iterator[str]:
    if any(part.units < 1 for part in plan.assignments):
        yield "units"
    if list(plan.members) != case.members:
        yield "members"
    shares: Counter[str] = Counter()
    for part in plan.assignments:
        shares[part.package] += part.share
    yield from (f"shares[{package}]" for package, total in shares.items() if total != 10_000)
    if plan.lead != next(iter(case.leads()), None):
        yield "lead"


def _work(case: Case) -> Iterator[Limit]:
    for name, package in case.packages.items():
        done = sum(case.units[firm, name] for firm in case.suppliers[name])
        short = abs(package.quantity - done)
        yield Limit(rule="coverage", subject=(name,), used=short, allowed=0)
    for (firm, name), amount in case.units.items():
        capacity = case.offers[firm, name].capacity
        most = case.packages[name].quantity if capacity is None else capacity
        yield Limit(rule="capacity", subject=(firm, name), used=amount, allowed=most)
    load: Counter[str] = Counter()
    for place, amount in case.units.items():
        offer = case.offers[place]
        if offer.pool is not None:
            load[offer.pool] += offer.load * amount
    yield from (Limit(rule="capacity", subject=(pool,), used=load[pool], allowed=case.pools[pool]) for pool in load)


def _split(case: Case) -> Iterator[Limit]:
    for (firm, name), amount in case.units.items():
        package = case.packages[name]
        part, subject = amount * 10_000, (firm, name)
        least, most = package.min_share * package.quantity, package.max_share * package.quantity
        yield Limit(rule="min-share", subject=subject, used=-part, allowed=-least)
        yield Limit(rule="max-share", subject=subject, used=part, allowed=most)
    for name, package in case.packages.items():
        count = len(case.suppliers[name])
        fewest = 2 if package.critical and package.min_suppliers < 2 else package.min_suppliers
        yield Limit(rule="min-suppliers", subject=(name,), used=-count, allowed=-fewest)
        if package.max_suppliers is not None:
            yield Limit(rule="max-suppliers", subject=(name,), used=count, allowed=package.max_suppliers)


def _team(case: Case) -> Iterator[Limit]:
    rules, count = case.rules, len(case.members)
    new = sum(case.firms[firm].newcomer for firm in case.members)
    if rules.max_members is not None:
        yield Limit(rule="member-limit", subject=(), used=count, allowed=rules.max_members)
    if rules.min_members is not None:
        yield Limit(rule="member-minimum", subject=(), used=-count, allowed=-rules.min_members)
    if rules.min_newcomers:
        yield Limit(rule="newcomers", subject=(), used=-new, allowed=-rules.min_newcomers)
    if rules.min_veterans:
        yield Limit(rule="veterans", subject=(), used=new - count, allowed=-rules.min_veterans)
    if rules.lead is not None:
        yield Limit(rule="lead", subject=(), used=-len(case.leads()[:1]), allowed=-1)


def _named(case: Case) -> Iterator[Limit]:
    rules, members = case.rules, set(case.members)
    for firm in rules.required:
        yield Limit(rule="required", subject=(firm,), used=-(firm in members), allowed=-1)
    for firm in rules.excluded:
        yield Limit(rule="excluded", subject=(firm,), used=int(firm in members), allowed=0)
    for pair in rules.conflicts:
        yield Limit(rule="conflict", subject=pair, used=sum(firm in members for firm in pair), allowed=1)
    for group in rules.related:
        yield Limit(rule="related", subject=group, used=len(members.intersection(group)), allowed=1)
    for lock in rules.locked:
        amount = case.units.get((lock.firm, lock.package), 0)
        subject = (lock.package, lock.firm)
        if lock.share is None:
            yield Limit(rule="locked", subject=subject, used=-min(amount, 1), allowed=-1)
        else:
            pinned = round_half_up(lock.share * case.packages[lock.package].quantity, 10_000)
            yield Limit(rule="locked", subject=subject, used=abs(amount - max(pinned, 1)), allowed=0)


def _money(case: Case) -> Iterator[Limit]:
    rules = case.rules
    if rules.sme_share_min is not None:
        small = sum(held for firm, held in case.held.items() if case.firms[firm].sme)
        asked = rules.sme_share_min * case.whole
        yield Limit(rule="sme-share", subject=(), used=-small * 10_000, allowed=-asked)
    if rules.firm_share_max is not None:
        most = rules.firm_share_max * case.whole
        for firm in case.members:
            yield Limit(rule="firm-share", subject=(firm,), used=case.held[firm] * 10_000, allowed=most)
    if rules.budget is not None:
        yield Limit(rule="budget", subject=(), used=case.cost(), allowed=rules.budget)


def _law(case: Case) -> Iterator[Limit]:
    for firm, name in case.units:
        package = case.packages[name]
        for specialty, least in case.rules.min_grade:
            if specialty == package.specialty:
                held = dict(case.firms[firm].grade).get(specialty, -1)
                yield Limit(rule="grade", subject=(firm, name), used=-held, allowed=-least)
        if package.lot is not None:
            taken = (package.lot, firm) in case.rules.taken
            yield Limit(rule="lot", subject=(firm, name), used=int(taken), allowed=0)


def _table(case: Case) -> Iterator[Limit]:
    for row in case.rules.qualification:
        shown = [case.firms[firm].figure(row.values) or 0 for firm in case.members]
        subject = (row.name,)
        yield Limit(rule="qualification", subject=(*subject, "total"), used=-sum(shown), allowed=-row.total)
        least, most = min(shown, default=0) * 10_000, max(shown, default=0) * 10_000
        yield Limit(rule="qualification", subject=(*subject, "each"), used=-least, allowed=-row.total * row.each)
        yield Limit(rule="qualification", subject=(*subject, "one"), used=-most, allowed=-row.total * row.one)


def _standby(case: Case) -> Iterator[Limit]:
    for name in case.rules.backup:
        carried = {firm: _could_carry(case, firm, name) for firm in case.members if (firm, name) in case.offers}
        everything, quantity = sum(carried.values()), case.packages[name].quantity
        for firm, units in carried.items():
            if units:
                yield Limit(rule="backup", subject=(name, firm), used=-(everything - units), allowed=-quantity)


def _could_carry(case: Case, firm: str, name: str) -> int:
    package, offer = case.packages[name], case.offers[firm, name]
    barred = (package.lot, firm) in case.rules.taken
    for specialty, least in case.rules.min_grade:
        barred |= specialty == package.specialty and dict(case.firms[firm].grade).get(specialty, -1) < least
    if barred:
        return 0
    bounds = [package.quantity]
    if offer.capacity is not None:
        bounds.append(offer.capacity)
    if offer.pool is not None and offer.load:
        bounds.append(case.pools[offer.pool] // offer.load)
    return min(bounds)


JUDGES: tuple[Callable[[Case], Iterator[Limit]], ...] = (
    _work,
    _split,
    _team,
    _named,
    _money,
    _law,
    _table,
    _standby,
)


def round_half_up(numerator: int, denominator: int) -> int:
    """Return the nearest integer to a fraction, the upper one in the middle.

    >>> round_half_up(5, 2), round_half_up(4, 3)
    (3, 1)
    """
    return (2 * numerator + denominator) // (2 * denominator)
