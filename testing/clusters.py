"""Start a Dask cluster on this machine, as docs/bulk.md describes it."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from testing.recordings import ROOT
from testing.service import free_port


@contextmanager
def cluster(
    environment: Mapping[str, str], n_workers: int = 2
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a scheduler and workers.

    Args:
        environment: the environment variables of the processes.
        n_workers: the number of workers.

    Yields:
        The address of the scheduler, and the processes. The first process is the scheduler.
    """
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m", "dask"]
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = [*dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    processes = [
        subprocess.Popen(
            program, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for program in (scheduler, *[worker] * n_workers)
    ]
    try:
        yield address, processes
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()
