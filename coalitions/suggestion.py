"""From a World and an opening to suggested consortia: pose the problem, have it solved, say why.

What a reader is told rests on prices that are open to him, or on none (``coalitions/basis.py``): who is chosen tells a
price as surely as a total does. What is shown is order, fit, capacity, shares by published value and proof.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from coalitions.basis import Basis, Known, open_prices, rest_on
from coalitions.matching import Fit, PackageFit, match
from coalitions.relations import related
from coalitions.shares import by_largest_remainder
from domain.calendar import months
from domain.kinds import BASIS_POINTS
from domain.message import Message
from domain.supply import SupplyGraph
from domain.world import Offering, Opening, Package, Supplier, World
from optimizer import (
    Diagnosis,
    Missing,
    Plan,
    Problem,
    Result,
    read_problem,
    solve,
    write_problem,
)
from optimizer.problem import canonical
from optimizer.result import Interrupt, Listener


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How long to look, for how many plans, from which seed."""

    plans: int = 3
    seconds: float = 10.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one member does of one package: whole units, basis points of the package, and how it was matched."""

    package_id: UUID
    offering_id: UUID
    units: int
    share: int
    fit: int
    way: str
    runners_up: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A proposed member: its parts, its share of the published value in basis points, and the reasons."""

    supplier_id: UUID
    name: str
    sme: bool | None
    lead: bool
    share: int
    parts: tuple[Part, ...]
    reasons: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One suggested consortium with its own proof."""

    status: str
    stopped: str
    gap: float | None
    seats: tuple[Seat, ...]
    sme_share: int
    fit: int
    ties: int
    lead_days: int | None
    reasons: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """How many firms were near a package, how many may serve it, and what kept the others out."""

    package_id: UUID
    near: int
    eligible: int
    best: int
    refused: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFigure:
    """A figure a plan rests on and nobody has declared: it is asked for at invitation."""

    supplier_id: UUID
    package_id: UUID | None
    figure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """For whom a run is: the organisation, and the prices in terms it knows to be accepted."""

    organisation_id: UUID
    accepted: Known = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """A finished run: how it ended, what it proposes, what it found of each package, what stands in the way.

    `priced` says that every declared price counted, `closed` how many are declared and not open to the reader.
    """

    digest: str
    seed: int
    status: str
    stopped: str
    gap: float | None
    seconds: float
    candidates: int
    within_budget: bool | None
    proposals: tuple[Proposal, ...]
    coverage: tuple[Covered, ...]
    missing: tuple[MissingFigure, ...]
    diagnosis: tuple[Message, ...]
    priced: bool = True
    closed: int = 0


def suggest(
    world: World,
    opening: Opening,
    params: Params,
    *,
    reader: Reader | None = None,
    progress: Listener | None = None,
    interrupt: Interrupt | None = None,
) -> Suggested:
    """Propose up to ``params.plans`` consortia for `opening`, best first, with proof, reasons and missing figures.

    A run without a proposal says what stands in the way: a package without an eligible firm, or the smallest easings
    of the chain leader's own rules. The same world, opening and seed give the same proposals. Without a `reader` every
    price counts: so ask those whose own all prices are.

    Raises optimizer.ProblemInvalid when the opening's rules or goals are not those of a problem file.
    """
    fits = match(world, opening)
    whole = pose(world, opening, fits)
    basis = based(world, opening, fits, whole, reader)
    problem = basis.problem
    result = solve(
        problem,
        plans=params.plans,
        seconds=params.seconds,
        seed=params.seed,
        progress=progress,
        interrupt=interrupt,
    )
    told = _Telling(world, opening, fits, problem)
    return Suggested(
        digest=sha256(write_problem(canonical(problem)).encode()).hexdigest(),
        seed=params.seed,
        status=str(result.status),
        stopped=str(result.stopped),
        gap=result.gap,
        seconds=result.seconds,
        candidates=len({offer.firm for offer in problem.offers}),
        within_budget=_within_budget(problem, result),
        proposals=tuple(told.proposal(plan) for plan in result.plans),
        coverage=tuple(_covered(fit) for fit in fits),
        missing=tuple(told.missing(figure) for figure in undeclared(whole, result.missing)),
        diagnosis=told.diagnosis(result.diagnosis) if result.diagnosis else (),
        priced=basis.priced,
        closed=basis.closed,
    )


def based(world: World, opening: Opening, fits: Iterable[PackageFit], problem: Problem, reader: Reader | None) -> Basis:
    """Return a problem as `reader` may have it solved, who knows the prices that firms show to whom they match."""
    if reader is None:
        return Basis(problem=problem, priced=True, closed=0)
    return rest_on(problem, {**open_prices(world, opening, fits, reader.organisation_id), **reader.accepted})


def undeclared(problem: Problem, missing: Iterable[Missing]) -> tuple[Missing, ...]:
    """Return the figures that nobody has declared: a price that is closed is not missing."""
    declared = {(offer.firm, offer.package) for offer in problem.offers if offer.price is not None}
    return tuple(each for each in missing if each.figure != "price" or (each.firm, each.package) not in declared)


def proposals(
    world: World, opening: Opening, fits: Iterable[PackageFit], problem: Problem, plans: Iterable[Plan]
) -> tuple[Proposal, ...]:
    """Return plans of the optimizer as proposals: with the firms, the parts and the reasons they stand for."""
    told = _Telling(world, opening, fits, problem)
    return tuple(told.proposal(plan) for plan in plans)


def pose(world: World, opening: Opening, fits: Iterable[PackageFit]) -> Problem:
    """Turn eligible fits into a problem: firms by their id, packages by their code, ties from the supply graph.

    An offering that fits several packages becomes a pool over the months they touch.
    """
    packages = {package.id: package for package in opening.packages}
    eligible = [(packages[group.package_id], fit) for group in fits for fit in group.fits if fit.eligible]
    wanted = {fit.supplier_id for _, fit in eligible} | _named(opening.rules)
    suppliers = {supplier.id: supplier for supplier in world.suppliers if supplier.id in wanted}
    offerings = {offering.id: offering for supplier in suppliers.values() for offering in supplier.offerings}
    pools = _pools(eligible, offerings)
    document = {
        "format": "lianzhou-problem/1",
        "firms": [_firm(supplier) for supplier in suppliers.values()],
        "packages": [_package(package) for package in opening.packages],
        "offers": [_offer(package, fit, pools) for package, fit in eligible],
        "pools": [{"id": identity, "capacity": capacity} for identity, capacity in pools.items()],
        "ties": _ties(world, suppliers),
        "rules": _rules(opening),
        "goals": dict(opening.goals),
    }
    return read_problem(document)


def _named(rules: Mapping[str, Any]) -> set[UUID]:
    """Collect the firms that the chain leader's rules name: they must be in the problem even without an offer."""
    names = [*rules.get("required", ()), *rules.get("excluded", ())]
    names += [lock["firm"] for lock in rules.get("locked", ())]
    names += [firm for pair in rules.get("conflicts", ()) for firm in pair]
    names += rules.get("lead", {}).get("candidates") or ()
    return {UUID(name) for name in names}


