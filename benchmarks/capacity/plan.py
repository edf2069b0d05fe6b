"""Compute the machines for a load from measured figures."""

import math
from dataclasses import dataclass, field

from benchmarks.capacity.figures import Measured

GIB = 2**30
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
class Load:
    """The load to plan for.

    Attributes:
        name: the name in tables.
        channels: the live channels at the busiest time. A stereo call has two.
        hours: the recorded hours of stereo calls in a month.
        peak_to_mean: the load at the busiest time, relative to the mean. An assumption.
    """

    name: str
    channels: int = 0
    hours: float = 0.0
    peak_to_mean: float = 2.0


SIZES = (
    Load("1,000 live channels", channels=1_000),
    Load("10,000 live channels", channels=10_000),
    Load("100,000 live channels", channels=100_000),
    Load("a million recorded hours a month", hours=1_000_000),
)


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in any currency. The defaults are round numbers that show the computation, and nobody's offer.

    Attributes:
        vcpu_hour: of a processor for an hour.
        gib_hour: of a GiB of memory for an hour.
        gib_month: of a GiB on a disk or in a store for a month.
    """

    vcpu_hour: float = 0.04
    gib_hour: float = 0.005
    gib_month: float = 0.10


@dataclass(frozen=True, slots=True)
class Setup:
    """The deployment. The defaults are those that are shipped, or assumptions.

    Attributes:
        utilization: the share of the processors that the load may use; see docs/capacity.md.
        replica_vcpus: the processors of a replica and of a job worker (`deploy/kubernetes`), with as many
            worker processes.
        max_connections: the connections of PostgreSQL, by its own default.
        database_vcpus: the processors of the machine of PostgreSQL. An assumption.
        balancer_connections: `worker_connections` of `deploy/nginx`. A live channel takes two.
        balancer_processes: `worker_processes` of `deploy/nginx`.
        jobs_depth: `SER_JOBS_DEPTH`.
        outage_minutes: the minutes for which jobs may wait because no worker runs. An assumption.
        result_hours: `SER_RESULT_TTL`.
        callbacks_at_a_time: webhooks of a job worker at a time (`app/jobs/runner.py`).
        receiver_seconds: the seconds in which a receiver answers a webhook. An assumption.
        scrape_seconds: the seconds between two reads of `/metrics` of a process (`deploy/prometheus`).
    """

    utilization: float = 0.6
    replica_vcpus: int = 2
    max_connections: int = 100
    database_vcpus: int = 16
    balancer_connections: int = 2048
    balancer_processes: int = 1
    jobs_depth: int = 1000
    outage_minutes: float = 10.0
    result_hours: float = 24.0
    callbacks_at_a_time: int = 8
    receiver_seconds: float = 1.0
    scrape_seconds: float = 15.0


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
    limits: tuple[Limit, ...] = field(repr=False)

    @property
    def vcpus(self) -> float:
        """All processors."""
        return self.service_vcpus + self.balancer_vcpus + self.database_vcpus

    @property
    def hours(self) -> float:
        """The hours of live channels or of recordings in an hour, on average."""
        return (
            self.load.channels + self.load.hours / MONTH * self.load.peak_to_mean
        ) / self.load.peak_to_mean

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
    counts = jobs.rate + (replicas + workers) / setup.scrape_seconds
    kept = measured.kept
    database_vcpus = (
        live.database * load.channels
        + measured.service.database * replicas
        + measured.worker.database * workers
        + measured.recorded.database * jobs.hours / HOUR
        + workers * (kept.recent_database * jobs.recent + kept.old_database * jobs.kept) / PASS
        + counts * kept.count_database * jobs.kept
    )
    commits = (
        live.commits * load.channels
        + measured.service.commits * replicas
        + measured.worker.commits * workers
        + measured.recorded.commits * jobs.rate
    )
    connections = measured.service.connections * replicas + measured.worker.connections * workers
    waiting = jobs.rate * 60 * setup.outage_minutes
    announced = max(measured.notified.values())
    callbacks = setup.callbacks_at_a_time * max(workers, 1)
    limits = [
        Limit("connections of PostgreSQL", connections, setup.max_connections, "raise `max_connections`"),
        Limit("transactions of PostgreSQL", commits, announced, "several sites", is_setting=False),
        Limit(
            "processors of PostgreSQL",
            database_vcpus,
            setup.database_vcpus * setup.utilization,
            "a larger machine",
            is_setting=False,
        ),
        Limit(
            "connections of nginx",
            2 * load.channels,
            setup.balancer_connections,
            "raise `worker_connections`",
        ),
        Limit(
            "processor of nginx",
            live.balancer * load.channels,
            setup.balancer_processes * setup.utilization,
            "raise `worker_processes`; several balancers",
        ),
        Limit("job queue", waiting, setup.jobs_depth, "raise `SER_JOBS_DEPTH`"),
        Limit("webhooks", jobs.rate * setup.receiver_seconds, callbacks, "more job workers"),
    ]
    return Plan(
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
        limits=tuple(sorted(limits, key=lambda limit: -limit.ratio)),
    )


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


@dataclass(frozen=True, slots=True)
class Cost:
    """What 1,000 hours cost: amounts to multiply with prices, and the sum with example prices.

    Attributes:
        vcpu_hours: the hours of processors.
        gib_hours: the hours of GiB of memory.
        gib_months: the months of GiB on disks.
        total: the sum.
    """

    vcpu_hours: float
    gib_hours: float
    gib_months: float
    total: float


def cost(machines: Plan, prices: Prices | None = None) -> Cost:
    """Compute the cost of 1,000 hours of live channels, or of recorded calls, on average over the month."""
    prices = prices or Prices()
    scale = 1000 / machines.hours
    vcpu_hours = scale * machines.vcpus
    gib_hours = scale * machines.memory / GIB
    gib_months = scale * (machines.database + machines.store) / GIB / MONTH
    total = vcpu_hours * prices.vcpu_hour + gib_hours * prices.gib_hour + gib_months * prices.gib_month
    return Cost(vcpu_hours, gib_hours, gib_months, total)
