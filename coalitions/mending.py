"""A consortium mended after a decline, an expiry or a withdrawal: the fewest changes, and the best that can be had."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from uuid import UUID

from coalitions.sitting import Part, posed
from coalitions.suggestion import Params, Proposal, Reader, based, proposals
from domain.world import Opening, World
from optimizer import Assignment, Lead, Plan, Repair, Status, Stopped, repair, write_problem
from optimizer.problem import canonical
from optimizer.result import Interrupt


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """One repair: ``way`` is ``fewest`` or ``best``.

    ``changes`` counts the parts that come new, go or carry other units, those that were lost aside; ``asked_again`` are
    the members who stay with other work than they had, and so answer and sign anew.
    """

    way: str
    proposal: Proposal
    changes: int
    joining: tuple[UUID, ...]
    leaving: tuple[UUID, ...]
    asked_again: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What was found: no ways where there is no repair, one where the fewest changes are also the best."""

    digest: str
    status: str
    complete: bool
    candidates: int
    ways: tuple[Mended, ...]
    priced: bool = True
    closed: int = 0


def mend(
    world: World,
    opening: Opening,
    parts: Sequence[Part],
    gone: Iterable[UUID],
    *,
    lead: UUID | None = None,
    params: Params,
    reader: Reader | None = None,
    interrupt: Interrupt | None = None,
) -> Repaired:
    """Find repairs of a consortium whose members do `parts` and whose firms `gone` have left.

    A member that leads keeps the lead (`lead`). Parts that a requirement excludes today are lost too. For a `reader`
    repairs rest on prices that are open to him, or on none; without one every price counts.

    Raises optimizer.ProblemInvalid when the opening's rules or goals are not those of a problem file.
    """
    lost = {str(firm) for firm in gone}
    here = posed(world, opening, parts)
    basis = based(here.world, opening, here.fits, here.problem, reader)
    problem = basis.problem
    if lead is not None:
        kept = problem.rules.lead or Lead()
        problem = replace(problem, rules=replace(problem.rules, lead=replace(kept, candidates=(str(lead),))))
    found = repair(
        problem, _as_it_stands(parts), lost=lost, parts=here.barred, seconds=params.seconds, seed=params.seed,
        interrupt=interrupt,
    )  # fmt: skip
    ways = [("fewest", found.fewest), ("best", found.cheapest)]
    told = [(way, each) for way, each in ways if each is not None]
    if len(told) == 2 and told[0][1] == told[1][1]:
        told = told[:1]
    shown = proposals(here.world, opening, here.fits, problem, [each.plan for _, each in told])
    return Repaired(
        digest=sha256(write_problem(canonical(problem)).encode()).hexdigest(),
        status=str(found.status),
        complete=found.complete,
        candidates=len({offer.firm for offer in problem.offers}),
        ways=tuple(_mended(way, each, plan) for (way, each), plan in zip(told, shown, strict=True)),
        priced=basis.priced,
        closed=basis.closed,
    )


def _mended(way: str, found: Repair, proposal: Proposal) -> Mended:
    return Mended(
        way=way,
        proposal=proposal,
        changes=found.changes,
        joining=tuple(map(UUID, found.joining)),
        leaving=tuple(map(UUID, found.leaving)),
        asked_again=tuple(map(UUID, found.resign)),
    )


def _as_it_stands(parts: Iterable[Part]) -> Plan:
    """Return what members do now as a plan, of which only the units matter."""
    assignments = tuple(
        Assignment(package=part.package, firm=str(part.firm_id), units=part.units, share=0, price=None)
        for part in parts
    )
    return Plan(
        members=tuple(sorted({part.firm for part in assignments})), assignments=assignments, scores=(), lead=None,
        objective=0, best=0, bound=None, status=Status.FEASIBLE, stopped=Stopped.TIME,
    )  # fmt: skip
