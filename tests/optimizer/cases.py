"""A small project that two tests files vary: three firms, two packages, and the cheapest firm does everything."""

from dataclasses import replace
from typing import Any, TypeVar

from optimizer import Firm, Goals, Offer, Package, Problem

Found = TypeVar("Found")

FIRMS = (
    Firm(id="A", turnover=50, grade=(("power", 1),)),
    Firm(id="B", turnover=100, grade=(("power", 2),), sme=True, newcomer=True),
    Firm(id="C", turnover=40, sme=True, newcomer=True, grade=(("power", 2),)),
)
PACKAGES = (
    Package(id="WP1", quantity=4, value=400, specialty="power", lot="L1"),
    Package(id="WP2", quantity=4, value=400),
)
OFFERS = (
    Offer(firm="A", package="WP1", price=50, fit=90),
    Offer(firm="B", package="WP1", price=80, fit=80),
    Offer(firm="C", package="WP1", price=95, fit=100),
    Offer(firm="A", package="WP2", price=50, fit=90),
    Offer(firm="B", package="WP2", price=80, fit=80),
    Offer(firm="C", package="WP2", price=95, fit=100),
)
CHEAP = Goals(weights=(("price", 80), ("fit", 10), ("members", 10)))
PROJECT = Problem(firms=FIRMS, packages=PACKAGES, offers=OFFERS, goals=CHEAP)


def ruled(problem: Problem = PROJECT, **rules: Any) -> Problem:
    """The problem with rules set."""
    return replace(problem, rules=replace(problem.rules, **rules))


def packaged(problem: Problem = PROJECT, name: str = "WP1", **figures: Any) -> Problem:
    """The problem with the figures of one package changed."""
    return replace(problem, packages=tuple(replace(p, **figures) if p.id == name else p for p in problem.packages))


def offered(problem: Problem = PROJECT, firm: str = "A", package: str = "WP1", **figures: Any) -> Problem:
    """The problem with the figures of one offer changed."""
    same = (firm, package)
    return replace(
        problem, offers=tuple(replace(o, **figures) if (o.firm, o.package) == same else o for o in problem.offers)
    )


def without_offer(firm: str, package: str, problem: Problem = PROJECT) -> Problem:
    """The problem without one offer."""
    return replace(problem, offers=tuple(o for o in problem.offers if (o.firm, o.package) != (firm, package)))


def present(found: Found | None) -> Found:
    """What was found; a test that finds nothing fails here."""
    assert found is not None
    return found
