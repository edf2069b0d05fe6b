"""The cost of a whole call: time, memory, and the latency of concurrent requests.

    python -m benchmarks.call_cost CSV [CSV …]

The calls are built as in `benchmarks.calls`, with noise at 15 dB. The benchmark posts ten minutes and an
hour of stereo to the service with the shipped bundles.
"""

import statistics
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np

from app.core.audio import Signal
from benchmarks.calls import encode, load, pair_voices, post
from benchmarks.serving import Running, put_under_load, running
from benchmarks.throughput import smile_of, three_seconds, wav
from training.data.call_builder import build_call
from training.data.corpora import READERS
from training.data.labels import relabel

N_CALLS = 12


def main() -> None:
    """Run the measurements and print the results."""
    corpora = [utterance for path in sys.argv[1:] for utterance in READERS["csv"](Path(path))]
    pairs = islice(pair_voices(relabel(corpora)), N_CALLS)
    random = np.random.default_rng(7)
    ten_minutes = join([build_call([load(voice) for voice in pair], random).signal for pair in pairs], 600)
    with running(SER_MAX_CALL_BYTES=str(2**30), SER_CALL_TIMEOUT="3600") as service:
        speed(service, ten_minutes)
        against_opensmile(service, ten_minutes)
        cost(service, ten_minutes)


def join(signals: Sequence[Signal], seconds: float) -> Signal:
    """Concatenate calls, and repeat or cut the result to a duration in seconds."""
    n_samples = int(seconds * signals[0].sampling_rate)
    samples = np.concatenate([signal.samples for signal in signals], axis=1)
    return Signal(np.resize(samples.T, (n_samples, samples.shape[0])).T, signals[0].sampling_rate)


def speed(service: Running, call: Signal) -> None:
    """Compare the time of a call with bare openSMILE on its segments.

    Both use the same number of processes and run alternately.
    """
    body, n_workers = encode(call), len(service.worker_pids())
    answer = post(service, body)
    spans = [
        call.samples[channel["channel"], round(segment["start"] * 8_000) : round(segment["end"] * 8_000)]
        for channel in answer["channels"]
        for segment in channel["segments"]
    ]
    spoken = sum(len(span) for span in spans) / call.sampling_rate
    signals = [Signal(span[np.newaxis], call.sampling_rate) for span in spans]
    ratios = []
    with ProcessPoolExecutor(n_workers) as processes:
        list(processes.map(_extract_bare, signals[: 2 * n_workers]))
        for _ in range(3):
            started = time.perf_counter()
            list(processes.map(_extract_bare, signals))
            bare = time.perf_counter() - started
            post(service, body)
            ratios.append((time.perf_counter() - started - bare) / bare)
    silent = encode(Signal(np.zeros_like(call.samples), call.sampling_rate))
    started = time.perf_counter()
    post(service, silent)
    print(
        f"{call.duration:.0f} s of stereo with {spoken:.0f} s of speech in {len(spans)} segments: "
        f"{statistics.median(ratios):.2f} of bare openSMILE's {bare:.1f} s "
        f"({min(ratios):.2f} to {max(ratios):.2f}); silence of the same duration: "
        f"{time.perf_counter() - started:.2f} s"
    )


def _extract_bare(signal: Signal) -> None:
    """Extract the features of a segment in a worker process."""
    from app.core.audio import resample  # noqa: PLC0415

    resampled = resample(signal, 16_000)
    smile_of("ComParE_2016").process_signal(resampled.samples, resampled.sampling_rate)


def against_opensmile(service: Running, call: Signal) -> None:
    """Compare the time of a call with the default bundle and with the bundle `opensmile`, alternately."""
    body, ratios = encode(call), []
    for _ in range(3):
        seconds = []
        for model in ("multilingual", "opensmile"):
            started = time.perf_counter()
            post(service, body, model)
            seconds.append(time.perf_counter() - started)
        ratios.append(seconds[0] / seconds[1])
    print(
        f"{call.duration:.0f} s of stereo: multilingual takes {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f}) of the time of opensmile"
    )


def cost(service: Running, call: Signal) -> None:
    """Measure the memory of an hour of stereo, and the latency of concurrent short requests."""
    minute, hour = join([call], 60), join([call], 3600)
    memory = {name: peak_memory(service, encode(signal)) for name, signal in (("minute", minute),)}
    short = wav(three_seconds())
    before = put_under_load(service.port, short, 1, 10)
    answered = threading.Event()
    peak = 0

    def call_for_an_hour() -> None:
        nonlocal peak
        peak = peak_memory(service, encode(hour))
        answered.set()

    started = time.perf_counter()
    thread = threading.Thread(target=call_for_an_hour)
    thread.start()
    meanwhile: list[float] = []
    while not answered.is_set():
        meanwhile += put_under_load(service.port, short, 1, 2).latencies
    thread.join()
    print(
        f"an hour of stereo: {time.perf_counter() - started:.0f} s; peak memory "
        f"{(peak - memory['minute']) / 2**20:+.0f} MiB relative to a minute; median latency of a short "
        f"request {1000 * statistics.median(before.latencies):.0f} ms before, "
        f"{1000 * statistics.median(meanwhile):.0f} ms during the call"
    )


def peak_memory(service: Running, body: bytes) -> int:
    """Return the peak memory of all processes of the service during a call, in bytes."""
    answered, peaks = threading.Event(), [service.memory_bytes()]

    def watch() -> None:
        while not answered.wait(0.1):
            peaks.append(service.memory_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    post(service, body)
    answered.set()
    watcher.join()
    return max(peaks)


if __name__ == "__main__":
    main()
