"""Compute the machines for a load from measured figures."""

import math
from dataclasses import dataclass, field, replace

from benchmarks.capacity.figures import Measured
from benchmarks.capacity.load import Load, Setup

HOUR = 3600.0
MONTH = 730.0
"""The hours of a month: 365 × 24 / 12."""

PASS = 2.0
"""Seconds between two passes of the maintenance of a job worker (`app/jobs/maintenance.py`)."""
RECENT = 300.0
"""Seconds for which a pass reads each ended job (`app/jobs/maintenance.py`)."""

CHANNEL_BITS = 8 * 50 * (160 + 8 + 40)
"""Bits per second of a live channel: 50 messages of 20 ms of mu-law at 8 kHz (160 bytes), each with the
header of a WebSocket frame from a client (8 bytes, RFC 6455, section 5.2) and those of TCP and IPv4
(40 bytes), without TLS."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A part that does not grow with the number of replicas.

    Attributes:
        name: its name.
        need: the amount that the load needs.
        capacity: the amount that the deployment has.
        remedy: how to get more.
        is_setting: whether a setting of one machine is enough to get more.
    """

    name: str
    need: float
    capacity: float
    remedy: str
    is_setting: bool = True

    @property
    def ratio(self) -> float:
        """The need, relative to the capacity. Above 1, the part is too small."""
        return self.need / self.capacity


@dataclass(frozen=True, slots=True)
class Plan:
    """The machines for a load.

    Attributes:
        load: the load.
        replicas: the services.
        workers: the job workers.
        channels_per_replica: the live channels of a replica.
        bound: what limits this number: the processors of a replica, or the event loop of its first process.
        service_vcpus: the processors of services and job workers.
        balancer_vcpus: those of nginx.
        database_vcpus: those of PostgreSQL.
        memory: the bytes of memory of services and job workers.
        commits: the transactions of PostgreSQL per second.
        connections: the connections to PostgreSQL.
        database: the bytes of the results in PostgreSQL.
        store: the bytes of recordings that wait after an outage of the job workers.
        network: the incoming bits per second.
        limits: the parts that do not grow, the scarcest first.
    """

    load: Load
    replicas: int
    workers: int
    channels_per_replica: int
    bound: str
    service_vcpus: int
    balancer_vcpus: float
    database_vcpus: float
    memory: float
    commits: float
    connections: int
    database: float
    store: float
    network: float
    limits: tuple[Limit, ...] = field(default=(), repr=False)

    @property
    def vcpus(self) -> float:
        """All processors."""
        return self.service_vcpus + self.balancer_vcpus + self.database_vcpus

    @property
    def hours(self) -> float:
        """The hours of live channels or of recordings in an hour, on average."""
        return self.load.channels / self.load.peak_to_mean + self.load.hours / MONTH

    @property
    def bottleneck(self) -> Limit:
        """The part that is too small first while the load grows."""
        return self.limits[0]

    @property
    def hard_bottleneck(self) -> Limit:
        """The part that is too small first while the load grows and the settings grow with it."""
        return next(limit for limit in self.limits if not limit.is_setting)


class TooManyJobs(ValueError):
    """The maintenance of ended jobs takes all processor time of a job worker."""


def plan(measured: Measured, load: Load, setup: Setup | None = None) -> Plan:
    """Compute the machines for a load.

    All machines are as fast as the measured one. They run all the time, and are enough for the busiest time.

    Raises:
        TooManyJobs: no number of job workers is enough for one database.
    """
    setup = setup or Setup()
    jobs = _jobs_of(measured, load, setup)
    per_replica, bound = channels_per_replica(measured, setup)
    live = measured.relayed
    uploads = measured.recorded.service * jobs.hours / HOUR
    services = uploads / (setup.replica_vcpus * setup.utilization) + load.channels / per_replica
    replicas = max(2, math.ceil(services))
    workers = _job_workers(measured, jobs, setup)
    database_vcpus = _database_vcpus(measured, load, setup, jobs, replicas, workers)
    commits = (
        live.commits * load.channels
        + measured.service.commits * replicas
        + measured.worker.commits * workers
        + measured.recorded.commits * jobs.rate
    )
    connections = measured.service.connections * replicas + measured.worker.connections * workers
    waiting = jobs.rate * 60 * setup.outage_minutes
    machines = Plan(
        load=load,
        replicas=replicas,
        workers=workers,
        channels_per_replica=per_replica,
        bound=bound,
        service_vcpus=setup.replica_vcpus * (replicas + workers),
        balancer_vcpus=live.balancer * load.channels / setup.utilization,
        database_vcpus=database_vcpus / setup.utilization,
        memory=measured.service.memory * replicas
        + live.memory * load.channels
        + measured.worker.memory * workers,
        commits=commits,
        connections=connections,
        database=measured.recorded.rows * jobs.kept,
        store=measured.recorded.recording * waiting,
        network=CHANNEL_BITS * load.channels + 8 * measured.recorded.recording * jobs.rate,
    )
    limits = _limits(measured, setup, jobs, machines)
    return replace(machines, limits=tuple(sorted(limits, key=lambda limit: -limit.ratio)))


