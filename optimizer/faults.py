"""What can be wrong with a problem: codes with the path of the value, all of them at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from optimizer.problem import GOAL_NAMES, Mode, Problem

MONEY_LIMIT = 10**15
"""The most that all values, all costs or one figure may come to; ten million million yuan in fen."""

QUANTITY_LIMIT = 10**9
"""The most units that all packages together may have."""

LOAD_LIMIT = 10**15
"""The most load that the offers of one pool may come to."""

STRENGTH_LIMIT = 10**12
"""The most strength that all ties may come to."""

FIGURE_LIMIT = 10**18
"""The most that one figure may come to over all firms."""

OFFERED_LIMIT = 10**18
"""The most money that all offers together may come to, each at its whole package."""

FAULT_LIMIT = 1_000
"""The most faults that are listed; one more says how many were left out."""

Params = tuple[tuple[str, str | int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong: where, which kind, and what is needed to say it in words.

    >>> fault = Fault(path="$.offers[3].price", code="not-integer", params=(("found", "text"),))
    >>> dict(fault.params)
    {'found': 'text'}
    """

    path: str
    code: str
    params: Params = ()


class ProblemInvalid(ValueError):
    """Refuses a problem and carries every fault that was found.

    >>> str(ProblemInvalid((Fault(path="$", code="not-object"),)))
    '$: not-object'
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.code}" for fault in faults[:5]))
        self.faults = faults


def faults(problem: Problem) -> tuple[Fault, ...]:
    """Return every contradiction between the parts of a problem; an empty tuple means it can be solved as posed.

    Names that are the empty string are skipped: a reader puts them where it has reported a fault already.

    >>> from optimizer.problem import Offer, Package
    >>> broken = Problem(firms=(), packages=(Package(id="WP1", quantity=1),), offers=(Offer(firm="F1", package="WP1"),))
    >>> faults(broken)
    (Fault(path='$.offers[0].firm', code='unknown-name', params=(('name', 'F1'),)),)
    """
    return tuple(fault for check in CHECKS for fault in check(problem))


def _names(problem: Problem) -> Iterator[Fault]:
    yield from _repeated("$.firms", "id", (firm.id for firm in problem.firms))
    yield from _repeated("$.packages", "id", (package.id for package in problem.packages))
    yield from _repeated("$.pools", "id", (pool.id for pool in problem.pools))
    if not problem.packages:
        yield Fault(path="$.packages", code="empty")


def _pairs(problem: Problem) -> Iterator[Fault]:
    yield from _repeated("$.offers", "", ((offer.firm, offer.package) for offer in problem.offers))
    yield from _repeated("$.ties", "", (tuple(sorted((tie.a, tie.b))) for tie in problem.ties))
    locks = problem.rules.locked
    yield from _repeated("$.rules.locked", "", ((lock.package, lock.firm) for lock in locks))
    for i, tie in enumerate(problem.ties):
        yield from _itself(f"$.ties[{i}]", tie.a, tie.b)
    for i, (a, b) in enumerate(problem.rules.conflicts):
        yield from _itself(f"$.rules.conflicts[{i}]", a, b)


def _references(problem: Problem) -> Iterator[Fault]:
    firms = {firm.id for firm in problem.firms}
    packages = {package.id for package in problem.packages}
    pools = {pool.id for pool in problem.pools}
    for i, offer in enumerate(problem.offers):
        yield from _unknown(f"$.offers[{i}].firm", offer.firm, firms)
        yield from _unknown(f"$.offers[{i}].package", offer.package, packages)
        if offer.pool is not None:
            yield from _unknown(f"$.offers[{i}].pool", offer.pool, pools)
    for i, tie in enumerate(problem.ties):
        yield from _unknown(f"$.ties[{i}].a", tie.a, firms)
        yield from _unknown(f"$.ties[{i}].b", tie.b, firms)


def _references_of_rules(problem: Problem) -> Iterator[Fault]:
    rules = problem.rules
    firms = {firm.id for firm in problem.firms}
    packages = {package.id for package in problem.packages}
    lots = {package.lot for package in problem.packages}
    for i, lock in enumerate(rules.locked):
        yield from _unknown(f"$.rules.locked[{i}].package", lock.package, packages)
        yield from _unknown(f"$.rules.locked[{i}].firm", lock.firm, firms)
    for i, (lot, firm) in enumerate(rules.taken):
        yield from _unknown(f"$.rules.taken[{i}][0]", lot, lots)
        yield from _unknown(f"$.rules.taken[{i}][1]", firm, firms)
    yield from _all_known("$.rules.backup", rules.backup, packages)
    yield from _all_known("$.rules.required", rules.required, firms)
    yield from _all_known("$.rules.excluded", rules.excluded, firms)
    for i, group in enumerate((*rules.conflicts, *rules.related)):
        conflict = i < len(rules.conflicts)
        path = f"$.rules.conflicts[{i}]" if conflict else f"$.rules.related[{i - len(rules.conflicts)}]"
        yield from _all_known(path, group, firms)
    if rules.lead:
        yield from _all_known("$.rules.lead.candidates", rules.lead.candidates or (), firms)


def _figures(problem: Problem) -> Iterator[Fault]:
    declared = {name for firm in problem.firms for name, _ in firm.figures} | {"turnover"}
    for row in problem.rules.qualification:
        yield from _unknown(f"$.rules.qualification.{row.name}.values", row.values, declared)


def _ranges(problem: Problem) -> Iterator[Fault]:
    for i, package in enumerate(problem.packages):
        most = package.max_suppliers
        yield from _crossed(f"$.packages[{i}].min_share", package.min_share, package.max_share)
        yield from _crossed(f"$.packages[{i}].min_suppliers", package.min_suppliers, most)
    rules = problem.rules
    yield from _crossed("$.rules.min_members", rules.min_members or 0, rules.max_members)
    goals = problem.goals
    if goals.mode is Mode.LEXICOGRAPHIC and not goals.order:
        yield Fault(path="$.goals.order", code="empty")
    yield from _all_known("$.goals.order", goals.order, set(GOAL_NAMES))
    yield from _all_known("$.goals.weights", tuple(name for name, _ in goals.weights), set(GOAL_NAMES))
    yield from _repeated("$.goals.order", "", goals.order)


def _sums(problem: Problem) -> Iterator[Fault]:
    dearest: Counter[str] = Counter()
    for offer in problem.offers:
        dearest[offer.package] = max(dearest[offer.package], offer.price or 0)
    joining = sum(firm.member_cost for firm in problem.firms)
    prices = sum(max(dearest[p.id], p.unit_price) * p.quantity for p in problem.packages)
    yield from _above(
        "$.packages",
        "quantity",
        sum(p.quantity for p in problem.packages),
        QUANTITY_LIMIT,
    )
    yield from _above("$.packages", "value", sum(p.value for p in problem.packages), MONEY_LIMIT)
    yield from _above("$.offers", "price", prices + joining, MONEY_LIMIT)
    yield from _above("$.ties", "strength", sum(tie.strength for tie in problem.ties), STRENGTH_LIMIT)
    for row in problem.rules.qualification:
        total = sum(firm.figure(row.values) or 0 for firm in problem.firms)
        yield from _above("$.firms", row.values, total, FIGURE_LIMIT)


def _loads(problem: Problem) -> Iterator[Fault]:
    quantity = {package.id: package.quantity for package in problem.packages}
    load: Counter[str] = Counter()
    for offer in problem.offers:
        if offer.pool is not None:
            load[offer.pool] += offer.load * quantity.get(offer.package, 0)
    for i, pool in enumerate(problem.pools):
        yield from _above(f"$.pools[{i}]", "load", load[pool.id], LOAD_LIMIT)


CHECKS: tuple[Callable[[Problem], Iterator[Fault]], ...] = (
    _names,
    _pairs,
    _references,
    _references_of_rules,
    _figures,
    _ranges,
    _sums,
    _loads,
)


def _repeated(path: str, key: str, names: Iterable[str | tuple[str, ...]]) -> Iterator[Fault]:
    seen: set[str | tuple[str, ...]] = set()
    for i, name in enumerate(names):
        if name in seen:
            shown = name if isinstance(name, str) else "/".join(name)
            yield Fault(path=f"{path}[{i}]" + (f".{key}" if key else ""), code="repeated", params=(("name", shown),))
        if name and "" not in (name if isinstance(name, tuple) else ()):
            seen.add(name)


def _unknown(path: str, name: str, known: Iterable[str | None]) -> Iterator[Fault]:
    if name and name not in known:
        yield Fault(path=path, code="unknown-name", params=(("name", name),))


def _all_known(path: str, names: Iterable[str], known: set[str]) -> Iterator[Fault]:
    for i, name in enumerate(names):
        yield from _unknown(f"{path}[{i}]", name, known)


def _itself(path: str, a: str, b: str) -> Iterator[Fault]:
    if a and a == b:
        yield Fault(path=path, code="same-firm", params=(("name", a),))


def _crossed(path: str, least: int, most: int | None) -> Iterator[Fault]:
    if most is not None and least > most:
        yield Fault(
            path=path,
            code="least-above-most",
            params=(("least", least), ("most", most)),
        )


def _above(path: str, figure: str, total: int, limit: int) -> Iterator[Fault]:
    if total > limit:
        yield Fault(
            path=path,
            code="sum-too-large",
            params=(("figure", figure), ("limit", limit)),
        )
