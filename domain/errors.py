"""The tree of refusals: no HTTP, no prose.

```
DomainError
├── NotFound             absent, or not yours to see
├── NotSignedIn          nobody is asking
│   └── WrongPassword
├── NotAllowed           seen, but not yours to do
│   ├── NotDelegate
│   ├── PersonMayNot
│   └── NotVerified
├── Invalid              what was sent has faults, all named at once
├── RuleBroken           the state of things forbids it
│   ├── IllegalTransition
│   ├── AlreadyExists
│   ├── DeadlinePassed
│   ├── SeatTaken
│   ├── CapacityExceeded
│   ├── VersionNotCurrent
│   ├── ConfidentialityFirst
│   ├── SeatFilled
│   ├── KeyReused
│   └── StillReferenced
├── Stale                someone else was first
├── PreconditionRequired a change must name the version it was made from
├── TooMany              a limit was reached; says when to come back
└── Unavailable          not now; says when to come back
```

Each class has a ``code``; the sentence for it stands in both catalogues, the status in ``api/problems.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from domain.message import Message, Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with what was sent: where it is, what rule it breaks, with which figures.

    ``where`` is a JSON path (``$.packages[2].quantity``) or a cell (``row 7, 月产能``).
    """

    where: str
    code: str
    params: Mapping[str, Parameter] = field(default_factory=dict)


class DomainError(Exception):
    """A refusal with a code and parameters."""

    code: ClassVar[str] = "refused"

    def __init__(self, **params: Parameter) -> None:
        super().__init__(self.code, params)
        self.params: dict[str, Parameter] = params

    @property
    def message(self) -> Message:
        """The refusal as something to be said.

        >>> NotFound(noun="opportunity").message.code
        'not-found'
        """
        return Message(code=self.code, params=self.params)


class NotFound(DomainError):
    """The thing is absent, or the actor may not know that it exists."""

    code = "not-found"


class NotSignedIn(DomainError):
    """No valid session or token came with the request."""

    code = "not-signed-in"


class WrongPassword(NotSignedIn):
    """The account and password do not belong together; which of the two is wrong is not told."""

    code = "wrong-password"


class NotAllowed(DomainError):
    """The actor sees the thing but has no right to do this to it."""

    code = "not-allowed"


class NotDelegate(NotAllowed):
    """The firm's answer was handed to somebody else of the firm."""

    code = "not-delegate"


class PersonMayNot(NotAllowed):
    """The organisation may do this, and this person or token may not do it for the organisation."""

    code = "person-may-not"


class NotVerified(NotAllowed):
    """The bureau has not verified the organisation, so nothing of others is open to it."""

    code = "not-verified"


class Invalid(DomainError):
    """What was sent has faults; ``faults`` names every one of them."""

    code = "invalid"

    def __init__(self, faults: tuple[Fault, ...], **params: Parameter) -> None:
        super().__init__(**params)
        self.faults = faults


class RuleBroken(DomainError):
    """The request is well formed, and the state of things forbids it."""

    code = "rule-broken"


class IllegalTransition(RuleBroken):
    """The lifecycle has no such edge."""

    code = "illegal-transition"


class AlreadyExists(RuleBroken):
    """A thing with this identity is already there."""

    code = "already-exists"


class DeadlinePassed(RuleBroken):
    """The time for this has run out."""

    code = "deadline-passed"


class SeatTaken(RuleBroken):
    """The firm already holds a seat that excludes this one."""

    code = "seat-taken"


class CapacityExceeded(RuleBroken):
    """More would be promised than the firm has declared for that month."""

    code = "capacity-exceeded"


class VersionNotCurrent(RuleBroken):
    """The answer names terms that have been replaced since."""

    code = "version-not-current"


class ConfidentialityFirst(RuleBroken):
    """Who else takes part is told to whoever has promised to keep it confidential."""

    code = "confidentiality-first"


class SeatFilled(RuleBroken):
    """The work of a seat that was declined has been given to others."""

    code = "seat-filled"


class KeyReused(RuleBroken):
    """The idempotency key was used before, for another request."""

    code = "key-reused"


class StillReferenced(RuleBroken):
    """Something else rests on this, so it cannot go."""

    code = "still-referenced"


class Stale(DomainError):
    """Someone else changed it first."""

    code = "stale"


class PreconditionRequired(DomainError):
    """A change must say, by ``If-Match``, which version it was made from."""

    code = "precondition-required"


class TooMany(DomainError):
    """A limit was reached; ``seconds`` says when to come back."""

    code = "too-many"


class Unavailable(DomainError):
    """Not possible at the moment; ``seconds`` says when to come back."""

    code = "unavailable"
