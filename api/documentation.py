"""The OpenAPI document, put right where FastAPI's own is not true."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.schemas import (
    account,
    breakers,
    calls,
    campaigns,
    compliance,
    leads,
    lists,
    problems,
    reports,
    rules,
    uploads,
    why,
)
from api.schemas.problems import ProblemDocument

_MODULES = (account, breakers, calls, campaigns, compliance, leads, lists, problems, reports, rules, uploads, why)


def document_problems_and_examples(app: FastAPI) -> None:
    """Errors are problem documents (FastAPI's validation schema is never sent), and examples keep their nulls."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
                separate_input_output_schemas=False,
            )
            schemas = document["components"]["schemas"]
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(problem.pop("$defs", {}))
            schemas["ProblemDocument"] = problem
            for name, examples in _examples():
                if name in schemas:
                    schemas[name]["examples"] = examples
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _examples() -> Iterator[tuple[str, list[Any]]]:
    """Each schema's own examples: FastAPI drops what is null in them, and then they do not validate any more."""
    for module in _MODULES:
        for name, model in vars(module).items():
            if isinstance(model, type) and issubclass(model, BaseModel):
                extra = model.model_config.get("json_schema_extra")
                if isinstance(extra, dict) and isinstance(extra.get("examples"), list):
                    yield name, list(extra["examples"])  # type: ignore[arg-type]
