"""What waits for one person: the value that inbox, badge, calendar, interface and command line share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from domain.message import Parameter

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """One thing that waits for one person: what, about what, until when, and the page on which it is done.

    ``code`` is worded by section ``obligation`` with ``params``; ``code`` and ``subject_id`` together are its identity.
    """

    code: str
    subject_id: UUID
    due: datetime | None
    path: str
    opportunity_id: UUID | None = None
    consortium_id: UUID | None = None
    params: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def order(self) -> tuple[datetime, str, str]:
        """Where it stands among others: by when it falls due; what has no date comes last.

        >>> soon = Obligation(code="sign", subject_id=UUID(int=1), due=datetime(2027, 3, 1, tzinfo=UTC), path="/")
        >>> ever = Obligation(code="review", subject_id=UUID(int=2), due=None, path="/")
        >>> soon.order < ever.order
        True
        """
        return (self.due or NEVER, self.code, str(self.subject_id))
