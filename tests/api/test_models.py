from fastapi.testclient import TestClient

from testing import bundles


def test_every_bundle_is_listed_with_the_default(client: TestClient) -> None:
    answer = client.get("/v1/models").json()
    assert answer["default"] == "small"
    assert [model["name"] for model in answer["models"]] == ["other", "small"]


def test_a_model_says_what_its_manifest_says(client: TestClient) -> None:
    answer = client.get("/v1/models/small").json()
    assert answer == bundles.facts().model_dump(mode="json")


def test_an_unknown_model_names_those_that_are_there(client: TestClient) -> None:
    response = client.get("/v1/models/nobody")
    assert (response.status_code, response.json()["code"]) == (404, "model-not-found")
    assert "other, small" in response.json()["detail"]
