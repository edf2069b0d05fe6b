"""Shadows: the candidate of a rollout evaluates a recording after its answer, and both are compared."""

import asyncio
import logging
from collections.abc import Mapping

from app.api.metrics import Metrics, Result
from app.core.errors import SpeechEmotionError
from app.core.recognition import Recognition
from app.pool.pool import WorkerPool
from app.pool.tasks import Recognize

logger = logging.getLogger(__name__)


class Shadows:
    """The running comparisons. They use idle workers only, at most half of all, but one if there is only one.

    A request that arrives while the last idle worker compares may wait for the end of that recording.
    """

    def __init__(self, pool: WorkerPool, metrics: Metrics) -> None:
        """Compare in a pool, and count the results.

        Args:
            pool: the pool of worker processes.
            metrics: the metrics that count the results.
        """
        self._pool = pool
        self._metrics = metrics
        self._limit = max(1, pool.n_workers // 2)
        self._running: set[asyncio.Task[None]] = set()

    async def start(self, task: Recognize, answered: Recognition) -> None:
        """Start a comparison, or skip it if no worker is free. Call this after the answer was sent.

        Args:
            task: the recording, and the candidate that evaluates it.
            answered: the recognition of the answer, with speech.
        """
        if len(self._running) >= self._limit:
            self._metrics.count_shadow(task.model, "skipped")
            return
        running = asyncio.create_task(self._compare(task, answered))
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def finish(self) -> None:
        """Wait for the running comparisons."""
        await asyncio.gather(*self._running)

    async def _compare(self, task: Recognize, answered: Recognition) -> None:
        """Evaluate a recording in an idle worker, and compare the result with the answer."""
        # No request can take the worker between this check and its use, because nothing is awaited.
        if not self._pool.has_idle:
            self._metrics.count_shadow(task.model, "skipped")
            return
        try:
            shadow = await self._pool.recognize(task)
        except SpeechEmotionError as error:
            logger.warning("the candidate %s evaluated no shadow: %s", task.model, error)
            self._metrics.count_shadow(task.model, "failed")
            return
        distance = total_variation(answered.probabilities or {}, shadow.probabilities or {})
        result: Result = "agreed" if answered.emotion == shadow.emotion else "disagreed"
        self._metrics.count_shadow(task.model, result, distance)


def total_variation(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Return the total variation distance between the probabilities of the same labels.

    It is half of the sum of the absolute differences, from 0 to 1, and also the largest difference between
    the probabilities of any set of labels (Levin, Peres and Wilmer, Markov Chains and Mixing Times, 2009,
    Proposition 4.2).

    Example:
        >>> total_variation({"anger": 0.75, "neutral": 0.25}, {"anger": 0.25, "neutral": 0.75})
        0.5
    """
    return sum(abs(probability - second.get(label, 0.0)) for label, probability in first.items()) / 2
