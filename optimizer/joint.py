"""Many opportunities as one linear program: a block for each, which is staffed or not, and what they share.

The block of an opportunity holds the rows of its own problem, scaled by whether it is staffed: without it nothing in
the block moves. What blocks share are the pools of the same name and the floors of strata. At prices for these the
blocks fall apart (Dantzig & Wolfe, *Decomposition principle for linear programs*, 1960), which gives a limit on all
portfolios from a limit on each block.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from optimizer.bound import priced
from optimizer.eligibility import sift
from optimizer.highs import Part
from optimizer.linear import INFINITY, NOBODY, Flags, Floats, Linear, Places, tabulate
from optimizer.problem import WHOLE, Goals, Mode, Problem

UNIT = 2.0**20
"""Gains are held in so many minor units: a power of two changes no digit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Joint:
    """The arrays of all opportunities, and which block a slot, a column or a row belongs to (a shared row: nobody's).

    `staffs` are the columns that say whether an opportunity is staffed, `shared` the rows of the pools and then those
    of the floors.
    """

    linear: Linear
    staffs: Places
    shared: Places
    block_of_slot: Places
    block_of_column: Places
    block_of_row: Places

    def part(self, blocks: Flags, slots: Flags, *, together: bool) -> Part:
        """Return the part that speaks of some slots of some blocks, with what blocks share or without."""
        shown = np.append(slots & blocks[self.block_of_slot], True)
        firms = np.zeros(len(self.linear.firms) + 1, dtype=bool)
        firms[self.linear.firm_of_slot[shown[:-1]]] = True
        firms[NOBODY] = True
        mine, ours = np.append(blocks, False), np.append(blocks, together)
        linear = self.linear
        return Part(
            columns=mine[self.block_of_column] & firms[linear.firm_of_column] & shown[linear.slot_of_column],
            rows=ours[self.block_of_row] & firms[linear.firm_of_row] & shown[linear.slot_of_row],
        )

    def at(self, multipliers: Floats) -> Linear:
        """Return the arrays with what is drawn from the pools and owed to the floors charged to the columns."""
        price = priced(self.linear, multipliers)
        charged = self.linear.matrix[self.shared].T @ price[self.shared]
        return replace(self.linear, earns=self.linear.earns - charged)

    def within(self, linear: Linear, rooms: Floats) -> Linear:
        """Return the arrays, at whatever prices, with so much room in the pools and above the floors."""
        pools = np.isfinite(linear.row_high[self.shared])
        low, high = linear.row_low.copy(), linear.row_high.copy()
        high[self.shared[pools]] = rooms[pools]
        low[self.shared[~pools]] = rooms[~pools]
        return replace(linear, row_low=low, row_high=high)


def join(
    problems: Sequence[Problem],
    worth: Sequence[int],
    shared: Mapping[str, int],
    floors: Sequence[tuple[frozenset[str], int]],
) -> Joint:
    """Return the arrays of problems in canonical order, what staffing each is worth before costs, and what they share.

    A floor is a group of firms and the basis points of the staffed value that it is to hold.

    >>> from optimizer.problem import Firm, Offer, Package, Pool
    >>> asked = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4, value=400),),
    ...                 offers=(Offer(firm="F1", package="WP1", price=50, pool="P"),),
    ...                 pools=(Pool(id="P", capacity=9),))
    >>> joint = join([asked, asked], [400, 300], {"P": 6}, [])
    >>> joint.block_of_slot.tolist(), joint.staffs.tolist(), joint.linear.row_high[joint.shared].tolist()
    ([0, 1], [6, 7], [6.0])
    """
    return _Joining(problems, worth, shared, floors).joined()


