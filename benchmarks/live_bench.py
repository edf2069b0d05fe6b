"""The clients, the calls and the tables that the sections of `benchmarks.live` share."""

import argparse
import resource
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor

import numpy as np

from app.core.audio import Signal
from benchmarks.live_calls import LiveCall, build_calls
from benchmarks.live_client import Talk, talk
from benchmarks.serving import Running, percentile, put_under_load
from benchmarks.throughput import three_seconds, wav
from training.data.codecs import TELEPHONE_RATE

N_CALLS = 25
"""The number of different calls. More channels send the same calls, some seconds later."""

SPREAD = 10.0
"""Seconds in which the channels start."""

N_WARM = 4
"""The number of calls at a time that warm up a service."""

PERCENTILES = (50, 99, 100)
LONG = 8
"""Seconds of the recording that warms up the workers, as long as the longest segment."""


class Bench:
    """The parts that all sections share.

    Attributes:
        options: the arguments of the command line.
        clients: the process of the clients.
    """

    def __init__(self, options: argparse.Namespace, clients: ProcessPoolExecutor) -> None:
        """Start without calls."""
        self.options = options
        self.clients = clients
        self._calls: dict[float, list[LiveCall]] = {}

    def calls(self, n_channels: int, seconds: float) -> list[LiveCall]:
        """Return a call for each channel."""
        n_calls = min(n_channels, N_CALLS)
        if len(self._calls.get(seconds, [])) < n_calls:
            print(f"building {n_calls} calls of {seconds:.0f} s", file=sys.stderr, flush=True)
            self._calls[seconds] = build_calls(n_calls, seconds)
        return [self._calls[seconds][number % n_calls] for number in range(n_channels)]

    def start(self, service: Running, calls: Sequence[LiveCall]) -> "Future[list[Talk]]":
        """Let the clients send calls."""
        audio = [call.audio for call in calls]
        return self.clients.submit(talk, service.port, audio, spread_of(len(calls)))

    def warm_up(self, service: Running) -> None:
        """Let the service load the detector, and let each worker recognize segments."""
        clip = three_seconds()
        long = np.resize(clip.samples, (1, LONG * clip.sampling_rate))
        put_under_load(service.port, wav(Signal(long, clip.sampling_rate)), 2 * len(service.worker_pids()), 2)
        parts = [call.audio[: 15 * TELEPHONE_RATE] for call in self.calls(N_WARM, self.options.seconds)]
        self.clients.submit(talk, service.port, parts, 0.0).result()


def allow_files(n_files: int) -> None:
    """Raise the limit of open files of this process and its children."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n_files:
        raise SystemExit(f"{n_files} open files are needed, and {hard} are allowed; see `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n_files), hard))


def settings(n_sessions: int) -> dict[str, str]:
    """Return the settings of a service for a number of sessions."""
    return {"SER_LIVE_SESSIONS": str(n_sessions), "SER_LIVE_SESSIONS_PER_KEY": str(n_sessions)}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(row)} |", flush=True)


def spread_of(n_channels: int) -> float:
    """Return the seconds in which channels start."""
    return SPREAD if n_channels > 1 else 0.0


def milliseconds(latencies: Sequence[float]) -> list[str]:
    """Format p50, p99 and the maximum as cells of a table."""
    return [f"{1000 * percentile(latencies, percent):.0f} ms" for percent in PERCENTILES]
