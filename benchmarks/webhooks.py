"""Webhooks of jobs whose receiver is down: delayed as it asks, listed, and replayed after its repair."""

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from benchmarks.job_client import submit, until
from benchmarks.replicas import Replica, two_and_two
from benchmarks.soak import verdict
from testing import local
from testing.receiver import OLD_SECRET, SECRET, Receiver
from testing.recordings import call

N_JOBS = 30
RETRY_AFTER = 3600.0
SPREAD = 1.25
"""The longest pause that passes, as a multiple of the requested one; the jitter is a share of up to 0.2."""


def a_receiver_that_is_down(settings: dict[str, str]) -> bool:
    """Check that no webhook is lost or sent early while its receiver answers 503, and that replays arrive."""
    receiver = Receiver(503)
    receiver.retry_after, receiver.secret = str(int(RETRY_AFTER)), OLD_SECRET
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    own = f"127.0.0.1:{receiver.server_address[1]}={OLD_SECRET}"
    settings = {**settings, "SER_CALLBACK_SECRETS": f"{SECRET},{own}", "SER_CALLBACK_PRIVATE": "true"}
    recording = call(1)
    with two_and_two(settings) as (services, _):
        jobs = {submit(services[n % 2].url, recording, callback=receiver.url) for n in range(N_JOBS)}
        until(lambda: {one["id"] for one in _waiting(services) if one["attempts"] == 1} >= jobs)
        pauses = [_pause(webhook) for webhook in _waiting(services)]
        n_early = len(receiver.heard) - N_JOBS
        receiver.statuses = [204]
        for number, job in enumerate(jobs):
            local.post(f"{services[number % 2].url}/v1/webhooks/{job}/replay", timeout=30).raise_for_status()
        until(lambda: not _waiting(services))
    delivered = {message["data"]["id"] for message in receiver.verified[N_JOBS:]}
    return verdict(
        f"a receiver that answers 503: {len(pauses)} of {N_JOBS} webhooks listed, the next attempt after "
        f"{min(pauses):.0f} to {max(pauses):.0f} s, {n_early} sent earlier; {len(delivered)} delivered by "
        f"replay, {len(receiver.verified)} of {len(receiver.heard)} signatures of the receiver's own secret",
        passed=delivered == jobs
        and len(pauses) == N_JOBS
        and RETRY_AFTER - 1 < min(pauses) <= max(pauses) < RETRY_AFTER * SPREAD
        and n_early == 0
        and len(receiver.verified) == len(receiver.heard),
    )


def _waiting(services: Sequence[Replica]) -> list[dict[str, Any]]:
    """Return the webhooks that wait for an attempt."""
    answer = local.get(f"{services[0].url}/v1/webhooks?state=pending&limit=100", timeout=30)
    return list(answer.json()["webhooks"])


def _pause(webhook: dict[str, Any]) -> float:
    """Return the seconds between the last attempt and the next one."""
    last, following = (datetime.fromisoformat(webhook[name]) for name in ("last_attempt", "next_attempt"))
    return (following - last).total_seconds()
