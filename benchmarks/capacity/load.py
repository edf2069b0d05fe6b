"""The load to plan for, and the deployment that carries it."""

from dataclasses import dataclass


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
