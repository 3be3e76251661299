"""Rows remember: they refuse names they do not know, and the database holds what the classes promise."""

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import SQLModel

from domain.kinds import HoldState, MembershipState, Role, Visibility
from domain.records import CapabilityPrice, Membership, Opportunity, Organisation, OrganisationAlias, stored
from domain.sealed import NotSealedHere, Sealed
from tests.factories import (
    make_capability,
    make_certificate,
    make_consortium,
    make_link,
    make_membership,
    make_month,
    make_opportunity,
    make_organisation,
    make_package,
    make_price,
    make_requirement,
)

TABLES = SQLModel.metadata.sorted_tables
MONEY = {"budget", "registered_capital", "turnover", "unit_price", "value"}


def test_a_row_refuses_names_that_are_unknown_or_missing() -> None:
    with pytest.raises(TypeError) as refused:
        OrganisationAlias(scheme="stock", vlaue="300274")  # type: ignore[call-arg]

    assert str(refused.value) == "OrganisationAlias: unknown ['vlaue'], missing ['organisation_id', 'value']"


async def test_what_was_never_declared_stays_undeclared_in_a_sealed_column(session: AsyncSession) -> None:
    able = await make_capability(session, monthly_quantity=None)

    await session.refresh(able)

    assert able.monthly_quantity is None


async def test_a_sealed_price_is_read_with_its_row_and_refused_in_anothers(session: AsyncSession) -> None:
    first, second = await make_price(session, unit_price=5), await make_price(session, unit_price=9)
    ids = {"one": first.capability_id, "other": second.capability_id}
    await session.refresh(first)
    session.expunge_all()
    assert (await session.get_one(CapabilityPrice, ids["one"])).unit_price == 5
    session.expunge_all()

    await session.execute(
        sa.text(
            "update capability_price set unit_price = (select unit_price from capability_price"
            " where capability_id = :other) where capability_id = :one"
        ),
        ids,
    )
    with pytest.raises(NotSealedHere, match=r"capability_price\.unit_price"):
        await session.get_one(CapabilityPrice, ids["one"])


async def test_whoever_changes_a_row_second_is_told_so(
    committed_sessions: async_sessionmaker[AsyncSession],
) -> None:
    async with committed_sessions.begin() as session:
        organisation = await make_organisation(session)

    async with committed_sessions() as one, committed_sessions() as other:
        mine = await one.get_one(Organisation, organisation.id)
        theirs = await other.get_one(Organisation, organisation.id)
        mine.city, theirs.city = "甲市", "乙市"
        await one.commit()

        with pytest.raises(StaleDataError):
            await other.commit()
        assert mine.version == 2


async def test_a_row_of_each_kind_is_read_as_it_was_written(session: AsyncSession) -> None:
    opportunity = await make_opportunity(session, visibility=Visibility.INVITED, rules={"max_members": 8})
    await make_requirement(session, await make_package(session, opportunity))
    capability = await make_capability(session, countries=["SA", "AE"])
    await make_price(session, capability, unit_price=10**12)
    await make_month(session, capability)
    await make_certificate(session)
    await make_link(session)
    session.expunge_all()

    again = await session.get_one(Opportunity, opportunity.id)

    assert (again.visibility, again.rules, again.version) == (Visibility.INVITED, {"max_members": 8}, 1)
    assert again.created_at is not None
    assert again.created_at.tzinfo is not None


async def test_a_firm_holds_one_seat_in_a_consortium_until_it_leaves_it(session: AsyncSession) -> None:
    consortium, firm = await make_consortium(session), await make_organisation(session)
    seat = await make_membership(session, consortium, firm)

    with pytest.raises(sa.exc.IntegrityError, match="uq_membership_seat"):
        async with session.begin_nested():
            await make_membership(session, consortium, firm)
    seat.become(MembershipState.WITHDRAWN)
    await session.flush()

    assert (await make_membership(session, consortium, firm)).state is MembershipState.PROPOSED


