"""The consortium's workspace as data: packages with who takes them, key figures, and the chain as a picture."""

from dataclasses import dataclass
from uuid import UUID

from api.console.drawing import Kind, Picture, Place, chain
from api.queries.consortia import View
from api.wire.consortia import ConsortiumOut, LineOut, MembershipOut
from coalitions.formation import PENDING, SETTLED
from domain.kinds import BASIS_POINTS, MembershipState
from domain.records import WorkPackage

LIVE = PENDING | SETTLED
LEFT = frozenset({MembershipState.DECLINED, MembershipState.EXPIRED, MembershipState.WITHDRAWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A package's part that one seat takes."""

    seat: MembershipOut
    line: LineOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A package, who takes it as far as the reader may know, and the units that nobody covers."""

    package: WorkPackage
    taken: tuple[Taken, ...]
    missing: int
    hidden: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The key figures of a formation; shares are by published value, in basis points."""

    coverage: int
    sme: int | None
    members: int
    waiting: int
    gaps: int


def rows(view: View, out: ConsortiumOut) -> tuple[Row, ...]:
    """Return the packages in their order. Units promised by seats the reader may not see count, and are not named."""
    gaps = {gap.package_id: gap.units for gap in out.gaps}
    found = []
    for package in sorted(view.packages.values(), key=lambda each: each.position):
        taken = tuple(
            Taken(seat=seat, line=line)
            for seat in out.members
            if seat.state in LIVE
            for line in seat.lines
            if line.package_id == package.id
        )
        missing = max(0, gaps.get(package.id, 0))
        known = sum(each.line.units for each in taken)
        found.append(Row(package=package, taken=taken, missing=missing, hidden=known + missing < package.quantity))
    return tuple(found)


def standing(view: View, out: ConsortiumOut, table: tuple[Row, ...], *, whole: bool) -> Standing:
    """Return the key figures; how much goes to SMEs only where the reader sees the whole (`whole`)."""
    total = sum(row.package.value for row in table) or 1
    lacking = sum(row.package.value * row.missing // row.package.quantity for row in table)
    small = sum(
        row.package.value * each.line.units // row.package.quantity
        for row in table
        for each in row.taken
        if each.seat.sme
    )
    return Standing(
        coverage=BASIS_POINTS * (total - lacking) // total,
        sme=BASIS_POINTS * small // total if whole else None,
        members=sum(seat.membership.state in LIVE for seat in view.every),
        waiting=out.waiting,
        gaps=sum(row.missing > 0 for row in table),
    )


def picture(table: tuple[Row, ...], hidden: str, gap: str) -> Picture:
    """Draw the chain of packages with the firms that take them; `hidden` and `gap` stand where no name can."""
    places = [
        Place(
            key=row.package.code,
            kind=_kind(row),
            head=f"{row.package.code} {row.package.name}",
            text=_names(row, hidden, gap),
            href=f"#wp-{row.package.code}",
        )
        for row in table
    ]
    return chain(places, [(before, row.package.code) for row in table for before in row.package.follows])


def _kind(row: Row) -> Kind:
    if row.missing:
        return "gap"
    if any(each.seat.lead for each in row.taken):
        return "lead"
    return "waiting" if any(each.seat.state in PENDING for each in row.taken) else "member"


def _names(row: Row, hidden: str, gap: str) -> str:
    names = [each.seat.firm for each in row.taken]
    if row.hidden:
        names.append(hidden)
    return gap if row.missing and not names else "、".join(names)


def own_seat(out: ConsortiumOut, organisation: UUID) -> MembershipOut | None:
    """Return the reader's own newest live seat."""
    return next(
        (seat for seat in reversed(out.members) if seat.organisation_id == organisation and seat.state in LIVE), None
    )
