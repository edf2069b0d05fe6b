"""The live sessions of a service, and their limits."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from app.answer_builder import AnswerBuilder
from app.core.speech import SpeechDetector
from app.live.analysis import LiveEngine, StreamAnalysis, StreamFormat
from app.live.connection import LiveError
from app.live.counts import LiveCounts
from app.live.messages import SessionLimits
from app.live.session import LiveSession
from app.live.session_info import SessionInfo
from app.pool.errors import NotReady
from app.pool.pool import WorkerPool
from app.pool.share import PoolShare

LAST_SECONDS = 5.0
"""The seconds for the last messages of ended sessions when the service stops. Not tuned."""


class SessionsFull(LiveError):
    """The limit of sessions is reached."""


class SessionNotFound(LiveError):
    """The caller has no session of that ID."""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """The limits of live sessions.

    Attributes:
        n_sessions: the maximum number of sessions of the service.
        n_sessions_per_caller: the maximum number of sessions of one caller.
        session: the limits of each session.
    """

    n_sessions: int
    n_sessions_per_caller: int
    session: SessionLimits


class LiveSessions:
    """The live sessions of a service.

    The sessions detect speech in this process, with one detector. The worker pool recognizes the segments.

    Attributes:
        limits: the limits of the sessions.
    """

    def __init__(self, pool: WorkerPool, limits: LiveLimits, answers: AnswerBuilder) -> None:
        """Describe the sessions. The first session loads the detector.

        Args:
            pool: the pool that recognizes the segments.
            limits: the limits of the sessions.
            answers: the builder of the summaries.
        """
        self.limits = limits
        self._pool = pool
        self._answers = answers
        self._engine: LiveEngine | None = None
        self._sessions: dict[str, LiveSession] = {}
        self._callers: Counter[str] = Counter()
        self._n_waiting = 0
        self._stopping = False
        self._followers: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> list[LiveSession]:
        """The sessions that have not ended."""
        return [session for session in self._sessions.values() if not session.journal.ended]

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count a connection that has not started a session, while the context lasts.

        Raises:
            SessionsFull: too many connections wait.
            NotReady: the service is stopping.
        """
        self._check_running()
        if self._n_waiting >= self.limits.n_sessions:
            raise SessionsFull(f"{self._n_waiting} connections have not started a session. Try again later.")
        self._n_waiting += 1
        try:
            yield
        finally:
            self._n_waiting -= 1

    async def start(
        self, info: SessionInfo, stream: StreamFormat, counts: LiveCounts, pool: PoolShare
    ) -> LiveSession:
        """Start a session.

        Args:
            info: the description of the session.
            stream: the format of the stream.
            counts: the counters of the service.
            pool: the pool for the caller of the session.

        Raises:
            SessionsFull: the service or the caller has too many sessions.
            NotReady: the service is stopping.
        """
        engine = replace(await self._load(), pool=pool)
        self._check_running()
        n_sessions, n_own = self._callers.total(), self._callers[info.caller]
        if n_sessions >= self.limits.n_sessions:
            raise SessionsFull(f"The service has {n_sessions} live sessions. Try again later.")
        if n_own >= self.limits.n_sessions_per_caller:
            raise SessionsFull(f"The key has {n_own} live sessions. End one before you start another.")
        session = LiveSession(
            info,
            self.limits.session,
            lambda emit: StreamAnalysis(engine, stream, info.options, info.model, emit),
            self._end,
            counts,
            self._answers,
        )
        self._callers[info.caller] += 1
        self._sessions[info.id] = session
        return session

    def find(self, caller: str, session_id: str) -> LiveSession:
        """Find a session of a caller. An ended session is found until the client could not reconnect.

        Raises:
            SessionNotFound: the caller has no session of that ID.
        """
        session = self._sessions.get(session_id)
        if session is None or session.info.caller != caller:
            raise SessionNotFound(f"There is no live session {session_id}. It may have ended.")
        return session

    def sessions_of(self, caller: str) -> list[LiveSession]:
        """Return the sessions of a caller that have not ended, the newest first."""
        return [session for session in reversed(self.running) if session.info.caller == caller]

    def follow(self, follower: Coroutine[None, None, None]) -> None:
        """Run a follower of a journal. It ends soon after its session."""
        task = asyncio.create_task(follower)
        self._followers.add(task)
        task.add_done_callback(self._followers.discard)

    def go_away(self) -> None:
        """End all streams, since the service stops."""
        self._stopping = True
        for session in self.running:
            session.go_away()

    async def stop(self) -> None:
        """Stop all sessions, and wait for a moment for what follows their journals."""
        self.go_away()
        await asyncio.gather(*(session.stop(LAST_SECONDS) for session in self._sessions.values()))
        if self._followers:
            _, late = await asyncio.wait(self._followers, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()

    def _check_running(self) -> None:
        """Raise `NotReady` if the service is stopping."""
        if self._stopping:
            raise NotReady("The service is stopping. Connect again.")

    def _end(self, session: LiveSession) -> None:
        """Release the place of a session, and keep its journal until the client could not reconnect."""
        self._callers[session.info.caller] -= 1
        wait = self.limits.session.reconnect_seconds
        asyncio.get_running_loop().call_later(wait, self._sessions.pop, session.info.id)

    async def _load(self) -> LiveEngine:
        """Load the detector, unless it is loaded."""
        if self._engine is None:
            thread = ThreadPoolExecutor(1, "live")
            detector = await asyncio.get_running_loop().run_in_executor(thread, SpeechDetector)
            self._engine = self._engine or LiveEngine(PoolShare(self._pool, ""), detector, thread)
        return self._engine
