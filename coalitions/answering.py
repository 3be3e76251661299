"""The optimizer's answers about one project: asked of a World, told without any figure that is closed to the reader.

Every function poses the problem of the suggestion again from the World as it is, takes away what the reader may not
know (``coalitions/basis.py``), has the optimizer answer, and tells what may be told (``coalitions/answers.py``).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import optimizer
from coalitions.answers import (
    Asking,
    Ceiling,
    Cure,
    Diagnosed,
    Divided,
    Division,
    Easing,
    Efficient,
    Explained,
    Exposed,
    Haggled,
    Mended,
    Merit,
    Moved,
    Part,
    Reach,
    Repaired,
    Reserve,
    RuleCost,
    RuleCosts,
    Ruled,
    Runner,
    Secured,
    Short,
    Team,
    Tight,
    Tradeoffs,
    Turn,
    Work,
)
from coalitions.basis import MILLION, Basis, Known, Units, open_prices, open_side, plan_of, rest_on, yardstick
from coalitions.matching import PackageFit, match
from coalitions.shares import by_largest_remainder
from coalitions.suggestion import pose
from domain.supply import SupplyGraph
from domain.world import Link, Opening, World
from optimizer import Eased, Interrupt, Method, Plan, Problem, Relaxation, Status
from optimizer.goals import points
from optimizer.problem import WHOLE, canonical
from optimizer.rule_prices import easings
from optimizer.trial import units_of

FIXES = 5
UPSTREAM = 2
"""Within so many tiers a shared supplier counts as one loss."""
PRIOR_ACCEPTED, PRIOR_ASKED = 1, 2
"""Laplace's rule of succession: before any answer is known, one of two invitations counts as accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to think, from which seed, and whose wish ends it."""

    seconds: float = 10.0
    seed: int = 0
    interrupt: Interrupt | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The settings by the names the optimizer has for them."""
        return {"seconds": self.seconds, "seed": self.seed, "interrupt": self.interrupt}


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """A project with who fits it, and its problem as the reader may have it solved."""

    world: World
    opening: Opening
    fits: tuple[PackageFit, ...]
    known: Known
    whole: Problem
    basis: Basis

    @property
    def problem(self) -> Problem:
        """The problem that answers rest on."""
        return self.basis.problem

    @property
    def digest(self) -> str:
        """The SHA-256 of the problem that answers rest on, in canonical order."""
        return digest_of(self.problem)


def digest_of(problem: Problem) -> str:
    """Return the SHA-256 of a problem in canonical order."""
    return sha256(optimizer.write_problem(canonical(problem)).encode()).hexdigest()


def matter(world: World, opening: Opening, reader: UUID, matched: Collection[str], accepted: Known) -> Matter:
    """Pose a project's problem to `reader`, who knows some prices.

    Open to him are his own; to who publishes the project also those that the firms of a suggested plan (`matched`) show
    to matched parties, and those in terms that were `accepted`, which stand for the declared ones.

    Raises optimizer.ProblemInvalid when the opening's rules or goals are not those of a problem file.
    """
    fits = match(world, opening)
    whole = pose(world, opening, fits)
    known = {**open_prices(world, opening, fits, reader, matched), **accepted}
    return Matter(world=world, opening=opening, fits=fits, known=known, whole=whole, basis=rest_on(whole, known))


# ---- why there is no plan, what rules cost, why this plan ----


def diagnosed(about: Matter, effort: Effort) -> Diagnosed:
    """Tell why there is no plan: up to five smallest cures, each solved again, and one conflict of rules.

    A third of the time each goes to the problem as it is, to the cures and to the conflict. Where there is a plan,
    there is nothing to cure.
    """
    third = replace(effort, seconds=effort.seconds / 3)
    status = optimizer.solve(about.problem, plans=1, **third.given).status
    if status in (Status.OPTIMAL, Status.FEASIBLE):
        return Diagnosed(
            status=str(status), legal=False, causes=(), cures=(), conflict=(), conflict_minimal=True,
            budget_alone=about.basis.budget,
        )  # fmt: skip
    found = optimizer.diagnose(about.problem, fixes=FIXES, **third.given)
    core = optimizer.conflict_core(about.problem, **third.given)
    return Diagnosed(
        status=str(status),
        legal=found.legal,
        causes=tuple(Short(package=cause.package, units=cause.short) for cause in found.causes),
        cures=tuple(
            Cure(
                eased=tuple(map(_ruled, fix.relaxations)),
                steps=fix.price,
                minimal=fix.minimal,
                team=team_of(about.basis, fix.plan),
            )
            for fix in found.fixes
        ),
        conflict=tuple(map(_ruled, core.rules)),
        conflict_minimal=core.minimal,
        budget_alone=False,
    )


def rule_costs(about: Matter, effort: Effort) -> RuleCosts:
    """Tell what the best plan would gain by each rule of the user eased by a step, and dropped."""
    found = optimizer.price_of_rules(about.problem, **effort.given)
    yard = yardstick(about.problem)

    def easing(eased: Eased) -> Easing:
        return Easing(
            after=eased.after,
            gains=None if eased.gains is None else tuple(yard.told(gain) for gain in eased.gains),
            cost=eased.cost if about.basis.priced else None,
            status=str(eased.status),
            helps=eased.helps,
        )

    return RuleCosts(
        status=str(found.status),
        rules=tuple(
            RuleCost(
                rule=each.rule,
                subject=each.subject or (),
                before=each.before,
                step=None if each.step is None else easing(each.step),
                dropped=easing(each.dropped),
            )
            for each in found.prices
        ),
    )


def explained(about: Matter, units: Units, effort: Effort) -> Explained:
    """Tell what each member of a plan brings, which rules bind, and what the best firms left out would cost.

    Of the rules that bind only the user's own are told: that a firm's capacity is used up would tell its capacity.
    Raises PlanOutdated when the plan breaks a rule by now.
    """
    plan = plan_of(about.problem, units)
    found = optimizer.explain(about.problem, plan, seconds=effort.seconds, seed=effort.seed)
    yard, full = yardstick(about.problem), points(about.problem)
    wanted = {goal for goal, weight in about.problem.goals.weights if weight}
    order, shares = by_work(units), value_shares(about.opening, units)
    own = {(gone.rule, gone.subject or ()) for _, gone in easings(about.problem)}
    return Explained(
        members=tuple(
            Merit(
                firm=each.firm,
                packages=each.packages,
                value_share=shares[each.firm],
                fit=each.fit,
                loss=None if each.loss is None else yard.told(each.loss),
                status=str(each.without),
                indispensable=each.indispensable,
            )
            for each in sorted(found.members, key=lambda each: order(each.firm))
        ),
        binding=tuple(
            Tight(rule=limit.rule, subject=limit.subject)
            for limit in found.binding
            if {(limit.rule, limit.subject), (limit.rule, limit.subject[-1:])} & own
        ),
        runners=tuple(
            Runner(
                package=each.package,
                firm=each.firm,
                loss=None if each.loss is None else yard.told(each.loss),
                status=str(each.status),
                moves=tuple(
                    Moved(goal=goal, by=round(MILLION * by / full)) for goal, by in each.scores if goal in wanted and by
                ),
            )
            for each in found.rivals
        ),
    )


# ---- a plan mended, a plan made safe, plans to choose among ----


def repaired(about: Matter, units: Units, gone: Iterable[str], effort: Effort, *, keep: bool = False) -> Repaired:
    """Mend a plan that has lost the firms `gone`, and whatever offers of it are no longer there.

    An offer is gone where a certificate has run out before delivery, a firm has been struck off, or a capability was
    retired: then it fits no more.
    """
    offered = {(offer.firm, offer.package) for offer in about.problem.offers}
    firms = {firm.id for firm in about.problem.firms}
    lost = sorted(set(gone))
    vanished = sorted(place for place in units if place not in offered and place[0] not in lost)
    found = optimizer.repair(
        about.problem,
        _before(units, about.opening),
        lost=[firm for firm in lost if firm in firms],
        parts=[*vanished, *(place for place in sorted(units) if place[0] in lost and place[0] not in firms)],
        keep=keep,
        **effort.given,
    )
    yard = yardstick(about.problem)
    ways = tuple(
        Mended(
            changes=way.changes,
            gain=yard.told(way.values[0] - found.efficient[0].values[0]),
            staying=way.staying,
            resign=way.resign,
            joining=way.joining,
            leaving=way.leaving,
            team=_team(about.basis, way.plan),
        )
        for way in found.efficient
    )
    quantities = {package.code: package.quantity for package in about.opening.packages}
    return Repaired(
        status=str(found.status),
        complete=found.complete,
        lost=tuple(lost),
        lost_work=tuple(
            Work(package=package, firm=firm, units=units[firm, package],
                 share=WHOLE * units[firm, package] // quantities[package])
            for firm, package in vanished
        ),
        ways=ways,
    )  # fmt: skip


def secured(
    about: Matter, units: Units | None, packages: Iterable[str] | None, links: Iterable[Link], effort: Effort
) -> Secured:
    """Find the best plan in which the packages survive the loss of any one firm: the critical ones unless some are
    named, or all where none is critical.

    Whoever supplies several members within two tiers is one loss. With `units`, the plan's own exposures are told.
    Raises PlanOutdated when that plan breaks a rule by now.
    """
    on = upstream_of((UUID(firm.id) for firm in about.problem.firms), links)
    critical = tuple(package.id for package in about.problem.packages if package.critical)
    names = tuple(packages or critical or (package.id for package in about.problem.packages))
    found = optimizer.harden(about.problem, packages=names, upstream=on, **effort.given)
    risks: tuple[optimizer.Exposure, ...] = ()
    if units is not None:
        risks = optimizer.exposures(about.problem, plan_of(about.problem, units), packages=names, upstream=on)
    yard = yardstick(about.problem)
    return Secured(
        status=str(found.status),
        sure=found.sure,
        packages=tuple(sorted(names)),
        exposures=tuple(
            Exposed(package=each.package, members=each.members, source=each.lost not in each.members) for each in risks
        ),
        team=team_of(about.basis, found.plan),
        price=None if found.price is None else tuple(yard.told(given) for given in found.price),
        cost=found.cost if about.basis.priced else None,
        reserves=tuple(Reserve(package=each.package, firm=each.firm) for each in found.standbys),
    )


def upstream_of(firms: Iterable[UUID], links: Iterable[Link]) -> Mapping[str, tuple[str, ...]]:
    """Return who supplies each firm within two tiers, for those whom somebody supplies."""
    graph = SupplyGraph.build(links)
    known = ((firm, graph.upstream(firm, UPSTREAM)) for firm in firms if firm in graph.firms)
    return {str(firm): tuple(str(each) for tier in tiers for each in tier) for firm, tiers in known if tiers}


def tradeoffs(about: Matter, axes: Iterable[str], most: int, effort: Effort) -> Tradeoffs:
    """Find plans in which no axis can be bettered without losing on another; the price is one only where it counts."""
    asked = tuple(dict.fromkeys(axes))
    told = tuple(axis for axis in asked if axis != "price" or about.basis.priced)
    left_out = tuple(axis for axis in asked if axis not in told)
    if not told:
        return Tradeoffs(axes=(), left_out=left_out, complete=True, points=())
    found = optimizer.frontier(about.problem, told, points=most, **effort.given)
    full = points(about.problem)
    return Tradeoffs(
        axes=told,
        left_out=left_out,
        complete=found.complete,
        points=tuple(
            Efficient(
                team=_team(about.basis, point.plan),
                reached=tuple(
                    Reach(axis=axis, score=round(MILLION * value / full))
                    for axis, value in zip(found.axes, point.reached, strict=True)
                ),
                sure=point.sure,
            )
            for point in found.points
        ),
    )


# ---- whom to ask first; money ----


def asking(
    about: Matter, units: Units, history: Mapping[str, tuple[int, int]], waves: int, hours: int, at_once: int | None
) -> Asking:
    """Tell whom to invite in each of the waves that the deadline leaves, from how each firm has answered so far.

    `history` holds, by firm, how many of its answered invitations it accepted, and how many it answered. Odds are
    (accepted + 1) / (answered + 2), Laplace's rule of succession. Raises PlanOutdated, and ValueError where asks are
    limited for too many seats.
    """
    plan, order = plan_of(about.problem, units), by_work(units)
    firms = {firm.id for firm in about.problem.firms} & history.keys()
    odds = {firm: odds_of(*history[firm]) for firm in firms}
    found = optimizer.invitation_waves(
        about.problem, plan, odds, waves=waves, at_once=at_once, unknown=odds_of(0, 0)
    )  # fmt: skip
    return Asking(
        hours=hours,
        waves=tuple(
            tuple(Turn(seat=ask.member, firm=ask.firm) for ask in sorted(wave, key=lambda ask: order(ask.member)))
            for wave in found.waves
        ),
        certainty=found.certainty,
        expected=found.expected,
        known=len(odds),
        prior_accepted=PRIOR_ACCEPTED,
        prior_asked=PRIOR_ASKED,
    )


def odds_of(accepted: int, answered: int) -> int:
    """Return the odds that a firm accepts, in basis points rounded down.

    >>> odds_of(0, 0), odds_of(3, 4)
    (5000, 6666)
    """
    return WHOLE * (accepted + PRIOR_ACCEPTED) // (answered + PRIOR_ASKED)


def haggled(about: Matter, units: Units, firm: str, effort: Effort) -> Haggled:
    """Tell how far a member's price may rise before a plan of firms whose prices are open is better.

    Raises PricesClosed where the plan rests on a closed price, PlanOutdated where it breaks a rule by now.
    """
    problem = open_side(about.whole, about.known, units)
    plan = plan_of(problem, units)
    found = optimizer.negotiation_room(problem, plan, firm, **effort.given)
    return Haggled(
        firm=firm,
        wanted=found.wanted,
        rise=found.rise,
        sure=found.sure,
        left_out=len(about.whole.offers) - len(problem.offers),
        ceilings=tuple(
            Ceiling(package=each.package, price=each.price, highest=each.highest, sure=each.sure)
            for each in found.reservations
        ),
    )


def divided(about: Matter, units: Units, seed: int = 0) -> Divided:
    """Divide what the members gain together in every known way, each with its certificate.

    Raises PricesClosed while a price of the plan is closed, PlanOutdated where the plan breaks a rule by now.
    """
    problem = open_side(about.whole, about.known, units)
    plan = plan_of(problem, units)
    return Divided(divisions=tuple(_division(problem, plan, method, seed) for method in Method))


def _division(problem: Problem, plan: Plan, method: Method, seed: int) -> Division:
    found, order = optimizer.shares(problem, plan, method=method, seed=seed), by_work(units_of(plan))
    return Division(
        method=str(method),
        total=found.total,
        parts=tuple(
            Part(firm=each.firm, amount=each.amount, alone=each.alone, value=each.value)
            for each in sorted(found.shares, key=lambda each: order(each.firm))
        ),
        error=found.error,
        blocking=tuple(sorted(found.certificate.group, key=order)) if found.certificate.gain > 0 else (),
        blocking_gain=max(0, found.certificate.gain),
        proved=found.certificate.proved,
        stable=found.certificate.stable,
    )


# ---- telling ----


def team_of(basis: Basis, plan: Plan | None) -> Team | None:
    """Return a plan as it is told; what it costs only where every price counts."""
    return None if plan is None else _team(basis, plan)


def _team(basis: Basis, plan: Plan) -> Team:
    return Team(
        lead=plan.lead,
        members=tuple(sorted(plan.members, key=by_work(units_of(plan)))),
        work=tuple(
            Work(package=part.package, firm=part.firm, units=part.units, share=part.share)
            for part in sorted(plan.assignments, key=lambda part: (part.package, part.firm))
        ),
        cost=dict(plan.scores)["cost"] if basis.priced else None,
    )


def value_shares(opening: Opening, units: Units) -> dict[str, int]:
    """Return each member's share of the published value in basis points, exact to the last one."""
    packages = {package.code: package for package in opening.packages}
    values: dict[str, int] = {}
    for (firm, code), n in units.items():
        values[firm] = values.get(firm, 0) + packages[code].value * n // packages[code].quantity
    return by_largest_remainder(values if any(values.values()) else dict.fromkeys(values, 1), WHOLE)


