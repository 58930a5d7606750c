"""The documentation is complete, and its examples are true: each one validates against its own schema."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.app import create_app
from cadenza.records.database import Database
from cadenza.settings import Settings
from cadenza.temporal.connection import connect

METHODS = {"get", "post", "put", "patch", "delete"}


def _document() -> dict[str, Any]:
    async def build() -> dict[str, Any]:
        settings = Settings(_env_file=None)
        return create_app(settings, Database("postgresql://h/d"), await connect(settings, lazy=True)).openapi()

    return asyncio.run(build())


DOCUMENT = _document()
OPERATIONS = [
    pytest.param(operation, id=f"{method.upper()} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if method in METHODS
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_described(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
    for parameter in operation.get("parameters", []):
        assert parameter["in"] == "path" or parameter.get("description"), parameter["name"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_shows_its_errors_as_problem_documents(operation: dict[str, Any]) -> None:
    errors = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
    assert errors
    for status, answer in errors.items():
        content = answer["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/ProblemDocument"}
        assert content["example"]["status"] == int(status)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_body_that_is_json_has_an_example(operation: dict[str, Any]) -> None:
    bodies = list(_json_contents(operation))
    for content in bodies:
        assert _examples(content), operation["summary"]


def _json_contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    holders = [operation.get("requestBody", {}), *operation["responses"].values()]
    for holder in holders:
        for media_type, content in holder.get("content", {}).items():
            if "json" in media_type and "x-ndjson" not in media_type:
                yield content


def _examples(content: dict[str, Any]) -> list[Any]:
    if "example" in content:
        return [content["example"]]
    schema = _resolved(content["schema"])
    if schema.get("examples"):
        return list(schema["examples"])
    items = schema.get("properties", {}).get("items")
    if items and schema["title"].startswith("Page"):
        return [{"items": _resolved(items["items"])["examples"], "next": None}]
    return []


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["schemas"][name] if name else schema


@pytest.mark.parametrize("operation", OPERATIONS)
def test_examples_validate(operation: dict[str, Any]) -> None:
    for content in _json_contents(operation):
        validator = Draft202012Validator({**content["schema"], "components": DOCUMENT["components"]})
        for example in _examples(content):
            problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(example)]
            assert not problems


def test_the_command_finds_every_address_it_uses() -> None:
    for path in ("start", "pause", "resume", "cancel", "report", "progress", "leads"):
        assert f"/v1/campaigns/{{campaign_id}}/{path}" in DOCUMENT["paths"]
