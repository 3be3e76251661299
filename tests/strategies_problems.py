"""Random small problems: few firms, few units, every rule and goal now and then."""

from dataclasses import replace
from math import comb, prod
from typing import Any

from hypothesis import strategies as st

from optimizer import Criterion, Firm, Goals, Lead, Lock, Mode, Offer, Package, Pool, Problem, Rules, Tie

MOST_PLANS = 400
"""The most ways to split all packages that the oracle is asked to look at."""

GOAL_NAMES = ("fit", "price", "members", "resilience", "grade", "sme", "lead")
shares = st.sampled_from([0, 1000, 2500, 3334, 5000, 6000, 10_000])


def sometimes(strategy: st.SearchStrategy[Any], otherwise: Any = None, one_in: int = 4) -> st.SearchStrategy[Any]:
    """Draw from a strategy once in a while, so that few rules meet in one problem."""
    return st.integers(1, one_in).flatmap(lambda roll: strategy if roll == one_in else st.just(otherwise))


@st.composite
def firms(draw: st.DrawFn, count: int) -> tuple[Firm, ...]:
    return tuple(
        Firm(
            id=f"F{i}",
            sme=draw(st.booleans()),
            newcomer=draw(st.booleans()),
            grade=draw(st.sampled_from([(), (("power", 1),), (("power", 2), ("civil", 1)), (("civil", 3),)])),
            turnover=draw(st.sampled_from([None, 0, 30, 60, 100])),
            figures=(("exports", draw(st.integers(0, 9))),),
            member_cost=draw(st.sampled_from([0, 0, 3, 10])),
        )
        for i in range(count)
    )


@st.composite
def packages(draw: st.DrawFn, count: int) -> tuple[Package, ...]:
    made = []
    for i in range(count):
        least = draw(sometimes(st.sampled_from([1000, 2500, 3334, 5000]), 0, one_in=6))
        most = draw(sometimes(st.sampled_from([5000, 6000, 6667]), 10_000, one_in=12))
        made.append(
            Package(
                id=f"WP{i}",
                quantity=draw(st.integers(1, 4)),
                value=draw(st.sampled_from([0, 7, 20, 100, 130])),
                min_suppliers=draw(sometimes(st.just(2), 1, one_in=12)),
                max_suppliers=draw(sometimes(st.integers(2, 3))),
                min_share=min(least, most),
                max_share=most,
                critical=draw(sometimes(st.just(True), False, one_in=12)),
                specialty=draw(st.sampled_from([None, "power", "civil"])),
                lot=draw(st.sampled_from([None, "L1"])),
            )
        )
    return tuple(made)


@st.composite
def offers(
    draw: st.DrawFn, firms: tuple[Firm, ...], packages: tuple[Package, ...], pools: tuple[Pool, ...]
) -> tuple[Offer, ...]:
    made = []
    for package in packages:
        for firm in draw(st.lists(st.sampled_from(firms), min_size=1, max_size=4, unique=True)):
            pool = draw(sometimes(st.sampled_from(pools), one_in=6))
            made.append(
                Offer(
                    firm=firm.id,
                    package=package.id,
                    price=draw(st.sampled_from([None, 5, 9, 20, 33, 50])),
                    capacity=draw(st.sampled_from([None, None, None, 1, 2, 3, 9])),
                    fit=draw(st.integers(0, 100)),
                    lead_days=draw(st.sampled_from([None, 0, 10, 45])),
                    pool=pool and pool.id,
                    load=draw(st.integers(0, 2)),
                )
            )
    return tuple(made)


