"""Requests are counted before they are heard: by person and organisation, and by address where nobody has signed in.

The address is that of whoever is connected to us. Only a server named in ``LIANZHOU_TRUSTED_PROXIES`` is believed when
it says for whom it asks; what a client writes into ``X-Forwarded-For`` himself counts for nothing.
"""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Any

import structlog
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from api.actions.limits import count_request
from api.auth import identify
from api.db import transaction
from domain.errors import TooMany

UNCOUNTED = ("/static/", "/health", "/ready")
log = structlog.get_logger("lianzhou.limits")


def address_of(peer: str | None, forwarded: str, trusted: Sequence[str]) -> str:
    """Return the address that is counted: the nearest one that no proxy of ours has; of IPv6 its network of 64 bits.

    >>> address_of("203.0.113.7", "198.51.100.1", ())
    '203.0.113.7'
    >>> address_of("10.0.0.2", "198.51.100.1, 192.0.2.9", ("10.0.0.2",))
    '192.0.2.9'
    >>> address_of("2001:db8:1:2:3::4", "", ())
    '2001:db8:1:2::'
    """
    way = [*(part.strip() for part in forwarded.split(",") if part.strip()), peer or ""]
    while len(way) > 1 and way[-1] in trusted:
        way.pop()
    return _plain(way[-1])


def _plain(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)


class Counted(ASGIMiddleware):
    """Counts a request in the database, whichever process hears it, and refuses one too many."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raise TooMany, with the seconds to wait, for a request beyond a limit."""
        if not scope["path"].startswith(UNCOUNTED):
            await self._count(Request(scope))
        await next_app(scope, receive, send)

    async def _count(self, request: Request[Any, Any, Any]) -> None:
        found, state = await identify(request), request.app.state
        if found is not None:
            who = {"requests": str(found.actor.user_id), "organisation_requests": str(found.actor.organisation_id)}
        else:
            proxies = tuple(filter(None, (state.settings.trusted_proxies or "").replace(" ", "").split(",")))
            peer = request.client.host if request.client else None
            address = address_of(peer, request.headers.get("x-forwarded-for", ""), proxies)
            who = {"stranger_requests": address}
        async with transaction(state.sessions) as session:
            seconds = await count_request(session, who)
        if seconds:
            raise TooMany(seconds=seconds)
