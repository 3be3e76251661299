"""The consortium agreement (联合体协议) as data: one canonical body, one hash that every signature names."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

import rfc8785

from coalitions.shares import by_largest_remainder
from domain.kinds import BASIS_POINTS

PARTICULARS_SINCE = "2"
"""The first library of clauses that words what a member agreed beside work and price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A member's part of one package: whole units, and the unit price in minor units if it is stated."""

    package: str
    name: str
    units: int
    unit: str
    unit_price: int | None
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A member of the consortium as the agreement names it.

    ``particulars`` is what it agreed beside work and price (``coalitions.terms.particulars``).
    """

    name: str
    credit_code: str | None
    lead: bool
    edition: int
    work: tuple[Work, ...]
    particulars: Mapping[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> int:
        """What the member's work is worth, in minor units."""
        return sum(work.value for work in self.work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What the agreement is about."""

    title: str
    country: str
    currency: str
    starts: date
    ends: date
    edition: int


def value_of(units: int, unit_price: int | None, package_value: int, package_quantity: int) -> int:
    """Return the value of `units`: at the stated price, else at the package's published value, rounded down.

    >>> value_of(3, 50, 1_000, 10), value_of(3, None, 1_000, 10)
    (150, 300)
    """
    return units * unit_price if unit_price is not None else package_value * units // package_quantity


def body(
    project: Project,
    parties: Sequence[Party],
    *,
    edition: int,
    performance: str,
    liability: str,
    clauses: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Compose the agreement's body; shares of each package, and of the whole by value, sum to exactly 10000 points.

    Parties stand in the order of their credit codes and names, so that the same terms give the same bytes.
    Members are jointly and severally liable to the owner (招标投标法 art. 31); the internal split follows the shares.
    `clauses` are the choices among the library's clauses (`coalitions.clauses.Choices.data`), part of what is hashed.

    Raises ValueError unless there are at least two parties and exactly one leads (art. 31: 两个以上法人或者其他组织).
    """
    if len(parties) < 2 or sum(party.lead for party in parties) != 1:
        raise ValueError("a consortium has at least two members and exactly one lead")
    ordered = sorted(parties, key=lambda party: (party.credit_code or "", party.name))
    weights = {index: party.value for index, party in enumerate(ordered)}
    if not any(weights.values()):
        weights = dict.fromkeys(weights, 1)
    shares = by_largest_remainder(weights, BASIS_POINTS)
    parts = _parts(ordered)
    chosen = dict(clauses or {})
    if any(party.particulars for party in ordered) and chosen.get("edition", "1") < PARTICULARS_SINCE:
        chosen["edition"] = PARTICULARS_SINCE
    return {
        "format": "lianzhou-agreement/1",
        "edition": edition,
        "project": asdict(project) | {"starts": project.starts.isoformat(), "ends": project.ends.isoformat()},
        "performance": performance,
        "liability": liability,
        "members": [_member(party, shares[index], parts[index]) for index, party in enumerate(ordered)],
        **({"clauses": chosen} if chosen else {}),
    }


def _parts(parties: Sequence[Party]) -> list[dict[str, int]]:
    """Return, party by party, the basis points it has of each of its packages."""
    units: dict[str, dict[int, int]] = {}
    for index, party in enumerate(parties):
        for work in party.work:
            units.setdefault(work.package, {})[index] = work.units
    parts: list[dict[str, int]] = [{} for _ in parties]
    for package, takers in units.items():
        for index, share in by_largest_remainder(takers, BASIS_POINTS).items():
            parts[index][package] = share
    return parts


def _member(party: Party, share: int, parts: Mapping[str, int]) -> dict[str, Any]:
    ordered = sorted(party.work, key=lambda work: work.package)
    work = [asdict(line) | {"share": parts[line.package]} for line in ordered]
    return {
        "name": party.name,
        "credit_code": party.credit_code,
        "lead": party.lead,
        "terms_edition": party.edition,
        "share": share,
        "value": party.value,
        "work": work,
        **({"particulars": dict(party.particulars)} if party.particulars else {}),
    }


def digest(agreement: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hexadecimal, of the agreement's canonical form (RFC 8785, JSON Canonicalization Scheme).

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return sha256(rfc8785.dumps(dict(agreement))).hexdigest()
