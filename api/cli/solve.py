"""``lianzhou solve``: a problem file in, a result file out; no database."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.codes import Exit, warn
from api.cli.files import Workers, effort_of, printed, problem_in


def solve(
    problem: Annotated[Path, typer.Argument(help="lianzhou-problem/1 文件，- 为标准输入 / file, - for stdin")],
    plans: Annotated[int, typer.Option(min=1, max=20, help="方案数 / number of plans")] = 1,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="时限（秒） / time limit")] = 30.0,
    seed: Annotated[int, typer.Option(min=0, help="随机种子 / seed")] = 0,
    workers: Workers = 1,
    as_json: Annotated[bool, typer.Option("--json", help="输出 lianzhou-result/1 / print the result file")] = False,
    require_optimal: Annotated[bool, typer.Option(help="未证最优则退出码 8 / exit 8 unless proved")] = False,
) -> None:
    """求解问题文件 / solve a problem file and prove the answer.

    lianzhou solve problem.json --plans 3
    lianzhou solve problem.json --json > result.json
    """
    from optimizer import result_document
    from optimizer import solve as run

    wanted = problem_in(problem)
    interrupt = _Interrupt()
    result = run(
        wanted, plans=plans, seconds=seconds, effort=effort_of(workers), seed=seed, workers=workers, progress=_line,
        interrupt=interrupt,
    )  # fmt: skip
    if sys.stderr.isatty():
        warn("")
    document = result_document(result)
    if as_json:
        printed(document)
    else:
        _show(document)
    raise SystemExit(_end(document["status"], require_optimal))


class _Interrupt:
    """Set by the first Ctrl-C: the search ends with the best plan so far."""

    def __init__(self) -> None:
        import signal

        self._set = False
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, *_: object) -> None:
        if self._set:
            raise KeyboardInterrupt
        self._set = True

    def is_set(self) -> bool:
        """Return whether the search should end now."""
        return self._set


def _line(progress: Any) -> None:
    if sys.stderr.isatty():
        best, bound, gap = progress.objective, progress.bound, ""
        if best is not None and bound is not None:
            gap = f" gap {abs(bound - best) / max(1, abs(best)):.2%}"
        told = "".join(f" {name} {value}" for name, value in (("best", best), ("bound", bound)) if value is not None)
        sys.stderr.write(f"\rt={progress.seconds:.1f}s {progress.stage}{told}{gap}   ")
        sys.stderr.flush()


def _show(document: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    screen = Console()
    gap = document["gap"]
    screen.print(
        f"[bold]{document['status']}[/bold]  objective {document['objective']}  bound {document['bound']}"
        f"  gap {'—' if gap is None else format(gap, '.2%')}  {document['seconds']:.2f} s  seed {document['seed']}"
    )
    for number, plan in enumerate(document["plans"], start=1):
        table = Table(title=f"{number}. {plan['objective']} · lead {plan['lead'] or '—'}", title_justify="left")
        for heading in ("package", "firm"):
            table.add_column(heading)
        for heading in ("share", "units", "price"):
            table.add_column(heading, justify="right")
        for part in plan["assignments"]:
            price = "—" if part["price"] is None else str(part["price"])
            table.add_row(part["package"], part["firm"], f"{part['share'] / 100:.2f} %", str(part["units"]), price)
        screen.print(table)
    for entry in document["diagnosis"]:
        screen.print(json.dumps(entry, ensure_ascii=False))


def _end(status: str, require_optimal: bool) -> Exit:
    if status == "infeasible":
        return Exit.INFEASIBLE
    return Exit.LIMIT if status == "unknown" or (require_optimal and status != "optimal") else Exit.DONE
