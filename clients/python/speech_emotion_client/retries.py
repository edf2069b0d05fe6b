"""The decision whether and when a request is sent again. It follows the table in `docs/integrate.md`."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from speech_emotion_client.errors import ConnectionFailed, ProblemError, SpeechEmotionError, TimedOut

ALL = 1_000
"""As many tries as the policy permits."""
TRIES: Mapping[int, int] = {408: 2, 429: ALL, 500: 2, 502: ALL, 503: ALL, 504: 2}
"""The tries by status. A recording that breaks one worker also breaks the next: it is sent again once."""
JITTER = 0.25
"""The largest random part of a pause, so that many clients do not return at the same moment. Not tuned."""


@dataclass(frozen=True, slots=True)
class Retries:
    """The policy of a client. The defaults are those of `docs/integrate.md`.

    Attributes:
        tries: the tries of a request, with the first one. 1 disables retries.
        first_pause: the seconds before the second try. Each further pause is twice as long.
        max_pause: the longest pause in seconds. An error that demands a longer pause is raised at once.
    """

    tries: int = 5
    first_pause: float = 1.0
    max_pause: float = 120.0


class Attempts:
    """The tries of one request.

    Example:
        >>> attempts = Attempts(Retries(tries=2), jitter=lambda: 0.0)
        >>> attempts.pause_after(ConnectionFailed("refused"))
        1.0
        >>> attempts.pause_after(ConnectionFailed("refused")) is None
        True
    """

    def __init__(self, policy: Retries, jitter: Callable[[], float] = random.random) -> None:
        """Start before the first try.

        Args:
            policy: the policy.
            jitter: a function that returns a random number from 0 to 1.
        """
        self._policy = policy
        self._jitter = jitter
        self._failed = 0

    def pause_after(self, error: SpeechEmotionError) -> float | None:
        """Return the seconds before the next try; None if another try does not help."""
        pause: float = self._policy.first_pause * 2**self._failed
        self._failed += 1
        if self._failed >= min(self._policy.tries, _tries(error)):
            return None
        if isinstance(error, ProblemError) and error.retry_after is not None:
            pause = max(pause, error.retry_after)
        return None if pause > self._policy.max_pause else pause * (1 + JITTER * self._jitter())


def is_temporary(error: SpeechEmotionError) -> bool:
    """Return whether the same request may succeed later."""
    return _tries(error) > 1


def _tries(error: SpeechEmotionError) -> int:
    if isinstance(error, ProblemError):
        return TRIES.get(error.status, 1)
    if isinstance(error, TimedOut):
        return 2
    return ALL if isinstance(error, ConnectionFailed) else 1


def seconds_of(retry_after: str | None) -> float | None:
    """Return the seconds in a header `Retry-After`, which is a number or a date (RFC 9110, 10.2.3).

    Example:
        >>> seconds_of("5")
        5.0
        >>> seconds_of("Thu, 01 Jan 1970 00:00:00 GMT")
        0.0
        >>> seconds_of("soon") is None
        True
    """
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
