"""Measure the optimizer and its peers on every public instance, and sum up by class.

    .venv/bin/python benchmarks/public.py [--seconds S] [--rows FILE] [--write]

Every run is a process of its own, as in benchmarks/optimizer.py, whose methods these are; every plan passes the judge.
`--rows` keeps the figures of each run in a file, from which an interrupted measurement goes on.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.optimizer import DATA, output_of, written  # noqa: E402

METHODS = ("ours", "CP-SAT", "HiGHS", "SCIP")
MARKS = ("<!-- public:begin -->", "<!-- public:end -->")
CLOSED = 1e-4
"""From what proven gap in per cent an instance counts as closed."""

Row = dict[str, Any]


def cases() -> Iterator[tuple[str, str]]:
    """Yield the class and the name of every instance with a best known value."""
    for folder in sorted((DATA / "gap").iterdir()):
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            kind = "" if folder.name == "cattrysse1994" else f" {file.name[0]}"
            yield f"gap/{folder.name}{kind}", f"gap/{folder.name}/{file.name}"
    for folder in sorted((DATA / "sscflp").iterdir()):
        for file in sorted(folder.glob("p*"), key=lambda one: int(one.name[1:])):
            yield f"sscflp/{folder.name}", f"sscflp/{folder.name}/{file.name}"


def measured(seconds: float, rows: list[Row], keep: Path | None) -> list[Row]:
    """Return the figures of every method on every instance, those in `rows` as they are."""
    known = {(row["case"], row["method"]) for row in rows}
    for kind, case in cases():
        for method in METHODS:
            if (case, method) not in known:
                command = [sys.executable, str(ROOT / "benchmarks" / "optimizer.py")]
                answer = asyncio.run(output_of([*command, "--one", case, method, str(seconds)]))
                lines = answer.decode().strip().splitlines()
                row = json.loads(lines[-1]) if lines else {"case": case, "method": method, "failed": True}
                rows.append(row | {"kind": kind})
                if keep is not None:
                    keep.write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    return rows


def table(rows: Sequence[Row]) -> str:
    """Return the figures by class as Markdown, and the instances on which a peer did better."""
    lines = [
        "| class | instances | method | plans | over best known: mean % | worst % | closed | median s | worst s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        for method in METHODS:
            mine = [row for row in rows if (row["kind"], row["method"]) == (kind, method)]
            found = [row for row in mine if row.get("over") is not None]
            over = [row["over"] for row in found] or [float("nan")]
            closed = sum(row["gap"] is not None and row["gap"] <= CLOSED for row in found)
            took = [row["took"] for row in mine if "took" in row] or [float("nan")]
            lines.append(
                f"| {kind} | {len(mine)} | {method} | {len(found)} | {statistics.fmean(over):.3f} | {max(over):.3f} |"
                f" {closed} | {statistics.median(took):.1f} | {max(took):.1f} |"
            )
    return "\n".join([*lines, "", *_compared(rows)])


def _compared(rows: Sequence[Row]) -> list[str]:
    """Say where a peer found a better plan, and how far the plans of each kind are over the best known."""
    by_case: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.get("over") is not None:
            by_case.setdefault(row["case"], {})[row["method"]] = row["over"]
    worse = [
        f"{case} (ours {found.get('ours', float('nan')):.3f} %, best peer {best:.3f} %)"
        for case, found in by_case.items()
        if (best := min((over for method, over in found.items() if method != "ours"), default=None)) is not None
        and not found.get("ours", float("inf")) <= best + 1e-9
    ]
    told = [f"A peer found a better plan on {len(worse)} of {len(by_case)} instances{': ' if worse else '.'}"]
    told = [told[0] + "; ".join(worse) + ("." if worse else "")]
    for kind in ("gap", "sscflp"):
        over = [found["ours"] for case, found in by_case.items() if case.startswith(kind) and "ours" in found]
        if over:
            told.append(f"Ours over all of `{kind}`: mean {statistics.fmean(over):.4f} %, worst {max(over):.3f} %.")
    return told


def main() -> None:
    """Measure and print; with ``--write`` also into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    lines = asked.rows.read_text().splitlines() if asked.rows and asked.rows.exists() else []
    text = table(measured(asked.seconds, [json.loads(line) for line in lines], asked.rows))
    print(text)
    if asked.write:
        written(text, MARKS, f"Every public instance, {asked.seconds:g} s a run, by `benchmarks/public.py --write`.")


if __name__ == "__main__":
    main()
