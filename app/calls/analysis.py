"""The analysis of a whole call: segments and emotions of each channel.

The call stays in its file; MP3 and Ogg are decoded once, into a temporary file. First, workers detect the
speech in each stretch, on all channels at once. Then they recognize each segment. These steps run as small
tasks on all workers, so that other requests wait only briefly. Finally, the analysis adapts the answers of a
channel to its speaker. The adaptation uses all segments of the speaker.
"""

import asyncio
import math
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol, TypeVar

from app.calls.options import CallOptions
from app.calls.speakers import RecognizedPart, recognize_parts, rows_of, runs_in
from app.core.call import CallFormat, copy_header, copy_size
from app.core.channels import ChannelPolicy
from app.core.containers import DEFAULT_FORMATS
from app.core.errors import SpeechEmotionError, StorageFull
from app.core.files import path_of
from app.core.segments import FRAME, Frames, Span, SpeechSegment, find_segments
from app.core.stretches import Stretch, join, stretches
from app.core.timeline import Timeline
from app.pool.errors import DeadlineExceeded
from app.pool.segment_tasks import RecognizedSegment, RecognizeSegment, SegmentParts, SplitSegment
from app.pool.task import Task
from app.pool.tasks import CopyPart, DetectSpeech, InspectCall

Answer = TypeVar("Answer")
Item = TypeVar("Item")
Result = TypeVar("Result")

COPY_PART = 60
"""The seconds of a call that one task decodes into the copy. Ten times as many would delay other requests."""


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


class Pool(Protocol):
    """The part of `app.pool.pool.WorkerPool` that the analysis needs.

    Attributes:
        n_workers: the number of tasks that run at a time.
    """

    n_workers: int

    async def run(self, task: Task[Answer]) -> Answer:
        """Run a task."""


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
        deadline = asyncio.get_running_loop().time() + self.limits.timeout
        header = await self.pool.run(
            InspectCall(str(path), self.limits.min_seconds, self.limits.max_seconds, self.limits.formats)
        )
        options.check(header.n_channels)
        chosen = self.policy.choose(header.n_channels, options.channels)
        if not header.needs_copy:
            return await self._analyze(str(path), header, chosen, model, options, deadline, progress)
        async with self._copied(path, header, deadline) as copy:
            return await self._analyze(str(copy), header.copy, chosen, model, options, deadline, progress)

    async def _analyze(  # noqa: PLR0913, PLR0917  # the arguments of `analyze`, and what it found out
        self,
        file: str,
        header: CallFormat,
        chosen: Sequence[int],
        model: str,
        options: CallOptions,
        deadline: float,
        progress: Callable[[float], None],
    ) -> Timeline:
        """Analyze the chosen channels of a call of which workers can read each part."""
        frames = await self._detect(file, header, chosen, deadline)
        found = [
            (channel, segment)
            for channel, of_channel in zip(chosen, frames, strict=True)
            for segment in find_segments(of_channel)
        ]
        total_seconds = sum(segment.span.seconds for _, segment in found)
        done_seconds = 0.0

        async def recognize(part: tuple[int, SpeechSegment]) -> list[RecognizedPart]:
            nonlocal done_seconds
            channel, segment = part
            source = _Source(self.pool, file, header.sampling_rate, channel, model)
            recognized = await recognize_parts(source, segment, split=options.speakers is not None)
            done_seconds += segment.span.seconds
            progress(done_seconds / total_seconds)
            return recognized

        answers = await self._spread(recognize, found, deadline)
        parts: dict[int, list[RecognizedPart]] = {channel: [] for channel in chosen}
        for (channel, _), recognized in zip(found, answers, strict=True):
            parts[channel] += recognized
        # In a thread, because the grouping of many voices takes longer than other requests should wait.
        rows = [
            await asyncio.to_thread(rows_of, channel, of_channel, options)
            for channel, of_channel in parts.items()
        ]
        return Timeline(header.duration, tuple(chain.from_iterable(rows)))

    @asynccontextmanager
    async def _copied(self, path: Path, header: CallFormat, deadline: float) -> AsyncIterator[Path]:
        """Decode a call once into an unnamed file, which the system deletes afterwards.

        Yields:
            The path of the copy, a WAV file, at which the workers can open it.

        Raises:
            StorageFull: the disk has no space for the copy.
        """
        form = header.copy
        with TemporaryFile() as file:
            file.write(copy_header(form))
            file.flush()
            try:
                # Reserve the space, so that no worker meets a full disk.
                await asyncio.to_thread(os.posix_fallocate, file.fileno(), 0, copy_size(form))
            except OSError as error:
                raise StorageFull("The storage has no space for the recording. Try again later.") from error
            copy = path_of(file)

            async def copy_part(start: int) -> None:
                fields = (form.n_channels, form.sampling_rate, form.n_samples)
                await self.pool.run(CopyPart(str(path), str(copy), *fields, start, start + COPY_PART))

            await self._spread(copy_part, range(0, math.ceil(form.duration), COPY_PART), deadline)
            yield copy

    async def _detect(
        self, file: str, header: CallFormat, channels: Sequence[int], deadline: float
    ) -> list[Frames]:
        """Detect the speech: for each channel, one Boolean per 10 ms."""

        async def detect(stretch: Stretch) -> list[list[Span]]:
            start, run_in, stop = (
                round(edge * header.sampling_rate) for edge in (stretch.history, stretch.run_in, stretch.end)
            )
            stop = min(stop, header.n_samples)
            found = await self.pool.run(DetectSpeech(file, start, run_in, stop, tuple(channels)))
            return [[Span(*edges) for edges in spans] for spans in found.spans]

        detected = await self._spread(detect, stretches(header.duration), deadline)
        return [join(spans, header.n_samples, header.sampling_rate) for spans in zip(*detected, strict=True)]

    async def _spread(
        self, work: Callable[[Item], Awaitable[Result]], items: Iterable[Item], deadline: float
    ) -> list[Result]:
        """Process each item, on all workers.

        After an error, no further item starts. Items in progress are completed, because the pool kills the
        worker of a canceled task.
        """
        results: dict[int, Result] = {}
        errors: list[SpeechEmotionError] = []
        remaining = iter(enumerate(items))
        loop = asyncio.get_running_loop()

        async def process_items() -> None:
            for index, item in remaining:
                if errors:
                    return
                try:
                    if loop.time() > deadline:
                        raise DeadlineExceeded(
                            f"No answer within {self.limits.timeout:g} s. Try again, or send a shorter part."
                        )
                    results[index] = await work(item)
                except SpeechEmotionError as error:
                    errors.append(error)

        await asyncio.gather(*(process_items() for _ in range(self.pool.n_workers)))
        if errors:
            raise errors[0]
        return [results[index] for index in sorted(results)]
