"""The pool of recognizer processes.

openSMILE is not thread-safe, and an upload is untrusted until it is decoded. Both therefore run in worker
processes (`app.pool.process`). Each worker loads every bundle and processes one recording at a time. If a
worker dies or exceeds the deadline, only its request fails (`app.pool.supervisor` replaces it).
"""

import asyncio
import contextlib
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
from app.pool.process import request
from app.pool.slots import Slots
from app.pool.supervisor import DEATHS, Supervisor
from app.pool.task import Task
from app.pool.tasks import Recognize
from app.pool.worker import Worker

Answer = TypeVar("Answer")


class WorkerPool:
    """Worker processes behind a bounded queue, in which callers take turns.

    Use a pool from one event loop only.

    Attributes:
        ready: whether the pool accepts recordings.
        draining: whether the service is about to stop; the pool still accepts recordings.

    Example:
        >>> async def recognize(path: Path) -> str | None:
        ...     pool = WorkerPool(
        ...         [Path("models/multilingual")], n_workers=1, slots=Slots(1), request_timeout=30.0
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
        slots: Slots,
        request_timeout: float,
        max_worker_bytes: int = 1024**3,
        sandbox: bool = True,
    ) -> None:
        """Describe the pool; nothing is started yet.

        Args:
            folders: the bundles that each worker loads.
            n_workers: the number of processes.
            slots: the slots for requests.
            request_timeout: the seconds that a recording may take, including the wait.
            max_worker_bytes: the memory, in bytes, above which a worker is replaced after its recording.
            sandbox: whether a worker gives up what no task needs (`app.pool.sandbox`).
        """
        self.n_workers = n_workers
        self._request_timeout = request_timeout
        self._max_worker_bytes = max_worker_bytes
        # The most recently used worker runs the next task, because its processor caches are still warm.
        self._idle = FairQueue[Worker]()
        self._workers = Supervisor(folders, self._idle.put, self._idle.discard, sandbox=sandbox)
        self._slots = slots
        self.ready = False
        self.draining = False

    @property
    def n_alive(self) -> int:
        """The number of live workers."""
        return len(self._workers.alive)

    @property
    def pids(self) -> list[int]:
        """The process IDs of the live workers, sorted."""
        return sorted(worker.pid for worker in self._workers.alive)

    @property
    def replaced(self) -> Counter[str]:
        """The number of replaced workers, by reason."""
        return self._workers.replaced

    @property
    def n_slots(self) -> int:
        """The number of requests that hold a slot. A request takes its slot before its upload."""
        return self._slots.n_taken

    @property
    def has_idle(self) -> bool:
        """Whether a worker is idle. Then no recording waits for one."""
        return self._idle.n_items > 0

    @property
    def mostly_idle(self) -> bool:
        """Whether more than half of the workers are idle."""
        return 2 * self._idle.n_items > self.n_workers

    @property
    def n_waiting(self) -> int:
        """The number of recordings that wait for a worker."""
        return self._idle.n_waiting

    async def start(self) -> None:
        """Start the workers and wait until each has loaded every bundle.

        Raises:
            BundleError: a bundle does not match this installation.
        """
        await self._workers.start(self.n_workers)
        self.ready = True

    async def stop(self) -> None:
        """Stop the workers after their current recordings."""
        self.ready = False
        await self._workers.stop()

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
        while (worker := await self._idle.get(caller)) not in self._workers.alive:
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
        self._workers.replace(worker, reason)
