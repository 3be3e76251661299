"""A large problem: a limit over all firms first, then plans among few of them and proofs among those that are left.

1. The linear program over everything gives a limit and says what each firm could gain at its prices (`bound`).
2. A kernel of the firms it uses most gives a plan soon (Guastaroba & Speranza 2012).
3. Offers that could not be part of a better plan are left out: outdone, or too far below the limit. Nobody is left out
   without a proof.
4. Branch and bound over the others lowers the limit; further kernels raise the plan. With two workers both go on side
   by side and tell each other; with one they take turns, and the same steps are taken for the same seed.

Every plan comes from the integer model and is counted by the judge; every limit is one on all plans.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from optimizer.bound import MARGIN, Bound, bound, part_of, whole
from optimizer.check import Units
from optimizer.dominance import outdone
from optimizer.eligibility import Slot
from optimizer.goals import level, levels
from optimizer.highs import SOLVER_MARGIN, Watch, held, within
from optimizer.kernel import kernel_size, neighbours, ranked
from optimizer.linear import INFINITY, Flags, Floats, Linear, Places, tabulate
from optimizer.quest import Quest
from optimizer.result import Progress, Status, Stopped
from optimizer.search import EFFORT_PER_SECOND, Found, Purse, Setting, run
from optimizer.wide import KERNEL_OFFERS, freed, has_openings, is_wide, nearness, shortlist

BUILD_SECONDS = 5e-5
"""What making the arrays or a model costs for each offer, counted the same on every machine."""

PRICE_SECONDS = 1e-4
"""What a linear program costs for each offer it is shown, where effort is counted."""

BOUND_PART, FIRST_PART, KERNEL_PART, BRANCH_PART, ROUND_PART = 0.3, 0.05, 0.3, 0.7, 0.12
"""The parts of what is left: the linear program, a first plan, its kernel, branch and bound, one further kernel."""

START_FIRMS = 4
"""How many firms near each other are freed at first."""

ROUND_SECONDS = 2.0
"""How long one neighbourhood may be searched."""

HALF = 0.5
"""From what value a whole column counts as one."""

EXACT = 250
"""Up to how many offers the integer model may prove the rest at once."""

LOCATED = 40_000
"""Up to how many offers the integer model takes over the limit where opening a firm costs: there it proves more."""

NEAR = 120
"""How many firms are looked at for the ties between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunted:
    """What a hunt brought: the best plan with a bound on all plans, and the slots near the best plans."""

    found: Found
    near: tuple[int, ...]


class Chase:
    """What is known so far, from whoever finds it: plans by their worth, and limits."""

    def __init__(self, quest: Quest, linear: Linear, purse: Purse) -> None:
        self.quest, self.linear, self.purse = quest, linear, purse
        self.name = levels(quest.problem)[0]
        self.title = quest.title(self.name)
        self.plans: list[tuple[int, tuple[int, ...]]] = []
        self.limits: list[int] = []
        self.over = False
        self.barren = False
        self.wide = is_wide(linear)
        self.located = self.wide and has_openings(linear)

    @property
    def best(self) -> tuple[int, tuple[int, ...]] | None:
        """The best plan so far: what it is worth, and its units."""
        return max(self.plans, default=None)

    @property
    def limit(self) -> int:
        """The least that is proved to be out of reach, less one."""
        return min(self.limits)

    @property
    def closed(self) -> bool:
        """Whether the best plan is proved to be one."""
        return self.best is not None and self.best[0] >= self.limit

    def is_set(self) -> bool:
        """Return whether to stop: proved, out of time on the other side, or somebody wishes so."""
        return self.over or self.barren or self.closed or self.quest.setting.wished

    def lower(self, limit: int) -> None:
        """Hear of a limit."""
        if not self.limits or limit < self.limit:
            self.limits.append(limit)
            self.report(self.title.stage)

    def raise_to(self, slots: tuple[int, ...], found: Found) -> bool:
        """Hear of a plan over some slots, and return whether it is better than those before."""
        if found.objective is None:
            return False
        units = [0] * len(self.linear.slots)
        for slot, amount in zip(slots, found.units, strict=True):
            units[slot] = amount
        worth = self.quest.worth(self.units(units))
        better = self.best is None or worth > self.best[0]
        if better:
            self.plans.append((worth, tuple(units)))
            self.report(self.title.stage)
        return better

    def units(self, units: list[int]) -> Units:
        """Return the units of every slot by firm and package."""
        return {(s.firm.id, s.package.id): n for s, n in zip(self.linear.slots, units, strict=True) if n}

    def report(self, stage: str, objective: int | None = None) -> None:
        """Tell the listener what is known."""
        listener, sign = self.quest.setting.listener, self.quest.sign
        if listener is not None:
            known = self.best[0] if self.best is not None else None
            best = known if objective is None else max(objective, known or objective)
            listener(
                Progress(
                    stage=stage,
                    plan=self.title.plan,
                    objective=None if best is None else sign * best,
                    bound=sign * self.limit,
                    seconds=self.purse.elapsed,
                )
            )

    def among(self, slots: tuple[int, ...], purse: Purse, *, stage: str | None = None) -> Found:
        """Search among some slots for a plan better than the best, and hear of it."""
        model = self.quest.model([self.linear.slots[i] for i in slots])
        _charge(purse, len(slots))
        aim = level(model, self.name)
        if self.best is not None:
            model.hint([self.best[1][i] for i in slots])
            model.cp.add(aim >= self.best[0] + 1)
        model.cp.add(aim <= self.limit)
        setting = Setting(seed=self.quest.setting.seed, interrupt=self, listener=self._told(stage or self.title.stage))
        found = run(model, aim, purse, setting, replace(self.title, stage=stage or self.title.stage, bounded=False))
        self.raise_to(slots, found)
        return found

    def _told(self, stage: str) -> Callable[[Progress], None] | None:
        sign = self.quest.sign
        if self.quest.setting.listener is None:
            return None
        return lambda event: self.report(stage, None if event.objective is None else sign * event.objective)


