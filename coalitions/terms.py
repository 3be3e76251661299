"""What one edition of a member's terms says, and what differs between two editions, field by field."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from typing import Any, Self

from domain.kinds import BASIS_POINTS, Clause

Figure = int | str | date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A member's part of one package; a figure that is None is not stated, and the package's own period holds."""

    package: str
    units: int
    unit_price: int | None = None
    starts: date | None = None
    ends: date | None = None
    lead_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """How a member is paid: parts in basis points that sum to 10000, and the days within which each is due.

    ``advance`` before work begins, ``delivery`` on delivery, ``acceptance`` when the owner has accepted, ``retention``
    (质保金) when the defects period has ended.

    >>> Payment(advance=3_000, delivery=6_000, acceptance=500, retention=500, days=30).whole
    True
    """

    advance: int
    delivery: int
    acceptance: int
    retention: int
    days: int

    @property
    def whole(self) -> bool:
        """Whether the parts sum to exactly one."""
        return self.advance + self.delivery + self.acceptance + self.retention == BASIS_POINTS

    @classmethod
    def of(cls, given: Mapping[str, int]) -> Self | None:
        """Return the payment a record keeps; None where it keeps none.

        >>> Payment.of({}) is None
        True
        """
        return cls(**given) if given else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One edition of terms as the two sides read it: work, payment, and clauses worded otherwise than usual."""

    lines: tuple[Line, ...]
    payment: Payment | None = None
    clauses: Mapping[Clause, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that differs: ``subject`` is the package or the clause, empty for what concerns the whole.

    ``scope`` is a package that comes or goes, told by its units; None is what is not stated.
    """

    field: str
    subject: str
    before: Figure
    after: Figure


def diff(before: Offer, after: Offer) -> tuple[Change, ...]:
    """Return what differs between two editions: packages in their order, then payment, then clauses.

    >>> old = Offer(lines=(Line(package="WP1", units=30), Line(package="WP2", units=4)))
    >>> new = Offer(lines=(Line(package="WP1", units=24, unit_price=95),))
    >>> [(each.field, each.subject, each.before, each.after) for each in diff(old, new)]
    [('units', 'WP1', 30, 24), ('unit_price', 'WP1', None, 95), ('scope', 'WP2', 4, None)]
    """
    return (*_lines(before, after), *_payment(before, after), *_clauses(before, after))


def _lines(before: Offer, after: Offer) -> Iterator[Change]:
    old, new = ({line.package: line for line in offer.lines} for offer in (before, after))
    for package in sorted({*old, *new}):
        if package in old and package in new:
            yield from _differing(package, old[package], new[package])
        else:
            was, now = old.get(package), new.get(package)
            yield Change(
                field="scope", subject=package, before=was.units if was else None, after=now.units if now else None
            )


def _differing(subject: str, old: Line | Payment | None, new: Line | Payment | None) -> Iterator[Change]:
    for each in fields(old or new):  # type: ignore[arg-type]
        was, now = getattr(old, each.name, None), getattr(new, each.name, None)
        if was != now:
            yield Change(field=each.name, subject=subject, before=was, after=now)


def _payment(before: Offer, after: Offer) -> Iterator[Change]:
    if before.payment is not None or after.payment is not None:
        yield from _differing("", before.payment, after.payment)


def _clauses(before: Offer, after: Offer) -> Iterator[Change]:
    for clause in Clause:
        was, now = before.clauses.get(clause), after.clauses.get(clause)
        if was != now:
            yield Change(field="clause", subject=str(clause), before=was, after=now)


def particulars(offer: Offer) -> dict[str, Any]:
    """Return what an offer agrees beside work and price, as an agreement's body says it; empty where there is nothing.

    >>> particulars(Offer(lines=(Line(package="WP1", units=3, lead_days=90),)))
    {'delivery': [{'package': 'WP1', 'starts': None, 'ends': None, 'lead_days': 90}]}
    """
    found: dict[str, Any] = {}
    delivery = [
        {"package": line.package, "starts": _iso(line.starts), "ends": _iso(line.ends), "lead_days": line.lead_days}
        for line in sorted(offer.lines, key=lambda line: line.package)
        if (line.starts, line.ends, line.lead_days) != (None, None, None)
    ]
    if delivery:
        found["delivery"] = delivery
    if offer.payment is not None:
        found["payment"] = asdict(offer.payment)
    if offer.clauses:
        found["clauses"] = [
            {"clause": str(clause), "wording": offer.clauses[clause]} for clause in Clause if clause in offer.clauses
        ]
    return found


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
