"""The linear side of a problem as arrays: columns, rows and what a plan earns, for the solver of linear programs.

Every plan that keeps the rules meets every row and earns at least what the judge counts, so that a limit proved here is
one on all plans. A rule that has no row here makes the limit wider, never wrong. Coefficients are those of the
integer model, divided by powers of two where they are large, which changes no digit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from optimizer.eligibility import Slot, carries, sift
from optimizer.goals import Scale, best_grades, grade_points, levels, scale
from optimizer.problem import WHOLE, Mode, Problem
from optimizer.worth import Worth, measure

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOBODY = -1
"""The owner of what belongs to no firm, or to no slot, in particular."""

LARGE_COEFFICIENT = 2.0**20
"""Rows and earnings with larger coefficients are divided by a power of two."""

INFINITY = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """A problem as arrays: earn as much as possible within the rows.

    Columns are the uses of slots, the members, the units of slots whose units are not settled by their use, and some
    that rules and goals bring along. `earns` is in units of `unit`, `constant` is earned by every plan. A row belongs
    to a slot or a firm when it says nothing once that slot is unused, that firm no member; it is `inner` when it speaks
    of one firm alone and holds for nothing at all.
    """

    slots: tuple[Slot, ...]
    firms: tuple[str, ...]
    uses: Places
    amounts: Places
    members: Places
    least: Floats
    most: Floats
    firm_of_slot: Places
    package_of_slot: Places
    matrix: csr_array
    row_low: Floats
    row_high: Floats
    firm_of_row: Places
    slot_of_row: Places
    inner: Flags
    earns: Floats
    low: Floats
    high: Floats
    whole: Flags
    firm_of_column: Places
    slot_of_column: Places
    unit: float
    constant: int

    @property
    def settled(self) -> Flags:
        """The slots whose use settles their units."""
        return np.asarray(self.amounts == NOBODY)

    def point(self, units: Sequence[int]) -> Floats:
        """Return the columns of a plan given by the units of every slot; other columns are as good as they can be.

        Columns that rules and goals bring along are left at zero.
        """
        amount = np.asarray(units, dtype=np.float64)
        found = np.zeros(len(self.earns))
        found[self.uses] = amount > 0
        open_ = ~self.settled
        found[self.amounts[open_]] = amount[open_]
        found[self.members] = np.bincount(self.firm_of_slot, weights=amount > 0, minlength=len(self.firms)) > 0
        return found


class _Blocks:
    """Rows as they are collected, block by block."""

    def __init__(self) -> None:
        self.rows: list[Places] = []
        self.columns: list[Places] = []
        self.factors: list[Floats] = []
        self.low: list[Floats] = []
        self.high: list[Floats] = []
        self.firm: list[Places] = []
        self.slot: list[Places] = []
        self.inner: list[Flags] = []
        self.count = 0


class _Columns:
    """Columns as they are collected, block by block."""

    def __init__(self) -> None:
        self.high: list[Floats] = []
        self.whole: list[Flags] = []
        self.firm: list[Places] = []
        self.slot: list[Places] = []
        self.count = 0


class Table:
    """Collects columns, rows and earnings of one problem, block by block."""

    def __init__(self, problem: Problem, slots: Sequence[Slot]) -> None:
        self.problem = problem
        self.slots = tuple(slots)
        self.worth: Worth = measure(problem)
        self.packages = {package.id: i for i, package in enumerate(problem.packages)}
        self.firms = {firm: i for i, firm in enumerate(dict.fromkeys(slot.firm.id for slot in self.slots))}
        self.known = {firm.id: firm for firm in problem.firms}
        self.constant = 0
        self._blocks, self._columns = _Blocks(), _Columns()
        self._earned: list[tuple[Places, Floats]] = []
        self._look_at_slots()
        self.uses = self.column(len(self.slots), whole=True, firm=self.firm, slot=self.every)
        self.members = self.column(len(self.firms), whole=True, firm=np.arange(len(self.firms)))
        open_ = self.every[~self.settled]
        self.amounts = np.full(len(self.slots), NOBODY, dtype=np.int64)
        self.amounts[open_] = self.column(len(open_), high=self.most[open_], firm=self.firm[open_], slot=open_)

    def _look_at_slots(self) -> None:
        self.every = np.arange(len(self.slots), dtype=np.int64)
        self.firm = _places(self.firms[slot.firm.id] for slot in self.slots)
        self.package = _places(self.packages[slot.package.id] for slot in self.slots)
        self.least = _floats(slot.least for slot in self.slots)
        self.most = _floats(slot.most for slot in self.slots)
        self.settled = self.least == self.most
        self.quantity = _floats(package.quantity for package in self.problem.packages)

    def column(
        self,
        count: int,
        *,
        high: Floats | float = 1.0,
        whole: bool = False,
        firm: Places | None = None,
        slot: Places | None = None,
    ) -> Places:
        """Add columns from zero to `high` and return their places."""
        columns = self._columns
        columns.high.append(np.broadcast_to(np.asarray(high, dtype=np.float64), (count,)))
        columns.whole.append(np.full(count, whole))
        columns.firm.append(np.full(count, NOBODY, dtype=np.int64) if firm is None else firm)
        columns.slot.append(np.full(count, NOBODY, dtype=np.int64) if slot is None else slot)
        columns.count += count
        return np.arange(columns.count - count, columns.count, dtype=np.int64)

    def row(
        self,
        count: int,
        parts: Iterable[tuple[Places, Places, Floats]],
        *,
        low: Floats | float = -INFINITY,
        high: Floats | float = INFINITY,
        firm: Places | None = None,
        slot: Places | None = None,
        inner: bool = False,
    ) -> None:
        """Add rows; each part is rows counted from zero, columns and factors."""
        blocks = self._blocks
        for rows, columns, factors in parts:
            blocks.rows.append(rows + blocks.count)
            blocks.columns.append(columns)
            blocks.factors.append(factors)
        blocks.low.append(np.broadcast_to(np.asarray(low, dtype=np.float64), (count,)))
        blocks.high.append(np.broadcast_to(np.asarray(high, dtype=np.float64), (count,)))
        blocks.firm.append(np.full(count, NOBODY, dtype=np.int64) if firm is None else firm)
        blocks.slot.append(np.full(count, NOBODY, dtype=np.int64) if slot is None else slot)
        blocks.inner.append(np.full(count, inner))
        blocks.count += count

    def units(self, slots: Places, factors: Floats | float = 1.0) -> tuple[Places, Floats]:
        """Return columns and factors that make `factors` times the units of slots."""
        given = np.broadcast_to(np.asarray(factors, dtype=np.float64), slots.shape)
        settled = self.settled[slots]
        columns = np.where(settled, self.uses[slots], self.amounts[slots])
        return columns, np.where(settled, given * self.most[slots], given)

    def earn(self, columns: Places, factors: Floats) -> None:
        """Let columns earn so much each."""
        self._earned.append((columns, factors))

    def keep(self, least: int) -> None:
        """Let what has been earned so far be at least so much instead of counting it."""
        columns, factors = (_joined([part[i] for part in self._earned]) for i in (0, 1))
        self.one(columns, factors, low=float(least - self.constant))
        self._earned, self.constant = [], 0

    def of_firms(self, firms: Iterable[str]) -> Places:
        """Return the member columns of those firms that have a usable offer."""
        return self.members[_places(self.firms[firm] for firm in firms if firm in self.firms)]

    def one(
        self, columns: Places, factors: Floats | float = 1.0, *, low: float = -INFINITY, high: float = INFINITY
    ) -> None:
        """Add a single row."""
        given = np.broadcast_to(np.asarray(factors, dtype=np.float64), columns.shape)
        self.row(1, [(np.zeros(len(columns), dtype=np.int64), columns, given)], low=low, high=high)

    def finished(self) -> Linear:
        """Return what was collected, with large coefficients divided by powers of two."""
        blocks, columns_ = self._blocks, self._columns
        count, high_ = columns_.count, _joined(columns_.high)
        rows, columns, factors = _joined(blocks.rows), _joined(blocks.columns), _joined(blocks.factors)
        low, high = _joined(blocks.low), _joined(blocks.high)
        largest = np.zeros(blocks.count)
        np.maximum.at(largest, rows, np.abs(factors))
        divisor = _divisors(largest)
        matrix = csr_array((factors / divisor[rows], (rows, columns)), shape=(blocks.count, count))
        earned = np.zeros(count)
        for places, amounts in self._earned:
            np.add.at(earned, places, amounts)
        unit = float(_divisors(np.array([np.abs(earned * high_).max(initial=0.0)]))[0])
        return Linear(
            slots=self.slots,
            firms=tuple(self.firms),
            uses=self.uses,
            amounts=self.amounts,
            members=self.members,
            least=self.least,
            most=self.most,
            firm_of_slot=self.firm,
            package_of_slot=self.package,
            matrix=matrix,
            row_low=low / divisor,
            row_high=high / divisor,
            firm_of_row=_joined(blocks.firm),
            slot_of_row=_joined(blocks.slot),
            inner=_joined(blocks.inner),
            earns=earned / unit,
            low=np.zeros(count),
            high=high_,
            whole=_joined(columns_.whole),
            firm_of_column=_joined(columns_.firm),
            slot_of_column=_joined(columns_.slot),
            unit=unit,
            constant=self.constant,
        )


def tabulate(
    problem: Problem,
    slots: Sequence[Slot],
    *,
    before: Sequence[frozenset[str]] = (),
    strict: bool = True,
    apart: int = 2,
) -> Linear:
    """Return the arrays of a problem over its usable offers and of its first level, apart from the plans before.

    >>> from optimizer.problem import Firm, Offer, Package
    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4, value=8),),
    ...                   offers=(Offer(firm="F1", package="WP1", fit=50, capacity=4),))
    >>> linear = tabulate(problem, sift(problem).slots)
    >>> len(linear.slots), linear.firms, linear.most.tolist()
    (1, ('F1',), [4.0])
    """
    table = Table(problem, slots)
    lay_out(table, levels(problem)[0])
    for members in before:
        keep_apart(table, members, strict=strict, apart=apart)
    return table.finished()


def lay_out(table: Table, level: str) -> None:
    """Add every rule, and what a level earns."""
    join(table)
    for rule in ROWS.values():
        rule(table)
    earn(table, level)


def earn(table: Table, level: str) -> None:
    """Let columns earn what a level counts: a goal, the weighted goals, or minus the cost."""
    goals, by = table.problem.goals, scale(table.problem)
    if goals.mode is Mode.COST:
        prices = [s.package.unit_price if s.offer.price is None else s.offer.price for s in table.slots]
        table.earn(*table.units(table.every, -_floats(prices)))
        table.earn(table.members, -_floats(table.known[firm].member_cost for firm in table.firms))
        return
    weights = {level: 1} if goals.mode is Mode.LEXICOGRAPHIC else dict(goals.weights)
    for goal, weight in weights.items():
        if weight:
            EARNINGS[goal](table, by, weight)


def join(table: Table) -> None:
    """A used slot makes its firm a member and carries between its least and most units; a member has work."""
    every, firm = table.every, table.firm
    ones = np.ones(len(every))
    member = table.members[firm]
    own = {"firm": firm, "slot": every, "inner": True}
    table.row(len(every), [(every, table.uses, ones), (every, member, -ones)], high=0.0, **own)  # type: ignore[arg-type]
    slots = every[~table.settled]
    count, amounts, uses = np.arange(len(slots)), table.amounts[slots], table.uses[slots]
    ones = np.ones(len(slots))
    own = {"firm": firm[slots], "slot": slots, "inner": True}
    table.row(len(slots), [(count, amounts, ones), (count, uses, -table.most[slots])], high=0.0, **own)  # type: ignore[arg-type]
    table.row(len(slots), [(count, amounts, ones), (count, uses, -table.least[slots])], low=0.0, **own)  # type: ignore[arg-type]
    firms = np.arange(len(table.firms))
    parts = [(firm, table.uses, np.ones(len(every))), (firms, table.members, -np.ones(len(firms)))]
    table.row(len(firms), parts, low=0.0, firm=firms, inner=True)


def coverage(table: Table) -> None:
    """The units of every package sum to its quantity."""
    columns, factors = table.units(table.every)
    table.row(len(table.quantity), [(table.package, columns, factors)], low=table.quantity, high=table.quantity)


def capacity(table: Table) -> None:
    """The load of every pool stays within its capacity, and is none unless its only firm is a member."""
    places = {pool.id: i for i, pool in enumerate(table.problem.pools)}
    loaded = [i for i, s in enumerate(table.slots) if s.offer.pool is not None and s.offer.load]
    slots = np.array(loaded, dtype=np.int64)
    pool = _places(places[table.slots[i].offer.pool or ""] for i in loaded)
    columns, factors = table.units(slots, _floats(table.slots[i].offer.load for i in loaded))
    room = _floats(each.capacity for each in table.problem.pools)
    owner = np.full(len(room), NOBODY, dtype=np.int64)
    owner[pool] = table.firm[slots]
    shared = np.zeros(len(room), dtype=bool)
    shared[pool[table.firm[slots] != owner[pool]]] = True
    for kind in (shared, ~shared & (owner != NOBODY)):
        chosen = np.flatnonzero(kind)
        number = np.cumsum(kind) - 1
        mine = kind[pool]
        part = (number[pool[mine]], columns[mine], factors[mine])
        if kind is shared:
            table.row(len(chosen), [part], high=room[chosen])
        else:
            firms = owner[chosen]
            bar = (np.arange(len(chosen)), table.members[firms], -room[chosen])
            table.row(len(chosen), [part, bar], high=0.0, firm=firms, inner=True)


def suppliers(table: Table) -> None:
    """Every package has at least its fewest and at most its greatest number of suppliers."""
    packages = table.problem.packages
    crowd = np.bincount(table.package, minlength=len(packages))
    most = [crowd[i] if p.max_suppliers is None else p.max_suppliers for i, p in enumerate(packages)]
    fewest = _floats(package.fewest for package in packages)
    ones = np.ones(len(table.every))
    table.row(len(packages), [(table.package, table.uses, ones)], low=fewest, high=np.maximum(_floats(most), fewest))


def members(table: Table) -> None:
    """The members are within the limits of their number, of newcomers and of veterans."""
    rules = table.problem.rules
    most = INFINITY if rules.max_members is None else rules.max_members
    table.one(table.members, low=rules.min_members or 0, high=most)
    for fewest, newcomer in ((rules.min_newcomers, True), (rules.min_veterans, False)):
        if fewest:
            kind = [firm for firm in table.firms if table.known[firm].newcomer is newcomer]
            table.one(table.of_firms(kind), low=fewest)


def lead(table: Table) -> None:
    """One lead: a member among the candidates that holds at least the lead's share of the value."""
    rule = table.problem.rules.lead
    if rule is None or (rule.candidates is None and not rule.min_share):
        return
    able = table.firms if rule.candidates is None else [f for f in rule.candidates if f in table.firms]
    firms = _places(table.firms[firm] for firm in able)
    count, ones = np.arange(len(firms)), np.ones(len(firms))
    leads = table.column(len(firms), whole=True, firm=firms)
    number = np.full(len(table.firms), NOBODY, dtype=np.int64)
    number[firms] = count
    slots = table.every[number[table.firm] != NOBODY]
    columns, factors = table.units(slots, _values(table, high=True)[slots])
    need = float(table.worth.at_least(rule.min_share))
    table.one(leads, low=1.0, high=1.0)
    table.row(
        len(firms), [(count, leads, ones), (count, table.members[firms], -ones)], high=0.0, firm=firms, inner=True
    )
    held = [(number[table.firm[slots]], columns, factors), (count, leads, -need * ones)]
    table.row(len(firms), held, low=0.0, firm=firms, inner=True)


