"""What leaves us is inert: tables for spreadsheets, file names, errors, headers, log lines."""

import io
import logging
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import UUID
from xml.etree import ElementTree

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar
from litestar.routes import HTTPRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

import api.app
from api import logs
from api.app import create_app
from api.settings import Settings
from api.spreadsheets import attachment, csv_bytes, xlsx_bytes
from domain.kinds import Role
from domain.records import Organisation
from tests.living import living
from tests.town import BROWSER, HOST, PASSWORD, Account, browser, settle

Sessions = async_sessionmaker[AsyncSession]
NOWHERE = str(UUID(int=0))
STARTS = (
    "=1+1", "+1+1", "-1+1", "@SUM(1)", '=HYPERLINK("http://198.51.100.7","x")', "=cmd|' /C calc'!A0", "%0A=1+1",
    "|=1+1", "＝1+1", "＋1+1", "－1+1", "＠SUM(1)", '=WEBSERVICE("http://198.51.100.7")', '=DDE("x";"y";"z")',
)  # fmt: skip
PAYLOADS = (
    *STARTS,
    *(f" {each}" for each in STARTS[:6]),
    "\t=1+1", "\r=1+1", "\n=1+1", "\r\n=1+1", "x;=1+1", ";=1+1", "x,=1+1", "x\t=1+1", "x\n=1+1", "x\r\n=1+1",
    '"=1+1', '"";=1+1', "'=1+1", 'x";=1+1;"', "\ufeff=1+1", "x|=1+1",
    "-2+3+cmd|' /C calc'!A0", "=1+1;y", "-7", "+86 20",
)  # fmt: skip
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


# ------------------------------------------------------------------ spreadsheets


