"""The measured figures from which a plan is computed, and their file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from app.core.files import write_whole

MEASURED = Path(__file__).parent / "measured.json"
"""The figures of docs/capacity.md."""


@dataclass(frozen=True, slots=True)
class Live:
    """The cost of live channels, with the messages stored in PostgreSQL or without.

    Attributes:
        n_channels: the channels at a time.
        speech: the share of the time in which a channel has segments.
        first: the processor seconds of the first process for a second of a channel.
        workers: those of the workers.
        balancer: those of nginx.
        database: those of PostgreSQL.
        commits: the transactions of PostgreSQL for a second of a channel.
        tasks: the segments and interim answers for a second of a channel.
        memory: the bytes of memory of a channel.
    """

    n_channels: int
    speech: float
    first: float
    workers: float
    balancer: float
    database: float
    commits: float
    tasks: float
    memory: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """The cost of jobs: stereo telephone calls with a webhook each.

    Attributes:
        minutes: the duration of a call.
        n_calls: the number of calls that were measured.
        service: the processor seconds of the service that accepts the calls, for an hour of them.
        worker: those of the job worker.
        database: those of PostgreSQL.
        commits: the transactions of PostgreSQL for a call.
        recording: the bytes of a call in the store, until its job ends.
        rows: the bytes of a call in PostgreSQL, until its result expires.
    """

    minutes: float
    n_calls: int
    service: float
    worker: float
    database: float
    commits: float
    recording: float
    rows: float


@dataclass(frozen=True, slots=True)
class Idle:
    """A process with jobs in PostgreSQL that has nothing to do.

    Attributes:
        seconds: the processor seconds of the process in a second.
        database: those of PostgreSQL.
        commits: the transactions of PostgreSQL in a second.
        connections: the most connections to PostgreSQL, also under load.
        memory: the bytes of memory of the process with two workers.
    """

    seconds: float
    database: float
    commits: float
    connections: int
    memory: float


@dataclass(frozen=True, slots=True)
class Kept:
    """The cost of ended jobs in PostgreSQL, for one job and one pass of the maintenance of one job worker.

    Attributes:
        recent_worker: the processor seconds of the job worker for a job that ended in the last five minutes.
        recent_database: those of PostgreSQL.
        old_worker: the processor seconds of the job worker for a job that ended earlier.
        old_database: those of PostgreSQL.
        count_database: the processor seconds of PostgreSQL for one job when the jobs are counted, which every
            new job and every read of `/metrics` does.
    """

    recent_worker: float
    recent_database: float
    old_worker: float
    old_database: float
    count_database: float


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of one run of `python -m benchmarks.capacity measure`.

    Attributes:
        date: the day.
        machine: the processors, in words.
        load_averages: the load averages before and after the run.
        relayed: live channels whose messages are stored in PostgreSQL.
        alone: live channels of a service without PostgreSQL.
        recorded: jobs.
        service: an idle service with jobs, which runs none itself.
        worker: an idle job worker.
        kept: ended jobs.
        notified: the transactions per second of PostgreSQL that each store a live message and announce it, by
            the number of connections. Without `fsync`.
    """

    date: str
    machine: str
    load_averages: list[float]
    relayed: Live
    alone: Live
    recorded: Recorded
    service: Idle
    worker: Idle
    kept: Kept
    notified: dict[str, float]


def read(path: Path = MEASURED) -> Measured:
    """Read measured figures from a JSON file."""
    content = json.loads(path.read_text())
    parts = {
        **{name: Live(**content[name]) for name in ("relayed", "alone")},
        **{name: Idle(**content[name]) for name in ("service", "worker")},
        "recorded": Recorded(**content["recorded"]),
        "kept": Kept(**content["kept"]),
    }
    return Measured(**{**content, **parts})


def write(measured: Measured, path: Path) -> None:
    """Write measured figures as JSON, rounded to four significant digits."""
    text = json.dumps(_rounded(asdict(measured)), indent=1)
    write_whole(path, f"{text}\n".encode())


def _rounded(value: object) -> object:
    """Round all numbers of a JSON value."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
