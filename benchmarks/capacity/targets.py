"""Find the share of the processors that live channels may use, by simulation."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from app.core.files import write_whole
from benchmarks.capacity.figures import Measured
from benchmarks.capacity.simulation import Channel, Outcome, Site, simulate_channels
from benchmarks.serving import percentile

TARGETS = Path(__file__).parent / "targets.json"
"""The simulated latencies of docs/capacity.md."""

UTILIZATIONS = (0.4, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9)
REPLICA = Site(n_replicas=1, n_workers=2, n_slots=0, n_processors=2)
"""A replica as in `deploy/kubernetes`: two workers on two processors."""

WITHIN = 0.7
"""The latency in seconds within which 99 % of the segments shall arrive (docs/operations.md)."""

SECONDS, SEED = 60.0, 22


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """The simulated latency of segments at a utilization.

    Attributes:
        utilization: the share of the processors that the channels use.
        channels: the number of channels of a replica with two workers on two processors.
        p50: the median latency in seconds.
        p95: the 95th percentile.
        p99: the 99th percentile.
        p99_slower: the 99th percentile on processors that take a third longer for the same channels.
    """

    utilization: float
    channels: int
    p50: float
    p95: float
    p99: float
    p99_slower: float


def channel_of(measured: Measured, slowness: float = 1.0) -> Channel:
    """Return the cost of a live channel of a replica with PostgreSQL."""
    live = measured.relayed
    return Channel(slowness * live.first, slowness * live.workers / live.tasks, live.tasks)


def targets(measured: Measured) -> list[Target]:
    """Simulate replicas at all utilizations."""
    live = measured.relayed
    found = []
    for utilization in UTILIZATIONS:
        n_channels = round(utilization * REPLICA.n_processors / (live.first + live.workers))
        outcome, slower = (_simulated(measured, n_channels, slowness) for slowness in (1, 4 / 3))
        p50, p95, p99 = (percentile(outcome.latencies, percent) for percent in (50, 95, 99))
        found.append(Target(utilization, n_channels, p50, p95, p99, percentile(slower.latencies, 99)))
    return found


def _simulated(measured: Measured, n_channels: int, slowness: float) -> Outcome:
    return simulate_channels(REPLICA, channel_of(measured, slowness), n_channels, SECONDS, SEED)


def write(found: Sequence[Target], path: Path = TARGETS) -> None:
    """Write targets as JSON."""
    rows = [dataclasses.asdict(one) for one in found]
    write_whole(path, f"{json.dumps(rows, indent=1)}\n".encode())


def read(path: Path = TARGETS) -> list[Target]:
    """Read targets."""
    return [Target(**row) for row in json.loads(path.read_text())]
