"""The files that answers are written in: `lianzhou-result/1` and `lianzhou-answer/1`, plain values ready for JSON."""

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from optimizer.result import Diagnosis, Fix, Missing, Plan, Relaxation, Result, Stage

RESULT_FORMAT = "lianzhou-result/1"
"""The name of the format that `result_document` writes."""


ANSWER_FORMAT = "lianzhou-answer/1"
"""The name of the format that `answer_document` writes."""

NAMED = frozenset({"scores", "strata"})
"""Fields that hold pairs of a name and a figure, and are written as objects."""

DERIVED = ("stable", "gap", "indispensable", "helps", "helping", "binding", "label")
"""What is written besides the fields of a value, where it has it."""


def answer_document(kind: str, answer: object) -> dict[str, Any]:
    """Return any answer of the optimizer as the object of a `lianzhou-answer/1` file, field by field.

    >>> from optimizer.division import Certificate
    >>> answer_document("certificate", Certificate(group=("F1",), gain=3, proved=True))
    {'format': 'lianzhou-answer/1', 'kind': 'certificate', 'group': ['F1'], 'gain': 3, 'proved': True, 'stable': False}
    """
    written = _written(answer)
    return {"format": ANSWER_FORMAT, "kind": kind} | (written if isinstance(written, dict) else {"answers": written})


def _written(value: object) -> Any:
    if isinstance(value, Plan):
        return _plan(value)
    if is_dataclass(value):
        own = {field.name: getattr(value, field.name) for field in fields(value)}
        derived = {name: getattr(value, name) for name in DERIVED if hasattr(type(value), name) and name not in own}
        return {name: dict(given) if name in NAMED else _written(given) for name, given in (own | derived).items()}
    if isinstance(value, Enum):
        return value.value
    return [_written(item) for item in value] if isinstance(value, tuple | list) else value


def result_document(result: Result) -> dict[str, Any]:
    """Return a result as the object of a `lianzhou-result/1` file.

    Only `seconds` differs between two runs of the same problem with the same seed that stopped by proof or effort.

    >>> from optimizer import Firm, Offer, Package, Problem, solve
    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4),),
    ...                   offers=(Offer(firm="F1", package="WP1", price=9, capacity=5),))
    >>> document = result_document(solve(problem))
    >>> document["status"], document["gap"], document["plans"][0]["assignments"]
    ('optimal', 0.0, [{'package': 'WP1', 'firm': 'F1', 'share': 10000, 'units': 4, 'price': 9}])
    """
    return {
        "format": RESULT_FORMAT,
        "status": result.status.value,
        "objective": result.objective,
        "bound": result.bound,
        "gap": result.gap,
        "seconds": round(result.seconds, 3),
        "seed": result.seed,
        "stopped": result.stopped.value,
        "plans": [_plan(plan) for plan in result.plans],
        "missing": [_missing(figure) for figure in result.missing],
        "dropped": [{"firm": o.firm, "package": o.package, "rule": o.rule} for o in result.dropped],
        "diagnosis": [] if result.diagnosis is None else diagnosis_document(result.diagnosis),
    }


def diagnosis_document(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """Return a diagnosis as a list: causes that nobody may ease, then fixes, the cheapest first.

    >>> diagnosis_document(Diagnosis(legal=True))
    [{'kind': 'legal'}]
    """
    causes = [
        {"kind": "cause", "package": cause.package, "short": cause.short, "dropped": dict(cause.dropped)}
        for cause in diagnosis.causes
    ]
    legal = [{"kind": "legal"}] if diagnosis.legal else []
    return [*legal, *causes, *(_fix(fix) for fix in diagnosis.fixes)]


def _plan(plan: Plan) -> dict[str, Any]:
    parts = [
        {"package": p.package, "firm": p.firm, "share": p.share, "units": p.units, "price": p.price}
        for p in plan.assignments
    ]
    return {
        "objective": plan.objective,
        "members": list(plan.members),
        "assignments": parts,
        "scores": dict(plan.scores),
        "lead": plan.lead,
        "status": plan.status.value,
        "bound": plan.bound,
        "gap": plan.gap,
        "stopped": plan.stopped.value,
        "given_up": plan.given_up,
        "stages": [_stage(stage) for stage in plan.stages],
        "missing": [_missing(figure) for figure in plan.missing],
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "objective": stage.objective,
        "bound": stage.bound,
        "gap": stage.gap,
        "status": stage.status.value,
        "stopped": stage.stopped.value,
    }


def _missing(figure: Missing) -> dict[str, Any]:
    return {"firm": figure.firm, "package": figure.package, "figure": figure.figure}


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "kind": "fix",
        "relax": [_relaxation(relaxation) for relaxation in fix.relaxations],
        "price": fix.price,
        "minimal": fix.minimal,
        "plan": None if fix.plan is None else _plan(fix.plan),
    }


def _relaxation(eased: Relaxation) -> dict[str, Any]:
    subject = None if eased.subject is None else list(eased.subject)
    return {"rule": eased.rule, "subject": subject, "from": eased.before, "to": eased.after, "by": eased.by}
