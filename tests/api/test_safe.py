"""What is sealed at rest stays shut to whoever has the tables alone, belongs to its row, and outlives its keys."""

import asyncio
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from typer.testing import CliRunner

from api import db, safe
from api.actions import endpoints, resealing
from api.actions.resealing import behind
from api.cli import app
from api.embedded import find_binaries
from api.jobs.resealing import reseal
from api.queries.imports import prices_of
from api.safe import SafeClosed, open_sealed, seal
from api.wire.consortia import PriceIn
from api.wire.endpoints import EndpointIn
from domain.kinds import ChannelKind, Role
from domain.records import (
    Agreement,
    Capability,
    CapabilityPrice,
    Channel,
    Endpoint,
    IdempotencyKey,
    Job,
    TermsLine,
    WorkPackage,
)
from domain.sealed import NotSealedHere, Sealed, Unbound, row_of
from tests.api.test_formation import Scene, scene
from tests.api.test_migrations import configured
from tests.conftest import named
from tests.factories import (
    actor_of,
    make_capability,
    make_job,
    make_organisation,
    make_package,
    make_price,
    make_terms,
    make_user,
)

__all__ = ("scene",)
Sessions = async_sessionmaker[AsyncSession]
PRICES = (7_345_219_873, 7_345_219_874, 7_345_219_875)
CANARY = "kanarienvogel-9471"


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Path]:
    """A ring of the test's own, in use by this process until the test ends."""
    place = tmp_path / "keys" / "safe.json"
    former = safe.safe().place
    safe.use(place)
    yield place
    safe.use(former)


