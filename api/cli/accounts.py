"""Accounts from the command line."""

from pydantic import TypeAdapter, ValidationError

from api.actions.auth import enrol
from api.cli.codes import warn
from api.db import make_engine, make_sessions
from api.embedded import database
from api.queries.actors import organisation_by_credit_code
from api.settings import Settings
from domain.errors import Fault, Invalid
from domain.kinds import CreditCode, Name, Role
from domain.records import Organisation

SHORTEST = 12


async def enrol_person(settings: Settings, email: str, credit_code: str, name: str, password: str | None) -> None:
    """Make an account. Raises Invalid without a password of twelve characters, NotFound for an unknown organisation."""
    if password is None or len(password) < SHORTEST:
        raise Invalid((Fault(where="password", code="string_too_short", params={"min_length": SHORTEST}),))
    with database(settings) as url:
        engine = make_engine(url)
        async with make_sessions(engine).begin() as session:
            organisation = await organisation_by_credit_code(session, credit_code)
            user = await enrol(session, organisation_id=organisation.id, email=email, name=name, password=password)
            warn(f"{user.email} · {organisation.name}")
        await engine.dispose()


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
