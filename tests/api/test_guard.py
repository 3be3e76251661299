"""No request of ours reaches a private address: every way to write one, and names that resolve to one."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from api.sending import hooks
from api.sending.guard import public
from api.sending.hooks import acceptable

LOOPBACK = (
    "127.0.0.1", "localhost", "localhost.", "LOCALHOST", "2130706433", "0x7f000001", "0177.0.0.1", "127.1",
    "127.0.0.1.", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",
    "①②⑦.0.0.1", "127。0。0。1", "a@127.0.0.1", "[64:ff9b::7f00:1]", "[::127.0.0.1]", "[2002:7f00:1::]",
)  # fmt: skip


@dataclass
class Tripwire:
    """A listener that counts who connects."""

    port: int = 0
    connections: int = 0
    servers: list[asyncio.Server] = field(default_factory=list)

    async def met(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def tripwire() -> AsyncIterator[Tripwire]:
    wire = Tripwire()
    wire.servers.append(await asyncio.start_server(wire.met, "127.0.0.1", 0))
    wire.port = wire.servers[0].sockets[0].getsockname()[1]
    with suppress(OSError):  # a machine without IPv6
        wire.servers.append(await asyncio.start_server(wire.met, "::1", wire.port))
    yield wire
    for server in wire.servers:
        server.close()


async def test_p34_no_spelling_of_this_machine_is_connected_to(tripwire: Tripwire) -> None:
    outcomes = set()
    for host in LOOPBACK:
        outcome = await hooks.post(f"http://{host}:{tripwire.port}/", "{}", {})
        outcomes.add(outcome.code)
        assert not outcome.delivered, host
    await asyncio.sleep(0.05)

    assert tripwire.connections == 0
    assert outcomes <= {"address-refused", "unreachable"}


async def test_p34_the_same_spellings_do_reach_this_machine_without_the_guard(tripwire: Tripwire) -> None:
    async with httpx.AsyncClient(timeout=2, trust_env=False) as plain:
        for host in LOOPBACK:
            try:
                await plain.post(f"http://{host}:{tripwire.port}/")
            except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
                continue

    assert tripwire.connections >= 10


async def test_p34_a_name_that_resolves_otherwise_a_moment_later_is_never_connected_to(
    tripwire: Tripwire, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def resolving(_loop: Any, _host: str, port: int, **_: Any) -> list[Any]:
        nonlocal asked
        asked += 1
        address = "93.184.216.34" if asked % 2 == 0 else "127.0.0.1"
        both = ("93.184.216.34", "10.0.0.1") if asked % 3 == 0 else (address,)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in both]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolving)
    for _ in range(6):
        outcome = await hooks.post(f"http://rebind.example:{tripwire.port}/", "{}", {})
        assert outcome.code == "address-refused"

    assert tripwire.connections == 0
    assert asked == 6


@pytest.mark.parametrize(
    ("address", "reachable"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("::ffff:93.184.216.34", True),
        ("10.0.0.1", False), ("172.16.0.1", False), ("192.168.1.1", False), ("100.64.0.1", False),
        ("169.254.169.254", False), ("127.0.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
        ("255.255.255.255", False), ("::", False), ("::1", False), ("fe80::1", False), ("fe80::1%eth0", False),
        ("fc00::1", False), ("ff02::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False),
        ("64:ff9b:1::1", False), ("2002:a00:1::", False), ("2001:0:a00:1::", False), ("::10.0.0.1", False),
        ("not an address", False),
    ],
)  # fmt: skip
def test_p34_what_a_public_address_is(address: str, reachable: bool) -> None:
    assert public(address) is reachable


@pytest.mark.parametrize(
    "url",
    ["http://erp.example/", "https://erp.example:8443/", "https://u:p@erp.example/", "ftp://erp.example/",
     "erp.example", "https://", "https://erp.example/#a", "https://例え.example/", "https://[::1", "file:///etc/passwd"],
)  # fmt: skip
def test_p34_what_no_webhook_can_be(url: str) -> None:
    assert not acceptable(url)


def test_p34_what_a_webhook_can_be() -> None:
    assert acceptable("https://erp.example/hooks?system=lianzhou")
    assert acceptable("https://erp.example:443/")
