"""Random faults over all containers, under load: `python -m rehearsal.chaos --minutes 60 --seed 1`.

An oracle judges every answer. The exit status is 1 if the oracle has found anything.
"""

import argparse
import json
import logging
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from app.api.problem_table import BY_CODE
from rehearsal import images, podman
from rehearsal.faults import REPLICAS, Event, schedule
from rehearsal.oracle import LONGEST_RECOVERY, Oracle
from rehearsal.stack import Stack
from rehearsal.traffic import Traffic
from testing import local
from testing.receiver import SECRET, Receiver, receiving
from testing.waiting import eventually

PROJECT = "chaos"
REPORT = podman.FOLDER / "chaos.json"
CALM_SECONDS = 10.0
"""The pause after a recovery. An error in it has no excuse."""
GIVEN_UP = 3 * LONGEST_RECOVERY
"""The seconds after which the run no longer waits for a recovery."""
JOBS_END_WITHIN, WEBHOOKS_ARRIVE_WITHIN, RECORDINGS_DELETED_WITHIN = 300.0, 60.0, 60.0
"""The seconds after the last fault."""
HEALTH_INTERVAL = 10.0
"""Seconds between two health checks of a container, as in the Compose file."""


def main() -> int:
    """Run the faults, print the results and write them to a file.

    Returns:
        The exit status; 1 if the oracle has found anything.
    """
    parser = argparse.ArgumentParser(description="Run random faults over all containers, under load.")
    parser.add_argument("--minutes", type=float, default=60, help="the duration of the faults (60)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same faults (1)")
    parser.add_argument("--only", default="", help="run only the faults whose name contains this text")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.disable(logging.ERROR)  # clients report each connection that a fault breaks
    podman.prepare()
    images.build()
    oracle = Oracle({problem.code: problem.status for problem in BY_CODE.values()}, shown=True)
    events = (event for event in schedule(arguments.seed) if arguments.only in event.fault.name)
    try:
        with started() as stack, receiving(200, host=stack.gateway) as receiver:
            run(stack, oracle, receiver, events, arguments.minutes * 60)
    except KeyboardInterrupt:
        oracle.report("the run was interrupted")
    finally:
        summary = {"minutes": arguments.minutes, "seed": arguments.seed, **oracle.summary()}
        REPORT.write_text(json.dumps(summary, indent=1) + "\n")
        show(summary)
    return 1 if oracle.findings else 0


@contextmanager
def started() -> Iterator[Stack]:
    """Start two replicas, nginx, two job workers, the database and the store. Keep only their logs."""
    settings = {
        "SER_JOBS": "true",
        "JOBS_PASSWORD": secrets.token_hex(24),
        "JOB_WORKERS": "2",
        "SER_CALLBACK_SECRETS": SECRET,
        "SER_CALLBACK_PRIVATE": "true",
        "SER_LIVE_MAX_SPEED": "100",
        # Small enough to be filled
        "TMP_SIZE": "256m",
        "BALANCER_TMP_SIZE": "64m",
    }
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), ("scale", "jobs"), project=PROJECT, **settings)
        try:
            stack.start(HEALTH_INTERVAL)
            yield stack
        finally:
            for name in stack.containers():
                (podman.FOLDER / f"{name}.log").write_text(podman.logs(name))
            stack.stop()


def run(stack: Stack, oracle: Oracle, receiver: Receiver, events: Iterator[Event], seconds: float) -> None:
    """Let the events happen one after the other, under load, until the time is over.

    Args:
        stack: a stack without faults.
        oracle: the judge of all answers.
        receiver: the receiver of the webhooks.
        events: the faults.
        seconds: the time after which no further fault happens.
    """
    traffic = Traffic(stack, oracle, receiver)
    end = time.monotonic() + seconds
    with traffic.running() as check:
        time.sleep(CALM_SECONDS)
        while time.monotonic() < end:
            happen(next(events), stack, oracle, traffic)
            time.sleep(CALM_SECONDS)
            check()
    finish(stack, oracle, traffic, receiver)


def happen(event: Event, stack: Stack, oracle: Oracle, traffic: Traffic) -> None:
    """Inject a fault, heal it, and wait for the recovery."""
    fault, target = event.fault, event.target(stack)
    print(f"{datetime.now(UTC):%H:%M:%S} {fault.name} ({target}, {event.seconds:g} s): ", end="", flush=True)
    with oracle.disturbed(fault.name, target, event.seconds, fault.excused, fault.most_errors) as disturbance:
        with fault.break_(stack, target):
            time.sleep(event.seconds)
        disturbance.recovery |= recover(stack, traffic)
    times = ", ".join(f"{operation} {value:.1f} s" for operation, value in disturbance.recovery.items())
    errors = ", ".join(f"{count} × {error}" for error, count in disturbance.errors.items()) or "no error"
    print(f"{errors}; recovered: {times}", flush=True)


