"""A plan mended after a decline, an exit, a sanction or an expired certificate.

Two wishes pull apart: to touch as little as possible of what was agreed, and to have the best plan that is left. Both
ends are shown, and between them every repair that no other beats in both: the next one has to change less, and is the
best that does (an epsilon-constraint in the number of changes).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from optimizer.check import Units
from optimizer.problem import Problem, canonical
from optimizer.result import Interrupt, Plan, Status
from optimizer.trial import Least, Shape, Trial, Trials, Values, at_least, hinted, told, units_of
from optimizer.variables import Expression, Model, Term, weighed


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One way to mend a plan.

    `changes` counts the parts (a firm's work on a package) that come new, go, or carry other units; the parts that were
    lost are not counted, since nothing can keep them. `resign` are the members who stay with other work than they had.
    `values` is the base value level by level, larger is better.

    >>> from optimizer import Firm, Offer, Package, solve
    >>> problem = Problem(
    ...     firms=(Firm(id="F1"), Firm(id="F2")), packages=(Package(id="WP1", quantity=4, value=400),),
    ...     offers=(Offer(firm="F1", package="WP1", fit=70), Offer(firm="F2", package="WP1", fit=90)))
    >>> mended = repair(problem, solve(problem).plans[0], lost=("F2",)).fewest
    >>> mended.changes, mended.joining, mended.resign
    (1, ('F1',), ())
    """

    plan: Plan
    changes: int
    values: Values
    staying: tuple[str, ...]
    resign: tuple[str, ...]
    joining: tuple[str, ...]
    leaving: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """The efficient repairs, from the one with the fewest changes to the one with the best base value.

    `complete` says that no other repair beats one of these in changes or in value without losing in the other (proved).
    Without any repair, `status` says whether it is proved that there is none.

    >>> Repairs(status=Status.INFEASIBLE, efficient=(), complete=True).fewest is None
    True
    """

    status: Status
    efficient: tuple[Repair, ...]
    complete: bool

    @property
    def fewest(self) -> Repair | None:
        """The repair that changes least, and the best among those."""
        return self.efficient[0] if self.efficient else None

    @property
    def cheapest(self) -> Repair | None:
        """The repair with the best base value, and the fewest changes among those."""
        return self.efficient[-1] if self.efficient else None


def repair(
    problem: Problem,
    plan: Plan,
    *,
    lost: Iterable[str] = (),
    parts: Iterable[tuple[str, str]] = (),
    keep: bool = False,
    seconds: float = 10.0,
    effort: float | None = None,
    seed: int = 0,
    interrupt: Interrupt | None = None,
) -> Repairs:
    """Mend a plan that has lost firms altogether, or single parts of theirs, given as (firm, package).

    What asks for a lost firm (required, locked) no longer binds; every other rule does. With `keep`, the parts of the
    others stay as they are.

    >>> from optimizer import Firm, Goals, Offer, Package, solve
    >>> problem = Problem(
    ...     firms=(Firm(id="F1"), Firm(id="F2"), Firm(id="F3")), goals=Goals(weights=(("fit", 3), ("members", 1))),
    ...     packages=(Package(id="WP1", quantity=4, value=400), Package(id="WP2", quantity=4, value=400)),
    ...     offers=(Offer(firm="F1", package="WP1", fit=99), Offer(firm="F2", package="WP2", fit=99),
    ...             Offer(firm="F3", package="WP1", fit=70), Offer(firm="F3", package="WP2", fit=70)))
    >>> mended = repair(problem, solve(problem).plans[0], lost=("F2",))
    >>> [(way.changes, way.plan.members) for way in mended.efficient], mended.complete
    ([(1, ('F1', 'F3')), (3, ('F3',))], True)
    """
    gone, cut = set(lost), set(parts)
    before = units_of(plan)
    standing = {place: n for place, n in before.items() if place[0] not in gone and place not in cut}
    trials = Trials(seconds=seconds, effort=effort, seed=seed, interrupt=interrupt)
    return _Mender(bereft(canonical(problem), gone, cut), before, standing, trials, keep=keep).mend()


def bereft(problem: Problem, firms: set[str], parts: set[tuple[str, str]]) -> Problem:
    """Return the problem without what was lost; the yardstick of the points does not move.

    >>> from optimizer.problem import Firm, Offer, Package, Rules
    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4),),
    ...                   offers=(Offer(firm="F1", package="WP1"),), rules=Rules(required=("F1",)))
    >>> left = bereft(problem, {"F1"}, set())
    >>> left.rules.required, left.rules.excluded
    ((), ('F1',))
    >>> bereft(problem, set(), {("F1", "WP1")}).offers[0].capacity
    0
    """
    rules = problem.rules
    left = replace(
        rules,
        excluded=tuple(sorted({*rules.excluded, *firms})),
        required=tuple(firm for firm in rules.required if firm not in firms),
        locked=tuple(k for k in rules.locked if k.firm not in firms and (k.firm, k.package) not in parts),
    )
    offers = (replace(o, capacity=0) if (o.firm, o.package) in parts else o for o in problem.offers)
    return replace(problem, offers=tuple(offers), rules=left)


