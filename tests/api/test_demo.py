"""One command starts everything and ends everything, whichever way it is ended."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from api.cli.codes import Exit
from api.cli.demo import PortTaken, address_of, listening, passing_home
from api.embedded import Cluster
from api.story.logins import FILE
from tests.conftest import PROJECT

LISTENS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""A shell tells what it starts in the background to ignore interrupts, and all that is started from there."""
COMMAND = [sys.executable, "-c", f"{LISTENS}; from api.cli import main; main()", "demo"]
SECONDS = 180


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of all demonstrations here; whatever still runs in it at the end is stopped."""
    with passing_home() as folder:
        yield folder / "home"
        root = folder / "home" / "postgres"
        if root.exists():
            Cluster(root).stop()


def environment(home: Path) -> dict[str, str]:
    """The environment of a person who has set nothing but the home and his language."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return kept | {"LIANZHOU_HOME": str(home), "LIANZHOU_LANG": "zh-CN", "PYTHONPATH": str(PROJECT)}


def once(home: Path) -> "subprocess.CompletedProcess[str]":
    """Run the demonstration to its end."""
    command = [*COMMAND, "--once"]
    return subprocess.run(
        command, env=environment(home), capture_output=True, text=True, timeout=SECONDS, check=False, cwd=PROJECT
    )


@contextmanager
def serving(home: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the demonstration until it serves; give its process and its address."""
    command = [*COMMAND, "--port", "0"]
    with subprocess.Popen(
        command, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=PROJECT
    ) as process:
        assert process.stdout is not None
        try:
            found = next(filter(None, (re.search(r"http://[\d.]+:\d+", line) for line in process.stdout)))
            yield process, found[0]
        finally:
            process.kill()


def running(home: Path) -> list[str]:
    """Return the commands of all processes that work in a home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            about = command + (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(home) in about and process.name != str(os.getpid()):
            found.append(command.replace(b"\0", b" ").decode())
    return found


def until_only(home: Path, word: str, seconds: float = 15) -> list[str]:
    """Wait until no process in a home runs a command with `word`; return what else runs."""
    end = time.monotonic() + seconds
    while any(word in command for command in running(home)) and time.monotonic() < end:
        time.sleep(0.1)
    return running(home)


def logins(home: Path) -> str:
    return (home / FILE).read_text(encoding="utf-8")


def test_an_interrupt_while_the_story_is_loaded_leaves_nothing_running(home: Path) -> None:
    command = [*COMMAND, "--once"]
    with subprocess.Popen(command, env=environment(home), stderr=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stderr is not None
        assert any("内罗毕" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        assert process.wait(60) == Exit.INTERRUPTED
    assert until_only(home, "multiprocessing") == []


def test_a_proven_plan_is_printed_and_nothing_stays_behind(home: Path) -> None:
    done = once(home)
    assert done.returncode == Exit.DONE, done.stderr
    assert "中爪哇 200MW/400MWh 储能电站 EPC" in done.stdout
    assert "已证明最优" in done.stdout
    for package in range(1, 13):
        assert f"WP{package:02d}" in done.stdout
    assert all(line.split("\t")[2] in done.stdout for line in logins(home).splitlines())
    assert "正在建立演示城市" not in done.stderr, "the interrupted story goes on where it was"
    assert until_only(home, "multiprocessing") == []


def test_after_a_kill_the_worker_goes_by_itself(home: Path) -> None:
    with serving(home) as (process, _):
        process.kill()
        process.wait()
    until_only(home, "companion")
    left = until_only(home, "multiprocessing")
    assert left
    assert all("postgres" in command for command in left)


def test_what_a_kill_left_serves_again_and_a_termination_ends_everything(home: Path) -> None:
    kept = logins(home)
    _, email, password = kept.splitlines()[0].split("\t")
    with serving(home) as (process, address), httpx.Client(base_url=address, timeout=60) as client:
        assert client.get("/health").json() == {"status": "ok"}
        client.post("/api/v1/sign-ins", json={"email": email, "password": password}).raise_for_status()
        with client.stream("GET", "/api/v1/events/stream") as stream:
            lines = stream.iter_lines()
            assert next(lines)
            process.send_signal(signal.SIGTERM)
            assert all(isinstance(line, str) for line in lines), "a stream that is cut off raises instead"
        assert process.wait(60) == Exit.DONE
    assert logins(home) == kept
    assert until_only(home, "multiprocessing") == []


def test_a_taken_port_is_named_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [*COMMAND, "--port", str(port)]
        done = subprocess.run(
            command, env=environment(tmp_path / "home"), capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == Exit.UNAVAILABLE
    assert str(port) in done.stderr
    assert "LIANZHOU_PORT" in done.stderr
    assert not (tmp_path / "home").exists()


def test_an_address_can_be_opened_in_a_browser() -> None:
    with listening("127.0.0.1", 0) as listener:
        assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(PortTaken), listening("127.0.0.1", listener.getsockname()[1]):
            pass


def test_a_home_that_is_not_kept_vanishes() -> None:
    with passing_home() as folder:
        (folder / "worker.log").write_text("…", encoding="utf-8")
    assert not folder.exists()
