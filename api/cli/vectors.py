"""``lianzhou vectors``: compute the vectors that are missing, here and now, with a progress bar."""

import asyncio
import os
from threading import Event
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from api.actions.imports import the_operator
from api.cli.codes import failing
from api.db import make_engine, make_sessions, migrate
from api.embedded import database
from api.jobs import JobContext
from api.jobs.vectors import fill
from api.settings import Settings


def vectors() -> None:
    """计算缺少的语义向量 / compute the phrase vectors that are missing.

    A worker does the same in the background; this is for whoever wants to wait for it after an import.
    """
    settings = Settings.from_env(os.environ)
    with failing(), database(settings) as url:
        migrate(url)
        asyncio.run(_compute(settings, url))


async def _compute(settings: Settings, url: str) -> None:
    engine = make_engine(url)
    sessions = make_sessions(engine)
    async with sessions.begin() as session:
        actor = await the_operator(session)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        async def report(progress: dict[str, Any]) -> None:
            stage = progress["stage"]
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=progress["all"])
            bars.update(tasks[stage], completed=progress["done"], total=progress["all"])

        context = JobContext(
            job_id=uuid4(),
            actor=actor,
            payload={},
            subject_id=None,
            settings=settings,
            engine=engine,
            sessions=sessions,
            report=report,
            cancelled=Event(),
        )
        effect = await fill(context)
        async with sessions.begin() as session:
            await effect(session)
    await engine.dispose()
