"""Requests are counted before they are heard: by person and organisation, and by address where nobody has signed in.

The address is that of whoever is connected to us. Only a server named in ``LIANZHOU_TRUSTED_PROXIES`` is believed when
it says for whom it asks; what a client writes into ``X-Forwarded-For`` himself counts for nothing.
"""

from typing import Any

import structlog
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from api.actions.limits import TooManyStreams, count_request
from api.auth import client_address, identify
from api.db import transaction
from api.queries.limits import stated
from api.tenancy import Office, doing
from domain.errors import TooMany

UNCOUNTED = ("/static/", "/health", "/ready")
CLOSED_SOON = 5
"""Seconds after which one of a person's streams may have ended."""
log = structlog.get_logger("lianzhou.limits")


class Counted(ASGIMiddleware):
    """Counts a request in the database, whichever process hears it, and refuses one too many."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raise TooMany, with the seconds to wait, for a request beyond a limit."""
        if not scope["path"].startswith(UNCOUNTED):
            await self._count(Request(scope))
        await next_app(scope, receive, send)

    async def _count(self, request: "Request[Any, Any, Any]") -> None:
        found, state = await identify(request), request.app.state
        if found is not None:
            who = {"requests": str(found.actor.user_id), "organisation_requests": str(found.actor.organisation_id)}
        else:
            who = {"stranger_requests": client_address(request, state.settings.trusted_proxies)}
        async with transaction(state.sessions, doing(Office.GATE)) as session:
            seconds = await count_request(session, who)
        if seconds:
            raise TooMany(seconds=seconds)


class FewStreams(ASGIMiddleware):
    """Lets a person follow only so many streams at a time.

    What a stream takes up is of the process that serves it, and so is this count: it lives where the streams do, and
    nothing has to be taken back after a crash.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raise TooManyStreams beyond the limit; whoever has not signed in is told so by what the route depends on."""
        request: Request[Any, Any, Any] = Request(scope)
        found, state = await identify(request), request.app.state
        if found is None:
            await next_app(scope, receive, send)
            return
        whose = found.actor.user_id or found.actor.organisation_id
        async with transaction(state.sessions, doing(Office.GATE)) as session:
            most = (await stated(session))["streams"]
        if state.streams[whose] >= most:
            raise TooManyStreams(seconds=CLOSED_SOON, most=most)
        state.streams[whose] += 1
        try:
            await next_app(scope, receive, send)
        finally:
            state.streams[whose] -= 1
            if not state.streams[whose]:
                del state.streams[whose]