def cells(folder: Path, name: str, content: bytes, *options: str) -> tuple[list[list[str]], int]:
    """Open a file in LibreOffice; return its cells as their reader sees them, and how many of them are formulas."""
    program = shutil.which("libreoffice") or shutil.which("soffice")
    if program is None:
        pytest.skip("no LibreOffice on this machine: the cells cannot be opened as their reader would")
    (folder / name).write_bytes(content)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [
        program,
        profile,
        "--headless",
        *options,
        "--convert-to",
        "fods",
        "--outdir",
        str(folder),
        str(folder / name),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    opened = (folder / name).with_suffix(".fods")
    if not opened.exists():
        pytest.skip("this LibreOffice has no Calc: the cells cannot be opened as their reader would")
    tree = ElementTree.parse(opened)
    rows, formulas = [], 0
    for row in tree.iter(f"{TABLE}table-row"):
        line = []
        for cell in row.iter(f"{TABLE}table-cell"):
            formulas += f"{TABLE}formula" in cell.attrib
            said = ["".join(_plain(part)) for part in cell.iter(f"{TEXT}p")]
            line.append("\n".join(said))
        if any(line):
            rows.append(line)
    return rows, formulas


def _plain(part: ElementTree.Element) -> list[str]:
    said = [part.text or ""]
    for inner in part:
        if inner.tag == f"{TEXT}s":
            said.append(" " * int(inner.get(f"{TEXT}c", "1")))
        elif inner.tag == f"{TEXT}tab":
            said.append("\t")
        else:
            said += _plain(inner)
        said.append(inner.tail or "")
    return said


def spoken(text: str) -> str:
    """Return a text as LibreOffice gives it back: one kind of line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_p32_forty_payloads_in_a_workbook_are_no_formula_and_read_as_they_were_written(tmp_path: Path) -> None:
    assert len(PAYLOADS) == 40

    found, formulas = cells(
        tmp_path, "sheet.xlsx", xlsx_bytes([("标题", "n"), *((each, 7) for each in PAYLOADS)], (30, 8))
    )

    assert formulas == 0
    assert [spoken(row[0]).strip("\ufeff") for row in found[1:]] == [spoken(each).strip("\ufeff") for each in PAYLOADS]
    assert {row[1] for row in found[1:]} == {"7"}


@pytest.mark.parametrize("separator", [44, 59])
def test_p32_forty_payloads_in_csv_are_no_formula_by_either_separator(tmp_path: Path, separator: int) -> None:
    content = csv_bytes([[each, "tail"] for each in PAYLOADS])

    found, formulas = cells(tmp_path, "sheet.csv", content, f"--infilter=CSV:{separator},34,76,1,,0,false,true,false")

    assert formulas == 0
    said = " ".join(cell for row in found for cell in row)
    for each in PAYLOADS:
        assert each.strip().strip("\ufeff\"'").splitlines()[-1].split(",")[-1].strip('"; ') in said, each


def test_p32_the_same_payloads_written_carelessly_do_run(tmp_path: Path) -> None:
    """Were they harmless to this program, the tests above would prove nothing."""
    import csv

    content = io.StringIO(newline="")
    csv.writer(content).writerows([[each, "tail"] for each in PAYLOADS])

    _, formulas = cells(
        tmp_path, "sheet.csv", content.getvalue().encode("utf-8-sig"), "--infilter=CSV:59,34,76,1,,0,false,true,true"
    )

    assert formulas >= 5


@pytest.mark.parametrize(
    "name", ['a"b.csv', "x\r\nSet-Cookie: a=b.csv", "../../etc/passwd", "联合体 协议.pdf", "a;b.csv", "\u202efdp.exe"]
)
def test_p32_a_file_name_cannot_leave_its_header_and_keeps_its_letters(name: str) -> None:
    from email.message import Message
    from urllib.parse import unquote

    value = attachment(name)
    header = Message()
    header["Content-Disposition"] = value

    assert value.isascii()
    assert value.isprintable()
    assert re.fullmatch(r"attachment; filename=\"[A-Za-z0-9 ._-]*\"(; filename\*=UTF-8''[A-Za-z0-9%._~-]+)?", value)
    assert unquote(value.rpartition("''")[2]) == name or name == header.get_filename()


# ------------------------------------------------------------------ every route


@pytest.fixture
async def people(committed_sessions: Sessions) -> Account:
    async with committed_sessions.begin() as session:
        return await settle(session, "演示运营", Role.OPERATOR, Role.SUPPLIER, Role.CHAIN_LEADER)


@pytest.fixture
async def app(committed_sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Litestar]:
    async with living(create_app(Settings(home=tmp_path, second_factor="optional"), database_url)) as living_app:
        yield living_app


def requests(app: Litestar) -> list[tuple[str, str]]:
    """Return every method and path of the application, with parameters that name nothing."""
    return sorted(
        (method, re.sub(r"\{[^}]*:(\w+)\}", lambda found: NOWHERE if found[1] == "uuid" else "x", route.path))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - {"OPTIONS", "HEAD"}
    )


FOREIGN = (
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
)


async def test_p39_no_route_that_changes_something_can_be_used_by_another_site(app: Litestar, people: Account) -> None:
    client = await browser(app, people)
    del client.headers["sec-fetch-site"]
    changing = [(method, path) for method, path in requests(app) if method != "GET"]
    assert len(changing) > 60

    for method, path in changing:
        for headers in FOREIGN:
            answer = await client.request(method, path, headers=headers)
            assert answer.status_code == 403, (method, path, headers)
        own = await client.request(method, path, headers={"origin": HOST})
        assert own.status_code != 403 or "cross-site" not in own.text, (method, path)


INSIDE = re.compile(
    r"Traceback|asyncpg|sqlalchemy|SELECT |select .* from|/home|/work|/usr/lib|line \d+|\.py\b|kanarienvogel", re.I
)
MEMBERS = {"type", "title", "status", "instance", "code", "params", "request", "errors"}
REQUIRED = {
    "content-security-policy", "cross-origin-opener-policy", "cross-origin-resource-policy", "permissions-policy",
    "referrer-policy", "x-content-type-options", "x-request-id",
}  # fmt: skip


def broken(_request: Any) -> None:
    """Fail inside, with everything in the message that must not be told."""
    raise RuntimeError("Traceback: asyncpg SELECT secret FROM /usr/lib/python3/db.py line 7 kanarienvogel")


async def test_p44_a_fault_of_ours_on_any_route_tells_nothing_internal(
    committed_sessions: Sessions, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.app, "Litestar", partial(Litestar, before_request=broken))
    asked = 0
    async with living(create_app(Settings(home=tmp_path, second_factor="optional"), database_url)) as app:
        transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            for method, path in requests(app):
                answer = await client.request(method, path)
                page = await client.request(method, path, headers=BROWSER)
                if path.startswith("/static/"):
                    continue
                assert answer.status_code == page.status_code == 500, (method, path)
                assert answer.headers["content-type"] == "application/problem+json", (method, path)
                assert answer.json().keys() <= MEMBERS, (method, path)
                assert set(answer.json()["params"]) == {"request"}
                for told in (answer, page):
                    assert INSIDE.search(told.text) is None, (method, path, told.text)
                    assert told.headers.keys() >= REQUIRED, (method, path)
                asked += 1
    assert asked > 150


async def test_p44_every_answer_of_every_route_narrows_what_a_browser_does(
    committed_sessions: Sessions, database_url: str, tmp_path: Path, people: Account
) -> None:
    """Behind a server that ends TLS every answer also says so for two years (HSTS)."""
    secure = Settings(home=tmp_path, secure_cookies=True)
    async with living(create_app(secure, database_url)) as app:
        client = await browser(app)
        statuses = set()
        for method, path in [*requests(app), ("GET", "/nowhere"), ("GET", "/static/console.css"), ("PUT", "/health")]:
            if path.endswith("/stream") or "events" in path:
                continue
            answer = await client.request(method, path)
            statuses.add(answer.status_code)
            assert answer.headers.keys() >= REQUIRED, (method, path)
            assert answer.headers["strict-transport-security"].startswith("max-age=63072000"), (method, path)
            assert answer.headers["x-content-type-options"] == "nosniff"
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert "access-control-allow-origin" not in answer.headers
    assert {200, 401, 404, 405} <= statuses


# ------------------------------------------------------------------ files on a host of their own


FILES_HOST = "https://files.lianzhou.invalid"


@pytest.fixture
async def apart(committed_sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Litestar]:
    """The application with a host for files alone."""
    settings = Settings(home=tmp_path, files_url=FILES_HOST, second_factor="optional")
    async with living(create_app(settings, database_url)) as living_app:
        yield living_app


def elsewhere(app: Litestar, **headers: str) -> httpx.AsyncClient:
    """Return a client before the host of files; it has no cookie of the site."""
    transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=FILES_HOST, headers=headers)


@pytest.mark.parametrize("path", ["/api/v1/personal-data", "/api/v1/ledger.csv?lang=en", "/api/v1/ledger.xlsx"])
async def test_p32_a_browser_fetches_files_from_a_host_without_cookies(
    apart: Litestar, people: Account, path: str
) -> None:
    client = await browser(apart, people)

    sent_on = await client.get(path)
    async with elsewhere(apart) as files:
        found = await files.get(sent_on.headers["location"])

    assert (sent_on.status_code, sent_on.headers["cache-control"]) == (303, "no-store")
    assert sent_on.headers["location"].startswith(f"{FILES_HOST}/files/")
    assert people.email not in sent_on.headers["location"]
    assert found.status_code == 200
    assert found.headers["content-security-policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert found.headers["content-disposition"].startswith("attachment")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in found.headers["cache-control"]
    assert "set-cookie" not in found.headers
    assert len(found.content) > 20


async def test_p32_a_ticket_ends_with_its_minute_and_with_its_session_and_cannot_be_made(
    apart: Litestar, people: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await browser(apart, people)
    address = (await client.get("/api/v1/personal-data")).headers["location"]
    ticket = address.split("/")[-2]
    changed = ticket[:40] + ("A" if ticket[40] != "A" else "B") + ticket[41:]
    async with elsewhere(apart) as files:
        assert (await files.get(address)).status_code == 200
        for wrong in (changed, ticket[:-3], "AAAA", "AHt9"):
            assert (await files.get(address.replace(ticket, wrong))).status_code == 404, wrong
        monkeypatch.setattr("api.files.SECONDS", -1)
        assert (await files.get((await client.get("/api/v1/personal-data")).headers["location"])).status_code == 404
        await client.post("/logout")
        assert (await files.get(address)).status_code == 404


async def test_p32_the_host_of_files_serves_nothing_else_whatever_cookie_it_is_sent(
    apart: Litestar, people: Account
) -> None:
    client = await browser(apart, people)
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    async with elsewhere(apart, cookie=cookies) as files:
        for path in ("/", "/login", "/api/v1/me", "/api/v1/personal-data", "/static/console.js", "/health"):
            assert (await files.get(path)).status_code == 404, path

    assert (await client.get("/api/v1/me")).status_code == 200


# ------------------------------------------------------------------ logs


CANARIES: dict[str, Any] = {
    "password": "kanarien-Wort-8841-lang", "address": "feishu://kanarien8842", "token": "lzt_kanarien8843",
    "query": "kanarien8844", "field": "kanarien8845", "price": 7_345_219_873, "header": "kanarien8846",
    "note": "kanarien8847",
}  # fmt: skip


async def test_p46_nothing_that_people_send_stands_in_a_log_line(
    app: Litestar, people: Account, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.start(as_json=True)
    logging.getLogger().setLevel(logging.DEBUG)
    for name in ("httpx", "httpcore"):  # the client of this test, which is not ours
        monkeypatch.setattr(logging.getLogger(name), "disabled", True)
    try:
        client = await browser(app, people)
        c = CANARIES
        await client.post("/login", data={"email": people.email, "password": c["password"], "next": "/"})
        await client.get(f"/firms?text={c['query']}", headers={"user-agent": c["header"], "referer": f"/{c['header']}"})
        await client.get("/api/v1/me", headers={"authorization": f"Bearer {c['token']}"})
        await client.get(f"/calendar/{c['token']}/deadlines.ics")
        chat = {"kind": "chat", "label": c["note"], "address": c["address"]}
        for body in (chat, {c["field"]: 1}, {"kind": c["field"]}):
            await client.post("/api/v1/channels", json=body)
        priced = {"phrase": c["note"], "unit": "SET", "unit_price": c["price"], "currency": "CNY"}
        await client.post("/api/v1/capabilities", json=priced)
        monkeypatch.setattr("api.actions.channels.MOST_CHANNELS", None)  # a fault of ours in the middle of a change
        assert (await client.post("/api/v1/channels", json=chat)).status_code == 500
    finally:
        logging.getLogger().setLevel(logging.WARNING)

    lines = capfd.readouterr().err
    assert "request.failed" in lines
    assert [each for each in CANARIES.values() if str(each) in lines] == []
    assert PASSWORD not in lines


async def test_p46_what_a_statement_carried_is_not_told_by_its_error(engine: AsyncEngine) -> None:
    statement = sa.insert(Organisation).values(name="kanarien8848", registered=True)
    with pytest.raises(DBAPIError) as refused:
        async with engine.begin() as connection:
            await connection.execute(statement)

    assert "kanarien8848" not in re.sub(r"DETAIL:.*", "", str(refused.value), flags=re.S)
    assert "hidden" in str(refused.value)
