"""From a cookie or a token to an actor, what guards a browser from being tricked, and the steps of signing in.

Browsers carry the cookie ``lz_session``, programs ``Authorization: Bearer lzt_…``; both are opaque secrets of 256 bits,
known to the database as a hash, looked up with every request, so that ending one ends it at once. Where cookies are
for HTTPS only, their names begin with ``__Host-``: no other site of the same domain can set them (RFC 6265bis).
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, cast
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders, State
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import auth as actions
from api.actions import second_factor, throttles
from api.db import snapshot, transaction
from api.queries import actors, credentials
from api.queries.actors import SignedIn, signed_in
from api.settings import Networks, Settings
from api.tenancy import Office, acting, doing
from domain.actor import Actor
from domain.errors import DomainError, NotAllowed, NotSignedIn
from domain.kinds import Role
from domain.powers import Power
from domain.records import User

COOKIE = "lz_session"
OWED_COOKIE = "lz_step"
ANYBODY: list[dict[str, list[str]]] = [{}]
"""What the contract says of an operation for which nobody has to have signed in."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
UNATTENDED = "unattended"
"""Handlers with this in `opt` are asked by pages, not by people: a stream that is open keeps no session alive."""
BEFORE_SECOND_FACTOR = "before_second_factor"
"""Handlers with this in `opt` serve also who has yet to set up a second factor, or to change an aged password."""

AnyConnection = ASGIConnection[Any, Any, Any, Any]


class CodeNeeded(NotSignedIn):
    """The password is right, and the account asks for a code too."""

    code = "code-needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Where somebody who wants to come in stands: his client's address and name, and the session it had until now."""

    address: str
    agent: str | None
    former: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """The first factor is proven; `secret` is what the browser carries to where the second is asked for."""

    secret: str


class CrossSite(NotAllowed):
    """A browser says that another site made it send this."""

    code = "cross-site"


async def identify(connection: AnyConnection) -> SignedIn | None:
    """Return whose request it is, or None; asked twice, the database is read once.

    A token in the Authorization header counts before the cookie: only the request's own maker can set it.
    """
    scope = cast("dict[str, Any]", connection.scope)
    async with scope.setdefault("asking", asyncio.Lock()):  # what a handler needs is provided at once
        if "auth" not in scope:
            secret = _secret_of(connection)
            scope["auth"] = await _looked_up(connection, secret) if secret else None
    return cast("SignedIn | None", scope["auth"])


async def _looked_up(connection: AnyConnection, secret: str) -> SignedIn | None:
    """Look a secret up, and note about once a minute that it is in use by somebody."""
    state = connection.app.state
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        found = await signed_in(session, actions.digest(secret), idle_of(state))
        if found is not None and found.unseen and not _opt(connection, UNATTENDED):
            await actions.note_use(session, found.sign_in_id)
    return found


def idle_of(state: State) -> timedelta:
    """Return how long a session may lie unused."""
    return timedelta(minutes=state.settings.idle_minutes)


def needs_second_factor(settings: Settings, actor: Actor) -> bool:
    """Tell whether somebody has to have a second factor: who signs, and who runs the platform.

    >>> from uuid import UUID
    >>> runs = Actor(user_id=None, organisation_id=UUID(int=1), roles=frozenset({Role.OPERATOR}))
    >>> needs_second_factor(Settings(), runs), needs_second_factor(Settings(second_factor="optional"), runs)
    (True, False)
    """
    binds = actor.user_id is not None and actor.may(Power.SIGN)
    return settings.second_factor == "required-for-signers" and (actor.has(Role.OPERATOR) or binds)


def barred(settings: Settings, found: SignedIn) -> DomainError | None:
    """Return why somebody who has signed in may not act yet, or None."""
    if settings.djb_passwords and found.password_aged and actions.WATCHERS & found.actor.roles:
        return actions.PasswordAged()
    if found.actor.has(Role.OPERATOR) and lacks_second_factor(settings, found):
        return actions.SecondFactorNeeded()
    return None


def lacks_second_factor(settings: Settings, found: SignedIn) -> bool:
    """Tell whether somebody should have signed in by a second factor and has not; a token stands as its maker stood."""
    return needs_second_factor(settings, found.actor) and not found.second_factor


