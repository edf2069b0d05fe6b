"""Connections to Dask clusters, for the batch command and for the training."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from app.core.errors import SpeechEmotionError

ANSWER_WITHIN = "10s"
"""The time in which the scheduler must answer."""
WORKER_WITHIN = 60
"""The seconds to wait for the first worker of a cluster."""


class ClusterError(SpeechEmotionError):
    """A Dask cluster cannot be used, or is lost. The message says why, and what to do."""


@contextmanager
def connecting(address: str) -> Iterator[Callable[..., Any]]:
    """Translate the errors of a connection to a Dask cluster.

    Args:
        address: the address of the scheduler, such as `tcp://host:8786`.

    Yields:
        The function that connects. It takes the keyword arguments of `distributed.Client` and returns the
        client; with `asynchronous=True`, the client must be awaited inside the context.

    Raises:
        ClusterError: the extra `bulk` is not installed, or no scheduler answers at the address.
    """
    try:
        from distributed import Client  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ClusterError("--engine: install the extra `bulk` (requirements/bulk.txt)") from error
    # The client also raises each error that it logs.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        yield partial(Client, address, timeout=ANSWER_WITHIN)
    except (OSError, ValueError) as error:
        raise ClusterError(f"--engine: no Dask scheduler answers at {address}: {error}") from error
