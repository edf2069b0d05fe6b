"""Live calls: latency, processor time, memory, and the effect on other requests.

    python -m benchmarks.live [SECTION …] [--channels N] [--seconds S] [--idle N] [--churn-minutes M]
        [--churn-clients C]

The sections, by default all:

- `channels`: N channels at a time. For each segment, the latency from the moment at which the detector may
  know its end to the arrival of the answer. The moment is the time at which the client sent the message that
  decides the end. Processor time and memory of all processes, and of the first one, which has the sessions.
- `one`: the same with one channel, for five times the duration.
- `requests`: the latency of `/v1/audio/emotions` with N channels and without.
- `idle`: processor time and memory of idle sessions.
- `churn`: memory while sessions of a few seconds open and close. Half of them leave without `stop`.

The calls are real utterances with pauses and noise at 15 dB, 8 kHz, mu-law, in messages of 20 ms. The clients
run in a process of their own, on the same machine. The exit status is 1 if a session has other segments than
the detector without the service, or another timeline than `/v1/audio/timeline`. It is also 1 if the clients
were so late that they did not send at the same time.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from benchmarks.live_bench import (
    N_CALLS,
    N_WARM,
    PERCENTILES,
    SPREAD,
    Bench,
    allow_files,
    milliseconds,
    settings,
    spread_of,
    table,
)
from benchmarks.live_checks import (
    N_CHECKED,
    all_complete,
    latencies,
    report_late_clients,
    same_segments,
    same_timelines,
)
from benchmarks.live_client import CONNECTING, come_and_go, stay_idle
from benchmarks.monitor import MIB, Monitor, memory_of
from benchmarks.serving import percentile, put_under_load, running
from benchmarks.soak import verdict
from benchmarks.throughput import three_seconds, wav
from training.data.codecs import TELEPHONE_RATE

LEAST_SECONDS = CONNECTING + SPREAD + 1
"""The shortest calls, which all channels still send together for a second."""

ONE_CHANNEL = 5
"""The duration of the single channel, times that of many channels, so that p99 has enough segments."""

IDLE_SECONDS = 30.0
SETTLED = 2.0
"""Seconds after the last idle session was opened, before the measurement begins."""

SHORT = (2, 5)
"""The durations of the sessions of `churn`: from the first to before the second, in seconds."""

WARM_UP = 0.1
"""The share of the time of these sessions after which memory is measured first."""

MEMORY_SAMPLES = 10
FILES = 100
"""Open files of a service besides its sessions."""

PROCESSES = {"every": "all", "first": "first"}
KIB = 2**10


def main() -> int:
    """Run the sections and print the results.

    Returns:
        The exit status; 1 if a result is wrong.
    """
    sections = {
        "channels": many_channels,
        "one": one_channel,
        "requests": requests,
        "idle": idle,
        "churn": churn,
    }
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description="Measure live calls.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(sections)}; default: all")
    parser.add_argument("--channels", type=int, default=100, help="channels at a time (default: 100)")
    parser.add_argument("--seconds", type=float, default=120, help="duration of a call (default: 120)")
    parser.add_argument("--idle", type=int, default=1000, help="idle sessions (default: 1000)")
    parser.add_argument("--churn-minutes", type=float, default=5, help="minutes of `churn` (default: 5)")
    parser.add_argument("--churn-clients", type=int, default=20, help="clients of `churn` (default: 20)")
    options = parser.parse_args()
    unknown = set(options.sections) - set(sections)
    if unknown:
        parser.error(f"unknown sections: {', '.join(sorted(unknown))}")
    if options.seconds < LEAST_SECONDS:
        parser.error(
            f"--seconds: the channels start within {SPREAD:.0f} s; give at least {LEAST_SECONDS:.0f}"
        )
    load = ", ".join(f"{average:.2f}" for average in os.getloadavg())
    print(f"load averages before the start: {load}", flush=True)
    # The clients do not inherit the state of this process, but its limit of open files.
    allow_files(options.idle + FILES)
    with ProcessPoolExecutor(1, get_context("spawn")) as clients:
        bench = Bench(options, clients)
        passed = [sections[name](bench) for name in options.sections or sections]
    return 0 if all(passed) else 1


def many_channels(bench: Bench) -> bool:
    """Measure many channels at a time."""
    return channels(bench, bench.options.channels, bench.options.seconds)


def one_channel(bench: Bench) -> bool:
    """Measure one channel."""
    return channels(bench, 1, ONE_CHANNEL * bench.options.seconds)


def channels(bench: Bench, n_channels: int, seconds: float) -> bool:
    """Measure the latency of segments, and the cost of a channel."""
    calls = bench.calls(n_channels, seconds)
    with running(**settings(n_channels + N_CHECKED)) as service:
        bench.warm_up(service)
        before = memory_of(service)
        with Monitor(service) as monitor:
            talks = bench.start(service, calls).result()
        if not all_complete(talks):
            return False
        start, end = max(one.sent[0] for one in talks), min(one.sent[-1] for one in talks)
        samples = monitor.memory(start, end)
        if not samples:
            return report_late_clients(talks)
        every, first = monitor.processors(start, end)
        memory = [
            f"{(max(during) - at_rest) / n_channels / KIB:.0f} KiB"
            for during, at_rest in zip(zip(*samples, strict=True), before, strict=True)
        ]
        found = sorted(latency for pair in zip(calls, talks, strict=True) for latency in latencies(*pair))
        speech = np.mean([call.share for call in calls])
        late = 1000 * max(one.late for one in talks)
        costs = [f"{every / n_channels:.4f}", f"{first / n_channels:.4f}", *memory]
        table(
            [
                *("channels", "speech", "segments", "p50", "p99", "max", "CPU s per channel-second"),
                *("first process", "memory per channel", "first process", "clients late by at most"),
            ],
            [
                [
                    str(n_channels),
                    f"{speech:.0%}",
                    str(len(found)),
                    *milliseconds(found),
                    *costs,
                    f"{late:.0f} ms",
                ]
            ],
        )
        return all([same_segments(calls, talks), same_timelines(service, calls, talks)])


def requests(bench: Bench) -> bool:
    """Measure the latency of short requests with channels and without."""
    n_channels, seconds = bench.options.channels, bench.options.seconds
    calls, body = bench.calls(n_channels, seconds), wav(three_seconds())
    with running(**settings(max(n_channels, N_WARM))) as service:
        bench.warm_up(service)
        without = put_under_load(service.port, body, 1, seconds / 2)
        with Monitor(service):
            talking = bench.start(service, calls)
            time.sleep(CONNECTING + spread_of(n_channels))
            during = put_under_load(service.port, body, 1, seconds - spread_of(n_channels) - CONNECTING)
            talks = talking.result()
    loads = {"without channels": without, f"with {n_channels} channels": during}
    rows = [
        [name, str(len(load.latencies)), *milliseconds(load.latencies), str(len(load.refusals))]
        for name, load in loads.items()
    ]
    ratios = [
        f"{percentile(during.latencies, percent) / percentile(without.latencies, percent):.2f}"
        for percent in PERCENTILES
    ]
    table(["", "answers", "p50", "p99", "max", "refused"], [*rows, ["ratio", "", *ratios, ""]])
    return all([all_complete(talks), same_segments(calls, talks)])


def idle(bench: Bench) -> bool:
    """Measure the cost of idle sessions."""
    n_sessions = bench.options.idle
    with running(**settings(n_sessions + 10)) as service:
        bench.warm_up(service)
        with Monitor(service) as monitor:
            began = time.monotonic()
            time.sleep(IDLE_SECONDS + SETTLED)
            quiet = (began + SETTLED, began + SETTLED + IDLE_SECONDS)
            held = 2 * SETTLED + IDLE_SECONDS
            result = bench.clients.submit(stay_idle, service.port, n_sessions, held).result()
        during = (result.opened + SETTLED, result.closing - SETTLED)
        before, after = (
            float(np.median([memory.every for memory in monitor.memory(*period)]))
            for period in (quiet, during)
        )
        spent = [IDLE_SECONDS * monitor.processors(*period).every for period in (quiet, during)]
    each = (after - before) / n_sessions / KIB
    table(
        ["idle sessions", f"CPU s in {IDLE_SECONDS:.0f} s", "without sessions", "memory per session"],
        [[str(n_sessions), f"{spent[1]:.2f}", f"{spent[0]:.2f}", f"{each:.1f} KiB"]],
    )
    text = f"{result.n_stopped} of {n_sessions} idle sessions complete after `stop`"
    return verdict(text, passed=result.n_stopped == n_sessions)


def churn(bench: Bench) -> bool:
    """Measure memory while sessions open and close."""
    seconds, n_clients = 60 * bench.options.churn_minutes, bench.options.churn_clients
    parts = [
        call.audio[: (SHORT[0] + number % (SHORT[1] - SHORT[0])) * TELEPHONE_RATE]
        for number, call in enumerate(bench.calls(N_CALLS, bench.options.seconds))
    ]
    with running(**settings(2 * n_clients)) as service:
        bench.warm_up(service)
        with Monitor(service) as monitor:
            began = time.monotonic()
            ended = bench.clients.submit(come_and_go, service.port, parts, n_clients, seconds).result()
    first = monitor.memory(began + WARM_UP * seconds, ended[-1])[:MEMORY_SAMPLES]
    last = monitor.memory(began, ended[-1])[-MEMORY_SAMPLES:]
    n_sessions = sum(at > began + WARM_UP * seconds for at in ended)
    rows = []
    for name in ("every", "first"):
        before, after = (float(np.mean([getattr(one, name) for one in part])) for part in (first, last))
        growth = [f"{before / MIB:.1f} MiB", f"{after / MIB:.1f} MiB", f"{(after - before) / n_sessions:.0f}"]
        rows.append([PROCESSES[name], f"{bench.options.churn_minutes:g}", str(n_sessions), *growth])
    head = ["processes", "minutes", "sessions", "memory after warm-up", "at the end", "bytes per session"]
    table(head, rows)
    return True


if __name__ == "__main__":
    sys.exit(main())
