"""Figures and words that are nobody else's business, through every exit: files, letters, webhooks, logs, refusals.

What the API and the console say in text is listened to by ``test_matrix.py``, for every operation and every reader.
"""

import io
import json
import random
import re
import statistics
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from pypdf import PdfReader
from sqlalchemy.ext.asyncio import AsyncEngine

import api.app
from api.app import create_app
from api.db import make_sessions
from api.jobs.telling import tell
from api.settings import Settings
from tests.living import living
from tests.permissions import matrix
from tests.permissions.conftest import HOST, PROGRAM, Desk, random_id
from tests.permissions.matrix import Row
from tests.permissions.test_matrix import compact
from tests.permissions.world import CANARIES, PRICES, ROLES

ROWS = matrix.rows()
TEXT = ("text/", "application/json", "application/problem")
TOLD = ("letter", "notice", "delivery", "attempt", "event", "statistic_cell", "audit_seal")
"""Tables that leave the server as they are: by mail, chat and webhook, in streams, as published."""
OWNED = (
    "id", "organisation_id", "user_id", "version", "state", "verification", "created_at", "reserved", "edition_of",
    "priced", "closed", "digest", "sha256", "demonstration", "batch_id", "admin", "roles", "registered",
)  # fmt: skip
"""Fields that only the server fills in."""


def unpacked(answer: httpx.Response) -> str:
    """Return everything a file says: the parts of an archive, the text of a PDF, the bytes of anything else."""
    if answer.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return "\n".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
    if answer.content.startswith(b"%PDF"):
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    return answer.content.decode("utf-8", "replace")


def heard(text: str, role: str) -> list[str]:
    """Return the canaries in a text that `role` is not to hear."""
    said = compact(re.sub(r"<[^>]+>", "", text)) + compact(text)
    return [canary.what for canary in CANARIES if canary.text in said and role not in canary.known_to]


def files() -> list[tuple[Row, str]]:
    named = ("csv", "xlsx", "docx", "pdf", "document", "export", "papers", "agreement", "calendar", "head", "errors")
    return [
        (row, role)
        for row in ROWS
        if row.method == "GET" and any(name in row.address for name in named)
        for role, decided in row.cells.items()
        if decided == "allowed"
    ]


async def test_p21_files_unpacked_tell_nobody_what_is_not_his(desk: Desk) -> None:
    kinds: set[str] = set()
    for row, role in files():
        answer = await desk.ask(row, role)
        kinds.add(answer.headers.get("content-type", "").partition(";")[0])

        assert heard(unpacked(answer), role) == [], (row.operation, role)
    assert {"text/csv", "application/pdf"} <= kinds
    assert any("sheet" in kind or "wordprocessing" in kind for kind in kinds)


async def test_p21_letters_webhooks_events_and_released_numbers_tell_no_price_and_no_capacity(
    desk: Desk, engine: AsyncEngine
) -> None:
    await tell(make_sessions(engine), Settings())
    try:
        said = []
        for table in TOLD:
            rows = await desk.keeper.connection.fetch(f'select t::text as row from "{table}" t')
            said += [(table, row["row"]) for row in rows]
    finally:
        await desk.keeper.restore()

    secret = [canary for canary in CANARIES if "rules" not in canary.what]
    assert [(table, canary.what) for table, row in said for canary in secret if canary.text in compact(row)] == []
    assert {"delivery", "event"} <= {table for table, _ in said}


