"""How a consortium is chosen: a `Problem` goes in, a `Result` with proofs comes out. Knows nothing of the business."""

from optimizer.check import Limit, violations
from optimizer.diagnosis import diagnose
from optimizer.document import PROBLEM_FORMAT, read_problem, write_problem
from optimizer.faults import Fault, ProblemInvalid, faults
from optimizer.planning import PlanDisputed
from optimizer.problem import (
    Criterion,
    Firm,
    Goals,
    Lead,
    Lock,
    Mode,
    Offer,
    Package,
    Pool,
    Problem,
    Rules,
    Tie,
)
from optimizer.result import (
    Assignment,
    Cause,
    Diagnosis,
    Dropped,
    Fix,
    Missing,
    Plan,
    Progress,
    Relaxation,
    Result,
    Stage,
    Status,
    Stopped,
)
from optimizer.score import score
from optimizer.solver import solve
