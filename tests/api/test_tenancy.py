"""Two lines keep one firm's things from another: with either taken away the other holds, with both away things leak.

The first line is `api/queries/visible.py`, the second row-level security. The city, its readers and the decided cells
are those of the permission matrix (`tests/permissions`); what is asked here is asked of each line alone.
"""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlmodel import col
from structlog.testing import capture_logs

import api.app
from api import tenancy
from api.actions import auth
from api.app import create_app
from api.db import connect, make_engine, make_sessions, snapshot
from api.queries import visible
from api.settings import Settings
from api.tenancy import NOBODY, Bound, Office, bind, through
from domain.actor import Actor
from domain.errors import NotFound
from domain.kinds import Role
from domain.records import Agreement, Capability, Certificate, Consortium, TermsLine
from tests.factories import (
    make_capability,
    make_certificate,
    make_opportunity,
    make_organisation,
    make_price,
    make_user,
)
from tests.living import living
from tests.permissions.conftest import Desk, application, desk, random_id  # noqa: F401 - fixtures
from tests.permissions.matrix import Row, rows
from tests.permissions.test_matrix import hidden, kind, overheard, plain

Sessions = async_sessionmaker[AsyncSession]
ROWS = rows()
STRANGERS = ("anonymous", "supplier", "provider", "rival", "bureau")
"""Who has no part in the leader's consortia: nobody, a firm, an agent, a leader who was never verified, the bureau."""
SHUT = ("unseen", "refused", "sign-in")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

OUTSIDE = {
    "public.alembic_version": "the revision of the schema; nobody but its owner may read it",
    "public.narrower_product": "which product is a kind of which, from public sources: words of a language, nobody's",
    "public.phrase_vector": "words of a language with their vectors; a phrase does not say whose it is",
    "public.quota": "the limits this deployment states: told to whoever meets them",
    "queue.pgqueuer": "tickets with the id of a job and nothing of what it is about",
    "queue.pgqueuer_log": "the same tickets, done",
    "queue.pgqueuer_schedules": "empty: nothing of ours is scheduled there",
    "queue.pgqueuer_statistics": "counts of tickets by kind",
}
"""Tables without row-level security, each with its reason."""

TABLES = """
select n.nspname || '.' || c.relname as name, c.relrowsecurity and c.relforcerowsecurity as forced,
  exists (select from pg_policy p where p.polrelid = c.oid) as ruled
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
order by 1
"""


# ------------------------------------------------------------------ what the catalogue says


async def uncovered(session: AsyncSession) -> set[str]:
    """Return the tables that are neither wholly under row-level security nor named with a reason."""
    found = (await session.execute(sa.text(TABLES))).all()
    return {row.name for row in found if not (row.forced and row.ruled) and row.name not in OUTSIDE}


async def test_p19_every_table_is_under_forced_row_level_security_or_named_with_its_reason(
    session: AsyncSession,
) -> None:
    found = (await session.execute(sa.text(TABLES))).all()

    assert await uncovered(session) == set()
    assert {row.name for row in found if not row.forced} == OUTSIDE.keys()


@pytest.mark.parametrize(
    "slip",
    [
        "create table public.slip (organisation_id uuid)",
        "alter table terms no force row level security",
        "alter table capability_price disable row level security",
    ],
)
async def test_p19_a_table_that_was_left_out_is_caught(session: AsyncSession, slip: str) -> None:
    await session.execute(sa.text(slip))

    assert len(await uncovered(session)) == 1


