from pathlib import Path

from fastapi.testclient import TestClient

from app.core.bundle import read_bundle
from testing import bundles


def test_the_list_has_every_bundle_and_the_default(client: TestClient) -> None:
    answer = client.get("/v1/models").json()
    assert answer["default"] == "small"
    assert [model["name"] for model in answer["models"]] == ["other", "small"]


def test_a_model_is_described_by_its_manifest(client: TestClient, models_dir: Path) -> None:
    answer = client.get("/v1/models/small").json()
    version = read_bundle(models_dir / "small").manifest.version
    assert answer == {**bundles.facts().model_dump(mode="json"), "version": version}


def test_an_unknown_model_gets_404_and_the_available_names(client: TestClient) -> None:
    response = client.get("/v1/models/nobody")
    assert (response.status_code, response.json()["code"]) == (404, "model-not-found")
    assert "other, small" in response.json()["detail"]