def hunt(quest: Quest, slots: tuple[Slot, ...], purse: Purse) -> Hunted | None:
    """Find the best plan of a large problem; `None` where its linear program finds that there may be none."""
    linear = tabulate(quest.problem, slots, before=quest.before, strict=quest.strict)
    _charge(purse, len(slots))
    proved = bound(linear, purse.seconds_left * BOUND_PART)
    purse.spend(proved.seconds, PRICE_SECONDS * EFFORT_PER_SECOND * proved.rounds * int(proved.shown.sum()))
    if proved.missed:
        return None
    chase = Chase(quest, linear, purse)
    chase.lower(whole(linear, proved.estimate.limit))
    order = ranked(linear, proved)
    _first(chase, order, proved, purse)
    if not chase.is_set():
        _pursue(chase, order, proved, purse)
    return Hunted(found=_found(chase), near=_near(chase, order))


def _first(chase: Chase, order: Places, proved: Bound, purse: Purse) -> None:
    """Find a first plan among the firms that the linear program uses most, among more of them until there is one."""
    size, width = kernel_size(chase.linear, proved), KERNEL_OFFERS
    while not chase.is_set():
        if chase.wide:
            kept = shortlist(chase.linear, proved, width)
        else:
            kept = _marked(chase, neighbours(chase.linear, order[:size], None))
        if kept.all():
            break
        chase.among(_places(kept), purse.part(FIRST_PART), stage="kernel")
        if chase.plans:
            return
        size, width = 2 * size, 2 * width
    everything = tuple(range(len(chase.linear.slots)))
    for share in (KERNEL_PART, 1.0):
        if not chase.plans and not chase.is_set():
            _conclude(chase, chase.among(everything, purse.part(share), stage="kernel"))


def _marked(chase: Chase, slots: Iterable[int]) -> Flags:
    marked = np.zeros(len(chase.linear.slots), dtype=bool)
    marked[list(slots)] = True
    return marked


def _places(marked: Flags) -> tuple[int, ...]:
    return tuple(np.flatnonzero(marked).tolist())


def _pursue(chase: Chase, order: Places, proved: Bound, purse: Purse) -> None:
    """Raise the plan and lower the limit, side by side or in turns."""
    if chase.quest.setting.workers < 2:
        _kernel(chase, order, proved, purse.part(KERNEL_PART), turns=True)
        Branching(chase, _left(chase, proved), turns=True, proves=True).run(purse.part(BRANCH_PART))
        _further(chase, order, proved, purse, turns=True)
        return
    with ThreadPoolExecutor(max_workers=1) as room:
        other = room.submit(_beside, chase, proved, _own(purse))
        try:
            _kernel(chase, order, proved, purse.part(KERNEL_PART), turns=False)
            _further(chase, order, proved, purse, turns=False)
        finally:
            other.result()


