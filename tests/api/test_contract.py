"""The contract that is checked in is the one the application has."""

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from api.app import create_app
from api.docs import contract, media_of, operations
from api.settings import Settings

CHECKED_IN = Path(__file__).parents[2] / "api" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return contract(create_app(Settings(), "postgresql://nowhere/none").openapi_schema.to_schema())


def test_the_contract_that_is_checked_in_is_fresh(document: dict[str, Any]) -> None:
    assert json.loads(CHECKED_IN.read_text(encoding="utf-8")) == document, "run `make openapi` and commit the result"


def test_the_contract_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_operation_has_a_name_a_tag_and_an_example(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]

    assert len(names) == len(set(names)) >= 40
    for _, operation in operations(document):
        assert operation["tags"]
        for media in media_of(operation):
            assert "example" in media, operation["operationId"]
