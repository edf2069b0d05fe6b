"""The segments of one channel: workers recognize several at a time, and the reports are in order."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.calls.adapted import adapted_segments
from app.core.segments import Span
from app.core.timeline import ChannelTimeline, TurningPoint
from app.live.channel import LiveChannel, Samples, SegmentAudio
from app.live.events import Emit, InterimRecognized, SegmentRecognized, SpeechStarted
from app.pool.tasks import RecognizedSegment

WAITING = 8
"""The number of segments of a channel that may wait for a worker; then the analysis takes no more audio."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A complete segment that waits for its answer.

    Attributes:
        span: the segment.
        answer: the answer of a worker.
        completed: the time of the event loop at which the segment was complete.
    """

    span: Span
    answer: asyncio.Future[RecognizedSegment]
    completed: float


class ChannelReporter:
    """A channel of a stream: its segments are recognized at the same time, and reported in order."""

    def __init__(
        self,
        number: int,
        live: LiveChannel,
        recognize: Callable[[Samples], Awaitable[RecognizedSegment]],
        has_idle_worker: Callable[[], bool],
        emit: Emit,
        interim_interval: float,
    ) -> None:
        """Start to report segments.

        Args:
            number: the index of the channel.
            live: the detection of the channel.
            recognize: a coroutine function that recognizes samples.
            has_idle_worker: a function that returns whether a worker is idle. Interim answers wait for this,
                so that they do not delay a segment.
            emit: a function that receives the events.
            interim_interval: the seconds of speech between two interim answers; infinite for none.
        """
        self.number = number
        self.live = live
        self._recognize = recognize
        self._has_idle_worker = has_idle_worker
        self._emit = emit
        self._spans: list[Span] = []
        self._answers: list[RecognizedSegment] = []
        self._started: float | None = None
        """The start of the incomplete segment after the last message, in seconds; None during a pause."""
        self._interim_interval = interim_interval
        self._next_interim = math.inf
        """The duration of the incomplete segment, in seconds, at which the next interim answer is due."""
        self._interim: asyncio.Task[None] | None = None
        self._turning_points: set[TurningPoint] = set()
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue(WAITING)
        self._reporter = asyncio.create_task(self._report())

    async def add(self, complete: Sequence[SegmentAudio]) -> None:
        """Recognize complete segments, and report whether speech has begun."""
        for segment in complete:
            self._start(segment.span.start_seconds)
            answer = asyncio.ensure_future(self._recognize(segment.samples))
            await self._enqueue(_Waiting(segment.span, answer, asyncio.get_running_loop().time()))
        self._start(self.live.open_since)
        self._start_interim()

    async def finish(self, role: str | None) -> ChannelTimeline:
        """Wait for the last segment, and return the timeline of the channel with a role."""
        await self._enqueue(None)
        await self._reporter
        if self._interim:
            self._interim.cancel()
        return ChannelTimeline(self.number, adapted_segments(self._spans, self._answers), role)

    async def cancel(self) -> None:
        """Stop. Errors of what was in progress are dropped, since the analysis has ended."""
        waiting = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        running = [self._reporter, self._interim, *(item.answer for item in waiting if item)]
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
        if since is None or self.live.n_seconds - since < self._next_interim or not self._has_idle_worker():
            return
        if segment := self.live.open_segment():
            self._next_interim = segment.span.seconds + self._interim_interval
            self._interim = asyncio.create_task(self._report_interim(segment))

    async def _report_interim(self, segment: SegmentAudio) -> None:
        """Report an incomplete segment, unless it is complete by then."""
        answer = await self._recognize(segment.samples)
        if self._started == segment.span.start_seconds:
            so_far = adapted_segments([*self._spans, segment.span], [*self._answers, answer])
            self._emit(InterimRecognized(self.number, so_far[-1]))

    async def _report(self) -> None:
        """Report each segment as soon as it and all segments before it are recognized."""
        while (item := await self._queue.get()) is not None:
            self._answers.append(await item.answer)
            self._spans.append(item.span)
            seconds = asyncio.get_running_loop().time() - item.completed
            timeline = ChannelTimeline(self.number, adapted_segments(self._spans, self._answers))
            self._emit(SegmentRecognized(self.number, timeline.segments[-1], seconds))
            for point in timeline.turning_points:
                if point not in self._turning_points:
                    self._turning_points.add(point)
                    self._emit(point)
