"""The files: `lianzhou-problem/1` in, `lianzhou-result/1` out."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

from optimizer.faults import (
    FAULT_LIMIT,
    MONEY_LIMIT,
    QUANTITY_LIMIT,
    Fault,
    ProblemInvalid,
    faults,
)
from optimizer.problem import (
    GOAL_NAMES,
    WHOLE,
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
from optimizer.reading import (
    Huge,
    Key,
    Pairs,
    choice,
    entries,
    flag,
    integer,
    listing,
    maybe,
    pair,
    record,
    text,
)

PROBLEM_FORMAT = "lianzhou-problem/1"
"""The name of the format that `read_problem` reads."""

TEXT_LIMIT = 128 * 1024 * 1024
"""The most bytes or characters a problem file may have."""

FIRM_LIMIT = 200_000
PACKAGE_LIMIT = 5_000
OFFER_LIMIT = 1_000_000
RULE_LIMIT = 200_000

_name = text(200)
_share = integer(0, WHOLE)
_count = integer(0, 1_000_000)
_money = integer(0, MONEY_LIMIT)
_names = listing(_name, RULE_LIMIT)
_grades = entries(_name, integer(0, 1_000), 1_000)
_required_name = Key(read=_name, required=True, stand_in="")


def _optional(**keys: Any) -> dict[str, Key]:
    return {name: Key(read=read) for name, read in keys.items()}


_firm = record(
    Firm,
    {"id": _required_name}
    | _optional(
        name=text(500, empty=True),
        sme=flag,
        newcomer=flag,
        grade=_grades,
        turnover=maybe(_money),
        member_cost=_money,
    )
    | _optional(figures=entries(_name, _money, 100)),
)
_package = record(
    Package,
    {
        "id": _required_name,
        "quantity": Key(read=integer(1, QUANTITY_LIMIT), required=True, stand_in=1),
    }
    | _optional(
        name=text(500, empty=True),
        value=_money,
        critical=flag,
        specialty=maybe(_name),
        lot=maybe(_name),
    )
    | _optional(min_suppliers=_count, max_suppliers=maybe(integer(1, 1_000_000)))
    | _optional(min_share=_share, max_share=_share),
)
_offer = record(
    Offer,
    {"firm": _required_name, "package": _required_name}
    | _optional(
        price=maybe(_money),
        capacity=maybe(_money),
        fit=integer(0, 100),
        lead_days=maybe(integer(0, 36_500)),
    )
    | _optional(pool=maybe(_name), load=integer(0, 1_000_000_000)),
)
_pool = record(Pool, {"id": _required_name, "capacity": Key(read=_money, required=True, stand_in=0)})
_tie = record(
    Tie,
    {
        "a": _required_name,
        "b": _required_name,
        "strength": Key(read=integer(0, 1_000_000), required=True, stand_in=0),
    },
)
_lock = record(
    Lock,
    {"package": _required_name, "firm": _required_name} | _optional(share=maybe(integer(1, WHOLE))),
)
_lead = record(Lead, _optional(candidates=maybe(_names), min_share=_share))
_criterion = record(
    partial(Criterion, name=""),
    {"total": Key(read=_money, required=True, stand_in=0)} | _optional(each=_share, one=_share, values=_name),
)
_table = entries(_name, _criterion, 100)


def _qualification(value: object, path: str, noted: list[Fault]) -> tuple[Criterion, ...]:
    rows: tuple[tuple[str, Criterion], ...] = _table(value, path, noted)
    return tuple(replace(row, name=name) for name, row in rows)


_rules = record(
    Rules,
    _optional(
        max_members=maybe(_count),
        min_members=maybe(_count),
        budget=maybe(_money),
        lead=maybe(_lead),
    )
    | _optional(sme_share_min=maybe(_share), firm_share_max=maybe(_share), min_grade=_grades)
    | _optional(
        locked=listing(_lock, RULE_LIMIT),
        required=_names,
        excluded=_names,
        backup=_names,
    )
    | _optional(
        conflicts=listing(pair(_name, _name), RULE_LIMIT),
        related=listing(_names, RULE_LIMIT),
    )
    | _optional(
        taken=listing(pair(_name, _name), RULE_LIMIT),
        min_newcomers=_count,
        min_veterans=_count,
    )
    | {"qualification": Key(read=_qualification)},
)
_cohesion = record(lambda give_up=0: give_up, _optional(give_up=_share))


def _build_goals(mode: str = Mode.WEIGHTED, cohesion: int = 0, **given: Any) -> Goals:
    return Goals(mode=Mode(mode), give_up=cohesion, **given)


_goals = record(
    _build_goals,
    _optional(mode=choice([mode.value for mode in Mode]), cohesion=_cohesion)
    | _optional(weights=entries(choice(GOAL_NAMES), integer(0, 1_000), 100))
    | _optional(order=listing(choice(GOAL_NAMES), len(GOAL_NAMES))),
)


def _build_problem(format: str, **given: Any) -> Problem:
    return Problem(**given)


_problem = record(
    _build_problem,
    {
        "format": Key(read=choice([PROBLEM_FORMAT]), required=True, stand_in=PROBLEM_FORMAT),
        "firms": Key(read=listing(_firm, FIRM_LIMIT), required=True, stand_in=()),
        "packages": Key(read=listing(_package, PACKAGE_LIMIT), required=True, stand_in=()),
        "offers": Key(read=listing(_offer, OFFER_LIMIT), required=True, stand_in=()),
    }
    | _optional(
        pools=listing(_pool, OFFER_LIMIT),
        ties=listing(_tie, OFFER_LIMIT),
        rules=_rules,
        goals=_goals,
    ),
)


def read_problem(source: str | bytes | Mapping[str, object]) -> Problem:
    """Read a problem file, or the object it holds.

    Raises `ProblemInvalid` with every fault at once, each with its path; nothing else is raised, whatever the input.

    >>> read_problem('{"format": "lianzhou-problem/1", "firms": [], "offers": [], "packages": [{"id": 7}]}')
    Traceback (most recent call last):
        ...
    optimizer.faults.ProblemInvalid: $.packages[0].id: not-text; $.packages[0].quantity: missing-key
    """
    noted: list[Fault] = []
    document = source if isinstance(source, Mapping) else _parse(source, noted)
    if not noted:
        problem: Problem = _problem(document, "$", noted)
        noted.extend(faults(problem))
    if noted:
        raise ProblemInvalid(_at_most(noted))
    return problem


def write_problem(problem: Problem) -> str:
    """Write a problem file that `read_problem` reads back to the same problem; figures at their default are left out.

    >>> problem = Problem(firms=(Firm(id="F1"),), packages=(Package(id="WP1", quantity=1),), offers=())
    >>> read_problem(write_problem(problem)) == problem
    True
    """
    rules = _plain(problem.rules)
    for name in ("min_grade", "qualification"):
        if name in rules:
            rules[name] = dict(getattr(problem.rules, name)) if name == "min_grade" else _written_table(problem.rules)
    goals: dict[str, Any] = {"mode": problem.goals.mode.value, "weights": dict(problem.goals.weights)}
    goals |= {
        "order": list(problem.goals.order),
        "cohesion": {"give_up": problem.goals.give_up},
    }
    document = {
        "format": PROBLEM_FORMAT,
        "firms": [_plain_firm(firm) for firm in problem.firms],
    }
    for name in ("packages", "offers", "pools", "ties"):
        document[name] = [_plain(item) for item in getattr(problem, name)]
    return json.dumps(document | {"rules": rules, "goals": goals}, ensure_ascii=False, indent=1)


def _plain(value: Any) -> dict[str, Any]:
    given = ((field, getattr(value, field.name)) for field in fields(value))
    return {field.name: _plain_item(item) for field, item in given if item != field.default}


def _plain_item(item: Any) -> Any:
    if isinstance(item, tuple):
        return [_plain_item(part) for part in item]
    return _plain(item) if isinstance(item, Lock | Lead) else item


def _plain_firm(firm: Firm) -> dict[str, Any]:
    return _plain(firm) | {name: dict(getattr(firm, name)) for name in ("grade", "figures") if getattr(firm, name)}


def _written_table(rules: Rules) -> dict[str, Any]:
    rows = {row.name: _plain(row) for row in rules.qualification}
    return {name: {key: value for key, value in row.items() if key != "name"} for name, row in rows.items()}


def _parse(source: str | bytes, noted: list[Fault]) -> object:
    if len(source) > TEXT_LIMIT:
        noted.append(Fault(path="$", code="too-large", params=(("limit", TEXT_LIMIT),)))
        return None
    try:
        written = source if isinstance(source, str) else source.decode("utf-8-sig")
        return json.loads(written, object_pairs_hook=_pairs, parse_int=_number, parse_constant=_huge)
    except UnicodeDecodeError as error:
        noted.append(Fault(path="$", code="not-utf8", params=(("position", error.start),)))
    except json.JSONDecodeError as error:
        where = (("line", error.lineno), ("column", error.colno))
        noted.append(Fault(path="$", code="not-json", params=where))
    except RecursionError:
        noted.append(Fault(path="$", code="too-deep"))
    return None


def _pairs(items: list[tuple[str, object]]) -> Pairs:
    found = Pairs(items)
    if len(found) < len(items):
        counts = Counter(key for key, _ in items)
        found.repeated = tuple(key for key, count in counts.items() if count > 1)
    return found


def _number(written: str) -> int | Huge:
    return int(written) if len(written) <= 20 else _huge(written)


def _huge(written: str) -> Huge:
    return Huge(text=written[:20])


def _at_most(noted: list[Fault]) -> tuple[Fault, ...]:
    left_out = len(noted) - FAULT_LIMIT
    if left_out <= 0:
        return tuple(noted)
    return (
        *noted[:FAULT_LIMIT],
        Fault(path="$", code="more-faults", params=(("count", left_out),)),
    )
