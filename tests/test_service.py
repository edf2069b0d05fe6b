"""The service in a separate process, with the shipped bundle and real speech."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from app.core.bundle import write_bundle
from app.server import Server
from testing import bundles, local
from testing.commands import run_here
from testing.recordings import EXAMPLE, ROOT, corpora
from testing.service import Service, descendants, gone, holds_recognizer, running, started

URL = "/v1/audio/emotions"

pytestmark = pytest.mark.usefixtures("as_program")


@pytest.fixture(scope="module")
def small_settings(models_dir: Path) -> dict[str, str]:
    """Settings of a service with a small bundle."""
    return {"SER_MODELS_DIR": str(models_dir), "SER_DEFAULT_MODEL": "small", "SER_WORKERS": "2"}


@pytest.fixture(scope="module")
def shipped() -> Iterator[Service]:
    """A ready service with the shipped bundle."""
    with running() as service:
        yield service


def post(service: Service, data: bytes) -> httpx2.Response:
    return local.post(service.url + URL, files={"file": data}, timeout=60)


def test_the_service_answers_recordings_of_all_speakers(shipped: Service) -> None:
    files = sorted((corpora() / "emodb" / "audio").glob("*.flac"))[::5]
    assert len({file.name[:2] for file in files}) == 10
    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(lambda file: post(shipped, file.read_bytes()), files))
    assert {response.status_code for response in responses} == {200}
    for response in responses:
        answer = response.json()
        assert answer["speech"] is True
        assert set(answer["probabilities"]) == set(bundles.LABELS)
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-6)


def test_a_stopped_service_completes_its_requests_and_ends_its_workers(shipped: Service) -> None:
    with ThreadPoolExecutor(12) as threads:
        pending = [threads.submit(post, shipped, EXAMPLE.read_bytes()) for _ in range(12)]
        time.sleep(0.3)
        workers = descendants(shipped.process.pid)
        shipped.process.send_signal(signal.SIGTERM)
        assert {answer.result().status_code for answer in pending} == {200}
    assert shipped.end(timeout=10) == 0
    assert len(workers) >= 2
    assert all(gone(pid) for pid in workers)


def test_a_draining_service_is_not_ready_but_answers_requests(small_settings: dict[str, str]) -> None:
    with running(**small_settings, SER_SHUTDOWN_DELAY="2") as service:
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert local.get(f"{service.url}/health/ready").status_code == 503
        assert local.get(f"{service.url}/health/live").status_code == 200
        assert post(service, EXAMPLE.read_bytes()).status_code == 200
        assert service.end(timeout=10) == 0


def test_killed_workers_lose_only_their_own_requests(small_settings: dict[str, str]) -> None:
    kills, requests = 3, 60
    with running(**small_settings) as service, ThreadPoolExecutor(8) as threads:
        pending = [threads.submit(post, service, EXAMPLE.read_bytes()) for _ in range(requests)]
        for _ in range(kills):
            time.sleep(0.4)
            workers = [pid for pid in descendants(service.process.pid) if holds_recognizer(pid)]
            os.kill(workers[0], signal.SIGKILL)
        answers = [answer.result() for answer in pending]
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) <= {200, 500}
        assert statuses[200] >= requests - kills
        assert len({answer.text for answer in answers if answer.status_code == 200}) == 1
        assert post(service, EXAMPLE.read_bytes()).status_code == 200
        metrics = local.get(f"{service.url}/metrics").text
        assert f'ser_workers_replaced_total{{reason="died"}} {kills}.0' in metrics


@dataclass(frozen=True)
class Requested:
    """Requests to a service with a generated key, which has then stopped."""

    key: str
    entry: str
    answers: list[httpx2.Response]
    log: str


@pytest.fixture(scope="module")
def requested(small_settings: dict[str, str]) -> Requested:
    """A recording and a text with the key, a recording without the key, and an unknown address."""
    printed = run_here({}, "key", "backend").stdout
    key, entry = (line.partition(":")[2].strip() for line in printed.splitlines())
    own = {"SER_API_KEYS": entry, "SER_HOST": "0.0.0.0", "SER_LOG_FORMAT": "json", "SER_SHUTDOWN_DELAY": "0"}
    with running(**small_settings, **own) as service:
        headers = {"Authorization": f"Bearer {key}"}
        files = {"file": ("secret-name.wav", EXAMPLE.read_bytes())}
        url = service.url + URL
        answers = [
            local.post(url, files=files, headers=headers, params={"model": "small"}, timeout=60),
            local.post(url, files={"file": b"text"}, headers=headers),
            local.post(url, files=files),
            local.get(f"{service.url}/nowhere"),
        ]
        service.process.terminate()  # the service sends an answer first, and then writes the line
        assert service.end() == 0
        return Requested(key, entry, answers, service.log)


def test_a_generated_key_gives_access_to_the_service(requested: Requested) -> None:
    assert [answer.status_code for answer in requested.answers] == [200, 415, 401, 404]
    assert requested.key not in requested.entry
    assert requested.key not in requested.log


def test_the_log_has_one_json_object_per_line_and_no_private_data(requested: Requested) -> None:
    lines = [json.loads(line) for line in requested.log.splitlines()]
    requests = [line for line in lines if line["logger"] == "app.api.observation"]
    assert [(line["method"], line["route"], line["status"], line["caller"]) for line in requests] == [
        ("POST", URL, 200, "backend"),
        ("POST", URL, 415, "backend"),
        ("POST", URL, 401, ""),
        ("GET", "unknown", 404, ""),
    ]
    answer = requested.answers[0]
    assert requests[0]["request_id"] == answer.headers["X-Request-ID"]
    assert requests[0]["milliseconds"] > 0
    text = json.dumps(lines)
    private = (requested.key, "secret-name", "anger", answer.json()["emotion"], "/nowhere")
    assert not [word for word in private if word in text]


@dataclass(frozen=True)
class Killed:
    """A service that was killed: its workers, and the exit status of the health command before and after."""

    workers: list[int]
    before: int
    after: int


@pytest.fixture(scope="module")
def killed(small_settings: dict[str, str]) -> Killed:
    with running(**small_settings) as service:
        environment = os.environ | {"SER_HOST": "0.0.0.0", "SER_PORT": str(service.port)}

        def health() -> int:
            command = [sys.executable, "-m", "app", "health"]
            return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode

        before = health()
        workers = descendants(service.process.pid)
        service.process.kill()
        service.end()
        return Killed(workers, before, health())


def test_workers_end_when_their_service_is_killed(killed: Killed) -> None:
    assert len(killed.workers) >= 2
    assert all(gone(pid) for pid in killed.workers)


def test_the_health_command_checks_the_service_on_this_machine(killed: Killed) -> None:
    assert (killed.before, killed.after) == (0, 1)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"SER_MODELS_DIR": "nowhere"}, "SER_MODELS_DIR: there is no folder nowhere"),
        ({"SER_DEFAULT_MODEL": "nobody"}, "holds no bundle 'nobody', only: multilingual, opensmile"),
        ({"SER_PORT": "http"}, "SER_PORT"),
        ({"SER_WORKERS": "0"}, "SER_WORKERS"),
        ({"SER_HOST": "0.0.0.0"}, "SER_HOST: without keys, only a loopback address"),
        (
            {"SER_API_KEYS": "a-key-in-plain"},
            "SER_API_KEYS, entry 1: each entry starts with name:sha256; create one with",
        ),
        ({"SER_API_KEYS_FILE": "nowhere"}, "SER_API_KEYS_FILE: No such file or directory: nowhere"),
        ({"SER_RATE_LIMIT": "many"}, "SER_RATE_LIMIT"),
        ({"SER_ROLLOUT": "README.md"}, "SER_ROLLOUT: README.md: the document: Invalid JSON"),
        (
            {"SER_AUDIT_LOG": "nowhere/audit"},
            "SER_AUDIT_LOG: No such file or directory: nowhere/audit",
        ),
        ({"SER_CHANNELS": "left"}, "SER_CHANNELS: expected `all`, or indices"),
    ],
)
def test_a_failed_start_reports_the_reason(
    environment: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Server, "run", lambda _: pytest.fail("the service starts"))
    ended = run_here(environment)
    assert ended.returncode == 1
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "a-key-in-plain" not in ended.stdout + ended.stderr


def test_an_altered_bundle_stops_the_start(tmp_path: Path) -> None:
    bundles.write(tmp_path)
    (tmp_path / "small" / "MODEL_CARD.md").write_text("# better\n")
    with started(SER_MODELS_DIR=str(tmp_path), SER_DEFAULT_MODEL="small") as service:
        assert service.end() == 1
        assert "MODEL_CARD.md: altered" in service.log


def test_a_bundle_that_workers_cannot_load_stops_the_start(tmp_path: Path) -> None:
    described = bundles.facts()
    assert described.features is not None
    features = described.features.model_copy(update={"feature_set": "GeMAPSv03"})
    unknown = described.model_copy(update={"features": features})
    write_bundle(tmp_path / "small", unknown, bundles.scaler(unknown), bundles.network(unknown), {})
    with started(SER_MODELS_DIR=str(tmp_path), SER_DEFAULT_MODEL="small") as service:
        assert service.end() == 3
        assert "small: unknown feature set GeMAPSv03; known are" in service.log
        assert "Traceback" not in service.log


def test_sigterm_ends_a_start_immediately(small_settings: dict[str, str]) -> None:
    with started(**small_settings) as service:
        while "Started server process" not in service.log:
            time.sleep(0.01)
        service.process.send_signal(signal.SIGTERM)
        assert service.end() == 0
        assert "startup complete" not in service.log
        assert "Traceback" not in service.log


def test_onnx_runtime_stores_no_telemetry(small_settings: dict[str, str], tmp_path: Path) -> None:
    # ONNX Runtime sends no telemetry in CI, so this environment hides the variables of CI.
    # ONNX Runtime would store its telemetry in the home folder.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "GITHUB"))}
    code = "import app.core.bundle as b, pathlib, sys; b.read_bundle(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, f"{small_settings['SER_MODELS_DIR']}/small"]
    subprocess.run(command, cwd=ROOT, env=environment | {"HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.iterdir()) == []


def test_unknown_arguments_are_refused() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "app", "fly"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, "usage: python -m app" in ended.stderr) == (2, True)
