"""What goes over the wire about webhooks, and what a webhook itself carries."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from api.wire.base import Wire
from api.wire.channels import Families
from domain.kinds import Clean, DeliveryState, EndpointState, Printable
from domain.records import Attempt, Delivery, Endpoint, Event

KEPT = timedelta(days=30)
"""For how long a delivery can be asked for once more."""


class EndpointIn(Wire):
    """Where an organisation's own system listens, and to what."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"url": "https://erp.example/hooks/lianzhou", "label": "ERP", "families": ["membership", "consortium"]}
            ]
        }
    )

    url: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
    label: Annotated[str, StringConstraints(max_length=80), Clean, Printable] = ""
    families: Families = ()


class EndpointOut(Wire):
    """A webhook of one's organisation; its secret was shown when it was made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-0000000000e1",
                    "url": "https://erp.example/hooks/lianzhou",
                    "label": "ERP",
                    "families": ["membership", "consortium"],
                    "state": "active",
                    "reason": None,
                    "former_until": None,
                    "created_at": "2027-01-06T02:00:00+00:00",
                    "version": 1,
                }
            ]
        }
    )

    id: UUID
    url: str
    label: str
    families: tuple[str, ...]
    state: EndpointState
    reason: str | None
    former_until: datetime | None
    created_at: datetime
    version: int


class EndpointSecretOut(Wire):
    """A webhook with its secret, shown this once; both secrets sign until `former_until` when one was replaced."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"endpoint": EndpointOut.example(), "secret": "whsec_bGlhbnpob3UtZXhhbXBsZQ=="}]
        }
    )

    endpoint: EndpointOut
    secret: str

    @classmethod
    def of(cls, row: Endpoint) -> Self:
        """Show a webhook whose secret was made just now."""
        return cls(endpoint=EndpointOut.model_validate(row), secret=row.secret)


class AttemptOut(Wire):
    """One try: what came of it, the status and the beginning of the other side's answer."""

    created_at: datetime
    outcome: str
    status: int | None
    milliseconds: int
    answer: str


class DeliveryOut(Wire):
    """One event on its way to a webhook: the body that is signed, every try, when the next one is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-0000000000f1",
                    "endpoint_id": "0198c0de-0000-7000-8000-0000000000e1",
                    "code": "membership.invited",
                    "body": '{"type":"membership.invited"}',
                    "state": "delivered",
                    "tries": 1,
                    "next_at": None,
                    "created_at": "2027-01-06T02:00:00+00:00",
                    "finished_at": "2027-01-06T02:00:01+00:00",
                    "attempts": [
                        {
                            "created_at": "2027-01-06T02:00:01+00:00",
                            "outcome": "delivered",
                            "status": 204,
                            "milliseconds": 38,
                            "answer": "",
                        }
                    ],
                }
            ]
        }
    )

    id: UUID
    endpoint_id: UUID
    code: str
    body: str
    state: DeliveryState
    tries: int
    next_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    attempts: tuple[AttemptOut, ...]

    @classmethod
    def of(cls, row: Delivery, attempts: tuple[Attempt, ...]) -> Self:
        """Show a delivery to the organisation it goes to."""
        shown: dict[str, Any] = {name: getattr(row, name) for name in cls.model_fields if name != "attempts"}
        if row.state is not DeliveryState.WAITING:
            shown["next_at"] = None
        return cls.model_validate(shown | {"attempts": tuple(map(AttemptOut.model_validate, attempts))})


class ReplayIn(Wire):
    """A span of time whose events are to be delivered once more; at most the last thirty days."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"since": "2027-01-05T00:00:00Z", "until": "2027-01-06T00:00:00Z"}]}
    )

    since: datetime
    until: datetime

    @field_validator("since", "until")
    @classmethod
    def _zoned(cls, given: datetime, info: ValidationInfo) -> datetime:
        if given.tzinfo is None:
            raise PydanticCustomError("timezone_aware", "a moment needs its offset")
        if info.field_name == "until" and info.data.get("since", given) > given:
            raise PydanticCustomError("span", "the end lies before the beginning")
        return given


class ReplayOut(Wire):
    """How many events will be delivered once more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"deliveries": 12}]})

    deliveries: Annotated[int, Field(ge=0)]


class ThinEvent(Wire):
    """What a webhook carries of an event: what it was and about what, by ids; figures and names are to be asked for."""

    type: str
    timestamp: datetime
    data: dict[str, str | None]

    @classmethod
    def of(cls, event: Event, position: str) -> Self:
        """Say an event thinly."""
        about = {name: getattr(event, name) for name in ("subject_id", "opportunity_id", "consortium_id")}
        data = {name: None if each is None else str(each) for name, each in about.items()}
        return cls.model_validate(
            {
                "type": event.code,
                "timestamp": event.at,
                "data": {"position": position, "organisation_id": str(event.organisation_id), **data},
            }
        )
