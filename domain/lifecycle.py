"""The lives of things, as tables. An edge that is not here does not exist.

Opportunity: draft → review → published → (closed | withdrawn); an amendment keeps it published in a new version.
Membership:  proposed → invited → (accepted | countered → invited v+1 | declined | expired) → signed → (active |
             withdrawn | replaced); signed → accepted when what was signed is no longer what all have agreed on.
             Until the deadline an answer may be exchanged for another: accepted ⇄ countered, accepted ⇄ declined,
             countered → declined.
Consortium:  forming → agreed → signed → filed → bid → (won → running → closed | lost); dissolved before signed.
Suggestion:  queued → running → (done | failed | cancelled).
Batch:       running → (done | refused | failed); done → undone.
Lone bid:    filed → withdrawn.
Envelope:    requested → sent → signed; failed from either before.
Letter:      waiting → (sent | failed).
Delivery:    waiting → (delivered | failed); asked for once more, either waits again.
Endpoint:    active ⇄ disabled.
Filing:      open → submitted → (accepted | returned → submitted); whatever is not handed in may turn out not needed.
Amendment:   open → (in force | refused | expired | withdrawn); each of them is the end.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from domain.errors import IllegalTransition
from domain.kinds import (
    AmendmentState,
    BatchState,
    CapabilityState,
    ConsortiumState,
    DeliveryState,
    EndpointState,
    EnvelopeState,
    FilingState,
    HoldState,
    InvitationState,
    LetterState,
    LoneBidState,
    MembershipState,
    OpportunityState,
    RunState,
)

State = TypeVar("State", bound=StrEnum)

O, M, C, R, B, H, I, K, F, A = (  # noqa: E741 - one letter a table keeps the edges readable as tables
    OpportunityState,
    MembershipState,
    ConsortiumState,
    RunState,
    BatchState,
    HoldState,
    InvitationState,
    CapabilityState,
    FilingState,
    AmendmentState,
)

OPPORTUNITY: Mapping[OpportunityState, frozenset[OpportunityState]] = {
    O.DRAFT: frozenset({O.REVIEW, O.WITHDRAWN}),
    O.REVIEW: frozenset({O.DRAFT, O.PUBLISHED, O.WITHDRAWN}),
    O.PUBLISHED: frozenset({O.CLOSED, O.WITHDRAWN}),
    O.CLOSED: frozenset(),
    O.WITHDRAWN: frozenset(),
}
MEMBERSHIP: Mapping[MembershipState, frozenset[MembershipState]] = {
    M.PROPOSED: frozenset({M.INVITED, M.WITHDRAWN, M.REPLACED}),
    M.INVITED: frozenset({M.ACCEPTED, M.COUNTERED, M.DECLINED, M.EXPIRED, M.WITHDRAWN}),
    M.COUNTERED: frozenset({M.INVITED, M.ACCEPTED, M.DECLINED, M.EXPIRED, M.WITHDRAWN}),
    M.ACCEPTED: frozenset({M.INVITED, M.COUNTERED, M.SIGNED, M.DECLINED, M.WITHDRAWN, M.REPLACED}),
    M.DECLINED: frozenset({M.ACCEPTED, M.REPLACED}),
    M.EXPIRED: frozenset({M.INVITED, M.REPLACED}),
    M.SIGNED: frozenset({M.ACCEPTED, M.ACTIVE, M.WITHDRAWN, M.REPLACED}),
    M.ACTIVE: frozenset({M.WITHDRAWN, M.REPLACED}),
    M.WITHDRAWN: frozenset(),
    M.REPLACED: frozenset(),
}
CONSORTIUM: Mapping[ConsortiumState, frozenset[ConsortiumState]] = {
    C.FORMING: frozenset({C.AGREED, C.DISSOLVED}),
    C.AGREED: frozenset({C.FORMING, C.SIGNED, C.DISSOLVED}),
    C.SIGNED: frozenset({C.FILED}),
    C.FILED: frozenset({C.BID}),
    C.BID: frozenset({C.WON, C.LOST}),
    C.WON: frozenset({C.RUNNING}),
    C.RUNNING: frozenset({C.CLOSED}),
    C.CLOSED: frozenset(),
    C.LOST: frozenset(),
    C.DISSOLVED: frozenset(),
}
INVITATION: Mapping[InvitationState, frozenset[InvitationState]] = {
    I.SENT: frozenset({I.ACCEPTED, I.COUNTERED, I.DECLINED, I.EXPIRED, I.WITHDRAWN, I.SUPERSEDED}),
    I.COUNTERED: frozenset({I.SUPERSEDED, I.ACCEPTED, I.DECLINED, I.EXPIRED, I.WITHDRAWN}),
    I.ACCEPTED: frozenset({I.SUPERSEDED, I.COUNTERED, I.DECLINED, I.WITHDRAWN}),
    I.DECLINED: frozenset({I.ACCEPTED}),
    I.EXPIRED: frozenset(),
    I.WITHDRAWN: frozenset(),
    I.SUPERSEDED: frozenset(),
}
HOLD: Mapping[HoldState, frozenset[HoldState]] = {
    H.SOFT: frozenset({H.HARD, H.RELEASED, H.EXPIRED}),
    H.HARD: frozenset({H.RELEASED}),
    H.RELEASED: frozenset(),
    H.EXPIRED: frozenset(),
}
RUN: Mapping[RunState, frozenset[RunState]] = {
    R.QUEUED: frozenset({R.RUNNING, R.CANCELLED, R.FAILED}),
    R.RUNNING: frozenset({R.RUNNING, R.DONE, R.CANCELLED, R.FAILED}),
    R.DONE: frozenset(),
    R.FAILED: frozenset(),
    R.CANCELLED: frozenset(),
}
BATCH: Mapping[BatchState, frozenset[BatchState]] = {
    B.RUNNING: frozenset({B.DONE, B.REFUSED, B.FAILED}),
    B.DONE: frozenset({B.UNDONE}),
    B.REFUSED: frozenset(),
    B.FAILED: frozenset(),
    B.UNDONE: frozenset(),
}
CAPABILITY: Mapping[CapabilityState, frozenset[CapabilityState]] = {
    K.DECLARED: frozenset({K.RETIRED}),
    K.RETIRED: frozenset({K.DECLARED}),
}
LONE_BID: Mapping[LoneBidState, frozenset[LoneBidState]] = {
    LoneBidState.FILED: frozenset({LoneBidState.WITHDRAWN}),
    LoneBidState.WITHDRAWN: frozenset(),
}
ENVELOPE: Mapping[EnvelopeState, frozenset[EnvelopeState]] = {
    EnvelopeState.REQUESTED: frozenset({EnvelopeState.SENT, EnvelopeState.FAILED}),
    EnvelopeState.SENT: frozenset({EnvelopeState.SIGNED, EnvelopeState.FAILED}),
    EnvelopeState.SIGNED: frozenset(),
    EnvelopeState.FAILED: frozenset(),
}
LETTER: Mapping[LetterState, frozenset[LetterState]] = {
    LetterState.WAITING: frozenset({LetterState.SENT, LetterState.FAILED}),
    LetterState.SENT: frozenset(),
    LetterState.FAILED: frozenset(),
}
DELIVERY: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.WAITING: frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED}),
    DeliveryState.DELIVERED: frozenset({DeliveryState.WAITING}),
    DeliveryState.FAILED: frozenset({DeliveryState.WAITING}),
}
ENDPOINT: Mapping[EndpointState, frozenset[EndpointState]] = {
    EndpointState.ACTIVE: frozenset({EndpointState.DISABLED}),
    EndpointState.DISABLED: frozenset({EndpointState.ACTIVE}),
}
FILING: Mapping[FilingState, frozenset[FilingState]] = {
    F.OPEN: frozenset({F.SUBMITTED, F.NOT_NEEDED}),
    F.SUBMITTED: frozenset({F.ACCEPTED, F.RETURNED}),
    F.RETURNED: frozenset({F.SUBMITTED, F.NOT_NEEDED}),
    F.ACCEPTED: frozenset(),
    F.NOT_NEEDED: frozenset(),
}
AMENDMENT: Mapping[AmendmentState, frozenset[AmendmentState]] = {
    A.OPEN: frozenset({A.IN_FORCE, A.REFUSED, A.EXPIRED, A.WITHDRAWN}),
    A.IN_FORCE: frozenset(),
    A.REFUSED: frozenset(),
    A.EXPIRED: frozenset(),
    A.WITHDRAWN: frozenset(),
}


def step(table: Mapping[State, frozenset[State]], current: State, wanted: State) -> State:
    """Return `wanted` when `table` has the edge from `current` to it.

    Raises IllegalTransition otherwise, naming both states and what would be possible.

    >>> step(OPPORTUNITY, OpportunityState.REVIEW, OpportunityState.PUBLISHED)
    <OpportunityState.PUBLISHED: 'published'>
    """
    if wanted not in table[current]:
        possible = ", ".join(sorted(table[current]))
        raise IllegalTransition(current=str(current), wanted=str(wanted), possible=possible)
    return wanted
