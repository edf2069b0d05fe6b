"""The cost of live channels."""

import dataclasses

import numpy as np

from benchmarks.capacity.accounting import Meter
from benchmarks.capacity.figures import Live
from benchmarks.capacity.requests import balanced
from benchmarks.live_bench import Bench, settings
from benchmarks.live_checks import all_complete
from benchmarks.monitor import Monitor, memory_of
from benchmarks.serving import Running, processor_seconds, running, tree_seconds
from testing.backends import Postgres
from training.data.codecs import TELEPHONE_RATE


def measure_live(
    nginx: str, bench: Bench, n_channels: int, seconds: float, shared: dict[str, str], server: Postgres | None
) -> tuple[Live, int]:
    """Measure live channels behind nginx.

    Args:
        nginx: the path of the program.
        bench: the clients.
        n_channels: the channels at a time.
        seconds: the duration of their calls.
        shared: the settings of PostgreSQL and of the store; empty for a service without them.
        server: PostgreSQL.

    Returns:
        The figures, and the most connections to PostgreSQL.

    Raises:
        SystemExit: a session did not end as it should.
    """
    calls = bench.calls(n_channels, seconds)
    environment = {**settings(n_channels + 5), "SER_WORKERS": "2", **shared}
    with running(**environment) as service, balanced(nginx, [service.port]) as (port, balancer):
        bench.warm_up(service)
        at_rest = memory_of(service)
        meter = Meter(server, []) if server else None
        before = _clocks(service, balancer)
        with Monitor(service) as monitor:
            through = dataclasses.replace(service, port=port)
            talks = bench.start(through, calls).result()
        after = _clocks(service, balancer)
        spent = meter.stop() if meter else None
    if not all_complete(talks):
        raise SystemExit("live sessions failed; nothing was measured")
    start, end = max(one.sent[0] for one in talks), min(one.sent[-1] for one in talks)
    audio = sum(len(call.audio) for call in calls) / TELEPHONE_RATE
    first, every, nginx_spent = ((now - then) / audio for now, then in zip(after, before, strict=True))
    n_tasks = sum(len(one.of_type("segment")) + len(one.of_type("interim")) for one in talks)
    memory = max(sample.every for sample in monitor.memory(start, end)) - at_rest.every
    figures = Live(
        n_channels=n_channels,
        speech=float(np.mean([call.share for call in calls])),
        first=first,
        workers=every - first,
        balancer=nginx_spent,
        database=spent.database / audio if spent else 0.0,
        commits=spent.commits / audio if spent else 0.0,
        tasks=n_tasks / audio,
        memory=memory / n_channels,
    )
    return figures, spent.connections if spent else 0


def _clocks(service: Running, balancer: int) -> tuple[float, float, float]:
    """Return the processor seconds so far of the first process, of the whole service, and of nginx."""
    return processor_seconds(service.pid), service.processor_seconds(), tree_seconds(balancer)