def _database_vcpus(
    measured: Measured, load: Load, setup: Setup, jobs: "_Jobs", replicas: int, workers: int
) -> float:
    """Return the processor time of PostgreSQL in a second."""
    kept = measured.kept
    counts = jobs.rate + (replicas + workers) / setup.scrape_seconds
    return (
        measured.relayed.database * load.channels
        + measured.service.database * replicas
        + measured.worker.database * workers
        + measured.recorded.database * jobs.hours / HOUR
        + workers * (kept.recent_database * jobs.recent + kept.old_database * jobs.kept) / PASS
        + counts * kept.count_database * jobs.kept
    )


def _limits(measured: Measured, setup: Setup, jobs: "_Jobs", machines: Plan) -> list[Limit]:
    """Return the parts that do not grow with the replicas and job workers of a plan."""
    channels = machines.load.channels
    return [
        Limit(
            "connections of PostgreSQL",
            machines.connections,
            setup.max_connections,
            "raise `max_connections`",
        ),
        Limit(
            "transactions of PostgreSQL",
            machines.commits,
            max(measured.notified.values()),
            "several sites",
            is_setting=False,
        ),
        Limit(
            "processors of PostgreSQL",
            machines.database_vcpus,
            setup.database_vcpus,
            "a larger machine",
            is_setting=False,
        ),
        Limit("connections of nginx", 2 * channels, setup.balancer_connections, "raise `worker_connections`"),
        Limit(
            "processor of nginx",
            measured.relayed.balancer * channels,
            setup.balancer_processes * setup.utilization,
            "raise `worker_processes`; several balancers",
        ),
        Limit(
            "job queue",
            jobs.rate * 60 * setup.outage_minutes,
            setup.jobs_depth,
            "raise `SER_JOBS_DEPTH`",
        ),
        Limit(
            "webhooks",
            jobs.rate * setup.receiver_seconds,
            setup.callbacks_at_a_time * max(machines.workers, 1),
            "more job workers",
        ),
    ]


def channels_per_replica(measured: Measured, setup: Setup) -> tuple[int, str]:
    """Return the live channels of a replica, and the part of it that limits them."""
    live = measured.relayed
    by_part = {
        "processors": setup.utilization * setup.replica_vcpus / (live.first + live.workers),
        "event loop": setup.utilization / live.first,
    }
    bound = min(by_part, key=lambda part: by_part[part])
    return math.floor(by_part[bound]), bound


@dataclass(frozen=True, slots=True)
class _Jobs:
    """The jobs of a load at the busiest time: hours per hour, jobs per second, and ended jobs."""

    hours: float
    rate: float
    recent: float
    kept: float


def _jobs_of(measured: Measured, load: Load, setup: Setup) -> _Jobs:
    peak = load.hours / MONTH * load.peak_to_mean
    rate = peak / (measured.recorded.minutes / 60) / HOUR
    mean = rate / load.peak_to_mean
    return _Jobs(peak, rate, rate * RECENT, mean * HOUR * setup.result_hours)


def _job_workers(measured: Measured, jobs: _Jobs, setup: Setup) -> int:
    """Return the number of job workers. Each of them also reads the ended jobs of all, again and again."""
    if not jobs.rate:
        return 0
    kept = measured.kept
    maintenance = (kept.recent_worker * jobs.recent + kept.old_worker * jobs.kept) / PASS
    left = setup.replica_vcpus * setup.utilization - measured.worker.seconds - maintenance
    if left <= 0 or maintenance >= setup.utilization:
        raise TooManyJobs(
            f"{jobs.rate:.1f} jobs a second are too many for one database: each job worker would read ended "
            f"jobs for {maintenance:.1f} s of each second. Divide the load into several sites."
        )
    return max(2, math.ceil(measured.recorded.worker * jobs.hours / HOUR / left))
