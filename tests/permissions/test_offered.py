"""What a page offers its reader, he may do: no button and no link of the console leads to a refusal of his person."""

import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import urlsplit

import httpx
import pytest
from litestar import Litestar
from lxml import html

from tests.permissions import matrix
from tests.permissions.conftest import Desk
from tests.permissions.matrix import PARAMETER, Row
from tests.permissions.world import DERIVED, ROLES, World

ROWS = matrix.rows()
BESIDES = matrix.derived()
READERS = [reader for reader in (*ROLES, *DERIVED) if not reader.endswith("_token")]
"""Who looks at pages; a token is a program's."""
PAGES = [row for row in ROWS if row.console and row.method == "GET" and row.address != "/login/code"]
"""Every page but that which asks for the code of whoever has just given his password."""
LOCKED = ("refused", "unseen")
UNFILLED = re.compile(r"\{[a-z_]+\}")
PLACE = re.compile(r"\\\{\w+:(\w+)\\\}")


@pytest.mark.parametrize("row", PAGES, ids=str)
async def test_no_page_shows_the_place_of_a_word_in_its_stead(desk: Desk, row: Row) -> None:
    reader = next((reader for reader in READERS if (dict(row.cells) | BESIDES.cells(row))[reader] == "allowed"), None)
    if reader is not None and (answer := await desk.ask(row, reader)).headers["content-type"].startswith("text/html"):
        assert UNFILLED.findall(answer.text) == []


@pytest.mark.parametrize("row", PAGES, ids=str)
async def test_whatever_a_page_offers_its_reader_may_do(desk: Desk, application: Litestar, row: Row) -> None:
    offered: list[str] = []
    cells = dict(row.cells) | BESIDES.cells(row)
    for reader in READERS:
        if cells[reader] == "allowed":
            answer = await desk.ask(row, reader)
            offered += [f"{reader}: {each}" for each in offers(answer) if locked(application, desk.world, reader, each)]

    assert offered == []


def test_a_button_and_a_link_to_what_is_refused_are_caught(application: Litestar) -> None:
    world = World(names={"forming": "0b3f0c9e-7a5b-4f0e-9a55-0d9c35f0b111"})
    page = httpx.Response(
        200,
        headers={"content-type": "text/html"},
        text=f"""<form method="post" action="/consortia/{world.names["forming"]}/dissolution"><button>x</button></form>
        <form action="/firms"><button>x</button></form> <a href="/people">x</a> <a href="/firms?text=a#b">x</a>""",
    )
    caught = {
        reader: [each for each in offers(page) if locked(application, world, reader, each)]
        for reader in ("owner", "rival", "owner_viewer")
    }

    dissolution = f"POST /consortia/{world.names['forming']}/dissolution"
    assert caught == {"owner": [], "rival": [dissolution], "owner_viewer": [dissolution, "GET /people"]}


def offers(answer: httpx.Response) -> Iterator[str]:
    """Yield each request of ours that a page lets its reader send by a button or a link, once."""
    if not answer.headers.get("content-type", "").startswith("text/html") or not answer.text.strip():
        return
    page = html.fromstring(answer.text)
    found = [f"{form.get('method', 'get').upper()} {form.get('action') or ''}" for form in page.iter("form")]
    found += [f"POST {button.get('formaction')}" for button in page.xpath("//button[@formaction]")]
    found += [f"GET {link.get('href')}" for link in page.xpath("//a[@href]")]
    for each in dict.fromkeys(found):
        method, _, address = each.partition(" ")
        if address.startswith("/") and not address.startswith("//"):
            yield f"{method} {urlsplit(address).path}"


def locked(app: Litestar, world: World, reader: str, request: str) -> bool:
    """Tell whether what is decided refuses `request` to `reader`: his person, or, for the things we know, his firm."""
    operation = known(app, request)
    if reader in DERIVED and operation:
        needed = BESIDES.needed(operation)
        if needed != "open" and needed not in BESIDES.readers[reader]["has"]:
            return True
    decided = [
        row for row in ROWS if row.operation == operation and (not row.of or world.names.get(row.of, "?") in request)
    ]
    given = [row for row in decided if not all(cell in (*LOCKED, "sign-in") for cell in row.cells.values())]
    cells = [row.cells[reader] if reader in ROLES else BESIDES.cell(reader, row) for row in given]
    return bool(cells) and all(cell in LOCKED for cell in cells)


@cache
def patterns(app: Litestar) -> dict[str, re.Pattern[str]]:
    """Return each operation with the requests that are it; what has no parameter comes first."""
    ordered = sorted(matrix.operations(app), key=lambda operation: len(PARAMETER.findall(operation)))
    return {
        operation: re.compile(
            PLACE.sub(lambda found: ".+" if found[1] == "path" else "[^/]+", re.escape(operation)) + "$"
        )
        for operation in ordered
    }


def known(app: Litestar, request: str) -> str:
    """Return the operation that a request is. Raises LookupError: a page leads nowhere."""
    for operation, pattern in patterns(app).items():
        if pattern.match(request):
            return operation
    raise LookupError(request)
