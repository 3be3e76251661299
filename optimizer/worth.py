"""Value of a unit as an integer, so that rules about shares of the value stay linear and exact."""

from dataclasses import dataclass
from math import gcd, lcm

from optimizer.problem import WHOLE, Problem, crowd

SCALED_LIMIT = 2**60
"""The most that all offers together may come to after scaling; sums of them stay inside 64 bits."""

FINE = 10**9
"""The least the whole value should come to, so that a basis point is many steps wide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """The whole value and the value of one unit of each package, scaled to integers.

    `low` and `high` bracket the exact value of a unit. They are equal unless the common multiple of the quantities is
    too large for 64 bits; then a floor is held with `low` and a ceiling with `high`, so that a plan that keeps the
    scaled rule keeps the exact one.

    >>> from optimizer import Package
    >>> packages = (Package(id="A", quantity=3, value=100), Package(id="B", quantity=1, value=100))
    >>> worth = measure(Problem(firms=(), packages=packages, offers=()))
    >>> worth.low == worth.high, worth.low["A"] * 3 == worth.low["B"], worth.at_least(5000) == worth.low["B"]
    (True, True, True)
    """

    total: int
    low: dict[str, int]
    high: dict[str, int]

    @property
    def step(self) -> int:
        """The whole steps in a basis point of the value."""
        return self.total // WHOLE

    def at_least(self, share: int) -> int:
        """Return the least scaled value that is a share of the whole."""
        return -(-share * self.total // WHOLE)

    def at_most(self, share: int) -> int:
        """Return the most scaled value within a share of the whole."""
        return share * self.total // WHOLE


def measure(problem: Problem) -> Worth:
    """Return the scaled values of packages: exact when that fits, bracketed otherwise.

    >>> from optimizer import Package
    >>> packages = (Package(id="A", quantity=4, value=10**15 - 1), Package(id="B", quantity=999983, value=1))
    >>> worth = measure(Problem(firms=(), packages=packages, offers=()))
    >>> worth.low["B"], worth.high["B"]
    (0, 1)
    """
    packages = problem.packages
    value = sum(package.value for package in packages)
    exact = lcm(*(package.quantity // gcd(package.quantity, package.value) for package in packages))
    if value * exact < FINE:
        exact *= WHOLE
    limit = SCALED_LIMIT // crowd(problem)
    scale = exact if value * exact <= limit else limit // value
    return Worth(
        total=value * scale,
        low={package.id: package.value * scale // package.quantity for package in packages},
        high={package.id: -(-package.value * scale // package.quantity) for package in packages},
    )
