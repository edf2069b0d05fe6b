"""The pool as one caller uses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from app.core.recognition import Recognition
from app.pool.pool import WorkerPool
from app.pool.task import Task
from app.pool.tasks import Recognize

Answer = TypeVar("Answer")


class PoolShare:
    """The pool for the requests of one caller, which share its turns and its slots.

    Attributes:
        n_workers: the number of workers of the pool.
    """

    def __init__(self, pool: WorkerPool, caller: str) -> None:
        """Use a pool as a caller."""
        self._pool = pool
        self._caller = caller
        self.n_workers = pool.n_workers

    @property
    def mostly_idle(self) -> bool:
        """Whether more than half of the workers are idle."""
        return self._pool.mostly_idle

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot, as `WorkerPool.slot` does."""
        with self._pool.slot(self._caller):
            yield

    async def recognize(self, task: Recognize) -> Recognition:
        """Recognize one recording, as `WorkerPool.recognize` does."""
        return await self._pool.recognize(task, self._caller)

    async def run(self, task: Task[Answer]) -> Answer:
        """Run one task of a call, as `WorkerPool.run` does."""
        return await self._pool.run(task, self._caller)
