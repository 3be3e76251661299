"""Files on the command line: read from disk or stdin, every fault worded with its path, answers written as JSON."""

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.codes import Exit, locale, warn
from api.i18n import say
from domain.message import Message

if TYPE_CHECKING:
    from optimizer import Fault, Plan, Problem


Workers = Annotated[
    int,
    typer.Option(min=1, max=2, help="并行数；2 时未证的结果可能不同 / with 2, unproved results may differ"),
]
"""How many cores a search may use."""


def effort_of(workers: int) -> float | None:
    """Return the limit on effort: with two workers, whose results depend on the clock anyway, there is none."""
    return None if workers < 2 else math.inf


def contents(path: Path) -> bytes:
    """Return what a file holds, ``-`` being stdin; a file that is not there ends the program."""
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        warn(f"{path}: {error.strerror}")
        raise SystemExit(Exit.NOT_FOUND) from None


def problem_in(path: Path) -> "Problem":
    """Return the problem in a file."""
    from optimizer import read_problem

    with faultless():
        return read_problem(contents(path))


def plan_in(path: Path, problem: "Problem", number: int) -> "Plan":
    """Return a plan out of a result file, judged by the problem."""
    from optimizer import read_plan

    with faultless():
        return read_plan(contents(path), problem, number)


@contextmanager
def faultless() -> Iterator[None]:
    """Word every fault of a file on a line of its own and end with 3; what cannot be asked ends with 2."""
    from optimizer import ProblemInvalid

    try:
        yield
    except ProblemInvalid as invalid:
        refuse(invalid.faults)
    except ValueError as refused:
        warn(str(refused))
        raise SystemExit(Exit.USAGE) from None


def refuse(faults: "tuple[Fault, ...]") -> None:
    """Word faults and end."""
    for fault in faults:
        warn(f"{fault.path}: {say(locale(), Message(code=fault.code, params=dict(fault.params)), section='fault')}")
    warn(say(locale(), Message(code="faults-found", params={"count": len(faults)}), section="cli"))
    raise SystemExit(Exit.FAULTS)


def printed(document: dict[str, Any]) -> None:
    """Write a document to stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
