"""Limits on how much one may ask for, each stated once; a deployment may state another figure (table `quota`).

The triggers of the database know the same figures; a test compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MINUTE = 60
DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many at most, of whom, and within how many seconds; 0 seconds means at one time.

    >>> LIMITS["requests"].most
    600
    """

    name: str
    most: int
    whose: str
    seconds: int = 0


def _table(*limits: Limit) -> Mapping[str, Limit]:
    return MappingProxyType({limit.name: limit for limit in limits})


LIMITS: Mapping[str, Limit] = _table(
    Limit(name="requests", most=600, whose="person", seconds=MINUTE),
    Limit(name="organisation_requests", most=3_000, whose="organisation", seconds=MINUTE),
    Limit(name="stranger_requests", most=300, whose="address", seconds=MINUTE),
    Limit(name="jobs", most=4, whose="organisation"),
    Limit(name="streams", most=4, whose="person"),
    Limit(name="imports", most=50, whose="organisation", seconds=DAY),
    Limit(name="invitations", most=50, whose="organisation", seconds=DAY),
    Limit(name="live_invitations", most=5, whose="pair"),
    Limit(name="reinvitations", most=3, whose="pair", seconds=30 * DAY),
)
"""Whose is counted: a person's, an organisation's, an address's, or a leader's with one supplier."""