def _firm(supplier: Supplier) -> dict[str, Any]:
    return {
        "id": str(supplier.id),
        "name": supplier.name,
        "sme": bool(supplier.sme),
        "newcomer": supplier.newcomer,
        "grade": dict(supplier.grades),
        "turnover": supplier.turnover,
    }


def _package(package: Package) -> dict[str, Any]:
    return {
        "id": package.code,
        "name": package.name,
        "quantity": package.quantity,
        "value": package.value,
        "min_suppliers": package.min_suppliers,
        "max_suppliers": package.max_suppliers,
        "min_share": package.min_share,
        "max_share": package.max_share,
        "critical": package.critical,
        "specialty": package.specialty,
    }


def _offer(package: Package, fit: Fit, pools: Mapping[str, int]) -> dict[str, Any]:
    return {
        "firm": str(fit.supplier_id),
        "package": package.code,
        "price": fit.price,
        "capacity": fit.capacity,
        "fit": fit.score,
        "lead_days": fit.lead_days,
        "pool": str(fit.offering_id) if str(fit.offering_id) in pools else None,
    }


def _pools(eligible: Iterable[tuple[Package, Fit]], offerings: Mapping[UUID, Offering]) -> dict[str, int]:
    """Give an offering that serves several packages one capacity: what it has free in all months they touch."""
    spans: dict[UUID, list[Package]] = {}
    for package, fit in eligible:
        if fit.capacity is not None:
            spans.setdefault(fit.offering_id, []).append(package)
    return {
        str(identity): _free(offerings[identity], packages)
        for identity, packages in sorted(spans.items())
        if len(packages) > 1
    }


