"""The OpenAPI document of FastAPI, completed with the schemas that FastAPI does not see."""

from typing import Any

from fastapi import FastAPI

from app.answers import ProblemDocument
from app.api.tensors import InferRequest


def install(app: FastAPI) -> None:
    """Complete the OpenAPI document of an application."""
    generate = app.openapi

    def complete() -> dict[str, Any]:
        document = generate()
        # FastAPI collects only answers of the type application/json, and bodies that it parses itself.
        schemas = document["components"]["schemas"]
        for model in (ProblemDocument, InferRequest):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
        return document

    app.openapi = complete  # type: ignore[method-assign]  # the way that FastAPI documents
