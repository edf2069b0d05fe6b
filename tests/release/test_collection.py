"""The Postman collection: it is that of this version, and its requests work as they are."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from release.collection import OUTPUT, convert
from testing.recordings import EXAMPLE

COLLECTION = json.loads(OUTPUT.read_text())


def requests_of(folders: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for folder in folders:
        for item in folder["item"]:
            yield f"{folder['name']}: {item['name']}", item["request"]


def test_the_collection_is_that_of_this_version() -> None:
    assert convert(create_app(Settings(host="127.0.0.1")).openapi()) == COLLECTION, "run: make collection"


@pytest.mark.parametrize(("name", "request_"), list(requests_of(COLLECTION["item"])))
def test_a_request_works_as_it_is(client: TestClient, name: str, request_: dict[str, Any]) -> None:
    url = request_["url"]["raw"].replace("{{base_url}}", "").replace(":name", "small")
    assert not any(field["value"] for field in request_["url"]["variable"])
    assert all(field["disabled"] for field in (*request_["url"]["query"], *request_["header"]))
    body = request_.get("body")
    if body is None:
        answer = client.request(request_["method"], url)
    elif body["mode"] == "formdata":
        (field,) = body["formdata"]
        answer = client.request(request_["method"], url, files={field["key"]: EXAMPLE.read_bytes()})
    else:
        text = body["raw"].replace("a recording in Base64", base64.b64encode(EXAMPLE.read_bytes()).decode())
        json_header = {"Content-Type": "application/json"}
        answer = client.request(request_["method"], url, content=text, headers=json_header)
    if ":" in url:
        assert answer.json()["code"] in {"session-not-found", "jobs-unavailable"}
    elif name.startswith(("jobs", "webhooks")):
        assert answer.json()["code"] == "jobs-unavailable"
    else:
        assert answer.is_success, answer.text
