"""The service as a process of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from testing.recordings import ROOT


class Service:
    """One that runs.

    Attributes:
        process: it.
        port: where it listens, on 127.0.0.1; 0 if it was told nonsense.
        url: the same as an address.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        """Describe a service that was started."""
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = log

    @property
    def log(self) -> str:
        """All that it has said."""
        return self._log.read_text()

    def end(self, timeout: float = 60) -> int:
        """Wait until it has ended."""
        return self.process.wait(timeout)

    def wait_until_ready(self) -> None:
        """Return once it takes requests."""
        for _ in range(600):
            with contextlib.suppress(httpx2.ConnectError):
                if httpx2.get(f"{self.url}/health/ready").status_code == httpx2.codes.OK:
                    return
            assert self.process.poll() is None, self.log
            time.sleep(0.1)
        pytest.fail("the service did not become ready")


@contextlib.contextmanager
def started(*arguments: str, **environment: str) -> Iterator[Service]:
    """A service with these settings, on a free port unless SER_PORT is among them; it is gone afterwards."""
    port = environment.pop("SER_PORT", "") or str(free_port())
    # The log goes to a file, since a pipe that nobody reads would fill, and then stop the service.
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env={**os.environ, "SER_PORT": port, **environment},
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            yield Service(process, int(port) if port.isdecimal() else 0, Path(log.name))
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running(*arguments: str, **environment: str) -> Iterator[Service]:
    """The same, ready."""
    with started(*arguments, **environment) as service:
        service.wait_until_ready()
        yield service


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that these started."""
    children = [
        int(status.parent.name) for status in Path("/proc").glob("[0-9]*/stat") if _parent(status) == pid
    ]
    return [*children, *(below for child in children for below in descendants(child))]


def holds_recognizer(pid: int) -> bool:
    """Whether a process is a worker, which has ONNX Runtime in it and no children of its own."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return "onnxruntime" in maps and not descendants(pid)


def _parent(status: Path) -> int | None:
    try:
        return int(status.read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def gone(pid: int) -> bool:
    """Whether a process ends within some seconds."""
    limit = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True
