"""One changing request is one transaction, committed before the first byte of its answer leaves, and answered once.

A middleware holds the transaction, because only it sees the whole answer: what the handler wrote and what the client is
told are stored by one commit, and a commit that fails leaves the answer unsent. An answer of 400 or more undoes
everything; so a refusal has no effect, and its key stays free.

With ``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header) the answer is kept under the firm's key. The same
request again gets the same bytes and ``Idempotent-Replay: true``; another request under the key is refused, and so is
one that comes while the first is being answered.
"""

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import rfc8785
from litestar import Request
from litestar.enums import ScopeType
from litestar.exceptions import SerializationException
from litestar.middleware import ASGIMiddleware
from litestar.serialization import decode_json
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import SAFE_METHODS, identify
from api.db import transaction
from api.queries.idempotency import remembered, take_key
from api.tenancy import acting
from domain.errors import Fault, Invalid, KeyReused, RuleBroken
from domain.records import IdempotencyKey

HEADER = "Idempotency-Key"
REPLAY = "Idempotent-Replay"
KEY = re.compile(r"[A-Za-z0-9_-]{16,255}")
KEPT_HEADERS = frozenset({"content-language", "content-type", "etag", "location"})
OWN_TRANSACTIONS = "own_transactions"
"""Handlers with this in `opt` open their own transactions, such as signing in, whose count must outlive a refusal."""
TELLS_A_SECRET = "tells_a_secret"  # noqa: S105 - the name of an option
"""Answers of handlers with this in `opt` are not kept: what is shown once must not stand in a table."""

AnyRequest = Request[Any, Any, Any]


class InProgress(RuleBroken):
    """The same key is being answered at this moment."""

    code = "in-progress"


class _Refused(Exception):
    """The answer is a refusal, so the transaction must not be kept."""


@dataclass(slots=True)
class _Answer:
    """An answer held back until its transaction is committed."""

    start: HTTPResponseStartEvent | None = None
    chunks: list[bytes] = field(default_factory=list)

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        elif message["type"] == "http.response.body":
            self.chunks.append(message["body"])

    @property
    def status(self) -> int:
        assert self.start is not None  # the framework answers every request
        return self.start["status"]

    async def give(self, send: Send) -> None:
        assert self.start is not None
        await send(self.start)
        await send({"type": "http.response.body", "body": b"".join(self.chunks), "more_body": False})


class OneTransaction(ASGIMiddleware):
    """Runs a changing request in one transaction, which `provide_session` hands to its handler."""

    scopes = (ScopeType.HTTP,)
    exclude_opt_key = OWN_TRANSACTIONS

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Answer after the commit. Raises whatever the commit raises, with nothing sent."""
        request: AnyRequest = Request(scope, receive)
        if request.method in SAFE_METHODS:
            await next_app(scope, receive, send)
            return
        answer, found = _Answer(), await identify(request)
        try:
            async with transaction(request.app.state.sessions, acting(found.actor if found else None)) as session:
                scope["state"]["session"] = session
                await _answered_once(request, session, next_app, answer)
                if answer.status >= 400:
                    raise _Refused
        except _Refused:
            pass
        finally:
            # the handler's layer noted that an answer had begun; none has left, and a failed commit must be answered
            ScopeState.from_scope(scope).response_started = False
        await answer.give(send)


async def provide_session(request: AnyRequest) -> AsyncSession:
    """The transaction of a changing request; its handler adds to it and does not end it."""
    session: AsyncSession = request.scope["state"]["session"]
    return session


async def _answered_once(request: AnyRequest, session: AsyncSession, next_app: ASGIApp, answer: _Answer) -> None:
    key = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        raise Invalid((Fault(where=HEADER, code="idempotency-key"),))
    signed_in = await identify(request) if key is not None else None
    if key is None or signed_in is None or request.route_handler.opt.get(TELLS_A_SECRET):
        await next_app(request.scope, request.receive, answer.take)
        return
    body = await request.body()
    organisation = signed_in.actor.organisation_id
    if not await take_key(session, organisation, key):
        raise InProgress()
    fingerprint = _fingerprint(request, body, signed_in.actor.user_id)
    known = await remembered(session, organisation, key)
    if known is None:
        await next_app(request.scope, _again(body), answer.take)
        _remember(session, organisation, key, fingerprint, answer)
    elif known.fingerprint != fingerprint:
        raise KeyReused()
    else:
        await _replay(known, answer)


def _fingerprint(request: AnyRequest, body: bytes, user_id: UUID | None) -> bytes:
    """Return the SHA-256 of who asks for what; JSON counts by its canonical form (RFC 8785), the rest by its bytes."""
    with suppress(SerializationException, rfc8785.CanonicalizationError, UnicodeDecodeError, RecursionError):
        body = rfc8785.dumps(decode_json(body))
    address = request.url.path + "?" + request.url.query
    parts = (request.method.encode(), address.encode(), str(user_id).encode(), body)
    return hashlib.sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()


def _remember(session: AsyncSession, organisation: UUID, key: str, fingerprint: bytes, answer: _Answer) -> None:
    assert answer.start is not None
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.start["headers"]]
    session.add(
        IdempotencyKey(
            organisation_id=organisation,
            key=key,
            fingerprint=fingerprint,
            status=answer.status,
            headers={name: value for name, value in headers if name.lower() in KEPT_HEADERS},
            body=b"".join(answer.chunks),
        )
    )


async def _replay(known: IdempotencyKey, answer: _Answer) -> None:
    body = known.body or b""
    headers = {**known.headers, REPLAY: "true", "content-length": str(len(body))}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await answer.take({"type": "http.response.start", "status": known.status or 200, "headers": raw})
    await answer.take({"type": "http.response.body", "body": body, "more_body": False})


def _again(body: bytes) -> Receive:
    """Return a channel that gives a body that was already read."""

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
