"""The throughput and the latency of the service, compared with bare openSMILE.

    python -m benchmarks.throughput [SECONDS]

For each feature set, and for the default bundle, the benchmark measures the answers per second over HTTP
with all workers busy. It compares them with the `opensmile.Smile` calls per second in the same number of
processes, and with a service that calls openSMILE in a thread pool. It also compares the latency of one
client with that of the bare call. The measurements alternate in short turns, so that a drift of the speed
of the machine affects all of them equally. The ratios are therefore more reliable than the absolute values.
"""

import contextlib
import http.client
import io
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import opensmile
import soundfile

from app.core.audio import Signal, decode
from app.core.bundle import read_bundle
from app.core.features import FeatureSet
from app.core.recognizer import EmotionRecognizer
from benchmarks.serving import (
    RAW,
    ROOT,
    Running,
    median_milliseconds,
    percentile,
    proportional_bytes,
    put_under_load,
    running,
)
from testing import bundles

CLIP_SECONDS = 3
ROUNDS = 15
LATENCY_TURNS = 60
TRANSFORMER_TURNS = 10
WARM_UP = 5


def main() -> None:
    """Run the measurements and print the results."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    n_workers = len(os.sched_getaffinity(0))
    clip = three_seconds()
    print(f"{n_workers} workers; {CLIP_SECONDS} s clips; {ROUNDS} alternating rounds of {seconds:g} s")
    shipped = ROOT / "models"
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder)
        served: list[tuple[FeatureSet, Path, str]] = [
            ("eGeMAPSv02", small, bundles.write(small, "small-egemaps", "eGeMAPSv02").name),
            ("emobase", small, bundles.write(small, "small-emobase", "emobase").name),
            ("ComParE_2016", shipped, "opensmile"),
            ("ComParE_2016", shipped, "multilingual"),
        ]
        for feature_set, models, name in served:
            naive = f"import uvicorn, benchmarks.naive as n; uvicorn.run(n.create_app({feature_set!r}), port="
            naive += "int(__import__('os').environ['SER_PORT']), log_level='critical')"
            settings = {"SER_MODELS_DIR": str(models), "SER_DEFAULT_MODEL": name, "SER_SHUTDOWN_DELAY": "0"}
            with running(**settings) as service, running(("-c", naive)) as naive_service:
                print(f"\n{name}, compared with bare {feature_set}")
                compare(feature_set, clip, service, naive_service, n_workers, seconds)
    compare_cost(clip)
    compare_with_transformer(clip)


def compare_cost(clip: Signal) -> None:
    """Compare inputs and inference of the default bundle with bare openSMILE, alternately on one core."""
    smile, recognizer = (
        smile_of("ComParE_2016"),
        EmotionRecognizer(read_bundle(ROOT / "models" / "multilingual")),
    )
    own, ratios = [], []
    for turn in range(WARM_UP + LATENCY_TURNS):
        started = time.perf_counter()
        smile.process_signal(clip.samples, clip.sampling_rate)
        called = time.perf_counter()
        recognizer.recognize_speech(clip)
        if turn >= WARM_UP:
            own.append(time.perf_counter() - called)
            ratios.append(own[-1] / (called - started))
    print(f"\nmultilingual, inputs and inference on one core: {median_milliseconds(own):.1f} ms, ", end="")
    print(f"{spread(ratios)} of bare ComParE_2016")


def compare(
    feature_set: FeatureSet, clip: Signal, service: Running, naive: Running, n_workers: int, seconds: float
) -> None:
    """Measure one feature set and print the results."""
    body = wav(clip)
    put_under_load(service.port, body, n_workers, 1)
    bare_rates, http_rates, pool_rates = [], [], []
    with bare_calls(feature_set, clip, n_workers) as bare_throughput:
        for _ in range(ROUNDS):
            bare_rates.append(bare_throughput(seconds))
            http_rates.append(put_under_load(service.port, body, 2 * n_workers, seconds).throughput)
            pool_rates.append(put_under_load(naive.port, body, 2 * n_workers, seconds).throughput)
    ratios = [rate / bare_rate for rate, bare_rate in zip(http_rates, bare_rates, strict=True)]
    pool_ratios = [rate / pool_rate for rate, pool_rate in zip(http_rates, pool_rates, strict=True)]
    print(f"  bare calls a second         {statistics.median(bare_rates):8.1f}")
    print(f"  over HTTP                   {statistics.median(http_rates):8.1f}   ratio {spread(ratios)}")
    print(f"  thread pool                 {statistics.median(pool_rates):8.1f}   ratio {spread(pool_ratios)}")
    bare, over_http = latencies(feature_set, clip, service.port)
    print(f"  bare call                   {bare:8.1f} ms")
    print(f"  one client                  {over_http:8.1f} ms; {over_http - bare:+.1f} ms")
    for n_clients in (1, n_workers, 4 * n_workers):
        load = put_under_load(service.port, body, n_clients, seconds)
        p50, p99 = (1000 * percentile(load.latencies, percent) for percent in (50, 99))
        print(f"  {n_clients:2} clients: p50 / p99        {p50:8.1f} / {p99:.1f} ms")
    worker = statistics.mean(proportional_bytes(pid) for pid in service.worker_pids()) / 2**20
    print(f"  memory: a worker / all      {worker:8.0f} / {service.memory_bytes() / 2**20:.0f} MiB")
    print(f"  ready after                 {service.start_seconds:8.1f} s")


def compare_with_transformer(clip: Signal) -> None:
    """Compare the recognizer with a network of the size of wav2vec 2.0 base, alternately."""
    if find_spec("torch") is None:
        print("\ntorch is not installed; skipping the comparison with a network of wav2vec 2.0 base's size")
        return
    from benchmarks.transformer import on_one_core  # noqa: PLC0415  # few machines have torch

    transformer, recognizer = on_one_core(), EmotionRecognizer(read_bundle(ROOT / "models" / "multilingual"))
    ratios = []
    for turn in range(WARM_UP + TRANSFORMER_TURNS):
        started = time.perf_counter()
        recognizer.recognize(clip)
        recognized = time.perf_counter()
        transformer(clip.samples)
        if turn >= WARM_UP:
            ratios.append((time.perf_counter() - recognized) / (recognized - started))
    print(
        f"\na network of wav2vec 2.0 base's size, one core: {spread(ratios)} times as long as the recognizer"
    )


def spread(ratios: list[float]) -> str:
    """Format the median and the quartiles."""
    lower, median, upper = statistics.quantiles(ratios, n=4)
    return f"{median:.2f} ({lower:.2f} to {upper:.2f})"


@contextlib.contextmanager
def bare_calls(feature_set: FeatureSet, clip: Signal, n_processes: int) -> Iterator[Callable[[float], float]]:
    """Start processes that call `opensmile.Smile`.

    Yields:
        A function of the seconds to run. It returns the calls per second of all processes.
    """
    spawn = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        # One pool per process, so that each process has exactly one run at a time.
        pools = [stack.enter_context(ProcessPoolExecutor(1, spawn)) for _ in range(n_processes)]

        def throughput(seconds: float) -> float:
            runs = [pool.submit(_calls_a_second, feature_set, clip, seconds) for pool in pools]
            return sum(run.result() for run in runs)

        throughput(1.0)  # starts the processes and their imports
        yield throughput


def _calls_a_second(feature_set: FeatureSet, clip: Signal, seconds: float) -> float:
    """Measure the calls per second in a worker process."""
    smile = smile_of(feature_set)
    smile.process_signal(clip.samples, clip.sampling_rate)
    calls, started = 0, time.perf_counter()
    while (now := time.perf_counter()) - started < seconds:
        smile.process_signal(clip.samples, clip.sampling_rate)
        calls += 1
    return calls / (now - started)


def smile_of(feature_set: FeatureSet) -> opensmile.Smile:
    """Create an extractor as in the documentation of openSMILE."""
    return opensmile.Smile(opensmile.FeatureSet[feature_set], opensmile.FeatureLevel.Functionals)


def latencies(feature_set: FeatureSet, clip: Signal, port: int) -> tuple[float, float]:
    """Return the median latency of the bare call and of the request of one client, in ms; alternate them."""
    smile, body = smile_of(feature_set), wav(clip)
    client = http.client.HTTPConnection("127.0.0.1", port)
    bare, served = [], []
    for turn in range(WARM_UP + LATENCY_TURNS):
        started = time.perf_counter()
        smile.process_signal(clip.samples, clip.sampling_rate)
        called = time.perf_counter()
        client.request("POST", "/v1/audio/emotions", body, RAW)
        client.getresponse().read()
        if turn >= WARM_UP:
            bare.append(called - started)
            served.append(time.perf_counter() - called)
    client.close()
    return median_milliseconds(bare), median_milliseconds(served)


def three_seconds() -> Signal:
    """Return a clip of CLIP_SECONDS."""
    signal = decode((ROOT / "examples" / "utterance.wav").read_bytes())
    return Signal(signal.samples[:, : CLIP_SECONDS * signal.sampling_rate], signal.sampling_rate)


def wav(clip: Signal) -> bytes:
    """Encode the clip as a WAV file."""
    file = io.BytesIO()
    soundfile.write(file, clip.samples.T, clip.sampling_rate, subtype="PCM_16", format="WAV")
    return file.getvalue()


if __name__ == "__main__":
    main()
