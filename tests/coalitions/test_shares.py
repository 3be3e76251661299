"""Division by largest remainder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coalitions.shares import by_largest_remainder

WEIGHTS = st.dictionaries(st.integers(0, 9), st.integers(0, 10**12), min_size=1).filter(lambda w: any(w.values()))


@given(WEIGHTS, st.integers(0, 10**9))
def test_parts_sum_to_the_whole_and_stay_within_one_unit_of_their_quota(weights: dict[int, int], total: int) -> None:
    parts = by_largest_remainder(weights, total)

    whole = sum(weights.values())
    assert sum(parts.values()) == total
    for key, weight in weights.items():
        assert total * weight // whole <= parts[key] <= -(-total * weight // whole)


@given(WEIGHTS, st.integers(0, 10_000))
def test_whoever_weighs_more_never_gets_less(weights: dict[int, int], total: int) -> None:
    parts = by_largest_remainder(weights, total)

    for a in weights:
        for b in weights:
            assert weights[a] <= weights[b] or parts[a] >= parts[b]


@pytest.mark.parametrize("weights", [{"a": 0}, {}, {"a": 3, "b": -1}])
def test_weights_that_divide_nothing_are_refused(weights: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        by_largest_remainder(weights, 10)