async def dumped(url: str) -> bytes:
    """Return everything in a database as pg_dump writes it."""
    process = await asyncio.create_subprocess_exec(
        find_binaries() / "pg_dump", "--data-only", "--exclude-schema=queue", db.dsn_of(url),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    text, _ = await process.communicate()
    assert process.returncode == 0
    return text


def leaks(dump: bytes, *canaries: str | int) -> set[str | int]:
    """Return the canaries that stand in a dump, as text or as the bytes of a column."""
    forms = {
        each: {str(each).encode(), str(each).encode().hex().encode()}
        | ({each.to_bytes(8).hex().encode()} if isinstance(each, int) else set())
        for each in canaries
    }
    return {each for each, ways in forms.items() if any(way in dump for way in ways)}


# ------------------------------------------------------------------ one value


@given(plain=st.binary(max_size=300), purpose=st.text(max_size=40))
@pytest.mark.parametrize("profile", list(safe.PROFILES))
def test_what_was_sealed_opens_again_for_its_purpose_and_for_no_other(profile: str, plain: bytes, purpose: str) -> None:
    ring = _ring_of(profile)

    sealed = ring.seal(purpose, plain)

    assert ring.open_sealed(purpose, sealed) == plain
    with pytest.raises(SafeClosed, match="safe-changed"):
        ring.open_sealed(purpose + "2", sealed)
    assert ring.seal(purpose, plain) != sealed


def _ring_of(profile: str) -> safe.Ring:
    crypt = safe.PROFILES[profile](bytes(range(safe.PROFILES[profile].size)))
    return safe.Ring(keys=(safe.Key(id="00000001", profile=profile, made_at=datetime.now(UTC), crypt=crypt),))


@pytest.mark.parametrize("profile", list(safe.PROFILES))
def test_every_changed_bit_and_every_cut_byte_of_a_sealed_value_is_refused(profile: str) -> None:
    ring = _ring_of(profile)
    sealed = ring.seal("test", b"a secret of some length")
    changed = [
        sealed[:n] + bytes([sealed[n] ^ (1 << bit)]) + sealed[n + 1 :] for n in range(len(sealed)) for bit in range(8)
    ]
    cut = [sealed[:n] for n in range(len(sealed))]

    refused = 0
    for value in changed + cut:
        with pytest.raises(SafeClosed):
            ring.open_sealed("test", value)
        refused += 1

    assert refused == 9 * len(sealed)


def test_a_ring_that_does_not_belong_to_the_database_opens_nothing(ring: Path, tmp_path: Path) -> None:
    sealed = seal("test", b"x")
    safe.use(tmp_path / "another" / "safe.json")

    with pytest.raises(SafeClosed, match="safe-no-key"):
        open_sealed("test", sealed)


def test_a_file_that_is_no_ring_is_refused_by_name_and_left_as_it_is(ring: Path) -> None:
    ring.parent.mkdir(parents=True)
    for content in (b"", b"{}", b'{"format": "lianzhou-keys/1", "keys": []}', b"\xff"):
        ring.write_bytes(content)
        with pytest.raises(SafeClosed, match="safe-no-ring"):
            seal("test", b"x")
        assert ring.read_bytes() == content


def test_the_first_key_is_made_once_by_processes_that_begin_together_and_only_its_owner_reads_it(ring: Path) -> None:
    code = "import sys; from pathlib import Path; from api import safe; safe.use(Path(sys.argv[1])); safe.seal('', b'')"
    started = [subprocess.Popen([sys.executable, "-c", code, str(ring)]) for _ in range(4)]

    assert [process.wait() for process in started] == [0, 0, 0, 0]
    assert len(safe.safe().ring.keys) == 1
    assert stat.S_IMODE(ring.stat().st_mode) == 0o600
    assert stat.S_IMODE(ring.parent.stat().st_mode) == 0o700


def test_keys_have_the_sizes_of_their_profiles_and_sm4_is_the_standards_own(ring: Path) -> None:
    """RFC 8998, appendix A.1, gives SM4-GCM with this key, nonce and additional data."""
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    plain = bytes.fromhex("".join(pair * 8 for pair in ("AA", "BB", "CC", "DD", "EE", "FF", "EE", "AA")))
    bound = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")

    sealed = safe.PROFILES["sm4-gcm"](key).encrypt(nonce, plain, bound)

    assert sealed[:16].hex().upper() == "17F399F08C67D5EE19D0DC9969C4BB7D"
    assert sealed[-16:].hex().upper() == "83DE3541E4C2B58177E065A9BF7B62EC"
    assert {name: kind.size for name, kind in safe.PROFILES.items()} == {"aes-256-gcm": 32, "sm4-gcm": 16}


# ------------------------------------------------------------------ columns


async def test_a_sealed_value_moved_to_another_row_or_column_is_refused_when_it_is_read(session: AsyncSession) -> None:
    first, second = await make_price(session, unit_price=5), await make_price(session, unit_price=9)
    one, other = first.capability_id, second.capability_id
    session.expunge_all()
    swap = sa.text(
        "update capability_price p set unit_price = (select unit_price from capability_price q"
        " where q.capability_id <> p.capability_id and q.capability_id in (:one, :other))"
        " where capability_id in (:one, :other)"
    )

    await session.execute(swap, {"one": one, "other": other})
    with pytest.raises(NotSealedHere, match=r"capability_price\.unit_price"):
        await prices_of(session, [one])

    await session.execute(swap, {"one": one, "other": other})
    assert (await prices_of(session, [one]))[one].unit_price == 5
    await session.execute(
        sa.text(
            "update capability set monthly_quantity ="
            " (select unit_price from capability_price where capability_id = :i) where id = :i"
        ),
        {"i": one},
    )
    session.expunge_all()
    with pytest.raises(SafeClosed, match="safe-changed"):
        await session.get_one(Capability, one)


async def test_a_bare_statement_cannot_write_what_must_be_bound_to_a_row(session: AsyncSession) -> None:
    price = await make_price(session)

    with pytest.raises(Exception, match=r"capability_price\.unit_price") as refused:
        await session.execute(sa.update(CapabilityPrice).values(unit_price=4))

    assert isinstance(getattr(refused.value, "orig", refused.value), Unbound)
    assert price.unit_price == 100_000


async def test_a_price_that_is_changed_is_read_as_the_new_one_and_an_equal_one_writes_nothing(
    session: AsyncSession,
) -> None:
    price = await make_price(session, unit_price=5)
    stored = sa.text("select unit_price from capability_price where capability_id = :id")
    before = await session.scalar(stored, {"id": price.capability_id})

    price.unit_price = 5
    await session.flush()
    same = await session.scalar(stored, {"id": price.capability_id})
    price.unit_price = 6
    await session.flush()
    session.expunge_all()

    assert same == before
    assert (await prices_of(session, [price.capability_id]))[price.capability_id].unit_price == 6


# ------------------------------------------------------------------ all of a database


async def filled(sessions: Sessions, story: Scene) -> None:
    """Put a canary into everything that is sealed, by the actions people use where they can."""
    async with sessions.begin() as session:
        firm = await make_organisation(session, Role.SUPPLIER)
        user = await make_user(session, firm, admin=True)
        actor = actor_of(firm, user)
        row = await endpoints.add(session, actor, EndpointIn(url="http://127.0.0.1:9/hooks"), local=True)
        row.secret = f"whsec_{CANARY}"
        await session.flush()
        await endpoints.rotate(session, actor, row.id)
        session.add(
            Channel(user_id=user.id, kind=ChannelKind.CHAT, label="群", address=f"https://chat.example/{CANARY}")
        )
        capability = await make_capability(session, firm, monthly_quantity=PRICES[2])
        await make_price(session, capability, unit_price=PRICES[0])
        await make_terms(session, None, {"package_id": (await make_package(session)).id, "unit_price": PRICES[0]})
        await make_job(session, payload={"price": PRICES[0]}, outcome={"declared_price": PRICES[1], "note": CANARY})
        session.add(
            IdempotencyKey(
                organisation_id=firm.id, key="k" * 16, fingerprint=b"f" * 32, status=200, body=str(PRICES[0]).encode()
            )
        )
        await session.flush()
        await session.execute(sa.text("update work_package set value = 1000000000000000"))
    consortium = await story.invited()
    for member in (story.cells, story.power):
        seat = await story.seat(consortium, member)
        async with sessions() as session:
            codes = [
                (await session.get_one(WorkPackage, line.package_id)).code
                for line in seat.lines
                if line.unit_price is None
            ]
        await story.accept(consortium, member, prices=[PriceIn(package=code, unit_price=PRICES[1]) for code in codes])


async def test_p46_a_dump_of_the_database_holds_no_secret_and_no_price_in_plain(
    scene: Scene, committed_sessions: Sessions, database_url: str
) -> None:
    """The same dump of the same rows without their seals holds them all: the search can find what it looks for."""
    await filled(committed_sessions, scene)
    await reseal(committed_sessions)

    sealed = await dumped(database_url)
    await reseal(committed_sessions, plain=True)
    opened = await dumped(database_url)

    assert leaks(sealed, CANARY, *PRICES) == set()
    assert leaks(opened, CANARY, *PRICES) == {CANARY, *PRICES}
    await reseal(committed_sessions)
    assert leaks(await dumped(database_url), CANARY, *PRICES) == set()
    async with committed_sessions() as session:
        secrets = {row.former_secret for row in (await session.execute(sa.select(Endpoint))).scalars()}
        agreed = (await session.execute(sa.select(Agreement))).scalars().one()
        lines = (await session.execute(sa.select(TermsLine))).scalars().all()
        jobs = (await session.execute(sa.select(Job).where(sa.text("kind = 'suggest'")))).scalars().all()
    assert f"whsec_{CANARY}" in secrets
    assert str(PRICES[1]) in str(agreed.body)
    assert PRICES[1] in {line.unit_price for line in lines}
    assert CANARY in {job.outcome.get("note") for job in jobs}


async def test_values_from_before_there_were_keys_are_read_at_once_and_sealed_by_the_worker(server_url: str) -> None:
    name = f"test_bare_{uuid4().hex[:8]}_1"
    admin = await db.connect(server_url)
    await admin.execute(f"create database {name}")
    url = named(server_url, name)
    try:
        await asyncio.to_thread(db.migrate, url, "0011")
        old = await db.connect(url)
        firm, one = uuid4(), uuid4()
        await old.execute(
            f"insert into organisation (id, version, name, registered, roles, country, grades, verification,"
            f" demonstration) values ('{firm}', 1, 'x', false, '{{}}', 'CN', '{{}}', 0, false);"
            f"insert into capability (id, version, organisation_id, phrase, code, unit, monthly_quantity, countries,"
            f" verification, capacity_disclosure, state) values ('{one}', 1, '{firm}', 'p', '', 'SET', 77, '{{}}', 0,"
            f" 'solver', 'declared');"
            f"insert into capability_price (capability_id, unit_price, currency, disclosure)"
            f" values ('{one}', {PRICES[0]}, 'CNY', 'solver');"
        )
        await old.close()
        await asyncio.to_thread(db.migrate, url)
        engine = db.make_engine(url, size=2)
        sessions = db.make_sessions(engine)
        async with sessions() as session:
            before = (await prices_of(session, [one]))[one].unit_price
            waits = await behind(session, safe.safe().ring.newest.header)
        count = await reseal(sessions)
        async with sessions() as session:
            after = (await prices_of(session, [one]))[one].unit_price
        await engine.dispose()
        assert (before, after, count) == (PRICES[0], PRICES[0], 2)
        assert {place: n for place, n in waits.items() if n} == {
            "capability.monthly_quantity": 1,
            "capability_price.unit_price": 1,
        }
        assert leaks(await dumped(url), PRICES[0]) == set()

        with pytest.raises(DBAPIError, match="sealed values are left"):
            await asyncio.to_thread(command.downgrade, configured(url), "0011")
        engine = db.make_engine(url, size=2)
        await reseal(db.make_sessions(engine), plain=True)
        await engine.dispose()
        await asyncio.to_thread(command.downgrade, configured(url), "0011")
        old = await db.connect(url)
        assert await old.fetchval("select unit_price from capability_price") == PRICES[0]
        assert await old.fetchval("select monthly_quantity from capability") == 77
        await old.close()
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def test_agreed_terms_may_be_sealed_anew_and_say_nothing_else(session: AsyncSession) -> None:
    package = await make_package(session)
    await make_terms(session, None, {"package_id": package.id, "unit_price": 5})

    async def refused(change: str) -> bool:
        try:
            async with session.begin_nested():
                await session.execute(sa.text(f"update terms_line set {change}"))
        except DBAPIError as error:
            return "ck_terms_line_kept" in str(error.orig.__cause__.__dict__)  # type: ignore[union-attr]
        return False

    assert await refused("unit_price = '\\x00'")
    await session.execute(sa.text("set local lianzhou.sealing = 'on'"))
    assert not await refused("unit_price = unit_price || '\\x00'")
    assert await refused("unit_price = null")
    assert await refused("units = 1")
    assert await refused("unit_price = '\\x00', units = 1")


# ------------------------------------------------------------------ rotation


async def test_rotation_under_traffic_loses_nothing_and_refuses_nothing(
    ring: Path, committed_sessions: Sessions
) -> None:
    """Six clients read and write prices while keys change eight times and everything is sealed anew each time."""
    async with committed_sessions.begin() as session:
        rows = [(await make_price(session, unit_price=n)).capability_id for n in range(60)]
    known = dict(zip(rows, range(60), strict=True))
    done, counts = asyncio.Event(), {"read": 0, "written": 0}

    async def client(mine: list[Any]) -> None:
        turn = 0
        while not done.is_set():
            row = mine[turn % len(mine)]
            async with committed_sessions.begin() as session:
                found = await session.get_one(CapabilityPrice, row, with_for_update=True)
                assert found.unit_price == known[row]
                found.unit_price = known[row] + 1000
            known[row] += 1000
            async with committed_sessions() as session:
                assert (await session.get_one(CapabilityPrice, row)).unit_price == known[row]
            counts["read"] += 2
            counts["written"] += 1
            turn += 1

    async def rotating() -> None:
        for _ in range(8):
            await asyncio.to_thread(safe.rotate, ring)
            await asyncio.sleep(0.1)
            await reseal(committed_sessions)
        done.set()

    await asyncio.gather(rotating(), *(client(rows[n::6]) for n in range(6)))
    await reseal(committed_sessions)

    async with committed_sessions() as session:
        found = {row.capability_id: row.unit_price for row in (await prices_of(session, rows)).values()}
        waits = await behind(session, safe.safe().ring.newest.header)
    assert found == known
    assert set(waits.values()) == {0}
    assert counts["written"] >= 50


async def test_a_resealing_that_is_stopped_goes_on_where_it_was(
    ring: Path, committed_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "AT_ONCE", 10)
    async with committed_sessions.begin() as session:
        rows = {(await make_price(session, unit_price=n)).capability_id: n for n in range(35)}
    safe.rotate(ring)
    told: list[tuple[str, int]] = []

    def stop(column: str, count: int) -> None:
        told.append((column, count))
        if column == "capability_price.unit_price":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await reseal(committed_sessions, told=stop)
    async with committed_sessions() as session:
        left = (await behind(session, safe.safe().ring.newest.header))["capability_price.unit_price"]
        assert {r: p.unit_price for r, p in (await prices_of(session, rows)).items()} == rows
    again = await reseal(committed_sessions)

    assert left == 25
    assert again == 25
    assert [count for column, count in told if column == "capability.monthly_quantity"] == [10, 20, 30, 35]


async def test_a_key_retires_only_when_nothing_is_sealed_by_it(
    ring: Path, committed_sessions: Sessions, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIANZHOU_SAFE_KEYS", str(ring))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LIANZHOU_LANG", "en")
    async with committed_sessions.begin() as session:
        price = await make_price(session, unit_price=5)
    former = safe.safe().ring.newest.id

    def keys(*words: str) -> tuple[int, str]:
        told = CliRunner().invoke(app, ["keys", *words])
        return told.exit_code, told.output

    assert await asyncio.to_thread(keys, "retire", former) == (
        6,
        f"key {former} is the newest, which seals; rotate first\n",
    )
    code, newest = await asyncio.to_thread(keys, "rotate")
    assert code == 0
    assert "less than 60 minutes ago" in (await asyncio.to_thread(keys, "retire", former))[1]
    monkeypatch.setattr(safe.may_retire, "__defaults__", (timedelta(),))
    code, told = await asyncio.to_thread(keys, "retire", former)
    assert (code, "still seals 2 values" in told) == (6, True)
    assert (await asyncio.to_thread(keys, "seal"))[0] == 0
    assert await asyncio.to_thread(keys, "retire", former) == (0, "")
    assert [line.split("\t")[0] for line in (await asyncio.to_thread(keys, "list"))[1].splitlines()] == [newest.strip()]
    async with committed_sessions() as session:
        assert (await session.get_one(CapabilityPrice, price.capability_id)).unit_price == 5


# ------------------------------------------------------------------ what it costs


async def test_sealing_the_quantities_and_prices_of_a_citys_capabilities_takes_seconds_at_most() -> None:
    """39,732 capabilities with quantity and price, sealed as an import does and opened as a World does."""
    column, price = Sealed("capability.monthly_quantity", int), Sealed("capability_price.unit_price", int)
    safe.install()
    rows = [row_of(n) for n in range(39_732)]

    began = time.process_time()
    sealed = [(column.sealed(100, row), price.sealed(5, row)) for row in rows]
    between = time.process_time()
    opened = [(column.opened(a).value, price.opened(b).value) for a, b in sealed]
    ended = time.process_time()

    print(f"sealing {between - began:.2f} s, opening {ended - between:.2f} s of processor time")  # noqa: T201
    assert opened == [(100, 5)] * len(rows)
    assert ended - began < 10
