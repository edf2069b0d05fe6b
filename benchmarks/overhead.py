"""What the service adds to the recogniser, for one client that posts one 3 s clip at a time.

    python -m benchmarks.overhead [REQUESTS]

The bare recogniser call and the request take turns within one run, so that a machine whose speed
drifts slows both. Prints both medians and their ratio.
"""

import contextlib
import io
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import soundfile

from app.core.audio import Signal, decode
from app.core.bundle import read_bundle
from app.core.recognizer import EmotionRecognizer

ROOT = Path(__file__).parent.parent
CLIP_SECONDS = 3
WARM_UP = 5


def main() -> None:
    """Measure and print."""
    n_requests = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    signal = decode((ROOT / "examples" / "utterance.wav").read_bytes())
    clip = Signal(signal.samples[:, : CLIP_SECONDS * signal.sampling_rate], signal.sampling_rate)
    file = io.BytesIO()
    soundfile.write(file, clip.samples.T, clip.sampling_rate, subtype="PCM_16", format="WAV")
    recognizer = EmotionRecognizer(read_bundle(ROOT / "models" / "multilingual"))

    with running_service() as client:

        def request() -> None:
            client.post("/v1/audio/emotions", files={"file": file.getvalue()}).raise_for_status()

        bare, http = take_turns([lambda: recognizer.recognize(clip), request], n_requests)
    print(f"bare recogniser call  {1000 * statistics.median(bare):6.1f} ms (median of {n_requests})")
    print(f"request over HTTP     {1000 * statistics.median(http):6.1f} ms")
    print(f"ratio                 {statistics.median(http) / statistics.median(bare):6.3f}")


def take_turns(calls: list[Callable[[], object]], n_turns: int) -> list[list[float]]:
    """Time several calls in turns.

    Args:
        calls: what to time.
        n_turns: how often each, after a warm-up.

    Returns:
        For each call its durations, in seconds.
    """
    durations: list[list[float]] = [[] for _ in calls]
    for turn in range(WARM_UP + n_turns):
        for call, times in zip(calls, durations, strict=True):
            start = time.perf_counter()
            call()
            if turn >= WARM_UP:
                times.append(time.perf_counter() - start)
    return durations


@contextlib.contextmanager
def running_service() -> Iterator[httpx2.Client]:
    """Run the service with the shipped bundle, and give a client of it once it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "app"],
        cwd=ROOT,
        env={**os.environ, "SER_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            while not _ready(client):
                if process.poll() is not None:
                    raise SystemExit("the service did not start; `make serve` says why")
                time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait()


def _ready(client: httpx2.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == httpx2.codes.OK
    except httpx2.ConnectError:
        return False


if __name__ == "__main__":
    main()
