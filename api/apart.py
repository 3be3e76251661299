"""Thinking in a process of its own, which has limits of time and memory and dies alone.

A solver is native code at work on a stranger's figures: it may run on, take all memory or crash. So the worker does not
solve: a child does, under limits, and whatever becomes of it, the worker tells. The child is forked from a process that
has loaded the libraries once, and so begins in milliseconds; when its worker is gone it ends by itself.
"""

import multiprocessing
import os
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.forkserver import ensure_running
from multiprocessing.reduction import ForkingPickler
from threading import Event as Flag
from types import MappingProxyType
from typing import Any, TypeVar, cast

from anyio import to_thread

from domain.errors import DomainError, RuleBroken

Found = TypeVar("Found")
Told = Callable[[Any], None]
LOADED = ["api.jobs.answer", "api.jobs.mending", "api.jobs.suggest"]
MEMORY = 3 << 30
"""Bytes that a child may write to: `benchmarks/optimizer.py` has seen less than half of it at 100,000 firms."""
GRACE = 10.0
"""Seconds beyond its own limit after which a child is killed: reading and explaining come before and after solving."""
CORES = 2
STOP = "stop"


class ThinkingEnded(RuleBroken):
    """The child went beyond its limits of time or memory, or crashed; nothing came of it."""

    code = "thinking-ended"


def _closed(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(content)


def _opened(proxy: MappingProxyType[Any, Any]) -> tuple[Callable[..., Any], tuple[dict[Any, Any]]]:
    return _closed, (dict(proxy),)


ForkingPickler.register(MappingProxyType, _opened)


def warm() -> None:
    """Have the libraries loaded, so that the first child need not wait for it."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(LOADED)
    ensure_running()


async def apart(
    work: Callable[..., Found],
    *given: Any,
    seconds: float,
    cancelled: Flag,
    tell: Told | None = None,
    memory: int = MEMORY,
    **named: Any,
) -> Found:
    """Return what ``work(*given, **named, interrupt=…)`` returns, done in a child; what it raises is raised here.

    `seconds` is the limit that `work` sets itself; `GRACE` later the child is killed. The child's ``interrupt`` is set
    when `cancelled` is. With `tell`, `work` gets a ``progress`` to call, and what it is called with comes to `tell`, in
    a thread. Raises ThinkingEnded when the child ends without an answer.
    """
    return await to_thread.run_sync(
        partial(_watched, work, given, named, seconds=seconds, cancelled=cancelled, tell=tell, memory=memory)
    )


def _watched(
    work: Callable[..., Found],
    given: tuple[Any, ...],
    named: dict[str, Any],
    *,
    seconds: float,
    cancelled: Flag,
    tell: Told | None,
    memory: int,
) -> Found:
    end, stopped = time.monotonic() + seconds + GRACE, False
    with _child_of_ours(memory, seconds, tell is not None) as child:
        child.send((work, given, named))
        while time.monotonic() < end:
            if cancelled.is_set() and not stopped:
                child.send(STOP)
                stopped, end = True, time.monotonic() + GRACE
            said: tuple[str, Any] = child.recv() if child.poll(0.1) else ("", None)
            kind, value = said
            if kind == "found":
                return cast("Found", value)
            if kind == "raised":
                raise _again(*value)
            if kind == "told" and tell is not None:
                tell(value)
    raise ThinkingEnded


@contextmanager
def _child_of_ours(memory: int, seconds: float, telling: bool) -> Iterator["Connection[Any, Any]"]:
    """Begin a child and give the connection to it; afterwards it is no more."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    ours, theirs = context.Pipe()
    limits = (memory, round(CORES * (seconds + GRACE)) + 1)
    child = context.Process(target=_child, args=(theirs, limits, telling), daemon=True)
    child.start()
    theirs.close()
    try:
        yield ours
    except (EOFError, ConnectionError) as ended:
        raise ThinkingEnded from ended
    finally:
        child.kill()
        child.join()
        ours.close()


def _again(kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    """Return an exception of the child as it was; its constructor is not asked, which may want other arguments."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def _limit(memory: int, seconds: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's goes to all; when to end is the worker's to say
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _child(pipe: "Connection[Any, Any]", limits: tuple[int, int], telling: bool) -> None:
    _limit(*limits)
    work, given, named = pipe.recv()
    interrupt, turn = Flag(), threading.Lock()

    def listen() -> None:
        try:
            while pipe.recv() == STOP:
                interrupt.set()
        except (EOFError, OSError):
            os._exit(1)  # nobody waits for an answer any more

    def say(kind: str, value: Any) -> None:
        with turn:
            pipe.send((kind, value))

    threading.Thread(target=listen, daemon=True).start()
    if telling:
        named["progress"] = partial(say, "told")
    try:
        say("found", work(*given, **named, interrupt=interrupt))
    except DomainError as refusal:
        say("raised", (type(refusal), refusal.args, refusal.__dict__))
    except Exception as error:  # the worker logs it with where it was raised
        say("raised", (RuntimeError, ("".join(traceback.format_exception(error)),), {}))
