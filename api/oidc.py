"""Signing in by an account elsewhere: OpenID Connect, authorization code with PKCE; no database here.

What is known of a provider beforehand is its issuer and our client there; the rest it tells under
``/.well-known/openid-configuration`` and must tell of the issuer that was named (OpenID Connect Discovery, 4.3).
An attempt is remembered by the browser alone, in a sealed cookie: its provider, state, nonce and verifier.
"""

import json
import time
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from secrets import compare_digest, token_urlsafe
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.safe import SafeClosed, open_sealed, seal
from api.settings import BadSetting, Settings

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures by keys of the provider's own: never ``none``, and never by a secret that we hold too."""
PURPOSE = "oidc.attempt"
ATTEMPT = timedelta(minutes=10)
SECONDS = 5.0
LEEWAY = 60
KEPT = timedelta(hours=1)
LONGEST_SUBJECT = 255
KNOWN = frozenset({"id", "name", "issuer", "client_id", "secret_file"})
NEEDED = KNOWN - {"secret_file"}


class NotProven(Exception):
    """A provider did not prove who somebody is; ``reason`` names the check that failed, for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider as the operator names it. A client without a secret proves itself by PKCE alone."""

    id: str
    name: str
    issuer: str
    client_id: str
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a browser set out with. ``sign_in`` is the session that wants to link the account, where one does."""

    provider: str
    onward: str
    sign_in: str | None
    until: int
    state: str
    nonce: str
    verifier: str

    @classmethod
    def set_out(cls, provider: Provider, onward: str, sign_in: str | None) -> "Attempt":
        """Set out, with secrets of 256 bits each."""
        until = int(time.time() + ATTEMPT.total_seconds())
        state, nonce, verifier = (token_urlsafe(32) for _ in range(3))
        return cls(
            provider=provider.id,
            onward=onward,
            sign_in=sign_in,
            until=until,
            state=state,
            nonce=nonce,
            verifier=verifier,
        )

    def sealed(self) -> str:
        """Return it as a cookie carries it."""
        return seal(PURPOSE, json.dumps(asdict(self)).encode()).hex()

    @classmethod
    def opened(cls, cookie: str | None, provider: str) -> "Attempt":
        """Return what `sealed` returned, for the same provider and in time. Raises NotProven."""
        try:
            attempt = cls(**json.loads(open_sealed(PURPOSE, bytes.fromhex(cookie or ""))))
        except (SafeClosed, ValueError, TypeError) as broken:
            raise NotProven("attempt") from broken
        if attempt.provider != provider or attempt.until < time.time():
            raise NotProven("attempt")
        return attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who somebody is elsewhere: a subject of an issuer, and nothing else that he or the issuer may change."""

    issuer: str
    subject: str


@dataclass(slots=True, kw_only=True)
class _Told:
    """What a provider told of itself, and when."""

    metadata: Mapping[str, Any]
    keys: KeySet
    at: float


