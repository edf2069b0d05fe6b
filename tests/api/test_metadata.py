"""Metadata of requests: repeated in answers, bounded, and never in an error."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from app.calls.metadata import InvalidMetadata, check_metadata, parse_metadata
from testing.recordings import EXAMPLE

URLS = ["/v1/audio/emotions", "/v1/audio/timeline"]
METADATA = {"call": "4711", "agent.name": "خانم سارا‌", "note": ""}
PRIVATE = "secret-4711"


def post(client: TestClient, url: str, metadata: str, *, form: bool = False) -> Response:
    headers = {b"metadata": metadata.encode()}
    if form:
        return client.post(url, files={"file": EXAMPLE.read_bytes()}, headers=headers)
    headers[b"content-type"] = b"audio/wav"
    return client.post(url, content=EXAMPLE.read_bytes(), headers=headers)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("escaped", [True, False])
def test_the_answer_repeats_the_metadata(
    client: TestClient,
    url: str,
    form: bool,  # noqa: FBT001  # pytest passes it by name
    escaped: bool,  # noqa: FBT001
) -> None:
    text = json.dumps(METADATA, ensure_ascii=escaped)
    assert post(client, url, text, form=form).json()["metadata"] == METADATA


@pytest.mark.parametrize("url", URLS)
def test_a_request_without_metadata_gets_none(client: TestClient, url: str) -> None:
    answer = client.post(url, files={"file": EXAMPLE.read_bytes()}).json()
    assert answer["metadata"] == {}
    assert post(client, url, "{}").json() == answer


INVALID = [
    ({f"key-{number}": PRIVATE for number in range(17)}, "at most 16 keys"),
    ({"k" * 41: PRIVATE}, "1 to 40 characters"),
    ({"": PRIVATE}, "1 to 40 characters"),
    ({"call id": PRIVATE}, "1 to 40 characters"),
    ({"call": PRIVATE * 24}, "at most 256 characters"),
    ({"call": 7, "other": PRIVATE}, "a string of at most 256"),
    ({"call": {"nested": PRIVATE}}, "a string of at most 256"),
    ({"call": f"{PRIVATE}\n"}, "control characters"),
    ({f"key-{number}": "ش" * 250 for number in range(3)} | {"call": PRIVATE}, "at most 4096 bytes"),
    ([PRIVATE], "an object of strings"),
    (PRIVATE, "an object of strings"),
    (None, "an object of strings"),
]


@pytest.mark.parametrize(("value", "limit"), INVALID)
def test_an_error_names_the_limit_and_not_the_content(value: Any, limit: str) -> None:  # noqa: ANN401
    with pytest.raises(InvalidMetadata, match=limit) as caught:
        check_metadata(value)
    assert PRIVATE not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (f'{{"call": "{PRIVATE}"', "a JSON object of strings"),
        ("[" * 4000 + PRIVATE, "a JSON object of strings"),
        (f'{{"call": "{PRIVATE}\\ud800"}}', "a JSON object of strings"),
        (PRIVATE * 500, "at most 4096"),
        *((json.dumps(value), limit) for value, limit in INVALID[:4]),
    ],
)
@pytest.mark.parametrize("url", URLS)
def test_wrong_metadata_is_an_invalid_request(client: TestClient, url: str, text: str, limit: str) -> None:
    answer = post(client, url, text)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert limit in answer.json()["detail"]
    assert "metadata" in answer.json()["detail"]
    assert PRIVATE not in answer.text


def test_metadata_is_utf_8() -> None:
    with pytest.raises(InvalidMetadata, match="in UTF-8"):
        parse_metadata('{"call": "ÿ"}'.encode("latin-1"))


def test_the_largest_metadata_is_accepted(client: TestClient) -> None:
    metadata = {f"{'k' * 38}{number:02}": "v" * 209 for number in range(16)}
    text = json.dumps(metadata, separators=(",", ":"))
    assert 4000 < len(text) <= 4096
    assert parse_metadata(text) == metadata
    assert post(client, URLS[0], text).json()["metadata"] == metadata