async def test_a_firm_accepts_a_seat_in_one_consortium_for_an_opportunity(session: AsyncSession) -> None:
    opportunity, firm = await make_opportunity(session), await make_organisation(session)
    seats = [await make_membership(session, await make_consortium(session, opportunity), firm) for _ in range(2)]
    for seat in seats:
        seat.become(MembershipState.INVITED)
    await session.flush()
    seats[0].become(MembershipState.ACCEPTED)
    await session.flush()
    seats[1].become(MembershipState.ACCEPTED)

    with pytest.raises(sa.exc.IntegrityError, match="uq_membership_one_consortium_per_opportunity"):
        await session.flush()


async def test_a_consortium_has_one_lead(session: AsyncSession) -> None:
    consortium = await make_consortium(session)
    await make_membership(session, consortium, lead=True)

    with pytest.raises(sa.exc.IntegrityError, match="uq_membership_lead"):
        async with session.begin_nested():
            await make_membership(session, consortium, lead=True)


@pytest.mark.parametrize(
    ("over", "constraint"),
    [
        ({"credit_code": None}, "ck_organisation_identity"),
        ({"roles": ["king"]}, "ck_organisation_roles"),
        ({"verification": 4}, "ck_organisation_verification"),
    ],
)
async def test_the_database_refuses_what_a_class_cannot(
    session: AsyncSession, over: dict[str, object], constraint: str
) -> None:
    with pytest.raises(sa.exc.IntegrityError, match=constraint):
        async with session.begin_nested():
            await make_organisation(session, Role.SUPPLIER, **over)


async def test_a_firm_known_only_by_name_is_one_firm(session: AsyncSession) -> None:
    await make_organisation(session, name="只知其名", credit_code=None, registered=False)
    await make_organisation(session, name="只知其名")

    with pytest.raises(sa.exc.IntegrityError, match="uq_organisation_named"):
        async with session.begin_nested():
            await make_organisation(session, name="只知其名", credit_code=None, registered=False)


def test_a_closed_set_is_kept_as_text_under_a_named_constraint() -> None:
    column = stored(HoldState)

    assert column.name == "hold_state"
    assert column.enums == ["soft", "hard", "released", "expired"]
    assert not column.native_enum


def test_every_constraint_has_a_name_that_a_refusal_can_use() -> None:
    for table in TABLES:
        for constraint in table.constraints:
            assert constraint.name, f"{table.name}: {constraint}"
            assert len(str(constraint.name)) <= 63


def heads(table: sa.Table) -> set[str]:
    """Return the columns that an index of the table begins with."""
    keys = [each for each in table.constraints if isinstance(each, sa.UniqueConstraint | sa.PrimaryKeyConstraint)]
    return {next(iter(each.columns)).name for each in [*table.indexes, *keys]}


def test_every_reference_stands_at_the_head_of_an_index() -> None:
    """A deletion looks up what refers to it; without an index it reads the whole table."""
    bare = {
        f"{table.name}.{constraint.column_keys[0]}"
        for table in TABLES
        for constraint in table.foreign_key_constraints
        if constraint.column_keys[0] not in heads(table)
    }

    assert bare == {"terms_line.package_id"}  # a package that stands in somebody's terms is never deleted


def test_money_is_kept_in_64_bits_and_no_moment_lacks_its_zone() -> None:
    for table in TABLES:
        for column in table.columns:
            if isinstance(column.type, sa.DateTime):
                assert column.type.timezone, f"{table.name}.{column.name}"
            if column.name in MONEY and table.name != "organisation_alias":
                # what is sealed is a whole number of any size inside its seal
                assert isinstance(column.type, sa.BigInteger | Sealed), f"{table.name}.{column.name}"


def test_a_seat_is_counted_from_one() -> None:
    assert Membership.model_fields["edition"].default == 1
