"""An amended agreement beside the former one: what differs, who must sign again, whose signature carries over.

A member is bound by its *part* of an agreement: its own entry, the common terms, and who the parties are and which of
them leads. The others' work and prices are no part of it, nor is the number of the edition. The part has a canonical
form (RFC 8785) and a hash of its own, made from the body alone; where it is the same in two editions, no word that
binds the member differs between them, and the signature under the one can be counted for the other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from coalitions.agreement import digest
from domain.message import Message, Parameter

Body = Mapping[str, Any]
OWN = frozenset({"edition", "members"})
"""What of a body is not common to all: the number of the edition, and each member's own entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that two editions say differently; ``member`` is the party it is about, "" where it is about all."""

    code: str
    member: str = ""
    params: Mapping[str, Parameter] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def message(self) -> Message:
        """What differs, to be said."""
        return Message(code=self.code, params=self.params)


def key_of(member: Mapping[str, Any]) -> str:
    """Return what a party is known by across editions: its credit code, else its name.

    >>> key_of({"credit_code": None, "name": "Demo PT"})
    'Demo PT'
    """
    return str(member["credit_code"] or member["name"])


def parties(body: Body) -> dict[str, Mapping[str, Any]]:
    """Return the members' entries by what each party is known by."""
    return {key_of(member): member for member in body["members"]}


def part(body: Body, key: str) -> dict[str, Any]:
    """Return everything in a body that binds one party, and nothing else. Raises KeyError where it is none.

    Who the parties are belongs to it: members answer for each other, and a new one joins with the consent of all.
    """
    return {
        "format": "lianzhou-part/1",
        "common": {name: value for name, value in body.items() if name not in OWN},
        "parties": [{name: member[name] for name in ("name", "credit_code", "lead")} for member in body["members"]],
        "member": parties(body)[key],
    }


def part_digest(body: Body, key: str) -> str:
    """Return the SHA-256 of the canonical form of one party's part. Raises KeyError where it is none."""
    return digest(part(body, key))


def bound_anew(former: Body, amended: Body) -> frozenset[str]:
    """Return who must sign the amended edition: whoever joins, leaves, or finds its part changed.

    >>> one = {"edition": 1, "members": [{"name": name, "credit_code": None, "lead": name == "A"} for name in "AB"]}
    >>> bound_anew(one, one | {"edition": 2}), sorted(bound_anew(one, one | {"liability": "several"}))
    (frozenset(), ['A', 'B'])
    """
    before, after = parties(former), parties(amended)
    kept = before.keys() & after.keys()
    changed = {key for key in kept if part_digest(former, key) != part_digest(amended, key)}
    return frozenset(changed | (before.keys() ^ after.keys()))


def differences(former: Body, amended: Body) -> tuple[Difference, ...]:
    """Return what an amended edition says differently: common terms first, then party by party."""
    before, after = parties(former), parties(amended)
    found = list(_common("", former, amended))
    for key in [*before, *(key for key in after if key not in before)]:
        if key not in after:
            found.append(_about("member-leaves", before[key]))
        elif key not in before:
            found.append(_about("member-joins", after[key], share=after[key]["share"], value=after[key]["value"]))
            found += _work({**after[key], "work": ()}, after[key])
        else:
            found += _entry(before[key], after[key])
    return tuple(found)


def _common(path: str, former: Body, amended: Body) -> Iterator[Difference]:
    """Compare what stands outside the members' entries, down to single values; ``path`` leads there."""
    for name in sorted((former.keys() | amended.keys()) - (OWN if not path else set())):
        before, after = former.get(name), amended.get(name)
        if isinstance(before, Mapping) or isinstance(after, Mapping):
            yield from _common(f"{path}{name}.", before or {}, after or {})
        elif before != after:
            yield Difference(code="common-term", params={"term": path + name, "before": before, "after": after})


def _about(code: str, member: Mapping[str, Any], **params: Parameter) -> Difference:
    return Difference(code=code, member=key_of(member), params={"member": str(member["name"]), **params})


def _entry(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    if before["name"] != after["name"]:
        yield _about("name-changes", after, before=before["name"], after=after["name"])
    if before["lead"] != after["lead"]:
        yield _about("becomes-lead" if after["lead"] else "leads-no-more", after)
    yield from _work(before, after)
    for name in ("share", "value"):
        if before[name] != after[name]:
            yield _about(f"{name}-changes", after, before=before[name], after=after[name])


def _work(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    had, has = ({work["package"]: work for work in entry["work"]} for entry in (before, after))
    for package in sorted(had.keys() | has.keys()):
        old, new = had.get(package), has.get(package)
        units = [work["units"] if work else 0 for work in (old, new)]
        if units[0] != units[1]:
            yield _about("units-change", after, package=package, before=units[0], after=units[1])
        prices = [work["unit_price"] if work else None for work in (old, new)]
        if new is not None and prices[0] != prices[1]:
            yield _about("price-changes", after, package=package, before=prices[0], after=prices[1])
