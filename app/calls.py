"""A whole call through the workers: who felt what, and when.

The call stays in its file. Workers find the speech in one stretch after the other, on all channels
at once; then they recognise one segment after the other. Both are spread over all workers, in parts
so small that a request in between hardly waits. At the end, the answers of a channel are adapted to
its speaker, from all of the speaker's segments.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from app.core.call import CallFormat
from app.core.errors import ChannelNotFound, SpeechEmotionError
from app.core.segments import Frames, Span, find_segments, with_context
from app.core.speaker import SpeakerScores, adapt
from app.core.stretches import Stretch, join, stretches
from app.core.timeline import ChannelTimeline, Segment, Timeline
from app.tasks import DetectSpeech, InspectCall, RecognizedSegment, RecognizeSegment, Task
from app.workers import DeadlineExceeded

Answer = TypeVar("Answer")
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Limits:
    """What is accepted.

    Attributes:
        min_seconds: the shortest call.
        max_seconds: the longest.
        timeout: seconds that an analysis may take.
    """

    min_seconds: float
    max_seconds: float
    timeout: float


class Pool(Protocol):
    """What does the work: `app.workers.WorkerPool`, or something that stands for it.

    Attributes:
        n_workers: how many tasks it does at a time.
    """

    n_workers: int

    async def do(self, task: Task[Answer]) -> Answer:
        """Do a task."""


class CallAnalyzer:
    """Analyses calls.

    Attributes:
        pool: does the work.
        limits: what is accepted.
        permitted: channels that may be analysed; None permits all.
    """

    def __init__(self, pool: Pool, limits: Limits, permitted: AbstractSet[int] | None = None) -> None:
        """Describe it."""
        self.pool = pool
        self.limits = limits
        self.permitted = permitted

    async def analyze(
        self,
        path: Path,
        model: str,
        channels: Sequence[int] | None = None,
        progress: Callable[[float], None] = lambda _share: None,
    ) -> Timeline:
        """Analyse a call.

        Args:
            path: a WAV or FLAC file that the workers can open.
            model: the name of the bundle.
            channels: which are analysed; None: every one that may be.
            progress: is told the share that is done, 0 to 1, whenever it grows.

        Returns:
            The segments of each channel.

        Raises:
            AudioError: the call cannot be analysed; nothing is answered of it then.
            DeadlineExceeded: it took too long.
            WorkerLost: a worker died.
        """
        end = asyncio.get_running_loop().time() + self.limits.timeout
        file = str(path)
        header = await self.pool.do(InspectCall(file, self.limits.min_seconds, self.limits.max_seconds))
        chosen = choose_channels(header, channels, self.permitted)
        frames = await self._detect(file, header, chosen, end)
        segments = {channel: find_segments(found) for channel, found in zip(chosen, frames, strict=True)}
        around = {channel: with_context(spans, header.duration) for channel, spans in segments.items()}
        seconds = sum(span.seconds for spans in segments.values() for span in spans)
        done = 0.0

        async def recognize(part: tuple[int, Span]) -> RecognizedSegment:
            nonlocal done
            channel, span = part
            start, stop = (round(edge * header.sampling_rate) for edge in around[channel][span])
            recognized = await self.pool.do(RecognizeSegment(file, start, stop, channel, model))
            done += span.seconds
            progress(done / seconds)
            return recognized

        parts = [(channel, span) for channel, spans in segments.items() for span in spans]
        recognized = iter(await self._spread(recognize, parts, end))
        return Timeline(
            header.duration,
            tuple(
                ChannelTimeline(channel, _adapted(spans, [next(recognized) for _ in spans]))
                for channel, spans in segments.items()
            ),
        )

    async def _detect(
        self, file: str, header: CallFormat, channels: Sequence[int], end: float
    ) -> list[Frames]:
        """Where there is speech: for each channel a truth value each 10 ms."""

        async def detect(stretch: Stretch) -> list[list[Span]]:
            heard = stretch.samples(header.sampling_rate)
            stop = min(heard.stop, header.n_samples)
            found = await self.pool.do(DetectSpeech(file, heard.start, stop, tuple(channels)))
            return [[Span(*edges) for edges in spans] for spans in found.spans]

        found = await self._spread(detect, stretches(header.duration), end)
        return [join(spans, header.duration) for spans in zip(*found, strict=True)]

    async def _spread(
        self, work: Callable[[Item], Awaitable[Result]], items: Iterable[Item], end: float
    ) -> list[Result]:
        """Do a piece of work for each item, on all workers.

        After an error nothing more is begun. What is under way is waited for: a task that is
        cancelled costs its worker.
        """
        results: dict[int, Result] = {}
        errors: list[SpeechEmotionError] = []
        left = iter(enumerate(items))
        loop = asyncio.get_running_loop()

        async def take_turns() -> None:
            for index, item in left:
                if errors:
                    return
                try:
                    if loop.time() > end:
                        raise DeadlineExceeded(
                            f"No answer within {self.limits.timeout:g} s. Try again, or send a part."
                        )
                    results[index] = await work(item)
                except SpeechEmotionError as error:
                    errors.append(error)

        await asyncio.gather(*(take_turns() for _ in range(self.pool.n_workers)))
        if errors:
            raise errors[0]
        return [results[index] for index in sorted(results)]


def _adapted(spans: Sequence[Span], answers: Sequence[RecognizedSegment]) -> tuple[Segment, ...]:
    """The segments of a channel, adapted to its speaker if the bundle adapts."""
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
        Segment(span.start_seconds, span.end_seconds, of_labels, len(scores) or None)
        for span, of_labels in zip(spans, probabilities, strict=True)
    )


def choose_channels(
    header: CallFormat, wanted: Sequence[int] | None, permitted: AbstractSet[int] | None
) -> tuple[int, ...]:
    """The channels that are analysed, in order.

    Args:
        header: of the call.
        wanted: those that are asked for, all permitted; None: every one that may be.
        permitted: those that may be; None permits all.

    Raises:
        ChannelNotFound: the call has not one that is asked for, or none that may be analysed.
    """
    there = range(header.n_channels)
    if wanted is None:
        chosen = tuple(channel for channel in there if permitted is None or channel in permitted)
        if not chosen:
            raise ChannelNotFound(
                f"The recording has {header.n_channels} channels, counted from 0, and none of those that "
                f"may be analysed here: {', '.join(map(str, sorted(permitted or ())))}."
            )
        return chosen
    missing = [channel for channel in wanted if channel not in there]
    if missing:
        raise ChannelNotFound(
            f"The recording has no channel {missing[0]}: it has {header.n_channels}, and the first is 0."
        )
    return tuple(sorted(set(wanted)))
