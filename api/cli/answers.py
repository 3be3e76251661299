"""What may be asked about a problem and its plans: one command each, files in, a ``lianzhou-answer/1`` object out.

A plan is named by the result file of ``lianzhou solve --json`` and its number. The commands end with 0, with 7 where it
is proved that there is none, with 8 where the time did not suffice to find any.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.codes import Exit
from api.cli.files import Workers, contents, effort_of, faultless, plan_in, printed, problem_in

ProblemFile = Annotated[Path, typer.Argument(help="lianzhou-problem/1 文件，- 为标准输入 / file, - for stdin")]
ResultFile = Annotated[Path, typer.Argument(help="lianzhou-result/1 文件 / the result file of solve --json")]
Number = Annotated[int, typer.Option("--plan", min=1, help="方案序号 / number of the plan")]
Seconds = Annotated[float, typer.Option(min=0.1, max=3600, help="时限（秒） / time limit")]
Seed = Annotated[int, typer.Option(min=0, help="随机种子 / seed")]
Firm = Annotated[str, typer.Option(help="企业 / firm")]


def diagnose(
    problem: ProblemFile,
    fixes: Annotated[int, typer.Option(min=1, max=5, help="办法数 / number of fixes")] = 3,
    weigh: Annotated[list[str] | None, typer.Option(help="规则=权重 / rule=weight, such as budget=5")] = None,
    seconds: Seconds = 10.0,
    seed: Seed = 0,
) -> None:
    """无可行方案时的最小放宽办法 / the smallest fixes of a problem that has no plan, and one conflict of rules."""
    from optimizer import answer_document, conflict_core, diagnose, diagnosis_document

    asked = problem_in(problem)
    with faultless():
        prices = {rule: int(weight) for rule, weight in _pairs(weigh, "=")}
        found = diagnose(asked, fixes=fixes, prices=prices, seconds=seconds, seed=seed)
    core = conflict_core(asked, seconds=seconds, seed=seed)
    printed(answer_document("diagnosis", core) | {"diagnosis": diagnosis_document(found)})


def repair(
    problem: ProblemFile,
    result: ResultFile,
    lost: Annotated[list[str] | None, typer.Option(help="退出的企业 / a firm that is lost")] = None,
    part: Annotated[list[str] | None, typer.Option(help="失去的部分：企业/工作包 / a part: firm/package")] = None,
    keep: Annotated[bool, typer.Option(help="其他成员不变 / the others keep their parts")] = False,
    number: Number = 1,
    seconds: Seconds = 10.0,
    seed: Seed = 0,
) -> None:
    """成员退出后的修复：改动最少与最优 / mend a plan: fewest changes, best value, and what lies between."""
    from optimizer import repair

    asked = problem_in(problem)
    plan = plan_in(result, asked, number)
    with faultless():
        parts = list(_pairs(part, "/"))
        found = repair(asked, plan, lost=lost or (), parts=parts, keep=keep, seconds=seconds, seed=seed)
    _ended("repairs", found, found.status.value)


def explain(
    problem: ProblemFile, result: ResultFile, number: Number = 1, seconds: Seconds = 10.0, seed: Seed = 0
) -> None:
    """为何是这个方案 / why this plan: what each member brings, which rules bind, why not the next firm."""
    from optimizer import answer_document, explain

    asked = problem_in(problem)
    plan = plan_in(result, asked, number)
    printed(answer_document("explanation", explain(asked, plan, seconds=seconds, seed=seed)))


def rules(problem: ProblemFile, seconds: Seconds = 30.0, seed: Seed = 0) -> None:
    """每条规则的代价 / the price of every rule: eased by one step, and dropped."""
    from optimizer import price_of_rules

    found = price_of_rules(problem_in(problem), seconds=seconds, seed=seed)
    _ended("rules", found, found.status.value)


def counterfactual(problem: ProblemFile, firm: Firm, seconds: Seconds = 30.0, seed: Seed = 0) -> None:
    """怎样才能入选 / the smallest single changes that bring a firm in."""
    from optimizer import answer_document, counterfactual

    asked = problem_in(problem)
    with faultless():
        found = counterfactual(asked, firm, seconds=seconds, seed=seed)
    printed(answer_document("counterfactual", found))


def harden(
    problem: ProblemFile,
    package: Annotated[list[str] | None, typer.Option(help="工作包，默认关键包 / package, else the critical")] = None,
    upstream: Annotated[list[str] | None, typer.Option(help="企业=上游 / firm=upstream firm")] = None,
    seconds: Seconds = 20.0,
    seed: Seed = 0,
) -> None:
    """任一企业退出仍可履约的方案及其代价 / the best plan that survives the loss of any one firm, and its price."""
    from optimizer import harden

    asked = problem_in(problem)
    with faultless():
        sources: dict[str, list[str]] = {}
        for firm, source in _pairs(upstream, "="):
            sources.setdefault(firm, []).append(source)
        found = harden(asked, packages=package, upstream=sources, seconds=seconds, seed=seed)
    _ended("hardened", found, found.status.value)


def frontier(
    problem: ProblemFile,
    axis: Annotated[list[str] | None, typer.Option(help="price、risk、sme、lead")] = None,
    points: Annotated[int, typer.Option(min=1, max=100, help="方案数上限 / most plans")] = 12,
    seconds: Seconds = 30.0,
    seed: Seed = 0,
) -> None:
    """价格、风险、中小企业份额、交期的取舍 / efficient plans along price, risk, SME share and lead time."""
    from optimizer import answer_document, frontier

    asked = problem_in(problem)
    with faultless():
        axes = axis or ("price", "risk", "sme", "lead")
        found = frontier(asked, axes, points=points, seconds=seconds, seed=seed)
    printed(answer_document("frontier", found))


def room(
    problem: ProblemFile, result: ResultFile, firm: Firm, number: Number = 1, seconds: Seconds = 20.0, seed: Seed = 0
) -> None:
    """议价空间 / how far a member's prices may rise before a plan without it is better."""
    from optimizer import answer_document, negotiation_room

    asked = problem_in(problem)
    plan = plan_in(result, asked, number)
    with faultless():
        found = negotiation_room(asked, plan, firm, seconds=seconds, seed=seed)
    printed(answer_document("room", found))


