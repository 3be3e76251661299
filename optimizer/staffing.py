"""Many opportunities over one capacity: each staffed wholly or not at all, every plan under its own rules.

At prices for what is scarce the opportunities fall apart, each to be planned by itself. The prices come from a linear
relaxation of everything at once (`joint`). At them a rolling fill serves one opportunity after the other from what
capacity is left; then those that fall furthest short of what they could gain are planned anew together with those that
they compete with, batch by batch. All whole plans seen are kept, and a master problem chooses among them.

The bound holds for all plans, not only those looked at. It is that of the relaxation, or Lagrangian where that is
lower: at any prices of the pools, what the best plans gain net of what they draw, plus the price of all capacity, is at
least what any portfolio gains (Geoffrion, *Lagrangean relaxation for integer programming*, 1974).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import takewhile
from math import floor

import numpy as np
from ortools.linear_solver import pywraplp
from ortools.sat.python import cp_model
from scipy.optimize import linprog
from scipy.sparse import csr_array

from optimizer.bound import best_of_packages, bound, whole
from optimizer.check import Case, Units
from optimizer.eligibility import Slot
from optimizer.highs import SOLVER_MARGIN, Branched, Watch, held, within
from optimizer.hunt import BUILD_SECONDS, HALF
from optimizer.joint import UNIT, Joint, join
from optimizer.linear import INFINITY, Flags, Floats, Linear
from optimizer.model import build
from optimizer.problem import WHOLE, Pool, Problem, canonical
from optimizer.result import Interrupt, Plan, Status
from optimizer.search import EFFORT_PER_SECOND, Purse, Setting, Title, opened, run
from optimizer.trial import stated
from optimizer.variables import Term, weighed

RELAX_PART, ROLL_PART, PROVE_PART, FILL_PART = 0.2, 0.4, 0.6, 0.7
"""The parts of what is left: the linear program, a rolling fill, proofs; a rolling fill with proofs beside it."""

RELAXED_OFFERS = 12_000
"""Up to how many offers everything is relaxed with its teams; above, teams are counted in proportion to their work."""

SHORTLIST = 16
"""Among how many offers of each package a batch is planned."""

BATCH = 6
"""How many opportunities are planned together."""

CLOSE, NEAR = 0.002, 0.004
"""The part of what an opportunity is worth within which its plan need not be the best: by itself, in a rolling fill."""

HASTE = 3.0
"""How many times its share of what is left one opportunity may take."""

SHORT_SECONDS, BATCH_SECONDS = 2.0, 4.0
"""How long one plan of a rolling fill, and one batch, may be sought."""

HANDLE_SECONDS = 1e-8
"""What picking a part out of all arrays costs for each row and column."""

STEP = 0.5
"""How far the prices go from those before to those that the plans known would have."""


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

    The price is the one at which the bound was proved, in minor units, rounded; 0 where there is enough.
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
    workers: int = 1,
    interrupt: Interrupt | None = None,
) -> Portfolio:
    """Choose which opportunities to staff, and how, so that together they gain most within the shared pools.

    A pool of the same name in several problems is one pool, of the capacity given here. What an opportunity gains is
    its worth less the cost of its plan; an undeclared price costs the reference price. With two workers plans and
    proofs are sought side by side, and what is found may differ from run to run.

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
    purse, setting = opened(seconds, effort), Setting(seed=seed, interrupt=interrupt, workers=workers)
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
    above: tuple[int, ...]
    """What each stratum holds beyond its floor, in basis points of a minor unit; negative where it falls short."""


