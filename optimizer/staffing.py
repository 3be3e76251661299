"""Many opportunities over one capacity: each staffed wholly or not at all, every plan under its own rules.

Three steps, each giving whole plans that a master problem chooses among. The linear relaxation of everything at once
gives the pools prices; at these a rolling fill serves one opportunity after the other, the worthiest first, from what
capacity is left. Then every opportunity is planned anew at the prices of the master's own linear program (Dantzig &
Wolfe, *Decomposition principle for linear programs*, 1960): plans that spare what is scarce. Last, an opportunity left
out is put before those it competes with and they are planned again around it, batch by batch. The master is solved in
whole plans after each step.

The bound holds for all plans, not only those looked at. It is that of the relaxation, or Lagrangian where that is
lower: at any prices of the pools, what the best plans gain net of what they draw, plus the price of all capacity, is at
least what any portfolio gains.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from math import floor

import numpy as np
from ortools.linear_solver import pywraplp
from ortools.sat.python import cp_model
from scipy.optimize import linprog
from scipy.sparse import csr_array

from optimizer.check import Case, Units
from optimizer.eligibility import Slot, sift
from optimizer.model import build
from optimizer.problem import WHOLE, Pool, Problem, canonical
from optimizer.result import Interrupt, Plan, Status
from optimizer.search import Found, Purse, Setting, Title, opened, run
from optimizer.trial import stated
from optimizer.variables import Model, Term, weighed

ROUNDS = 4
"""How often the pools are given new prices at most."""

BATCHES = 24
"""How many opportunities left out are tried again at most."""

RIVALS = 6
"""How many opportunities at most make room for one that was left out."""

CHEAPEST = 12
"""Among how many offers of a package a plan is first sought."""

MASTER_EFFORT = 2.0
"""The effort that one choice among plans may take."""

FINE = 100
"""In how many parts of a minor unit multipliers of floors are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunity:
    """A project that may be staffed, and what that is worth; the published value of its packages unless said.

    >>> from optimizer.problem import Package
    >>> asked = Problem(firms=(), packages=(Package(id="WP1", quantity=4, value=400),), offers=())
    >>> Opportunity(id="P1", problem=asked).gross
    400
    """

    id: str
    problem: Problem
    worth: int | None = None

    @property
    def value(self) -> int:
        """The published value of its packages."""
        return sum(package.value for package in self.problem.packages)

    @property
    def gross(self) -> int:
        """What staffing it is worth before costs."""
        return self.value if self.worth is None else self.worth


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """A group of firms that is to hold at least so many basis points of the value of all that is staffed.

    A unit counts at its value rounded down to a minor unit, so the floor is kept rather too well.

    >>> Stratum(name="sme", firms=("F1",), floor=3000).floor
    3000
    """

    name: str
    firms: tuple[str, ...]
    floor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Staffed:
    """An opportunity with its plan, and what it gains: its worth less the cost of the plan."""

    opportunity: str
    plan: Plan
    gain: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scarcity:
    """A shared pool: what is drawn, what there is, and what one more unit of load would add to the gain of all.

    The price is the multiplier of the master's linear program, in minor units, rounded; 0 where there is enough.
    """

    pool: str
    used: int
    capacity: int
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """What is staffed, what is not, and how good that is proved to be.

    `bound` is what no portfolio can exceed. `strata` are the basis points of
    the staffed value that each stratum holds.

    >>> Portfolio(status=Status.OPTIMAL, gain=0, bound=0, staffed=(), unstaffed=(), scarcity=(), strata=()).gap
    0.0
    """

    status: Status
    gain: int
    bound: int
    staffed: tuple[Staffed, ...]
    unstaffed: tuple[str, ...]
    scarcity: tuple[Scarcity, ...]
    strata: tuple[tuple[str, int], ...]

    @property
    def gap(self) -> float:
        """The proved distance from the best possible, as a part of the gain."""
        return (self.bound - self.gain) / max(1, abs(self.gain))