def _free(offering: Offering, packages: Iterable[Package]) -> int:
    touched = {month for package in packages for month in months(package.starts, package.ends)}
    return sum(offering.free.get(month, offering.monthly or 0) for month in touched)


def _ties(world: World, suppliers: Mapping[UUID, Supplier]) -> list[dict[str, Any]]:
    graph = SupplyGraph.build(world.links)
    return [{"a": str(tie.a), "b": str(tie.b), "strength": tie.strength} for tie in graph.ties_among(tuple(suppliers))]


def _rules(opening: Opening) -> dict[str, Any]:
    return dict(opening.rules) | ({} if opening.budget is None else {"budget": opening.budget})


def _within_budget(problem: Problem, result: Result) -> bool | None:
    """Tell that the best plan keeps the published budget; None without a plan or a budget.

    The solver keeps the budget as a hard rule, so a plan that exists keeps it. Where prices are closed no budget binds,
    and nothing is told.
    """
    return True if result.plans and problem.rules.budget is not None else None


def _covered(group: PackageFit) -> Covered:
    refused = Counter(criterion.code for fit in group.fits for criterion in fit.criteria if criterion.excludes)
    return Covered(
        package_id=group.package_id,
        near=len(group.fits),
        eligible=sum(fit.eligible for fit in group.fits),
        best=max((fit.score for fit in group.fits if fit.eligible), default=0),
        refused=tuple(sorted(refused.items(), key=lambda item: (-item[1], item[0]))),
    )


