"""What answers are asked about besides a problem: a plan out of a result file, opportunities over one capacity."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimizer.document import TEXT_LIMIT, read_problem
from optimizer.faults import MONEY_LIMIT, Fault, ProblemInvalid
from optimizer.planning import PlanDisputed
from optimizer.problem import WHOLE, Pool, Problem
from optimizer.reading import Key, choice, integer, kind_of, listing, maybe, note, record, text
from optimizer.result import Plan
from optimizer.staffing import Opportunity, Stratum
from optimizer.trial import stated

PORTFOLIO_FORMAT = "lianzhou-portfolio/1"
"""The name of the format that `read_portfolio` reads."""

NO_PROBLEM = Problem(firms=(), packages=(), offers=())
"""Stands in for a problem that could not be read."""

OPPORTUNITY_LIMIT = 5_000
MANY = 1_000_000

_name = text(200)
_required_name = Key(read=_name, required=True, stand_in="")
_amount = Key(read=integer(0, MONEY_LIMIT), required=True, stand_in=0)
_pool = record(Pool, {"id": _required_name, "capacity": _amount})
_stratum = record(
    Stratum,
    {
        "name": _required_name,
        "firms": Key(read=listing(_name, MANY), required=True, stand_in=()),
        "floor": Key(read=integer(0, WHOLE), required=True, stand_in=0),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a portfolio file asks: opportunities, shared pools, and the strata with their floors.

    >>> Demand(opportunities=(), pools=(), strata=()).pools
    ()
    """

    opportunities: tuple[Opportunity, ...]
    pools: tuple[Pool, ...]
    strata: tuple[Stratum, ...]


def _any(value: object, path: str, noted: list[Fault]) -> object:
    return value


def _nested(value: object, path: str, noted: list[Fault]) -> Problem:
    """Read a problem inside another file; its faults are told with their paths from the outer one."""
    if not isinstance(value, Mapping):
        note(noted, path, "not-object", found=kind_of(value))
        return NO_PROBLEM
    try:
        return read_problem(value)
    except ProblemInvalid as invalid:
        noted.extend(
            Fault(path=path + fault.path[1:], code=fault.code, params=fault.params) for fault in invalid.faults
        )
        return NO_PROBLEM


_opportunity = record(
    Opportunity,
    {
        "id": _required_name,
        "problem": Key(read=_nested, required=True, stand_in=NO_PROBLEM),
        "worth": Key(read=maybe(integer(-MONEY_LIMIT, MONEY_LIMIT))),
    },
)


def _demanded(format: str, **given: Any) -> Demand:
    return Demand(**({"pools": (), "strata": ()} | given))


_demand = record(
    _demanded,
    {
        "format": Key(read=choice([PORTFOLIO_FORMAT]), required=True, stand_in=PORTFOLIO_FORMAT),
        "opportunities": Key(read=listing(_opportunity, OPPORTUNITY_LIMIT), required=True, stand_in=()),
        "pools": Key(read=listing(_pool, MANY)),
        "strata": Key(read=listing(_stratum, 100)),
    },
)


def read_portfolio(source: str | bytes) -> Demand:
    """Read a portfolio file: `opportunities` (`id`, `problem`, `worth`), `pools`, `strata` (`name`, `firms`, `floor`).

    Raises `ProblemInvalid` with every fault at once, each with its path.

    >>> read_portfolio('{"format": "lianzhou-portfolio/1", "opportunities": [{"id": "A"}]}')
    Traceback (most recent call last):
        ...
    optimizer.faults.ProblemInvalid: $.opportunities[0].problem: missing-key
    """
    noted: list[Fault] = []
    demand: Demand = _demand(_loaded(source), "$", noted)
    names = [one.id for one in demand.opportunities]
    for i, name in enumerate(names):
        if name in names[:i]:
            noted.append(Fault(path=f"$.opportunities[{i}].id", code="repeated", params=(("name", name),)))
    if noted:
        raise ProblemInvalid(tuple(noted))
    return demand


def read_plan(source: str | bytes, problem: Problem, number: int = 1) -> Plan:
    """Read one plan out of a result file, and judge it by the problem; only who carries how much is taken from it.

    Raises `ProblemInvalid` where the file holds no such plan, or one that breaks a rule of the problem.

    >>> from optimizer import Firm, Offer, Package, result_document, solve
    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=4),),
    ...                   offers=(Offer(firm="F1", package="WP1"),))
    >>> read_plan(json.dumps(result_document(solve(problem))), problem).members
    ('F1',)
    """
    document = _loaded(source)
    plans = document.get("plans") if isinstance(document, dict) else None
    if not isinstance(plans, list) or not 1 <= number <= len(plans):
        raise ProblemInvalid((Fault(path=f"$.plans[{number - 1}]", code="missing-key"),))
    path = f"$.plans[{number - 1}].assignments"
    noted: list[Fault] = []
    inside = plans[number - 1] if isinstance(plans[number - 1], dict) else {}
    parts: tuple[tuple[tuple[str, str], int], ...] = _parts(inside.get("assignments"), path, noted)
    if not noted:
        try:
            return stated(problem, dict(parts))
        except PlanDisputed as disputed:
            noted.append(Fault(path=path, code="plan-breaks", params=(("rules", str(disputed)),)))
    raise ProblemInvalid(tuple(noted))


def _placed(firm: str, package: str, units: int, **_: object) -> tuple[tuple[str, str], int]:
    return (firm, package), units


_parts = listing(
    record(
        _placed,
        {
            "firm": _required_name,
            "package": _required_name,
            "units": Key(read=integer(1, MONEY_LIMIT), required=True, stand_in=1),
            "share": Key(read=_any),
            "price": Key(read=_any),
        },
    ),
    MANY,
)


def _loaded(source: str | bytes) -> object:
    if len(source) > TEXT_LIMIT:
        raise ProblemInvalid((Fault(path="$", code="too-large", params=(("limit", TEXT_LIMIT),)),))
    try:
        return json.loads(source)
    except (ValueError, RecursionError):
        raise ProblemInvalid((Fault(path="$", code="not-json", params=(("line", 1), ("column", 1))),)) from None
