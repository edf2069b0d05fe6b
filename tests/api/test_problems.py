import importlib
from http import HTTPStatus

import pytest
from fastapi.testclient import TestClient

from app.api import problem_table, problems
from app.audit import AuditLogUnavailable
from app.core.errors import BundleError, SpeechEmotionError
from app.jobs.job import DatabaseAway, JobCancelled, RecordingLost
from app.main import create_app
from app.pool.errors import WorkerLost
from app.pool.pool import WorkerPool
from app.pool.process import WorkerFailed
from app.rollout import RolloutInvalid
from app.rules.errors import RulesInvalid
from app.settings import Settings
from testing.recordings import EXAMPLE

FIELDS = ["type", "title", "status", "detail", "code", "request_id"]
# The documentation and the clients use these codes. A changed code breaks them.
CODES = {
    "malformed-request": 400,
    "unauthenticated": 401,
    "key-expired": 401,
    "scope-missing": 403,
    "channel-not-permitted": 403,
    "not-found": 404,
    "model-not-found": 404,
    "job-not-found": 404,
    "webhook-not-found": 404,
    "method-not-allowed": 405,
    "upload-timeout": 408,
    "origin-refused": 403,
    "live-unavailable": 503,
    "session-idle": 408,
    "session-not-found": 404,
    "session-replaced": 409,
    "upload-too-large": 413,
    "audio-too-long": 413,
    "unsupported-media-type": 415,
    "invalid-request": 422,
    "invalid-message": 422,
    "audio-undecodable": 422,
    "audio-too-short": 422,
    "channel-not-found": 422,
    "roles-mismatch": 422,
    "idempotency-key-reused": 422,
    "callback-refused": 422,
    "rate-limited": 429,
    "concurrency-limited": 429,
    "internal-error": 500,
    "overloaded": 503,
    "not-ready": 503,
    "jobs-full": 503,
    "sessions-full": 503,
    "jobs-unavailable": 503,
    "deadline-exceeded": 504,
    "storage-full": 507,
}
# Errors that need no row: a broken installation or service raises them, or they end a job.
INTERNAL = {
    AuditLogUnavailable,
    BundleError,
    DatabaseAway,
    RolloutInvalid,
    RulesInvalid,
    WorkerFailed,
    WorkerLost,
    RecordingLost,
    JobCancelled,
}


def leaves(error: type[SpeechEmotionError]) -> list[type[SpeechEmotionError]]:
    found = [leaf for child in error.__subclasses__() for leaf in leaves(child)]
    return found or [error]


importlib.import_module("app.main")
# The errors of these modules appear on a terminal, never in a response. Other tests may have imported them.
TERMINAL = ("app.batch.engine", "app.cluster")
SERVICE_ERRORS = [
    error
    for error in leaves(SpeechEmotionError)
    if error.__module__.startswith("app.") and error.__module__ not in TERMINAL
]


@pytest.mark.parametrize("error", SERVICE_ERRORS)
def test_every_error_has_a_row_or_is_internal(error: type[SpeechEmotionError]) -> None:
    problem = problems.problem_of(error("reason"))
    assert (error in problem_table.PROBLEMS) != (error in INTERNAL)
    assert (problem is problem_table.INTERNAL_ERROR) == (error in INTERNAL)


def test_every_code_keeps_its_status() -> None:
    assert {code: row.status for code, row in problem_table.BY_CODE.items()} == CODES
    assert all(row.status in set(HTTPStatus) for row in problem_table.BY_CODE.values())


def test_a_problem_is_a_document_of_rfc_9457(client: TestClient) -> None:
    response = client.get("/v1/models/nobody")
    document = response.json()
    assert response.headers["Content-Type"] == "application/problem+json"
    assert list(document) == FIELDS
    assert document["type"] == f"/problems/{document['code']}"
    assert document["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/health/live/", 404, "not-found"),
        ("POST", "/v1/audio/emotions/", 404, "not-found"),
        ("GET", "/v1/audio/emotions", 405, "method-not-allowed"),
        ("DELETE", "/v1/models", 405, "method-not-allowed"),
    ],
)
def test_errors_of_the_router_are_problems(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert list(response.json()) == FIELDS


def test_the_request_id_of_the_client_is_kept(client: TestClient) -> None:
    request_id = "9f6c3c1fbb1f4ad1a0a3d2cf5dd0c1aa"
    response = client.get("/nowhere", headers={"X-Request-ID": request_id})
    assert response.headers["X-Request-ID"] == response.json()["request_id"] == request_id


@pytest.mark.parametrize("error", [ValueError("secret"), WorkerLost("secret")])
def test_an_internal_error_reveals_no_details(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    async def fail(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(WorkerPool, "recognize", fail)
    app = create_app(settings.model_copy(update={"workers": 1}))
    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.post("/v1/audio/emotions", files={"file": EXAMPLE.read_bytes()})
    assert response.status_code == 500
    assert response.json()["code"] == "internal-error"
    assert response.json()["request_id"] == response.headers["X-Request-ID"] != ""
    assert "secret" not in response.text
    if isinstance(error, WorkerLost):  # Uvicorn, which is absent here, logs any other error
        assert response.json()["request_id"] in caplog.text
        assert "secret" in caplog.text
