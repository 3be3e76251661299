"""A town for the console's tests: people with accounts, and a consortium whose seats are proposed."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.actions.auth import enrol
from api.outbox import HORIZON
from domain.kinds import OpportunityState, Role
from domain.records import Consortium, Opportunity
from tests.factories import (
    make_capability,
    make_consortium,
    make_membership,
    make_opportunity,
    make_organisation,
    make_package,
    make_requirement,
    make_terms,
)

PASSWORD = "a long enough secret 2027"
HOST = "http://127.0.0.1:8000"
BROWSER = {"accept": "text/html,application/xhtml+xml", "accept-language": "zh-CN", "sec-fetch-site": "same-origin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who can sign in, and the firm he acts for."""

    email: str
    firm: str
    organisation_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Formation:
    """A consortium of two suppliers for a published project; nobody has been asked yet."""

    leader: Account
    cells: Account
    power: Account
    project: UUID
    consortium: UUID
    seats: dict[str, UUID]


async def settle(session: AsyncSession, name: str, *roles: Role, **over: Any) -> Account:
    """Add an organisation with one person."""
    organisation = await make_organisation(session, *roles, name=name, **over)
    email = f"{organisation.id.hex[:12]}@example.cn"
    await enrol(session, organisation_id=organisation.id, email=email, name=f"{name}经办人", password=PASSWORD)
    return Account(email=email, firm=name, organisation_id=organisation.id)


async def make_project(session: AsyncSession, leader: Account, **over: Any) -> Opportunity:
    """Add a published project of the year 2030."""
    project = await make_opportunity(
        session,
        organisation_id=leader.organisation_id,
        **{
            "title": "演示储能电站",
            "title_en": "Demonstration storage",
            "country": "ID",
            "budget": 30_000_000_000,
            "deadline": datetime(2030, 3, 18, 10, tzinfo=UTC),
            "starts": date(2030, 6, 1),
            "ends": date(2031, 7, 31),
            "state": OpportunityState.PUBLISHED,
            **over,
        },
    )
    for code, name, need, quantity in (
        ("WP01", "电芯与电池簇", "磷酸铁锂电芯", 100),
        ("WP02", "变流升压", "储能变流器", 40),
    ):
        package = await make_package(
            session,
            project,
            code=code,
            name=name,
            quantity=quantity,
            value=quantity * 200_000_000,
            starts=date(2030, 6, 1),
            ends=date(2030, 12, 31),
            follows=[] if code == "WP01" else ["WP01"],
        )
        await make_requirement(session, package, phrase=need)
    return project


async def make_formation(sessions: async_sessionmaker[AsyncSession]) -> Formation:
    """Add a formation with the firms it needs, committed."""
    async with sessions.begin() as session:
        leader = await settle(session, "演示链主", Role.CHAIN_LEADER, verification=2)
        cells = await settle(session, "演示电芯", sme=False)
        power = await settle(session, "演示变流", sme=True)
        project = await make_project(session, leader)
        consortium = await make_consortium(session, project, name="演示储能联合体")
        seats = {}
        for account, phrase, code, lead in (
            (cells, "磷酸铁锂电芯", "WP01", True),
            (power, "储能变流器", "WP02", False),
        ):
            seats[account.firm] = await _seat(session, project, consortium, account, phrase, code, lead)
        return Formation(
            leader=leader, cells=cells, power=power, project=project.id, consortium=consortium.id, seats=seats
        )


async def _seat(
    session: AsyncSession,
    project: Opportunity,
    consortium: Consortium,
    account: Account,
    phrase: str,
    code: str,
    lead: bool,
) -> UUID:
    from api.queries import opportunities
    from domain.actor import Actor

    owner = Actor(user_id=None, organisation_id=project.organisation_id, roles=frozenset({Role.CHAIN_LEADER}))
    (package,) = [each for each in await opportunities.packages_of(session, owner, [project.id]) if each.code == code]
    capability = await make_capability(session, organisation_id=account.organisation_id, phrase=phrase)
    membership = await make_membership(session, consortium, organisation_id=account.organisation_id, lead=lead)
    line = {"package_id": package.id, "capability_id": capability.id, "units": package.quantity}
    await make_terms(session, membership, line)
    return membership.id


async def settled(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Wait until all that happened may be told: any transaction on the server holds events back while it runs."""
    waiting = sa.text(f"select exists (select from event where not ({HORIZON}))")
    async with asyncio.timeout(90):
        while True:
            async with sessions() as session:
                if not await session.scalar(waiting):
                    return
            await asyncio.sleep(0.05)


async def browser(app: Litestar, account: Account | None = None, **headers: str) -> httpx.AsyncClient:
    """Return what a browser without scripts is to the console, signed in by the form."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
    client = httpx.AsyncClient(transport=transport, base_url=HOST, headers=BROWSER | headers)
    if account is not None:
        answer = await client.post("/login", data={"email": account.email, "password": PASSWORD, "next": "/"})
        assert answer.status_code == 303, answer.text
    return client
