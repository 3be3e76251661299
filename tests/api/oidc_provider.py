"""An OpenID provider on the loopback interface, honest until it is told to lie about one thing.

python -m tests.api.oidc_provider PORT REDIRECT_URI      POST /lie?about=nonce chooses the lie; `about=` ends it

Keys are made at the start; tokens are signed by joserfc and the keys served as JWKS. Codes are for once, bound to a
client, a redirect address and a PKCE challenge (RFC 7636).
"""

import base64
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET, SUBJECT = "lianzhou", "kept-between-us", "person-7"


class Provider(ThreadingHTTPServer):
    """What the provider remembers."""

    def __init__(self, port: int, redirect_uri: str) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.issuer, self.redirect_uri = f"http://127.0.0.1:{port}", redirect_uri
        self.key, self.stranger = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("one", "two"))
        self.codes: dict[str, dict[str, str]] = {}
        self.lie, self.subject = "", SUBJECT

    def id_token(self, asked: dict[str, str]) -> str:
        """Return a token for who asked, true but for the one thing lied about."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            "email": "zhou@demo.invalid",
        }
        lies: dict[str, dict[str, Any]] = {
            "nonce": {"nonce": "another"},
            "no-nonce": {"nonce": None},
            "audience": {"aud": "somebody-else"},
            "audiences": {"aud": [CLIENT, "somebody-else"], "azp": CLIENT},
            "party": {"azp": "somebody-else"},
            "expired": {"iat": now - 4000, "exp": now - 3600},
            "early": {"nbf": now + 3600},
            "issuer": {"iss": "http://127.0.0.1:1"},
            "no-subject": {"sub": ""},
        }
        claims |= lies.get(self.lie, {})
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.lie == "alg-none":
            return ".".join([_encoded({"alg": "none"}), _encoded(claims), ""])
        if self.lie == "alg-hs256":
            return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET * 3))
        key = self.stranger if self.lie == "key" else self.key
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Provider

    def do_GET(self) -> None:
        """Answer what is asked of a provider by GET."""
        asked = dict(parse_qsl(urlsplit(self.path).query))
        match urlsplit(self.path).path:
            case "/.well-known/openid-configuration":
                self._json(self._metadata())
            case "/jwks":
                self._json(KeySet([self.server.key]).as_dict(private=False))
            case "/authorize":
                self._authorize(asked)
            case _:
                self._json({"error": "not_found"}, 404)

    def do_POST(self) -> None:
        """Answer what is asked of a provider by POST, and take what to lie about."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        parts = urlsplit(self.path)
        if parts.path == "/lie":
            told = dict(parse_qsl(parts.query, keep_blank_values=True))
            self.server.lie, self.server.subject = told.get("about", ""), told.get("subject", SUBJECT)
            self._json({})
        elif parts.path == "/token":
            self._token(dict(parse_qsl(body)))
        else:
            self._json({"error": "not_found"}, 404)

    def _metadata(self) -> dict[str, Any]:
        issuer = self.server.issuer
        return {
            "issuer": "http://127.0.0.1:1" if self.server.lie == "metadata" else issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }

    def _authorize(self, asked: dict[str, str]) -> None:
        exact = asked.get("redirect_uri") == self.server.redirect_uri and asked.get("client_id") == CLIENT
        if not exact or asked.get("code_challenge_method") != "S256" or asked.get("response_type") != "code":
            self._json({"error": "invalid_request"}, 400)
            return
        code = token_urlsafe(24)
        self.server.codes[code] = asked
        issuer = {"mix-up": "http://127.0.0.1:1", "no-issuer": None}.get(self.server.lie, self.server.issuer)
        state = "another" if self.server.lie == "state" else asked["state"]
        answer = {"code": code, "state": state, "iss": issuer}
        query = urlencode({name: value for name, value in answer.items() if value})
        self.send_response(302)
        self.send_header("location", f"{asked['redirect_uri']}?{query}")
        self.end_headers()

    def _token(self, sent: dict[str, str]) -> None:
        asked = self.server.codes.pop(sent.get("code", ""), None)
        known = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if self.headers.get("authorization") != f"Basic {known}":
            self._json({"error": "invalid_client"}, 401)
        elif (
            asked is None
            or sent.get("redirect_uri") != asked["redirect_uri"]
            or create_s256_code_challenge(sent.get("code_verifier", "")) != asked["code_challenge"]
        ):
            self._json({"error": "invalid_grant"}, 400)
        else:
            token = {"access_token": token_urlsafe(), "token_type": "Bearer", "id_token": self.server.id_token(asked)}
            self._json(token)

    def _json(self, told: Any, status: int = 200) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


if __name__ == "__main__":
    provider = Provider(int(sys.argv[1]), sys.argv[2])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    provider.serve_forever()
