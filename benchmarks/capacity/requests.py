"""Utterances: their clients, and their processor time."""

import http.client
import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.core.audio import Signal
from benchmarks.capacity.accounting import thread_seconds
from benchmarks.job_client import WAV
from benchmarks.serving import OK, TIMEOUT, free_port, put_under_load, running
from benchmarks.throughput import three_seconds, wav
from testing.balancer import balancing
from testing.service import descendants

CLIPS = (2, 3, 6)
"""The durations of the utterances in seconds."""


@dataclass(frozen=True, slots=True)
class Requests:
    """The cost of utterances of 2, 3 and 6 s, sent one after the other through nginx.

    Attributes:
        first: the processor seconds of the first process for each utterance.
        worker: those of the worker, in the same order.
        balancer: those of nginx, on average.
        client: those of the client of the benchmark, on average.
    """

    first: list[float]
    worker: list[float]
    balancer: float
    client: float


@contextmanager
def balanced(nginx: str, ports: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Run nginx in front of services, and yield its port and its process ID."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with balancing(nginx, Path(folder), port, ports):
            yield port, int((Path(folder) / "nginx.pid").read_text())


def utterances() -> list[bytes]:
    """Return a WAV file for each of CLIPS: repeated speech."""
    clip = three_seconds()
    return [
        wav(Signal(np.resize(clip.samples, (1, seconds * clip.sampling_rate)), clip.sampling_rate))
        for seconds in CLIPS
    ]


def post(port: int, body: bytes) -> int:
    """Send an utterance over a new connection, and return the status of the answer."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    client.request("POST", "/v1/audio/emotions", body, WAV)
    response = client.getresponse()
    response.read()
    client.close()
    return response.status


def measure_requests(nginx: str, n_requests: int) -> Requests:
    """Measure the processor time of each of many utterances, sent one after the other.

    Args:
        nginx: the path of the program.
        n_requests: the number of utterances.
    """
    bodies = utterances()
    with running(SER_WORKERS="1") as service, balanced(nginx, [service.port]) as (port, balancer):
        for body in bodies:
            put_under_load(port, body, 1, 2)
        (worker,) = service.worker_pids()
        parts = ([service.pid], [worker], [balancer, *descendants(balancer)])
        rows = []
        for body in itertools.islice(itertools.cycle(bodies), n_requests):
            before = [sum(map(thread_seconds, pids)) for pids in parts]
            client = time.process_time()
            thread = threading.Thread(target=_expect_answer, args=(port, body))
            thread.start()
            thread.join()
            client = time.process_time() - client
            time.sleep(0.01)  # the work after the answer counts also
            after = [sum(map(thread_seconds, pids)) for pids in parts]
            rows.append([*(end - begin for begin, end in zip(before, after, strict=True)), client])
    first, workers, balancers, clients = map(list, zip(*rows, strict=True))
    return Requests(first, workers, statistics.mean(balancers), statistics.mean(clients))


def _expect_answer(port: int, body: bytes) -> None:
    if post(port, body) != OK:
        raise SystemExit("an utterance was refused; nothing was measured")