class _Mender:
    def __init__(self, problem: Problem, before: Units, standing: Units, trials: Trials, *, keep: bool) -> None:
        self.problem, self.before, self.standing, self.trials = problem, before, standing, trials
        self.keep = keep

    def mend(self) -> Repairs:
        least = self._least()
        if least.units is None:
            return Repairs(status=least.status, efficient=(), complete=least.status is Status.INFEASIBLE)
        fewest = self._best(least, least.count, share=0.3)
        ways, sure = self._descend(least)
        ways.append(self._told(fewest))
        sure = sure and least.status is Status.OPTIMAL and all(way.plan.status is Status.OPTIMAL for way in ways)
        return Repairs(
            status=Status.OPTIMAL if sure else Status.FEASIBLE, efficient=tuple(_undominated(ways)), complete=sure
        )

    def _least(self) -> Least:
        """Return the fewest changes: first where all others keep their work, which is soon found; then anyhow."""
        still = self.trials.least(self.problem, self._changes, self._still, share=0.2)
        if self.keep:
            return still
        share = 0.8 if still.units is None else 0.4
        least = self.trials.least(self.problem, self._changes, hinted(still.units), share=share)
        return least if least.units is not None or still.units is None else replace(still, status=Status.FEASIBLE)

    def _descend(self, least: Least) -> tuple[list[Repair], bool]:
        """Return the best repair of all, then the best that changes less, until that is impossible."""
        found: list[Repair] = []
        trial = self._best(least, len(self.standing) + len(self.problem.offers), share=0.4)
        while trial.plan is not None:
            way = self._leanest(trial)
            found.append(way)
            trial = self.trials.best(self.problem, self._within(way.changes - 1, least.count, least.units), share=0.5)
        return found, trial.sure

    def _best(self, least: Least, most: int, share: float) -> Trial:
        """Return the best plan with so many changes, or the one with the fewest where the time yields none."""
        trial = self.trials.best(self.problem, self._within(most, 0, least.units), share=share)
        return trial if trial.plan is not None else told(self.problem, least.units or {})

    def _leanest(self, trial: Trial) -> Repair:
        """Return the repair of a trial, or one that is as good and changes less."""
        way = self._told(trial)
        floor = at_least(way.values)

        def shape(model: Model) -> None:
            self._kept(model)
            floor(model)

        least = self.trials.least(self.problem, self._changes, shape, share=0.3)
        if least.units is None or least.count == way.changes:
            return way
        leaner = told(self.problem, least.units).plan
        assert leaner is not None
        same = replace(leaner, status=way.plan.status, bound=way.plan.bound, stopped=way.plan.stopped)
        return self._told(replace(trial, plan=same))

    def _told(self, trial: Trial) -> Repair:
        assert trial.plan is not None
        assert trial.values is not None
        after = units_of(trial.plan)
        old, new = {firm for firm, _ in self.before}, set(trial.plan.members)
        touched = {place[0] for place in {*after, *self.before} if after.get(place) != self.before.get(place)}
        return Repair(
            plan=trial.plan,
            changes=changes(self.standing, after),
            values=trial.values,
            staying=tuple(sorted(old & new)),
            resign=tuple(sorted(old & new & touched)),
            joining=tuple(sorted(new - old)),
            leaving=tuple(sorted(old - new)),
        )

    def _within(self, most: int, fewest: int = 0, start: Units | None = None) -> Shape:
        def shape(model: Model) -> None:
            self._kept(model)
            counted = self._changes(model)
            model.cp.add(counted <= most)
            model.cp.add(counted >= fewest)
            hinted(start)(model)

        return shape

    def _kept(self, model: Model) -> None:
        if self.keep:
            self._still(model)

    def _still(self, model: Model) -> None:
        places = _places(model)
        for place, units in self.standing.items():
            model.cp.add(model.units([places[place]] if place in places else []) == units)

    def _changes(self, model: Model) -> Expression:
        places = _places(model)
        terms: list[Term] = [(model.uses[i], 1) for place, i in places.items() if place not in self.standing]
        for place, units in self.standing.items():
            kept = model.cp.new_bool_var("")
            carried = model.units([places[place]] if place in places else [])
            model.cp.add(carried == units).only_enforce_if(kept)
            terms.append((kept, -1))
        return weighed(terms, len(self.standing))


def changes(before: Units, after: Units) -> int:
    """Count the parts that come new, go or carry other units.

    >>> changes({("F1", "WP1"): 4}, {("F1", "WP1"): 3, ("F2", "WP1"): 1})
    2
    """
    return sum(before.get(place) != after.get(place) for place in {*before, *after})


def _places(model: Model) -> dict[tuple[str, str], int]:
    return {(slot.firm.id, slot.package.id): i for i, slot in enumerate(model.slots)}


def _undominated(ways: list[Repair]) -> list[Repair]:
    """Keep the ways, told with rising changes, that are better than all before them."""
    kept: list[Repair] = []
    for way in sorted(ways, key=lambda way: (way.changes, tuple(-value for value in way.values))):
        if not kept or way.values > kept[-1].values:
            kept.append(way)
    return kept
