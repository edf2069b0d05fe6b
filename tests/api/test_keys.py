"""Keys with scopes, expiry and channels; their reload; and the audit log of what they do."""

import json
import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app import file_watch
from app.api.actions import ACTIONS
from app.audit import AuditLog
from app.keys import KeyScope
from app.main import create_app
from app.settings import Settings
from testing.keys import line, write
from testing.recordings import EXAMPLE, ROOT, encode, tone

PAGE = (ROOT / "docs" / "operations.md").read_text()
EMOTIONS = "/v1/audio/emotions"
ENTRIES = {
    "classic": "",
    "recognize": "scopes=recognize",
    "jobs": "scopes=jobs",
    "live": "scopes=live",
    "metrics": "scopes=metrics",
    "admin": "scopes=admin",
    "expired": "expires=2026-01-31",
    "supervisor": "scopes=recognize+admin expires=2999-12-31 channels=1",
}
OPERATIONS = {
    "recognize": [("POST", EMOTIONS), ("POST", "/v1/audio/timeline"), ("POST", "/v2/models/{name}/infer")],
    "jobs": [
        ("POST", "/v1/jobs"),
        ("GET", "/v1/jobs"),
        ("GET", "/v1/jobs/{job_id}"),
        ("DELETE", "/v1/jobs/{job_id}"),
        ("GET", "/v1/webhooks"),
        ("POST", "/v1/webhooks/{webhook_id}/replay"),
    ],
    "live": [("GET", "/v1/live"), ("GET", "/v1/live/{session}/events")],
    "metrics": [("GET", "/metrics")],
    "admin": [("GET", "/v1/keys")],
}
"""The method and the route of each operation, by the scope that it needs."""
WITHOUT_SCOPE = [("GET", route) for route in ("/v1/models", "/v1/models/{name}", "/v2", "/v2/models/{name}")]
ROWS = [(scope, *operation) for scope, operations in OPERATIONS.items() for operation in operations]