class _Joining:
    def __init__(
        self,
        problems: Sequence[Problem],
        worth: Sequence[int],
        shared: Mapping[str, int],
        floors: Sequence[tuple[frozenset[str], int]],
    ) -> None:
        cheapest = [replace(problem, goals=Goals(mode=Mode.COST)) for problem in problems]
        self.blocks = [tabulate(problem, sift(problem).slots) for problem in cheapest]
        self.values = [sum(package.value for package in problem.packages) for problem in problems]
        self.worth, self.shared, self.floors = worth, shared, floors
        self.columns = _starts(len(block.earns) for block in self.blocks)
        self.slots = _starts(len(block.slots) for block in self.blocks)
        self.firms = _starts(len(block.firms) for block in self.blocks)
        self.packages = _starts(len(problem.packages) for problem in problems)
        self.staffs = self.columns[-1] + np.arange(len(self.blocks))
        self.cells: list[tuple[Places, Places, Floats]] = []
        self.low: list[Floats] = []
        self.high: list[Floats] = []
        self.firm: list[Places] = []
        self.slot: list[Places] = []
        self.inner: list[Flags] = []
        self.block: list[Places] = []
        self.count = 0

    def joined(self) -> Joint:
        for number in range(len(self.blocks)):
            self._scaled(number)
            self._only_if_staffed(number)
        shared = self._together()
        numbers = np.arange(len(self.blocks))
        rows, columns, factors = (np.concatenate(part) for part in zip(*self.cells, strict=True))
        width = int(self.columns[-1]) + len(self.blocks)
        matrix = csr_array((factors, (rows, columns)), shape=(self.count, width))
        return Joint(
            linear=self._linear(matrix),
            staffs=self.staffs,
            shared=shared,
            block_of_slot=np.repeat(numbers, np.diff(self.slots)),
            block_of_column=np.concatenate([np.repeat(numbers, np.diff(self.columns)), numbers]),
            block_of_row=np.concatenate(self.block),
        )

    def _linear(self, matrix: csr_array) -> Linear:
        blocks, ones = self.blocks, np.ones(len(self.blocks))
        nobody = np.full(len(blocks), NOBODY, dtype=np.int64)

        def stacked(read: Callable[[Linear], Places], starts: Places) -> Places:
            return np.concatenate([nobody[:0], *map(_shifted, map(read, blocks), starts[:-1])])

        def plain(read: Callable[[Linear], Floats]) -> Floats:
            return np.concatenate([ones[:0], *map(read, blocks)])

        gains = np.array(self.worth, dtype=np.float64)
        return Linear(
            slots=tuple(slot for block in blocks for slot in block.slots),
            firms=tuple(firm for block in blocks for firm in block.firms),
            uses=stacked(lambda block: block.uses, self.columns),
            amounts=stacked(lambda block: block.amounts, self.columns),
            members=stacked(lambda block: block.members, self.columns),
            least=plain(lambda block: block.least),
            most=plain(lambda block: block.most),
            firm_of_slot=stacked(lambda block: block.firm_of_slot, self.firms),
            package_of_slot=stacked(lambda block: block.package_of_slot, self.packages),
            matrix=matrix,
            row_low=np.concatenate(self.low),
            row_high=np.concatenate(self.high),
            firm_of_row=np.concatenate(self.firm),
            slot_of_row=np.concatenate(self.slot),
            inner=np.concatenate(self.inner),
            earns=np.concatenate([plain(lambda block: block.earns * block.unit), gains]) / UNIT,
            low=np.zeros(matrix.shape[1]),
            high=np.concatenate([plain(lambda block: block.high), ones]),
            whole=np.concatenate([*(block.whole for block in blocks), ones.astype(bool)]),
            firm_of_column=np.concatenate([stacked(lambda block: block.firm_of_column, self.firms), nobody]),
            slot_of_column=np.concatenate([stacked(lambda block: block.slot_of_column, self.slots), nobody]),
            unit=UNIT,
            constant=0,
        )

    def _scaled(self, number: int) -> None:
        """Add the rows of a block; a side that is not zero holds times whether the opportunity is staffed."""
        block = self.blocks[number]
        even = block.row_low == block.row_high
        for kind, side, low, high in (
            (even, block.row_low, 0.0, 0.0),
            (~even & (block.row_low > -INFINITY), block.row_low, 0.0, INFINITY),
            (~even & (block.row_high < INFINITY), block.row_high, -INFINITY, 0.0),
        ):
            rows = np.flatnonzero(kind)
            part = block.matrix[rows].tocoo()
            there, here = part.coords
            moved = np.flatnonzero(side[rows])
            staffed = (moved, np.full(len(moved), self.staffs[number]), -side[rows[moved]])
            own = (there, here + self.columns[number], part.data)
            self._add(
                len(rows), [own, staffed], low, high, number, block.inner[rows],
                _shifted(block.firm_of_row[rows], self.firms[number]),
                _shifted(block.slot_of_row[rows], self.slots[number]),
            )  # fmt: skip

    def _only_if_staffed(self, number: int) -> None:
        """Nobody is a member further than the opportunity is staffed."""
        block = self.blocks[number]
        firms, ones = np.arange(len(block.firms)), np.ones(len(block.firms))
        member = (firms, block.members + self.columns[number], ones)
        staffed = (firms, np.full(len(firms), self.staffs[number]), -ones)
        nobody = np.full(len(firms), NOBODY, dtype=np.int64)
        inner = np.zeros(len(firms), dtype=bool)
        self._add(
            len(firms), [member, staffed], -INFINITY, 0.0, number, inner, firms + self.firms[number], nobody
        )  # fmt: skip

    def _together(self) -> Places:
        """Add the rows that blocks share, and return their places."""
        places = {pool: row for row, pool in enumerate(self.shared)}
        drawn: list[tuple[int, int, float]] = []
        for number, block in enumerate(self.blocks):
            carriers = np.where(block.settled, block.uses, block.amounts) + self.columns[number]
            units = np.where(block.settled, block.most, 1.0).tolist()
            for i, (slot, column) in enumerate(zip(block.slots, carriers.tolist(), strict=True)):
                each = units[i]
                pool = places.get(slot.offer.pool or "")
                if pool is not None and slot.offer.load:
                    drawn.append((pool, column, slot.offer.load * each))
                value = slot.package.value // slot.package.quantity
                held = (g for g, (firms, _) in enumerate(self.floors) if slot.firm.id in firms)
                drawn += [(len(places) + g, column, WHOLE * value * each / UNIT) for g in held]
            owed = [floor * self.values[number] / UNIT for _, floor in self.floors]
            drawn += [(len(places) + g, int(self.staffs[number]), -amount) for g, amount in enumerate(owed)]
        rows, columns, factors = zip(*drawn, strict=True) if drawn else ((), (), ())
        cells = (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64), np.array(factors, dtype=np.float64))
        count = len(places) + len(self.floors)
        nobody = np.full(count, NOBODY, dtype=np.int64)
        high = np.array([*self.shared.values(), *[INFINITY] * len(self.floors)], dtype=np.float64)
        low = np.array([*[-INFINITY] * len(places), *[0.0] * len(self.floors)], dtype=np.float64)
        self._add(count, [cells], low, high, NOBODY, np.zeros(count, dtype=bool), nobody, nobody)
        return np.arange(self.count - count, self.count)

    def _add(
        self,
        count: int,
        cells: Sequence[tuple[Places, Places, Floats]],
        low: Floats | float,
        high: Floats | float,
        block: int,
        inner: Flags,
        firm: Places,
        slot: Places,
    ) -> None:
        self.cells += [(rows + self.count, columns, factors) for rows, columns, factors in cells]
        self.low.append(np.broadcast_to(np.asarray(low, dtype=np.float64), (count,)))
        self.high.append(np.broadcast_to(np.asarray(high, dtype=np.float64), (count,)))
        self.block.append(np.full(count, block, dtype=np.int64))
        self.inner.append(inner)
        self.firm.append(firm)
        self.slot.append(slot)
        self.count += count


def _starts(sizes: Iterable[int]) -> Places:
    return np.cumsum(np.array([0, *sizes], dtype=np.int64))


def _shifted(places: Places, by: int) -> Places:
    return np.where(places == NOBODY, NOBODY, places + by)
