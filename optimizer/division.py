"""How what a plan gains is divided among its members, and whether any group of them would do better alone.

**The game.** What members gain together is the published value of all packages less what the plan costs. A group alone
does whatever work its members' offers allow, within their capacities and pools and at their prices, and buys the rest
outside at the published value, which gains nothing; each of its members bears his member cost. Law and physics bind
the group (an offer that they drop counts for nobody), the rules of this consortium do not. An undeclared price is the
published value of the unit. What a group gains is a linear program, rounded down to a minor unit; where offers load
a pool with more than one unit each it may count parts of units, and so favours the group.

Prices are disclosed to nobody by this: a division is for those who may see every price of the plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import floor

from ortools.linear_solver import pywraplp

from optimizer.check import Case
from optimizer.eligibility import Slot, sift
from optimizer.game import EXACT, alike, evened, least_core, loudest, rounded, sampled_shapley, shapley
from optimizer.problem import Problem, canonical
from optimizer.result import Plan
from optimizer.trial import units_of

SAMPLES = 2_000
"""How many orders of arrival are looked at where there are too many members for all."""


SEEK_MILLISECONDS = 5_000
"""How long the loudest group is sought for where there are too many to look at each."""


class Method(StrEnum):
    """Names a way to divide.

    >>> Method("least-core").name
    'LEAST_CORE'
    """

    VALUE = "value"
    SHAPLEY = "shapley"
    LEAST_CORE = "least-core"
    EQUAL_PROFIT = "equal-profit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a member gets, what it could gain all alone, and the value of the work it holds."""

    firm: str
    amount: int
    alone: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Whether any group of members would gain by leaving: the group that would gain most, and how much.

    A gain of zero or less means that no group would: the division is in the core. `proved` says that every group was
    looked at or ruled out. Amounts are whole minor units, so a division that is in the core only with fractions of one
    may show a gain of at most one unit for each member of the group.

    >>> Certificate(group=("F1",), gain=-3, proved=True).stable
    True
    """

    group: tuple[str, ...]
    gain: int
    proved: bool

    @property
    def stable(self) -> bool:
        """Whether no group would gain by leaving."""
        return self.gain <= 0 and self.proved


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """A division that sums exactly to `total`, and how stable it is.

    `error` is how far a sampled figure may be off, in minor units, in 95 of 100 cases; 0 where nothing was sampled.
    """

    method: Method
    total: int
    shares: tuple[Share, ...]
    error: int
    certificate: Certificate


def shares(
    problem: Problem,
    plan: Plan,
    *,
    method: Method | str = Method.VALUE,
    total: int | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Shares:
    """Divide what a plan gains (or `total`) among its members, exact to the minor unit.

    By `value`, in proportion to the value of the work each holds; by `shapley`, by what each adds on average, exactly
    for up to 12 members and from `samples` orders of arrival above; by `least-core`, so that the greatest complaint of
    a group is least; by `equal-profit`, so that among these divisions the gains per value lie closest. What differs
    between `total` and what all could gain as a group counts as what only all together bring. Members who could take
    each other's place get the same, up to one minor unit (by `value`: who hold the same).

    >>> from optimizer import Firm, Goals, Mode, Offer, Package, solve
    >>> problem = Problem(
    ...     firms=(Firm(id="F1"), Firm(id="F2")), goals=Goals(mode=Mode.COST),
    ...     packages=(Package(id="WP1", quantity=4, value=400), Package(id="WP2", quantity=4, value=400)),
    ...     offers=(Offer(firm="F1", package="WP1", price=60), Offer(firm="F2", package="WP1", price=80),
    ...             Offer(firm="F2", package="WP2", price=90)))
    >>> plan = solve(problem).plans[0]
    >>> divided = shares(problem, plan, method="shapley")
    >>> [(share.firm, share.amount, share.alone) for share in divided.shares], divided.total
    ([('F1', 120, 160), ('F2', 80, 120)], 200)
    >>> divided.certificate.group, divided.certificate.gain
    (('F1',), 40)

    Raises `ValueError` for a method that does not exist or a plan without members.
    """
    way, ordered = Method(method), canonical(problem)
    case = Case(ordered, units_of(plan))
    if not case.members:
        raise ValueError("a plan without members has nothing to divide")
    whole = sum(package.value for package in ordered.packages) - case.cost() if total is None else total
    game = Alone(ordered, case.members, whole)
    parts, error = _divided(way, case, game, samples, seed)
    amounts = rounded(parts)
    mask, gain = game.blocker(amounts) if len(case.members) > 1 else (0, 0)
    return Shares(
        method=way,
        total=whole,
        shares=tuple(
            Share(firm=firm, amount=amount, alone=game.alone(1 << i), value=case.held[firm] // case.multiple)
            for i, (firm, amount) in enumerate(zip(case.members, amounts, strict=True))
        ),
        error=error,
        certificate=Certificate(
            group=tuple(firm for i, firm in enumerate(case.members) if mask >> i & 1), gain=gain, proved=game.proved
        ),
    )


def _divided(way: Method, case: Case, game: "Alone", samples: int, seed: int) -> tuple[tuple[Fraction, ...], int]:
    members, total = len(case.members), game.total
    held = [case.held[firm] for firm in case.members]
    weights = held if sum(held) else [1] * members
    if way is Method.VALUE:
        return tuple(Fraction(total * weight, sum(weights)) for weight in weights), 0
    if way is Method.SHAPLEY and members <= EXACT:
        return shapley(members, game), 0
    if way is Method.SHAPLEY:
        estimate = sampled_shapley(members, game, samples=samples, seed=seed)
        return estimate.parts, estimate.error
    equal = [max(1, weight) for weight in weights] if way is Method.EQUAL_PROFIT else None
    parts = least_core(members, total, game, game.blocker, weights=equal)
    return evened(parts, game.alike(equal)), 0


class Alone:
    """What each group of members gains alone; all together gain the total.

    The linear program is kept and only the capacities of members who come or go are changed between two groups.
    """

    def __init__(self, problem: Problem, members: Sequence[str], total: int) -> None:
        self.members, self.total = tuple(members), total
        self.whole = (1 << len(members)) - 1
        self.proved = True
        self.problem = problem
        self.costs = [firm.member_cost for name in members for firm in problem.firms if firm.id == name]
        self.slots = [slot for slot in sift(problem, legal_only=True).slots if slot.firm.id in self.members]
        self.solver = pywraplp.Solver.CreateSolver("GLOP")
        self.work = _Work(self.solver, problem, self.slots)
        self.unit = max(1.0, *(abs(margin) for margin in self.work.margins)) if self.slots else 1.0
        self.work.aim(self.solver, self.unit)
        self.present = 0
        self.of = [[i for i, slot in enumerate(self.slots) if slot.firm.id == name] for name in members]
        for i in range(len(self.slots)):
            self.work.units[i].SetUb(0)
        self.known: dict[int, int] = {0: 0}

    def __call__(self, mask: int) -> int:
        """Return what a group is worth in the game: alone, or with everybody."""
        return self.total if mask == self.whole else self.alone(mask)

    def alone(self, mask: int) -> int:
        """Return what a group gains alone."""
        if mask not in self.known:
            self._attend(mask)
            self.solver.Solve()
            gained = self.solver.Objective().Value() * self.unit
            costs = sum(cost for i, cost in enumerate(self.costs) if mask >> i & 1)
            self.known[mask] = _floor(gained) - costs
        return self.known[mask]

    def blocker(self, parts: Sequence[int]) -> tuple[int, int]:
        """Return the group that gains most by leaving, and its gain."""
        members = len(self.members)
        return loudest(members, self, parts) if members <= EXACT else self._sought(parts)

    def alike(self, weights: Sequence[int] | None) -> tuple[tuple[int, ...], ...]:
        """Return the classes of members who can take each other's place and weigh the same."""
        members = len(self.members)
        if members > EXACT:
            return ()
        found = alike(members, self)
        weigh = weights or [1] * members
        return tuple(
            tuple(i for i in group if weigh[i] == weight)
            for group in found
            for weight in dict.fromkeys(weigh[i] for i in group)
        )

    def _attend(self, mask: int) -> None:
        moved = self.present ^ mask
        for i, slots in enumerate(self.of):
            if moved >> i & 1:
                for slot in slots:
                    self.work.units[slot].SetUb(self.slots[slot].most if mask >> i & 1 else 0)
        self.present = mask

    def _sought(self, parts: Sequence[int]) -> tuple[int, int]:
        """Look for the loudest group by branch and bound: who leaves, and what they then do."""
        solver = pywraplp.Solver.CreateSolver("SCIP")
        solver.SetTimeLimit(SEEK_MILLISECONDS)
        work = _Work(solver, self.problem, self.slots)
        leaves = [solver.BoolVar("") for _ in self.members]
        solver.Add(sum(leaves) >= 1)
        solver.Add(sum(leaves) <= len(leaves) - 1)
        for leaving, slots in zip(leaves, self.of, strict=True):
            for slot in slots:
                solver.Add(work.units[slot] <= self.slots[slot].most * leaving)
        gains = sum(margin / self.unit * amount for margin, amount in zip(work.margins, work.units, strict=True))
        owed = sum((part + cost) / self.unit * v for part, cost, v in zip(parts, self.costs, leaves, strict=True))
        solver.Maximize(gains - owed)
        self.proved = solver.Solve() == pywraplp.Solver.OPTIMAL
        mask = sum(1 << i for i, leaving in enumerate(leaves) if leaving.solution_value() > 0.5)
        return mask, self.alone(mask) - sum(part for i, part in enumerate(parts) if mask >> i & 1)


