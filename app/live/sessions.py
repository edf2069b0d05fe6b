"""The live sessions of a service, and their limits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from app.calls.analysis import Pool
from app.core.errors import SpeechEmotionError
from app.core.speech import SpeechDetector
from app.live.session import Emit, LiveEngine, LiveSession, StreamFormat
from app.pool.errors import NotReady


class LiveError(SpeechEmotionError):
    """A live session is refused or ended."""


class SessionsFull(LiveError):
    """The limit of sessions is reached."""


class InvalidMessage(LiveError):
    """A message of the client cannot be understood, or came at the wrong time."""


class SessionIdle(LiveError):
    """The client sent nothing for too long."""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """The limits of live sessions.

    Attributes:
        n_sessions: the maximum number of sessions of the service.
        n_sessions_per_caller: the maximum number of sessions of one caller.
        max_speed: the maximum speed of the audio, relative to real time. Faster audio waits.
        idle_seconds: the maximum time without a message, in seconds.
        max_seconds: the maximum duration of a stream, in seconds.
    """

    n_sessions: int
    n_sessions_per_caller: int
    max_speed: float
    idle_seconds: float
    max_seconds: float


class LiveSessions:
    """The live sessions of a service.

    All sessions detect speech in one thread: the detector takes about a thousandth of real time for each
    channel (`docs/experiments.md`, "Finding speech in calls"). The worker pool recognizes the segments.

    Attributes:
        limits: the limits of the sessions.
        going_away: an event that is set when the service stops.
    """

    def __init__(self, pool: Pool, limits: LiveLimits) -> None:
        """Describe the sessions. The first session loads the detector."""
        self.limits = limits
        self.going_away = asyncio.Event()
        self._pool = pool
        self._engine: LiveEngine | None = None
        self._callers: Counter[str] = Counter()

    @property
    def n_running(self) -> int:
        """The number of sessions."""
        return self._callers.total()

    @contextmanager
    def admit(self, caller: str) -> Iterator[None]:
        """Count a session of a caller while the context lasts.

        Raises:
            SessionsFull: the service or the caller has too many sessions.
            NotReady: the service is stopping.
        """
        if self.going_away.is_set():
            raise NotReady("The service is stopping. Connect again.")
        if self.n_running >= self.limits.n_sessions:
            raise SessionsFull(f"The service has {self.n_running} live sessions. Try again later.")
        if self._callers[caller] >= self.limits.n_sessions_per_caller:
            raise SessionsFull(
                f"The key has {self._callers[caller]} live sessions. End one before you start another."
            )
        self._callers[caller] += 1
        try:
            yield
        finally:
            self._callers[caller] -= 1

    @asynccontextmanager
    async def session(
        self, stream: StreamFormat, channels: Sequence[int], model: str, emit: Emit
    ) -> AsyncIterator[LiveSession]:
        """Run a session. It ends with the context.

        Args:
            stream: the format of the stream.
            channels: the channels to analyze.
            model: the name of the bundle.
            emit: a coroutine function that receives the events.
        """
        session = LiveSession(await self._load(), stream, channels, model, emit)
        try:
            yield session
        finally:
            await session.cancel()

    async def _load(self) -> LiveEngine:
        """Load the detector, unless it is loaded."""
        if self._engine is None:
            thread = ThreadPoolExecutor(1, "live")
            detector = await asyncio.get_running_loop().run_in_executor(thread, SpeechDetector)
            self._engine = self._engine or LiveEngine(self._pool, detector, thread)
        return self._engine
