"""The analysis of a whole call: segments and emotions of each channel.

The call stays in its file. First, workers detect the speech in each stretch, on all channels at once.
Then they recognize each segment. Both steps run as small tasks on all workers, so that other requests
wait only briefly. Finally, the analysis adapts the answers of a channel to its speaker. The adaptation uses
all segments of the speaker.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from app.core.call import CallFormat
from app.core.channels import ChannelPolicy
from app.core.errors import SpeechEmotionError
from app.core.segments import Frames, Span, find_segments, with_context
from app.core.speaker import SpeakerScores, adapt
from app.core.stretches import Stretch, join, stretches
from app.core.timeline import ChannelTimeline, Segment, Timeline
from app.pool.errors import DeadlineExceeded
from app.pool.tasks import DetectSpeech, InspectCall, RecognizedSegment, RecognizeSegment, Task

Answer = TypeVar("Answer")
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an analysis.

    Attributes:
        min_seconds: the shortest accepted duration.
        max_seconds: the longest accepted duration.
        timeout: the seconds that an analysis may take.
    """

    min_seconds: float
    max_seconds: float
    timeout: float


class Pool(Protocol):
    """The part of `app.pool.pool.WorkerPool` that the analysis needs.

    Attributes:
        n_workers: the number of tasks that run at a time.
    """

    n_workers: int

    async def run(self, task: Task[Answer]) -> Answer:
        """Run a task."""


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
        channels: Sequence[int] | None = None,
        progress: Callable[[float], None] = lambda _share: None,
    ) -> Timeline:
        """Analyze a call.

        Args:
            path: the path of a WAV or FLAC file that the workers can open.
            model: the name of the bundle.
            channels: the channels to analyze; None: every permitted channel.
            progress: a callback that receives the completed share, 0 to 1, after each segment.

        Returns:
            The segments of each channel.

        Raises:
            AudioError: the call cannot be analyzed. There is no partial answer.
            DeadlineExceeded: the analysis exceeded its time limit.
            WorkerLost: a worker died.
        """
        deadline = asyncio.get_running_loop().time() + self.limits.timeout
        file = str(path)
        header = await self.pool.run(InspectCall(file, self.limits.min_seconds, self.limits.max_seconds))
        chosen = self.policy.choose(header.n_channels, channels)
        frames = await self._detect(file, header, chosen, deadline)
        segments = {channel: find_segments(speech) for channel, speech in zip(chosen, frames, strict=True)}
        extended = {channel: with_context(spans, header.duration) for channel, spans in segments.items()}
        total_seconds = sum(span.seconds for spans in segments.values() for span in spans)
        done_seconds = 0.0

        async def recognize(part: tuple[int, Span]) -> RecognizedSegment:
            nonlocal done_seconds
            channel, span = part
            start, stop = (round(edge * header.sampling_rate) for edge in extended[channel][span])
            recognized = await self.pool.run(RecognizeSegment(file, start, stop, channel, model))
            done_seconds += span.seconds
            progress(done_seconds / total_seconds)
            return recognized

        parts = [(channel, span) for channel, spans in segments.items() for span in spans]
        answers = iter(await self._spread(recognize, parts, deadline))
        return Timeline(
            header.duration,
            tuple(
                ChannelTimeline(channel, _adapted(spans, [next(answers) for _ in spans]))
                for channel, spans in segments.items()
            ),
        )

    async def _detect(
        self, file: str, header: CallFormat, channels: Sequence[int], deadline: float
    ) -> list[Frames]:
        """Detect the speech: for each channel, one Boolean per 10 ms."""

        async def detect(stretch: Stretch) -> list[list[Span]]:
            samples = stretch.samples(header.sampling_rate)
            stop = min(samples.stop, header.n_samples)
            speech = await self.pool.run(DetectSpeech(file, samples.start, stop, tuple(channels)))
            return [[Span(*edges) for edges in spans] for spans in speech.spans]

        detected = await self._spread(detect, stretches(header.duration), deadline)
        return [join(spans, header.duration) for spans in zip(*detected, strict=True)]

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


def _adapted(spans: Sequence[Span], answers: Sequence[RecognizedSegment]) -> tuple[Segment, ...]:
    """Build the segments of a channel, adapted to its speaker if the bundle adapts."""
    scores = [
        SpeakerScores(answer.logits, answer.offsets)
        for answer in answers
        if answer.logits is not None and answer.offsets is not None
    ]
    probabilities = [answer.probabilities for answer in answers]
    if scores:
        adapted = adapt(scores).tolist()
        probabilities = [dict(zip(*pair, strict=True)) for pair in zip(probabilities, adapted, strict=True)]
    return tuple(
        Segment(span.start_seconds, span.end_seconds, by_label, len(scores) or None)
        for span, by_label in zip(spans, probabilities, strict=True)
    )
