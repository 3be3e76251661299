"""What a person may do: one table from duties to powers, and one from the scopes of a token.

A duty is what a person is for within his organisation; what the organisation is on the platform (`domain.kinds.Role`)
is asked besides. A token is narrower than its owner, never wider.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from domain.kinds import Duty, Role, Scope


class Power(StrEnum):
    """A family of things a person does."""

    READ = "read"
    """What the organisation may see of projects, firms and consortia."""
    OWN = "own"
    """One's own account, sessions, tokens and notices."""
    PUBLISH = "publish"
    """Projects: draft, publish, review, amend, withdraw."""
    DECLARE = "declare"
    """What the firm can do: capabilities, capacity, certificates, files, bids of its own."""
    FORM = "form"
    """Suggestions and everything about a consortium but signatures: invite, accept, counter, decline, report."""
    SIGN = "sign"
    """Bind the organisation: agreements and amendments."""
    PEOPLE = "people"
    """Who acts for the organisation, and what each may do."""
    CONNECT = "connect"
    """The organisation's connections to other systems."""
    STATISTICS = "statistics"
    """The city's figures."""
    VERIFY = "verify"
    """Whether a firm is who it says it is."""


_ANYBODY = frozenset({Power.READ, Power.OWN})
_WORK = frozenset({Power.PUBLISH, Power.DECLARE, Power.FORM})

POWERS: Mapping[Duty, frozenset[Power]] = {
    Duty.ADMIN: _ANYBODY | {Power.PEOPLE, Power.CONNECT},
    Duty.NEGOTIATOR: _ANYBODY | _WORK,
    Duty.SIGNER: _ANYBODY | {Power.SIGN},
    Duty.VIEWER: _ANYBODY,
    Duty.ANALYST: frozenset({Power.STATISTICS, Power.OWN}),
    Duty.OFFICER: _ANYBODY | _WORK | {Power.STATISTICS, Power.VERIFY},
    Duty.OPERATOR: _ANYBODY | _WORK | {Power.STATISTICS},
}
"""The table: what each duty lets a person do."""

SCOPES: Mapping[Scope, frozenset[Power]] = {
    Scope.READ: frozenset({Power.READ, Power.STATISTICS}),
    Scope.DECLARE: frozenset({Power.READ, Power.DECLARE}),
    Scope.PUBLISH: frozenset({Power.READ, Power.PUBLISH}),
    Scope.FORMATION: frozenset({Power.READ, Power.FORM}),
    Scope.SIGN: frozenset({Power.READ, Power.SIGN}),
    Scope.PEOPLE: frozenset({Power.PEOPLE}),
    Scope.CONNECTIONS: frozenset({Power.CONNECT}),
    Scope.ACCOUNT: frozenset({Power.OWN}),
}
"""What each scope of a token lets through of what its owner may do."""

FIRM = (Duty.ADMIN, Duty.NEGOTIATOR, Duty.SIGNER, Duty.VIEWER)
BUREAU = (Duty.ADMIN, Duty.ANALYST, Duty.OFFICER)
OPERATOR = (Duty.ADMIN, Duty.OPERATOR)


def held(duties: Iterable[str]) -> frozenset[Power]:
    """Return what somebody with these duties may do.

    >>> sorted(held(["viewer"])), Power.SIGN in held(["admin", "negotiator"])
    ([<Power.OWN: 'own'>, <Power.READ: 'read'>], False)
    """
    return frozenset[Power]().union(*(POWERS[Duty(duty)] for duty in duties))


def narrowed(powers: frozenset[Power], scopes: Iterable[str] | None) -> frozenset[Power]:
    """Return what is left of `powers` to a token with these scopes; a session, without scopes, has all of them.

    >>> sorted(narrowed(held(["viewer"]), ["sign"]))
    [<Power.READ: 'read'>]
    >>> narrowed(held(["viewer"]), None) == held(["viewer"])
    True
    """
    if scopes is None:
        return powers
    return powers & frozenset[Power]().union(*(SCOPES[Scope(scope)] for scope in scopes))


def open_to(roles: Iterable[Role]) -> tuple[Duty, ...]:
    """Return the duties a person may have in an organisation that plays `roles`.

    >>> open_to([Role.BUREAU])
    (<Duty.ADMIN: 'admin'>, <Duty.ANALYST: 'analyst'>, <Duty.OFFICER: 'officer'>)
    """
    playing = frozenset(roles)
    if Role.BUREAU in playing:
        return BUREAU
    return OPERATOR if Role.OPERATOR in playing else FIRM


def usual(roles: Iterable[Role], *, first: bool) -> tuple[Duty, ...]:
    """Return the duties of a person nobody has chosen duties for: all that an organisation's only person needs.

    >>> usual([Role.SUPPLIER], first=True)
    (<Duty.ADMIN: 'admin'>, <Duty.NEGOTIATOR: 'negotiator'>, <Duty.SIGNER: 'signer'>)
    """
    working = {
        BUREAU: (Duty.OFFICER,),
        OPERATOR: (Duty.OPERATOR,),
        FIRM: (Duty.NEGOTIATOR, Duty.SIGNER),
    }[open_to(roles)]
    return (Duty.ADMIN, *working) if first else working