async def test_p19_no_view_shows_its_owners_rows_and_no_copy_is_kept(session: AsyncSession) -> None:
    views = await session.execute(
        sa.text(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname in ('public', 'queue', 'tenancy') and (c.relkind = 'm' or c.relkind = 'v'"
            " and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false))"
        )
    )

    assert views.scalars().all() == []


async def test_p19_no_role_of_the_product_passes_by_the_policies_or_signs_in(session: AsyncSession) -> None:
    found = await session.execute(
        sa.text("select rolname from pg_roles where rolname = any (:names) and not"
                " (rolsuper or rolbypassrls or rolcanlogin or rolcreaterole or rolcreatedb or rolinherit)"),
        {"names": [office.value for office in Office]},
    )  # fmt: skip

    assert set(found.scalars()) == {office.value for office in Office}


async def test_p19_what_runs_with_its_owners_rights_has_a_fixed_path_and_is_known(session: AsyncSession) -> None:
    found = await session.execute(
        sa.text("select n.nspname || '.' || p.proname as name, p.proconfig::text as path from pg_proc p"
                " join pg_namespace n on n.oid = p.pronamespace where p.prosecdef and n.nspname !~ '^pg_'")
    )  # fmt: skip
    definers = {row.name: row.path for row in found}

    assert all(path and "search_path" in path and "pg_temp" in path for path in definers.values())
    assert definers.keys() == {
        *(f"public.{name}" for name in ("capacity_hold_guard", "bid_claim_of", "membership_claim", "lone_bid_claim",
                                        "event_place", "invitation_quota")),
        *(f"tenancy.{name}" for name in ("able", "amended", "companions", "editions", "leading", "led", "lots",
                                         "newest_event", "opened", "plays", "seats", "settled", "together",
                                         "verified")),
    }  # fmt: skip


# ------------------------------------------------------------------ prices


@pytest.mark.parametrize(
    "statement",
    [
        "select unit_price from capability_price",
        "select count(*) from capability_price",
        "select unit_price from terms_line",
        "select * from terms_line",
        "select body from agreement",
        "select * from agreement",
    ],
)
async def test_p23_the_bureaus_role_may_not_read_a_price(session: AsyncSession, statement: str) -> None:
    await tenancy.become(session, Bound(office=Office.BUREAU))

    with pytest.raises(DBAPIError, match="permission denied"):
        await session.execute(sa.text(statement))


async def test_p23_but_for_its_owner_the_solver_alone_reads_what_a_firm_asks(session: AsyncSession) -> None:
    """And who renews keys: he opens what was sealed to seal it anew."""
    firm, other = [await make_organisation(session, Role.SUPPLIER) for _ in range(2)]
    await make_price(session, await make_capability(session, firm), unit_price=4_611_686_017)
    seen = {}
    for office in Office:
        for name, organisation in (("own", firm.id), ("other", other.id)):
            async with session.begin_nested() as trial:
                await tenancy.become(session, Bound(office=office, organisation=organisation))
                try:
                    seen[office, name] = await session.scalar(sa.text("select count(*) from capability_price"))
                except DBAPIError:
                    seen[office, name] = 0
                await trial.rollback()

    readers = {key for key, number in seen.items() if number}
    assert readers == {
        (Office.APP, "own"),
        (Office.IMPORTER, "own"),
        (Office.SOLVER, "own"),
        (Office.SOLVER, "other"),
        (Office.TELLER, "own"),
        (Office.KEEPER, "own"),
        (Office.KEEPER, "other"),
    }


async def test_p23_a_statement_of_the_bureaus_does_not_name_what_it_may_not_read(session: AsyncSession) -> None:
    await tenancy.become(session, Bound(office=Office.BUREAU))

    for entity in TermsLine, Agreement:
        assert (await session.execute(sa.select(entity))).scalars().all() == []


# ------------------------------------------------------------------ binding


async def test_p19_nobody_sees_nothing(session: AsyncSession) -> None:
    firm = await make_organisation(session, Role.SUPPLIER)
    await make_capability(session, firm)
    await make_opportunity(session, firm)
    await session.flush()
    await tenancy.become(session, NOBODY)

    for table in ("organisation", "capability", "opportunity", "user_account", "event", "sign_in"):
        assert await session.scalar(sa.text(f"select count(*) from {table}")) == 0, table


async def test_p19_a_commit_in_the_middle_does_not_lose_whose_transaction_it_is(
    database_url: str, committed_sessions: Sessions
) -> None:
    firms = await tenants(committed_sessions, 2)
    engine = make_engine(database_url, size=1, office=Office.APP)
    async with make_sessions(engine)() as session:
        bind(session, Bound(office=Office.APP, organisation=firms[0]))
        for _ in range(3):
            assert await holders(session) == {firms[0]}
            await session.commit()
    async with snapshot(engine) as session:
        assert await holders(session) == set()
    await engine.dispose()


async def test_p19_a_door_is_shut_behind_whoever_went_through(session: AsyncSession) -> None:
    firm, other = [await make_organisation(session, Role.SUPPLIER) for _ in range(2)]
    await make_certificate(session, other)
    await session.flush()
    await tenancy.become(session, Bound(office=Office.APP, organisation=firm.id))

    async with through(session, Office.FORMATION):
        assert await session.scalar(sa.text("select current_user")) == "lianzhou_formation"
        assert await holders(session) == {other.id}
    with pytest.raises(NotFound):
        async with through(session, Office.FORMATION):
            raise NotFound(noun="firm")

    assert await session.scalar(sa.text("select current_user")) == "lianzhou_app"
    assert await holders(session) == set()


async def test_p19_a_firm_writes_nothing_in_anothers_name(session: AsyncSession) -> None:
    firm, other = [await make_organisation(session, Role.SUPPLIER) for _ in range(2)]
    theirs = await make_capability(session, other)
    await session.flush()
    await tenancy.become(session, Bound(office=Office.APP, organisation=firm.id))

    removed = await session.execute(sa.delete(Capability).where(col(Capability.id) == theirs.id))
    changed = await session.execute(sa.update(Capability).where(col(Capability.id) == theirs.id).values(phrase="假"))
    with pytest.raises(DBAPIError, match="row-level security"):
        await session.execute(
            sa.insert(Certificate).values(id=uuid4(), version=1, organisation_id=other.id, scheme="ISO 9001",
                                          valid_from=date(2027, 1, 1), verification=0)
        )  # fmt: skip

    assert [cast("sa.CursorResult[Any]", each).rowcount for each in (removed, changed)] == [0, 0]


async def holders(session: AsyncSession) -> set[UUID]:
    """Return whose certificates a transaction sees where no statement asks whose."""
    return set((await session.execute(sa.select(col(Certificate.organisation_id)))).scalars())


async def tenants(sessions: Sessions, number: int) -> list[UUID]:
    """Lay out firms with three certificates each."""
    async with sessions.begin() as session:
        firms = [await make_organisation(session, Role.SUPPLIER) for _ in range(number)]
        for firm in firms:
            for _ in range(3):
                await make_certificate(session, firm)
        return [firm.id for firm in firms]


# ------------------------------------------------------------------ the pool


def crammed(size: int, url: str, **given: Any) -> AsyncEngine:
    """Return an engine with `size` connections and not one more."""
    engine = make_engine(url, size=size, **given)
    engine.sync_engine.pool._max_overflow = 0  # type: ignore[attr-defined]
    return engine


async def crowd(url: str, firms: Sequence[UUID]) -> tuple[int, int]:
    """Let 200 tasks of all firms, and of nobody, read on five connections; return all reads and those that saw others.

    Each task has one session, commits or rolls back between its reads, and every tenth task forgets to bind.
    """
    engine = crammed(5, url, office=Office.APP)
    sessions, reads = make_sessions(engine), [0, 0]

    async def task(number: int) -> None:
        chance = random.Random(number)
        own = None if number % 10 == 0 else firms[number % len(firms)]
        for _ in range(8):
            async with sessions() as session:
                if own is not None:
                    bind(session, Bound(office=Office.APP, organisation=own))
                for _ in range(chance.randint(1, 3)):
                    seen = await holders(session)
                    reads[0] += 1
                    reads[1] += seen != ({own} if own else set())
                    await (session.commit() if chance.random() < 0.7 else session.rollback())

    await asyncio.gather(*(task(number) for number in range(200)))
    await engine.dispose()
    return reads[0], reads[1]


def as_settings_of_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bind as SET does, not SET LOCAL: what is bound goes back to the pool with the connection."""
    monkeypatch.setattr(tenancy, "BIND", sa.text(tenancy.BIND.text.replace(", true)", ", false)")))


async def test_p19_twenty_tenants_on_five_connections_never_see_each_other(
    database_url: str, committed_sessions: Sessions
) -> None:
    reads, wrong = await crowd(database_url, await tenants(committed_sessions, 20))

    assert wrong == 0
    assert reads > 2_000


async def test_p19_binding_the_session_instead_of_the_transaction_leaks(
    database_url: str, committed_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_settings_of_the_session(monkeypatch)

    _, wrong = await crowd(database_url, await tenants(committed_sessions, 20))

    assert wrong > 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A firm with what is its own, and the secret of one of its people."""

    secret: str
    own: frozenset[str]


@pytest.fixture
async def two(committed_sessions: Sessions) -> tuple[Tenant, Tenant]:
    """Two firms, each with capabilities of its own."""
    found = []
    async with committed_sessions.begin() as session:
        for _ in range(2):
            firm = await make_organisation(session, Role.SUPPLIER)
            opened = await auth.open_sign_in(
                session, (await make_user(session, firm)).id, timedelta(hours=12), browser=False
            )
            own = [await make_certificate(session, firm) for _ in range(5)]
            found.append(Tenant(secret=opened.secret, own=frozenset(str(row.id) for row in own)))
    return found[0], found[1]


async def traffic(url: str, two: tuple[Tenant, Tenant], number: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Send requests of two firms in turns over two connections; return how many saw their own, and the other's rows."""
    monkeypatch.setattr(api.app, "make_engine", partial(crammed, 2))
    seen = [0, 0]

    async with living(create_app(Settings(), url)) as app:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:

            async def reader(start: int) -> None:
                for turn in range(start, number, READERS):
                    mine, other = two[turn % 2], two[1 - turn % 2]
                    headers = {"authorization": f"Bearer {mine.secret}"}
                    answer = await client.get("/api/v1/certificates", headers=headers)
                    told = set(ID.findall(answer.text))
                    seen[0] += told >= mine.own
                    seen[1] += not told.isdisjoint(other.own)

            await asyncio.gather(*(reader(start) for start in range(READERS)))
    return seen


READERS = 9


async def test_p19_two_firms_in_turns_on_two_connections_get_their_own(
    database_url: str, two: tuple[Tenant, Tenant], monkeypatch: pytest.MonkeyPatch
) -> None:
    with without_the_first_line(monkeypatch):
        assert await traffic(database_url, two, 2_000, monkeypatch) == [2_000, 0]


@pytest.mark.long
async def test_p19_a_hundred_thousand_requests_of_two_firms_get_their_own(
    database_url: str, two: tuple[Tenant, Tenant], monkeypatch: pytest.MonkeyPatch
) -> None:
    with without_the_first_line(monkeypatch):
        assert await traffic(database_url, two, 100_000, monkeypatch) == [100_000, 0]


# ------------------------------------------------------------------ one line alone


@contextmanager
def without_the_first_line(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the conditions out of `visible.py`: every statement there begins at all rows there are.

    This switch exists here alone.
    """
    with monkeypatch.context() as switch:
        for name in ("leading", "together", "opened"):
            switch.setattr(visible, name, lambda actor: sa.select(col(Consortium.id)))
        for name in NARROWED:
            switch.setattr(visible, name, partial(unconditionally, getattr(visible, name)))
        yield


NARROWED = (
    "organisations", "opportunities", "suggestions", "consortia", "memberships", "capabilities", "own_capabilities",
    "own_certificates", "lone_bids", "jobs", "answers", "batches", "events", "own_channels", "own_letters",
    "own_endpoints", "own_deliveries", "filings", "milestones", "bids", "amendments", "evaluations",
)  # fmt: skip


def unconditionally(narrowed: Callable[[Actor], sa.Select[Any]], actor: Actor) -> sa.Select[Any]:
    """Return a statement of `visible` with its joins and without its conditions."""
    statement = narrowed(actor)
    statement._where_criteria = ()
    return statement


@asynccontextmanager
async def without_the_second_line(url: str) -> AsyncIterator[None]:
    """Switch row-level security off on every table."""
    connection = await connect(url)
    names = [
        row["name"]
        for row in await connection.fetch("select oid::regclass::text as name from pg_class where relrowsecurity")
    ]
    await connection.execute(";".join(f"alter table {name} disable row level security" for name in names))
    try:
        yield
    finally:
        await connection.execute(";".join(f"alter table {name} enable row level security" for name in names))
        await connection.close()


async def leaks(desk: Desk, asked: Iterable[tuple[Row, str]]) -> list[str]:  # noqa: F811
    """Return what strangers got that the matrix shuts to them: an answer, a change, a word, or that a thing exists."""
    found: list[str] = []
    before, absent = await desk.keeper.print(), {role: Nothing(desk=desk, role=role) for role in STRANGERS}
    for row, role in asked:
        answer = await desk.ask(row, role)
        changed = row.writes and await desk.keeper.print() != before
        if changed:
            await desk.keeper.restore()
        got, decided = kind(row, answer, changed=changed), row.cells[role].partition(":")[0]
        # a change of nothing opens nothing, nor does a refusal of another kind
        if decided in SHUT and got not in (*SHUT, "idle") and (changed or answer.status_code < 400):
            found.append(f"{row} by {role}: {got} instead of {decided}")
        found += [f"{row} by {role}: tells {what}" for what in overheard(answer, role, desk.world, row)]
        if decided == got == "unseen" and row.of and hidden(role, row.of) and not row.console:
            told = plain(answer, desk.world.names[row.of])
            found += [f"{row} by {role}: tells that it exists"] if told != await absent[role].of(row) else []
    return found


def strangers() -> list[tuple[Row, str]]:
    """Return every request of the matrix that is shut to a stranger, and every reading by one."""
    return [
        (row, role) for row in ROWS for role in STRANGERS if not row.writes or row.cells[role].partition(":")[0] in SHUT
    ]


async def test_p16_with_the_first_line_gone_the_second_holds(
    desk: Desk,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with without_the_first_line(monkeypatch), capture_logs():
        assert await leaks(desk, strangers()) == []


async def test_p16_with_the_second_line_gone_the_first_holds(desk: Desk, database_url: str) -> None:  # noqa: F811
    async with without_the_second_line(database_url):
        assert await leaks(desk, strangers()) == []


async def test_p16_with_both_lines_gone_things_leak(
    desk: Desk,  # noqa: F811
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = [(row, role) for row, role in strangers() if not row.writes and role in ("supplier", "rival")]

    with without_the_first_line(monkeypatch):
        async with without_the_second_line(database_url):
            found = await leaks(desk, reading)

    assert len(found) > 20


# ------------------------------------------------------------------ every id, everywhere

ONE = re.compile(r"^[^{]*\{\w+:uuid\}[^{]*$")


async def harvested(desk: Desk, role: str) -> set[str]:  # noqa: F811
    """Return every id that a reader is told by any address he may read."""
    found: set[str] = set()
    for row in ROWS:
        if not row.writes and row.cells[role].partition(":")[0] in ("allowed", "idle"):
            found |= set(ID.findall((await desk.ask(row, role)).text))
    return found


async def replayed(desk: Desk, share: float) -> tuple[int, list[str]]:  # noqa: F811
    """Put every id the leader and a member see at every place that takes one, as each stranger who was not told it.

    `share` of all such requests are made, drawn by chance from a fixed seed. Return how many, and what they gave away.
    """
    chance = random.Random(20270107)
    theirs = await harvested(desk, "owner") | await harvested(desk, "member")
    places = list({row.operation: row for row in ROWS if row.of and ONE.match(row.address)}.values())
    before, found, number = await desk.keeper.print(), [], 0
    for role in STRANGERS:
        absent = Nothing(desk=desk, role=role)
        unknown = sorted(theirs - await harvested(desk, role))
        drawn = [(row, each) for row in places for each in unknown if chance.random() < share]
        found += [told for row, each in drawn if (told := await absent.compared(row, each))]
        number += len(drawn)
    if await desk.keeper.print() != before:
        found.append("something was changed")
        await desk.keeper.restore()
    return number, found


@dataclass(slots=True, kw_only=True)
class Nothing:
    """What is answered to one reader about an id that nothing has, asked once for each operation."""

    desk: Desk
    role: str
    answers: dict[str, Any] = field(default_factory=dict)

    async def compared(self, row: Row, identity: str) -> str:
        """Tell what an answer about `identity` gives away; "" where it is like one about nothing."""
        assert row.of is not None
        answer = await self.desk.ask(row, self.role, **{row.of: identity})
        got, said = kind(row, answer, changed=False), f"{row.operation} by {self.role} of {identity}"
        if got not in SHUT:
            return f"{said}: {answer.status_code}"
        if got != "unseen" or row.console:
            return ""
        return "" if plain(answer, identity) == await self.of(row) else f"{said}: tells that it exists"

    async def of(self, row: Row) -> Any:
        """Return what is answered to the request of `row` about nothing."""
        assert row.of is not None
        if str(row) not in self.answers:
            nothing = random_id()
            self.answers[str(row)] = plain(await self.desk.ask(row, self.role, **{row.of: nothing}), nothing)
        return self.answers[str(row)]


@pytest.mark.parametrize("gone", ["neither", "first", "second"])
@pytest.mark.parametrize("share", [0.01, pytest.param(1.0, marks=pytest.mark.long)])
async def test_p16_an_id_of_anothers_opens_nothing_anywhere(
    desk: Desk,  # noqa: F811
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    gone: str,
    share: float,
) -> None:
    if gone == "first":
        with without_the_first_line(monkeypatch):
            number, found = await replayed(desk, share)
    elif gone == "second":
        async with without_the_second_line(database_url):
            number, found = await replayed(desk, share)
    else:
        number, found = await replayed(desk, share)

    assert found == []
    assert number > 300
