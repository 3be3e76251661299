"""A file is brought in whole or not at all, once, and can be taken back as long as nothing rests on it."""

import asyncio
import csv
import io
import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from threading import Event as Flag
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col

from api.actions import imports
from api.actions.imports import bring_in, undo
from api.intake import sheet
from api.intake.reading import Reading, Subject, read
from api.intake.report import ImportReport
from api.jobs import JobContext
from api.jobs import imports as job
from api.queries import imports as known
from api.settings import Settings
from domain.actor import Actor
from domain.errors import IllegalTransition, NotAllowed, NotFound, StillReferenced
from domain.kinds import BatchState, Role
from domain.records import (
    Capability,
    CapabilityPrice,
    Event,
    ImportBatch,
    Job,
    Opportunity,
    Organisation,
    OrganisationAlias,
    PhraseVector,
    SupplyLink,
    WorkPackage,
)
from tests.api.intake.test_templates import opportunity_book
from tests.factories import actor_of, credit_code, make_capability, make_month, make_organisation, make_user
from tests.strategies_files import FIRST_FIRM, Broken, Table, as_csv, broken_files, good_table

WRITTEN = (
    "organisation", "organisation_alias", "capability", "capability_price", "supply_link", "narrower_product",
    "opportunity", "work_package", "requirement", "import_batch", "event",
)  # fmt: skip
FIRM_FILE = "stock_code,short_name,company_name,unified_credit_code,registered_capital,csrc_industry_code\n"


@pytest.fixture
async def operator(session: AsyncSession) -> Actor:
    """The platform as an actor."""
    return actor_of(await make_organisation(session, Role.OPERATOR))


def reading_of(subject: Subject, content: bytes | str, filename: str = "表.csv") -> Reading:
    data = content.encode() if isinstance(content, str) else content
    return read(subject, sheet.accept(filename, data))


def firms(rows: int = 3) -> Reading:
    return reading_of(Subject.FIRMS, as_csv(good_table(Subject.FIRMS, rows)))


def capabilities(rows: int = 3) -> Reading:
    return reading_of(Subject.CAPABILITIES, as_csv(good_table(Subject.CAPABILITIES, rows)))


def table_of(subject: Subject, table: Table) -> Reading:
    return reading_of(subject, as_csv(table))


