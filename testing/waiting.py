"""Wait until something has happened."""

import time
from collections.abc import Callable
from contextlib import suppress

import httpx2


def eventually(
    condition: Callable[[], bool], seconds: float = 30, shown: Callable[[], object] = lambda: ""
) -> None:
    """Wait until a condition is true. It counts as false while a service that it asks cannot be reached.

    Args:
        condition: the condition.
        seconds: the longest wait.
        shown: what the error shows.

    Raises:
        TimeoutError: the condition is not true in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(httpx2.TransportError):
            if condition():
                return
        time.sleep(0.1)
    raise TimeoutError(f"not within {seconds:g} s: {shown()}")
