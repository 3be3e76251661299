"""Who asks: the only reads that begin with a secret or an address instead of an actor."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.actor import Actor
from domain.errors import NotFound
from domain.kinds import Duty, Role, Standing
from domain.powers import POWERS, Power, held, narrowed
from domain.records import Organisation, SignIn, User

FRESH = timedelta(minutes=10)
"""For how long a password or code that was given counts for what changes how one signs in."""
AGED = timedelta(days=90)
"""After how long 等保 has a password changed."""
READERS = sa.cast([str(duty) for duty, powers in POWERS.items() if Power.READ in powers], ARRAY(sa.Text))
"""Duties of people who may read what happens; the others look at figures only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A valid session or token: who acts, in which language he reads, by which sign-in, and how well he is proven.

    ``unseen`` says that nobody noted for a minute that the sign-in is in use.
    """

    actor: Actor
    locale: str
    sign_in_id: UUID
    browser: bool
    fresh: bool
    second_factor: bool
    password_aged: bool
    unseen: bool
    standing: Standing = Standing.VERIFIED


async def signed_in(session: AsyncSession, secret_hash: bytes, idle: timedelta) -> SignedIn | None:
    """Return whose secret it is, while it is valid by the database's clock, in use, and its owner active.

    A session that was not used for as long as `idle` has ended; a token is there to be used now and then.
    """
    now = sa.func.clock_timestamp()
    statement = (
        sa.select(
            SignIn,
            User,
            Organisation,
            col(SignIn.proven_at) > now - FRESH,
            col(User.password_changed_at) < now - AGED,
            col(SignIn.seen_at) < now - timedelta(minutes=1),
        )
        .join(User, col(User.id) == col(SignIn.user_id))
        .join(Organisation, col(Organisation.id) == col(User.organisation_id))
        .where(
            col(SignIn.secret_hash) == secret_hash,
            col(SignIn.expires_at) > now,
            sa.or_(~col(SignIn.browser), col(SignIn.seen_at) > now - idle),
            col(User.active),
            col(Organisation.standing) != Standing.SUSPENDED,
        )
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        return None
    sign_in, user, organisation, fresh, aged, unseen = found
    return SignedIn(
        actor=acting(user, organisation, sign_in.scopes),
        locale=user.locale,
        sign_in_id=sign_in.id,
        browser=sign_in.browser,
        fresh=fresh,
        second_factor=sign_in.second_factor,
        password_aged=aged,
        unseen=unseen,
        standing=organisation.standing,
    )


def acting(user: User, organisation: Organisation, scopes: list[str] | None = None) -> Actor:
    """Return a person as an actor: what he may do comes from his duties, less what a token's scopes keep back.

    While the organisation is not verified it is nobody yet: it plays no role, and he looks after his account.
    """
    verified = organisation.standing is Standing.VERIFIED
    powers = held(user.duties) if verified else frozenset({Power.OWN})
    return Actor(
        user_id=user.id,
        organisation_id=organisation.id,
        roles=frozenset(Role(role) for role in organisation.roles) if verified else frozenset(),
        powers=narrowed(powers, scopes),
    )


async def actor_for(session: AsyncSession, user: User) -> Actor:
    """Return a person who has proven himself as an actor."""
    return acting(user, await session.get_one(Organisation, user.organisation_id))


async def account(session: AsyncSession, email: str) -> User | None:
    """Return the active user with this address, unless his organisation is suspended."""
    statement = (
        sa.select(User)
        .join(Organisation, col(Organisation.id) == col(User.organisation_id))
        .where(col(User.email) == email, col(User.active), col(Organisation.standing) != Standing.SUSPENDED)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def person(session: AsyncSession, email: str) -> Actor:
    """Return the active person with this address as an actor, for the terminal. Raises NotFound."""
    statement = (
        sa.select(User, Organisation)
        .join(Organisation, col(Organisation.id) == col(User.organisation_id))
        .where(col(User.email) == email.strip().lower(), col(User.active))
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound(noun="user")
    user, organisation = found
    return acting(user, organisation)


async def organisation_by_credit_code(session: AsyncSession, credit_code: str) -> Organisation:
    """Return the registered organisation with this code, for enrolling its people. Raises NotFound."""
    statement = sa.select(Organisation).where(col(Organisation.credit_code) == credit_code.strip().upper())
    found = (await session.execute(statement)).scalar_one_or_none()
    if found is None:
        raise NotFound(noun="organisation")
    return found


async def of_organisation(session: AsyncSession, organisation_id: UUID) -> list[User]:
    """Return the people of an organisation, by address, for the terminal."""
    statement = sa.select(User).where(col(User.organisation_id) == organisation_id, col(User.removed_at).is_(None))
    return list((await session.execute(statement.order_by(col(User.email)))).scalars())


async def profile(session: AsyncSession, actor: Actor) -> tuple[User, Organisation]:
    """Return the actor's own account and the organisation he acts for."""
    statement = (
        sa.select(User, Organisation)
        .join(Organisation, col(Organisation.id) == col(User.organisation_id))
        .where(col(User.id) == actor.user_id)
    )
    user, organisation = (await session.execute(statement)).one()
    return user, organisation


async def has_people(session: AsyncSession, organisation_id: UUID) -> bool:
    """Tell whether somebody has an account for an organisation already."""
    statement = sa.select(sa.exists().where(col(User.organisation_id) == organisation_id))
    return bool((await session.execute(statement)).scalar_one())


async def is_admin(session: AsyncSession, actor: Actor) -> bool:
    """Tell whether the actor is an administrator of the organisation he acts for."""
    statement = sa.select(col(User.duties).contains([str(Duty.ADMIN)])).where(
        col(User.id) == actor.user_id, col(User.organisation_id) == actor.organisation_id, col(User.active)
    )
    return bool((await session.execute(statement)).scalar_one_or_none())


async def colleagues(session: AsyncSession, actor: Actor) -> list[User]:
    """Return the active people of the actor's own organisation, by name."""
    statement = (
        sa.select(User)
        .where(col(User.organisation_id) == actor.organisation_id, col(User.active))
        .order_by(col(User.name), col(User.id))
    )
    return list((await session.execute(statement)).scalars())


async def sign_ins_of(session: AsyncSession, actor: Actor, idle: timedelta) -> list[SignIn]:
    """Return the actor's own sessions and tokens that are still valid, newest first."""
    now = sa.func.clock_timestamp()
    statement = (
        sa.select(SignIn)
        .where(
            col(SignIn.user_id) == actor.user_id,
            col(SignIn.expires_at) > now,
            sa.or_(~col(SignIn.browser), col(SignIn.seen_at) > now - idle),
        )
        .order_by(col(SignIn.created_at).desc(), col(SignIn.id))
    )
    return list((await session.execute(statement)).scalars())
