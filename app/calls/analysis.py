"""The analysis of a whole call: segments and emotions of each channel.

The call stays in its file; MP3 and Ogg are decoded once, into a temporary file. First, workers detect the
speech in each stretch, on all channels at once. Then they recognize each segment. These steps run as small
tasks on all workers, so that other requests wait only briefly. Finally, the analysis adapts the answers of a
channel to its speaker. The adaptation uses all segments of the speaker.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from time import perf_counter

from app.calls.options import CallOptions
from app.calls.parallel import Deadline, spread
from app.calls.source import Pool, readable
from app.calls.speakers import RecognizedPart, recognize_parts, rows_of, runs_in
from app.core.call import CallFormat
from app.core.channels import ChannelPolicy
from app.core.containers import DEFAULT_FORMATS
from app.core.segments import FRAME, Frames, Span, SpeechSegment, find_segments
from app.core.stretches import Stretch, join, stretches
from app.core.timeline import Timeline
from app.pool.segment_tasks import RecognizedSegment, RecognizeSegment, SegmentParts, SplitSegment
from app.pool.tasks import DetectSpeech, InspectCall


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an analysis.

    Attributes:
        min_seconds: the shortest accepted duration.
        max_seconds: the longest accepted duration.
        timeout: the seconds that an analysis may take.
        formats: the enabled formats, by the names of `containers.FORMATS`.
    """

    min_seconds: float
    max_seconds: float
    timeout: float
    formats: tuple[str, ...] = DEFAULT_FORMATS


@dataclass(frozen=True, slots=True)
class _Source:
    """A channel of a call in a file."""

    pool: Pool
    file: str
    sampling_rate: int
    channel: int
    model: str

    async def split(self, segment: SpeechSegment) -> SegmentParts:
        """Find the parts of a segment with one speaker each."""
        return await self.pool.run(
            SplitSegment(self.file, *self._edges(segment), self.channel, runs_in(segment))
        )

    async def recognize(self, segment: SpeechSegment) -> RecognizedSegment:
        """Recognize a segment."""
        return await self.pool.run(
            RecognizeSegment(self.file, *self._edges(segment), self.channel, self.model)
        )

    def _edges(self, segment: SpeechSegment) -> tuple[int, int]:
        """Return the first sample of a segment with its context, and the first sample after it."""
        start, stop = segment.context.start, segment.context.end
        return round(start * FRAME * self.sampling_rate), round(stop * FRAME * self.sampling_rate)


class _StopWatch:
    """A clock that measures the stages of an analysis.

    Attributes:
        seconds: the time that each stage took, by its name.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = perf_counter()

    def note(self, stage: str) -> None:
        """Note the time of the stage that ends now."""
        now = perf_counter()
        self.seconds[stage], self._began = now - self._began, now


class CallAnalyzer:
    """An analyzer of calls.

    Attributes:
        pool: the pool that runs the tasks.
        limits: the limits of an analysis.
        policy: the permitted channels.
    """

    def __init__(self, pool: Pool, limits: Limits, policy: ChannelPolicy) -> None:
        """Create the analyzer."""
        self.pool = pool
        self.limits = limits
        self.policy = policy

    async def analyze(
        self,
        path: Path,
        model: str,
        options: CallOptions,
        progress: Callable[[float], None] = lambda _share: None,
    ) -> Timeline:
        """Analyze a call.

        Args:
            path: the path of a recording that the workers can open.
            model: the name of the bundle.
            options: the options of the analysis.
            progress: a callback that receives the completed share, 0 to 1, after each segment.

        Returns:
            The segments of each channel.

        Raises:
            AudioError: the call cannot be analyzed. There is no partial answer.
            DeadlineExceeded: the analysis exceeded its time limit.
            WorkerLost: a worker died.
        """
        deadline, watch = Deadline.of(self.limits.timeout), _StopWatch()
        header = await self.pool.run(
            InspectCall(str(path), self.limits.min_seconds, self.limits.max_seconds, self.limits.formats)
        )
        options.check(header.n_channels)
        chosen = self.policy.choose(header.n_channels, options.channels)
        async with readable(self.pool, path, header, deadline) as (file, form):
            watch.note("inspect")
            frames = await self._detect(file, form, chosen, deadline)
            watch.note("detect")
            found = [
                (channel, segment)
                for channel, of_channel in zip(chosen, frames, strict=True)
                for segment in find_segments(of_channel)
            ]
            sources = [
                (_Source(self.pool, file, form.sampling_rate, channel, model), segment)
                for channel, segment in found
            ]
            answers = await self._recognize(sources, deadline, progress, split=options.speakers is not None)
        watch.note("recognize")
        parts: dict[int, list[RecognizedPart]] = {channel: [] for channel in chosen}
        for (channel, _), recognized in zip(found, answers, strict=True):
            parts[channel] += recognized
        # In a thread, because the grouping of many voices takes longer than other requests should wait.
        rows = [
            await asyncio.to_thread(rows_of, channel, of_channel, options)
            for channel, of_channel in parts.items()
        ]
        watch.note("group")
        return Timeline(form.duration, tuple(chain.from_iterable(rows)), watch.seconds)

    async def _recognize(
        self,
        segments: Sequence[tuple[_Source, SpeechSegment]],
        deadline: Deadline,
        progress: Callable[[float], None],
        *,
        split: bool,
    ) -> list[list[RecognizedPart]]:
        """Recognize the segments, or each of their parts with one speaker."""
        total_seconds = sum(segment.span.seconds for _, segment in segments)
        done_seconds = 0.0

        async def recognize(item: tuple[_Source, SpeechSegment]) -> list[RecognizedPart]:
            nonlocal done_seconds
            source, segment = item
            recognized = await recognize_parts(source, segment, split=split)
            done_seconds += segment.span.seconds
            progress(done_seconds / total_seconds)
            return recognized

        return await spread(recognize, segments, self.pool.n_workers, deadline)

    async def _detect(
        self, file: str, form: CallFormat, channels: Sequence[int], deadline: Deadline
    ) -> list[Frames]:
        """Detect the speech: for each channel, one Boolean per 10 ms."""

        async def detect(stretch: Stretch) -> list[list[Span]]:
            start, run_in, stop = (
                round(edge * form.sampling_rate) for edge in (stretch.history, stretch.run_in, stretch.end)
            )
            stop = min(stop, form.n_samples)
            found = await self.pool.run(DetectSpeech(file, start, run_in, stop, tuple(channels)))
            return [[Span(*edges) for edges in spans] for spans in found.spans]

        detected = await spread(detect, stretches(form.duration), self.pool.n_workers, deadline)
        return [join(spans, form.n_samples, form.sampling_rate) for spans in zip(*detected, strict=True)]