def sme_share(table: Table) -> None:
    """Firms that are not small hold at most the rest of the value."""
    share = table.problem.rules.sme_share_min
    if share is not None:
        slots = np.array([i for i, slot in enumerate(table.slots) if not slot.firm.sme], dtype=np.int64)
        columns, factors = table.units(slots, _values(table, high=False)[slots])
        table.one(columns, factors, high=float(table.worth.at_most(WHOLE - share)))


def firm_share(table: Table) -> None:
    """No firm holds more than its share of the value, and none unless it is a member."""
    share = table.problem.rules.firm_share_max
    if share is not None and share != WHOLE:
        firms = np.arange(len(table.firms))
        columns, factors = table.units(table.every, _values(table, high=False))
        ceiling = np.full(len(firms), -float(table.worth.at_most(share)))
        parts = [(table.firm, columns, factors), (firms, table.members, ceiling)]
        table.row(len(firms), parts, high=0.0, firm=firms, inner=True)


def budget(table: Table) -> None:
    """The whole cost stays within the budget."""
    money = table.problem.rules.budget
    if money is not None:
        prices = _floats(s.package.unit_price if s.offer.price is None else s.offer.price for s in table.slots)
        columns, factors = table.units(table.every, prices)
        joining = _floats(table.known[firm].member_cost for firm in table.firms)
        table.one(np.concatenate([columns, table.members]), np.concatenate([factors, joining]), high=float(money))


