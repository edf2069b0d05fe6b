from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings


def test_a_running_service_is_alive_and_ready(client: TestClient) -> None:
    for path in ("/health/live", "/health/ready"):
        response = client.get(path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert client.head(path).status_code == 200


def test_the_open_inference_protocol_reports_alive_and_ready(client: TestClient) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


def test_a_stopping_service_is_alive_but_not_ready(settings: Settings) -> None:
    with TestClient(create_app(settings.model_copy(update={"workers": 1}))) as client:
        client.app_state["service"].pool.ready = False
        assert client.get("/health/live").status_code == 200
        assert client.get("/v2/health/live").status_code == 200
        for path in ("/health/ready", "/v2/health/ready"):
            response = client.get(path)
            assert (response.status_code, response.json()["code"]) == (503, "not-ready")
            assert int(response.headers["Retry-After"]) > 0
