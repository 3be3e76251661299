"""The story: one fictional city with its firms and six projects, for looking at the platform without real data.

Everything in it is invented and marked 演示数据. It is loaded into an empty database, never beside anything else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlmodel import col

from api.actions import phrases
from api.actions.auth import hashed
from api.db import transaction
from api.queries import visible
from api.settings import Settings
from api.story.city import City, found
from api.story.logins import Login, new_password, open_accounts
from api.story.play import Play
from api.story.projects import Project, projects
from domain.actor import Actor
from domain.kinds import RequirementKind, RunState
from domain.message import Message
from domain.records import Job, Organisation

__all__ = ["City", "Login", "Project", "Story", "found", "load", "projects"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What has been loaded: the projects by their key, who publishes them, and who can sign in."""

    projects: Mapping[str, UUID]
    leaders: Mapping[str, Actor]
    logins: tuple[Login, ...]


Tell = Callable[[Message], None]


async def load(
    sessions: async_sessionmaker[AsyncSession],
    engine: AsyncEngine,
    settings: Settings,
    today: date,
    *,
    tell: Tell = lambda message: None,
) -> Story | None:
    """Load the story, as of `today`, into an empty database; None when it holds anything else, which stays untouched.

    A story that is there already is left as it stands; one whose loading was interrupted is played to its end. No
    worker may run on the database meanwhile. `tell` hears what is being done.
    """
    city = found(today)
    actors = city.actors()
    operator = actors[city.operator.id]
    told = projects(today, {key: leader.id for key, leader in city.leaders.items()})
    play = Play(city=city, actors=actors, settings=settings, engine=engine, sessions=sessions)
    if not await _founded(sessions, city):
        if not await _empty(sessions, operator):
            return None
        tell(Message(code="story-city", params={"firms": len(city.organisations), "city": city.bureau.city}))
        await _write(sessions, city, told, operator)
    await _vectors(play, operator, tell)
    for project in told:
        tell(Message(code="story-project", params={"title": project.given.title, "title_en": project.given.title_en}))
        await play.project(project)
    return Story(
        projects={project.key: project.id for project in told},
        leaders={project.key: actors[city.leaders[project.leader].id] for project in told},
        logins=await open_accounts(sessions, settings.home),
    )


async def _founded(sessions: async_sessionmaker[AsyncSession], city: City) -> bool:
    async with transaction(sessions) as session:
        return await session.get(Organisation, city.operator.id) is not None


async def _empty(sessions: async_sessionmaker[AsyncSession], operator: Actor) -> bool:
    async with transaction(sessions) as session:
        return (await session.execute(visible.organisations(operator).limit(1))).first() is None


async def _write(
    sessions: async_sessionmaker[AsyncSession], city: City, told: tuple[Project, ...], operator: Actor
) -> None:
    """Write the city in one commit; its people cannot sign in until they are given a password."""
    nobodys = await hashed(new_password())
    for user in city.users:
        user.password_hash = nobodys
    asked = [need for project in told for package in project.given.packages for need in package.requirements]
    async with transaction(sessions) as session:
        for rows in city.rows:
            session.add_all(rows)
            await session.flush()
        declared = [each.phrase for each in city.capabilities]
        needed = [need.phrase for need in asked if need.kind is RequirementKind.CAPABILITY]
        await phrases.remember(session, operator, [*declared, *needed])


async def _vectors(play: Play, operator: Actor, tell: Tell) -> None:
    """Do the vector job that waits, if one does, so that the first suggestion finds by meaning."""
    async with transaction(play.sessions) as session:
        waiting = visible.jobs(operator).where(col(Job.kind) == "vectors", col(Job.state) == RunState.QUEUED)
        job = (await session.execute(waiting.limit(1))).scalar_one_or_none()
    if job is not None:
        tell(Message(code="story-vectors"))
        await play.job(job, operator)
