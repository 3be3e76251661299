"""Consortium problems made from a seed: firms, packages, rules and ties like those of a project, at any size.

Capabilities are popular by a power law and belong to sectors; a tenth of the firms integrate many of them, the others
have one to four, mostly of their own sector. Size decides capacity, grade and turnover, and a little of the price.
Ties prefer large firms and neighbouring sectors. All firms are made up (演示数据).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer import Criterion, Firm, Goals, Lead, Offer, Opportunity, Package, Pool, Problem, Rules, Tie

SECTORS, CAPABILITIES, COUNTRIES, CERTIFICATES = 8, 40, 30, 12
TIES_PER_FIRM = 3
ENOUGH = 6
"""How many firms a package can be given to at least; its request is softened until there are as many."""

Numbers = NDArray[np.int64]
Reals = NDArray[np.float64]


class World:
    """The firms of a generated problem, as arrays."""

    def __init__(self, firms: int, rng: np.random.Generator) -> None:
        self.count = firms
        self.rng = rng
        popular = rng.permutation(1 / np.sqrt(np.arange(1, CAPABILITIES + 1)))
        self.popular = popular / popular.sum()
        self.home = rng.integers(0, SECTORS, firms)
        self.integrates = rng.random(firms) < 0.10
        self.small = (rng.random(firms) < 0.6) & ~self.integrates
        middle = np.where(self.integrates, 1.2, np.where(self.small, -0.6, 0.2))
        self.size = rng.lognormal(middle, 0.5)
        self.grade = np.clip(np.rint(2 + 0.7 * np.log(self.size) + rng.normal(0, 0.6, firms)), 1, 4).astype(np.int64)
        self.skill = np.clip(rng.beta(2, 3, firms) + 0.1 * np.log(self.size), 0, 1)
        held = np.clip(0.45 + 0.15 * np.log(self.size)[:, None] + rng.normal(0, 0.1, CERTIFICATES)[None, :], 0.05, 0.95)
        self.certified = rng.random((firms, CERTIFICATES)) < held
        self.country = rng.integers(0, COUNTRIES, firms)
        self.newcomer = rng.random(firms) < 0.3
        self.owner, self.capability = self._capabilities()
        amount = 100 * self.size[self.owner] * rng.lognormal(0, 0.4, len(self.owner))
        self.amount = np.maximum(1, amount).astype(np.int64)
        dear = rng.normal(1.0, 0.12, len(self.owner)) - 0.03 * np.log(self.size[self.owner])
        self.dear = np.clip(dear + 0.10 * (self.skill[self.owner] - 0.4), 0.65, 1.6)
        self.days = np.clip(rng.normal(100, 30, len(self.owner)), 20, 260).astype(np.int64)

    def _capabilities(self) -> tuple[Numbers, Numbers]:
        rng = self.rng
        counts = np.where(self.integrates, rng.integers(6, 13, self.count), rng.integers(1, 5, self.count))
        owner = np.repeat(np.arange(self.count), counts)
        drawn = rng.choice(CAPABILITIES, size=len(owner), p=self.popular)
        at_home = rng.random(len(owner)) < 0.7
        for sector in range(SECTORS):
            mine = np.flatnonzero(at_home & (self.home[owner] == sector))
            known = np.arange(sector, CAPABILITIES, SECTORS)
            drawn[mine] = rng.choice(known, size=len(mine), p=self.popular[known] / self.popular[known].sum())
        keys = np.unique(owner * CAPABILITIES + drawn)
        return keys // CAPABILITIES, keys % CAPABILITIES


def generated(firms: int, packages: int, seed: int, *, ties: bool = False) -> Problem:
    """Return a problem of so many firms and packages; with ties, two hundredths of the base value may be given up."""
    return _project(World(firms, np.random.default_rng((firms, packages, seed))), packages, ties=ties)


def projects(count: int, firms: int, packages: int, seed: int) -> tuple[tuple[Opportunity, ...], tuple[Pool, ...]]:
    """Return so many projects, each of so many packages, over one world of firms, and the pools that they share.

    What a firm can do in all is what it could do in one project, so that the projects compete for it.
    """
    world = World(firms, np.random.default_rng((count, firms, packages, seed)))
    asked = tuple(Opportunity(id=f"P{number:03}", problem=_project(world, packages)) for number in range(count))
    shared = {pool.id: pool for one in asked for pool in one.problem.pools}
    return asked, tuple(shared.values())


def _project(world: World, packages: int, *, ties: bool = False) -> Problem:
    host = int(world.rng.integers(0, COUNTRIES))
    asked, offers = [], []
    for number in range(packages):
        package, made = _package(world, number, host)
        asked.append(package)
        offers += made
    used = {offer.firm for offer in offers}
    pools = {offer.pool for offer in offers}
    value = sum(package.value for package in asked)
    most = {8: 8, 10: 8, 40: 16, 100: 28}.get(packages, 3 + int(0.35 * packages))
    return Problem(
        firms=tuple(firm for firm in _firms(world, value, most) if firm.id in used),
        packages=tuple(asked),
        offers=tuple(offers),
        pools=tuple(p for p in _pools(world) if p.id in pools),
        ties=tuple(tie for tie in _ties(world) if tie.a in used and tie.b in used) if ties else (),
        rules=_rules(world, asked, value, most, host, used),
        goals=Goals(
            weights=(("fit", 45), ("price", 45), ("members", 5), ("resilience", 5), ("grade", 5), ("lead", 2)),
            give_up=200 if ties else 0,
        ),
    )


def _name(firm: int) -> str:
    return f"F{firm:06}"


def _package(world: World, number: int, host: int) -> tuple[Package, list[Offer]]:
    rng = world.rng
    asked = _Asked(
        capability=int(rng.choice(CAPABILITIES, p=world.popular)),
        quantity=int(rng.integers(60, 240)),
        certificates=rng.choice(CERTIFICATES, rng.integers(0, 3), replace=False),
        deadline=int(rng.integers(90, 180)),
        grade=int(rng.choice([1, 2, 2, 3])),
    )
    price, critical = int(rng.integers(2, 12)) * 1000, bool(rng.random() < 0.2)
    most = 3 if critical else int(rng.choice([1, 2, 3], p=[0.2, 0.4, 0.4]))
    least = 10_000 if most == 1 else int(rng.choice([1000, 2000, 3000]))
    chosen = _able(world, asked, least)
    for softening in range(16):
        if len(chosen) >= ENOUGH:
            break
        asked = _softened(asked, softening, int(np.argmax(world.popular)))
        chosen = _able(world, asked, least)
    package = Package(
        id=f"WP{number:03}", quantity=asked.quantity, value=asked.quantity * price, max_suppliers=most,
        critical=critical, min_share=least, max_share=7000 if critical else 10_000,
        specialty=f"S{asked.capability % SECTORS}",
    )  # fmt: skip
    return package, _offers(world, package, asked, chosen, price, host)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    capability: int
    quantity: int
    certificates: Numbers
    deadline: int
    grade: int


def _able(world: World, asked: _Asked, least: int) -> Numbers:
    mine = np.flatnonzero(world.capability == asked.capability)
    firm = world.owner[mine]
    able = (world.grade[firm] >= asked.grade) & (world.days[mine] <= asked.deadline)
    able &= world.certified[firm][:, asked.certificates].all(axis=1)
    able &= world.amount[mine] * 10_000 >= least * asked.quantity
    return np.asarray(mine[able])


def _softened(asked: _Asked, softening: int, popular: int) -> _Asked:
    match softening % 4:
        case 0:
            return replace(asked, certificates=asked.certificates[:0])
        case 1:
            return replace(asked, grade=1, deadline=180)
        case 2:
            return replace(asked, quantity=max(20, asked.quantity // 2))
        case _:
            return replace(asked, capability=popular)


def _offers(world: World, package: Package, asked: _Asked, chosen: Numbers, price: int, host: int) -> list[Offer]:
    firm = world.owner[chosen]
    fit = 35 * world.skill[firm] + 6.25 * world.grade[firm] + 20 * (1 - world.days[chosen] / asked.deadline)
    fit += 20 * (world.country[firm] == host)
    return [
        Offer(
            firm=_name(f), package=package.id, price=int(price * world.dear[c]), capacity=int(world.amount[c]),
            fit=int(min(100, max(0, round(how)))), lead_days=int(world.days[c]), pool=f"{_name(f)}/{asked.capability}",
        )
        for f, c, how in zip(firm.tolist(), chosen.tolist(), fit.tolist(), strict=True)
    ]  # fmt: skip


def _firms(world: World, value: int, most: int) -> list[Firm]:
    rng = world.rng
    turnover = (world.size * 1.2 * value / most * rng.lognormal(0, 0.4, world.count)).astype(np.int64)
    joining = np.maximum(2, value * 0.0015 * (1 + rng.random(world.count))).astype(np.int64)
    return [
        Firm(
            id=_name(i), sme=bool(world.small[i]), newcomer=bool(world.newcomer[i]), turnover=int(turnover[i]),
            grade=tuple((f"S{s}", int(world.grade[i])) for s in range(SECTORS)), member_cost=int(joining[i]),
        )
        for i in range(world.count)
    ]  # fmt: skip


def _pools(world: World) -> list[Pool]:
    rows = zip(world.owner.tolist(), world.capability.tolist(), world.amount.tolist(), strict=True)
    return [Pool(id=f"{_name(firm)}/{capability}", capacity=amount) for firm, capability, amount in rows]


def _ties(world: World) -> list[Tie]:
    rng, count = world.rng, world.count * TIES_PER_FIRM
    weight = np.cumsum(world.size) / world.size.sum()
    first = np.minimum(np.searchsorted(weight, rng.random(count)), world.count - 1)
    second = np.minimum(np.searchsorted(weight, rng.random(count)), world.count - 1)
    near = rng.random(count) < 0.6
    for sector in range(SECTORS):
        mine = np.flatnonzero(near & (world.home[first] == sector))
        for offset in (0, 1):
            known = np.flatnonzero(world.home == (sector + offset) % SECTORS)
            half = mine[offset::2]
            if len(known):
                within = np.cumsum(world.size[known]) / world.size[known].sum()
                second[half] = known[np.minimum(np.searchsorted(within, rng.random(len(half))), len(known) - 1)]
    pairs = np.unique(np.stack([np.minimum(first, second), np.maximum(first, second)], 1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    strength = rng.integers(20, 101, len(pairs))
    return [
        Tie(a=_name(a), b=_name(b), strength=s) for (a, b), s in zip(pairs.tolist(), strength.tolist(), strict=True)
    ]


def _rules(world: World, asked: list[Package], value: int, most: int, host: int, used: set[str]) -> Rules:
    rng = world.rng
    drawn = rng.integers(0, world.count, (max(1, world.count // 20), 2))
    pairs = sorted({(_name(min(a, b)), _name(max(a, b))) for a, b in drawn.tolist() if a != b})
    local = tuple(_name(int(i)) for i in np.flatnonzero(world.country == host) if _name(int(i)) in used)
    groups = [tuple(_name(int(i)) for i in rng.choice(world.count, 3, replace=False)) for _ in range(3)]
    return Rules(
        max_members=most,
        min_members=min(4, most),
        sme_share_min=1500,
        firm_share_max=4000,
        budget=value * 104 // 100,
        conflicts=tuple(pair for pair in pairs if used.issuperset(pair)),
        related=tuple(group for group in groups if used.issuperset(group)),
        lead=Lead(candidates=local, min_share=200) if local else None,
        qualification=(Criterion(name="turnover", total=value * 12 // 10, one=1500),),
        backup=tuple(package.id for package in asked if package.critical)[:1],
        min_newcomers=1,
        min_veterans=2,
    )
