"""A Dask cluster, which analyses recordings on several machines."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from app.api.schemas import TimelineAnswer
from app.core.bundle import read_bundle
from app.core.errors import BundleError
from app.core.recognizer import EmotionRecognizer
from app.core.speech import SpeechDetector
from app.engines import DIED, Engine, EngineLost, NotAnalysed, Plan, analyze
from app.sources import Source
from app.tasks import Task, Tools

Answer = TypeVar("Answer")

AHEAD = 2
"""Recordings for each worker that are on their way, so that none waits for the next."""
WORKER_WITHIN = 60
"""Seconds in which a cluster has to have its first worker."""


@asynccontextmanager
async def cluster(address: str, plan: Plan) -> AsyncIterator[Engine]:
    """The cluster of a scheduler; its workers have this package, the bundle at the same place, and the files.

    Args:
        address: of the scheduler, such as `tcp://host:8786`.
        plan: how to analyse.

    Raises:
        ValueError: the extra `bulk` is not installed, nobody answers at the address, or there is no worker.
    """
    try:
        from distributed import Client, KilledWorker  # noqa: PLC0415  # an extra
        from distributed.client import FutureCancelledError  # noqa: PLC0415
    except ImportError as error:
        raise ValueError("--engine: install the extra `bulk` (requirements/bulk.txt)") from error
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # it raises what it logs
    try:
        client = await Client(address, asynchronous=True, timeout="10s")
    except (OSError, ValueError) as error:
        raise ValueError(f"--engine: no Dask scheduler answers at {address}: {error}") from error

    async def submit(source: Source) -> TimelineAnswer:
        future = client.submit(analyze_there, source, plan, pure=False)
        try:
            answer = await future
        except KilledWorker as error:
            raise NotAnalysed(DIED) from error
        except (FutureCancelledError, OSError) as error:
            raise EngineLost(f"--engine: the scheduler is gone: {error}") from error
        except (ImportError, RuntimeError) as error:
            raise EngineLost(
                "--engine: the cluster does not know this program; start scheduler and workers with "
                f"`python -m dask` where it is: {error}"
            ) from error
        if "error" in answer:
            raise NotAnalysed(answer["error"])
        return TimelineAnswer.model_validate(answer)

    async with client:
        try:
            await client.wait_for_workers(1, timeout=WORKER_WITHIN)
        except TimeoutError as error:
            raise ValueError(f"--engine: {address} has no worker") from error
        threads = sum((await client.nthreads()).values())
        yield Engine(submit, AHEAD * threads)


_one_at_a_time = threading.Lock()  # openSMILE is not safe in threads, which a worker of Dask may have


def analyze_there(source: Source, plan: Plan) -> dict[str, Any]:
    """Analyse a recording in a process of the cluster.

    Returns:
        The answer, or `error`: what the engine here would have said.
    """
    with _one_at_a_time:
        try:
            return asyncio.run(analyze(source, _here(plan.folder, plan.files), plan)).model_dump()
        except (NotAnalysed, BundleError) as error:
            return {"error": str(error)}


class _Here:
    """A pool without processes: the tasks are done at once, in this one."""

    n_workers = 1

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def do(self, task: Task[Answer]) -> Answer:
        """Do a task."""
        return task.run(self._tools)


@cache
def _here(folder: Path, files: Sequence[tuple[str, str]]) -> _Here:
    """Load the bundle, once in a process."""
    bundle = read_bundle(folder)
    if tuple(sorted(bundle.manifest.files.items())) != files:
        raise BundleError(f"{folder}: the bundle on this machine of the cluster is another one")
    detector = SpeechDetector()
    return _Here(Tools({folder.name: EmotionRecognizer(bundle, detector)}, detector))
