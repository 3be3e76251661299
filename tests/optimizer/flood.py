"""Reads and solves a part of ten thousand generated problem files under limits, and says what became of each.

    python -m tests.optimizer.flood FIRST COUNT

Run by test_flood.py in a process of its own, so that a crash is a crash and memory is bounded by the system.
"""

import json
import random
import resource
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optimizer import ProblemInvalid, Status, read_problem, solve, violations
from tests.optimizer.test_document import EXAMPLE, mutated

MEMORY, PROCESSOR = 3 * 2**30, 900
"""Bytes of address space, and CPU seconds, after which the system ends the process."""
SECONDS = 2.0


def number(chance: random.Random) -> Any:
    """Return a figure at or beyond an edge."""
    return chance.choice([0, 1, -1, 9999, 10_000, 10_001, 10**9, 10**15, 2**53, 2**63, -(2**63), 10**40, 0.1, 1e308])


def scrambled(chance: random.Random) -> bytes:
    """Return the example as text with a few bytes changed or cut away."""
    text = json.dumps(EXAMPLE, ensure_ascii=False).encode()
    at = chance.randrange(len(text))
    noise = bytes(chance.randrange(256) for _ in range(chance.randint(0, 4)))
    return chance.choice([text[:at] + noise + text[at + 1 :], text[:at], noise + text])


def edged(chance: random.Random) -> bytes:
    """Return the example with many of its figures at or beyond their edges."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [turned(inner) for inner in value]
        return number(chance) if isinstance(value, int) and chance.random() < 0.15 else value

    return json.dumps(turned(EXAMPLE)).encode()


def contradictory(chance: random.Random) -> bytes:
    """Return a well-formed problem whose rules pull in all directions."""
    firms = [f"F{i}" for i in range(chance.randint(1, 8))]
    packages = [f"P{i}" for i in range(chance.randint(1, 4))]

    def some(most: int) -> list[str]:
        return chance.sample(firms, chance.randint(0, min(most, len(firms))))

    def part() -> int:
        return chance.choice([0, 1, 2500, 5000, 9999, 10_000])

    low, high = sorted((part(), part()))
    rules: dict[str, Any] = {
        "max_members": chance.randint(3, 8), "min_members": chance.randint(0, 4), "sme_share_min": part(),
        "firm_share_max": max(1, part()), "budget": chance.choice([0, 1, 10**6, 10**12]), "required": some(3),
        "excluded": some(3), "conflicts": [pair for pair in [some(2)] if len(pair) == 2],
        "locked": [{"package": chance.choice(packages), "firm": chance.choice(firms), "share": max(1, part())}],
        "lead": {"candidates": some(3) or firms[:1], "min_share": part()},
    }  # fmt: skip
    kept = chance.sample(sorted(rules), chance.randint(0, 4))
    document = {
        "format": "lianzhou-problem/1",
        "firms": [{"id": firm, "sme": chance.random() < 0.5} for firm in firms],
        "packages": [
            {"id": p, "quantity": chance.randint(1, 9), "value": chance.randint(0, 10**6), "min_share": max(1, low),
             "max_share": max(1, high), "critical": chance.random() < 0.3}
            for p in packages
        ],
        "offers": [
            {"firm": f, "package": p, "price": chance.randint(0, 10**5), "capacity": chance.randint(0, 9), "fit": 50}
            for f in firms for p in packages if chance.random() < 0.7
        ],
        "rules": {name: rules[name] for name in kept},
    }  # fmt: skip
    return json.dumps(document).encode()


def hostile(chance: random.Random) -> bytes:
    """Return what is meant to exhaust a reader: depth, length, numbers without end, one name a thousand times."""
    size = chance.choice([10**3, 10**4, 10**5, 10**6])
    offer = b'{"firm":"F1","package":"P1","price":1},'
    return chance.choice(
        [
            b"[" * size,
            b'{"rules":' * size,
            b'{"format":' + b"9" * size + b"}",
            b'{"format":"' + b"\\u0000" * size + b'"}',
            b'{"format":"lianzhou-problem/1","offers":[' + offer * (size // 10) + b"0]}",
            b'{"format":"lianzhou-problem/1","firms":[' + b'{"id":"F1"},' * (size // 10) + b"{}]}",
            b'{"' + b"a" * size + b'":1}',
            b'{"a":1,' * (size // 10) + b"1" + b"}" * (size // 10),
        ]
    )


KINDS: tuple[Callable[[random.Random], bytes], ...] = (
    lambda chance: json.dumps(mutated(chance)).encode(), scrambled, edged, contradictory, contradictory, hostile,
)  # fmt: skip


def outcome(source: bytes) -> str:
    """Read and solve a file, and name what came of it."""
    try:
        problem = read_problem(source)
        result = solve(problem, seconds=SECONDS)
    except ProblemInvalid as refused:
        named = bool(refused.faults) and all(fault.path.startswith("$") and fault.code for fault in refused.faults)
        return "refused" if named else "refused without a path"
    broken = any(violations(problem, plan) for plan in result.plans)
    told = bool(result.plans) == (result.status in (Status.OPTIMAL, Status.FEASIBLE))
    return result.status.value if told and not broken else "wrong"


def peak() -> int:
    """Return the most memory this program has held, in KiB.

    Linux lets ``ru_maxrss`` of a new program begin at what its parent held (execve keeps it), so it is not asked.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(status.read_text().partition("VmHWM:")[2].split()[0])


def main() -> None:
    """Print how often each outcome came, and the memory that was needed."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
    first, count = map(int, sys.argv[1:])
    met: Counter[str] = Counter()
    for seed in range(first, first + count):
        met[outcome(KINDS[seed % len(KINDS)](random.Random(seed)))] += 1
    sys.stdout.write(json.dumps({"met": met, "peak": peak()}) + "\n")


if __name__ == "__main__":
    main()