def path_of(route: str) -> str:
    return route.format(name="small", job_id=1, session=1, webhook_id=1)


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the file `keys` and of the audit log."""
    folder = tmp_path_factory.mktemp("access")
    write(folder, *(line(name, fields) for name, fields in ENTRIES.items()))
    return folder


@pytest.fixture(scope="module")
def service(settings: Settings, folder: Path) -> Iterator[TestClient]:
    """A client of a service with these keys."""
    changes = {
        "workers": 1,
        "channels": "0,1",
        "api_keys": line("fixed"),
        "api_keys_file": folder / "keys",
        "audit_log": str(folder / "audit"),
    }
    app = create_app(Settings.model_validate(settings.model_dump() | changes))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def audited(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (folder / "audit").read_text().splitlines()]


@pytest.mark.parametrize(("scope", "method", "route"), ROWS)
def test_an_operation_needs_its_scope(service: TestClient, scope: str, method: str, route: str) -> None:
    for name in KeyScope:
        response = service.request(method, path_of(route), headers=bearer(name))
        refused = (response.status_code, response.json()["code"]) if response.status_code == 403 else None
        assert refused == (None if name == scope else (403, "scope-missing"))
        if refused:
            assert f"`{scope}`" in response.json()["detail"]


@pytest.mark.parametrize("scope", OPERATIONS)
def test_the_page_for_operators_lists_the_operations_of_a_scope(scope: str) -> None:
    row = re.search(rf"^\| `{scope}` \| (.+) \|$", PAGE, re.MULTILINE)
    assert row is not None
    listed = re.findall(r"`(?:[A-Z]+ )?(/[\w/{}]+)`", row[1])
    covered = [{route for _, _, route in ROWS if f"{route}/".startswith(f"{path}/")} for path in listed]
    assert all(covered)
    assert set().union(*covered) == {route for _, route in OPERATIONS[scope]}


def test_every_key_may_see_the_models(service: TestClient) -> None:
    for name in KeyScope:
        for method, route in WITHOUT_SCOPE:
            assert service.request(method, path_of(route), headers=bearer(name)).status_code == 200


@pytest.mark.parametrize("name", ["classic", "fixed"])
def test_an_entry_without_scopes_permits_everything_but_administration(
    service: TestClient, name: str
) -> None:
    for scope, method, route in ROWS:
        response = service.request(method, path_of(route), headers=bearer(name))
        assert (response.status_code == 403) == (scope == "admin")


def test_an_expired_key_gets_401(service: TestClient) -> None:
    response = service.get("/v1/models", headers=bearer("expired"))
    assert (response.status_code, response.json()["code"]) == (401, "key-expired")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "2026-01-31" in response.json()["detail"]


def test_a_key_analyzes_only_its_channels(service: TestClient) -> None:
    customer = tone(1.0)
    call = encode(np.stack([np.zeros_like(customer), customer], axis=1))

    def post(name: str, path: str, **params: str | int) -> Any:  # noqa: ANN401  # JSON
        return service.post(path, params=params, files={"file": call}, headers=bearer(name)).json()

    for path, params in ((EMOTIONS, {"channel": 0}), ("/v1/audio/timeline", {"channels": "0,1"})):
        assert post("supervisor", path, **params)["code"] == "channel-not-permitted"
        assert "code" not in post("recognize", path, **params)
    own, all_channels = (post(name, EMOTIONS)["probabilities"] for name in ("supervisor", "recognize"))
    assert own == post("recognize", EMOTIONS, channel=1)["probabilities"] != all_channels
    channels = post("supervisor", "/v1/audio/timeline")["channels"]
    assert [channel["channel"] for channel in channels] == [1]


def test_an_administrator_sees_the_keys_without_their_hashes(service: TestClient) -> None:
    response = service.get("/v1/keys", headers=bearer("supervisor"))
    keys = {key.pop("name"): key for key in response.json()["keys"]}
    assert set(keys) == {"fixed", *ENTRIES}
    assert keys["supervisor"] == {"scopes": ["admin", "recognize"], "expires": "2999-12-31", "channels": [1]}
    assert keys["classic"]["scopes"] == ["jobs", "live", "metrics", "recognize"]
    assert line("classic").partition(":")[2] not in response.text


def test_a_changed_file_replaces_the_keys_without_a_restart(
    service: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(file_watch, "CHECK_SECONDS", 0.0)
    before = (folder / "keys").read_text().splitlines()

    def valid(name: str) -> bool:
        return service.get("/v1/models", headers=bearer(name)).status_code == 200

    def reloads() -> list[str]:
        return [entry["result"] for entry in audited(folder) if entry["action"] == "keys.reload"]

    try:
        write(folder, line("next"))
        assert (valid("next"), valid("classic"), valid("fixed")) == (True, False, True)
        assert reloads() == ["ok"]
        with (folder / "keys").open("a") as file:  # edited in place
            file.write(line("another"))
        assert (valid("next"), valid("another")) == (True, True)
        caplog.clear()
        for wrong in ("next:no-hash", line("next", "scopes=all")):
            write(folder, wrong)
            assert (valid("next"), valid("another")) == (True, True)
        (folder / "keys").unlink()
        assert valid("next")
        assert reloads() == ["ok", "ok", "keys-invalid", "keys-invalid", "keys-invalid"]
        reasons = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert [reason.partition(": ")[2][:20] for reason in reasons] == [
            "SER_API_KEYS_FILE, l",
            "SER_API_KEYS_FILE, l",
            "SER_API_KEYS_FILE: N",
        ]
        assert "no-hash" not in caplog.text
    finally:
        write(folder, *before[1:])
    assert (valid("classic"), valid("next")) == (True, False)


def test_the_audit_log_says_who_did_what_with_which_result(service: TestClient, folder: Path) -> None:
    n_before = len(audited(folder))
    request_id = "9f6c3c1fbb1f4ad1a0a3d2cf5dd0c1aa"
    headers = {**bearer("recognize"), "X-Request-ID": request_id, "Metadata": '{"call": "private"}'}
    answer = service.post(EMOTIONS, files={"file": EXAMPLE.read_bytes()}, headers=headers)
    assert answer.status_code == 200
    service.post("/v1/audio/timeline", headers=bearer("jobs"))
    service.post("/v1/audio/timeline", content=b"text", headers=bearer("recognize"))
    service.get("/v1/models/small", headers=bearer("unknown"))
    service.get("/metrics", headers=bearer("metrics"))
    service.get("/metrics", headers=bearer("jobs"))
    service.get("/health/live")
    service.get("/nowhere", headers=bearer("jobs"))
    lines = audited(folder)[n_before:]
    assert [(entry["key"], entry["action"], entry["result"]) for entry in lines] == [
        ("recognize", "recognize", "ok"),
        ("jobs", "timeline", "scope-missing"),
        ("recognize", "timeline", "unsupported-media-type"),
        ("", "model.read", "unauthenticated"),
        ("jobs", "metrics.read", "scope-missing"),
    ]
    first = lines[0]
    assert list(first) == ["time", "request_id", "key", "client", "action", "target", "result"]
    assert (first["request_id"], first["client"]) == (request_id, "testclient")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(first["time"])).total_seconds()) < 60
    text = json.dumps(lines)
    assert not [word for word in ("private", "probabilities", answer.json()["emotion"]) if word in text]


def test_the_audit_log_continues_in_a_new_file_after_a_rotation(service: TestClient, folder: Path) -> None:
    service.get("/v1/models", headers=bearer("live"))
    n_before = len(audited(folder))
    (folder / "audit").rename(folder / "audit.1")
    service.get("/v1/models", headers=bearer("live"))
    assert [(entry["key"], entry["action"]) for entry in audited(folder)] == [("live", "model.list")]
    assert len((folder / "audit.1").read_text().splitlines()) == n_before
    os.truncate(folder / "audit", 0)  # copytruncate
    service.get("/v1/models", headers=bearer("jobs"))
    assert [entry["key"] for entry in audited(folder)] == ["jobs"]


@pytest.mark.parametrize(
    ("file", "reason"),
    [("/dev/full", "No space left on device"), ("nowhere/audit", "No such file or directory")],
)
def test_a_request_is_answered_if_the_audit_log_cannot_be_written(
    service: TestClient, folder: Path, caplog: pytest.LogCaptureFixture, file: str, reason: str
) -> None:
    audit, kept = folder / "audit", folder / "kept"
    audit.rename(kept)
    try:
        audit.symlink_to(file)
        assert service.get("/v1/models", headers=bearer("live")).status_code == 200
    finally:
        audit.unlink()
        kept.rename(audit)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        f"the audit log cannot be written (SER_AUDIT_LOG): {reason}"
    ]
    n_before = len(audited(folder))
    service.get("/v1/models", headers=bearer("live"))
    assert len(audited(folder)) == n_before + 1


def test_every_operation_that_needs_a_key_has_an_action(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    protected = {
        (method.upper(), path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "security" in operation
    }
    assert protected | {("GET", "/metrics")} == set(ACTIONS)
    assert set(ACTIONS) == {*WITHOUT_SCOPE, *((method, route) for _, method, route in ROWS)}


def test_a_caller_without_keys_is_an_address(settings: Settings, tmp_path: Path) -> None:
    changes = {"workers": 1, "audit_log": str(tmp_path / "audit"), "rate_limit": "1/hour"}
    app = create_app(Settings.model_validate(settings.model_dump() | changes))
    with TestClient(app, client=("192.0.2.1", 1)) as one:
        other = TestClient(app, client=("192.0.2.2", 1))
        other.app_state.update(one.app_state)
        statuses = [client.get("/v1/keys").status_code for client in (one, one, other)]
    assert statuses == [200, 429, 200]
    assert [(entry["key"], entry["client"], entry["result"]) for entry in audited(tmp_path)] == [
        ("anonymous", "192.0.2.1", "ok"),
        ("anonymous", "192.0.2.1", "rate-limited"),
        ("anonymous", "192.0.2.2", "ok"),
    ]


def test_the_audit_log_can_be_standard_output_or_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("-", ""):
        audit = AuditLog(path)
        audit.write("recognize", key="caller")
    assert json.loads(capsys.readouterr().out)["key"] == "caller"
