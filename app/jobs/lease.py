"""The lease of a runner: a lock that is free as soon as its process is dead.

In PostgreSQL, the lease is an advisory lock of a separate session. The server releases the lock when the
connection breaks. In SQLite, one process runs the jobs, and the lease is a lock on a file beside the
database.
"""

import fcntl
import logging
import os
import socket
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError

from app.jobs.database import open_engine
from app.jobs.job import JobsUnavailable

logger = logging.getLogger(__name__)

# The server considers a silent connection broken after 10 + 3 × 5 seconds.
_KEEPALIVE = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
_LOCK = sqlalchemy.text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_UNLOCK = sqlalchemy.text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")


class Lease:
    """The lock of one runner.

    Attributes:
        name: the name of the runner.
    """

    def __init__(self, url: str) -> None:
        """Create the lease without acquiring it."""
        self._engine = open_engine(url)
        self._connection: sqlalchemy.Connection | None = None
        self._file: IO[bytes] | None = None
        self._suspects: set[str] = set()
        self._is_file = self._engine.dialect.name == "sqlite"
        # With SQLite the name is constant, so that a restarted process finds its own jobs.
        self.name = "local" if self._is_file else f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"

    def take(self) -> None:
        """Acquire the lease.

        Raises:
            JobsUnavailable: another process runs the jobs of this file.
            SQLAlchemyError: the server cannot be reached.
        """
        if not self._is_file:
            self._connect()
            return
        database = Path(self._engine.url.database or "")
        self._file = database.with_suffix(".lock").open("wb")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise JobsUnavailable(
                f"Another process runs the jobs in {database}. Give each process its own SER_DATA_DIR, or "
                "give all processes the same PostgreSQL in SER_JOBS_URL."
            ) from error

    def release(self) -> None:
        """Release the lease."""
        if self._file is not None:
            self._file.close()
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.close()

    def find_gone(self, names: Collection[str]) -> list[str]:
        """Find the runners whose lock is free now and was free at the previous call.

        A restart of the server frees every lock, and each runner needs a moment to acquire its lock
        again. A lock must therefore be free at two calls.

        Raises:
            SQLAlchemyError: the server cannot be reached.
        """
        if self._is_file:
            return []
        self._keep()
        free = {name for name in names if self._is_free(name)}
        dead, self._suspects = free & self._suspects, free
        return sorted(dead)

    def _connect(self) -> None:
        """Open the session that holds the lock."""
        self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        for name, value in _KEEPALIVE.items():
            self._connection.execute(sqlalchemy.text(f"SET {name} = {value}"))
        self._connection.execute(_LOCK, {"name": self.name})

    def _keep(self) -> None:
        """Check the session. If it is broken, open a new session and acquire the lock again."""
        try:
            self._session().execute(sqlalchemy.text("SELECT 1"))
        except SQLAlchemyError:
            logger.warning("the database session with the lock of this runner is broken; reconnecting")
            self._connect()

    def _is_free(self, name: str) -> bool:
        """Test whether the lock of another runner is free, by acquiring it for a moment."""
        free = bool(self._session().execute(_LOCK, {"name": name}).scalar())
        if free:
            self._session().execute(_UNLOCK, {"name": name})
        return free

    def _session(self) -> sqlalchemy.Connection:
        if self._connection is None:
            raise SQLAlchemyError("the lease was not acquired")
        return self._connection