def waves(
    problem: ProblemFile,
    result: ResultFile,
    rounds: Annotated[int, typer.Option("--waves", min=1, max=20, help="轮数 / waves before the deadline")] = 2,
    odds: Annotated[list[str] | None, typer.Option(help="企业=基点 / firm=basis points")] = None,
    at_once: Annotated[int | None, typer.Option(min=1, help="每轮邀请上限 / most invitations in a wave")] = None,
    per_seat: Annotated[int, typer.Option(min=1, help="每席位每轮上限 / most for one seat in a wave")] = 1,
    number: Number = 1,
) -> None:
    """先邀请谁 / whom to invite first, given the odds of acceptance and the waves the deadline leaves."""
    from optimizer import answer_document, invitation_waves

    asked = problem_in(problem)
    plan = plan_in(result, asked, number)
    with faultless():
        known = {firm: int(chance) for firm, chance in _pairs(odds, "=")}
        found = invitation_waves(asked, plan, known, waves=rounds, at_once=at_once, per_seat=per_seat)
    printed(answer_document("waves", found))


def shares(
    problem: ProblemFile,
    result: ResultFile,
    method: Annotated[str, typer.Option(help="value、shapley、least-core、equal-profit")] = "value",
    total: Annotated[int | None, typer.Option(help="总额（分） / money to divide, in minor units")] = None,
    number: Number = 1,
    seed: Seed = 0,
) -> None:
    """收益分配与稳定性证明 / divide the gain among the members, with a certificate of stability."""
    from optimizer import answer_document, shares

    asked = problem_in(problem)
    plan = plan_in(result, asked, number)
    with faultless():
        found = shares(asked, plan, method=method, total=total, seed=seed)
    printed(answer_document("shares", found))


def portfolio(
    file: Annotated[Path, typer.Argument(help="lianzhou-portfolio/1 文件 / file, - for stdin")],
    seconds: Seconds = 60.0,
    seed: Seed = 0,
    workers: Workers = 1,
) -> None:
    """多个机会共用产能 / many opportunities over one capacity."""
    from optimizer import answer_document, portfolio, read_portfolio

    with faultless():
        asked = read_portfolio(contents(file))
        found = portfolio(
            asked.opportunities, asked.pools, strata=asked.strata, seconds=seconds, effort=effort_of(workers),
            seed=seed, workers=workers,
        )  # fmt: skip
    printed(answer_document("portfolio", found))


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in COMMANDS:
        app.command(command.__name__)(command)


COMMANDS = (
    diagnose, repair, explain, rules, counterfactual, harden, frontier, room, waves, shares, portfolio,
)  # fmt: skip


def _pairs(words: Iterable[str] | None, mark: str) -> Iterable[tuple[str, str]]:
    for word in words or ():
        left, found, right = word.rpartition(mark)
        if not found:
            raise ValueError(f"{word}: ?{mark}?")
        yield left, right


def _ended(kind: str, answer: Any, status: str) -> None:
    from optimizer import answer_document

    printed(answer_document(kind, answer))
    raise SystemExit({"infeasible": Exit.INFEASIBLE, "unknown": Exit.LIMIT}.get(status, Exit.DONE))
