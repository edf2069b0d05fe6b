"""Parallel work on the processors of this machine or on a Dask cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

import joblib

from training.errors import TrainingError

LOCAL = "local"


@contextmanager
def engine(name: str) -> Iterator[None]:
    """Run the joblib tasks of the context on an engine.

    Args:
        name: `local` for this machine, or the address of a Dask scheduler, such as `tcp://host:8786`.

    Raises:
        TrainingError: the extra `bulk` is not installed, or no scheduler answers at the address.
    """
    if name == LOCAL:
        yield
        return
    try:
        from distributed import Client  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise TrainingError("--engine: install the extra `bulk` (requirements/bulk.txt)") from error
    try:
        client = Client(name, timeout="10s")
    except (OSError, ValueError) as error:
        raise TrainingError(f"--engine: no Dask scheduler answers at {name}: {error}") from error
    with client, joblib.parallel_config("dask", client=client, wait_for_workers_timeout=60):
        yield
