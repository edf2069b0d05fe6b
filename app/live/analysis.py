"""The analysis of one stream.

Data flows one way. The analysis decodes the messages, detects speech and finds the segments.
The worker pool recognizes each complete segment. The events of a channel are in order. After the last
message, the timeline equals that of the recording of the stream.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from app.calls.adapted import adapted_segments
from app.calls.analysis import Pool
from app.core.segments import Span
from app.core.speech import SpeechDetector
from app.core.timeline import ChannelTimeline, Segment, Timeline, TurningPoint
from app.live.channel import LiveChannel, Samples, SegmentAudio
from app.live.encoding import Encoding, StreamDecoder
from app.pool.errors import WorkerLost
from app.pool.tasks import RecognizedSegment, RecognizeSamples

TRIES = 3
"""The number of workers that may die with a segment before the analysis fails."""

WAITING = 8
"""The number of segments of a channel that may wait for a worker; then the analysis takes no more audio."""

AT_ONCE = 0.2
"""Seconds of audio that the detector takes at once, so that many small messages cost little. Not tuned."""

INLINE = 0.5
"""Seconds of audio whose speech is detected in the event loop, which takes about a millisecond. More audio
goes to a thread. If all audio went there, both threads would wait for Python's lock."""


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """The format of a stream.

    Attributes:
        encoding: the encoding of the samples.
        sampling_rate: the sampling rate, in Hz.
        n_channels: the number of interleaved channels.
        interim_interval: the seconds of speech between two interim answers; None for no interim answers.
    """

    encoding: Encoding
    sampling_rate: int
    n_channels: int
    interim_interval: float | None = None


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech has begun on a channel.

    Attributes:
        channel: the index of the channel.
        time: the time, in seconds from the start of the stream.
    """

    channel: int
    time: float


@dataclass(frozen=True, slots=True)
class SegmentRecognized:
    """A segment is complete and recognized, adapted to the segments of the channel so far.

    Attributes:
        channel: the index of the channel.
        segment: the segment.
        seconds: the time from the message that completed the segment to its answer, in seconds.
    """

    channel: int
    segment: Segment
    seconds: float


@dataclass(frozen=True, slots=True)
class InterimRecognized:
    """A segment is incomplete, and recognized up to now.

    Attributes:
        channel: the index of the channel.
        segment: the segment so far.
    """

    channel: int
    segment: Segment


Event = SpeechStarted | InterimRecognized | SegmentRecognized | TurningPoint
Emit = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LiveEngine:
    """The components that all analyses of a service share.

    Attributes:
        pool: the pool that recognizes the segments.
        detector: the detector.
        thread: an executor with one thread, for long pieces of audio.
    """

    pool: Pool
    detector: SpeechDetector
    thread: Executor


class StreamAnalysis:
    """The analysis of one stream, which receives its messages in order."""

    def __init__(
        self, engine: LiveEngine, stream: StreamFormat, channels: Sequence[int], model: str, emit: Emit
    ) -> None:
        """Start before the first message.

        Args:
            engine: the components that the analyses share.
            stream: the format of the stream.
            channels: the channels to analyze.
            model: the name of the bundle.
            emit: a coroutine function that receives the events.
        """

        async def recognize(samples: Samples) -> RecognizedSegment:
            return await _recognize(
                engine.pool, RecognizeSamples(samples.tobytes(), stream.sampling_rate, model)
            )

        self._decoder = StreamDecoder(stream.encoding, stream.n_channels)
        self._sampling_rate = stream.sampling_rate
        self._thread = engine.thread
        self._channels = {
            channel: _Channel(
                channel,
                LiveChannel(engine.detector, stream.sampling_rate),
                recognize,
                emit,
                stream.interim_interval or math.inf,
            )
            for channel in channels
        }
        self._waiting = b""
        """The bytes that the detector has not taken."""
        self._n_bytes = 0

    @property
    def n_samples(self) -> int:
        """The number of complete samples of each channel so far."""
        return self._n_bytes // self._decoder.frame_size

    @property
    def n_seconds(self) -> float:
        """The duration of the stream so far, in seconds."""
        return self.n_samples / self._sampling_rate

    async def push(self, data: bytes) -> bool:
        """Add the bytes of a message. It waits while too many segments wait for a worker.

        Returns:
            Whether the speech in all audio so far is detected.
        """
        self._n_bytes += len(data)
        self._waiting += data
        if len(self._waiting) >= AT_ONCE * self._sampling_rate * self._decoder.frame_size:
            await self.flush()
        return not self._waiting

    async def flush(self) -> None:
        """Give all audio so far to the detector."""
        samples = self._decoder.decode(self._waiting)
        self._waiting = b""
        complete = await self._detect(
            lambda: [channel.live.push(samples[number]) for number, channel in self._channels.items()],
            samples.size / self._sampling_rate,
        )
        for channel, segments in zip(self._channels.values(), complete, strict=True):
            await channel.add(segments)

    def drop_incomplete_sample(self) -> None:
        """Forget the first bytes of a sample whose other bytes did not arrive."""
        excess = self._n_bytes % self._decoder.frame_size
        self._waiting = self._decoder.take_rest() + self._waiting
        self._waiting = self._waiting[: len(self._waiting) - excess]
        self._n_bytes -= excess

    async def finish(self) -> Timeline:
        """Complete the last segments, and return the timeline of the stream."""
        await self.flush()
        complete = await self._detect(
            lambda: [channel.live.finish() for channel in self._channels.values()], 0
        )
        for channel, segments in zip(self._channels.values(), complete, strict=True):
            await channel.add(segments)
        timelines = [await channel.finish() for channel in self._channels.values()]
        return Timeline(self.n_seconds, tuple(timelines))

    async def cancel(self) -> None:
        """Stop the analysis. Without `finish`, there is no timeline."""
        for channel in self._channels.values():
            await channel.cancel()

    async def _detect(
        self, find: Callable[[], list[list[SegmentAudio]]], seconds: float
    ) -> list[list[SegmentAudio]]:
        """Find the segments of each channel in some seconds of audio."""
        if seconds <= INLINE:
            return find()
        return await asyncio.get_running_loop().run_in_executor(self._thread, find)


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


class _Channel:
    """A channel of a stream: its segments are recognized at the same time, and reported in order."""

    def __init__(
        self,
        number: int,
        live: LiveChannel,
        recognize: Callable[[Samples], Awaitable[RecognizedSegment]],
        emit: Emit,
        interim_interval: float,
    ) -> None:
        """Start to report segments."""
        self.number = number
        self.live = live
        self._recognize = recognize
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
        before, self._started = self._started, self.live.open_since
        for segment in complete:
            answer = asyncio.ensure_future(self._recognize(segment.samples))
            await self._enqueue(_Waiting(segment.span, answer, asyncio.get_running_loop().time()))
        if self._started != before:
            self._next_interim = self._interim_interval
            if self._started is not None:
                await self._emit(SpeechStarted(self.number, self._started))
        self._start_interim()

    async def finish(self) -> ChannelTimeline:
        """Wait for the last segment, and return the timeline of the channel."""
        await self._enqueue(None)
        await self._reporter
        if self._interim:
            self._interim.cancel()
        return ChannelTimeline(self.number, adapted_segments(self._spans, self._answers))

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

    def _start_interim(self) -> None:
        """Start to recognize the incomplete segment, if an interim answer is due and none is in progress."""
        if self._interim and self._interim.done():
            self._interim.result()
            self._interim = None
        if self._interim or math.isinf(self._next_interim):
            return
        since = self.live.open_since
        if since is None or self.live.n_seconds - since < self._next_interim:
            return
        if segment := self.live.open_segment():
            self._next_interim = segment.span.seconds + self._interim_interval
            self._interim = asyncio.create_task(self._report_interim(segment))

    async def _report_interim(self, segment: SegmentAudio) -> None:
        """Report an incomplete segment, unless it is complete by then."""
        answer = await self._recognize(segment.samples)
        if self._started == segment.span.start_seconds:
            so_far = adapted_segments([*self._spans, segment.span], [*self._answers, answer])
            await self._emit(InterimRecognized(self.number, so_far[-1]))

    async def _report(self) -> None:
        """Report each segment as soon as it and all segments before it are recognized."""
        while (item := await self._queue.get()) is not None:
            self._answers.append(await item.answer)
            self._spans.append(item.span)
            seconds = asyncio.get_running_loop().time() - item.completed
            timeline = ChannelTimeline(self.number, adapted_segments(self._spans, self._answers))
            await self._emit(SegmentRecognized(self.number, timeline.segments[-1], seconds))
            for point in timeline.turning_points:
                if point not in self._turning_points:
                    self._turning_points.add(point)
                    await self._emit(point)


async def _recognize(pool: Pool, task: RecognizeSamples) -> RecognizedSegment:
    """Recognize a segment, in another worker if a worker dies with it."""
    for _ in range(TRIES - 1):
        try:
            return await pool.run(task)
        except WorkerLost:
            continue
    return await pool.run(task)