class _Telling:
    """Turns the optimizer's ids and figures back into suppliers, packages and reasons."""

    def __init__(self, world: World, opening: Opening, fits: Iterable[PackageFit], problem: Problem) -> None:
        self.packages = {package.code: package for package in opening.packages}
        self.suppliers = {str(supplier.id): supplier for supplier in world.suppliers}
        codes = {package.id: package.code for package in opening.packages}
        self.fits = {
            (codes[group.package_id], str(fit.supplier_id)): fit for group in fits for fit in group.fits if fit.eligible
        }
        self.offers = Counter(offer.package for offer in problem.offers)
        self.ties = {(tie.a, tie.b): tie.strength for tie in problem.ties}
        self.opening = opening

    def proposal(self, plan: Plan) -> Proposal:
        values = {firm: 0 for firm in plan.members}
        for part in plan.assignments:
            package = self.packages[part.package]
            values[part.firm] += package.value * part.units // package.quantity
        weights = values if any(values.values()) else dict.fromkeys(values, 1)
        shares = by_largest_remainder(weights, BASIS_POINTS)
        lead = plan.lead or max(plan.members, key=lambda firm: (shares[firm], firm))
        members = sorted(plan.members, key=lambda firm: (firm != lead, -shares[firm], firm))
        seats = tuple(self._seat(plan, firm, shares[firm], firm == lead) for firm in members)
        fits = [part.fit for seat in seats for part in seat.parts]
        days = [self.fits[part.package, part.firm].lead_days for part in plan.assignments]
        ties = sum(1 for a, b in self.ties if a in values and b in values)
        return Proposal(
            status=str(plan.status),
            stopped=str(plan.stopped),
            gap=plan.gap,
            seats=seats,
            sme_share=sum(seat.share for seat in seats if seat.sme),
            fit=round(sum(fits) / len(fits)),
            ties=ties,
            lead_days=max((day for day in days if day is not None), default=None),
            reasons=self._reasons(plan, ties),
        )

    def _seat(self, plan: Plan, firm: str, share: int, lead: bool) -> Seat:
        supplier = self.suppliers[firm]
        parts = tuple(
            self._part(part.package, firm, part.units, part.share) for part in plan.assignments if part.firm == firm
        )
        partners = [other for other in plan.members if (min(firm, other), max(firm, other)) in self.ties]
        reasons = [
            Message(
                code="alone-can" if part.runners_up == 0 else f"covers-by-{part.way}",
                params={"package": self._code(part.package_id), "fit": part.fit, "others": part.runners_up},
            )
            for part in parts
        ]
        reasons += [
            Message(code="has-tie", params={"firm": self.suppliers[other].name, "strength": self._tie(firm, other)})
            for other in partners
        ]
        if lead:
            reasons.append(Message(code="leads", params={"share": share}))
        return Seat(
            supplier_id=supplier.id,
            name=supplier.name,
            sme=supplier.sme,
            lead=lead,
            share=share,
            parts=parts,
            reasons=tuple(reasons),
        )

    def _part(self, package: str, firm: str, units: int, share: int) -> Part:
        fit = self.fits[package, firm]
        return Part(
            package_id=self.packages[package].id,
            offering_id=fit.offering_id,
            units=units,
            share=share,
            fit=fit.score,
            way=str(fit.way),
            runners_up=self.offers[package] - 1,
        )

    def _code(self, package_id: UUID) -> str:
        return next(package.code for package in self.packages.values() if package.id == package_id)

    def _tie(self, a: str, b: str) -> int:
        return self.ties[min(a, b), max(a, b)]

    def _reasons(self, plan: Plan, ties: int) -> tuple[Message, ...]:
        proof = {
            "optimal": Message(code="proved-best"),
            "feasible": Message(code="within-gap", params={"gap": round(100 * (plan.gap or 0), 2)}),
        }[str(plan.status)]
        counted = Message(code="members-counted", params={"members": len(plan.members), "ties": ties})
        chosen = [self.suppliers[firm] for firm in plan.members]
        names = {each.id: each.name for each in chosen}
        together = [
            Message(code="members-under-one-control", params={"firms": "、".join(names[firm] for firm in firms)})
            for firms in related({each.id: each.group for each in chosen})
        ]
        return (proof, counted, *together)

    def missing(self, figure: Missing) -> MissingFigure:
        package = None if figure.package is None else self.packages[figure.package].id
        return MissingFigure(supplier_id=UUID(figure.firm), package_id=package, figure=figure.figure)

    def diagnosis(self, diagnosis: Diagnosis) -> tuple[Message, ...]:
        causes = [
            Message(code="package-short", params={"package": cause.package, "units": cause.short})
            for cause in diagnosis.causes
        ]
        fixes = [
            Message(
                code=f"ease-{relaxation.rule}",
                params={
                    "fix": number,
                    "subject": self._subject(relaxation.subject),
                    "before": relaxation.before,
                    "after": relaxation.after,
                    "by": relaxation.by,
                    "currency": self.opening.currency,
                },
            )
            for number, fix in enumerate(diagnosis.fixes, start=1)
            for relaxation in fix.relaxations
        ]
        legal = [Message(code="law-contradicts")] if diagnosis.legal else []
        return (*legal, *causes, *fixes)

    def _subject(self, subject: tuple[str, ...] | None) -> str:
        return "、".join(self.suppliers[part].name if part in self.suppliers else part for part in subject or ())
