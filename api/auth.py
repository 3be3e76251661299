"""From a cookie or a token to an actor, and what guards a browser from being tricked.

Browsers carry the cookie ``lz_session``, programs ``Authorization: Bearer lzt_…``; both are opaque secrets of 256 bits,
known to the database as a hash, looked up with every request, so that ending one ends it at once.
"""

from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders, State
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.actions import auth as actions
from api.db import transaction
from api.queries.actors import SignedIn, signed_in
from domain.actor import Actor
from domain.errors import NotAllowed, NotSignedIn

COOKIE = "lz_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

AnyConnection = ASGIConnection[Any, Any, Any, Any]


class CrossSite(NotAllowed):
    """A browser says that another site made it send this."""

    code = "cross-site"


async def identify(connection: AnyConnection) -> SignedIn | None:
    """Return whose request it is, or None; asked twice, the database is read once.

    A token in the Authorization header counts before the cookie: only the request's own maker can set it.
    """
    scope = cast("dict[str, Any]", connection.scope)
    if "auth" not in scope:
        secret = _secret_of(connection)
        scope["auth"] = None
        if secret:
            async with transaction(connection.app.state.sessions) as session:
                scope["auth"] = await signed_in(session, actions.digest(secret))
    found: SignedIn | None = scope["auth"]
    return found


async def provide_optional_actor(request: Request[Any, Any, Any]) -> Actor | None:
    """Who asks, or None for someone who has not signed in."""
    found = await identify(request)
    return found.actor if found else None


async def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """Who asks. Raises NotSignedIn."""
    return (await provide_signed_in(request)).actor


async def provide_signed_in(request: Request[Any, Any, Any]) -> SignedIn:
    """Who asks, and by which session or token. Raises NotSignedIn."""
    found = await identify(request)
    if found is None:
        raise NotSignedIn()
    return found


async def enter(state: State, email: str, password: str, former: str | None) -> actions.Opened:
    """Sign in: count the attempt and commit it, check the password outside any transaction, then open a session.

    `former` is the secret the browser carried until now; its session ends. Raises WrongPassword, TooMany.
    """
    async with transaction(state.sessions) as session:
        user = await actions.count_attempt(session, email)
    fresher = await actions.prove(user, password)
    assert user is not None  # prove refuses where there is no account
    lasting = timedelta(hours=state.settings.session_hours)
    async with transaction(state.sessions) as session:
        return await actions.welcome(session, user, lasting, fresher=fresher, former=former)


def session_cookie(state: State, secret: str) -> Cookie:
    """Return the cookie that keeps a browser signed in: out of scripts' reach, and not sent along by other sites."""
    return Cookie(
        key=COOKIE,
        value=secret,
        max_age=state.settings.session_hours * 3600,
        secure=state.settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )


def ended_cookie() -> Cookie:
    """Return the cookie that makes a browser forget its session."""
    return Cookie(key=COOKIE, value="", max_age=0, httponly=True, samesite="lax")


class OwnSiteOnly(ASGIMiddleware):
    """Lets a browser change something only from our own pages.

    Browsers state where a request comes from in Sec-Fetch-Site (W3C Fetch Metadata), older ones in Origin; a page
    cannot forge either. A request with neither comes from a program, which no other site can make send our cookie,
    and one with a bearer token carries no authority that the browser added.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raise CrossSite for a change that another site asks for."""
        request: Request[Any, Any, Any] = Request(scope)
        if request.method not in SAFE_METHODS and not _bearer(request) and not _own_site(request):
            raise CrossSite()
        await next_app(scope, receive, send)


SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""For every file: a browser that shows it runs nothing in it and asks for nothing."""
HTTPS_ONLY = "max-age=63072000; includeSubDomains"
"""Told behind a server that ends TLS; without one it would lock people out."""


async def harden(message: Message, scope: Scope) -> None:
    """Add the headers that narrow what a browser does with an answer; what a handler has set stands.

    It is a ``before_send`` hook, so that answers to unknown paths have them too. An answer that depends on who asks
    is never kept by a shared cache.
    """
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    if headers.get("content-disposition", "").startswith("attachment"):
        headers.setdefault("Content-Security-Policy", FILE_POLICY)
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    if scope["app"].state.settings.secure_cookies:
        headers.setdefault("Strict-Transport-Security", HTTPS_ONLY)
    if scope.get("auth") is not None:
        headers.setdefault("Cache-Control", "private, no-store")


def _secret_of(connection: AnyConnection) -> str | None:
    return _bearer(connection) or connection.cookies.get(COOKIE)


def _bearer(connection: AnyConnection) -> str | None:
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def _own_site(connection: AnyConnection) -> bool:
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")
