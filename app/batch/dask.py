"""The engine of a Dask cluster, which analyzes recordings on several machines."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from app.answers import TimelineAnswer
from app.batch.engine import DIED, AnalysisOptions, Engine, NotAnalyzed, analyze
from app.batch.sources import Source
from app.cluster import WORKER_WITHIN, ClusterError, connecting
from app.core.bundle import read_bundle
from app.core.errors import BundleError
from app.core.recognizer import EmotionRecognizer
from app.core.speech import SpeechDetector
from app.pool.task import Task, WorkerContext

Answer = TypeVar("Answer")

AHEAD = 2
"""The number of submitted recordings per worker thread, so that no thread is idle between two recordings."""


@asynccontextmanager
async def cluster(address: str, options: AnalysisOptions) -> AsyncIterator[Engine]:
    """Connect to a cluster. Its workers need this package, the bundle at the same path, and the recordings.

    Args:
        address: the address of the scheduler, such as `tcp://host:8786`.
        options: the options of the analysis.

    Yields:
        The engine of the cluster.

    Raises:
        ClusterError: the extra `bulk` is not installed, no scheduler answers, or the cluster has no worker.
    """
    with connecting(address) as connect:
        client = await connect(asynchronous=True)
    from distributed import KilledWorker  # noqa: PLC0415  # an extra
    from distributed.client import FutureCancelledError  # noqa: PLC0415

    async def submit(source: Source) -> TimelineAnswer:
        future = client.submit(analyze_there, source, options, pure=False)
        try:
            answer = await future
        except KilledWorker as error:
            raise NotAnalyzed(DIED) from error
        except (FutureCancelledError, OSError) as error:
            raise ClusterError(f"--engine: the connection to the scheduler is lost: {error}") from error
        except (ImportError, RuntimeError) as error:
            raise ClusterError(
                "--engine: the cluster cannot import this program; start the scheduler and the workers with "
                f"`python -m dask` in its environment: {error}"
            ) from error
        if "error" in answer:
            raise NotAnalyzed(answer["error"])
        return TimelineAnswer.model_validate(answer)

    async with client:
        try:
            await client.wait_for_workers(1, timeout=WORKER_WITHIN)
        except TimeoutError as error:
            raise ClusterError(f"--engine: {address} has no worker; start at least one worker") from error
        threads = sum((await client.nthreads()).values())
        yield Engine(submit, AHEAD * threads)


_one_at_a_time = threading.Lock()  # openSMILE is not thread-safe, and a Dask worker may have several threads


def analyze_there(source: Source, options: AnalysisOptions) -> dict[str, Any]:
    """Analyze a recording in a process of the cluster.

    Returns:
        The answer, or `error` with the reason.
    """
    with _one_at_a_time:
        try:
            return asyncio.run(analyze(source, _pool_of(options.folder, options.files), options)).model_dump()
        except (NotAnalyzed, BundleError) as error:
            return {"error": str(error)}


class _InProcessPool:
    """A pool that runs each task at once in this process."""

    n_workers = 1

    def __init__(self, context: WorkerContext) -> None:
        self._context = context

    async def run(self, task: Task[Answer]) -> Answer:
        """Run a task."""
        return task.run(self._context)


@cache
def _pool_of(folder: Path, files: Sequence[tuple[str, str]]) -> _InProcessPool:
    """Load the bundle and create the pool, once per process."""
    bundle = read_bundle(folder)
    if tuple(sorted(bundle.manifest.files.items())) != files:
        raise BundleError(f"{folder}: the bundle on this cluster machine differs; install the same bundle")
    detector = SpeechDetector()
    return _InProcessPool(WorkerContext({folder.name: EmotionRecognizer(bundle, detector)}, detector))