def qualification(table: Table) -> None:
    """All members together reach the total of each row of the table, one reaches its part."""
    for row in table.problem.rules.qualification:
        shown = {firm: table.known[firm].figure(row.values) or 0 for firm in table.firms}
        table.one(table.members, _floats(shown.values()), low=float(row.total))
        table.one(table.of_firms(firm for firm, amount in shown.items() if amount >= row.one_amount), low=1.0)


def apart(table: Table) -> None:
    """Of firms in conflict or under common control at most one is a member."""
    groups = [table.of_firms(dict.fromkeys(group)) for group in table.problem.rules.conflicts]
    groups += [table.of_firms(dict.fromkeys(group)) for group in table.problem.rules.related]
    groups = [group for group in groups if len(group) > 1]
    rows = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    columns = _joined(groups)
    table.row(len(groups), [(rows, columns, np.ones(len(columns)))], high=1.0)


def wanted(table: Table) -> None:
    """A locked firm serves its package, a required firm is a member."""
    places = {(slot.package.id, slot.firm.id): i for i, slot in enumerate(table.slots)}
    for lock in table.problem.rules.locked:
        place = [i for i in [places.get((lock.package, lock.firm))] if i is not None]
        table.one(table.uses[np.array(place, dtype=np.int64)], low=1.0)
    for firm in table.problem.rules.required:
        table.one(table.of_firms([firm]), low=1.0)


