from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api import problems
from testing.recordings import EXAMPLE


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    response = client.get("/openapi.json")
    content: dict[str, Any] = response.json()
    return content


def test_an_upload_is_described_as_a_binary_file(document: dict[str, Any]) -> None:
    content = document["paths"]["/v1/audio/emotions"]["post"]["requestBody"]["content"]
    assert content["multipart/form-data"]["schema"]["properties"]["file"]["format"] == "binary"
    assert content["audio/wav"]["schema"] == {"type": "string", "format": "binary"}


def test_every_operation_has_a_name_and_its_errors_are_problems(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert sorted(names) == [
        "analyzeCall",
        "createJob",
        "deleteJob",
        "followLiveSession",
        "getJob",
        "getLiveness",
        "getModel",
        "getModelMetadata",
        "getModelReady",
        "getReadiness",
        "getServerLive",
        "getServerMetadata",
        "getServerReady",
        "infer",
        "listJobs",
        "listKeys",
        "listLiveSessions",
        "listModels",
        "listWebhooks",
        "recognizeEmotions",
        "replayWebhook",
    ]
    for operation in operations:
        assert operation["summary"]
        assert operation["tags"]
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                assert list(response["content"]) == [problems.MEDIA_TYPE]
                assert response["content"][problems.MEDIA_TYPE]["schema"]["$ref"].endswith("/ProblemDocument")


def test_the_operation_that_creates_a_job_describes_its_callback(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v1/jobs"]["post"]
    assert set(operation["responses"]["202"]["headers"]) == {"Location", "Retry-After"}
    ((address, callback),) = operation["callbacks"]["on_job_ended"].items()
    assert address == "{$request.query.callback_url}"
    headers = {parameter["name"] for parameter in callback["post"]["parameters"]}
    assert headers == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert set(callback["post"]["responses"]) == {"204", "410", "default"}


def test_every_reference_has_a_target(document: dict[str, Any]) -> None:
    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    found = {reference.rpartition("/")[2] for reference in references(document)}
    assert "ProblemDocument" in found
    assert found <= set(document["components"]["schemas"])


def test_the_example_has_the_fields_of_a_real_answer(client: TestClient, document: dict[str, Any]) -> None:
    example = document["components"]["schemas"]["EmotionAnswer"]["examples"][0]
    answer = client.post("/v1/audio/emotions", files={"file": EXAMPLE.read_bytes()}).json()
    assert set(answer) == set(example)
    assert set(answer["probabilities"]) == set(example["probabilities"])


def test_the_docs_need_no_internet(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "//cdn" not in page.text
    assert client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200