def _beside(chase: Chase, proved: Bound, purse: Purse) -> None:
    closed = False
    try:
        alive = _left(chase, proved)
        _charge(purse, len(alive))
        if chase.located and alive.sum() <= LOCATED:
            found = chase.among(_places(alive), purse)
            _conclude(chase, found)
            closed = found.status is Status.OPTIMAL
        else:
            closed = Branching(chase, alive, turns=False, proves=True).run(purse)
    finally:
        chase.over = not closed


def _kernel(chase: Chase, order: Places, proved: Bound, purse: Purse, *, turns: bool) -> None:
    """Find the best plan of the kernel."""
    slots = neighbours(chase.linear, order[: kernel_size(chase.linear, proved)], chase.best)
    alive = shortlist(chase.linear, proved, KERNEL_OFFERS) if chase.wide else _marked(chase, slots)
    if chase.best is not None:
        alive |= np.asarray(chase.best[1]) > 0
    if chase.located:
        chase.among(_places(alive), purse)
    else:
        Branching(chase, alive, turns=turns, proves=False).run(purse)


def _further(chase: Chase, order: Places, proved: Bound, purse: Purse, *, turns: bool) -> None:
    """Search one kernel after another around the best plan; where few slots are left, all of them at once."""
    if chase.wide and chase.best is not None:
        _around(chase, proved, purse)
        return
    size, start = kernel_size(chase.linear, proved), 0
    while not chase.is_set() and purse.seconds_left and purse.effort_left:
        alive = _reaching(chase, proved)
        if alive.sum() <= EXACT or size >= 2 * len(order):
            _conclude(chase, chase.among(_places(alive), purse.part(1.0)))
            return
        near = _marked(chase, neighbours(chase.linear, order[start : start + size], chase.best, alive))
        start += size
        if start >= len(order):
            start, size = 0, size * 2
        Branching(chase, near, turns=turns, proves=False).run(purse.part(ROUND_PART))


def _around(chase: Chase, proved: Bound, purse: Purse) -> None:
    """Search one neighbourhood of the best plan after another, larger ones where small ones are soon through."""
    linear, known = chase.linear, nearness(chase.linear, proved)
    firms = len(linear.firms)
    counts, step = [START_FIRMS] * firms, 0
    while chase.best is not None and not chase.is_set() and purse.seconds_left and purse.effort_left:
        alive = _reaching(chase, proved)
        pivot, lap = step % firms, step // firms
        if alive.sum() <= EXACT or counts[pivot] > firms:
            _conclude(chase, chase.among(_places(alive), purse.part(1.0)))
            return
        slots = freed(linear, known, chase.best[1], alive, pivot=pivot, count=counts[pivot], lap=lap)
        found = chase.among(tuple(slots.tolist()), _limited(purse))
        through = found.status in (Status.OPTIMAL, Status.INFEASIBLE)
        counts[pivot] = counts[pivot] + 1 if through else max(2, counts[pivot] - 1)
        step += 1


def _limited(purse: Purse) -> Purse:
    """Return a small purse for one neighbourhood."""
    return purse.part(min(1.0, ROUND_SECONDS / max(ROUND_SECONDS, purse.seconds_left)))


def _own(purse: Purse) -> Purse:
    """Return a purse of the same size that is spent on its own."""
    return Purse(seconds=purse.seconds_left, effort=purse.effort_left)


def _left(chase: Chase, proved: Bound) -> Flags:
    """Mark the slots that could be part of a better plan than the best."""
    alive = _reaching(chase, proved)
    if chase.quest.interchangeable:
        spared = frozenset(firm for members in chase.quest.before for firm in members)
        alive &= ~outdone(chase.quest.problem, chase.linear, spared)
    if chase.best is not None:
        alive[np.asarray(chase.best[1]) > 0] = True
    return alive


def _reaching(chase: Chase, proved: Bound) -> Flags:
    """Mark the slots whose use leaves more within the limit than the best plan is worth (reduced-cost fixing)."""
    linear, estimate = chase.linear, proved.estimate
    if chase.best is None:
        return np.ones(len(linear.slots), dtype=bool)
    gain = np.maximum(estimate.gain, 0.0)[linear.firm_of_slot]
    needed = (chase.best[0] + 1 - linear.constant) / linear.unit
    margin = MARGIN * abs(estimate.limit)
    return np.asarray(estimate.limit - gain + estimate.spare + margin >= needed)


