"""Parallel work on the processors of this machine or on a Dask cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

import joblib

from app.cluster import WORKER_WITHIN, connecting

LOCAL = "local"


@contextmanager
def engine(name: str) -> Iterator[None]:
    """Run the joblib tasks of the context on an engine.

    Args:
        name: `local` for this machine, or the address of a Dask scheduler, such as `tcp://host:8786`.

    Raises:
        ClusterError: the extra `bulk` is not installed, or no scheduler answers at the address.
    """
    if name == LOCAL:
        yield
        return
    with connecting(name) as connect:
        client = connect()
    with client, joblib.parallel_config("dask", client=client, wait_for_workers_timeout=WORKER_WITHIN):
        yield
