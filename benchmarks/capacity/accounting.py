"""Processor time, transactions and connections, noted at two times."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg

from benchmarks.serving import tree_seconds
from testing.backends import Postgres

STATISTICS = 1.5
"""Seconds after which an idle connection of PostgreSQL has published its statistics (1 s), with a margin."""

COMMITS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'postgres'"
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres'"
ELSEWHERE = "template1"
"""The database in which these queries run, so that they do not count themselves."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds, and the amounts that were spent in them.

    Attributes:
        seconds: the seconds on the clock.
        database: the processor seconds of PostgreSQL.
        commits: the transactions of PostgreSQL.
        trees: the processor seconds of each process, with its children.
        connections: the most connections to PostgreSQL at a time.
    """

    seconds: float
    database: float
    commits: int
    trees: list[float]
    connections: int


class Meter:
    """A watch over PostgreSQL and over processes."""

    def __init__(self, server: Postgres, pids: list[int]) -> None:
        """Start the watch.

        Args:
            server: the server.
            pids: the processes.
        """
        self._server, self._pids = server, pids
        self._connections = 0
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        time.sleep(STATISTICS)
        self._began = self._note()

    def stop(self) -> Spent:
        """Stop the watch, and return what was spent."""
        at = time.monotonic()
        time.sleep(STATISTICS)
        database, commits, trees, _ = self._note()
        self._ended.set()
        self._watcher.join()
        began_database, began_commits, began_trees, began = self._began
        differences = [after - before for after, before in zip(trees, began_trees, strict=True)]
        return Spent(
            at + STATISTICS - began,
            database - began_database,
            commits - began_commits,
            differences,
            self._connections,
        )

    def _note(self) -> tuple[float, int, list[float], float]:
        with self._elsewhere() as connection:
            commits = _number(connection, COMMITS)
        trees = [_tree_seconds(pid) for pid in self._pids]
        return _tree_seconds(self._server.pid), commits, trees, time.monotonic()

    def _watch(self) -> None:
        with self._elsewhere() as connection:
            while not self._ended.wait(0.5):
                self._connections = max(self._connections, _number(connection, CONNECTIONS))

    def _elsewhere(self) -> psycopg.Connection:
        return psycopg.connect(self._server.url, dbname=ELSEWHERE, autocommit=True)


def _number(connection: psycopg.Connection, query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _tree_seconds(pid: int) -> float:
    """Return the processor time of a process and its children, also while children end."""
    while True:
        with suppress(FileNotFoundError, ProcessLookupError):
            return tree_seconds(pid)


def thread_seconds(pid: int) -> float:
    """Return the processor time of the threads of a process that run, in seconds, exact to the nanosecond.

    The clock of `/proc/PID/stat` has ticks of 10 ms, too coarse for one request.
    """
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


@contextmanager
def processors_of_others(pid: int) -> Iterator[list[float]]:
    """Note the processors that other programs of the machine use meanwhile.

    Args:
        pid: the process that does not count, with its children.

    Yields:
        A list that has the mean number of processors at the end of the context.
    """
    found: list[float] = []
    before, ours, began = _busy(), _tree_seconds(pid), time.monotonic()
    yield found
    spent = _busy() - before - (_tree_seconds(pid) - ours)
    found.append(max(spent, 0.0) / (time.monotonic() - began))


def _busy() -> float:
    """Return the seconds for which all processors of the machine were busy so far."""
    fields = list(map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:]))
    user, nice, system, _, _, interrupts, soft, steal = fields[:8]
    return (user + nice + system + interrupts + soft + steal) / os.sysconf("SC_CLK_TCK")
