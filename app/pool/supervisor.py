"""The supervisor of the worker processes: it starts them, and replaces those that are lost."""

import asyncio
import logging
import multiprocessing
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NoReturn

from app.core.errors import SpeechEmotionError
from app.pool.process import UNPROTECTED, read_answer, work
from app.pool.worker import Worker

logger = logging.getLogger(__name__)

RESTART_PAUSE = 1.0  # seconds
DEATHS = (OSError, EOFError)
"""The errors of a channel whose other end is closed."""
_starting = threading.Lock()


class Supervisor:
    """The live worker processes.

    Attributes:
        alive: the live workers.
        replaced: the number of replaced workers, by reason.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        on_ready: Callable[[Worker], None],
        on_lost: Callable[[Worker], None],
        *,
        sandbox: bool,
    ) -> None:
        """Start without workers.

        Args:
            folders: the bundles that each worker loads.
            on_ready: a function that receives each worker that has loaded the bundles.
            on_lost: a function that receives each worker that is lost.
            sandbox: whether a worker gives up what no task needs (`app.pool.sandbox`).
        """
        self._folders = tuple(folder.absolute() for folder in folders)
        self._on_ready = on_ready
        self._on_lost = on_lost
        self._sandbox = sandbox
        self._warned = False
        # The fork server imports the recognizer once; workers share that memory.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["app.pool.process"])
        self._replacements: set[asyncio.Task[None]] = set()
        self.alive: set[Worker] = set()
        # Prometheus sees no increase in a counter that appears with its first event.
        self.replaced = Counter(died=0, deadline=0, grown=0)

    async def start(self, n_workers: int) -> None:
        """Start workers and wait until each has loaded every bundle.

        Raises:
            BundleError: a bundle does not match this installation.
        """
        await asyncio.gather(*(self._start_worker() for _ in range(n_workers)))

    async def stop(self) -> None:
        """Stop the workers after their current recordings."""
        for replacement in self._replacements:
            replacement.cancel()
        await asyncio.gather(*self._replacements, return_exceptions=True)
        for worker in tuple(self.alive):
            self._forget(worker)
            worker.writer.close()  # the worker ends when the channel has no more messages
            await asyncio.to_thread(worker.process.join)

    def replace(self, worker: Worker, reason: str) -> None:
        """Kill a worker and start another in the background. Idempotent."""
        if worker not in self.alive:
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
        """Remove a worker and stop watching its process."""
        self.alive.discard(worker)
        self._on_lost(worker)
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
        """Start a worker, which is ready once it has loaded the bundles."""
        service_end, worker_end = socket.socketpair()
        arguments = (worker_end, self._folders)
        process = self._context.Process(
            target=work, args=arguments, kwargs={"sandboxed": self._sandbox}, daemon=True
        )
        with ExitStack() as undo:
            undo.callback(service_end.close)
            with worker_end:
                await asyncio.to_thread(_start, process)
            undo.callback(process.kill)
            reader, writer = await asyncio.open_connection(sock=service_end)
            undo.callback(writer.close)
            started = await read_answer(reader)
            undo.pop_all()
        self._warn(started[UNPROTECTED])
        worker = Worker(process, reader, writer)
        self.alive.add(worker)
        # If a worker dies while it is idle, replace it before a request reaches it.
        asyncio.get_running_loop().add_reader(process.sentinel, self.replace, worker, "died")
        self._on_ready(worker)

    def _warn(self, unprotected: str) -> None:
        """Log once that the workers are not in a sandbox."""
        if unprotected and not self._warned:
            self._warned = True
            logger.warning("the workers have no sandbox: %s", unprotected)


def exit_at_once() -> NoReturn:
    """End this process and its workers, without a stop, but not in the middle of the start of a worker.

    There, the worker would not get all that it needs to start, and would print a traceback.
    """
    with _starting:
        os._exit(0)


def _start(process: BaseProcess) -> None:
    with _starting:
        process.start()
