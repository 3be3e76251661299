"""The main job before one's eyes: load the story, ask a worker for suggestions, follow it, print what it found."""

import asyncio
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from rich.console import Console
from rich.status import Status
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api import story
from api.actions import suggestions
from api.cli.codes import locale
from api.cli.screen import Screen
from api.db import make_engine, make_sessions, snapshot, transaction
from api.i18n import say
from api.live import Bell, wait
from api.queries import opportunities, visible
from api.settings import Settings
from api.story import Story
from api.wire.jobs import SuggestIn
from domain.errors import DomainError, Unavailable
from domain.kinds import RunState
from domain.message import Message
from domain.records import Job

PROJECT = "fresh"
WANTED = SuggestIn(plans=3, seconds=20)
PATIENCE = 180.0
"""Seconds after which a run that nobody has ended is given up."""

Worker = subprocess.Popen[bytes]


class WorkerGone(Unavailable):
    """The worker has ended, or has not answered in time; its log says why."""

    code = "worker-gone"


class RunFailed(Unavailable):
    """The run ended without an answer; the worker's log says why."""

    code = "run-failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the job is asked for and followed; what happens is told on standard error."""

    url: str
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    terminal: Console

    def tell(self, message: Message) -> None:
        """Say what is being done."""
        self.terminal.print(say(locale(), message), highlight=False, markup=False)


async def show(settings: Settings, url: str, start_worker: Callable[[], Worker]) -> bool:
    """Load the story where the database is empty, start a worker, have it do the main job, print plan and logins.

    Tell whether there is a plan; a database with other data is left alone, and nothing is asked of it.
    """
    engine = make_engine(url)
    stage = Stage(url=url, engine=engine, sessions=make_sessions(engine), terminal=Console(stderr=True))
    try:
        today = datetime.now(UTC).date()
        loaded = await story.load(stage.sessions, engine, settings, today, tell=stage.tell)
        worker = start_worker()
        if loaded is None:
            stage.tell(Message(code="story-elsewhere"))
            return True
        return await _main_job(stage, loaded, worker)
    finally:
        await engine.dispose()


async def _main_job(stage: Stage, loaded: Story, worker: Worker) -> bool:
    screen = Screen(locale())
    leader, project = loaded.leaders[PROJECT], loaded.projects[PROJECT]
    found = False
    try:
        job = await _done(stage, loaded, worker)
        async with snapshot(stage.engine) as session:
            run = await visible.suggestion(session, leader, UUID(job.outcome["suggestion_id"]))
            screen.run(await opportunities.folded(session, leader, project), run)
        found = bool(run.plans)
    except DomainError as refusal:  # a project that has been withdrawn meanwhile, say: there is still the console
        stage.tell(refusal.message)
    screen.logins(loaded.logins)
    return found


async def _done(stage: Stage, loaded: Story, worker: Worker) -> Job:
    """Ask for suggestions and return the job once it is done.

    Raises WorkerGone, RunFailed, and IllegalTransition when the project is no longer published.
    """
    leader = loaded.leaders[PROJECT]
    bell = Bell(stage.url)
    await bell.start()
    try:
        flag = bell.flag()
        async with asyncio.timeout(PATIENCE):
            async with transaction(stage.sessions) as session:
                job = await suggestions.ask(session, leader, loaded.projects[PROJECT], WANTED)
            with stage.terminal.status(_words("queued")) as line:
                await _follow(stage, job, worker, flag, line)
    except TimeoutError:
        raise WorkerGone() from None
    finally:
        await bell.stop()
    async with transaction(stage.sessions) as session:
        job = await visible.job(session, leader, job.id)
    if job.state is not RunState.DONE:
        raise RunFailed()
    return job


async def _follow(stage: Stage, job: Job, worker: Worker, flag: asyncio.Event, line: Status) -> None:
    """Show how far the job is until it has ended. Raises WorkerGone."""
    while job.state in (RunState.QUEUED, RunState.RUNNING):
        if worker.poll() is not None:
            raise WorkerGone()
        await wait(flag, 1.0)
        async with transaction(stage.sessions) as session:
            job = await session.get_one(Job, job.id)
        gap = job.progress.get("gap")
        behind = "" if gap is None else f" {_words('gap')} {gap:.2%}"
        line.update(_words(str(job.progress.get("stage", "queued"))) + behind)


def _words(stage: str) -> str:
    return say(locale(), Message(code=f"stage-{stage}"), section="page")
