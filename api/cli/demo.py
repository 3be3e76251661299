"""``lianzhou demo``: a database with a story in it, one suggestion solved before one's eyes, console and API; one
command starts all of it and ends all of it.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.codes import Exit, failing, locale, warn
from api.i18n import say
from api.settings import Settings
from domain.errors import Unavailable
from domain.message import Message

if TYPE_CHECKING:
    import uvicorn

WORKER_LOG = "worker.log"
STOP_SECONDS = 15.0
BACKLOG = 512


class PortTaken(Unavailable):
    """Another process listens there."""

    code = "port-taken"


def demo(
    port: Annotated[int | None, typer.Option(help="监听端口，0 为任一空闲端口 / port to listen on, 0 for any")] = None,
    once: Annotated[bool, typer.Option("--once", help="打印方案后退出 / print the plan and end")] = False,
    keep: Annotated[bool, typer.Option(help="保留数据 / keep the data for the next time")] = True,
) -> None:
    """演示：建库、装入演示城市、求解一个联合体，然后打开控制台 / a story city, one plan solved, then the console.

    lianzhou demo
    lianzhou demo --once --no-keep
    """
    from api.cli.showing import show
    from api.db import migrate
    from api.embedded import database

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(Exit.DONE))
    with failing(), ExitStack() as open_things:
        settings = Settings.from_env({"LIANZHOU_SECOND_FACTOR": "optional", **os.environ})
        if not keep:
            settings = replace(settings, home=open_things.enter_context(passing_home()))
        listener = None
        if not once:
            listener = open_things.enter_context(
                listening(settings.host, settings.port if port is None else port),
            )
        url = open_things.enter_context(database(settings))
        migrate(url)
        solved = asyncio.run(show(settings, url, lambda: open_things.enter_context(companion(settings, url))))
        if listener is None:
            raise SystemExit(Exit.DONE if solved else Exit.INFEASIBLE)
        server = make_server(settings, url)
        with suppress(KeyboardInterrupt):
            if settings.second_factor == "optional":
                typer.echo(say(locale(), Message(code="second-factor-optional"), section="cli"))
            typer.echo(say(locale(), Message(code="serving", params={"url": address_of(listener)})))
            server.run(sockets=[listener])


@contextmanager
def passing_home() -> Iterator[Path]:
    """Make a folder that vanishes afterwards; others may enter it, since the database runs as another user for root."""
    with tempfile.TemporaryDirectory(prefix="lianzhou-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Listen on an address while the block runs. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise PortTaken(port=port) from error
    with listener:
        yield listener


def address_of(listener: socket.socket) -> str:
    """Return the address at which a browser on this machine finds a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_app(settings: Settings, url: str, host: str, port: int) -> None:
    """Serve console and API on a migrated database until told to stop. Raises PortTaken."""
    with listening(host, port) as listener:
        server = make_server(settings, url)
        warn(say(locale(), Message(code="serving", params={"url": address_of(listener)})))
        server.run(sockets=[listener])


def make_server(settings: Settings, url: str) -> "uvicorn.Server":
    """Return a server for console and API."""
    from api import logs
    from api.app import create_app
    from api.cli.server import make

    logs.start(as_json=settings.log_json or not sys.stderr.isatty())
    return make(create_app(settings, url))


@contextmanager
def companion(settings: Settings, url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a worker beside this process while the block runs; it writes its log under the home."""
    settings.home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "api.cli.companion", str(os.getpid())]
    environment = {**os.environ, "DATABASE_URL": url, "LIANZHOU_HOME": str(settings.home)}
    with (settings.home / WORKER_LOG).open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
