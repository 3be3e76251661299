"""The contract of the API as OpenAPI 3.1, and a page to read and try it that loads nothing from elsewhere.

Litestar describes paths and types; what it cannot know is added here: refusals are problem documents, changes take
``Idempotency-Key``, each operation shows an example, which is the one its wire type states.
"""

import json
from collections.abc import Iterator
from html import escape
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from litestar import Request
from litestar.enums import MediaType, OpenAPIMediaType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from api.auth import COOKIE, SAFE_METHODS
from api.i18n import locale_of, say
from api.idempotency import HEADER, KEY
from api.problems import MEDIA_TYPE
from api.wire.base import ProblemOut, Wire
from domain.message import Message

VENDOR = "/static/vendor"
STREAM = "text/event-stream"
FORM = "multipart/form-data"
SCRIPT = "/static/docs.js"
TITLE = "LianZhou 链舟"

Document = dict[str, Any]


def openapi_config(root: str = "/api/v1") -> OpenAPIConfig:
    """Describe the API that stands under `root`: the page at ``docs``, the contract at ``docs/openapi.json``.

    They have a folder of their own, since Litestar answers every other name beside them itself.
    """
    place = f"{root}/docs"
    return OpenAPIConfig(
        title=TITLE,
        version=version("lianzhou"),
        path=place,
        use_handler_docstrings=True,
        render_plugins=[PagePlugin(f"{place}/openapi.json"), ContractPlugin()],
        security=[{"session": []}, {"token": []}],
        components=Components(
            security_schemes={
                "session": SecurityScheme(type="apiKey", name=COOKIE, security_scheme_in="cookie"),
                "token": SecurityScheme(type="http", scheme="bearer", description="lzt_…"),
            }
        ),
    )


def contract(described: Document) -> Document:
    """Return the contract that `described`, which is Litestar's document, amounts to; `described` is not changed.

    The command line writes it as ``contract(app.openapi_schema.to_schema())``.
    """
    document: Document = json.loads(json.dumps(described))
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(_problem_schemas())
    _state_examples(schemas)
    components["responses"] = {f"Refused{status}": _refused(status) for status in (*EVERYBODY, *CHANGING)}
    components["parameters"] = {"IdempotencyKey": _IDEMPOTENCY_KEY}
    for method, operation in operations(document):
        _refuse_as_problems(method, operation)
        operation["responses"].get("204", {}).pop("content", None)
        if method.upper() not in SAFE_METHODS:
            operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})
        for media in media_of(operation):
            example = example_of(media.get("schema", {}), schemas)
            if example is not None:
                media["example"] = example
        form = operation.get("requestBody", {}).get("content", {}).get(FORM)
        if form is not None:
            form["example"] = _FORM
        for response in operation["responses"].values():
            if STREAM in response.get("content", {}):
                response["content"][STREAM]["example"] = _STREAMED
    return document


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield every operation of a document with its method."""
    for path in document.get("paths", {}).values():
        for method, operation in path.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield method, operation


def media_of(operation: Document) -> Iterator[Document]:
    """Yield what an operation takes and what it gives on success, as media type objects."""
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            yield from response.get("content", {}).values()


def example_of(schema: Document, schemas: Document) -> Any:
    """Return the example that a schema states or that its parts amount to; None where a part states none.

    >>> example_of({"type": "array", "items": {"$ref": "#/components/schemas/A"}}, {"A": {"examples": [{"n": 1}]}})
    [{'n': 1}]
    """
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("type") == "array":
        item = example_of(schema.get("items", {}), schemas)
        return None if item is None else [item]
    parts = {name: example_of(schema["properties"][name], schemas) for name in schema.get("required", ())}
    return parts if parts and None not in parts.values() else None


def wires(kind: type[Wire] = Wire) -> Iterator[type[Wire]]:
    """Yield every wire type that is known, and `kind` itself."""
    yield kind
    for narrower in kind.__subclasses__():
        yield from wires(narrower)


class ContractPlugin(OpenAPIRenderPlugin):
    """Gives the contract as JSON."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON)

    def render(self, request: Request[Any, Any, Any], openapi_schema: Document) -> bytes:
        """Return the contract."""
        return self.render_json(request, contract(openapi_schema))


class PagePlugin(OpenAPIRenderPlugin):
    """Gives the page that draws the contract with Swagger UI from our own server."""

    def __init__(self, contract_at: str) -> None:
        super().__init__(path="/", media_type=MediaType.HTML)
        self._contract = contract_at

    def render(self, request: Request[Any, Any, Any], openapi_schema: Document) -> bytes:
        """Return the page, in the reader's language."""
        locale = locale_of(request)
        words = {code: escape(say(locale, Message(code=code), section="page")) for code in _WORDS}
        return _PAGE.format(locale=locale, contract=self._contract, vendor=VENDOR, script=SCRIPT, **words).encode()


_WORDS = ("docs_title", "docs_script", "docs_missing")
_PAGE = """<!doctype html>
<html lang="{locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{docs_title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{vendor}/swagger-ui.css">
</head>
<body>
<p id="missing" hidden>{docs_missing} <a href="{contract}">{contract}</a></p>
<noscript><p>{docs_script} <a href="{contract}">{contract}</a></p></noscript>
<main id="interface" data-contract="{contract}"></main>
<script src="{vendor}/swagger-ui-bundle.js" defer></script>
<script src="{script}" defer></script>
</body>
</html>
"""

_IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Repeats of the same request under one key have one effect and get the same answer.",
    "schema": {"type": "string", "pattern": f"^{KEY.pattern}$"},
    "example": "order-2027-03-01-0001",
}


_FORM = {"file": "firms.xlsx"}
_STREAMED = 'id: 812-40\nevent: membership.accepted\ndata: {"code": "membership.accepted"}\n\n'


def _problem_schemas() -> Document:
    schema = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    return {**schema.pop("$defs", {}), "ProblemOut": schema}


def _state_examples(schemas: Document) -> None:
    """Give each schema the example of its wire type as it stands there: Litestar leaves nulls out of examples."""
    for wire in wires():
        example = wire.example()
        if example is not None and wire.__name__ in schemas:
            schemas[wire.__name__]["examples"] = [example]


EVERYBODY = (400, 401, 403, 404, 406, 422, 429)
"""What any operation may be refused with."""
CHANGING = (409, 412, 413, 415, 428)
"""What besides may be answered to a change."""
AGAIN = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}


def _refuse_as_problems(method: str, operation: Document) -> None:
    """Put problem documents in the place of the refusals that Litestar supposes."""
    responses = operation["responses"]
    for status in [status for status in responses if status.startswith(("4", "5"))]:
        del responses[status]
    for status in EVERYBODY if method.upper() in SAFE_METHODS else sorted((*EVERYBODY, *CHANGING)):
        responses[str(status)] = {"$ref": f"#/components/responses/Refused{status}"}
    responses["5XX"] = {**_PROBLEM, "description": "Something of ours is broken, or not to be had at the moment."}


_PROBLEM: Document = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}}


def _refused(status: int) -> Document:
    return {
        **_PROBLEM,
        "description": f"{HTTPStatus(status).phrase}, as RFC 9457 has it.",
        **({"headers": AGAIN} if status == HTTPStatus.TOO_MANY_REQUESTS else {}),
    }
