"""Measure the processor time, the memory and the database load of live channels, jobs and utterances."""

import argparse
import dataclasses
import os
import platform
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from benchmarks.capacity.channels import measure_live
from benchmarks.capacity.figures import Measured
from benchmarks.capacity.jobs import measure_jobs
from benchmarks.live_bench import Bench, allow_files
from testing.backends import Postgres, object_store, postgres
from testing.receiver import SECRET

CONNECTIONS = (1, 2, 4, 8)


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """The size of the measurements.

    Attributes:
        channels: the live channels at a time.
        seconds: the duration of their calls.
        calls: the recorded calls.
        call_seconds: the duration of each.
        idle: the seconds of each measurement of idle processes.
    """

    channels: int = 40
    seconds: float = 40.0
    calls: int = 4
    call_seconds: float = 600.0
    idle: float = 15.0


def measure(size: Size) -> Measured:
    """Measure all figures, in about eight minutes.

    Raises:
        SystemExit: nginx is not installed, or a call failed.
    """
    nginx = shutil.which("nginx")
    if nginx is None:
        raise SystemExit("nginx is not installed; `make programs` installs it on Debian")
    before = os.getloadavg()[0]
    with postgres() as server, object_store() as store:
        shared = {**store, "SER_JOBS": "true", "SER_JOBS_URL": server.url, "SER_JOBS_AT_A_TIME": "0"}
        shared |= {"SER_CALLBACK_SECRETS": SECRET, "SER_CALLBACK_PRIVATE": "true"}
        allow_files(4 * size.channels + 100)
        with ProcessPoolExecutor(1, get_context("spawn")) as clients:
            bench = Bench(argparse.Namespace(seconds=size.seconds), clients)
            alone, _ = measure_live(nginx, bench, size.channels, size.seconds, {}, None)
            relayed, live_connections = measure_live(
                nginx, bench, size.channels, size.seconds, shared, server
            )
        recorded, service, worker, kept = measure_jobs(
            server, shared, size.calls, size.call_seconds, size.idle
        )
        notified = measure_notifications(server)
    service = dataclasses.replace(service, connections=max(service.connections, live_connections))
    return Measured(
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        load_averages=[before, os.getloadavg()[0]],
        relayed=relayed,
        alone=alone,
        recorded=recorded,
        service=service,
        worker=worker,
        kept=kept,
        notified=notified,
    )


def machine() -> str:
    """Describe the processors of this machine."""
    names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{len(os.sched_getaffinity(0))} processors, {names[0] if names else platform.machine()}"


STORE = """
\\set number random(1, 2000000000)
WITH stored AS (
    INSERT INTO ser_live_messages (session, sequence, caller, type, content, process)
    VALUES (gen_random_uuid()::text, :number, 'capacity', 'segment', repeat('x', 400), 1)
)
SELECT pg_notify('ser_live', 'session');
"""
"""The statement of `app.live.relay` that stores a message, for pgbench."""


def measure_notifications(server: Postgres) -> dict[str, float]:
    """Measure how many live messages PostgreSQL stores and announces in a second, by connections."""
    rates = {}
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(STORE)
        script.flush()
        for n_connections in CONNECTIONS:
            options = ["--no-vacuum", f"--client={n_connections}", "--time=5", f"--file={script.name}"]
            output = subprocess.run(
                [str(server.programs / "pgbench"), *options, server.url],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            rates[str(n_connections)] = float(re.findall(r"^tps = ([\d.]+)", output, re.MULTILINE)[0])
    return rates
