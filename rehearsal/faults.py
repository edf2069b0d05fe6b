"""The faults of a chaos run. Each function breaks a container, and heals it when its context ends."""

import json
import math
import os
import random
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from rehearsal.podman import podman, run
from rehearsal.stack import Stack
from testing.service import descendants, holds_recognizer
from testing.waiting import eventually

Break = Callable[[Stack, str], AbstractContextManager[None]]
"""A function of a stack and a container, whose context begins with the fault and ends with its healing."""

REPLICAS = ("service", "replica")
NARROW = ("rate", "100kbit", "burst", "2kb", "latency", "5s")
"""A link on which 2 kB take 0.2 s. Not every kernel has netem, which delays all packets alike."""
STORE_DELAY = 3
"""The seconds that a slow store needs for each request."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes:
        name: the name.
        services: the services of the Compose file, of which one container is broken.
        break_: the function that breaks it.
        seconds: the shortest and the longest time until the healing.
        excused: for each operation, the codes of the errors that docs/ announces for this fault.
        most_errors: the largest number of these errors.
    """

    name: str
    services: tuple[str, ...]
    break_: Break
    seconds: tuple[float, float]
    excused: Mapping[str, frozenset[str]] = field(default_factory=dict)
    most_errors: float = math.inf


@dataclass(frozen=True)
class Event:
    """One fault of a schedule.

    Attributes:
        fault: the kind.
        seconds: the time until the healing.
        choice: which of the containers, as a number from 0 to 1.
    """

    fault: Fault
    seconds: float
    choice: float

    def target(self, stack: Stack) -> str:
        """Return the container to break."""
        names = [name for service in self.fault.services for name in stack.containers(service)]
        return names[int(self.choice * len(names))]


def schedule(seed: int) -> Iterator[Event]:
    """Yield faults without end: all kinds in a random order, then all of them in another one.

    Args:
        seed: the same seed gives the same faults.
    """
    rng = random.Random(seed)  # noqa: S311  # not a secret
    while True:
        for fault in rng.sample(FAULTS, len(FAULTS)):
            yield Event(fault, round(rng.uniform(*fault.seconds), 1), rng.random())


@contextmanager
def kill(stack: Stack, container: str) -> Iterator[None]:
    """Kill the first process of a container. Podman starts the container again."""
    os.kill(stack.process(container), signal.SIGKILL)
    yield


@contextmanager
def kill_process(stack: Stack, container: str) -> Iterator[None]:
    """Kill a process that holds a recognizer, as the kernel does if memory is short."""
    os.kill(next(filter(holds_recognizer, descendants(stack.process(container)))), signal.SIGKILL)
    yield


@contextmanager
def pause(_stack: Stack, container: str) -> Iterator[None]:
    """Let a container hang."""
    # runc gives up if the container is busy.
    eventually(lambda: bool(podman("pause", container, check=False)))
    try:
        yield
    finally:
        eventually(lambda: bool(podman("unpause", container, check=False)))


@contextmanager
def restart(_stack: Stack, container: str) -> Iterator[None]:
    """Stop a container as an operator does, and start it again."""
    podman("restart", "--time", "30", container)
    yield


@contextmanager
def partition(stack: Stack, container: str) -> Iterator[None]:
    """Lose all packets from and to a container, except those within it."""
    with _rules(stack, container, ("INPUT", "!", "-i", "lo"), ("OUTPUT", "!", "-o", "lo"), target=("DROP",)):
        yield


@contextmanager
def refuse(stack: Stack, container: str) -> Iterator[None]:
    """Refuse all connections to a container, as if its program were dead. It keeps its memory."""
    target = ("REJECT", "--reject-with", "tcp-reset")
    with _rules(stack, container, ("INPUT", "!", "-i", "lo", "-p", "tcp"), target=target):
        yield


@contextmanager
def reset(stack: Stack, container: str) -> Iterator[None]:
    """Break all connections of a container, twice. New connections succeed at once."""
    _inside(stack, container, "ss", "--kill", "--tcp", "state", "established")
    yield
    _inside(stack, container, "ss", "--kill", "--tcp", "state", "established")


@contextmanager
def narrow(stack: Stack, container: str) -> Iterator[None]:
    """Delay the packets of a container: they queue for a narrow link."""
    found = json.loads(_inside(stack, container, "ip", "-json", "link"))
    links = [link["ifname"] for link in found if link["ifname"] != "lo"]
    for link in links:
        _inside(stack, container, "tc", "qdisc", "add", "dev", link, "root", "tbf", *NARROW)
    try:
        yield
    finally:
        for link in links:
            _inside(stack, container, "tc", "qdisc", "del", "dev", link, "root")


