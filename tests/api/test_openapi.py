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


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    async def build() -> dict[str, Any]:
        settings = Settings(_env_file=None)
        return create_app(settings, Database("postgresql://h/d"), await connect(settings, lazy=True)).openapi()

    return asyncio.run(build())


Operations = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> Operations:
    """Each by its method and path."""
    found = {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }
    assert len(found) > 50
    return found


def test_every_operation_is_described(document: dict[str, Any], operations: Operations) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for name, operation in operations.items():
        assert operation["summary"] and operation["description"], name
        assert operation["tags"][0] in tags, name
        for parameter in operation.get("parameters", []):
            assert parameter["in"] == "path" or parameter.get("description"), (name, parameter["name"])


def test_every_operation_shows_its_errors_as_problem_documents(operations: Operations) -> None:
    for name, operation in operations.items():
        errors = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
        assert errors, name
        for status, answer in errors.items():
            content = answer["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/ProblemDocument"}, name
            assert content["example"]["status"] == int(status), name


def test_every_body_that_is_json_has_an_example(document: dict[str, Any], operations: Operations) -> None:
    without = [
        name
        for name, operation in operations.items()
        if not all(_examples(content, document) for content in _json_contents(operation))
    ]
    assert without == []


def test_examples_validate(document: dict[str, Any], operations: Operations) -> None:
    problems = [
        f"{name} {error.json_path}: {error.message}"
        for name, operation in operations.items()
        for content in _json_contents(operation)
        for example in _examples(content, document)
        for error in Draft202012Validator({**content["schema"], "components": document["components"]}).iter_errors(
            example
        )
    ]
    assert problems == []


def test_the_command_finds_every_address_it_uses(document: dict[str, Any]) -> None:
    for path in ("start", "pause", "resume", "cancel", "report", "progress", "leads"):
        assert f"/v1/campaigns/{{campaign_id}}/{path}" in document["paths"]


def _json_contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    holders = [operation.get("requestBody", {}), *operation["responses"].values()]
    for holder in holders:
        for media_type, content in holder.get("content", {}).items():
            if "json" in media_type and "x-ndjson" not in media_type:
                yield content


def _examples(content: dict[str, Any], document: dict[str, Any]) -> list[Any]:
    if "example" in content:
        return [content["example"]]
    schema = _resolved(content["schema"], document)
    if schema.get("examples"):
        return list(schema["examples"])
    items = schema.get("properties", {}).get("items")
    if items and schema["title"].startswith("Page"):
        return [{"items": _resolved(items["items"], document)["examples"], "next": None}]
    return []


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema
