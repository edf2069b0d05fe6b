"""The segments of one channel: workers recognize several at a time, and the reports are in order."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.calls.options import CallOptions
from app.calls.speakers import RecognizedPart, rows_of
from app.core.timeline import ChannelTimeline, TurningPoint
from app.live.channel import LiveChannel, SegmentAudio
from app.live.events import Emit, InterimRecognized, SegmentRecognized, SpeechStarted

WAITING = 8
"""The number of segments of a channel that may wait for a worker; then the analysis takes no more audio."""


class SegmentRecognizer(Protocol):
    """A recognizer of segments."""

    @property
    def has_spare_workers(self) -> bool:
        """Whether more than half of the workers are idle.

        Interim answers wait for this, so that a segment that is complete meanwhile finds an idle worker.
        """

    async def recognize(self, audio: SegmentAudio, *, split: bool) -> list[RecognizedPart]:
        """Recognize a segment, or each of its parts with one speaker."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A complete segment that waits for its answer.

    Attributes:
        parts: the answers of workers.
        completed: the time of the event loop at which the segment was complete.
    """

    parts: asyncio.Future[list[RecognizedPart]]
    completed: float


class ChannelReporter:
    """A channel of a stream: its segments are recognized at the same time, and reported in order."""

    def __init__(
        self,
        number: int,
        live: LiveChannel,
        recognizer: SegmentRecognizer,
        emit: Emit,
        interim_interval: float,
        options: CallOptions,
    ) -> None:
        """Start to report segments.

        Args:
            number: the index of the channel.
            live: the detection of the channel.
            recognizer: the recognizer of segments.
            emit: a function that receives the events.
            interim_interval: the seconds of speech between two interim answers; infinite for none.
            options: the options of the analysis.
        """
        self.number = number
        self.live = live
        self._recognizer = recognizer
        self._emit = emit
        self._parts: list[RecognizedPart] = []
        self._started: float | None = None
        """The start of the incomplete segment after the last message, in seconds; None during a pause."""
        self._interim_interval = interim_interval
        self._options = options
        self._next_interim = math.inf
        """The duration of the incomplete segment, in seconds, at which the next interim answer is due."""
        self._interim: asyncio.Task[None] | None = None
        self._turning_points: set[TurningPoint] = set()
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue(WAITING)
        self._reporter = asyncio.create_task(self._report())

    async def add(self, complete: Sequence[SegmentAudio]) -> None:
        """Recognize complete segments, and report whether speech has begun."""
        for audio in complete:
            self._start(audio.segment.span.start_seconds)
            split = self._options.speakers is not None
            parts = asyncio.ensure_future(self._recognizer.recognize(audio, split=split))
            await self._enqueue(_Waiting(parts, asyncio.get_running_loop().time()))
        self._start(self.live.open_since)
        self._start_interim()

    async def finish(self) -> tuple[ChannelTimeline, ...]:
        """Wait for the last segment, and return the rows of the channel."""
        await self._enqueue(None)
        await self._reporter
        if self._interim:
            self._interim.cancel()
        return rows_of(self.number, self._parts, self._options)

    async def cancel(self) -> None:
        """Stop. Errors of what was in progress are dropped, since the analysis has ended."""
        waiting = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        running = [self._reporter, self._interim, *(item.parts for item in waiting if item)]
        stopped = [one for one in running if one is not None]
        for one in stopped:
            one.cancel()
        await asyncio.gather(*stopped, return_exceptions=True)

    async def _enqueue(self, item: _Waiting | None) -> None:
        """Give a segment to the reporter. If the reporter failed, raise its error."""
        waiting = asyncio.ensure_future(self._queue.put(item))
        await asyncio.wait({waiting, self._reporter}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
        if self._reporter.done():
            self._reporter.result()

    def _start(self, start: float | None) -> None:
        """Report the start of a segment, in seconds, unless it was reported."""
        if start != self._started:
            self._started = start
            self._next_interim = self._interim_interval
            if start is not None:
                self._emit(SpeechStarted(self.number, start))

    def _start_interim(self) -> None:
        """Start to recognize the incomplete segment, if an interim answer is due and none is in progress."""
        if self._interim and self._interim.done():
            self._interim.result()
            self._interim = None
        if self._interim or math.isinf(self._next_interim):
            return
        since = self.live.open_since
        if (
            since is None
            or self.live.n_seconds - since < self._next_interim
            or not self._recognizer.has_spare_workers
        ):
            return
        if audio := self.live.open_segment():
            self._next_interim = audio.segment.span.seconds + self._interim_interval
            self._interim = asyncio.create_task(self._report_interim(audio))

    async def _report_interim(self, audio: SegmentAudio) -> None:
        """Report an incomplete segment, unless it is complete by then. Its speaker is not known yet."""
        parts = await self._recognizer.recognize(audio, split=False)
        if self._started == audio.segment.span.start_seconds:
            before = self._parts if self._options.speakers is None else []
            unseparated = self._options.model_copy(update={"speakers": None})
            (row,) = rows_of(self.number, [*before, *parts], unseparated)
            self._emit(InterimRecognized(self.number, row.segments[-1]))

    async def _report(self) -> None:
        """Report each segment as soon as it and all segments before it are recognized."""
        while (item := await self._queue.get()) is not None:
            parts = await item.parts
            self._parts += parts
            seconds = asyncio.get_running_loop().time() - item.completed
            if self._options.speakers is None:
                rows = rows_of(self.number, self._parts, self._options)
            else:  # the grouping of many voices takes longer than other streams should wait
                rows = await asyncio.to_thread(rows_of, self.number, self._parts, self._options)
            self._report_parts(rows, parts, seconds)
            for point in (point for row in rows for point in row.turning_points):
                if point not in self._turning_points:
                    self._turning_points.add(point)
                    self._emit(point)

    def _report_parts(
        self, rows: Sequence[ChannelTimeline], parts: Sequence[RecognizedPart], seconds: float
    ) -> None:
        """Report new parts, in order, with the speaker of each so far."""
        found = {segment.start: (row, segment) for row in rows for segment in row.segments}
        for part in parts:
            row, segment = found[part.span.start_seconds]
            self._emit(SegmentRecognized(self.number, segment, seconds, row.speaker))
