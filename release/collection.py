"""`make collection`: the requests of the OpenAPI document as a Postman collection, which Bruno imports too.

A request has its required parameters; the optional ones are there and turned off. The variables `base_url`
and `api_key` belong to the collection. The same document gives the same bytes. openapi-to-postmanv2 instead
turns every parameter on, with a random value, and needs 85 packages.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from app.main import create_app
from app.settings import Settings

OUTPUT = Path(__file__).parent.parent / "clients" / "postman" / "speech-emotion.postman_collection.json"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
ADDRESS = "http://127.0.0.1:8000"

Json = dict[str, Any]


def main() -> None:
    """Write the collection to `OUTPUT`."""
    text = json.dumps(convert(create_app(Settings(host="127.0.0.1")).openapi()), indent=2) + "\n"
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(text)
    print(f"wrote {OUTPUT.name}")


def convert(document: Json) -> Json:
    """Convert an OpenAPI document to a collection of version 2.1.

    Args:
        document: the OpenAPI document of the service.
    """
    places = {tag["name"]: place for place, tag in enumerate(document["tags"])}
    operations = sorted(_operations(document), key=lambda item: places[item[0]])
    folders = [
        {"name": tag, "item": [request for _, request in items]}
        for tag, items in groupby(operations, key=lambda item: item[0])
    ]
    bearer = {"type": "bearer", "bearer": [{"key": "token", "value": "{{api_key}}", "type": "string"}]}
    return {
        "info": {"name": document["info"]["title"], "schema": SCHEMA},
        "auth": bearer,
        "variable": [{"key": "base_url", "value": ADDRESS}, {"key": "api_key", "value": ""}],
        "item": folders,
    }


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    """Yield the tag of each operation, and its request."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            request: Json = {
                "method": method.upper(),
                "description": operation.get("description", operation["summary"]),
                "header": [_field(one) for one in _parameters(operation, "header")],
                "url": _url(path, operation),
            }
            if "security" not in operation:
                request["auth"] = {"type": "noauth"}
            if "requestBody" in operation:
                request |= _body(operation["requestBody"]["content"])
            yield operation["tags"][0], {"name": operation["summary"], "request": request}


def _url(path: str, operation: Json) -> Json:
    """Return the address, with the parameters of path and query."""
    parts = [part.replace("{", ":").replace("}", "") for part in path.strip("/").split("/")]
    query = [_field(one) for one in _parameters(operation, "query")]
    variables = [_field(one) for one in _parameters(operation, "path")]
    raw = "/".join(["{{base_url}}", *parts])
    return {"raw": raw, "host": ["{{base_url}}"], "path": parts, "query": query, "variable": variables}


def _parameters(operation: Json, place: str) -> Iterator[Json]:
    return (one for one in operation.get("parameters", ()) if one["in"] == place)


def _field(parameter: Json) -> Json:
    """Return a parameter, which is turned off if it is optional."""
    field = {"key": parameter["name"], "value": "", "description": parameter.get("description", "")}
    return field if parameter["required"] else {**field, "disabled": True}


def _body(content: Mapping[str, Json]) -> Json:
    """Return the body: a form with a file, or the example of a JSON document."""
    if "multipart/form-data" in content:
        return {"body": {"mode": "formdata", "formdata": [{"key": "file", "type": "file", "src": ""}]}}
    example = json.dumps(content["application/json"]["example"], indent=2)
    return {"body": {"mode": "raw", "raw": example, "options": {"raw": {"language": "json"}}}}


if __name__ == "__main__":
    main()