def backup(table: Table) -> None:
    """Without any one member, the offers of the others could still carry a package that is to be backed up."""
    rules, pools = table.problem.rules, {pool.id: pool.capacity for pool in table.problem.pools}
    packages = {package.id: package for package in table.problem.packages if package.id in rules.backup}
    standing = sift(table.problem, legal_only=True).slots if packages else ()
    for package in packages.values():
        carried = {
            s.firm.id: carries(s.offer, package, pools)
            for s in standing
            if s.package.id == package.id and s.firm.id in table.firms
        }
        firms = _places(table.firms[firm] for firm in carried)
        units = _floats(carried.values())
        together = table.column(1, high=float(units.sum()))
        table.one(np.concatenate([table.members[firms], together]), np.concatenate([units, [-1.0]]), low=0.0, high=0.0)
        count = np.arange(len(firms))
        sums = (count, np.broadcast_to(together, count.shape), np.ones(len(firms)))
        own = (count, table.members[firms], -units - package.quantity)
        table.row(len(firms), [sums, own], low=0.0, firm=firms)


ROWS: dict[str, Callable[[Table], None]] = {
    "coverage": coverage,
    "capacity": capacity,
    "suppliers": suppliers,
    "members": members,
    "lead": lead,
    "sme-share": sme_share,
    "firm-share": firm_share,
    "budget": budget,
    "qualification": qualification,
    "apart": apart,
    "wanted": wanted,
    "backup": backup,
}
"""The rows, by what they speak of. Rules of a single offer are in the slots."""


