"""Services and workers that share a database and a store, and that can be killed."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2

from benchmarks.job_client import until
from benchmarks.serving import free_port
from testing import local


class Replica:
    """A service or a worker that can be killed and restarted at the same port."""

    def __init__(self, settings: dict[str, str], *arguments: str) -> None:
        """Start the process."""
        self._command = [sys.executable, "-m", "app", *arguments]
        self._port = free_port()
        self._environment = {**os.environ, **settings, "SER_PORT": str(self._port)}
        self.url = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """Start the process without waiting until it is ready."""
        self.process = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=Path(__file__).parent.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        """Wait until the process is ready."""

        def is_ready() -> bool:
            with contextlib.suppress(httpx2.TransportError):
                return local.get(f"{self.url}/health/ready", timeout=5).is_success
            return False

        until(is_ready)

    def kill(self) -> None:
        """Kill the process, as the failure of its machine would."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def two_and_two(settings: dict[str, str]) -> Iterator[tuple[list[Replica], list[Replica]]]:
    """Run two services and two workers."""
    services = [Replica(settings) for _ in range(2)]
    workers = [Replica(settings, "worker") for _ in range(2)]
    try:
        for replica in (*services, *workers):
            replica.wait()
        yield services, workers
    finally:
        for replica in (*services, *workers):
            replica.kill()
