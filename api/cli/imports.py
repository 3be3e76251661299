"""``lianzhou import …`` and ``lianzhou template …``: files of firms, capabilities, ties, products and opportunities."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import imports
from api.actions.imports import OnError
from api.cli.codes import Exit, failing, locale, warn
from api.db import make_engine, make_sessions, migrate, transaction
from api.embedded import database
from api.i18n import say
from api.intake import annotated
from api.intake.reading import Reading, Subject, read
from api.intake.report import ImportReport
from api.intake.sheet import load
from api.intake.templates import BOOKS, Language
from api.intake.templates import template as workbook
from api.problems import fault_said
from api.queries import imports as known
from api.settings import Settings
from api.spreadsheets import csv_bytes
from domain.actor import Actor
from domain.errors import NotFound
from domain.kinds import BatchState
from domain.message import Message

MAX_SHOWN = 40
BATCH_COLUMNS = ("batch", "subject", "file", "rows", "accepted", "skipped", "state")
Answer = TypeVar("Answer")
Told = Callable[[str, int, int], None]

import_app = typer.Typer(no_args_is_help=True, help="导入数据 / bring files in, or take one back")
template_app = typer.Typer(no_args_is_help=True, help="导入模板 / templates to fill in")


class Policy(StrEnum):
    """What happens to the rest of a file when some rows are faulty."""

    STOP = "stop"
    SKIP = "skip"


class Lang(StrEnum):
    """The language of a template's headings."""

    ZH = "zh"
    EN = "en"