class _Work:
    """The work that offers allow: units of each, within packages and pools."""

    def __init__(self, solver: pywraplp.Solver, problem: Problem, slots: Sequence[Slot]) -> None:
        self.units = [solver.NumVar(0, slot.most, "") for slot in slots]
        self.margins = [_margin(slot) for slot in slots]
        packages = {package.id: solver.Constraint(0, package.quantity) for package in problem.packages}
        pools = {pool.id: solver.Constraint(0, pool.capacity) for pool in problem.pools}
        for amount, slot in zip(self.units, slots, strict=True):
            packages[slot.package.id].SetCoefficient(amount, 1)
            if slot.offer.pool is not None:
                pools[slot.offer.pool].SetCoefficient(amount, slot.offer.load)

    def aim(self, solver: pywraplp.Solver, unit: float) -> None:
        """Ask for the greatest gain, in units in which a gain is near one."""
        goal = solver.Objective()
        for amount, margin in zip(self.units, self.margins, strict=True):
            goal.SetCoefficient(amount, margin / unit)
        goal.SetMaximization()


def _margin(slot: Slot) -> float:
    """Return what a unit gains against the published value."""
    if slot.offer.price is None:
        return 0.0
    return (slot.package.value - slot.offer.price * slot.package.quantity) / slot.package.quantity


def _floor(gained: float) -> int:
    """Round down, forgiving what floating point loses."""
    return floor(gained + 1e-6 + 1e-12 * abs(gained))
