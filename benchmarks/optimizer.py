"""Measure the optimizer beside its peers on public instances and on generated consortium problems.

    .venv/bin/python benchmarks/optimizer.py [--quick | --full] [--seconds S] [--write]

Peers in the same run and on the same machine: CP-SAT with its default portfolio, HiGHS and SCIP on the same arrays with
whole units, and a greedy that a person would write. Every run is a process of its own and every plan passes the judge.
The data are found by LIANZHOU_DATA (default ../shared/data from the project's root).
"""

import argparse
import asyncio
import json
import math
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ortools.linear_solver import pywraplp
from ortools.sat.python import cp_model

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.generated import generated  # noqa: E402
from benchmarks.instances import assignment, best_known, location, made_assignment, made_location  # noqa: E402
from optimizer import Assignment, Mode, Plan, Problem, Progress, Status, Stopped, solve, violations  # noqa: E402
from optimizer.bound import part_of  # noqa: E402
from optimizer.check import Case  # noqa: E402
from optimizer.eligibility import sift  # noqa: E402
from optimizer.goals import level, levels  # noqa: E402
from optimizer.highs import Watch, branch  # noqa: E402
from optimizer.linear import Linear, tabulate  # noqa: E402
from optimizer.model import build  # noqa: E402
from optimizer.problem import canonical  # noqa: E402
from optimizer.result import agreed_shares  # noqa: E402
from optimizer.score import base, scores_of  # noqa: E402

DATA = Path(os.environ.get("LIANZHOU_DATA", ROOT.parent / "shared" / "data")) / "benchmarks"
BEGIN, END = "<!-- optimizer:begin -->", "<!-- optimizer:end -->"
QUICK = (
    "gap/yagiura2004/e20200", "gap/yagiura2004/c20400", "made-gap/20/400/d", "sscflp/holmberg/p1",
    "made-location/100/300/5", "consortium/200/10", "consortium/1000/40", "consortium/10000/40", "consortium/50000/10",
)  # fmt: skip
FULL = (
    *QUICK, "gap/chu1997/d20200", "gap/yagiura2004/e10200", "sscflp/delmaire/p33", "made-gap/40/400/e",
    "made-location/300/300/5", "consortium/1000/10", "consortium/5000/40", "consortium/10000/10", "consortium/1000/100",
    "consortium/10000/100", "consortium/100000/10", "consortium/100000/40", "consortium/100000/100", "ties/1000/40",
)  # fmt: skip
HUGE = 60_000
"""From how many offers the peers are left out: they have no plan within the time, or no memory."""

Units = dict[tuple[str, str], int]


