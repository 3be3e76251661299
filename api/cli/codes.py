"""How the command line ends, and how it words what went wrong."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from api.db import DatabaseUnfit
from api.embedded import ClusterError
from api.i18n import Locale, negotiate, say
from api.safe import SafeClosed
from api.settings import BadSetting
from domain.errors import DomainError, Invalid, NotAllowed, NotFound, Stale, Unavailable


class Exit(IntEnum):
    """Exit codes; a script may rely on them."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    FAULTS = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    CONFLICT = 6
    INFEASIBLE = 7
    LIMIT = 8
    UNAVAILABLE = 9
    INTERRUPTED = 130


ENDS: tuple[tuple[type[DomainError], Exit], ...] = (
    (Invalid, Exit.FAULTS),
    (NotFound, Exit.NOT_FOUND),
    (NotAllowed, Exit.NOT_ALLOWED),
    (Stale, Exit.CONFLICT),
    (Unavailable, Exit.UNAVAILABLE),
)


def locale() -> Locale:
    """Return the language of the terminal: LIANZHOU_LANG, else Chinese unless LANG asks for English."""
    wanted = os.environ.get("LIANZHOU_LANG") or os.environ.get("LANG", "").partition(".")[0].replace("_", "-")
    return negotiate(None, None, wanted or None, None)


def warn(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(text + "\n")


@contextmanager
def failing() -> Iterator[None]:
    """Word a refusal on stderr, every fault on a line of its own, and end with its exit code."""
    try:
        yield
    except DomainError as refusal:
        warn(say(locale(), refusal.message))
        for fault in refusal.faults if isinstance(refusal, Invalid) else ():
            from api.problems import fault_said

            warn(f"  {fault.where}: {fault_said(locale(), fault)}")
        raise SystemExit(next((end for kind, end in ENDS if isinstance(refusal, kind)), Exit.CONFLICT)) from None
    except BadSetting as bad:
        warn(say(locale(), bad.message))
        raise SystemExit(Exit.USAGE) from None
    except SafeClosed as closed:
        warn(say(locale(), closed.message))
        raise SystemExit(Exit.CONFLICT) from None
    except (ClusterError, DatabaseUnfit) as unfit:
        warn(say(locale(), unfit.message))
        raise SystemExit(Exit.UNAVAILABLE) from None
