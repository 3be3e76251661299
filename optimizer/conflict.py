"""Rules that cannot hold together: one conflict, shrunk until every rule in it is needed.

Rules are dropped one after the other; one whose absence leaves the rest without a plan is no part of the conflict
(deletion filter: Chinneck & Dravnieks, *Locating minimal infeasible constraint sets in linear programs*, 1991). Law and
physics always stand behind a conflict and are not named in it.
"""

from dataclasses import dataclass

from optimizer.diagnosis import ease
from optimizer.problem import Problem, canonical
from optimizer.result import Interrupt, Relaxation, Status
from optimizer.rule_prices import easings
from optimizer.trial import Trials

PART = 0.2
"""The part of what is left that one of the solves may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """A conflict: the rules in it, each as it stands and as if it were dropped.

    `minimal` says that without any one of them there is a plan, given law, physics and the others (proved). A problem
    that has a plan, or has none by law and physics alone, has no rules in conflict; `conflict` tells which.

    >>> Core(conflict=False, rules=(), minimal=True).rules
    ()
    """

    conflict: bool
    rules: tuple[Relaxation, ...]
    minimal: bool


def conflict_core(
    problem: Problem,
    *,
    seconds: float = 10.0,
    effort: float | None = None,
    seed: int = 0,
    interrupt: Interrupt | None = None,
) -> Core:
    """Find rules that cannot hold together, of which none is superfluous.

    >>> from optimizer import Firm, Offer, Package, Rules
    >>> problem = Problem(
    ...     firms=(Firm(id="F1"), Firm(id="F2")), rules=Rules(max_members=1, required=("F1", "F2"), budget=9000),
    ...     packages=(Package(id="WP1", quantity=4),), offers=(Offer(firm="F1", package="WP1", price=5),
    ...                                                        Offer(firm="F2", package="WP1", price=5)))
    >>> [(rule.rule, rule.subject) for rule in conflict_core(problem).rules]
    [('member-limit', None), ('required', ('F1',)), ('required', ('F2',))]
    """
    ordered = canonical(problem)
    trials = Trials(seconds=seconds, effort=effort, seed=seed, interrupt=interrupt)
    status = trials.best(ordered, share=PART).status
    if status is not Status.INFEASIBLE:
        return Core(conflict=False, rules=(), minimal=status is Status.OPTIMAL)
    gone: tuple[Relaxation, ...] = ()
    kept: list[Relaxation] = []
    minimal = True
    for _, rule in easings(ordered):
        without = trials.best(ease(ordered, (*gone, rule)), share=PART)
        if without.status is Status.INFEASIBLE:
            gone = (*gone, rule)
        else:
            kept.append(rule)
            minimal = minimal and without.plan is not None
    return Core(conflict=True, rules=tuple(kept), minimal=minimal)