def keep_apart(table: Table, members: frozenset[str], *, strict: bool, apart: int) -> None:
    """Keep away from an earlier plan: so many of its members are missing, or missing and new ones together."""
    old = table.of_firms(sorted(members))
    if strict:
        table.one(old, high=float(len(members) - min(apart, len(members))))
    else:
        new = table.of_firms(firm for firm in table.firms if firm not in members)
        signs = np.concatenate([-np.ones(len(old)), np.ones(len(new))])
        table.one(np.concatenate([old, new]), signs, low=float(apart - len(members)))


def earn_fit(table: Table, by: Scale, weight: int) -> None:
    """Units earn their fit."""
    points = [by.part(s.package.id, s.offer.fit, 100 * s.package.quantity) for s in table.slots]
    table.earn(*table.units(table.every, weight * _floats(points)))


def earn_price(table: Table, by: Scale, weight: int) -> None:
    """Units earn what they save, members cost what joining costs."""
    saved = [
        0
        if s.offer.price is None
        else by.points * (s.package.value - s.offer.price * s.package.quantity) // (by.money * s.package.quantity)
        for s in table.slots
    ]
    table.earn(*table.units(table.every, weight * _floats(saved)))
    costs = (by.points * -table.known[firm].member_cost // by.money for firm in table.firms)
    table.earn(table.members, weight * _floats(costs))


def earn_members(table: Table, by: Scale, weight: int) -> None:
    """Each member takes away one part in as many as there are packages."""
    each = by.points // len(table.problem.packages)
    table.constant += weight * by.points
    table.earn(table.members, np.full(len(table.members), -float(weight * each)))


def earn_resilience(table: Table, by: Scale, weight: int) -> None:
    """Packages with two suppliers or more earn their value: so much of it as there are suppliers beyond the first."""
    crowd = np.bincount(table.package, minlength=len(table.quantity))
    able = [i for i, p in enumerate(table.problem.packages) if crowd[i] > 1 and p.max_suppliers != 1]
    doubled = table.column(len(able))
    number = np.full(len(table.quantity), NOBODY, dtype=np.int64)
    number[able] = np.arange(len(able))
    slots = table.every[number[table.package] != NOBODY]
    uses = (number[table.package[slots]], table.uses[slots], np.ones(len(slots)))
    table.row(len(able), [uses, (np.arange(len(able)), doubled, np.full(len(able), -1.0))], low=1.0)
    points = [by.part(table.problem.packages[i].id, 1, 1) for i in able]
    table.earn(doubled, weight * _floats(points))


def earn_grade(table: Table, by: Scale, weight: int) -> None:
    """Specialties earn the lowest grade among the firms that do their work.

    One row says of each package that a grade is not held as far as firms below it do the work.
    """
    for specialty, highest in best_grades(table.problem).items():
        mine = [i for i, slot in enumerate(table.slots) if slot.package.specialty == specialty]
        slots = np.array(mine, dtype=np.int64)
        held = np.array([table.slots[i].firm.grade_in(specialty) or 0 for i in mine], dtype=np.int64)
        earned = 0
        for reached in sorted(set(held.tolist()) - {0}):
            holds = table.column(1, whole=True)
            low = slots[held < reached]
            packages, rows = np.unique(table.package[low], return_inverse=True)
            columns, factors = table.units(low)
            bar = (np.arange(len(packages)), np.broadcast_to(holds, packages.shape), table.quantity[packages])
            table.row(len(packages), [(rows, columns, factors), bar], high=table.quantity[packages])
            total = grade_points(table.problem, by, specialty, reached, highest)
            table.earn(holds, np.array([float(weight * (total - earned))]))
            earned = total


def earn_sme(table: Table, by: Scale, weight: int) -> None:
    """Units of small firms earn their value."""
    points = [by.part(s.package.id, 1, s.package.quantity) if s.firm.sme else 0 for s in table.slots]
    table.earn(*table.units(table.every, weight * _floats(points)))


def earn_lead(table: Table, by: Scale, weight: int) -> None:
    """Units earn the days they come before the longest lead time."""
    longest = max((offer.lead_days or 0 for offer in table.problem.offers), default=0)
    points = [
        0
        if s.offer.lead_days is None or not longest
        else by.part(s.package.id, longest - s.offer.lead_days, longest * s.package.quantity)
        for s in table.slots
    ]
    table.earn(*table.units(table.every, weight * _floats(points)))


EARNINGS: Mapping[str, Callable[[Table, Scale, int], None]] = {
    "fit": earn_fit,
    "price": earn_price,
    "members": earn_members,
    "resilience": earn_resilience,
    "grade": earn_grade,
    "sme": earn_sme,
    "lead": earn_lead,
}
"""Every goal by the name a user weighs it under."""


def _values(table: Table, *, high: bool) -> Floats:
    unit = table.worth.high if high else table.worth.low
    return _floats(unit[package.id] for package in table.problem.packages)[table.package]


def _divisors(largest: Floats) -> Floats:
    """Return for each size the power of two that brings it below the limit, one where it is below."""
    _, exponent = np.frexp(np.maximum(largest, 1.0) / LARGE_COEFFICIENT)
    return np.asarray(np.ldexp(1.0, np.maximum(exponent, 0)), dtype=np.float64)


def _floats(values: Iterable[int | float]) -> Floats:
    return np.array(list(values), dtype=np.float64)


def _places(values: Iterable[int]) -> Places:
    return np.array(list(values), dtype=np.int64)


def _joined(blocks: Sequence[NDArray[np.generic]]) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int64)
