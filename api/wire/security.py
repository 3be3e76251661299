"""What goes over the wire about proving who one is: password, second factor, recovery, accounts elsewhere."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from api.oidc import Provider
from api.queries.credentials import Standing
from api.wire.auth import Code, Secret
from api.wire.base import Wire
from domain.kinds import Email, Password
from domain.records import LinkedIdentity


class ProofIn(Wire):
    """Either the password or a code, given once more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "一艘船队出海去 2027"}]})

    password: Secret | None = None
    code: Code | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.password is None) == (self.code is None):
            raise PydanticCustomError("one-proof", "either a password or a code")
        return self


class PasswordIn(Wire):
    """A new password, with the present one; `tokens` also ends one's API tokens. All other sessions end anyhow."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"present": "一艘船队出海去 2027", "new": "两艘船队都出海去 2028", "tokens": False}]
        }
    )

    present: Secret
    new: Password
    tokens: bool = False


class SecondFactorOut(Wire):
    """Since when sign-in asks for a code, and how many codes for once are left; `required` says it has to."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"since": "2027-03-01T09:00:00+08:00", "codes_left": 10, "required": False}]}
    )

    since: datetime | None
    codes_left: int
    required: bool

    @classmethod
    def of(cls, standing: Standing, *, required: bool) -> Self:
        """Show a person how his second factor stands."""
        return cls(since=standing.since, codes_left=standing.codes, required=required)


class OfferedOut(Wire):
    """What an app needs to make codes, shown this once: the secret, and the same as an address for a QR code."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "secret": "SHOWNONCEANDNEVERAGAINSHOWNONCEA",
                    "uri": "otpauth://totp/LianZhou:zhou%40lianzhu.example?secret=SHOWNONCE&issuer=LianZhou",
                }
            ]
        }
    )

    secret: str
    uri: str


class CodeIn(Wire):
    """A code that the app shows now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "492039"}]})

    code: Code


class CodesOut(Wire):
    """Ten codes for whoever has lost his app, each for once, shown this once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"codes": ["abcd-efgh-jkmn-pqrs-tuvw-xyz2"]}]})

    codes: tuple[str, ...]


class RecoveryIn(Wire):
    """The address of whoever has forgotten his password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "zhou@lianzhu.example"}]})

    email: Email


class NewPasswordIn(Wire):
    """The secret of a link, and the password to be set by it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"secret": "from-the-link-in-the-letter", "password": "两艘船队都出海去 2028"}]}
    )

    secret: Secret
    password: Password


class LinkOut(Wire):
    """A link that sets a new password, shown this once: it holds once, for half an hour."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://lianzhou.example/recovery/new?secret=shown-once"}]}
    )

    url: str


class ProviderOut(Wire):
    """A provider one may sign in by; a browser begins at `path`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": "city", "name": "城市统一身份", "path": "/login/oidc/city"}]}
    )

    id: str
    name: str
    path: str

    @classmethod
    def of(cls, provider: Provider) -> Self:
        """Show a provider to anybody."""
        return cls(id=provider.id, name=provider.name, path=f"/login/oidc/{provider.id}")


class IdentityOut(Wire):
    """An account elsewhere that opens one's own here."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0b54b6b2-5a83-4b6c-9e0a-5f8f3d0b7f11",
                    "provider": "city",
                    "issuer": "https://id.city.example",
                    "created_at": "2027-03-01T09:00:00+08:00",
                    "used_at": None,
                }
            ]
        }
    )

    id: UUID
    provider: str
    issuer: str
    created_at: datetime
    used_at: datetime | None

    @classmethod
    def of(cls, row: LinkedIdentity) -> Self:
        """Show an account elsewhere to whose it is."""
        assert row.created_at is not None  # the database fills it in
        return cls(id=row.id, provider=row.provider, issuer=row.issuer, created_at=row.created_at, used_at=row.used_at)
