"""One room for HiGHS: linear relaxations with a basis that is carried over, and branch and bound from arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import highspy
import numpy as np

from optimizer.linear import INFINITY, Flags, Floats, Linear, Places
from optimizer.search import EFFORT_PER_SECOND, Purse

BASIC, LOWER = int(highspy.HighsBasisStatus.kBasic), int(highspy.HighsBasisStatus.kLower)
STATUSES = {int(status): status for status in highspy.HighsBasisStatus.__members__.values()}

KINDS = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
LOOK_SECONDS = 2e-6
"""What branch and bound does between two looks takes about so long for each coefficient."""

SOLVER_MARGIN = 1e-6
"""The part of a limit of branch and bound that is added for the tolerances of its solver."""

MISSED = 1e-6
"""How far rows may be missed together before a relaxation counts as impossible."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """The part of a problem that a solver is given: some columns and rows."""

    columns: Flags
    rows: Flags


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """Where each column and row stood when the last relaxation was solved; new ones start outside."""

    columns: np.typing.NDArray[np.int8]
    rows: np.typing.NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relaxed:
    """What a relaxation answers, over all columns and rows, and whether a row could not be met."""

    point: Floats
    multipliers: Floats
    missed: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Branched:
    """What branch and bound answers: the best point, the limit (minus infinity: none), whether it came to an end."""

    point: Floats | None
    limit: float
    closed: bool
    seconds: float
    looks: int


def relax(linear: Linear, part: Part, basis: Basis, penalty: Floats, seconds: float) -> Relaxed:
    """Solve the relaxation of a part, in which a row that couples firms may be missed at a penalty.

    The basis is carried from one part to the next; penalties keep every part feasible.
    """
    rows, columns = np.flatnonzero(part.rows), np.flatnonzero(part.columns)
    model, extra = _soft_model(linear, columns, rows, penalty)
    solver = quiet(seconds)
    solver.passModel(model)
    if (basis.columns == BASIC).any():
        solver.setBasis(_carried(basis, columns, rows, extra))
    solver.run()
    answer, ended = solver.getSolution(), solver.getBasis()
    if ended.valid:
        basis.columns[columns] = np.fromiter(map(int, ended.col_status[: len(columns)]), dtype=np.int8)
        basis.rows[rows] = np.fromiter(map(int, ended.row_status), dtype=np.int8)
    point, multipliers = np.zeros(len(linear.earns)), np.zeros(len(linear.row_low))
    if answer.value_valid and answer.dual_valid:
        point[columns] = np.asarray(answer.col_value)[: len(columns)]
        multipliers[rows] = np.asarray(answer.row_dual)
    missed = float(np.asarray(answer.col_value)[len(columns) :].sum()) > MISSED
    return Relaxed(point=point, multipliers=multipliers, missed=missed, seconds=solver.getRunTime())


def _soft_model(linear: Linear, columns: Places, rows: Places, penalty: Floats) -> tuple[highspy.HighsLp, int]:
    """Return a part with a column for each side of a coupling row by which it may be missed, and how many those are."""
    model = _model(linear, columns, rows)
    soft = np.flatnonzero(~linear.inner[rows])
    short = soft[linear.row_low[rows][soft] > -INFINITY]
    over = soft[linear.row_high[rows][soft] < INFINITY]
    extra, fines, starts = len(short) + len(over), penalty[rows], np.asarray(model.a_matrix_.start_)
    model.num_col_ = len(columns) + extra
    model.col_cost_ = np.concatenate([linear.earns[columns], -fines[short], -fines[over]])
    model.col_lower_ = np.concatenate([linear.low[columns], np.zeros(extra)])
    model.col_upper_ = np.concatenate([linear.high[columns], np.full(extra, highspy.kHighsInf)])
    model.a_matrix_.start_ = np.concatenate([starts, starts[-1] + 1 + np.arange(extra)])
    model.a_matrix_.index_ = np.concatenate([np.asarray(model.a_matrix_.index_), short, over])
    signs = np.concatenate([np.ones(len(short)), -np.ones(len(over))])
    model.a_matrix_.value_ = np.concatenate([np.asarray(model.a_matrix_.value_), signs])
    return model, extra


def _carried(basis: Basis, columns: Places, rows: Places, extra: int) -> highspy.HighsBasis:
    start = highspy.HighsBasis()
    start.col_status = [STATUSES[int(s)] for s in basis.columns[columns]] + [STATUSES[LOWER]] * extra
    start.row_status = [STATUSES[int(s)] for s in basis.rows[rows]]
    start.valid = True
    return start


def untouched(linear: Linear) -> Basis:
    """Return the basis before anything was solved."""
    return Basis(
        columns=np.full(len(linear.earns), LOWER, dtype=np.int8),
        rows=np.full(len(linear.row_low), BASIC, dtype=np.int8),
    )


class _Silent(highspy.Highs):
    """HiGHS without the banner that it prints while its Python class is being made."""

    def __init__(self) -> None:
        super(highspy.Highs, self).__init__()
        self.setOptionValue("output_flag", False)
        kinds = range(int(highspy.cb.HighsCallbackType.kCallbackMax) + 1)
        self.callbacks = [highspy.HighsCallback(highspy.cb.HighsCallbackType(kind), self) for kind in kinds]
        self.enableCallbacks()  # type: ignore[no-untyped-call]


def quiet(seconds: float) -> highspy.Highs:
    """Return a solver that uses one thread, says nothing and stops after so many seconds."""
    solver = _Silent()
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("parallel", "off")
    solver.setOptionValue("time_limit", max(0.0, seconds))
    return solver


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watch:
    """What is told and asked while branch and bound runs.

    `lowered` hears each better limit, `found` each better point; `ended` says whether to stop after so many looks;
    `news` returns a better point than any before, over all columns, or none.
    """

    lowered: Callable[[float], None]
    found: Callable[[Floats], None]
    ended: Callable[[int], bool]
    news: Callable[[], Floats | None]


def branch(linear: Linear, part: Part, start: Floats | None, seconds: float, seed: int, watch: Watch) -> Branched:
    """Branch and bound over a part, with whole columns as whole and units as they come.

    The limit is one on all plans within the part, as far as the tolerances of the solver go.
    """
    columns = np.flatnonzero(part.columns)
    model = _model(linear, columns, np.flatnonzero(part.rows))
    model.integrality_ = [KINDS[int(flag)] for flag in linear.whole[columns]]
    solver = quiet(seconds)
    solver.setOptionValue("random_seed", seed)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.passModel(model)
    if start is not None:
        known = highspy.HighsSolution()
        known.col_value = start[columns].tolist()
        solver.setSolution(known)
    course = _Course(watch, columns, len(linear.earns))
    solver.cbMipInterrupt += course.looked
    solver.cbMipUserSolution += course.asked
    solver.cbMipImprovingSolution += course.improved
    solver.run()
    status, info = solver.getModelStatus(), solver.getInfo()
    has = info.primal_solution_status == int(highspy.SolutionStatus.kSolutionStatusFeasible)
    closed = status in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible)
    # An infeasible model has no dual bound worth the name, an optimal one tells its last only here.
    last = info.mip_dual_bound if has else -INFINITY
    return Branched(
        point=course.spread(solver.getSolution().col_value) if has else None,
        limit=min(course.limit, last) if closed else course.limit,
        closed=closed,
        seconds=solver.getRunTime(),
        looks=course.looks,
    )


def within(linear: Linear, part: Part, start: Floats | None, purse: Purse, seed: int, watch: Watch) -> Branched:
    """Branch and bound within a purse, in which a look counts as effort by the coefficients of the part."""
    effort = LOOK_SECONDS * EFFORT_PER_SECOND * max(1, int(linear.matrix[part.rows].nnz))
    most = purse.effort_left / effort
    limited = replace(watch, ended=lambda looks: watch.ended(looks) or looks > most)
    answer = branch(linear, part, start, purse.seconds_left, seed, limited)
    purse.spend(answer.seconds, answer.looks * effort)
    return answer


def held(linear: Linear, part: Part, columns: Places, point: Floats, seconds: float) -> Floats | None:
    """Return the best point of a part in which some columns stay as they are in `point`."""
    fixed = replace(linear, low=linear.low.copy(), high=linear.high.copy())
    fixed.low[columns] = fixed.high[columns] = point[columns]
    idle = Watch(lowered=lambda _: None, found=lambda _: None, ended=lambda _: False, news=lambda: None)
    return branch(fixed, part, None, seconds, 0, idle).point


class _Course:
    """One run of branch and bound as its callbacks see it."""

    def __init__(self, watch: Watch, columns: Places, count: int) -> None:
        self.watch, self.columns, self.count = watch, columns, count
        self.limit, self.looks = INFINITY, 0

    def spread(self, values: Sequence[float] | Floats) -> Floats:
        point = np.zeros(self.count)
        point[self.columns] = values
        return point

    def looked(self, event: highspy.HighsCallbackEvent) -> None:
        self.looks += 1
        if -INFINITY < event.data_out.mip_dual_bound < self.limit:
            self.limit = event.data_out.mip_dual_bound
            self.watch.lowered(self.limit)
        if self.watch.ended(self.looks):
            event.interrupt()

    def asked(self, event: highspy.HighsCallbackEvent) -> None:
        better = self.watch.news()
        if better is not None and event.data_in is not None:
            event.data_in.setSolution(better[self.columns])

    def improved(self, event: highspy.HighsCallbackEvent) -> None:
        self.watch.found(self.spread(event.data_out.mip_solution))


def _model(linear: Linear, columns: Places, rows: Places) -> highspy.HighsLp:
    model, matrix = highspy.HighsLp(), linear.matrix[rows][:, columns].tocsc()
    model.num_col_, model.num_row_ = len(columns), len(rows)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = linear.earns[columns]
    model.col_lower_, model.col_upper_ = linear.low[columns], linear.high[columns]
    model.row_lower_, model.row_upper_ = linear.row_low[rows], linear.row_high[rows]
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    return model
