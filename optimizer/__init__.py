"""How a consortium is chosen: a `Problem` goes in, a `Result` with proofs comes out. Knows nothing of the business."""

from optimizer.answer import answer_document, diagnosis_document, result_document
from optimizer.check import Limit, violations
from optimizer.conflict import Core, conflict_core
from optimizer.diagnosis import diagnose, ease
from optimizer.division import Certificate, Method, Share, Shares, shares
from optimizer.document import read_problem, write_problem
from optimizer.explanation import Contribution, Explanation, Rival, explain
from optimizer.faults import Fault, ProblemInvalid, faults
from optimizer.guidance import Axis, Change, Counterfactual, Opening, counterfactual
from optimizer.inputs import Demand, read_plan, read_portfolio
from optimizer.intervals import Sum, intervals
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
from optimizer.repairs import Repair, Repairs, repair
from optimizer.result import (
    Assignment,
    Cause,
    Diagnosis,
    Dropped,
    Fix,
    Interrupt,
    Missing,
    Plan,
    Progress,
    Relaxation,
    Result,
    Stage,
    Status,
    Stopped,
)
from optimizer.room import Reservation, Room, negotiation_room
from optimizer.rule_prices import Eased, RulePrice, RulePrices, price_of_rules
from optimizer.safety import Exposure, Hardened, Standby, exposures, harden
from optimizer.score import score
from optimizer.solver import solve
from optimizer.staffing import Opportunity, Portfolio, Scarcity, Staffed, Stratum, portfolio
from optimizer.tradeoffs import Frontier, Point, frontier
from optimizer.waves import Ask, Candidate, Seat, Waves, invitation_waves

__all__ = [
    "Ask",
    "Assignment",
    "Axis",
    "Candidate",
    "Cause",
    "Certificate",
    "Change",
    "Contribution",
    "Core",
    "Counterfactual",
    "Criterion",
    "Demand",
    "Diagnosis",
    "Dropped",
    "Eased",
    "Explanation",
    "Exposure",
    "Fault",
    "Firm",
    "Fix",
    "Frontier",
    "Goals",
    "Hardened",
    "Interrupt",
    "Lead",
    "Limit",
    "Lock",
    "Method",
    "Missing",
    "Mode",
    "Offer",
    "Opening",
    "Opportunity",
    "Package",
    "Plan",
    "PlanDisputed",
    "Point",
    "Pool",
    "Portfolio",
    "Problem",
    "ProblemInvalid",
    "Progress",
    "Relaxation",
    "Repair",
    "Repairs",
    "Reservation",
    "Result",
    "Rival",
    "Room",
    "RulePrice",
    "RulePrices",
    "Rules",
    "Scarcity",
    "Seat",
    "Share",
    "Shares",
    "Staffed",
    "Stage",
    "Standby",
    "Status",
    "Stopped",
    "Stratum",
    "Sum",
    "Tie",
    "Waves",
    "answer_document",
    "conflict_core",
    "counterfactual",
    "diagnose",
    "diagnosis_document",
    "ease",
    "explain",
    "exposures",
    "faults",
    "frontier",
    "harden",
    "intervals",
    "invitation_waves",
    "negotiation_room",
    "portfolio",
    "price_of_rules",
    "read_plan",
    "read_portfolio",
    "read_problem",
    "repair",
    "result_document",
    "score",
    "shares",
    "solve",
    "violations",
    "write_problem",
]
