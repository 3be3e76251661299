"""What one edition of an agreement is worth now: waiting for signatures, in force, replaced, void, ended."""

from collections.abc import Iterable
from enum import StrEnum

from domain.kinds import AmendmentState, ConsortiumState


class Validity(StrEnum):
    """How an edition of an agreement stands, the strongest first."""

    IN_FORCE = "in_force"
    PENDING = "pending"
    ENDED = "ended"
    SUPERSEDED = "superseded"
    VOID = "void"


_OF_THE_NEWEST = {
    ConsortiumState.FORMING: Validity.VOID,
    ConsortiumState.AGREED: Validity.PENDING,
    ConsortiumState.SIGNED: Validity.IN_FORCE,
    ConsortiumState.FILED: Validity.IN_FORCE,
    ConsortiumState.BID: Validity.IN_FORCE,
    ConsortiumState.WON: Validity.IN_FORCE,
    ConsortiumState.RUNNING: Validity.IN_FORCE,
    ConsortiumState.CLOSED: Validity.ENDED,
    ConsortiumState.LOST: Validity.ENDED,
    ConsortiumState.DISSOLVED: Validity.VOID,
}
_OF_PROPOSED = {
    AmendmentState.OPEN: Validity.PENDING,
    AmendmentState.REFUSED: Validity.VOID,
    AmendmentState.EXPIRED: Validity.VOID,
    AmendmentState.WITHDRAWN: Validity.VOID,
}


def validity(state: ConsortiumState, *, newest: bool, amendment: AmendmentState | None = None) -> Validity:
    """Return how an edition stands whose consortium is in `state`; one that is not the newest has been replaced.

    A consortium that forms again, or was dissolved before everyone had signed, leaves no edition in force. An edition
    that an `amendment` proposes waits for signatures while that is open, and is void once it was dropped; the former
    one holds meanwhile, so `newest` is asked among those that have taken force.

    >>> validity(ConsortiumState.SIGNED, newest=True).value, validity(ConsortiumState.SIGNED, newest=False).value
    ('in_force', 'superseded')
    >>> validity(ConsortiumState.SIGNED, newest=True, amendment=AmendmentState.REFUSED).value
    'void'
    """
    if amendment in _OF_PROPOSED:
        return _OF_PROPOSED[amendment]
    return _OF_THE_NEWEST[state] if newest else Validity.SUPERSEDED


def strongest(found: Iterable[Validity]) -> Validity | None:
    """Return the strongest of several: the same terms agreed upon twice have one hash; None where there is none.

    >>> strongest([Validity.VOID, Validity.PENDING]).value
    'pending'
    """
    return min(found, key=list(Validity).index, default=None)
