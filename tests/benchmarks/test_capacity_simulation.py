"""The simulation agrees with results of queueing theory."""

import math
import random
from collections.abc import Callable
from statistics import mean

import pytest

from benchmarks.capacity.simulation import Channel, Cost, Site, simulate, simulate_channels

MANY = 10**6
"""As many slots or processors as nothing limits."""
SERVICE = 0.002
"""The mean processor seconds of a request: about one quantum, so that the tests are fast."""


def exponential(source: random.Random) -> Cost:
    return Cost(0.0, source.expovariate(1 / SERVICE))


def always(seconds: float) -> Callable[[random.Random], Cost]:
    return lambda _: Cost(0.0, seconds)


def erlang_c(n_servers: int, offered: float) -> float:
    """Return the probability that a request waits in an M/M/c queue."""
    all_busy = offered**n_servers / math.factorial(n_servers) * n_servers / (n_servers - offered)
    return all_busy / (sum(offered**k / math.factorial(k) for k in range(n_servers)) + all_busy)


def test_workers_with_processors_of_their_own_are_the_queue_of_erlang() -> None:
    n_workers, offered = 2, 1.2
    site = Site(n_replicas=1, n_workers=n_workers, n_slots=MANY, n_processors=MANY)
    waits = simulate(site, exponential, offered / SERVICE, 15, seed=1).waits
    probability = erlang_c(n_workers, offered)
    assert mean(wait > 1e-12 for wait in waits) == pytest.approx(probability, rel=0.1)
    assert mean(waits) == pytest.approx(probability * SERVICE / (n_workers - offered), rel=0.2)


def test_workers_that_share_a_processor_are_slowed_down_as_processor_sharing_says() -> None:
    load, service = 0.5, 0.03
    site = Site(n_replicas=1, n_workers=MANY, n_slots=MANY, n_processors=1)
    latencies = simulate(site, always(service), load / service, 150, seed=1).latencies
    assert mean(latencies) == pytest.approx(service / (1 - load), rel=0.1)


def test_other_programs_take_their_share_of_a_processor() -> None:
    load, others, service = 0.2, 0.4, 0.03
    site = Site(n_replicas=1, n_workers=MANY, n_slots=MANY, n_processors=1, others=others)
    latencies = simulate(site, always(service), load / service, 150, seed=1).latencies
    assert mean(latencies) == pytest.approx(service / (1 - load - others), rel=0.1)


def test_slots_refuse_as_many_requests_as_a_bounded_queue() -> None:
    n_slots, load = 4, 0.9
    site = Site(n_replicas=1, n_workers=1, n_slots=n_slots, n_processors=MANY)
    outcome = simulate(site, exponential, load / SERVICE, 12, seed=1)
    refused = outcome.n_refused / (outcome.n_refused + len(outcome.latencies))
    assert refused == pytest.approx((1 - load) * load**n_slots / (1 - load ** (n_slots + 1)), rel=0.1)


def test_replicas_on_one_machine_share_its_processors() -> None:
    one, two = (simulate(Site(n, 1, 8, n_processors=1), always(0.01), 200, 8, seed=1) for n in (1, 2))
    # Half of the requests are too many for the processor, whatever the number of replicas.
    assert len(one.latencies) == pytest.approx(800, rel=0.03)
    assert len(two.latencies) == pytest.approx(800, rel=0.03)
    assert mean(two.latencies) == pytest.approx(2 * mean(one.latencies), rel=0.1)  # twice as many slots


def test_a_request_goes_to_the_replica_with_the_fewest_requests() -> None:
    # 0.01 s each: two replicas with processors of their own answer 150 requests a second without refusals.
    site = Site(n_replicas=2, n_workers=1, n_slots=3, n_processors=MANY)
    outcome = simulate(site, always(0.01), 150, 15, seed=1)
    # The queue of each replica alone, with random arrivals at half the rate, would refuse over 6 %.
    assert outcome.n_refused / (outcome.n_refused + len(outcome.latencies)) < 0.03


def test_live_channels_wait_longer_the_more_there_are() -> None:
    replica = Site(n_replicas=1, n_workers=2, n_slots=0, n_processors=2)
    channel = Channel(first=0.008, task=0.05, tasks=0.15)
    few, many = (
        simulate_channels(replica, channel, n_channels, 15, seed=1).latencies for n_channels in (10, 110)
    )
    # Audio waits 0.1 s on average to be read; then comes the work of the first process and of the worker.
    assert mean(few) == pytest.approx(0.1 + 0.0016 + 0.05, rel=0.15)
    assert mean(many) > 1.5 * mean(few)
    assert len(many) == pytest.approx(110 * 15 * 0.15, rel=0.25)