def require_second_factor(connection: AnyConnection, found: SignedIn) -> None:
    """Refuse a signature in a session that a password alone opened. Raises SecondFactorNeeded."""
    if lacks_second_factor(connection.app.state.settings, found):
        raise actions.SecondFactorNeeded()


def require_unbarred(connection: AnyConnection, found: SignedIn) -> None:
    """Refuse who may not act yet, but where he sets right what bars him. Raises SecondFactorNeeded, PasswordAged."""
    refusal = None if _opt(connection, BEFORE_SECOND_FACTOR) else barred(connection.app.state.settings, found)
    if refusal is not None:
        raise refusal


async def provide_optional_actor(request: Request[Any, Any, Any]) -> Actor | None:
    """Who asks, or None for someone who has not signed in."""
    found = await identify(request)
    return found.actor if found else None


async def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """Who asks. Raises NotSignedIn, and what `require_unbarred` raises."""
    return (await provide_signed_in(request)).actor


async def provide_signed_in(request: Request[Any, Any, Any]) -> SignedIn:
    """Who asks, and by which session or token. Raises NotSignedIn, and what `require_unbarred` raises."""
    found = await identify(request)
    if found is None:
        raise NotSignedIn()
    require_unbarred(request, found)
    return found


async def provide_snapshot(state: State, visitor: NamedDependency[Actor | None]) -> AsyncIterator[AsyncSession]:
    """One request, one unchanging view, bound to whoever asks; a handler that only reads takes this."""
    async with snapshot(state.engine, acting(visitor)) as session:
        yield session


