"""Public instances of assignment and facility location, posed as cost problems, reach their published optimum."""

import csv
from pathlib import Path

import pytest

from optimizer import Firm, Goals, Mode, Offer, Package, Pool, Problem, solve, violations

CHEAPEST = Goals(mode=Mode.COST)


def assignment(text: str) -> Problem:
    """Generalised assignment: jobs are packages of one unit, agents are firms with one pool."""
    agents, jobs, *numbers = map(int, text.split())
    cost, load = numbers[: agents * jobs], numbers[agents * jobs : 2 * agents * jobs]
    places = [(agent, job) for agent in range(agents) for job in range(jobs)]
    return Problem(
        firms=tuple(Firm(id=f"A{agent}") for agent in range(agents)),
        packages=tuple(Package(id=f"J{job}", quantity=1) for job in range(jobs)),
        pools=tuple(Pool(id=f"A{agent}", capacity=room) for agent, room in enumerate(numbers[2 * agents * jobs :])),
        offers=tuple(
            Offer(firm=f"A{agent}", package=f"J{job}", price=price, pool=f"A{agent}", load=weight)
            for (agent, job), price, weight in zip(places, cost, load, strict=True)
        ),
        goals=CHEAPEST,
    )


def location(text: str) -> Problem:
    """Single-source facility location: customers are packages of one unit, facilities are firms that cost to open."""
    facilities, customers, *rest = map(float, text.replace("\x00", " ").split())
    f, c = int(facilities), int(customers)
    rooms, opening = rest[: 2 * f : 2], rest[1 : 2 * f : 2]
    demand, cost = rest[2 * f : 2 * f + c], rest[2 * f + c :]
    return Problem(
        firms=tuple(Firm(id=f"F{i}", member_cost=round(price)) for i, price in enumerate(opening)),
        packages=tuple(Package(id=f"C{j}", quantity=1) for j in range(c)),
        pools=tuple(Pool(id=f"F{i}", capacity=int(room)) for i, room in enumerate(rooms)),
        offers=tuple(
            Offer(firm=f"F{i}", package=f"C{j}", price=round(cost[i * c + j]), pool=f"F{i}", load=int(demand[j]))
            for i in range(f)
            for j in range(c)
        ),
        goals=CHEAPEST,
    )


@pytest.mark.data
@pytest.mark.parametrize("name", ["gap1-0", "gap3-2", "gap6-1"])
def test_a_generalised_assignment_instance_reaches_its_optimum(name: str, real_data: Path) -> None:
    folder = real_data / "benchmarks" / "gap"
    with (folder / "best_known.csv").open() as table:
        known = {row["Path"]: int(row["Optimum"]) for row in csv.DictReader(table) if row["Optimum"]}
    problem = assignment((folder / "cattrysse1994" / name).read_text())

    result = solve(problem)

    assert result.objective == result.bound == known[f"cattrysse1994/{name}"]
    assert violations(problem, result.plans[0]) == ()


@pytest.mark.data
@pytest.mark.parametrize("number", [1, 5])
def test_a_single_source_location_instance_reaches_its_optimum(number: int, real_data: Path) -> None:
    folder = real_data / "benchmarks" / "sscflp" / "holmberg"
    problem = location((folder / f"p{number}").read_text())

    result = solve(problem)

    assert result.objective == result.bound == int((folder / "os").read_text().split()[number - 1])
    assert violations(problem, result.plans[0]) == ()
