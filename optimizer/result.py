"""What was decided, how sure it is, and why the search ended."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from optimizer.problem import WHOLE


class Status(StrEnum):
    """Says what is known about an answer.

    >>> [status.value for status in Status]
    ['optimal', 'feasible', 'infeasible', 'unknown']
    """

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


class Stopped(StrEnum):
    """Says why the search ended: a proof, the wall clock, the counted effort, or somebody's wish.

    Only an answer that stopped by proof or by effort is the same on every machine.

    >>> Stopped("proved") is Stopped.PROVED
    True
    """

    PROVED = "proved"
    TIME = "time"
    EFFORT = "effort"
    INTERRUPTED = "interrupted"


class Interrupt(Protocol):
    """Anything that can say it has been set; `threading.Event` is one.

    >>> import threading
    >>> wish: Interrupt = threading.Event()
    >>> wish.is_set()
    False
    """

    def is_set(self) -> bool:
        """Return whether the search should end now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A moment of the search: the best found so far, the best still possible, and the seconds spent.

    `plan` counts the plans from 1; `stage` is `kernel` (a head start, whose bound is none of the whole problem and is
    left out), `base`, `cohesion`, `polish`, the name of a goal, or `diagnosis`.

    >>> Progress(stage="base", plan=1, objective=86, bound=88, seconds=3.2).bound
    88
    """

    stage: str
    plan: int
    objective: int | None
    bound: int | None
    seconds: float


Listener = Callable[[Progress], None]
"""Receives progress while a search runs, in the thread of the solver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A firm's part of a package: whole units, the agreed share, the price of one unit (`None`: undeclared).

    >>> Assignment(package="WP1", firm="F1", units=3, share=10000, price=None).price is None
    True
    """

    package: str
    firm: str
    units: int
    share: int
    price: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A figure that was not declared and will have to be asked for.

    >>> Missing(firm="F1", package="WP1", figure="price").figure
    'price'
    """

    firm: str
    package: str | None
    figure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of the search: what was optimised, what was reached, what is proved.

    >>> Stage(name="base", objective=80, bound=100, status=Status.FEASIBLE, stopped=Stopped.TIME).gap
    0.25
    """

    name: str
    objective: int | None
    bound: int | None
    status: Status
    stopped: Stopped

    @property
    def gap(self) -> float | None:
        """The distance between what was reached and what is proved, as a part of what was reached."""
        return relative_gap(self.objective, self.bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A consortium: who does what, what it scores, and how good it is proved to be.

    `objective` is the base value of this plan (for cost problems its cost, for ordered goals the first goal);
    `best` is the base value found before ties were looked at, `bound` the proved limit of it. `given_up` is the
    difference that ties cost. `scores` are the goals in points, then `cohesion` and `cost`.

    >>> Plan(members=("F1",), assignments=(), scores=(("fit", 3),), lead=None, objective=9, best=10, bound=10,
    ...      status=Status.OPTIMAL, stopped=Stopped.PROVED).given_up
    1
    """

    members: tuple[str, ...]
    assignments: tuple[Assignment, ...]
    scores: tuple[tuple[str, int], ...]
    lead: str | None
    objective: int
    best: int
    bound: int | None
    status: Status
    stopped: Stopped
    stages: tuple[Stage, ...] = ()
    missing: tuple[Missing, ...] = ()

    @property
    def given_up(self) -> int:
        """What was given up of the base value for firms that already work together."""
        return abs(self.best - self.objective)

    @property
    def gap(self) -> float | None:
        """The proved distance of the base value from the best possible."""
        return relative_gap(self.best, self.bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """An offer that no plan can use, with the rule that says so.

    >>> Dropped(firm="F1", package="WP1", rule="grade").rule
    'grade'
    """

    firm: str
    package: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """One rule eased, from what it says to what it would have to say.

    >>> Relaxation(rule="member-limit", subject=None, before=3, after=4).by
    1
    """

    rule: str
    subject: tuple[str, ...] | None
    before: int
    after: int

    @property
    def by(self) -> int:
        """How much the rule gives way, in its own unit."""
        return abs(self.after - self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """Rules that, eased together, make a plan possible; each of them is needed.

    `price` is the penalty the fix was chosen by, `minimal` says that no smaller penalty exists (proved), `plan` is what
    a clean solve of the eased problem returns.

    >>> Fix(relaxations=(), price=0, minimal=True, plan=None).minimal
    True
    """

    relaxations: tuple[Relaxation, ...]
    price: int
    minimal: bool
    plan: Plan | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A reason that lies outside the rules that may be eased: too little capacity, or no offer at all.

    `short` is the number of units that nobody can deliver; `dropped` counts the offers each rule takes away.

    >>> Cause(package="WP3", short=4, dropped=(("grade", 2),)).short
    4
    """

    package: str
    short: int
    dropped: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why there is no plan: causes nobody may ease, or the smallest fixes, cheapest first.

    >>> Diagnosis().fixes
    ()
    """

    causes: tuple[Cause, ...] = ()
    fixes: tuple[Fix, ...] = ()
    legal: bool = False
    """True when the legal and physical rules alone already contradict each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer to a problem: status, proof, plans (best first) or a diagnosis.

    >>> Result(status=Status.UNKNOWN, stopped=Stopped.TIME, seconds=1.0, seed=0).gap is None
    True
    """

    status: Status
    stopped: Stopped
    seconds: float
    seed: int
    objective: int | None = None
    bound: int | None = None
    plans: tuple[Plan, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    diagnosis: Diagnosis | None = None

    @property
    def gap(self) -> float | None:
        """The proved distance from the best possible, as a part of the objective."""
        return relative_gap(self.objective, self.bound)

    @property
    def missing(self) -> tuple[Missing, ...]:
        """Every undeclared figure that some plan rests on."""
        return tuple(dict.fromkeys(figure for plan in self.plans for figure in plan.missing))


def relative_gap(objective: int | None, bound: int | None) -> float | None:
    """Return |bound - objective| as a part of |objective|; `None` while either is unknown.

    >>> relative_gap(80, 100), relative_gap(0, 0), relative_gap(None, 3)
    (0.25, 0.0, None)
    """
    if objective is None or bound is None:
        return None
    return abs(bound - objective) / max(1, abs(objective))


def agreed_shares(units: tuple[int, ...]) -> tuple[int, ...]:
    """Turn whole units into basis points that sum to exactly 10000, by largest remainder; the earlier wins a tie.

    >>> agreed_shares((1, 1, 1)), agreed_shares((2, 5))
    ((3334, 3333, 3333), (2857, 7143))

    Raises `ZeroDivisionError` where there are no units to share.
    """
    total = sum(units)
    floors = [WHOLE * part // total for part in units]
    by_remainder = sorted(range(len(units)), key=lambda i: (-(WHOLE * units[i] % total), i))
    winners = set(by_remainder[: WHOLE - sum(floors)])
    return tuple(floor + (i in winners) for i, floor in enumerate(floors))