@st.composite
def rules(draw: st.DrawFn, firms: tuple[Firm, ...], packages: tuple[Package, ...]) -> Rules:
    firm = st.sampled_from([firm.id for firm in firms])
    package = st.sampled_from([package.id for package in packages])
    couple = st.lists(firm, min_size=2, max_size=2, unique=True).map(tuple)
    lock = st.builds(Lock, package=package, firm=firm, share=st.sampled_from([None, 2500, 3334, 5000, 10_000]))
    criterion = st.builds(
        Criterion,
        name=st.just("turnover"),
        total=st.sampled_from([60, 120]),
        each=st.sampled_from([0, 2500]),
        one=shares,
    )
    exports = st.builds(
        Criterion, name=st.just("abroad"), total=st.integers(0, 12), each=shares, one=shares, values=st.just("exports")
    )
    lead = st.builds(
        Lead, candidates=st.none() | st.lists(firm, min_size=1, max_size=3, unique=True).map(tuple), min_share=shares
    )
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "max_members": st.integers(1, 3),
        "min_members": st.integers(1, 3),
        "sme_share_min": shares,
        "firm_share_max": shares.filter(lambda share: share > 2000),
        "budget": st.integers(10, 300),
        "locked": st.tuples(lock),
        "required": st.tuples(firm),
        "excluded": st.tuples(firm),
        "lead": lead,
        "min_grade": st.sampled_from([(("power", 1),), (("power", 2), ("civil", 1))]),
        "qualification": st.tuples(criterion) | st.tuples(criterion, exports),
        "backup": st.tuples(package),
        "min_newcomers": st.integers(1, 2),
        "min_veterans": st.integers(1, 2),
    }
    if len(firms) > 1:
        kinds |= {"conflicts": st.tuples(couple), "related": st.tuples(couple)}
    if any(asked.lot for asked in packages):
        kinds["taken"] = st.tuples(st.tuples(st.just("L1"), firm))
    given = {
        name: draw(kinds[name]) for name in draw(st.lists(st.sampled_from(sorted(kinds)), max_size=3, unique=True))
    }
    if "min_members" in given and "max_members" in given:
        given["min_members"] = min(given["min_members"], given["max_members"])
    return Rules(**given)


@st.composite
def goals(draw: st.DrawFn, mode: Mode | None = None) -> Goals:
    order = st.lists(st.sampled_from(GOAL_NAMES), min_size=1, max_size=3, unique=True).map(tuple)
    weights = st.dictionaries(st.sampled_from(GOAL_NAMES), st.integers(0, 100), max_size=7)
    return Goals(
        mode=draw(st.sampled_from(Mode)) if mode is None else mode,
        weights=tuple(draw(weights).items()),
        order=draw(order),
        give_up=draw(st.sampled_from([0, 0, 200, 2000])),
    )


@st.composite
def problems(draw: st.DrawFn, mode: Mode | None = None) -> Problem:
    """Draw a small problem whose plans the oracle can count."""
    known = draw(firms(draw(st.integers(1, 4))))
    asked = draw(packages(draw(st.integers(1, 3))))
    pools = tuple(Pool(id=f"P{i}", capacity=draw(st.integers(0, 15))) for i in range(2))
    made = draw(offers(known, asked, pools))
    strength = st.integers(0, 100)
    couples = [(a.id, b.id) for i, a in enumerate(known) for b in known[i + 1 :]]
    tied = draw(st.lists(st.sampled_from(couples), unique=True)) if couples else []
    problem = Problem(
        firms=known,
        packages=asked,
        offers=made,
        pools=pools,
        ties=tuple(Tie(a=a, b=b, strength=draw(strength)) for a, b in tied),
        rules=draw(rules(known, asked)),
        goals=draw(goals(mode)),
    )
    return problem if plans_to_try(problem) <= MOST_PLANS else replace(problem, packages=tuple(map(_single, asked)))


def plans_to_try(problem: Problem) -> int:
    """Count the ways to split every package, rules aside."""
    per_package = {package.id: 0 for package in problem.packages}
    for offer in problem.offers:
        per_package[offer.package] += 1
    sizes = {package.id: package.quantity for package in problem.packages}
    return prod(comb(sizes[name] + count - 1, count - 1) for name, count in per_package.items())


def _single(package: Package) -> Package:
    return replace(package, quantity=min(package.quantity, 2))
