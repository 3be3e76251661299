"""One webhook sent in the form of Standard Webhooks, and what came of it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpcore
import httpx
from standardwebhooks import Webhook

from api.sending.guard import AddressRefused, Guard

SECONDS = 15.0
"""How long the whole exchange may take; the specification asks for 15 to 30."""
LARGEST_ANSWER = 64 * 1024
SHOWN_ANSWER = 500
GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a try came to: a code that section ``sending`` words, and the other side's status and answer, if any."""

    code: str
    status: int | None = None
    milliseconds: int = 0
    answer: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the other side has it: only a status of the 200s says so."""
        return self.code == "delivered"

    @property
    def gone(self) -> bool:
        """Whether the other side wants no more of them."""
        return self.status == GONE


def headers(identity: str, body: str, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """Return what goes with a body: its id, the time of this try, and one signature for each valid secret.

    `now` is in UTC. The library reads a moment's wall clock as UTC, whatever its zone.
    """
    now = now.astimezone(UTC)
    return {
        "content-type": "application/json",
        "user-agent": "LianZhou-Webhooks/1",
        "webhook-id": identity,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(identity, now, body) for secret in secrets),
    }


def acceptable(url: str, *, local: bool = False) -> bool:
    """Tell whether an address can be a webhook's: https, a host with a name, no user in it, no port but 443.

    >>> acceptable("https://erp.example/hooks"), acceptable("http://erp.example/"), acceptable("https://u@erp.example/")
    (True, False, False)
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        return False
    if not parsed.host or parsed.userinfo or parsed.fragment or not url.isascii():
        return False
    if local:
        return parsed.scheme in ("http", "https")
    return parsed.scheme == "https" and parsed.port in (None, 443)


async def post(url: str, body: str, sent: dict[str, str], *, local: bool = False) -> Outcome:
    """Send `body` once, following nothing, reading at most 64 kB of the answer; whatever happens is an outcome."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(SECONDS):
            status, answer = await _exchanged(url, body, sent, local)
    except AddressRefused:
        return _outcome("address-refused", began)
    except (TimeoutError, httpcore.TimeoutException):
        return _outcome("timed-out", began)
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, httpx.InvalidURL, OSError):
        return _outcome("unreachable", began)
    code = "delivered" if 200 <= status < 300 else "redirected" if 300 <= status < 400 else "refused-there"
    return _outcome(code, began, status, answer)


def _outcome(code: str, began: float, status: int | None = None, answer: str = "") -> Outcome:
    return Outcome(code=code, status=status, milliseconds=round(1000 * (time.monotonic() - began)), answer=answer)


async def _exchanged(url: str, body: str, sent: dict[str, str], local: bool) -> tuple[int, str]:
    # httpx reads the address as browsers do; httpcore sends, because it lets the socket be opened by us
    parsed = httpx.URL(url)
    target = httpcore.URL(
        scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path or b"/"
    )
    pool = httpcore.AsyncConnectionPool(ssl_context=ssl.create_default_context(), network_backend=Guard(local=local))
    async with pool, pool.stream("POST", target, headers=_fields(sent, parsed), content=body.encode()) as response:
        answer = bytearray()
        async for chunk in response.aiter_stream():
            answer += chunk
            if len(answer) >= LARGEST_ANSWER:
                break
    return response.status, bytes(answer[: 4 * SHOWN_ANSWER]).decode("utf-8", "replace").replace("\0", "")[
        :SHOWN_ANSWER
    ]


def _fields(sent: dict[str, str], parsed: httpx.URL) -> list[tuple[str, str]]:
    length = {"host": parsed.netloc.decode("ascii"), "accept-encoding": "identity"}
    return [*sent.items(), *length.items()]
