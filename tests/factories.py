"""Row builders: each makes one valid row and what it must refer to; tests state only what matters to them.

Every firm here is fictional.
"""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from stdnum.cn import uscc

from domain.actor import Actor
from domain.kinds import PackageKind, RequirementKind, Role
from domain.powers import held, usual
from domain.records import (
    Capability,
    CapabilityPrice,
    CapacityHold,
    CapacityMonth,
    Certificate,
    ConfidentialityAcceptance,
    Consortium,
    Invitation,
    Job,
    Membership,
    Opportunity,
    Organisation,
    Record,
    Requirement,
    SupplyLink,
    Terms,
    TermsLine,
    User,
    WorkPackage,
)

NUMBERS = count(1)
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
Row = TypeVar("Row", bound=Record)


def credit_code(number: int) -> str:
    """Return a well-formed unified social credit code that belongs to nobody: registration area 999999."""
    body = f"91999999MA{number:07d}"
    return body + uscc.calc_check_digit(body)


def actor_of(organisation: Organisation, user: User | None = None) -> Actor:
    """Return the actor who acts for `organisation`."""
    return Actor(
        user_id=user.id if user else None,
        organisation_id=organisation.id,
        roles=frozenset(Role(role) for role in organisation.roles),
        **({"powers": held(user.duties)} if user else {}),
    )


async def make_organisation(session: AsyncSession, *roles: Role, **over: Any) -> Organisation:
    """Add a registered firm; a supplier unless `roles` say otherwise."""
    number = next(NUMBERS)
    return await _add(
        session,
        Organisation,
        over,
        name=f"演示企业{number}有限公司",
        credit_code=credit_code(number),
        roles=[str(role) for role in roles or (Role.SUPPLIER,)],
        city="演示市",
        demonstration=True,
    )


async def make_user(session: AsyncSession, organisation: Organisation | None = None, **over: Any) -> User:
    """Add a person of `organisation`, whose password nobody knows; he does what is done there, and may be `admin`."""
    organisation = organisation or await make_organisation(session)
    roles = [Role(role) for role in organisation.roles]
    duties = [str(duty) for duty in usual(roles, first=over.pop("admin", False))]
    return await _add(
        session,
        User,
        over,
        organisation_id=organisation.id,
        email=f"person{next(NUMBERS)}@demo.invalid",
        name="演示用户",
        password_hash="none",
        duties=duties,
    )


async def make_capability(session: AsyncSession, organisation: Organisation | None = None, **over: Any) -> Capability:
    """Add a declared capability of 100 sets a month."""
    organisation = organisation or await make_organisation(session)
    return await _add(
        session,
        Capability,
        over,
        organisation_id=organisation.id,
        phrase=f"储能变流器{next(NUMBERS)}",
        unit="SET",
        monthly_quantity=100,
    )


async def make_price(session: AsyncSession, capability: Capability | None = None, **over: Any) -> CapabilityPrice:
    """Add the price of a capability: 1000.00 yuan."""
    capability = capability or await make_capability(session)
    return await _add(session, CapabilityPrice, over, capability_id=capability.id, unit_price=100_000, currency="CNY")


async def make_month(session: AsyncSession, capability: Capability | None = None, **over: Any) -> CapacityMonth:
    """Add one month of capacity: 100 declared, nothing reserved."""
    capability = capability or await make_capability(session)
    return await _add(
        session,
        CapacityMonth,
        over,
        capability_id=capability.id,
        organisation_id=capability.organisation_id,
        month=date(2026, 6, 1),
        declared=100,
    )


async def make_certificate(session: AsyncSession, organisation: Organisation | None = None, **over: Any) -> Certificate:
    """Add a certificate valid for the years around the tests."""
    organisation = organisation or await make_organisation(session)
    return await _add(
        session,
        Certificate,
        over,
        organisation_id=organisation.id,
        scheme="ISO 9001",
        valid_from=date(2024, 1, 1),
        valid_to=date(2030, 12, 31),
    )


async def make_link(
    session: AsyncSession, supplier: Organisation | None = None, buyer: Organisation | None = None, **over: Any
) -> SupplyLink:
    """Add a supply tie of 2025 from `supplier` to `buyer`."""
    supplier = supplier or await make_organisation(session)
    buyer = buyer or await make_organisation(session)
    return await _add(
        session, SupplyLink, over, supplier_id=supplier.id, buyer_id=buyer.id, year=2025, source="演示数据"
    )


async def make_opportunity(session: AsyncSession, owner: Organisation | None = None, **over: Any) -> Opportunity:
    """Add a draft opportunity of a chain leader."""
    owner = owner or await make_organisation(session, Role.CHAIN_LEADER)
    return await _add(
        session,
        Opportunity,
        over,
        organisation_id=owner.id,
        title=f"演示储能电站{next(NUMBERS)}",
        country="SA",
        currency="CNY",
        budget=10_000_000_00,
        deadline=NOW + YEAR,
        starts=date(2026, 6, 1),
        ends=date(2027, 5, 31),
        demonstration=True,
    )


