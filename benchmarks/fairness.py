"""One key sends fifty times its share, or stalls 200 uploads: what another key notices.

    python -m benchmarks.fairness [SECONDS]

One client of the key `modest` sends one recording after the other, three times for SECONDS (default: 10)
beside each load of the key `greedy`: one such client, its share on two processors; 50 clients that heed
Retry-After; and 200 uploads that stop after their first bytes. The loads alternate, so that other work on the
machine affects all of them. The exit status is 1 if the p99 of `modest` more than doubles,
or if one of its requests is refused. A last load is only reported: 50 clients that repeat a refused request
at once take processor time from everybody. Only a limit in front of the service prevents this.
"""

import contextlib
import multiprocessing
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from benchmarks.serving import RAW, Load, Running, percentile, put_under_load, running
from benchmarks.soak import OK, verdict
from benchmarks.throughput import three_seconds, wav
from testing import bundles, keys

N_GREEDY = 50
N_STALLED = 200
FACTOR = 2.0
ROUNDS = 3
KEYS = ("greedy", "modest")
"""The names of the keys, which are also the keys."""
IMPATIENT = f"{N_GREEDY} clients that ignore Retry-After (only reported)"


def main() -> int:
    """Measure, and print the results.

    Returns:
        The exit status; 1 if a guarantee is broken.
    """
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    body = wav(three_seconds())
    entries = ",".join(map(keys.line, KEYS))
    with tempfile.TemporaryDirectory() as folder:
        bundles.write(Path(folder), "small")
        with running(SER_MODELS_DIR=folder, SER_DEFAULT_MODEL="small", SER_API_KEYS=entries) as service:
            put_under_load(service.port, body, 2, 3, header_of("modest"))
            passed = beside_loads(service, body, seconds)
    return 0 if passed else 1


def beside_loads(service: Running, body: bytes, seconds: float) -> bool:
    """Measure `modest` beside each load of `greedy`, and compare each with the first."""
    send = partial(clients, service, body, seconds)
    loads: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "its share, one client": partial(send, 1),
        f"{N_GREEDY} clients": partial(send, N_GREEDY),
        f"{N_STALLED} stalled uploads": partial(stalled_uploads, service, len(body), N_STALLED),
        IMPATIENT: partial(send, N_GREEDY, patient=False),
    }
    found: dict[str, list[Load]] = {name: [] for name in loads}
    for _ in range(ROUNDS):
        for name, load in loads.items():
            with load():
                modest = put_under_load(service.port, body, 1, seconds, header_of("modest"))
            found[name].append(modest)
    share = percentile(latencies(found[next(iter(loads))]), 99)
    passed = [compare(name, found[name], share) or name == IMPATIENT for name in loads]
    return all(passed)


def compare(name: str, modest: list[Load], share: float) -> bool:
    """Print the latency of `modest` beside a load of `greedy`, and return whether it is low enough."""
    p50, p99 = (percentile(latencies(modest), percent) for percent in (50, 99))
    statuses = dict(sum((Counter(load.statuses) for load in modest), Counter[int]()))
    ratio = p99 / share
    times = f"p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms, {ratio:.2f} times"
    return verdict(
        f"greedy: {name}; modest: {statuses}, {times}", passed=set(statuses) == {OK} and ratio <= FACTOR
    )


def latencies(loads: list[Load]) -> list[float]:
    """Return the latencies of all rounds, sorted."""
    return sorted(latency for load in loads for latency in load.latencies)


@contextlib.contextmanager
def clients(
    service: Running, body: bytes, seconds: float, n_clients: int, *, patient: bool = True
) -> Iterator[None]:
    """Run clients of `greedy` in another process, so that its threads do not delay those of `modest`."""
    arguments = (service.port, body, n_clients, seconds + 2, header_of("greedy"), patient)
    process = multiprocessing.get_context("spawn").Process(target=put_under_load, args=arguments)
    process.start()
    try:
        yield
    finally:
        process.join()


@contextlib.contextmanager
def stalled_uploads(service: Running, n_bytes: int, n_uploads: int) -> Iterator[None]:
    """Open uploads of `greedy`, and stop each after its first bytes."""
    head = f"POST /v1/audio/emotions HTTP/1.1\r\nHost: service\r\nContent-Length: {n_bytes}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in header_of("greedy").items())
    with contextlib.ExitStack() as stack:
        for _ in range(n_uploads):
            upload = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            upload.sendall(head.encode() + b"\r\nRIFF")
        yield


def header_of(name: str) -> dict[str, str]:
    """Return the headers of the requests of a key."""
    return {**RAW, "Authorization": f"Bearer {name}"}


if __name__ == "__main__":
    sys.exit(main())
