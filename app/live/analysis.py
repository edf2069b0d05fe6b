"""The analysis of one stream.

Data flows one way. The analysis decodes the messages, detects speech and finds the segments.
The worker pool recognizes each complete segment. The events of a channel are in order. After the last
message, the timeline equals that of the recording of the stream.
"""

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from app.calls.options import CallOptions
from app.calls.speakers import RecognizedPart, recognize_parts, runs_in
from app.core.containers.headerless import Encoding
from app.core.segments import FRAME, SpeechSegment
from app.core.speech import SpeechDetector
from app.core.timeline import Timeline
from app.live.channel import LiveChannel, SegmentAudio
from app.live.encoding import StreamDecoder
from app.live.events import Emit
from app.live.reporter import ChannelReporter
from app.pool.errors import WorkerLost
from app.pool.segment_tasks import RecognizedSegment, RecognizeSamples, SegmentParts, SplitSamples
from app.pool.share import PoolShare
from app.pool.task import Task

Answer = TypeVar("Answer")

TRIES = 3
"""The number of workers that may die with a segment before the analysis fails."""

AT_ONCE = 0.16
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
class LiveEngine:
    """The components of a stream, of which all streams of a service share the detector and the thread.

    Attributes:
        pool: the pool that recognizes the segments, for the caller of the stream.
        detector: the detector.
        thread: an executor with one thread, for long pieces of audio.
    """

    pool: PoolShare
    detector: SpeechDetector
    thread: Executor


class StreamAnalysis:
    """The analysis of one stream, which receives its messages in order."""

    def __init__(
        self, engine: LiveEngine, stream: StreamFormat, options: CallOptions, model: str, emit: Emit
    ) -> None:
        """Start before the first message.

        Args:
            engine: the components that the streams share.
            stream: the format of the stream.
            options: the options of the analysis, with the channels to analyze.
            model: the name of the bundle.
            emit: a function that receives the events.
        """
        self._decoder = StreamDecoder(stream.encoding, stream.n_channels)
        self._sampling_rate = stream.sampling_rate
        self._thread = engine.thread
        self._channels = {
            channel: ChannelReporter(
                channel,
                LiveChannel(engine.detector, stream.sampling_rate),
                _Recognizer(engine.pool, stream.sampling_rate, model),
                emit,
                stream.interim_interval or math.inf,
                options,
            )
            for channel in options.channels or ()
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
        rows = [await channel.finish() for channel in self._channels.values()]
        return Timeline(self.n_seconds, tuple(chain.from_iterable(rows)))

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
class _Recognizer:
    """A recognizer of the segments of a stream, in the workers of a pool."""

    pool: PoolShare
    sampling_rate: int
    model: str

    @property
    def has_spare_workers(self) -> bool:
        """Whether more than half of the workers are idle."""
        return self.pool.mostly_idle

    async def recognize(self, audio: SegmentAudio, *, split: bool) -> list[RecognizedPart]:
        """Recognize a segment, or each of its parts with one speaker."""
        source = _Source(self.pool, audio, self.sampling_rate, self.model)
        return await recognize_parts(source, audio.segment, split=split)


@dataclass(frozen=True, slots=True)
class _Source:
    """The samples of a segment."""

    pool: PoolShare
    audio: SegmentAudio
    sampling_rate: int
    model: str

    async def split(self, segment: SpeechSegment) -> SegmentParts:
        """Find the parts of the segment with one speaker each."""
        task = SplitSamples(self._samples(segment), self.sampling_rate, runs_in(segment))
        return await _run(self.pool, task)

    async def recognize(self, segment: SpeechSegment) -> RecognizedSegment:
        """Recognize the segment, or a part of it."""
        return await _run(self.pool, RecognizeSamples(self._samples(segment), self.sampling_rate, self.model))

    def _samples(self, segment: SpeechSegment) -> bytes:
        """Return the samples of a part with its context."""
        first, start, stop = (
            round(frame * FRAME * self.sampling_rate)
            for frame in (self.audio.segment.context.start, segment.context.start, segment.context.end)
        )
        return self.audio.samples[start - first : stop - first].tobytes()


async def _run(pool: PoolShare, task: Task[Answer]) -> Answer:
    """Run a task, in another worker if a worker dies with it."""
    for _ in range(TRIES - 1):
        try:
            return await pool.run(task)
        except WorkerLost:
            continue
    return await pool.run(task)