def by_work(units: Units) -> Callable[[str], tuple[str, str]]:
    """Return the order in which members are told: by the first package each takes part in.

    >>> sorted("AB", key=by_work({("A", "WP2"): 1, ("B", "WP1"): 1, ("A", "WP3"): 1}))
    ['B', 'A']
    """
    first: dict[str, str] = {}
    for firm, package in sorted(units, key=lambda place: place[1]):
        first.setdefault(firm, package)
    return lambda firm: (first.get(firm, ""), firm)


def _ruled(eased: Relaxation) -> Ruled:
    return Ruled(rule=eased.rule, subject=eased.subject or (), before=eased.before, after=eased.after)


def _before(units: Units, opening: Opening) -> Plan:
    """Return a plan as it was agreed, whatever of it can still be done; nothing is claimed of its worth."""
    quantities = {package.code: package.quantity for package in opening.packages}
    parts = tuple(
        optimizer.Assignment(
            package=package, firm=firm, units=n, share=WHOLE * n // quantities[package], price=None
        )
        for (firm, package), n in sorted(units.items())
    )  # fmt: skip
    members = tuple(sorted({firm for firm, _ in units}))
    return Plan(
        members=members, assignments=parts, scores=(), lead=None, objective=0, best=0, bound=None,
        status=Status.FEASIBLE, stopped=optimizer.Stopped.PROVED,
    )  # fmt: skip
