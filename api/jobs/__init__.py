"""What long work there is: from the kind of a job to the function that does it.

A job function reads and thinks as long as it likes, outside any transaction, and returns its *effect*. The worker
applies the effect in the transaction that marks the job done: a job that is run twice has its effect once.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from threading import Event as Flag
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from api.settings import Settings
from domain.actor import Actor

Outcome = dict[str, Any]
Effect = Callable[[AsyncSession], Awaitable[Outcome]]
Report = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """What a job function gets: who asked for what, the database, and the ways to tell and to be told.

    ``report`` tells the progress and may be called often; ``cancelled`` is set when nobody wants the answer any more,
    and is a thread's flag so that a solver in a thread can look at it.
    """

    job_id: UUID
    actor: Actor
    payload: Mapping[str, Any]
    subject_id: UUID | None
    settings: Settings
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    report: Report
    cancelled: Flag


class NotYet(Exception):
    """Another job must end before this one begins; it is tried again soon, and this try does not count."""


JobFunction = Callable[[JobContext], Awaitable[Effect]]


class Catalogue(Mapping[str, JobFunction]):
    """Kinds and functions, each imported when it is first wanted: a worker of one kind loads no other's libraries.

    >>> Catalogue({"suggest": "api.jobs.suggest:suggest"}).keys()
    KeysView(Catalogue(suggest))
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)

    def __getitem__(self, kind: str) -> JobFunction:
        module, _, name = self._places[kind].partition(":")
        function: JobFunction = getattr(import_module(module), name)
        return function

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"Catalogue({', '.join(self._places)})"


JOBS = Catalogue(
    {
        "suggest": "api.jobs.suggest:suggest",
        "import": "api.jobs.imports:bring_in",
        "answer": "api.jobs.answer:answer",
        "vectors": "api.jobs.vectors:fill",
        "repair": "api.jobs.mending:repairs",
        "counter-check": "api.jobs.mending:counter_check",
        "envelope": "api.jobs.envelopes:hand_over",
    }
)


def only(outcome: Outcome) -> Effect:
    """Return the effect of a job that has written everything already, such as one that works in batches."""

    async def nothing_more(_session: AsyncSession) -> Outcome:
        return outcome

    return nothing_more
