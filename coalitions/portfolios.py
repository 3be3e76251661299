"""Many projects over one capacity: which to staff wholly, by whom, and what is scarce.

A capability that several projects would use has one capacity: what it has free in all the months they touch together.
Prices count only where every price of every project is declared and open to the reader; else what is gained is the
published value that is staffed, and a scarcity price is the published value that one more unit would make possible.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import optimizer
from coalitions.answering import Effort, Matter, digest_of, team_of
from coalitions.answers import Scarce, Staffed, Staffing
from coalitions.basis import Basis, rest_on, unpriced
from domain.calendar import months
from domain.world import Offering, Package
from optimizer import Opportunity, Pool, Problem, Stratum


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Several projects as one question: their problems, the capacities they share, and whose each is."""

    bases: tuple[tuple[str, Basis], ...]
    pools: tuple[Pool, ...]
    offerings: dict[str, tuple[str, str]]
    smes: tuple[str, ...]
    priced: bool
    closed: int

    @property
    def digest(self) -> str:
        """The SHA-256 over the problems of all projects, in order of their ids."""
        return digest_of(_joined(tuple(basis.problem for _, basis in self.bases)))


def demand(matters: Sequence[Matter]) -> Demand:
    """Fold projects into one question; they are told apart by their ids."""
    shared = _shared(matters)
    closed = sum(about.basis.closed for about in matters)
    priced = not closed and all(offer.price is not None for about in matters for offer in about.whole.offers)
    ordered = sorted(matters, key=lambda about: str(about.opening.id))
    return Demand(
        bases=tuple((str(about.opening.id), _basis(about, shared, priced=priced)) for about in ordered),
        pools=tuple(Pool(id=name, capacity=capacity) for name, (_, _, capacity) in sorted(shared.items())),
        offerings={name: (firm, phrase) for name, (firm, phrase, _) in shared.items()},
        smes=tuple(sorted({firm.id for about in matters for firm in about.whole.firms if firm.sme})),
        priced=priced,
        closed=closed,
    )


def staffed(asked: Demand, sme_floor: int, effort: Effort) -> Staffed:
    """Choose which projects to staff so that together they gain most within the shared capacities.

    `sme_floor` is the least share, in basis points, that small firms hold of the value of all that is staffed.
    """
    found = optimizer.portfolio(
        [_opportunity(name, basis.problem, priced=asked.priced) for name, basis in asked.bases],
        asked.pools,
        strata=[Stratum(name="sme", firms=asked.smes, floor=sme_floor)],
        seconds=effort.seconds,
        seed=effort.seed,
        interrupt=effort.interrupt,
    )
    bases = dict(asked.bases)
    return Staffed(
        status=str(found.status),
        gain=found.gain,
        bound=found.bound,
        staffed=tuple(_staffing(bases[one.opportunity], one) for one in found.staffed),
        unstaffed=found.unstaffed,
        scarce=tuple(
            Scarce(firm=asked.offerings[each.pool][0], capability=asked.offerings[each.pool][1], price=each.price)
            for each in found.scarcity
            if each.price
        ),
        sme_share=dict(found.strata)["sme"],
        sme_floor=sme_floor,
    )


def _staffing(basis: Basis, one: optimizer.Staffed) -> Staffing:
    team = team_of(basis, one.plan)
    assert team is not None
    return Staffing(opportunity=one.opportunity, team=team)


def _opportunity(name: str, problem: Problem, *, priced: bool) -> Opportunity:
    """Return a project with what staffing it is worth: the published value above the reference cost where no price
    counts, so that what is gained is the value itself."""
    if priced:
        return Opportunity(id=name, problem=problem)
    reference = sum(package.unit_price * package.quantity for package in problem.packages)
    return Opportunity(id=name, problem=problem, worth=reference + sum(package.value for package in problem.packages))


def _shared(matters: Iterable[Matter]) -> dict[str, tuple[str, str, int]]:
    """Return, by capability, its firm, its phrase and what it has free in all months that packages it fits touch."""
    spans: dict[str, tuple[str, Offering, list[Package]]] = {}
    for about in matters:
        packages = {package.id: package for package in about.opening.packages}
        offerings = {each.id: each for firm in about.world.suppliers for each in firm.offerings}
        for group in about.fits:
            for fit in group.eligible:
                if fit.capacity is not None:
                    first = (str(fit.supplier_id), offerings[fit.offering_id], list[Package]())
                    spans.setdefault(str(fit.offering_id), first)[2].append(packages[group.package_id])
    return {
        name: (firm, offering.phrase, _free(offering, packages)) for name, (firm, offering, packages) in spans.items()
    }


def _free(offering: Offering, packages: Iterable[Package]) -> int:
    touched = {month for package in packages for month in months(package.starts, package.ends)}
    return sum(offering.free.get(month, offering.monthly or 0) for month in touched)


def _basis(about: Matter, shared: dict[str, tuple[str, str, int]], *, priced: bool) -> Basis:
    """Return a project's problem with the shared capacities, with prices only where all projects may have them."""
    codes = {package.id: package.code for package in about.opening.packages}
    pools = {
        (str(fit.supplier_id), codes[group.package_id]): str(fit.offering_id)
        for group in about.fits
        for fit in group.eligible
        if str(fit.offering_id) in shared
    }
    basis = rest_on(about.whole, about.known)
    problem = basis.problem if priced else unpriced(basis.problem)
    offers = tuple(replace(offer, pool=pools.get((offer.firm, offer.package))) for offer in problem.offers)
    names = sorted({offer.pool for offer in offers if offer.pool is not None})
    held = tuple(Pool(id=name, capacity=shared[name][2]) for name in names)
    return replace(basis, problem=replace(problem, offers=offers, pools=held), priced=priced)


def _joined(problems: tuple[Problem, ...]) -> Problem:
    """Return all problems as one, each package under the number of its project: what a digest is taken of."""
    firms = {firm.id: firm for problem in problems for firm in problem.firms}
    return Problem(
        firms=tuple(firms.values()),
        packages=tuple(
            replace(package, id=f"{number}/{package.id}")
            for number, problem in enumerate(problems)
            for package in problem.packages
        ),
        offers=tuple(
            replace(offer, package=f"{number}/{offer.package}")
            for number, problem in enumerate(problems)
            for offer in problem.offers
        ),
        pools=tuple({pool.id: pool for problem in problems for pool in problem.pools}.values()),
    )
