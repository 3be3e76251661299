"""Public instances of assignment and facility location posed as cost problems, and larger ones of the same kinds.

Jobs and customers are packages of one unit, agents and facilities are firms with one pool; opening a facility is its
member cost. Decimal costs are scaled to integers. The larger ones follow published recipes: classes c, d and e of
generalised assignment (Yagiura, Ibaraki & Glover 2004), facility location in the unit square (Cornuéjols, Sridharan &
Thizy 1991).
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from optimizer import Firm, Goals, Mode, Offer, Package, Pool, Problem

CHEAPEST = Goals(mode=Mode.COST)
SCALE = 100
"""Decimal costs are held in hundredths."""


def posed(
    cost: Sequence[Sequence[int]], load: Sequence[Sequence[int]], room: Sequence[int], opening: Sequence[int]
) -> Problem:
    """Return firms × packages of one unit as a cost problem."""
    firms, packages = range(len(room)), range(len(cost[0]))
    return Problem(
        firms=tuple(Firm(id=f"F{i:04}", member_cost=int(opening[i])) for i in firms),
        packages=tuple(Package(id=f"P{j:04}", quantity=1) for j in packages),
        pools=tuple(Pool(id=f"F{i:04}", capacity=int(room[i])) for i in firms),
        offers=tuple(
            Offer(
                firm=f"F{i:04}", package=f"P{j:04}", price=int(cost[i][j]), pool=f"F{i:04}", load=int(load[i][j])
            )
            for j in packages
            for i in firms
        ),
        goals=CHEAPEST,
    )  # fmt: skip


def assignment(text: str) -> Problem:
    """Read a generalised assignment: sizes, costs, weights, capacities."""
    agents, jobs, *numbers = map(int, text.split())
    table = np.array(numbers[: 2 * agents * jobs]).reshape(2, agents, jobs)
    return posed(table[0].tolist(), table[1].tolist(), numbers[2 * agents * jobs :], [0] * agents)


def location(text: str, *, customers_first: bool = False) -> tuple[Problem, int]:
    """Read a single-source location and return it with the scale of its costs.

    Holmberg and OR-Library: sizes, capacity and cost of each facility, demands, costs. Delmaire: customers first, then
    costs, demands, opening costs, capacities.
    """
    first, second, *rest = map(float, text.replace("\x00", " ").replace("\x1a", " ").split())
    if customers_first:
        c, f = int(first), int(second)
        cost = np.array(rest[: c * f]).reshape(c, f).T
        demand, opening, room = (
            np.array(part) for part in np.split(np.array(rest[c * f : c * f + c + 2 * f]), [c, c + f])
        )
    else:
        f, c = int(first), int(second)
        room, opening = np.array(rest[: 2 * f]).reshape(f, 2).T
        demand, cost = np.array(rest[2 * f : 2 * f + c]), np.array(rest[2 * f + c : 2 * f + c + f * c]).reshape(f, c)
    scale = 1 if (cost == np.rint(cost)).all() and (opening == np.rint(opening)).all() else SCALE
    load = np.broadcast_to(demand.astype(np.int64), (f, c))
    costs, fixed = np.rint(cost * scale).astype(np.int64), np.rint(opening * scale).astype(np.int64)
    return posed(costs.tolist(), load.tolist(), room.astype(np.int64).tolist(), fixed.tolist()), scale


def made_assignment(agents: int, jobs: int, kind: str, seed: int) -> Problem:
    """Return a generalised assignment of class c, d or e."""
    rng = np.random.default_rng((agents, jobs, seed))
    if kind == "e":
        load = np.ceil(1 - 10 * np.log(1 - rng.random((agents, jobs)))).astype(np.int64)
        cost = np.ceil(1000 / load - 10 * rng.random((agents, jobs))).astype(np.int64)
    else:
        load = rng.integers(1, 101, (agents, jobs)) if kind == "d" else rng.integers(5, 26, (agents, jobs))
        noise = rng.integers(-10, 11, (agents, jobs))
        cost = 111 - load + noise if kind == "d" else rng.integers(10, 51, (agents, jobs))
    room = (0.8 * load.sum(axis=1) / agents).astype(np.int64)
    return posed(np.maximum(cost, 1).tolist(), load.tolist(), room.tolist(), [0] * agents)


def made_location(facilities: int, customers: int, ratio: float, seed: int) -> Problem:
    """Return a single-source location in the unit square, with capacity for so many times the demand."""
    rng = np.random.default_rng((facilities, customers, seed))
    here, there = rng.random((facilities, 2)), rng.random((customers, 2))
    demand = rng.integers(5, 36, customers)
    room = rng.integers(10, 161, facilities).astype(float)
    room = np.maximum(room * ratio * demand.sum() / room.sum(), 36).astype(np.int64)
    opening = (rng.integers(0, 91, facilities) + rng.integers(100, 111, facilities) * np.sqrt(room)).astype(np.int64)
    distance = np.linalg.norm(here[:, None] - there[None, :], axis=2)
    cost = np.rint(10 * distance * demand[None, :]).astype(np.int64)
    load = np.broadcast_to(demand, cost.shape)
    return posed(cost.tolist(), load.tolist(), room.tolist(), opening.tolist())


def best_known(folder: Path) -> dict[str, int]:
    """Return the best known value of each generalised assignment."""
    with (folder / "gap" / "best_known.csv").open(encoding="utf-8") as table:
        return {row["Path"]: int(row["Best known solution value"]) for row in csv.DictReader(table)}
