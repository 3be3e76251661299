"""Reading an organisation's people and one-time links, and the claims that wait for the bureau."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.queries import visible
from api.queries.page import page
from api.tenancy import Office, by
from domain.actor import Actor
from domain.errors import NotFound
from domain.kinds import ClaimState, Duty, Role, Standing
from domain.lookalike import skeleton
from domain.records import Claim, EntryLink, Organisation, User


async def listed(session: AsyncSession, actor: Actor) -> list[User]:
    """Return the people of the actor's organisation, suspended ones too, by name."""
    statement = visible.own_people(actor).order_by(col(User.name), col(User.id))
    return list((await session.execute(statement)).scalars())


async def open_links(session: AsyncSession, actor: Actor) -> list[EntryLink]:
    """Return the organisation's links that nobody has used or revoked and that have not run out, newest first."""
    statement = visible.own_links(actor).where(
        col(EntryLink.used_at).is_(None),
        col(EntryLink.revoked_at).is_(None),
        col(EntryLink.expires_at) > sa.func.clock_timestamp(),
    )
    return list((await session.execute(statement.order_by(col(EntryLink.created_at).desc()))).scalars())


@by(Office.GATE)
async def link_of(session: AsyncSession, secret_hash: bytes, *, lock: bool = False) -> EntryLink | None:
    """Return the link that a secret still opens, locked when asked."""
    statement = sa.select(EntryLink).where(
        col(EntryLink.secret_hash) == secret_hash,
        col(EntryLink.used_at).is_(None),
        col(EntryLink.revoked_at).is_(None),
        col(EntryLink.expires_at) > sa.func.clock_timestamp(),
    )
    return (await session.execute(statement.with_for_update() if lock else statement)).scalar_one_or_none()


async def open_link_to(session: AsyncSession, actor: Actor, email: str) -> EntryLink | None:
    """Return the organisation's link to an address that has not ended, whether or not it has run out; locked."""
    statement = visible.own_links(actor).where(
        col(EntryLink.email) == email, col(EntryLink.used_at).is_(None), col(EntryLink.revoked_at).is_(None)
    )
    return (await session.execute(statement.with_for_update())).scalar_one_or_none()


async def address_taken(session: AsyncSession, email: str) -> bool:
    """Tell whether an address signs in already, for any organisation."""
    return bool((await session.execute(sa.select(sa.exists().where(col(User.email) == email)))).scalar_one())


async def lock_house(session: AsyncSession, actor: Actor) -> Organisation:
    """Return the actor's organisation, locked: who administers it is decided by one at a time."""
    statement = sa.select(Organisation).where(col(Organisation.id) == actor.organisation_id).with_for_update()
    return (await session.execute(statement)).scalar_one()


async def other_admin(session: AsyncSession, actor: Actor, person: UUID) -> bool:
    """Tell whether somebody besides `person` administers the organisation and is active."""
    statement = visible.own_people(actor).where(
        col(User.id) != person, col(User.active), col(User.duties).contains([str(Duty.ADMIN)])
    )
    return bool((await session.execute(sa.select(statement.exists()))).scalar_one())


@by(Office.GATE)
async def claims(
    session: AsyncSession, actor: Actor, *, state: ClaimState | None = None, cursor: str | None = None, limit: int = 50
) -> tuple[list[Claim], str | None]:
    """Return a page of the claims an officer may see, newest first."""
    statement = visible.claims(actor)
    return await page(
        session, statement if state is None else statement.where(col(Claim.state) == state), cursor, limit
    )


@by(Office.GATE)
async def claimants(session: AsyncSession, actor: Actor, rows: Iterable[Claim]) -> dict[UUID, User]:
    """Return the people behind claims an officer may see, by claim."""
    statement = (
        visible.claims(actor)
        .join(User, col(User.id) == col(Claim.user_id))
        .where(col(Claim.id).in_([row.id for row in rows]))
        .with_only_columns(col(Claim.id), User)
    )
    return {claim: user for claim, user in (await session.execute(statement)).all()}


@by(Office.GATE)
async def known_firms(
    session: AsyncSession, actor: Actor, rows: Iterable[Claim]
) -> dict[str, tuple[Organisation, int]]:
    """Return the firms that have the codes of claims, with how many people act for each, by code."""
    people = (
        sa.select(sa.func.count())
        .where(col(User.organisation_id) == col(Organisation.id), col(User.removed_at).is_(None))
        .scalar_subquery()
    )
    codes = sorted({row.credit_code for row in rows})
    statement = visible.organisations(actor).add_columns(people).where(col(Organisation.credit_code).in_(codes))
    return {firm.credit_code or "": (firm, count) for firm, count in (await session.execute(statement)).all()}


@by(Office.GATE)
async def firms_alike(session: AsyncSession, actor: Actor, rows: Iterable[Claim]) -> dict[UUID, list[Organisation]]:
    """Return for each claim the firms with another code whose names look like the claimed one.

    Every name is looked at, in time linear in the firms: what looks alike is no prefix and no likeness of letters.
    """
    wanted: dict[str, list[Claim]] = defaultdict(list)
    found: dict[UUID, list[Organisation]] = {}
    for row in rows:
        wanted[skeleton(row.name)].append(row)
        found[row.id] = []
    if not wanted:
        return found
    known = visible.organisations(actor).where(col(Organisation.standing).in_((Standing.VERIFIED, Standing.SUSPENDED)))
    names = known.with_only_columns(col(Organisation.id), col(Organisation.name))
    near = [each.id for each in await session.execute(names) if skeleton(each.name) in wanted]
    statement = known.where(col(Organisation.id).in_(near)).order_by(col(Organisation.name))
    for firm in (await session.execute(statement)).scalars():
        for claim in wanted[skeleton(firm.name)]:
            if firm.credit_code != claim.credit_code and firm.id != claim.organisation_id:
                found[claim.id].append(firm)
    return found


async def claim_of(session: AsyncSession, actor: Actor) -> Claim:
    """Return the actor's own newest claim. Raises NotFound."""
    statement = sa.select(Claim).where(col(Claim.user_id) == actor.user_id).order_by(col(Claim.created_at).desc())
    found = (await session.execute(statement.limit(1))).scalar_one_or_none()
    if found is None:
        raise NotFound(noun="claim")
    return found


async def firm_with_code(session: AsyncSession, actor: Actor, code: str) -> Organisation | None:
    """Return the firm that has a code, locked, to whoever verifies."""
    statement = visible.organisations(actor).where(col(Organisation.credit_code) == code).with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


async def people_of(session: AsyncSession, actor: Actor, organisation: UUID) -> list[UUID]:
    """Return the ids of a firm's people, to whoever may see the firm."""
    seen = visible.organisations(actor).with_only_columns(col(Organisation.id))
    statement = sa.select(col(User.id)).where(
        col(User.organisation_id) == organisation, col(User.organisation_id).in_(seen)
    )
    return list((await session.execute(statement)).scalars())


def watching(organisation: Organisation) -> bool:
    """Tell whether an organisation watches or runs the platform, and so is nobody's to claim."""
    return bool({str(Role.BUREAU), str(Role.OPERATOR)}.intersection(organisation.roles))


@by(Office.GATE)
async def house_of(session: AsyncSession, link: EntryLink) -> str:
    """Return the name of the organisation a link leads to, for whoever holds the link."""
    statement = sa.select(col(Organisation.name)).where(col(Organisation.id) == link.organisation_id)
    return (await session.execute(statement)).scalar_one()
