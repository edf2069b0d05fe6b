"""A session: one stream, its journal, and the connections of its client.

A session survives its connection. The client can open another connection and continue, without losing or
repeating a message or a sample. If the client does not, the stream ends where the connection was lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from app.answer_builder import AnswerBuilder
from app.core.errors import AudioTooLong, SpeechEmotionError
from app.live.analysis import StreamAnalysis
from app.live.connection import (
    Connection,
    ConnectionClosed,
    ConnectionLost,
    Interrupted,
    InvalidMessage,
    SessionReplaced,
)
from app.live.counts import LiveCounts
from app.live.events import Emit, Event, SegmentRecognized, message_of
from app.live.journal import Journal
from app.live.messages import (
    AlertMessage,
    Closed,
    Pause,
    Ready,
    Resume,
    SessionLimits,
    Stop,
    SummaryMessage,
    WarningMessage,
)
from app.live.pacing import Pacer
from app.live.session_info import SessionInfo
from app.rules.watch import RuleWatch

if TYPE_CHECKING:
    from app.answers import TimelineAnswer

REPLACED = "Another connection continues the session."
Reason = Literal["stopped", "lost", "going-away"]
Analyze = Callable[[Emit], StreamAnalysis]
"""A function that creates the analysis of a session from the function that receives its events."""


class LiveSession:
    """A session.

    Attributes:
        info: the description of the session.
        journal: the messages of the session.
        summary: the answer for the whole stream; None before the end.
    """

    def __init__(
        self,
        info: SessionInfo,
        limits: SessionLimits,
        analyze: Analyze,
        on_end: Callable[["LiveSession"], None],
        counts: LiveCounts,
        answers: AnswerBuilder,
    ) -> None:
        """Start before the first connection.

        Args:
            info: the description of the session.
            limits: the limits of the session.
            analyze: a function that creates the analysis.
            on_end: a function that is called once, at the end.
            counts: the counters of the service.
            answers: the builder of the summary.
        """
        self.info = info
        self.journal = Journal()
        self.summary: TimelineAnswer | None = None
        self._limits = limits
        self._on_end = on_end
        self._counts = counts
        self._answers = answers
        self._watch = RuleWatch(answers.rules)
        self._analysis = analyze(self._record)
        # Not asyncio.get_running_loop for every message: it costs a system call.
        self._clock = asyncio.get_running_loop().time
        self._pacer = Pacer(limits.max_speed, self._clock)
        self._warned = False
        self._n_counted = 0.0
        """The seconds of audio that the metrics contain."""
        self._turn = asyncio.Lock()
        """The lock of the connection that is served."""
        self._connection: Connection | None = None
        self._newest: Connection | None = None
        """The latest connection. It may still wait until the earlier connection ends."""
        self._going_away = asyncio.Event()
        self._absence: asyncio.Task[None] | None = None

    @property
    def n_seconds(self) -> float:
        """The duration of the stream so far, in seconds."""
        return self._analysis.n_seconds

    async def serve(self, connection: Connection, after: int = 0) -> None:
        """Serve a connection until the session ends. It replaces an earlier connection.

        Args:
            connection: the connection of the client.
            after: the number of the last message that the client received.

        Raises:
            SpeechEmotionError: the session failed.
            ConnectionLost: the connection is lost. The session waits for another one.
            SessionReplaced: another connection continues the session.
        """
        self._newest = connection
        if self._connection is not None:
            self._connection.interrupt()
        async with self._turn:
            if connection is not self._newest:
                raise SessionReplaced(REPLACED)
            self._connection = connection
            if self._absence is not None:
                self._absence.cancel()
            try:
                await self._serve(connection, after)
            finally:
                self._connection = None
                if not self.journal.ended:
                    self._absence = asyncio.create_task(self._wait_for_client())

    def go_away(self) -> None:
        """End the stream, since the service stops."""
        self._going_away.set()
        if self._connection is not None:
            self._connection.interrupt()

    async def stop(self, seconds: float) -> None:
        """Stop, but let a stream without a connection end within some seconds."""
        if self._absence is not None:
            await asyncio.wait({self._absence}, timeout=seconds)
            self._absence.cancel()
        await self._analysis.cancel()

    async def _serve(self, connection: Connection, after: int) -> None:
        """Send the journal, and receive until the end of the stream."""
        self._analysis.drop_incomplete_sample()
        await connection.send(self._ready())
        sending = asyncio.create_task(self._send(connection, after))
        try:
            if not self.journal.ended:
                await self._end(self._receive(connection))
            await sending
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _end(self, receiving: Awaitable[Reason]) -> None:
        """End the journal after the end of the stream, or with the error of the session."""
        try:
            reason = await receiving
            timeline = await self._analysis.finish()
            self._counts.count_timeline(self.info.model, timeline)
            self.summary = self._answers.build(self.info.model, timeline, self.info.options)
            self._counts.count_alerts(self.summary.alerts)
            for alert in self.summary.alerts:
                if alert.rule not in self._watch.alerted:
                    self.journal.add(AlertMessage(**alert.model_dump()))
            self.journal.add(SummaryMessage(timeline=self.summary))
            self.journal.add(Closed(reason=reason))
            self._finish()
        except SessionReplaced:
            raise
        except SpeechEmotionError as error:
            await self._analysis.cancel()
            self._finish(error)

    def _finish(self, error: SpeechEmotionError | None = None) -> None:
        """End the journal."""
        self.journal.end(error)
        self._on_end(self)

    async def _receive(self, connection: Connection) -> Reason:
        """Receive until the end of the stream."""
        paused = False
        while True:
            try:
                message = await connection.receive(idle=paused)
                if isinstance(message, Stop):
                    return "stopped"
                if isinstance(message, bytes) and not paused:
                    await self._push(connection, message)
            except ConnectionClosed:
                return "stopped"
            except Interrupted as interrupted:
                if self._going_away.is_set():
                    return "going-away"
                raise SessionReplaced(REPLACED) from interrupted
            if isinstance(message, Pause | Resume):
                paused = isinstance(message, Pause)
                await self._analysis.flush()
            elif isinstance(message, WarningMessage):
                self.journal.add(message)
            elif not isinstance(message, bytes):
                raise InvalidMessage(
                    "The session has already started. Open a new connection for a new stream."
                )

    async def _push(self, connection: Connection, audio: bytes) -> None:
        """Analyze audio, and wait if it is too fast."""
        arrived = self._clock()
        if await self._analysis.push(audio):
            lag = self._clock() - arrived
            self._counts.count_live_audio(self.info.protocol, self.n_seconds - self._n_counted, lag)
            self._n_counted = self.n_seconds
        if self.n_seconds > self._limits.max_seconds:
            raise AudioTooLong(f"The stream is longer than the limit of {self._limits.max_seconds:g} s.")
        delay = self._pacer.delay(self.n_seconds)
        if delay > 0:
            self._warn()
            await connection.wait(delay)

    def _warn(self) -> None:
        """Report once that the audio is too fast."""
        if not self._warned:
            self._warned = True
            limit = f"{self._limits.max_speed:g} times real time"
            detail = f"The audio is faster than {limit}, so that the service reads it more slowly."
            self.journal.add(WarningMessage(code="too-fast", detail=detail))

    async def _send(self, connection: Connection, after: int) -> None:
        """Send the journal. A client that does not read ends the wait for its messages."""
        try:
            async for message in self.journal.follow(after):
                await connection.send(message)
        except ConnectionLost:
            connection.interrupt()
            raise

    async def _wait_for_client(self) -> None:
        """Wait for another connection. End the stream if there is none in time."""
        if self.info.reconnects:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.reconnect_seconds):
                    await self._going_away.wait()

        async def ended() -> Reason:
            return "going-away" if self._going_away.is_set() else "lost"

        async with self._turn:
            await self._end(ended())

    def _ready(self) -> Ready:
        """Return the first message of a connection."""
        return Ready(
            session=self.info.id,
            model=self.info.model,
            model_version=self._answers.versions[self.info.model],
            channels=list(self.info.options.channels or ()),
            offset=self._analysis.n_samples,
            limits=self._limits,
        )

    def _record(self, event: Event) -> None:
        """Add an event to the journal, and the alerts that it raises."""
        self.journal.add(message_of(event, self.info.options))
        if isinstance(event, SegmentRecognized):
            self._counts.count_live_segment(event.seconds)
            role = self.info.options.role_of(event.channel, event.speaker)
            for alert in self._watch.add(event.channel, event.segment, role=role, speaker=event.speaker):
                self.journal.add(AlertMessage(**asdict(alert)))
