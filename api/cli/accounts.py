"""Accounts from the command line."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from api.actions import recovery, second_factor
from api.actions.auth import enrol
from api.cli.codes import locale, warn
from api.db import make_engine, make_sessions
from api.embedded import database
from api.i18n import say
from api.outbox import record
from api.queries.actors import of_organisation, organisation_by_credit_code, person
from api.sending.letters import recovery_address
from api.settings import Settings
from domain.errors import Fault, Invalid
from domain.kinds import CreditCode, Duty, Name, Role
from domain.message import Message
from domain.powers import open_to
from domain.records import Organisation


async def enrol_person(
    settings: Settings, email: str, credit_code: str, name: str, password: str | None, duties: Sequence[Duty] = ()
) -> None:
    """Make an account and tell what the person may do.

    Raises Invalid without a password that is hard enough and for a duty that the organisation has not, NotFound for an
    unknown organisation.
    """
    if password is None:
        raise Invalid((Fault(where="password", code="missing"),))
    with database(settings) as url:
        engine = make_engine(url)
        async with make_sessions(engine).begin() as session:
            organisation = await organisation_by_credit_code(session, credit_code)
            _check(organisation, duties)
            user = await enrol(
                session,
                organisation_id=organisation.id,
                email=email,
                name=name,
                password=password,
                djb=settings.djb_passwords,
                duties=duties,
            )
            warn(f"{user.email} · {organisation.name} · {', '.join(user.duties)}")
        await engine.dispose()


def _check(organisation: Organisation, duties: Sequence[Duty]) -> None:
    known = open_to([Role(role) for role in organisation.roles])
    strange = [str(duty) for duty in duties if duty not in known]
    if strange:
        raise Invalid(tuple(Fault(where="duty", code="duty-elsewhere", params={"duty": duty}) for duty in strange))


async def listed(settings: Settings, credit_code: str) -> None:
    """Print the people of an organisation with what each may do. Raises NotFound."""
    async with _at_work(settings) as session:
        organisation = await organisation_by_credit_code(session, credit_code)
        for user in await of_organisation(session, organisation.id):
            state = "" if user.active else " · suspended"
            sys.stdout.write(f"{user.email} · {user.name} · {', '.join(user.duties)}{state}\n")


async def appoint(settings: Settings, name: str, credit_code: str, role: Role) -> None:
    """Enter the organisation that watches or runs the platform: it is appointed here, never imported.

    Raises Invalid for a name or code that is none, AlreadyExists (at the commit) for a code that is taken.
    """
    try:
        code = TypeAdapter[str](CreditCode).validate_python(credit_code)
        called = TypeAdapter[str](Name).validate_python(name)
    except ValidationError as invalid:
        where = "credit_code" if "credit" in invalid.errors()[0]["type"] else "name"
        raise Invalid((Fault(where=where, code=invalid.errors()[0]["type"], params={"code": credit_code}),)) from None
    with database(settings) as url:
        engine = make_engine(url)
        async with make_sessions(engine).begin() as session:
            session.add(Organisation(name=called, credit_code=code, roles=[role.value], verification=3))
            warn(f"{called} · {role.value}")
        await engine.dispose()


async def issue_link(settings: Settings, email: str) -> str:
    """Make a link by which a person sets a new password, and return it as a sentence. Raises NotFound."""
    async with _at_work(settings) as session:
        secret = await recovery.issue_at_terminal(session, email)
    return say(
        locale(), Message(code="recovery-link", params={"url": recovery_address(settings, secret)}), section="cli"
    )


async def drop_second_factor(settings: Settings, email: str) -> str:
    """Take away the second factor of a person who has lost app and codes, and say so. Raises NotFound."""
    async with _at_work(settings) as session:
        actor = await person(session, email)
        assert actor.user_id is not None  # who has an address is a person
        await second_factor.drop(session, actor.user_id)
        await record(session, actor, "account.second-factor-removed", actor.user_id)
    return say(locale(), Message(code="second-factor-dropped", params={"email": email}), section="cli")


@asynccontextmanager
async def _at_work(settings: Settings) -> AsyncIterator[AsyncSession]:
    """Open the database for one change; it is closed however the change ends."""
    with database(settings) as url:
        engine = make_engine(url)
        try:
            async with make_sessions(engine).begin() as session:
                yield session
        finally:
            await engine.dispose()