@contextmanager
def fill(_stack: Stack, container: str) -> Iterator[None]:
    """Fill the temporary folder of a container."""
    podman("exec", container, "sh", "-c", "dd if=/dev/zero of=/tmp/full bs=64k 2>/dev/null || true")
    try:
        yield
    finally:
        podman("exec", container, "sh", "-c", "rm -f /tmp/full")


@contextmanager
def slow(_stack: Stack, container: str) -> Iterator[None]:
    """Let the stand-in of the store answer slowly."""
    podman("exec", container, "sh", "-c", f"echo {STORE_DELAY} > /tmp/delay")
    try:
        yield
    finally:
        podman("exec", container, "sh", "-c", "rm /tmp/delay")


@contextmanager
def _rules(
    stack: Stack, container: str, *matches: tuple[str, ...], target: tuple[str, ...]
) -> Iterator[None]:
    """Apply rules of iptables in the network of a container."""
    for chain, *match in matches:
        _inside(stack, container, "iptables", "--insert", chain, *match, "--jump", *target)
    try:
        yield
    finally:
        for chain, *match in matches:
            _inside(stack, container, "iptables", "--delete", chain, *match, "--jump", *target)


def _inside(stack: Stack, container: str, *command: str) -> str:
    """Run a program of this machine in the network of a container."""
    network = f"--net=/proc/{stack.process(container)}/ns/net"
    return run("nsenter", network, *command)


def _excuse(**codes: str) -> dict[str, frozenset[str]]:
    return {operation: frozenset(names.split()) for operation, names in codes.items()}


NO_JOBS = _excuse(submit="jobs-unavailable", poll="jobs-unavailable")
"""Without PostgreSQL, jobs are neither created nor read (docs/jobs.md)."""
LOST_SESSION = "session-not-found lost not-ready"
"""A session lives in one process (docs/live.md)."""

FAULTS = [
    # A job and the start of a live call go to one replica only (docs/deploy.md).
    Fault("kill replica", REPLICAS, kill, (0, 2), _excuse(submit="not-ready", stream=LOST_SESSION)),
    # The request of the dead process gets 500, and no other one (docs/operations.md).
    Fault(
        "kill process of replica",
        REPLICAS,
        kill_process,
        (0, 2),
        _excuse(upload="internal-error", analyze="internal-error", submit="internal-error"),
        most_errors=1,
    ),
    Fault("kill job worker", ("worker",), kill, (0, 2)),
    Fault("kill process of job worker", ("worker",), kill_process, (0, 2)),
    Fault("kill database", ("database",), kill, (0, 2), NO_JOBS),
    Fault("restart database", ("database",), restart, (0, 2), NO_JOBS),
    # Waiting counts for the deadline of a request, the time of an upload and that of an idle session.
    Fault(
        "pause replica",
        REPLICAS,
        pause,
        (10, 60),
        _excuse(
            upload="deadline-exceeded upload-timeout",
            analyze="deadline-exceeded upload-timeout",
            submit="deadline-exceeded upload-timeout",
            stream=f"{LOST_SESSION} session-idle",
        ),
    ),
    Fault("pause job worker", ("worker",), pause, (10, 40)),
    Fault("pause database", ("database",), pause, (10, 40), NO_JOBS),
    Fault(
        "partition replica", REPLICAS, partition, (10, 60), _excuse(submit="not-ready", stream=LOST_SESSION)
    ),
    Fault("partition job worker", ("worker",), partition, (10, 40)),
    Fault("partition database", ("database",), partition, (10, 40), NO_JOBS),
    Fault("partition store", ("store",), partition, (10, 40), _excuse(submit="jobs-unavailable")),
    Fault("refuse store", ("store",), refuse, (10, 40), _excuse(submit="jobs-unavailable")),
    # A live call continues on another connection.
    Fault("reset connections of replica", REPLICAS, reset, (5, 15), _excuse(submit="not-ready")),
    Fault("reset connections of job worker", ("worker",), reset, (5, 15)),
    Fault("reset connections of database", ("database",), reset, (5, 15), NO_JOBS),
    Fault("slow store", ("store",), slow, (10, 40)),
    Fault("narrow link of replica", REPLICAS, narrow, (10, 40)),
    Fault("narrow link of job worker", ("worker",), narrow, (10, 40)),
    Fault("narrow link of database", ("database",), narrow, (10, 40)),
    Fault(
        "full disk of replica",
        REPLICAS,
        fill,
        (10, 30),
        _excuse(analyze="storage-full", submit="storage-full"),
    ),
    Fault("full disk of job worker", ("worker",), fill, (10, 30)),
    Fault("full disk of nginx", ("balancer",), fill, (10, 30), _excuse(analyze="not-ready")),
]
