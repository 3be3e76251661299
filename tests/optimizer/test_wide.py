"""Assignment and facility location: few firms, many offers each, the cheapest plan."""

import numpy as np
import pytest

from benchmarks.instances import location, made_assignment, made_location, posed
from optimizer import Firm, Offer, Package, Pool, Problem, Status, solve, violations
from optimizer.bound import bound
from optimizer.eligibility import sift
from optimizer.linear import tabulate
from optimizer.planning import best_plan
from optimizer.problem import canonical
from optimizer.quest import Quest
from optimizer.search import Setting, opened
from optimizer.wide import freed, is_wide, nearness, shortlist
from tests.optimizer.cases import present


@pytest.mark.parametrize(
    "problem",
    [made_assignment(4, 24, "c", 1), made_assignment(3, 20, "d", 2), made_location(7, 16, 3.0, 3)],
    ids=["assignment c", "assignment d", "location"],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_hunted_cost_is_that_of_a_search_through_everything(problem: Problem, workers: int) -> None:
    problem = canonical(problem)
    plain = best_plan(Quest(problem=problem, setting=Setting(), large=10**9), opened(60, 1000))
    setting = Setting(workers=workers)
    hunted = best_plan(Quest(problem=problem, setting=setting, large=0, interchangeable=True), opened(60, 1000))

    assert plain.status is hunted.status is Status.OPTIMAL
    assert present(hunted.plan).objective == present(plain.plan).objective
    assert present(hunted.plan).bound == present(plain.plan).bound


@pytest.mark.parametrize(
    "problem", [made_assignment(10, 60, "e", 1), made_location(20, 60, 3.0, 1)], ids=["assignment", "location"]
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_plan_that_is_not_proved_has_an_honest_gap(problem: Problem, workers: int) -> None:
    result = solve(problem, seconds=4, effort=2 if workers == 1 else 1000, workers=workers)

    assert violations(problem, result.plans[0]) == ()
    assert present(result.bound) <= present(result.objective)


def test_the_last_points_are_closed_in_whole_units() -> None:
    firms = tuple(Firm(id=f"F{i}", member_cost=30 * i) for i in range(9))
    packages = tuple(Package(id=f"P{j:02}", quantity=3 + j % 3, value=700 + 13 * j, max_suppliers=2) for j in range(12))
    offers = tuple(
        Offer(
            firm=firm.id,
            package=package.id,
            price=90 + (7 * i + 11 * j) % 37,
            fit=(31 * i + 17 * j) % 100,
            pool=firm.id,
        )
        for j, package in enumerate(packages)
        for i, firm in enumerate(firms)
    )
    pools = tuple(Pool(id=firm.id, capacity=19) for firm in firms)
    problem = canonical(Problem(firms=firms, packages=packages, offers=offers, pools=pools))

    plain = best_plan(Quest(problem=problem, setting=Setting(), large=10**9), opened(60, 1000))
    hunted = best_plan(Quest(problem=problem, setting=Setting(), large=0), opened(60, 1000))

    assert hunted.status is Status.OPTIMAL
    assert present(hunted.plan).objective == present(plain.plan).objective


def test_where_the_short_list_has_no_plan_everything_is_tried() -> None:
    pairs = posed([[1 + i] * 52 for i in range(8)], [[2] * 52] * 8, [13] * 8, [0] * 8)

    result = solve(pairs, seconds=20, effort=5)

    assert result.status is Status.INFEASIBLE, "a room of thirteen holds six pairs, eight rooms fewer than 52"


def test_a_neighbourhood_frees_what_its_firms_serve_and_nothing_else() -> None:
    problem = canonical(made_location(12, 30, 3.0, 5))
    slots = sift(problem).slots
    linear = tabulate(problem, slots)
    found = bound(linear, 30.0)
    known = nearness(linear, found)
    plan = solve(problem, seconds=10, effort=2).plans[0]
    placed = {(part.firm, part.package) for part in plan.assignments}
    units = tuple(int((slot.firm.id, slot.package.id) in placed) for slot in slots)
    everything = np.ones(len(slots), dtype=bool)

    marked = set(freed(linear, known, units, everything, pivot=0, count=1, lap=0).tolist())
    again = set(freed(linear, known, units, everything, pivot=0, count=1, lap=2).tolist())

    assert is_wide(linear)
    assert {i for i, amount in enumerate(units) if amount} <= marked & again
    of_package = {slot.package.id: 0 for slot in slots}
    for i in marked:
        of_package[slots[i].package.id] += 1
    assert min(of_package.values()) == 1, "most packages stay where they are"
    assert max(of_package.values()) > 1
    assert shortlist(linear, found, 6).sum() < len(slots)


def test_both_forms_of_a_location_file_say_the_same() -> None:
    holmberg = "2 3  10 100  8 50.5  3 4 5  1 2 3  4 5 6"
    delmaire = "3 2  1 4  2 5  3 6  3 4 5  100 50.5  10 8"

    first, scale = location(holmberg)
    second, same = location(delmaire, customers_first=True)

    assert first == second
    assert scale == same == 100
