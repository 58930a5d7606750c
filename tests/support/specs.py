"""The vendors' official specs, for contract tests. They are not part of this repository: tests skip without them."""

import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

_BESIDE_THE_REPOSITORY = Path(__file__).parents[3] / "shared" / "reference" / "specs"


def spec_file(*parts: str) -> Path:
    """A spec's file, from CADENZA_SPECS_DIR or the folder beside the repository. Skips the test where it is absent."""
    folder = Path(os.environ.get("CADENZA_SPECS_DIR", _BESIDE_THE_REPOSITORY))
    path = folder.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the spec {'/'.join(parts)} is not here: set CADENZA_SPECS_DIR")
    return path


class OpenApi:
    """Checks bodies against the schemas of an OpenAPI 3.0 document."""

    def __init__(self, path: Path) -> None:
        self._document = _without_nullable(yaml.safe_load(path.read_text()))

    def check(self, schema_name: str, body: Any) -> None:
        """Raises jsonschema.ValidationError where `body` is not what the schema says."""
        schema = {**self._document, "$ref": f"#/components/schemas/{schema_name}"}
        jsonschema.Draft4Validator(schema).validate(body)

    def check_answer(self, path: str, method: str, status: int, body: Any) -> None:
        """Check a whole answer of an operation."""
        answer = self._document["paths"][path][method]["responses"][str(status)]
        if "$ref" in answer:
            answer = self._document["components"]["responses"][answer["$ref"].rsplit("/", 1)[-1]]
        schema = {**self._document, **answer["content"]["application/json"]["schema"]}
        jsonschema.Draft4Validator(schema).validate(body)


def _without_nullable(node: Any) -> Any:
    """OpenAPI's `nullable: true` said in JSON Schema; examples, which may hold anything, are left out."""
    if isinstance(node, list):
        return [_without_nullable(one) for one in node]
    if not isinstance(node, dict):
        return node
    changed = {key: _without_nullable(value) for key, value in node.items() if key not in {"example", "x-examples"}}
    if changed.pop("nullable", None) is True:
        return {"anyOf": [changed, {"type": "null"}]}
    return changed
