"""No request of ours reaches a private address: checked where the socket is opened, after the name was resolved.

A check of the address before the request would be undone by a name that resolves otherwise a moment later, and a check
after connecting has knocked at the door already. So the connection goes to the very address that was checked.
"""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import anyio
import httpcore

RESOLVE_SECONDS = 5.0
HTTPS = 443
TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
"""NAT64 (RFC 6052, RFC 8215): an IPv4 address in disguise, which ``is_global`` does not look through."""

SocketOptions = Iterable[
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
]  # as httpcore has it


class AddressRefused(httpcore.ConnectError):
    """The name leads to an address, or to a port, that nothing of ours may reach."""


def public(text: str) -> bool:
    """Tell whether an IP address is a public unicast one, whatever form it hides in.

    >>> public("93.184.216.34"), public("::ffff:127.0.0.1"), public("64:ff9b::7f00:1"), public("224.0.0.1")
    (True, False, False, False)
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        return _public_v6(address)
    return _unicast(address)


def _public_v6(address: IPv6Address) -> bool:
    if address.ipv4_mapped is not None:
        return _unicast(address.ipv4_mapped)
    if address.sixtofour is not None or address.teredo is not None or any(address in net for net in TRANSLATED):
        return False
    compatible = int(address) >> 32 == 0  # ::a.b.c.d, deprecated by RFC 4291
    return not compatible and _unicast(address)


def _unicast(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


class Guard(httpcore.AsyncNetworkBackend):
    """Opens sockets to public addresses on port 443 alone; `local` lets tests reach a server of their own."""

    def __init__(self, *, local: bool = False) -> None:
        self._local = local
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host`, when all of them may be reached. Raises AddressRefused."""
        addresses = await self._resolved(host, port)
        if not self._local and (port != HTTPS or not all(map(public, addresses))):
            raise AddressRefused("refused")
        return await self._inner.connect_tcp(addresses[0], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        socket_options: SocketOptions | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: a socket of this machine is nobody's webhook."""
        raise AddressRefused("refused")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

    async def _resolved(self, host: str, port: int) -> list[str]:
        resolving = asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.wait_for(resolving, RESOLVE_SECONDS)
        except (OSError, TimeoutError, UnicodeError) as unknown:
            raise httpcore.ConnectError("unknown host") from unknown
        return [str(answer[4][0]) for answer in found]
