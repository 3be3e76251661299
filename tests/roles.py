"""Under which role a test acts: as a request or a worker would, even where it calls an action without either.

A test lays out its rows as the owner of the tables. The moment it calls an action or a query for an actor, the session
is bound as `api.tenancy` binds a request's, and is the owner's again afterwards: what people and workers do is tested
under the roles they do it with.
"""

import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache, wraps
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

import api.actions
import api.queries
from api.tenancy import BOUND, Bound, Office, acting, become, doing
from domain.actor import Actor
from domain.kinds import Role

OWNER = sa.text(
    "select set_config('role', 'none', true), set_config('lianzhou.organisation', '', true),"
    " set_config('lianzhou.person', '', true)"
)
WORK = {
    "api.actions.suggestions.keep": Office.WORKER,
    "api.actions.answers.keep": Office.WORKER,
    "api.actions.negotiation.keep_repairs": Office.WORKER,
    "api.actions.envelopes.handed_over": Office.WORKER,
    "api.actions.imports.bring_in": Office.IMPORTER,
    "api.actions.imports.refuse": Office.IMPORTER,
    "api.actions.phrases.remember": Office.WORKER,
    "api.actions.phrases.compute": Office.WORKER,
    "api.queries.answers.accepted_prices": Office.SOLVER,
    "api.queries.answers.history": Office.SOLVER,
    "api.queries.answers.upstream_links": Office.SOLVER,
}
"""What only a worker calls, and in which office."""


def bind_callers() -> None:
    """Have every action and query for an actor bind a session that is the owner's."""
    for package in (api.actions, api.queries):
        for found in walk_packages(package.__path__, f"{package.__name__}."):
            module = import_module(found.name)
            for name, function in list(vars(module).items()):
                if getattr(function, "__module__", None) == module.__name__ and _for_an_actor(function):
                    setattr(module, name, _bound(module, name, function))


def _for_an_actor(function: Any) -> bool:
    if not inspect.iscoroutinefunction(function):
        return False
    return list(inspect.signature(function).parameters)[:2] == ["session", "actor"]


def _bound(module: ModuleType, name: str, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    office = WORK.get(f"{module.__name__}.{name}")

    @wraps(function)
    async def call(session: AsyncSession, actor: Actor, *given: Any, **named: Any) -> Any:
        if BOUND in session.info:
            return await function(session, actor, *given, **named)
        await session.flush()
        await become(session, _of(actor, office))
        try:
            found = await function(session, actor, *given, **named)
            await session.flush()
        except BaseException:
            with suppress(SQLAlchemyError):
                await _owned(session)
            session.info.pop(BOUND, None)
            raise
        await _owned(session)
        return found

    return call


def _of(actor: Actor, office: Office | None) -> Bound:
    platform = actor.user_id is None and actor.has(Role.OPERATOR)
    if office is None and not platform:
        return acting(actor)
    return doing(office or Office.WORKER, actor)


async def _owned(session: AsyncSession) -> None:
    session.info.pop(BOUND, None)
    await session.execute(OWNER)


@cache
def as_owner() -> type[Session]:
    """Return a kind of session whose transactions are the owner's wherever they are bound to nobody.

    In a test's one transaction, what a session has set outlives it: its commit is but the release of a savepoint.
    """

    class Owned(Session):
        pass

    @sa.event.listens_for(Owned, "after_begin")
    def _reset(session: Session, transaction: SessionTransaction, connection: sa.Connection) -> None:
        if BOUND not in session.info and not transaction.nested:
            connection.execute(OWNER)

    return Owned
