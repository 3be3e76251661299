"""How far numbers that nobody tells are known from sums that somebody tells: the attacker's linear program."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from optimizer.highs import quiet

SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """A told sum: the columns it is over, and between which bounds it lies."""

    columns: tuple[int, ...]
    low: float
    high: float


def intervals(columns: int, sums: Sequence[Sum], wanted: Iterable[Sequence[int]]) -> tuple[tuple[float, float], ...]:
    """Return, for each wanted set of columns, the smallest and largest total that all told sums allow.

    Columns are amounts of which nothing is known but that they are not negative.

    >>> intervals(2, [Sum(columns=(0, 1), low=9, high=11)], [(0,), (0, 1)])
    ((0.0, 11.0), (9.0, 11.0))
    """
    solver = quiet(SECONDS)
    solver.setOptionValue("presolve", "off")
    solver.passModel(_model(columns, sums))
    found = []
    everywhere = np.arange(columns, dtype=np.int32)
    for each in wanted:
        costs = np.zeros(columns)
        costs[list(each)] = 1
        solver.changeColsCost(columns, everywhere, costs)
        found.append((_extreme(solver, highspy.ObjSense.kMinimize), _extreme(solver, highspy.ObjSense.kMaximize)))
    return tuple(found)


def _model(columns: int, sums: Sequence[Sum]) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, len(sums)
    model.col_cost_ = np.zeros(columns)
    model.col_lower_, model.col_upper_ = np.zeros(columns), np.full(columns, highspy.kHighsInf)
    model.row_lower_ = np.array([each.low for each in sums], dtype=float)
    model.row_upper_ = np.array([each.high for each in sums], dtype=float)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.concatenate([[0], np.cumsum([len(each.columns) for each in sums])]).astype(np.int32)
    places = [place for each in sums for place in each.columns]
    model.a_matrix_.index_ = np.array(places, dtype=np.int32)
    model.a_matrix_.value_ = np.ones(len(places))
    return model


def _extreme(solver: highspy.Highs, sense: highspy.ObjSense) -> float:
    """Return the extreme of the present goal; a goal that nothing bounds is infinite."""
    solver.changeObjectiveSense(sense)
    solver.run()
    if solver.getModelStatus() == highspy.HighsModelStatus.kOptimal:
        return float(solver.getObjectiveValue())
    return 0.0 if sense == highspy.ObjSense.kMinimize else float("inf")
