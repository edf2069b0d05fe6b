"""The OpenAPI document: FastAPI's, with the schema that every problem refers to."""

from typing import Any

from fastapi import FastAPI

from app.api.schemas import ProblemDocument


def install(app: FastAPI) -> None:
    """Complete the document of an application."""
    generate = app.openapi

    def complete() -> dict[str, Any]:
        document = generate()
        # FastAPI collects the schemas of application/json alone.
        schemas = document["components"]["schemas"]
        schemas[ProblemDocument.__name__] = ProblemDocument.model_json_schema()
        return document

    app.openapi = complete  # type: ignore[method-assign]  # FastAPI's own way to extend it
