"""Division of a whole by weights, exact to the last unit."""

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key")


def by_largest_remainder(weights: Mapping[Key, int], total: int) -> dict[Key, int]:
    """Divide `total` in proportion to `weights`, in whole units that sum to exactly `total`.

    The method of largest remainders (Hamilton's): everyone gets the floor of his quota, what is left goes to the
    largest remainders, and of equal remainders to whoever stands first.

    >>> by_largest_remainder({"a": 1, "b": 1, "c": 1}, 10_000)
    {'a': 3334, 'b': 3333, 'c': 3333}

    Raises ValueError when a weight is negative or none is positive.
    """
    whole = sum(weights.values())
    if whole <= 0 or min(weights.values()) < 0:
        raise ValueError("weights must be non-negative and one of them positive")
    parts = {key: total * weight // whole for key, weight in weights.items()}
    left = total - sum(parts.values())
    order = sorted(weights, key=lambda key: -(total * weights[key] % whole))
    for key in order[:left]:
        parts[key] += 1
    return parts
