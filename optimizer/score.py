"""The scores of a plan, by their own arithmetic: goals in points, cohesion, cost, and the levels that are optimised."""

from collections import Counter

from optimizer.check import Case
from optimizer.problem import Mode, Problem
from optimizer.result import Plan


def score(problem: Problem, plan: Plan) -> dict[str, int]:
    """Return what a plan scores in every goal, then its cohesion and its cost.

    >>> from optimizer import read_problem, solve
    >>> problem = read_problem({"format": "lianzhou-problem/1", "firms": [{"id": "F1", "sme": True}], "offers": [
    ...     {"firm": "F1", "package": "WP1", "price": 9, "fit": 80}], "packages": [
    ...     {"id": "WP1", "quantity": 4, "value": 40}]})
    >>> {name: value for name, value in score(problem, solve(problem).plans[0]).items() if value}
    {'fit': 800000, 'price': 100000, 'sme': 1000000, 'cost': 36}
    """
    return scores_of(Case(problem, {(part.firm, part.package): part.units for part in plan.assignments}))


def scores_of(case: Case) -> dict[str, int]:
    """Return the scores of a case."""
    yard = _Yard(case)
    goals = {
        "fit": sum(yard.of_unit(f, p, case.offers[f, p].fit, 100) * n for (f, p), n in case.units.items()),
        "price": yard.saved(),
        "members": yard.full - (yard.full // len(case.packages)) * len(case.members),
        "resilience": sum(yard.of_package(name) for name, firms in case.suppliers.items() if len(firms) > 1),
        "grade": yard.graded(),
        "sme": sum(yard.of_unit(f, p, 1, 1) * n for (f, p), n in case.units.items() if case.firms[f].sme),
        "lead": yard.early(),
    }
    members = set(case.members)
    goals["cohesion"] = sum(t.strength for t in case.problem.ties if t.a in members and t.b in members)
    goals["cost"] = case.cost()
    return goals


def base(problem: Problem, scores: dict[str, int]) -> tuple[int, ...]:
    """Return what is optimised, level by level, larger is better: the weighted sum, minus the cost, or ordered goals.

    >>> from optimizer.problem import Goals, Package
    >>> problem = Problem(firms=(), packages=(), offers=(), goals=Goals(weights=(("fit", 2), ("sme", 1))))
    >>> base(problem, {"fit": 10, "sme": 3})
    (23,)
    """
    goals = problem.goals
    if goals.mode is Mode.COST:
        return (-scores["cost"],)
    if goals.mode is Mode.LEXICOGRAPHIC:
        return tuple(scores[name] for name in goals.order)
    return (sum(weight * scores[name] for name, weight in goals.weights),)


class _Yard:
    """The yardstick of one problem: see `docs/optimizer.md`, *Points*."""

    def __init__(self, case: Case) -> None:
        self.case = case
        packages, offers = case.problem.packages, case.problem.offers
        total = sum(package.value for package in packages)
        self.weights = {package.id: package.value if total else 1 for package in packages}
        self.whole = sum(self.weights.values())
        self.full = self._full([offer.package for offer in offers])
        dearest: dict[str, int] = {}
        for offer in offers:
            price = (offer.price or 0) * case.packages[offer.package].quantity
            dearest[offer.package] = max(price, dearest.get(offer.package, 0))
        joining = sum(firm.member_cost for firm in case.problem.firms)
        self.money = max(1, total, sum(dearest.values()) // 4, joining // 1000)
        self.longest = max((offer.lead_days for offer in offers if offer.lead_days is not None), default=0)

    def _full(self, offered: list[str]) -> int:
        crowd = max(Counter(offered).values(), default=1)
        fine = 1000 * sum(package.quantity for package in self.case.packages.values())
        digits = 6
        while 10**digits < fine and 10 ** (digits + 1) <= min(10**11, 10**14 // crowd):
            digits += 1
        return int(10**digits)

    def of_unit(self, firm: str, package: str, over: int, under: int) -> int:
        quantity = self.case.packages[package].quantity
        return self.full * self.weights[package] * over // (self.whole * under * quantity)

    def of_package(self, package: str) -> int:
        return self.full * self.weights[package] // self.whole

    def saved(self) -> int:
        case, points = self.case, 0
        for (firm, name), amount in case.units.items():
            price, package = case.offers[firm, name].price, case.packages[name]
            if price is not None:
                saved = package.value - price * package.quantity
                points += (self.full * saved // (self.money * package.quantity)) * amount
        return points + sum(-self.full * case.firms[firm].member_cost // self.money for firm in case.members)

    def early(self) -> int:
        points = 0
        for (firm, name), amount in self.case.units.items():
            days = self.case.offers[firm, name].lead_days
            if days is not None and self.longest:
                points += self.of_unit(firm, name, self.longest - days, self.longest) * amount
        return points

    def graded(self) -> int:
        return sum(self._joint(name) for name in {package.specialty for package in self.case.packages.values()} if name)

    def _joint(self, specialty: str) -> int:
        case = self.case
        grades = {firm.id: dict(firm.grade).get(specialty, 0) for firm in case.problem.firms}
        asked = [package for package in case.packages.values() if package.specialty == specialty]
        highest = max((grades[o.firm] for o in case.problem.offers if case.packages[o.package] in asked), default=0)
        doing = [grades[firm] for package in asked for firm in case.suppliers[package.id]]
        if not highest or not doing:
            return 0
        weight = sum(self.weights[package.id] for package in asked)
        return self.full * weight * min(doing) // (self.whole * highest)
