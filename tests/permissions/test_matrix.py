"""Who may do what, asked by real requests: every operation by every reader, on what is theirs and what is not."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import httpx
import pytest
from litestar import Litestar, get

import api.app
from api.app import create_app
from api.i18n import catalogue
from api.settings import Settings
from tests.conftest import PROJECT
from tests.permissions import matrix
from tests.permissions.conftest import Desk, random_id
from tests.permissions.matrix import Row
from tests.permissions.world import CANARIES, ROLES, World

PAGE = PROJECT / "docs" / "permissions.md"
ROWS = matrix.rows()
BESIDES = matrix.derived()
ONE = re.compile(r"GET /api/v1/\w+/\{identity:uuid\}")
SPACING = re.compile(r"[,.\s，]")
TELLING = (
    "GET /api/v1/capabilities",
    "GET /api/v1/capabilities/{identity:uuid}/capacity",
    "GET /api/v1/consortia/{identity:uuid}",
    "GET /api/v1/consortia/{identity:uuid}/agreement",
    "GET /api/v1/firms/{identity:uuid}/declared",
    "GET /api/v1/imports/{identity:uuid}",
    "GET /api/v1/opportunities/{identity:uuid}",
)
"""Where figures and words that are somebody's business are told to him."""


@get("/planted")
async def planted() -> None:
    """A route that nobody has decided on."""


# ------------------------------------------------------------------ what is decided


def test_every_operation_is_decided_for_every_reader(application: Litestar) -> None:
    assert list(matrix.differences(application, ROWS)) == []


def test_a_route_that_nobody_decided_on_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.app, "ROUTES", (*api.app.ROUTES, planted))
    app = create_app(Settings(), "postgresql://nowhere.invalid/none")

    assert list(matrix.differences(app, ROWS)) == ["matrix.toml lacks GET /api/v1/planted"]


def test_a_row_that_is_gone_too_much_or_twice_is_caught(application: Litestar) -> None:
    def told(rows: Sequence[Row]) -> list[str]:
        return list(matrix.differences(application, rows))

    me = [row for row in ROWS if row.operation == "GET /api/v1/me"]
    gone = Row(operation="GET /api/v1/gone", cells={})

    assert told([row for row in ROWS if row not in me]) == ["matrix.toml lacks GET /api/v1/me"]
    assert told([*ROWS, gone]) == ["matrix.toml has GET /api/v1/gone, which is not there"]
    assert told([*ROWS, *me]) == [f"matrix.toml has {me[0]} twice"]


@pytest.mark.parametrize("cells", [["allowed"] * (len(ROLES) - 1), ["perhaps"] * len(ROLES)])
def test_a_row_leaves_nobody_out_and_says_nothing_else(cells: list[str]) -> None:
    with pytest.raises(ValueError, match="GET /"):
        matrix.rows(f'[[row]]\noperation = "GET /"\ncells = {json.dumps(cells)}')


def test_the_page_about_permissions_is_fresh() -> None:
    before, text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "", matrix.page(ROWS)
    PAGE.write_text(text, encoding="utf-8")

    assert before == text, "docs/permissions.md was out of date and has been written anew: commit it"


