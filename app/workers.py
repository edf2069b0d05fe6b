"""The pool of recogniser processes.

openSMILE is not safe in threads and an upload is hostile until it is decoded, so both happen in
processes of their own. Each worker is one process that holds every bundle; it has one recording
at a time, and a worker that dies or overruns takes down that request alone and is replaced.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.audio import Channel, decode, select_channel
from app.core.bundle import read_bundle
from app.core.errors import SpeechEmotionError
from app.core.recognition import Recognition

if TYPE_CHECKING:
    from app.core.recognizer import EmotionRecognizer


logger = logging.getLogger("uvicorn.error")

RESTART_PAUSE = 1.0  # seconds


class WorkerError(SpeechEmotionError):
    """The pool could not answer."""


class NotReady(WorkerError):
    """The workers are still loading, or the service is stopping."""


class Overloaded(WorkerError):
    """Every worker is busy and the queue is full."""


class DeadlineExceeded(WorkerError):
    """No answer within the time a request may take."""


class WorkerLost(WorkerError):
    """The worker died while it had this recording."""


@dataclass(frozen=True, slots=True)
class Task:
    """One recording to recognise.

    Attributes:
        data: the WAV or FLAC file.
        model: the name of the bundle.
        channel: which channel is analysed.
        min_seconds: the shortest recording accepted.
        max_seconds: the longest.
    """

    data: bytes
    model: str
    channel: Channel
    min_seconds: float
    max_seconds: float


# In a worker: its recognisers, by the bundle's name.
_recognizers: dict[str, "EmotionRecognizer"] = {}


def _load(folders: Sequence[Path]) -> int:
    """In a worker: load every bundle, and say which process this is."""
    # Imported here, since openSMILE's binding brings pandas, which the service itself never needs.
    from app.core.recognizer import EmotionRecognizer  # noqa: PLC0415

    # Ctrl-C goes to the whole process group; stopping is the service's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_service, daemon=True).start()
    for folder in folders:
        _recognizers[folder.name] = EmotionRecognizer(read_bundle(folder))
    return os.getpid()


def _end_with_service() -> None:
    """In a worker: end when the service is gone, however it went."""
    service = multiprocessing.parent_process()
    if service is not None:
        service.join()
        os._exit(1)


def _recognize(task: Task) -> Recognition:
    """In a worker: from the file's bytes to the answer."""
    recording = decode(task.data, min_seconds=task.min_seconds, max_seconds=task.max_seconds)
    return _recognizers[task.model].recognize(select_channel(recording, task.channel))


@dataclass(frozen=True, slots=True)
class _Worker:
    """One process."""

    executor: ProcessPoolExecutor
    pid: int


class WorkerPool:
    """Recogniser processes behind a bounded queue.

    Use it from one event loop: `start`, then `recognize` as often as wanted, then `stop`.
    """

    def __init__(
        self, folders: Sequence[Path], *, n_workers: int, queue_depth: int, request_timeout: float
    ) -> None:
        """Describe the pool; nothing is started yet.

        Args:
            folders: the bundles that each worker loads.
            n_workers: the number of processes.
            queue_depth: how many recordings may wait while all workers are busy.
            request_timeout: seconds a recording may take, waiting included.
        """
        self._folders = tuple(folder.absolute() for folder in folders)
        self._n_workers = n_workers
        self._queue_depth = queue_depth
        self._request_timeout = request_timeout
        # The fork server imports the recogniser once; workers share that memory.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["app.core.recognizer"])
        # The worker that was busy last is taken first: its processor caches are still warm.
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        self._pending = 0
        self._replacements: set[asyncio.Task[None]] = set()
        self.ready = False

    async def start(self) -> None:
        """Start the workers and wait until each has loaded every bundle.

        Raises:
            BundleError: a bundle does not match this installation.
        """
        await asyncio.gather(*(self._start_worker() for _ in range(self._n_workers)))
        self.ready = True

    async def stop(self) -> None:
        """End the workers; recordings that they have are finished first."""
        self.ready = False
        for replacement in self._replacements:
            replacement.cancel()
        while not self._idle.empty():
            worker = self._idle.get_nowait()
            await asyncio.to_thread(worker.executor.shutdown)

    async def recognize(self, task: Task) -> Recognition:
        """Recognise one recording in the next free worker.

        Args:
            task: the recording.

        Returns:
            What was heard.

        Raises:
            AudioError: the recording cannot be analysed.
            NotReady: the pool is not started, or stopping.
            Overloaded: every worker is busy and the queue is full.
            DeadlineExceeded: no answer in time.
            WorkerLost: the worker died.
        """
        if not self.ready:
            raise NotReady("The service is starting or stopping. Try again in a moment.")
        if self._pending >= self._n_workers + self._queue_depth:
            raise Overloaded("The service has as many recordings as it can hold. Try again in a moment.")
        self._pending += 1
        try:
            async with asyncio.timeout(self._request_timeout):
                worker = await self._idle.get()
                return await self._run(worker, task)
        except TimeoutError as error:
            raise DeadlineExceeded(
                f"No answer within {self._request_timeout:g} s. Try again, or send a shorter recording."
            ) from error
        finally:
            self._pending -= 1

    async def _run(self, worker: _Worker, task: Task) -> Recognition:
        """Have a worker do a task, and put the worker back, or another in its place."""
        loop = asyncio.get_running_loop()
        try:
            recognition = await loop.run_in_executor(worker.executor, _recognize, task)
        except BrokenExecutor as error:
            self._replace(worker)
            raise WorkerLost("The process that had this recording died. Try again.") from error
        except asyncio.CancelledError:
            self._replace(worker)  # the deadline has passed, and the worker is still at it
            raise
        except BaseException:
            self._idle.put_nowait(worker)
            raise
        self._idle.put_nowait(worker)
        return recognition

    def _replace(self, worker: _Worker) -> None:
        """End a worker at once and start another in the background."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
        worker.executor.shutdown(wait=False)
        replacement = asyncio.create_task(self._start_worker_at_last())
        self._replacements.add(replacement)
        replacement.add_done_callback(self._replacements.discard)

    async def _start_worker_at_last(self) -> None:
        """Start a worker, and try again as long as the machine does not let it start."""
        while True:
            try:
                return await self._start_worker()
            except (BrokenExecutor, OSError, SpeechEmotionError):
                logger.exception("a worker did not start; trying again in %g s", RESTART_PAUSE)
                await asyncio.sleep(RESTART_PAUSE)

    async def _start_worker(self) -> None:
        """Start a worker; it takes work as soon as it has loaded the bundles."""
        executor = ProcessPoolExecutor(max_workers=1, mp_context=self._context)
        pid = await asyncio.get_running_loop().run_in_executor(executor, _load, self._folders)
        self._idle.put_nowait(_Worker(executor, pid))
