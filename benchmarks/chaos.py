"""Rounds of jobs while processes are killed or the database restarts."""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx2
import psycopg
from tqdm import tqdm

from benchmarks.job_client import find, submit, timeline, until
from benchmarks.replicas import Replica, two_and_two
from benchmarks.soak import verdict
from testing import local
from testing.backends import Postgres, objects
from testing.receiver import SECRET, Receiver
from testing.recordings import call

ROUND_JOBS = 3
MOST_UNFINISHED = 12


def chaos(settings: dict[str, str], server: Postgres, n_rounds: int) -> bool:
    """Check that each accepted job ends with exactly one result, despite kills and restarts."""
    rng = random.Random(7)  # noqa: S311  # not a secret
    recordings = [call(repeats) for repeats in (1, 4, 12)]
    accepted: dict[str, int] = {}
    event_counts = Counter[str]()
    receiver = Receiver(200)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    settings = {**settings, "SER_CALLBACK_SECRETS": SECRET, "SER_CALLBACK_PRIVATE": "true"}
    with two_and_two(settings) as (services, workers):
        expected = [timeline(services[0].url, recording) for recording in recordings]
        for round_number in tqdm(range(n_rounds), "rounds", disable=None):
            for number in range(ROUND_JOBS):
                index = rng.randrange(len(recordings))
                key = f"{round_number}-{number}"
                accepted[_submit_somewhere(services, recordings[index], key, receiver.url)] = index
            time.sleep(rng.random())
            event, victim = rng.choice(
                [("service killed", rng.choice(services)), ("worker killed", rng.choice(workers))] * 2
                + [("database restarted", None)]
            )
            event_counts[event] += 1
            if victim is None:
                server.stop()
                server.start()
            else:
                victim.kill()
                victim.start()
            until(lambda: _unfinished(services) <= MOST_UNFINISHED)
        until(lambda: _unfinished(services) == 0)
        until(lambda: objects(settings) == 0)
        ended = {job: _find_somewhere(services, job) for job in accepted}
        correct = sum(ended[job]["result"] == expected[index] for job, index in accepted.items())
        with psycopg.connect(server.url) as connection:
            rows = connection.execute(
                "SELECT count(*) FROM dbos.workflow_status WHERE name = 'analyze_call' "
                "AND workflow_uuid = ANY(%s)",
                (list(accepted),),
            ).fetchone()
        until(lambda: {message["data"]["id"] for message in receiver.verified} >= set(accepted))
    states = Counter(job["state"] for job in ended.values())
    events = ", ".join(f"{count} × {event}" for event, count in sorted(event_counts.items()))
    n_received, n_verified = len(receiver.requests), len(receiver.verified)
    return verdict(
        f"{n_rounds} rounds, {events}: {len(accepted)} jobs, {dict(states)}, {correct} correct results; "
        f"{n_received} callbacks received, at least one per job, all verified; no recording left",
        passed=correct == len(accepted) == (rows or [0])[0] and n_verified == n_received,
    )


def _submit_somewhere(services: Sequence[Replica], recording: bytes, key: str, callback: str) -> str:
    """Submit a job to any service, and retry with the same key until it is accepted."""
    accepted: list[str] = []

    def try_services() -> bool:
        for service in services:
            with contextlib.suppress(httpx2.TransportError, KeyError):
                accepted.append(submit(service.url, recording, key, callback))
                return True
        return False

    until(try_services)
    return accepted[0]


def _find_somewhere(services: Sequence[Replica], job: str) -> dict[str, Any]:
    """Return the state of a job from any service, and retry until a service answers."""
    jobs: list[dict[str, Any]] = []

    def try_services() -> bool:
        for service in services:
            with contextlib.suppress(httpx2.TransportError):
                answer = find(service.url, job)
                if "state" in answer:
                    jobs.append(answer)
                    return True
        return False

    until(try_services)
    return jobs[0]


def _unfinished(services: Sequence[Replica]) -> int:
    """Return the number of jobs that wait or run; MOST_UNFINISHED + 1 if no service answers."""
    for service in services:
        with contextlib.suppress(httpx2.TransportError, KeyError):
            lists = [
                local.get(f"{service.url}/v1/jobs?limit=100&state={state}", timeout=30).json()["jobs"]
                for state in ("queued", "running")
            ]
            return sum(map(len, lists))
    return MOST_UNFINISHED + 1