async def test_p21_nothing_of_it_is_logged_while_everybody_asks(
    desk: Desk, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for row in [row for row in ROWS if row.method == "GET"][:80]:
        for role in ("member", "owner", "bureau", "rival"):
            await desk.ask(row, role)
    written = capfd.readouterr()

    text = compact(written.out + written.err + caplog.text)
    assert [canary.what for canary in CANARIES if canary.text in text] == []


async def test_p21_search_does_not_find_a_firm_by_what_it_has_not_disclosed(desk: Desk) -> None:
    for price in (PRICES["member"], PRICES["supplier"]):
        for role in ("owner", "rival", "bureau"):
            headers = {**PROGRAM, "cookie": f"lz_session={desk.world.secrets[role]}"}
            answer = await desk.client.get("/api/v1/firms", params={"text": str(price)}, headers=headers)
            assert answer.status_code != 200 or answer.json()["items"] == []


# ---- the control: a route that leaks is found ----


@get("/leaking", sync_to_thread=False)
def leaking() -> dict[str, int]:
    """Tell a price to anybody, as a careless handler would."""
    return {"unit_price": PRICES["member"]}


async def test_p21_a_route_that_leaks_is_found(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.app, "ROUTES", (*api.app.ROUTES, leaking))
    async with living(create_app(Settings(second_factor="optional"), database_url)) as app:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            answer = await client.get("/api/v1/leaking")

    assert heard(unpacked(answer), "owner") == ["member's price"]
    assert heard(unpacked(answer), "member") == []


def test_p21_a_price_inside_a_workbook_is_found() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/sharedStrings.xml", f"<t>{PRICES['member']:,}</t>")

    assert heard(unpacked(httpx.Response(200, content=content.getvalue())), "owner") == ["member's price"]


# ---- P18: what only the server fills in cannot be sent ----


def inputs() -> list[Row]:
    return [row for row in ROWS if row.method in ("POST", "PUT") and row.json is not None and not row.console]


def laced(body: Any, field: str) -> Iterator[Any]:
    """Yield the body with `field` added, at its top and in the first of each list of objects."""
    yield {**body, field: "1"}
    for name, value in body.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield {**body, name: [{**value[0], field: "1"}, *value[1:]]}


async def test_p18_no_field_of_the_server_is_taken_from_outside(desk: Desk) -> None:
    before = await desk.keeper.print()
    asked = 0
    for row in inputs():
        role = next((role for role in ROLES if row.cells[role].startswith(("allowed", "idle"))), None)
        if role is None:
            continue
        for field in OWNED:
            for body in laced(dict(row.json or {}), field):
                if field in (row.json or {}):
                    continue
                answer = await desk.ask(_with(row, body), role)
                asked += 1
                assert answer.status_code in (400, 422), (row.operation, field, answer.text)
                assert field in json.dumps(answer.json()), (row.operation, field)
    assert await desk.keeper.print() == before
    assert asked > 300


def _with(row: Row, body: Any) -> Row:
    return Row(
        operation=row.operation, cells=row.cells, of=row.of, path=row.path, query=row.query, json=body, match=row.match
    )


# ---- P20: whether something exists is not told, by what is said or by how long it takes ----


async def test_p20_a_thousand_probes_do_not_tell_what_exists(desk: Desk) -> None:
    """A classifier learns on half the probes from body, status and time, and guesses on the other half."""
    (row,) = [row for row in ROWS if row.operation == "GET /api/v1/consortia/{identity:uuid}" and row.of == "forming"]
    rng = random.Random(20)
    probes: list[tuple[bool, str, float]] = []
    known = desk.world.names["forming"]
    for _ in range(1_000):
        there = rng.random() < 0.5
        identity = known if there else random_id()
        began = time.perf_counter()
        answer = await desk.ask(row, "rival", forming=identity)
        took = time.perf_counter() - began
        body = answer.text.replace(identity, "…").replace(answer.headers["x-request-id"], "…")
        probes.append((there, f"{answer.status_code} {body}", took))
    learned, asked = probes[:500], probes[500:]

    assert len({body for _, body, _ in probes}) == 1
    middle = statistics.median(took for _, _, took in learned)
    slower = statistics.mean(there for there, _, took in learned if took > middle) > 0.5
    right = sum((took > middle) == (there == slower) for there, _, took in asked) / len(asked)
    assert right <= 0.58, f"{right:.0%} of the probes are told by their time"


async def test_every_reader_of_the_matrix_is_asked_for_files(application: Litestar) -> None:
    assert {role for _, role in files()} >= {"owner", "member", "bureau"}
