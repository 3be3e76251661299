"""What goes over the wire about signing at a provider of electronic signatures."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict

from api.wire.base import Wire
from domain.kinds import EnvelopeState


class EnvelopeOut(Wire):
    """A member's signing at a provider: where it is done, how far it is, by which certificate it was done."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000021",
                    "sha256": "0" * 64,
                    "organisation_id": "0198c0de-0000-7000-8000-000000000002",
                    "provider": "esign",
                    "reference": "env-40",
                    "address": "https://esign.example/env-40",
                    "certificate": None,
                    "signed_at": None,
                    "state": "sent",
                    "version": 2,
                    "created_at": "2027-01-07T02:00:00Z",
                }
            ]
        }
    )

    id: UUID
    sha256: str
    organisation_id: UUID
    provider: str
    reference: str | None
    address: str | None
    certificate: str | None
    signed_at: datetime | None
    state: EnvelopeState
    version: int
    created_at: datetime
