"""Whether other terms still make a consortium, told before they are sent, from figures that may be told.

No price but the sender's own has any part in the answer: a "yes" or "no" that depended on the others' prices would let
whoever asks often enough find them out (five answers reach 0.7 %). So the problem is posed without prices and without
the budget; the sender's own price is compared with the published value of its package, and nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from uuid import UUID

from coalitions.sitting import Part, posed
from coalitions.terms import Line
from domain.calendar import months
from domain.kinds import BASIS_POINTS
from domain.message import Message
from domain.world import Offering, Opening, Package, World
from optimizer import Lock, Offer, Problem, Status, solve
from optimizer.result import Interrupt


class Verdict(StrEnum):
    """Whether terms can be had: as all others stand, only with others doing more, not at all, or not known in time."""

    STANDS = "stands"
    WITH_OTHERS = "with_others"
    IMPOSSIBLE = "impossible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is left on the sender's own side of one package: all of it is its own or published.

    ``free`` units over the package's months (None: undeclared), its ``declared_price`` and the ``published_price``, the
    value of a unit as published; both in minor units.
    """

    package: str
    free: int | None
    declared_price: int | None
    published_price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found: the verdict, what it rests on, and the sender's own room."""

    verdict: Verdict
    effects: tuple[Message, ...]
    room: tuple[Room, ...]


def check(
    world: World,
    opening: Opening,
    parts: Sequence[Part],
    firm: UUID,
    wanted: Sequence[Line],
    *,
    seconds: float = 5.0,
    seed: int = 0,
    interrupt: Interrupt | None = None,
) -> Checked:
    """Tell whether member `firm` may do `wanted` instead of what it does, while the others do their `parts`.

    Raises optimizer.ProblemInvalid when the opening's rules or goals are not those of a problem file.
    """
    packages = {package.code: package for package in opening.packages}
    own = {part.package: part for part in parts if part.firm_id == firm}
    room = {line.package: _room(world, opening, packages[line.package], own.get(line.package)) for line in wanted}
    effects = [*_effects(packages, parts, firm, wanted), *_over(wanted, room)]
    if any(message.code in ("check-over-capacity", "check-more-than-package") for message in effects):
        verdict = Verdict.IMPOSSIBLE
    elif not any(message.code == "check-short" for message in effects):
        verdict = Verdict.STANDS
    else:
        verdict = _with_others(world, opening, parts, firm, wanted, seconds=seconds, seed=seed, interrupt=interrupt)
    return Checked(verdict=verdict, effects=tuple(effects), room=tuple(room.values()))


def _room(world: World, opening: Opening, package: Package, part: Part | None) -> Room:
    offering = next(
        (o for s in world.suppliers for o in s.offerings if part is not None and o.id == part.offering_id), None
    )
    priced = offering is not None and offering.currency == opening.currency and offering.unit == package.unit
    return Room(
        package=package.code,
        free=_free(offering, package) if offering is not None else None,
        declared_price=offering.price if offering is not None and priced else None,
        published_price=package.value // package.quantity,
    )


def _free(offering: Offering, package: Package) -> int | None:
    """Return what an offering has free over a package's months; None where it is undeclared or in another unit."""
    if offering.monthly is None or offering.unit != package.unit:
        return None
    return sum(offering.free.get(month, offering.monthly) for month in months(package.starts, package.ends))


def _effects(
    packages: Mapping[str, Package], parts: Sequence[Part], firm: UUID, wanted: Sequence[Line]
) -> Iterator[Message]:
    """Yield what follows from the terms themselves and from what is published."""
    taken = {line.package: line.units for line in wanted}
    before = {part.package for part in parts if part.firm_id == firm}
    for code in sorted({*taken, *before}):
        package = packages[code]
        others = sum(part.units for part in parts if part.package == code and part.firm_id != firm)
        missing = package.quantity - others - taken.get(code, 0)
        if missing > 0:
            yield Message(code="check-short", params={"package": code, "units": missing})
        if missing < 0:
            yield Message(code="check-more-than-package", params={"package": code, "units": -missing})
    for line in wanted:
        yield from _of_line(packages, line)


def _of_line(packages: Mapping[str, Package], line: Line) -> Iterator[Message]:
    package = packages[line.package]
    if line.unit_price is not None:
        within = line.unit_price * package.quantity <= package.value
        yield Message(code="check-within-value" if within else "check-above-value", params={"package": line.package})
    if line.ends is not None and line.ends > package.ends:
        following = sorted(other.code for other in packages.values() if line.package in other.follows)
        yield Message(
            code="check-delays" if following else "check-later",
            params={"package": line.package, "days": _days(package.ends, line.ends), "following": "、".join(following)},
        )


def _days(first: date, last: date) -> int:
    return (last - first).days


def _over(wanted: Sequence[Line], room: Mapping[str, Room]) -> Iterator[Message]:
    for line in wanted:
        free = room[line.package].free
        if free is not None and line.units > free:
            yield Message(
                code="check-over-capacity", params={"package": line.package, "units": line.units, "free": free}
            )


def _with_others(
    world: World,
    opening: Opening,
    parts: Sequence[Part],
    firm: UUID,
    wanted: Sequence[Line],
    *,
    seconds: float,
    seed: int,
    interrupt: Interrupt | None,
) -> Verdict:
    """Ask the optimizer whether the rest can be found with the sender's part as wanted."""
    problem = _with_part(_blind(posed(world, opening, parts).problem), str(firm), wanted)
    status = solve(problem, seconds=seconds, seed=seed, interrupt=interrupt).status
    return {
        Status.OPTIMAL: Verdict.WITH_OTHERS,
        Status.FEASIBLE: Verdict.WITH_OTHERS,
        Status.INFEASIBLE: Verdict.IMPOSSIBLE,
        Status.UNKNOWN: Verdict.UNKNOWN,
    }[status]


def _blind(problem: Problem) -> Problem:
    """Return a problem without any price, and without the budget that would weigh them."""
    return replace(
        problem,
        offers=tuple(replace(offer, price=None) for offer in problem.offers),
        rules=replace(problem.rules, budget=None),
    )


def _with_part(problem: Problem, firm: str, wanted: Sequence[Line]) -> Problem:
    """Return a problem in which `firm` does what is wanted, and nothing else."""
    quantities = {package.id: package.quantity for package in problem.packages}
    known = {offer.package: offer for offer in problem.offers if offer.firm == firm}
    locks = [
        Lock(package=line.package, firm=firm, share=max(1, round(BASIS_POINTS * line.units / quantities[line.package])))
        for line in wanted
    ]
    own = [
        replace(known.get(line.package) or Offer(firm=firm, package=line.package), capacity=None, pool=None)
        for line in wanted
    ]
    others = [lock for lock in problem.rules.locked if lock.firm != firm]
    return replace(
        problem,
        offers=(*(offer for offer in problem.offers if offer.firm != firm), *own),
        rules=replace(problem.rules, locked=(*others, *locks)),
    )
