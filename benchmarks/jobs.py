"""The guarantees of jobs: `python -m benchmarks.jobs`. The exit status is 1 if a guarantee is broken.

On one machine: progress, memory and the latency of other requests during a job with an hour of stereo,
and `kill -9` during a job. On two services and two workers with one PostgreSQL and one store: a worker
that dies, a job that kills its workers, and a receiver of webhooks that is down. Random faults are in
`rehearsal/chaos.py`.
"""

import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from benchmarks.job_client import ENDED, find, submit, until
from benchmarks.replicas import Replica, two_and_two
from benchmarks.serving import Running, put_under_load, running
from benchmarks.soak import verdict
from benchmarks.throughput import three_seconds, wav
from benchmarks.webhooks import a_receiver_that_is_down
from testing import bundles
from testing.backends import Postgres, object_store, postgres
from testing.recordings import call

HOUR = 3600
CALL_SECONDS = 3.9
"""The approximate duration of each repeat of the call in the tests."""
TAKEN_OVER_WITHIN = 60.0
GROWTH = 100 * 2**20
"""The memory, in bytes, that an hour may use in addition to the memory of a minute."""


def main() -> int:
    """Run the checks and print the results.

    Returns:
        The exit status; 1 if a guarantee is broken.
    """
    with tempfile.TemporaryDirectory() as folder:
        bundles.write(Path(folder), "small")
        settings = {"SER_MODELS_DIR": folder, "SER_DEFAULT_MODEL": "small"}
        settings |= {"SER_SHUTDOWN_DELAY": "0", "SER_JOBS": "true"}
        passed = [an_hour(settings), a_kill_in_the_middle(settings)]
        with postgres() as server, object_store() as store:
            settings |= {**store, "SER_JOBS_URL": server.url, "SER_JOBS_AT_A_TIME": "0", "SER_WORKERS": "1"}
            with two_and_two(settings) as (services, workers):
                passed += [
                    a_dead_worker(server, services, workers),
                    a_job_that_kills(server, services, workers),
                ]
            passed.append(a_receiver_that_is_down(settings))
    return 0 if all(passed) else 1


def an_hour(settings: dict[str, str]) -> bool:
    """Check the progress and the memory of an hour of stereo, and the latency of short requests."""
    settings = {name: settings[name] for name in settings.keys() - {"SER_MODELS_DIR", "SER_DEFAULT_MODEL"}}
    short = wav(three_seconds())
    minute, hour = (call(round(seconds / CALL_SECONDS)) for seconds in (60, HOUR))
    with tempfile.TemporaryDirectory() as data, running(**settings, SER_DATA_DIR=data) as service:
        url = f"http://127.0.0.1:{service.port}"
        minute_peak, _ = _watch(service, url, submit(url, minute))
        before = put_under_load(service.port, short, 1, 10)
        job = submit(url, hour)
        latencies: list[float] = []
        ended_event = threading.Event()

        def send_requests() -> None:
            while not ended_event.is_set():
                latencies.extend(put_under_load(service.port, short, 1, 2).latencies)

        sender = threading.Thread(target=send_requests)
        sender.start()
        started = time.monotonic()
        peak, shares = _watch(service, url, job)
        duration = time.monotonic() - started
        ended_event.set()
        sender.join()
        ended = find(url, job)
    slower = statistics.median(latencies) / statistics.median(before.latencies)
    return verdict(
        f"an hour of stereo: {ended['state']} in {duration:.0f} s beside one client, {len(shares)} steps of "
        f"progress, memory {(peak - minute_peak) / 2**20:+.0f} MiB relative to a minute; median latency of a "
        f"short request {1000 * statistics.median(before.latencies):.0f} ms before, "
        f"{1000 * statistics.median(latencies):.0f} ms during the job",
        passed=ended["state"] == "succeeded"
        and len(shares) > 10  # noqa: PLR2004
        and shares == sorted(shares)
        and peak - minute_peak < GROWTH
        and slower < 2,  # noqa: PLR2004
    )


def _watch(service: Running, url: str, job: str) -> tuple[int, list[float]]:
    """Return the peak memory of a service until the end of a job, and the reported progress."""
    peak, shares = 0, [0.0]
    while True:
        peak = max(peak, service.memory_bytes())
        answer = find(url, job)
        if answer["progress"] != shares[-1]:
            shares.append(answer["progress"])
        if answer["state"] in ENDED:
            return peak, shares
        time.sleep(0.2)


def a_kill_in_the_middle(settings: dict[str, str]) -> bool:
    """Check that a job on one machine survives `kill -9` and ends after the next start."""
    recording = call(60)
    with tempfile.TemporaryDirectory() as data:
        with running(**settings, SER_DATA_DIR=data) as service:
            url = f"http://127.0.0.1:{service.port}"
            job = submit(url, recording)
            until(lambda: find(url, job)["progress"] > 0)
            share = find(url, job)["progress"]
            os.kill(service.pid, signal.SIGKILL)
        with running(**settings, SER_DATA_DIR=data) as service:
            started = time.monotonic()
            url = f"http://127.0.0.1:{service.port}"
            until(lambda: find(url, job)["state"] in ENDED)
            state, duration = find(url, job)["state"], time.monotonic() - started
    return verdict(
        f"kill -9 at {100 * share:.0f} % of a job: {state} {duration:.0f} s after the next start",
        passed=state == "succeeded" and 0 < share < 1,
    )


def holder(server: Postgres, job: str, workers: Sequence[Replica]) -> Replica | None:
    """Return the worker that runs a job; None if no worker runs it."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT executor_id FROM dbos.workflow_status WHERE workflow_uuid = %s AND status = 'PENDING'",
            (job,),
        ).fetchone()
    name = str(row[0]) if row else ""
    return next((worker for worker in workers if f"-{worker.process.pid}-" in name), None)


def a_dead_worker(server: Postgres, services: Sequence[Replica], workers: Sequence[Replica]) -> bool:
    """Check that another worker takes over the job of a dead worker."""
    job = submit(services[0].url, call(60))
    until(lambda: holder(server, job, workers) is not None)
    dead = holder(server, job, workers)
    assert dead is not None  # `until` has waited for a holder
    dead.kill()
    killed = time.monotonic()
    others = [worker for worker in workers if worker is not dead]
    until(lambda: holder(server, job, others) is not None)
    takeover_seconds = time.monotonic() - killed
    until(lambda: find(services[1].url, job)["state"] in ENDED)
    state = find(services[1].url, job)["state"]
    dead.start()
    dead.wait()
    return verdict(
        f"a job of a worker that was killed: taken over after {takeover_seconds:.1f} s, {state}",
        passed=state == "succeeded" and takeover_seconds < TAKEN_OVER_WITHIN,
    )


def a_job_that_kills(server: Postgres, services: Sequence[Replica], workers: Sequence[Replica]) -> bool:
    """Check that a job fails after it has killed three workers, and is not retried."""
    job = submit(services[0].url, call(60))
    kills = 0
    while find(services[0].url, job)["state"] not in ENDED:
        worker = holder(server, job, workers)
        if worker is None:
            time.sleep(0.1)
            continue
        worker.kill()
        kills += 1
        worker.start()
        worker.wait()
    time.sleep(10)
    ended = find(services[0].url, job)
    alive = all(worker.process.poll() is None for worker in workers)
    return verdict(
        f"a job that kills its workers: {ended['state']} after {kills} kills",
        passed=ended["state"] == "failed" and kills == 3 and alive and ended["result"] is None,  # noqa: PLR2004
    )


if __name__ == "__main__":
    sys.exit(main())
