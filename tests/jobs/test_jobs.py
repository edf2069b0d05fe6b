"""Jobs on one machine: submission, recovery, cancellation and retention."""

import hashlib
import os
import signal
import time
from pathlib import Path

import pytest

from testing import local
from testing.recordings import EXAMPLE
from testing.service import Service, descendants, running, started
from tests.jobs.client import WAV, eventually, find, submit, until


def stored_recordings(environment: dict[str, str]) -> list[Path]:
    """Return the files of the stored recordings."""
    return [path for path in Path(environment["SER_DATA_DIR"], "recordings").rglob("*") if path.is_file()]


def test_the_result_of_a_job_equals_the_timeline(
    service: Service, environment: dict[str, str], short: bytes
) -> None:
    answer = submit(service, short, "?merge=true")
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert int(answer.headers["Retry-After"]) > 0
    ended = until(service, job, "succeeded")
    timeline = local.post(
        f"{service.url}/v1/audio/timeline?merge=true", content=short, headers=WAV, timeout=60
    )
    assert ended["result"] == timeline.json()
    assert ended["progress"] == 1
    assert ended["created"] <= ended["finished"]
    eventually(lambda: stored_recordings(environment) == [])

    listed = local.get(f"{service.url}/v1/jobs").json()
    assert [entry["id"] for entry in listed["jobs"]] == [job["id"]]
    assert listed["jobs"][0]["result"] is None
    assert local.get(f"{service.url}/v1/jobs?state=failed").json()["jobs"] == []

    assert local.delete(f"{service.url}/v1/jobs/{job['id']}").status_code == 204
    assert find(service, job).json()["code"] == "job-not-found"


def test_the_same_idempotency_key_and_recording_give_the_same_job(service: Service, short: bytes) -> None:
    key = {"Idempotency-Key": "call-17"}
    first = submit(service, short, **key).json()
    assert submit(service, short, **key).json()["id"] == first["id"]
    for other in (submit(service, EXAMPLE.read_bytes(), **key), submit(service, short, "?channels=0", **key)):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert submit(service, short, **{"Idempotency-Key": "call-18"}).json()["id"] != first["id"]
    until(service, first, "succeeded")
    assert submit(service, short, **key).json()["state"] == "succeeded"


def test_an_invalid_job_is_refused_at_submission(
    service: Service, environment: dict[str, str], short: bytes
) -> None:
    for recording, query, status, code in (
        (b"text", "", 415, "unsupported-media-type"),
        (b"", "", 400, "malformed-request"),
        (short[: len(short) // 2], "", 422, "audio-undecodable"),
        (short, "?channels=7", 422, "channel-not-found"),
        (short, "?model=nobody", 404, "model-not-found"),
        (short, "?callback_url=https://example.com/webhooks", 422, "callback-refused"),
    ):
        answer = submit(service, recording, query)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert local.get(f"{service.url}/v1/jobs").json() == {"jobs": [], "next_offset": None}
    assert stored_recordings(environment) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_survives_the_end_of_its_service(
    environment: dict[str, str], long: bytes, how: signal.Signals
) -> None:
    with running(**environment) as service:
        job = submit(service, long).json()
        running_job = until(service, job, "running")
        while running_job["progress"] == 0:
            running_job = until(service, job, "running")
        service.process.send_signal(how)
        service.end()
        assert "Traceback" not in service.log
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


def test_a_job_survives_the_death_of_its_worker(service: Service, long: bytes) -> None:
    job = submit(service, long).json()
    until(service, job, "running")
    time.sleep(1)
    workers = [
        pid
        for pid in descendants(service.process.pid)
        if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(workers[-1], signal.SIGKILL)
    assert until(service, job, "succeeded", "failed")["state"] == "succeeded"


def test_a_job_can_be_cancelled(service: Service, environment: dict[str, str], long: bytes) -> None:
    running_job, waiting_job = submit(service, long).json(), submit(service, long).json()
    until(service, running_job, "running")
    for job in (running_job, waiting_job):
        assert local.delete(f"{service.url}/v1/jobs/{job['id']}").status_code == 204
        assert find(service, job).json()["state"] == "cancelled"
    next_job = submit(service, EXAMPLE.read_bytes()).json()
    until(service, next_job, "succeeded")
    eventually(lambda: stored_recordings(environment) == [])


def test_a_job_is_deleted_after_the_retention_time(environment: dict[str, str], short: bytes) -> None:
    with running(**environment, SER_RESULT_TTL="1") as service:
        job = submit(service, short).json()
        until(service, job, "succeeded")
        end = time.monotonic() + 30
        while find(service, job).status_code == 200:
            assert time.monotonic() < end
            time.sleep(0.5)


def test_an_api_key_gives_access_to_its_own_jobs_only(environment: dict[str, str], short: bytes) -> None:
    keys = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("one", "two")}
    entries = ",".join(f"{name}:{sha256}" for name, sha256 in keys.items())
    own_key, other_key = ({"Authorization": f"Bearer {name}"} for name in keys)
    with running(**environment, SER_API_KEYS=entries) as service:
        job = submit(service, short, **own_key, **{"Idempotency-Key": "1"}).json()
        assert find(service, job, **own_key).status_code == 200
        assert find(service, job, **other_key).status_code == 404
        assert local.delete(f"{service.url}/v1/jobs/{job['id']}", headers=other_key).status_code == 404
        assert local.get(f"{service.url}/v1/jobs", headers=other_key).json()["jobs"] == []
        assert submit(service, short, **other_key, **{"Idempotency-Key": "1"}).json()["id"] != job["id"]
        assert find(service, job).status_code == 401


def test_a_full_queue_refuses_jobs(environment: dict[str, str], long: bytes) -> None:
    with running(**environment, SER_JOBS_DEPTH="1") as service:
        submit(service, long)
        refused = submit(service, long)
        assert (refused.status_code, refused.json()["code"]) == (503, "jobs-full")
        assert int(refused.headers["Retry-After"]) > 0
        assert len(stored_recordings(environment)) == 1


@pytest.mark.usefixtures("service")
def test_two_services_cannot_run_the_jobs_of_one_folder(environment: dict[str, str]) -> None:
    with started(**environment) as second:
        assert second.end() != 0
        assert "Another process runs the jobs" in second.log


def test_a_service_without_jobs_reports_that_jobs_are_unavailable(
    environment: dict[str, str], short: bytes
) -> None:
    with running(**{**environment, "SER_JOBS": "false"}) as service:
        answer = submit(service, short)
        assert (answer.status_code, answer.json()["code"]) == (503, "jobs-unavailable")
