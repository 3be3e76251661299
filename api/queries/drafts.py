"""The agreement of a consortium as data, from the terms of its seats: for freezing it, and for looking at it before."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.papers.wording import Language, Sheet, worded
from api.queries import consortia, opportunities, organisations, visible
from api.queries.consortia import SeatRow, offer_of
from coalitions import agreement
from coalitions.clauses import Choices, Liability, Performance, compose
from coalitions.formation import PENDING, SETTLED
from coalitions.terms import particulars
from domain.actor import Actor
from domain.errors import Fault, Invalid, NotAllowed
from domain.records import Consortium, TermsLine, WorkPackage


async def body(
    session: AsyncSession,
    actor: Actor,
    row: Consortium,
    seats: Sequence[SeatRow],
    *,
    edition: int,
    performance: str = "",
    liability: str = "",
    clauses: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Compose the agreement of these seats; what is not given is as the consortium has chosen.

    Raises ValueError unless there are at least two seats and exactly one leads.
    """
    project = await visible.opportunity(session, actor, row.opportunity_id)
    packages = {each.id: each for each in await opportunities.packages_of(session, actor, [project.id])}
    names = await organisations.named(session, actor, [seat.membership.organisation_id for seat in seats])
    return agreement.body(
        agreement.Project(
            title=project.title,
            country=project.country,
            currency=project.currency,
            starts=project.starts,
            ends=project.ends,
            edition=project.edition,
        ),
        [_party(seat, names[seat.membership.organisation_id], packages) for seat in seats],
        edition=edition,
        performance=performance or row.performance,
        liability=liability or row.liability,
        clauses=row.clauses if clauses is None else clauses,
    )


async def preview(
    session: AsyncSession,
    actor: Actor,
    identity: UUID,
    performance: Performance,
    liability: Liability,
    choices: Choices,
    *,
    language: Language,
    site: str,
) -> Sheet:
    """Return the agreement of the seats as they are, in words, as it would read under other clauses.

    Raises NotFound, NotAllowed to whoever does not lead it, and Invalid while there are not two seats and one lead.
    """
    row = await visible.consortium(session, actor, identity)
    if row.organisation_id != actor.organisation_id:
        raise NotAllowed(needed="owner")
    seats = [s for s in await consortia.whole(session, actor, row.id) if s.membership.state in PENDING | SETTLED]
    said = {"performance": str(performance), "liability": str(liability)}
    try:
        draft = await body(session, actor, row, seats, edition=1, clauses=choices.data(), **said)
    except ValueError as error:
        raise Invalid((Fault(where="$", code="two-members-one-lead"),)) from error
    sha256 = agreement.digest(draft)
    return worded(compose(draft), language, sha256=sha256, address=f"{site}/verify/{sha256}", demonstration=False)


def _party(seat: SeatRow, firm: Any, packages: Mapping[UUID, WorkPackage]) -> agreement.Party:
    return agreement.Party(
        name=firm.name,
        credit_code=firm.credit_code,
        lead=seat.membership.lead,
        edition=seat.membership.edition,
        work=tuple(_work(line, packages[line.package_id]) for line in seat.lines),
        particulars=particulars(
            offer_of(seat.terms, seat.lines, {id: package.code for id, package in packages.items()})
        ),
    )


def _work(line: TermsLine, package: WorkPackage) -> agreement.Work:
    return agreement.Work(
        package=package.code,
        name=package.name,
        units=line.units,
        unit=package.unit,
        unit_price=line.unit_price,
        value=agreement.value_of(line.units, line.unit_price, package.value, package.quantity),
    )
