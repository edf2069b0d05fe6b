"""Clients that send a recording again and again."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2


@contextmanager
def load(send: Callable[[], httpx2.Response], clients: int = 3) -> Iterator[Counter[str]]:
    """Send requests all the time, each client one at a time.

    Args:
        send: sends a request.
        clients: the number of clients.

    Yields:
        The number of answers for each status or kind of error, up to now.
    """
    answers, over = Counter[str](), threading.Event()

    def repeat() -> None:
        while not over.is_set():
            try:
                answers[str(send().status_code)] += 1
            except httpx2.TransportError as error:
                answers[type(error).__name__] += 1

    threads = [threading.Thread(target=repeat) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()
