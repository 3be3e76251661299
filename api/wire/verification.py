"""What anybody may learn from a hash."""

from datetime import datetime
from typing import Literal, Self

from pydantic import ConfigDict

from api.queries.verification import Verdict
from api.wire.base import Wire

State = Literal["in_force", "pending", "ended", "superseded", "void", "unknown"]


class VerificationOut(Wire):
    """Whether the agreement with a hash is in force, and since when; nothing of what it says."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sha256": "0f343b0931126a20f133d67c2b018a3b1e9b2f0c4d5a6b7c8d9e0f1a2b3c4d5e",
                    "state": "in_force",
                    "since": "2027-01-09T02:00:00Z",
                }
            ]
        }
    )

    sha256: str
    state: State
    since: datetime | None

    @classmethod
    def from_verdict(cls, sha256: str, found: Verdict | None) -> Self:
        """Tell what is known of a hash."""
        if found is None:
            return cls(sha256=sha256, state="unknown", since=None)
        return cls(sha256=sha256, state=found.validity.value, since=found.since)