async def make_package(session: AsyncSession, opportunity: Opportunity | None = None, **over: Any) -> WorkPackage:
    """Add a work package of 40 sets."""
    opportunity = opportunity or await make_opportunity(session)
    number = next(NUMBERS)
    return await _add(
        session,
        WorkPackage,
        over,
        opportunity_id=opportunity.id,
        position=number,
        code=f"WP{number}",
        name="储能变流器",
        kind=PackageKind.GOODS,
        unit="SET",
        quantity=40,
        value=1_000_000_00,
        starts=date(2026, 6, 1),
        ends=date(2026, 11, 30),
    )


async def make_requirement(session: AsyncSession, package: WorkPackage | None = None, **over: Any) -> Requirement:
    """Add the requirement that the package's taker makes what it names."""
    package = package or await make_package(session)
    return await _add(
        session,
        Requirement,
        over,
        package_id=package.id,
        position=1,
        kind=RequirementKind.CAPABILITY,
        phrase=package.name,
    )


async def make_consortium(session: AsyncSession, opportunity: Opportunity | None = None, **over: Any) -> Consortium:
    """Add a forming consortium for an opportunity, led by its owner."""
    opportunity = opportunity or await make_opportunity(session)
    return await _add(
        session,
        Consortium,
        over,
        opportunity_id=opportunity.id,
        organisation_id=opportunity.organisation_id,
        name=f"演示联合体{next(NUMBERS)}",
    )


async def make_membership(
    session: AsyncSession,
    consortium: Consortium | None = None,
    organisation: Organisation | None = None,
    **over: Any,
) -> Membership:
    """Add a proposed seat."""
    consortium = consortium or await make_consortium(session)
    organisation = organisation or await make_organisation(session)
    return await _add(
        session,
        Membership,
        over,
        consortium_id=consortium.id,
        opportunity_id=consortium.opportunity_id,
        organisation_id=organisation.id,
    )


async def make_promise(session: AsyncSession, membership: Membership, **over: Any) -> ConfidentialityAcceptance:
    """Add a member's promise of confidentiality by a person of its own."""
    user = await make_user(session, organisation_id=membership.organisation_id)
    return await _add(
        session,
        ConfidentialityAcceptance,
        over,
        membership_id=membership.id,
        organisation_id=membership.organisation_id,
        user_id=user.id,
        text=1,
    )


async def make_terms(
    session: AsyncSession, membership: Membership | None = None, *lines: dict[str, Any], **over: Any
) -> Terms:
    """Add the first edition of a member's terms with a line for each of `lines`."""
    membership = membership or await make_membership(session)
    terms = await _add(
        session,
        Terms,
        over,
        membership_id=membership.id,
        edition=membership.edition,
        organisation_id=membership.organisation_id,
    )
    for line in lines:
        await _add(session, TermsLine, line, terms_id=terms.id, units=40, share=10_000, currency="CNY")
    return terms


async def make_invitation(session: AsyncSession, membership: Membership | None = None, **over: Any) -> Invitation:
    """Add a sent invitation that may be answered for an hour from now."""
    membership = membership or await make_membership(session)
    now = datetime.now(UTC)
    return await _add(
        session,
        Invitation,
        over,
        membership_id=membership.id,
        edition=membership.edition,
        sent_at=now - timedelta(hours=1),
        deadline=now + timedelta(hours=1),
    )


async def make_hold(
    session: AsyncSession, membership: Membership | None = None, month: CapacityMonth | None = None, **over: Any
) -> CapacityHold:
    """Add a soft hold of 10 on a month of the member's own capacity."""
    membership = membership or await make_membership(session)
    if month is None:
        organisation = await session.get_one(Organisation, membership.organisation_id)
        month = await make_month(session, await make_capability(session, organisation))
    return await _add(
        session,
        CapacityHold,
        over,
        membership_id=membership.id,
        capacity_month_id=month.id,
        quantity=10,
        expires_at=datetime.now(UTC) + timedelta(hours=72),
    )


async def make_job(session: AsyncSession, kind: str = "suggest", **over: Any) -> Job:
    """Add a queued job; `api.outbox.enqueue` is what also puts one into the queue."""
    organisation_id: UUID = over.pop("organisation_id", None) or (await make_organisation(session)).id
    return await _add(session, Job, over, kind=kind, organisation_id=organisation_id)


async def _add(session: AsyncSession, table: type[Row], over: dict[str, Any], /, **usual: Any) -> Row:
    """Add a row of `table` with its usual values, replaced by those of `over`, and write it."""
    row = table(**{**usual, **over})
    session.add(row)
    await session.flush()
    return row
