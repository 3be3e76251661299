"""What goes over the wire about long work."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from api.wire.base import Wire
from domain.kinds import RunState


class JobOut(Wire):
    """A piece of long work: `progress` while it runs, `outcome` once it has ended."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000005",
                    "kind": "suggest",
                    "subject_id": "0198c0de-0000-7000-8000-000000000001",
                    "state": "running",
                    "tries": 1,
                    "progress": {"stage": "base", "plan": 1, "gap": 0.012, "seconds": 1.4},
                    "outcome": {},
                    "created_at": "2027-01-06T01:00:00Z",
                    "finished_at": None,
                }
            ]
        }
    )

    id: UUID
    kind: str
    subject_id: UUID | None
    state: RunState
    tries: int
    progress: dict[str, Any]
    outcome: dict[str, Any]
    created_at: datetime
    finished_at: datetime | None


class SuggestIn(Wire):
    """How to look: how many plans, for how many seconds, from which seed; `consortium_id` keeps its settled members."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"plans": 3, "seconds": 10, "seed": 0}]})

    plans: Annotated[int, Field(ge=1, le=5, strict=True)] = 3
    seconds: Annotated[int, Field(ge=1, le=60, strict=True)] = 10
    seed: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] = 0
    consortium_id: UUID | None = None