def portfolio(
    opportunities: Iterable[Opportunity],
    pools: Iterable[Pool] = (),
    *,
    strata: Iterable[Stratum] = (),
    seconds: float = 60.0,
    effort: float | None = None,
    seed: int = 0,
    interrupt: Interrupt | None = None,
) -> Portfolio:
    """Choose which opportunities to staff, and how, so that together they gain most within the shared pools.

    A pool of the same name in several problems is one pool, of the capacity given here. What an opportunity gains is
    its worth less the cost of its plan; an undeclared price costs the reference price.

    >>> from optimizer import Firm, Offer, Package
    >>> def asked(value):
    ...     return Problem(
    ...         firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4, value=value),),
    ...         offers=(Offer(firm="F1", package="WP1", price=50, pool="F1/pcs"),),
    ...         pools=(Pool(id="F1/pcs", capacity=9),))
    >>> chosen = portfolio([Opportunity(id="A", problem=asked(300)), Opportunity(id="B", problem=asked(400))],
    ...                    [Pool(id="F1/pcs", capacity=6)])
    >>> [one.opportunity for one in chosen.staffed], chosen.unstaffed, chosen.gain
    (['B'], ('A',), 200)

    Raises `ValueError` where two opportunities have one name.
    """
    asked = sorted(opportunities, key=lambda one: one.id)
    if len({one.id for one in asked}) < len(asked):
        raise ValueError("two opportunities have one name")
    shared = {pool.id: pool.capacity for pool in sorted(pools, key=lambda pool: pool.id)}
    house = [_sharing(one, shared) for one in asked]
    purse, setting = opened(seconds, effort), Setting(seed=seed, interrupt=interrupt)
    return _Staffing(house, shared, tuple(strata), purse, setting).filled()


