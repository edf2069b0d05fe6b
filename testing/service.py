"""Run the service in a separate process."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import httpx2
import pytest

from testing import local
from testing.recordings import ROOT


class Process(Protocol):
    """A process, with the methods of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """The process ID."""

    def poll(self) -> int | None:
        """Return the exit status, or None while the process runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process ends, and return its exit status."""

    def send_signal(self, sig: int, /) -> None:
        """Send a signal."""

    def terminate(self) -> None:
        """Send SIGTERM."""

    def kill(self) -> None:
        """Send SIGKILL."""


def run_program(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
    """Start `python -m app` with these arguments and this environment, as an operator does.

    Args:
        arguments: the arguments of the service.
        environment: all variables of its environment.
        log: the file of its standard error.
    """
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env=dict(environment),
            stdout=subprocess.DEVNULL,
            stderr=file,
        )


launch: Callable[[Sequence[str], Mapping[str, str], Path], Process] = run_program
"""The way in which services start. Most tests start them by `launcher.launch`."""


class Service:
    """A service that was started.

    Attributes:
        process: its process.
        port: its port on 127.0.0.1; 0 if the setting is not a number.
        url: its address.
    """

    def __init__(self, process: Process, port: int, log: Path) -> None:
        """Describe a service that was started."""
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = log

    @property
    def log(self) -> str:
        """The log of the service up to now."""
        return self._log.read_text()

    def end(self, timeout: float = 60) -> int:
        """Wait until the process ends, and return its exit status."""
        return self.process.wait(timeout)

    def wait_until_ready(self) -> None:
        """Return when the service is ready."""
        for _ in range(600):
            with contextlib.suppress(httpx2.ConnectError):
                if local.get(f"{self.url}/health/ready").status_code == httpx2.codes.OK:
                    return
            assert self.process.poll() is None, self.log
            time.sleep(0.1)
        pytest.fail("the service did not become ready")


@contextlib.contextmanager
def started(*arguments: str, **environment: str) -> Iterator[Service]:
    """Start a service with these settings, on SER_PORT or a free port, and kill it at the end."""
    port = environment.pop("SER_PORT", "") or str(free_port())
    # The log goes to a file. A pipe that nobody reads becomes full and then blocks the service.
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        process = launch(arguments, {**os.environ, "SER_PORT": port, **environment}, Path(log.name))
        try:
            yield Service(process, int(port) if port.isdecimal() else 0, Path(log.name))
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running(*arguments: str, **environment: str) -> Iterator[Service]:
    """Start a service with these settings, and wait until it is ready."""
    with started(*arguments, **environment) as service:
        service.wait_until_ready()
        yield service


def free_port() -> int:
    """Return a port that no process uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def descendants(pid: int) -> list[int]:
    """Return the IDs of the children of a process, of their children, and so on."""
    children = [
        int(status.parent.name) for status in Path("/proc").glob("[0-9]*/stat") if _parent(status) == pid
    ]
    return [*children, *(descendant for child in children for descendant in descendants(child))]


def holds_recognizer(pid: int) -> bool:
    """Return whether a process is a worker: it has loaded ONNX Runtime and has no children."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return "onnxruntime" in maps and not descendants(pid)


def _parent(status: Path) -> int | None:
    try:
        return int(status.read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def gone(pid: int) -> bool:
    """Return whether a process ends within five seconds."""
    limit = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True
