"""Files apart: where a host of its own is set, browsers fetch them there, by an address that lives a minute.

What is uploaded or made from what people typed should not be shown on the site where people are signed in. A browser
that asks for a file is sent to the other host with a ticket: sealed, so that nobody else can make one, bound to the
file and to the session that asked, and worthless after a minute or once the session has ended. The other host gets no
cookie of the site, looks at none, and serves nothing but tickets. Programs with a token get the file where they ask.
"""

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, cast
from urllib.parse import quote, urlsplit

from litestar import Litestar, Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.response import Redirect
from litestar.types import ASGIApp, Receive, Scope, Send

from api import safe
from api.actions.auth import digest
from api.auth import cookie_name, identify, idle_of
from api.db import transaction
from api.queries.actors import signed_in
from api.safe import SafeClosed
from api.settings import Settings
from api.tenancy import Office, doing
from domain.errors import NotFound

FILE = "file"
"""Handlers with this in `opt` answer with a file."""
PLACE = "/files"
PURPOSE = "ticket"
SECONDS = 60

AnyRequest = Request[Any, Any, Any]


def apart(settings: Settings, request: AnyRequest) -> bool:
    """Tell whether a request came to the host of files."""
    return settings.files_url is not None and request.headers.get("host") == urlsplit(settings.files_url).netloc


def ticket(session: bytes, path: str, query: str, now: float) -> str:
    """Return a ticket for the file at `path`, for the session whose secret has this hash."""
    told = {"session": session.hex(), "path": path, "query": query, "until": now + SECONDS}
    return urlsafe_b64encode(safe.seal(PURPOSE, json.dumps(told).encode())).decode().rstrip("=")


def read(text: str, now: float) -> dict[str, Any]:
    """Return what a ticket says. Raises NotFound for one that is none of ours, or that has run out."""
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if sealed[:1] == b"\x00":
            raise NotFound(noun=FILE)
        told: dict[str, Any] = json.loads(safe.open_sealed(PURPOSE, sealed))
    except (SafeClosed, ValueError):
        raise NotFound(noun=FILE) from None
    if told["until"] < now:
        raise NotFound(noun=FILE)
    return told


class FilesApart(ASGIMiddleware):
    """Sends browsers to the host of files, and serves nothing but tickets there."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raise NotFound on the host of files for whatever is no ticket."""
        request: AnyRequest = Request(scope)
        settings: Settings = request.app.state.settings
        told = cast("dict[str, Any]", scope).get(PURPOSE)
        if settings.files_url is None or told:
            await next_app(scope, receive, send)
        elif apart(settings, request):
            if not scope["path"].startswith(PLACE + "/"):
                raise NotFound(noun=FILE)
            await next_app(scope, receive, send)
        elif (
            scope["route_handler"].opt.get(FILE)
            and cookie_name(settings) in request.cookies
            and await identify(request)
        ):
            await _sent_on(request, settings.files_url)(scope, receive, send)
        else:
            await next_app(scope, receive, send)


def _sent_on(request: AnyRequest, place: str) -> ASGIApp:
    path = request.scope["path"]
    given = ticket(
        digest(request.cookies[cookie_name(request.app.state.settings)]), path, request.url.query, time.time()
    )
    name = quote(path.rsplit("/", 1)[-1])
    address = f"{place.rstrip('/')}{PLACE}/{given}/{name}"
    answer = Redirect(address, status_code=303, headers={"Cache-Control": "no-store"})
    return answer.to_asgi_response(app=None, request=request)


async def served(request: AnyRequest, text: str) -> ASGIApp:
    """Return the file behind a ticket, as its session would get it now. Raises NotFound."""
    told = read(text, time.time())
    async with transaction(request.app.state.sessions, doing(Office.GATE)) as session:
        found = await signed_in(session, bytes.fromhex(told["session"]), idle_of(request.app.state))
    if found is None:
        raise NotFound(noun=FILE)
    app: Litestar = request.app
    inner = {
        **request.scope,
        "path": told["path"],
        "raw_path": quote(told["path"]).encode(),
        "query_string": told["query"].encode(),
        "headers": [pair for pair in request.scope["headers"] if pair[0] not in (b"cookie", b"authorization")],
        "auth": found,
        "state": {},
        PURPOSE: told,
    }
    for name in ("path_params", "path_template", "route_handler", "_ls_connection_state", "litestar_app"):
        inner.pop(name, None)

    async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
        await app(cast("Scope", inner), receive, send)

    return answer