def _sharing(one: Opportunity, shared: Mapping[str, int]) -> Opportunity:
    problem = canonical(one.problem)
    pools = (replace(p, capacity=min(p.capacity, shared.get(p.id, p.capacity))) for p in problem.pools)
    return replace(one, problem=replace(problem, pools=tuple(pools)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A whole plan of an opportunity, as the master sees it."""

    of: int
    units: tuple[tuple[tuple[str, str], int], ...]
    gain: int
    loads: tuple[tuple[str, int], ...]
    held: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prices:
    """What a unit of load of each pool, and a minor unit held by each stratum (in parts of `FINE`), is worth."""

    pools: Mapping[str, int]
    strata: tuple[int, ...]


class _Staffing:
    def __init__(
        self,
        asked: Sequence[Opportunity],
        shared: Mapping[str, int],
        strata: tuple[Stratum, ...],
        purse: Purse,
        setting: Setting,
    ) -> None:
        self.asked, self.shared, self.strata, self.purse, self.setting = asked, shared, strata, purse, setting
        self.values = [one.value for one in asked]
        self.columns: dict[_Column, None] = {}
        self.chosen: tuple[_Column, ...] = ()
        self.bound = sum(max(0, one.gross) for one in asked)
        self.free = _Prices(pools=dict.fromkeys(shared, 0), strata=(0,) * len(strata))
        self.prices = self.free

    def filled(self) -> Portfolio:
        by_worth = sorted(range(len(self.asked)), key=lambda of: (-self.asked[of].gross, self.asked[of].id))
        self.prices, self.bound = self._relaxed()
        self._roll(by_worth, ())
        self._bounded(self.prices)
        self._reprice()
        self._rebatch(by_worth)
        return self._told()

    def _relaxed(self) -> tuple[_Prices, int]:
        """Return the multipliers and the value of the linear relaxation: projects and units in parts, no teams."""
        found = _Relaxation(self.asked, self.shared, self.strata).solved()
        if found is None:
            return self.free, self.bound
        gain, pools, floors = found
        prices = _Prices(
            pools={pool: max(0, round(price)) for pool, price in zip(self.shared, pools, strict=True)},
            strata=tuple(max(0, round(FINE * price)) for price in floors),
        )
        return prices, min(self.bound, gain)

    @property
    def gain(self) -> int:
        return sum(column.gain for column in self.chosen)

    @property
    def over(self) -> bool:
        """Whether nothing better can be found, or not in time."""
        spent = not self.purse.seconds_left or not self.purse.effort_left or self.setting.wished
        return spent or self.bound == self.gain

    def _roll(self, order: Iterable[int], kept: Sequence[_Column]) -> None:
        """Plan one opportunity after the other in what capacity is left; then let the master choose."""
        left = Counter(self.shared)
        for column in kept:
            left.subtract(dict(column.loads))
        for of in order:
            planned = self._planned(of, left, self.prices)
            if planned is not None and planned.gain > 0:
                left.subtract(dict(planned.loads))
        self._choose()

    def _reprice(self) -> None:
        """Give the pools the prices of the master's linear program and plan everything anew, as long as it teaches."""
        known = 0
        for _ in range(ROUNDS):
            if len(self.columns) > known:
                known = len(self.columns)
                prices = self._duals()
                for of in range(len(self.asked)):
                    self._planned(of, self.shared, prices)
        self._choose()
        self.prices = self._duals()

    def _rebatch(self, order: Iterable[int]) -> None:
        """Put an opportunity left out before those it competes with for scarce pools, and plan them around it."""
        for of in islice((of for of in order if of not in {column.of for column in self.chosen}), BATCHES):
            if not self.over:
                draws = {offer.pool for offer in self.asked[of].problem.offers} & self.shared.keys()
                rivals = sorted(self.chosen, key=lambda c: (-sum(n for pool, n in c.loads if pool in draws), c.of))
                freed = {column.of for column in rivals[:RIVALS]}
                kept = [column for column in self.chosen if column.of not in freed]
                self._roll([of, *sorted(freed)], kept)

    def _planned(self, of: int, left: Mapping[str, int], prices: _Prices) -> _Column | None:
        """Return the cheapest plan of an opportunity within what is left of the shared pools.

        It is sought among the cheapest offers of each package, and among all where these do not suffice.
        """
        problem = self.asked[of].problem
        pools = (replace(p, capacity=max(0, min(p.capacity, left.get(p.id, p.capacity)))) for p in problem.pools)
        within = replace(problem, pools=tuple(pools))
        share = 1 / (2 + 2 * len(self.asked))
        found, model = self._tried(_cheapest(within, prices.pools), prices, share)
        if found.objective is None:
            found, model = self._tried(within, prices, share)
        return self._column(of, model, found)

    def _tried(self, problem: Problem, prices: _Prices, share: float) -> tuple[Found, Model]:
        model = build(problem)
        return self._run(model, weighed(self._priced(model, prices)), share), model

    def _bounded(self, prices: _Prices) -> None:
        """Plan every opportunity at these prices, and take the Lagrangian bound from what is proved about them.

        Where nothing is proved about one, its packages at their cheapest, each filled by itself, are a bound.
        """
        most = Fraction(sum(price * self.shared[pool] for pool, price in prices.pools.items()))
        for of, one in enumerate(self.asked):
            model = build(one.problem)
            priced = self._priced(model, prices)
            found = self._run(model, weighed(priced), 0.5 / (len(self.asked) - of))
            self._column(of, model, found)
            floors = sum(m * s.floor * self.values[of] for m, s in zip(prices.strata, self.strata, strict=True))
            cost = self._least_cost(model, prices)
            proved = cost if found.bound is None else max(cost, -found.bound)
            gained = one.gross - Fraction(proved, FINE) - Fraction(floors, FINE * WHOLE)
            most += max(Fraction(0), gained) if found.status is not Status.INFEASIBLE else 0
        self.bound = min(most.__floor__(), self.bound)

    def _least_cost(self, model: Model, prices: _Prices) -> int:
        """Return what no plan can cost less, in parts of a minor unit: each package filled from its cheapest offers."""
        cost = 0
        for package in model.problem.packages:
            left = package.quantity
            slots = (
                (self._unit_cost(model.slots[i], prices), model.slots[i].most) for i in model.of_package[package.id]
            )
            for price, most in sorted(slots):
                taken = min(left, most)
                cost, left = cost + price * taken, left - taken
        return cost

    def _unit_cost(self, slot: Slot, prices: _Prices) -> int:
        price = slot.package.unit_price if slot.offer.price is None else slot.offer.price
        load = slot.offer.load * prices.pools.get(slot.offer.pool or "", 0)
        held = sum(m for m, s in zip(prices.strata, self.strata, strict=True) if slot.firm.id in s.firms)
        return FINE * (price + load) - held * (slot.package.value // slot.package.quantity)

    def _priced(self, model: Model, prices: _Prices) -> list[Term]:
        """Return the terms of what a plan costs at these prices, in parts of a minor unit."""
        costs = {firm.id: firm.member_cost for firm in model.problem.firms}
        joining = [(member, FINE * costs[firm]) for firm, member in model.member.items()]
        return joining + [model.term(i, self._unit_cost(slot, prices)) for i, slot in enumerate(model.slots)]

    def _run(self, model: Model, cost: cp_model.LinearExpr, share: float) -> Found:
        return run(model, -1 * cost, self.purse.part(share), self.setting, Title(stage="base", sign=-1))

    def _column(self, of: int, model: Model, found: Found) -> _Column | None:
        if found.objective is None:
            return None
        carried = zip(model.slots, found.units, strict=True)
        column = self._weighed(of, {(slot.firm.id, slot.package.id): amount for slot, amount in carried if amount})
        self.columns[column] = None
        return column

    def _weighed(self, of: int, units: Units) -> _Column:
        one = self.asked[of]
        case = Case(one.problem, units)
        loads: Counter[str] = Counter()
        held = [0] * len(self.strata)
        for (firm, name), amount in case.units.items():
            offer, package = case.offers[firm, name], case.packages[name]
            if offer.pool in self.shared:
                loads[str(offer.pool)] += offer.load * amount
            for g, stratum in enumerate(self.strata):
                held[g] += amount * (package.value // package.quantity) * (firm in stratum.firms)
        return _Column(
            of=of,
            units=tuple(sorted(case.units.items())),
            gain=one.gross - case.cost(),
            loads=tuple(sorted(loads.items())),
            held=tuple(held),
        )

    def _choose(self) -> None:
        """Choose among the plans known: at most one for each opportunity, within pools, above floors."""
        columns = list(self.columns)
        cp = cp_model.CpModel()
        takes = [cp.new_bool_var("") for _ in columns]
        for of in range(len(self.asked)):
            cp.add_at_most_one(take for take, column in zip(takes, columns, strict=True) if column.of == of)
        for pool, capacity in self.shared.items():
            cp.add(_sum((take, dict(c.loads).get(pool, 0)) for take, c in zip(takes, columns, strict=True)) <= capacity)
        for g, stratum in enumerate(self.strata):
            cp.add(_sum((take, self._above(c, g, stratum)) for take, c in zip(takes, columns, strict=True)) >= 0)
        for take, column in zip(takes, columns, strict=True):
            cp.add_hint(take, column in self.chosen)
        cp.maximize(_sum((take, column.gain) for take, column in zip(takes, columns, strict=True)))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self.setting.seed
        solver.parameters.max_deterministic_time = MASTER_EFFORT
        found = solver.solve(cp) in (cp_model.OPTIMAL, cp_model.FEASIBLE)
        pairs = zip(takes, columns, strict=True)
        chosen = tuple(column for take, column in pairs if solver.value(take)) if found else ()
        self.chosen = max(self.chosen, chosen, key=lambda taken: sum(column.gain for column in taken))
        self.purse.spend(solver.wall_time, solver.deterministic_time)

    def _above(self, column: _Column, g: int, stratum: Stratum) -> int:
        return WHOLE * column.held[g] - stratum.floor * self.values[column.of]

    def _duals(self) -> _Prices:
        """Return the multipliers of the linear program over the plans known, in whole minor units."""
        columns = list(self.columns)
        solver = pywraplp.Solver.CreateSolver("GLOP")
        far = solver.infinity()
        unit = max([1, *(abs(column.gain) for column in columns)])
        takes = [solver.NumVar(0, far, "") for _ in columns]
        once = [solver.Constraint(-far, 1) for _ in self.asked]
        rows = {pool: solver.Constraint(-far, capacity) for pool, capacity in self.shared.items()}
        floors = [solver.Constraint(0, far) for _ in self.strata]
        for take, column in zip(takes, columns, strict=True):
            once[column.of].SetCoefficient(take, 1)
            for pool, load in column.loads:
                rows[pool].SetCoefficient(take, load)
            for g, stratum in enumerate(self.strata):
                floors[g].SetCoefficient(take, self._above(column, g, stratum) / WHOLE / unit)
            solver.Objective().SetCoefficient(take, column.gain / unit)
        solver.Objective().SetMaximization()
        solver.Solve()
        return _Prices(
            pools={pool: max(0, round(row.dual_value() * unit)) for pool, row in rows.items()},
            strata=tuple(max(0, round(-row.dual_value() * FINE)) for row in floors),
        )

    def _told(self) -> Portfolio:
        used: Counter[str] = Counter()
        for column in self.chosen:
            used.update(dict(column.loads))
        value = sum(self.values[column.of] for column in self.chosen)
        taken = {column.of for column in self.chosen}
        held = [sum(column.held[g] for column in self.chosen) for g in range(len(self.strata))]
        return Portfolio(
            status=Status.OPTIMAL if self.bound == self.gain else Status.FEASIBLE,
            gain=self.gain,
            bound=self.bound,
            staffed=tuple(self._staffed(column) for column in sorted(self.chosen, key=lambda column: column.of)),
            unstaffed=tuple(one.id for of, one in enumerate(self.asked) if of not in taken),
            scarcity=tuple(
                Scarcity(pool=pool, used=used[pool], capacity=capacity, price=self.prices.pools[pool])
                for pool, capacity in self.shared.items()
            ),
            strata=tuple((s.name, WHOLE * part // max(1, value)) for s, part in zip(self.strata, held, strict=True)),
        )

    def _staffed(self, column: _Column) -> Staffed:
        one = self.asked[column.of]
        return Staffed(opportunity=one.id, plan=stated(one.problem, dict(column.units)), gain=column.gain)


class _Relaxation:
    """The linear program over all opportunities at once, as arrays; what it leaves out makes it more generous."""

    def __init__(self, asked: Sequence[Opportunity], shared: Mapping[str, int], strata: Sequence[Stratum]) -> None:
        self.costs: list[float] = [-float(one.gross) for one in asked]
        self.limits: list[float] = [1.0] * len(asked)
        self.cells: list[tuple[int, int, float]] = []
        self.packages = 0
        self.pools = list(shared.values())
        self.drawn: list[tuple[int, int, float]] = []
        self.floors = len(strata)
        places = {pool: row for row, pool in enumerate(shared)}
        for g, stratum in enumerate(strata):
            self.drawn += [(len(places) + g, of, stratum.floor / WHOLE * one.value) for of, one in enumerate(asked)]
        for of, one in enumerate(asked):
            rows = {package.id: self.packages + i for i, package in enumerate(one.problem.packages)}
            self.packages += len(rows)
            self.cells += [(rows[package.id], of, -float(package.quantity)) for package in one.problem.packages]
            for slot in sift(one.problem).slots:
                self._offered(slot, rows, places, strata)

    def _offered(
        self, slot: Slot, rows: Mapping[str, int], places: Mapping[str, int], strata: Sequence[Stratum]
    ) -> None:
        column = len(self.costs)
        self.costs.append(float(slot.package.unit_price if slot.offer.price is None else slot.offer.price))
        self.limits.append(float(slot.most))
        self.cells.append((rows[slot.package.id], column, 1.0))
        pool = places.get(slot.offer.pool or "")
        if pool is not None:
            self.drawn.append((pool, column, float(slot.offer.load)))
        for g, stratum in enumerate(strata):
            if slot.firm.id in stratum.firms:
                self.drawn.append((len(places) + g, column, -float(slot.package.value // slot.package.quantity)))

    def solved(self) -> tuple[int, list[float], list[float]] | None:
        """Return what can be gained at most, and the multipliers of pools and floors; `None`: nothing is asked."""
        if not self.packages:
            return None
        unit = max(1.0, *map(abs, self.costs))
        limits = [*map(float, self.pools), *[0.0] * self.floors]
        found = linprog(
            np.array(self.costs) / unit,
            A_ub=_matrix(self.drawn, len(limits), len(self.costs)) if limits else None,
            b_ub=limits or None,
            A_eq=_matrix(self.cells, self.packages, len(self.costs)),
            b_eq=np.zeros(self.packages),
            bounds=np.column_stack([np.zeros(len(self.limits)), self.limits]),
            method="highs",
        )
        gain = -found.fun * unit
        prices = [-float(price) * unit for price in found.ineqlin.marginals]
        most = floor(gain + 1e-7 * abs(gain) + 1e-6)
        return most, prices[: len(self.pools)], prices[len(self.pools) :]


def _matrix(cells: Sequence[tuple[int, int, float]], rows: int, columns: int) -> csr_array:
    """Return a sparse matrix from its cells."""
    row, column, value = zip(*cells, strict=True) if cells else ((), (), ())
    return csr_array((value, (row, column)), shape=(rows, columns))


def _cheapest(problem: Problem, prices: Mapping[str, int]) -> Problem:
    """Return the problem with the offers of each package that cost least at the prices of the pools.

    Offers for which no capacity is left are not counted.
    """
    of_package: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for slot in sift(problem).slots:
        offer, package = slot.offer, slot.package
        price = package.unit_price if offer.price is None else offer.price
        of_package[package.id].append((price + offer.load * prices.get(offer.pool or "", 0), offer.firm))
    kept = {(firm, package) for package, priced in of_package.items() for _, firm in sorted(priced)[:CHEAPEST]}
    asked = {firm for firm in problem.rules.required} | {lock.firm for lock in problem.rules.locked}
    offers = (offer for offer in problem.offers if (offer.firm, offer.package) in kept or offer.firm in asked)
    return replace(problem, offers=tuple(offers))


def _sum(terms: Iterable[Term]) -> cp_model.LinearExpr:
    return weighed((variable, factor) for variable, factor in terms if factor)
