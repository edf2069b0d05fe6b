"""A process that has imported the service, and forks for each start that a test needs.

A start by fork takes half of the processor time of `python -m app`. The launcher reads a request for each
line of its socket, and answers with a line:

- `{"arguments": …, "environment": …, "log": …}` forks; the answer is the process ID.
- `{"ended": PID}` takes the status of a process that has ended; the answer is its exit status.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent  # not of `testing.recordings`, whose imports all services would get
IMPORTED = ("app.server", "app.jobs_lifespan")
"""The modules that `python -m app` imports before it serves."""


class Launched:
    """A process that the launcher has started, with the methods of `subprocess.Popen` that tests use.

    Attributes:
        pid: its process ID.
        returncode: its exit status, as of `Popen`, once `poll` or `wait` has seen its end.
    """

    def __init__(self, pid: int) -> None:
        """Describe a process that was started."""
        self.pid = pid
        self.returncode: int | None = None
        self._file = os.pidfd_open(pid)

    def __del__(self) -> None:
        """Close the file of the process."""
        os.close(self._file)

    def poll(self) -> int | None:
        """Return the exit status, or None while the process runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process ends, and return its exit status.

        Raises:
            subprocess.TimeoutExpired: the process still runs after the timeout, in seconds.
        """
        if self.returncode is None:
            if not select.select([self._file], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(_ask({"ended": self.pid}))
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._file, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def launch(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Launched:
    """Start `python -m app` with these arguments and this environment.

    Args:
        arguments: the arguments of the service.
        environment: all variables of its environment.
        log: the file of its standard error.
    """
    return Launched(_ask({"arguments": arguments, "environment": dict(environment), "log": str(log)}))


def _ask(request: dict[str, Any]) -> Any:  # noqa: ANN401  # JSON
    connection = _launcher()
    connection.sendall(json.dumps(request).encode() + b"\n")
    return json.loads(connection.recv(100))


@cache
def _launcher() -> socket.socket:
    """Start the launcher of this process. It ends with this process."""
    ours, theirs = socket.socketpair()
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # as the service sets it before the imports
    command = [sys.executable, "-m", __name__, str(theirs.fileno())]
    process = subprocess.Popen(command, cwd=ROOT, env=variables, pass_fds=[theirs.fileno()])
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def main(descriptor: int) -> None:
    """Import the service, and answer requests until the other end of the socket is closed."""
    gc.disable()
    for module in IMPORTED:
        import_module(module)
    gc.enable()
    with socket.socket(fileno=descriptor) as connection, connection.makefile("r") as requests:
        for line in requests:
            request = json.loads(line)
            if "ended" in request:
                _, status = os.waitpid(request["ended"], 0)
                answer = os.waitstatus_to_exitcode(status)
            elif not (answer := os.fork()):
                connection.close()
                _become_service(request)
            connection.sendall(json.dumps(answer).encode() + b"\n")


def _become_service(request: dict[str, Any]) -> None:
    """Run `python -m app` in this process, and end it."""
    os.environ.clear()
    os.environ.update(request["environment"])
    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND)
    for source, target in ((nothing, 0), (nothing, 1), (log, 2)):
        os.dup2(source, target)
    service = import_module("app.__main__")
    sys.modules["__main__"] = service  # which the workers import
    sys.argv = ["app", *request["arguments"]]
    sys.exit(service.main(request["arguments"]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
