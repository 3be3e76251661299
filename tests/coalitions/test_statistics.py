"""Statistics that reveal no firm: the rule on planted cells, an independent implementation, and attackers.

The attacker knows every number that was ever told, how it was rounded, which cells there are, and that amounts are not
negative; what he then still does not know is found by linear programs of another library than the product's. Each
attack has a control in which the product makes one mistake; there he must succeed, or the attack proves nothing.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from coalitions import statistics
from coalitions.statistics import (
    ALL,
    Cells,
    Hidden,
    Key,
    Table,
    counted,
    exposed,
    measured,
    price_index,
    sensitive,
    tabulated,
    taken_over,
)

ROWS, COLUMNS = ("r0", "r1", "r2", "r3", "r4"), ("c0", "c1", "c2", "c3")
DIMENSIONS = (ROWS, COLUMNS)
CUBES, MANY_CUBES = 40, 200
TABLES = 10_000


# ---- P24: no number that is shown points at a firm ----


@pytest.mark.parametrize(
    ("amounts", "left_out"),
    [
        ([7], True),
        ([7, 7], True),
        ([7] * 4, True),
        ([7] * 5, False),
        ([96, 1, 1, 1, 1], True),
        ([50, 40, 4, 3, 3], True),
        ([30, 25, 20, 15, 10], False),
        ([100, 100, 5, 5, 4], True),
        ([0] * 9 + [7] * 4, True),
        ([], True),
    ],
    ids=["one", "two", "four", "five even", "five with a giant", "two hold 90 %", "five", "p % rule", "zeros", "none"],
)
def test_p24_planted_cells_are_left_out_exactly_as_the_rule_says(amounts: list[int], left_out: bool) -> None:
    cell = {f"F{number}": amount for number, amount in enumerate(amounts)}
    table = tabulated((("a",),), {("a",): cell}, "quantity")

    assert sensitive(amounts) == left_out
    assert (table.shown[("a",)] is None) == left_out


def test_p24_ten_thousand_random_tables_are_judged_as_by_an_independent_implementation() -> None:
    rng = np.random.default_rng(24)
    for _ in range(TABLES):
        amounts = np.floor(rng.lognormal(3, 1.2, rng.integers(0, 13))).astype(int)
        assert sensitive(amounts.tolist()) == judged(amounts), amounts


def judged(amounts: np.typing.NDArray[np.int_]) -> bool:
    """The rule once more, in shares: fewer than five, top two over 85 %, or the rest under 15 % of the largest."""
    present = np.sort(amounts[amounts > 0].astype(float))
    if present.size < 5:
        return True
    shares = present / present.sum()
    rest = shares[:-2].sum()
    return bool(shares[-2:].sum() > 0.85 + 1e-12 or rest < 0.15 * shares[-1] - 1e-12)


@pytest.mark.parametrize("exact", [12, 13, 0, 5])
def test_counts_are_told_to_the_nearest_five(exact: int) -> None:
    told, off = counted(exact)

    assert told % 5 == 0
    assert abs(told - exact) <= off == 2


@pytest.mark.parametrize(("exact", "told"), [(12_345, 12_300), (12_350, 12_400), (987, 987), (0, 0)])
def test_quantities_are_told_to_three_digits(exact: int, told: int) -> None:
    assert measured(exact)[0] == told
    assert abs(exact - told) <= measured(exact)[1]


def test_a_cell_without_a_firm_is_not_told_to_be_empty() -> None:
    table = tabulated((("a", "b"),), {("a",): {f"F{n}": 10 for n in range(6)}}, "count")

    assert table.shown[("b",)] is None


# ---- P25: nor does any number that is left out follow from those that are shown ----


def city(seed: int) -> Cells:
    """Sixty firms, each in one or two cells; some cells crowded, most not, and sizes far apart."""
    rng = random.Random(seed)
    cells: dict[Key, dict[str, int]] = {}
    for firm in range(60):
        for _ in range(rng.randint(1, 2)):
            key = (ROWS[min(int(rng.expovariate(0.6)), 4)], COLUMNS[min(int(rng.expovariate(0.8)), 3)])
            cell = cells.setdefault(key, {})
            cell[f"F{firm}"] = cell.get(f"F{firm}", 0) + int(rng.lognormvariate(4, 1)) + 1
    return cells


def changed(cells: Cells, rng: random.Random, changes: int) -> Cells:
    """The city a quarter later: firms join, leave, and declare another amount."""
    later = {key: dict(amounts) for key, amounts in cells.items()}
    for _ in range(changes):
        cell = later[rng.choice(sorted(later))]
        if rng.random() < 0.3 and cell:
            cell.pop(rng.choice(sorted(cell)))
        else:
            cell[f"F{rng.randrange(90)}"] = int(rng.lognormvariate(4, 1)) + 1
    return later


class Attacker:
    """Knows what every report told; asks how far sums of cells, each as it was in some report, can still lie apart."""

    def __init__(self) -> None:
        self.places: dict[tuple[Key, int], int] = {}
        self.rows: list[tuple[set[int], float, float]] = []

    def columns(self, key: Key, version: Callable[[Key], int]) -> set[int]:
        inside = [cell for cell in product(*DIMENSIONS) if all(k in (ALL, v) for k, v in zip(key, cell, strict=True))]
        return {self.places.setdefault((cell, version(cell)), len(self.places)) for cell in inside}

    def hears(
        self, shown: Mapping[Key, int | None], rounding: Callable[[int], int], version: Callable[[Key], int]
    ) -> None:
        for key, value in shown.items():
            columns = self.columns(key, version)
            if value is not None:
                off = rounding(value)
                self.rows.append((columns, max(0, value - off), value + off))

    def interval(self, columns: set[int]) -> tuple[float, float]:
        """Two linear programs by HiGHS, as SciPy has it."""
        size = len(self.places)
        matrix = np.zeros((2 * len(self.rows), size))
        limits = np.zeros(2 * len(self.rows))
        for number, (summed, low, high) in enumerate(self.rows):
            matrix[2 * number, list(summed)], limits[2 * number] = 1, high
            matrix[2 * number + 1, list(summed)], limits[2 * number + 1] = -1, -low
        goal = np.zeros(size)
        goal[list(columns)] = 1
        ends = []
        for sign in (1, -1):
            found = linprog(sign * goal, A_ub=matrix, b_ub=limits, bounds=(0, None), method="highs")
            ends.append(found.fun * sign if found.status == 0 else (0.0 if sign == 1 else float("inf")))
        return ends[0], ends[1]


def too_well_known(total: float, interval: tuple[float, float]) -> bool:
    low, high = interval
    return low > 0.85 * total + 1e-3 or high < 1.15 * total - 1e-3


def half(value: int) -> int:
    return int(10 ** max(0, len(str(value)) - 3)) // 2


def total(cells: Cells, key: Key) -> int:
    return sum(
        amount
        for cell, amounts in cells.items()
        if all(k in (ALL, v) for k, v in zip(key, cell, strict=True))
        for amount in amounts.values()
    )


def found_out(table: Table) -> list[Key]:
    """Return the cells left out that one report gives away to within 15 %."""
    attacker = Attacker()
    attacker.hears(table.shown, half, lambda _: 0)
    return [
        key
        for key, value in table.shown.items()
        if value is None
        and (exact := total(table.cells, key))
        and too_well_known(exact, attacker.interval(attacker.columns(key, lambda _: 0)))
    ]


def primary_only(cells: Cells) -> Table:
    """The mistake of the control: what points at a firm is left out, and nothing else."""
    keys = list(product((*ROWS, ALL), (*COLUMNS, ALL)))
    shown: dict[Key, int | None] = {}
    for key in keys:
        firms: dict[str, int] = {}
        for cell, amounts in cells.items():
            if all(k in (ALL, v) for k, v in zip(key, cell, strict=True)):
                for firm, amount in amounts.items():
                    firms[firm] = firms.get(firm, 0) + amount
        shown[key] = None if sensitive(firms.values()) else measured(sum(firms.values()))[0]
    return Table(dimensions=DIMENSIONS, shown=shown, cells=cells)


def violations(cubes: int, table: Callable[[Cells], Table]) -> int:
    return sum(len(found_out(table(city(seed)))) for seed in range(cubes))


def safe(cells: Cells) -> Table:
    return tabulated(DIMENSIONS, cells, "quantity")


def test_p25_no_cell_left_out_follows_from_those_shown_in_two_hundred_cubes() -> None:
    assert violations(MANY_CUBES, safe) == 0


def test_p25_with_primary_suppression_alone_the_attacker_succeeds() -> None:
    assert violations(5, primary_only) > 0


def test_the_tables_still_show_something() -> None:
    tables = [safe(city(seed)).shown for seed in range(CUBES)]
    shown = [sum(value is not None for value in table.values()) / len(table) for table in tables]

    assert float(np.mean(shown)) > 0.3


# ---- P25: nor by comparing two dates ----


def newcomer(cells: Cells, key: Key, amount: int) -> Cells:
    return {**cells, key: {**cells.get(key, {}), "new": amount}}


def told_of_newcomer(later: Callable[[Cells, Table], Table], seed: int) -> bool:
    """Tell whether comparing the reports before and after one firm joined gives its amount away.

    An interval that does not hold the amount misleads, and gives nothing away.
    """
    cells = city(seed)
    before = safe(cells)
    key = ("r0", "c0")
    amount = 2 * max(cells[key].values())
    after = later(newcomer(cells, key, amount), before)
    differences = [
        (now - then, half(now) + half(then))
        for each, now in after.shown.items()
        if now is not None
        and (then := before.shown.get(each)) is not None
        and all(k in (ALL, v) for k, v in zip(each, key, strict=True))
    ]
    return any(
        found - off <= amount <= found + off and too_well_known(amount, (found - off, found + off))
        for found, off in differences
    )


def test_p25_a_firm_that_joins_or_leaves_is_not_seen_by_comparing_two_reports() -> None:
    def next_quarter(cells: Cells, before: Table) -> Table:
        return tabulated(DIMENSIONS, cells, "quantity", before)

    def left(cells: Cells, before: Table) -> Table:
        again = tabulated(DIMENSIONS, cells, "quantity", before)
        gone = {key: {firm: each for firm, each in cell.items() if firm != "F1"} for key, cell in cells.items()}
        assert tabulated(DIMENSIONS, gone, "quantity", again).shown == again.shown
        return again

    assert not any(told_of_newcomer(next_quarter, seed) for seed in range(CUBES))
    assert not any(told_of_newcomer(left, seed) for seed in range(5))


def test_p25_with_changes_told_at_once_the_newcomer_is_seen() -> None:
    def at_once(cells: Cells, _: Table) -> Table:
        return safe(cells)

    assert any(told_of_newcomer(at_once, seed) for seed in range(CUBES))


def test_changes_are_taken_over_once_five_firms_of_a_cell_have_changed() -> None:
    cells: dict[Key, dict[str, int]] = {("a",): {f"F{n}": 10 for n in range(10)}}
    four: Cells = {("a",): cells[("a",)] | {f"F{n}": 20 for n in range(4)}}
    five: Cells = {("a",): cells[("a",)] | {f"F{n}": 20 for n in range(5)}}

    assert taken_over(cells, four) == cells
    assert taken_over(cells, five) == five


def _version(table: Table, cell: Key) -> int:
    return table.versions.get(cell, 0)


def quarters(seed: int) -> int:
    """Return how many sensitive sums an attacker narrows who keeps the reports of five quarters."""
    rng, attacker = random.Random(seed), Attacker()
    cells, table = city(seed), safe(city(seed))
    secrets: dict[frozenset[int], int] = {}
    for step in range(5):
        if step:
            cells = changed(cells, rng, rng.choice((1, 3, 12, 40)))
            table = tabulated(DIMENSIONS, cells, "quantity", table)
        version = partial(_version, table)
        attacker.hears(table.shown, half, version)
        for key, value in table.shown.items():
            firms: dict[str, int] = {}
            for cell, amounts in table.cells.items():
                if all(k in (ALL, v) for k, v in zip(key, cell, strict=True)):
                    for firm, amount in amounts.items():
                        firms[firm] = firms.get(firm, 0) + amount
            if value is None and firms and sensitive(firms.values()):
                columns = frozenset(attacker.columns(key, version))
                secrets[columns] = sum(firms.values())
    return sum(too_well_known(exact, attacker.interval(set(columns))) for columns, exact in secrets.items())


def test_p25_five_quarters_of_reports_together_give_no_sensitive_number_away() -> None:
    assert sum(quarters(seed) for seed in range(6)) == 0


@pytest.mark.long
def test_p25_five_quarters_of_fifty_cities_give_no_sensitive_number_away() -> None:
    assert sum(quarters(seed) for seed in range(50)) == 0


# ---- P26: colluders ----


def test_p26_the_second_largest_firm_of_a_cell_learns_no_more_of_the_largest_by_taking_away_its_own() -> None:
    """Whoever owns the second largest firm of a shown cell is still 15 % and more away from the largest."""
    for seed in range(CUBES):
        table = safe(city(seed))
        for key, amounts in table.cells.items():
            if table.shown.get(key) is not None:
                first, second, *rest = sorted(amounts.values(), reverse=True)
                upper = sum(amounts.values()) - second
                assert upper >= 1.15 * first
                assert rest


def test_firms_under_one_controller_are_one_firm() -> None:
    """Amounts stand by controller before they come here: five firms of one owner are one."""
    assert sensitive([50, 5, 5, 5])


# ---- the audit itself ----


def test_a_table_that_gives_something_away_is_found_open() -> None:
    table = tabulated((("a", "b"),), {("a",): {f"F{n}": 10 for n in range(9)}, ("b",): {"G": 50}}, "quantity")
    parts = frozenset({(("b",), 0)})
    told = statistics.Known(parts=parts, low=50, high=50)
    open_table = replace(
        table, known=frozenset({told}), hidden=frozenset({Hidden(parts=parts, total=50, sensitive=True)})
    )

    assert exposed(table) == ()
    assert [each.total for each in exposed(open_table)] == [50]


# ---- prices ----


def test_p24_a_price_index_needs_ten_firms_of_both_quarters_and_five_that_moved() -> None:
    before = {f"F{n}": 100 + n for n in range(10)}

    assert price_index(before, {firm: price * 11 // 10 for firm, price in before.items()}) == 110
    assert price_index(before, before) == 100
    assert price_index({**before, "F9": 0}, before) is None
    assert price_index(before, before | {"F0": 200}) is None
