"""A service in a separate process, and clients that put it under load."""

import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
OK = 200
RAW = {"Content-Type": "audio/wav"}
TIMEOUT = 120.0
LOST = 0  # status: the connection broke after the request was sent
REFUSED = -1  # status: the connection was refused, so that no request was sent
PAUSE = 0.1  # seconds after either


@dataclass(frozen=True, slots=True)
class Load:
    """The results of clients under load.

    Attributes:
        seconds: the duration of the load.
        latencies: the latencies of the requests with status 200, in seconds, sorted.
        refusals: the latencies of the other requests, in seconds, sorted.
        statuses: the count of each status, including `LOST` and `REFUSED`.
        answers: the distinct bodies with status 200.
    """

    seconds: float
    latencies: Sequence[float]
    refusals: Sequence[float]
    statuses: Mapping[int, int]
    answers: AbstractSet[bytes]

    @property
    def throughput(self) -> float:
        """The number of answers with status 200 per second."""
        return len(self.latencies) / self.seconds


def percentile(sorted_values: Sequence[float], percent: float) -> float:
    """Return a percentile of sorted values; NaN without values."""
    if not sorted_values:
        return float("nan")
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * percent / 100))]


def _send(
    client: http.client.HTTPConnection, body: bytes, headers: Mapping[str, str]
) -> tuple[int, bytes, float]:
    """Send a request.

    Returns:
        The status, the answer, and the seconds until the next request is sensible.
    """
    try:
        client.request("POST", "/v1/audio/emotions", body, dict(headers))
        response = client.getresponse()
        return response.status, response.read(), float(response.headers.get("Retry-After", 0))
    except ConnectionRefusedError:
        return REFUSED, b"", PAUSE
    except (http.client.HTTPException, ConnectionError):
        return LOST, b"", PAUSE


def put_under_load(  # a process passes all by position
    port: int,
    body: bytes,
    n_clients: int,
    seconds: float,
    headers: Mapping[str, str] = RAW,
    patient: bool = False,  # noqa: FBT001, FBT002
) -> Load:
    """Run clients, each of which sends its next request as soon as it has an answer.

    Each client sends at least one request.

    Args:
        port: the port of the service on this machine.
        body: the bytes of a recording.
        n_clients: the number of concurrent clients.
        seconds: the duration of the load.
        headers: the headers of the requests.
        patient: whether a client waits after a refusal, as Retry-After asks.
    """
    results: list[tuple[int, float]] = []
    answers: set[bytes] = set()
    start = time.perf_counter()

    def send_requests() -> None:
        # The client of the standard library takes little processor time from the service.
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        while True:
            sent = time.perf_counter()
            status, content, retry_after = _send(client, body, headers)
            results.append((status, time.perf_counter() - sent))
            if status == OK:
                answers.add(content)
            elif status in {LOST, REFUSED}:
                client.close()
            time.sleep(retry_after if patient or status in {LOST, REFUSED} else 0)
            if time.perf_counter() - start > seconds:
                break
        client.close()

    threads = [threading.Thread(target=send_requests) for _ in range(n_clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(
        time.perf_counter() - start,
        sorted(latency for status, latency in results if status == OK),
        sorted(latency for status, latency in results if status != OK),
        Counter(status for status, _ in results),
        answers,
    )


@dataclass(frozen=True, slots=True)
class Running:
    """A running service.

    Attributes:
        process: the process of the service.
        port: the port on 127.0.0.1.
        start_seconds: the seconds from the start until the service was ready.
    """

    process: subprocess.Popen[bytes]
    port: int
    start_seconds: float

    @property
    def pid(self) -> int:
        """The process ID."""
        return self.process.pid

    def wait(self) -> int:
        """Wait for the end of the process, and return its exit status."""
        return self.process.wait(TIMEOUT)

    def worker_pids(self) -> list[int]:
        """Return the IDs of the workers: processes with ONNX Runtime and without children."""
        return [
            pid
            for pid in _descendants(self.pid)
            if not _descendants(pid) and "onnxruntime" in Path(f"/proc/{pid}/maps").read_text()
        ]

    def memory_bytes(self) -> int:
        """Return the proportional set size of all processes, in bytes. Shared memory counts once."""
        return sum(proportional_bytes(pid) for pid in (self.pid, *_descendants(self.pid)))

    def processor_seconds(self) -> float:
        """Return the processor time of all processes so far, in seconds, with those that have ended."""
        return tree_seconds(self.pid)


@contextlib.contextmanager
def running(command: Sequence[str] = ("-m", "app"), **settings: str) -> Iterator[Running]:
    """Run a service on a free port.

    Args:
        command: the arguments of Python.
        settings: the environment variables.
    """
    port = free_port()
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "SER_PORT": str(port), "SER_JOBS": "false", **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _is_ready(port):
            if process.poll() is not None:
                raise SystemExit("the service did not start; run `make serve` to see the reason")
            time.sleep(0.02)
        yield Running(process, port, time.perf_counter() - started)
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """Find a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def proportional_bytes(pid: int) -> int:
    """Return the proportional set size of a process, in bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def processor_seconds(pid: int, *, with_ended_children: bool = False) -> float:
    """Return the processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = fields[11:15] if with_ended_children else fields[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def tree_seconds(pid: int) -> float:
    """Return the processor seconds of a process and its children so far, with those that have ended."""
    return sum(processor_seconds(one, with_ended_children=True) for one in (pid, *_descendants(pid)))


def median_milliseconds(seconds: Sequence[float]) -> float:
    """Return the median in ms."""
    return 1000 * statistics.median(seconds)


def _is_ready(port: int) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        client.request("GET", "/health/ready")
        return client.getresponse().status == OK
    except ConnectionError:
        return False
    finally:
        client.close()


def _descendants(pid: int) -> list[int]:
    """List the direct and indirect child processes."""
    tasks = Path(f"/proc/{pid}/task")
    children = [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    return [*children, *(below for child in children for below in _descendants(child))]
