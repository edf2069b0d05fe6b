"""Simulations of replicas: requests behind a balancer, and live channels of one replica.

Processes of one machine share its processors. A process gets a processor for a short time, then it goes to
the end of the queue, as in the scheduler of an operating system.
"""

import itertools
import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import simpy

QUANTUM = 0.003
"""Seconds for which a process has a processor. Linux gives 0.7 to 3 ms (`base_slice_ns`); not tuned."""

BURST = 0.02
"""Seconds for which another program uses a processor at a time. Not measured."""

READ = 0.2
"""Seconds between two reads of a live connection (`app/websocket.py`)."""

Step = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class Cost:
    """The processor seconds of one request.

    Attributes:
        first: those of the first process of a replica, which has the connections.
        worker: those of the worker.
    """

    first: float
    worker: float


@dataclass(frozen=True, slots=True)
class Site:
    """Replicas on one machine.

    Attributes:
        n_replicas: the number of replicas.
        n_workers: the workers of each replica.
        n_slots: the requests that a replica accepts at a time (`SER_WORKERS` + `SER_QUEUE_DEPTH`).
        n_processors: the processors that all processes share.
        outside: the processor seconds of a request in the balancer and its client, if they share the machine.
        others: the processors that other programs use, on average.
    """

    n_replicas: int
    n_workers: int
    n_slots: int
    n_processors: int
    outside: float = 0.0
    others: float = 0.0


@dataclass(frozen=True, slots=True)
class Channel:
    """The cost of one live channel.

    Attributes:
        first: the processor seconds of the first process for a second of the channel.
        task: the processor seconds of a worker for a segment or an interim answer.
        tasks: the segments and interim answers for a second of the channel.
    """

    first: float
    task: float
    tasks: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of a simulation.

    Attributes:
        latencies: the seconds from the arrival of each accepted request to its answer, sorted.
        waits: the seconds that each accepted request waited for a worker, sorted.
        n_refused: the number of refused requests (503).
    """

    latencies: Sequence[float]
    waits: Sequence[float]
    n_refused: int


class _Replica:
    """The resources of one replica."""

    def __init__(self, environment: simpy.Environment, n_workers: int) -> None:
        self.first = simpy.Resource(environment, 1)
        self.workers = simpy.Resource(environment, n_workers)
        self.n_taken = 0


def simulate(
    site: Site, cost: Callable[[random.Random], Cost], rate: float, seconds: float, seed: int
) -> Outcome:
    """Simulate requests that arrive at random (a Poisson process), behind a balancer.

    The balancer sends a request to the replica with the fewest requests, and takes turns among equal ones
    (`least_conn` in `deploy/nginx`). A replica refuses a request if all its slots are taken.

    Args:
        site: the replicas and their machine.
        cost: draws the cost of a request.
        rate: the requests per second.
        seconds: the time in which requests arrive. The simulation ends with the last answer.
        seed: the seed of the random numbers.
    """
    environment, source = simpy.Environment(), random.Random(seed)  # noqa: S311  # not for secrets
    processors = simpy.Resource(environment, site.n_processors)
    replicas = [_Replica(environment, site.n_workers) for _ in range(site.n_replicas)]
    turns = itertools.count()
    latencies: list[float] = []
    waits: list[float] = []
    refused: list[float] = []

    def choose() -> _Replica:
        first = next(turns)
        order = [replicas[(first + index) % len(replicas)] for index in range(len(replicas))]
        return min(order, key=lambda replica: replica.n_taken)

    def request(drawn: Cost) -> Step:
        arrival = environment.now
        yield from use(environment, processors, site.outside)
        replica = choose()
        if replica.n_taken >= site.n_slots:
            refused.append(environment.now)
            with replica.first.request() as loop:
                yield loop
                yield from use(environment, processors, drawn.first / 2)
            return
        replica.n_taken += 1
        yield from _serve(environment, processors, replica, drawn, waits)
        replica.n_taken -= 1
        latencies.append(environment.now - arrival)

    def arrivals() -> Step:
        while True:
            yield environment.timeout(source.expovariate(rate))
            if environment.now > seconds:
                return
            environment.process(request(cost(source)))

    def other_programs() -> Step:
        while environment.now <= seconds:
            yield environment.timeout(source.expovariate(site.others / BURST))
            environment.process(use(environment, processors, BURST))

    environment.process(arrivals())
    if site.others:
        environment.process(other_programs())
    environment.run()
    return Outcome(sorted(latencies), sorted(waits), len(refused))


def simulate_channels(replica: Site, channel: Channel, n_channels: int, seconds: float, seed: int) -> Outcome:
    """Simulate the live channels of one replica.

    The first process reads each connection every 0.2 s, and detects speech in what it has read. Some reads
    complete a segment, which a worker recognizes. Interim answers are tasks like segments, although the
    service leaves them out while workers are busy; so the simulation is rather too slow than too fast.

    Args:
        replica: the replica; only `n_workers` and `n_processors` count.
        channel: the cost of a channel.
        n_channels: the number of channels.
        seconds: the duration of the calls.
        seed: the seed of the random numbers.

    Returns:
        The latencies from the arrival of the audio that completes a segment to its answer.
    """
    environment, source = simpy.Environment(), random.Random(seed)  # noqa: S311  # not for secrets
    processors = simpy.Resource(environment, replica.n_processors)
    processes = _Replica(environment, replica.n_workers)
    latencies: list[float] = []
    waits: list[float] = []

    def recognize(arrival: float) -> Step:
        yield from _serve(environment, processors, processes, Cost(0.0, channel.task), waits)
        latencies.append(environment.now - arrival)

    def connection() -> Step:
        yield environment.timeout(source.uniform(0, READ))
        read = environment.now
        while environment.now < seconds:
            arrival = source.uniform(read, environment.now)
            audio, read = environment.now - read, environment.now
            with processes.first.request() as loop:
                yield loop
                yield from use(environment, processors, channel.first * audio)
            if source.random() < channel.tasks * audio:
                environment.process(recognize(arrival))
            # The connection rests after each read, so that a busy process reads less often, and more.
            yield environment.timeout(READ)

    for _ in range(n_channels):
        environment.process(connection())
    environment.run()
    return Outcome(sorted(latencies), sorted(waits), 0)


def use(environment: simpy.Environment, processors: simpy.Resource, seconds: float) -> Step:
    """Let a process use processors for some seconds, one quantum after the other."""
    left = seconds
    while left > 0:
        with processors.request() as processor:
            yield processor
            yield environment.timeout(min(left, QUANTUM))
        left -= QUANTUM


def _serve(
    environment: simpy.Environment,
    processors: simpy.Resource,
    replica: _Replica,
    cost: Cost,
    waits: list[float],
) -> Step:
    """Take a request through the first process, a worker, and the first process again."""
    with replica.first.request() as loop:
        yield loop
        yield from use(environment, processors, cost.first / 2)
    queued = environment.now
    with replica.workers.request() as worker:
        yield worker
        waits.append(environment.now - queued)
        yield from use(environment, processors, cost.worker)
    with replica.first.request() as loop:
        yield loop
        yield from use(environment, processors, cost.first / 2)
