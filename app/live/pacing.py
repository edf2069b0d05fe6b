"""Pacing of audio that arrives faster than real time."""

from collections.abc import Callable

BURST = 2.0
"""Seconds of audio that may arrive at once, since networks deliver in bursts. Not tuned."""


class Pacer:
    """A pacer of one stream. It delays the reader of the stream, so that the sender waits too."""

    def __init__(self, max_speed: float, clock: Callable[[], float]) -> None:
        """Start at the first audio.

        Args:
            max_speed: the maximum speed of the audio, relative to real time.
            clock: a function that returns the time, in seconds.
        """
        self._max_speed = max_speed
        self._clock = clock
        self._started: float | None = None

    def delay(self, n_seconds: float) -> float:
        """Return the seconds until a stream of this duration, in seconds, is no longer too fast."""
        now = self._clock()
        if self._started is None:
            self._started = now
        return max(self._started + max(n_seconds - BURST, 0) / self._max_speed - now, 0)
