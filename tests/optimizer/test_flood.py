"""Ten thousand generated problem files: each is solved or refused with paths, within bounded memory and time."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from tests.conftest import PROJECT

OUTCOMES = {"refused", "optimal", "infeasible", "feasible", "unknown"}


def flooded(first: int, count: int) -> tuple[Counter[str], int]:
    """Run a part of the flood; return how often each outcome came, and the peak of memory in KiB."""
    command = [sys.executable, "-m", "tests.optimizer.flood", str(first), str(count)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    return Counter(told["met"]), told["peak"]


def test_a_flood_of_bad_files_is_refused_or_solved_within_bounds() -> None:
    met, peak = flooded(0, 250)

    assert met.total() == 250
    assert set(met) <= OUTCOMES
    assert met["refused"] > 100
    assert met["optimal"] > 10
    assert met["infeasible"] > 20
    assert peak < 1.5 * 2**20


@pytest.mark.long
def test_ten_thousand_files_crash_nothing() -> None:
    total: Counter[str] = Counter()
    for first in range(0, 10_000, 500):
        met, peak = flooded(first, 500)
        total += met
        assert peak < 1.5 * 2**20

    assert total.total() == 10_000
    assert set(total) <= OUTCOMES