class _Room:
    """What is left of the pools, and held beyond the floors, beside some plans."""

    def __init__(self, shared: Mapping[str, int], strata: int, kept: Iterable[_Column] = ()) -> None:
        self.pools = Counter(shared)
        self.above = [0] * strata
        for column in kept:
            self.take(column)

    def take(self, column: _Column) -> None:
        self.pools.subtract(dict(column.loads))
        self.above = [had + more for had, more in zip(self.above, column.above, strict=True)]

    def fits(self, column: _Column) -> bool:
        held = all(had + more >= 0 for had, more in zip(self.above, column.above, strict=True))
        return held and all(self.pools[pool] >= load for pool, load in column.loads)

    def sides(self) -> Floats:
        """Return the sides of the shared rows."""
        return np.array([*self.pools.values(), *(-had / UNIT for had in self.above)], dtype=np.float64)


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
        self.chosen: dict[int, _Column] = {}
        self.bound = sum(max(0, one.gross) for one in asked)
        self.scarce = np.zeros(len(shared) + len(strata))
        self.done = False

    def filled(self) -> Portfolio:
        if self.asked:
            self._prepare()
            if self.setting.workers < 2:
                self._roll(self.purse.part(ROLL_PART))
                self._prove(self.purse.part(PROVE_PART))
                self._improve(self.purse.part(1.0))
            else:
                self._side_by_side()
            self._choose(self.purse)
        return self._told()

    def _side_by_side(self) -> None:
        """Look for plans and for proofs in two threads; both solvers leave Python while they search."""
        own = Purse(seconds=self.purse.seconds_left, effort=self.purse.effort_left)
        with ThreadPoolExecutor(max_workers=1) as room:
            other = room.submit(self._prove, own)
            try:
                self._roll(self.purse.part(FILL_PART))
                self._improve(self.purse.part(1.0))
            finally:
                self.done = True
                other.result()

    @property
    def gain(self) -> int:
        return sum(column.gain for column in self.chosen.values())

    def _over(self, purse: Purse) -> bool:
        """Whether nothing better can be found, or not in time."""
        spent = not purse.seconds_left or not purse.effort_left
        return spent or self.done or self.setting.wished or self.bound == self.gain

    # ---- prices and limits ----

    def _prepare(self) -> None:
        """Make the arrays of everything, and take prices and a bound from its relaxation."""
        floors = [(frozenset(stratum.firms), stratum.floor) for stratum in self.strata]
        problems = [one.problem for one in self.asked]
        self.joint: Joint = join(problems, [one.gross for one in self.asked], self.shared, floors)
        linear = self.joint.linear
        self.drawn = linear.matrix[self.joint.shared]
        self.every = np.ones(len(linear.slots), dtype=bool)
        self.crowd = np.bincount(linear.firm_of_slot, minlength=len(linear.firms))[linear.firm_of_slot]
        _charge(self.purse, len(linear.slots))
        gain, self.prices = self._proportional()
        self.bound = min(self.bound, gain)
        if len(linear.slots) <= RELAXED_OFFERS and not self._over(self.purse):
            found = bound(linear, self.purse.seconds_left * RELAX_PART)
            self.purse.spend(found.seconds, found.seconds * EFFORT_PER_SECOND)
            self.bound = min(self.bound, whole(linear, found.estimate.limit))
            self.prices = found.multipliers[self.joint.shared] if found.met else self.prices
        self.scarce, self.reach = self.prices, self._cheapest(self.prices)
        self._bounded(self.prices, self.reach)

    def _proportional(self) -> tuple[int, Floats]:
        """Return what can be gained at most where teams and projects come in parts, and the prices of what is shared.

        A firm is a member at least in proportion to the part of its offers that it carries.
        """
        linear, joint, count = self.joint.linear, self.joint, len(self.asked)
        slots, packages = np.arange(len(linear.slots)), linear.package_of_slot
        member = 1.0 / (self.crowd * linear.most)
        earned = self._unit(linear)
        staffs = len(slots) + np.arange(count)
        shared = self.drawn.tocoo()
        place = np.full(linear.matrix.shape[1], -1)
        carriers = np.where(linear.settled, linear.uses, linear.amounts)
        place[carriers], place[joint.staffs] = slots, staffs
        each = np.where(linear.settled, linear.most, 1.0)
        factors = shared.data / np.append(each, np.ones(count))[place[shared.coords[1]]]
        signs = np.where(np.isfinite(linear.row_high[joint.shared]), 1.0, -1.0)
        sides = np.where(signs > 0, linear.row_high[joint.shared], 0.0)
        most = [min(one.problem.rules.max_members or len(one.problem.firms), len(slots)) for one in self.asked]
        rows = len(signs)
        limits = csr_array(
            (
                np.concatenate([factors * signs[shared.coords[0]], member, -np.array(most, dtype=np.float64)]),
                (
                    np.concatenate([shared.coords[0], rows + joint.block_of_slot, rows + np.arange(count)]),
                    np.concatenate([place[shared.coords[1]], slots, staffs]),
                ),
            ),
            shape=(rows + count, len(slots) + count),
        )
        quantities = [float(package.quantity) for one in self.asked for package in one.problem.packages]
        owners = [number for number, one in enumerate(self.asked) for _ in one.problem.packages]
        numbers = np.arange(len(quantities))
        cells = (np.concatenate([packages, numbers]), np.concatenate([slots, len(slots) + np.array(owners, dtype=int)]))
        covered = csr_array(
            (np.concatenate([np.ones(len(slots)), -np.array(quantities)]), cells),
            shape=(len(quantities), len(slots) + count),
        )
        found = linprog(
            -np.concatenate([earned, linear.earns[joint.staffs]]),
            A_ub=limits,
            b_ub=np.concatenate([sides, np.zeros(count)]),
            A_eq=covered,
            b_eq=np.zeros(len(quantities)),
            bounds=np.column_stack([np.zeros(len(slots) + count), np.concatenate([linear.most, np.ones(count)])]),
            method="highs",
        )
        gain = -found.fun * UNIT
        return floor(gain + SOLVER_MARGIN * abs(gain) + SOLVER_MARGIN), -found.ineqlin.marginals[:rows] * signs

    def _cheapest(self, prices: Floats) -> Floats:
        """Return what no plan of each opportunity can gain more at these prices: every package at its cheapest."""
        linear, joint = self._at(prices), self.joint
        unit = self._unit(linear)
        order = np.lexsort((-unit, linear.package_of_slot))
        amounts, packages = linear.most[order], linear.package_of_slot[order]
        before = np.cumsum(amounts) - amounts
        first = np.searchsorted(packages, packages)
        quantity = np.array([p.quantity for one in self.asked for p in one.problem.packages], dtype=np.float64)
        left = quantity[packages] - (before - before[first]) if len(order) else amounts
        taken = np.clip(left, 0.0, amounts)
        gained = np.bincount(joint.block_of_slot[order], taken * unit[order], minlength=len(self.asked))
        return np.maximum(0.0, gained + linear.earns[joint.staffs])

    def _unit(self, linear: Linear) -> Floats:
        """Return what a unit of each slot earns at most with its part in its firm's joining."""
        unit = np.where(linear.settled, linear.earns[linear.uses] / linear.most, linear.earns[linear.amounts])
        joining = linear.earns[linear.members][linear.firm_of_slot] / (self.crowd * linear.most)
        return np.asarray(unit + np.minimum(joining, 0.0))

    def _at(self, prices: Floats) -> Linear:
        multipliers = np.zeros(len(self.joint.linear.row_low))
        multipliers[self.joint.shared] = prices
        return self.joint.at(multipliers)

    def _bounded(self, prices: Floats, reach: Floats) -> None:
        """Take the Lagrangian bound at these prices, where no opportunity gains more than its reach."""
        sides = np.where(prices > 0, self.joint.linear.row_high[self.joint.shared], 0.0)
        limit = float(np.where(np.isfinite(sides), sides, 0.0) @ np.maximum(prices, 0.0)) + float(reach.sum())
        most = whole(self.joint.linear, limit + SOLVER_MARGIN * abs(limit))
        if most < self.bound:
            self.bound, self.scarce = most, prices

    def _prove(self, purse: Purse) -> None:
        """Plan every opportunity by itself at the prices, then at prices nearer to those of the plans known."""
        prices, reach, before = self.prices, self.reach, INFINITY
        while not self._over(purse) and self.bound < before * (1 - SOLVER_MARGIN):
            before = self.bound
            self._each(prices, reach, purse)
            prices = prices + STEP * (self._duals() - prices)
            reach = self._cheapest(prices)

    def _each(self, prices: Floats, reach: Floats, purse: Purse) -> None:
        """Plan every opportunity by itself at the prices, those of the longest reach first, and lower their reach."""
        linear, room = self._at(prices), _Room(self.shared, len(self.strata))
        order = [of for of in np.argsort(-reach, kind="stable").tolist() if reach[of]]
        for turn, of in takewhile(lambda _: not self._over(purse), enumerate(order)):
            share = purse.part(min(1.0, HASTE / (len(order) - turn)))
            near = CLOSE * self.asked[of].gross / UNIT
            found = self._searched(linear, self._blocks([of]), self.every, None, share, together=False, near=near)
            reach[of] = min(reach[of], max(0.0, found.limit))
            self._whole(of, found.point, room)
        self._bounded(prices, reach)

    # ---- plans ----

    def _roll(self, purse: Purse) -> None:
        """Plan one opportunity after the other, those of the longest reach first, in what capacity is left."""
        room, linear = _Room(self.shared, len(self.strata)), self._at(self.prices)
        order = np.argsort(-self.reach, kind="stable").tolist()
        for turn, of in enumerate(order):
            if self._over(purse):
                break
            share = _limited(purse.part(min(1.0, HASTE / (len(order) - turn))), SHORT_SECONDS)
            within = self.joint.within(linear, room.sides())
            within = replace(within, low=np.where(self._is(self.joint.staffs[of]), 1.0, within.low))
            near = NEAR * self.asked[of].gross / UNIT
            found = self._searched(within, self._blocks([of]), self.every, None, share, near=near)
            column = self._whole(of, found.point, room)
            if column is not None and column.gain > 0 and room.fits(column):
                room.take(column)
                self.chosen[of] = column

    def _improve(self, purse: Purse) -> None:
        """Plan those that fall furthest short of their reach anew, with those they compete with, again and again."""
        measure = self._unit(self._at(self.prices))
        listed = best_of_packages(self.joint.linear, measure, SHORTLIST)
        tried: Counter[int] = Counter()
        idle = 0
        while idle < len(self.asked) and not self._over(purse):
            short = self._shortfall()
            pivot = min(range(len(self.asked)), key=lambda of: (tried[of], -short[of], of))
            batch = self._rivals(pivot, tried[pivot])
            tried[pivot] += 1
            idle = 0 if self._batch(batch, listed, _limited(purse, BATCH_SECONDS)) else idle + 1

    def _shortfall(self) -> list[float]:
        """Return how far each opportunity's gain at the prices is below what it could be."""
        price = dict(zip(self.shared, self.prices.tolist(), strict=False))
        gains = [0.0] * len(self.asked)
        for of, column in self.chosen.items():
            gains[of] = column.gain / UNIT - sum(price[pool] * load for pool, load in column.loads)
        return [most - gained for most, gained in zip(self.reach.tolist(), gains, strict=True)]

    def _rivals(self, pivot: int, lap: int) -> list[int]:
        """Return an opportunity with those that draw most on the pools it could use; each lap begins further on."""
        pools = {offer.pool for offer in self.asked[pivot].problem.offers} & self.shared.keys()
        drawn = {of: sum(load for pool, load in c.loads if pool in pools) for of, c in self.chosen.items()}
        order = sorted((of for of in drawn if of != pivot), key=lambda of: (-drawn[of], of))
        start = (lap * (BATCH - 1)) % max(1, len(order))
        return [pivot, *(order[start:] + order[:start])[: BATCH - 1]]

    def _batch(self, batch: Sequence[int], listed: Flags, purse: Purse) -> bool:
        """Plan some opportunities together in the room that all others leave; tell whether they gain more."""
        kept = [column for of, column in self.chosen.items() if of not in batch]
        room = _Room(self.shared, len(self.strata), kept)
        before = {of: self.chosen[of] for of in batch if of in self.chosen}
        linear = self.joint.within(self.joint.linear, room.sides())
        blocks, point = self._blocks(batch), self._point(before)
        slots = listed | (point[self.joint.linear.uses] > 0)
        start = self._completed(linear, blocks, slots, point)
        found = self._searched(linear, blocks, slots, start, purse)
        after = {} if found.point is None else self._together(batch, found.point, room)
        if sum(c.gain for c in after.values()) <= sum(c.gain for c in before.values()):
            return False
        self.chosen = {of: c for of, c in self.chosen.items() if of not in batch} | after
        return True

    def _together(self, batch: Sequence[int], point: Floats, room: _Room) -> dict[int, _Column]:
        """Return whole plans for the firms that a point proposes, each leaving the others what they would draw."""
        draws = {of: self.drawn @ np.where(self.joint.block_of_column == of, point, 0.0) for of in batch}
        planned: dict[int, _Column] = {}
        for place, of in enumerate(batch):
            kept = np.floor(sum((draws[other] for other in batch[place + 1 :]), np.zeros(len(self.joint.shared))))
            mine = _Room(room.pools, 0)
            mine.above = room.above
            mine.pools.subtract(dict(zip(self.shared, np.maximum(kept, 0.0).astype(int).tolist(), strict=False)))
            column = self._whole(of, point, mine)
            if column is not None and room.fits(column):
                room.take(column)
                planned[of] = column
        return planned

    def _point(self, columns: Mapping[int, _Column]) -> Floats:
        """Return the columns of some plans; those that rules bring along are left at zero."""
        units = dict.fromkeys(range(len(self.joint.linear.slots)), 0)
        carried = {of: dict(column.units) for of, column in columns.items()}
        for of in columns:
            for i in np.flatnonzero(self.joint.block_of_slot == of).tolist():
                slot = self.joint.linear.slots[i]
                units[i] = carried[of].get((slot.firm.id, slot.package.id), 0)
        point = self.joint.linear.point(list(units.values()))
        point[self.joint.staffs[list(columns)]] = 1.0
        return point

    def _completed(self, linear: Linear, blocks: Flags, slots: Flags, point: Floats) -> Floats | None:
        """Return all columns of some plans, as good as they can be."""
        own = np.concatenate([linear.uses, linear.members, linear.amounts[~linear.settled], self.joint.staffs])
        return held(linear, self.joint.part(blocks, slots, together=True), own, point, 1.0)

    def _searched(
        self,
        linear: Linear,
        blocks: Flags,
        slots: Flags,
        start: Floats | None,
        purse: Purse,
        *,
        together: bool = True,
        near: float = 0.0,
    ) -> Branched:
        """Branch and bound over some blocks, until its best point is as near to its limit as asked."""
        part = self.joint.part(blocks, slots, together=together)
        known = {"limit": INFINITY, "best": -INFINITY}

        def lowered(limit: float) -> None:
            known["limit"] = limit

        def found(point: Floats) -> None:
            known["best"] = float(linear.earns @ point)

        def ended(_: int) -> bool:
            close = known["limit"] - known["best"] <= near if near else False
            return close or self.done or self.setting.wished

        watch = Watch(lowered=lowered, found=found, ended=ended, news=lambda: None)
        handled = HANDLE_SECONDS * sum(linear.matrix.shape)
        purse.spend(handled, handled * EFFORT_PER_SECOND)
        return within(linear, part, start, purse, self.setting.seed, watch)

    def _is(self, column: int) -> Flags:
        return np.asarray(np.arange(self.joint.linear.matrix.shape[1]) == column)

    def _blocks(self, of: Sequence[int]) -> Flags:
        blocks = np.zeros(len(self.asked), dtype=bool)
        blocks[list(of)] = True
        return blocks

    def _whole(self, of: int, point: Floats | None, room: _Room) -> _Column | None:
        """Return the cheapest plan in whole units of the firms that a point proposes for an opportunity."""
        linear, one = self.joint.linear, self.asked[of]
        if point is None or point[self.joint.staffs[of]] < HALF:
            return None
        mine = np.flatnonzero(self.joint.block_of_slot == of)
        firms = np.unique(linear.firm_of_slot[mine[point[linear.uses[mine]] > HALF]])
        slots = [linear.slots[i] for i in mine[np.isin(linear.firm_of_slot[mine], firms)].tolist()]
        pools = (
            replace(p, capacity=max(0, min(p.capacity, room.pools.get(p.id, p.capacity)))) for p in one.problem.pools
        )
        model = build(replace(one.problem, pools=tuple(pools)), slots=slots)
        _charge(self.purse, len(one.problem.offers))
        for stratum, had in zip(self.strata, room.above, strict=True):
            held = [
                model.term(i, WHOLE * (slot.package.value // slot.package.quantity))
                for i, slot in enumerate(model.slots)
                if slot.firm.id in stratum.firms
            ]
            model.cp.add(weighed(held) >= stratum.floor * self.values[of] - had)
        costs = {firm.id: firm.member_cost for firm in one.problem.firms}
        terms: list[Term] = [(member, costs[firm]) for firm, member in model.member.items()]
        terms += [model.term(i, _price(slot)) for i, slot in enumerate(model.slots)]
        purse = Purse(seconds=1.0, effort=EFFORT_PER_SECOND, whole=self.purse)
        whole_units = run(model, -1 * weighed(terms), purse, self.setting, Title(stage="base", sign=-1))
        if whole_units.objective is None:
            return None
        carried = zip(model.slots, whole_units.units, strict=True)
        column = self._weighed(of, {(slot.firm.id, slot.package.id): amount for slot, amount in carried if amount})
        self.columns[column] = None
        return column

    def _weighed(self, of: int, units: Units) -> _Column:
        one = self.asked[of]
        case = Case(one.problem, units)
        loads: Counter[str] = Counter()
        above = [-stratum.floor * self.values[of] for stratum in self.strata]
        for (firm, name), amount in case.units.items():
            offer, package = case.offers[firm, name], case.packages[name]
            if offer.pool in self.shared:
                loads[str(offer.pool)] += offer.load * amount
            for g, stratum in enumerate(self.strata):
                above[g] += WHOLE * amount * (package.value // package.quantity) * (firm in stratum.firms)
        return _Column(
            of=of,
            units=tuple(sorted(case.units.items())),
            gain=one.gross - case.cost(),
            loads=tuple(sorted(loads.items())),
            above=tuple(above),
        )

    # ---- the master ----

    def _choose(self, purse: Purse) -> None:
        """Choose among the plans known: at most one for each opportunity, within pools, above floors."""
        columns = list(self.columns)
        cp = cp_model.CpModel()
        takes = [cp.new_bool_var("") for _ in columns]
        by_block: dict[int, list[cp_model.IntVar]] = defaultdict(list)
        by_pool: dict[str, list[Term]] = defaultdict(list)
        for take, column in zip(takes, columns, strict=True):
            by_block[column.of].append(take)
            for pool, load in column.loads:
                by_pool[pool].append((take, load))
            cp.add_hint(take, self.chosen.get(column.of) == column)
        for options in by_block.values():
            cp.add_at_most_one(options)
        for pool, terms in by_pool.items():
            cp.add(weighed(terms) <= self.shared[pool])
        for g in range(len(self.strata)):
            cp.add(weighed((take, column.above[g]) for take, column in zip(takes, columns, strict=True)) >= 0)
        cp.maximize(weighed((take, column.gain) for take, column in zip(takes, columns, strict=True)))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self.setting.seed
        solver.parameters.max_time_in_seconds = max(0.2, purse.seconds_left)
        solver.parameters.max_deterministic_time = max(0.2, purse.effort_left)
        known = solver.solve(cp) in (cp_model.OPTIMAL, cp_model.FEASIBLE)
        pairs = zip(takes, columns, strict=True)
        taken = {column.of: column for take, column in pairs if solver.value(take)} if known else {}
        self.chosen = max(self.chosen, taken, key=lambda one: sum(column.gain for column in one.values()))
        purse.spend(solver.wall_time, solver.deterministic_time)

    def _duals(self) -> Floats:
        """Return the multipliers of the shared rows in the linear program over the plans known."""
        columns = list(self.columns)
        solver = pywraplp.Solver.CreateSolver("GLOP")
        far = solver.infinity()
        takes = [solver.NumVar(0, far, "") for _ in columns]
        once = [solver.Constraint(-far, 1) for _ in self.asked]
        rows = {pool: solver.Constraint(-far, capacity) for pool, capacity in self.shared.items()}
        floors = [solver.Constraint(0, far) for _ in self.strata]
        for take, column in zip(takes, columns, strict=True):
            once[column.of].SetCoefficient(take, 1)
            for pool, load in column.loads:
                rows[pool].SetCoefficient(take, load)
            for row, above in zip(floors, column.above, strict=True):
                row.SetCoefficient(take, above / UNIT)
            solver.Objective().SetCoefficient(take, column.gain / UNIT)
        solver.Objective().SetMaximization()
        solver.Solve()
        return np.array([row.dual_value() for row in [*rows.values(), *floors]], dtype=np.float64)

    def _told(self) -> Portfolio:
        used: Counter[str] = Counter()
        for column in self.chosen.values():
            used.update(dict(column.loads))
        value = sum(self.values[of] for of in self.chosen)
        held = [
            (sum(c.above[g] for c in self.chosen.values()) + stratum.floor * value) // WHOLE
            for g, stratum in enumerate(self.strata)
        ]
        prices = dict(zip(self.shared, (UNIT * self.scarce).tolist(), strict=False))
        return Portfolio(
            status=Status.OPTIMAL if self.bound == self.gain else Status.FEASIBLE,
            gain=self.gain,
            bound=self.bound,
            staffed=tuple(self._staffed(self.chosen[of]) for of in sorted(self.chosen)),
            unstaffed=tuple(one.id for of, one in enumerate(self.asked) if of not in self.chosen),
            scarcity=tuple(
                Scarcity(pool=pool, used=used[pool], capacity=capacity, price=max(0, round(prices[pool])))
                for pool, capacity in self.shared.items()
            ),
            strata=tuple((s.name, WHOLE * part // max(1, value)) for s, part in zip(self.strata, held, strict=True)),
        )

    def _staffed(self, column: _Column) -> Staffed:
        one = self.asked[column.of]
        return Staffed(opportunity=one.id, plan=stated(one.problem, dict(column.units)), gain=column.gain)


def _price(slot: Slot) -> int:
    return slot.package.unit_price if slot.offer.price is None else slot.offer.price


def _limited(purse: Purse, seconds: float) -> Purse:
    """Return a purse with no more than so many seconds of what is left."""
    return purse.part(min(1.0, seconds / max(seconds, purse.seconds_left)))


def _charge(purse: Purse, slots: int) -> None:
    purse.spend(BUILD_SECONDS * slots, BUILD_SECONDS * EFFORT_PER_SECOND * slots)
