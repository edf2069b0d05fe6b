"""The pool of recogniser processes.

openSMILE is not safe in threads and an upload is hostile until it is decoded, so both happen in
processes of their own (`app.worker`). Each holds every bundle and has one recording at a time; one
that dies or overruns takes down that request alone and is replaced. So is one that dies while it
waits, or that has grown too large.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import socket
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from app.core.errors import SpeechEmotionError
from app.core.recognition import Recognition
from app.tasks import Recognize, Task
from app.worker import ask, read_answer, work

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

RESTART_PAUSE = 1.0  # seconds
DEATHS = (OSError, EOFError)
"""What a channel raises whose other end is gone."""


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


@dataclass(frozen=True, slots=True, eq=False)
class _Worker:
    """One process, and the channel to it."""

    process: ForkServerProcess
    reader: StreamReader
    writer: StreamWriter

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid or 0

    @property
    def resident_bytes(self) -> int:
        """Memory that it holds; 0 once it is dead."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


class WorkerPool:
    """Recogniser processes behind a bounded queue.

    Use it from one event loop: `start`, then `recognize` within a `place` as often as wanted, then
    `stop`.

    Attributes:
        ready: whether recordings are taken.
        draining: whether the service is about to stop; recordings are taken still.
        replaced: how many workers were replaced, by reason.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        n_workers: int,
        queue_depth: int,
        request_timeout: float,
        max_worker_bytes: int = 1024**3,
    ) -> None:
        """Describe the pool; nothing is started yet.

        Args:
            folders: the bundles that each worker loads.
            n_workers: the number of processes.
            queue_depth: how many recordings may wait while all workers are busy.
            request_timeout: seconds a recording may take, waiting included.
            max_worker_bytes: a worker that holds more memory is replaced after its recording.
        """
        self._folders = tuple(folder.absolute() for folder in folders)
        self.n_workers = n_workers
        self._queue_depth = queue_depth
        self._request_timeout = request_timeout
        self._max_worker_bytes = max_worker_bytes
        # The fork server imports the recogniser once; workers share that memory.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["app.worker"])
        # The worker that was busy last is taken first: its processor caches are still warm.
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        self._alive: set[_Worker] = set()
        self._parts = asyncio.Semaphore(n_workers)
        self._n_places = self._n_waiting = 0
        self._replacements: set[asyncio.Task[None]] = set()
        self.ready = False
        self.draining = False
        self.replaced = Counter[str]()

    @property
    def n_alive(self) -> int:
        """Workers that live."""
        return len(self._alive)

    @property
    def n_places(self) -> int:
        """Requests that have a place, from before their upload is read."""
        return self._n_places

    @property
    def n_waiting(self) -> int:
        """Recordings that wait for a worker."""
        return self._n_waiting

    async def start(self) -> None:
        """Start the workers and wait until each has loaded every bundle.

        Raises:
            BundleError: a bundle does not match this installation.
        """
        await asyncio.gather(*(self._start_worker() for _ in range(self.n_workers)))
        self.ready = True

    async def stop(self) -> None:
        """End the workers; recordings that they have are finished first."""
        self.ready = False
        for replacement in self._replacements:
            replacement.cancel()
        await asyncio.gather(*self._replacements, return_exceptions=True)
        for worker in tuple(self._alive):
            self._forget(worker)
            worker.writer.close()  # it ends once it has nothing more to read
            await asyncio.to_thread(worker.process.join)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places that there are for requests, before their upload is taken.

        Raises:
            NotReady: the pool is not started, or stopping.
            Overloaded: every place is taken.
        """
        if not self.ready:
            raise NotReady("The service is starting or stopping. Try again in a moment.")
        if self._n_places >= self.n_workers + self._queue_depth:
            raise Overloaded("The service has as many recordings as it can hold. Try again in a moment.")
        self._n_places += 1
        try:
            yield
        finally:
            self._n_places -= 1

    async def recognize(self, task: Recognize) -> Recognition:
        """Recognise one recording in the next free worker.

        Args:
            task: the recording.

        Returns:
            What was heard; among its seconds are those in the queue.

        Raises:
            AudioError: the recording cannot be analysed.
            NotReady: the pool is not started, or stopping.
            DeadlineExceeded: no answer in time.
            WorkerLost: the worker died.
        """
        recognition, waited = await self._do(task)
        return replace(recognition, seconds={"queue": waited, **recognition.seconds})

    async def do(self, task: Task[Answer]) -> Answer:
        """Do a part of something long, so that what is short need not wait for all of it.

        No more parts are under way than there are workers, whatever they are of. As workers are
        handed out in the order of the asking, a request waits for one part at most.

        Raises:
            As `recognize`.
        """
        async with self._parts:
            answer, _ = await self._do(task)
        return answer

    async def _do(self, task: Task[Answer]) -> tuple[Answer, float]:
        """Do a task in the next free worker: the answer, and the seconds that it waited."""
        if not self.ready:
            raise NotReady("The service is starting or stopping. Try again in a moment.")
        started = perf_counter()
        try:
            async with asyncio.timeout(self._request_timeout):
                worker = await self._next_idle()
                waited = perf_counter() - started
                return await self._run(worker, task), waited
        except TimeoutError as error:
            raise DeadlineExceeded(
                f"No answer within {self._request_timeout:g} s. Try again, or send a shorter recording."
            ) from error

    async def _next_idle(self) -> _Worker:
        """Wait for a worker that lives."""
        self._n_waiting += 1
        try:
            while True:
                worker = await self._idle.get()
                if worker in self._alive:
                    return worker
        finally:
            self._n_waiting -= 1

    async def _run(self, worker: _Worker, task: Task[Answer]) -> Answer:
        """Have a worker do a task, and put the worker back, or another in its place."""
        try:
            answer = await ask(task, worker.reader, worker.writer)
        except DEATHS as error:
            self._replace(worker, "died")
            raise WorkerLost("The process that had this recording died. Try again.") from error
        except asyncio.CancelledError:
            self._replace(worker, "deadline")  # it has passed, and the worker is still at it
            raise
        except SpeechEmotionError:
            self._put_back(worker)
            raise
        self._put_back(worker)
        return answer

    def _put_back(self, worker: _Worker) -> None:
        """Let a worker take the next recording, unless it has grown too large."""
        if worker.resident_bytes > self._max_worker_bytes:
            self._replace(worker, "grown")
        else:
            self._idle.put_nowait(worker)

    def _replace(self, worker: _Worker, reason: str) -> None:
        """End a worker at once and start another in the background; once is enough."""
        if worker not in self._alive:
            return
        self.replaced[reason] += 1
        logger.warning("worker %d is replaced: %s", worker.pid, reason)
        self._forget(worker)
        worker.process.kill()
        worker.writer.close()
        replacement = asyncio.create_task(self._start_worker_at_last())
        self._replacements.add(replacement)
        replacement.add_done_callback(self._replacements.discard)

    def _forget(self, worker: _Worker) -> None:
        """Watch a worker no longer."""
        self._alive.discard(worker)
        asyncio.get_running_loop().remove_reader(worker.process.sentinel)

    async def _start_worker_at_last(self) -> None:
        """Start a worker, and try again as long as the machine does not let it start."""
        while True:
            try:
                return await self._start_worker()
            except (*DEATHS, SpeechEmotionError):
                logger.exception("a worker did not start; trying again in %g s", RESTART_PAUSE)
                await asyncio.sleep(RESTART_PAUSE)

    async def _start_worker(self) -> None:
        """Start a worker; it takes work as soon as it has loaded the bundles."""
        ours, theirs = socket.socketpair()
        process = self._context.Process(target=work, args=(theirs, self._folders), daemon=True)
        with contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            with theirs:
                await asyncio.to_thread(process.start)
            undo.callback(process.kill)
            reader, writer = await asyncio.open_connection(sock=ours)
            undo.callback(writer.close)
            await read_answer(reader)
            undo.pop_all()
        worker = _Worker(process, reader, writer)
        self._alive.add(worker)
        # One that dies while it waits is replaced then, not when a request finds it dead.
        asyncio.get_running_loop().add_reader(process.sentinel, self._replace, worker, "died")
        self._idle.put_nowait(worker)
