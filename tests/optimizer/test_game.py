"""Divisions of what all gain together: they sum to the whole, treat equals equally and keep every group content."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from optimizer.game import alike, evened, least_core, loudest, rounded, sampled_shapley, shapley

calm = settings(max_examples=40, deadline=None, derandomize=True)


@st.composite
def games(draw: st.DrawFn, least: int = 2, most: int = 5) -> tuple[int, list[int]]:
    """A few members and what each group of them gains."""
    members = draw(st.integers(least, most))
    count = (1 << members) - 1
    return members, [0, *draw(st.lists(st.integers(-50, 10_000), min_size=count, max_size=count))]


def over_all_orders(members: int, known: Sequence[int]) -> tuple[Fraction, ...]:
    sums = [0] * members
    orders = list(permutations(range(members)))
    for order in orders:
        mask = 0
        for i in order:
            sums[i] += known[mask | 1 << i] - known[mask]
            mask |= 1 << i
    return tuple(Fraction(total, len(orders)) for total in sums)


def least_dissent(members: int, known: Sequence[int]) -> float:
    """The smallest possible greatest complaint, by a linear program over all groups at once."""
    groups = range(1, (1 << members) - 1)
    rows = [[-(mask >> i & 1) for i in range(members)] + [-1] for mask in groups]
    found = linprog(
        c=[0] * members + [1],
        A_ub=np.array(rows),
        b_ub=[-known[mask] for mask in groups],
        A_eq=[[1] * members + [0]],
        b_eq=[known[-1]],
        bounds=[(None, None)] * (members + 1),
    )
    return float(found.fun)


@calm
@given(games())
def test_shapley_is_the_average_over_all_orders_and_sums_to_the_whole(game: tuple[int, list[int]]) -> None:
    members, known = game

    parts = shapley(members, known.__getitem__)

    assert parts == over_all_orders(members, known)
    assert sum(parts) == known[-1]


@calm
@given(games(), st.data())
def test_a_group_that_can_gain_more_never_costs_its_members_anything(
    game: tuple[int, list[int]], data: st.DataObject
) -> None:
    members, known = game
    group = data.draw(st.integers(1, (1 << members) - 1))
    richer = [value + (mask == group) * 100 for mask, value in enumerate(known)]

    before, after = shapley(members, known.__getitem__), shapley(members, richer.__getitem__)

    assert all(after[i] >= before[i] for i in range(members) if group >> i & 1)


@calm
@given(games(least=3), st.data())
def test_members_who_can_take_each_others_place_get_the_same(game: tuple[int, list[int]], data: st.DataObject) -> None:
    members, known = game
    a, b = data.draw(st.lists(st.integers(0, members - 1), min_size=2, max_size=2, unique=True))

    def swapped(mask: int) -> int:
        return mask ^ (1 << a | 1 << b) if (mask >> a ^ mask >> b) & 1 else mask

    even = [known[mask] + known[swapped(mask)] for mask in range(1 << members)]
    classes = alike(members, even.__getitem__)
    parts = shapley(members, even.__getitem__)
    core = evened(
        least_core(members, even[-1], even.__getitem__, lambda p: loudest(members, even.__getitem__, p)), classes
    )

    assert any({a, b} <= set(group) for group in classes)
    assert parts[a] == parts[b]
    assert core[a] == core[b]


@pytest.mark.parametrize("seed", range(4))
def test_a_sampled_division_is_off_by_no_more_than_it_says_in_nineteen_of_twenty_cases(seed: int) -> None:
    dice = np.random.default_rng(seed)
    known = [0, *(int(v) for v in np.sort(dice.integers(0, 10_000, 255)))]
    exact = shapley(8, known.__getitem__)

    estimate = sampled_shapley(8, known.__getitem__, samples=400, seed=seed)

    off = [abs(a - b) for a, b in zip(estimate.parts, exact, strict=True)]
    assert sum(part > estimate.error for part in off) <= 1
    assert sum(estimate.parts) == known[-1]
    assert estimate == sampled_shapley(8, known.__getitem__, samples=400, seed=seed)


def test_an_error_cannot_be_told_from_one_pair_of_orders() -> None:
    with pytest.raises(ValueError, match="four orders"):
        sampled_shapley(2, [0, 1, 2, 3].__getitem__, samples=3, seed=0)


@calm
@given(games(), st.booleans())
def test_the_least_core_leaves_the_smallest_complaint_there_can_be(game: tuple[int, list[int]], equal: bool) -> None:
    members, known = game
    weights = [10 + 7 * i for i in range(members)] if equal else None

    parts = least_core(
        members, known[-1], known.__getitem__, lambda p: loudest(members, known.__getitem__, p), weights=weights
    )

    _, gain = loudest(members, known.__getitem__, rounded(parts))
    assert sum(parts) == known[-1]
    assert gain <= least_dissent(members, known) + members


@calm
@given(games())
def test_equal_profit_brings_the_gains_per_weight_closer(game: tuple[int, list[int]]) -> None:
    members, known = game
    weights = [10 + 7 * i for i in range(members)]

    def spread(parts: Sequence[Fraction]) -> float:
        gains = [float(part) / weight for part, weight in zip(parts, weights, strict=True)]
        return max(gains) - min(gains)

    def block(parts: Sequence[int]) -> tuple[int, int]:
        return loudest(members, known.__getitem__, parts)

    plain = least_core(members, known[-1], known.__getitem__, block)
    fair = least_core(members, known[-1], known.__getitem__, block, weights=weights)

    assert spread(fair) <= spread(plain) + 2 * members / min(weights)


@calm
@given(games())
def test_the_loudest_group_is_found_among_all(game: tuple[int, list[int]]) -> None:
    members, known = game
    parts = [100 * i for i in range(members)]

    mask, gain = loudest(members, known.__getitem__, parts)

    complaints = {
        group: known[group] - sum(part for i, part in enumerate(parts) if group >> i & 1)
        for group in range(1, (1 << members) - 1)
    }
    assert gain == max(complaints.values()) == complaints[mask]


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=9), st.integers(1, 7))
def test_rounding_keeps_the_whole_and_moves_nobody_by_a_unit(numerators: list[int], by: int) -> None:
    whole = sum(numerators)
    parts = [Fraction(n, by) for n in numerators[:-1]]
    parts.append(whole - sum(parts, Fraction(0)))

    found = rounded(parts)

    assert sum(found) == whole
    assert all(abs(a - b) < 1 for a, b in zip(found, parts, strict=True))


def test_a_single_member_gets_everything() -> None:
    assert least_core(1, 7, [0, 7].__getitem__, lambda _: (0, 0)) == (Fraction(7),)
