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
from testing.backends import Postgres, objects
from testing.receiver import SECRET, Receiver
from testing.recordings import call

ROUND_JOBS = 3
MOST_UNFINISHED = 12


def chaos(settings: dict[str, str], server: Postgres, n_rounds: int) -> bool:
    """Check that each accepted job ends with exactly one result, despite kills and restarts."""
    draw = random.Random(7)  # noqa: S311  # not a secret
    recordings = [call(repeats) for repeats in (1, 4, 12)]
    accepted: dict[str, int] = {}
    deeds = Counter[str]()
    receiver = Receiver(200)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    settings = {**settings, "SER_CALLBACK_SECRETS": SECRET, "SER_CALLBACK_PRIVATE": "true"}
    with two_and_two(settings) as (services, workers):
        expected = [timeline(services[0].url, recording) for recording in recordings]
        for index in tqdm(range(n_rounds), "rounds", disable=None):
            for number in range(ROUND_JOBS):
                which = draw.randrange(len(recordings))
                key = f"{index}-{number}"
                accepted[_submit_somewhere(services, recordings[which], key, receiver.url)] = which
            time.sleep(draw.random())
            deed, victim = draw.choice(
                [("service killed", draw.choice(services)), ("worker killed", draw.choice(workers))] * 2
                + [("database restarted", None)]
            )
            deeds[deed] += 1
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
        right = sum(ended[job]["result"] == expected[which] for job, which in accepted.items())
        with psycopg.connect(server.url) as connection:
            rows = connection.execute(
                "SELECT count(*) FROM dbos.workflow_status WHERE name = 'analyze_call' "
                "AND workflow_uuid = ANY(%s)",
                (list(accepted),),
            ).fetchone()
        until(lambda: {told["data"]["id"] for told in receiver.verified} >= set(accepted))
    states = Counter(job["state"] for job in ended.values())
    done = ", ".join(f"{count} × {deed}" for deed, count in sorted(deeds.items()))
    return verdict(
        f"{n_rounds} rounds, {done}: {len(accepted)} jobs, {dict(states)}, {right} with the right result; "
        f"{len(receiver.heard)} callbacks received, for each job, all verified; no recording left",
        kept=right == len(accepted) == (rows or [0])[0] and len(receiver.verified) == len(receiver.heard),
    )


def _submit_somewhere(services: Sequence[Replica], recording: bytes, key: str, callback: str) -> str:
    """Submit a job to any service, and retry with the same key until it is accepted."""
    accepted: list[str] = []

    def ask() -> bool:
        for service in services:
            with contextlib.suppress(httpx2.TransportError, KeyError):
                accepted.append(submit(service.url, recording, key, callback))
                return True
        return False

    until(ask)
    return accepted[0]


def _find_somewhere(services: Sequence[Replica], job: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def ask() -> bool:
        for service in services:
            with contextlib.suppress(httpx2.TransportError):
                answer = find(service.url, job)
                if "state" in answer:
                    found.append(answer)
                    return True
        return False

    until(ask)
    return found[0]


def _unfinished(services: Sequence[Replica]) -> int:
    """Return the number of jobs that wait or run; more than MOST_UNFINISHED without an answer."""
    for service in services:
        with contextlib.suppress(httpx2.TransportError, KeyError):
            lists = [
                httpx2.get(f"{service.url}/v1/jobs?limit=100&state={state}", timeout=30).json()["jobs"]
                for state in ("queued", "running")
            ]
            return sum(map(len, lists))
    return MOST_UNFINISHED + 1
