"""Long checks of the guarantees of the service. The exit status is 1 if a guarantee is broken.

    python -m benchmarks.soak [REQUESTS]

The checks: twice as many clients as slots; killed workers under load; the stop signal under load; a
thousand concurrent requests with one file; memory over many requests (default: 10,000).
"""

import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.serving import REFUSED, Load, Running, percentile, put_under_load, running
from benchmarks.throughput import three_seconds, wav
from testing import bundles

OK = 200
OVERLOADED = 503
REFUSED_WITHIN = 0.1  # seconds, at p99
GROWTH = 0.1
SAMPLES = 10


def main() -> int:
    """Run the checks and print the results.

    Returns:
        The exit status; 1 if a guarantee is broken.
    """
    n_requests = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    body = wav(three_seconds())
    with tempfile.TemporaryDirectory() as folder:
        bundles.write(Path(folder), "small")
        settings = {"SER_MODELS_DIR": folder, "SER_DEFAULT_MODEL": "small"}
        passed = [
            twice_its_capacity(settings, body),
            killed_workers(settings, body),
            a_stop(settings, body),
            one_file_a_thousand_times(settings, body),
            flat_memory(settings, body, n_requests),
        ]
    return 0 if all(passed) else 1


def verdict(text: str, *, passed: bool) -> bool:
    """Print the result of a check, and return `passed`."""
    print(f"{'passed' if passed else 'BROKEN'}  {text}", flush=True)
    return passed


def twice_its_capacity(settings: dict[str, str], body: bytes) -> bool:
    """Check that excess requests get 503 at once, and that accepted requests keep their latency."""
    n_slots = 8
    n_workers = len(os.sched_getaffinity(0))
    # One caller, which may take every slot
    settings = {**settings, "SER_KEY_CONCURRENCY": str(n_slots)}
    with running(**settings, SER_QUEUE_DEPTH=str(n_slots - n_workers)) as service:
        put_under_load(service.port, body, n_workers, 2)
        full = put_under_load(service.port, body, n_slots, 10)
        crowd = put_under_load(service.port, body, 2 * n_slots, 10)
    refused = percentile(crowd.refusals, 99)
    before, after = (percentile(load.latencies, 50) for load in (full, crowd))
    text = f"{2 * n_slots} clients for {n_slots} slots: {dict(sorted(crowd.statuses.items()))}, "
    text += (
        f"503 within {1000 * refused:.0f} ms at p99, accepted p50 {1000 * before:.0f} → {1000 * after:.0f} ms"
    )
    return verdict(
        text,
        passed=set(crowd.statuses) == {OK, OVERLOADED} and refused < REFUSED_WITHIN and after < 2 * before,
    )


def killed_workers(settings: dict[str, str], body: bytes) -> bool:
    """Check that the death of a worker fails only its own request."""
    kills = 20

    def kill(service: Running) -> None:
        for _ in range(kills):
            time.sleep(0.7)
            os.kill(service.worker_pids()[0], signal.SIGKILL)

    load = _meanwhile(settings, body, kill, seconds=20)
    failed = sum(count for status, count in load.statuses.items() if status != OK)
    return verdict(
        f"{kills} workers killed under load: {dict(sorted(load.statuses.items()))}",
        passed=failed <= kills and set(load.statuses) <= {OK, 500, OVERLOADED},
    )


def a_stop(settings: dict[str, str], body: bytes) -> bool:
    """Check that each accepted request is answered after SIGTERM, and that the exit status is 0."""
    ended: list[int] = []

    def stop(service: Running) -> None:
        time.sleep(2)
        os.kill(service.pid, signal.SIGTERM)
        ended.append(service.wait())

    load = _meanwhile(settings, body, stop, seconds=5)
    return verdict(
        f"SIGTERM under load: {dict(sorted(load.statuses.items()))}, exit status {ended}",
        passed=set(load.statuses) == {OK, REFUSED} and ended == [0],
    )


def _meanwhile(
    settings: dict[str, str], body: bytes, action: Callable[[Running], None], seconds: float
) -> Load:
    """Put a service under load during an action."""
    with running(**settings) as service:
        thread = threading.Thread(target=action, args=(service,))
        thread.start()
        load = put_under_load(service.port, body, 8, seconds)
        thread.join()
    return load


def one_file_a_thousand_times(settings: dict[str, str], body: bytes) -> bool:
    """Check that concurrent requests with the same bytes get the same answer."""
    settings = {**settings, "SER_KEY_CONCURRENCY": "1000"}
    with running(**settings, SER_QUEUE_DEPTH="1000", SER_REQUEST_TIMEOUT="120") as service:
        load = put_under_load(service.port, body, 1000, 1e-3)
    return verdict(
        f"one file 1000 times at once: {dict(load.statuses)}, {len(load.answers)} different answers",
        passed=load.statuses == {OK: 1000} and len(load.answers) == 1,
    )


def flat_memory(settings: dict[str, str], body: bytes, n_requests: int) -> bool:
    """Check that memory does not grow with the number of requests."""
    with running(**settings) as service:
        put_under_load(service.port, body, 4, 10)
        memory = [service.memory_bytes()]
        n_answered = 0
        while n_answered < n_requests:
            n_answered += len(put_under_load(service.port, body, 4, 10).latencies)
            memory.append(service.memory_bytes())
            print(f"        {n_answered} requests, {memory[-1] / 2**20:.0f} MiB", flush=True)
    last = statistics.mean(memory[-SAMPLES:])
    change = last / memory[0] - 1
    return verdict(
        f"{n_answered} requests: {memory[0] / 2**20:.0f} → {last / 2**20:.0f} MiB ({change:+.1%})",
        passed=abs(change) <= GROWTH,
    )


if __name__ == "__main__":
    sys.exit(main())
