"""The messages of live sessions in PostgreSQL, so that every replica can send them to readers.

Each replica stores the messages of its own sessions, and announces them with NOTIFY. A replica that has a
reader for a session of another replica listens, and reads the new rows. While the database cannot be reached,
the sessions continue; their messages are stored as soon as it can be reached again.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from app.live.stored_message import INFO, RelayUnavailable, StoredMessage

logger = logging.getLogger(__name__)

CREATE = """
CREATE TABLE IF NOT EXISTS ser_live_messages (
    session text, sequence integer, caller text NOT NULL, type text NOT NULL, content text NOT NULL,
    process integer NOT NULL, stored timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (session, sequence)
)
"""
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('ser_live', 0))"
"""Only one replica creates the table."""
STORE = """
WITH stored AS (
    INSERT INTO ser_live_messages (session, sequence, caller, type, content, process)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
)
SELECT pg_notify('ser_live', %s)
"""
READ = """
SELECT sequence, type, content FROM ser_live_messages
WHERE session = %s AND caller = %s AND (sequence > %s OR type IN ('closed', 'error')) ORDER BY sequence
"""
"""The messages after a number, and the last message, which shows a reader that the session has ended."""
HOLD = "SELECT pg_advisory_lock(22, %s)"
"""Each process holds the lock of its number. The server releases it as soon as the process is dead."""
KEEPALIVE = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
"""The server considers a silent connection broken after 10 + 3 × 5 seconds."""
LIST = """
SELECT content FROM ser_live_messages AS session WHERE caller = %s AND sequence = 0 AND NOT EXISTS (
    SELECT FROM ser_live_messages AS last
    WHERE last.session = session.session AND last.type IN ('closed', 'error')
) AND EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 22 AND objid::bigint = session.process
) ORDER BY stored DESC
"""
KNOWS = """
SELECT sequence FROM ser_live_messages AS message WHERE session = %s AND caller = %s AND (
    type IN ('closed', 'error') OR EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 22 AND objid::bigint = message.process
    )
) LIMIT 1
"""
DELETE = "DELETE FROM ser_live_messages WHERE session = %s"
DELETE_OLD = "DELETE FROM ser_live_messages WHERE stored < now() - interval '1 day'"
"""A process that dies leaves the messages of its sessions."""

LAST = frozenset({"closed", "error"})
"""The types of the last message of a session."""
RETRY = 1.0
"""Seconds between attempts to reach the database."""
POLL = 15.0
"""Seconds after which a reader looks for messages without an announcement, if one was lost."""


class Relay:
    """The stored messages of all replicas."""

    def __init__(self, url: str) -> None:
        """Describe the relay.

        Args:
            url: `postgresql://…`.
        """
        self._url = url
        self._process = secrets.randbits(31)
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listens = False
        self._news: dict[str, asyncio.Event] = {}

    async def stop(self) -> None:
        """Close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()

    async def store(self, session: str, caller: str, message: StoredMessage) -> None:
        """Store a message and announce it. It is tried again until the database can be reached."""
        while True:
            try:
                await self._execute(
                    STORE,
                    *(session, message.sequence, caller, message.type, message.content, self._process),
                    session,
                )
            except RelayUnavailable as error:
                logger.warning("a live message is not stored yet: %s", error.__cause__)
                await asyncio.sleep(RETRY)
            else:
                return

    def delete_later(self, session: str, seconds: float) -> None:
        """Delete the messages of a session after some time, in seconds."""

        async def delete() -> None:
            await asyncio.sleep(seconds)
            with suppress(RelayUnavailable):  # they are deleted after a day
                await self._execute(DELETE, session)

        task = asyncio.create_task(delete())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def sessions_of(self, caller: str) -> list[dict[str, Any]]:
        """Return the descriptions of the sessions of a caller that have not ended, the newest first.

        The sessions of dead processes have ended.

        Raises:
            RelayUnavailable: the database cannot be reached.
        """
        return [json.loads(row["content"]) for row in await self._execute(LIST, caller)]

    async def knows(self, session: str, caller: str) -> bool:
        """Return whether a caller has a session that has ended, or whose process is alive.

        Raises:
            RelayUnavailable: the database cannot be reached.
        """
        return bool(await self._execute(KNOWS, session, caller))

    async def follow(self, session: str, caller: str, after: int) -> AsyncIterator[StoredMessage]:
        """Yield the messages of a session after a number, and wait for further ones until the end.

        The messages of a session that ended are deleted, and its process may die. Both are an end also.

        Raises:
            RelayUnavailable: the database cannot be reached.
        """
        if not self._listens:
            self._listens = True
            self._tasks.add(asyncio.create_task(self._listen()))
        try:
            while True:
                news = self._news.setdefault(session, asyncio.Event())
                for row in await self._execute(READ, session, caller, max(after, INFO)):
                    if row["sequence"] > after:
                        yield StoredMessage(**row)
                        after = row["sequence"]
                    if row["type"] in LAST:
                        return
                try:
                    async with asyncio.timeout(POLL):
                        await news.wait()
                except TimeoutError:
                    if not await self.knows(session, caller):
                        return
        finally:
            self._announce(session)  # other readers may wait for the same event

    def _announce(self, session: str) -> None:
        """Wake the readers of a session."""
        if news := self._news.pop(session, None):
            news.set()

    async def _execute(self, query: LiteralString, *values: object) -> list[dict[str, Any]]:
        """Run a query, with a new connection if the earlier one is broken."""
        try:
            async with self._lock:
                if self._connection is None or self._connection.closed:
                    self._connection = await self._connect()
                async with self._connection.cursor(row_factory=dict_row) as cursor:
                    await cursor.execute(query, values)
                    return await cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise RelayUnavailable(
                "The database of live messages cannot be reached. Try again in a moment."
            ) from error

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        """Connect, hold the lock of this process, and create the table unless it exists."""
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        for name, value in KEEPALIVE.items():
            await connection.execute(f"SET {name} = {value}")
        await connection.execute(HOLD, [self._process])
        async with connection.transaction():
            await connection.execute(LOCK)
            await connection.execute(CREATE)
            await connection.execute(DELETE_OLD)
        return connection

    async def _listen(self) -> None:
        """Wake the readers of the sessions that have news."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await connection.execute("LISTEN ser_live")
                    for session in list(self._news):
                        self._announce(session)  # an announcement may have been missed
                    async for notice in connection.notifies():
                        self._announce(notice.payload)
            except psycopg.Error as error:
                logger.warning("live messages of other replicas are delayed: %s", error)
            await asyncio.sleep(RETRY)
