"""A plan that survives the loss of any one firm, inside it or upstream of it, and what that safety costs.

A package is safe when, whichever single firm is lost, the offers of the members that are left could still carry it all.
Lost may be a member, or a firm upstream of members: then every member that depends on it is lost with it. So backups
that hang on one common source count as one. Upstream sets are part of the question: who a firm depends on within two
steps of the supply chain is for the caller to say.

As in the rule `backup`, an offer counts whether or not the plan uses it, at what the firm could carry of the package
alone; the load its pool bears elsewhere is not counted against it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from optimizer.check import Case
from optimizer.eligibility import sift
from optimizer.problem import Problem, canonical
from optimizer.result import Interrupt, Plan, Status
from optimizer.trial import Shape, Trials, Values, units_of
from optimizer.variables import Model, weighed

Upstream = Mapping[str, Iterable[str]]
"""Who each firm depends on, within two steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A package that the loss of one firm leaves short: who is lost, which members go with it, units that lack."""

    package: str
    lost: str
    members: tuple[str, ...]
    short: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """A member that could carry units of a package beyond those the plan gives it."""

    package: str
    firm: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardened:
    """The best safe plan, and the price of safety.

    `price` is the base value given up, level by level, `cost` what the plan costs more; `None` where there is
    no safe plan. Status `optimal` means that no safe plan is better; the price is exact when `sure`.

    >>> Hardened(status=Status.INFEASIBLE, plan=None, price=None, cost=None, standbys=(), sure=True).plan is None
    True
    """

    status: Status
    plan: Plan | None
    price: Values | None
    cost: int | None
    standbys: tuple[Standby, ...]
    sure: bool


def harden(
    problem: Problem,
    *,
    packages: Iterable[str] | None = None,
    upstream: Upstream | None = None,
    seconds: float = 20.0,
    effort: float | None = None,
    seed: int = 0,
    interrupt: Interrupt | None = None,
) -> Hardened:
    """Find the best plan in which the named packages (otherwise the critical ones) survive the loss of any one firm.

    >>> from optimizer import Firm, Goals, Mode, Offer, Package
    >>> problem = Problem(
    ...     firms=tuple(Firm(id=name, member_cost=5) for name in ("F1", "F2", "F3")),
    ...     packages=(Package(id="WP1", quantity=4, value=400),), goals=Goals(mode=Mode.COST),
    ...     offers=(Offer(firm="F1", package="WP1", price=60), Offer(firm="F2", package="WP1", price=70),
    ...             Offer(firm="F3", package="WP1", price=90)))
    >>> safe = harden(problem, packages=["WP1"], upstream={"F1": ["S"], "F2": ["S"]})
    >>> safe.plan.members, safe.cost, [(one.firm, one.units) for one in safe.standbys]
    (('F1', 'F3'), 35, [('F1', 1), ('F3', 3)])

    Raises `ValueError` for a package that the problem does not know.
    """
    ordered, on = canonical(problem), upstream or {}
    names = _named(ordered, packages)
    trials = Trials(seconds=seconds, runs=2, effort=effort, seed=seed, interrupt=interrupt)
    rules = replace(ordered.rules, backup=tuple(sorted({*ordered.rules.backup, *names})))
    safe = trials.best(replace(ordered, rules=rules), _guarded(names, on))
    if safe.plan is None or safe.values is None:
        return Hardened(status=safe.status, plan=None, price=None, cost=None, standbys=(), sure=safe.sure)
    now = trials.best(ordered, start=units_of(safe.plan))
    assert now.plan is not None
    assert now.values is not None
    return Hardened(
        status=safe.status,
        plan=safe.plan,
        price=tuple(a - b for a, b in zip(now.values, safe.values, strict=True)),
        cost=dict(safe.plan.scores)["cost"] - dict(now.plan.scores)["cost"],
        standbys=tuple(_standbys(ordered, safe.plan, names)),
        sure=safe.sure and now.sure,
    )


def exposures(
    problem: Problem, plan: Plan, *, packages: Iterable[str] | None = None, upstream: Upstream | None = None
) -> tuple[Exposure, ...]:
    """Name every loss of one firm that a plan would not survive; none means that it is safe.

    >>> from optimizer import Firm, Offer, Package, solve
    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4, critical=False),),
    ...                   offers=(Offer(firm="F1", package="WP1"),))
    >>> exposures(problem, solve(problem).plans[0], packages=["WP1"])
    (Exposure(package='WP1', lost='F1', members=('F1',), short=4),)
    """
    ordered, on = canonical(problem), upstream or {}
    case = Case(ordered, units_of(plan))
    found = []
    for name in _named(ordered, packages):
        carried = _carried(ordered, name)
        here = {firm: carried[firm] for firm in case.members if firm in carried}
        for lost, gone in _losses(case.members, on).items():
            short = case.packages[name].quantity - sum(units for firm, units in here.items() if firm not in gone)
            if short > 0 and gone & here.keys():
                found.append(Exposure(package=name, lost=lost, members=tuple(sorted(gone & here.keys())), short=short))
    return tuple(found)


def _named(problem: Problem, packages: Iterable[str] | None) -> tuple[str, ...]:
    known = {package.id: package for package in problem.packages}
    names = [name for name, package in known.items() if package.critical] if packages is None else list(packages)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no package {unknown[0]}")
    return tuple(sorted(set(names)))


def _carried(problem: Problem, name: str) -> dict[str, int]:
    """Return what each firm that law admits could carry of a package."""
    return {slot.firm.id: slot.most for slot in sift(problem, legal_only=True).slots if slot.package.id == name}


def _losses(members: Iterable[str], upstream: Upstream) -> dict[str, set[str]]:
    """Return every single loss by the firm that is lost, and the firms that go with it."""
    losses: dict[str, set[str]] = {}
    for firm in members:
        for source in {firm, *upstream.get(firm, ())}:
            losses.setdefault(source, set()).add(firm)
    return dict(sorted(losses.items()))


def _guarded(names: tuple[str, ...], upstream: Upstream) -> Shape:
    """Return the condition that each package outlives the loss of each source that several members share."""

    def shape(model: Model) -> None:
        shared = {source: gone for source, gone in _losses(model.member, upstream).items() if len(gone) > 1}
        quantities = {package.id: package.quantity for package in model.problem.packages}
        for name in names:
            carried = {firm: n for firm, n in _carried(model.problem, name).items() if firm in model.member}
            for gone in {tuple(sorted(gone & carried.keys())) for gone in shared.values()} - {()}:
                left = weighed((model.member[firm], n) for firm, n in carried.items() if firm not in gone)
                model.cp.add(left >= quantities[name])

    return shape


def _standbys(problem: Problem, plan: Plan, names: tuple[str, ...]) -> Iterable[Standby]:
    given = units_of(plan)
    for name in names:
        for firm, most in _carried(problem, name).items():
            spare = most - given.get((firm, name), 0)
            if firm in plan.members and spare > 0:
                yield Standby(package=name, firm=firm, units=spare)
