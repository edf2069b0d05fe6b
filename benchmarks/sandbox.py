"""The cost of the sandbox of a worker.

    python -m benchmarks.sandbox [ROUNDS]

Two pools with one worker each recognize the same utterance of 3 s with the default bundle, one request at a
time. One pool has the sandbox, the other has not. They alternate after each request. The exit status is 1 if
the sandbox takes more than 3 % of the time.
"""

import asyncio
import statistics
import sys
import time

from app.pool.pool import WorkerPool
from app.pool.slots import Slots
from app.pool.tasks import Recognize
from benchmarks.serving import ROOT
from benchmarks.soak import verdict
from benchmarks.throughput import three_seconds, wav

BUNDLE = ROOT / "models" / "multilingual"
WARM_UP = 10
MOST = 1.03
"""The largest ratio of the times with and without the sandbox."""


def main() -> int:
    """Run the measurement and print the ratio.

    Returns:
        The exit status; 1 if the guarantee is broken.
    """
    n_rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    open_, sandboxed = asyncio.run(measure(n_rounds))
    for name, seconds in (("open", open_), ("in the sandbox", sandboxed)):
        print(f"{name}: median {1000 * statistics.median(seconds):.2f} ms of {n_rounds} requests")
    ratios = [with_ / without for with_, without in zip(sandboxed, open_, strict=True)]
    ratio = statistics.median(ratios)
    return 0 if verdict(f"ratio, median of the pairs: {ratio:.4f}", passed=ratio <= MOST) else 1


async def measure(n_rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each request: without the sandbox, and with it."""
    task = Recognize(wav(three_seconds()), BUNDLE.name, "mix", 0.25, 60.0)
    pools = [
        WorkerPool([BUNDLE], n_workers=1, slots=Slots(1), request_timeout=30, sandbox=sandbox)
        for sandbox in (False, True)
    ]
    for pool in pools:
        await pool.start()
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(-WARM_UP, n_rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            await pools[which].recognize(task)
            if number >= 0:
                seconds[which].append(time.perf_counter() - began)
    for pool in pools:
        await pool.stop()
    return seconds


if __name__ == "__main__":
    sys.exit(main())