class Providers:
    """The providers of this process, by id, with what they told of themselves."""

    def __init__(self, settings: Settings) -> None:
        named = read(settings.oidc_file) if settings.oidc_file else ()
        self._providers = {provider.id: provider for provider in named}
        self._site = settings.site
        self._told: dict[str, _Told] = {}

    def all(self) -> tuple[Provider, ...]:
        """Return them in the order in which they are named."""
        return tuple(self._providers.values())

    def get(self, identity: str) -> Provider | None:
        """Return one."""
        return self._providers.get(identity)

    def redirect_uri(self, provider: Provider) -> str:
        """Return where a provider sends browsers back to: one address for each, registered there exactly."""
        return f"{self._site}/login/oidc/{provider.id}/callback"

    async def authorization_url(self, provider: Provider, attempt: Attempt) -> str:
        """Return where a browser is sent to. Raises NotProven."""
        told = await self._known(provider)
        url: str = prepare_grant_uri(
            told.metadata["authorization_endpoint"],
            provider.client_id,
            "code",
            redirect_uri=self.redirect_uri(provider),
            scope="openid",
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
        return url

    async def identity(self, provider: Provider, attempt: Attempt, answer: Mapping[str, str]) -> Identity:
        """Return whom a provider says the browser that came back with `answer` is.

        Raises NotProven where state, issuer, code, signature, audience, nonce or time is not as it must be.
        """
        told = await self._known(provider)
        if not compare_digest(answer.get("state", ""), attempt.state):
            raise NotProven("state")
        self._same_issuer(provider, told, answer.get("iss"))
        if "error" in answer or not answer.get("code"):
            raise NotProven("refused-there")
        token = await self._token(provider, told, attempt, answer["code"])
        claims = await self._claims(provider, told, token)
        return _checked(provider, attempt, claims)

    def _same_issuer(self, provider: Provider, told: _Told, named: str | None) -> None:
        """Refuse an answer that another issuer gave (RFC 9207: mix-up of servers)."""
        promised = bool(told.metadata.get("authorization_response_iss_parameter_supported"))
        if named != provider.issuer if promised or named is not None else False:
            raise NotProven("issuer")

    async def _token(self, provider: Provider, told: _Told, attempt: Attempt, code: str) -> str:
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri(provider),
            "code_verifier": attempt.verifier,
        }
        auth = httpx.Auth() if provider.secret is None else httpx.BasicAuth(provider.client_id, provider.secret)
        if provider.secret is None:
            sent["client_id"] = provider.client_id
        async with _client() as client:
            given = await _json(client.post(told.metadata["token_endpoint"], data=sent, auth=auth))
        token = given.get("id_token")
        if not isinstance(token, str):
            raise NotProven("id-token")
        return token

    async def _claims(self, provider: Provider, told: _Told, token: str) -> CodeIDToken:
        """Return what a token says, if a key of its issuer signed it; keys it does not name yet are asked for once."""
        try:
            decoded = jwt.decode(token, told.keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            told = await self._known(provider, anew=True)
            try:
                decoded = jwt.decode(token, told.keys, algorithms=list(ALGORITHMS))
            except (JoseError, ValueError) as refused:
                raise NotProven("signature") from refused
        return CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": provider.issuer},
                "aud": {"essential": True, "value": provider.client_id},
                "sub": {"essential": True},
            },
        )

    async def _known(self, provider: Provider, *, anew: bool = False) -> _Told:
        """Return what a provider tells of itself, asked at most once an hour, or `anew`."""
        kept = self._told.get(provider.id)
        if kept is None or anew or time.monotonic() - kept.at > KEPT.total_seconds():
            async with _client() as client:
                metadata = await _json(client.get(get_well_known_url(provider.issuer, external=True)))
                if metadata.get("issuer") != provider.issuer:
                    raise NotProven("metadata")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    _require_safe(str(metadata.get(name)))
                keys = await _json(client.get(metadata["jwks_uri"]))
            try:
                found = KeySet.import_key_set(keys)  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError) as broken:
                raise NotProven("keys") from broken
            kept = self._told[provider.id] = _Told(metadata=metadata, keys=found, at=time.monotonic())
        return kept


def _checked(provider: Provider, attempt: Attempt, claims: CodeIDToken) -> Identity:
    claims.params = {"nonce": attempt.nonce, "client_id": provider.client_id}
    try:
        claims.validate(now=int(time.time()), leeway=LEEWAY)
    except JoseError as refused:
        raise NotProven(f"claim-{getattr(refused, 'claim', None) or refused.error}") from refused
    audience, subject = claims["aud"], claims["sub"]
    if audience not in (provider.client_id, [provider.client_id]):
        raise NotProven("claim-aud")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise NotProven("claim-sub")
    return Identity(issuer=provider.issuer, subject=subject)


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False)


async def _json(asked: Any) -> dict[str, Any]:
    """Return the JSON object that a provider answers. Raises NotProven."""
    try:
        answer = await asked
        given = answer.json() if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError) as broken:
        raise NotProven("unreachable") from broken
    if not isinstance(given, dict):
        raise NotProven("answer")
    return given


def _require_safe(url: str) -> None:
    if not _safe(url):
        raise NotProven("metadata")


def _safe(url: str) -> bool:
    """Tell whether an address is spoken to under TLS, or is of this machine.

    >>> _safe("https://id.example"), _safe("http://127.0.0.1:9000"), _safe("http://id.example"), _safe("None")
    (True, True, False, False)
    """
    parts = urlsplit(url)
    try:
        inside = parts.scheme == "http" and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        inside = False
    return bool(parts.hostname) and (parts.scheme == "https" or inside)


def read(place: Path) -> tuple[Provider, ...]:
    """Return the providers that a file names, each as ``[[provider]]`` with id, name, issuer and client_id.

    ``secret_file`` names the file that holds our secret there. Raises BadSetting.
    """
    try:
        rows = tomllib.loads(place.read_text(encoding="utf-8"))["provider"]
        made = tuple(_provider(place, row) for row in rows)
    except (OSError, KeyError, TypeError, ValueError) as broken:
        raise BadSetting("bad-setting", variable="LIANZHOU_OIDC_FILE", value=str(place)) from broken
    if len({provider.id for provider in made}) != len(made):
        raise BadSetting("bad-setting", variable="LIANZHOU_OIDC_FILE", value=str(place))
    return made


def _provider(place: Path, row: Mapping[str, str]) -> Provider:
    if not row.keys() >= NEEDED or row.keys() - KNOWN or not row["id"].isalnum() or not _safe(row["issuer"]):
        raise ValueError(str(row))
    secret = row.get("secret_file")
    return Provider(
        id=row["id"],
        name=row["name"],
        issuer=row["issuer"],
        client_id=row["client_id"],
        secret=(place.parent / secret).read_text(encoding="utf-8").strip() if secret else None,
    )
