"""The share of the workers that interim answers may take."""

import asyncio
import math

PAUSE = 3.0
"""The pause after an interim answer, times its duration: interim answers take at most a quarter of the time of
a worker. With 100 channels on two cores, segments need the rest (benchmarks/RESULTS.md)."""


class InterimBudget:
    """The time of the workers for the interim answers of all streams, one at a time.

    Without this limit, interim answers would fill all idle time of a loaded service, so that each complete
    segment would share the processors with one.
    """

    def __init__(self) -> None:
        """Start with the whole time."""
        self._began = 0.0
        self._next = -math.inf
        """The time of the event loop from which an interim answer may start."""

    def begin(self) -> bool:
        """Begin an interim answer, unless one is in progress, or the pause after the last one is not over.

        Returns:
            Whether the answer begins. If so, `end` must follow.
        """
        now = asyncio.get_running_loop().time()
        if now < self._next:
            return False
        self._began, self._next = now, math.inf
        return True

    def end(self) -> None:
        """End an interim answer, after which the pause begins."""
        now = asyncio.get_running_loop().time()
        self._next = now + PAUSE * (now - self._began)