async def counts(session: AsyncSession) -> dict[str, int]:
    """Count the rows of every table an import could write."""
    found = {}
    for name in WRITTEN:
        table = SQLModel.metadata.tables[name]
        found[name] = (await session.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
    return found


async def rows(session: AsyncSession, kind: type[Any], *order: Any) -> Sequence[Any]:
    return (await session.execute(sa.select(kind).order_by(*order))).scalars().all()


def skipped(report: ImportReport) -> dict[str, int]:
    return {tally.code: tally.count for tally in report.skipped}


def found_faults(report: ImportReport) -> list[tuple[str, str]]:
    return [(fault.where, fault.code) for fault in report.faults]


async def test_good_rows_are_written_and_carry_their_batch(session: AsyncSession, operator: Actor) -> None:
    report = await bring_in(session, operator, firms(3))

    stored = (
        await session.execute(sa.select(Organisation).where(col(Organisation.batch_id) == report.batch_id))
    ).scalars()
    assert report.state is BatchState.DONE
    assert (report.rows, report.accepted, report.fault_count) == (3, 3, 0)
    assert sorted(firm.name for firm in stored) == [f"演示企业{number}号有限公司" for number in range(3)]
    batch = await known.batch(session, operator, report.batch_id or uuid4())
    assert (batch.rows, batch.written, batch.state, batch.report["written"]["organisation"]) == (3, 3, "done", 3)
    event = (await rows(session, Event))[-1]
    assert (event.code, event.subject_id, event.params["written"]) == ("import.done", report.batch_id, 3)


@settings(max_examples=110, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(broken=broken_files())
async def test_a_file_with_one_wrong_cell_writes_nothing(session: AsyncSession, broken: Broken) -> None:
    operator = Actor(user_id=None, organisation_id=uuid4(), roles=frozenset({Role.OPERATOR}))
    before = await counts(session)

    report = await bring_in(session, operator, reading_of(broken.subject, broken.content))

    assert report.state is BatchState.REFUSED
    assert (report.written, report.accepted, report.batch_id) == ({}, 0, None)
    assert broken.where in {fault.where for fault in report.faults}
    assert await counts(session) == before


async def test_skipping_writes_exactly_the_good_rows(session: AsyncSession, operator: Actor) -> None:
    table = good_table(Subject.FIRMS, 4)
    table[2][0], table[3][3] = "12345", "昨天"

    report = await bring_in(session, operator, table_of(Subject.FIRMS, table), on_error="skip")

    assert (report.state, report.accepted, report.faulty_rows) == (BatchState.DONE, 2, 2)
    names = {firm.name for firm in await rows(session, Organisation) if firm.batch_id}
    assert names == {"演示企业0号有限公司", "演示企业3号有限公司"}


async def test_a_dry_run_says_the_same_and_writes_nothing(session: AsyncSession, operator: Actor) -> None:
    before = await counts(session)

    checked = await bring_in(session, operator, firms(), dry_run=True)

    assert await counts(session) == before
    written = await bring_in(session, operator, firms())
    assert (checked.rows, checked.accepted, checked.written) == (written.rows, written.accepted, written.written)
    assert checked.dry_run


async def test_the_same_file_again_is_noticed_and_changes_nothing(session: AsyncSession, operator: Actor) -> None:
    first = await bring_in(session, operator, firms())
    before = await counts(session)

    again = await bring_in(session, operator, firms())

    assert (again.accepted, skipped(again)) == (0, {"unchanged": 3})
    assert [(notice.code, notice.params["batch"]) for notice in again.notices] == [("same-file", str(first.batch_id))]
    after = await counts(session)
    assert {name: after[name] - before[name] for name in WRITTEN if after[name] != before[name]} == {
        "import_batch": 1,
        "event": 1,
    }


async def test_a_changed_row_is_a_fault_until_an_update_is_asked_for(session: AsyncSession, operator: Actor) -> None:
    await bring_in(session, operator, firms(2))
    table = good_table(Subject.FIRMS, 2)
    table[2][4] = "6,000万"

    refused = await bring_in(session, operator, table_of(Subject.FIRMS, table))
    updated = await bring_in(session, operator, table_of(Subject.FIRMS, table), update=True)

    assert found_faults(refused) == [("row 3, 注册资本(元)", "already-there")]
    assert (updated.accepted, updated.written, skipped(updated)) == (1, {"amended": 1}, {"unchanged": 1})
    stored = await known.organisations_by(session, "credit_code", [table[2][0]])
    assert stored[table[2][0]].registered_capital == 6_000_000_000


async def test_undoing_takes_rows_away_and_changes_back(session: AsyncSession, operator: Actor) -> None:
    before = await counts(session)
    first = await bring_in(session, operator, firms(2))
    table = good_table(Subject.FIRMS, 2)
    table[1][3], table[2][4] = "2015-01-01", "6,000万"
    second = await bring_in(session, operator, table_of(Subject.FIRMS, table), update=True)
    assert first.batch_id
    assert second.batch_id

    await undo(session, operator, second.batch_id)

    stored = await known.organisations_by(session, "credit_code", [table[1][0], table[2][0]])
    assert stored[table[1][0]].founded == date(2012, 5, 18)
    assert stored[table[2][0]].registered_capital == 5_000_000_000
    await undo(session, operator, first.batch_id)
    after = await counts(session)
    assert {name: after[name] for name in WRITTEN[:9]} == {name: before[name] for name in WRITTEN[:9]}
    assert [event.code for event in await rows(session, Event, Event.id)] == [
        "import.done",
        "import.done",
        "import.undone",
        "import.undone",
    ]


async def test_a_batch_that_others_rest_on_stays(session: AsyncSession, operator: Actor) -> None:
    report = await bring_in(session, operator, firms(3))
    await bring_in(session, operator, capabilities(3))
    before = await counts(session)

    with pytest.raises(StillReferenced) as refusal:
        await undo(session, operator, report.batch_id or uuid4())

    assert refusal.value.params == {"noun": "capability"}
    assert await counts(session) == before


async def test_a_capability_that_someone_counts_on_stays(session: AsyncSession, operator: Actor) -> None:
    await bring_in(session, operator, firms(3))
    report = await bring_in(session, operator, capabilities(1))
    row = (await session.execute(sa.select(Capability).where(col(Capability.batch_id) == report.batch_id))).scalar_one()
    await make_month(session, row)

    with pytest.raises(StillReferenced):
        await undo(session, operator, report.batch_id or uuid4())


async def test_a_batch_is_undone_once_and_by_who_may_see_it(session: AsyncSession, operator: Actor) -> None:
    report = await bring_in(session, operator, firms(1))
    stranger = actor_of(await make_organisation(session))
    identity = report.batch_id or uuid4()

    with pytest.raises(NotFound):
        await undo(session, stranger, identity)
    await undo(session, operator, identity)
    with pytest.raises(IllegalTransition):
        await undo(session, operator, identity)


async def test_a_firm_that_is_in_the_file_twice(session: AsyncSession, operator: Actor) -> None:
    table = good_table(Subject.FIRMS, 2)
    table.append(list(table[1]))
    table.append([table[2][0], "演示另一个名字有限公司", *table[2][2:]])

    report = await bring_in(session, operator, table_of(Subject.FIRMS, table), on_error="skip")

    assert (report.accepted, skipped(report)) == (2, {"repeated-row": 1})
    assert found_faults(report) == [("row 5, 统一社会信用代码", "repeated-key")]


async def test_listed_firms_get_their_stock_codes_and_money_in_fen(session: AsyncSession, operator: Actor) -> None:
    code = credit_code(FIRST_FIRM)
    file = (
        f"{FIRM_FILE}999901.SZ,演示股,演示一股份有限公司,{code},305398662.0,D-D44--\n"
        "999902.SZ,演示二,演示二公司,,1.5,C-C38--\n"
    )

    report = await bring_in(session, operator, reading_of(Subject.FIRMS, file))

    listed = await known.organisations_called(session, "stock", ["999901.SZ", "999902.SZ"])
    assert (listed["999901.SZ"].registered_capital, listed["999901.SZ"].industry_code) == (30_539_866_200, "D44")
    assert (listed["999901.SZ"].registered, listed["999902.SZ"].registered) == (True, False)
    assert [notice.code for notice in report.notices] == ["firms-without-code"]
    again = await bring_in(session, operator, reading_of(Subject.FIRMS, file))
    assert skipped(again) == {"unchanged": 2}


async def test_a_stock_code_belongs_to_one_firm(session: AsyncSession, operator: Actor) -> None:
    first, second = credit_code(FIRST_FIRM), credit_code(FIRST_FIRM + 1)
    await bring_in(
        session, operator, reading_of(Subject.FIRMS, f"{FIRM_FILE}999901.SZ,演示甲,演示甲公司股份,{first},1,C\n")
    )

    report = await bring_in(
        session, operator, reading_of(Subject.FIRMS, f"{FIRM_FILE}999901.SZ,演示丙,演示丙公司股份,{second},1,C\n")
    )

    assert found_faults(report) == [("row 2, stock_code", "stock-code-taken")]


async def test_a_short_name_that_two_firms_share_stays_with_the_first(session: AsyncSession, operator: Actor) -> None:
    first, second = credit_code(FIRST_FIRM), credit_code(FIRST_FIRM + 1)
    file = f"{FIRM_FILE}999901.SZ,演示,演示天然气公司,{first},1,C\n999902.SZ,演示,演示自来水公司,{second},1,C\n"

    report = await bring_in(session, operator, reading_of(Subject.FIRMS, file))

    assert [(notice.code, notice.params) for notice in report.notices] == [("names-shared", {"count": 1})]
    short = await known.organisations_called(session, "short", ["演示"])
    assert short["演示"].credit_code == first


async def test_a_firm_known_by_name_is_registered_in_place_and_back(session: AsyncSession, operator: Actor) -> None:
    links = await bring_in(
        session,
        operator,
        reading_of(Subject.LINKS, "供方,需方,年份,来源\n演示企业0号有限责任公司,演示需方公司,2025,填报\n"),
    )
    named = (await known.organisations_called(session, "name", ["演示企业0号有限公司"]))["演示企业0号有限公司"]
    assert not named.registered

    report = await bring_in(session, operator, firms(1))

    assert (report.written["amended"], named.registered, named.credit_code) == (1, True, credit_code(FIRST_FIRM))
    await undo(session, operator, report.batch_id or uuid4())
    assert (named.registered, named.credit_code, named.name) == (False, None, "演示企业0号有限责任公司")
    await undo(session, operator, links.batch_id or uuid4())


async def test_capabilities_need_a_known_firm(session: AsyncSession, operator: Actor) -> None:
    report = await bring_in(session, operator, capabilities(2))

    assert found_faults(report) == [
        ("row 2, 统一社会信用代码", "unknown-firm"),
        ("row 3, 统一社会信用代码", "unknown-firm"),
    ]


async def test_capabilities_come_with_prices_and_phrases(session: AsyncSession, operator: Actor) -> None:
    await bring_in(session, operator, firms(3))

    report = await bring_in(session, operator, capabilities(3))

    assert (report.written["capability"], report.written["capability_price"]) == (3, 3)
    prices = await rows(session, CapabilityPrice)
    assert {(price.unit_price, price.currency, price.disclosure.value) for price in prices} == {
        (21_550_000, "CNY", "matched")
    }
    phrases = {row.phrase: row.sentence for row in await rows(session, PhraseVector)}
    assert phrases == {f"演示产品{number}": None for number in range(3)}
    stored = (await rows(session, Capability, Capability.phrase))[0]
    assert (stored.unit, stored.monthly_quantity, stored.countries, stored.code) == ("C62", 60, ["ID", "VN"], "850440")


async def test_a_capability_is_unchanged_changed_or_twice(session: AsyncSession, operator: Actor) -> None:
    await bring_in(session, operator, firms(3))
    await bring_in(session, operator, capabilities(3))
    table = good_table(Subject.CAPABILITIES, 3)
    table[2][3], table[3][8] = "80", "30万"
    table.append(list(table[1]))
    table.append([*table[1][:3], "61", *table[1][4:]])

    refused = await bring_in(session, operator, table_of(Subject.CAPABILITIES, table))
    updated = await bring_in(session, operator, table_of(Subject.CAPABILITIES, table), update=True, on_error="skip")

    assert found_faults(refused) == [
        ("row 3, 月产能", "already-there"),
        ("row 4, 参考单价", "already-there"),
        ("row 6, 能力名称", "repeated-key"),
    ]
    assert (updated.accepted, skipped(updated)) == (2, {"repeated-row": 1, "unchanged": 1})
    assert sorted(price.unit_price for price in await rows(session, CapabilityPrice)) == [
        21_550_000,
        21_550_000,
        30_000_000,
    ]
    await undo(session, operator, updated.batch_id or uuid4())
    assert {price.unit_price for price in await rows(session, CapabilityPrice)} == {21_550_000}
    assert {row.monthly_quantity for row in await rows(session, Capability)} == {60}


async def test_a_price_may_come_later(session: AsyncSession, operator: Actor) -> None:
    await bring_in(session, operator, firms(1))
    header, row = good_table(Subject.CAPABILITIES, 1)
    bare = [header[:8], row[:8]]
    await bring_in(session, operator, table_of(Subject.CAPABILITIES, bare))

    priced = [[*header[:8], *header[8:11]], [*row[:8], *row[8:11]]]
    report = await bring_in(session, operator, table_of(Subject.CAPABILITIES, priced), update=True)

    assert (report.accepted, report.written["capability_price"]) == (1, 1)


async def test_a_supplier_brings_in_its_own_capabilities_only(session: AsyncSession, operator: Actor) -> None:
    await bring_in(session, operator, firms(2))
    firm = (await known.organisations_by(session, "credit_code", [credit_code(FIRST_FIRM)]))[credit_code(FIRST_FIRM)]

    report = await bring_in(session, actor_of(firm), capabilities(2), on_error="skip")

    assert (report.accepted, found_faults(report)) == (1, [("row 3, 统一社会信用代码", "not-your-firm")])


@pytest.mark.parametrize(
    ("subject", "role"),
    [(Subject.FIRMS, Role.SUPPLIER), (Subject.LINKS, Role.CHAIN_LEADER), (Subject.CAPABILITIES, Role.BUREAU)],
)
async def test_who_has_no_right_to_a_kind_of_file_brings_none_in(
    session: AsyncSession, subject: Subject, role: Role
) -> None:
    actor = actor_of(await make_organisation(session, role))

    with pytest.raises(NotAllowed):
        await bring_in(session, actor, table_of(subject, good_table(subject, 1)))


async def test_links_name_firms_by_code_name_and_short_name(session: AsyncSession, operator: Actor) -> None:
    code = credit_code(FIRST_FIRM)
    await bring_in(
        session, operator, reading_of(Subject.FIRMS, f"{FIRM_FILE}999901.SZ,演示股,演示一股份有限公司,{code},1,C\n")
    )
    firm = (await known.organisations_by(session, "credit_code", [code]))[code]
    file = (
        "buyer_stock_code,supplier_name,report_year,rank,purchase_share_pct\n"
        "999901.SZ,演示原料有限公司,2017,1,5.87\n"
        "999901.SZ,第二名,2017,2,5.64\n"
        "999901.SZ,演示一股份公司,2017,3,\n"
        "999901.SZ,供应商 A,2017,4,1\n"
        "999901.SZ,演示原料有限责任公司,2017,5,0.5\n"
    )

    report = await bring_in(session, operator, reading_of(Subject.LINKS, file))

    assert (report.rows, report.accepted) == (5, 1)
    assert skipped(report) == {"ranked": 1, "numbered": 1, "self-link": 1, "repeated-row": 1}
    link = (await rows(session, SupplyLink))[0]
    supplier = await session.get(Organisation, link.supplier_id)
    assert supplier is not None
    assert (link.buyer_id, link.share, link.rank, link.year, link.source) == (firm.id, 587, 1, 2017, "年报前五名供应商")
    assert (supplier.name, supplier.registered, supplier.country) == ("演示原料有限公司", False, "ZZ")


async def test_a_tie_known_by_a_short_name_is_trusted_less(session: AsyncSession, operator: Actor) -> None:
    code = credit_code(FIRST_FIRM)
    await bring_in(
        session, operator, reading_of(Subject.FIRMS, f"{FIRM_FILE}999901.SZ,演示股,演示一股份有限公司,{code},1,C\n")
    )
    header = "供方,需方,年份,来源,可信度(0-100)\n"
    file = f"{header}演示股,演示买方公司,2025,填报,80\n演示一股份有限公司,演示买方公司,2024,填报,80\n"

    await bring_in(session, operator, reading_of(Subject.LINKS, file))

    assert {link.year: link.confidence for link in await rows(session, SupplyLink)} == {2024: 80, 2025: 65}


async def test_a_tie_of_an_unknown_code_is_a_fault_and_a_changed_one_needs_an_update(
    session: AsyncSession, operator: Actor
) -> None:
    unknown = reading_of(Subject.LINKS, "供方,需方,年份,来源\n999999.SZ,演示需方公司,2025,填报\n")
    first = reading_of(Subject.LINKS, "供方,需方,年份,来源,占比\n演示供方公司,演示需方公司,2025,填报,10\n")
    other = reading_of(Subject.LINKS, "供方,需方,年份,来源,占比\n演示供方公司,演示需方公司,2025,填报,20\n")

    assert found_faults(await bring_in(session, operator, unknown)) == [("row 2, 供方", "unknown-firm")]
    await bring_in(session, operator, first)
    assert skipped(await bring_in(session, operator, first)) == {"unchanged": 1}
    assert found_faults(await bring_in(session, operator, other)) == [("row 2, 占比", "already-there")]
    assert (await bring_in(session, operator, other, update=True)).accepted == 1
    assert [link.share for link in await rows(session, SupplyLink)] == [2000]


async def test_narrower_products(session: AsyncSession, operator: Actor) -> None:
    pair = "包装容器,纸包装容器,产品小类\n"
    file = f"from_product,to_product,rel\n{pair}{pair}维生素D,维生素D,产品小类\n"

    first = await bring_in(session, operator, reading_of(Subject.PRODUCTS, file))
    again = await bring_in(session, operator, reading_of(Subject.PRODUCTS, file))

    assert (first.accepted, skipped(first)) == (1, {"repeated-row": 1, "narrower-of-itself": 1})
    assert again.accepted == 0
    await undo(session, operator, first.batch_id or uuid4())
    assert await known.narrower_products(session) == set()


async def test_an_opportunity_becomes_a_draft_of_its_owner(session: AsyncSession, operator: Actor) -> None:
    owner = await make_organisation(session, Role.CHAIN_LEADER)
    reading = reading_of(Subject.OPPORTUNITIES, opportunity_book(), "项目.xlsx")

    report = await bring_in(session, operator, reading, owner_id=owner.id)

    row = (await rows(session, Opportunity))[0]
    assert (row.organisation_id, row.state, row.budget, row.batch_id) == (
        owner.id,
        "draft",
        7_491_000_000,
        report.batch_id,
    )
    packages = await rows(session, WorkPackage, WorkPackage.position)
    assert [(package.code, package.quantity, package.follows) for package in packages] == [
        ("WP01", 40, []),
        ("WP03", 40, ["WP01"]),
    ]
    again = await bring_in(session, operator, reading, owner_id=owner.id)
    assert skipped(again) == {"unchanged": 1}
    changed = reading_of(Subject.OPPORTUNITIES, opportunity_book(budget="8,000万"), "项目.xlsx")
    assert found_faults(await bring_in(session, operator, changed, owner_id=owner.id)) == [
        ("项目 row 6, 预算总额", "already-there")
    ]
    await undo(session, operator, report.batch_id or uuid4())
    assert await rows(session, Opportunity) == []


async def test_a_chain_leader_brings_in_its_own_opportunities(session: AsyncSession) -> None:
    leader = actor_of(await make_organisation(session, Role.CHAIN_LEADER))
    other = await make_organisation(session, Role.CHAIN_LEADER)
    reading = reading_of(Subject.OPPORTUNITIES, opportunity_book(), "项目.xlsx")

    with pytest.raises(NotAllowed):
        await bring_in(session, leader, reading, owner_id=other.id)
    await bring_in(session, leader, reading)

    assert [row.organisation_id for row in await rows(session, Opportunity)] == [leader.organisation_id]


async def test_the_platform_gets_an_organisation_when_nobody_runs_it(session: AsyncSession) -> None:
    first = await imports.the_operator(session)
    again = await imports.the_operator(session)

    assert first == again
    assert first.roles == {Role.OPERATOR}


async def test_a_failure_in_the_middle_leaves_nothing(
    committed_sessions: async_sessionmaker[AsyncSession], engine: AsyncEngine
) -> None:
    async def stop(stage: str, done: int, total: int) -> None:
        if stage == "writing":
            raise RuntimeError(stage)

    async def work() -> None:
        async with committed_sessions.begin() as session:
            await bring_in(session, await imports.the_operator(session), firms(3), report=stop)

    with pytest.raises(RuntimeError):
        await work()

    async with committed_sessions() as session:
        assert set((await counts(session)).values()) == {0}


async def test_two_imports_of_one_file_at_once_take_turns(committed_sessions: async_sessionmaker[AsyncSession]) -> None:
    async def once() -> ImportReport:
        async with committed_sessions.begin() as session:
            return await bring_in(session, platform, firms(20))

    async with committed_sessions.begin() as session:
        platform = await imports.the_operator(session)

    reports = await asyncio.gather(*(once() for _ in range(4)))

    assert sorted(report.accepted for report in reports) == [0, 0, 0, 20]
    assert [report.fault_count for report in reports] == [0] * 4


async def test_new_phrases_queue_one_vector_job(session: AsyncSession, operator: Actor) -> None:
    await bring_in(session, operator, firms(3))
    await bring_in(session, operator, capabilities(3))
    await bring_in(session, operator, capabilities(3))

    assert [row.kind for row in await rows(session, Job)] == ["vectors"]


async def context_of(
    session: AsyncSession,
    sessions: async_sessionmaker[AsyncSession],
    engine: AsyncEngine,
    home: Path,
    row: Job,
    told: list[dict[str, Any]],
) -> JobContext:
    async def report(progress: dict[str, Any]) -> None:
        told.append(progress)

    operator = await known.operator(session)
    assert operator is not None
    return JobContext(
        job_id=row.id,
        actor=operator,
        payload=row.payload,
        subject_id=row.subject_id,
        settings=Settings(home=home),
        engine=engine,
        sessions=sessions,
        report=report,
        cancelled=Flag(),
    )


@pytest.mark.parametrize(
    ("content", "state", "accepted"),
    [
        (as_csv(good_table(Subject.FIRMS, 3)), "done", 3),
        (as_csv(good_table(Subject.FIRMS, 3)).replace("5,000万".encode(), "很多".encode()), "refused", 0),
        (b"PK\x03\x04 nothing", "refused", 0),
    ],
    ids=["good", "faulty", "unreadable"],
)
async def test_an_upload_is_brought_in_by_a_job(
    session: AsyncSession,
    sessions: async_sessionmaker[AsyncSession],
    engine: AsyncEngine,
    operator: Actor,
    tmp_path: Path,
    content: bytes,
    state: str,
    accepted: int,
) -> None:
    row = await imports.receive(session, operator, Subject.FIRMS, sheet.accept("企业.csv", content), tmp_path)
    await session.commit()
    told: list[dict[str, Any]] = []

    effect = await job.bring_in(await context_of(session, sessions, engine, tmp_path, row, told))
    outcome = await effect(session)

    batch = await known.batch(session, operator, row.subject_id or uuid4())
    assert (batch.state, batch.written, batch.filename) == (state, accepted, "企业.csv")
    assert outcome["code"] == f"import-{state}"
    assert batch.report["fault_count"] == len(batch.report["faults"])
    assert (batch.report["fault_count"] > 0) == (state == "refused")
    assert state == "refused" or {"stage": "writing", "done": 6, "all": 6} in told


async def test_a_dry_run_by_a_job_is_no_earlier_import(
    session: AsyncSession,
    sessions: async_sessionmaker[AsyncSession],
    engine: AsyncEngine,
    operator: Actor,
    tmp_path: Path,
) -> None:
    upload = sheet.accept("企业.csv", as_csv(good_table(Subject.FIRMS, 2)))
    row = await imports.receive(session, operator, Subject.FIRMS, upload, tmp_path, dry_run=True)
    await session.commit()
    effect = await job.bring_in(await context_of(session, sessions, engine, tmp_path, row, []))
    await effect(session)

    batch = await known.batch(session, operator, row.subject_id or uuid4())
    report = await bring_in(session, operator, read(Subject.FIRMS, upload))

    assert (batch.state, batch.written, batch.report["accepted"]) == ("done", 0, 2)
    assert (report.accepted, report.notices) == (2, ())


async def test_an_upload_is_only_taken_from_who_may_bring_it_in(session: AsyncSession, tmp_path: Path) -> None:
    supplier = actor_of(await make_organisation(session))

    with pytest.raises(NotAllowed):
        await imports.receive(session, supplier, Subject.FIRMS, sheet.accept("企业.csv", b"x"), tmp_path)
    assert os.listdir(tmp_path) == []


async def test_a_person_sees_the_imports_of_his_organisation(session: AsyncSession, operator: Actor) -> None:
    firm = await make_organisation(session)
    person = actor_of(firm, await make_user(session, firm))
    await bring_in(session, operator, firms(1))

    assert await known.batches(session, person) == []
    assert [batch.filename for batch in await known.batches(session, operator)] == ["表.csv"]


async def test_what_is_there_already_for_another_firm_is_left_alone(session: AsyncSession, operator: Actor) -> None:
    bystander = await make_capability(session, phrase="演示产品0")

    await bring_in(session, operator, firms(1))
    await bring_in(session, operator, capabilities(1))

    assert bystander.version == 1
    assert len(await rows(session, Capability)) == 2


@pytest.mark.data
async def test_the_real_disclosures_come_in_whole(session: AsyncSession, operator: Actor, real_data: Path) -> None:
    china = real_data / "china"
    files = (
        (Subject.FIRMS, "company_basic"),
        (Subject.CAPABILITIES, "company_product"),
        (Subject.LINKS, "supplier_2017_2018"),
        (Subject.LINKS, "customer_2017_2018"),
        (Subject.PRODUCTS, "product_subtype"),
    )

    reports = [
        await bring_in(session, operator, read(subject, sheet.load(china / f"{name}.csv"))) for subject, name in files
    ]

    assert [report.fault_count for report in reports] == [0] * 5
    assert [report.rows for report in reports] == [3_873, 39_732, 26_112, 9_588, 52_937]
    assert [report.accepted for report in reports] == [3_873, 39_691, 8_553, 8_764, 52_936]
    for report in reports:
        assert report.accepted + report.skipped_count == report.rows
    assert skipped(reports[1]) == {"repeated-row": 41}
    registered = sa.select(sa.func.count()).where(col(Organisation.registered), col(Organisation.batch_id).is_not(None))
    assert (await session.execute(registered)).scalar_one() == 3_872
    assert await listed_edges(session) >= published_edges(china)


async def listed_edges(session: AsyncSession) -> set[tuple[str, str, int]]:
    """Return the ties between two listed firms, by stock codes and year."""
    supplier, buyer = aliased(OrganisationAlias), aliased(OrganisationAlias)
    statement = (
        sa.select(col(supplier.value), col(buyer.value), col(SupplyLink.year))
        .join(supplier, col(supplier.organisation_id) == col(SupplyLink.supplier_id))
        .join(buyer, col(buyer.organisation_id) == col(SupplyLink.buyer_id))
        .where(col(supplier.scheme) == "stock", col(buyer.scheme) == "stock")
    )
    return {(one, other, year) for one, other, year in (await session.execute(statement)).all()}


def published_edges(china: Path) -> set[tuple[str, str, int]]:
    """Return the same ties as the source of the data has them: the oracle."""
    text = (china / "listed_supply_edges_2017_2018.csv").read_text(encoding="utf-8-sig")
    return {(row["supplier"], row["buyer"], int(row["year"])) for row in csv.DictReader(io.StringIO(text))}


def test_a_report_is_plain_json() -> None:
    from api.intake.report import Account

    document = Account(reading=firms(1)).report(BatchState.DONE).document()

    assert json.loads(json.dumps(document)) == document


async def test_batches_are_kept_under_the_kind_of_their_file(session: AsyncSession, operator: Actor) -> None:
    for subject in (Subject.FIRMS, Subject.LINKS):
        await bring_in(session, operator, table_of(subject, good_table(subject, 1)))

    batches = await rows(session, ImportBatch)
    assert sorted(batch.kind.value for batch in batches) == ["firms", "links"]
