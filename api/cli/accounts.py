"""Accounts from the command line."""

from api.actions.auth import enrol
from api.cli.codes import warn
from api.db import make_engine, make_sessions
from api.embedded import database
from api.queries.actors import organisation_by_credit_code
from api.settings import Settings
from domain.errors import Fault, Invalid

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