# ------------------------------------------------------------------ coming in


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Return where a request comes from."""
    settings: Settings = request.app.state.settings
    return Caller(
        address=client_address(request, settings.trusted_proxies),
        agent=request.headers.get("user-agent"),
        former=request.cookies.get(cookie_name(settings)),
    )


def client_address(connection: AnyConnection, trusted: Networks) -> str:
    """Return the address a request comes from: the socket's, or what a proxy of ours says of it.

    Each proxy adds the address it was asked from at the right end of X-Forwarded-For, so the rightmost one that is no
    proxy of ours is the client's; what stands left of it the client may have written itself. No other header counts.
    An IPv6 client has a network of its own to choose addresses from, so the network counts (RFC 6177).
    """
    peer = connection.client.host if connection.client else ""
    hops = [*",".join(connection.headers.getall("x-forwarded-for", [])).split(","), peer]
    for hop in reversed(hops):
        address = _parsed(hop)
        if address is None:
            break
        peer = _counted_as(address)
        if not any(address in network for network in trusted):
            break
    return peer[:64] or "unknown"


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _counted_as(address: IPv4Address | IPv6Address) -> str:
    return str(address if isinstance(address, IPv4Address) else IPv6Network((address, 64), strict=False))


async def enter(state: State, caller: Caller, email: str, password: str, code: str | None = None) -> actions.Opened:
    """Sign in by password, and by a code where the account asks for one, all at once.

    Raises WrongPassword, CodeNeeded, WrongCode, TooMany.
    """
    user = await _first_factor(state, caller, email, password)
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        asked = await credentials.in_force(session, user.id)
    if not asked:
        return await _welcomed(state, caller, user)
    if code is None:
        raise CodeNeeded()
    return await _second_factor(state, caller, user, code)


async def begin(state: State, caller: Caller, email: str, password: str) -> actions.Opened | Owed:
    """Sign in by password; where the account asks for a code, that is owed. Raises WrongPassword, TooMany."""
    return await believed(state, caller, await _first_factor(state, caller, email, password))


async def believed(state: State, caller: Caller, user: User) -> actions.Opened | Owed:
    """Let in a person who has proven the first factor in whatever way, or have him prove the second."""
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        if await credentials.in_force(session, user.id):
            return Owed(secret=await actions.owe(session, user.id))
    return await _welcomed(state, caller, user)


async def finish(state: State, caller: Caller, owed: str, code: str) -> actions.Opened:
    """Give the code that is owed. Raises NotSignedIn where nothing is, WrongCode, TooMany."""
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await throttles.count(session, throttles.BY_ADDRESS, caller.address)
        user = await credentials.pending(session, actions.digest(owed))
    if user is None:
        raise NotSignedIn()
    return await _second_factor(state, caller, user, code, owed)


async def prove_again(state: State, found: SignedIn, *, password: str | None = None, code: str | None = None) -> str:
    """Prove by password or code who one is, while signed in; return the session's new secret.

    Raises SessionNeeded, WrongPassword, WrongCode, TooMany.
    """
    user_id = actions.require_session(found)
    if password is not None:
        await prove_password(state, found, password)
    else:
        async with transaction(state.sessions, doing(Office.GATE)) as session:
            await throttles.count(session, throttles.CODES, str(user_id))
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        if password is None:
            await second_factor.take(session, found.actor, code or "")
            await throttles.forget(session, throttles.CODES, str(user_id))
        return await actions.renew(session, found)


async def prove_password(state: State, found: SignedIn, password: str) -> None:
    """Check the password of whoever is signed in. Raises SessionNeeded, WrongPassword, TooMany."""
    user_id = actions.require_session(found)
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await throttles.count(session, throttles.PROOFS, str(user_id))
        user, _ = await actors.profile(session, found.actor)
    await actions.prove(user, password)
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await throttles.forget(session, throttles.PROOFS, str(user_id))


async def _first_factor(state: State, caller: Caller, email: str, password: str) -> User:
    """Count the attempt and commit it, check the password outside any transaction, then forget what was counted."""
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await throttles.count(session, throttles.BY_ADDRESS, caller.address)
        user = await actions.count_attempt(session, email)
    fresher = await actions.prove(user, password)
    assert user is not None  # prove refuses where there is no account
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await actions.believe(session, user, fresher)
        await throttles.give_back(session, throttles.BY_ADDRESS, caller.address)
    return user


async def _second_factor(
    state: State, caller: Caller, user: User, code: str, owed: str | None = None
) -> actions.Opened:
    """Count the code and commit that, then take it and open a session, in one commit."""
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await throttles.count(session, throttles.CODES, str(user.id))
        actor = await actors.actor_for(session, user)
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        await second_factor.take(session, actor, code)
        await throttles.forget(session, throttles.CODES, str(user.id))
        if owed is not None:
            await actions.settle_owed(session, owed)
            await throttles.give_back(session, throttles.BY_ADDRESS, caller.address)
        return await actions.welcome(
            session, user, lasting_of(state), former=caller.former, agent=caller.agent, second_factor=True
        )


async def _welcomed(state: State, caller: Caller, user: User) -> actions.Opened:
    async with transaction(state.sessions, doing(Office.GATE)) as session:
        return await actions.welcome(session, user, lasting_of(state), former=caller.former, agent=caller.agent)


def lasting_of(state: State) -> timedelta:
    """Return how long a session lasts at most."""
    return timedelta(hours=state.settings.session_hours)


# ------------------------------------------------------------------ cookies


def cookie_name(settings: Settings, name: str = COOKIE) -> str:
    """Return what a cookie is called, by whether it is for HTTPS only.

    >>> cookie_name(Settings()), cookie_name(Settings(secure_cookies=True))
    ('lz_session', '__Host-lz_session')
    """
    return f"__Host-{name}" if settings.secure_cookies else name


def secret_cookie(state: State, name: str, secret: str, lasting: timedelta) -> Cookie:
    """Return a cookie out of scripts' reach, which other sites do not have sent along; without `lasting` it ends."""
    return Cookie(
        key=cookie_name(state.settings, name),
        value=secret,
        max_age=int(lasting.total_seconds()),
        secure=state.settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )


def session_cookie(state: State, secret: str) -> Cookie:
    """Return the cookie that keeps a browser signed in."""
    return secret_cookie(state, COOKIE, secret, lasting_of(state))


def ended_cookie(state: State, name: str = COOKIE) -> Cookie:
    """Return the cookie that makes a browser forget its session."""
    return secret_cookie(state, name, "", timedelta())


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
        if request.method not in SAFE_METHODS and not _bearer(request) and not own_site(request):
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
FORGOTTEN = {"Clear-Site-Data": '"storage"'}
"""Told at sign-out. Pages of a person are kept by no cache, and the cookie of the language may stay."""
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
    return _bearer(connection) or connection.cookies.get(cookie_name(connection.app.state.settings))


def _opt(connection: AnyConnection, name: str) -> bool:
    handler = cast("dict[str, Any]", connection.scope).get("route_handler")
    return handler is not None and bool(handler.opt.get(name))


def _bearer(connection: AnyConnection) -> str | None:
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def own_site(connection: AnyConnection) -> bool:
    """Tell whether a browser says that our own pages, or its own user, made the request."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")
