"""Jobs on one machine: submission, recovery, cancellation and retention."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.core.files import write_whole
from app.rollout import Rollout
from testing import keys, local
from testing.recordings import EXAMPLE
from testing.service import Service, descendants, running, started
from testing.waiting import eventually
from tests.jobs.client import WAV, find, submit, until

Key = dict[str, str]
NAMES = [f"test-{number}" for number in range(13)]
"""The names of the API keys of `service`; each name is also its key."""


def stored_recordings(environment: dict[str, str]) -> list[Path]:
    """Return the files of the stored recordings."""
    return [path for path in Path(environment["SER_DATA_DIR"], "recordings").rglob("*") if path.is_file()]


def rollout_file(environment: dict[str, str]) -> Path:
    """Return the path of the rollout of `service`."""
    return Path(environment["SER_DATA_DIR"]).parent / "rollout.json"


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    """The names of the keys that no test has used."""
    return iter(NAMES)


@pytest.fixture(scope="module")
def service(module_environment: dict[str, str]) -> Iterator[Service]:
    """A service that several tests share. Each test uses API keys of its own, and so sees its own jobs."""
    entries = ",".join(map(keys.line, NAMES))
    file = str(rollout_file(module_environment))
    with running(**module_environment, SER_API_KEYS=entries, SER_ROLLOUT=file) as service:
        yield service


@pytest.fixture
def key(names: Iterator[str]) -> Key:
    """The header of a key that no other test uses."""
    return {"Authorization": f"Bearer {next(names)}"}


@pytest.fixture
def other_key(names: Iterator[str]) -> Key:
    return {"Authorization": f"Bearer {next(names)}"}


def test_the_result_of_a_job_equals_the_timeline(
    service: Service, module_environment: dict[str, str], key: Key, short: bytes
) -> None:
    answer = submit(service, short, "?merge=true", **key)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert int(answer.headers["Retry-After"]) > 0
    ended = until(service, job, "succeeded", **key)
    timeline = local.post(
        f"{service.url}/v1/audio/timeline?merge=true", content=short, headers=WAV | key, timeout=60
    )
    assert ended["result"] == timeline.json()
    assert ended["progress"] == 1
    assert ended["created"] <= ended["finished"]
    eventually(lambda: stored_recordings(module_environment) == [])

    listed = local.get(f"{service.url}/v1/jobs", headers=key).json()
    assert [entry["id"] for entry in listed["jobs"]] == [job["id"]]
    assert listed["jobs"][0]["result"] is None
    assert local.get(f"{service.url}/v1/jobs?state=failed", headers=key).json()["jobs"] == []

    assert local.delete(f"{service.url}/v1/jobs/{job['id']}", headers=key).status_code == 204
    assert find(service, job, **key).json()["code"] == "job-not-found"


def test_the_same_idempotency_key_and_recording_give_the_same_job(
    service: Service, key: Key, short: bytes
) -> None:
    same, other = ({**key, "Idempotency-Key": name} for name in ("call-17", "call-18"))
    first = submit(service, short, **same).json()
    assert submit(service, short, **same).json()["id"] == first["id"]
    for reused in (
        submit(service, EXAMPLE.read_bytes(), **same),
        submit(service, short, "?channels=0", **same),
    ):
        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    assert submit(service, short, **other).json()["id"] != first["id"]
    until(service, first, "succeeded", **key)
    assert submit(service, short, **same).json()["state"] == "succeeded"


def test_a_job_keeps_the_bundle_of_its_submission(
    service: Service, module_environment: dict[str, str], key: Key, short: bytes
) -> None:
    same = {**key, "Idempotency-Key": "call-19"}

    def follow(rollout: Rollout) -> None:
        write_whole(rollout_file(module_environment), rollout.model_dump_json().encode())
        default = f'ser_rollout_share{{model="small",role="stable"}} {1 - rollout.share}'
        eventually(lambda: default in local.get(f"{service.url}/metrics", headers=key).text)

    follow(Rollout(stable="small", candidate="other", share=1.0))
    job = submit(service, short, **same).json()
    follow(Rollout(stable="small"))
    assert submit(service, short, **same).json()["id"] == job["id"]
    assert until(service, job, "succeeded", **key)["result"]["model"] == "other"


def test_an_invalid_job_is_refused_at_submission(
    service: Service, module_environment: dict[str, str], key: Key, short: bytes
) -> None:
    eventually(lambda: stored_recordings(module_environment) == [])  # those of other tests are deleted
    for recording, query, status, code in (
        (b"text", "", 415, "unsupported-media-type"),
        (b"", "", 400, "malformed-request"),
        (short[: len(short) // 2], "", 422, "audio-undecodable"),
        (short, "?channels=7", 422, "channel-not-found"),
        (short, "?model=nobody", 404, "model-not-found"),
        (short, "?callback_url=https://example.com/webhooks", 422, "callback-refused"),
    ):
        answer = submit(service, recording, query, **key)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert local.get(f"{service.url}/v1/jobs", headers=key).json() == {"jobs": [], "next_offset": None}
    assert stored_recordings(module_environment) == []


def test_a_job_survives_a_stop_and_then_a_crash_of_its_service(
    environment: dict[str, str], long: bytes
) -> None:
    job = None
    for how in (signal.SIGTERM, signal.SIGKILL):
        with running(**environment) as service:
            job = job or submit(service, long).json()
            running_job = until(service, job, "running")
            while running_job["progress"] == 0:
                running_job = until(service, job, "running")
            service.process.send_signal(how)
            service.end()
            assert "Traceback" not in service.log
    assert job is not None
    with running(**environment) as service:
        ended = until(service, job, "succeeded")
        assert ended["result"]["duration"] > 100
        assert len(local.get(f"{service.url}/v1/jobs").json()["jobs"]) == 1
        eventually(lambda: stored_recordings(environment) == [])


def test_a_job_fails_after_its_service_died_three_times(environment: dict[str, str], long: bytes) -> None:
    with running(**environment) as service:
        job = submit(service, long).json()
        until(service, job, "running")
    for _ in range(2):
        with running(**environment) as service:
            until(service, job, "running")
            time.sleep(1)
    with running(**environment) as service:
        ended = until(service, job, "failed")
        assert ended["problem"]["code"] == "internal-error"
        eventually(lambda: stored_recordings(environment) == [])


def test_a_job_survives_the_death_of_its_worker(service: Service, key: Key, long: bytes) -> None:
    job = submit(service, long, **key).json()
    until(service, job, "running", **key)
    time.sleep(1)
    workers = [
        pid
        for pid in descendants(service.process.pid)
        if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(workers[-1], signal.SIGKILL)
    assert until(service, job, "succeeded", "failed", **key)["state"] == "succeeded"


def test_a_job_can_be_cancelled(
    service: Service, module_environment: dict[str, str], key: Key, long: bytes
) -> None:
    running_job, waiting_job = submit(service, long, **key).json(), submit(service, long, **key).json()
    until(service, running_job, "running", **key)
    for job in (running_job, waiting_job):
        assert local.delete(f"{service.url}/v1/jobs/{job['id']}", headers=key).status_code == 204
        assert find(service, job, **key).json()["state"] == "cancelled"
    next_job = submit(service, EXAMPLE.read_bytes(), **key).json()
    until(service, next_job, "succeeded", **key)
    eventually(lambda: stored_recordings(module_environment) == [])


def test_an_api_key_gives_access_to_its_own_jobs_only(
    service: Service, key: Key, other_key: Key, short: bytes
) -> None:
    same = {"Idempotency-Key": "1"}
    job = submit(service, short, **key, **same).json()
    assert find(service, job, **key).status_code == 200
    assert find(service, job, **other_key).status_code == 404
    assert local.delete(f"{service.url}/v1/jobs/{job['id']}", headers=other_key).status_code == 404
    assert local.get(f"{service.url}/v1/jobs", headers=other_key).json()["jobs"] == []
    assert submit(service, short, **other_key, **same).json()["id"] != job["id"]
    assert find(service, job).status_code == 401


def test_a_job_is_deleted_after_the_retention_time_and_a_full_queue_refuses_jobs(
    environment: dict[str, str], short: bytes, long: bytes
) -> None:
    with running(**environment, SER_RESULT_TTL="1", SER_JOBS_DEPTH="1") as service:
        job = submit(service, short).json()
        until(service, job, "succeeded")
        end = time.monotonic() + 30
        while find(service, job).status_code == 200:
            assert time.monotonic() < end
            time.sleep(0.5)

        assert submit(service, long).status_code == 202
        refused = submit(service, long)
        assert (refused.status_code, refused.json()["code"]) == (503, "jobs-full")
        assert int(refused.headers["Retry-After"]) > 0
        assert len(stored_recordings(environment)) == 1


@pytest.mark.usefixtures("service")
def test_two_services_cannot_run_the_jobs_of_one_folder(module_environment: dict[str, str]) -> None:
    with started(**module_environment) as second:
        assert second.end() != 0
        assert "Another process runs the jobs" in second.log


def test_a_service_without_jobs_reports_that_jobs_are_unavailable(client: TestClient, short: bytes) -> None:
    answer = client.post("/v1/jobs", content=short, headers=WAV)
    assert (answer.status_code, answer.json()["code"]) == (503, "jobs-unavailable")
