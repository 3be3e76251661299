"""Whose transaction it is, told to PostgreSQL: the second line of defence behind `queries/visible.py`.

Every transaction of the product runs under a role without BYPASSRLS and, where somebody asks, with his organisation and
person bound; the policies of the migrations decide which rows there are for him. Role and identity are set as the first
statement of the transaction and end with it, so that nothing of them returns to the pool. A session that was bound once
binds every transaction it begins, also the next one after a commit. Nobody bound is nobody: he sees what everybody may.

A session that was never bound acts as its connection does: in the product as `Office.APP` with nobody bound, since the
engines are opened so; on the operator's own connection (migrations, the terminal, what a test lays out) as the owner.
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, defer

from domain.actor import Actor
from domain.kinds import Role
from domain.records import Agreement, Capability, TermsLine

Given = ParamSpec("Given")
Found = TypeVar("Found")


class Office(StrEnum):
    """A role of PostgreSQL that a transaction plays; what each may do stands in the migrations and decision 0027."""

    APP = "lianzhou_app"
    BUREAU = "lianzhou_bureau"
    GATE = "lianzhou_gate"
    DIRECTORY = "lianzhou_directory"
    SOLVER = "lianzhou_solver"
    FORMATION = "lianzhou_formation"
    NOTARY = "lianzhou_notary"
    IMPORTER = "lianzhou_importer"
    WORKER = "lianzhou_worker"
    RELAY = "lianzhou_relay"
    SEALER = "lianzhou_sealer"
    KEEPER = "lianzhou_keeper"
    TELLER = "lianzhou_teller"


WATCHERS = frozenset({Role.BUREAU, Role.OPERATOR})
BIND = sa.text(
    "select set_config('role', :office, true), set_config('lianzhou.organisation', :organisation, true),"
    " set_config('lianzhou.person', :person, true)"
)
"""``true`` ends the settings with the transaction; a plain SET would go back to the pool with the connection."""
BOUND = "lianzhou.bound"
CLOSED: dict[Office, tuple[Any, ...]] = {
    Office.BUREAU: (TermsLine.unit_price, Agreement.body),
    Office.NOTARY: (Agreement.body,),
    Office.DIRECTORY: (Capability.monthly_quantity,),
}
"""Columns a role has no right to read: its statements do not name them, and touching them is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Who a transaction is for: the role it plays, and the organisation and person it acts for.

    ``closed`` are columns that stay unread behind a door too, since whoever went through it may not read them.
    """

    office: Office
    organisation: UUID | None = None
    person: UUID | None = None
    closed: tuple[Any, ...] = ()

    @property
    def settings(self) -> dict[str, str]:
        """The parameters of `BIND`; nobody is the empty text."""
        return {
            "office": self.office.value,
            "organisation": str(self.organisation or ""),
            "person": str(self.person or ""),
        }


NOBODY = Bound(office=Office.APP)
"""Somebody who has not signed in."""


def acting(actor: Actor | None) -> Bound:
    """Return what the transaction of an actor's request is bound to; those who oversee play the bureau's office."""
    if actor is None:
        return NOBODY
    office = Office.BUREAU if actor.roles & WATCHERS else Office.APP
    return Bound(office=office, organisation=actor.organisation_id, person=actor.user_id)


def doing(office: Office, actor: Actor | None = None) -> Bound:
    """Return what the product's own work is bound to, for an actor where it is done for one."""
    if actor is None:
        return Bound(office=office)
    return Bound(office=office, organisation=actor.organisation_id, person=actor.user_id)


def bind(session: AsyncSession, bound: Bound) -> None:
    """Let every transaction that `session` begins from now on be bound."""
    session.info[BOUND] = bound


def bound_to(session: AsyncSession) -> Bound | None:
    """Return what a session is bound to; None on the operator's own connection."""
    found: Bound | None = session.info.get(BOUND)
    return found


@sa.event.listens_for(Session, "after_begin")
def _tell(session: Session, transaction: SessionTransaction, connection: sa.Connection) -> None:
    bound: Bound | None = session.info.get(BOUND)
    if bound is not None and not transaction.nested:  # a savepoint has what its transaction has
        connection.execute(BIND, bound.settings)


@sa.event.listens_for(Session, "do_orm_execute")
def _leave_closed(state: ORMExecuteState) -> None:
    bound: Bound | None = state.session.info.get(BOUND)
    closed = (*bound.closed, *CLOSED.get(bound.office, ())) if bound else ()
    if closed and state.is_select:
        entities = {each["expr"] for each in getattr(state.statement, "column_descriptions", ())}
        hidden = [defer(column, raiseload=True) for column in closed if column.class_ in entities]
        state.statement = state.statement.options(*hidden) if hidden else state.statement


@asynccontextmanager
async def through(session: AsyncSession, office: Office) -> AsyncIterator[None]:
    """Play another office for the block: a named door to rows that the actor's own role does not see.

    What was changed before is written before, what is changed inside is written inside. The identity stays bound.
    """
    before = bound_to(session)
    if before is None or before.office is office:
        yield
        return
    await session.flush()
    await become(session, replace(before, office=office, closed=(*before.closed, *CLOSED.get(before.office, ()))))
    try:
        yield
        await session.flush()
    except BaseException:
        bind(session, before)
        with suppress(SQLAlchemyError):  # a transaction that has failed takes no statement, and ends anyway
            await become(session, before)
        raise
    await become(session, before)


async def become(session: AsyncSession, bound: Bound) -> None:
    """Bind the transaction that is running, and those that follow."""
    bind(session, bound)
    await session.execute(BIND, bound.settings)


Work = Callable[Concatenate[AsyncSession, Given], Coroutine[Any, Any, Found]]


def by(office: Office) -> Callable[[Work[Given, Found]], Work[Given, Found]]:
    """Have a whole function go `through` a door; its first argument is the session."""

    def opened(work: Work[Given, Found]) -> Work[Given, Found]:
        @wraps(work)
        async def inside(session: AsyncSession, /, *given: Given.args, **named: Given.kwargs) -> Found:
            async with through(session, office):
                return await work(session, *given, **named)

        return inside

    return opened