Files = Annotated[list[Path], typer.Argument(help="CSV、XLSX，项目还可用 OCDS JSON / files", metavar="FILE...")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="只检查，不写入 / check only, write nothing")]
OnErrorOption = Annotated[Policy, typer.Option("--on-error", help="有错时停止，或跳过错行 / stop, or skip faulty rows")]
Update = Annotated[bool, typer.Option("--update", help="更新已有而不同的记录 / change what is there and differs")]
Errors = Annotated[Path | None, typer.Option("--errors", help="错误清单 .xlsx 或 .csv / file for what is wrong")]
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
Owner = Annotated[str | None, typer.Option("--owner", help="项目归属企业的信用代码 / whose opportunities they are")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the person at the terminal asked for."""

    dry_run: bool
    on_error: OnError
    update: bool
    owner: str | None


Done = list[tuple[Reading, ImportReport]]


def _import_command(subject: Subject, promise: str) -> None:
    def command(
        files: Files,
        dry_run: DryRun = False,
        on_error: OnErrorOption = Policy.STOP,
        update: Update = False,
        errors: Errors = None,
        as_json: AsJson = False,
        owner: Owner = None,
    ) -> None:
        skip: OnError = "skip" if on_error is Policy.SKIP else "stop"
        wishes = Wishes(dry_run=dry_run, on_error=skip, update=update, owner=owner)
        with failing():
            readings = [_read(subject, path) for path in files]
            done = _in_database(partial(_bring_in, readings=readings, wishes=wishes))
            if errors is not None:
                _write_errors(errors, done)
        reports = [report for _, report in done]
        if as_json:
            _print_json({"files": [report.document() for report in reports]})
        else:
            _print(reports)
        if any(report.fault_count for report in reports):
            raise SystemExit(Exit.FAULTS)

    command.__doc__ = promise
    import_app.command(subject.value)(command)


for _subject, _promise in {
    Subject.FIRMS: "企业 / firms, from the template or company_basic.csv\n\nlianzhou import firms FILE.xlsx --dry-run",
    Subject.CAPABILITIES: "能力 / what firms can do, from the template or company_product.csv",
    Subject.LINKS: "供应关系 / who supplies whom, from the template or the disclosures of listed firms",
    Subject.PRODUCTS: "产品层级 / products and narrower products",
    Subject.OPPORTUNITIES: "海外项目 / opportunities, from the template or OCDS 1.1 JSON",
}.items():
    _import_command(_subject, _promise)


@import_app.command("list")
def show_batches(
    as_json: AsJson = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="条数 / how many")] = 50,
) -> None:
    """导入记录 / the latest imports, newest first."""
    with failing():
        batches = _in_database(partial(_batches, limit=limit))
    if as_json:
        _print_json({"batches": batches})
        return
    table = Table(*(_words(f"column-{name}") for name in BATCH_COLUMNS))
    for batch in batches:
        table.add_row(*(str(batch[name]) for name in BATCH_COLUMNS))
    Console().print(table)


@import_app.command("undo")
def take_back(batch: Annotated[UUID, typer.Argument(help="批次 / the batch", metavar="BATCH")]) -> None:
    """撤销导入 / delete what a batch wrote, unless something else rests on it."""
    with failing():
        filename, written = _in_database(partial(_undo, batch=batch))
    warn(_words("undone", filename=filename, written=written))


def _template_command(name: str) -> None:
    def command(
        output: Annotated[Path, typer.Option("-o", "--output", help="写入文件 / file to write")],
        lang: Annotated[Lang, typer.Option("--lang", help="表头语言 / language of the headings")] = Lang.ZH,
    ) -> None:
        language: Language = "en" if lang is Lang.EN else "zh"
        try:
            output.write_bytes(workbook(name, language))
        except OSError as error:
            warn(f"{output}: {error.strerror}")
            raise SystemExit(Exit.USAGE) from None
        warn(str(output))

    command.__doc__ = f"{name}: lianzhou template {name} -o {name}.xlsx --lang zh"
    template_app.command(name)(command)


for _name in BOOKS:
    _template_command(_name)


def _in_database(work: Callable[[AsyncSession], Awaitable[Answer]]) -> Answer:
    """Run `work` in one transaction on a migrated database."""

    async def run(url: str) -> Answer:
        engine = make_engine(url, size=1)
        try:
            async with transaction(make_sessions(engine)) as session:
                return await work(session)
        finally:
            await engine.dispose()

    with database(Settings.from_env(os.environ)) as url:
        migrate(url)
        return asyncio.run(run(url))


def _read(subject: Subject, path: Path) -> Reading:
    with _progress(path.name) as told:
        return read(subject, load(path), lambda done, total: told(_words("stage-reading"), done, total))


async def _bring_in(session: AsyncSession, readings: Sequence[Reading], wishes: Wishes) -> Done:
    """Bring all files in within one transaction, so that a refused one takes the others along."""
    async with session.begin_nested() as savepoint:
        actor = await imports.the_operator(session)
        owner_id = await _owner(session, wishes.owner)
        done = [(reading, await _bring_in_one(session, reading, wishes, actor, owner_id)) for reading in readings]
        refused = any(report.state is BatchState.REFUSED for _, report in done)
        if refused or wishes.dry_run:
            await savepoint.rollback()
    return [(reading, _withdrawn(report)) for reading, report in done] if refused else done


def _withdrawn(report: ImportReport) -> ImportReport:
    return replace(report, state=BatchState.REFUSED, accepted=0, written={}, batch_id=None)


async def _bring_in_one(
    session: AsyncSession, reading: Reading, wishes: Wishes, actor: Actor, owner_id: UUID | None
) -> ImportReport:
    with _progress(reading.filename) as told:

        async def report(stage: str, done: int, total: int) -> None:
            told(_words(f"stage-{stage}"), done, total)

        return await imports.bring_in(
            session,
            actor,
            reading,
            dry_run=wishes.dry_run,
            on_error=wishes.on_error,
            update=wishes.update,
            owner_id=owner_id,
            report=report,
        )


async def _owner(session: AsyncSession, credit_code: str | None) -> UUID | None:
    if credit_code is None:
        return None
    found = await known.organisations_by(session, "credit_code", [credit_code])
    if credit_code not in found:
        raise NotFound(noun="organisation")
    return found[credit_code].id


async def _batches(session: AsyncSession, limit: int) -> list[dict[str, Any]]:
    actor = await known.operator(session)
    rows = await known.batches(session, actor, limit) if actor else []
    return [
        {
            "batch": str(row.id),
            "subject": row.report.get("subject", row.kind.value),
            "file": row.filename,
            "rows": row.rows,
            "accepted": row.written,
            "skipped": row.skipped,
            "state": row.state.value,
        }
        for row in rows
    ]


async def _undo(session: AsyncSession, batch: UUID) -> tuple[str, int]:
    actor = await known.operator(session)
    if actor is None:
        raise NotFound(noun="batch")
    undone = await imports.undo(session, actor, batch)
    return undone.filename, undone.written


@contextmanager
def _progress(filename: str) -> Iterator[Told]:
    """Show a bar on stderr while a terminal is there to show it on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(filename, total=None)
        yield lambda stage, done, total: bar.update(
            task, description=f"{filename} {stage}", completed=done, total=max(total, 1)
        )


def _words(code: str, **params: Any) -> str:
    return say(locale(), Message(code=code, params=params), section="import")


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def _print(reports: Sequence[ImportReport]) -> None:
    console = Console(soft_wrap=True)
    for report in reports:
        console.print(_summary(report))
        if report.skipped:
            console.print(_reasons(report))
        if report.faults:
            console.print(_faults(report))
        for notice in report.notices:
            warn(_words(notice.code, **notice.params))


def _summary(report: ImportReport) -> Table:
    table = Table(title=report.filename, title_justify="left")
    for name in ("rows", "accepted", "skipped", "faulty", "state", "batch"):
        table.add_column(_words(f"column-{name}"), justify="right")
    state = "dry-run" if report.dry_run and report.state is BatchState.DONE else report.state.value
    figures = (report.rows, report.accepted, report.skipped_count, report.faulty_rows)
    table.add_row(*map(str, figures), _words(f"outcome-{state}"), str(report.batch_id or "—"))
    for noun, count in report.written.items():
        table.add_row("", str(count), "", "", _words(f"wrote-{noun}"), "")
    return table


def _reasons(report: ImportReport) -> Table:
    table = Table(_words("column-reason"), _words("column-count"), _words("column-examples"))
    for tally in report.skipped:
        table.add_row(_words(f"skip-{tally.code}"), str(tally.count), "\n".join(tally.examples[:3]))
    return table


def _faults(report: ImportReport) -> Table:
    table = Table(_words("column-where"), _words("column-fault"))
    for fault in report.faults[:MAX_SHOWN]:
        table.add_row(fault.where, fault_said(locale(), fault))
    if report.fault_count > MAX_SHOWN:
        table.add_row("…", _words("more-faults", count=report.fault_count - MAX_SHOWN))
    return table


def _write_errors(path: Path, done: Done) -> None:
    """Write the faults of all files beside the rows they stand in; a file without faults makes no list."""
    headings = [_words(f"column-{name}") for name in ("row", "column", "fault", "code")]
    table: list[list[str]] = []
    for reading, report in done:
        if report.faults:
            table += annotated.rows(report.faults, reading.table, partial(fault_said, locale()), headings)
    if table:
        content = csv_bytes(table) if path.suffix.lower() == ".csv" else annotated.as_workbook(table)
        path.write_bytes(content)
