"""Compare the simulation with two and four real replicas behind the shipped nginx configuration.

The replicas have one worker each, and share the processors of this machine with nginx and the clients.
Requests arrive at random times, whether or not earlier ones have been answered.
"""

import dataclasses
import json
import os
import random
import shutil
import statistics
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from app.core.files import write_whole
from benchmarks.capacity.accounting import processors_of_others
from benchmarks.capacity.requests import Requests, balanced, measure_requests, post, utterances
from benchmarks.capacity.simulation import Cost, Site, simulate
from benchmarks.serving import OK, percentile, put_under_load, running

COMPARED = Path(__file__).parent / "compared.json"
"""The comparison of docs/capacity.md."""

REPLICAS = (2, 4)
LOADS = (0.4, 0.6, 0.8, 1.2)
"""The processor time of the requests, relative to that of the machine."""
N_REQUESTS = 150
OVERLOADED = 503
QUEUE_DEPTH = 7
QUIET = 0.4
"""The processors that other programs may use, so that the replicas have most of the machine."""
LOOK = 3.0
"""Seconds for which the other programs are watched before a load."""
SECONDS = 20.0
SIMULATED_SECONDS = 300.0
SEED = 22


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A load on replicas.

    Attributes:
        replicas: the number of replicas.
        load: the processor time of the requests, relative to that of the machine.
        rate: the requests per second.
        others: the processors that other programs used meanwhile.
        throughput: the answers per second.
        p50: the median latency in seconds.
        p95: the 95th percentile of the latency.
        refused: the share of the requests that were refused.
    """

    replicas: int
    load: float
    rate: float
    others: float
    throughput: float
    p50: float
    p95: float
    refused: float


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """A load, as measured and as simulated.

    Attributes:
        measured: the real replicas.
        simulated: the simulation.
    """

    measured: Row
    simulated: Row


def compare(seconds: float, patience: float) -> list[Comparison]:
    """Put real replicas and the simulation under the same loads.

    Args:
        seconds: the seconds of each load on the real replicas.
        patience: the seconds for which each load may wait until other programs use less than QUIET
            processors, and may be repeated if they used more meanwhile.

    Raises:
        SystemExit: nginx is not installed.
    """
    nginx = shutil.which("nginx")
    if nginx is None:
        raise SystemExit("nginx is not installed; `make programs` installs it on Debian")
    n_slots = 1 + QUEUE_DEPTH
    settings = {"SER_WORKERS": "1", "SER_QUEUE_DEPTH": str(QUEUE_DEPTH), "SER_JOBS": "false"}
    settings |= {"SER_KEY_CONCURRENCY": str(n_slots), "FORWARDED_ALLOW_IPS": "127.0.0.1"}
    _wait_until_quiet(time.monotonic() + patience)
    requests = measure_requests(nginx, N_REQUESTS)
    found = []
    for n_replicas in REPLICAS:
        with ExitStack() as stack:
            services = [stack.enter_context(running(**settings)) for _ in range(n_replicas)]
            port, _ = stack.enter_context(balanced(nginx, [one.port for one in services]))
            for body in utterances():
                put_under_load(port, body, 2 * n_replicas, 2)
            for load in LOADS:
                found.append(_compare(requests, port, n_replicas, load, seconds, patience))
                print(found[-1], flush=True)
    return found


def _compare(
    requests: Requests, port: int, n_replicas: int, load: float, seconds: float, patience: float
) -> Comparison:
    n_processors = len(os.sched_getaffinity(0))
    rate = rate_of(requests, load, n_processors)
    attempts: list[Row] = []
    end = time.monotonic() + patience
    while not attempts or (attempts[-1].others > QUIET and time.monotonic() < end):
        _wait_until_quiet(end)
        with processors_of_others(os.getpid()) as others:
            latencies, n_refused = send(port, utterances(), rate, seconds)
        attempts.append(
            Row(
                *(n_replicas, load, rate, others[0], len(latencies) / seconds),
                *(percentile(latencies, 50), percentile(latencies, 95)),
                n_refused / (n_refused + len(latencies)),
            )
        )
    real = min(attempts, key=lambda row: row.others)
    return Comparison(real, simulated(requests, real, n_processors))


def _wait_until_quiet(end: float) -> None:
    """Wait until other programs leave the processors alone, at most until a time of `time.monotonic`."""
    while time.monotonic() < end:
        with processors_of_others(os.getpid()) as others:
            time.sleep(LOOK)
        if others[0] < QUIET:
            return


def rate_of(requests: Requests, load: float, n_processors: int) -> float:
    """Return the requests per second that load the processors of a machine, without refusals."""
    return load * n_processors / sum(mean_costs(requests))


def mean_costs(requests: Requests) -> tuple[float, float, float]:
    """Return the mean processor seconds of an utterance: first process, worker, nginx with the client."""
    outside = requests.balancer + requests.client
    return statistics.mean(requests.first), statistics.mean(requests.worker), outside


def simulated(requests: Requests, real: Row, n_processors: int) -> Row:
    """Simulate a load that was measured, with costs that are drawn from the measured ones.

    Other programs use as much processor time as they did during the measurement.
    """
    pairs = zip(requests.first, requests.worker, strict=True)
    costs = [Cost(first, worker) for first, worker in pairs]
    outside = mean_costs(requests)[2]
    site = Site(real.replicas, 1, 1 + QUEUE_DEPTH, n_processors, outside, real.others)
    outcome = simulate(site, lambda source: source.choice(costs), real.rate, SIMULATED_SECONDS, SEED)
    n_answers = len(outcome.latencies)
    return Row(
        *(real.replicas, real.load, real.rate, real.others, n_answers / SIMULATED_SECONDS),
        *(percentile(outcome.latencies, 50), percentile(outcome.latencies, 95)),
        outcome.n_refused / (outcome.n_refused + n_answers),
    )


def send(port: int, bodies: Sequence[bytes], rate: float, seconds: float) -> tuple[list[float], int]:
    """Send requests at the times of a Poisson process.

    Returns:
        The latencies of the answers in seconds, sorted, and the number of refused requests.

    Raises:
        SystemExit: an answer has another status than 200 and 503.
    """
    source = random.Random(SEED)  # noqa: S311  # not for secrets
    results: list[tuple[int, float]] = []
    threads: list[threading.Thread] = []
    began = time.perf_counter()
    due = began + source.expovariate(rate)
    while due < began + seconds:
        time.sleep(max(due - time.perf_counter(), 0))
        threads.append(threading.Thread(target=_send, args=(port, source.choice(bodies), due, results)))
        threads[-1].start()
        due += source.expovariate(rate)
    for thread in threads:
        thread.join()
    unexpected = {status for status, _ in results} - {OK, OVERLOADED}
    if unexpected:
        raise SystemExit(f"unexpected statuses: {sorted(unexpected)}")
    found = sorted(latency for status, latency in results if status == OK)
    return found, len(results) - len(found)


def _send(port: int, body: bytes, due: float, results: list[tuple[int, float]]) -> None:
    """Send a request, and note its latency since the time at which it was due."""
    status = post(port, body)
    results.append((status, time.perf_counter() - due))


def write(found: Sequence[Comparison], path: Path = COMPARED) -> None:
    """Write a comparison as JSON."""
    rows = [dataclasses.asdict(one) for one in found]
    write_whole(path, f"{json.dumps(rows, indent=1)}\n".encode())


def read(path: Path = COMPARED) -> list[Comparison]:
    """Read a comparison."""
    rows = json.loads(path.read_text())
    return [Comparison(Row(**row["measured"]), Row(**row["simulated"])) for row in rows]
