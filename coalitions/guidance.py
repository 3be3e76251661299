"""“Why not me”: what would bring a firm in, told to that firm, from its own figures and what is published alone.

No figure of others enters the arithmetic: they count as able to carry whatever they fit for, at no price, by no lead
time; and the chain leader's own rules and weights, which are not published, are left aside. So the answer is the same
whatever others ask or can carry, and no run of questions, by however many firms, can find any of it out. Amounts stand
only where they are the firm's own figure against a published one; what else would help is named without an amount.
"""

from collections.abc import Iterator
from dataclasses import replace

import optimizer
from coalitions.answering import Effort, digest_of
from coalitions.answers import Guided, Lack, Lever, Near
from coalitions.basis import unpriced
from coalitions.matching import Fit, Outcome, PackageFit, match
from coalitions.suggestion import pose
from domain.world import Opening, Package, Supplier, World
from optimizer import Goals, Offer, Problem, Rules

GOALS = Goals(weights=(("fit", 90), ("members", 5), ("resilience", 5)))
"""What is weighed: what can be told without anybody's price or the leader's own wishes."""


def blind(world: World, opening: Opening, firm: Supplier) -> tuple[tuple[PackageFit, ...], Problem]:
    """Return who fits, and the problem as `firm` may have it solved: its own figures, and what is published."""
    published = replace(opening, rules={}, goals={}, budget=None)
    seen = replace(world, suppliers=tuple(each if each.id == firm.id else _veiled(each) for each in world.suppliers))
    fits = match(seen, published)
    problem = unpriced(pose(seen, published, fits))
    others = (each for each in problem.firms if each.id != str(firm.id))
    me = optimizer.Firm(id=str(firm.id), grade=tuple(firm.grades.items()))
    firms = (*(optimizer.Firm(id=each.id, grade=each.grade) for each in others), me)
    return fits, replace(problem, firms=firms, ties=(), rules=Rules(), goals=GOALS)


def _veiled(firm: Supplier) -> Supplier:
    """Return a firm as another may see it: what it can do and proves, not how much, how soon or for how much."""
    kept = (replace(each, monthly=None, free={}, price=None, lead_days=None) for each in firm.offerings)
    return replace(firm, offerings=tuple(kept), turnover=None)


def guided(world: World, opening: Opening, firm: Supplier, effort: Effort) -> tuple[Guided, str]:
    """Tell a firm where it stands, what it lacks against what is published, and which figure of its own would help.

    With the answer comes the digest of the problem it rests on.
    """
    fits, problem = blind(world, opening, firm)
    packages = {package.id: package for package in opening.packages}
    own = [(packages[group.package_id], fit) for group in fits for fit in group.fits if fit.supplier_id == firm.id]
    near = tuple(_near(package, fit) for package, fit in own)
    openings = [
        optimizer.Opening(
            name=package.code,
            offers=(Offer(firm=str(firm.id), package=package.code, fit=fit.score, capacity=fit.capacity),),
        )
        for package, fit in own
        if not fit.eligible
    ]
    found = optimizer.counterfactual(
        problem, str(firm.id), openings=openings, seconds=effort.seconds, seed=effort.seed, interrupt=effort.interrupt
    )
    told = Guided(
        wanted=found.wanted,
        sure=found.sure,
        near=near,
        helps=tuple(_levers(found.helping)),
        futile=tuple(_levers((*found.futile, *found.unsettled))),
    )
    return told, digest_of(problem)


def _levers(named: tuple[tuple[optimizer.Axis, str], ...]) -> Iterator[Lever]:
    """Name the figures by package; a pool is the firm's own capacity, whatever packages draw on it."""
    for axis, subject in named:
        pool = axis is optimizer.Axis.POOL
        yield Lever(figure="capacity" if pool else str(axis), subject="" if pool else subject)


def _near(package: Package, fit: Fit) -> Near:
    return Near(
        package=package.code,
        eligible=fit.eligible,
        fit=fit.score,
        price=_price(package, fit),
        lacks=tuple(_lacks(package, fit)),
    )


def _price(package: Package, fit: Fit) -> str:
    """Say how the firm's own price lies to the published value of a unit."""
    if fit.price is None:
        return "undeclared"
    return "within" if fit.price * package.quantity <= package.value else "above"


def _lacks(package: Package, fit: Fit) -> Iterator[Lack]:
    for criterion in fit.criteria:
        if criterion.outcome is not Outcome.PASS:
            yield Lack(
                package=package.code,
                code=criterion.code,
                outcome=str(criterion.outcome),
                subject=criterion.subject,
                value=criterion.value,  # type: ignore[arg-type]
                threshold=criterion.threshold,  # type: ignore[arg-type]
                mandatory=criterion.mandatory,
            )
    least = -(-package.min_share * package.quantity // 10_000)
    if fit.capacity is not None and 0 < fit.capacity < least:
        yield Lack(
            package=package.code, code="least-part", outcome=str(Outcome.FAIL), subject=None, value=fit.capacity,
            threshold=least, mandatory=True,
        )  # fmt: skip
