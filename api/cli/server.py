"""The web server: it ends its open streams before it waits for what is being answered."""

import socket

import uvicorn
from litestar import Litestar

DRAIN_SECONDS = 5
"""How long requests that are being answered may hold up the end."""


def make(app: Litestar) -> uvicorn.Server:
    """Return a server for `app` that keeps no log of accesses: the application tells its own.

    It believes no header about where a request comes from, as uvicorn would of anybody on this machine:
    `api.auth.client_address` does, of the proxies that the settings name.
    """
    config = uvicorn.Config(
        app, log_config=None, access_log=False, proxy_headers=False, timeout_graceful_shutdown=DRAIN_SECONDS
    )
    return _Server(config, app)


class _Server(uvicorn.Server):
    """Every page of the console has a stream open; nobody would wait for those to end by themselves."""

    def __init__(self, config: uvicorn.Config, app: Litestar) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wake all streams, which then end, and shut down."""
        self._app.state.closing = True
        await self._app.state.bell.stop()
        await super().shutdown(sockets)
