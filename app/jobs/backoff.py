"""The pauses between the attempts to deliver a webhook: planned, spread at random, and as receivers ask."""

import secrets
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

PAUSES = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""The seconds before each attempt, as in the example of Standard Webhooks: 10 attempts in 75 h."""
JITTER = 0.2
"""The largest random share that is added to a pause. Not tuned.

Standard Webhooks recommends "some level of random jitter", so that webhooks that failed together do not come
back together.
"""
MAX_RETRY_AFTER = 86400.0
"""The longest pause in seconds that a receiver can ask for: the longest planned one."""


def draw_pause(tries: int, retry_after: float | None) -> float:
    """Draw the pause before an attempt at random.

    Args:
        tries: the number of earlier attempts, at least 1.
        retry_after: the seconds that the receiver asked for; None if it did not ask.

    Returns:
        The pause in seconds: the planned one, or the one that the receiver asked for if that is longer, and a
        random share of up to JITTER of it.
    """
    least = max(PAUSES[tries], retry_after or 0.0)
    return least * (1 + JITTER * secrets.SystemRandom().random())


def read_retry_after(text: str | None, now: datetime) -> float | None:
    """Read a Retry-After header (RFC 9110, section 10.2.3).

    Args:
        text: the header: seconds, or a date; None if there is none.
        now: the current time, with a time zone.

    Returns:
        The seconds from 0 to MAX_RETRY_AFTER; None without a valid header.
    """
    if text is None:
        return None
    if text.isdecimal():
        seconds = float(text)
    else:
        try:
            date = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        # A date that names no time zone is in UTC.
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
