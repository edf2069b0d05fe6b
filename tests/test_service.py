"""The service as it is started: a process of its own, the shipped bundle, real speech."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests import bundles
from tests.recordings import EXAMPLE, ROOT, corpora


def start(**environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[httpx2.Client, subprocess.Popen[str]]]:
    """The service with the shipped bundle, ready."""
    port = free_port()
    process = start(SER_PORT=str(port))
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        wait_until_ready(client, process)
        yield client, process
    process.kill()
    process.communicate()


def wait_until_ready(client: httpx2.Client, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        try:
            if client.get("/health/ready").status_code == 200:
                return
        except httpx2.ConnectError:
            assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)
    pytest.fail("the service did not become ready")


def test_it_answers_the_whole_of_a_corpus(service: tuple[httpx2.Client, subprocess.Popen[str]]) -> None:
    client, _ = service
    files = sorted((corpora() / "emodb" / "audio").glob("*.flac"))
    assert len(files) == 535

    def ask(file: Path) -> httpx2.Response:
        return client.post("/v1/audio/emotions", files={"file": file.read_bytes()})

    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(ask, files))
    assert {response.status_code for response in responses} == {200}
    for response in responses:
        answer = response.json()
        assert answer["speech"] is True
        assert set(answer["probabilities"]) == set(bundles.LABELS)
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-6)


def test_it_finishes_what_it_has_and_leaves_nothing_behind(
    service: tuple[httpx2.Client, subprocess.Popen[str]],
) -> None:
    client, process = service
    with ThreadPoolExecutor(12) as threads:
        pending = [
            threads.submit(client.post, "/v1/audio/emotions", files={"file": EXAMPLE.read_bytes()})
            for _ in range(12)
        ]
        time.sleep(0.15)
        workers = descendants(process.pid)
        process.send_signal(signal.SIGTERM)
        assert {answer.result().status_code for answer in pending} == {200}
    assert process.wait(timeout=10) == 0
    assert len(workers) >= 2
    assert all(gone(pid) for pid in workers)


def test_workers_end_with_a_service_that_was_killed(models_dir: Path) -> None:
    port = free_port()
    process = start(SER_PORT=str(port), SER_MODELS_DIR=str(models_dir), SER_DEFAULT_MODEL="small")
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        wait_until_ready(client, process)
    workers = descendants(process.pid)
    process.kill()
    process.communicate()
    assert len(workers) >= 2
    assert all(gone(pid) for pid in workers)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"SER_MODELS_DIR": "nowhere"}, "SER_MODELS_DIR: there is no folder nowhere"),
        ({"SER_DEFAULT_MODEL": "nobody"}, "holds no bundle 'nobody', only: multilingual"),
        ({"SER_PORT": "http"}, "SER_PORT"),
        ({"SER_WORKERS": "0"}, "SER_WORKERS"),
    ],
)
def test_a_start_that_cannot_work_says_why(environment: dict[str, str], reason: str) -> None:
    process = start(**environment)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert reason in said
    assert "Traceback" not in said


def test_a_bundle_that_was_altered_stops_the_start(tmp_path: Path) -> None:
    bundles.write(tmp_path)
    (tmp_path / "small" / "MODEL_CARD.md").write_text("# better\n")
    process = start(SER_MODELS_DIR=str(tmp_path), SER_DEFAULT_MODEL="small")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "MODEL_CARD.md: altered" in said


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that these started."""
    children = [
        int(status.parent.name) for status in Path("/proc").glob("[0-9]*/stat") if _parent(status) == pid
    ]
    return [*children, *(below for child in children for below in descendants(child))]


def _parent(status: Path) -> int | None:
    try:
        return int(status.read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def gone(pid: int) -> bool:
    """Whether a process ends within some seconds."""
    limit = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True
