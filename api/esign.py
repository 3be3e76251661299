"""Providers of electronic signatures: what we ask of one, what one tells us, and one that speaks plain HTTP.

We make no legal signature of our own. A provider gets the frozen paper and the hash of its original, and tells by a
webhook in Standard Webhooks form (https://www.standardwebhooks.com) that a member has signed, with which certificate.
Another provider is another class with the two methods of `Provider`.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, Protocol

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from api.settings import Settings
from domain.errors import NotSignedIn, RuleBroken

SECONDS = 20.0
LARGEST_NOTICE = 20_000
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
Text = Annotated[str, Field(min_length=1, max_length=200)]


class EsignOff(RuleBroken):
    """No provider of electronic signatures is configured."""

    code = "esign-off"


class WebhookForged(NotSignedIn):
    """A message claims to be the provider's and does not bear its signature, or is not what it may say."""

    code = "webhook-forged"


class WebhookLate(RuleBroken):
    """A message of the provider is more than five minutes older or newer than our clock."""

    code = "webhook-late"


class Unreachable(Exception):
    """The provider did not take an envelope: it was away, or refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What a provider is asked to have signed, by whom; `key` is ours, and the same for the same signing."""

    key: str
    title: str
    sha256: str
    paper: bytes
    firm: str
    credit_code: str | None
    person: str
    email: str
    callback: str


class Opened(BaseModel):
    """How a provider took it: its own reference, and the address where the member signs."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    reference: Text
    address: Annotated[str, Field(max_length=2000, pattern=r"^https?://")] | None = None


class Told(BaseModel):
    """What a webhook says of one envelope; `sha256` is the hash of the original that was signed or refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    reference: Text
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    certificate: Annotated[str, Field(max_length=500)] | None = None
    signed_at: datetime | None = None


class Notice(BaseModel):
    """A message of a provider, proved to be its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type: Literal["envelope.signed", "envelope.declined"]
    data: Told


class Provider(Protocol):
    """What the rest of the system knows of a provider."""

    @property
    def name(self) -> str:
        """What it is called in records and on pages."""
        ...

    async def open(self, signing: Signing) -> Opened:
        """Hand a signing over; the same key again is the same envelope. Raises Unreachable."""
        ...

    def read(self, headers: Mapping[str, str], content: bytes) -> tuple[str, Notice]:
        """Return the id and the content of a webhook. Raises WebhookForged, WebhookLate."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProvider:
    """A provider with one address to post envelopes to, and webhooks signed by a shared secret."""

    name: str
    url: str
    token: str
    secret: str

    async def open(self, signing: Signing) -> Opened:
        """Post an envelope. Raises Unreachable."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": signing.key}
        document = {
            "title": signing.title,
            "sha256": signing.sha256,
            "media_type": "application/pdf",
            "content": base64.b64encode(signing.paper).decode(),
        }
        signer = {
            "firm": signing.firm,
            "credit_code": signing.credit_code,
            "person": signing.person,
            "email": signing.email,
        }
        asked = {"key": signing.key, "document": document, "signer": signer, "callback": signing.callback}
        try:
            async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
                answer = await client.post(f"{self.url.rstrip('/')}/envelopes", json=asked, headers=headers)
            answer.raise_for_status()
            return Opened.model_validate_json(answer.content)
        except (httpx.HTTPError, ValidationError) as error:
            raise Unreachable(type(error).__name__) from error

    def read(self, headers: Mapping[str, str], content: bytes) -> tuple[str, Notice]:
        """Verify a webhook by its signature, then its age, then what it says. Raises WebhookForged, WebhookLate."""
        given = {name: headers.get(name, "") for name in HEADERS}
        if len(content) > LARGEST_NOTICE:
            raise WebhookForged()
        try:
            Webhook(self.secret).verify(content, given, json_parse=False)
            return given["webhook-id"][:200], Notice.model_validate_json(content)
        except WebhookVerificationError as error:
            if self._is_ours(given, content):
                raise WebhookLate() from error
            raise WebhookForged() from error
        except ValueError as error:  # a header or a body of another form; a validation error is one too
            raise WebhookForged() from error

    def _is_ours(self, given: Mapping[str, str], content: bytes) -> bool:
        """Tell whether the signature is right for the moment that the message names, whatever moment it is."""
        try:
            moment = datetime.fromtimestamp(float(given["webhook-timestamp"]), tz=UTC)
            expected = Webhook(self.secret).sign(given["webhook-id"], moment, content.decode())
        except (ValueError, OverflowError, OSError):
            return False
        return expected in given["webhook-signature"].split(" ")


def provider_of(settings: Settings) -> Provider:
    """Return the provider that is configured. Raises EsignOff where there is none."""
    if settings.esign_url is None or settings.esign_token_file is None or settings.esign_secret_file is None:
        raise EsignOff()
    return HttpProvider(
        name=settings.esign_name,
        url=settings.esign_url,
        token=settings.esign_token_file.read_text(encoding="utf-8").strip(),
        secret=settings.esign_secret_file.read_text(encoding="utf-8").strip(),
    )


def name_of(settings: Settings) -> str | None:
    """Return what the configured provider is called; None where there is none."""
    there = None not in (settings.esign_url, settings.esign_token_file, settings.esign_secret_file)
    return settings.esign_name if there else None