class Course:
    """What a run has reached so far, moment by moment; values are larger when better."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.first: float | None = None
        self.percent: float | None = None
        self.value: float | None = None
        self.limit: float | None = None

    def told(self, value: float | None, limit: float | None) -> None:
        """Hear of a plan, a limit, or both."""
        now = time.perf_counter() - self.start
        if value is not None and (self.value is None or value > self.value):
            self.value, self.first = value, now if self.first is None else self.first
        if limit is not None and (self.limit is None or limit < self.limit):
            self.limit = limit
        if self.percent is None and self.value is not None and self.limit is not None:
            self.percent = now if self.limit - self.value <= 0.01 * abs(self.value) else None


def ours(problem: Problem, seconds: float, course: Course) -> Units:
    """Solve with both cores."""
    sign = -1 if problem.goals.mode is Mode.COST else 1

    def told(event: Progress) -> None:
        if event.stage not in ("cohesion", "polish"):
            of = [None if figure is None else sign * figure for figure in (event.objective, event.bound)]
            course.told(of[0], of[1])

    result = solve(problem, seconds=seconds, effort=math.inf, workers=2, progress=told)
    course.told(None, None if result.bound is None else sign * result.bound)
    parts = result.plans[0].assignments if result.plans else ()
    return {(part.firm, part.package): part.units for part in parts}


def cp_sat(problem: Problem, seconds: float, course: Course) -> Units:
    """Give the whole model to CP-SAT with its default portfolio on two cores."""
    model = build(problem)
    model.cp.maximize(level(model, levels(problem)[0]))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 2
    solver.parameters.max_time_in_seconds = max(1.0, seconds - (time.perf_counter() - course.start))

    class Told(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            course.told(self.objective_value, self.best_objective_bound)

    status = solver.solve(model.cp, Told())
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return {}
    course.told(solver.objective_value, solver.best_objective_bound)
    amounts = [solver.value(model.units([i])) for i in range(len(model.slots))]
    return {(s.firm.id, s.package.id): n for s, n in zip(model.slots, amounts, strict=True) if n}


def highs(problem: Problem, seconds: float, course: Course) -> Units:
    """Give all arrays to HiGHS, with whole units."""
    linear = _whole_units(problem)
    unit, constant = linear.unit, linear.constant
    watch = Watch(
        lowered=lambda limit: course.told(None, limit * unit + constant),
        found=lambda point: course.told(float(linear.earns @ point) * unit + constant, None),
        ended=lambda _: False,
        news=lambda: None,
    )
    everything = part_of(linear, np.ones(len(linear.slots), dtype=bool))
    answer = branch(linear, everything, None, seconds, 0, watch)
    return {} if answer.point is None else _units(linear, answer.point.tolist())


def scip(problem: Problem, seconds: float, course: Course) -> Units:
    """Give all arrays to SCIP, with whole units."""
    linear = _whole_units(problem)
    solver = pywraplp.Solver.CreateSolver("SCIP")
    solver.SetTimeLimit(int(1000 * seconds))
    bounds = zip(linear.low.tolist(), linear.high.tolist(), linear.whole.tolist(), strict=True)
    columns = [solver.Var(low, high, whole, "") for low, high, whole in bounds]
    matrix = linear.matrix
    for row, (low, high) in enumerate(zip(linear.row_low.tolist(), linear.row_high.tolist(), strict=True)):
        made = solver.Constraint(low, high)
        for place in range(matrix.indptr[row], matrix.indptr[row + 1]):
            made.SetCoefficient(columns[matrix.indices[place]], float(matrix.data[place]))
    for column, earned in zip(columns, linear.earns.tolist(), strict=True):
        solver.Objective().SetCoefficient(column, earned)
    solver.Objective().SetMaximization()
    status = solver.Solve()
    if status not in (pywraplp.Solver.OPTIMAL, pywraplp.Solver.FEASIBLE):
        return {}
    reached = [
        objective * linear.unit + linear.constant
        for objective in (solver.Objective().Value(), solver.Objective().BestBound())
    ]
    course.told(reached[0], reached[1])
    return _units(linear, [column.solution_value() for column in columns])


def greedy(problem: Problem, seconds: float, course: Course) -> Units:
    """Take the scarcest package first and give it to whoever earns most, members before others."""
    linear = tabulate(problem, sift(problem).slots)
    unit = np.where(linear.settled, 0.0, linear.earns[np.where(linear.settled, 0, linear.amounts)])
    earned = (linear.earns[linear.uses] + unit * linear.most) / linear.most
    joining = linear.earns[linear.members][linear.firm_of_slot] / linear.most
    rooms = {pool.id: pool.capacity for pool in problem.pools}
    offered: dict[int, list[int]] = defaultdict(list)
    for i, package in enumerate(linear.package_of_slot.tolist()):
        offered[package].append(i)
    units: Units = {}
    members: set[str] = set()
    for package, slots in sorted(offered.items(), key=lambda item: len(item[1])):
        asked = problem.packages[package]
        left, count = asked.quantity, 0
        slots.sort(key=lambda i: -earned[i] - (0 if linear.slots[i].firm.id in members else joining[i]))
        full = len(members) >= (problem.rules.max_members or len(problem.firms))
        for i in slots:
            slot = linear.slots[i]
            if left and count < (asked.max_suppliers or left) and (slot.firm.id in members or not full):
                load = slot.offer.load if slot.offer.pool else 0
                room = rooms[slot.offer.pool] // load if slot.offer.pool and load else slot.most
                amount = min(left, slot.most, room)
                if amount >= slot.least:
                    units[slot.firm.id, asked.id] = amount
                    left, count = left - amount, count + 1
                    members.add(slot.firm.id)
                    if slot.offer.pool:
                        rooms[slot.offer.pool] -= amount * load
    return units


METHODS: dict[str, Callable[[Problem, float, Course], Units]] = {
    "ours": ours, "CP-SAT": cp_sat, "HiGHS": highs, "SCIP": scip, "greedy": greedy,
}  # fmt: skip


def _whole_units(problem: Problem) -> Linear:
    linear = tabulate(problem, sift(problem).slots)
    return replace(linear, whole=linear.whole | (linear.slot_of_column >= 0))


def _units(linear: Linear, point: Sequence[float]) -> Units:
    places = np.where(linear.settled, linear.uses, linear.amounts).tolist()
    factors = np.where(linear.settled, linear.most, 1.0).tolist()
    amounts = [round(point[place] * factor) for place, factor in zip(places, factors, strict=True)]
    return {(s.firm.id, s.package.id): n for s, n in zip(linear.slots, amounts, strict=True) if n}


def posed(case: str) -> tuple[Problem, float | None]:
    """Return a problem and its best known value, in the units of the problem."""
    kind, *of = case.split("/")
    match kind:
        case "gap":
            name = "/".join(of)
            return assignment((DATA / "gap" / name).read_text()), best_known(DATA)[name]
        case "sscflp":
            text = (DATA / "sscflp" / of[0] / of[1]).read_text()
            problem, scale = location(text, customers_first=of[0] == "delmaire")
            known = (DATA / "sscflp" / of[0] / "os").read_text().split()
            return problem, float(known[int(of[1][1:]) - 1]) * scale
        case "made-gap":
            return made_assignment(int(of[0]), int(of[1]), of[2], 1), None
        case "made-location":
            return made_location(int(of[0]), int(of[1]), float(of[2]), 1), None
        case _:
            return generated(int(of[0]), int(of[1]), 1, ties=kind == "ties"), None


def one(case: str, method: str, seconds: float) -> dict[str, Any]:
    """Run one method on one case and return its figures; the plan is judged by `violations`."""
    problem, known = posed(case)
    problem = canonical(problem)
    course = Course()
    units = METHODS[method](problem, seconds, course)
    took = time.perf_counter() - course.start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    judged = Case(problem, units)
    broken = violations(problem, _plan(judged)) if units else ("no plan",)
    value = base(problem, scores_of(judged))[0] if units and not broken else None
    limit = course.limit
    return {
        "case": case, "method": method, "seconds": seconds, "load": os.getloadavg()[0],
        "offers": len(problem.offers), "value": value, "limit": limit, "known": known,
        "broken": len(broken), "first": course.first, "percent": course.percent, "took": took,
        "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss // 1024,
        "gap": None if value is None or limit is None else 100 * max(0.0, limit - value) / max(1.0, abs(value)),
        "over": None if value is None or known is None else 100 * (-value - known) / known,
    }  # fmt: skip


def _plan(case: Case) -> Plan:
    parts = []
    for package, firms in case.suppliers.items():
        amounts = tuple(case.units[firm, package] for firm in firms)
        for firm, amount, share in zip(firms, amounts, agreed_shares(amounts), strict=True):
            price = case.offers[firm, package].price
            parts.append(Assignment(package=package, firm=firm, units=amount, share=share, price=price))
    return Plan(
        members=tuple(case.members), assignments=tuple(parts), scores=tuple(scores_of(case).items()),
        lead=next(iter(case.leads()), None), objective=0, best=0, bound=None, status=Status.FEASIBLE,
        stopped=Stopped.TIME,
    )  # fmt: skip


async def output_of(command: Sequence[str]) -> bytes:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    answer, _ = await process.communicate()
    return answer


def measured(cases: Sequence[str], methods: Sequence[str], seconds: float) -> Iterator[dict[str, Any]]:
    """Yield the figures of every method on every case, each from a process of its own."""
    for case in cases:
        large = len(posed(case)[0].offers) > HUGE
        for method in methods:
            if large and method not in ("ours", "greedy"):
                continue
            command = [sys.executable, str(Path(__file__)), "--one", case, method, str(seconds)]
            answer = asyncio.run(output_of(command))
            lines = answer.decode().strip().splitlines()
            found = json.loads(lines[-1]) if lines else {"case": case, "method": method, "failed": True}
            print(json.dumps(found), file=sys.stderr, flush=True)
            yield found


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the figures as Markdown."""
    lines = [
        "Wall clock, on two cores shared with other work (their load average when a run ended is in the table): ratios",
        "within a case are what counts. A value is larger when better, the negative of a cost.",
        "",
        "| case | offers | method | limit s | plan's value | over best known % | proven gap % | first plan s |"
        " to 1 % s | took s | CPU s | load | peak MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if "failed" in row:
            lines.append(f"| {row['case']} | | {row['method']} | | ended without an answer | | | | | | | | |")
            continue
        value = f"{row['value']:,}" if row["value"] is not None else f"none ({row['broken']} rules)"
        cells = [row["case"], f"{row['offers']:,}", row["method"], f"{row['seconds']:g}", value]
        cells += [_cell(row["over"], 3), _cell(row["gap"], 3)]
        cells += [_cell(row[name], 1) for name in ("first", "percent", "took", "cpu", "load")]
        lines.append(f"| {' | '.join(cells)} | {row['peak']} |")
    return "\n".join([*lines, "", *growth(rows)])


def growth(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return how time to the first plan grows with the number of firms, as the exponent of a power law."""
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        kind, *of = row["case"].split("/")
        if kind == "consortium" and row["method"] == "ours" and row.get("first"):
            points[of[1]].append((math.log(float(of[0])), math.log(row["first"])))
    told = []
    for packages, pairs in points.items():
        if len(pairs) > 1:
            xs, ys = zip(*pairs, strict=True)
            told.append(f"{packages} packages: N^{float(np.polyfit(xs, ys, 1)[0]):.2f}")
    return [f"Growth of the time to the first plan with the number of firms N: {'; '.join(told)}."] if told else []


def _cell(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def written(text: str, marks: tuple[str, str] = (BEGIN, END), lead: str = "") -> None:
    """Put the figures between their marks in docs/benchmarks.md, which keeps everything else."""
    begin, end = marks
    path = ROOT / "docs" / "benchmarks.md"
    page = path.read_text(encoding="utf-8")
    if begin not in page:
        page += f"\n{lead}\n\n{begin}\n{end}\n"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Measure and print; with ``--write`` also into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cases", nargs="*")
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--rows", type=Path, help="a file that keeps the figures of every run, to go on from")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--one", nargs=3)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one[0], asked.one[1], float(asked.one[2]))))
        return
    chosen = FULL if asked.full else QUICK
    cases = chosen if asked.cases is None else asked.cases
    rows = (
        [json.loads(line) for line in asked.rows.read_text().splitlines()] if asked.rows and asked.rows.exists() else []
    )
    for row in measured(cases, asked.methods, asked.seconds):
        rows.append(row)
        if asked.rows:
            asked.rows.write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    text = table(rows)
    print(text)
    if asked.write:
        written(text)


if __name__ == "__main__":
    main()
