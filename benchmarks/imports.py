"""Measure bringing in the real data: seconds, memory, rows written, rows left out and why.

    .venv/bin/python benchmarks/imports.py [--write]

Each file is brought in by a process of its own, on a fresh embedded PostgreSQL, and committed. The data are found by
LIANZHOU_DATA (default ../shared/data from the project's root).
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from api.actions.imports import bring_in, the_operator  # noqa: E402
from api.db import make_engine, make_sessions, migrate  # noqa: E402
from api.embedded import database  # noqa: E402
from api.intake.reading import Subject, read  # noqa: E402
from api.intake.sheet import load  # noqa: E402
from api.settings import Settings  # noqa: E402

DATA = Path(os.environ.get("LIANZHOU_DATA", ROOT.parent / "shared" / "data"))
BEGIN, END = "<!-- imports:begin -->", "<!-- imports:end -->"
HEADING = "## Imports"
FILES = (
    (Subject.FIRMS, "china/company_basic.csv"),
    (Subject.CAPABILITIES, "china/company_product.csv"),
    (Subject.LINKS, "china/supplier_2017_2018.csv"),
    (Subject.LINKS, "china/customer_2017_2018.csv"),
    (Subject.PRODUCTS, "china/product_subtype.csv"),
)


async def brought_in(url: str, subject: Subject, name: str) -> dict[str, Any]:
    """Bring one file in and commit; return its report with the seconds it took to read and to write."""
    started = time.perf_counter()
    reading = read(subject, load(DATA / name))
    between = time.perf_counter()
    engine = make_engine(url, size=1)
    async with make_sessions(engine).begin() as session:
        report = await bring_in(session, await the_operator(session), reading)
    await engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    took = {"reading": between - started, "writing": time.perf_counter() - between, "megabytes": peak}
    return report.document() | took


def measured(url: str) -> Iterator[tuple[str, float, dict[str, Any]]]:
    """Yield file, seconds of the whole process and report, one file after the other."""
    for subject, name in FILES:
        command = [sys.executable, str(Path(__file__)), "--one", url, subject.value, name]
        started = time.perf_counter()
        answer = asyncio.run(output_of(command))
        yield name, time.perf_counter() - started, json.loads(answer)


async def output_of(command: list[str]) -> bytes:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    answer, _ = await process.communicate()
    assert process.returncode == 0
    return answer


def table() -> str:
    """Return the figures as Markdown."""
    lines = [
        "| file | rows | written | left out | faulty | read s | written s | process s | peak MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    reasons = ["| file | left out because | rows |", "|---|---|---|"]
    total = 0.0
    with tempfile.TemporaryDirectory() as home, database(Settings(home=Path(home) / "lianzhou")) as url:
        migrate(url)
        for name, seconds, report in measured(url):
            total += seconds
            out = sum(reason["count"] for reason in report["skipped"])
            counts = (report["rows"], report["accepted"], out, report["faulty_rows"])
            took = (report["reading"], report["writing"], seconds)
            cells = [Path(name).name, *(f"{count:,}" for count in counts), *(f"{each:.1f}" for each in took)]
            lines.append(f"| {' | '.join(cells)} | {report['megabytes']} |")
            reasons += [f"| {Path(name).name} | {one['code']} | {one['count']:,} |" for one in report["skipped"]]
    lines.append(f"| all | | | | | | | {total:.1f} | |")
    return "\n".join([*lines, "", *reasons])


def written(text: str) -> None:
    """Put the figures between their marks in docs/benchmarks.md, which keeps everything else."""
    path = ROOT / "docs" / "benchmarks.md"
    page = path.read_text(encoding="utf-8")
    if BEGIN not in page:
        page += f"\n{HEADING}\n\nBy `.venv/bin/python benchmarks/imports.py --write`.\n\n{BEGIN}\n{END}\n"
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure and print; with ``--write`` also into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--one", nargs=3)
    asked = parser.parse_args()
    if asked.one:
        url, subject, name = asked.one
        print(json.dumps(asyncio.run(brought_in(url, Subject(subject), name))))
        return
    text = table()
    print(text)
    if asked.write:
        written(text)


if __name__ == "__main__":
    main()