def test_the_contract_says_for_what_nobody_has_to_sign_in() -> None:
    document = json.loads((PROJECT / "api" / "openapi.json").read_text(encoding="utf-8"))
    said = {
        f"{method.upper()} {path}": operation.get("security", document["security"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    decided = {matrix.SHORTENED.sub("}", row.operation): row.cells["anonymous"] != "sign-in" for row in ROWS}

    assert {operation: security == [{}] for operation, security in said.items()} == {
        operation: decided[operation] for operation in said
    }


async def test_an_edit_of_any_row_is_noticed_and_put_back(desk: Desk) -> None:
    edit = "update organisation set city = {} where id = (select id from organisation order by id limit 1)"
    owner = desk.keeper.connection
    assert await desk.keeper.print() == desk.keeper.told

    await owner.execute(edit.format("city"))
    assert await desk.keeper.print() == desk.keeper.told
    await owner.execute(edit.format("'别处'"))
    assert await desk.keeper.print() != desk.keeper.told
    await desk.keeper.restore()
    assert await desk.keeper.print() == desk.keeper.told
    assert await owner.fetchval("select count(*) from organisation where city = '别处'") == 0


# ------------------------------------------------------------------ what happens


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_everybody_gets_what_was_decided_and_hears_nothing_else(desk: Desk, row: Row) -> None:
    before, absent = await desk.keeper.print(), Absent(desk=desk, row=row)
    for role, decided in row.cells.items():
        answer = await desk.ask(row, role)
        after = await desk.keeper.print() if row.writes else before
        if after != before:
            await desk.keeper.restore()

        assert kind(row, answer, changed=after != before) == decided.partition(":")[0], (role, answer.text)
        assert code_is(row, answer, decided.partition(": ")[2]), (role, answer.text)
        assert overheard(answer, role, desk.world, row) == [], role
        if decided == "unseen" and (name := next((each for each in row.names if hidden(role, each)), None)):
            assert plain(answer, desk.world.names[name]) == await absent.answered(role, name), role
    assert await desk.keeper.print() == before


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_p17_whoever_follows_from_others_gets_what_follows(desk: Desk, row: Row) -> None:
    before, cells = desk.keeper.told, BESIDES.cells(row)
    refused = [reader for reader, cell in cells.items() if cell == "refused"]
    for reader in refused:
        answer = await desk.ask(row, reader)

        assert (answer.status_code, overheard(answer, BESIDES.readers[reader]["base"], desk.world, row)) == (403, []), (
            reader,
            answer.text,
        )
    assert not row.writes or await desk.keeper.print() == before, refused

    for reader in cells.keys() - set(refused):
        answer = await desk.ask(row, reader)
        after = await desk.keeper.print() if row.writes else before
        if after != before:
            await desk.keeper.restore()

        assert kind(row, answer, changed=after != before) == cells[reader].partition(":")[0], (reader, answer.text)
        assert overheard(answer, BESIDES.readers[reader]["base"], desk.world, row) == [], reader


def test_p17_a_change_that_no_line_names_is_caught() -> None:
    with pytest.raises(ValueError, match="does not say"):
        BESIDES.needed("POST /api/v1/planted/{identity:uuid}")


@dataclass(slots=True, kw_only=True)
class Absent:
    """What is answered about a thing that there is none of, asked once; a page is made for its reader."""

    desk: Desk
    row: Row
    known: dict[tuple[str, str], tuple[str, dict[str, str]]] = field(default_factory=dict)

    async def answered(self, role: str, name: str) -> tuple[str, dict[str, str]]:
        """Return the answer to `role` with an id that nothing has in place of the thing's."""
        key = (name, role if self.row.console else "")
        if key not in self.known:
            nothing = random_id()
            self.known[key] = plain(await self.desk.ask(self.row, role, **{name: nothing}), nothing)
        return self.known[key]


async def test_what_may_be_told_is_told_to_exactly_those_who_may_hear_it(desk: Desk) -> None:
    heard: dict[str, set[str]] = {canary.what: set() for canary in CANARIES}
    for row in ROWS:
        for role, decided in row.cells.items():
            if row.operation in TELLING and decided == "allowed":
                said = compact((await desk.ask(row, role)).text)
                for canary in CANARIES:
                    if canary.text in said:
                        heard[canary.what].add(role)

    assert heard == {canary.what: canary.known_to & ROLES.keys() for canary in CANARIES}


@pytest.mark.parametrize(
    "text", ['{"unit_price":4611686017}', "¥46,116,860.17", "CNY 46,116,860.17 / SET", "46116860.17"]
)
def test_a_price_is_known_again_however_it_is_written(text: str) -> None:
    answer = httpx.Response(200, text=text)

    assert overheard(answer, "owner", World(), ROWS[0]) == ["supplier's price"]
    assert overheard(answer, "supplier", World(), ROWS[0]) == []


# ------------------------------------------------------------------ judging an answer


def kind(row: Row, answer: httpx.Response, *, changed: bool) -> str:
    """Return the class of an answer; what changed something although it was not to is ``changed``."""
    status = answer.status_code
    done = status < 400 and not answer.headers.get("location", "").startswith("/login?next=")
    if changed and not (done and row.changes):
        return "changed"
    if done:
        return "idle" if row.writes and row.changes and not changed else "allowed"
    return {401: "sign-in", 303: "sign-in", 403: "refused", 404: "unseen", 409: "allowed"}.get(status, str(status))


def code_is(row: Row, answer: httpx.Response, code: str) -> bool:
    """Tell whether an answer refuses by `code`, in a problem document or on a page; "" is no refusal by the state."""
    if answer.status_code != 409:
        return not code
    if not row.console:
        return bool(answer.json()["code"] == code)
    return catalogue("zh-CN")["problem"][code] in answer.text


def overheard(answer: httpx.Response, role: str, world: World, row: Row) -> list[str]:
    """Return what an answer tells `role` that is not his: figures and words, and ids of what he does not see."""
    if not answer.headers.get("content-type", "").startswith(("text/", "application/json", "application/problem")):
        return []
    said = compact(answer.text)
    words = [canary.what for canary in CANARIES if canary.text in said and role not in canary.known_to]
    ids = [name for name in world.names if name not in row.names and unopened(role, name)]
    return words + [name for name in ids if world.names[name] in answer.text]


def compact(text: str) -> str:
    """Return a text without what may stand between the digits of a figure."""
    return SPACING.sub("", text)


def plain(answer: httpx.Response, identity: str) -> tuple[str, dict[str, str]]:
    """Return the body and headers of a refusal, without the thing's id and the request's."""
    request = answer.headers["x-request-id"]
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.text.replace(identity, "…").replace(request, "…"), headers | {"status": str(answer.status_code)}


@cache
def unopened(role: str, name: str) -> bool:
    """Tell whether `role` may not open the thing by its own address of the API."""
    return any(row.of == name and row.cells[role] == "unseen" for row in ROWS if ONE.fullmatch(row.operation))


@cache
def hidden(role: str, name: str) -> bool:
    """Tell whether nothing shows the thing to `role`: no page, and no refusal that says it is another's."""
    return all(row.cells[role] in ("unseen", "sign-in") for row in ROWS if row.names == (name,) and row.method == "GET")
