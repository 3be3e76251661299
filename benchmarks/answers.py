"""Measure what is asked about a problem besides a plan, each answer beside what it is made of.

    .venv/bin/python benchmarks/answers.py [--portfolios] [--write]

Problems are generated (benchmarks/generated.py). A ratio compares an answer with one plan of the same problem in the
same run; for the division by Shapley, with evaluating its game once.
"""

import argparse
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.generated import generated, projects  # noqa: E402
from benchmarks.optimizer import written  # noqa: E402
from optimizer import Plan, Problem, Status, portfolio, repair, shares, solve, violations  # noqa: E402
from optimizer.problem import canonical  # noqa: E402

MARKS = ("<!-- answers:begin -->", "<!-- answers:end -->")
SEEDS = (1, 3, 4, 5)
FIRMS, PACKAGES = 500, 12

Answer = TypeVar("Answer")


def timed(work: Callable[[], Answer]) -> tuple[Answer, float]:
    """Return what some work answers, and the seconds it took."""
    begun = time.perf_counter()
    answer = work()
    return answer, time.perf_counter() - begun


def row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def about_one(seed: int) -> Iterator[str]:
    """Yield the rows about one problem of 500 firms and 12 packages."""
    problem, name = canonical(generated(FIRMS, PACKAGES, seed)), f"{FIRMS} × {PACKAGES}, seed {seed}"
    best, one = timed(lambda: solve(problem, seconds=5, workers=2))
    if not best.plans:
        yield row(name, "one plan", f"{one:.2f}", "1", f"{best.status.value}, {_fixes(best.diagnosis)}")
        return
    yield row(name, "one plan", f"{one:.2f}", "1", best.status.value)
    five, took = timed(lambda: solve(problem, plans=5, seconds=5, effort=math.inf, workers=2))
    assert not any(violations(problem, plan) for plan in five.plans)
    proved = sum(plan.status is Status.OPTIMAL for plan in five.plans)
    yield row(
        name, "five diverse plans", f"{took:.2f}", f"{took / one:.1f}", f"{len(five.plans)} plans, {proved} proved"
    )
    plan = best.plans[0]
    waits = [timed(lambda lost=lost: repair(problem, plan, lost=(lost,), seconds=5)) for lost in plan.members]  # type: ignore[misc]
    longest, complete = max(took for _, took in waits), sum(answer.complete for answer, _ in waits)
    told = f"{len(waits)} members lost in turn, {complete} repaired with proof"
    yield row(name, "repair, the longest", f"{longest:.2f}", f"{longest / one:.1f}", told)
    broken = impossible(problem, plan)
    diagnosed, took = timed(lambda: solve(broken, seconds=10, workers=2))
    yield row(
        name,
        "diagnosis",
        f"{took:.2f}",
        f"{took / one:.1f}",
        f"{diagnosed.status.value}, {_fixes(diagnosed.diagnosis)}",
    )


def impossible(problem: Problem, plan: Plan) -> Problem:
    """Return the problem with a budget, a member limit and a share of small firms that nobody can keep together."""
    cost = sum(part.units * (part.price or 0) for part in plan.assignments)
    rules = replace(problem.rules, budget=cost * 95 // 100, max_members=4, min_members=None, sme_share_min=8500)
    return replace(problem, rules=rules)


def _fixes(diagnosis: object) -> str:
    fixes = getattr(diagnosis, "fixes", ())
    return f"{len(fixes)} fixes, {sum(fix.minimal for fix in fixes)} proved minimal"


def divided() -> Iterator[str]:
    """Yield the rows about dividing the money of a plan of 10 and of 12 members."""
    for members in (10, 12):
        problem = canonical(generated(400, 14, 2))
        problem = replace(problem, rules=replace(problem.rules, min_members=members, max_members=members))
        plan = solve(problem, seconds=10, workers=2).plans[0]
        _, by_value = timed(lambda: shares(problem, plan, method="value"))  # noqa: B023 - called at once
        found, took = timed(lambda: shares(problem, plan, method="shapley"))  # noqa: B023 - called at once
        told = f"sums to {sum(part.amount for part in found.shares):,} of {found.total:,}"
        yield row(f"{len(plan.members)} members", "Shapley, exact", f"{took:.2f}", f"{took / by_value:.1f}", told)


def portfolios() -> Iterator[str]:
    """Yield the rows about many projects over one capacity."""
    for count, firms, seconds in ((30, 800, 9.0), (300, 2000, 112.0)):
        asked, pools = projects(count, firms, 8, 1)
        for workers in (1, 2):
            found, took = timed(
                lambda: portfolio(asked, pools, seconds=seconds, effort=math.inf, workers=workers)  # noqa: B023
            )
            told = f"gain {found.gain:,}, gap {found.gap:.1%}, {len(found.staffed)} staffed"
            yield row(f"{count} projects × 8, {firms} firms", f"portfolio, {workers} workers", f"{took:.1f}", "–", told)


def main() -> None:
    """Measure and print; with ``--write`` also into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portfolios", action="store_true")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    lines = ["| problem | answer | seconds | ratio to one plan | what came |", "|---|---|---|---|---|"]
    for seed in SEEDS:
        lines += about_one(seed)
    lines += divided()
    lines += portfolios() if asked.portfolios else ()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    lines += ["", f"Load average at the end {os.getloadavg()[0]:.1f}, peak memory {peak} MB."]
    text = "\n".join(lines)
    print(text)
    if asked.write:
        written(text, MARKS, "Answers about a problem, by `benchmarks/answers.py --portfolios --write`.")


if __name__ == "__main__":
    main()