class Branching:
    """Branch and bound among some slots: it raises the plan, and where it `proves`, lowers the limit.

    Its units are fractions, so each of its points is taken as a proposal of firms, among which the integer model looks
    for a plan. Where it takes `turns`, it ends after so many looks and hears nothing from the other side.
    """

    def __init__(self, chase: Chase, alive: Flags, *, turns: bool, proves: bool) -> None:
        self.chase, self.alive, self.turns, self.proves = chase, alive, turns, proves
        self.linear = chase.linear
        self.part = part_of(self.linear, alive)
        self.known = chase.best

    def run(self, purse: Purse) -> bool:
        """Branch and bound within a purse, and return whether it was searched through."""
        own = purse if self.turns else Purse(seconds=purse.seconds_left, effort=INFINITY, whole=purse)
        start = None if self.known is None else completed(self.linear, self.known[1], self.alive)
        watch = Watch(lowered=self.lowered, found=self.found, ended=self.ended, news=self.news)
        answer = within(self.linear, self.part, start, own, self.chase.quest.setting.seed, watch)
        if self.proves and answer.closed and answer.limit > -INFINITY:
            self.lowered(answer.limit)
        return answer.closed

    def lowered(self, limit: float) -> None:
        """Hear of a limit on all plans among the slots; no plan outside them is better than the best."""
        if self.proves:
            lower = whole(self.linear, limit + SOLVER_MARGIN * abs(limit))
            best = self.chase.best
            self.chase.lower(lower if best is None else max(lower, best[0]))

    def found(self, point: Floats) -> None:
        """Hear of a point: look for a plan of its firms."""
        used = point[self.linear.uses] > HALF
        slots = tuple(np.flatnonzero(used).tolist())
        if not self.chase.wide:
            slots = neighbours(self.linear, np.unique(self.linear.firm_of_slot[used]), None)
        self.chase.among(slots, Purse(seconds=2.0, effort=0.3))

    def ended(self, _: int) -> bool:
        """Return whether to stop."""
        return self.chase.is_set()

    def news(self) -> Floats | None:
        """Return the best plan when the other side has found it."""
        best = self.chase.best
        if self.turns or best is None or best is self.known:
            return None
        self.known = best
        return completed(self.linear, best[1], self.alive)


def completed(linear: Linear, units: tuple[int, ...], alive: Flags) -> Floats | None:
    """Return all columns of a plan, as good as they can be; none where a slot of it is left out."""
    used = np.asarray(units) > 0
    if (used & ~alive).any():
        return None
    point = linear.point(units)
    if len(point) == len(linear.uses) + len(linear.members) + (~linear.settled).sum():
        return point
    own = np.concatenate([linear.uses, linear.members, linear.amounts[~linear.settled]])
    return held(linear, part_of(linear, used), own, point, 5.0)


def _conclude(chase: Chase, found: Found) -> None:
    """Take what a search among all slots that could be better has proved for a limit on all plans."""
    if found.status is Status.INFEASIBLE and chase.best is None:
        chase.barren = True
    elif found.status in (Status.OPTIMAL, Status.INFEASIBLE) and chase.best is not None:
        chase.lower(chase.best[0])
    elif found.bound is not None and chase.best is not None:
        chase.lower(max(found.bound, chase.best[0]))


def _found(chase: Chase) -> Found:
    best = chase.best
    proved = chase.closed
    if chase.barren:
        return Found(status=Status.INFEASIBLE, stopped=Stopped.PROVED, objective=None, bound=None)
    if best is None:
        return Found(status=Status.UNKNOWN, stopped=_stopped(chase), objective=None, bound=chase.limit)
    status, stopped = (Status.OPTIMAL, Stopped.PROVED) if proved else (Status.FEASIBLE, _stopped(chase))
    return Found(status=status, stopped=stopped, objective=best[0], bound=chase.limit, units=best[1])


def _stopped(chase: Chase) -> Stopped:
    if chase.quest.setting.wished:
        return Stopped.INTERRUPTED
    return Stopped.EFFORT if chase.purse.effort_left <= chase.purse.seconds_left * EFFORT_PER_SECOND else Stopped.TIME


def _near(chase: Chase, order: Places) -> tuple[int, ...]:
    return neighbours(chase.linear, order[:NEAR], chase.best)


def _charge(purse: Purse, slots: int) -> None:
    """Take away what making arrays or a model of some slots costs."""
    purse.spend(BUILD_SECONDS * slots, BUILD_SECONDS * EFFORT_PER_SECOND * slots)
