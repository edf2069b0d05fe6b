"""The Open Inference Protocol gives the answers of `/v1/audio/emotions`."""

import base64
import json
import struct
import tracemalloc
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api.tensors import parse_request
from testing.recordings import EXAMPLE, encode, tone

URL = "/v2/models/small/infer"
RECORDING = EXAMPLE.read_bytes()
TEXT = base64.b64encode(RECORDING).decode()


def tensor(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    return {"name": "audio", "shape": [1], "datatype": "BYTES", "data": [TEXT]} | changes


@pytest.fixture(scope="module")
def expected(client: TestClient) -> dict[str, Any]:
    """The answer of `/v1/audio/emotions`."""
    answer: dict[str, Any] = client.post("/v1/audio/emotions", files={"file": RECORDING}).json()
    return answer


def outputs(answer: dict[str, Any]) -> dict[str, Any]:
    return {output["name"]: output for output in answer["outputs"]}


@pytest.mark.parametrize("shape", [[1], [1, 1]])
def test_a_recording_in_base64_gets_the_same_answer(
    client: TestClient, expected: dict[str, Any], shape: list[int]
) -> None:
    data = [TEXT] if len(shape) == 1 else [[TEXT]]
    answer = client.post(URL, json={"id": "17", "inputs": [tensor(shape=shape, data=data)]}).json()
    assert (answer["id"], answer["model_name"]) == ("17", "small")
    assert answer["model_version"] == expected["model_version"]
    found = outputs(answer)
    labels = found["probabilities"]["parameters"]["labels"]
    assert dict(zip(labels, found["probabilities"]["data"], strict=True)) == expected["probabilities"]
    assert found["probabilities"]["shape"] == [1, len(labels)]
    assert (found["emotion"]["data"], found["speech"]["data"]) == ([expected["emotion"]], [True])


def test_the_bytes_of_a_recording_may_follow_the_json(client: TestClient, expected: dict[str, Any]) -> None:
    element = struct.pack("<I", len(RECORDING)) + RECORDING
    binary = tensor(parameters={"binary_data_size": len(element)})
    del binary["data"]
    header = json.dumps({"inputs": [binary]}).encode()
    lengths = {"Inference-Header-Content-Length": str(len(header))}
    answer = client.post(URL, content=header + element, headers=lengths).json()
    assert outputs(answer)["probabilities"]["data"] == list(expected["probabilities"].values())
    cut = client.post(URL, content=header + element[:-1], headers=lengths)
    assert (cut.status_code, cut.json()["code"]) == (422, "invalid-request")


def test_a_request_that_waits_keeps_only_its_recording() -> None:
    """The memory of uploads is planned as the slots times the size of a body."""
    recording = bytes(1_000_000)
    data = [base64.b64encode(recording).decode()]
    body = json.dumps({"inputs": [tensor(data=data)]}).encode()
    tracemalloc.start()
    asked = parse_request(body, None)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert asked.recording == recording
    assert kept < 1.1 * len(recording)


def test_a_recording_without_speech_has_no_emotion(client: TestClient) -> None:
    silence = base64.b64encode(encode(tone() * 0)).decode()
    found = outputs(client.post(URL, json={"inputs": [tensor(data=[silence])]}).json())
    assert (found["emotion"]["data"], found["speech"]["data"]) == ([""], [False])
    assert set(found["probabilities"]["data"]) == {0.0}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("no JSON", 400, "malformed-request"),
        ("[" * 100_000, 400, "malformed-request"),
        ("{}", 422, "invalid-request"),
        ({"inputs": []}, 422, "invalid-request"),
        ({"inputs": [tensor(), tensor()]}, 422, "invalid-request"),
        ({"inputs": [tensor(datatype="FP32")]}, 422, "invalid-request"),
        ({"inputs": [tensor(name="text")]}, 422, "invalid-request"),
        ({"inputs": [tensor(shape=[2], data=[TEXT, TEXT])]}, 422, "invalid-request"),
        ({"inputs": [tensor(data=["%"])]}, 422, "invalid-request"),
        ({"inputs": [tensor(data=["\u00e4AAA"])]}, 422, "invalid-request"),
        ({"inputs": [tensor(data=[])]}, 422, "invalid-request"),
        ({"inputs": [tensor(data=[""])]}, 400, "malformed-request"),
        ({"inputs": [tensor(data=["AAAA"])]}, 415, "unsupported-media-type"),
        ({"inputs": [tensor()], "parameters": {"channel": 7}}, 422, "channel-not-found"),
        ({"inputs": [tensor()], "parameters": {"channel": -1}}, 422, "invalid-request"),
    ],
)
def test_a_wrong_request_gets_a_problem(
    client: TestClient, body: str | dict[str, Any], status: int, code: str
) -> None:
    response = client.post(URL, content=body if isinstance(body, str) else json.dumps(body))
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_compressed_body_is_refused(client: TestClient) -> None:
    response = client.post(URL, content=b"anything", headers={"Content-Encoding": "gzip"})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")


def test_the_server_and_its_models_are_described(client: TestClient) -> None:
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    metadata = client.get("/v2/models/small").json()
    assert metadata["inputs"] == [{"name": "audio", "datatype": "BYTES", "shape": [1]}]
    assert [output["name"] for output in metadata["outputs"]] == ["probabilities", "emotion", "speech"]
    assert client.get("/v2/models/small/ready").json() == {"ready": True}
    for path in ("/v2/models/none", "/v2/models/none/ready"):
        assert client.get(path).json()["code"] == "model-not-found"
    assert client.post("/v2/models/none/infer", json={"inputs": [tensor()]}).status_code == 404
