"""The OpenAPI document of FastAPI, completed with the schema of problem documents."""

from typing import Any

from fastapi import FastAPI

from app.answers import ProblemDocument


def install(app: FastAPI) -> None:
    """Complete the OpenAPI document of an application."""
    generate = app.openapi

    def complete() -> dict[str, Any]:
        document = generate()
        # FastAPI collects only the schemas of application/json.
        schemas = document["components"]["schemas"]
        schemas[ProblemDocument.__name__] = ProblemDocument.model_json_schema()
        return document

    app.openapi = complete  # type: ignore[method-assign]  # the way that FastAPI documents
