"""Many opportunities, one capacity: no pool is drawn on twice, each is staffed wholly or not, the bound is one."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.generated import projects
from optimizer import (
    Firm,
    Offer,
    Opportunity,
    Package,
    Pool,
    Portfolio,
    Problem,
    Status,
    Stratum,
    portfolio,
    staffing,
    violations,
)
from optimizer.brute import feasible
from optimizer.check import Case
from tests.strategies_problems import problems

SME = Stratum(name="sme", firms=("F1", "F3"), floor=4000)


def drawn(case: Case) -> dict[str, int]:
    load: dict[str, int] = {}
    for place, amount in case.units.items():
        offer = case.offers[place]
        if offer.pool is not None:
            load[offer.pool] = load.get(offer.pool, 0) + offer.load * amount
    return load


def held(case: Case, stratum: Stratum) -> int:
    return sum(
        amount * (case.packages[name].value // case.packages[name].quantity)
        for (firm, name), amount in case.units.items()
        if firm in stratum.firms
    )


def best_by_enumeration(asked: list[Opportunity], pools: list[Pool], strata: list[Stratum]) -> int:
    """The most that any choice of plans gains."""
    choices = [[None, *feasible(one.problem)] for one in asked]
    best = 0
    for chosen in product(*choices):
        taken = [(one, case) for one, case in zip(asked, chosen, strict=True) if case is not None]
        value = sum(one.value for one, _ in taken)
        fits = all(sum(drawn(case).get(pool.id, 0) for _, case in taken) <= pool.capacity for pool in pools)
        fair = all(10_000 * sum(held(case, s) for _, case in taken) >= s.floor * value for s in strata)
        if fits and fair:
            best = max(best, sum(one.gross - case.cost() for one, case in taken))
    return best


@settings(max_examples=50, deadline=None, derandomize=True)
@given(problems(), problems(), st.integers(0, 6), st.integers(0, 6), st.booleans(), st.integers(0, 400))
def test_no_pool_is_exceeded_every_plan_stands_and_nothing_exceeds_the_bound(
    first: Problem, second: Problem, left: int, right: int, fair: bool, worth: int
) -> None:
    asked = [Opportunity(id="A", problem=few(first), worth=worth), Opportunity(id="B", problem=few(second))]
    pools = [Pool(id="P0", capacity=left), Pool(id="P1", capacity=right)]
    strata = [SME] if fair else []

    found = portfolio(asked, pools, strata=strata)

    best = best_by_enumeration(asked, pools, strata)
    assert found.gain <= best <= found.bound
    assert (found.status is Status.OPTIMAL) == (found.gain == found.bound)
    assert sorted([*found.unstaffed, *(one.opportunity for one in found.staffed)]) == ["A", "B"]
    stands(found, asked, pools, strata)


def few(problem: Problem) -> Problem:
    """The problem with at most two units of a package, so that pairs of plans can be counted."""
    small = (replace(package, quantity=min(2, package.quantity)) for package in problem.packages[:2])
    packages = tuple(small)
    names = {package.id for package in packages}
    rules = replace(problem.rules, locked=(), backup=(), taken=())
    return replace(
        problem, packages=packages, offers=tuple(o for o in problem.offers if o.package in names), rules=rules
    )


def stands(found: Portfolio, asked: list[Opportunity], pools: list[Pool], strata: list[Stratum]) -> None:
    problems = {one.id: one for one in asked}
    load: dict[str, int] = {}
    value, share = 0, [0] * len(strata)
    for one in found.staffed:
        problem = problems[one.opportunity].problem
        assert violations(problem, one.plan) == ()
        case = Case(problem, {(p.firm, p.package): p.units for p in one.plan.assignments})
        assert one.gain == problems[one.opportunity].gross - case.cost()
        value += problems[one.opportunity].value
        share = [part + held(case, stratum) for part, stratum in zip(share, strata, strict=True)]
        for name, amount in drawn(case).items():
            load[name] = load.get(name, 0) + amount
    for pool, scarce in zip(pools, found.scarcity, strict=True):
        assert scarce.used == load.get(pool.id, 0) <= pool.capacity == scarce.capacity
    assert all(10_000 * part >= s.floor * value for part, s in zip(share, strata, strict=True))


def project(name: str, value: int, *, price: int = 50, dear: int = 90) -> Opportunity:
    """A project of four units that the common firm does at one price and a firm of its own, dearer, without limit."""
    return Opportunity(
        id=name,
        problem=Problem(
            firms=(Firm(id="F1"), Firm(id=f"Own{name}")),
            packages=(Package(id="WP1", quantity=4, value=value),),
            offers=(
                Offer(firm="F1", package="WP1", price=price, pool="P"),
                Offer(firm=f"Own{name}", package="WP1", price=dear),
            ),
            pools=(Pool(id="P", capacity=99),),
        ),
    )


def test_capacity_goes_where_it_saves_most_and_has_that_price() -> None:
    asked = [project("A", 400, dear=60), project("B", 400, dear=95), project("C", 400, dear=80)]

    found = portfolio(asked, [Pool(id="P", capacity=4)])

    assert (found.status, found.gain) == (Status.OPTIMAL, 160 + 200 + 80)
    assert found.unstaffed == ()
    assert 30 <= found.scarcity[0].price <= 45


def test_who_was_left_out_is_tried_before_those_it_competes_with() -> None:
    asked = [project(name, value, dear=value) for name, value in (("A", 440), ("B", 420), ("C", 400))]

    found = portfolio(asked, [Pool(id="P", capacity=8)])

    assert [one.opportunity for one in found.staffed] == ["A", "B"]
    assert found.unstaffed == ("C",)
    assert found.gain == 460


def test_when_one_makes_room_for_another_the_others_keep_what_they_draw() -> None:
    asked = [single(project(f"P{i}", 400 + i, dear=401 + i)) for i in range(9)]

    found = portfolio(asked, [Pool(id="P", capacity=30)])

    assert found.unstaffed == ("P0", "P1")
    assert (found.scarcity[0].used, found.gain) == (28, sum(200 + i for i in range(2, 9)))
    assert found.gain < found.bound < found.gain + 200


def single(one: Opportunity) -> Opportunity:
    """The opportunity with one supplier for its package, so that half a project cannot be squeezed in."""
    packages = tuple(replace(package, max_suppliers=1) for package in one.problem.packages)
    return replace(one, problem=replace(one.problem, packages=packages))


def test_a_floor_sends_work_to_the_firms_it_protects() -> None:
    asked = [project("A", 400), project("B", 400)]
    own = Stratum(name="own", firms=("OwnA", "OwnB"), floor=5000)

    free, fair = portfolio(asked), portfolio(asked, strata=[own])

    assert free.gain == 400
    assert fair.gain < 400
    assert fair.strata[0][1] >= 5000


def test_without_time_nothing_is_staffed_and_nothing_claimed() -> None:
    found = portfolio([project("A", 400)], seconds=0)

    assert (found.staffed, found.bound, found.gap, found.status) == ((), 200, 200.0, Status.FEASIBLE)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("relaxed", [0, staffing.RELAXED_OFFERS])
def test_many_projects_over_scarce_firms_are_staffed_within_the_bound(
    monkeypatch: pytest.MonkeyPatch, workers: int, relaxed: int
) -> None:
    monkeypatch.setattr(staffing, "RELAXED_OFFERS", relaxed)
    asked, pools = projects(10, 120, 4, seed=2)
    small = Stratum(name="sme", firms=tuple(f.id for one in asked for f in one.problem.firms if f.sme), floor=1500)

    found = portfolio(asked, pools, strata=[small], seconds=5, workers=workers)

    stands(found, list(asked), sorted(pools, key=lambda pool: pool.id), [small])
    assert found.staffed
    assert 0 < found.gain <= found.bound < sum(one.gross for one in asked) / 4


def test_batches_better_a_rolling_fill_that_served_the_wrong_one_first() -> None:
    asked = [single(project(f"P{i}", 400 + i, dear=401 + i)) for i in range(5)]
    big = Opportunity(id="Big", problem=one_package(quantity=12, value=1300, price=60))

    found = portfolio([*asked, big], [Pool(id="P", capacity=20)], seconds=5)

    assert found.unstaffed == ("Big",)
    assert found.gain == sum(200 + i for i in range(5))


def one_package(*, quantity: int, value: int, price: int) -> Problem:
    return Problem(
        firms=(Firm(id="F1"),),
        packages=(Package(id="WP1", quantity=quantity, value=value),),
        offers=(Offer(firm="F1", package="WP1", price=price, pool="P"),),
        pools=(Pool(id="P", capacity=99),),
    )


def test_a_portfolio_that_is_interrupted_claims_no_more_than_it_knows() -> None:
    class Wish:
        def is_set(self) -> bool:
            return True

    found = portfolio([project("A", 400), project("B", 300)], interrupt=Wish())

    assert (found.staffed, found.bound) == ((), 300)


def test_the_same_portfolio_is_found_twice() -> None:
    asked, pools = projects(4, 60, 3, seed=3)

    assert portfolio(asked, pools, effort=0.2) == portfolio(asked, pools, effort=0.2)


def test_where_nothing_is_asked_nothing_is_gained() -> None:
    found = portfolio([], [Pool(id="P", capacity=4)])

    assert (found.status, found.gain, found.bound, found.staffed) == (Status.OPTIMAL, 0, 0, ())


def test_two_opportunities_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        portfolio([project("A", 400), project("A", 300)])
