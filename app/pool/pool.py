"""The pool of recognizer processes.

openSMILE is not thread-safe, and an upload is untrusted until it is decoded. Both therefore run in worker
processes (`app.pool.process`). Each worker loads every bundle and processes one recording at a time. If a
worker dies or exceeds the deadline, only its request fails. The pool replaces such a worker, an idle
worker that dies, and a worker that has grown too large.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import socket
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from app.core.errors import SpeechEmotionError
from app.core.recognition import Recognition
from app.pool.errors import DeadlineExceeded, NotReady, WorkerLost
from app.pool.fair_queue import FairQueue
from app.pool.process import read_answer, request, work
from app.pool.slots import Slots
from app.pool.task import Task
from app.pool.tasks import Recognize
from app.pool.worker import Worker

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

RESTART_PAUSE = 1.0  # seconds
DEATHS = (OSError, EOFError)
"""The errors of a channel whose other end is closed."""


class WorkerPool:
    """Worker processes behind a bounded queue, in which callers take turns.

    Use a pool from one event loop only.

    Attributes:
        ready: whether the pool accepts recordings.
        draining: whether the service is about to stop; the pool still accepts recordings.
        replaced: the number of replaced workers, by reason.

    Example:
        >>> async def recognize(path: Path) -> str | None:
        ...     pool = WorkerPool(
        ...         [Path("models/multilingual")], n_workers=1, queue_depth=0, request_timeout=30.0
        ...     )
        ...     await pool.start()
        ...     try:
        ...         with pool.slot():
        ...             task = Recognize(path.read_bytes(), "multilingual", "mix", 0.25, 60.0)
        ...             return (await pool.recognize(task)).emotion
        ...     finally:
        ...         await pool.stop()
        >>> asyncio.run(recognize(Path("examples/utterance.wav"))) is not None
        True
    """

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        n_workers: int,
        queue_depth: int,
        request_timeout: float,
        max_worker_bytes: int = 1024**3,
        slots_per_caller: int | None = None,
    ) -> None:
        """Describe the pool; nothing is started yet.

        Args:
            folders: the bundles that each worker loads.
            n_workers: the number of processes.
            queue_depth: the number of recordings that may wait while all workers are busy.
            request_timeout: the seconds that a recording may take, including the wait.
            max_worker_bytes: the memory, in bytes, above which a worker is replaced after its recording.
            slots_per_caller: the number of requests of one caller that may hold a slot; None: half of the
                slots.
        """
        self._folders = tuple(folder.absolute() for folder in folders)
        self.n_workers = n_workers
        self._request_timeout = request_timeout
        self._max_worker_bytes = max_worker_bytes
        # The fork server imports the recognizer once; workers share that memory.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["app.pool.process"])
        # The most recently used worker runs the next task, because its processor caches are still warm.
        self._idle = FairQueue[Worker]()
        self._alive: set[Worker] = set()
        self._slots = Slots(n_workers + queue_depth, slots_per_caller)
        self._replacements: set[asyncio.Task[None]] = set()
        self.ready = False
        self.draining = False
        self.replaced = Counter[str]()

    @property
    def n_alive(self) -> int:
        """The number of live workers."""
        return len(self._alive)

    @property
    def pids(self) -> list[int]:
        """The process IDs of the live workers, sorted."""
        return sorted(worker.pid for worker in self._alive)

    @property
    def n_slots(self) -> int:
        """The number of requests that hold a slot. A request takes its slot before its upload."""
        return self._slots.n_taken

    @property
    def has_idle(self) -> bool:
        """Whether a worker is idle."""
        return self._idle.has_items

    @property
    def n_waiting(self) -> int:
        """The number of recordings that wait for a worker."""
        return self._idle.n_waiting

    async def start(self) -> None:
        """Start the workers and wait until each has loaded every bundle.

        Raises:
            BundleError: a bundle does not match this installation.
        """
        await asyncio.gather(*(self._start_worker() for _ in range(self.n_workers)))
        self.ready = True

    async def stop(self) -> None:
        """Stop the workers after their current recordings."""
        self.ready = False
        for replacement in self._replacements:
            replacement.cancel()
        await asyncio.gather(*self._replacements, return_exceptions=True)
        for worker in tuple(self._alive):
            self._forget(worker)
            worker.writer.close()  # the worker ends when the channel has no more messages
            await asyncio.to_thread(worker.process.join)

    @contextlib.contextmanager
    def slot(self, caller: str = "") -> Iterator[None]:
        """Hold a slot for a request of a caller, starting before its upload.

        Raises:
            NotReady: the pool is not started, or stopping.
            Overloaded: every slot is taken.
            ConcurrencyLimited: the caller holds as many slots as it may.
        """
        self._check_ready()
        with self._slots.hold(caller):
            yield

    async def recognize(self, task: Recognize, caller: str = "") -> Recognition:
        """Recognize one recording in the next free worker.

        Args:
            task: the recording.
            caller: the caller whose turn it takes.

        Returns:
            The recognition. Its `seconds` include the time in the queue.

        Raises:
            AudioError: the recording cannot be analyzed.
            NotReady: the pool is not started, or stopping.
            DeadlineExceeded: the time limit expired.
            WorkerLost: the worker died.
        """
        self._check_ready()
        started = perf_counter()
        async with self._deadline():
            worker = await self._next_idle(caller)
            waited = perf_counter() - started
            recognition = await self._run(worker, task, caller)
        return replace(recognition, seconds={"queue": waited, **recognition.seconds})

    async def run(self, task: Task[Answer], caller: str = "") -> Answer:
        """Run one task of a call without delaying short requests.

        The tasks of calls take turns with the recordings of their caller, as if another caller had sent
        them. Their wait has no limit here, because the analysis of a call has its own.

        Raises:
            SpeechEmotionError: as in `recognize`.
        """
        self._check_ready()
        turn = (caller, "calls")
        worker = await self._next_idle(turn)
        async with self._deadline():
            return await self._run(worker, task, turn)

    @contextlib.asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        """Limit the time of a request.

        Raises:
            DeadlineExceeded: the time limit expired.
        """
        try:
            async with asyncio.timeout(self._request_timeout):
                yield
        except TimeoutError as error:
            raise DeadlineExceeded(
                f"No answer within {self._request_timeout:g} s. Try again, or send a shorter recording."
            ) from error

    def _check_ready(self) -> None:
        """Raise `NotReady` if the pool is not started, or stopping."""
        if not self.ready:
            raise NotReady("The service is starting or stopping. Try again in a moment.")

    async def _next_idle(self, caller: Hashable) -> Worker:
        """Wait for a live worker. `_run` must follow."""
        while (worker := await self._idle.get(caller)) not in self._alive:
            self._idle.lose(caller)
        return worker

    async def _run(self, worker: Worker, task: Task[Answer], caller: Hashable) -> Answer:
        """Run a task in a worker, then return the worker to the pool or replace it."""
        try:
            answer = await request(task, worker.reader, worker.writer)
        except DEATHS as error:
            self._lose(worker, "died", caller)
            raise WorkerLost("The worker that processed this recording died. Try again.") from error
        except asyncio.CancelledError:
            self._lose(worker, "deadline", caller)  # the deadline has passed, and the worker is still busy
            raise
        except SpeechEmotionError:
            self._put_back(worker, caller)
            raise
        self._put_back(worker, caller)
        return answer

    def _put_back(self, worker: Worker, caller: Hashable) -> None:
        """Return a worker of a caller to the pool, or replace it if it has grown too large."""
        if worker.resident_bytes > self._max_worker_bytes:
            self._lose(worker, "grown", caller)
        else:
            self._idle.put_back(worker, caller)

    def _lose(self, worker: Worker, reason: str, caller: Hashable) -> None:
        """Replace the worker of a caller."""
        self._idle.lose(caller)
        self._replace(worker, reason)

    def _replace(self, worker: Worker, reason: str) -> None:
        """Kill a worker and start another in the background. Idempotent."""
        if worker not in self._alive:
            return
        self.replaced[reason] += 1
        logger.warning("worker %d is replaced: %s", worker.pid, reason)
        self._forget(worker)
        worker.process.kill()
        worker.writer.close()
        replacement = asyncio.create_task(self._start_worker_with_retries())
        self._replacements.add(replacement)
        replacement.add_done_callback(self._replacements.discard)

    def _forget(self, worker: Worker) -> None:
        """Remove a worker from the pool and stop watching its process."""
        self._alive.discard(worker)
        self._idle.discard(worker)
        asyncio.get_running_loop().remove_reader(worker.process.sentinel)

    async def _start_worker_with_retries(self) -> None:
        """Start a worker; retry until the start succeeds."""
        while True:
            try:
                return await self._start_worker()
            except (*DEATHS, SpeechEmotionError):
                logger.exception("a worker did not start; trying again in %g s", RESTART_PAUSE)
                await asyncio.sleep(RESTART_PAUSE)

    async def _start_worker(self) -> None:
        """Start a worker, and add it to the pool once it has loaded the bundles."""
        service_end, worker_end = socket.socketpair()
        process = self._context.Process(target=work, args=(worker_end, self._folders), daemon=True)
        with contextlib.ExitStack() as undo:
            undo.callback(service_end.close)
            with worker_end:
                await asyncio.to_thread(process.start)
            undo.callback(process.kill)
            reader, writer = await asyncio.open_connection(sock=service_end)
            undo.callback(writer.close)
            await read_answer(reader)
            undo.pop_all()
        worker = Worker(process, reader, writer)
        self._alive.add(worker)
        # If a worker dies while it is idle, replace it before a request reaches it.
        asyncio.get_running_loop().add_reader(process.sentinel, self._replace, worker, "died")
        self._idle.put(worker)
