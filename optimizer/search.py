"""One run of CP-SAT: fixed settings, limits that are shared by several runs, progress and interruption."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from ortools.sat.python import cp_model

from optimizer.result import Interrupt, Listener, Progress, Status, Stopped
from optimizer.variables import Expression, Model

POLL_SECONDS = 0.02
"""How often a running search looks whether it should end."""

EFFORT_PER_SECOND = 0.25
"""The effort allowed for each second: 0.26 to 0.42 were counted on two busy cores, so that the clock seldom decides."""

CLOSE = 0.999
"""The part of the effort limit from which a search counts as having used it up."""


class Purse:
    """What may still be spent on a problem: wall seconds, and effort that is the same on every machine.

    >>> purse = Purse(seconds=10, effort=8)
    >>> purse.spend(1.5, 1.0)
    >>> purse.seconds_left, purse.effort_left, purse.part(0.5).effort_left
    (8.5, 7.0, 3.5)
    """

    def __init__(self, *, seconds: float, effort: float, whole: "Purse | None" = None) -> None:
        self.seconds_left = seconds
        self.effort_left = effort
        self.spent = 0.0
        self.whole = whole

    def spend(self, seconds: float, effort: float) -> None:
        """Take away what a run has used, here and in the purse this one is a part of."""
        self.spent += seconds
        self.seconds_left = max(0.0, self.seconds_left - seconds)
        self.effort_left = max(0.0, self.effort_left - effort)
        if self.whole is not None:
            self.whole.spend(seconds, effort)

    def part(self, share: float) -> "Purse":
        """Return a purse with a part of what is left."""
        return Purse(seconds=self.seconds_left * share, effort=self.effort_left * share, whole=self)

    @property
    def elapsed(self) -> float:
        """The seconds spent since the work on the problem began."""
        return self.spent if self.whole is None else self.whole.elapsed


def opened(seconds: float, effort: float | None) -> Purse:
    """Return a purse for a whole problem; the effort is in proportion to the seconds unless it is given.

    >>> opened(20, None).effort_left, opened(20, 9).effort_left
    (5.0, 9)
    """
    return Purse(seconds=seconds, effort=seconds * EFFORT_PER_SECOND if effort is None else effort)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every run of one solve has in common."""

    seed: int = 0
    listener: Listener | None = None
    interrupt: Interrupt | None = None
    workers: int = 1

    @property
    def wished(self) -> bool:
        """Whether somebody wishes the search to end."""
        return self.interrupt is not None and self.interrupt.is_set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a run found: the values of the expression, its bound, and the units of every slot."""

    status: Status
    stopped: Stopped
    objective: int | None
    bound: int | None
    units: tuple[int, ...] = ()
    slacks: tuple[int, ...] = ()
    undone: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """What a run is called in its progress, and the sign its values are shown with (-1: a cost).

    A run over a part of the problem is not `bounded`: what it proves says nothing about the whole.
    """

    stage: str
    plan: int = 1
    sign: int = 1
    bounded: bool = True


class _Report(cp_model.CpSolverSolutionCallback):
    def __init__(self, title: Title, listener: Listener, start: float) -> None:
        super().__init__()
        self.title, self.listener, self.start = title, listener, start

    def on_solution_callback(self) -> None:
        self.listener(
            Progress(
                stage=self.title.stage,
                plan=self.title.plan,
                objective=self.title.sign * round(self.objective_value),
                bound=_signed(self.title.sign, _bound(self.best_objective_bound)) if self.title.bounded else None,
                seconds=self.start + self.wall_time,
            )
        )


def run(model: Model, goal: Expression, purse: Purse, setting: Setting, title: Title) -> Found:
    """Make an expression as large as possible and return the best that was found with its proof.

    One worker with full linearisation: it proves what the default portfolio does not on two cores, and it takes the
    same steps for the same seed on every machine.
    """
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.random_seed = setting.seed
    solver.parameters.catch_sigint_signal = False
    solver.parameters.max_time_in_seconds = purse.seconds_left
    solver.parameters.max_deterministic_time = purse.effort_left
    model.cp.maximize(goal)
    report = None if setting.listener is None else _Report(title, setting.listener, purse.elapsed)
    status = _solved(solver, model, report, setting.interrupt)
    limit = purse.effort_left
    purse.spend(solver.wall_time, solver.deterministic_time)
    return _found(model, solver, status, _stopped(solver, status, limit, setting))


def _found(model: Model, solver: cp_model.CpSolver, status: cp_model.CpSolverStatus, stopped: Stopped) -> Found:
    if status == cp_model.MODEL_INVALID:
        raise ValueError(model.cp.validate())
    if status == cp_model.INFEASIBLE:
        return Found(status=Status.INFEASIBLE, stopped=stopped, objective=None, bound=None)
    bound = _bound(solver.best_objective_bound)
    if status == cp_model.UNKNOWN:
        # A search that ends before it knows anything leaves zero behind, which may be no bound.
        return Found(status=Status.UNKNOWN, stopped=stopped, objective=None, bound=bound or None)
    units = (solver.value(model.units([i])) for i in range(len(model.slots)))
    return Found(
        status=Status.OPTIMAL if status == cp_model.OPTIMAL else Status.FEASIBLE,
        stopped=stopped,
        objective=round(solver.objective_value),
        bound=bound,
        units=tuple(units),
        slacks=tuple(solver.value(slack.variable) for slack in model.slacks),
        undone=tuple(solver.value(undone) for undone in model.undone.values()),
    )


def _stopped(solver: cp_model.CpSolver, status: cp_model.CpSolverStatus, effort: float, setting: Setting) -> Stopped:
    if status in (cp_model.OPTIMAL, cp_model.INFEASIBLE):
        return Stopped.PROVED
    if setting.wished:
        return Stopped.INTERRUPTED
    return Stopped.EFFORT if solver.deterministic_time >= CLOSE * effort else Stopped.TIME


def _signed(sign: int, value: int | None) -> int | None:
    return None if value is None else sign * value


def _bound(value: float) -> int | None:
    # CP-SAT starts from the ends of 64 bits before it knows any bound.
    return None if abs(value) > 2**62 else round(value)


def _solved(
    solver: cp_model.CpSolver, model: Model, report: _Report | None, interrupt: Interrupt | None
) -> cp_model.CpSolverStatus:
    if interrupt is None:
        return solver.solve(model.cp, report)
    # The solver asks nobody while it searches, so somebody has to watch the wish for it.
    with ThreadPoolExecutor(max_workers=1) as room:
        running = room.submit(solver.solve, model.cp, report)
        try:
            while wait([running], timeout=POLL_SECONDS).not_done:
                if interrupt.is_set():
                    solver.stop_search()
        finally:
            solver.stop_search()
    return running.result()
