"""The AsyncAPI document of the live protocol, and its page.

`asyncapi/3.0.0.json.gz` is `schemas/3.0.0.json` of @asyncapi/specs 6.11.1, the official schema of AsyncAPI.
"""

import gzip
import json
import re
from functools import reduce
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient
from jsonschema_rs import Draft7Validator
from pydantic import BaseModel

from app.api import home, problem_table
from app.api.asyncapi import type_of
from app.live import messages
from testing.recordings import ROOT

SCHEMA = Path(__file__).parent / "asyncapi" / "3.0.0.json.gz"
MODELS = [
    model
    for model in vars(messages).values()
    if isinstance(model, type)
    and issubclass(model, BaseModel)
    and model.__module__ == messages.__name__
    and "type" in model.model_fields
    and get_args(model.model_fields["type"].annotation)
]


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    content: dict[str, Any] = client.get("/asyncapi.json").json()
    return content


@pytest.fixture(scope="module")
def page(client: TestClient) -> str:
    return client.get("/asyncapi").text


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    schema = json.loads(gzip.decompress(SCHEMA.read_bytes()))
    assert [error.message for error in Draft7Validator(schema).iter_errors(document)] == []


def test_every_reference_has_a_target(document: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)))
    assert {"channels/live", "components/securitySchemes/key"} < references
    for reference in references:
        assert reduce(lambda node, name: node[name], reference.split("/"), document)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_message_is_in_the_document_with_a_valid_example(
    document: dict[str, Any], model: type[BaseModel]
) -> None:
    name = type_of(model)
    message = document["components"]["messages"][name]
    assert message["payload"] == {"$ref": f"#/components/schemas/{model.__name__}"}
    (example,) = message["examples"]
    schema = {"allOf": [message["payload"]], "components": document["components"]}
    assert [error.message for error in Draft7Validator(schema).iter_errors(example["payload"])] == []
    assert set(example["payload"]) <= set(model.model_fields)
    sent = {reference["$ref"] for reference in document["operations"]["sendEvents"]["messages"]}
    received = {reference["$ref"] for reference in document["operations"]["receiveStream"]["messages"]}
    accepts = model in get_args(messages.ClientMessage)
    assert (f"#/channels/live/messages/{name}" in received) is accepts
    assert (f"#/channels/live/messages/{name}" in sent) is not accepts


def test_binary_audio_is_a_message_of_the_client(document: dict[str, Any]) -> None:
    references = [one["$ref"] for one in document["operations"]["receiveStream"]["messages"]]
    assert references[:2] == ["#/channels/live/messages/start", "#/channels/live/messages/audio"]
    assert document["components"]["messages"]["audio"]["payload"] == {"type": "string", "format": "binary"}


def test_the_description_has_every_close_code_of_the_documentation(document: dict[str, Any]) -> None:
    listed = {int(code) for code in re.findall(r"\b[14]\d{3}\b", document["info"]["description"])}
    table = (ROOT / "docs" / "live.md").read_text().partition("| close code |")[2].partition("\n\n")[0]
    documented = {int(code) for code in re.findall(r"\b[14]\d{3}\b", table)} - {4000}
    assert documented
    assert documented <= listed
    for problem in re.findall(r"\(`([\w-]+)`\)", document["info"]["description"]):
        assert 4000 + problem_table.BY_CODE[problem].status in listed


def test_the_page_has_every_field_and_example(document: dict[str, Any], page: str) -> None:
    for name, message in document["components"]["messages"].items():
        assert f'id="{name}"' in page
        for example in message.get("examples", []):
            assert all(f"&quot;{field}&quot;: " in page for field in example["payload"])
    for schema in document["components"]["schemas"].values():
        assert all(f"<dt><code>{field}</code></dt>" in page for field in schema.get("properties", {}))


def test_every_link_of_the_page_has_a_target(client: TestClient, page: str) -> None:
    ids = re.findall(r'id="([\w-]+)"', page)
    assert len(ids) == len(set(ids))
    links = set(re.findall(r'(?:href|src)="([^"]+)"', page))
    assert {"page/reference.css", "asyncapi.json", "#start", "problems/invalid-message"} < links
    for link in links:
        if link.startswith("#"):
            assert link[1:] in ids
        else:
            assert client.get(f"/{link.removeprefix('./')}").status_code == 200


def test_the_page_obeys_the_policy_of_the_page_for_people(client: TestClient, page: str) -> None:
    answer = client.get("/asyncapi")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert {name: answer.headers[name] for name in home.HEADERS} == home.HEADERS
    assert "<script" not in page
    assert "style=" not in page


def test_the_pages_for_people_link_to_the_page(client: TestClient) -> None:
    assert 'href="asyncapi"' in client.get("/").text
    assert "(asyncapi)" in client.get("/openapi.json").json()["info"]["description"]


@pytest.mark.parametrize("address", ["/asyncapi.json", "/asyncapi"])
def test_head_is_answered_as_at_the_address_of_openapi(client: TestClient, address: str) -> None:
    assert client.head(address).status_code == client.head("/openapi.json").status_code == 200