def recover(stack: Stack, traffic: Traffic) -> dict[str, float]:
    """Return the seconds from now until each operation has succeeded, and until all containers are ready."""

    def job_succeeds() -> bool:
        job = traffic.submit()
        return repeat(lambda: traffic.read_job(job))

    attempts: dict[str, Callable[[], bool]] = {
        "upload": traffic.upload,
        "job": job_succeeds,
        "stream": lambda: traffic.talk(None),
        "containers": lambda: ready(stack),
    }
    healed = time.monotonic()

    def succeed(attempt: Callable[[], bool]) -> float:
        repeat(attempt)
        return time.monotonic() - healed

    with ThreadPoolExecutor(len(attempts)) as threads:
        return dict(zip(attempts, threads.map(succeed, attempts.values()), strict=True))


def repeat(attempt: Callable[[], bool]) -> bool:
    """Try something each second until it succeeds, and return whether it did before the run gives up."""
    end = time.monotonic() + GIVEN_UP
    while not attempt():
        if time.monotonic() > end:
            return False
        time.sleep(1)
    return True


def ready(stack: Stack) -> bool:
    """Return whether each replica and each job worker is ready."""
    names = [name for service in (*REPLICAS, "worker") for name in stack.containers(service)]
    try:
        answers = [local.get(f"http://{stack.address(name)}/health/ready", timeout=2) for name in names]
    except httpx2.TransportError:
        return False
    return all(answer.is_success for answer in answers)


def finish(stack: Stack, oracle: Oracle, traffic: Traffic, receiver: Receiver) -> None:
    """Wait for the end of all jobs and for their webhooks, and read all results again."""
    print(f"{datetime.now(UTC):%H:%M:%S} no further fault; waiting for jobs and webhooks", flush=True)

    def all_ended() -> bool:
        traffic.read()
        return not oracle.unfinished

    def all_notified() -> bool:
        traffic.read_webhooks()
        return not oracle.unnotified

    with suppress(TimeoutError):
        eventually(all_ended, JOBS_END_WITHIN)
        eventually(all_notified, WEBHOOKS_ARRIVE_WITHIN)
    if not all_notified():
        print(f"{len(oracle.unnotified)} webhooks wait for their next try, and are replayed", flush=True)
        traffic.replay_webhooks()
        with suppress(TimeoutError):
            eventually(all_notified, WEBHOOKS_ARRIVE_WITHIN)
    for job in oracle.jobs:
        traffic.read_job(job)
    oracle.complete(traffic.list_jobs())
    with suppress(TimeoutError):
        eventually(lambda: n_recordings(stack) == 0, RECORDINGS_DELETED_WITHIN)
    if left := n_recordings(stack):
        oracle.report(f"{left} recordings are left in the store")
    if (n_forged := len(receiver.requests) - len(receiver.verified)) > 0:
        oracle.report(f"{n_forged} webhooks had no valid signature")


def n_recordings(stack: Stack) -> int:
    """Return the number of recordings in the store."""
    (store,) = stack.containers("store")
    program = (
        "from urllib.request import urlopen; "
        "print(urlopen('http://127.0.0.1:7070/recordings').read().count(b'<Key>'))"
    )
    return int(podman.podman("exec", store, "python", "-c", program))


def show(summary: dict[str, Any]) -> None:
    """Print the answers, a table of the faults and the findings."""
    print(json.dumps(summary["answers"]))
    print(f"{summary['jobs']} jobs, {summary['webhooks']} webhooks, {summary['repeated_webhooks']} repeated")
    print(f"{'fault':32} {'times':>5} {'recovery':>10}  errors")
    for name in sorted({each["fault"] for each in summary["faults"]}):
        happened = [each for each in summary["faults"] if each["fault"] == name]
        errors: Counter[str] = sum((Counter(each["errors"]) for each in happened), Counter())
        longest = max((value for each in happened for value in each["recovery"].values()), default=0)
        listed = ", ".join(f"{count} × {error}" for error, count in errors.items())
        print(f"{name:32} {len(happened):5} {longest:8.1f} s  {listed}")
    print(f"{len(summary['findings'])} findings")
    for finding in summary["findings"]:
        print(f"- {finding[:1000]}")


if __name__ == "__main__":
    sys.exit(main())
