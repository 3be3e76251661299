"""Why there is no plan, and the smallest fixes: rules that, eased together, make one possible.

An elastic model finds what must give and by how much; unsatisfiable cores name dozens of rules and no amounts. Law and
physics (coverage, capacity, lot, grade, qualification, conflict, related parties) never give way.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from optimizer.eligibility import counted, sift
from optimizer.model import build
from optimizer.planning import best_plan
from optimizer.problem import WHOLE, Lead, Package, Problem, Rules, canonical
from optimizer.quest import Quest
from optimizer.result import Cause, Diagnosis, Fix, Interrupt, Relaxation, Status
from optimizer.search import Found, Purse, Setting, Title, opened, run
from optimizer.variables import Model, weighed

MOST_SECONDS = 10.0
"""How long a diagnosis takes at most when nothing else is said."""

FIXES = 3
"""How many fixes are offered unless asked otherwise."""


def diagnose(
    problem: Problem,
    *,
    fixes: int = FIXES,
    prices: Mapping[str, int] | None = None,
    seconds: float = MOST_SECONDS,
    effort: float | None = None,
    seed: int = 0,
    interrupt: Interrupt | None = None,
) -> Diagnosis:
    """Name the smallest fixes that make a plan possible, cheapest first, each solved again after easing.

    The price of a fix counts a member, a supplier, a percent of the budget or a point of share as one step, a dropped
    lock, requirement or ban as two, the lead as four; `prices` multiplies these for single rules. No part of a fix is
    superfluous when it is `minimal`: without it, the rest would have been cheaper. A feasible problem has no fixes.

    >>> from optimizer import Firm, Offer, Rules
    >>> problem = Problem(
    ...     firms=(Firm(id="F1"), Firm(id="F2")),
    ...     packages=(Package(id="WP1", quantity=4), Package(id="WP2", quantity=4)),
    ...     offers=(Offer(firm="F1", package="WP1"), Offer(firm="F2", package="WP2")), rules=Rules(max_members=1))
    >>> fix, = diagnose(problem).fixes
    >>> [(eased.rule, eased.before, eased.after) for eased in fix.relaxations], fix.minimal, fix.plan.members
    ([('member-limit', 1, 2)], True, ('F1', 'F2'))
    """
    return look_into(
        canonical(problem), opened(seconds, effort), Setting(seed=seed, interrupt=interrupt), fixes, prices
    )


def look_into(
    problem: Problem, purse: Purse, setting: Setting, fixes: int = FIXES, prices: Mapping[str, int] | None = None
) -> Diagnosis:
    """Diagnose a problem in canonical order with what is left in a purse."""
    model = build(problem, elastic=True, prices=prices)
    goal = -1 * weighed((slack.variable, slack.price) for slack in model.slacks)
    title = Title(stage="diagnosis", sign=-1)
    found: list[Fix] = []
    for turn in range(fixes):
        eased = run(model, goal, purse.part(1 / (fixes - turn + 1)), setting, title)
        if not turn and eased.status is Status.INFEASIBLE:
            return _causes(problem, purse, setting)
        if not eased.objective:
            break
        found.append(_fix(problem, model, eased, purse.part(1 / (fixes - turn + 1)), setting))
        _forbid(model, eased)
    return Diagnosis(fixes=tuple(found))


def _fix(problem: Problem, model: Model, eased: Found, purse: Purse, setting: Setting) -> Fix:
    relaxations = tuple(
        Relaxation(rule=slack.rule, subject=slack.subject, before=slack.before, after=slack.after(steps))
        for slack, steps in zip(model.slacks, eased.slacks, strict=True)
        if steps
    )
    quiet = replace(setting, listener=None)
    outcome = best_plan(Quest(problem=ease(problem, relaxations), setting=quiet), purse)
    return Fix(
        relaxations=relaxations,
        price=-(eased.objective or 0),
        minimal=eased.status is Status.OPTIMAL,
        plan=outcome.plan,
    )


def _forbid(model: Model, eased: Found) -> None:
    """Let the next fix leave at least one of these rules alone."""
    untouched = []
    for slack, steps in zip(model.slacks, eased.slacks, strict=True):
        if steps:
            whole = model.cp.new_bool_var("")
            model.cp.add(slack.variable == 0).only_enforce_if(whole)
            untouched.append(whole)
    model.cp.add_bool_or(untouched)


def _causes(problem: Problem, purse: Purse, setting: Setting) -> Diagnosis:
    model = build(problem, elastic=True, hollow=True)
    quantities = {package.id: package.quantity for package in problem.packages}
    scarce = [(undone, max(1, 10**9 // quantities[name])) for name, undone in model.undone.items()]
    found = run(model, -1 * weighed(scarce), purse, setting, Title(stage="diagnosis", sign=-1))
    if found.objective is None:
        return Diagnosis(legal=found.status is Status.INFEASIBLE)
    dropped = sift(problem, legal_only=True).dropped
    short = zip(model.undone, found.undone, strict=True)
    return Diagnosis(
        causes=tuple(Cause(package=name, short=units, dropped=counted(dropped, name)) for name, units in short if units)
    )


def ease(problem: Problem, relaxations: tuple[Relaxation, ...]) -> Problem:
    """Return the problem with rules eased as told.

    >>> limited = Problem(firms=(), packages=(), offers=(), rules=Rules(max_members=3))
    >>> ease(limited, (Relaxation(rule="member-limit", subject=None, before=3, after=4),)).rules.max_members
    4
    """
    for relaxation in relaxations:
        problem = EASED[relaxation.rule](problem, relaxation)
    return problem


_Easing = Callable[[Problem, Relaxation], Problem]


def _figure(name: str) -> _Easing:
    def eased(problem: Problem, by: Relaxation) -> Problem:
        change: dict[str, Any] = {name: by.after}
        return replace(problem, rules=replace(problem.rules, **change))

    return eased


def _of_package(change: Callable[[Package, int], Package]) -> _Easing:
    def eased(problem: Problem, by: Relaxation) -> Problem:
        packages = (change(p, by.after) if (p.id,) == by.subject else p for p in problem.packages)
        return replace(problem, packages=tuple(packages))

    return eased


def _dropped(change: Callable[[Rules, tuple[str, ...]], Rules]) -> _Easing:
    return lambda problem, by: replace(problem, rules=change(problem.rules, by.subject or ()))


def _without(names: tuple[str, ...], subject: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in subject)


def _lead_share(problem: Problem, by: Relaxation) -> Problem:
    lead = problem.rules.lead or Lead()
    return replace(problem, rules=replace(problem.rules, lead=replace(lead, min_share=by.after)))


EASED: dict[str, _Easing] = {
    "min-share": _of_package(lambda p, after: replace(p, min_share=after)),
    "max-share": _of_package(lambda p, after: replace(p, max_share=min(WHOLE, after))),
    "min-suppliers": _of_package(lambda p, n: replace(p, min_suppliers=n, critical=p.critical and n > 1)),
    "max-suppliers": _of_package(lambda p, after: replace(p, max_suppliers=after)),
    "member-limit": _figure("max_members"),
    "member-minimum": _figure("min_members"),
    "sme-share": _figure("sme_share_min"),
    "firm-share": _figure("firm_share_max"),
    "budget": _figure("budget"),
    "newcomers": _figure("min_newcomers"),
    "veterans": _figure("min_veterans"),
    "lead-share": _lead_share,
    "lead": _dropped(lambda rules, _: replace(rules, lead=None)),
    "locked": _dropped(lambda r, gone: replace(r, locked=tuple(k for k in r.locked if (k.package, k.firm) != gone))),
    "required": _dropped(lambda r, gone: replace(r, required=_without(r.required, gone))),
    "excluded": _dropped(lambda r, gone: replace(r, excluded=_without(r.excluded, gone))),
    "backup": _dropped(lambda r, gone: replace(r, backup=_without(r.backup, gone))),
}
"""How each rule is eased; a rule that is not in here belongs to law or physics."""
