"""What goes over the wire about people, their sessions and their tokens."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.wire.base import Wire
from domain.kinds import Clean, Duty, Email, Printable, Role, Scope, Standing
from domain.records import Organisation, SignIn, User

Label = Annotated[str, StringConstraints(min_length=1, max_length=80), Clean, Printable]
Language = Literal["zh-CN", "en"]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Code = Annotated[str, StringConstraints(min_length=6, max_length=60, pattern=r"^[0-9A-Za-z \-]+$")]
"""Six digits of an app, or a code for once, however either was typed."""


class SignInIn(Wire):
    """An e-mail address and a password; and a code, where the account asks for one (`code-needed`)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "zhou@lianzhu.example", "password": "一艘船队出海去 2027"}]}
    )

    email: Email
    password: Secret
    code: Code | None = None


class SignInOut(Wire):
    """A session (`browser`) or an API token of one's own; `current` marks the one that asks.

    `agent` is what the browser called itself, `seen_at` when it was last used, to the minute; `second_factor` says
    that a code was given too. A session is for all that one may do, a token for its `scopes` of that.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "6d1b2f0e-6a43-4f0e-9a51-0c5a9f3f7b10",
                    "label": None,
                    "browser": True,
                    "current": True,
                    "agent": "Mozilla/5.0 (Linux; Android 14)",
                    "second_factor": True,
                    "scopes": None,
                    "created_at": "2027-03-01T09:00:00+08:00",
                    "seen_at": "2027-03-01T10:12:00+08:00",
                    "expires_at": "2027-03-01T21:00:00+08:00",
                }
            ]
        }
    )

    id: UUID
    label: str | None
    browser: bool
    current: bool
    agent: str | None
    second_factor: bool
    scopes: tuple[Scope, ...] | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, row: SignIn, current: UUID) -> Self:
        """Show a sign-in to its owner, who asks by the sign-in `current`."""
        return cls.model_validate(
            {
                "id": row.id,
                "label": row.label,
                "browser": row.browser,
                "current": row.id == current,
                "agent": row.agent,
                "second_factor": row.second_factor,
                "scopes": row.scopes,
                "created_at": row.created_at,
                "seen_at": row.seen_at,
                "expires_at": row.expires_at,
            }
        )


class TokenIn(Wire):
    """What a token is for, what it may be used for, and for how many days it holds."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"label": "ERP 夜间同步", "days": 90, "scopes": ["read", "declare"]}]}
    )

    label: Label
    scopes: tuple[Scope, ...] = (Scope.READ,)
    days: Annotated[int, Field(ge=1, le=365, strict=True)] = 90


class TokenOut(Wire):
    """A new API token. `token` is shown this once and cannot be read again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0f5c5c0a-9f55-4a5c-8f0e-3d1e5f7d9b21",
                    "label": "ERP 夜间同步",
                    "token": "lzt_shown-once-and-never-again",
                    "scopes": ["read", "declare"],
                    "expires_at": "2027-05-30T09:00:00+08:00",
                }
            ]
        }
    )

    id: UUID
    label: str
    token: str
    scopes: tuple[Scope, ...]
    expires_at: datetime


class ActingFor(Wire):
    """The organisation a person acts for."""

    id: UUID
    name: str
    roles: tuple[Role, ...]
    standing: Standing
    demonstration: bool


class MeOut(Wire):
    """The person who asks, and the organisation he acts for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "b7d1c1a4-0d36-4b0f-8b35-2f4b5f1a6c01",
                    "email": "zhou@lianzhu.example",
                    "name": "周航",
                    "locale": "zh-CN",
                    "duties": ["admin", "negotiator", "signer"],
                    "version": 1,
                    "organisation": {
                        "id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
                        "name": "岭南能源工程（演示数据）",
                        "roles": ["chain_leader"],
                        "standing": "verified",
                        "demonstration": True,
                    },
                }
            ]
        }
    )

    id: UUID
    email: str
    name: str
    locale: str
    duties: tuple[Duty, ...]
    version: int
    organisation: ActingFor

    @classmethod
    def of(cls, user: User, organisation: Organisation) -> Self:
        """Show a person his own account."""
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            locale=user.locale,
            duties=tuple(map(Duty, user.duties)),
            version=user.version,
            organisation=ActingFor.model_validate(organisation),
        )


class MeIn(Wire):
    """What a person may change of his own account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"locale": "en"}]})

    locale: Language
