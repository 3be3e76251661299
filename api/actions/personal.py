"""A person is erased; what the law or a contract asks to keep stays under a name that says nothing."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from api.outbox import EVENT_CHANNEL, NOTIFY, record
from api.queries import personal as reading
from api.tenancy import Office, by
from domain.actor import Actor
from domain.errors import NotAllowed, RuleBroken
from domain.personal import HOLDINGS, Erasure, erased_address, erased_name
from domain.records import User

NO_PASSWORD = "!"  # noqa: S105 - no hash has this form, so no password opens the account


class NotYourAccount(NotAllowed):
    """Whoever wants to be erased has typed another address than his own."""

    code = "not-your-account"


class OnlyAdministrator(RuleBroken):
    """Colleagues would be left without an administrator."""

    code = "only-administrator"


async def erase_oneself(session: AsyncSession, actor: Actor, email: str) -> None:
    """Erase the actor, who has typed his own address again. Raises NotYourAccount, OnlyAdministrator."""
    user = await reading.person(session, actor)
    if user.email != email.strip().lower():
        raise NotYourAccount()
    await erase(session, user)


@by(Office.KEEPER)
async def erase(session: AsyncSession, user: User) -> None:
    """Erase a person: sessions, channels and calendar go, the account keeps neither name nor address.

    What he signed, stated and did stays, bound to the account that no longer says whose it was; so the chain of hashes
    over events holds. Raises OnlyAdministrator.
    """
    if await reading.only_administrator(session, user):
        raise OnlyAdministrator()
    for statement in reading.letters_of(user):
        await session.execute(statement)
    for holding in HOLDINGS:
        if holding.erasure is Erasure.DELETED:
            table = SQLModel.metadata.tables[holding.table]
            owner: Any = user.email if holding.person == "email" else user.id
            await session.execute(table.delete().where(table.c[holding.person] == owner))
    identity = str(user.id)
    user.name, user.email = erased_name(identity), erased_address(identity)
    user.password_hash, user.active, user.duties = NO_PASSWORD, False, []
    await session.flush()
    actor = Actor(user_id=user.id, organisation_id=user.organisation_id, roles=frozenset())
    await record(session, actor, "person.erased", user.id)
    await session.execute(NOTIFY, {"channel": EVENT_CHANNEL, "payload": ""})  # his open streams look, and end
